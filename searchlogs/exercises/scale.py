"""The exercises of notebook 07: the boundary flag, two halves of a session, a busy worker."""

from math import isclose
from typing import Any

from numpy import array, diff, int64, ones
from numpy.typing import NDArray

from searchlogs.exercises._core import Case, Mistake, Question, Task

Column = NDArray[int64]
Flags = list[bool]


def starts(user: NDArray[int64], time: NDArray[int64], gap: int) -> list[bool]:
    """Return a flag per row: whether a session begins there."""
    begins = ones(len(user), bool)
    begins[1:] = (diff(user) != 0) | (diff(time) > gap)
    return begins.tolist()


def _pauses_only(user: Column, time: Column, gap: int) -> Flags:
    return [i == 0 or time[i] - time[i - 1] > gap for i in range(len(user))]


def _users_only(user: Column, time: Column, gap: int) -> Flags:
    return [i == 0 or user[i] != user[i - 1] for i in range(len(user))]


def _gap_is_a_pause(user: Column, time: Column, gap: int) -> Flags:
    return [
        i == 0 or user[i] != user[i - 1] or time[i] - time[i - 1] >= gap for i in range(len(user))
    ]


def _either_way(user: Column, time: Column, gap: int) -> Flags:
    return [
        i == 0 or (user[i] != user[i - 1] and time[i] - time[i - 1] > gap) for i in range(len(user))
    ]


def _flags_on_ends(user: Column, time: Column, gap: int) -> Flags:
    return [*starts(user, time, gap)[1:], True][: len(user)]


def _first_is_none(user: Column, time: Column, gap: int) -> Flags:
    return [i > 0 and flag for i, flag in enumerate(starts(user, time, gap))]


def _differences_only(user: Column, time: Column, gap: int) -> Flags:
    return starts(user, time, gap)[1:]


def _inside_out(user: Column, time: Column, gap: int) -> Flags:
    return [not flag for flag in starts(user, time, gap)]


def _gap_of_ten(user: Column, time: Column, gap: int) -> Flags:
    return starts(user, time, 10)


def _any_distance(user: Column, time: Column, gap: int) -> Flags:
    return [
        i == 0 or user[i] != user[i - 1] or abs(time[i] - time[0]) > gap for i in range(len(user))
    ]


def _rows_of_starts(user: Column, time: Column, gap: int) -> list[int]:
    return [i for i, flag in enumerate(starts(user, time, gap)) if flag]


def _asks_a_whole_array(user: Column, time: Column, gap: int) -> Any:
    begins = ones(len(user), bool)
    begins[1:] = user[1:] != user[:-1] or diff(time) > gap
    return begins


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
    mistakes={
        _pauses_only: (
            "Only pauses are checked here. A new session also begins with each new user, however "
            "short the pause, and even if the time goes back."
        ),
        _users_only: (
            "Only users are checked here. After a pause longer than the gap, a user's next "
            "session begins."
        ),
        _gap_is_a_pause: (
            "A pause of exactly the gap ends a session here. Two events exactly `gap` apart share "
            "one: the pause must be longer, `>`, not `>=`."
        ),
        _either_way: (
            "Both conditions must hold here, another user *and* a long pause. Either of them is "
            "enough: combine them with `|`."
        ),
        _flags_on_ends: (
            "The flags are on the *last* row of each session. They belong on the first row, one "
            "row later: `begins[1:] = …`, and the very first row always has a flag."
        ),
        _first_is_none: (
            "The very first row has no flag. No row comes before it, so a session begins there."
        ),
        _differences_only: (
            "One flag is missing: n rows have n − 1 differences. The first row, which has none, "
            "begins a session."
        ),
        _inside_out: (
            "It is the other way round: these flags mark the rows at which a session continues."
        ),
        _gap_of_ten: "The gap is always 10 here. Use the parameter `gap`.",
        _any_distance: (
            "Times are compared with the first row's. A pause lies between *neighbours*: compare "
            "each time with the one just before it."
        ),
        _rows_of_starts: (
            "These are the numbers of the right rows. Return a flag for every row, `True` or "
            "`False`."
        ),
        _asks_a_whole_array: (
            "Does the error speak of a truth value? `or`, `and` and `not` need a single one, and "
            "an array has many: write `|`, `&` and `~`, and each comparison in parentheses."
        ),
    },
)

Half = tuple[int, int, int, int]
"""Half of a session: start, end, number of events, number of searches."""


def joined(
    before: tuple[int, int, int, int], after: tuple[int, int, int, int], gap: int
) -> list[tuple[int, int, int, int]]:
    """Return one session if the two halves are one, else both."""
    start, end, events, searches = before
    if after[0] - end > gap:
        return [before, after]
    return [(start, after[1], events + after[2], searches + after[3])]


def _never_joined(before: Half, after: Half, gap: int) -> list[Half]:
    return [before, after]


def _always_joined(before: Half, after: Half, gap: int) -> list[Half]:
    return [(before[0], after[1], before[2] + after[2], before[3] + after[3])]


def _split_at_the_gap(before: Half, after: Half, gap: int) -> list[Half]:
    return [before, after] if after[0] - before[1] >= gap else _always_joined(before, after, gap)


def _row_counted(before: Half, after: Half, gap: int) -> list[Half]:
    found = joined(before, after, gap)
    if len(found) == 2:
        return found
    start, end, events, searches = found[0]
    return [(start, end, events + 1, searches)]


def _began_again(before: Half, after: Half, gap: int) -> list[Half]:
    found = joined(before, after, gap)
    return found if len(found) == 2 else [(after[0], *found[0][1:])]


def _ended_before(before: Half, after: Half, gap: int) -> list[Half]:
    found = joined(before, after, gap)
    return found if len(found) == 2 else [(found[0][0], before[1], *found[0][2:])]


def _counts_forgotten(before: Half, after: Half, gap: int) -> list[Half]:
    found = joined(before, after, gap)
    return found if len(found) == 2 else [(before[0], *after[1:])]


def _from_start_to_start(before: Half, after: Half, gap: int) -> list[Half]:
    one = _always_joined(before, after, gap)
    return [before, after] if after[0] - before[0] > gap else one


def _from_end_to_end(before: Half, after: Half, gap: int) -> list[Half]:
    one = _always_joined(before, after, gap)
    return [before, after] if after[1] - before[1] > gap else one


def _gap_of_thirty(before: Half, after: Half, gap: int) -> list[Half]:
    return joined(before, after, 30)


def _end_to_end(before: Half, after: Half, gap: int) -> list[tuple[int, ...]]:
    return [before + after] if after[0] - before[1] <= gap else [before, after]


def _one_of_one(before: Half, after: Half, gap: int) -> list[Half] | Half:
    found = joined(before, after, gap)
    return found if len(found) == 2 else found[0]


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
    mistakes={
        _never_joined: (
            "They are always two sessions here. If the pause between them is not longer than the "
            "gap, the batch boundary fell into the middle of one session."
        ),
        _always_joined: (
            "They are always one session here. But the user may have been away: compare the pause "
            "with the gap."
        ),
        _split_at_the_gap: (
            "A pause of exactly the gap ends no session: only a longer pause does. At a batch "
            "boundary the rule is the same as everywhere else."
        ),
        _row_counted: (
            "There is one event too many. The row that carries the open session over stands for "
            "its events; it isn't an event itself."
        ),
        _began_again: (
            "The session begins at the boundary here. It began in the batch before: its start was "
            "carried over."
        ),
        _ended_before: (
            "The session ends at its last event of the first batch here. Its last event is in the "
            "second batch."
        ),
        _counts_forgotten: (
            "The counts are those of the second batch alone. Add those that were carried over."
        ),
        _from_start_to_start: (
            "The pause is measured from the *start* of the first half. It lies between the end of "
            "the first half and the start of the second."
        ),
        _from_end_to_end: (
            "The pause is measured up to the *end* of the second half. It ends at its start."
        ),
        _gap_of_thirty: "The gap is always 30 here. Use the parameter `gap`.",
        _end_to_end: (
            "The two tuples were put one behind the other. One session is one tuple of four: "
            "start, end, and the two sums."
        ),
        _one_of_one: "Nearly: always return a list, even of a single session.",
    },
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
            [20, 8],
            "Three numbers are asked for: with one worker, with seven, and with any number.",
            lambda given: len(given) != 3 and not isinstance(given, str),
        ),
    ),
)


def woken() -> list[int]:
    """Return how often users are woken up in each of the four runs."""
    batches, users = 100, 40
    return [batches * users, batches * 10 * users, batches // 2 * users, 0]


def within_a_tenth(given: Any, expected: list[int]) -> bool:
    """Return whether numbers are right within a tenth; a few batches more or less don't matter."""
    return len(given) == len(expected) and all(
        isclose(float(one), other, rel_tol=0.1) for one, other in zip(given, expected, strict=True)
    )


wake_ups = Question(
    name="wake_ups",
    hints=(
        "Who is woken up by a batch, on the tutorial's clock? Look at the table in *Count what "
        "happens*: 50 batches and 10 users gave some 500.",
        "With every batch, everybody who has been seen so far wakes up. So multiply. What wakes "
        "anybody up on the replay clock?",
    ),
    solve=woken,
    expects="a list of four numbers, right within a tenth",
    same=within_a_tenth,
    notice="The number of events is the same in all four. What an event costs depends on the "
    "users, on the batches and on the clock.",
    mistakes=(
        Mistake(
            [4_000, 40_000, 2_000],
            "Four numbers are expected, one for each run.",
            lambda given: len(given) != 4 and not isinstance(given, str),
        ),
        Mistake(
            [40_000, 40_000, 40_000, 0],
            "That is one wake-up per event. An event wakes nobody by itself: each *batch* wakes "
            "everybody who has been seen so far.",
            lambda given: list(given[:2]) == [40_000, 40_000],
        ),
        Mistake(
            [40, 400, 40, 0],
            "That is one wake-up per user. A user who has been woken sleeps again, and is woken "
            "by the next batch too.",
            lambda given: list(given[:2]) == [40, 400],
        ),
        Mistake(
            [100, 100, 50, 0],
            "That is one wake-up per batch. A batch wakes not one user but all of them.",
            lambda given: list(given[:2]) == [100, 100],
        ),
        Mistake(
            [4_000, 40_000, 2_000, 40_000],
            "On the replay clock, time moves with the data alone. What could a user be woken up "
            "for?",
            lambda given: given[3] != 0,
        ),
        Mistake(
            [4_000, 40_000, 4_000, 0],
            "In the third run the batches are twice as large, so there are half as many of them.",
            lambda given: within_a_tenth(given[:2], [4_000, 40_000]),
        ),
        Mistake(
            [4_000, 4_000, 2_000, 0],
            "The second run has as many events, but ten times as many users to wake up.",
            lambda given: within_a_tenth(given[:1], [4_000]),
        ),
    ),
)
