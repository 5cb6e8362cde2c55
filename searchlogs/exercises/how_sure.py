"""The exercises of notebook 08: how sure a rate is, what to fix, why a number fell."""

from math import sqrt
from typing import Any

from searchlogs.exercises._core import Case, Mistake, Question, Task
from searchlogs.exercises._words import not_among, other_word, same_words
from searchlogs.exercises._wrong_errors import ERRORS
from searchlogs.exercises._wrong_lists import LISTS


def my_error(users: list[tuple[int, int]]) -> float | None:
    """Return the standard error of the click-through rate, or None for fewer than two users."""
    number = len(users)
    if number < 2:
        return None
    searches = sum(all_of_them for all_of_them, _ in users)
    ctr = sum(clicked for _, clicked in users) / searches
    squares = sum((clicked - ctr * own) ** 2 for own, clicked in users)
    return sqrt(number / (number - 1) * squares) / searches


clustered_error = Task(
    name="clustered_error",
    hints=(
        "First the CTR: all clicked searches ÷ all searches. For users (4, 3) and (1, 0) that "
        "is 3 ÷ 5 = 0.6.",
        "By how much is each user above it? The first has 3 − 0.6 × 4 = 0.6, the second 0 − "
        "0.6 × 1 = −0.6. These differences always add up to 0, so square them first.",
        "Here the squares add up to 0.72; × 2 ÷ 1 gives 1.44, its root is 1.2, and 1.2 ÷ 5 "
        "searches = 0.24.",
    ),
    solve=my_error,
    notice="The CTR ± 1.96 of these is the 95 % interval that `tables.interval` gives. It "
    "depends on how much *users* differ, so a log that holds every line twice makes "
    "nobody surer.",
    cases=lambda: (
        Case("two users", ([(4, 3), (1, 0)],)),
        Case("three users", ([(2, 1), (2, 2), (6, 0)],)),
        Case("one user", ([(4, 3)],)),
        Case("nobody", ([],)),
        Case("two who are alike", ([(2, 1), (4, 2)],)),
        Case("a search each", ([(1, 1), (1, 0), (1, 0), (1, 1), (1, 1)],)),
        Case("forty users", ([(1 + n % 7, (n * n) % (2 + n % 7)) for n in range(40)],)),
    ),
    mistakes=ERRORS,
)


def my_list(searches: list[tuple[str, int | None, int]]) -> list[tuple[str, int]]:
    """Return the queries that found nothing, each with its number of searches."""
    empty: dict[str, int] = {}
    for query, results, _ in searches:
        if results == 0:
            empty[query] = empty.get(query, 0) + 1
    return sorted(empty.items(), key=lambda pair: (-pair[1], pair[0]))


worth_mending = Task(
    name="worth_mending",
    hints=(
        "Go through the searches once, with a dictionary that counts. Which searches count?",
        "`sorted(…, key=…)` can sort by two things at once: a key that is a tuple.",
        "A minus sign reverses the order of the numbers and leaves the names as they are: "
        "`(-number, name)`.",
    ),
    solve=my_list,
    notice="This list is the shortest way from a log to a better search: a synonym, a spelling, "
    "a product that people look for and you don't sell.",
    cases=lambda: (
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
        Case("a before b, and more often", ([("b", 0, 0), ("a", 0, 0), ("a", 0, 0)],)),
        Case("b before a, because it is more often", ([("a", 0, 0), ("b", 0, 0), ("b", 0, 0)],)),
        Case("equally many", ([(query, 0, 0) for query in "bdacc"],)),
        Case("no searches", ([],)),
    ),
    mistakes=LISTS,
)


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
    notice="Monday 1 needs its clicks back, and Monday 3 its old gap. Monday 4 was good news, and "
    "Monday 2 no news at all. Look for the cause before you look for a better search.",
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
            not_among("answer", "gap", "ids", "lost", "noise"),
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
            other_word(0, "lost"),
        ),
        Mistake(
            ["lost", "answer", "gap", "answer"],
            "Monday 2: Sunday's CTR lies inside the interval. Is there anything to explain?",
            other_word(1, "noise"),
        ),
        Mistake(
            ["lost", "noise", "lost", "answer"],
            "Monday 3: no click is missing, but 667 of them have no search in their session. What "
            "parts a click from its search?",
            other_word(2, "gap"),
        ),
        Mistake(
            ["lost", "noise", "gap", "noise"],
            "Monday 4: leave out the 330 searches for *opening hours*, and the CTR is as usual. "
            "Did these people find what they wanted?",
            other_word(3, "answer"),
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
            {2, 4, 5, 7},
            "There are six statements. Give the numbers of those that are true.",
            lambda given: bool(set(given) - {1, 2, 3, 4, 5, 6}),
        ),
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
            "Statement 4: 58.0 % lies inside the interval, so such a day is no surprise even if "
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
