"""Measure the times that notebooks 11 and 12 show, in eight minutes, or 20 with --long.

uv run python tests/bench/curves.py [--long]

Writes, beside the notebooks,
- scale.csv: for each path and size of log, the seconds from the file to the last session,
  and how many events are in no session. A run longer than LIMIT has no row.
- profile.csv: what the tutorial's flow and the event flow spend their time on.
- workers.csv: what a second process gains, by the cost of an event.
Each run is a process of its own. Seconds depend on the machine; the shapes carry over.
"""

import argparse
import cProfile
import csv
import json
import os
import pstats
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bench
import pyarrow.parquet as pq

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
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
    write("scale.csv", ("path", "events", "users", "seconds", "lost"), rows)


def write(name: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with (NOTEBOOKS / name).open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


# A profile

PARTS = {
    "on_batch": "events come to a user's window",
    "on_notify": "a user is woken up",
    "notify_at": "a user says when to be woken up",
    "snapshot": "what a user's window knows is copied",
}
"""What the engine calls of a user's window, and when."""


def profiled(name: str, path: str) -> None:
    """Print, for each of PARTS, its calls, and its share of the time of a run."""
    profile = cProfile.Profile()
    profile.runcall(PATHS[name], path)
    functions: Any = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = max(spent for _, _, _, spent, _ in functions.values())
    rows = []
    for part, what in PARTS.items():
        # Of the functions with this name the outermost one.
        calls, spent = max(
            ((calls, spent) for (file, _, function), (calls, _, _, spent, _) in functions.items()
             if function == part and Path(file).stem == "windowing"),
            key=lambda found: found[1],
            default=(0, 0.0),
        )  # fmt: skip
        rows.append((name, what, calls, round(spent / total, 3)))
    print(json.dumps(rows))


def profiles(folder: Path) -> None:
    path = folder / "profile.parquet"
    write_log(path, 100_000, USERS)
    rows: list[tuple[Any, ...]] = []
    for name in ("tutorial", "events"):
        command = [sys.executable, __file__, "--profile", name, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows += json.loads(done.stdout.splitlines()[-1])
    write("profile.csv", ("path", "part", "calls", "share"), rows)


# Two processes

COSTS = (0.0, 0.3, 1.0, 3.0, 10.0)
"""Microseconds of work that are added for each event: what its sessionizing might cost."""


def shared(path: str, cost: str, processes: str, number: str, addresses: str) -> None:
    """Run the columnar flow as one of several processes, when a line comes in; print seconds."""
    import bytewax.operators as op
    from bytewax.dataflow import Dataflow
    from bytewax.testing import cluster_main

    from searchlogs.columnar.operator import ShardLogic, columnar_sessions
    from searchlogs.columnar.source import BatchSource
    from searchlogs.durations import Windowing
    from searchlogs.logs.log import Log

    on_batch = ShardLogic.on_batch

    def costly(self: Any, values: list[Any]) -> Any:
        end = time.thread_time() + float(cost) / 1e6 * sum(map(len, values))
        while time.thread_time() < end:
            pass
        return on_batch(self, values)

    ShardLogic.on_batch = costly  # type: ignore[method-assign]
    flow = Dataflow("shared")
    items = op.input("inp", flow, BatchSource(Log((path,)).open()))
    batches = op.filter("batch", items, lambda item: hasattr(item, "schema"))
    shards = 1 if processes == "1" else SHARDS
    out = columnar_sessions("sessions", batches, Windowing(bench.GAP, bench.WAIT), shards)
    op.inspect("down", out.down, lambda step, batch: None)
    print("ready", flush=True)
    input()
    start = time.perf_counter()
    cluster_main(flow, addresses.split(";") if processes != "1" else [], int(number))
    print(time.perf_counter() - start)


SHARDS = 32
"""The engine deals them out by a hash: of as many as there are processes, one may have all."""


def shared_out(path: Path, cost: float, processes: int) -> float:
    addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(processes))
    command = [sys.executable, __file__, "--share", str(path), str(cost), str(processes)]
    running = [
        subprocess.Popen([*command, str(number), addresses], text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(processes)
    ]  # fmt: skip
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        time.sleep(0.2)  # each waits for the first one to listen, and a second where it doesn't yet
    said = [process.communicate()[0] for process in running]
    return float(said[-1].splitlines()[-1])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def workers(folder: Path) -> None:
    path = folder / "workers.parquet"
    bench.make_log(path, 1_000_000, USERS)
    rows = []
    for cost in COSTS:
        took: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(RUNS):
            for processes, seconds in took.items():
                seconds.append(shared_out(path, cost, processes))
        for processes, seconds in took.items():
            rows.append((cost, processes, f"{statistics.median(seconds):.3g}"))
            print(*rows[-1], file=sys.stderr, flush=True)
    write("workers.csv", ("cost", "processes", "seconds"), rows)


def main(long: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workers(Path(folder))
        profiles(Path(folder))
        curves(Path(folder), long)


if __name__ == "__main__":
    children = {"--child": child, "--profile": profiled, "--share": shared}
    if sys.argv[1:2] and sys.argv[1] in children:
        children[sys.argv[1]](*sys.argv[2:])
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--long", action="store_true", help="the tutorial's longest runs too")
        main(parser.parse_args().long)
