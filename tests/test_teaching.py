"""The schedules for teachers add up, leave slack, and name what is in the notebooks."""

import re
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import pytest
from test_minutes import NOTEBOOKS, Section, reading, sections

from searchlogs import exercises
from searchlogs.exercises._flows import FlowTask

PAGE = (NOTEBOOKS[0].parent / "TEACHING.md").read_text(encoding="utf-8")
SHARE = int(re.findall(r"count (\d+) % of its reading minutes", PAGE)[0]) / 100
"""Minutes that a teacher talks about a section, for each minute of reading it."""
LEFT = 10
"""Minutes that are left, at least, in each session of the whole course."""
NAME = re.compile(r"(?<!\*)\*([^*\n]+)\*(?!\*)(?: \((\d+)\))?")
"""A section or an exercise, in italics; an exercise with its minutes."""
LINK = re.compile(r"\]\(([\w-]+\.ipynb)\)([^\[]*)")
"""A link to a notebook, and what is said of it."""


class Block(NamedTuple):
    """A row of a schedule: when it begins, how many minutes it has, and what is taught."""

    minute: int
    minutes: int
    what: str
    where: str


def table(text: str, first: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this name."""
    (rows,) = re.findall(rf"^\| {first} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()]


TEXTS = dict(re.findall(r"^### (.*)\n((?:(?!###? ).*\n)*)", PAGE, re.MULTILINE))
"""What stands under each heading of the third level."""
SCHEDULES = {
    title: [Block(int(minute), int(long), *rest) for minute, long, *rest in table(text, "Minute")]
    for title, text in TEXTS.items()
    if re.match(r"\d+ minutes: ", title)
}


def chapter(path: Path) -> str:
    """Return what the page says about one notebook."""
    return str(TEXTS[f"{path.name[:2]} {sections(path)[0].title}"])


def named(path: Path, text: str) -> list[Section]:
    """Return the sections and exercises that a text names, and check the minutes that it gives."""
    found = []
    for name, minutes in NAME.findall(text):
        titles = {name, f"{name} (optional)", f"Exercise: {name}", f"Exercise: {name} (optional)"}
        fitting = [section for section in sections(path) if section.title in titles]
        assert len(fitting) == 1, f"{path.name} has no section or exercise {name!r}"
        found += fitting
        assert minutes in ("", str(found[-1].solving())), f"{name}: {found[-1].solving()} minutes"
    return found


def needed(where: str) -> float:
    """Count the minutes that what is named here takes in a room."""
    minutes = 0.0
    for name, text in LINK.findall(where):
        found = named(path := NOTEBOOKS[0].with_name(name), text)
        told = sum(section.minutes for section in found if not section.is_exercise)
        if text.startswith(": all"):
            told = reading(path) - told
        assert told or found, f"{name}: neither a section nor an exercise"
        minutes += SHARE * told + sum(section.solving() for section in found)
    return minutes


def test_there_are_schedules() -> None:
    assert [title.split(":")[0] for title in SCHEDULES] == [
        f"{minutes} minutes" for minutes in (45, 90, 180, 60)
    ]


@pytest.mark.parametrize("title", SCHEDULES)
def test_a_schedule_adds_up(title: str) -> None:
    blocks = SCHEDULES[title]
    ends = [0, *accumulate(block.minutes for block in blocks)]
    assert [block.minute for block in blocks] == ends[:-1]
    assert title.startswith(f"{ends[-1]} minutes")
    assert sum(block.minutes for block in blocks if block.what == "Slack") >= ends[-1] / 10


@pytest.mark.parametrize("title", SCHEDULES)
def test_each_block_has_the_minutes_that_it_needs(title: str) -> None:
    needs = {block: round(needed(block.where), 1) for block in SCHEDULES[title]}
    assert {block: need for block, need in needs.items() if block.minutes < need} == {}


def test_the_whole_course_fits_into_its_sessions() -> None:
    ((title, text),) = [both for both in TEXTS.items() if "the whole course" in both[0]]
    number, long = map(int, re.findall(r"\d+", title))
    numbers: list[int] = []
    taught: list[Path] = []
    for held, _, where in table(text, "Session"):
        here = [int(each) for each in re.findall(r"\d+", held)]
        paths = [NOTEBOOKS[0].with_name(name) for name, _ in LINK.findall(where)]
        core = [part for path in paths for part in sections(path) if not part.is_optional]
        need = SHARE * sum(map(reading, paths)) + sum(part.solving() for part in core)
        assert need <= len(here) * (long - LEFT), (held, need)
        numbers += here
        taught += paths
    assert numbers == list(range(1, number + 1))
    assert taught == NOTEBOOKS


def test_the_capstone_adds_up() -> None:
    path = NOTEBOOKS[-1]
    rows = table(chapter(path), "Minute")
    ends = [0, *accumulate(int(minutes) for _, minutes, *_ in rows)]
    assert [int(minute) for minute, *_ in rows] == ends[:-1]
    assert f"It needs {ends[-1]} minutes" in chapter(path)
    needs = [section.solving() for section in sections(path) if section.is_exercise]
    stations = [int(minutes) for _, minutes, station, *_ in rows if station[0].isdigit()]
    assert all(has >= need for has, need in zip(stations, needs, strict=True))
    assert ends[-1] >= SHARE * reading(path) + sum(needs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_names_what_its_notebook_has(path: Path) -> None:
    (line,) = re.findall(r"^\*\*Exercises\*\*: (.*)", chapter(path), re.MULTILINE)
    every, _, first_choice = line.partition(" First choice: ")
    exercises = [section for section in sections(path) if section.is_exercise]
    assert named(path, every) == exercises
    assert [minutes for _, minutes in NAME.findall(every)] == [
        str(exercise.solving()) for exercise in exercises
    ]
    assert set(named(path, first_choice)) <= set(exercises)
    assert named(path, chapter(path))


def test_the_e_mail_has_commands_that_readers_type_elsewhere_too() -> None:
    """Those pages are tested."""
    lines = re.findall(r"^       (\S.*)$", TEXTS["The e-mail"], re.MULTILINE)
    commands = [line for line in lines if not line.startswith("git clone <")]
    assert len(commands) == 3
    folder = NOTEBOOKS[0].parent
    pages = [folder.parent / "README.md", folder / "setup.md"]
    typed = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert [command for command in commands if f"$ {command}\n" not in typed] == []


def test_the_rubric_for_dataflows_names_all_of_them() -> None:
    (text,) = re.findall(r"^## Grade dataflows\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE)
    flows = [
        (section.title.removeprefix("Exercise: ").removesuffix(" (optional)"), path.name[:2])
        for path in NOTEBOOKS[:-1]
        for section in sections(path)
        for name in section.names
        if isinstance(getattr(exercises, name), FlowTask)
    ]
    assert text.startswith("\nThe capstone") and len(flows) >= 5
    assert {title for title, _ in NAME.findall(text.split("The check")[0])} == {
        title for title, _ in flows
    }
    assert all(f" in {number}" in text for _, number in flows)
