"""An X-ray as a film."""

import io

from matplotlib.figure import Figure

from searchlogs.figures.film import animate
from searchlogs.figures.graph import LANE, draw_streams
from searchlogs.figures.page import COLOURS, SMALL, STRONG, TEXT, WIDTH, drawable, fit, style
from searchlogs.figures.xray_layout import Layout

LINE, HEAD, TOP = 16.0, 24.0, 40.0
"""Heights, in points: of a line, of a step's head, and of what is above the graph."""

DPI = 96


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
    figure = Figure(figsize=(WIDTH / 72, height / 72), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    title = f"{moment + 1} of {len(layout.frames)}: {layout.moments[moment].title}"
    axes.text(10, 20, fit(drawable(title, TEXT), WIDTH - 20, TEXT), font=TEXT, va="center")
    lanes = [row.lane for row in layout.rows]
    passed = layout.moments[moment].passed
    streams = draw_streams(axes, lanes, tops, layout.edges)
    for edge, stream in zip(layout.edges, streams, strict=True):
        if edge.stream in passed:
            stream.set_edgecolor(COLOURS["click"])
    left = LANE * (1 + max(lane for lane in [*lanes, *(e.lane for e in layout.edges)])) + 8
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
                drawable(f"{line.label}  {line.text}".strip(), SMALL), WIDTH - left - 10, SMALL
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
