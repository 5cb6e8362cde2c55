"""Measure the peak memory of the command on logs of one and of ten million events.

uv run --group dev python tests/bench/memory.py [--events N,N] [--only WORD]

Each run is a process of its own. If memory is bounded, the peaks of a row hardly differ. Logs have
queries, items and 10,000 users, or a million: what is open is kept for each of them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

EVENTS = 6
"""Events of a session: two searches, each with results and a click."""

SESSIONS = 1 << 14
"""Sessions that are made at a time."""

KINDS = {
    "JSON Lines": ("ordered", ".jsonl", []),
    "Parquet": ("ordered", ".parquet", []),
    "Parquet to .csv": ("ordered", ".parquet", ["--out", "s.csv"]),
    "Parquet to .jsonl": ("ordered", ".parquet", ["--out", "s.jsonl"]),
    "searches": ("ordered", ".parquet", ["--searches", "searches.parquet"]),
    "queries": ("ordered", ".parquet", ["--queries", "queries.parquet"]),
    "sort": ("shuffled", ".jsonl", ["--sort"]),
    "late": ("shuffled", ".parquet", ["--wait", "0s"]),
    "a million users": ("many", ".jsonl", []),
}
"""What is measured: the log, its format, and the options of the command."""


def make_logs(name: str, events: str, order: str) -> None:
    """Write a log as JSON Lines and as Parquet, part by part, in the order of time or in none."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    parts, users = max(1, round(int(events) / (EVENTS * SESSIONS))), 10_000
    users = 1_000_000 if order == "many" else users
    draw = np.random.default_rng(parts)
    window = 10 * 3_600_000_000 * SESSIONS // users  # of a part, in microseconds
    path, left, writer = Path(name), np.zeros((3, 0), np.int64), None
    with path.with_suffix(".jsonl").open("wb") as lines:
        for part in range(parts):
            first, length = part * window, window
            if order == "shuffled":
                first, length = 0, parts * window
            start = first + draw.integers(0, length, (SESSIONS, 1))
            time = start + draw.integers(1_000_000, 60_000_000, (SESSIONS, EVENTS)).cumsum(axis=1)
            user = np.repeat(draw.integers(0, users, SESSIONS), EVENTS)
            place = np.arange(part * SESSIONS * EVENTS, (part + 1) * SESSIONS * EVENTS)
            rows = np.stack([time.ravel(), user, place])
            if order == "shuffled":
                rows = draw.permutation(rows, axis=1)
            else:
                rows = np.concatenate([left, rows], axis=1)
                rows = rows[:, np.argsort(rows[0], kind="stable")]
                size = np.searchsorted(rows[0], first + length)
                rows, left = np.split(rows, [size if part + 1 < parts else rows.shape[1]], axis=1)
            batch = as_batch(*rows)
            writer = writer or pq.ParquetWriter(path.with_suffix(".parquet"), batch.schema)
            writer.write_batch(batch)
            one = pa.ListArray.from_arrays(pa.array([0, len(batch)], pa.int32()), as_lines(batch))
            lines.write(pc.binary_join(one, "\n")[0].as_buffer())
            lines.write(b"\n")
    if writer is not None:
        writer.close()


def as_batch(time: Any, user: Any, place: Any) -> Any:
    """Return events; their places in the log give their kinds and their texts."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, search = place % 3, place // 3
    ends = np.cumsum(10 * (kind == 1))
    shown = (search[kind == 1, None] * 7 + np.arange(10)).ravel() % 5_000
    catalog = pa.array([f"item-{number}" for number in range(5_000)])
    queries = pa.array([f"query {number}" for number in range(9_973)])
    lists = pa.array(np.append(0, ends).astype(np.int32))
    return pa.record_batch(
        {
            "event": pa.array(["search", "results", "click"]).take(pa.array(kind)),
            "user": pc.binary_join_element_wise("user-", pa.array(user).cast(pa.string()), ""),
            "time": pa.array(time + 1_704_067_200_000_000).cast(pa.timestamp("us", "UTC")),
            "query": queries.take(pa.array(search % 9_973, mask=kind != 0)),
            "items": pa.ListArray.from_arrays(
                lists, catalog.take(pa.array(shown)), mask=pa.array(kind != 1)
            ),
            "item": catalog.take(pa.array((search * 7 + 3) % 5_000, mask=kind != 2)),
            "query_id": pa.array(search, mask=search % 2 > 0).cast(pa.string()),
        }
    )


def as_lines(batch: Any) -> Any:
    """Return events as lines of JSON."""
    import pyarrow as pa
    import pyarrow.compute as pc

    join = pc.binary_join_element_wise
    time = pc.replace_substring(batch["time"].cast(pa.timestamp("us")).cast(pa.string()), " ", "T")
    parts = ['{"event":"', batch["event"], '","user":"', batch["user"], '","time":"', time, 'Z"']
    items = pc.binary_join(batch["items"], '","')
    fields = {"query": batch["query"], "item": batch["item"], "query_id": batch["query_id"]}
    for name, column in fields.items():
        parts.append(pc.fill_null(join(f',"{name}":"', column, '"', ""), ""))
    parts.append(pc.fill_null(join(',"items":["', items, '"]', ""), ""))
    return join(*parts, "}", "")


# A child's peak memory starts from what its parent holds, so that the parent imports nothing large.


def make(folder: Path, events: int, order: str) -> Path:
    """Write a log unless it is there, and return its path without an ending."""
    path = folder / f"{order}{events}"
    if not path.with_suffix(".parquet").exists():
        command = [sys.executable, __file__, "--child", str(path), str(events), order]
        subprocess.run(command, check=True)
    return path


def peak(log: Path, options: list[str], folder: Path) -> float:
    """Return the peak memory of a run, in MB."""
    command = [sys.executable, "-m", "searchlogs", "run", str(log), "--out", "s.parquet"]
    command += [*options, "--force", "--quiet", "--max-late", "1"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{log} {options}: ended with status {process.returncode}")
    return used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", default="1000000,10000000", help="sizes of the logs")
    parser.add_argument("--only", default="", help="kinds whose names contain this word")
    options = parser.parse_args()
    sizes = [int(size) for size in options.events.split(",")]
    print(f"| peak memory, MB | {' | '.join(f'{size:,} events' for size in sizes)} |")
    print("|---|" + "---|" * len(sizes))
    for kind, (order, ending, more) in KINDS.items():
        peaks = []
        for size in sizes if options.only in kind else ():
            with tempfile.TemporaryDirectory() as name:
                log = make(Path(name), size, order).with_suffix(ending)
                peaks.append(peak(log, more, Path(name)))
        if peaks:
            print(f"| {kind} | {' | '.join(f'{one:.0f}' for one in peaks)} |", flush=True)


if __name__ == "__main__":
    if "--child" in sys.argv:
        make_logs(*sys.argv[2:])
    else:
        main()
