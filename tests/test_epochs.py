"""The figures of a run that is killed and resumed say what the engine does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.connectors.files import FileSink
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource
from figures import assert_readable, boxes
from wording import Like

from searchlogs.dataflow import WAIT, find_sessions, run
from searchlogs.events import AppOpen, Event
from searchlogs.figures.recovery import epochs_plot, kill_plot, outputs_plot
from searchlogs.sessions import Session, replay_clock, session_window

ARRIVALS = [(1, 0), (2, 2), (1, 5), (2, 30), (1, 32), (2, 35), (1, 60), (2, 62), (1, 64), (2, 90)]
EVENTS: list[Event] = [
    AppOpen(user, datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second))
    for user, second in [*ARRIVALS, (1, 92), (1, 95)]
]
WRITTEN = [0, 0, 0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 8]
HELD = [0, 1, *[2] * 11, 0]


def test_the_table_and_the_words() -> None:
    drawing = epochs_plot(WRITTEN, HELD, every=3, killed=8, title="Two lines are written again")
    table = drawing.data.set_index("record")
    assert list(table.index) == [*map(str, range(1, 13)), "end"]
    assert list(table["resume"]) == ["compared"] * 6 + ["read again"] * 2 + ["read"] * 5
    assert list(table["first_run"]) == ["read"] * 8 + [""] * 5
    assert list(table["open"]) == [1, *[2] * 11, 0]
    assert dict(table.loc[table["fate"] != "", "fate"]) == {
        "4": "kept",
        "5": "kept",
        "7": "cut off",
        "8": "cut off",
    }
    assert table["lines"].sum() == 8
    assert repr(drawing) == Like(
        "Two lines are written again\n12 records…every 3…after record 8…2 open sessions in memory"
        "…4 lines…records up to 6…loads 2 open sessions…cuts off 2 lines…record 7…8 lines"
    )
    assert_readable(drawing)
    assert drawing.svg() == epochs_plot(WRITTEN, HELD, every=3, killed=8, title=drawing.title).svg()


@pytest.mark.parametrize(("every", "killed", "stored"), [(5, 3, 0), (4, 4, 4), (1, 7, 7)])
def test_where_the_resume_begins(every: int, killed: int, stored: int) -> None:
    table = epochs_plot(WRITTEN, HELD, every=every, killed=killed, title="So it is").data
    assert (table["resume"] == "compared").sum() == stored
    assert (table["resume"] == "read again").sum() == killed - stored


@pytest.mark.parametrize(
    ("written", "every", "killed", "wrong"),
    [
        ([0], 1, 1, "written"),
        ([1, 2, 2], 1, 1, "written"),
        ([0, 2, 1], 1, 1, "written"),
        (WRITTEN, 0, 1, "every"),
        (WRITTEN, 1, 13, "killed"),
    ],
)
def test_no_such_run(written: list[int], every: int, killed: int, wrong: str) -> None:
    with pytest.raises(ValueError, match=f"^{wrong}"):
        epochs_plot(written, [0] * len(written), every=every, killed=killed, title="No")


def test_as_many_counts_of_open_sessions_as_of_lines() -> None:
    with pytest.raises(ValueError, match=r"^held: expected 14 counts"):
        epochs_plot(WRITTEN, HELD[1:], every=1, killed=8, title="No")


def at_the_kill(killed: int) -> tuple[list[Session], list[Session]]:
    """The sessions of what was read, and those of them that the engine had written."""
    written: list[Session] = []
    source: TestingSource[Event] = TestingSource([*EVENTS[:killed], TestingSource.ABORT()])
    stream = op.input("inp", flow := Dataflow("killed"), source)
    out = session_window("sessions", stream, replay_clock(WAIT), timedelta(seconds=10))
    op.inspect("write", out.down, lambda _, session: written.append(session))
    run(flow)
    return find_sessions(EVENTS[:killed])[0], written


def test_the_kill_shows_what_is_written_and_what_is_in_memory() -> None:
    found, written = at_the_kill(8)
    drawing = kill_plot(EVENTS, found, written, killed=8, title="Two sessions are open")
    assert list(drawing.data["fate"]) == ["written"] * 6 + ["in memory"] * 2 + ["not read"] * 4
    assert drawing.data.dtypes.astype(str).to_dict() == {
        "user": "string",
        "time": "datetime64[us, UTC]",
        "fate": "string",
    }
    assert repr(drawing) == Like(
        "after event 8: 4 sessions written, 2 open (user 1…4 events not read"
    )
    assert_readable(drawing)
    assert drawing.svg() == kill_plot(EVENTS, found, written, killed=8, title=drawing.title).svg()


@pytest.mark.parametrize("killed", range(1, 12))
def test_open_sessions_are_those_that_the_resume_is_said_to_hold(killed: int) -> None:
    found, written = at_the_kill(killed)
    assert (len(written), len(found) - len(written)) == (WRITTEN[killed], HELD[killed])


def test_no_such_kill() -> None:
    with pytest.raises(ValueError, match=r"^killed: expected"):
        kill_plot(EVENTS, [], [], killed=12, title="No")
    with pytest.raises(ValueError, match=r"^events: .*order of time"):
        kill_plot(EVENTS[::-1], [], [], killed=8, title="No")


def test_outputs_are_compared_line_by_line() -> None:
    outputs = {"good": ["b", "a"], "doubled": ["a", "a", "b", "b", "b"], "bad": ["b", "x"]}
    drawing = outputs_plot(["a", "b"], outputs, "Only one is right")
    assert drawing.data.to_dict("list") == {
        "line": ["a", "b", "x"],
        "right": [True, True, False],
        "good": [1, 1, 0],
        "doubled": [2, 3, 0],
        "bad": [0, 1, 1],
    }
    assert repr(drawing).splitlines()[1:] == [
        "good: 2 lines; all right.",
        "doubled: 5 lines; more than once: a, b.",
        "bad: 2 lines; missing: a; wrong: x.",
    ]
    texts = [text for text, _ in boxes(drawing)]
    assert [texts.count(word) for word in ("twice", "3 times", "missing", "wrong")] == [1, 1, 1, 1]
    assert_readable(drawing)


def test_outputs_that_cannot_be_compared() -> None:
    for right, outputs in ((["a", "a"], {"one": ["a"]}), (["a"], {})):
        with pytest.raises(ValueError, match="each right line once"):
            outputs_plot(right, outputs, "No")


def test_it_is_what_the_engine_does(tmp_path: Path) -> None:
    """Snapshots after every three records, up to the sixth; from then on none, and then a kill."""
    (tmp_path / "state").mkdir()
    init_db_dir(tmp_path / "state", 1)
    out = tmp_path / "out"
    first, second = TestingSource.ABORT(), TestingSource.ABORT()
    log = [*EVENTS[:6], first, *EVENTS[6:8], second, *EVENTS[8:]]

    def go_on(batch: int, epoch: timedelta) -> list[int]:
        read: list[int] = []
        source: TestingSource[Event] = TestingSource(log, batch)
        stream = op.input("inp", flow := Dataflow("killed"), source)
        op.inspect("see", stream, lambda _, event: read.append(EVENTS.index(event) + 1))
        windows = session_window("sessions", stream, replay_clock(WAIT), timedelta(seconds=10))
        lines = op.map("line", windows.down, lambda s: (s.user, f"{s.user} {s.id}"))
        op.output("out", lines, FileSink(out))
        run(flow, recovery=RecoveryConfig(tmp_path / "state"), epoch_interval=epoch)
        return read

    table = epochs_plot(WRITTEN, HELD, every=3, killed=8, title="As it is").data
    assert go_on(3, timedelta(0)) == [1, 2, 3, 4, 5, 6]
    assert len(out.read_text().splitlines()) == table.loc[:5, "lines"].sum() == 2
    assert go_on(1, timedelta(hours=1)) == [7, 8]
    assert len(out.read_text().splitlines()) == table.loc[:7, "lines"].sum() == 4
    assert go_on(1, timedelta(hours=1)) == [
        int(name) for name in table.loc[table["resume"] != "compared", "record"] if name != "end"
    ]
    lines = out.read_text().splitlines()
    assert len(lines) == len(set(lines)) == table["lines"].sum() == 8
