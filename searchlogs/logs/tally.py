"""Counts of a log's records, by what became of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from searchlogs.events import Event
from searchlogs.logs.border import REQUIRED
from searchlogs.logs.outcomes import BadRecord, Found, Ignored, Outcome, Skipped
from searchlogs.logs.words import printable

MAX_KINDS = 100
"""Kinds of ignored records that are counted by name."""


@dataclass
class Tally:
    """Counts of a log's records, by what became of them."""

    records: int = 0
    gave_events: int = 0
    rejected: int = 0
    duplicates: int = 0
    framing: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    """Number of ignored records, by kind."""
    events: int = 0
    first: datetime | None = None
    """Time of the earliest event."""
    last: datetime | None = None
    """Time of the latest event."""
    lines: int = 0
    """Number of lines that the records took, in formats that have lines."""
    unread: dict[str, int] = field(default_factory=dict)
    """Number of values that the kind of their record does not read, by kind.field in our words."""
    mapped: dict[str, bool] = field(default_factory=dict)
    """Whether any record has a field that was mapped, by our name; empty if none was parsed."""
    activity: dict[str, int] = field(default_factory=dict)
    """Number of actions that are no events but keep sessions open, by the log's name of them. They
    are among the events nevertheless, and their records among those that gave events."""

    def add_events(self, records: int, events: int, first: datetime, last: datetime) -> None:
        """Count records that gave events.

        Args:
            records: Number of records.
            events: Number of events that they gave.
            first: Time of the earliest event.
            last: Time of the latest event.
        """
        self.records += records
        self.gave_events += records
        self.events += events
        self.first = min(first, self.first or first)
        self.last = max(last, self.last or last)

    def add(self, outcome: Outcome) -> None:
        """Count a record, and the events that it gave."""
        if isinstance(outcome, tuple):
            self.add_events(1, len(outcome), outcome[0].time, outcome[0].time)
            self.note(outcome)
            return
        self.records += 1
        if isinstance(outcome, BadRecord):
            self.rejected += 1
        elif outcome is Skipped.DUPLICATE:
            self.duplicates += 1
        elif outcome is Skipped.FRAMING:
            self.framing += 1
        else:
            assert isinstance(outcome, Ignored)
            count_kind(self.ignored, outcome.kind)

    def note(self, events: tuple[Event, ...]) -> None:
        """Count what a record has besides the events that it gave."""
        if isinstance(events, Found):
            for place in events.unread:
                self.unread[place] = self.unread.get(place, 0) + 1
            if events.activity is not None:
                count_kind(self.activity, events.activity)


def count_kind(kinds: dict[str, int], kind: str, number: int = 1) -> None:
    """Count records by their kind, whose name comes from the log."""
    kind = printable(kind[:81], 80)
    # A broken log can have as many kinds as lines.
    kind = kind if kind in kinds or len(kinds) < MAX_KINDS else "(others)"
    kinds[kind] = kinds.get(kind, 0) + number


class Mapped:
    """The mapped fields of a log, which are looked for in its records.

    Args:
        tally: Where it is noted which of them were found.
        fields: Our names of the fields.
    """

    def __init__(self, tally: Tally, fields: Iterable[str]) -> None:
        self.found = tally.mapped
        self.missing = list(fields)

    def look(self, outcomes: Iterable[Outcome]) -> None:
        """Look for the fields in the records that gave these outcomes."""
        for outcome in outcomes:
            if not self.missing:
                return
            was_parsed = not isinstance(outcome, Skipped)
            if isinstance(outcome, BadRecord):
                was_parsed = outcome.found is not None
            if was_parsed:
                self.note(partial(_has, outcome))

    def note(self, has: Callable[[str], bool]) -> None:
        """Note which fields some parsed records have."""
        for name in self.missing:
            self.found[name] = has(name)
        self.missing = [name for name in self.missing if not self.found[name]]


def _has(outcome: Outcome, name: str) -> bool:
    """Return whether a record has a mapped field."""
    if not isinstance(outcome, tuple):
        return name in (getattr(outcome, "found", None) or ())
    if name in REQUIRED or any(getattr(event, name, None) is not None for event in outcome):
        return True
    if not isinstance(outcome, Found):
        return False
    if name == "id":
        return outcome.id is not None
    return name in outcome.found or any(place.partition(".")[2] == name for place in outcome.unread)
