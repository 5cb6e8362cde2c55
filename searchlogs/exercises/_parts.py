"""What several exercises ask of an answer or of a part of it."""

from collections.abc import Callable
from typing import Any

from searchlogs.durations import parse_duration
from searchlogs.exercises._values import alike


def says(name: str, *values: object) -> Callable[[Any], bool]:
    """Return a test whether an answer, a dictionary, has one of these values under a name.

    >>> says("searches", 2, 10)({"searches": 10, "clicks": 1})
    True
    """
    return lambda answer: any(alike(answer[name], value) for value in values)


def duration(value: Any) -> Any:
    """Return a gap as a timedelta if it is written as the package reads it; else as it is.

    Raises:
        ValueError: `value` is text, and no duration.

    >>> duration("2m")
    datetime.timedelta(seconds=120)
    """
    return parse_duration(value) if isinstance(value, str) else value
