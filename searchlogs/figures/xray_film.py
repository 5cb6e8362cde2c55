"""An X-ray as a film."""

import io

from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from searchlogs.figures.film import animate
from searchlogs.figures.page import COLOURS, SMALL, STRONG, TEXT, drawable, fit, style
from searchlogs.figures.xray_layout import Layout

WIDE, LINE, HEAD, LANE, TOP = 720.0, 16.0, 24.0, 20.0, 40.0
"""Lengths, in points: of the picture, of a line, of a step's head, of a lane, above the graph."""

DPI = 90


def film(layout: Layout) -> bytes:
    """Return an animated PNG with one picture per moment, which is repeated for ever."""
    return animate([_picture(layout, moment) for moment in range(len(layout.frames))])


def _picture(layout: Layout, moment: int) -> bytes:
    """Return a moment as PNG."""
    with style():
        figure = _draw(layout, moment)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def _draw(layout: Layout, moment: int) -> Figure:
    """Return the figure of a moment."""
    heights = [HEAD + LINE * row.lines + 6 for row in layout.rows]
    tops = [TOP + sum(heights[:i]) + HEAD / 2 for i in range(len(heights))]
    height = TOP + sum(heights)
    figure = Figure(figsize=(WIDE / 72, height / 72), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDE), ylim=(height, 0))
    axes.set_axis_off()
    title = f"{moment + 1} of {len(layout.frames)}: {layout.moments[moment].title}"
    axes.text(10, 20, fit(drawable(title, TEXT), WIDE - 20, TEXT), font=TEXT, va="center")
    lanes = [10 + LANE * (n + 0.5) for n in range(1 + max(edge.lane for edge in layout.edges))]
    xs = [lanes[row.lane] for row in layout.rows]
    passed = layout.moments[moment].passed
    for edge in layout.edges:
        a, b, c, d = xs[edge.start], tops[edge.start], xs[edge.end], tops[edge.end]
        e, bend = lanes[edge.lane], min((d - b) / 2, 30) / 2
        points = [(a, b), (a, b + bend), (e, b + bend), (e, b + 2 * bend), (e, d - 2 * bend)]
        points += [(e, d - bend), (c, d - bend), (c, d)]
        curve = [Path.CURVE4] * 3
        codes = [Path.MOVETO, *curve, Path.LINETO, *curve]
        colour = COLOURS["click"] if edge.stream in passed else COLOURS["gap"]
        path = Path(points, codes)
        axes.add_patch(PathPatch(path, facecolor="none", edgecolor=colour, linewidth=1.8))
    axes.plot(xs, tops, "o", color=COLOURS["ink"], markersize=7)
    left = lanes[-1] + LANE / 2 + 6
    for row, y, lines in zip(layout.rows, tops, layout.frames[moment], strict=True):
        name = axes.text(left, y, row.step.name, font=STRONG, va="center")
        if row.step.kind != row.step.name:
            axes.annotate(
                f"   {row.step.kind}",
                (1, 0.5),
                xycoords=name,
                font=SMALL,
                va="center",
                color=COLOURS["note"],
            )
        for number, line in enumerate(lines, start=1):
            look = COLOURS["click"] if line.is_new else COLOURS["ink"]
            look = {"kept": COLOURS["watermark"], "none": COLOURS["note"]}.get(line.look, look)
            text = fit(
                drawable(f"{line.label}  {line.text}".strip(), SMALL), WIDE - left - 10, SMALL
            )
            axes.text(
                left,
                y + HEAD / 2 + LINE * (number - 0.5),
                text,
                font=SMALL,
                va="center",
                color=look,
            )
    return figure
