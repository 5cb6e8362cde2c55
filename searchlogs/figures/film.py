"""An X-ray as a film: an animated PNG, which plays where no script runs."""

import io
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from PIL import Image

from searchlogs.figures.page import COLOURS, SMALL, STRONG, TEXT, drawable, fit, style

if TYPE_CHECKING:
    from searchlogs.figures.xray import XRay

WIDE, LINE, HEAD, LANE, TOP = 720.0, 16.0, 24.0, 20.0, 40.0
"""Lengths, in points: of the picture, of a line, of a step's head, of a lane, above the graph."""

SECONDS = 2.5
"""How long each moment is shown."""

COLOUR_COUNT = 32
"""Colours of the film: as few as look well."""

DPI = 90


def film(xray: "XRay") -> bytes:
    """Return an animated PNG with one picture per moment, which is repeated for ever."""
    pictures = [_picture(xray, moment) for moment in range(len(xray.frames))]
    # By this method the background stays white.
    palette = pictures[-1].quantize(COLOUR_COUNT, Image.Quantize.MAXCOVERAGE)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        format="png",
        save_all=True,
        append_images=frames[1:],
        duration=int(1000 * SECONDS),
        loop=0,
        optimize=True,
    )
    return buffer.getvalue()


def _picture(xray: "XRay", moment: int) -> Image.Image:
    """Draw a moment."""
    with style():
        figure = _draw(xray, moment)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return Image.open(buffer).convert("RGB")


def _draw(xray: "XRay", moment: int) -> Figure:
    """Return the figure of a moment."""
    heights = [HEAD + LINE * row.lines + 6 for row in xray.rows]
    tops = [TOP + sum(heights[:i]) + HEAD / 2 for i in range(len(heights))]
    height = TOP + sum(heights)
    figure = Figure(figsize=(WIDE / 72, height / 72), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDE), ylim=(height, 0))
    axes.set_axis_off()
    title = f"{moment + 1} of {len(xray.frames)}: {xray.trace.moments[moment].title}"
    axes.text(10, 20, fit(drawable(title, TEXT), WIDE - 20, TEXT), font=TEXT, va="center")
    lanes = [10 + LANE * (n + 0.5) for n in range(1 + max(edge.lane for edge in xray.edges))]
    xs = [lanes[row.lane] for row in xray.rows]
    passed = xray.trace.moments[moment].passed
    for edge in xray.edges:
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
    for row, y, lines in zip(xray.rows, tops, xray.frames[moment], strict=True):
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
