"""What a figure's tests measure: where its words stand."""

from functools import cache
from itertools import combinations
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from searchlogs.figures.page import Drawing, style


def render(drawing: Drawing) -> Any:
    """Lay the figure out as for a PNG, without the time that painting takes."""
    canvas: Any = FigureCanvasAgg(drawing.figure)
    drawing.figure.draw_without_rendering()
    return canvas.get_renderer()


@cache
def svg(drawing: Drawing) -> str:
    """The figure as SVG; saved once for all tests of one drawing."""
    return drawing.svg()


@cache
def boxes(drawing: Drawing) -> list[tuple[str, Bbox]]:
    """Every text of the figure, and where it stands; found once for all tests of one drawing."""
    with style():
        renderer = render(drawing)
        texts = [
            text
            for text in drawing.figure.findobj(Text)
            if isinstance(text, Text) and text.get_visible() and text.get_text().strip()
        ]
        return [(t.get_text(), t.get_window_extent(renderer)) for t in texts]


def assert_readable(drawing: Drawing) -> None:
    """No text touches another or leaves the figure."""
    found = [(text, edges(box)) for text, box in boxes(drawing)]
    left, bottom, right, top = edges(drawing.figure.bbox)
    for text, (x0, y0, x1, y1) in found:
        assert left <= x0 < x1 <= right, text
        assert bottom <= y0 < y1 <= top, text
    for (one, first), (other, second) in combinations(found, 2):
        assert not overlap(first, second), (one, other)


Edges = tuple[float, float, float, float]


def edges(box: Any) -> Edges:
    """Left, bottom, right and top of a Bbox, as floats, which compare faster."""
    x0, y0, x1, y1 = box.extents.tolist()
    return x0, y0, x1, y1


def overlap(one: Edges, other: Edges) -> bool:
    """Whether two boxes share an area, and not only an edge."""
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]
