"""One watermark for all users: what other engines do, and what it makes of the same events."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import Clock
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource, run_main
from hypothesis import given
from hypothesis import strategies as st
from oracle import oracle

from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, Event
from searchlogs.figures.observe import observe
from searchlogs.sessions import Late, Session, replay_clock, session_window, shared_clock

ZERO = timedelta(0)
GAP, WAIT = timedelta(seconds=10), timedelta(seconds=2)
SEVEN = [(1, 1), (2, 2), (1, 20), (2, 5), (1, 40), (2, 12), (1, 45)]
"""User and second of the events of notebook 06, as they arrive."""


def opens(*pairs: tuple[int, float]) -> list[Event]:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return [AppOpen(user, start + timedelta(seconds=second)) for user, second in pairs]


def seconds(late: list[Late]) -> list[int]:
    return [one.event.time.second for one in late]


def run(events: list[Any], clock: Clock[Event, Any], batch_size: int, **how: Any) -> list[Late]:
    late: list[Late] = []
    flow = Dataflow("test")
    stream = op.input("inp", flow, TestingSource(events, batch_size))
    out = session_window("sessions", stream, clock, GAP)
    op.output("out", out.down, TestingSink([]))
    op.output("late_out", out.late, TestingSink(late))
    run_main(flow, **how)
    return late


def shared_oracle(events: list[Event], gap: timedelta, wait: timedelta) -> Any:
    """Return sessions, and user, event and delay of late events, in closed form."""
    punctual, late = [], []
    for number, event in enumerate(events, 1):
        watermark = max(one.time for one in events[:number]) - wait
        if event.time < watermark:
            late.append(Late(str(event.user), event, watermark - event.time))
        else:
            punctual.append(event)
    in_order = sorted(punctual, key=lambda event: event.time)
    return oracle(in_order, gap, ZERO)[0], sorted(late, key=lambda one: one.user)


def test_the_same_events_are_late_there_and_not_here() -> None:
    assert find_sessions(opens(*SEVEN), wait=WAIT)[1] == []
    _, late = find_sessions(opens(*SEVEN), wait=WAIT, clock=shared_clock)
    assert [(one.user, one.event.time.second, one.late_by) for one in late] == [
        ("2", 5, timedelta(seconds=13)),
        ("2", 12, timedelta(seconds=26)),
    ]
    # The notebook says that the windows are over too: other engines ask for that.
    watermarks = [one.event.time + one.late_by for one in late]
    assert all(one.event.time + GAP < it for one, it in zip(late, watermarks, strict=True))
    patient = timedelta(seconds=28)
    assert find_sessions(opens(*SEVEN), wait=patient, clock=shared_clock)[1] == []


events = st.lists(
    st.builds(lambda user, second: opens((user, second))[0], st.integers(1, 3), st.integers(0, 40)),
    max_size=30,
)


@given(events, st.integers(0, 12), st.integers(0, 12))
def test_the_shared_clock_agrees_with_a_closed_form(
    events: list[Event], gap: int, wait: int
) -> None:
    durations = timedelta(seconds=gap), timedelta(seconds=wait)
    assert find_sessions(events, *durations, shared_clock) == shared_oracle(events, *durations)


def test_the_figures_table_shows_the_watermark_that_all_share() -> None:
    table = observe(opens(*SEVEN), wait=WAIT, clock=shared_clock)
    assert table["watermark"].dt.second.tolist() == [59, 0, 18, 18, 38, 38, 43]
    assert table["late"].tolist() == [False] * 3 + [True, False, True, False]


def test_with_one_user_it_is_the_replay_clock() -> None:
    alone = opens((1, 5), (1, 12), (1, 8), (1, 30), (1, 27))
    assert find_sessions(alone, clock=shared_clock) == find_sessions(alone, clock=replay_clock)


def test_a_larger_batch_is_taken_user_by_user() -> None:
    # The docstring warns of it, and `find_sessions` therefore hands over one event at a time.
    assert seconds(run(opens(*SEVEN), shared_clock(WAIT), batch_size=1)) == [5, 12]
    assert seconds(run(opens(*SEVEN), shared_clock(WAIT), batch_size=7)) == [2, 5, 12]


def test_a_flow_resumes_with_the_watermark_of_all(tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)
    before, after = opens((2, 2), (1, 9)), opens((2, 5), (3, 6), (3, 7))
    source = [*before, TestingSource.EOF(), *after]
    how = {"epoch_interval": ZERO, "recovery_config": RecoveryConfig(str(tmp_path))}
    assert run(source, shared_clock(WAIT), 1, **how) == []
    # Built anew, as in another process; user 3 is new, and 7 is exactly on the watermark.
    assert sorted(seconds(run(source, shared_clock(WAIT), 1, **how))) == [5, 6]


@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_of_the_stored_watermarks_is_everybodys(order: int) -> None:
    logic = shared_clock(WAIT).build(None)
    stored = []
    for event in opens((1, 2), (2, 9)):
        logic.on_item(event)
        stored.append(logic.snapshot())
    resumed = shared_clock(WAIT)
    first, second = (resumed.build(state) for state in stored[::order])
    assert first.on_notify() == second.on_notify() == opens((2, 7))[0].time


def test_each_run_has_a_clock_of_its_own() -> None:
    for _ in range(2):
        sessions, late = find_sessions(opens((1, 5)), clock=shared_clock)
        assert (sessions, late) == ([Session("1", 0, tuple(opens((1, 5))))], [])


def test_a_bad_wait_is_refused_where_it_is_given() -> None:
    with pytest.raises(ValueError, match=r"wait: .*from 0 to 366 days"):
        shared_clock(timedelta(seconds=-1))
