"""The same events in windows of fixed length, in windows that overlap, and in sessions."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

import bytewax.operators as op
import pandas as pd
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import SessionWindower, Windower, collect_window
from bytewax.testing import TestingSink, TestingSource
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from searchlogs.dataflow import run
from searchlogs.durations import LONGEST
from searchlogs.events import Event, check_events
from searchlogs.figures.elements import (
    SESSION_LOOK,
    draw_markers,
    event_element,
    event_handles,
    place_markers,
)
from searchlogs.figures.page import (
    COLOURS,
    EDGE,
    MARGIN,
    RIGHT,
    SMALL,
    TEXT,
    WIDTH,
    Drawing,
    Scale,
    clock_text,
    date_text,
    draw_time,
    drawable,
    fit,
    page,
    plain,
    quantity,
    style,
    text_width,
    time_scale,
)
from searchlogs.sessions import replay_clock, user_event

_WINDOW_LOOK: dict[str, Any] = {"facecolor": "white", **EDGE}
_DOT: dict[str, Any] = {
    "marker": ".",
    "linestyle": "",
    "color": COLOURS["ink"],
    "markersize": 7,
}
_BAR, _LANE, _BETWEEN, _TOP = 14.0, 34.0, 10.0, 44.0


class _Window(NamedTuple):
    """A window as the engine gave it."""

    id: int
    start: datetime
    end: datetime
    times: list[datetime]


def windows_plot(
    events: Iterable[Event], windowers: Mapping[str, Windower[Any]], title: str
) -> Drawing:
    """Draw one user's events, and below them the windows into which each windower puts them.

    The windows are those that come out of the engine; no event is late. A session's bar ends at
    its last event, any other window's where it closes.

    Args:
        events: The events of one user, in any order; one or more.
        windowers: The windowers, by the name that stands beside their windows.
        title: The finding.

    Returns:
        A drawing whose `data` has one row per window, by windower as given, then by start:
        `windower` (string); `window`, its number (int64); `start` and `end` (datetime64[us, UTC]);
        `events`, how many it holds (int64). A window without an event doesn't exist.

    Raises:
        TypeError: Something is not an event.
        ValueError: There is no event, or the events are of several users.
    """
    points = check_events(events)
    users = sorted({str(event.user) for event in points})
    if len(users) != 1:
        raise ValueError(
            f"events: expected those of one user; found {quantity(len(users), 'user')}"
        )
    found = {name: _windows(points, windower) for name, windower in windowers.items()}
    sessions = {name for name, one in windowers.items() if isinstance(one, SessionWindower)}
    with style():
        plot = _Plot(points, found, sessions)
        figure = plot.draw(plain(title))
    return Drawing(figure, plain(title), _describe(points, found), _table(found))


def _windows(events: list[Event], windower: Windower[Any]) -> list[_Window]:
    """Return the windows that the engine makes of the events, by start."""
    held: list[Any] = []
    spans: list[Any] = []
    flow = Dataflow("windows")
    source: TestingSource[Event] = TestingSource(events)
    keyed = op.map("user_event", op.input("inp", flow, source), user_event)
    out = collect_window("window", keyed, replay_clock(LONGEST), windower)
    op.output("held", out.down, TestingSink(held))
    op.output("spans", out.meta, TestingSink(spans))
    run(flow)
    inside = {id: [event.time for event in own] for _, (id, own) in held}
    windows = [_Window(id, span.open_time, span.close_time, inside[id]) for _, (id, span) in spans]
    return sorted(windows, key=lambda window: window.start)


def _lanes(windows: list[_Window]) -> list[int]:
    """Return the lane of each window: the first one in which it overlaps no other."""
    ends: list[datetime] = []
    lanes: list[int] = []
    for window in windows:
        free = [lane for lane, end in enumerate(ends) if end <= window.start]
        lane = free[0] if free else len(ends)
        ends[lane : lane + 1] = [window.end]
        lanes.append(lane)
    return lanes


def _table(found: Mapping[str, list[_Window]]) -> pd.DataFrame:
    """Return the drawing's data."""
    rows = [
        (name, window.id, window.start, window.end, len(window.times))
        for name, windows in found.items()
        for window in windows
    ]
    time = "datetime64[us, UTC]"
    dtypes = {"windower": "string", "window": "int64", "start": time, "end": time}
    dtypes |= {"events": "int64"}
    return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)


def _describe(events: list[Event], found: Mapping[str, list[_Window]]) -> str:
    """Return the windows as text, one line per windower."""
    times = sorted(event.time for event in events)
    lines = [
        f"{quantity(len(events), 'event')} of user {plain(str(events[0].user))}, "
        f"{date_text(times[0])}, {clock_text(times[0])} to {clock_text(times[-1])} (UTC)."
    ]
    for name, windows in found.items():
        texts = [
            f"{clock_text(one.start)} to {clock_text(one.end)}, {quantity(len(one.times), 'event')}"
            for one in windows
        ]
        lines.append(f"{plain(name)}: {'; '.join(texts)}.")
    return "\n".join(lines)


class _Plot:
    """One row of events, then one or more lanes of windows per windower."""

    def __init__(
        self, events: list[Event], found: Mapping[str, list[_Window]], sessions: set[str]
    ) -> None:
        self.found, self.sessions = found, sessions
        self.elements = [event_element(event) for event in events]
        names = ["events", *(plain(name) for name in found)]
        self.names = [fit(drawable(name, TEXT), 150, TEXT) for name in names]
        self.left = max(text_width(name, TEXT) for name in self.names) + 2 * MARGIN
        windows = [window for own in found.values() for window in own]
        times = [event.time for event in events]
        start = min([*times, *(window.start for window in windows)])
        end = max([*times, *(window.end for window in windows)])
        self.scale: Scale = time_scale(start, end, WIDTH - self.left - RIGHT)

    def draw(self, title: str) -> Figure:
        """Return the figure."""
        lanes = {name: _lanes(windows) for name, windows in self.found.items()}
        depth = _TOP + sum(_BETWEEN + _LANE * (max(own, default=0) + 1) for own in lanes.values())
        legend = [
            *event_handles({element.what for element in self.elements}),
            Patch(label="window", **_WINDOW_LOOK),
            *([Patch(label="session", **SESSION_LOOK)] if self.sessions else []),
            Line2D([], [], label="event in it", **_DOT),
        ]
        figure, axes = page(title, legend, [], self.left, depth)
        draw_time(axes, self.scale)
        row = {element.user: _TOP / 2 for element in self.elements}
        markers, most = place_markers(self.elements, self.scale, row, 26.0)
        draw_markers(axes, markers, most)
        top, middles = _TOP, [_TOP / 2]
        for name, windows in self.found.items():
            for lane in range(max(lanes[name], default=0) + 1):
                own = [one for one, its in zip(windows, lanes[name], strict=True) if its == lane]
                self._draw_lane(axes, own, top + _LANE * (lane + 1), name in self.sessions)
            height = _LANE * (max(lanes[name], default=0) + 1)
            middles.append(top + height - _BAR / 2 if height == _LANE else top + height / 2 + 6)
            top += height + _BETWEEN
        axes.set_yticks(middles, self.names, font=TEXT)
        return figure

    def _draw_lane(self, axes: Axes, windows: list[_Window], bottom: float, session: bool) -> None:
        """Draw bars, the events in each as dots, and above it their number if there is room."""
        look = SESSION_LOOK if session else _WINDOW_LOOK
        pauses = [self.scale.x(b.start) - self.scale.x(a.end) for a, b in pairwise(windows)]
        # A session's bar reaches a little beyond its events, unless it would meet its neighbour.
        air = min([7.0, *(pause / 2 for pause in pauses)]) if session else 0.0
        ends = [*(self.scale.x(window.start) - air for window in windows[1:]), self.scale.width]
        for window, end in zip(windows, ends, strict=True):
            left, right = self.scale.x(window.start) - air, self.scale.x(window.end) + air
            axes.add_artist(Rectangle((left, bottom - _BAR), right - left, _BAR, zorder=2, **look))
            xs = [self.scale.x(time) for time in window.times]
            axes.plot(xs, [bottom - _BAR / 2] * len(xs), zorder=3, **_DOT)
            number = quantity(len(window.times), "event")
            for text in (number, number.split()[0]):
                if left + 1 + text_width(text, SMALL) <= end - 4:
                    axes.text(left + 1, bottom - _BAR - 4, text, font=SMALL)
                    break
