"""What goes over the boundary between two batches."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from searchlogs.figures.page import (
    COLOURS,
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

# A batch boundary

_ROW, _BAND = 26.0, 36.0
_CLOSED: dict[str, Any] = {"facecolor": COLOURS["session"], **EDGE}
_OPEN: dict[str, Any] = {"facecolor": "white", "hatch": "////", "linestyle": (0, (3, 2)), **EDGE}


def boundary_plot(
    minutes: Mapping[str, Sequence[float]], *, cut: float, gap: float, title: str
) -> Drawing:
    """Draw users' sessions found in one batch, and in two, the second one from minute `cut` on.

    `minutes` says when each user's events are, in order. What is open at the end of the first batch
    stands in the second one as one row, at the time of its last event. The drawing's `data` has a
    row a session and batch: `batch`, `user`, `start`, `end`, `events`, and `state`,
    "closed" or "open".
    """
    rows: list[dict[str, Any]] = []
    carried: dict[str, _Span] = {}
    for user, times in minutes.items():
        spans = {"one batch": _spans([(t, t, 1) for t in times], gap)}
        spans["first batch"] = _spans([(t, t, 1) for t in times if t < cut], gap)
        carried |= {user: spans["first batch"][-1]} if spans["first batch"] else {}
        left = [(t, t, 1) for t in times if t >= cut]
        spans["second batch"] = _spans([*spans["first batch"][-1:], *left], gap)
        for batch, found in spans.items():
            for number, (start, end, count) in enumerate(found):
                last = batch == "first batch" and number == len(found) - 1
                row = {"batch": batch, "user": user, "start": start, "end": end, "events": count}
                rows.append(row | {"state": "open" if last else "closed"})
    table = pd.DataFrame(rows).sort_values(["batch", "user", "start"], ignore_index=True)
    order = {"one batch": 0, "first batch": 1, "second batch": 2}
    table = table.sort_values("batch", key=lambda b: b.map(order), kind="stable", ignore_index=True)
    with style():
        legend: list[Line2D | Patch] = [
            Line2D([], [], label="event", **_dot()),
            Patch(label="session", **_CLOSED),
            Patch(label="session still open", **_OPEN),
            Line2D([], [], label="open session, as one row", **_square()),
            Line2D([], [], label="batch boundary", **LINE),
        ]
        depth = 3 * (_BAND + _ROW * len(minutes)) - 10
        figure, axes = page(title, legend, [], 112, depth)
        _draw_batches(axes, table, minutes, carried, cut, depth)
    return Drawing(figure, plain(title), _boundary_words(table, carried), table)


_Span = tuple[float, float, int]


def _spans(rows: Sequence[_Span], gap: float) -> list[_Span]:
    """Rows in order of time, joined where no pause is longer than the gap."""
    joined: list[_Span] = []
    for start, end, count in rows:
        if joined and start - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], end, joined[-1][2] + count)
        else:
            joined.append((start, end, count))
    return joined


def _dot() -> dict[str, Any]:
    return {"marker": "o", "linestyle": "", "color": COLOURS["search"], "markersize": 6}


def _square() -> dict[str, Any]:
    return {"marker": "s", "linestyle": "", "color": COLOURS["ink"], "markersize": 9}


def _draw_batches(
    axes: Axes,
    table: pd.DataFrame,
    minutes: Mapping[str, Sequence[float]],
    carried: Mapping[str, _Span],
    cut: float,
    depth: float,
) -> None:
    width = WIDTH - 112 - RIGHT
    low, high = min(map(min, minutes.values())), max(map(max, minutes.values()))
    scale = (width - 40) / (high - low)

    def x(minute: float) -> float:
        return 20 + (minute - low) * scale

    says = {
        "one batch": "In one batch",
        "first batch": "Two batches: the first one",
        "second batch": "Two batches: the second one",
    }
    for band, (batch, heading) in enumerate(says.items()):
        top = band * (_BAND + _ROW * len(minutes))
        axes.text(-10, top + 8, heading, ha="left", va="center", font=STRONG)
        axes.texts[-1].set_x(MARGIN - 112)
        for lane, (user, times) in enumerate(minutes.items()):
            y = top + 18 + _ROW * (lane + 0.5)
            axes.text(-10, y, f"user {user}", ha="right", va="center", font=TEXT)
            mine = table[(table["batch"] == batch) & (table["user"] == user)]
            for start, end, state in zip(mine["start"], mine["end"], mine["state"], strict=True):
                begin = x(start) - 10
                if batch == "second batch" and user in carried and start == carried[user][0]:
                    # What lies before the row that was carried over isn't there any more.
                    begin = x(carried[user][1]) - 10
                look = _OPEN if state == "open" else _CLOSED
                box = Rectangle((begin, y - 9), x(end) + 10 - begin, 18, **look)
                axes.add_patch(box)
            shown = {
                "one batch": times,
                "first batch": [t for t in times if t < cut],
                "second batch": [t for t in times if t >= cut],
            }[batch]
            axes.plot([x(t) for t in shown], [y] * len(shown), **_dot())
            if batch == "second batch" and user in carried:
                axes.plot([x(carried[user][1])], [y], **_square())
                start, _, count = carried[user]
                said = f"{quantity(count, 'event')} since minute {start:g}"
                at = x(carried[user][1]) - 18
                axes.text(at, y, said, ha="right", va="center", font=SMALL, color=COLOURS["note"])
        if batch != "one batch":
            ends = [top + 16, top + 20 + _ROW * len(minutes)]
            axes.plot([x(cut)] * 2, ends, zorder=0.9, **LINE)
    marks = [mark for mark in range(int(low), int(high) + 1) if mark % 30 == 0]
    axes.set_xticks([x(mark) for mark in marks], [str(mark) for mark in marks], font=SMALL)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    note: dict[str, Any] = {"font": SMALL, "color": COLOURS["note"], "ha": "center", "va": "top"}
    axes.text(width / 2, depth + 24, "event time, in minutes", **note)


def _boundary_words(table: pd.DataFrame, carried: Mapping[str, _Span]) -> str:
    def told(batch: str) -> str:
        mine = table[table["batch"] == batch]
        rows = zip(mine["user"], mine["start"], mine["end"], mine["events"], mine["state"],
                   strict=True)  # fmt: skip
        return ", ".join(
            f"user {user}'s {start:g} to {end:g} of {quantity(count, 'event')}"
            + (" (open)" if state == "open" else "")
            for user, start, end, count, state in rows
        )

    return (
        f"Sessions, in minutes. In one batch: {told('one batch')}. The first of two batches: "
        f"{told('first batch')}. {quantity(len(carried), 'open session')} go into the second "
        f"one, each as one row. The second batch: {told('second batch')}."
    )
