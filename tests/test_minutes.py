"""The minutes that the course states are those that a count gives."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

from searchlogs import exercises
from searchlogs.exercises._core import Question

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
WORDS, LINES, FIGURE = 200, 15, 0.5
"""Words and lines of code that are read in a minute; minutes for a figure."""
QUESTION, TASK, STATION = 4, 9, 24
"""Minutes for an exercise that asks for a value or for a function, and for one of the capstone."""


class Section(NamedTuple):
    """A section of a notebook: what a count gives for it, and the exercises that it checks."""

    title: str
    minutes: float
    names: tuple[str, ...]

    @property
    def is_exercise(self) -> bool:
        return self.title.startswith("Exercise")

    @property
    def is_optional(self) -> bool:
        return "optional" in self.title

    def solving(self) -> int:
        """Count the minutes that its exercises take."""
        if "(station " in self.title:
            return STATION
        every = [getattr(exercises, name) for name in self.names]
        return sum(QUESTION if isinstance(one, Question) else TASK for one in every)


@cache
def sections(path: Path) -> tuple[Section, ...]:
    """Read the sections of a notebook; the first is its head, under the notebook's own title."""
    found: list[Section] = []
    for cell in nbformat.read(path, as_version=4).cells:
        names: tuple[str, ...] = ()
        if cell.cell_type == "markdown":
            if heading := re.search(r"^##? (.*)", cell.source, re.MULTILINE):
                found.append(Section(heading[1], 0.0, ()))
            minutes = len(cell.source.split()) / WORDS
        else:
            lines = [line for line in cell.source.splitlines() if line.strip()]
            pages = [output.get("data", {}).get("text/html", "") for output in cell.outputs]
            figures = sum("<img" in page for page in pages)
            minutes = len(lines) / LINES + figures * FIGURE
            names = tuple(re.findall(r"exercises\.(\w+)\.check\(", cell.source))
        last = found[-1]
        found[-1] = Section(last.title, last.minutes + minutes, last.names + names)
    return tuple(found)


def reading(path: Path) -> float:
    """Count a notebook's minutes without its exercises and without what is optional."""
    told = [one for one in sections(path) if not one.is_exercise and not one.is_optional]
    return sum(one.minutes for one in told)


def solving(path: Path) -> int:
    """Count the minutes of a notebook's exercises without those that are optional, in fives."""
    minutes = sum(one.solving() for one in sections(path) if not one.is_optional)
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
