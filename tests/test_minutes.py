"""The minutes that the course states are those that a count gives."""

import re
from pathlib import Path

import nbformat
import pytest

from searchlogs import exercises
from searchlogs.exercises._core import Question

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
WORDS, LINES, FIGURE = 200, 15, 0.5
"""Words and lines of code that are read in a minute; minutes for a figure."""
QUESTION, TASK, STATION = 4, 9, 24
"""Minutes for an exercise that asks for a value or for a function, and for one of the capstone."""


def reading(path: Path) -> float:
    """Count a notebook's minutes without its exercises and without what is optional."""
    minutes, counts = 0.0, True
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            heading = re.search(r"^##? (.*)", cell.source, re.MULTILINE)
            if heading:
                counts = not re.match(r"Exercise|Station|.*optional", heading[1], re.IGNORECASE)
            minutes += counts * len(cell.source.split()) / WORDS
        else:
            lines = [line for line in cell.source.splitlines() if line.strip()]
            kinds = [kind for output in cell.outputs for kind in output.get("data", {})]
            figures = sum(kind == "image/png" for kind in kinds)
            minutes += counts * (len(lines) / LINES + figures * FIGURE)
    return minutes


def solving(path: Path) -> int:
    """Count the minutes of a notebook's exercises without those that are optional, in fives."""
    names, counts = set(), True
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            if heading := re.search(r"^##? (.*)", cell.source, re.MULTILINE):
                counts = "(optional)" not in heading[1]
        elif counts:
            names.update(re.findall(r"exercises\.(\w+)\.check\(", cell.source))
    every = [getattr(exercises, name) for name in names]
    minutes = sum(QUESTION if isinstance(one, Question) else TASK for one in every)
    if path.stem == "13-capstone":
        minutes = STATION * len(every)
    return max(5, 5 * round(minutes / 5))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stated_minutes_are_counted_ones(path: Path) -> None:
    first = nbformat.read(path, as_version=4).cells[0].source
    stated = re.search(r"About (\d+) minutes, and (\d+) more for the exercises?\.", first)
    assert stated, first
    assert abs(int(stated[1]) - reading(path)) <= 1, reading(path)
    assert int(stated[2]) == solving(path)
    rows = (path.parent.parent / "README.md").read_text(encoding="utf-8")
    rows += "".join(cell.source for cell in nbformat.read(NOTEBOOKS[0], as_version=4).cells)
    listed = re.findall(rf"{path.name}\) \| (\d+) \|", rows)
    assert listed == [stated[1]] * (1 if path == NOTEBOOKS[0] else 2)
