"""What the files beside the package promise: versions, commands, links, notebooks."""

import ast
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import NotebookNode
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from wording import Like

from searchlogs.command.check import NEWEST_PYTHON

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / ".github").glob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.md")),
    *NOTEBOOKS,
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]


def read(notebook: Path) -> NotebookNode:
    return nbformat.read(notebook, as_version=4)


def code_cells(notebook: Path) -> list[NotebookNode]:
    return [cell for cell in read(notebook).cells if cell.cell_type == "code"]


def prose(page: Path) -> str:
    if page.suffix == ".md":
        return page.read_text(encoding="utf-8")
    return "\n\n".join(cell.source for cell in read(page).cells if cell.cell_type == "markdown")


def by_name(path: Path) -> str:
    return path.stem


def requirements(lines: list[str]) -> dict[str, Requirement]:
    return {line.name: line for line in map(Requirement, lines)}


def test_conda_pip_and_uv_install_the_same_versions() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    assert pip == [*GROUPS["course"], "-e .[course]"]
    assert PROJECT["tool"]["uv"]["default-groups"] == ["course"]


def test_the_course_pins_what_the_package_and_its_extra_allow() -> None:
    pins = requirements(GROUPS["course"])
    extras = PROJECT["project"]["optional-dependencies"]
    ranges = requirements(PROJECT["project"]["dependencies"] + extras["course"])
    assert ranges.keys() == pins.keys()
    for pin in [*pins.values(), *requirements(GROUPS["dev"]).values()]:
        wanted = {**ranges, **requirements(extras["kafka"])}.get(pin.name)
        assert not wanted or wanted.specifier.contains(str(pin.specifier).removeprefix("==")), pin
    assert requirements(extras["sql"]).items() <= ranges.items()


def test_every_version_that_is_tested_is_pinned() -> None:
    pins = GROUPS["course"] + GROUPS["dev"] + PROJECT["build-system"]["requires"]
    assert [pin for pin in pins if not re.fullmatch(r"[\w-]+(\[\w+\])?==[\w.]+", pin)] == []
    assert "exclude-newer" in PROJECT["tool"]["uv"]


def test_conda_takes_a_python_that_works() -> None:
    """One that CI runs the tests with, and it runs them with each that the course allows."""
    tested = re.findall(
        r"^for python in (.+);", (ROOT / ".ci/run").read_text("utf-8"), re.MULTILINE
    )
    allowed = SpecifierSet(PROJECT["project"]["requires-python"])
    allowed &= SpecifierSet(PROJECT["tool"]["uv"]["dependency-groups"]["course"]["requires-python"])
    minors = [f"3.{minor}" for minor in range(40)]
    assert [" ".join(minor for minor in minors if minor in allowed)] == tested
    engine = requirements(PROJECT["project"]["dependencies"])["bytewax"].marker
    assert engine is not None
    newest = ".".join(map(str, NEWEST_PYTHON))
    served = [minor for minor in minors if engine.evaluate({"python_version": minor})]
    assert served[-1] == newest == tested[0].split()[-1]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    plain = [part for part in environment["dependencies"] if isinstance(part, str)]
    (python,) = [part.removeprefix("python=") for part in plain if part.startswith("python=")]
    assert python in allowed


def test_the_address_of_the_repository_is_the_same_everywhere() -> None:
    """The README's last line names it; a package index shows the README with links to there."""
    (place,) = re.findall(r"/gh/([^/]+/[^/]+)/HEAD", prose(ROOT / "README.md"))
    for url in PROJECT["project"].get("urls", {}).values():
        assert url.startswith(f"https://github.com/{place}")


def test_the_flow_prints_what_was_promised() -> None:
    """Law 1, and the README's first block."""
    blocks = re.findall(r"```console\n(.*?)```", prose(ROOT / "README.md"), re.DOTALL)
    command, *promised = blocks[0].splitlines()
    start = "$ pip install uv && uv run python "
    assert command.startswith(start)
    arguments = command.removeprefix(start).split()
    for workers in ([], ["-w", "2"]):
        done = subprocess.run(
            [sys.executable, *arguments, *workers], capture_output=True, text=True
        )
        assert (done.stdout.splitlines(), done.stderr) == (promised, "")
    assert promised == [
        "User 1: 1 searches, 1 clicks",
        "User 2: 1 searches, 2 clicks",
        "('1', 1.0)",
        "('2', 2.0)",
    ]


def test_the_readme_names_the_test_command_that_ci_calls() -> None:
    command = "uv run --group dev pytest\n"
    assert f"\n$ pip install uv && {command}" in prose(ROOT / "README.md")
    assert f"\n{command}" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_the_contributors_command_refreshes_a_notebook(tmp_path: Path) -> None:
    page = prose(ROOT / ".github/CONTRIBUTING.md")
    (command,) = re.findall(r"`uv run (jupyter nbconvert [^`]*)`", page)
    _, *arguments, notebook = command.split()
    assert ROOT / notebook in NOTEBOOKS
    copy = tmp_path / "copy.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("6 * 7")])
    nbformat.write(notebook, copy)
    subprocess.run([sys.executable, "-m", "jupyter", *arguments, copy], check=True)
    (cell,) = code_cells(copy)
    assert (cell.execution_count, cell.outputs[0].data["text/plain"]) == (1, "42")
    assert cell.metadata == {}


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    if page.suffix == ".ipynb":
        return {heading.replace(" ", "-") for heading in headings}
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_internal_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(there), f"{page.name} links to {target}"


def test_the_readme_lists_every_notebook_and_the_reference_every_room() -> None:
    links = re.findall(r"\]\((notebooks/[^)#]+)\)", prose(ROOT / "README.md"))
    listed = {ROOT / link for link in links if link.endswith(".ipynb")}
    assert listed == {*NOTEBOOKS}
    package = ROOT / "searchlogs"
    rooms = {*package.glob("[!_]*.py"), *(path.parent for path in package.glob("*/__init__.py"))}
    links = re.findall(r"\]\(\.\./(searchlogs/[^)#]+)\)", prose(ROOT / "notebooks/reference.md"))
    assert {ROOT / link for link in links} == rooms


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=by_name)
def test_a_notebook_was_run_from_top_to_bottom(notebook: Path) -> None:
    """Where a count is missing, nbval compares nothing, and passes."""
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert cell.source.strip()
        for output in cell.outputs:
            if output.output_type == "error":
                assert "raises-exception" in cell.metadata.get("tags", [])
            if output.output_type == "execute_result":
                assert output.execution_count == cell.execution_count
        if "raises-exception" in cell.metadata.get("tags", []):
            assert [output.output_type for output in cell.outputs][-1:] == ["error"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=by_name)
def test_a_notebook_keeps_its_form(notebook: Path) -> None:
    nbformat.validate(read(notebook))
    cells = read(notebook).cells
    opening = cells[0].source
    assert cells[0].cell_type == "markdown" and opening.startswith("# ")
    for part in ("**What you'll do**", "**What you'll learn**", "**What you'll need**", "minutes"):
        assert part in opening
    assert cells[-1].cell_type == "markdown"
    assert read(notebook).metadata.kernelspec.name == "python3"
    for cell in cells:
        if cell.cell_type == "code":
            lines = cell.source.splitlines()
            assert len(lines) <= 12, cell.source
            # JupyterLab shows 88 columns in a window 1280 pixels wide.
            shown = [
                o.data["text/plain"] for o in cell.outputs if "text/markdown" in o.get("data", {})
            ]
            lines += [line for page in shown for line in page.splitlines()]
            assert [line for line in lines if len(line) > 88] == []
            assert set(cell.metadata) <= {"tags"}
            # These switch nbval's comparison off, or make it lax.
            assert not set(cell.metadata.get("tags", [])) - {"raises-exception"}
            assert "NBVAL" not in cell.source


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=by_name)
def test_headings_are_in_order(notebook: Path) -> None:
    levels = [len(hashes) for hashes in re.findall(r"^(#+) ", prose(notebook), re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=by_name)
def test_every_picture_has_words_and_a_png(notebook: Path) -> None:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            # Of these, JupyterLab gives screen readers nothing.
            assert not any(kind.startswith("image/") for kind in data)
            for picture in re.findall(r"<img[^>]*>", data.get("text/html", "")):
                assert re.search(r'alt="[^"]{20,}" .* src="data:image/png;base64,', picture)
                assert len(data["text/plain"].splitlines()) >= 2


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=by_name)
def test_every_import_is_in_the_pins(notebook: Path) -> None:
    pins = set(requirements(GROUPS["course"]))
    for cell in code_cells(notebook):
        for node in ast.walk(ast.parse(cell.source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                assert top in pins | sys.stdlib_module_names | {"searchlogs"}, name


def replace_in(notebook: NotebookNode, kind: str, pattern: str, new: str) -> str:
    """Replace the first match in a stored output of this kind; return the cell's source."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            holder = output if kind == "text" else output.get("data", {})
            if kind in holder:
                text, changed = re.subn(pattern, new, holder[kind], count=1)
                if changed:
                    holder[kind] = text
                    return str(cell.source)
    raise AssertionError(f"no stored {kind} holds {pattern}")


CHANGES = {
    "each": (
        (
            "text/html",
            r"(svg\+xml;base64,[\w+/]{2000,2100})[a-z]",
            r"\1A",
        ),  # one letter of a figure
        ("text/html", r">2\.0<", ">2.1<"),
        ("text", r"2 clicks", "3 clicks"),
    ),
    "words": (("text/plain", r"2 clicks", "3 clicks"),),
    "pixels": (("text/html", r"(png;base64,[\w+/]{2000,2100})[a-z]", r"\1A"),),
}
"""Copies of a notebook and what is changed in them: in each of their first cells, one output."""
FAILING = [("each", "0"), ("each", "1"), ("each", "2"), ("words", "0")]


def compare_changed(tmp_path: Path, *options: str) -> tuple[list[tuple[str, str]], str]:
    """Run copies of a notebook in which stored outputs are changed.

    Returns:
        The cells that nbval finds different, and what it says of them.
    """
    for name, changes in CHANGES.items():
        notebook = read(ROOT / "notebooks" / "00-start-here.ipynb")
        for change in changes:
            replace_in(notebook, *change)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        notebook.cells = code[: len(changes) + 1]  # the last is as it was
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--color=no", "--nbval", "--nbval-current-env"]
    done = subprocess.run(
        [*command, "-q", "-rf", "-p", "no:cacheprovider", *options],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    return re.findall(r"^FAILED (\w+)\.ipynb::Cell (\d+)", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.slow  # it runs nbval over a notebook for each change
@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="an SVG is the same bytes on Linux on x86-64 only",
)
def test_nbval_notices_one_changed_coordinate_number_and_line(tmp_path: Path) -> None:
    """Each corrupted in a copy of a notebook's stored outputs: the comparison is not vacuous."""
    failed, said = compare_changed(tmp_path)
    assert failed == FAILING
    (title,) = (
        code_cells(ROOT / "notebooks" / "00-start-here.ipynb")[0]
        .outputs[0]
        .data["text/plain"]
        .splitlines()[:1]
    )
    assert Like(f"first difference is in line …of the SVG of {title!r}:") == said
    assert not re.search(r"[\w+/]{200}", said), "a picture is printed as base64"


@pytest.mark.slow
def test_elsewhere_nbval_notices_all_but_a_coordinate(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(
        "import platform\nplatform.machine = lambda: 'elsewhere'", encoding="utf-8"
    )
    assert compare_changed(tmp_path, "-p", "elsewhere")[0] == FAILING[1:]
