"""The data model: what a search engine's client logs, as four kinds of event."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AppOpen:
    """A user opened the app."""

    user: int | str
    time: datetime

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class Search:
    """A user sent a query."""

    user: int | str
    query: str
    time: datetime
    query_id: str | None = None

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class Results:
    """The engine showed `items` to a user, best first; an empty tuple where it found nothing."""

    user: int | str
    items: tuple[str, ...]
    time: datetime
    query_id: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.items, tuple) or not all(isinstance(i, str) for i in self.items):
            raise TypeError(
                "Results: items must be a tuple of str, such as ('fido', 'rover'); "
                f"got {shorten(self.items)}"
            )
        _check(self)


@dataclass(frozen=True, slots=True)
class ClickResult:
    """A user clicked on an item; `position` counts from 1, the top of the results."""

    user: int | str
    item: str
    time: datetime
    query_id: str | None = None
    position: int | None = None

    def __post_init__(self) -> None:
        if self.position is not None and not (type(self.position) is int and self.position >= 1):
            raise ValueError(
                "ClickResult: position must be a whole number from 1, the top; "
                f"got {shorten(self.position)}"
            )
        _check(self)


Event: TypeAlias = AppOpen | Search | Results | ClickResult

E = TypeVar("E", bound=Event)


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
    """Raise a TypeError that says `where`, unless `value` is one of the four kinds of event.

    >>> check_event({"user": 1}, "events[3]")
    Traceback (most recent call last):
        ...
    TypeError: events[3] must be an AppOpen, Search, Results or ClickResult; got a dict: {'user': 1}
    """
    if not isinstance(value, Event):
        kind = type(value).__name__
        raise TypeError(
            f"{where} must be an AppOpen, Search, Results or ClickResult; "
            f"got a {kind}: {shorten(value)}"
        )


def _check(event: Event) -> None:
    """Refuse what the engine would stumble over later, far from the line that made it."""
    kind, user, time = type(event).__name__, event.user, event.time
    # bool is an int, and float users (1.0, nan) are what pandas makes of a column with a hole in
    # it: str() would turn each into another user.
    if type(user) is not int and not isinstance(user, str):
        raise TypeError(
            f"{kind}: user must be an int or a str; got {shorten(user)}, a {type(user).__name__}"
        )
    try:
        str(user).encode()  # the engine's keys are UTF-8
    except ValueError:
        raise ValueError(
            f"{kind}: user must be text that UTF-8 can hold, or an int of at most 4,300 digits"
        ) from None
    for field in ("query", "item", "query_id"):
        value = getattr(event, field, "")
        if not isinstance(value, str) and not (field == "query_id" and value is None):
            # NaN, which pandas puts into holes, would join all searches that have no id.
            raise TypeError(
                f"{kind}: {field} must be a str{' or None' if field == 'query_id' else ''}; "
                f"got {shorten(value)}, a {type(value).__name__}"
            )
    plain = type(time) is datetime and time.tzinfo is UTC
    # pandas' NaT is a datetime, equal to nothing.
    if not plain and (not isinstance(time, datetime) or time != time):
        raise TypeError(
            f"{kind}: time must be a datetime, such as datetime(2024, 1, 1, tzinfo=UTC); "
            f"got {shorten(time)}, a {type(time).__name__}"
        )
    if not plain and (time.tzinfo is None or time.utcoffset() is None):
        raise ValueError(
            f"{kind}: time {time} has no time zone; if it is UTC, write time.replace(tzinfo=UTC)"
        )
    if not EARLIEST <= time <= LATEST:
        raise ValueError(
            f"{kind}: time {time} is not between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}; "
            "is it in another unit, or another field?"
        )
    # Python subtracts two datetimes of one zone by their wall clocks, an hour off when summer time
    # ends between them: so events hold UTC, and plain datetimes.
    if not plain:
        utc = time.astimezone(UTC)
        parts = (utc.hour, utc.minute, utc.second, utc.microsecond, UTC)
        object.__setattr__(event, "time", datetime(utc.year, utc.month, utc.day, *parts))


def shorten(value: object) -> str:
    """A value as Python writes it, control characters escaped, cut after 80 characters.

    >>> shorten("a\\tb")
    "'a\\\\tb'"
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
"""Our words for the kinds of event."""

FIELDS = ("event", "user", "time", "query", "items", "item", "query_id", "position")
"""Our words for the fields of a record."""

WORDS = {event: kind for kind, event in KINDS.items()}
