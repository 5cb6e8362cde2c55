"""Times of a log's records: ISO 8601, numbers, local times, and the shapes that exports have."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from searchlogs.events import EARLIEST, LATEST, shorten
from searchlogs.logs.words import TIME_UNITS

FIRST_NUMBER = datetime(1990, 1, 1, tzinfo=UTC)
"""Earliest time of a number: seconds that are read as milliseconds fall into January 1970."""

NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?")
"""A number as text, as in a CSV cell."""

OFFSET = re.compile(r"[+-]\d\d:?\d\d")
"""An offset from UTC, as it stands behind a space."""

SHAPES = {
    r"[A-Z][a-z]{2} \d{1,2}, \d{4} @ \d\d:\d\d:\d\d\.\d+": ("Kibana", "%b %d, %Y @ %H:%M:%S.%f"),
    r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}": ("a web server", "%d/%b/%Y:%H:%M:%S %z"),
    r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d .*": (
        "an e-mail or HTTP header",
        "%a, %d %b %Y %H:%M:%S %Z",
    ),
}
"""Common shapes of times that need a format: pattern, who writes it, and that format."""


@dataclass(frozen=True)
class Times:
    """Rules for reading the times of a log.

    Times are ISO 8601 with an offset, which may follow a space, and be UTC or a zone's name.

    Args:
        unit: Unit of times that are numbers, counted from 1970: s, ms or us.
        zone: Time zone of times without an offset, such as Europe/Berlin.
        format: Format of text and whole numbers, as `datetime.strptime` takes it; None for ISO 8601
            and numbers of `unit`.

    Raises:
        ValueError: There is no such unit, zone or format.

    >>> Times(zone="Europe/Berlin").read("2024-01-01 13:00:00").isoformat()
    '2024-01-01T12:00:00+00:00'
    >>> Times().read("2024-01-01 12:00:00.5 America/New_York").isoformat()
    '2024-01-01T17:00:00.500000+00:00'
    """

    unit: str | None = None
    zone: str | None = None
    format: str | None = None

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in TIME_UNITS:
            units = ", ".join(TIME_UNITS)
            raise ValueError(f"time unit: expected one of {units}; found {self.unit!r}")
        if self.zone is not None and _zone(self.zone) is None:
            raise ValueError(
                f"zone: expected a time zone's name, such as Europe/Berlin; found {self.zone!r}"
            )
        if self.format is not None:
            first, last = FIRST_NUMBER.strftime(self.format), LATEST.strftime(self.format)
            try:
                datetime.strptime(first, self.format)
            except ValueError:
                last = first
            if first == last:  # it holds no directive that Python knows
                raise ValueError(
                    "time format: expected strptime directives, such as '%d.%m.%Y %H:%M:%S'; "
                    f"found {self.format!r}"
                )

    def read(self, value: object) -> datetime:
        """Read a time.

        Args:
            value: The value in a record: a datetime, a number, or text.

        Returns:
            The time in UTC, a plain datetime from 1970 to 2200; if it was a number, from 1990.

        Raises:
            ValueError: It is no time, or out of range. The message is the reason for a reject.
        """
        if isinstance(value, str):
            if self.format is not None:
                return self._formatted(value)
            # Most times begin like 2024-, and matching the pattern takes longer than parsing them.
            if value[4:5] != "-" and NUMBER.fullmatch(value):
                return self._number(value)
            try:
                time = datetime.fromisoformat(value)
            except ValueError:
                time = _with_place(value)
            if time.tzinfo is UTC and EARLIEST <= time <= LATEST:
                return time
            return self._utc(time, value)
        if isinstance(value, datetime) and value == value:  # pandas' NaT is a datetime as well
            return self._utc(value, value)
        if type(value) is int and self.format is not None:  # 20240101 is no text in JSON
            return self._formatted(value)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return self._number(value)
        if isinstance(value, float) and isfinite(value):
            return self._number(value)
        raise ValueError(_expected(value))

    def _formatted(self, value: str | int) -> datetime:
        assert self.format is not None
        try:
            time = datetime.strptime(str(value), self.format)
        except ValueError:
            raise ValueError(
                f"expected a time in the format {self.format!r} (--time-format); "
                f"found {shorten(value)}"
            ) from None
        return self._utc(time, value)

    def _number(self, value: float | Decimal | str) -> datetime:
        if self.unit is None:
            raise ValueError(
                f"number without a unit (set --time-unit to s, ms or us); found {shorten(value)}"
            )
        try:
            micros = Decimal(str(value)) * TIME_UNITS[self.unit]
            time = EARLIEST + timedelta(microseconds=int(micros.to_integral_value()))
        except (ArithmeticError, ValueError):  # too large for a timedelta, or to be printed
            time = EARLIEST
        if not FIRST_NUMBER <= time <= LATEST:
            raise ValueError(
                f"not between {FIRST_NUMBER:%Y} and {LATEST:%Y} if read in {self.unit} "
                f"(is the unit another? set --time-unit); found {shorten(value)}"
            )
        return time

    def _utc(self, time: datetime, value: object) -> datetime:
        if time.tzinfo is not UTC and time.utcoffset() is None:
            if self.zone is None:
                raise ValueError(
                    "no UTC offset, such as Z or +01:00 (set --zone to the time zone of the log); "
                    f"found {shorten(value)}"
                )
            time = _localize(time, self.zone)
        try:
            in_range = EARLIEST <= time <= LATEST
        except OverflowError:  # in the year 1 or 9999, with an offset
            in_range = False
        if not in_range:
            raise ValueError(
                f"expected a time from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}; "
                f"found {shorten(value)} (check its unit)"
            )
        if time.tzinfo is UTC and type(time) is datetime:
            return time
        utc = time.astimezone(UTC)
        parts = (utc.hour, utc.minute, utc.second, utc.microsecond, UTC)
        return datetime(utc.year, utc.month, utc.day, *parts)  # no pandas.Timestamp


def _with_place(value: str) -> datetime:
    """Read ISO 8601 whose offset follows a space, or is UTC or a zone's name."""
    text, _, place = value.rpartition(" ")
    offset = "+00:00" if place in ("UTC", "GMT", "Z") else place
    zone = None if OFFSET.fullmatch(offset) else _zone(place) if "/" in place else None
    try:
        if OFFSET.fullmatch(offset):
            return datetime.fromisoformat(text.rstrip() + offset)
        if zone is not None and (local := datetime.fromisoformat(text.rstrip())).tzinfo is None:
            return _localize(local, place)
    except ValueError as error:
        if "clocks" in str(error):
            raise
    raise ValueError(_expected(value))


def _expected(value: object) -> str:
    """Return the reason for rejecting a value whose shape is not that of a time."""
    if isinstance(value, str):
        for pattern, (writer, format) in SHAPES.items():
            if re.fullmatch(pattern, value):
                return (
                    f"a time as {writer} writes it (set --time-format to {format!r}); "
                    f"found {shorten(value)}"
                )
        if re.fullmatch(r"-?\d(\.\d+)?[eE]\+?\d+", value):
            return (
                "a number that a spreadsheet has shortened, so that digits may be lost (export the "
                f"column as text, and set --time-unit); found {shorten(value)}"
            )
    return (
        "expected an ISO 8601 timestamp with an offset, such as 2024-01-01T00:00:05Z "
        f"(else set --time-format); found {shorten(value)}"
    )


@lru_cache(maxsize=1000)
def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _localize(time: datetime, zone: str) -> datetime:
    """Return a local time in its zone, if it occurred there exactly once."""
    local = time.replace(tzinfo=_zone(zone), fold=0)
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    # Around a change of the clocks the two differ, and to pick one would be a guess.
    if before != after:
        assert before is not None and after is not None
        often = "occurred twice" if before > after else "never occurred"
        raise ValueError(f"{often} in {zone}, when its clocks changed; found {time}")
    return local
