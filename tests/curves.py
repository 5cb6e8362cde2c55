"""Measure for notebook 07: `uv run python tests/curves.py [--long]`, six minutes, or 17.

Writes, beside the notebook,
- 07-scale.csv: for each path and size of log the seconds, from the Parquet file to the last
  session, and how many events are in no session. A run longer than LIMIT has no row.
- 07-profile.csv: what the tutorial's path and the replay clock spend their time with.
- 07-workers.csv: what a second process gains, by what an event costs.
Each run is a process of its own. Seconds depend on the machine; the shapes carry over.
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

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
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


def curves(folder: Path, long: bool) -> None:
    rows = []
    for name, events, users in sizes(long):
        path = folder / f"{events}-{users}.parquet"
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
    write("07-scale.csv", ("path", "events", "users", "seconds", "lost"), rows)


def write(name: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with (NOTEBOOKS / name).open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


# A profile

PARTS = {
    "the clock of a user who is woken up": ("on_notify", "to_system_utc"),
    "the window of a user who is woken up": ("on_notify", "notify_at", "_is_empty"),
}


def profiled(name: str, path: str) -> None:
    """Print each function's calls and own seconds, for a run in this very process."""
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.runcall(PATHS[name], path)
    functions = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    rows = [
        (Path(file).stem, function, calls, seconds)
        for (file, _, function), (calls, _, seconds, *_) in functions.items()
    ]
    print(json.dumps(rows))


def main(long: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        curves(Path(folder), long)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:4])
    elif sys.argv[1:2] == ["--profile"]:
        profiled(*sys.argv[2:4])
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--long", action="store_true", help="the tutorial's longest runs too")
        main(parser.parse_args().long)
