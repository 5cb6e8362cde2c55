import gc
import os
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource

from searchlogs.dataflow import ctr_flow, flow, run
from searchlogs.events import AppOpen, ClickResult, Event, Search
from searchlogs.figures.graph import graph
from searchlogs.figures.show import show_code
from searchlogs.live.clocks import live_clock
from searchlogs.sessions import Late, replay_clock, user_event
from searchlogs.simulate import client_events

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def second(number: float) -> datetime:
    return NOON + timedelta(seconds=number)


def results(events: list[Any], **settings: Any) -> tuple[list[Any], list[Late]]:
    out: list[Any] = []
    late: list[Late] = []
    run(ctr_flow(TestingSource(events), TestingSink(out), late_sink=TestingSink(late), **settings))
    return sorted(out), late


def test_the_tutorials_flow_can_run_again(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        run(flow)
        assert capfd.readouterr().out.splitlines()[-2:] == ["('1', 1.0)", "('2', 2.0)"]


def test_a_session_without_a_search_is_shown_and_contributes_to_no_rate(
    capsys: pytest.CaptureFixture[str],
) -> None:
    events: list[Event] = [AppOpen(3, second(0)), ClickResult(3, "news", second(1))]
    assert results([*client_events(), *events])[0] == [("1", 1.0), ("2", 2.0)]
    assert "User 3: 0 searches, 1 clicks" in capsys.readouterr().out


@pytest.mark.parametrize("clock", [replay_clock, live_clock])
def test_the_flow_takes_gap_wait_and_clock(clock: Any) -> None:
    events = [Search(1, "dogs", second(0)), Search(1, "cats", second(5))]
    assert len(results(events, gap=timedelta(seconds=4), clock=clock)[0]) == 2
    assert len(results(events, gap=timedelta(seconds=5), clock=clock)[0]) == 1


def test_late_events_go_to_their_sink() -> None:
    events = [Search(1, "dogs", second(9)), Search(1, "cats", second(0))]
    late = Late("1", events[1], timedelta(seconds=6))
    assert results(events, wait=timedelta(seconds=3)) == ([("1", 0.0)], [late])


def test_late_events_are_printed_where_no_sink_is_given(capfd: pytest.CaptureFixture[str]) -> None:
    run(ctr_flow(TestingSource([AppOpen(1, second(9)), AppOpen(1, second(0))]), TestingSink([])))
    assert "Late(user='1', event=AppOpen(" in capfd.readouterr().out


@pytest.mark.parametrize("setting", ["gap", "wait"])
def test_bad_durations_are_refused_when_the_flow_is_made(setting: str) -> None:
    with pytest.raises(ValueError, match=f"{setting}: .*from 0 to 366 days"):
        results([], **{setting: timedelta(-1)})


def test_a_step_fails_in_its_own_words_and_not_in_the_engines(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(TypeError, match=r"AppOpen.*\{'query': 'dogs'\} \(dict\)") as raised:
        results([*client_events(), {"query": "dogs"}])
    assert raised.value.__notes__ == [
        "It was raised in the step search_ctr.sessions.user_event.flat_map_batch."
    ]
    assert raised.value.__suppress_context__
    assert "panicked" not in capfd.readouterr().err


def test_what_a_good_run_writes_to_stderr_is_kept(capfd: pytest.CaptureFixture[str]) -> None:

    talking = Dataflow("talking")
    numbers = op.input("inp", talking, TestingSource([1]))
    op.inspect("talk", numbers, lambda step, item: os.write(2, b"heard\n"))
    run(talking)
    assert capfd.readouterr().err == "heard\n"


def test_an_interrupt_comes_out_as_one() -> None:
    def interrupt(item: int) -> int:
        raise KeyboardInterrupt

    stopped = Dataflow("stopped")
    numbers = op.input("inp", stopped, TestingSource([1]))
    op.output("out", op.map("interrupt", numbers, interrupt), TestingSink([]))
    with pytest.raises(KeyboardInterrupt):
        run(stopped)


@pytest.mark.parametrize(("often", "within"), [(700, 10_000), (50_000, 50_000), (0, 0)])
def test_python_looks_for_garbage_less_often_while_a_flow_runs(often: int, within: int) -> None:
    """And not at all where the caller wants none; afterwards, and after a failure, as before."""
    seen = []

    def look(item: int) -> int:
        seen.append(gc.get_threshold())
        return 1 // item

    before = gc.get_threshold()
    gc.set_threshold(often, 11, 12)
    try:
        for item in (1, 0):
            looking = Dataflow("looking")
            numbers = op.input("inp", looking, TestingSource([item]))
            op.output("out", op.map("look", numbers, look), TestingSink([]))
            with pytest.raises(ZeroDivisionError) if item == 0 else nullcontext():
                run(looking)
            assert gc.get_threshold() == (often, 11, 12)
    finally:
        gc.set_threshold(*before)
    assert [first for first, *_ in seen] == [within, within]
    assert {tuple(others) for _, *others in seen} == {(11, 12)}


def test_source_and_graph_are_what_runs() -> None:
    code = show_code(AppOpen)
    assert repr(code).startswith("@dataclass(frozen=True, slots=True)\nclass AppOpen:")
    assert code._repr_markdown_().startswith("```python\n@dataclass")
    shown = repr(show_code(user_event))
    assert shown.startswith("def user_event(") and shown.endswith("        raise")
    assert 'are one user."""' in shown and ">>>" not in shown and "Raises" not in shown
    whole = repr(show_code(replay_clock))
    assert 'closes it.\n    """\n    return' in whole and "Args" not in whole
    assert "sessions (session_window)" in repr(graph(flow))
    assert "calc_ctr (filter_map) reads sessions.down" in repr(graph(flow))
    assert graph(flow).data.to_numpy().tolist() == [
        ["inp", "", "sessions"],
        ["sessions", "down", "look"],
        ["sessions", "down", "calc_ctr"],
        ["calc_ctr", "", "out"],
        ["sessions", "late", "late_out"],
    ]
    with pytest.raises(TypeError, match="expected a Dataflow; found function"):
        graph(ctr_flow)  # type: ignore[arg-type]


def test_an_error_with_a_cause_of_its_own_comes_out_as_it_was_raised() -> None:
    def parse(text: str) -> int:
        try:
            return int(text)
        except ValueError as error:
            raise RuntimeError(f"no number: {text}") from error

    parsing = Dataflow("parsing")
    texts = op.input("inp", parsing, TestingSource(["7x"]))
    op.output("out", op.map("parse", texts, parse), TestingSink([]))
    with pytest.raises(RuntimeError, match="no number: 7x") as raised:
        run(parsing)
    assert isinstance(raised.value.__cause__, ValueError)
