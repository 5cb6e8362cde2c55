"""A live run as a film: now, the watermarks, and the gaps that run out."""

import io
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from PIL import Image

from searchlogs.figures.elements import (
    GAP_LOOK,
    SESSION_LOOK,
    Element,
    Marker,
    ctr_text,
    draw_markers,
    event_element,
    event_handles,
)
from searchlogs.figures.film import animate
from searchlogs.figures.live_record import Record, State, late_text, left_text
from searchlogs.figures.page import (
    COLOURS,
    MARGIN,
    RIGHT,
    SMALL,
    STRONG,
    TEXT,
    WIDTH,
    Scale,
    draw_time,
    drawable,
    fit,
    page,
    plain,
    style,
    text_width,
)

FRAMES = 40
SECONDS = 0.5
DPI = 96
PITCH, BAR, FALL = 46.0, 16.0, 15.0
"""Heights, in points: of a row, of a session's bar, and how far a late event falls."""
OPEN_LOOK: dict[str, Any] = {"facecolor": "white", "edgecolor": COLOURS["ink"], "linestyle": "--"}


def film(
    record: Record, users: list[str], start: datetime, end: datetime, until: datetime
) -> bytes:
    """Return an animated PNG of a run.

    Args:
        record: What the engine said.
        users: The users, one row for each.
        start: Where the time axis begins.
        end: Where the time axis ends.
        until: Where the run ended or was stopped.
    """
    times = [start + (until - start) * number / (FRAMES - 1) for number in range(FRAMES)]
    with style():
        look = _look(record, users, start, end)
        return animate(list(_pictures(map(record.state, times), look)), SECONDS)


class _Look(NamedTuple):
    """What all pictures of a film share."""

    gap: timedelta
    middle: dict[str, float]
    names: list[str]
    left: float
    scale: Scale
    legend: list[Line2D | Patch]


def _look(record: Record, users: list[str], start: datetime, end: datetime) -> _Look:
    names = [fit(drawable(f"user {plain(user)}", TEXT), 110, TEXT) for user in users]
    left = max(text_width(name, TEXT) for name in names) + MARGIN + 12
    air = (end - start) / 60
    scale = Scale(start - air, end + air, WIDTH - left - RIGHT)
    middle = {user: (number + 0.45) * PITCH for number, user in enumerate(users)}
    kinds = {event_element(one.event, one.late_by).what for one in record.arrived}
    legend: list[Line2D | Patch] = [
        *event_handles(kinds),
        Line2D([], [], color=COLOURS["ink"], linewidth=1.5, label="now"),
        Line2D(
            [], [], color=COLOURS["watermark"], linewidth=1.8, linestyle="--", label="watermark"
        ),
        Patch(label="gap left", **GAP_LOOK),
        Patch(label="closed session", **SESSION_LOOK),
    ]
    return _Look(record.gap, middle, names, left, scale, legend)


def _pictures(states: Iterable[State], look: _Look) -> Iterator[bytes]:
    """Yield a PNG for each state; what never changes is drawn once, since drawing is slow."""
    depth = PITCH * len(look.names)
    figure, axes = page("at", look.legend, [], look.left, depth)
    (title,) = figure.texts
    draw_time(axes, look.scale)
    axes.set_yticks(list(look.middle.values()), look.names, font=TEXT)
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    title.set_visible(False)
    canvas.draw()
    title.set_visible(True)
    empty = canvas.copy_from_bbox(figure.bbox)
    fixed = set(axes.get_children())
    for state in states:
        canvas.restore_region(empty)
        title.set_text(str(state))
        figure.draw_artist(title)
        _draw(axes, state, look)
        moving = [artist for artist in axes.get_children() if artist not in fixed]
        for artist in sorted(moving, key=lambda one: one.get_zorder()):
            axes.draw_artist(artist)
            artist.remove()
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(canvas.buffer_rgba())).save(buffer, "png", compress_level=1)
        yield buffer.getvalue()


def _draw(axes: Axes, state: State, look: _Look) -> None:
    """Draw what moves."""
    x = look.scale.x
    now = [x(state.at)] * 2
    axes.plot(now, axes.get_ylim(), color=COLOURS["ink"], linewidth=1.5, zorder=8)
    for user, watermark in state.watermarks.items():
        reach = [look.middle[user] - BAR, look.middle[user] + BAR]
        mark = max(0.0, x(watermark))
        axes.plot([mark, mark], reach, "--", color=COLOURS["watermark"], linewidth=1.8, zorder=8)
    _draw_sessions(axes, state, look)
    _draw_events(axes, state, look)


def _draw_sessions(axes: Axes, state: State, look: _Look) -> None:
    """Draw closed sessions, and open ones with what is left of their gap."""
    x = look.scale.x
    for _, session in state.closed:
        top = look.middle[session.user] - BAR / 2
        _draw_bar(axes, x(session.start), x(session.end), top, SESSION_LOOK)
        axes.text(x(session.start) - 6, top - 4, ctr_text(session), font=STRONG)
    for user, start, end in state.open:
        top = look.middle[user] - BAR / 2
        _draw_bar(axes, x(start), x(end), top, OPEN_LOOK)
        drained = max(end, min(state.watermarks[user], end + look.gap))
        gap = x(end + look.gap) - x(drained)
        axes.add_artist(Rectangle((x(drained), top), gap, BAR, zorder=1, **GAP_LOOK))
        label = left_text(end + look.gap - state.watermarks[user])
        # Beside the gap, or at the right end of the axis above it.
        right = x(end + look.gap)
        if right + text_width(label, SMALL) + 4 < look.scale.width + RIGHT:
            place, side = (right + 4, look.middle[user] + 3.5), "left"
        else:
            place, side = (right, top - 4), "right"
        axes.text(*place, label, font=SMALL, ha=side, color=COLOURS["note"])


def _draw_bar(axes: Axes, start: float, end: float, top: float, look: dict[str, Any]) -> None:
    axes.add_artist(Rectangle((start - 6, top), end - start + 12, BAR, zorder=2, **look))


def _draw_events(axes: Axes, state: State, look: _Look) -> None:
    """Draw the events; a late one lies below its row."""
    markers = []
    for one in state.arrived:
        element: Element = event_element(one.event, one.late_by)
        y, x = look.middle[one.user], look.scale.x(element.start)
        if one.late_by is not None:
            y += FALL
            label = late_text(one.late_by)
            # On the side where no line will be, unless the axis begins there.
            room = x > text_width(label, SMALL) + 8
            side = "right" if room else "left"
            place = (x - 8 if room else x + 8, y + 3.5)
            axes.text(*place, label, font=SMALL, ha=side, color="#a3447c", zorder=9)
        markers.append(Marker(element.what, x, y))
    draw_markers(axes, markers, 9.0)
