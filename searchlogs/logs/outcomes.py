"""Results of reading a record: events, or the reason why there are none."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias

from searchlogs.events import KINDS, WORDS, Event
from searchlogs.logs.words import printable

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
        self.found: frozenset[str] | None = None
        """The mapped fields that the record has; None if it could not be parsed."""

    def withheld(self) -> "BadRecord":
        """Return the same without the values that it quotes."""
        return self.because(self.reason.split("; found")[0])

    def because(self, reason: str) -> "BadRecord":
        """Return the same with another reason."""
        bad = BadRecord(self.field, reason)
        bad.found = self.found
        return bad


@dataclass(frozen=True, slots=True)
class Ignored:
    """A record of a kind that is not mapped to one of the four kinds of event."""

    kind: str
    found: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """The mapped fields that the record has."""


class Skipped(Enum):
    """A record without an event of its own: framing, or an exact duplicate.

    Framing is a header, a bulk line or an empty line.
    """

    FRAMING = "framing"
    DUPLICATE = "duplicates"


@dataclass(frozen=True, slots=True)
class Activity:
    """An action that keeps its user's session open, but is no event of the data model.

    It passes through windows as an event does. So functions that only hand events on, or look at
    their user and time, take it for one.
    """

    user: int | str
    time: datetime


ACTIVITY = "activity"
"""Name of the kind of action that gives an Activity."""

LOGGED: dict[str, Any] = {**KINDS, ACTIVITY: Activity}
"""Class of each kind of event, and of activity."""

KIND_OF: dict[type, str] = {**WORDS, Activity: ACTIVITY}
"""The name of each of these kinds, by its class."""


class Found(tuple[Event, ...]):
    """The events of one record, if there is more to note about it."""

    id: str | None = None
    """The record's id, by which deliveries of one record are known."""
    unread: tuple[str, ...] = ()
    """Fields that the record has and its kind does not read, as kind.field."""
    activity: str | None = None
    """The log's name of the action, if it is an activity."""
    found: frozenset[str] = frozenset()
    """The mapped fields that an activity has."""

    @property
    def key(self) -> object:
        """What another record has as well if it is the same: the id, or the events."""
        events = tuple(self)
        return self.id or (events if self.activity is None else (self.activity, events))

    def __new__(cls, events: Iterable[Event], **notes: Any) -> "Found":
        """Make events with notes, the attributes of the class."""
        found = super().__new__(cls, events)
        found.__dict__.update(notes)
        return found


def with_events(outcome: tuple[Event, ...], events: Iterable[Event]) -> tuple[Event, ...]:
    """Return other events in the place of those of an outcome, with the same notes."""
    return Found(events, **vars(outcome)) if type(outcome) is Found else tuple(events)


Outcome: TypeAlias = tuple[Event, ...] | Ignored | Skipped | BadRecord
"""The result of reading a record; more than one event if it is a search with its results."""


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
