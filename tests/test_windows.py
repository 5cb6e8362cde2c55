"""The figure of windows shows what the engine makes of the events, and can be read."""

import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from bytewax.operators.windowing import SessionWindower, SlidingWindower, TumblingWindower
from figures import assert_readable, svg
from matplotlib.patches import Rectangle
from oracle import oracle

from searchlogs.durations import LONGEST
from searchlogs.events import AppOpen, ClickResult, Event, Search
from searchlogs.figures.page import Drawing
from searchlogs.figures.windows import windows_plot

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
HOUR, HALF = timedelta(hours=1), timedelta(minutes=30)
WINDOWERS: dict[str, Any] = {
    "tumbling": TumblingWindower(HOUR, NOON),
    "sliding": SlidingWindower(HOUR, HALF, NOON),
    "sessions": SessionWindower(HALF),
}


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def drawn(events: list[Event]) -> Drawing:
    return windows_plot(events, WINDOWERS, "A finding")


def counted(drawing: Drawing, windower: str) -> dict[datetime, int]:
    rows = drawing.data[drawing.data["windower"] == windower]
    return dict(zip(rows["start"], rows["events"], strict=True))


def some_events(seed: int) -> list[Event]:
    """Times are whole minutes, so that some are equal and some on the edge of a window."""
    random = Random(seed)
    return [AppOpen(1, at(random.randrange(300))) for _ in range(random.randrange(1, 12))]


@pytest.mark.parametrize("seed", range(20))
def test_the_windows_are_those_of_arithmetic(seed: int) -> None:
    events = some_events(seed)
    drawing = drawn(events)
    hours = Counter(NOON + (event.time - NOON) // HOUR * HOUR for event in events)
    assert counted(drawing, "tumbling") == hours
    halves = [NOON + (event.time - NOON) // HALF * HALF for event in events]
    assert counted(drawing, "sliding") == Counter([*halves, *(half - HALF for half in halves)])
    sessions, _ = oracle(events, HALF, LONGEST)
    assert counted(drawing, "sessions") == {one.start: len(one.events) for one in sessions}


NARROW: dict[str, Any] = {
    "tumbling": TumblingWindower(HALF / 6, NOON),
    "sliding": SlidingWindower(HALF / 2, HALF / 6, NOON),
    "sessions": SessionWindower(timedelta(0)),
}


@pytest.mark.parametrize("windowers", [WINDOWERS, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("seed", range(8))
def test_it_can_be_read_and_no_two_bars_overlap(seed: int, windowers: dict[str, Any]) -> None:
    drawing = windows_plot(some_events(seed), windowers, "A finding")
    assert_readable(drawing)
    bars = [bar.get_bbox() for bar in drawing.figure.axes[0].findobj(Rectangle)]
    bars = [bar for bar in bars if bar.height == 14]
    assert len(bars) == len(drawing.data)
    for i, one in enumerate(bars):
        for other in bars[:i]:
            same_lane = one.y0 == other.y0
            assert not same_lane or one.x1 <= other.x0 + 0.01 or other.x1 <= one.x0 + 0.01


def test_it_says_in_words_what_it_shows() -> None:
    drawing = windows_plot(
        [Search(1, "dogs", at(50)), ClickResult(1, "a", at(60))], WINDOWERS, "Cut & kept"
    )
    assert drawing.description.splitlines() == [
        "2 events of user 1, 1 January 2024, 12:50:00 to 13:00:00 (UTC).",
        "tumbling: 12:00:00 to 13:00:00, 1 event; 13:00:00 to 14:00:00, 1 event.",
        "sliding: 12:00:00 to 13:00:00, 1 event; 12:30:00 to 13:30:00, 2 events; "
        "13:00:00 to 14:00:00, 1 event.",
        "sessions: 12:50:00 to 13:00:00, 2 events.",
    ]
    root = ET.fromstring(svg(drawing))
    assert [child.text for child in root[:2]] == ["Cut & kept", drawing.description]


def test_it_is_the_same_bytes_each_time() -> None:
    assert drawn(some_events(3)).svg() == drawn(some_events(3)).svg()


def test_the_order_of_arrival_makes_no_difference() -> None:
    events = some_events(4)
    assert drawn(events).description == drawn(events[::-1]).description


@pytest.mark.parametrize("events", [[], [AppOpen(1, at(0)), AppOpen(2, at(1))]])
def test_events_of_no_user_or_of_several_are_refused(events: list[Event]) -> None:
    with pytest.raises(ValueError, match=rf"events: .*one user; found {len(events)} users"):
        drawn(events)


def test_what_is_no_event_is_named() -> None:
    with pytest.raises(TypeError, match=r"events\[1\]"):
        drawn([AppOpen(1, at(0)), "dogs"])  # type: ignore[list-item]
