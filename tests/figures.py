"""What a figure's tests measure: where its words stand."""

from itertools import combinations
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from searchlogs.figures.page import Drawing, style


def render(drawing: Drawing) -> Any:
    canvas: Any = FigureCanvasAgg(drawing.figure)
    canvas.draw()
    return canvas.get_renderer()


def boxes(drawing: Drawing) -> list[tuple[str, Bbox]]:
    """Every text of the figure, and where it stands."""
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
    found = boxes(drawing)
    whole = drawing.figure.bbox
    for text, box in found:
        assert whole.x0 <= box.x0 < box.x1 <= whole.x1, text
        assert whole.y0 <= box.y0 < box.y1 <= whole.y1, text
    for (one, first), (other, second) in combinations(found, 2):
        overlap = Bbox.intersection(first, second)
        assert overlap is None or overlap.width * overlap.height == 0, (one, other)
