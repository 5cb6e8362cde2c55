"""Durations as people write them, and the gap and the wait that cut a log into sessions."""

import re
from dataclasses import dataclass
from datetime import timedelta
from numbers import Real

from searchlogs.events import shorten

LONGEST = timedelta(days=366)
"""Longest gap and wait: beyond it the engine's own arithmetic leaves the calendar."""


@dataclass(frozen=True, init=False)
class Windowing:
    """The gap and the wait that cut a log into sessions.

    Args:
        gap: A timedelta from 0 to 366 days, or text such as "30m".
        wait: A timedelta from 0 to 366 days, or text such as "1m".

    Raises:
        TypeError: `gap` or `wait` is neither a timedelta nor text.
        ValueError: `gap` or `wait` is out of range, or text that is no duration.

    >>> Windowing("10m").gap
    datetime.timedelta(seconds=600)
    """

    gap: timedelta = timedelta(minutes=30)
    """Longest pause within a session."""
    wait: timedelta = timedelta(minutes=1)
    """Time that the watermark stays behind a user's newest event."""

    def __init__(self, gap: timedelta | str = gap, wait: timedelta | str = wait) -> None:
        object.__setattr__(self, "gap", check_duration("gap", gap))
        object.__setattr__(self, "wait", check_duration("wait", wait))


def check_duration(name: str, value: timedelta | str) -> timedelta:
    """Return a duration, such as a gap or a wait, as a timedelta from 0 to 366 days.

    Args:
        name: Name of the duration, for the error message.
        value: A timedelta from 0 to 366 days, or text such as "30m".

    Raises:
        TypeError: `value` is neither a timedelta nor text.
        ValueError: `value` is out of range, or text that is no duration.

    >>> check_duration("gap", timedelta(seconds=-10))
    Traceback (most recent call last):
        ...
    ValueError: gap: expected a duration from 0 to 366 days; found -10.0 seconds
    """
    duration = to_timedelta(name, value)
    if not timedelta(0) <= duration <= LONGEST:
        seconds = duration.total_seconds()
        raise ValueError(f"{name}: expected a duration from 0 to 366 days; found {seconds} seconds")
    return duration


def to_timedelta(name: str, value: timedelta | str) -> timedelta:
    """Return a duration of any length as a timedelta.

    Args:
        name: Name of the duration, for the error message.
        value: A timedelta, or text such as "30m".

    Raises:
        TypeError: `value` is neither a timedelta nor text.
        ValueError: `value` is text that is no duration.

    >>> to_timedelta("gap", "30m")
    datetime.timedelta(seconds=1800)
    >>> to_timedelta("gap", 30)
    Traceback (most recent call last):
        ...
    TypeError: gap: 30 what? Give it a unit, such as '30m' or timedelta(minutes=30)
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    example = "such as '30m' or timedelta(minutes=30)"
    if isinstance(value, Real) and not isinstance(value, bool):
        raise TypeError(f"{name}: {shorten(value)} what? Give it a unit, {example}")
    raise TypeError(f"{name}: expected a duration, {example}; found {shorten(value)}")


def parse_duration(text: str) -> timedelta:
    """Read a duration as people write it, in d, h, m, s and ms.

    Raises:
        ValueError: `text` is no duration, or too long a one for a timedelta.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if not DURATION.fullmatch(text):
        raise ValueError(f"expected a duration such as 10s, 30m or 1h30m; found {shorten(text)}")
    parts = DURATION_PART.findall(text)
    try:
        return sum((float(number) * UNITS[unit] for number, unit in parts), timedelta(0))
    except OverflowError:
        raise ValueError(
            f"expected a duration of at most 366 days; found {shorten(text)}"
        ) from None


def format_duration(value: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, rounded up to whole milliseconds.

    >>> format_duration(timedelta(minutes=90))
    '1h30m'
    """
    rest = -(-value // UNITS["ms"]) * UNITS["ms"]
    parts = []
    for unit, length in UNITS.items():
        number, rest = divmod(rest, length)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
"""Units of a duration, longest first."""

DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])", re.ASCII)
DURATION = re.compile(rf"(?:{DURATION_PART.pattern})+", re.ASCII)
