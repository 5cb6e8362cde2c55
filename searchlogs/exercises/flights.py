"""The capstone's log: flights out of New York in a week of March 2013, as reports."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource

from searchlogs.dataflow import run
from searchlogs.durations import check_duration

if TYPE_CHECKING:
    from searchlogs.figures.spans import Span

LATE = timedelta(minutes=15)
"""Delay from which on a departure counts as late."""


@dataclass(frozen=True, slots=True)
class Report:
    """One line of the log: what was reported about a flight."""

    kind: Literal["departure", "arrival", "cancellation"]
    aircraft: str | None
    """The registration on its tail; None if no aircraft was assigned."""
    carrier: str
    """The airline's code."""
    flight: int
    """The flight's number, unique within a day for most airlines."""
    origin: str
    dest: str
    scheduled: datetime
    """When it should have happened, with the offset of the airport's clocks."""
    time: datetime | None
    """When it happened, with the offset of the airport's clocks; None if it never did."""

    def __repr__(self) -> str:
        time = "no time" if self.time is None else f"{self.time:%d %b %H:%M}{self.time:%z}"
        return f"{self.kind} of {self.aircraft}, {self.carrier} {self.flight}, {time}"


def read_report(line: str) -> Report:
    """Read a line of the log.

    >>> line = '{"kind": "departure", "aircraft": "N963UW", "carrier": "US", "flight": 2142, '
    >>> line += '"origin": "LGA", "dest": "BOS", "scheduled": "2013-03-07T20:00:00-05:00", '
    >>> read_report(line + '"time": "2013-03-07T22:30:00-05:00"}')
    departure of N963UW, US 2142, 07 Mar 22:30-0500
    """
    values = json.loads(line)
    for name in ("scheduled", "time"):
        if values[name] is not None:
            values[name] = datetime.fromisoformat(values[name])
    return Report(**values)


Key = Callable[[Report], str | None]
Event = tuple[datetime, str]
"""Time and kind of what was reported."""


def _pauses(reports: Iterable[Report], key: Key) -> Iterator[tuple[Event | None, Event]]:
    """Yield each event that has a key, after the one before it; None before the first of a key."""
    found: dict[str, list[Event]] = {}
    for report in reports:
        if report.time is not None and (name := key(report)) is not None:
            found.setdefault(str(name), []).append((report.time, report.kind))
    for own in found.values():
        own.sort()  # At one time, an arrival before a departure.
        yield from pairwise([None, *own])


def pauses(reports: Iterable[Report], key: Key) -> list[timedelta]:
    """Return the pauses from each event of a key to its next; empty if nothing has a key."""
    return [after[0] - before[0] for before, after in _pauses(reports, key) if before]


def effect(reports: Iterable[Report], key: Key, gap: timedelta | str) -> dict[str, int]:
    """Count what a gap makes of the log.

    Args:
        reports: The log, in any order.
        key: Gives a report's key; None leaves it out.
        gap: A pause longer than this ends a session; a timedelta or text such as "30m".

    Returns:
        The number of `sessions`, of `flights` that landed, of flights `cut in the air`, whose
        departure and arrival are in two sessions, and of sessions `over 20 hours` long.
    """
    gap = check_duration("gap", gap)
    counts = dict.fromkeys(("sessions", "flights", "cut in the air", "over 20 hours"), 0)
    begun, counted = datetime.max.replace(tzinfo=UTC), True
    for before, after in _pauses(reports, key):
        landed = before is not None and (before[1], after[1]) == ("departure", "arrival")
        counts["flights"] += landed
        if before is None or after[0] - before[0] > gap:
            counts["sessions"] += 1
            counts["cut in the air"] += landed
            begun, counted = after[0], False
        if not counted and after[0] - begun > timedelta(hours=20):
            counts["over 20 hours"] += 1
            counted = True
    return counts


def spans(reports: Iterable[Report], day: date | None = None) -> "dict[Report, Span]":
    """Return flights as bars to draw, each by the report of its departure.

    Args:
        reports: Reports in any order; a flight needs both of its own.
        day: The day of the scheduled departure, by New York's clocks; None for any.
    """
    from searchlogs.figures.spans import Span

    landings: dict[tuple[object, ...], list[datetime]] = {}
    departures: list[Report] = []
    for report in reports:
        if report.kind == "arrival" and report.time is not None:
            landings.setdefault(_flight(report), []).append(report.time)
        elif report.kind == "departure" and day in (None, report.scheduled.date()):
            departures.append(report)
    found: dict[Report, Span] = {}
    for report in departures:
        left = report.time or report.scheduled
        after = [time for time in landings.get(_flight(report), ()) if time >= left]
        if after:
            found[report] = Span(left, min(after), left - report.scheduled >= LATE)
    return found


def _flight(report: Report) -> tuple[object, ...]:
    return report.aircraft, report.carrier, report.flight, report.origin, report.dest


Rows = list[tuple[str, list[Report]]]
"""What each row is, one of WORDS, and its reports in order of time."""
WORDS = ("day", "late", "rest")


def run_on(
    reports: Iterable[Report],
    flow: Callable[..., Dataflow | None],
    gap: timedelta | str | None,
    wait: timedelta | str | None,
) -> Rows:
    """Run a flow on reports, or print which station comes first and return nothing.

    Args:
        reports: The log, in the order in which it was reported.
        flow: A function of a source, a sink, the gap and the wait that returns a flow.
        gap: The gap, which station 2 chooses.
        wait: The wait, which station 3 finds.
    """
    cut = []
    for station, name, value in ((2, "gap", gap), (3, "wait", wait)):
        if not isinstance(value, timedelta | str | int | float):
            print(f"Station {station} comes first: it gives a timedelta.")
            return []
        cut.append(check_duration(name, value))
    rows: list[Any] = []
    made = flow(TestingSource(list(reports), batch_size=1_000), TestingSink(rows), *cut)
    if not isinstance(made, Dataflow):
        print("Station 4 comes first: `my_flow` returns no flow yet.")
        return []
    run(made)
    return read_rows(rows)


def read_rows(rows: Iterable[Any]) -> Rows:
    """Return what each row is, and its reports in order of time, however the row is written."""
    return [(_word(row), sorted(_reports(row), key=_order)) for row in rows]


def _order(report: Report) -> tuple[bool, datetime, str]:
    return report.time is None, report.time or report.scheduled, repr(report)


def _parts(row: Any) -> Iterable[Any]:
    return row.values() if isinstance(row, dict) else row


def _word(row: Any) -> str:
    """Return the first of the three words in a row, or an empty text."""
    if isinstance(row, str):
        return row.lower() if row.lower() in WORDS else ""
    if isinstance(row, tuple | list | dict):
        return next(filter(None, map(_word, _parts(row))), "")
    return ""


def _reports(row: Any) -> list[Report]:
    """Return the reports in a row."""
    if isinstance(row, Report):
        return [row]
    if isinstance(row, tuple | list | set | frozenset | dict):
        return [report for part in _parts(row) for report in _reports(part)]
    return []
