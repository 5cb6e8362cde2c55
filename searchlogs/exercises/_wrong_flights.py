"""Wrong answers about flights, as people write them: what the capstone knows by name."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from math import sqrt
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.dataflow import Dataflow

from searchlogs.events import EARLIEST
from searchlogs.exercises.flights import LATE, Report

# Flows. Each is the right one, except for what its name says.


# Many parameters because each wrong flow differs in one of them.
def assembled(
    source: Any,
    sink: Any,
    windower: win.Windower[Any],
    wait: timedelta,
    key: Callable[[Report], str] = lambda report: str(report.aircraft),
    time: Callable[[Report], Any] = lambda report: report.time,
    enters: Callable[[Report], bool] = lambda report: report.time is not None,
    outputs: Iterable[str] = ("day", "late", "rest"),
    words: dict[str, str] | None = None,
) -> Dataflow:
    """Assemble a flow of which one part may be wrong."""
    flow = Dataflow("wrong")
    reports = op.input("reports", flow, source)
    ways = op.branch("enters", reports, enters)
    clock = win.EventClock(time, wait, now_getter=lambda: EARLIEST, to_system_utc=lambda _: None)
    windows = win.collect_window("day", op.key_on("key", ways.trues, key), clock, windower)
    streams: dict[str, Any] = {"day": windows.down, "late": windows.late, "rest": ways.falses}
    for name in outputs:
        word = (words or {}).get(name, name)
        rows = op.map(f"{name}_row", streams[name], partial(_row, word))
        op.output(f"{name}_out", rows, sink)
    return flow


def _row(word: str, value: Any) -> tuple[str, Any]:
    return word, value


def late_unread(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    return assembled(source, sink, win.SessionWindower(gap), wait, outputs=("day", "rest"))


def rest_unread(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    return assembled(source, sink, win.SessionWindower(gap), wait, outputs=("day", "late"))


def all_enter(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    windower = win.SessionWindower(gap)
    return assembled(source, sink, windower, wait, enters=lambda report: True)


def days_alone(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    return assembled(source, sink, win.SessionWindower(gap), wait, outputs=("day",))


def without_arrivals(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    windower = win.SessionWindower(gap)
    enters = lambda report: report.kind == "departure"  # noqa: E731
    return assembled(source, sink, windower, wait, enters=enters)


def by_carrier(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    windower = win.SessionWindower(gap)
    return assembled(source, sink, windower, wait, key=lambda report: report.carrier)


def by_flight(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    windower = win.SessionWindower(gap)
    key = lambda report: f"{report.carrier} {report.flight}"  # noqa: E731
    return assembled(source, sink, windower, wait, key=key)


def by_carrier_too(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    windower = win.SessionWindower(gap)
    key = lambda report: f"{report.carrier} {report.aircraft}"  # noqa: E731
    return assembled(source, sink, windower, wait, key=key)


def swapped(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    return assembled(source, sink, win.SessionWindower(wait), gap)


def without_wait(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    return assembled(source, sink, win.SessionWindower(gap), timedelta(0))


def by_schedule(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    windower = win.SessionWindower(gap)
    return assembled(source, sink, windower, wait, time=lambda report: report.scheduled)


def cancelled_too(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    windower = win.SessionWindower(gap)
    time = lambda report: report.time or report.scheduled  # noqa: E731
    enters = lambda report: report.aircraft is not None  # noqa: E731
    return assembled(source, sink, windower, wait, time=time, enters=enters)


def by_wall_clock(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    windower = win.SessionWindower(gap)
    time = lambda report: report.time.replace(tzinfo=UTC)  # noqa: E731
    return assembled(source, sink, windower, wait, time=time)


def by_calendar(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    midnight = datetime(2013, 3, 1, 5, tzinfo=UTC)
    windower = win.TumblingWindower(length=timedelta(days=1), align_to=midnight)
    return assembled(source, sink, windower, wait)


def late_among_the_rest(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    return assembled(source, sink, win.SessionWindower(gap), wait, words={"late": "rest"})


def without_words(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    words = dict.fromkeys(("day", "late", "rest"), "")
    return assembled(source, sink, win.SessionWindower(gap), wait, words=words)


# Waits.


def _needed(
    reports: Iterable[Report],
    key: Callable[[Report], object],
    time: Callable[[Report], datetime | None] = lambda report: report.time,
) -> timedelta:
    newest: dict[object, datetime] = {}
    wait = timedelta(0)
    for report in reports:
        if (moment := time(report)) is not None:
            newest[key(report)] = max(newest.get(key(report), moment), moment)
            wait = max(wait, newest[key(report)] - moment)
    return wait


def of_all_aircraft(reports: list[Report]) -> timedelta:
    return _needed(reports, lambda report: None)


def of_each_carrier(reports: list[Report]) -> timedelta:
    return _needed(reports, lambda report: report.carrier)


def of_each_flight(reports: list[Report]) -> timedelta:
    return _needed(reports, lambda report: (report.carrier, report.flight))


def on_wall_clocks(reports: list[Report]) -> timedelta:
    return _needed(
        reports,
        lambda report: report.aircraft,
        lambda report: report.time and report.time.replace(tzinfo=UTC),
    )


def of_the_schedule(reports: list[Report]) -> timedelta:
    return _needed(reports, lambda report: report.aircraft, lambda report: report.scheduled)


def from_the_neighbour(reports: list[Report]) -> timedelta:
    last: dict[object, datetime] = {}
    wait = timedelta(0)
    for report in reports:
        if report.time is not None:
            wait = max(wait, last.get(report.aircraft, report.time) - report.time)
            last[report.aircraft] = report.time
    return wait


def from_the_first(reports: list[Report]) -> timedelta:
    own: dict[object, list[datetime]] = {}
    for report in reports:
        if report.time is not None:
            own.setdefault(report.aircraft, []).append(report.time)
    return max((max(times) - min(times) for times in own.values()), default=timedelta(0))


def of_the_flights(reports: list[Report]) -> timedelta:
    landed = {_name(report): report.time for report in reports if report.kind == "arrival"}
    left = {_name(report): report.time for report in reports if report.kind == "departure"}
    both = [(left[name], landed[name]) for name in left if name in landed]
    return max((end - start for start, end in both if start and end), default=timedelta(0))


def _name(report: Report) -> tuple[object, ...]:
    return report.aircraft, report.flight


# Rates.


def _rated(
    days: Iterable[Iterable[Report]],
    on_time: Callable[[Report], bool],
    counts: Callable[[Report], bool] = lambda report: report.kind == "departure",
    user: Callable[[int, Report], object] = lambda number, report: report.aircraft,
) -> Any:
    # The formula of `tables.interval`, without the time that pandas takes.
    sums: dict[object, list[int]] = {}
    for number, day in enumerate(days):
        for report in filter(counts, day):
            own = sums.setdefault(user(number, report), [0, 0])
            own[0] += on_time(report)
            own[1] += 1
    parts, wholes = (sum(own[i] for own in sums.values()) for i in (0, 1))
    if not wholes:
        return None
    squares = sum((part * wholes - parts * whole) ** 2 for part, whole in sums.values())
    if not squares:
        return parts / wholes, None, None
    reach = 1.96 * sqrt(len(sums) / (len(sums) - 1) * squares) / wholes**2
    return parts / wholes, parts / wholes - reach, parts / wholes + reach


def punctual(report: Report) -> bool:
    """Return whether a departure left less than 15 minutes after its schedule."""
    return report.time is not None and report.time - report.scheduled < LATE


def fifteen_too(days: Any) -> Any:
    return _rated(days, lambda report: report.time - report.scheduled <= LATE)  # type: ignore[operator]


def early_is_late(days: Any) -> Any:
    return _rated(days, lambda report: abs(report.time - report.scheduled) < LATE)  # type: ignore[operator]


def seconds_of_a_negative(days: Any) -> Any:
    return _rated(days, lambda report: (report.time - report.scheduled).seconds < 900)  # type: ignore[operator]


def not_a_minute_late(days: Any) -> Any:
    return _rated(days, lambda report: report.time <= report.scheduled)  # type: ignore[operator]


def arrivals(days: Any) -> Any:
    return _rated(days, punctual, lambda report: report.kind == "arrival")


def both_ends(days: Any) -> Any:
    return _rated(days, punctual, lambda report: report.time is not None)


def each_day_alone(days: Any) -> Any:
    return _rated(days, punctual, user=lambda number, report: number)


def each_carrier(days: Any) -> Any:
    return _rated(days, punctual, user=lambda number, report: report.carrier)


def as_coins(days: Any) -> Any:
    found = _rated(days, punctual)
    if found is None:
        return None
    number = sum(report.kind == "departure" for day in days for report in day)
    reach = 1.96 * sqrt(found[0] * (1 - found[0]) / number)
    return found[0], found[0] - reach, found[0] + reach


def mean_of_days(days: Any) -> Any:
    found = _rated(days, punctual)
    rates = []
    for day in days:
        own = [punctual(report) for report in day if report.kind == "departure"]
        rates += [sum(own) / len(own)] if own else []
    return found and (sum(rates) / len(rates), *found[1:])


def the_rate_alone(days: Any) -> Any:
    found = _rated(days, punctual)
    return found and found[0]


def low_first(days: Any) -> Any:
    found = _rated(days, punctual)
    return found and (found[1], found[0], found[2])


def nothing_is_zero(days: Any) -> Any:
    return _rated(days, punctual) or (0.0, 0.0, 0.0)
