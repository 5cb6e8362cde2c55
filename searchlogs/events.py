"""The data model: what a search engine's client logs, as four kinds of event."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Earliest time of an event."""

LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Latest time of an event."""


@dataclass(frozen=True, slots=True)
class AppOpen:
    """A user opened the app."""

    user: int | str
    time: datetime

    def __post_init__(self) -> None:
        _check_user(self)
        _set_utc(self)


@dataclass(frozen=True, slots=True)
class Search:
    """A user sent a query."""

    user: int | str
    query: str
    time: datetime
    query_id: str | None = None

    def __post_init__(self) -> None:
        _check_user(self)
        _check_text(self, "query", self.query)
        _check_query_id(self)
        _set_utc(self)


@dataclass(frozen=True, slots=True)
class Results:
    """The engine showed `items` to a user, best first; an empty tuple if it found nothing."""

    user: int | str
    items: tuple[str, ...]
    time: datetime
    query_id: str | None = None

    def __post_init__(self) -> None:
        _check_user(self)
        if not isinstance(self.items, tuple) or not all(isinstance(i, str) for i in self.items):
            example = "a tuple of str, such as ('fido', 'rover')"
            raise _wrong_type(self, "items", example, self.items)
        _check_query_id(self)
        _set_utc(self)


@dataclass(frozen=True, slots=True)
class ClickResult:
    """A user clicked on an item; `position` counts from 1, the top of the results."""

    user: int | str
    item: str
    time: datetime
    query_id: str | None = None
    position: int | None = None

    def __post_init__(self) -> None:
        _check_user(self)
        _check_text(self, "item", self.item)
        _check_query_id(self)
        if self.position is not None and not (type(self.position) is int and self.position >= 1):
            raise ValueError(
                "ClickResult: position: expected a whole number from 1, the top, or None; "
                f"found {shorten(self.position)}"
            )
        _set_utc(self)


Event: TypeAlias = AppOpen | Search | Results | ClickResult

E = TypeVar("E", bound=Event)
T = TypeVar("T")


def trusted(kind: type[E], **fields: Any) -> E:
    """Make an event of fields that have been validated already, without checking them again.

    Args:
        kind: Class of the event.
        fields: Values as its constructor would leave them; those left out are None.
    """
    event = object.__new__(kind)
    for name in kind.__slots__:
        object.__setattr__(event, name, fields.get(name))
    return event


def check_event(value: object, where: str) -> None:
    """Check that `value` is one of the four kinds of event.

    Args:
        value: What a person handed in as an event.
        where: Where it was found, for the error message.

    Raises:
        TypeError: `value` is no event.

    >>> check_event({"a": 1}, "events[3]")
    Traceback (most recent call last):
        ...
    TypeError: events[3]: expected an AppOpen, Search, Results or ClickResult; found {'a': 1} (dict)
    """
    if not isinstance(value, Event):
        raise TypeError(
            f"{where}: expected an AppOpen, Search, Results or ClickResult; "
            f"found {shorten(value)} ({type(value).__name__})"
        )


def check_events(events: Iterable[object]) -> list[Event]:
    """Return the argument `events` as a list, if each of them is one of the four kinds.

    Raises:
        TypeError: `events` can't be iterated, or one of them is no event.
    """
    checked: list[Any] = check_list(events, "events")
    for index, event in enumerate(checked):
        check_event(event, f"events[{index}]")
    return checked


def check_list(values: Iterable[T], name: str) -> list[T]:
    """Return an argument as a list.

    Args:
        values: What a person handed in as the argument.
        name: Name of the argument, for the error message.

    Raises:
        TypeError: `values` can't be iterated.

    >>> check_list(7, "events")
    Traceback (most recent call last):
        ...
    TypeError: events: expected a list; found 7 (int)
    """
    if not isinstance(values, Iterable):
        raise TypeError(
            f"{name}: expected a list; found {shorten(values)} ({type(values).__name__})"
        )
    return list(values)


def _check_user(event: Event) -> None:
    user = event.user
    # bool is an int, and float users (1.0, nan) are what pandas makes of a column with a hole in
    # it: str() would turn each into another user.
    if type(user) is not int and not isinstance(user, str):
        raise _wrong_type(event, "user", "an int or a str", user)
    try:
        str(user).encode()  # the engine's keys are UTF-8
    except ValueError:
        raise ValueError(
            f"{type(event).__name__}: user: expected text that UTF-8 can encode, or an int of at "
            "most 4,300 digits"
        ) from None


def _check_text(event: Event, field: str, value: str) -> None:
    if not isinstance(value, str):
        raise _wrong_type(event, field, "a str", value)


def _check_query_id(event: Search | Results | ClickResult) -> None:
    # NaN, which pandas puts into holes, would join all searches that have no id.
    if event.query_id is not None and not isinstance(event.query_id, str):
        raise _wrong_type(event, "query_id", "a str or None", event.query_id)


def _set_utc(event: Event) -> None:
    """Check the event's time, and make it a plain datetime in UTC."""
    time = event.time
    if type(time) is datetime and time.tzinfo is UTC and EARLIEST <= time <= LATEST:
        return
    object.__setattr__(event, "time", utc_time(time, f"{type(event).__name__}: time"))


def utc_time(time: object, where: str) -> datetime:
    """Return the time of an event as a plain datetime in UTC.

    Args:
        time: An aware datetime, from EARLIEST to LATEST.
        where: Where it was found, for the error message.

    Raises:
        TypeError: `time` is no datetime.
        ValueError: `time` has no time zone, or is out of range.

    >>> utc_time(datetime.fromisoformat("2024-01-01 01:00:05+01:00"), "time")
    datetime.datetime(2024, 1, 1, 0, 0, 5, tzinfo=datetime.timezone.utc)
    """
    # pandas' NaT is a datetime, equal to nothing.
    if not isinstance(time, datetime) or time != time:
        raise TypeError(
            f"{where}: expected a datetime, such as datetime(2024, 1, 1, tzinfo=UTC); "
            f"found {shorten(time)} ({type(time).__name__})"
        )
    if time.tzinfo is None or time.utcoffset() is None:
        raise ValueError(
            f"{where} {time} has no time zone; if it is UTC, write time.replace(tzinfo=UTC)"
        )
    if not EARLIEST <= time <= LATEST:
        raise ValueError(
            f"{where} {time} is not between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}; "
            "check its unit, and that the field is the right one"
        )
    # Python subtracts two datetimes of one zone by their wall clocks, an hour off when summer time
    # ends between them: so events hold UTC, and plain datetimes.
    utc = time.astimezone(UTC)
    parts = (utc.hour, utc.minute, utc.second, utc.microsecond, UTC)
    return datetime(utc.year, utc.month, utc.day, *parts)


def _wrong_type(event: Event, field: str, expected: str, value: object) -> TypeError:
    return TypeError(
        f"{type(event).__name__}: {field}: expected {expected}; "
        f"found {shorten(value)} ({type(value).__name__})"
    )


def shorten(value: object) -> str:
    """Return a value's repr, which escapes control characters, shortened to 80 characters.

    >>> shorten("x" * 100)[-5:]
    'xxxx…'
    """
    try:
        text = repr(value)
    except ValueError:  # Python prints no whole number of over 4,300 digits
        text = f"<{type(value).__name__} too long to print>"
    return text if len(text) <= 80 else text[:77] + "…"


KINDS: dict[str, type[Event]] = {
    "app_open": AppOpen,
    "search": Search,
    "results": Results,
    "click": ClickResult,
}
"""Names of the kinds of event, as the package's own logs write them."""

FIELDS = ("event", "user", "time", "query", "items", "item", "query_id", "position")
"""Names of a record's fields, as the package's own logs write them."""

WORDS = {event: kind for kind, event in KINDS.items()}
"""The name of each kind of event, by its class."""
