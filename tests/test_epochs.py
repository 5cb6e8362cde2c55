"""The figure of a run that is killed and goes on says what the engine does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.connectors.files import FileSink
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource

from searchlogs.dataflow import WAIT, run
from searchlogs.events import AppOpen, Event
from searchlogs.figures.recovery import epochs_plot
from searchlogs.sessions import replay_clock, session_window

ARRIVALS = [(1, 0), (2, 2), (1, 5), (2, 30), (1, 32), (2, 35), (1, 60), (2, 62), (1, 64), (2, 90)]
EVENTS: list[Event] = [
    AppOpen(user, datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second))
    for user, second in [*ARRIVALS, (1, 92), (1, 95)]
]
WRITTEN = [0, 0, 0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 8]


def test_the_table_and_the_words() -> None:
    drawing = epochs_plot(WRITTEN, every=3, killed=8, title="Two lines are written again")
    table = drawing.data.set_index("record")
    assert list(table.index) == [*map(str, range(1, 13)), "end"]
    assert list(table["resume"]) == ["compared"] * 6 + ["read again"] * 2 + ["read"] * 5
    assert list(table["first_run"]) == ["read"] * 8 + [""] * 5
    assert dict(table.loc[table["fate"] != "", "fate"]) == {
        "4": "kept",
        "5": "kept",
        "7": "cut off",
        "8": "cut off",
    }
    assert table["lines"].sum() == 8
    assert repr(drawing) == (
        "Two lines are written again\n"
        "12 records, a snapshot after every 3. The first run is killed after record 8, with 4 "
        "lines written. The resume compares records up to 6, cuts off 2 lines, reads on from "
        "record 7, and ends with 8 lines."
    )
    assert drawing.svg() == epochs_plot(WRITTEN, every=3, killed=8, title=drawing.title).svg()


@pytest.mark.parametrize(("every", "killed", "stored"), [(5, 3, 0), (4, 4, 4), (1, 7, 7)])
def test_where_the_resume_begins(every: int, killed: int, stored: int) -> None:
    table = epochs_plot(WRITTEN, every=every, killed=killed, title="So it is").data
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
        epochs_plot(written, every=every, killed=killed, title="No")


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

    table = epochs_plot(WRITTEN, every=3, killed=8, title="As it is").data
    assert go_on(3, timedelta(0)) == [1, 2, 3, 4, 5, 6]
    assert len(out.read_text().splitlines()) == table.loc[:5, "lines"].sum() == 2
    assert go_on(1, timedelta(hours=1)) == [7, 8]
    assert len(out.read_text().splitlines()) == table.loc[:7, "lines"].sum() == 4
    assert go_on(1, timedelta(hours=1)) == [
        int(name) for name in table.loc[table["resume"] != "compared", "record"] if name != "end"
    ]
    lines = out.read_text().splitlines()
    assert len(lines) == len(set(lines)) == table["lines"].sum() == 8
