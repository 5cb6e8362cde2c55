"""The course as one picture: the path of an event, and the notebook for each part of it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from searchlogs.figures.elements import SESSION_LOOK
from searchlogs.figures.page import COLOURS, MARGIN, SMALL, STRONG, TITLE, WIDTH, Drawing, style


class Part(NamedTuple):
    """A part of the course: what one notebook is about."""

    name: str
    """Name of the notebook's file, without its number and with spaces."""
    lines: tuple[str, ...]
    """The name as it is written into its box."""
    caption: tuple[str, ...]
    """What happens there, at most two lines."""
    column: int
    row: int
    columns: int = 1
    """Number of columns that its box is wide."""

    @property
    def around(self) -> bool:
        """Whether the part surrounds the path of an event, instead of being a station on it."""
        return self.name in AROUND


AROUND = frozenset(
    {"time", "killed and resumed", "people behind the log", "what costs", "scale out"}
)
"""Names of the parts that concern all events, and are no station on an event's path."""

PARTS = (
    Part("data model", ("data model",), ("who, what,", "when"), 1, 1),
    Part("simulated events", ("simulated", "events"), ("made from", "a seed"), 0, 0),
    Part("keep state", ("keep state",), ("a memory", "per user"), 2, 1),
    Part("session windows", ("session", "windows"), ("a pause", "ends a visit"), 3, 1),
    Part("click-through rate", ("CTR",), ("searches that", "got a click"), 4, 1),
    Part("time", ("time",), ("watermark, late events",), 2, 0, 2),
    Part("your own logs", ("your own", "logs"), ("a file, line", "by line"), 0, 1),
    Part("how sure", ("how sure",), ("an interval,", "and its limits"), 5, 1),
    Part("killed and resumed", ("killed and resumed",), ("snapshots, each row once",), 1, 2, 2),
    Part("people behind the log", ("people behind the log",), ("what may be published",), 4, 0, 2),
    Part("what costs", ("what costs",), ("the price", "of an event"), 3, 2),
    Part("scale out", ("scale out",), ("columns, batches, workers",), 4, 2, 2),
    Part("capstone", ("capstone",), ("a week", "of flights"), 0, 2),
)
"""The parts, in the order of their notebooks: the first one is notebook 01."""

_STREAMS = (
    ("simulated events", "data model"),
    ("your own logs", "data model"),
    ("capstone", "data model"),
    ("data model", "keep state"),
    ("keep state", "session windows"),
    ("session windows", "click-through rate"),
    ("click-through rate", "how sure"),
)
"""What hands its events, or what becomes of them, to what."""

_HEADLINE, _ABOVE, _BESIDE = 32.0, 15.0, 10.0
"""Height of the headline; space above a box and beside it, in points."""
_CELL = (WIDTH - 2 * MARGIN - 5 * _BESIDE) / 6
"""Width of a column, in points."""
_DIM, _FULL = 31.0, 59.0
"""Height of a box without and with its caption, in points."""
_LINE = 12.5
_NOTE = "Solid: the path of an event. Dashed: what concerns every event on it."


def whole(part: int | None = None) -> Drawing:
    """Draw the course: the path of an event, and the number of the notebook for each part.

    Args:
        part: Number of a notebook, from 1: its part is lit, and the map is small. None for the
            whole course, with a caption for each part.

    Returns:
        A drawing whose `data` has one row per part: `number` (int64), `name` (string), `around`
        (bool: it concerns all events, and is no station on an event's path) and `lit` (bool).

    Raises:
        ValueError: There is no such notebook.
    """
    if part is not None and part not in range(1, len(PARTS) + 1):
        raise ValueError(f"part: expected a number from 1 to {len(PARTS)}; found {part!r}")
    lit = {PARTS[part - 1].name} if part else {one.name for one in PARTS}
    title = _title(part)
    height = _FULL if part is None else _DIM
    boxes = {one.name: _place(one, height) for one in PARTS}
    depth = _HEADLINE + 3 * height + 2 * _ABOVE + MARGIN
    depth += _LINE * (part is None)
    with style():
        figure = Figure(figsize=(WIDTH / 72, depth / 72), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(depth, 0))
        axes.set_axis_off()
        axes.text(MARGIN, 17, title, font=TITLE)
        if part is None:
            axes.text(MARGIN, depth - 8, _NOTE, font=SMALL, color=COLOURS["note"])
        for start, end in _STREAMS:
            _draw_arrow(axes, boxes[start], boxes[end])
        for number, one in enumerate(PARTS, start=1):
            _draw_part(axes, number, one, boxes[one.name], number == part, part is None)
    return Drawing(figure, title, "\n".join(_describe(lit)), _table(lit))


def _title(part: int | None) -> str:
    if part is None:
        return "From an event to a number that you would defend"
    return f"{part} of {len(PARTS)}: {PARTS[part - 1].name}"


class _Box(NamedTuple):
    """A rectangle in points, y from the top."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


def _place(part: Part, height: float) -> _Box:
    left = MARGIN + part.column * (_CELL + _BESIDE)
    top = _HEADLINE + part.row * (height + _ABOVE)
    width = part.columns * (_CELL + _BESIDE) - _BESIDE
    return _Box(left, top, left + width, top + height)


def _draw_arrow(axes: Axes, start: _Box, end: _Box) -> None:
    """Draw an arrow from the right side of a box to the left side of another."""
    between = end.left - _BESIDE / 2
    points = [(start.right, start.middle), (between, start.middle)]
    points += [(between, end.middle), (end.left - 4, end.middle)]
    codes = [Path.MOVETO, *[Path.LINETO] * 3]
    look: dict[str, Any] = {"facecolor": "none", "edgecolor": COLOURS["note"], "linewidth": 1.6}
    axes.add_patch(PathPatch(Path(points, codes), **look))
    tip = [(end.left - 6, end.middle - 4), (end.left, end.middle), (end.left - 6, end.middle + 4)]
    axes.add_patch(Polygon(tip, color=COLOURS["note"], linewidth=0))


def _draw_part(axes: Axes, number: int, part: Part, box: _Box, lit: bool, full: bool) -> None:
    """Draw a part's box, its number and its name, and its caption if the map is full."""
    dashes = (0, (4, 2)) if part.around else "-"
    look: dict[str, Any] = {"facecolor": "white", "edgecolor": COLOURS["note"], "linewidth": 1}
    if lit:
        look = SESSION_LOOK | {"edgecolor": COLOURS["ink"], "linewidth": 2.4}
    size = (box.right - box.left, box.bottom - box.top)
    shape = "round,pad=0,rounding_size=5"
    corner = (box.left, box.top)
    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=shape, linestyle=dashes, **look))
    ink = COLOURS["ink"] if lit or full else COLOURS["note"]
    centre = (box.left + 5, box.top - 3)
    axes.add_patch(Circle(centre, 9, facecolor=ink, edgecolor="white", linewidth=1, zorder=3))
    words: dict[str, Any] = {"ha": "center", "va": "center_baseline"}
    axes.text(*centre, str(number), font=STRONG, color="white", zorder=4, **words)
    lines = [(line, STRONG if lit or full else SMALL, ink) for line in part.lines]
    if full:
        lines += [(line, SMALL, COLOURS["note"]) for line in part.caption]
    top = box.middle - _LINE * (len(lines) - 1) / 2
    for row, (line, font, colour) in enumerate(lines):
        x = (box.left + box.right) / 2
        axes.text(x, top + _LINE * row, line, font=font, color=colour, **words)


def _describe(lit: set[str]) -> Iterator[str]:
    """Yield lines of text that say what the map shows."""
    numbered = {part.name: f"{number} {part.name}" for number, part in enumerate(PARTS, start=1)}
    station = "data model"
    sources = [numbered[start] for start, end in _STREAMS if end == station]
    after = [numbered[end] for _, end in _STREAMS if end != station]
    yield f"Events come from {', '.join(sources[:-1])} or {sources[-1]}."
    yield f"Their path: {', '.join([numbered[station], *after])}."
    yield f"Around it: {', '.join(numbered[part.name] for part in PARTS if part.around)}."
    if len(lit) == 1:
        yield f"Lit: {numbered[min(lit)]}."


def _table(lit: set[str]) -> pd.DataFrame:
    """Return the drawing's data: one row per part, in the order of their numbers."""
    rows = [(n, part.name, part.around, part.name in lit) for n, part in enumerate(PARTS, start=1)]
    table = pd.DataFrame(rows, columns=["number", "name", "around", "lit"])
    return table.astype({"number": "int64", "name": "string", "around": "bool", "lit": "bool"})
