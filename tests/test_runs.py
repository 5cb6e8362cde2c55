"""The small figures of runs: what they show is what the engine did, and they can be read."""

from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from bytewax.operators.windowing import Clock
from figures import assert_readable, boxes
from oracle import oracle
from wording import Like

from searchlogs.durations import LONGEST
from searchlogs.events import Event, Search
from searchlogs.figures.merging import merging_plot
from searchlogs.figures.observe import Run, watch
from searchlogs.figures.page import Drawing
from searchlogs.figures.runs import runs_plot
from searchlogs.live.clocks import live_clock

TEN = timedelta(seconds=10)


def at(second: float) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def arriving(*seconds: float, user: int = 1) -> list[Event]:
    return [Search(user, f"at {second}", at(second)) for second in seconds]


def stalling(wait: timedelta) -> Clock[Event, Any]:
    looks = count(start=100, step=2)
    return live_clock(wait, lambda: at(next(looks)))


def texts(drawing: Drawing) -> list[str]:
    return [text for text, _ in boxes(drawing)]


CASES: dict[str, dict[str, Run]] = {
    "two users": {"": watch(arriving(40) + arriving(3, user=2))},
    "one": {"": watch(arriving(5, 12, 8))},
    "two runs": {
        "with $all$": watch(arriving(1, 2, 60, 3, 4)),
        "with a limit": watch(arriving(1, 2, 3, 4)),
    },
    "two clocks": {
        "replay": watch(arriving(7, 7), wait=timedelta(0)),
        "live": watch(arriving(7, 7), wait=timedelta(0), clock=stalling),
    },
    "three": {name: watch(arriving(9, 1, 5)) for name in "abc"},
}


@pytest.mark.parametrize("case", CASES)
def test_runs_can_be_read(case: str) -> None:
    drawing = runs_plot(CASES[case], "Second 8 is late")
    assert_readable(drawing)
    assert drawing.svg() == runs_plot(CASES[case], "Second 8 is late").svg()


def test_each_panel_says_what_the_engine_did() -> None:
    drawing = runs_plot(CASES["two clocks"], "A & B")
    assert {"replay", "live", "late by 2 s"} <= set(texts(drawing))
    assert drawing.data.groupby("run")["late"].sum().to_dict() == {"replay": 0, "live": 1}
    assert drawing.data["run"].dtype == "string"
    _, replay, live = drawing.description.splitlines()
    assert replay == Like("replay: 2 events, 0 late; …watermark ends at 00:00:07.")
    assert live == Like("live: 2 events, 1 late; 00:00:07 is late by 2 s; …ends at 00:00:09.")


def test_each_user_of_a_run_has_a_panel() -> None:
    drawing = runs_plot(CASES["two users"], "Not late")
    assert {"user 1", "user 2"} <= set(texts(drawing))
    assert drawing.description == Like("user 1: 1 event, 0 late…user 2: 1 event, 0 late")
    named = runs_plot({"replay": CASES["two users"][""]}, "Not late")
    assert {"replay, user 1", "replay, user 2"} <= set(texts(named))


@pytest.mark.parametrize(
    "runs", [{}, {"": watch([])}, {name: watch(arriving(1)) for name in "abcd"}]
)
def test_too_few_or_too_many_panels_are_refused(runs: dict[str, Run]) -> None:
    with pytest.raises(ValueError, match="1 to 3 panels"):
        runs_plot(runs, "A finding")


@pytest.mark.parametrize("seed", range(8))
def test_after_each_arrival_the_open_sessions_are_those_of_the_oracle(seed: int) -> None:
    random = Random(seed)
    events = arriving(*[random.randrange(60) for _ in range(random.randrange(1, 8))])
    drawing = merging_plot(events, TEN, "A finding")
    assert_readable(drawing)
    for number in range(1, len(events) + 1):
        sessions, _ = oracle(events[:number], TEN, LONGEST)
        rows = drawing.data[drawing.data["arrival"] == number].sort_values("start")
        assert rows["start"].to_list() == [one.start for one in sessions]
        assert rows["end"].to_list() == [one.end for one in sessions]


def test_a_bridge_merges_two_sessions() -> None:
    drawing = merging_plot(arriving(1, 15, 8), TEN, "One of two")
    assert drawing.data["merged"].to_list() == [(), (), (), (1,)]
    assert "session 0, merged with 1" in texts(drawing)
    assert drawing.description.splitlines()[-1] == Like("Arrival 3…merged with 1 (00:00:01 to")


@pytest.mark.parametrize("events", [[], arriving(*range(8)), arriving(1) + arriving(2, user=2)])
def test_what_has_no_room_in_the_picture_of_a_merger_is_refused(events: list[Event]) -> None:
    with pytest.raises(ValueError, match="one to seven events of one user"):
        merging_plot(events, TEN, "A finding")
