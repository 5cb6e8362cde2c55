"""What the exercises of notebook 07 teach is what the package does."""

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from searchlogs import exercises
from searchlogs.columnar.sessionizer import Sessionizer
from searchlogs.dataflow import find_sessions
from searchlogs.events import EARLIEST, AppOpen
from searchlogs.exercises import scale as module
from searchlogs.exercises.scale import joined, starts
from searchlogs.figures.scale import workers_plot
from searchlogs.simulate import simulate


@pytest.mark.parametrize("gap", [0, 1, 45, 1800])
def test_flags_begin_as_many_sessions_as_the_engine_finds(gap: int) -> None:
    events = sorted(simulate(20, 80, seed=gap), key=lambda event: (int(event.user), event.time))
    seconds = [int((event.time - EARLIEST).total_seconds()) for event in events]
    whole = [AppOpen(e.user, EARLIEST + timedelta(seconds=s))
             for e, s in zip(events, seconds, strict=True)]  # fmt: skip
    sessions, late = find_sessions(whole, timedelta(seconds=gap))
    flags = starts([int(event.user) for event in events], seconds, gap)
    assert not late
    assert sum(flags) == len(sessions)


@pytest.mark.parametrize(
    "answer",
    [
        lambda user, time, gap: [1] * len(user),
        lambda user, time, gap: module.starts(user, time, gap + 1),
        [True, False],
    ],
)
def test_flags_that_are_wrong(answer: Any) -> None:
    assert exercises.session_starts.check(answer).state == "wrong"


def test_a_loop_is_right_too() -> None:
    def mine(user: list[int], time: list[int], gap: int) -> list[bool]:
        flags = []
        for i in range(len(user)):
            flags.append(i == 0 or user[i] != user[i - 1] or time[i] > time[i - 1] + gap)
        return flags

    assert exercises.session_starts.check(mine).state == "right"


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


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([20, 20 / 7, 0], "one user has 6 million"),
        ([20, 3, 6], "one user has 6 million"),
        ([20, 2, 2], "the last of them is"),
        ([20, 6, 0], "its seventh"),
        ([20, 8, 1], "one worker has to do them all"),
        ([20, 8, 7], "the smaller that becomes"),
        ([6, 8, 6], "the whole log"),
        ([20, 8], "hint()"),
        (20, "a list is expected"),
    ],
)
def test_predictions_of_a_kind_are_told_the_same(answer: Any, says: str) -> None:
    verdict = exercises.skewed_work.check(answer)
    assert verdict.state == "wrong"
    assert says in verdict.words or says in repr(verdict)


def test_the_figure_predicts_the_same_work() -> None:
    shares = {1: [20], 7: [8] + [2] * 6, 14: [7] + [1] * 13}
    table = workers_plot({"skewed": shares}, title="So it is").data
    assert list(table["busiest"])[:2] == exercises.skewed_work.solve()[:2]
    assert table["speed_up"].max() < 20 / 6
