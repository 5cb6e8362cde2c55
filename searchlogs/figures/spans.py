"""What lasts: one row per thing, a bar from the beginning to the end of each that belongs to it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from searchlogs.figures.elements import SESSION_LOOK
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
    date_text,
    drawable,
    fit,
    page,
    plain,
    quantity,
    style,
    text_width,
    ticks,
    time_scale,
)

_PITCH, _BAR = 52.0, 30.0
_ON_TIME: dict[str, Any] = {"facecolor": COLOURS["results"], **EDGE}
_LATE: dict[str, Any] = {"facecolor": "#f6d3bd", "hatch": "////", **EDGE}


class Span(NamedTuple):
    """A bar: what lasts from `start` to `end`."""

    start: datetime
    end: datetime
    late: bool = False
    """Whether it began late; such a bar is hatched."""


def spans_plot(
    rows: Mapping[str, Sequence[Span]],
    title: str,
    *,
    noun: str,
    sessions: Mapping[str, Sequence[tuple[datetime, datetime]]] | None = None,
    zone: tzinfo = UTC,
) -> Drawing:
    """Draw one row of bars per name; bars that overlap share the height of their row.

    Args:
        rows: The bars, by the name of their row.
        title: The finding.
        noun: What a bar is, such as "flight".
        sessions: Start and end of each session, by the name of the row; drawn behind the bars.
        zone: Time zone of the axis.

    Returns:
        A drawing whose `data` has one row per bar, by row and then by start: `row` (string),
        `start` and `end` (datetime64[us, UTC]) and `late` (bool).

    Raises:
        ValueError: There is no bar to draw.
    """
    bars = [(name, span) for name, spans in rows.items() for span in sorted(spans)]
    if not bars:
        raise ValueError(f"rows: expected at least one {noun}; found none")
    ends = [(span.start, span.end) for _, span in bars]
    ends += [pair for pairs in (sessions or {}).values() for pair in pairs]
    with style():
        names = [fit(drawable(plain(name), TEXT), 150, TEXT) for name in rows]
        left = max(60.0, *(text_width(name, TEXT) + MARGIN + 8 for name in names))
        begin, finish = min(start for start, _ in ends), max(end for _, end in ends)
        scale = time_scale(begin, finish, WIDTH - left - RIGHT)
        figure, axes = page(title, _legend(noun, bool(sessions)), [], left, _PITCH * len(rows))
        _draw_time(axes, scale, (begin, finish), zone)
        axes.set_yticks([(n + 0.5) * _PITCH for n in range(len(rows))], names, font=TEXT)
        for number, (name, spans) in enumerate(rows.items()):
            top = (number + 0.5) * _PITCH - _BAR / 2
            for start, end in (sessions or {}).get(name, ()):
                _bar(axes, scale, (start, end), (top - 6, _BAR + 12), SESSION_LOOK)
            lanes = _lanes(sorted(spans))
            height = _BAR / max(1, len(lanes))
            for lane, own in enumerate(lanes):
                for span in own:
                    look = _LATE if span.late else _ON_TIME
                    thin = look if height > 6 else look | {"linewidth": 0}
                    _bar(axes, scale, span[:2], (top + lane * height, height), thin)
    data = pd.DataFrame([(name, *span) for name, span in bars], columns=["row", *Span._fields])
    time = "datetime64[us, UTC]"
    data = data.assign(**{key: pd.to_datetime(data[key], utc=True) for key in ("start", "end")})
    data = data.astype({"row": "string", "start": time, "end": time})
    return Drawing(figure, plain(title), _describe(rows, noun, sessions or {}), data)


def _legend(noun: str, sessions: bool) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Patch(label=f"{noun} that left on time", **_ON_TIME),
        Patch(label=f"{noun} that left late", **_LATE),
    ]
    return [*handles, Patch(label="session", **SESSION_LOOK)] if sessions else handles


def _draw_time(axes: Axes, scale: Scale, ends: tuple[datetime, datetime], zone: tzinfo) -> None:
    """Draw the grid and the labels of event time, with the dates of both ends."""
    marks, labels, _ = ticks(scale, zone)
    axes.set_xticks(marks, labels, font=SMALL)
    dates = " to ".join(dict.fromkeys(date_text(time.astimezone(zone)) for time in ends))
    axes.set_xlabel(f"event time ({zone}), {dates}", font=SMALL, color=COLOURS["note"])


def _lanes(spans: list[Span]) -> list[list[Span]]:
    """Deal spans out, in order of their starts, so that no two in one lane overlap."""
    lanes: list[list[Span]] = []
    for span in spans:
        free = next((lane for lane in lanes if lane[-1].end <= span.start), None)
        if free is None:
            lanes.append(free := [])
        free.append(span)
    return lanes


def _bar(
    axes: Axes,
    scale: Scale,
    times: tuple[datetime, datetime],
    place: tuple[float, float],
    look: dict[str, Any],
) -> None:
    """Draw a bar between two times; `place` is its top and its height."""
    start, end = map(scale.x, times)
    axes.add_patch(Rectangle((start, place[0]), max(end - start, 2), place[1], **look))


def _describe(
    rows: Mapping[str, Sequence[Span]],
    noun: str,
    sessions: Mapping[str, Sequence[tuple[datetime, datetime]]],
) -> str:
    """Describe each row in one line."""
    lines = []
    for name, spans in rows.items():
        late = sum(span.late for span in spans)
        parts = [f"{quantity(len(spans), noun)}, {late:,} late"]
        if name in sessions:
            parts.append(quantity(len(sessions[name]), "session"))
        lines.append(f"{plain(name)}: {', '.join(parts)}.")
    return "\n".join(lines)
