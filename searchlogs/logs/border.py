"""Validation of log records: each gives events, or the reason why it cannot be read.

This is the package's border. Nothing that comes from outside is trusted here, and nothing past it
is checked again: the events that it makes hold what their constructors would accept. A record that
cannot be read raises BadRecord, and never another exception.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Annotated, Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jiter
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails, SchemaValidator, core_schema

from searchlogs.events import EARLIEST, FIELDS, KINDS, LATEST, Event, shorten
from searchlogs.logs.words import TIME_UNITS, printable

MAX_REASON = 300
"""Longest reason, in characters."""

Record: TypeAlias = dict[str, Any]
"""A record as it was parsed: names and values."""


class BadRecord(Exception):
    """A record that gives no event, and the reason.

    `field` is the name of the field in the log, or None if the whole record is meant. The reason
    reads on from there, as in "time: missing". It quotes the record after "; found" alone.
    """

    def __init__(self, field: str | None, reason: str) -> None:
        # Libraries quote the log in their messages: any length of it, and its control characters.
        reason = printable(reason[: MAX_REASON + 1], MAX_REASON)
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def withheld(self) -> "BadRecord":
        """Return the same without the values that it quotes."""
        return BadRecord(self.field, self.reason.split("; found")[0])


@dataclass(frozen=True, slots=True)
class Ignored:
    """A record of a kind that is not mapped to one of the four kinds of event."""

    kind: str


class Skipped(Enum):
    """A record without an event of its own: framing, or an exact duplicate.

    Framing is a header, a bulk line or an empty line.
    """

    FRAMING = "framing"
    DUPLICATE = "duplicates"


Outcome: TypeAlias = tuple[Event, ...] | Ignored | Skipped | BadRecord
"""The result of reading a record."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that gives no event: its place, the reason, and its beginning."""

    file: str
    line: int
    """The record's first line, from 1; its row in a Parquet file."""
    field: str | None
    """The field's name in the log; None if the reason is about the whole record."""
    reason: str
    raw: str


@dataclass(frozen=True)
class Border:
    """Rules for reading a log, which may use other names than this package.

    Users, items and ids may be text or whole numbers. Times are ISO 8601 with an offset; two of the
    arguments allow others.

    Args:
        fields: The log's name of each field that is called differently there, by our name. The
            name a.b stands for b inside a.
        kinds: Our name of each kind of event, by the log's. If any are given, records of all other
            kinds are ignored; else they are rejected.
        time_unit: Unit of times that are numbers, counted from 1970: s, ms or us.
        zone: Time zone of times without an offset, such as Europe/Berlin.

    Raises:
        ValueError: There is no such field, kind, unit or zone.

    >>> border = Border(fields={"user": "uid"}, time_unit="s")
    >>> border.read({"event": "app_open", "uid": 7, "time": 1704067205})[0].time.isoformat()
    '2024-01-01T00:00:05+00:00'
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    time_unit: str | None = None
    zone: str | None = None
    make: Mapping[str, Callable[..., Any]] = field(
        default_factory=lambda: KINDS, repr=False, compare=False, kw_only=True
    )
    """Class of each kind of event, or a function that makes a stand-in for one."""

    def __post_init__(self) -> None:
        _check_words("field", self.fields, FIELDS)
        _check_words("kind", self.kinds.values(), tuple(KINDS))
        if self.time_unit is not None:
            _check_words("time unit", [self.time_unit], tuple(TIME_UNITS))
        if self.zone is not None:
            try:
                ZoneInfo(self.zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError(
                    f"zone: expected a time zone's name, such as Europe/Berlin; found {self.zone!r}"
                ) from None

    def read(self, record: Record) -> tuple[Event, ...] | Ignored | Skipped:
        """Return the events of a record, or why it has none.

        Raises:
            BadRecord: The record cannot be read.
        """
        word = self._word(record)
        if kind := self.ours.get(word):
            return (self._event(kind, record),)
        if self.kinds:
            return Ignored(word)
        known = ", ".join(KINDS)
        raise BadRecord(self.theirs("event"), f"expected one of {known}; found {shorten(word)}")

    @cached_property
    def ours(self) -> dict[str, str]:
        """Map each kind's name in the log to ours. Kinds without a mapping keep our name."""
        return {kind: kind for kind in KINDS if kind not in self.kinds.values()} | {**self.kinds}

    @property
    def reads_twice(self) -> bool:
        """Return whether the log must be read once before its records can be."""
        return False

    def theirs(self, ours: str) -> str:
        """Return the log's name of a field."""
        return self.fields.get(ours, ours)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the log's names of all fields that are looked up."""
        return tuple(map(self.theirs, FIELDS))

    @property
    def required(self) -> tuple[tuple[str, ...], ...]:
        """Return the log's names of the fields that every record has, each with alternatives."""
        return tuple((self.theirs(name),) for name in REQUIRED)

    def _word(self, record: Record) -> str:
        path = self.theirs("event")
        word = look_up(record, path)
        if word is None:
            raise BadRecord(path, "missing")
        if not isinstance(word, (str, int)):
            raise BadRecord(path, f"expected text; found {shorten(word)}")
        # Python prints no whole number of over 4,300 digits; shorten copes.
        return word if isinstance(word, str) else shorten(word)

    def _event(self, kind: str, record: Record) -> Event:
        try:
            event: Event = self._validators[kind].validate_python(record)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            ours = str(first["loc"][0])
            raise BadRecord(self.theirs(ours), _reason(ours, first)) from None
        if self.make is not KINDS:
            event = self.make[kind](**{name: getattr(event, name) for name in event.__slots__})
        return event

    @cached_property
    def _validators(self) -> dict[str, SchemaValidator]:
        """Build what makes each kind of event of a record, by the fields of its class.

        The events skip `__post_init__`, as their fields have been validated.
        """
        kinds = {}
        # Errors then name the field as we do, for _event to translate.
        config = core_schema.CoreConfig(loc_by_alias=False)
        for kind, event in KINDS.items():
            arguments = [
                self._argument(part.name, part.default is not MISSING) for part in fields(event)
            ]
            schema = core_schema.dataclass_schema(
                event,
                core_schema.dataclass_args_schema(event.__name__, arguments),
                [part.name for part in fields(event)],
                post_init=False,
                slots=True,
                config=config,
            )
            kinds[kind] = SchemaValidator(schema)
        return kinds

    def _argument(self, name: str, optional: bool) -> core_schema.DataclassField:
        """Build what reads a field of an event: flat, or along the dots of its name."""
        type = TYPES.get(name, Annotated[datetime, PlainValidator(self._time)])
        schema: Any = TypeAdapter(type | None if optional else type).core_schema
        if optional:
            schema = core_schema.with_default_schema(schema, default=None)
        theirs = self.theirs(name)
        paths: list[list[str | int]] = [[theirs], [*theirs.split(".")]]
        return core_schema.dataclass_field(name, schema, validation_alias=paths)

    def _time(self, value: object) -> datetime:
        time = self._moment(value)
        if time.tzinfo is not UTC and time.utcoffset() is None:
            time = self._in_zone(time)
        if not EARLIEST <= time <= LATEST:
            raise ValueError(
                f"expected a time from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}; "
                f"found {shorten(value)} (check its unit)"
            )
        return time if time.tzinfo is UTC else time.astimezone(UTC)

    def _moment(self, value: object) -> datetime:
        if type(value) is datetime:
            return value
        if isinstance(value, datetime) and value == value:  # pandas' NaT equals nothing
            return datetime.combine(value.date(), value.timetz())  # no pandas.Timestamp
        number = type(value) in (int, float) or (
            # Most times begin like 2024-, and matching the pattern takes longer than parsing them.
            isinstance(value, str) and value[4:5] != "-" and NUMBER.fullmatch(value) is not None
        )
        if number and self.time_unit is None:
            raise ValueError(
                f"number without a unit (set --time-unit to s, ms or us); found {shorten(value)}"
            )
        try:
            if number:
                micros = Decimal(str(value)) * TIME_UNITS[str(self.time_unit)]
                return EARLIEST + timedelta(microseconds=int(micros.to_integral_value()))
            if isinstance(value, str):
                return datetime.fromisoformat(value)
        except OverflowError:
            return LATEST + timedelta(1)
        except (ValueError, ArithmeticError):
            pass
        raise ValueError(
            f"expected an ISO 8601 timestamp, such as 2024-01-01T00:00:05Z; found {shorten(value)}"
        )

    def _in_zone(self, time: datetime) -> datetime:
        if self.zone is None:
            raise ValueError(
                "no UTC offset, such as Z or +01:00 (set --zone to the time zone of the log); "
                f"found {time}"
            )
        local = time.replace(tzinfo=ZoneInfo(self.zone), fold=0)
        before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
        # Around a change of the clocks the two differ, and to pick one would be a guess.
        if before != after:
            assert before is not None and after is not None
            often = "occurred twice" if before > after else "never occurred"
            raise ValueError(f"{often} in {self.zone}, when its clocks changed; found {time}")
        return local


NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?")
"""A number as text, as in a CSV cell."""


def look_up(record: Record, path: str) -> Any:
    """Return a record's value under a name, or under a.b for b inside a; None if it has none."""
    value: Any = record.get(path)
    if value is None and "." in path:
        value = record
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _check_words(what: str, words: Iterable[str], known: tuple[str, ...]) -> None:
    for word in words:
        if word not in known:
            raise ValueError(f"{what}: expected one of {', '.join(known)}; found {word!r}")


def _listed(value: object) -> object:
    """Return the list that a cell of text holds as a JSON array; other values as they are."""
    if isinstance(value, str):
        try:
            return jiter.from_json(value.encode())
        except ValueError:
            pass
    return value


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError
    return value


MAX_POSITION = 1_000_000_000
"""Largest position. The mean of larger ones would not be exact."""

MAX_USER = 10**4300 - 1
"""Largest user that is a number: Python prints no whole number of more digits."""

Text: TypeAlias = Annotated[StrictStr, Field(min_length=1)]
Name: TypeAlias = Text | Annotated[StrictInt, Field(ge=-MAX_USER, le=MAX_USER)]
Id: TypeAlias = Text | Annotated[StrictInt, AfterValidator(str)]
TYPES: dict[str, Any] = {
    "user": Name,
    "query": StrictStr,
    "items": Annotated[tuple[Id, ...], BeforeValidator(_listed)],
    "item": Id,
    "query_id": Id,
    "position": Annotated[int, Field(ge=1, le=MAX_POSITION), BeforeValidator(_no_bool)],
}
"""Type of each field, as pydantic reads it; that of the time depends on the log."""

NAME = "non-empty text or a whole number"
EXPECTED = {
    "user": NAME,
    "query": "text",
    "items": "a list of texts or whole numbers, best first (a JSON array in CSV)",
    "item": NAME,
    "query_id": NAME,
    "position": f"a whole number from 1 (the top) to {MAX_POSITION:,}",
}
"""Values that each field takes, for messages."""


def _reason(field: str, error: ErrorDetails) -> str:
    inside = field == "items" and len(error["loc"]) > 1
    if error["type"] == "missing" or (error["input"] is None and not inside):
        return "missing"
    if field == "time":
        return str(error["ctx"]["error"])
    return f"expected {EXPECTED[field]}; found {shorten(error['input'])}"


REQUIRED = ("event", "user", "time")
"""Fields that every event has."""


def columns_of(path: str) -> set[str]:
    """Return the columns that may hold a field: its own, and those of objects around it.

    >>> sorted(columns_of("a.b.c"))
    ['a', 'a.b', 'a.b.c']
    """
    parts = path.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts) + 1)}


def missing_column(border: Border, columns: list[str]) -> BadRecord | None:
    """Return why a header cannot be one, so that a first record does not pass for a header."""
    for name, *others in border.required:
        if not any(columns_of(path) & set(columns) for path in (name, *others)):
            instead = f", nor {' or '.join(others)}" if others else ""
            found = f"found the columns {', '.join(columns)}"
            return BadRecord(name, f"no such column{instead}; {found}")
    return None


def duplicate_column(border: Border, columns: list[str]) -> BadRecord | None:
    """Return why columns cannot be read if two of them are the same field."""
    for name in map(border.theirs, FIELDS):
        if columns.count(name) > 1:
            return BadRecord(name, "two columns have this name")
    return None


def read_columns(border: Border, record: Record, columns: list[str]) -> Outcome:
    """Read a record of a table, and name the table's columns if one is missing."""
    try:
        return border.read(record)
    except BadRecord as bad:
        if bad.field is None or columns_of(bad.field) & set(columns):
            return bad
        return BadRecord(bad.field, f"{bad.reason}; found the columns {', '.join(columns)}")
