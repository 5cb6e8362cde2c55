"""The exercises of notebook 12: flags, halves of sessions, busy workers, a plan."""

from math import ceil, isclose
from typing import Any

from numpy import array, diff, int64, ones
from numpy.typing import NDArray

from searchlogs.exercises._core import Case, Mistake, Question, Task
from searchlogs.exercises._words import are_texts, same_words
from searchlogs.exercises._wrong_flags import FLAGS
from searchlogs.exercises._wrong_halves import HALVES

Column = NDArray[int64]


def starts(user: NDArray[int64], time: NDArray[int64], gap: int) -> list[bool]:
    """Return a flag per row: whether a session begins there."""
    begins = ones(len(user), bool)
    begins[1:] = (diff(user) != 0) | (diff(time) > gap)
    return begins.tolist()


def columns(user: list[int], time: list[int], gap: int) -> tuple[Column, Column, int]:
    """Return users and times as arrays, as the notebook has them, and the gap."""
    return array(user, int64), array(time, int64), gap


session_starts = Task(
    name="session_starts",
    hints=(
        "A row begins a session for one of two reasons, both of them a difference from the "
        "row before it. `diff(user)` is not 0 where the user changes.",
        "n rows have n − 1 differences. Begin with `ones(len(user), bool)`, all of them flags, "
        "and set all but the first: `begins[1:] = …`, two conditions, each in parentheses, "
        "with `|` between them.",
        "Users and times are numpy arrays. `user[1:] != user[:-1]` compares all neighbours at "
        "once; with two lists it would give a single answer.",
    ),
    solve=starts,
    notice="Two differences and an *or*, for any number of rows at once: cutting sessions takes "
    "no more than that.",
    cases=lambda: (
        Case("two users without a pause", columns([1, 1, 2, 2], [5, 6, 6, 7], 10)),
        Case("one user with a pause", columns([1, 1, 1], [0, 4, 20], 10)),
        Case("another gap", columns([1, 1, 1, 1], [0, 20, 45, 80], 30)),
        Case("a pause of exactly the gap", columns([1, 1, 1], [0, 10, 21], 10)),
        Case("a session that is longer than the gap", columns([1, 1, 1], [0, 9, 18], 10)),
        Case("a user who begins long after the one before", columns([1, 2, 2], [0, 90, 95], 10)),
        Case("three users, a row each", columns([1, 2, 3], [30, 20, 10], 10)),
        Case("a single row", columns([7], [3], 10)),
        Case("no row at all", columns([], [], 10)),
        Case("a gap of 0", columns([1, 1, 1, 4], [2, 2, 3, 3], 0)),
    ),
    mistakes=FLAGS,
)


def joined(
    before: tuple[int, int, int, int], after: tuple[int, int, int, int], gap: int
) -> list[tuple[int, int, int, int]]:
    """Return one session if the two halves are one, else both."""
    start, end, events, searches = before
    if after[0] - end > gap:
        return [before, after]
    return [(start, after[1], events + after[2], searches + after[3])]


join_halves = Task(
    name="join_halves",
    hints=(
        "First decide whether there is one session or two. Which pause has to be compared "
        "with the gap? It lies between two events: the last one of `before` and the first one "
        "of `after`.",
        "If there is one session, it has the start of the first half and the end of the "
        "second. The two counts are sums.",
    ),
    solve=joined,
    notice="Four numbers are enough to continue a session, however many events it has had. That "
    "is why the state of a flow of record batches is small.",
    cases=lambda: (
        Case("a boundary in the middle of a session", ((0, 22, 2, 1), (42, 42, 1, 0), 30)),
        Case("a long pause at the boundary", ((12, 26, 2, 1), (66, 70, 3, 1), 30)),
        Case("another gap", ((0, 8, 3, 1), (20, 21, 2, 2), 10)),
        Case("a long second half", ((0, 10, 3, 2), (25, 400, 30, 6), 30)),
        Case("a pause of exactly the gap", ((5, 10, 4, 2), (40, 45, 2, 1), 30)),
        Case("a long first half", ((0, 500, 40, 9), (510, 520, 3, 1), 30)),
        Case("two events at the same time", ((7, 7, 1, 1), (7, 7, 1, 0), 30)),
        Case("a second longer than the gap", ((0, 10, 2, 0), (41, 90, 5, 2), 30)),
        Case("a gap of 0", ((3, 3, 1, 0), (4, 4, 1, 0), 0)),
    ),
    mistakes=HALVES,
)


def busiest() -> list[int]:
    """Return the minutes with one worker, with seven, and with any number."""
    whole, one_user, speed = 20_000_000, 6_000_000, 1_000_000
    alone = whole // speed
    # The busy user is with one of the seven, which has its share of all others too.
    with_seven = (one_user + (whole - one_user) // 7) // speed
    # Whoever has the busy user has at least that.
    at_best = one_user // speed
    return [alone, with_seven, at_best]


skewed_work = Question(
    name="skewed_work",
    hints=(
        "The log is done when the last worker is done. Which of the seven is that, and how "
        "many events does it have?",
        "All events of a user go to the same worker. That worker has those, and its seventh "
        "of the other 14 million.",
    ),
    solve=busiest,
    because="Alone, a worker has 20 million events. Of seven, the busiest has 6 million and a"
    " seventh of 14 million. However many there are, one of them has the 6 million.",
    notice="Seven workers are 2.5 times as fast as one, and no number of workers is more than "
    "20 ÷ 6, about 3.3 times, as fast. To get further, you must split that user's events, or find "
    "out that the user is a robot.",
    expects="a list of three whole numbers",
    mistakes=(
        Mistake(
            [20, 3, 0],
            "20 million divided by seven is nearly 3, if the events could be shared out evenly. "
            "But all events of a user go to one worker, and one user has 6 million.",
            lambda given: list(given[:2]) == [20, 3] or 2.8 < given[1] < 2.9,
        ),
        Mistake(
            [20, 2, 6],
            "That is when the six workers without the busy user are done. The log is done when "
            "the last of them is.",
            lambda given: list(given[:2]) == [20, 2],
        ),
        Mistake(
            [20, 6, 6],
            "The worker with the busy user also has others: of their 14 million events it has its "
            "seventh.",
            lambda given: list(given[:2]) == [20, 6],
        ),
        Mistake(
            [20, 8, 0],
            "With many workers, each has hardly any of the *others*. But the busy user's events "
            "stay together, and one worker has to do them all.",
            lambda given: list(given[:2]) == [20, 8] and given[2] < 6,
        ),
        Mistake(
            [20, 8, 8],
            "Nearly: with seven, the busiest worker has a share of the others too. The more "
            "workers there are, the smaller that becomes.",
            lambda given: list(given[:2]) == [20, 8] and given[2] > 6,
        ),
        Mistake(
            [14, 8, 6],
            "A single worker does the whole log: the busy user and all the others.",
            lambda given: given[0] in (6, 14),
        ),
        Mistake(
            [1200, 480, 360],
            "These are seconds. Give minutes: a worker does a million events in one.",
            lambda given: list(given) == [1200, 480, 360],
        ),
        Mistake(
            [20_000_000, 8_000_000, 6_000_000],
            "These are numbers of events. How many minutes does the busiest worker need for them?",
        ),
        Mistake(
            ["20", "8", "6"],
            "These are texts. Give numbers: remove the quotes.",
            are_texts,
        ),
        Mistake(
            [20, 8],
            "Three numbers are asked for: with one worker, with seven, and with any number.",
            lambda given: len(given) != 3 and not isinstance(given, str),
        ),
    ),
)


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
