"""The exercise of notebook 07: a log in other words."""

from collections.abc import Callable
from typing import Any

from searchlogs.exercises._core import Mistake, Question
from searchlogs.exercises._options import read_with, what_came_out
from searchlogs.logs.border import BadRecord, Ignored


def options() -> str:
    """Return options that read the log."""
    fields = "user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank"
    kinds = "search=querySubmitted,click=open"
    return f"--map {fields} --kinds {kinds} --time-unit s"


def reads_the_same(given: Any, expected: str) -> bool:
    """Return whether two texts of options read the log alike, however they are written."""
    return read_with(given) == read_with(expected)


def _gives(test: Callable[[list[Any]], bool]) -> Callable[[Any], bool]:
    """Return a predicate of options that tests what the lines give."""
    return lambda given: test(read_with(given))


def _unread(found: list[Any]) -> bool:
    """Return whether the kind of the lines, or their time, was not even understood."""
    return any(isinstance(one, BadRecord) and one.field in ("event", "action", "time", "ts")
               for one in found)  # fmt: skip


def _rejected(field: str | None, words: str = "") -> Callable[[Any], bool]:
    """Return a predicate: is a record rejected for this field, with these words in its reason?"""
    return _gives(
        lambda found: any(
            isinstance(one, BadRecord) and one.field == field and words in one.reason
            for one in found
        )
    )


foreign_log = Question(
    name="foreign_log",
    hints=(
        "You need three options: for the fields, for the kinds, and for the unit of the times. "
        "The table under *Bring your own log* has them.",
        "Both `--map` and `--kinds` take pairs: ours=theirs. Our fields are user, time, "
        "event, query, item and position; our kinds are search and click.",
        "A dot reaches a field inside another one: `a.b` is b inside a.",
    ),
    solve=options,
    expects="a text of options under which the three lines give a search, nothing, and a click",
    same=reads_the_same,
    outcome=what_came_out,
    because="In each pair our word comes first: our `user` is called `uid` there. Scrolling "
    "has no pair, so it is ignored.",
    notice="That is all that it takes to get from your logs to every number in this notebook. "
    "Nothing was guessed: a wrong unit or time zone would give wrong sessions without any "
    "warning.",
    mistakes=(
        Mistake(
            "--map user=uid, time=ts, event=action, query=q, item=doc.id, position=doc.rank "
            "--kinds search=querySubmitted,click=open --time-unit s",
            "A space ends an option's value. Write the pairs of `--map` and `--kinds` without "
            "spaces: `user=uid,time=ts`.",
            lambda given: (
                any(gap in given for gap in (", ", " ,", " =", "= "))
                and what_came_out(given).startswith("the command stops")
            ),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds querySubmitted=search,open=click --time-unit s",
            "A name that should be ours is unknown to the command. Each pair reads ours=theirs: "
            "first our name, then the log's.",
            lambda given: (
                any(words in what_came_out(given) for words in ("one of", "ours=theirs"))
                and what_came_out(given).startswith("the command stops")
            ),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank",
            "What the log calls `querySubmitted` is our `search`, and its `open` is our `click`. "
            "Use `--kinds` for this; all other kinds are then ignored.",
            _rejected("action", "one of"),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds search=querySubmitted,click=open,click=scroll --time-unit s",
            "The second line is read as one of our kinds, but scrolling is neither a search nor a "
            "click. A kind that `--kinds` doesn't name is ignored.",
            _gives(lambda found: not isinstance(found[1], Ignored) and not _unread(found)),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds search=querySubmitted,click=open",
            "A number alone has no unit: is it seconds, milliseconds or microseconds? Use "
            "`--time-unit`.",
            _rejected("ts", "without a unit"),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds search=querySubmitted,click=open --time-unit ms",
            "These are seconds: read in a smaller unit, they end up in January 1970, so the lines "
            "are rejected.",
            _rejected("ts", "is the unit another"),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds search=querySubmitted,click=open --time-unit seconds",
            "A unit has a short name here: `s`, `ms` or `us`.",
            lambda given: "--time-unit: invalid choice" in what_came_out(given),
        ),
        Mistake(
            ["--map", "user=uid", "--time-unit", "s"],
            "Give the options as one text, with a space between them.",
            lambda given: not isinstance(given, str),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc,position=doc.rank "
            "--kinds search=querySubmitted,click=open --time-unit s",
            "`doc` is a whole object. The item is the `id` inside it: `doc.id`.",
            _rejected("doc"),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id "
            "--kinds search=querySubmitted,click=open --time-unit s",
            "Nearly: only the click's position is missing. It is in the log, as `doc.rank`.",
            _gives(lambda found: found[2][0].item == "bed-3" and found[2][0].position is None),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds search=querySubmitted --time-unit s",
            "The first line should give a search and the third a click, but one of them is "
            "ignored. Name both kinds with `--kinds`.",
            _gives(lambda found: isinstance(found[0], Ignored) or isinstance(found[2], Ignored)),
        ),
        Mistake(
            "--kinds search=querySubmitted,click=open --time-unit s",
            "A field is missing, because the log uses another name for it. Use `--map`: "
            "`user=uid` and so on, separated by commas.",
            _gives(
                lambda found: any("missing" in str(getattr(one, "reason", "")) for one in found)
            ),
        ),
    ),
)
