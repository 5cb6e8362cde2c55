"""Tests of one part of an answer that has several."""

from collections.abc import Callable
from typing import Any

from searchlogs.exercises._values import alike


def says(name: str, *values: object) -> Callable[[Any], bool]:
    """Return a test whether an answer, a dictionary, has one of these values under a name.

    >>> says("searches", 2, 10)({"searches": 10, "clicks": 1})
    True
    """
    return lambda answer: any(alike(answer[name], value) for value in values)
