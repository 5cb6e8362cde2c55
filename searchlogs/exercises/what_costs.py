"""The exercise of notebook 11: who is woken up, and how often."""

from math import isclose
from typing import Any

from searchlogs.exercises._core import Mistake, Question


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
    because="Each batch wakes every user who has been seen: 100 × 40, 100 × 400 and 50 × 40 "
    "times. On the replay clock nobody is woken up.",
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
