"""What an event and a user cost in time, and how workers share the work."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from searchlogs.figures.page import (
    COLOURS,
    EDGE,
    HATCHED,
    LINE,
    SMALL,
    WIDTH,
    Drawing,
    page,
    plain,
    quantity,
    style,
)

PATHS = {
    "tutorial": ("the tutorial's flow", COLOURS["click"], "o"),
    "events": ("the event flow", COLOURS["search"], "s"),
    "columnar": ("the columnar flow", COLOURS["watermark"], "^"),
}
"""Name, colour and marker of each path that is measured."""

_LEFT = 60.0  # space to the left of the axes
_BETWEEN = 34.0  # between two axes
_SHARE: dict[str, Any] = {"facecolor": COLOURS["results"], **EDGE}


def curves_plot(table: pd.DataFrame, *, events: int, users: int, title: str) -> Drawing:
    """Draw the seconds of runs twice: over their number of events, and of users.

    Args:
        table: One row per run: `path`, a key of PATHS; `events`; `users`; `seconds`.
        events: Number of events of the runs that are drawn over users.
        users: Number of users of the runs that are drawn over events.
        title: The finding.

    Returns:
        A drawing whose `data` has the rows of `table` that are drawn.

    Raises:
        ValueError: A path is not in PATHS, or there is no run to draw over events, or over users.
    """
    unknown = set(table["path"]) - set(PATHS)
    if unknown:
        raise ValueError(f"path: expected one of {', '.join(PATHS)}; found {sorted(unknown)}")
    halves = {"events": table[table["users"] == users], "users": table[table["events"] == events]}
    fixed = {"events": quantity(users, "user"), "users": quantity(events, "event")}
    for what, runs in halves.items():
        if runs.empty:
            raise ValueError(f"table: expected a run with {fixed[what]}; found none")
    seconds = pd.concat(halves.values())["seconds"]
    with style():
        legend: list[Line2D | Patch] = [
            Line2D([], [], label=name, color=colour, marker=marker)
            for name, colour, marker in PATHS.values()
        ]
        figure, axes = page(title, legend, [], _LEFT, 230)
        box = axes.get_position()
        half = (box.width - _BETWEEN / WIDTH) / 2
        axes.set_position((box.x0, box.y0, half, box.height))
        right = figure.add_axes((box.x1 - half, box.y0, half, box.height))
        for (what, runs), one in zip(halves.items(), (axes, right), strict=True):
            _draw_curves(one, runs, what, (seconds.min(), seconds.max()))
            one.set_xlabel(f"{what} ({fixed[what]})", font=SMALL, color=COLOURS["note"])
        right.set_yticklabels([])
    texts = [
        f"{name}, by {what} at {fixed[what]}: {_pairs(runs[runs['path'] == path], what)}"
        for what, runs in halves.items()
        for path, (name, _, _) in PATHS.items()
    ]
    drawn = pd.concat(halves.values()).drop_duplicates().reset_index(drop=True)
    return Drawing(figure, plain(title), f"Seconds. {'; '.join(texts)}.", drawn)


def _pairs(runs: pd.DataFrame, what: str) -> str:
    """List the runs of a path: the number of `what`, and seconds."""
    runs = runs.sort_values(what)
    pairs = zip(runs[what], runs["seconds"], strict=True)
    return ", ".join(f"{number:,} {seconds:.3g} s" for number, seconds in pairs)


def _draw_curves(axes: Axes, runs: pd.DataFrame, what: str, seconds: tuple[float, float]) -> None:
    """Draw one curve per path, on axes that hold the least and the most seconds."""
    axes.grid(True, axis="both")
    axes.set(xscale="log", yscale="log")
    for path, (_, colour, marker) in PATHS.items():
        mine = runs[runs["path"] == path].sort_values(what)
        axes.plot(mine[what], mine["seconds"], color=colour, marker=marker, clip_on=False)
    axes.set_xlim(runs[what].min() / 1.4, runs[what].max() * 1.4)
    axes.set_ylim(seconds[0] / 1.5, seconds[1] * 1.5)
    marks = [10**n for n in range(1, 10) if runs[what].min() <= 10**n <= runs[what].max()]
    axes.set_xticks(marks, [f"{mark:,}" for mark in marks], font=SMALL)
    powers = [10.0**n for n in range(-3, 5)]
    decades = [mark for mark in powers if seconds[0] / 1.5 <= mark <= seconds[1] * 1.5]
    axes.set_yticks(decades, [f"{mark:g} s" for mark in decades], font=SMALL)
    axes.minorticks_off()


Shares = Mapping[int, Sequence[int]]
"""Number of events of each worker, by the number of workers."""


def workers_plot(logs: Mapping[str, Shares], *, title: str) -> Drawing:
    """Draw the number of events of each worker: one panel per log, one bar per worker.

    The line across a group of bars is where they would end if all workers had as many events.

    Args:
        logs: The workers' shares, by the name of the log.
        title: The finding.

    Returns:
        A drawing whose `data` has one row per group of bars: `log`; `workers`; `events`;
        `busiest`, the events of the busiest worker; `speed_up`, `events` divided by `busiest`;
        `efficiency`, `speed_up` divided by `workers`.
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
            Patch(label="events of a worker", **_SHARE),
            Patch(label="of the busiest one", **HATCHED),
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
            _draw_bars(one, shares, 1.1 * int(table["busiest"].max()), named=not number)
            one.set_xlabel(f"workers, {log}", font=SMALL, color=COLOURS["note"])
    texts = [
        f"{log}, {quantity(workers, 'worker')}: {', '.join(f'{n:,}' for n in each)}"
        for log, shares in logs.items()
        for workers, each in shares.items()
    ]
    return Drawing(figure, plain(title), f"Events of each worker. {'; '.join(texts)}.", table)


def _draw_bars(axes: Axes, shares: Shares, top: float, named: bool) -> None:
    """Draw one group of bars per number of workers; `named` labels the vertical axis."""
    axes.grid(False, axis="x")
    axes.grid(True, axis="y")
    left, marks = 0.0, []
    for workers, each in shares.items():
        for number, events in enumerate(each):
            look = HATCHED if events == max(each) else _SHARE
            axes.add_patch(Rectangle((left + number, 0), 0.9, events, **look))
        mean = sum(each) / workers
        axes.plot([left - 0.2, left + workers + 0.1], [mean, mean], **LINE)
        marks.append((left + workers / 2, str(workers)))
        left += workers + 1.5
    axes.set(xlim=(-0.6, left - 0.9), ylim=(0, top))
    axes.set_xticks([x for x, _ in marks], [words for _, words in marks], font=SMALL)
    heights = [mark for mark in axes.get_yticks() if 0 <= mark <= top]
    axes.set_yticks(heights, [f"{mark:,.0f}" if named else "" for mark in heights], font=SMALL)
