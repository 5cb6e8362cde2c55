"""The exercises of notebook 06: a log in other words, how sure a rate is, and what to mend."""

import io
import shlex
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from math import sqrt
from typing import Any

from searchlogs.command.cli import border_of, parser
from searchlogs.events import ClickResult, Event, Search
from searchlogs.exercises._core import Case, Mistake, Question, Task
from searchlogs.exercises._values import show
from searchlogs.logs.border import BadRecord, Ignored, Skipped
from searchlogs.logs.jsonl import from_json

LINES = (
    '{"uid": "a7", "ts": 1704110405.2, "action": "querySubmitted", "q": "dog beds"}',
    '{"uid": "a7", "ts": 1704110409.8, "action": "scroll"}',
    '{"uid": "a7", "ts": 1704110412.0, "action": "open", "doc": {"id": "bed-3", "rank": 3}}',
)
"""What `foreign_log` asks to read."""


class Refused(Exception):
    """Options that the command doesn't take, and why."""


def read_with(options: Any) -> list[tuple[Event, ...] | Ignored | Skipped | BadRecord]:
    """What each of LINES gives under these options of the command; raises Refused."""
    if not isinstance(options, str):
        raise Refused("it isn't text")
    said = io.StringIO()
    try:
        with redirect_stderr(said), redirect_stdout(said):
            words = ["run", "log.jsonl", "--out", "sessions.jsonl", *shlex.split(options)]
            border = border_of(parser().parse_args(words))
    except (Exception, SystemExit) as error:
        last = (said.getvalue() or str(error)).strip().split("\n")[-1]
        raise Refused(last.removeprefix("python -m searchlogs run: error: ")) from None
    found: list[tuple[Event, ...] | Ignored | Skipped | BadRecord] = []
    for line in LINES:
        try:
            found.append(border.read(from_json(line.encode())))
        except BadRecord as bad:
            found.append(bad)
    return found


def what_came_out(options: Any) -> str:
    try:
        found = read_with(options)
    except Refused as why:
        return f"the command stops: {why}"
    return "\n".join(map(told, found))


def told(outcome: tuple[Event, ...] | Ignored | Skipped | BadRecord) -> str:
    match outcome:
        case BadRecord():
            return ": ".join(filter(None, ["rejected", outcome.field, outcome.reason]))
        case Ignored():
            return f"ignored: {outcome.kind}"
        case (ClickResult() as click,):
            return f"{show(click)}, position {click.position}"
        case (event,):
            return show(event)
    return show(outcome)


def options() -> str:
    fields = "user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank"
    kinds = "search=querySubmitted,click=open"
    return f"--map {fields} --kinds {kinds} --time-unit s"


def reads_the_same(given: Any, expected: str) -> bool:
    """However it is written: the same events come out, and the same is ignored."""
    return read_with(given) == read_with(expected)


def gives(test: Callable[[list[Any]], bool]) -> Callable[[Any], bool]:
    return lambda given: test(read_with(given))


def rejected(field: str | None, words: str = "") -> Callable[[Any], bool]:
    """Whether a record is rejected for that field, with those words."""
    return gives(
        lambda found: any(
            isinstance(one, BadRecord) and one.field == field and words in one.reason
            for one in found
        )
    )


def year(found: list[Any]) -> int:
    (search,) = found[0]
    assert isinstance(search, Search)
    return search.time.year


foreign_log = Question(
    name="foreign_log",
    title="read a log in other words",
    statement=f"""\
Another shop's log looks like this. Its times are seconds since 1970, its shoppers scroll a lot, and
`doc` holds what was clicked, and how far down it stood.

```json
{LINES[0]}
{LINES[1]}
{LINES[2]}
```

Which options make `run` read it: a search, a click with its position, and the scrolling ignored?
Give them as one text, such as `"--map user=uid --zone Europe/Berlin"`.""",
    starter="""\
from searchlogs import exercises

options = ...
exercises.foreign_log.check(options)""",
    hints=(
        "Three options: which field is which, which kind is which, and what the times count. "
        '`command("run --help")` lists them.',
        "Both `--map` and `--kinds` say ours=theirs. Ours are user, time, event, query, item and "
        "position; and search and click.",
        "What is inside another field is reached with a dot: `a.b` is b inside a.",
    ),
    solve=options,
    expects="a text of options, with which the three lines give a search, nothing, and a click",
    same=reads_the_same,
    outcome=what_came_out,
    notice="That is all that stands between your logs and every number in this notebook. Nothing "
    "was guessed: a unit or a zone that is taken wrong gives wrong sessions without a word.",
    mistakes=(
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds querySubmitted=search,open=click --time-unit s",
            "The command doesn't know a word that should be ours. Each pair says ours=theirs: "
            "first what this course calls it, then what the log does.",
            lambda given: (
                any(words in what_came_out(given) for words in ("expected one of", "ours=theirs"))
                and what_came_out(given).startswith("the command stops")
            ),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank",
            "What the log calls `querySubmitted` is our `search`, and its `open` our `click`. "
            "`--kinds` says so; all other kinds are then ignored.",
            rejected("action", "one of"),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds search=querySubmitted,click=open",
            "A number alone doesn't say what it counts: seconds, milliseconds, microseconds? "
            "`--time-unit` does.",
            rejected("ts", "--time-unit"),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds search=querySubmitted,click=open --time-unit ms",
            "All was read, but look at the year. These are seconds: taken for something smaller, "
            "they end in January 1970.",
            gives(lambda found: year(found) == 1970),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc,position=doc.rank "
            "--kinds search=querySubmitted,click=open --time-unit s",
            "`doc` is a whole object. The item is the `id` inside it: `doc.id`.",
            rejected("doc"),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id "
            "--kinds search=querySubmitted,click=open --time-unit s",
            "Nearly: only the click's position is missing. It is in the log, as `doc.rank`.",
            gives(lambda found: found[2][0].item == "bed-3" and found[2][0].position is None),
        ),
        Mistake(
            "--kinds search=querySubmitted,click=open --time-unit s",
            "A field is missing, because the log calls it something else. `--map` says what: "
            "`user=uid` and so on, with commas between.",
            gives(lambda found: any("missing" in str(getattr(one, "reason", "")) for one in found)),
        ),
    ),
)


Users = list[tuple[int, int]]


def my_error(users: list[tuple[int, int]]) -> float | None:
    number = len(users)
    if number < 2:
        return None
    searches = sum(all_of_them for all_of_them, _ in users)
    ctr = sum(clicked for _, clicked in users) / searches
    squares = sum((clicked - ctr * own) ** 2 for own, clicked in users)
    return sqrt(number / (number - 1) * squares) / searches


def as_if_independent(users: Users) -> float | None:
    """This takes every search for a person of its own. The searches of one person depend on each
    other: ask of each *user* how far they are from what the CTR would have given them."""
    if len(users) < 2:
        return None
    searches = sum(own for own, _ in users)
    ctr = sum(clicked for _, clicked in users) / searches
    return sqrt(ctr * (1 - ctr) / searches)


def of_their_rates(users: Users) -> float | None:
    """This is the error of the mean of the users' own rates, in which all users weigh the same. The
    CTR is a ratio of sums: whoever searches more weighs more."""
    if len(users) < 2:
        return None
    rates = [clicked / own for own, clicked in users]
    mean = sum(rates) / len(rates)
    return sqrt(sum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1) / len(rates))


def without_the_correction(users: Users) -> float | None:
    """Nearly: the users ÷ (users − 1) is missing. With few users it matters: the CTR was worked out
    from these very users, so they are nearer to it than others would be."""
    error = my_error(users)
    return error and error * sqrt((len(users) - 1) / len(users))


def still_squared(users: Users) -> float | None:
    """This is the variance: the root is missing, or it was taken of nothing."""
    error = my_error(users)
    return error and error**2


def not_per_search(users: Users) -> float | None:
    """These are searches, not a share: divide by all the searches at the end."""
    error = my_error(users)
    return error and error * sum(own for own, _ in users)


def per_user(users: Users) -> float | None:
    """The sum was divided by the number of users. The CTR is one of searches: divide by how many
    there were, of all users."""
    error = my_error(users)
    return error and error * sum(own for own, _ in users) / len(users)


def sure_of_one(users: Users) -> float | None:
    """One user says nothing about how much users differ. The error isn't 0, which would be
    certainty: it is unknown, None."""
    return my_error(users) or 0.0


clustered_error = Task(
    name="clustered_error",
    title="say how sure you are",
    statement="""\
Write a function that takes a list with a pair for each user, their searches and how many of these
were clicked, and returns the standard error of the CTR. Of each user, take the clicked searches and
subtract what the CTR of all would have given them: CTR × their searches. Sum the squares of these,
multiply by users ÷ (users − 1), take the root, and divide by the searches of all users. With fewer
than two users nothing can be said: None. Every user has searched.""",
    starter="""\
from math import sqrt

from searchlogs import exercises

def my_error(users):
    ...

exercises.clustered_error.check(my_error)""",
    hints=(
        "First the CTR: all clicked searches ÷ all searches. For users (4, 3) and (1, 0) that "
        "is 3 ÷ 5 = 0.6.",
        "By how much is each user above it? The first has 3 − 0.6 × 4 = 0.6, the second "
        "0 − 0.6 × 1 = −0.6. These always sum up to 0, so square them first.",
        "Here the squares sum up to 0.72; × 2 ÷ 1 is 1.44, the root of that 1.2, and "
        "1.2 ÷ 5 searches = 0.24.",
    ),
    solve=my_error,
    notice="1.96 of these to either side make the 95 % interval that `metrics.interval` gives. It "
    "asks how much *users* differ, so a log with every line in it twice makes nobody surer.",
    cases=(
        Case("two users", ([(4, 3), (1, 0)],)),
        Case("three users", ([(2, 1), (2, 2), (6, 0)],)),
        Case("one user", ([(4, 3)],)),
        Case("nobody", ([],)),
        Case("two who are alike", ([(2, 1), (4, 2)],)),
        Case("a search each", ([(1, 1), (1, 0), (1, 0), (1, 1), (1, 1)],)),
        Case("forty users", ([(1 + n % 7, (n * n) % (2 + n % 7)) for n in range(40)],)),
    ),
    mistakes=(
        as_if_independent,
        of_their_rates,
        without_the_correction,
        still_squared,
        not_per_search,
        per_user,
        sure_of_one,
    ),
)


Searched = list[tuple[str, int | None, int]]


def my_list(searches: list[tuple[str, int | None, int]]) -> list[tuple[str, int]]:
    empty: dict[str, int] = {}
    for query, results, _ in searches:
        if results == 0:
            empty[query] = empty.get(query, 0) + 1
    return sorted(empty.items(), key=lambda pair: (-pair[1], pair[0]))


def counted(searches: Searched, test: Callable[[int | None, int], bool]) -> list[tuple[str, int]]:
    return my_list([(query, 0, n) for query, results, n in searches if test(results, n)])


def unlogged_too(searches: Searched) -> list[tuple[str, int]]:
    """None is not 0: for these searches nobody logged what was found, and it may have been a lot.
    Ask for `results == 0`."""
    return counted(searches, lambda results, clicks: not results)


def all_abandoned(searches: Searched) -> list[tuple[str, int]]:
    """These are the searches without a click. Most of them did find something, and perhaps the
    answer stood in it: ask for those that found nothing."""
    return counted(searches, lambda results, clicks: clicks == 0)


def all_of_the_query(searches: Searched) -> list[tuple[str, int]]:
    """All searches for such a query were counted, also those that found something: on another day,
    or before an item was sold out. Count only those that found nothing."""
    empty = {query for query, _ in my_list(searches)}
    return my_list([(query, 0, n) for query, _, n in searches if query in empty])


def in_the_order_met(searches: Searched) -> list[tuple[str, int]]:
    """The right ones, but not sorted: most searches first, and by name where they are as many."""
    order = list(dict.fromkeys(query for query, _, _ in searches))
    return sorted(my_list(searches), key=lambda pair: order.index(pair[0]))


def fewest_first(searches: Searched) -> list[tuple[str, int]]:
    """The right ones, the wrong way round: what hits most searches comes first, and where they are
    as many, the names go from a to z."""
    return sorted(my_list(searches), key=lambda pair: (pair[1], pair[0]))


def the_names_alone(searches: Searched) -> list[str]:
    """The right queries, without their numbers. Whoever has an hour for this wants to know what it
    is worth: give pairs."""
    return [query for query, _ in my_list(searches)]


worth_mending = Task(
    name="worth_mending",
    title="make a list for whoever mends the search",
    statement="""\
Write a function that takes a list of searches, each a tuple of its query, how many results it
found, and how many clicks it got, and returns a list of pairs: each query that found nothing, and
how many searches for it did. Most come first, and of equally many those earlier in the alphabet.
Where nobody logged the results, their number is None.""",
    starter="""\
from searchlogs import exercises

def my_list(searches):
    ...

exercises.worth_mending.check(my_list)""",
    hints=(
        "Go through the searches once, with a dictionary that counts. Which searches count?",
        "`sorted(…, key=…)` can sort by two things at once: a key that is a tuple.",
        "A minus before a number turns its order round, and leaves the names as they are: "
        "`(-number, name)`.",
    ),
    solve=my_list,
    notice="It is the shortest way from a log to a search that gets better: a synonym, a spelling, "
    "a product that people look for and you don't sell.",
    cases=(
        Case("two queries", ([("dgo beds", 0, 0), ("dog beds", 10, 1)],)),
        Case(
            "a query twice",
            ([("dgo beds", 0, 0), ("dgo beds", 0, 0), ("cat tosy", 0, 0)],),
        ),
        Case("a search that nobody clicked", ([("dog beds", 10, 0), ("dgo beds", 0, 0)],)),
        Case("results that nobody logged", ([("dog beds", None, 0), ("dgo beds", 0, 0)],)),
        Case(
            "a query that found something once",
            ([("sofa", 0, 0), ("sofa", 3, 1), ("sofa", 0, 0)],),
        ),
        Case("equally many", ([("b", 0, 0), ("a", 0, 0), ("c", 0, 0), ("c", 0, 0)],)),
        Case("no searches", ([],)),
    ),
    mistakes=(
        unlogged_too,
        all_abandoned,
        all_of_the_query,
        in_the_order_met,
        fewest_first,
        the_names_alone,
    ),
)
