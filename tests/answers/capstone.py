"""Answers to the exercises of notebook 13."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate, groupby
from math import sqrt
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import numpy as np
import pandas as pd
from bytewax.dataflow import Dataflow

from searchlogs.events import EARLIEST
from searchlogs.exercises import _wrong_flights as wrong
from searchlogs.exercises.capstone import my_flow, my_key, my_rate, my_wait
from searchlogs.sessions import replay_clock
from searchlogs.tables import interval

HOUR = timedelta(hours=1)

# Station 1: keys.


class Key:
    def __call__(self, report: Any) -> Any:
        return report.aircraft


def key_by_branches(report: Any) -> Any:
    if report.aircraft is None:
        return None
    return str(report.aircraft)


def key_by_match(report: Any) -> Any:
    match report.aircraft:
        case str() as name:
            return name
    return None


def key_by_name(report: Any, field: str = "aircraft") -> Any:
    return getattr(report, field)


def key_by_try(report: Any) -> Any:
    try:
        return "".join(report.aircraft)
    except TypeError:
        return None


def missing_is_an_error(report: Any) -> Any:
    return report.aircraft.strip()


def key_is_lower(report: Any) -> Any:
    return report.aircraft and report.aircraft.lower()


# Station 3: waits.


def wait_by_groups(reports: Any) -> Any:
    own = defaultdict(list)
    for report in reports:
        if report.time:
            own[report.aircraft].append(report.time)
    found = [timedelta(0)]
    for times in own.values():
        found += [seen - time for seen, time in zip(accumulate(times, max), times, strict=True)]
    return max(found)


def wait_in_utc(reports: Any) -> Any:
    newest: Any = {}
    wait = timedelta()
    for report in reports:
        if report.kind != "cancellation":
            time = report.time.astimezone(UTC)
            newest[report.aircraft] = max(time, newest.get(report.aircraft, time))
            wait = max(wait, newest[report.aircraft] - time)
    return wait


def wait_by_pandas(reports: Any) -> Any:
    rows = [(r.aircraft, r.time.timestamp()) for r in reports if r.time is not None]
    if not rows:
        return timedelta(0)
    table = pd.DataFrame(rows, columns=["key", "time"])
    behind = table.groupby("key")["time"].cummax() - table["time"]
    return timedelta(seconds=float(behind.max()))


def wait_by_numpy(reports: Any) -> Any:
    found = [0.0]
    for key in {report.aircraft for report in reports}:
        own = [r.time.timestamp() for r in reports if r.aircraft == key and r.time is not None]
        if own:
            found.append(float((np.maximum.accumulate(own) - np.array(own)).max()))
    return timedelta(seconds=max(found))


def wait_of_pairs(reports: Any) -> Any:
    happened = [report for report in reports if report.time is not None]
    return max(
        (
            before.time - after.time
            for i, after in enumerate(happened)
            for before in happened[:i]
            if before.aircraft == after.aircraft and before.time > after.time
        ),
        default=timedelta(0),
    )


def wait_by_recursion(reports: Any) -> Any:
    def rest(left: Any, newest: Any) -> Any:
        if not left:
            return timedelta(0)
        first, *others = left
        if first.time is None:
            return rest(others, newest)
        seen = max(first.time, newest.get(first.aircraft, first.time))
        return max(seen - first.time, rest(others, {**newest, first.aircraft: seen}))

    return rest(reports, {})


def wait_by_groupby(reports: Any) -> Any:
    own = sorted((r for r in reports if r.time), key=attrgetter("aircraft"))
    found = [timedelta(0)]
    for _, group in groupby(own, attrgetter("aircraft")):
        newest = datetime.min.replace(tzinfo=UTC)
        for report in group:
            newest = max(newest, report.time)
            found.append(newest - report.time)
    return max(found)


class Waiter:
    def __call__(self, reports: Any) -> Any:
        return my_wait(list(reports))


def wait_in_seconds(reports: Any) -> Any:
    return my_wait(reports).total_seconds()


def wait_of_durations(reports: Any) -> Any:
    landed = {(r.aircraft, r.flight): r.time for r in reports if r.kind == "arrival"}
    left = {(r.aircraft, r.flight): r.time for r in reports if r.kind == "departure"}
    flights = [landed[flight] - left[flight] for flight in left if flight in landed]
    return max(flights, default=timedelta(0))


def wait_is_negative(reports: Any) -> Any:
    return -my_wait(reports)


# Station 4: flows.


def flow_by_merge(source: Any, sink: Any, gap: Any, wait: Any) -> Any:
    flow = Dataflow("merged")
    reports = op.input("inp", flow, source)
    events = op.filter("events", reports, lambda report: report.time is not None)
    others = op.filter("others", reports, lambda report: report.time is None)
    keyed = op.key_on("key", events, lambda report: report.aircraft)
    windows = win.collect_window("w", keyed, replay_clock(wait), win.SessionWindower(gap))
    days = op.map("d", windows.down, lambda row: ("day", row[0], list(row[1][1])))
    late = op.map("l", windows.late, lambda row: ("late", row))
    op.output("out", op.merge("m", days, late, op.map("r", others, lambda r: ("rest", r))), sink)
    return flow


def flow_of_its_own_clock(source: Any, sink: Any, gap: Any, wait: Any) -> Any:
    def key(report: Any) -> str:
        return f"plane {report.aircraft}"

    return wrong.assembled(source, sink, win.SessionWindower(gap), wait, key)


def flow_by_flat_map(source: Any, sink: Any, gap: Any, wait: Any) -> Any:
    flow = Dataflow("flat")
    reports = op.input("inp", flow, source)
    pairs = op.flat_map("pairs", reports, lambda r: [] if r.time is None else [(r.aircraft, r)])
    rest = op.filter_map("rest", reports, lambda r: ("rest", r) if r.time is None else None)
    clock = replay_clock(wait, lambda report: report.time.astimezone(UTC))
    windows = win.collect_window("w", pairs, clock, win.SessionWindower(gap))
    op.output("o1", op.map("m1", windows.down, lambda row: ["day", tuple(row[1][1])]), sink)
    op.output("o2", op.map("m2", windows.late, lambda row: ["late", row[1][1]]), sink)
    op.output("o3", rest, sink)
    return flow


def flow_by_fold(source: Any, sink: Any, gap: Any, wait: Any) -> Any:
    flow = Dataflow("folded")
    ways = op.branch("b", op.input("inp", flow, source), lambda r: r.kind == "cancellation")
    keyed = op.map("key", ways.falses, lambda r: (r.aircraft, r))
    windows = win.fold_window(
        "w",
        keyed,
        replay_clock(wait, attrgetter("time")),
        win.SessionWindower(gap),
        list,
        lambda seen, report: [*seen, report],
        lambda one, two: one + two,
    )
    for name, stream in (("day", windows.down), ("late", windows.late), ("rest", ways.trues)):
        rows = op.map(
            f"{name}_row", stream, partial(lambda name, row: {name: row, "is": name}, name)
        )
        op.output(f"{name}_out", rows, sink)
    return flow


def flow_in_any_order(source: Any, sink: Any, gap: Any, wait: Any) -> Any:
    flow = Dataflow("unordered")
    ways = op.branch("b", op.input("inp", flow, source), lambda r: r.time is not None)
    keyed = op.key_on("k", ways.trues, my_key)  # type: ignore[arg-type]
    windower = win.SessionWindower(gap)
    windows = win.collect_window("w", keyed, replay_clock(wait), windower, into=list, ordered=False)
    op.output(
        "o1", op.map("m1", windows.down, lambda row: ("day", sorted(row[1][1], key=when))), sink
    )
    op.output("o2", op.map_value("m2", windows.late, lambda value: ("late", value[1])), sink)
    op.output("o3", op.map("m3", ways.falses, lambda r: ("rest", [r])), sink)
    return flow


def when(report: Any) -> Any:
    return report.time


class Flow:
    name = "flow_of_a_class"

    def __call__(self, source: Any, sink: Any, gap: Any, wait: Any) -> Any:
        return my_flow(source, sink, gap, wait)


def flow_by_state(source: Any, sink: Any, gap: Any, wait: Any) -> Any:
    """Without a window: a dictionary per aircraft, that waits for the end of the input."""

    class Days(op.StatefulBatchLogic):  # type: ignore[type-arg]
        def __init__(self, state: Any) -> None:
            self.seen, self.newest = state or ([], EARLIEST)

        def on_batch(self, values: Any) -> Any:
            out = []
            for report in values:
                self.newest = max(self.newest, report.time)
                if report.time < self.newest - wait:
                    out.append(("late", report))
                else:
                    self.seen.append(report)
            return out, False

        def on_eof(self) -> Any:
            days: list[Any] = []
            for report in sorted(self.seen, key=when):
                if not days or report.time - days[-1][-1].time > gap:
                    days.append([])
                days[-1].append(report)
            return [("day", day) for day in days], True

        def snapshot(self) -> Any:
            return list(self.seen), self.newest

    flow = Dataflow("state")
    ways = op.branch("b", op.input("inp", flow, source), lambda r: r.time is not None)
    rows = op.stateful_batch("s", op.key_on("k", ways.trues, lambda r: r.aircraft), Days)
    op.output("o1", op.map("m", rows, lambda row: row[1]), sink)
    op.output("o2", op.map("m3", ways.falses, lambda r: ("rest", r)), sink)
    return flow


def flow_with_extras(source: Any, sink: Any, gap: Any, wait: Any, **more: Any) -> Any:
    flow = my_flow(source, sink, gap=gap, wait=wait)
    return flow


def flow_in_numbers(source: Any, sink: Any, gap: Any, wait: Any) -> Any:
    flow = Dataflow("numbers")
    keyed = op.key_on("k", op.input("inp", flow, source), lambda report: report.flight)  # type: ignore
    windows = win.collect_window("w", keyed, replay_clock(wait), win.SessionWindower(gap))
    op.output("out", windows.down, sink)
    return flow


def flow_without_return(source: Any, sink: Any, gap: Any, wait: Any) -> Any:
    flow = Dataflow("nothing")
    op.output("out", op.input("inp", flow, source), sink)


def flow_without_words(source: Any, sink: Any, gap: Any, wait: Any) -> Any:
    flow = Dataflow("wordless")
    ways = op.branch("b", op.input("inp", flow, source), lambda r: r.time is not None)
    keyed = op.key_on("k", ways.trues, lambda r: r.aircraft)
    windows = win.collect_window("w", keyed, replay_clock(wait), win.SessionWindower(gap))
    op.output("out", op.merge("m", windows.down, windows.late, ways.falses), sink)
    return flow


# Station 5: rates.


def on_time(report: Any) -> bool:
    return bool((report.time - report.scheduled).total_seconds() < 900)


def departures(days: Any) -> list[Any]:
    return [r for day in days for r in day if r.kind == "departure"]


def rate_per_day(days: Any) -> Any:
    """One row per day, as `summary` has it."""
    rows = [(d[0].aircraft, len(departures([d])), sum(map(on_time, departures([d])))) for d in days]
    table = pd.DataFrame(rows, columns=["user", "searches", "searches_clicked"])
    if not table["searches"].sum():
        return None
    ends = interval(table)
    rate = table["searches_clicked"].sum() / table["searches"].sum()
    return [rate, *(ends or (None, None))]


def rate_per_aircraft(days: Any) -> Any:
    left: Counter[str] = Counter()
    good: Counter[str] = Counter()
    for report in departures(days):
        left[report.aircraft] += 1
        good[report.aircraft] += on_time(report)
    if not left:
        return None
    table = pd.DataFrame({"user": list(left), "searches": list(left.values())})
    table["searches_clicked"] = [good[user] for user in table["user"]]
    low, high = interval(table, level=0.95) or (None, None)
    return sum(good.values()) / sum(left.values()), low, high


def rate_by_hand(days: Any) -> Any:
    own: dict[str, list[bool]] = defaultdict(list)
    for report in departures(days):
        own[report.aircraft].append(on_time(report))
    total = sum(map(len, own.values()))
    if not total:
        return None
    rate = sum(map(sum, own.values())) / total
    residuals = [sum(times) - rate * len(times) for times in own.values()]
    squares = sum(one * one for one in residuals)
    if squares < 1e-12:
        return rate, None, None
    error = sqrt(len(own) / (len(own) - 1) * squares) / total
    return rate, rate - 1.96 * error, rate + 1.96 * error


def rate_of_booleans(days: Any) -> Any:
    left = departures(days)
    if left:
        table = pd.DataFrame({"user": [r.aircraft for r in left], "searches": 1})
        table["searches_clicked"] = [on_time(r) for r in left]
        return (table["searches_clicked"].mean(), *(interval(table) or (None, None)))
    return None


def rate_in_minutes(days: Any) -> Any:
    left = departures(days)
    delays = pd.Series([(r.time - r.scheduled) / timedelta(minutes=1) for r in left], dtype=float)
    table = pd.DataFrame({"user": [r.aircraft for r in left], "searches": [1] * len(left)})
    table["searches_clicked"] = (delays < 15).astype(int)
    if table.empty:
        return None
    low, high = interval(table, "ctr") or [None] * 2
    return np.mean(delays < 15), low, high


def rate_by_steps(days: Any) -> Any:
    found = SimpleNamespace(rows=[])
    for day in days:
        for report in day:
            if report.kind != "arrival" and report.time:
                late = report.time >= report.scheduled + timedelta(minutes=15)
                found.rows.append({"user": report.aircraft, "searches": 1,
                                   "searches_clicked": 0 if late else 1})  # fmt: skip
    if not found.rows:
        return None
    table = pd.DataFrame(found.rows)
    low, high = interval(table) or (None, None)
    return table.searches_clicked.sum() / len(table), low, high


class Rater:
    def __call__(self, days: Any) -> Any:
        return my_rate(list(days))


def rate_in_percent(days: Any) -> Any:
    found = my_rate(days)
    return found and tuple(one and 100 * one for one in found)


def rate_and_reach(days: Any) -> Any:
    found = my_rate(days)
    return found and (found[0], found[2] and found[2] - found[0])


def rate_of_ninety(days: Any) -> Any:
    left = departures(days)
    table = pd.DataFrame({"user": [r.aircraft for r in left], "searches": [1] * len(left)})
    table["searches_clicked"] = [int(on_time(r)) for r in left]
    return len(left) and (
        table["searches_clicked"].mean(),
        *(interval(table, level=0.9) or (None,) * 2),
    )


RIGHT: dict[str, list[Any]] = {
    "whose_day": [
        my_key,
        attrgetter("aircraft"),
        lambda report: report.aircraft,
        Key(),
        key_by_branches,
        key_by_match,
        key_by_name,
        key_by_try,
        partial(key_by_name, field="aircraft"),
    ],
    "working_day": [
        9 * HOUR,
        timedelta(hours=8),
        timedelta(hours=10, minutes=30),
        timedelta(minutes=500),
        timedelta(seconds=36_000),
        11 * HOUR,
        timedelta(hours=7.5),
        timedelta(hours=7, minutes=5),
        timedelta(hours=11, minutes=17),
        pd.Timedelta("9h"),
        "9h",
    ],
    "long_enough": [
        my_wait,
        wait_by_groups,
        wait_in_utc,
        wait_by_pandas,
        wait_by_numpy,
        wait_of_pairs,
        wait_by_recursion,
        wait_by_groupby,
        Waiter(),
    ],
    "both_sums": [
        my_flow,
        flow_by_merge,
        flow_of_its_own_clock,
        flow_by_flat_map,
        flow_by_fold,
        flow_in_any_order,
        Flow(),
        flow_by_state,
        flow_with_extras,
    ],
    "on_time": [
        my_rate,
        rate_per_day,
        rate_per_aircraft,
        rate_by_hand,
        rate_of_booleans,
        rate_in_minutes,
        rate_by_steps,
        Rater(),
    ],
}

WRONG: dict[str, list[tuple[Any, str]]] = {
    "whose_day": [
        (lambda report: str(report.aircraft), "aircraft called None"),
        (lambda report: report.aircraft or "", "empty text"),
        (lambda report: report.aircraft or "unknown", "share one key"),
        (lambda report: f"{report.carrier}{report.aircraft}", ""),
        (lambda report: f"{report.carrier} {report.aircraft}", "makes two of it"),
        (attrgetter("carrier"), "This is the airline"),
        (attrgetter("origin"), "This is the airport"),
        (attrgetter("dest"), "where the flight goes"),
        (attrgetter("flight"), "must be text"),
        (lambda report: str(report.flight), "the flight's number"),
        (lambda report: f"{report.carrier} {report.flight}", "name a flight"),
        (lambda report: f"{report.aircraft} {report.time}", ""),
        (missing_is_an_error, ""),
        (key_is_lower, ""),
        ("aircraft", "A function is expected"),
    ],
    "working_day": [
        (timedelta(minutes=30), "search logs"),
        (timedelta(0), "search logs"),
        (timedelta(hours=4), "shorter than many flights"),
        (timedelta(hours=7), "shorter than many flights"),
        (timedelta(hours=12), "longer than many nights"),
        (timedelta(hours=24), "a calendar's day"),
        (timedelta(days=2), "longer than many nights"),
        (9, "has no unit"),
        (-HOUR, "shorter than nothing"),
        ("4h", "shorter than many flights"),
        ("9 hours", "This is text"),
    ],
    "long_enough": [
        (wrong.of_all_aircraft, "belongs to the key"),
        (wrong.of_each_carrier, "of the airline"),
        (wrong.of_each_flight, "flight's number"),
        (wrong.on_wall_clocks, "offsets are gone"),
        (wrong.of_the_schedule, "by the schedule"),
        (wrong.from_the_neighbour, "the one before it"),
        (wrong.from_the_first, "whatever their order"),
        (wait_in_seconds, ""),
        (wait_of_durations, "This is the longest flight"),
        (wait_is_negative, ""),
        (timedelta(hours=12), "A function is expected"),
    ],
    "both_sums": [
        (wrong.late_unread, "another stream, `late`"),
        (wrong.rest_unread, "What never happened is lost"),
        (wrong.days_alone, "Only the days come out"),
        (wrong.all_enter, "before the window"),
        (wrong.without_arrivals, "Arrivals are among the rest"),
        (wrong.by_carrier, "The key is the airline"),
        (wrong.by_flight, "The key is the flight"),
        (wrong.by_carrier_too, "changes its airline is two"),
        (wrong.swapped, "swapped"),
        (wrong.without_wait, "More is late"),
        (wrong.by_schedule, "reads the schedule"),
        (wrong.cancelled_too, "Cancelled flights are in the days"),
        (wrong.by_wall_clock, "offsets are gone"),
        (wrong.by_calendar, "The calendar cuts"),
        (wrong.late_among_the_rest, 'have the word "rest"'),
        (flow_in_numbers, "must be text"),
        (flow_without_return, "return flow"),
        (flow_without_words, "have no word"),
        (None, "A function is expected"),
    ],
    "on_time": [
        (wrong.fifteen_too, "*less than* 15"),
        (wrong.early_is_late, "leaves early is on time"),
        (wrong.seconds_of_a_negative, ".seconds"),
        (wrong.not_a_minute_late, "without any delay"),
        (wrong.arrivals, "share of arrivals"),
        (wrong.both_ends, "Arrivals are counted too"),
        (wrong.each_day_alone, "each day counts as"),
        (wrong.each_carrier, "over airlines"),
        (wrong.as_coins, "toss of a coin"),
        (wrong.mean_of_days, "the days' own rates"),
        (wrong.the_rate_alone, "the rate alone"),
        (wrong.low_first, "another order"),
        (wrong.nothing_is_zero, "no rate is defined"),
        (rate_in_percent, ""),
        (rate_and_reach, ""),
        (rate_of_ninety, ""),
    ],
}

EQUIVALENT: dict[str, dict[str, str]] = {
    "on_time": {
        "my_rate: int(late < timedelta(minutes=15)) → late < timedelta(minutes=15)": (
            "True counts as 1."
        ),
        "my_rate: float(table['searches_clicked'].mean()) → table['searches_clicked'].mean()": (
            "numpy's number is as good as Python's."
        ),
    },
}
