"""A worked solution of notebook 13: from the file to a number, with the reason for each choice.

uv run python notebooks/capstone_solution.py
"""

import gzip
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import pandas as pd
from bytewax.dataflow import Dataflow

from searchlogs.exercises.flights import Report, effect, read_report, run_on
from searchlogs.sessions import replay_clock
from searchlogs.tables import interval

LOG = Path(__file__).with_name("flights.jsonl.gz")

# Station 2. Pauses under the key have two hills: up to seven hours for flights and the turns
# between them, and from ten hours on for nights. Nine hours lie between the hills. This gap cuts
# 14 of 6,012 flights in the air, all of them to Honolulu. Of 4,572 sessions, 95 last over 20 hours.
my_gap = timedelta(hours=9)


def my_key(report: Report) -> str | None:
    """Station 1: the aircraft, because a delay stays with it from flight to flight.

    A flight number has one flight per day, and an airline or an airport has hundreds at a time.
    Some cancelled flights never got an aircraft. They have no key, and are counted with the rest.
    """
    return report.aircraft


def my_wait(reports: Iterable[Report]) -> timedelta:
    """Station 3: the shortest wait at which nothing is late, which is the longest flight.

    A departure is reported at the landing, after the arrival. So it is older than the newest event
    of its aircraft by the length of the flight.
    """
    newest: dict[str | None, datetime] = {}
    behind = [timedelta(0)]
    for report in reports:
        if report.time is not None:
            key = my_key(report)
            newest[key] = max(report.time, newest.get(key, report.time))
            behind.append(newest[key] - report.time)
    return max(behind)


def my_flow(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    """Station 4: every report comes out in exactly one row: in a day, late, or in the rest."""
    flow = Dataflow("flights")
    reports = op.input("reports", flow, source)
    # What never happened has no time, so a clock can't place it.
    ways = op.branch("happened", reports, lambda report: report.time is not None)
    keyed = op.key_on("key", ways.trues, my_key)  # type: ignore[arg-type]
    # In a log from 2013, time moves with the data. The clock on the wall says nothing about it.
    clock = replay_clock(wait, attrgetter("time"))
    windows = win.collect_window("days", keyed, clock, win.SessionWindower(gap))
    op.output("day", op.map("as_day", windows.down, lambda pair: ("day", pair[1][1])), sink)
    op.output("late", op.map("as_late", windows.late, lambda pair: ("late", pair[1][1])), sink)
    op.output("rest", op.map("as_rest", ways.falses, lambda report: ("rest", report)), sink)
    return flow


def my_rate(days: Iterable[Iterable[Report]]) -> tuple[float, Any, Any] | None:
    """Station 5: departures that left less than 15 minutes late ÷ departures.

    This is a ratio of sums: each departure weighs the same, as it does for a passenger. The
    interval is over aircraft, because the flights of one aircraft depend on each other.
    """
    left = [report for day in days for report in day if report.kind == "departure"]
    if not left:
        return None
    table = pd.DataFrame({"user": [report.aircraft for report in left], "searches": 1})
    delays = [report.time - report.scheduled for report in left if report.time is not None]
    table["searches_clicked"] = [int(delay < timedelta(minutes=15)) for delay in delays]
    low, high = interval(table) or (None, None)
    return float(table["searches_clicked"].mean()), low, high


def main() -> None:
    """Go from the file to the number."""
    with gzip.open(LOG, "rt", encoding="utf-8") as file:
        week = [read_report(line) for line in file]
    wait = my_wait(week)
    print(f"gap {my_gap}: {effect(week, my_key, my_gap)}")
    print(f"wait: {wait}")

    rows = run_on(week, my_flow, my_gap, wait)
    count: Counter[str] = Counter()
    for word, reports in rows:
        count[word] += len(reports)
    events = sum(report.time is not None for report in week)
    assert len(week) == events + count["rest"] and events == count["day"] + count["late"]
    print(f"{len(week):,} reports = {events:,} events + {count['rest']} rest")
    print(f"{events:,} events = {count['day']:,} in days + {count['late']} late")

    rate, low, high = my_rate(reports for word, reports in rows if word == "day") or (None,) * 3
    print(f"on time: {rate:.3f}, from {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
