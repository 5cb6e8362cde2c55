"""Which search each click of a session belongs to, as a picture."""

from datetime import datetime
from math import inf
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.path import Path

from searchlogs.events import ClickResult, Event, Results, Search
from searchlogs.figures.elements import (
    SESSION_LOOK,
    draw_markers,
    event_element,
    legend_handles,
    place_markers,
    session_elements,
)
from searchlogs.figures.page import (
    COLOURS,
    MARGIN,
    RIGHT,
    SMALL,
    STRONG,
    TEXT,
    WIDTH,
    Drawing,
    Label,
    Scale,
    clock_text,
    draw_time,
    drawable,
    fit,
    page,
    place,
    plain,
    style,
    time_scale,
)
from searchlogs.metrics import attribute
from searchlogs.sessions import Session

_LEFT = 96.0
_MIDDLE, _BAR = 92.0, 32.0  # y of the session's bar, and its height


def attribution(session: Session, title: str) -> Drawing:
    """Draw one session with an arc from each click to the search that it belongs to.

    Args:
        session: The session; `metrics.attribute` decides which search a click belongs to.
        title: The finding.

    Returns:
        A drawing whose `data` has one row per click, in time order. Columns: `click`, the item
        (string); `search`, its query, or NA for an orphan (string); `time`
        (datetime64[us, UTC]).
    """
    owners = _owners(session)
    with style():
        elements = [event_element(event) for event in session.events]
        handles = legend_handles([*elements, *session_elements([session], None)])
        figure, axes = page(title, handles, [], _LEFT, 166)
        scale = time_scale(session.start, session.end, WIDTH - _LEFT - RIGHT)
        draw_time(axes, scale)
        name = fit(f"user {plain(session.user)}", _LEFT - 2 * MARGIN, TEXT)
        axes.set_yticks([_MIDDLE], [name], font=TEXT)
        left, right = scale.x(session.start) - 7, scale.x(session.end) + 7
        box = Rectangle((left, _MIDDLE - _BAR / 2), right - left, _BAR, zorder=1, **SESSION_LOOK)
        axes.add_patch(box)
        draw_markers(axes, place_markers(elements, scale, {session.user: _MIDDLE}, _BAR)[0], inf)
        for click, search in owners:
            x = scale.x(click.time)
            if search is None:
                axes.text(x, _MIDDLE - 22, "orphan", ha="center", font=STRONG)
            else:
                _draw_arc(axes, x, scale.x(search.time), _MIDDLE - 8)
        for depth, kind in ((22, Search), (38, Results), (54, ClickResult)):
            _draw_texts(axes, session, kind, scale, _MIDDLE + depth)
    rows = [
        (plain(click.item), plain(search.query) if search else None, click.time)
        for click, search in owners
    ]
    data = pd.DataFrame(rows, columns=["click", "search", "time"]).astype(
        {"click": "string", "search": "string", "time": "datetime64[us, UTC]"}
    )
    description = "\n".join(_sentence(*row) for row in rows) or "No clicks."
    return Drawing(figure, plain(title), description, data)


def _owners(session: Session) -> list[tuple[ClickResult, Search | None]]:
    """Pair each click, in time order, with its search, or with None if it is an orphan."""
    found = attribute(session)
    owned = [(click, shown.search) for shown in found.impressions for click in shown.clicks]
    return sorted([*owned, *((click, None) for click in found.orphans)], key=lambda it: it[0].time)


def _sentence(item: str, query: str | None, time: datetime) -> str:
    owner = "no search: an orphan" if query is None else query
    return f"The click on {item} at {clock_text(time)} belongs to {owner}."


def _draw_arc(axes: Axes, start: float, end: float, y: float) -> None:
    """Draw an arc from a click to its search, over the markers between them."""
    height = min(62.0, 30 + abs(start - end) / 8)
    curve = [(start, y), (start, y - height), (end, y - height), (end, y)]
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    look: dict[str, Any] = {"edgecolor": COLOURS["click"], "linewidth": 1.4, "zorder": 6}
    arrow = FancyArrowPatch(path=Path(curve, codes), arrowstyle="-|>", mutation_scale=9, **look)
    axes.add_patch(arrow)


def _draw_texts(axes: Axes, session: Session, kind: type[Event], scale: Scale, y: float) -> None:
    """Write what was searched, shown or clicked on one line below the bar, if there is room."""
    labels = [
        Label(scale.x(event.time) - 4, drawable(plain(_text(event)), SMALL), SMALL)
        for event in session.events
        if isinstance(event, kind)
    ]
    colour = {Search: COLOURS["search"], Results: COLOURS["note"], ClickResult: COLOURS["click"]}
    for x, text, font in place(labels, scale.width):
        axes.text(x, y, text, font=font, color=colour[kind], va="top")


def _text(event: Event) -> str:
    """Return the query, the items or the item of an event."""
    if isinstance(event, Search):
        return event.query
    if isinstance(event, Results):
        return ", ".join(event.items) or "nothing"
    return event.item if isinstance(event, ClickResult) else ""
