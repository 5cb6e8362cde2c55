"""The map of the course shows each notebook's part, and can be read when it is small."""

import re
from itertools import combinations
from pathlib import Path

import nbformat
import pytest
from figures import assert_readable, boxes, edges, overlap, svg
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text

from searchlogs.figures.course_map import PARTS, whole
from searchlogs.figures.page import DARK

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
NARROW = 470 / 540
"""Pixels per point in a narrow window."""
TALLEST = 170
"""Greatest height of a map with a part lit, in points: it must leave room on a screen."""
EVERY = [None, *range(1, len(PARTS) + 1)]


def test_the_parts_are_the_notebooks() -> None:
    names = [f"{n:02}-{part.name.replace(' ', '-')}" for n, part in enumerate(PARTS, start=1)]
    assert ["00-start-here", *names] == [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_that_shows_the_map_lights_its_own_part(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    number = path.stem[:2].lstrip("0")
    assert set(re.findall(r"\bwhole\((\d*)\)", code)) <= {number}


@pytest.mark.parametrize("part", EVERY)
def test_it_can_be_read(part: int | None) -> None:
    drawing = whole(part)
    assert_readable(drawing)
    assert part is None or drawing.figure.get_figheight() * 72 <= TALLEST
    sizes = {
        str(text.get_fontsize())
        for text in drawing.figure.findobj(Text)
        if isinstance(text, Text) and re.search("[a-z]", text.get_text())
    }
    assert min(map(float, sizes)) * NARROW >= 8


@pytest.mark.parametrize("part", [None, 5])
def test_every_name_stands_in_its_own_box(part: int | None) -> None:
    drawing = whole(part)
    frames = [edges(box.get_window_extent()) for box in drawing.figure.findobj(FancyBboxPatch)]
    assert len(frames) == len(PARTS)
    assert not any(overlap(one, other) for one, other in combinations(frames, 2))
    where = {text: edges(box) for text, box in boxes(drawing)}
    for one, (left, bottom, right, top) in zip(PARTS, frames, strict=True):
        for line in one.lines + (one.caption if part is None else ()):
            x0, y0, x1, y1 = where[line]
            assert left < x0 and x1 < right and bottom < y0 and y1 < top, line


def test_one_part_is_lit() -> None:
    drawing = whole(4)
    assert drawing.data.loc[drawing.data["lit"], "name"].to_list() == ["session windows"]
    assert drawing.title == "4 of 13: session windows"
    assert drawing.description.splitlines() == [
        "Events come from 2 simulated events, 7 your own logs or 13 capstone.",
        "Their path: 1 data model, 3 keep state, 4 session windows, 5 click-through rate, "
        "8 how sure.",
        "Around it: 6 time, 9 killed and resumed, 10 people behind the log, 11 what costs, "
        "12 scale out.",
        "Lit: 4 session windows.",
    ]
    widths = [box.get_linewidth() for box in drawing.figure.findobj(FancyBboxPatch)]
    assert [n for n, width in enumerate(widths, start=1) if width > min(widths)] == [4]


def test_the_whole_is_lit_at_once_and_has_no_part_of_its_own() -> None:
    drawing = whole()
    assert drawing.data["lit"].all()
    assert "Lit:" not in drawing.description


@pytest.mark.parametrize("part", [None, 1])
def test_the_picture_is_the_same_each_time_and_follows_a_dark_theme(part: int | None) -> None:
    text = svg(whole(part))
    assert text == whole(part).svg()
    drawn = text[text.index("</style>") :]
    assert set(re.findall(r"(?:fill|stroke): (#\w+)", drawn)) <= set(DARK)


@pytest.mark.parametrize("part", [0, 14, "time"])
def test_a_notebook_that_is_none_is_refused(part: int) -> None:
    with pytest.raises(ValueError, match=r"part: .*1 to 13; found"):
        whole(part)
