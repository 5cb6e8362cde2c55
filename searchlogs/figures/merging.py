"""Sessions that grow and merge while events arrive, in a window that doesn't order them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import bytewax.operators as op
import pandas as pd
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import SessionWindower, WindowMetadata, collect_window
from bytewax.testing import TestingSink, TestingSource
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from searchlogs.dataflow import run
from searchlogs.durations import LONGEST
from searchlogs.events import Event, check_event
from searchlogs.figures.elements import LOOKS, SESSION_LOOK, event_element, event_handles
from searchlogs.figures.page import (
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
    page,
    plain,
    quantity,
    style,
    text_width,
    time_scale,
)
from searchlogs.sessions import replay_clock, user_event

_PITCH, _BAR = 46.0, 22.0


class _Window(NamedTuple):
    """A window that is open after an arrival."""

    arrival: int
    window: int
    start: datetime
    end: datetime
    merged: tuple[int, ...]


def merging_plot(events: Iterable[Event], gap: timedelta, title: str) -> Drawing:
    """Draw the sessions that are open after each arrival, in a window that takes events unordered.

    The sessions are those of the engine, with `ordered=False` and no late events.

    Args:
        events: One to seven events of one user, in the order of their arrival.
        gap: The longest pause within a session, from 0 to 366 days.
        title: The finding.

    Returns:
        A drawing whose `data` has one row per arrival and open session: `arrival` (int64, from 1),
        `window`, the session's number (int64), `start` and `end` (datetime64[us, UTC]), and
        `merged`, the numbers of the sessions that it has swallowed (a tuple).

    Raises:
        TypeError: Something is not an event.
        ValueError: There are not one to seven events, or they are of several users.
    """
    arrivals = list(events)
    for index, event in enumerate(arrivals):
        check_event(event, f"events[{index}]")
    users = {str(event.user) for event in arrivals}
    if not 1 <= len(arrivals) <= 7 or len(users) > 1:
        found = f"{quantity(len(arrivals), 'event')} of {quantity(len(users), 'user')}"
        raise ValueError(f"events: expected one to seven events of one user; found {found}")
    windows = [
        _Window(number, *own)
        for number in range(1, len(arrivals) + 1)
        for own in _open_windows(arrivals[:number], gap)
    ]
    with style():
        figure = _draw(arrivals, windows, plain(title))
    time = "datetime64[us, UTC]"
    data = pd.DataFrame(windows, columns=list(_Window._fields))
    data = data.astype({"arrival": "int64", "window": "int64", "start": time, "end": time})
    return Drawing(figure, plain(title), _describe(arrivals, windows), data)


def _open_windows(
    events: list[Event], gap: timedelta
) -> list[tuple[int, datetime, datetime, tuple[int, ...]]]:
    """Return number, start, end and swallowed numbers of the sessions open after the last event."""
    spans: list[tuple[str, tuple[int, WindowMetadata]]] = []
    flow = Dataflow("merging")
    source: TestingSource[Event] = TestingSource(events)
    keyed = op.map("user_event", op.input("inp", flow, source), user_event)
    clock, windower = replay_clock(LONGEST), SessionWindower(gap)
    # The engine's overloads forget `ordered`.
    out = collect_window("window", keyed, clock, windower, ordered=False)  # type: ignore[call-overload]
    op.output("spans", out.meta, TestingSink(spans))
    run(flow)
    return sorted(
        (number, span.open_time, span.close_time, tuple(sorted(span.merged_ids)))
        for _, (number, span) in spans
    )


def _draw(arrivals: list[Event], windows: list[_Window], title: str) -> Figure:
    """Draw a row per arrival: the open sessions, the events in them, the newest one large."""
    times = [event.time for event in arrivals]
    names = [f"arrival {number}" for number in range(1, len(arrivals) + 1)]
    left = max(text_width(name, TEXT) for name in names) + 2 * MARGIN
    scale = time_scale(min(times), max(times), WIDTH - left - RIGHT)
    looks = [LOOKS[event_element(event).what] for event in arrivals]
    legend = event_handles({event_element(event).what for event in arrivals})
    legend.append(Patch(label="open session", **SESSION_LOOK))
    figure, axes = page(title, legend, [], left, _PITCH * len(arrivals))
    draw_time(axes, scale)
    middles = [(number + 0.6) * _PITCH for number in range(len(arrivals))]
    axes.set_yticks(middles, names, font=TEXT)
    for number, middle in enumerate(middles, start=1):
        _draw_row(axes, scale, [one for one in windows if one.arrival == number], middle)
        for time, look in list(zip(times, looks, strict=True))[:number]:
            size = look["markersize"] * (1.0 if time == times[number - 1] else 0.6)
            axes.plot(scale.x(time), middle, zorder=3, **look | {"markersize": size})
    return figure


def _draw_row(axes: Axes, scale: Scale, windows: list[_Window], middle: float) -> None:
    """Draw the open sessions, and above each its name or its number if there is room."""
    top = middle - _BAR / 2
    starts = [scale.x(one.start) - 8 for one in windows]
    for one, left, end in zip(windows, starts, [*starts[1:], scale.width + RIGHT], strict=True):
        width = scale.x(one.end) + 8 - left
        axes.add_patch(Rectangle((left, top), width, _BAR, zorder=1, **SESSION_LOOK))
        for text in (_name(one), str(one.window)):
            if left + 1 + 1.1 * text_width(text, SMALL) < end:
                axes.text(left + 1, top - 4, text, font=SMALL)
                break


def _name(one: _Window) -> str:
    swallowed = " and ".join(map(str, one.merged))
    return f"session {one.window}" + (f", merged with {swallowed}" if swallowed else "")


def _describe(arrivals: list[Event], windows: list[_Window]) -> str:
    day = date_text(min(event.time for event in arrivals))
    lines = [f"Open sessions of user {plain(str(arrivals[0].user))} by arrival, {day} (UTC)."]
    for number, event in enumerate(arrivals, start=1):
        open_ones = ", ".join(
            f"{_name(one)} ({clock_text(one.start)} to {clock_text(one.end)})"
            for one in windows
            if one.arrival == number
        )
        lines.append(f"Arrival {number}, at {clock_text(event.time)}: {open_ones}.")
    return "\n".join(lines)
