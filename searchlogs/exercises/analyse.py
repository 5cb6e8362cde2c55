"""Exercises of notebooks 06, 06b and 07 in which a result is given, and its cause is asked for."""

from math import ceil, isclose
from typing import Any

from searchlogs.exercises._core import Case, Mistake, Question, Task


def same_words(given: Any, expected: list[str]) -> bool:
    """Return whether two lists of words are equal, up to capitals and spaces around them."""
    return [str(word).strip().lower() for word in given] == expected


def _not_among(*words: str) -> Any:
    """Return a predicate: is something in the answer none of these words?"""
    return lambda given: {str(word).strip().lower() for word in given} - set(words)


def _other(place: int, word: str) -> Any:
    """Return a predicate: is the word at this place of the answer another one?"""
    return lambda given: str(given[place]).strip().lower() != word


def causes() -> list[str]:
    """Return what made the CTR fall on each Monday."""
    # 359 lines are ignored that were clicks; on Monday 2 the interval holds Sunday's CTR; on
    # Monday 3 the clicks are there, but no longer in the session of their search; on Monday 4
    # only the searches for the opening hours have no click.
    return ["lost", "noise", "gap", "answer"]


why_it_fell = Question(
    name="why_it_fell",
    hints=(
        "Take one Monday at a time. In which row does it differ most from Sunday, and which cause "
        "would change this row?",
        "First add up the clicks: are they all there? Then ask where they went: an orphan is a "
        "click without a search in its session. And does the interval hold Sunday's CTR at all?",
    ),
    solve=causes,
    expects="a list of four words, one for each Monday",
    same=same_words,
    notice="One log has to be repaired, and one gap. The third fall was good news, and the fourth "
    "no news at all. Look for the cause before you look for a better search.",
    mistakes=(
        Mistake(
            ["lost", "noise", "gap"],
            "Four words are expected, one for each Monday.",
            lambda given: len(given) != 4,
        ),
        Mistake(
            ["lost", "noise", "gap", "success"],
            "One of these words is no cause from the list: take `answer`, `gap`, `ids`, `lost` and "
            "`noise`.",
            _not_among("answer", "gap", "ids", "lost", "noise"),
        ),
        Mistake(
            ["lost", "ids", "gap", "answer"],
            "Clicks without ids go to the latest search that showed the item, so the CTR *rises*. "
            "Lost ids don't explain any of these falls.",
            lambda given: "ids" in [str(word).strip().lower() for word in given],
        ),
        Mistake(
            ["noise", "noise", "gap", "answer"],
            "Monday 1: 327 clicks are missing, and 359 lines were ignored under a name that Sunday "
            "didn't have. What were these lines?",
            _other(0, "lost"),
        ),
        Mistake(
            ["lost", "answer", "gap", "answer"],
            "Monday 2: Sunday's CTR lies inside the interval. Is there anything to explain?",
            _other(1, "noise"),
        ),
        Mistake(
            ["lost", "noise", "lost", "answer"],
            "Monday 3: no click is missing, but 667 of them have no search in their session. What "
            "parts a click from its search?",
            _other(2, "gap"),
        ),
        Mistake(
            ["lost", "noise", "gap", "noise"],
            "Monday 4: leave out the 330 searches for *opening hours*, and the CTR is as usual. "
            "Did these people find what they wanted?",
            _other(3, "answer"),
        ),
    ),
)


def true_of_it() -> set[int]:
    """Return the numbers of the statements that are true."""
    # 1 is about users, 3 counts nobody new, and 6 promises what no interval can.
    return {2, 4, 5}


def same_numbers(given: Any, expected: set[int]) -> bool:
    """Return whether two collections hold the same numbers, in any order."""
    return set(given) == expected


read_an_interval = Question(
    name="read_an_interval",
    hints=(
        "The interval is about one number, the CTR of all searches on days like this one. It is "
        "neither about single users nor about single searches.",
        "In the long run, 95 of 100 such intervals hold the true rate. How many do not? And what "
        "makes an interval shorter: more lines, or more people?",
    ),
    solve=true_of_it,
    expects="a set of numbers of statements, such as {1, 6}",
    same=same_numbers,
    notice="An interval is about the rate, not about people. It gets shorter with more people, by "
    "the square root of their number, and in 5 of 100 cases it misses.",
    mistakes=(
        Mistake(
            {1, 2, 4, 5},
            "Statement 1 is about the users' own CTRs, which differ far more: whoever searched "
            "twice has 0, 0.5 or 1. The interval is about the CTR of all.",
            lambda given: 1 in given,
        ),
        Mistake(
            {2, 3, 4, 5},
            "Statement 3: the doubled log holds no new people, and the interval over users stays "
            "as it was.",
            lambda given: 3 in given,
        ),
        Mistake(
            {2, 4, 5, 6},
            "Statement 6: of 100 such intervals, about five do not hold the true rate. This may be "
            "one of them.",
            lambda given: 6 in given,
        ),
        Mistake(
            {4, 5},
            "Statement 2: the error falls with the square root of the number of users. What is the "
            "root of 4?",
            lambda given: 2 not in given,
        ),
        Mistake(
            {2, 5},
            "Statement 4: 0.580 lies inside the interval, so such a day is no surprise even if "
            "nothing has changed.",
            lambda given: 4 not in given,
        ),
        Mistake(
            {2, 4},
            "Statement 5: an interval of 95 % misses once in 20. How many intervals are there?",
            lambda given: 5 not in given,
        ),
    ),
)


def forgotten() -> list[str]:
    """Return which part each of the engines forgets."""
    # Engine 1 loses what was open at the snapshot, engine 2 writes two whole lines again, and
    # engine 3 has searches twice in one session.
    return ["state", "output", "source"]


three_parts = Question(
    name="three_parts",
    hints=(
        "Compare each output with the right one: what is missing, what is there twice, and is it "
        "twice as a line or twice within a session?",
        "A search that is twice within a session went through the flow twice. A line that is there "
        "twice was written twice. A session that is missing was known to nobody.",
    ),
    solve=forgotten,
    expects="a list of three words, one for each engine",
    same=same_words,
    notice="Each part that is missing leaves a trace of its own: a loss, a line twice, or a search "
    "twice within a session. The last is the hardest to notice, because eight lines are there.",
    mistakes=(
        Mistake(
            ["state", "output"],
            "Three words are expected, one for each engine.",
            lambda given: len(given) != 3,
        ),
        Mistake(
            ["window", "output", "source"],
            "Each answer is one of `source`, `state` and `output`.",
            _not_among("source", "state", "output"),
        ),
        Mistake(
            ["output", "state", "source"],
            "Engine 1: two sessions are missing, the two that were open at the snapshot. Which "
            "part knew them?",
            _other(0, "state"),
        ),
        Mistake(
            ["state", "source", "output"],
            "Engine 2: two lines are there twice, and all of them are right. They were written "
            "between the snapshot and the kill. Which part goes back to the snapshot so that this "
            "doesn't happen?",
            _other(1, "output"),
        ),
        Mistake(
            ["state", "output", "state"],
            "Engine 3: seconds 32 and 35 are there twice *within a session*, so these searches "
            "went through the flow twice. Which part sent them again?",
            _other(2, "source"),
        ),
    ),
)


Searches = list[tuple[str, str]]
Queries = set[str] | frozenset[str]


def what_else(searches: list[tuple[str, str]], known: frozenset[str]) -> set[str] | None:
    """Return the other queries of the one user with all known queries, or None."""
    queries_of: dict[str, set[str]] = {}
    for user, query in searches:
        queries_of.setdefault(user, set()).add(query)
    suspects = [queries for queries in queries_of.values() if queries >= known]
    if len(suspects) != 1:
        return None
    return suspects[0] - known


def _suspects(searches: Searches, known: Queries) -> dict[str, set[str]]:
    users = {user for user, _ in searches}
    asked = {one: {query for user, query in searches if user == one} for one in users}
    return {user: queries for user, queries in asked.items() if queries >= known}


def _any_of_them(searches: Searches, known: Queries) -> Queries | None:
    users = {user for user, query in searches if query in known}
    found = {query for user, query in searches if user in users}
    return found - known if len(users) == 1 else None


def _known_too(searches: Searches, known: frozenset[str]) -> Queries | None:
    found = what_else(searches, known)
    return None if found is None else found | known


def _all_of_several(searches: Searches, known: Queries) -> Queries | None:
    found = _suspects(searches, known)
    return set[str]().union(*found.values()) - known if found else None


def _the_first_of_several(searches: Searches, known: Queries) -> Queries | None:
    found = _suspects(searches, known)
    return found[min(found)] - known if found else None


def _the_pseudonym(searches: Searches, known: Queries) -> str | None:
    found = _suspects(searches, known)
    return min(found) if len(found) == 1 else None


def _empty_for_nobody(searches: Searches, known: frozenset[str]) -> Queries:
    return what_else(searches, known) or set()


def _none_for_nothing(searches: Searches, known: frozenset[str]) -> Queries | None:
    return what_else(searches, known) or None


def _searches_counted(searches: Searches, known: Queries) -> Queries | None:
    times: dict[str, int] = {}
    for user, query in searches:
        times[user] = times.get(user, 0) + (query in known)
    found = [user for user, number in times.items() if number == len(known)]
    own = {query for user, query in searches if user in found}
    return own - known if len(found) == 1 else None


def same_queries(given: Any, expected: set[str] | None) -> bool:
    """Return whether two collections hold the same queries, in any order; None is only None."""
    if given is None or expected is None or isinstance(given, str):
        return given is expected
    return set(given) == expected


def pairs(*words: str) -> Searches:
    """Return pairs of pseudonym and query: "5e knee" is user 5e, who searched for knee."""
    return [(word.split()[0], word.split()[1]) for word in words]


find_the_person = Task(
    name="find_the_person",
    hints=(
        "First collect the queries of each user: a dictionary of sets.",
        "With sets, `queries >= known` asks whether all known queries are among them, and "
        "`queries - known` is the rest.",
        "Put the sets that hold all known queries into a list. How long must it be, so that you "
        "can be sure whom you have found?",
    ),
    solve=what_else,
    notice="No name was needed, and no key was broken. Whoever knows two things that a person "
    "searched for can read the rest: that is why a pseudonym makes nobody anonymous.",
    cases=lambda: (
        Case("one user who searched for both", (
            pairs("5e knee", "a7 beds", "5e plumber", "5e cake"), frozenset({"knee", "plumber"}))),
        Case("a user who searched for one of them", (
            pairs("5e knee", "5e cake", "a7 beds"), frozenset({"knee", "plumber"}))),
        Case("two users who searched for both", (
            pairs("5e knee", "5e plumber", "5e lawyer", "a7 plumber", "a7 knee", "a7 beds"),
            frozenset({"knee", "plumber"}))),
        Case("two users with one of them each", (
            pairs("5e knee", "5e lawyer", "a7 plumber"), frozenset({"knee", "plumber"}))),
        Case("a user who repeats one of them", (
            pairs("a7 knee", "a7 knee", "5e plumber", "5e knee", "5e cake", "5e knee"),
            frozenset({"knee", "plumber"}))),
        Case("one known query", (pairs("5e knee", "5e lawyer", "a7 beds"), frozenset({"knee"}))),
        Case("a user who searched for nothing else", (
            pairs("5e knee", "a7 beds", "5e plumber"), frozenset({"knee", "plumber"}))),
        Case("no searches", ([], frozenset({"knee"}))),
    ),
    mistakes={
        _any_of_them: (
            "Here *one* of the known queries is enough. Many people share a query; few share all "
            "of them. Ask for users who have them all."
        ),
        _known_too: "The known queries are in the set as well. You knew them: take them out.",
        _all_of_several: (
            "Several users fit here, and their queries were put together. You can't know which of "
            "them it is: return None."
        ),
        _the_first_of_several: (
            "Several users fit here, and one of them was taken. You can't know which of them it "
            "is: return None."
        ),
        _the_pseudonym: (
            "This is the right pseudonym. What does it tell you? Return the user's other queries."
        ),
        _empty_for_nobody: (
            "An empty set says that you found the person, who searched for nothing else. If nobody "
            "fits, or several do, return None."
        ),
        _none_for_nothing: (
            "None says that you don't know who it is. Here you do, and there is nothing else to "
            "read: return an empty set."
        ),
        _searches_counted: (
            "A query that was typed twice counts twice here. Collect each user's queries in a "
            "*set*, which has each of them once."
        ),
    },
    same=same_queries,
)  # fmt: skip


def plan() -> list[Any]:
    """Return the number of workers, the size of the state in GB, and what breaks first."""
    busy = 2e9 / 86_400 * 25e-6  # Workers, on average and if they never rest.
    workers = ceil(3 * busy / 0.5)  # At noon, no more than half busy.
    state = 50e6 * 60 / 1e9
    # 4 of 8 cores and 3 of 32 GB are there, but 3 GB every 10 s are more than 0.2 GB a second.
    return [workers, state, "snapshots"]


def same_plan(given: Any, expected: list[Any]) -> bool:
    """Return whether two plans are equal, up to the last digits of the size."""
    workers, state, first = given
    return (
        isclose(float(workers), expected[0])
        and isclose(float(state), expected[1], rel_tol=0.05)
        and same_words([first], [expected[2]])
    )


how_far = Question(
    name="how_far",
    hints=(
        "How many events are there per second, on average? Times 25 millionths of a second, that "
        "is how many workers would be busy all the time.",
        "At noon there are three times as many, and a worker may be only half busy: six times the "
        "workers, rounded up. The state is users × bytes.",
        "Compare each need with what the machine has: workers with cores, the state with the "
        "memory, and the state ÷ 10 seconds with what the disk writes in a second.",
    ),
    solve=plan,
    expects="a list: a whole number of workers, a number of GB, and one of three words",
    same=same_plan,
    notice="Half the cores and a tenth of the memory are used; only the disk is too slow. Make "
    "snapshots every 20 seconds, and a kill costs at most 20 seconds of work.",
    mistakes=(
        Mistake(
            [4, 3],
            "Three parts are expected: the workers, the gigabytes, and what breaks first.",
            lambda given: len(given) != 3 and not isinstance(given, str),
        ),
        Mistake(
            [1, 3, "snapshots"],
            "One worker is enough only on average, and if it never rests. At noon there are three "
            "times as many events, and no worker should be more than half busy.",
            lambda given: float(given[0]) < 1.1,
        ),
        Mistake(
            [2, 3, "snapshots"],
            "Two workers are enough at noon only if both are busy all the time. They should be "
            "half busy at most.",
            lambda given: 1.1 < float(given[0]) <= 2,
        ),
        Mistake(
            [3.47, 3, "snapshots"],
            "There is no part of a worker, and three are too few: round up.",
            lambda given: 3 <= float(given[0]) < 4,
        ),
        Mistake(
            [4, 3_000_000_000, "snapshots"],
            "Give the state in gigabytes, 1 GB being a thousand million bytes.",
            lambda given: float(given[0]) == 4 and float(given[1]) > 1_000,
        ),
        Mistake(
            [4, 120, "memory"],
            "The state grows with the users, not with the events: each user ever seen keeps 60 "
            "bytes.",
            lambda given: float(given[0]) == 4 and not isclose(float(given[1]), 3, rel_tol=0.05),
        ),
        Mistake(
            [4, 3, "memory"],
            "3 GB fit into 32. Compare the other two needs with what there is.",
            lambda given: same_words([given[2]], ["memory"]) and float(given[0]) == 4,
        ),
        Mistake(
            [4, 3, "workers"],
            "There are 8 cores for the 4 workers. Compare the other two needs with what there is.",
            lambda given: same_words([given[2]], ["workers"]) and float(given[0]) == 4,
        ),
    ),
)
