"""Answers to the exercise of notebook 11."""

from typing import Any

import numpy as np
import pandas as pd

from searchlogs.exercises.what_costs import woken

RIGHT: dict[str, list[Any]] = {
    "wake_ups": [
        woken(),
        (4_000, 40_000, 2_000, 0),
        [4_120, 41_200, 2_120, 0],
        [3_960, 39_600, 1_960, 0],
        np.array([4_000, 40_000, 2_000, 0]),
        pd.Series([4_000, 40_000, 2_000, 0]),
        [4e3, 4e4, 2e3, 0.0],
        [40 * 100, 400 * 100, 40 * 50, 400 * 0],
    ],
}


WRONG: dict[str, list[tuple[Any, str]]] = {
    "wake_ups": [
        ([40_000] * 4, "one wake-up per event"),
        ([40, 400, 40, 0], "one wake-up per user"),
        ([100, 100, 50, 0], "one wake-up per batch"),
        ([4_000, 40_000, 2_000, 40_000], "moves with the data alone"),
        ([4_000, 40_000, 4_000, 0], "half as many of them"),
        ([4_000, 40_000, 8_000, 0], "half as many of them"),
        ([4_000, 4_000, 2_000, 0], "ten times as many users"),
        ([4_000, 40_000, 2_000], "Four numbers"),
        ([50, 500, 25, 0], ""),
        (4_000, "list"),
    ],
}


EQUIVALENT: dict[str, dict[str, str]] = {}
