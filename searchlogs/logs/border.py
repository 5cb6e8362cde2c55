"""Validation of log records: each gives events, or the reason why it cannot be read.

This is the package's border. Nothing that comes from outside is trusted here, and nothing past it
is checked again: the events that it makes hold what their constructors would accept. A record that
cannot be read raises BadRecord, and never another exception.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from typing import Any, NamedTuple

from pydantic_core import (
    CoreSchema,
    ErrorDetails,
    SchemaValidator,
    ValidationError,
    core_schema,
)

from searchlogs.events import FIELDS, KINDS, Event, shorten
from searchlogs.logs.fields import (
    EXPECTED,
    MAPPED,
    NAME,
    OTHERS,
    TYPES,
    expected_position,
    parsed,
    position_type,
)
from searchlogs.logs.outcomes import (
    ACTIVITY,
    LOGGED,
    Activity,
    BadRecord,
    Found,
    Ignored,
    Outcome,
    Record,
    Reject,
    Skipped,
)
from searchlogs.logs.times import Times

__all__ = [
    "Activity",
    "BadRecord",
    "Border",
    "Ignored",
    "Outcome",
    "Record",
    "Reject",
    "Skipped",
]


@dataclass(frozen=True)
class Border:
    """Rules for reading a log, which may use other names than this package.

    Users, items and ids may be text or whole numbers. A search that has `items` gives its results
    as well. An Activity passes for an event, whose type it shares where it is only handed on.

    Args:
        fields: The log's name of each field that is called differently there, by our name. The
            name a.b stands for b inside a, which may be JSON text; a|b for the first of a and b
            that the record has and that is not empty. The field `id` is only used to tell when a
            record was delivered twice.
        kinds: Our name of each kind of event, by the log's. If any are given, records of all other
            kinds are ignored; else they are rejected. The kind `activity` is for actions that only
            keep a session open; it alone may be that of `*`, all other kinds.
        time_unit: Unit of times that are numbers, as in Times.
        zone: Time zone of times without an offset, likewise.
        time_format: Format of times that are not ISO 8601, likewise.
        first_position: Position of the topmost result in this log, 0 or 1.

    Raises:
        ValueError: There is no such field, kind, unit, zone, format or first position.

    >>> border = Border(fields={"user": "uid"}, time_unit="s")
    >>> border.read({"event": "app_open", "uid": 7, "time": 1704067205})[0].time.isoformat()
    '2024-01-01T00:00:05+00:00'
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    time_unit: str | None = None
    zone: str | None = None
    time_format: str | None = None
    first_position: int = 1

    def __post_init__(self) -> None:
        _check_words("field", self.fields, MAPPED)
        _check_words("kind", self.kinds.values(), tuple(LOGGED))
        if self.kinds.get(OTHERS, ACTIVITY) != ACTIVITY:
            raise ValueError(
                f"kind: * (all other kinds) can be activity alone; found {self.kinds[OTHERS]}"
            )
        if self.first_position not in (0, 1):
            raise ValueError(f"first position: expected 0 or 1; found {self.first_position!r}")
        self._times  # noqa: B018 (checks its arguments)

    def read(self, record: Record) -> tuple[Event, ...] | Ignored | Skipped:
        """Return the events of a record, or why it has none.

        Raises:
            BadRecord: The record cannot be read.
        """
        try:
            word = record.get(self._event_name)
            if type(word) is not str:  # seldom
                word = self._word(record)
            kind = self.ours.get(word) or self.kinds.get(OTHERS)
            if kind is not None:
                return self._events(kind, record, word)
            if not self.kinds:
                known = ", ".join(KINDS)
                reason = f"expected one of {known}; found {shorten(word)}"
                raise BadRecord(self.theirs("event"), reason)
        except BadRecord as bad:
            bad.found = self._present(record)
            raise
        return Ignored(word, self._present(record))

    @cached_property
    def ours(self) -> dict[str, str]:
        """Map each kind's name in the log to ours. Kinds of event without one keep our name."""
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
        return tuple(map(self.theirs, FIELDS if "id" not in self.fields else MAPPED))

    @property
    def required(self) -> tuple[tuple[str, ...], ...]:
        """Return the log's names of the fields that every record has, each with alternatives."""
        return tuple((self.theirs(name),) for name in REQUIRED)

    def unread(self, kind: str) -> tuple[str, ...]:
        """Return the fields that one of our kinds does not read."""
        return self._readers[kind].unread

    @property
    def mapped(self) -> Mapping[str, str]:
        """Return the fields that were mapped: the log's names, by ours."""
        return self.fields

    @cached_property
    def _event_name(self) -> str:
        return self.theirs("event")

    def _word(self, record: Record) -> str:
        word = self._value("event", record)
        if isinstance(word, str):
            return word
        if word is None:
            raise BadRecord(self.theirs("event"), "missing")
        if not isinstance(word, int):
            raise BadRecord(self.theirs("event"), f"expected text; found {shorten(word)}")
        return shorten(word)  # Python prints no whole number of over 4,300 digits

    def _events(self, kind: str, record: Record, word: str) -> tuple[Event, ...]:
        """Return the events of a record of one of our kinds; `word` is the log's name of it."""
        events: tuple[Event, ...] = (self._event(kind, record),)
        if (
            kind == "search"
            and not self._item_columns.isdisjoint(record)
            and self._value("items", record) not in (None, "")
        ):
            events += (self._event("results", record),)
        if self._readers[kind].noted.isdisjoint(record):
            return events
        return self._noted(events, kind, record, word)

    def _noted(
        self,
        events: tuple[Event, ...],
        kind: str,
        record: Record,
        word: str,
        fields: Iterable[str] | None = None,
    ) -> tuple[Event, ...]:
        """Return the events of a record, with what else there is to note about it.

        Of `fields`, which the kind does not read, it notes those that the record has.
        """
        notes: dict[str, Any] = {}
        if (id := self._id(record)) is not None:
            notes["id"] = id
        if kind == ACTIVITY:
            notes |= {"activity": word, "found": self._present(record)}
        fields = self._readers[kind].unread if fields is None else fields
        unread = [ours for ours in fields if self._has(ours, record)]
        if unread:
            notes["unread"] = tuple(f"{kind}.{ours}" for ours in unread)
        return Found(events, **notes) if notes else events

    def _id(self, record: Record) -> str | None:
        id = self._value("id", record) if "id" in self.fields else None
        if id in (None, ""):
            return None
        if not isinstance(id, str) and type(id) is not int:
            raise BadRecord(self.theirs("id"), f"expected {NAME}; found {shorten(id)}")
        return id if isinstance(id, str) else shorten(id)

    def _value(self, ours: str, record: Record) -> Any:
        """Return a record's value of a field; None if it has none."""
        path = self.theirs(ours)
        return look_up(record, path) if path in self.nested else record.get(path)

    def _has(self, ours: str, record: Record) -> bool:
        """Return whether a record has a value of a field."""
        try:
            return self._value(ours, record) not in (None, "")
        except BadRecord:
            return False

    def _present(self, record: Record) -> frozenset[str]:
        """Return the mapped fields that a record has."""
        return frozenset(ours for ours in self.mapped if self._has(ours, record))

    @cached_property
    def query_columns(self) -> set[str]:
        """The columns that may hold a query, which may be empty."""
        return columns_of(self.theirs("query"))

    @cached_property
    def _item_columns(self) -> set[str]:
        """The columns that may hold the results of a search."""
        return columns_of(self.theirs("items"))

    @cached_property
    def nested(self) -> frozenset[str]:
        """The names that stand for more than one column."""
        return frozenset(name for name in self.fields.values() if "." in name or "|" in name)

    def _event(self, kind: str, record: Record) -> Event:
        reader = self._readers[kind]
        if reader.nested:
            record = {**record, **{path: look_up(record, path) for path in reader.nested}}
        try:
            event: Event = reader.validator.validate_python(record)
            return event
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            ours = str(first["loc"][0])
            raise BadRecord(self.theirs(ours), self._reason(ours, first)) from None

    @cached_property
    def _readers(self) -> dict[str, "_Reader"]:
        """Build what reads the records of each kind, by the fields of its class."""
        readers = {}
        for kind, event in LOGGED.items():
            names = [part.name for part in fields(event)]
            hits = ["items"] if kind == "search" else []
            read = {self.theirs(name) for name in ("event", *names, *hits)}
            unread = [name for name in FIELDS if self.theirs(name) not in read]
            noted = {"id", *unread} & {*FIELDS, *self.fields}
            if kind == ACTIVITY:  # is no event: no field is missed, but all are counted by name
                unread, noted = [], {"event"}
            readers[kind] = _Reader(
                self._validator(event),
                tuple(path for name in names if (path := self.theirs(name)) in self.nested),
                tuple(unread),
                frozenset().union(*(columns_of(self.theirs(name)) for name in noted)),
            )
        return readers

    def _validator(self, event: Any) -> SchemaValidator:
        """Build what makes an event of a record. Its fields are validated, so it skips that."""
        arguments = [
            self._argument(part.name, part.default is not MISSING) for part in fields(event)
        ]
        schema = core_schema.dataclass_schema(
            event,
            core_schema.dataclass_args_schema(event.__name__, arguments),
            [part.name for part in fields(event)],
            post_init=False,
            slots=True,
            # Errors then name the field as we do, for _event to translate.
            config=core_schema.CoreConfig(loc_by_alias=False),
        )
        return SchemaValidator(schema)

    def _argument(self, name: str, optional: bool) -> core_schema.DataclassField:
        """Build what reads a field of an event."""
        schema = self._types[name]
        if optional:
            schema = core_schema.nullable_schema(schema)
            schema = core_schema.with_default_schema(schema, default=None)
        return core_schema.dataclass_field(name, schema, validation_alias=self.theirs(name))

    @cached_property
    def _types(self) -> dict[str, CoreSchema]:
        """Type of each field, as pydantic's core reads it."""
        time = core_schema.no_info_plain_validator_function(self._times.read)
        return {**TYPES, "position": position_type(self.first_position), "time": time}

    @cached_property
    def _times(self) -> Times:
        return Times(self.time_unit, self.zone, self.time_format)

    def _reason(self, field: str, error: ErrorDetails) -> str:
        """Return why a field was refused, as it reads on from the field's name."""
        inside = field == "items" and len(error["loc"]) > 1
        value = error["input"]
        if error["type"] == "missing" or (value is None and not inside):
            return "missing"
        if field == "time":
            return str(error["ctx"]["error"])
        if field == "position":
            return expected_position(self.first_position, value)
        return f"expected {EXPECTED[field]}; found {shorten(value)}"


class _Reader(NamedTuple):
    """How the records of one kind are read."""

    validator: SchemaValidator
    nested: tuple[str, ...]
    """The log's names of its fields that stand for more than one column."""
    unread: tuple[str, ...]
    """Our names of the fields that the kind does not have."""
    noted: frozenset[str]
    """The columns of what is noted about a record besides its events."""


def look_up(record: Mapping[str, Any], path: str, above: str = "") -> Any:
    """Return the value under a name, any part of which may be flattened or JSON text.

    Args:
        record: Record, or an object inside it.
        path: Name of the value: a.b stands for b inside a, and a|b for the first of a and b that is
            there and not empty.
        above: Name of the object in its record, with a dot at its end.

    Returns:
        The value; None if there is none, or the first empty text if all are empty.

    Raises:
        BadRecord: Another value is in the place of an object.

    >>> look_up({"a.b": '{"c": 1}'}, "d|a.b.c")
    1
    """
    value = record.get(path)
    if value is not None or ("." not in path and "|" not in path):
        return value
    if "|" in path:
        values = [look_up(record, one, above) for one in path.split("|")]
        there = [value for value in values if value is not None]
        return next((value for value in there if value != ""), there[0] if there else None)
    dot = path.find(".")
    while value is None and dot > 0:
        outer = record.get(path[:dot])
        outer = parsed(outer) if isinstance(outer, str) else outer
        if isinstance(outer, Mapping):
            value = look_up(outer, path[dot + 1 :], f"{above}{path[: dot + 1]}")
        elif outer not in (None, ""):
            raise BadRecord(above + path[:dot], f"expected an object; found {shorten(outer)}")
        dot = path.find(".", dot + 1)
    return value


def _check_words(what: str, words: Iterable[str], known: tuple[str, ...]) -> None:
    for word in words:
        if word not in known:
            raise ValueError(f"{what}: expected one of {', '.join(known)}; found {word!r}")


REQUIRED = ("event", "user", "time")
"""Fields that every event has."""


def columns_of(path: str) -> set[str]:
    """Return the columns that may hold a field: its own, and those of objects around it.

    >>> sorted(columns_of("a.b.c|d"))
    ['a', 'a.b', 'a.b.c', 'a.b.c|d', 'd']
    """
    columns = {path}
    for one in path.split("|"):
        parts = one.split(".")
        columns |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    return columns


def missing_column(border: Border, columns: list[str]) -> BadRecord | None:
    """Return why a header cannot be one, so that a first record does not pass for a header."""
    for name, *others in border.required:
        if not any(columns_of(path) & set(columns) for path in (name, *others)):
            instead = f", nor {' or '.join(others)}" if others else ""
            found = f"found the columns {', '.join(columns)}"
            advice = "(--map names it, --sql can make it)"
            return BadRecord(name, f"no such column{instead} {advice}; {found}")
    return None


def duplicate_column(border: Border, columns: list[str]) -> BadRecord | None:
    """Return why columns cannot be read if two of them are the same field."""
    if len(set(columns)) < len(columns):
        for name in sorted(set().union(*map(columns_of, border.names))):
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
        return bad.because(f"{bad.reason}; found the columns {', '.join(columns)}")
