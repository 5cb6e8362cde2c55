"""What crosses the boundary between two batches."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from searchlogs.figures.page import (
    COLOURS,
    DASHED,
    EDGE,
    LINE,
    MARGIN,
    RIGHT,
    SMALL,
    STRONG,
    TEXT,
    WIDTH,
    Drawing,
    page,
    plain,
    quantity,
    style,
)

_LEFT, _ROW, _BAND = 70.0, 26.0, 36.0
_CLOSED: dict[str, Any] = {"facecolor": COLOURS["session"], **EDGE}
_OPEN: dict[str, Any] = DASHED | {"hatch": "////"}
_EVENT: dict[str, Any] = {
    "marker": "o",
    "linestyle": "",
    "color": COLOURS["search"],
    "markersize": 6,
}
_CARRIED: dict[str, Any] = {
    "marker": "s",
    "linestyle": "",
    "color": COLOURS["ink"],
    "markersize": 9,
}
_HEADINGS = {
    "one batch": "In one batch",
    "first batch": "Two batches: the first one",
    "second batch": "Two batches: the second one",
}


class _Span(NamedTuple):
    """A session, or the part of it in one batch; times in minutes."""

    start: float
    end: float
    events: int


def boundary_plot(
    minutes: Mapping[str, Sequence[float]], *, cut: float, gap: float, title: str
) -> Drawing:
    """Draw users' sessions as found in one batch, and as found in two.

    A session that is open at the end of the first batch enters the second one as one row, at the
    time of its last event.

    Args:
        minutes: The times of each user's events, in minutes, in order.
        cut: The minute at which the second batch begins.
        gap: The longest pause within a session, in minutes.
        title: The finding.

    Returns:
        A drawing whose `data` has one row per session and batch: `batch`, `user`, `start` and
        `end` in minutes, `events`, and `state`, "closed" or "open".
    """
    found = {user: _batches(times, cut, gap) for user, times in minutes.items()}
    carried = {user: one["first batch"][-1] for user, one in found.items() if one["first batch"]}
    table = _table(found)
    legend: list[Line2D | Patch] = [
        Line2D([], [], label="event", **_EVENT),
        Patch(label="session", **_CLOSED),
        Patch(label="session still open", **_OPEN),
        Line2D([], [], label="open session, as one row", **_CARRIED),
        Line2D([], [], label="batch boundary", **LINE),
    ]
    with style():
        depth = 3 * (_BAND + _ROW * len(minutes)) - 10
        figure, axes = page(title, legend, [], _LEFT, depth)
        _Plot(axes, minutes, table, carried, cut).draw(depth)
    return Drawing(figure, plain(title), _describe(table, len(carried)), table)


def _batches(times: Sequence[float], cut: float, gap: float) -> dict[str, list[_Span]]:
    """Return the sessions of one user, in one batch and in each of two."""
    whole = [_Span(time, time, 1) for time in times]
    first = _joined([span for span in whole if span.end < cut], gap)
    rest = [span for span in whole if span.end >= cut]
    return {
        "one batch": _joined(whole, gap),
        "first batch": first,
        "second batch": _joined([*first[-1:], *rest], gap),
    }


def _joined(spans: Sequence[_Span], gap: float) -> list[_Span]:
    """Join spans, in order of time, unless a longer pause than the gap is between them."""
    joined: list[_Span] = []
    for span in spans:
        if joined and span.start - joined[-1].end <= gap:
            last = joined.pop()
            span = _Span(last.start, span.end, last.events + span.events)
        joined.append(span)
    return joined


def _table(found: Mapping[str, Mapping[str, list[_Span]]]) -> pd.DataFrame:
    """Return the drawing's data: the sessions by batch, user and start."""
    rows = [
        {
            "batch": batch,
            "user": user,
            **span._asdict(),
            "state": "open" if batch == "first batch" and span is spans[-1] else "closed",
        }
        for batch in _HEADINGS
        for user in sorted(found)
        for spans in [found[user][batch]]
        for span in spans
    ]
    return pd.DataFrame(rows)


class _Plot:
    """Three bands, one per batch, each with one row per user."""

    def __init__(
        self,
        axes: Axes,
        minutes: Mapping[str, Sequence[float]],
        table: pd.DataFrame,
        carried: Mapping[str, _Span],
        cut: float,
    ) -> None:
        self.axes, self.minutes, self.table = axes, minutes, table
        self.carried, self.cut = carried, cut
        self.low, self.high = min(map(min, minutes.values())), max(map(max, minutes.values()))
        self.width = WIDTH - _LEFT - RIGHT
        self.scale = (self.width - 40) / (self.high - self.low)

    def x(self, minute: float) -> float:
        return 20 + (minute - self.low) * self.scale

    def draw(self, depth: float) -> None:
        band = _BAND + _ROW * len(self.minutes)
        for number, (batch, heading) in enumerate(_HEADINGS.items()):
            top = number * band
            x = MARGIN - _LEFT
            self.axes.text(x, top + 8, heading, ha="left", va="center", font=STRONG)
            for lane, user in enumerate(self.minutes):
                self.draw_row(batch, user, top + 18 + _ROW * (lane + 0.5))
            if batch != "one batch":
                ends = [top + 16, top + 20 + _ROW * len(self.minutes)]
                self.axes.plot([self.x(self.cut)] * 2, ends, zorder=0.9, **LINE)
        marks = [n for n in range(int(self.low), int(self.high) + 1) if n % 30 == 0]
        self.axes.set_xticks([self.x(n) for n in marks], [str(n) for n in marks], font=SMALL)
        self.axes.set_yticks([])
        self.axes.spines["left"].set_visible(False)
        note: dict[str, Any] = {"font": SMALL, "color": COLOURS["note"]}
        where = self.width / 2, depth + 24
        self.axes.text(*where, "event time, in minutes", ha="center", va="top", **note)

    def draw_row(self, batch: str, user: str, y: float) -> None:
        """Draw what one batch holds of one user."""
        self.axes.text(-18, y, f"user {user}", ha="right", va="center", font=TEXT)
        carried = self.carried.get(user) if batch == "second batch" else None
        own = self.table[(self.table["batch"] == batch) & (self.table["user"] == user)]
        for start, end, state in zip(own["start"], own["end"], own["state"], strict=True):
            # The second batch holds nothing of a carried session but its last event.
            begin = carried.end if carried and start == carried.start else start
            left, right = self.x(begin) - 10, self.x(end) + 10
            look = _OPEN if state == "open" else _CLOSED
            self.axes.add_patch(Rectangle((left, y - 9), right - left, 18, **look))
        times = {
            "one batch": self.minutes[user],
            "first batch": [time for time in self.minutes[user] if time < self.cut],
            "second batch": [time for time in self.minutes[user] if time >= self.cut],
        }[batch]
        self.axes.plot([self.x(time) for time in times], [y] * len(times), **_EVENT)
        if carried:
            x = self.x(carried.end)
            self.axes.plot([x], [y], **_CARRIED)
            text = f"{quantity(carried.events, 'event')}, from {carried.start:g}"
            look = {"font": SMALL, "color": COLOURS["note"]}
            self.axes.text(x - 14, y, text, ha="right", va="center", **look)


def _describe(table: pd.DataFrame, carried: int) -> str:
    """Return the sessions of each batch as text."""

    def sessions(batch: str) -> str:
        own: Iterable[Any] = table[table["batch"] == batch].itertuples()
        return ", ".join(
            f"user {row.user}'s {row.start:g} to {row.end:g} of {quantity(row.events, 'event')}"
            + (" (open)" if row.state == "open" else "")
            for row in own
        )

    return (
        f"Sessions, in minutes. In one batch: {sessions('one batch')}. The first of two batches: "
        f"{sessions('first batch')}. {quantity(carried, 'open session')} go into the second "
        f"one, each as one row. The second batch: {sessions('second batch')}."
    )
