"""The record of a live run: what the engine said, and at which time of the run."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from searchlogs.events import Event
from searchlogs.figures.elements import LABELS, ctr_text
from searchlogs.figures.page import duration_text, plain, quantity
from searchlogs.sessions import Late, Session


@dataclass(slots=True)
class Arrived:
    """An event, and what the engine made of it when it arrived."""

    at: datetime
    event: Event
    watermark: datetime
    """That of the user, after this arrival."""
    late_by: timedelta | None = None

    @property
    def user(self) -> str:
        """The key."""
        return str(self.event.user)


class Closed(NamedTuple):
    """A session, and when it closed."""

    at: datetime
    session: Session


class Open(NamedTuple):
    """A session that has not closed yet, from its first event so far to its last."""

    user: str
    start: datetime
    end: datetime


class State(NamedTuple):
    """What is known at one time of a run."""

    at: datetime
    arrived: list[Arrived]
    closed: list[Closed]
    open: list[Open]
    watermarks: dict[str, datetime]
    """By user: a live watermark moves with the time since the last arrival."""

    def __str__(self) -> str:
        late = sum(one.late_by is not None for one in self.arrived)
        events = quantity(len(self.arrived), "event") + (f" ({late} late)" if late else "")
        sessions = f"{quantity(len(self.open), 'open session')}, {len(self.closed)} closed"
        return f"{self.at:%H:%M:%S} · {events} · {sessions}"


@dataclass
class Record:
    """What a run has said so far."""

    gap: timedelta
    arrived: list[Arrived] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)

    def clear(self) -> None:
        """Forget an earlier run."""
        self.arrived.clear()
        self.closed.clear()
        self.late.clear()

    def mark_late(self, late: Late) -> None:
        """Note that the engine called an event late that has arrived."""
        self.late.append(late)
        found = next(one for one in reversed(self.arrived) if one.event is late.event)
        found.late_by = late.late_by

    def state(self, at: datetime) -> State:
        """Return what was known at a time of the run."""
        arrived = [one for one in self.arrived if one.at <= at]
        closed = [one for one in self.closed if one.at <= at]
        out = {id(event) for one in closed for event in one.session.events}
        waiting: dict[str, list[datetime]] = defaultdict(list)
        for one in arrived:
            if one.late_by is None and id(one.event) not in out:
                waiting[one.user].append(one.event.time)
        watermarks = {one.user: one.watermark + (at - one.at) for one in arrived}
        sessions = [one for user, times in waiting.items() for one in self._cut(user, times)]
        return State(at, arrived, closed, sessions, watermarks)

    def _cut(self, user: str, times: list[datetime]) -> list[Open]:
        """Return the open sessions of a user, whose events may have come in any order."""
        cut: list[Open] = []
        for time in sorted(times):
            if cut and time - cut[-1].end <= self.gap:
                cut[-1] = cut[-1]._replace(end=time)
            else:
                cut.append(Open(user, time, time))
        return cut

    def facts(self) -> list[tuple[datetime, str]]:
        """Return what is worth a sentence, in the order in which it happened."""
        late = [
            (one.at, f"{_event_text(one)} of {one.event.time:%H:%M:%S} arrives late")
            for one in self.arrived
            if one.late_by is not None
        ]
        closed = [(at, _closing(session)) for at, session in self.closed]
        return sorted(late + closed, key=lambda fact: fact[0])


def _event_text(one: Arrived) -> str:
    return f"user {plain(one.user)}: {LABELS[type(one.event)]}"


def _closing(session: Session) -> str:
    n = quantity(len(session.events), "event")
    return f"user {plain(session.user)}: session {session.id} closes, {n}, {ctr_text(session)}"


def late_text(late_by: timedelta) -> str:
    """Return by how much an event is late, in whole seconds.

    >>> late_text(timedelta(seconds=61.7))
    'late by 61 s'
    """
    return f"late by {duration_text(timedelta(seconds=late_by // timedelta(seconds=1)))}"


def left_text(left: timedelta) -> str:
    """Return how long it is until a session closes, in whole seconds.

    >>> left_text(timedelta(seconds=3.2))
    '4 s left'
    """
    return f"{-(-left // timedelta(seconds=1))} s left"
