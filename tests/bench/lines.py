"""Measure the command on logs of lines, beside DuckDB and Polars, and check that answers agree.

uv run --group dev python tests/bench/lines.py [--events N] [--runs R] [--only WORD]

Each run is a process of its own, from its start to its end; runs are interleaved. Printed are
ratios of medians of CPU time (of all threads) and of wall time, and the largest peak memory.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bench import ATTRIBUTED, GAP, digest

ROWS = "select event, user, time, items, item, query_id, row_number() over () as n from "
JSON = """read_json('{path}', format = 'newline_delimited', columns = {{event: 'VARCHAR',
  user: 'VARCHAR', time: 'TIMESTAMPTZ', query: 'VARCHAR', items: 'VARCHAR[]', item: 'VARCHAR',
  query_id: 'VARCHAR', position: 'BIGINT'}})"""
CSV = """(select * replace (from_json(items, '["VARCHAR"]') as items) from read_csv('{path}',
  header = true, nullstr = '', columns = {{event: 'VARCHAR', user: 'VARCHAR',
  time: 'TIMESTAMPTZ', query: 'VARCHAR', items: 'VARCHAR', item: 'VARCHAR',
  query_id: 'VARCHAR', position: 'BIGINT'}}))"""


def make_logs(name: str, events: str) -> None:
    """Write the same log in all formats, and once more with a bad line in a hundred."""
    from searchlogs.logs.formats import write_log
    from searchlogs.simulate import simulate

    folder, number = Path(name), int(events)
    users = max(1, number // 100)
    log = list(simulate(users, number // 6, seed=1, duration=timedelta(hours=300)))
    for ending in ("jsonl", "csv", "parquet", "jsonl.gz", "jsonl.zst"):
        write_log(log, folder / f"log.{ending}")
    write_log(log, folder / "log.ndjson", format="ubi")
    lines = (folder / "log.jsonl").read_bytes().splitlines(keepends=True)
    for place in range(0, len(lines), 100):
        line = lines[place]
        bad = [
            b'{"event":"search","user":1,"time":"noon","query":"x"}\n',
            line[:20] + b"\n",
            line.replace(b'"user":', b'"user":true,"x":'),
            line.replace(b'"time":', b'"time"::'),
        ]
        lines[place] = line + bad[place // 100 % len(bad)]
    (folder / "bad.jsonl").write_bytes(b"".join(lines))
    (folder / "two.jsonl").write_bytes(b"".join(lines[1:3]))


def duckdb_child(path: str, out: str) -> None:
    """One query with the same attribution, to Parquet."""
    import duckdb

    reader = CSV if path.endswith(".csv") else JSON
    query = ATTRIBUTED[ATTRIBUTED.index("flagged as") :]
    with_rows = f"with rows as ({ROWS}{reader}),\n{query}".format(path=path)
    duckdb.sql(with_rows).write_parquet(out)


def polars_child(path: str, out: str) -> None:
    """The sessions with the same attribution, to Parquet."""
    import polars as pl

    c = pl.col
    texts = ["event", "time", "query", "item", "query_id"]
    schema = {name: pl.String for name in texts} | {"user": pl.Int64, "position": pl.Int64}
    log = pl.read_ndjson(path, schema=schema | {"items": pl.List(pl.String)}).lazy()
    log = log.with_columns(c("time").str.to_datetime(time_zone="UTC"))
    # The log is in time order, so that a stable sort by user does.
    log = log.sort("user", maintain_order=True)
    is_new = (c("user") != c("user").shift(1)) | (c("time") - c("time").shift(1) > GAP)
    log = log.with_columns(
        new=is_new.fill_null(True), search=c("event") == "search", click=c("event") == "click"
    )
    log = log.with_columns(number=c("new").cum_sum(), k=c("search").cum_sum())
    log = log.collect().lazy()  # else its branches are computed again
    clicked = polars_clicks(log)
    sessions = log.group_by("number", maintain_order=True).agg(
        c("user").first(),
        start=c("time").first(),
        end=c("time").last(),
        events=pl.len(),
        searches=c("search").sum(),
        clicks=c("click").sum(),
    )
    sessions = sessions.join(clicked, on="number", how="left", maintain_order="left")
    sessions = sessions.with_columns(
        c("searches_clicked", "orphan_clicks").fill_null(0),
        session=c("number") - c("number").first().over("user"),
    )
    sessions.collect().write_parquet(out)


def polars_clicks(log: Any) -> Any:
    """Searches with a click, and orphan clicks, of each session that has clicks.

    `number` is the number of a session, `k` that of the latest search, both counted over the log.
    """
    import polars as pl

    c = pl.col
    ids = ["number", "query_id"]
    searches = log.filter("search").select("number", "k", "query_id")
    named = searches.drop_nulls("query_id").group_by(ids).agg(named=c("k").min())
    first = searches.group_by("number").agg(first=c("k").min())
    results = log.filter(c("event") == "results").join(named, on=ids, how="left")
    latest = pl.when(c("k") >= c("first")).then("k")
    results = results.join(first, on="number", how="left")
    results = results.select("number", "items", k=pl.coalesce("named", latest)).drop_nulls("k")
    shown = results.explode("items").rename({"items": "item"})
    silent = searches.join(results, on="k", how="anti").select("number", "k")
    clicks = log.filter("click").join(named, on=ids, how="left").with_row_index("row")

    def latest_of(found: Any, keys: list[str]) -> Any:
        """The latest of the searches found that is no later than each click."""
        pairs = clicks.join(found, on=keys, suffix="_found").filter(c("k_found") <= c("k"))
        return pairs.group_by("row").agg(c("k_found").max())

    by_item = latest_of(shown, ["number", "item"])
    by_silence = latest_of(silent, ["number"])
    clicks = clicks.join(by_item, on="row", how="left")
    clicks = clicks.join(by_silence, on="row", how="left", suffix="_silent")
    owner = pl.coalesce("named", "k_found", "k_found_silent")
    return (
        clicks.select("number", owner=owner)
        .group_by("number")
        .agg(
            searches_clicked=c("owner").drop_nulls().n_unique(),
            orphan_clicks=c("owner").null_count(),
        )
    )


def unpack_child(path: str, out: str) -> None:
    """Unpacking alone."""
    import pyarrow as pa

    codec = {".gz": "gzip", ".zst": "zstd"}[Path(path).suffix]
    with pa.CompressedInputStream(pa.OSFile(path), codec) as stream:
        while stream.read(1 << 20):
            pass


def sessions_child(path: str, out: str, columns: str) -> None:
    """Sessions of some columns of Parquet."""
    import pyarrow.parquet as pq

    from searchlogs.columnar.sessionizer import sessionize_batches

    file = pq.ParquetFile(path, pre_buffer=False)
    batches = file.iter_batches(1 << 16, columns=columns.split(","))
    pq.write_table(sessionize_batches(batches, GAP)[0], out)


def answer_child(path: str, out: str) -> None:
    """Print text that is the same for the same sessions."""
    import pyarrow.parquet as pq

    print(digest(pq.read_table(path)))


THREE = "event,user,time"
CHILDREN: dict[str, Callable[[str, str], None]] = {
    "make": make_logs,
    "answer": answer_child,
    "duckdb": duckdb_child,
    "polars": polars_child,
    "unpack": unpack_child,
    "three": partial(sessions_child, columns=THREE),
    "clicks": partial(sessions_child, columns=f"{THREE},items,item,query_id"),
}


# A child's peak memory starts from what its parent holds, so that the parent imports nothing large.


def child(name: str, *arguments: object) -> list[str]:
    """The command that runs one of CHILDREN."""
    return [sys.executable, __file__, "--child", name, *map(str, arguments)]


def once(name: str, path: Path, out: Path) -> tuple[float, float, float]:
    """CPU seconds, wall seconds and peak memory in MB of one process."""
    out.unlink(missing_ok=True)
    command = child(name, path, out)
    if name == "command":
        command = [sys.executable, "-m", "searchlogs", "run", str(path), "--out", str(out)]
        command += ["--all-sessions", "--force", "--max-rejects", "1000000000"]
        command += ["--format", "ubi"] if path.suffix == ".ndjson" else []
    start = time.perf_counter()
    # As an installed package, which doesn't compile its modules anew each time it starts.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, process.returncode, used = os.wait4(process.pid, 0)
    if process.returncode:
        raise RuntimeError(f"{name} {path}: ended with status {process.returncode}")
    return used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss / 1024


def answer(out: Path) -> str:
    """Text that is the same for the same sessions."""
    if not out.exists():
        return ""
    return subprocess.run(
        child("answer", out, out), check=True, capture_output=True, text=True
    ).stdout


Measured = dict[str, Any]


def measure(folder: Path, jobs: dict[str, tuple[str, str]], runs: int) -> dict[str, Measured]:
    """Medians of each job, and its answer."""
    got: dict[str, list[tuple[float, float, float]]] = {job: [] for job in jobs}
    answers = {}
    for _ in range(runs):
        for job, (name, file) in jobs.items():
            out = folder / "out.parquet"
            got[job].append(once(name, folder / file, out))
            answers[job] = answer(out) if name != "three" else ""
    found = {}
    for job, each in got.items():
        cpu, wall, peaks = zip(*each, strict=True)
        medians = statistics.median(cpu), statistics.median(wall)
        found[job] = {"cpu": medians[0], "wall": medians[1], "peak": max(peaks)}
        found[job]["answer"] = answers[job]
        with open(folder / jobs[job][1], "rb") as file:
            found[job]["lines"] = sum(1 for _ in file)
        print(f"{job}: {json.dumps(found[job])}", file=sys.stderr, flush=True)
    return found


JOBS = {
    "jsonl": ("command", "log.jsonl"),
    "csv": ("command", "log.csv"),
    "parquet": ("command", "log.parquet"),
    "gz": ("command", "log.jsonl.gz"),
    "zst": ("command", "log.jsonl.zst"),
    "bad": ("command", "bad.jsonl"),
    "ubi of jsonl": ("command", "log.ndjson"),
    "two": ("command", "two.jsonl"),
    "duckdb jsonl": ("duckdb", "log.jsonl"),
    "duckdb csv": ("duckdb", "log.csv"),
    "polars jsonl": ("polars", "log.jsonl"),
    "unpack gz": ("unpack", "log.jsonl.gz"),
    "unpack zst": ("unpack", "log.jsonl.zst"),
    "three": ("three", "log.parquet"),
    "sessions with clicks": ("clicks", "log.parquet"),
}
RATIOS = [
    ("JSON Lines ÷ DuckDB", "jsonl", ["duckdb jsonl"], "≤ 1.3", True),
    ("JSON Lines ÷ Polars", "jsonl", ["polars jsonl"], "≤ 1.0", True),
    ("CSV ÷ DuckDB", "csv", ["duckdb csv"], "≤ 1.5", True),
    ("gz ÷ unpacking and the plain file", "gz", ["unpack gz", "jsonl"], "≤ 1.2", False),
    ("zst ÷ unpacking and the plain file", "zst", ["unpack zst", "jsonl"], "≤ 1.2", False),
    ("one bad line in a hundred ÷ none", "bad", ["jsonl"], "≤ 1.5", False),
    ("Parquet ÷ sessions of three columns", "parquet", ["three"], "≤ 2", False),
    ("Parquet ÷ sessions and their clicks", "parquet", ["sessions with clicks"], "≤ 2", True),
    ("JSON Lines ÷ Parquet", "jsonl", ["parquet"], "", True),
]
"""What is compared: a job, those it is divided by, the goal, and whether answers must agree."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="jobs whose names contain this word")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(child("make", folder, options.events), check=True)
        jobs = {job: what for job, what in JOBS.items() if options.only in job}
        found = measure(folder, jobs, options.runs)
    print("| CPU, whole processes | CPU | wall | peak | goal | answers |")
    print("|---|---|---|---|---|---|")
    for what, over, under, goal, compared in RATIOS:
        if over in found and found.keys() >= {*under}:
            one, others = found[over], [found[job] for job in under]
            cpu, wall = (one[key] / sum(job[key] for job in others) for key in ("cpu", "wall"))
            same = len({one["answer"], *(job["answer"] for job in others)}) == 1
            verdict = ("the same" if same else "DIFFERENT") if compared else ""
            print(
                f"| {what} | {cpu:.2f} | {wall:.2f} | {one['peak']:.0f} MB | {goal} | {verdict} |"
            )
    if found.keys() >= {"jsonl", "ubi of jsonl"}:
        one, other = found["ubi of jsonl"], found["jsonl"]
        cpu, wall = (one[key] / one["lines"] / (other[key] / other["lines"])
                     for key in ("cpu", "wall"))  # fmt: skip
        what = "UBI ÷ JSON Lines, a record (lines of framing are, too)"
        print(f"| {what} | {cpu:.2f} | {wall:.2f} | {one['peak']:.0f} MB | ≤ 1.5 | |")
    if "two" in found:
        print(f"| two lines, CPU seconds | {found['two']['cpu']:.2f} | | | ≤ 0.6 | |")


if __name__ == "__main__":
    if "--child" in sys.argv:
        CHILDREN[sys.argv[2]](*sys.argv[3:])
    else:
        main()
