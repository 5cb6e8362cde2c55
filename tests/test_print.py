"""What teachers hand out is generated from the course, and current."""

import platform
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from nbformat import NotebookNode

from searchlogs import exercises
from searchlogs.exercises._core import Exercise

ROOT = Path(__file__).parents[1]
REFRESH = "run: uv run --group dev python .ci/handouts.py"


def load() -> ModuleType:
    spec = spec_from_file_location("handouts", ROOT / ".ci" / "handouts.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


handouts = load()
STORED = nbformat.read(handouts.SOLUTIONS, as_version=4)


def written(notebook: NotebookNode) -> list[tuple[str, str, str]]:
    return [(cell.id, cell.cell_type, cell.source) for cell in notebook.cells]


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="a figure is the same bytes on Linux on x86-64 only",
)
@pytest.mark.parametrize("paper", handouts.PAPERS)
def test_a_paper_is_what_its_source_gives(paper: str) -> None:
    stored = (handouts.FOLDER / f"{paper}.pdf").read_bytes()
    # Compared here, since pytest would show the difference byte by byte.
    is_current = handouts.pdf(paper) == stored
    assert is_current, REFRESH


def test_the_solutions_are_those_of_the_exercises() -> None:
    assert written(STORED) == written(handouts.solutions()), REFRESH
    every = {name for name in exercises.__all__ if isinstance(getattr(exercises, name), Exercise)}
    ids = [cell.id for cell in STORED.cells]
    assert {name for name in every if {f"{name}-solution", f"{name}-check"} <= {*ids}} == every


def test_each_solution_was_found_right() -> None:
    """The slow tests run the notebook, and compare."""
    code = [cell for cell in STORED.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert max(len(cell.source.splitlines()) for cell in code) <= handouts.LONGEST
    for cell in code:
        if cell.id.endswith("-check"):
            (output,) = cell.outputs
            assert output.data["text/plain"].startswith("✓ Right."), cell.id


@pytest.mark.parametrize("word", handouts.WORDS)
def test_a_word_of_the_cheat_sheet_has_the_names_of_four_engines(word: str) -> None:
    page = (ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8")
    (entry,) = re.findall(rf"^### {word}\n\n((?:(?!##).*\n)+)", page, re.MULTILINE)
    meaning, names = handouts.glossary()[word]
    assert entry.startswith(meaning)
    assert len(names) == 4
    for engine, name in zip(handouts.ENGINES, names, strict=True):
        assert f"{engine} {name}" in entry


def test_an_address_is_printed_once_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    monkeypatch.setattr(handouts, "ROOT", tmp_path)
    for owner, count in (("OWNER", 0), ("somebody", 3)):
        text = re.sub(r"(github\.com)/\w+/", rf"\1/{owner}/", own)
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        assert len(handouts._urls()) == count
