"""Answers to the exercise of notebook 00."""

from typing import Any

import numpy as np

from searchlogs.exercises.start_here import how_many_sessions

RIGHT: dict[str, list[Any]] = {
    "hello": [
        3,
        3.0,
        1 + 2,
        np.int64(3),
        np.uint8(3),
        np.float64(3),
        np.array(3),
        how_many_sessions(),
    ],
}

WRONG: dict[str, list[tuple[Any, str]]] = {
    "hello": [
        (2, "user 2 is silent from second 8"),
        (1, "Users are not mixed"),
        (4, "User 1 gets no second session"),
        (8, "number of events"),
        (0, ""),
        (-3, ""),
        ("3", "quotes"),
        ([3], ""),
        (how_many_sessions, "This is a function"),
    ],
}
