"""What the exercises of notebooks 11 and 12 teach is what the package does."""

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import numpy as np
import pyarrow as pa
import pytest
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import Clock, EventClock, SessionWindower, collect_window
from bytewax.testing import TestingSource

from searchlogs import exercises
from searchlogs.columnar.sessionizer import Sessionizer
from searchlogs.dataflow import find_sessions, run
from searchlogs.events import EARLIEST, AppOpen
from searchlogs.exercises.scale_out import joined, starts
from searchlogs.exercises.what_costs import within_a_tenth
from searchlogs.figures.scale import workers_plot
from searchlogs.live.workers import CountingClock
from searchlogs.sessions import replay_clock
from searchlogs.simulate import simulate


@pytest.mark.parametrize("gap", [0, 1, 45, 1800])
def test_flags_begin_as_many_sessions_as_the_engine_finds(gap: int) -> None:
    events = sorted(simulate(20, 80, seed=gap), key=lambda event: (int(event.user), event.time))
    seconds = [int((event.time - EARLIEST).total_seconds()) for event in events]
    whole = [AppOpen(e.user, EARLIEST + timedelta(seconds=s))
             for e, s in zip(events, seconds, strict=True)]  # fmt: skip
    sessions, late = find_sessions(whole, timedelta(seconds=gap))
    flags = starts(np.array([int(event.user) for event in events]), np.array(seconds), gap)
    assert not late
    assert sum(flags) == len(sessions)


@pytest.mark.parametrize("case", exercises.join_halves.cases(), ids=lambda case: case.name)
def test_the_package_adds_up_the_same_halves(case: Any) -> None:
    before, after, gap = case.args

    def rows(half: tuple[int, int, int, int]) -> pa.RecordBatch:
        start, end, events, searches = half
        seconds = [start + i * (end - start) // max(1, events - 1) for i in range(events)]
        kinds = ["search"] * searches + ["app_open"] * (events - searches)
        times = [EARLIEST + timedelta(seconds=second) for second in seconds]
        return pa.RecordBatch.from_pydict({"event": kinds, "user": ["1"] * events, "time": times})

    sessionizer = Sessionizer(timedelta(seconds=gap), timedelta(0))
    out = [sessionizer.add(rows(before)), sessionizer.add(rows(after)), sessionizer.finish()]
    assert not any(found.late for found in out)
    sessions = [
        (
            int((row["start"] - EARLIEST).total_seconds()),
            int((row["end"] - EARLIEST).total_seconds()),
            row["events"],
            row["searches"],
        )
        for found in out
        for batch in found.sessions
        for row in batch.to_pylist()
    ]
    assert sessions == joined(before, after, gap)


def test_the_figure_predicts_the_same_work() -> None:
    shares = {1: [20], 7: [8] + [2] * 6, 14: [7] + [1] * 13}
    table = workers_plot({"skewed": shares}, title="So it is").data
    assert list(table["busiest"])[:2] == exercises.skewed_work.solve()[:2]
    assert table["speed_up"].max() < 20 / 6


def test_the_engine_wakes_as_many() -> None:
    gap, wait = timedelta(minutes=30), timedelta(minutes=1)
    tutorial: Clock[AppOpen, Any] = EventClock(lambda event: event.time, wait)

    def woken(clock: Clock[AppOpen, Any], users: int, size: int) -> int:
        counts: Counter[str] = Counter()
        events = [AppOpen(n % users, EARLIEST + timedelta(seconds=n)) for n in range(40_000)]
        stream = op.input("inp", flow := Dataflow("count"), TestingSource(events, batch_size=size))
        keyed = op.key_on("user", stream, lambda event: str(event.user))
        clock = CountingClock(clock, counts)
        windows = collect_window("w", keyed, clock, SessionWindower(gap))
        op.inspect("out", windows.down, lambda *_: None)
        run(flow)
        return counts["wake-ups"]

    runs = [(tutorial, 40, 400), (tutorial, 400, 400), (tutorial, 40, 800)]
    found = [*(woken(*one) for one in runs), woken(replay_clock(wait), 400, 400)]
    assert within_a_tenth(found, exercises.wake_ups.solve())


def test_the_plan_is_that_of_its_statement() -> None:
    notebook = Path(__file__).parent.parent / "notebooks" / "12-scale-out.ipynb"
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    texts = [" ".join("".join(cell["source"]).split()) for cell in cells]
    (statement,) = [text for text in texts if text.startswith("## Exercise: plan for")]
    for number in ("2 billion", "three times", "25 µs", "half busy", "50 million", "60 bytes",
                   "Every 10 seconds", "8 cores", "32 GB", "0.2 GB a second"):  # fmt: skip
        assert number in statement
    workers, state, _ = exercises.how_far.solve()
    assert workers <= 8 and state <= 32 and state / 10 > 0.2
