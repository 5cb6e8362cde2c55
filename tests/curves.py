"""Measure notebook 07's curves: `uv run python tests/curves.py [--long]`, four minutes, or 15.

Writes notebooks/07-scale.csv: for each path and size of log the seconds, from the Parquet file to
the last session, and how many events are in no session. Each run is a process of its own. A run
that takes longer than LIMIT has no row. Seconds depend on the machine; the shapes carry over.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bench
import pyarrow.parquet as pq

OUT = Path(__file__).parents[1] / "notebooks" / "07-scale.csv"
COLUMNS = ("path", "events", "users", "seconds", "lost")
PATHS = {"tutorial": bench.tutorial, "events": bench.event_path, "columnar": bench.columnar}
USERS = 10_000
LIMIT = 300.0
# One run says enough where it is long; short ones are shaken by whatever else the machine does.
LONG, RUNS = 5.0, 3


def sizes(long: bool) -> Iterator[tuple[str, int, int]]:
    """The path, and how many events and users."""
    for events in (10_000, 30_000, 100_000, 300_000, 1_000_000):
        for path in PATHS:
            if path != "tutorial" or events < 1_000_000 or long:
                yield path, events, USERS
    for users in (100, 1_000, 100_000):  # USERS are among those above
        for path in PATHS:
            if path != "tutorial" or users < 100_000 or long:
                yield path, 100_000, users


def child(name: str, path: str) -> None:
    seconds, answer = PATHS[name](path)
    at = bench.ANSWER.index("events")
    counts = answer["events"].to_pylist() if name == "columnar" else answer[:, at].tolist()
    print(json.dumps({"seconds": seconds, "grouped": sum(counts)}))


def once(name: str, path: Path) -> dict[str, Any] | None:
    command = [sys.executable, __file__, "--child", name, str(path)]
    # As on a learner's machine: numpy picks its own kernels.
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=env)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise RuntimeError(done.stderr)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def measure(name: str, path: Path) -> tuple[float, int] | None:
    """Seconds, the median of several runs where they are short, and the events in sessions."""
    said: list[dict[str, Any]] = []
    while len(said) < RUNS and not (said and said[0]["seconds"] > LONG):
        one = once(name, path)
        if one is None:
            return None
        said.append(one)
    return statistics.median(one["seconds"] for one in said), said[0]["grouped"]


def write_log(path: Path, events: int, users: int) -> None:
    """The beginning of a longer log, so that the log grows and nothing else changes."""
    bench.make_log(path, max(events, 100 * users) if users == USERS else events, users)
    pq.write_table(pq.read_table(path).slice(0, events), path)


def main(long: bool) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, events, users in sizes(long):
            path = Path(folder) / f"{events}-{users}.parquet"
            if not path.exists():
                write_log(path, events, users)
            found = measure(name, path)
            if found is None:
                print(f"{name}, {events} events, {users} users: over {LIMIT} s", file=sys.stderr)
                continue
            exact = pq.read_metadata(path).num_rows
            seconds, grouped = found
            rows.append((name, exact, users, f"{seconds:.3g}", exact - grouped))
            print(*rows[-1], file=sys.stderr, flush=True)
    with OUT.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:4])
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--long", action="store_true", help="the tutorial's longest runs too")
        main(parser.parse_args().long)
