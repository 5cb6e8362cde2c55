"""What an event and a user cost, and how work is shared between workers."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from searchlogs.figures.page import (
    COLOURS,
    EDGE,
    LINE,
    SMALL,
    WIDTH,
    Drawing,
    page,
    plain,
    quantity,
    style,
)

# The curves

PATHS = {
    "tutorial": ("the tutorial's clock", COLOURS["click"], "o"),
    "events": ("replay clock", COLOURS["search"], "s"),
    "columnar": ("columns", COLOURS["watermark"], "^"),
}
"""The paths that are measured: each one's name, colour and marker."""

_DEPTH, _LEFT, _BETWEEN = 230.0, 60.0, 34.0


def curves_plot(table: pd.DataFrame, *, events: int, users: int, title: str) -> Drawing:
    """Draw seconds over events, at so many `users`, and over users, at so many `events`.

    `table` has a row a run: `path`, one of PATHS, `events`, `users` and `seconds`. The drawing's
    `data` has the rows that are drawn.

    Raises a ValueError where a path is none of PATHS, or nothing is left to draw.
    """
    unknown = set(table["path"]) - set(PATHS)
    if unknown:
        raise ValueError(f"path must be one of {', '.join(PATHS)}; got {sorted(unknown)}")
    halves = {"events": table[table["users"] == users], "users": table[table["events"] == events]}
    if any(half.empty for half in halves.values()):
        raise ValueError(f"no run with {users:,} users, or none with {events:,} events")
    seconds = pd.concat(halves.values())["seconds"]
    fixed = {"events": quantity(users, "user"), "users": quantity(events, "event")}
    with style():
        legend: list[Line2D | Patch] = [
            Line2D([], [], label=name, color=colour, marker=marker)
            for name, colour, marker in PATHS.values()
        ]
        figure, axes = page(title, legend, [], _LEFT, _DEPTH)
        box = axes.get_position()
        half = (box.width - _BETWEEN / WIDTH) / 2
        axes.set_position((box.x0, box.y0, half, box.height))
        right = figure.add_axes((box.x1 - half, box.y0, half, box.height))
        for (what, runs), one in zip(halves.items(), (axes, right), strict=True):
            _curves(one, runs, what, (seconds.min(), seconds.max()))
            one.set_xlabel(f"{what} ({fixed[what]})", font=SMALL, color=COLOURS["note"])
        right.set_yticklabels([])
    told = [
        f"{name}, by {what} at {fixed[what]}: {_pairs(runs[runs['path'] == path], what)}"
        for what, runs in halves.items()
        for path, (name, _, _) in PATHS.items()
    ]
    drawn = pd.concat(halves.values()).drop_duplicates().reset_index(drop=True)
    return Drawing(figure, plain(title), f"Seconds. {'; '.join(told)}.", drawn)


def _pairs(runs: pd.DataFrame, what: str) -> str:
    runs = runs.sort_values(what)
    pairs = zip(runs[what], runs["seconds"], strict=True)
    return ", ".join(f"{number:,} {seconds:.3g} s" for number, seconds in pairs)


def _curves(axes: Axes, runs: pd.DataFrame, what: str, seconds: tuple[float, float]) -> None:
    axes.grid(True, axis="both")
    axes.set(xscale="log", yscale="log")
    for path, (_, colour, marker) in PATHS.items():
        mine = runs[runs["path"] == path].sort_values(what)
        axes.plot(mine[what], mine["seconds"], color=colour, marker=marker, clip_on=False)
    decades = [10.0**power for power in range(-3, 5)]
    axes.set_xlim(runs[what].min() / 1.4, runs[what].max() * 1.4)
    axes.set_ylim(seconds[0] / 1.5, seconds[1] * 1.5)
    marks = [10**n for n in range(1, 10) if runs[what].min() <= 10**n <= runs[what].max()]
    axes.set_xticks(marks, [f"{mark:,}" for mark in marks], font=SMALL)
    shown = [mark for mark in decades if seconds[0] / 1.5 <= mark <= seconds[1] * 1.5]
    axes.set_yticks(shown, [f"{mark:g} s" for mark in shown], font=SMALL)
    axes.minorticks_off()


# Workers

Shares = Mapping[int, Sequence[int]]
"""For a number of workers, how many events each of them had."""


def workers_plot(logs: Mapping[str, Shares], *, title: str) -> Drawing:
    """Draw how many events each worker had: a panel a log, a group of bars a number of workers.

    The line across a group is where its bars would end if all had the same. The drawing's `data`
    has a row a group: `log`, `workers`, `busiest`, the events of the busiest worker, `speed_up`,
    all events by those, and `efficiency`, the speed-up by worker.
    """
    rows = [
        {"log": log, "workers": workers, "events": sum(each), "busiest": max(each)}
        for log, shares in logs.items()
        for workers, each in shares.items()
    ]
    table = pd.DataFrame(rows)
    table["speed_up"] = (table["events"] / table["busiest"]).round(2)
    table["efficiency"] = (table["events"] / table["busiest"] / table["workers"]).round(2)
    with style():
        legend: list[Line2D | Patch] = [
            Patch(label="events of a worker", facecolor=COLOURS["results"], **EDGE),
            Patch(label="of the busiest one", facecolor="#c3e3f6", hatch="////", **EDGE),
            Line2D([], [], label="if all had the same", **LINE),
        ]
        figure, axes = page(title, legend, [], _LEFT, 190)
        box = axes.get_position()
        part = (box.width - _BETWEEN / WIDTH * (len(logs) - 1)) / len(logs)
        step = part + _BETWEEN / WIDTH
        for number, (log, shares) in enumerate(logs.items()):
            where = (box.x0 + number * step, box.y0, part, box.height)
            one = figure.add_axes(where) if number else axes
            one.set_position(where)
            _bars(one, shares, 1.1 * int(table["busiest"].max()), named=not number)
            one.set_xlabel(log, font=SMALL, color=COLOURS["note"])
    told = [
        f"{log}, {quantity(workers, 'worker')}: {', '.join(f'{n:,}' for n in each)}"
        for log, shares in logs.items()
        for workers, each in shares.items()
    ]
    return Drawing(figure, plain(title), f"Events of each worker. {'; '.join(told)}.", table)


def _bars(axes: Axes, shares: Shares, top: float, named: bool) -> None:
    axes.grid(False, axis="x")
    axes.grid(True, axis="y")
    left, marks = 0.0, []
    for workers, each in shares.items():
        for number, events in enumerate(each):
            busy = events == max(each)
            look = {"facecolor": "#c3e3f6", "hatch": "////"} if busy else {}
            kind = {"facecolor": COLOURS["results"], **look, **EDGE}
            axes.add_patch(Rectangle((left + number, 0), 0.9, events, **cast(Any, kind)))
        mean = sum(each) / workers
        axes.plot([left - 0.2, left + workers + 0.1], [mean, mean], **LINE)
        marks.append((left + workers / 2, quantity(workers, "worker")))
        left += workers + 1.5
    axes.set(xlim=(-0.6, left - 0.9), ylim=(0, top))
    axes.set_xticks([x for x, _ in marks], [words for _, words in marks], font=SMALL)
    heights = [mark for mark in axes.get_yticks() if 0 <= mark <= top]
    axes.set_yticks(heights, [f"{mark:,.0f}" if named else "" for mark in heights], font=SMALL)
