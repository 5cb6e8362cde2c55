"""The border: what a record of a log says, as events, or why it can't be read.

Past it everything is trusted, so here nothing is. A record that can't be read is a BadRecord with a
reason that a person understands, and never another exception.
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
"""The longest reason, in characters."""

Record: TypeAlias = Mapping[str, Any]


class BadRecord(Exception):
    """A record that gives no event: `field`, in the log's own words (None: all of it), and why.

    What the record holds stands in a reason behind "; found", if at all.
    """

    def __init__(self, field: str | None, reason: str) -> None:
        # Libraries quote the log in what they say: all of it, and its control characters.
        reason = printable(reason[: MAX_REASON + 1], MAX_REASON)
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def withheld(self) -> "BadRecord":
        """The same, without what the record holds."""
        return BadRecord(self.field, self.reason.split("; found")[0])


@dataclass(frozen=True, slots=True)
class Ignored:
    """A record of a kind that the log's reader has no use for."""

    kind: str


class Skipped(Enum):
    """A record that is no news: a header, a bulk line, an empty line; or one that came before."""

    FRAMING = "framing"
    DUPLICATE = "duplicates"


Outcome: TypeAlias = tuple[Event, ...] | Ignored | Skipped | BadRecord
"""What a record gives."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that gives no event: where it stands, what is wrong with it, and how it begins."""

    file: str
    line: int
    """From 1, the record's first; in Parquet its row."""
    field: str | None
    """In the log's own words; None where it is the whole record."""
    reason: str
    raw: str


@dataclass(frozen=True)
class Border:
    """How to read a log, whose words may not be ours.

    `fields` (ours to theirs; a.b is b inside a) and `kinds` (theirs to ours) say where they differ.
    Once `kinds` are said, an event of a kind that isn't among them is ignored; else it is a bad
    record. Times are ISO 8601 with an offset, or numbers of `time_unit` (s, ms, us) since 1970; a
    time without an offset is a wall clock's in `zone`. Users, items and ids may be text or whole
    numbers. Raises a ValueError for a word, a unit or a zone that doesn't exist.

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
    """For each kind, what makes an event of the fields, or something that can stand in for one."""

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
                    f"zone must be a time zone's name, such as Europe/Berlin; got {self.zone!r}"
                ) from None

    def read(self, record: Record) -> tuple[Event, ...] | Ignored | Skipped:
        """What a record gives; raises BadRecord."""
        word = self._word(record)
        if kind := self.ours.get(word):
            return (self._event(kind, record),)
        if self.kinds:
            return Ignored(word)
        known = ", ".join(KINDS)
        raise BadRecord(self.theirs("event"), f"must be one of {known}; found {shorten(word)}")

    @cached_property
    def ours(self) -> dict[str, str]:
        """Words for kinds, theirs to ours; ours as well, but for those that have one of theirs."""
        return {kind: kind for kind in KINDS if kind not in self.kinds.values()} | {**self.kinds}

    @property
    def reads_twice(self) -> bool:
        """Whether a log has to be read a first time before its records can be."""
        return False

    def theirs(self, ours: str) -> str:
        """The log's own word for a field."""
        return self.fields.get(ours, ours)

    def _word(self, record: Record) -> str:
        path = self.theirs("event")
        word = look_up(record, path)
        if word is None:
            raise BadRecord(path, "is missing")
        if not isinstance(word, (str, int)):
            raise BadRecord(path, f"must be text; found {shorten(word)}")
        return str(word)

    def _event(self, kind: str, record: Record) -> Event:
        try:
            event: Event = self.make[kind](**self._fields[kind].validate_python(record))
            return event
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            ours = str(first["loc"][0])
            raise BadRecord(self.theirs(ours), _reason(ours, first)) from None
        except (TypeError, ValueError) as error:
            raise BadRecord(None, str(error)) from None

    @cached_property
    def _fields(self) -> dict[str, SchemaValidator]:
        """How pydantic reads each kind of event: the fields of its class, under their words."""
        kinds = {}
        # What goes wrong is then told under our words, for _event to translate.
        config = core_schema.CoreConfig(loc_by_alias=False)
        for kind, event in KINDS.items():
            parts = {}
            for part in fields(event):
                optional = part.default is not MISSING
                type = TYPES.get(part.name, Annotated[datetime, PlainValidator(self._time)])
                theirs = self.theirs(part.name)
                paths: list[list[str | int]] = [[theirs], [*theirs.split(".")]]
                parts[part.name] = core_schema.typed_dict_field(
                    TypeAdapter(type | None if optional else type).core_schema,
                    required=not optional,
                    validation_alias=paths,
                )
            # Not a model: each record's would be made only to be taken apart.
            kinds[kind] = SchemaValidator(core_schema.typed_dict_schema(parts, config=config))
        return kinds

    def _time(self, value: object) -> datetime:
        time = self._moment(value)
        if time.tzinfo is None:
            time = self._in_zone(time)
        if not EARLIEST <= time <= LATEST:
            raise ValueError(
                f"must be from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}; "
                f"found {shorten(value)}: is its unit another?"
            )
        return time if time.tzinfo is UTC else time.astimezone(UTC)

    def _moment(self, value: object) -> datetime:
        if isinstance(value, datetime) and value == value:  # pandas' NaT is a datetime as well
            return value
        number = type(value) in (int, float) or (
            # Most are 2024-…, and the pattern costs more than to read them.
            isinstance(value, str) and value[4:5] != "-" and NUMBER.fullmatch(value) is not None
        )
        if number and self.time_unit is None:
            raise ValueError(
                f"is a number: --time-unit (s, ms, us) must say of what; found {shorten(value)}"
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
        raise ValueError(f"must be ISO 8601, such as 2024-01-01T00:00:05Z; found {shorten(value)}")

    def _in_zone(self, time: datetime) -> datetime:
        if self.zone is None:
            raise ValueError(
                f"has no offset, such as Z or +01:00: --zone must say where; found {time}"
            )
        local = time.replace(tzinfo=ZoneInfo(self.zone), fold=0)
        before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
        # Around a change of the clocks the two differ. To pick one would be a guess.
        if before != after:
            assert before is not None and after is not None
            often = "happened twice" if before > after else "never happened"
            raise ValueError(f"{often} in {self.zone}, as the clocks changed; found {time}")
        return local


NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?")
"""A number as text, as CSV has it."""


def look_up(record: Record, path: str) -> Any:
    """What a record holds under a name, or under a.b, b inside a; None where there is nothing."""
    value: Any = record.get(path)
    if value is None and "." in path:
        value = record
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _check_words(what: str, words: Iterable[str], known: tuple[str, ...]) -> None:
    for word in words:
        if word not in known:
            raise ValueError(f"{what} must be one of {', '.join(known)}; got {word!r}")


def _listed(value: object) -> object:
    """Cells hold text alone; in a list's place a JSON array."""
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
"""The last position: what a float can't hold has no mean."""

Text: TypeAlias = Annotated[StrictStr, Field(min_length=1)]
Name: TypeAlias = Text | StrictInt
Id: TypeAlias = Text | Annotated[StrictInt, AfterValidator(str)]
TYPES: dict[str, Any] = {
    "user": Name,
    "query": StrictStr,
    "items": Annotated[tuple[Id, ...], BeforeValidator(_listed)],
    "item": Id,
    "query_id": Id,
    "position": Annotated[int, Field(ge=1, le=MAX_POSITION), BeforeValidator(_no_bool)],
}
"""What pydantic takes for each field; the time depends on the log."""

WANTED = {
    "user": "text or a whole number, and not empty",
    "query": "text",
    "items": "a list of texts or whole numbers, best first (in CSV a JSON array)",
    "item": "text or a whole number, and not empty",
    "query_id": "text or a whole number, and not empty",
    "position": "a whole number from 1, the top, to a billion",
}


def _reason(field: str, error: ErrorDetails) -> str:
    inside = field == "items" and len(error["loc"]) > 1
    if error["type"] == "missing" or (error["input"] is None and not inside):
        return "is missing"
    if field == "time":
        return str(error["ctx"]["error"])
    return f"must be {WANTED[field]}; found {shorten(error['input'])}"


REQUIRED = ("event", "user", "time")
"""What every event has."""


def missing_column(border: Border, columns: list[str]) -> BadRecord | None:
    """Why these can't be the columns: a first record is no header, and must not pass for one."""
    for name in map(border.theirs, REQUIRED):
        if not {name, name.split(".")[0]} & set(columns):
            return BadRecord(name, f"is no column here; found the columns {', '.join(columns)}")
    return None


def duplicate_column(border: Border, columns: list[str]) -> BadRecord | None:
    for name in map(border.theirs, FIELDS):
        if columns.count(name) > 1:
            return BadRecord(name, "is the name of two columns")
    return None


def read_columns(border: Border, record: Record, columns: list[str]) -> Outcome:
    try:
        return border.read(record)
    except BadRecord as bad:
        if bad.field is None or {bad.field, bad.field.split(".")[0]} & set(columns):
            return bad
        return BadRecord(bad.field, f"{bad.reason}; found the columns {', '.join(columns)}")
