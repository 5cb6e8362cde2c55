"""A flow's graph: its steps from top to bottom, and the streams between them."""

import pandas as pd
from bytewax.dataflow import Dataflow
from matplotlib.axes import Axes
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from searchlogs.figures.page import (
    COLOURS,
    SMALL,
    STRONG,
    Drawing,
    drawable,
    page,
    plain,
    quantity,
    style,
    text_width,
)
from searchlogs.figures.trace import Step, steps_of
from searchlogs.figures.xray_layout import Edge, routes

ROW, LANE = 26.0, 22.0
"""Height of a step's row and width of a lane, in points."""


def graph(flow: Dataflow) -> Drawing:
    """Draw the steps that a flow was assembled from, and the streams between them.

    Args:
        flow: Any flow; it is not run.

    Returns:
        A drawing whose `data` has one row per stream: `from`, `port` and `to` (string).

    Raises:
        TypeError: `flow` is no Dataflow.
    """
    steps = steps_of(flow)
    lanes, edges = routes(steps)
    rows = [(steps[edge.start].name, edge.port, steps[edge.end].name) for edge in edges]
    table = pd.DataFrame(rows, columns=["from", "port", "to"], dtype="string")
    words = quantity(len(steps), "step")
    title = plain(f"{flow.flow_id}: {words}")
    with style():
        _, axes = figure = page(title, [], [], 20, ROW * len(steps))
        axes.set_axis_off()
        draw_streams(axes, lanes, [ROW * (n + 0.5) for n in range(len(steps))], edges)
        left = LANE * (1 + max([*lanes, *(edge.lane for edge in edges)], default=0)) + 8
        for number, step in enumerate(steps):
            _draw_name(axes, step, left, ROW * (number + 0.5))
    lines = [f"{step.name} ({step.kind})" + _reads(steps, edges, n) for n, step in enumerate(steps)]
    return Drawing(figure[0], title, "\n".join(lines), table)


def draw_streams(
    axes: Axes, lanes: list[int], tops: list[float], edges: tuple[Edge, ...]
) -> list[Patch]:
    """Draw a line for each stream and a dot for each step, and return the lines."""
    x = [LANE * (lane + 0.5) for lane in range(1 + max([*lanes, *(e.lane for e in edges)]))]
    drawn: list[Patch] = []
    for edge in edges:
        a, b, c, d = x[lanes[edge.start]], tops[edge.start], x[lanes[edge.end]], tops[edge.end]
        e, bend = x[edge.lane], min((d - b) / 2, 30) / 2
        points = [(a, b), (a, b + bend), (e, b + bend), (e, b + 2 * bend), (e, d - 2 * bend)]
        points += [(e, d - bend), (c, d - bend), (c, d)]
        curve = [Path.CURVE4] * 3
        path = Path(points, [Path.MOVETO, *curve, Path.LINETO, *curve])
        look = {"facecolor": "none", "edgecolor": COLOURS["gap"], "linewidth": 1.8}
        drawn.append(axes.add_patch(PathPatch(path, **look)))
    axes.plot([x[lane] for lane in lanes], tops, "o", color=COLOURS["ink"], markersize=7)
    return drawn


def _draw_name(axes: Axes, step: Step, left: float, y: float) -> None:
    """Write a step's name, and the name of its operator behind it."""
    name = drawable(plain(step.name), STRONG)
    axes.text(left, y, name, font=STRONG, va="center_baseline")
    if step.kind != step.name:
        x = left + text_width(name, STRONG) + 12
        axes.text(x, y, step.kind, font=SMALL, color=COLOURS["note"], va="center_baseline")


def _reads(steps: tuple[Step, ...], edges: tuple[Edge, ...], number: int) -> str:
    """Return where a step's items come from, in words."""
    come = [
        steps[edge.start].name + (f".{edge.port}" if edge.port else "")
        for edge in edges
        if edge.end == number
    ]
    return f" reads {' and '.join(come)}" if come else ""
