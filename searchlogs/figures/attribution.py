"""Which search each click of a session belongs to, as a picture."""

from math import inf
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.path import Path

from searchlogs.events import ClickResult, Event, Results, Search
from searchlogs.figures.page import (
    COLOURS,
    RIGHT,
    SMALL,
    STRONG,
    TEXT,
    WIDTH,
    Drawing,
    Label,
    Scale,
    clock_words,
    draw_time,
    drawable,
    fit,
    page,
    place,
    plain,
    style,
    time_scale,
)
from searchlogs.figures.timeline import (
    SESSION_LOOK,
    _bars,
    _draw_markers,
    _legend,
    _markers,
    _point,
)
from searchlogs.metrics import attribute
from searchlogs.sessions import Session


def attribution(session: Session, title: str) -> Drawing:
    """Draw one session with an arc from each click to the search that `attribute` gives it.

    The drawing's `data` has one row a click, in time order: `click` and `search`, its query or NA
    for an orphan (string), and `time` (datetime64[us, UTC]).
    """
    scale = time_scale(session.start, session.end, WIDTH - 60 - RIGHT)
    things = [_point(event) for event in session.events]
    middle, bar = 92.0, 32.0
    with style():
        bars = list(_bars([session], None))
        figure, axes = page(title, _legend([*things, *bars]), [], 60, 160)
        draw_time(axes, scale)
        axes.set_yticks([middle], [fit(f"user {plain(session.user)}", 48, TEXT)], font=TEXT)
        left, right = scale.x(session.start) - 7, scale.x(session.end) + 7
        box = Rectangle((left, middle - bar / 2), right - left, bar, zorder=1, **SESSION_LOOK)
        axes.add_patch(box)
        _draw_markers(axes, _markers(things, scale, {session.user: middle}, bar)[0], inf)
        rows = []
        for event, search in _owners(session):
            x = scale.x(event.time)
            if search is None:
                axes.text(x, middle - 22, "orphan", ha="center", font=STRONG)
            else:
                _draw_arc(axes, x, scale.x(search.time), middle - 8)
            rows.append((plain(event.item), search and plain(search.query), event.time))
        for depth, kind in ((22, Search), (36, Results), (50, ClickResult)):
            _draw_words(axes, session, kind, scale, middle + depth)
    data = pd.DataFrame(rows, columns=["click", "search", "time"]).astype(
        {"click": "string", "search": "string", "time": "datetime64[us, UTC]"}
    )
    told = [
        f"The click on {item} at {clock_words(time)} "
        + ("belongs to no search: an orphan." if query is None else f"belongs to {query}.")
        for item, query, time in rows
    ]
    return Drawing(figure, plain(title), "\n".join(told or ["No clicks."]), data)


def _owners(session: Session) -> list[tuple[ClickResult, Search | None]]:
    found = attribute(session)
    owned = [(click, shown.search) for shown in found.impressions for click in shown.clicks]
    return sorted([*owned, *((click, None) for click in found.orphans)], key=lambda it: it[0].time)


def _draw_arc(axes: Axes, start: float, end: float, y: float) -> None:
    """An arc from a click over the markers between to its search."""
    height = min(62.0, 30 + abs(start - end) / 8)
    curve = [(start, y), (start, y - height), (end, y - height), (end, y)]
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    look: dict[str, Any] = {"edgecolor": COLOURS["click"], "linewidth": 1.4, "zorder": 6}
    arrow = FancyArrowPatch(path=Path(curve, codes), arrowstyle="-|>", mutation_scale=9, **look)
    axes.add_patch(arrow)


def _draw_words(axes: Axes, session: Session, kind: type[Event], scale: Scale, y: float) -> None:
    """One line under the bar: what was searched, shown or clicked, where there is room."""
    labels = []
    for event in session.events:
        if isinstance(event, kind):
            text = event.query if isinstance(event, Search) else ""
            text = ", ".join(event.items) or "nothing" if isinstance(event, Results) else text
            text = event.item if isinstance(event, ClickResult) else text
            labels.append(Label(scale.x(event.time) - 4, drawable(plain(text), SMALL), SMALL))
    colour = {Search: COLOURS["search"], Results: COLOURS["note"], ClickResult: COLOURS["click"]}
    for x, text, font in place(labels, scale.width):
        axes.text(x, y, text, font=font, color=colour[kind], va="top")
