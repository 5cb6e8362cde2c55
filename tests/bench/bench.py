"""Measure speed and memory, and check that all answers are the same.

uv run --group dev python tests/bench/bench.py [--quick]

Prints one Markdown table: ratios of medians of interleaved runs. Each run is a process of its own,
which reads its log itself. Seconds depend on the machine; ratios carry over.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

GAP = timedelta(minutes=30)
WAIT = timedelta(minutes=1)
now = time.process_time if "--cpu" in sys.argv else time.perf_counter
ANSWER = [
    "user",
    "session",
    "start",
    "end",
    "events",
    "searches",
    "clicks",
    "searches_clicked",
    "orphan_clicks",
]
SHORT = ("event", "user", "time")


# The log


def make_log(
    path: Path, events: int, users: int, *, full: bool = False, late: float = 0, text: bool = False
) -> None:
    """Write a log of about `events` events: 6.7 per session, or fewer where users need that.

    `full` adds items and query ids. Without them no results are logged: app opens stand in their
    place. `late` is the share of events that arrive up to 10 minutes late, and then all are up to
    20 seconds out of order. `text` writes users as text.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = np.random.default_rng([events, users])
    sessions = max(users, round(events / 6.66))
    # A session is a look around, or one to five searches with their results and clicks.
    around = draw.random(sessions) < 0.1
    searches = np.where(around, 0, np.minimum(draw.geometric(0.46, sessions), 5))
    opened = around | (draw.random(sessions) < 0.7)
    of_search = np.repeat(np.arange(sessions), searches)
    clicks = draw.choice(4, len(of_search), p=[0.3, 0.35, 0.22, 0.13])
    loose = (around & (draw.random(sessions) < 0.5)).astype(np.int64)
    # Each block of rows (opening, search, results, clicks of a search) in its place.
    block = np.concatenate(
        [np.flatnonzero(opened), of_search, of_search, of_search, np.arange(sessions)]
    )
    within = np.concatenate(
        [
            np.full(opened.sum(), -1),
            *(3 * np.arange(len(of_search)) + i for i in range(3)),
            np.full(sessions, 1 << 40),
        ]
    )
    kind = np.repeat([0, 1, 2, 3, 3], [opened.sum(), *[len(of_search)] * 3, sessions])
    size = np.concatenate([np.ones(opened.sum() + 2 * len(of_search), np.int64), clicks, loose])
    order = np.lexsort((within, block))
    size, kind, block = size[order], kind[order], block[order]
    search = np.where(kind == 1, 1, 0).cumsum() - 1
    kind, session, search = (np.repeat(column, size) for column in (kind, block, search))
    if events < 1.5 * sessions:  # one event per session
        keep = np.flatnonzero(np.diff(session, prepend=-1))
        kind, session, search = kind[keep], session[keep], search[keep]
    n = len(kind)
    step = draw.integers(200_000, 60_000_000, n)
    first = np.flatnonzero(np.diff(session, prepend=-1))
    step[first] = 0
    total = np.cumsum(step)
    slot = 3 * 3_600_000_000
    start = (np.arange(sessions) // users) * slot + draw.integers(0, slot // 2, sessions)
    start += 1_704_067_200_000_000
    when = start[session] + total - np.repeat(total[first], np.diff(np.append(first, n)))
    arrival = when
    if late:
        arrival = when + draw.integers(0, 20_000_000, n)
        arrival += np.where(draw.random(n) < late, draw.integers(80_000_000, 600_000_000, n), 0)
    by_arrival = np.argsort(arrival, kind="stable")
    kind, session, search, when = (c[by_arrival] for c in (kind, session, search, when))
    user = pa.array(1 + draw.permutation(users)[session % users])
    table = {
        "event": pa.DictionaryArray.from_arrays(
            pa.array(kind.astype(np.int32)),
            ["app_open", "search", "results" if full else "app_open", "click"],
        ).cast(pa.string()),
        "user": user.cast(pa.string()) if text else user,
        "time": pa.array(when).cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC")),
    }
    if not full:
        # What a search and a click can't be without.
        one = pa.array(["dogs"])
        for name, its in (("query", 1), ("item", 3)):
            table[name] = one.take(pa.array(np.zeros(n, np.int64), mask=kind != its))
    else:
        catalog = pa.array([f"item-{i}" for i in range(5_000)])
        shown = draw.integers(0, 5_000, (len(of_search), 10))
        counts = np.where(kind == 2, np.where(draw.random(n) < 0.1, 0, 10), 0)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        values = shown[np.repeat(search, counts), np.tile(np.arange(10), counts.sum() // 10)]
        listed = pa.ListArray.from_arrays(
            pa.array(offsets), catalog.take(pa.array(values)), mask=pa.array(kind != 2)
        )
        rank = np.minimum(draw.geometric(0.3, n) - 1, 9)
        foreign = draw.random(n) < 0.05
        item = np.where(foreign, draw.integers(0, 5_000, n), shown[np.maximum(search, 0), rank])
        has_id = (kind > 0) & (draw.random(len(of_search)) < 0.5)[np.maximum(search, 0)]
        table["query"] = pa.array([f"query {i}" for i in range(1_000)]).take(
            pa.array(search % 1_000, mask=kind != 1)
        )
        table["items"] = listed
        table["item"] = catalog.take(pa.array(item, mask=kind != 3))
        table["query_id"] = pa.array(search, mask=~has_id).cast(pa.string())
    pq.write_table(pa.table(table), path)


# What is compared: each a function of a path that returns its answer, run in a process of its own


def batches(path: str) -> Any:
    """Sessions by the plain class, from the columns that they need, which nobody checks."""
    import pyarrow.parquet as pq

    from searchlogs.columnar.sessionizer import sessionize_batches

    start = now()
    file = pq.ParquetFile(path, pre_buffer=False)
    attributed = {"items", "query_id"} <= {*file.schema_arrow.names}
    columns = ["user", "time", "event", *(["items", "item", "query_id"] if attributed else [])]
    found, _ = sessionize_batches(file.iter_batches(1 << 16, columns=columns), GAP, WAIT)
    return now() - start, found


def columnar(
    path: str,
    *,
    workers: int = 1,
    shards: int = 1,
    keep: bool = True,
    runner: Callable[[Any], None] | None = None,
) -> Any:
    """Sessions by the columnar operator, over the source that the command runs."""
    import bytewax.operators as op
    from bytewax.dataflow import Dataflow
    from bytewax.outputs import DynamicSink, StatelessSinkPartition
    from bytewax.testing import cluster_main

    from searchlogs.columnar.operator import columnar_sessions
    from searchlogs.columnar.source import BatchSource
    from searchlogs.durations import Windowing
    from searchlogs.logs.log import Log

    runner = runner or partial(cluster_main, addresses=[], proc_id=0, worker_count_per_proc=workers)
    down: list[Any] = []
    late: list[int] = []

    class Part(StatelessSinkPartition[Any]):
        def write_batch(self, items: list[Any]) -> None:
            down.extend(items if keep else map(len, items))

    class LatePart(StatelessSinkPartition[Any]):
        def write_batch(self, items: list[Any]) -> None:
            late.extend(map(len, items))

    class Sink(DynamicSink[Any]):
        def __init__(self, part: Any) -> None:
            self.part = part

        def build(self, step_id: str, worker_index: int, worker_count: int) -> Any:
            return self.part()

    flow = Dataflow("bench")
    items = op.input("inp", flow, BatchSource(Log((path,)).open()))
    # There are rejects and a tally too.
    batches = op.filter("batch", items, lambda item: hasattr(item, "schema"))
    out = columnar_sessions("sessions", batches, Windowing(GAP, WAIT), shards)
    op.output("down", out.down, Sink(Part))
    op.output("late", out.late, Sink(LatePart))
    start = now()
    runner(flow)
    seconds = now() - start
    if not keep:
        return seconds, sum(down)
    import pyarrow as pa

    return seconds, pa.Table.from_batches(down)


def from_lines(path: str) -> Any:
    from searchlogs.dataflow import run

    return columnar(path, runner=run)


def command(path: str, engine: str = "columnar") -> Any:
    """All that `python -m searchlogs run` does once it is imported."""
    import pyarrow.parquet as pq

    from searchlogs.command.job import Job, Outputs
    from searchlogs.command.run import run_job
    from searchlogs.durations import Windowing
    from searchlogs.logs.log import Log

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "sessions.parquet"
        log, windowing = Log((path,)).open(), Windowing(GAP, WAIT)
        job = Job(log, Outputs(out, every_session=True), windowing, engine=engine)
        start = now()
        run_job(job)
        return now() - start, pq.read_table(out)


def command_events(path: str) -> Any:
    return command(path, "events")


def state(path: str) -> Any:
    """Bytes for an open session: as it is stored, where all of a log's sessions stay open."""
    import pickle

    from searchlogs.columnar.sessionizer import Sessionizer, Sizes

    start = now()
    batches = list(batches_of(path))
    # One round, of all rows, so that none waits.
    sizes = Sizes(small=1, round=sum(map(len, batches)))
    sessionizer = Sessionizer(timedelta(days=366), timedelta(0), sizes=sizes)
    for batch in batches:
        sessionizer.add(batch)
    stored: Any = sessionizer.snapshot()
    assert not stored.waiting and not any(len(page.rows["user"]) for page in stored.pages)
    return now() - start, len(pickle.dumps(stored)) // sum(
        int((page.open > 0).sum()) for page in stored.pages
    )


def batches_of(path: str) -> Iterator[Any]:
    """Read a log as the command does, and yield its record batches."""
    from searchlogs.columnar.source import BatchSource
    from searchlogs.logs.log import Log

    part = BatchSource(Log((path,)).open()).build_part("", "log", None)
    while not part.ended:
        yield from (item for item in part.next_batch() if hasattr(item, "schema"))


def two_workers(path: str) -> Any:
    return columnar(path, workers=2)


def two_workers_split(path: str) -> Any:
    return columnar(path, workers=2, shards=32)


def without_check(path: str) -> Any:
    from searchlogs.columnar import kernel as module

    def running_max(user: Any, time: Any) -> Any:
        return time

    module._running_max = running_max
    return columnar(path)


def memory(path: str) -> Any:
    return columnar(path, keep=False)


def event_path(
    path: str, default: bool = False, runner: Callable[[Any], None] | None = None
) -> Any:
    """Sessions of events by collect_window: on the replay clock, or as the tutorial has it."""
    import bytewax.operators as op
    import bytewax.operators.windowing as win
    import pyarrow as pa
    import pyarrow.parquet as pq
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSink, TestingSource

    from searchlogs.dataflow import run
    from searchlogs.events import EARLIEST, AppOpen, ClickResult, Results, Search
    from searchlogs.sessions import replay_clock, session_window

    start = now()
    make = {
        "app_open": lambda u, t: AppOpen(u, t),
        "search": lambda u, t: Search(u, "", t),
        "results": lambda u, t: Results(u, (), t),
        "click": lambda u, t: ClickResult(u, "", t),
    }

    def read() -> Iterator[Any]:
        for batch in pq.ParquetFile(path).iter_batches(10_000, columns=list(SHORT)):
            micros = batch["time"].cast(pa.int64()).to_pylist()
            rows = zip(batch["event"].to_pylist(), batch["user"].to_pylist(), micros, strict=True)
            for event, user, micro in rows:
                yield make[event](user, EARLIEST + timedelta(microseconds=micro))

    out: list[tuple[int, ...]] = []
    flow = Dataflow("events")
    arriving = op.input("inp", flow, TestingSource(read(), batch_size=1_000))
    if default:
        keyed = op.map("key", arriving, lambda e: (str(e.user), e))
        clock = win.EventClock(lambda e: e.time, WAIT)
        windows = win.collect_window("window", keyed, clock, win.SessionWindower(GAP))
        rows = op.map("row", windows.down, lambda item: answer_row(item[0], *item[1]))
    else:
        sessions = session_window("sessions", arriving, replay_clock(WAIT), GAP)
        rows = op.map("row", sessions.down, lambda one: answer_row(one.user, one.id, one.events))
    op.output("out", rows, TestingSink(out))
    (runner or run)(flow)
    seconds = now() - start
    import numpy as np

    return seconds, np.array(out, np.int64)


def answer_row(user: str, id: int, events: Sequence[Any]) -> tuple[int, ...]:
    """A session as ANSWER has it; a click goes to the latest search."""
    kinds = [type(event).__name__[0] for event in events]
    latest = ""
    clicked = orphans = 0
    for kind in kinds:
        clicked += kind == "C" and latest == "S"
        orphans += kind == "C" and latest == ""
        if kind == "S" or (kind == "C" and latest):
            latest = kind
    start, end = (round(event.time.timestamp() * 10**6) for event in (events[0], events[-1]))
    searches, clicks = kinds.count("S"), kinds.count("C")
    return int(user), id, start, end, len(kinds), searches, clicks, clicked, orphans


def tutorial(path: str) -> Any:
    from bytewax.testing import run_main

    return event_path(path, default=True, runner=run_main)


def event_path_collected(path: str) -> Any:
    """The event path, where Python looks for garbage as often as it always does."""
    from bytewax.testing import run_main

    return event_path(path, runner=run_main)


def polars(path: str) -> Any:
    import polars as pl

    start = now()
    c = pl.col
    log = pl.scan_parquet(path).select(SHORT)
    # The log is in time order, so that a stable sort by user does.
    log = log.sort("user", maintain_order=True)
    step = c("time") - c("time").shift(1)
    log = log.with_columns(
        new=((c("user") != c("user").shift(1)) | (step > GAP)).fill_null(True),
        search=c("event") == "search",
        click=c("event") == "click",
    )
    log = log.with_columns(
        session=c("new").cum_sum(),
        latest=pl.when("search").then(1).when("click").then(2).when("new").then(0).forward_fill(),
        searched=pl.when("search").then(True).when("new").then(False).forward_fill(),
    )
    log = log.with_columns(
        first=c("click") & (c("latest").shift(1) == 1) & ~c("new"),
        orphan=c("click") & ~c("searched"),
    )
    sessions = log.group_by("session", maintain_order=True).agg(
        c("user").first(),
        start=c("time").first(),
        end=c("time").last(),
        events=pl.len(),
        searches=c("search").sum(),
        clicks=c("click").sum(),
        searches_clicked=c("first").sum(),
        orphan_clicks=c("orphan").sum(),
    )
    sessions = sessions.with_columns(session=c("session") - c("session").first().over("user"))
    table = sessions.collect()
    return now() - start, table.select(ANSWER).to_arrow()


NUMBERED = """
with rows as (
  select {columns}, file_row_number as n from read_parquet('{path}', file_row_number = true)),
flagged as (
  select *, (time - lag(time) over (partition by user order by time, n) <= interval 30 minutes)
    is not true as new from rows),
cut as (
  select * exclude new, sum(new::int) over (partition by user order by time, n) - 1 as session
  from flagged),
numbered as (
  select *, count(*) filter (event = 'search')
    over (partition by user, session order by time, n) as k from cut)
"""

LATEST = (
    NUMBERED
    + """
select user, session, min(time) as start, max(time) as end, count(*) as events,
  count(*) filter (event = 'search') as searches, count(*) filter (event = 'click') as clicks,
  count(distinct k) filter (event = 'click' and k > 0) as searches_clicked,
  count(*) filter (event = 'click' and k = 0) as orphan_clicks
from numbered group by 1, 2
"""
)

ATTRIBUTED = (
    NUMBERED
    + """,
searches as (
  select user, session, k, query_id from numbered where event = 'search'),
named as (
  select user, session, query_id, min(k) as k from searches where query_id is not null
  group by all),
results as (
  select r.user, r.session, coalesce(s.k, nullif(r.k, 0)) as k, r.items
  from numbered r left join named s using (user, session, query_id) where r.event = 'results'),
shown as (
  select distinct user, session, k, unnest(items) as item from results where k is not null),
silent as (
  select user, session, k from searches
  anti join (select distinct user, session, k from results) using (user, session, k)),
clicks as (
  select c.user, c.session, c.n, c.k as before, c.item, s.k as named
  from numbered c left join named s using (user, session, query_id) where c.event = 'click'),
by_item as (
  select c.n, max(s.k) as k from clicks c join shown s using (user, session, item)
  where c.named is null and s.k <= c.before group by 1),
by_silence as (
  select c.n, max(s.k) as k from clicks c join silent s using (user, session)
  where c.named is null and s.k <= c.before group by 1),
owned as (
  select c.user, c.session, coalesce(c.named, i.k, q.k) as k
  from clicks c left join by_item i using (n) left join by_silence q using (n)),
clicked as (
  select user, session, count(distinct k) as searches_clicked,
    count(*) filter (k is null) as orphan_clicks from owned group by 1, 2)
select user, session, min(time) as start, max(time) as end, count(*) as events,
  count(*) filter (event = 'search') as searches, count(*) filter (event = 'click') as clicks,
  coalesce(any_value(searches_clicked), 0) as searches_clicked,
  coalesce(any_value(orphan_clicks), 0) as orphan_clicks
from numbered left join clicked using (user, session) group by 1, 2
"""
)


def duckdb(path: str, query: str = LATEST, columns: str = "event, user, time") -> Any:
    import duckdb as database

    start = now()
    table = database.sql(query.format(path=path, columns=columns)).to_arrow_table()
    return now() - start, table


def duckdb_attributed(path: str) -> Any:
    return duckdb(path, ATTRIBUTED, "event, user, time, items, item, query_id")


def reading(path: str) -> Any:
    start = now()
    rows = sum(map(len, batches_of(path)))
    return now() - start, rows


def border(path: str) -> Any:
    """JSON Lines as events, and nothing done with them."""
    from searchlogs.logs.log import Log
    from searchlogs.logs.records import read_log

    start = now()
    events = sum(isinstance(read.outcome, tuple) for read in read_log(Log((path,)).open()))
    return now() - start, events


CHILDREN: dict[str, Callable[[str], Any]] = {
    f.__name__: f
    for f in (
        batches,
        columnar,
        from_lines,
        command,
        command_events,
        state,
        two_workers,
        two_workers_split,
        without_check,
        memory,
        event_path,
        event_path_collected,
        tutorial,
        polars,
        duckdb,
        duckdb_attributed,
        reading,
        border,
    )
}


def digest(answer: Any) -> str:
    """The same text for the same sessions, whatever their order and types."""
    import numpy as np
    import pyarrow as pa

    if isinstance(answer, int):
        return str(answer)
    if not isinstance(answer, np.ndarray):
        columns = []
        for name in ANSWER:
            column = answer[name].combine_chunks()
            if pa.types.is_timestamp(column.type):
                column = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
            columns.append(np.array(column.cast(pa.int64()).to_pylist(), np.int64))
        answer = np.stack(columns, axis=1)
    answer = answer[np.lexsort((answer[:, 1], answer[:, 0]))]
    return f"{len(answer)} {hashlib.sha256(answer.tobytes()).hexdigest()[:12]}"


def child(name: str, path: str) -> None:
    seconds, answer = CHILDREN[name](path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ready = time.time()
    answer = digest(answer) if "--digest" in sys.argv else ""
    print(json.dumps({"seconds": seconds, "peak": peak, "ready": ready, "answer": answer}))


# The table


class Bench:
    """Runs children in turns, and keeps what they say."""

    def __init__(self, folder: Path, runs: int) -> None:
        self.folder, self.runs = folder, runs
        self.lines: list[str] = []
        # As on a learner's machine: compiled Python is kept, and numpy picks its own kernels.
        self.options = ["--cpu"] if "--cpu" in sys.argv else []
        dropped = ("PYTHONDONTWRITEBYTECODE", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
        self.env = {k: v for k, v in os.environ.items() if k not in dropped}
        self.env["PYTHONPYCACHEPREFIX"] = str(folder / "pycache")

    def log(self, name: str, *size: int, **options: Any) -> str:
        path = self.folder / f"{name}.parquet"
        # In a process of its own: a child's peak memory starts from what its parent holds.
        make = multiprocessing.get_context("spawn").Process(
            target=make_log, args=(path, *size), kwargs=options
        )
        make.start()
        make.join()
        return str(path)

    def json_lines(self, name: str, events: int, users: int) -> str:
        """A log of JSON Lines of about so many events."""
        from searchlogs.logs.formats import write_log
        from searchlogs.simulate import simulate

        path = self.folder / f"{name}.jsonl"
        hours = timedelta(hours=3 * events / users)
        write_log(simulate(users, events // 6, seed=1, duration=hours), path)
        return str(path)

    def once(self, name: str, path: str, check: bool) -> dict[str, Any]:
        start = time.time()
        command = [
            sys.executable,
            __file__,
            "--child",
            name,
            path,
            *["--digest"] * check,
            *self.options,
        ]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return said | {"process": said["ready"] - start}

    def compare(self, *jobs: tuple[str, str], runs: int | None = None) -> list[dict[str, Any]]:
        """Medians of each job's seconds, process seconds and peak, over interleaved runs."""
        got: list[list[dict[str, Any]]] = [[] for _ in jobs]
        for i in range(
            (self.runs if runs is None else runs) + 1
        ):  # the first warms up, and checks the answers
            for (name, path), said in zip(jobs, got, strict=True):
                said.append(self.once(name, path, check=i == 0))
        return [
            {
                key: statistics.median(s[key] for s in said[1:] or said)
                for key in ("seconds", "process", "peak")
            }
            | {"answer": said[0]["answer"]}
            for said in got
        ]

    def row(
        self, what: str, measured: str, goal: str, met: bool | None = None, exact: str = ""
    ) -> None:
        verdict = "" if met is None else "met" if met else "not met"
        self.lines.append(f"| {what} | {measured} | {goal} | {verdict} | {exact} |")
        print(self.lines[-1], file=sys.stderr, flush=True)

    def ratio(
        self,
        what: str,
        over: dict[str, Any],
        under: dict[str, Any],
        goal: str,
        *,
        by: float = 1,
        key: str = "seconds",
        exact: bool = False,
    ) -> None:
        """A row: how many times `under` × `by` goes into `over`; `goal` such as "≥ 2", or ""."""
        ratio = over[key] / under[key] / by
        met = None
        if goal:
            sign, number = goal.split()
            limit = float(number.replace(",", ""))
            met = {"≥": ratio >= limit, "≤": ratio <= limit}[sign]
        measured = f"{ratio:,.2f} × ({over[key]:.3f} s, {under[key]:.3f} s)"
        self.row(what, measured, goal and f"{goal} ×", met, same(over, under) if exact else "")


def same(*results: dict[str, Any]) -> str:
    return "the same" if len({result["answer"] for result in results}) == 1 else "DIFFERENT"


LATE = {"late": 0.01, "mixed": 1e-12}
"""Shares of late events; all others are up to 20 seconds out of order."""


def main(quick: bool, slow: bool, runs: int) -> None:
    million, users = (100_000, 1_000) if quick else (1_000_000, 10_000)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), runs)
        log = bench.log("million", million, users)
        plain, fast, polars_, duckdb_, read = bench.compare(
            ("batches", log), ("columnar", log), ("polars", log), ("duckdb", log), ("reading", log)
        )
        bench.ratio("Polars ÷ record batches", polars_, plain, "≥ 1", exact=True)
        bench.ratio("DuckDB ÷ record batches", duckdb_, plain, "≥ 1", exact=True)
        bench.ratio("whole process: record batches ÷ Polars", plain, polars_, "≤ 1", key="process")
        bench.ratio("columnar: the flow that checks ÷ record batches", fast, plain, "", exact=True)
        bench.ratio("Polars ÷ columnar", polars_, fast, "≥ 1", exact=True)
        bench.ratio("columnar ÷ reading and checking alone", fast, read, "")

        text = bench.log("text", million, users, text=True)
        a, b = bench.compare(("batches", text), ("polars", text))
        bench.ratio("users as text: Polars ÷ record batches", b, a, "", exact=True)

        lines = bench.json_lines("lines", million // 5, users // 5)
        border_, whole = bench.compare(("border", lines), ("from_lines", lines))
        bench.ratio("columnar from JSON Lines ÷ the border alone", whole, border_, "≤ 1.5")

        full = bench.log("full", million, users, full=True)
        a, b = bench.compare(("batches", full), ("duckdb_attributed", full))
        bench.ratio("attribution: DuckDB ÷ record batches", b, a, "≥ 1", exact=True)

        some = bench.log("some", million // 5, users // 5, full=True)
        a, b = bench.compare(("command_events", some), ("command", some))
        bench.ratio("the command, Parquet with queries: events ÷ columnar", a, b, "", exact=True)

        few, many = bench.log("few", million, users // 10), bench.log("many", million, million)
        a, b = bench.compare(("columnar", few), ("columnar", many))
        bench.ratio(f"{million:,} users ÷ {users // 10:,}", b, a, "≤ 2")

        # Without the check, what is late would be taken for what it isn't.
        late, mixed = (bench.log(name, million, users, late=share) for name, share in LATE.items())
        a, b = bench.compare(("columnar", late), ("without_check", mixed))
        bench.ratio("1 % late, with the check ÷ none late, without it", a, b, "≤ 1.33")

        (kept,) = bench.compare(("state", bench.log("open", million, million // 4)), runs=0)
        size = int(kept["answer"])
        bench.row("state of an open session", f"{size} bytes", "< 100 bytes", size < 100)

        same_users = bench.log("same_users", 10 * million, users)
        big = bench.log("big", 10 * million, 20 * users)
        one, same_ten, ten, lean, lean_same = bench.compare(
            ("columnar", log),
            ("columnar", same_users),
            ("columnar", big),
            ("memory", big),
            ("memory", same_users),
        )
        bench.ratio(f"an event of {10 * million:,} ÷ of {million:,}", same_ten, one, "≤ 1.5", by=10)
        bench.ratio(f"the same, {20 * users:,} users", ten, one, "≤ 1.5", by=10)
        for number, said in ((20 * users, lean), (users, lean_same)):
            what = f"memory in all, {10 * million:,} events, {number:,} users"
            bench.row(what, f"{said['peak']:.0f} MB", "< 400 MB", said["peak"] < 400)
        plain, ten, polars_, duckdb_, two, halves = bench.compare(
            ("batches", big),
            ("columnar", big),
            ("polars", big),
            ("duckdb", big),
            ("two_workers", big),
            ("two_workers_split", big),
        )
        bench.ratio("10 ×: Polars ÷ record batches", polars_, plain, "≥ 2.5", exact=True)
        bench.ratio("10 ×: DuckDB ÷ record batches", duckdb_, plain, "≥ 2.5", exact=True)
        peaks = ", ".join(f"{said['peak']:.0f} MB" for said in (ten, polars_, duckdb_))
        bench.row("10 ×: peaks with the answer: columnar, Polars, DuckDB", peaks, "")
        bench.ratio("one worker ÷ two: reading, sessions", ten, two, "≥ 1.4", exact=True)
        bench.ratio("one worker ÷ two: split by user", ten, halves, "", exact=True)

        if slow:
            old, replay, often = bench.compare(
                ("tutorial", log), ("event_path", log), ("event_path_collected", log), runs=0
            )
            bench.ratio("tutorial's ÷ event path", old, replay, "≥ 10", exact=True)
            bench.ratio(
                "event path: garbage collected as usual ÷ seldom", often, replay, "", exact=True
            )
            bench.ratio("tutorial's ÷ columnar", old, fast, "≥ 1,000", exact=True)
            bench.ratio("event path ÷ columnar", replay, fast, "", exact=True)
        print("| | measured | goal | | sessions |", "|---|---|---|---|---|", *bench.lines, sep="\n")


if __name__ == "__main__":
    if "--child" in sys.argv:
        child(*sys.argv[2:4])
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--quick", action="store_true", help="a tenth of the events")
        parser.add_argument("--runs", type=int, default=5, help="runs of each; medians are shown")
        parser.add_argument("--fast", action="store_true", help="without the tutorial's minutes")
        parser.add_argument("--cpu", action="store_true", help="CPU time, for a busy machine")
        options = parser.parse_args()
        main(options.quick, not options.fast, options.runs)
