"""Generate what teachers hand out: the solutions as a notebook, and two papers as PDF.

`uv run --group dev python .ci/handouts.py` writes all three into notebooks/_teacher, and executes
the notebook. The text of the papers is in the .typ files there; what they have in common with the
course (names, commands, code, numbers, figures) is read from where the course has it.
"""

import inspect
import json
import re
import subprocess
import sys
import tomllib
from argparse import Action, ArgumentParser
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from doctest import DocTestParser
from pathlib import Path
from typing import Any

import matplotlib
import nbformat
import typst
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from searchlogs import events, exercises
from searchlogs.command.cli import parser
from searchlogs.dataflow import GAP, find_sessions
from searchlogs.exercises._core import Exercise, Question
from searchlogs.exercises._run import with_imports
from searchlogs.figures.page import Drawing
from searchlogs.figures.timeline import timeline
from searchlogs.figures.watermark import watermark_plot
from searchlogs.simulate import client_events
from searchlogs.tables import summary, totals

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FOLDER = ROOT / "notebooks" / "_teacher"
SOLUTIONS = FOLDER / "solutions.ipynb"
PAPERS = ("handout", "cheatsheet")
KINDS = (events.AppOpen, events.Search, events.Results, events.ClickResult)
ENGINES = ("Flink", "Beam", "Kafka Streams", "Spark")
WORDS = (
    *("event", "dataflow", "step", "key", "watermark", "wait", "late", "gap", "session window"),
    *("state", "snapshot", "exactly once", "partition", "worker"),
)
"""Words of the glossary that are on the cheat sheet."""
STEPS = ("windower = SessionWindower", 'Dataflow("by_hand")', "getattr(window, name)")
"""Parts of the cells of notebook 04 that make a dataflow and run it."""
OPTIONS = (
    *("--out", "--gap", "--wait", "--sort", "--drop-duplicates", "--map", "--kinds", "--zone"),
    *("--searches", "--report", "--recovery", "--pseudonymise"),
)
"""Options of the command that are on the cheat sheet."""

INTRODUCTION = """\
# Solutions

Every exercise of the course, with a solution and a common mistake. Each solution is checked by \
its exercise. Learners see the same solutions when they run `.solution()`. For the capstone, \
[a worked solution](../capstone_solution.py) also gives the reasons.

This notebook is generated from the exercises. To change it, change the exercises.
"""
LONGEST = 12
"""Most lines of a code cell; a solution that is longer is shown as text, and checked as it is."""
IS_ABOUT_FORM = re.compile(
    "expected|no unit|no durations|are per cent|single event|not events|six statements"
    "|no cause from the list|is one of `source`"
)
"""Found in a diagnosis that is about how an answer is written, and not about what it says."""


def solutions() -> NotebookNode:
    """Return the notebook of solutions, not executed."""
    cells = [new_markdown_cell(INTRODUCTION, id="introduction")]
    cells += [new_code_cell("from searchlogs import exercises", id="exercises")]
    for path in NOTEBOOKS:
        found = nbformat.read(path, as_version=4).cells
        title = re.match("# (.*)", found[0].source)[1]
        link = f"## [{path.name[:2]} {title}](../{path.name})"
        cells += [new_markdown_cell(link, id=f"notebook-{path.name[:2]}")]
        for number, cell in enumerate(found):
            for name in re.findall(r"exercises\.(\w+)\.check\(", cell.source):
                statement = next(it for it in found[number::-1] if it.source.startswith("## Exer"))
                cells += _solved(getattr(exercises, name), _moved(statement.source, path))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _moved(statement: str, path: Path) -> str:
    """Return an exercise's statement, with a lower heading and links that work one folder down."""
    text = statement.replace("## Exercise: ", "### ", 1)
    text = text.replace("](#", f"]({path.name}#")
    return re.sub(r"\]\((?![a-z]+:)", "](../", text)


def _solved(exercise: Exercise, statement: str) -> list[NotebookNode]:
    """Return the cells of an exercise: the question, the solution, its check, a mistake."""
    name = exercise.name
    call = "()" if isinstance(exercise, Question) else ""
    why = f"**Why**: {exercise.because}\n\n" if exercise.because else ""
    whole, function = with_imports(exercise.solve), inspect.getsource(exercise.solve)
    if len(function.splitlines()) > LONGEST:
        solution = [new_markdown_cell(f"```python\n{whole}```", id=f"{name}-solution")]
        solved = f"exercises.{name}.solve"
    else:
        imports = whole.removesuffix(function).strip()
        solution = [new_code_cell(imports, id=f"{name}-imports")] if imports else []
        solution += [new_code_cell(function.strip(), id=f"{name}-solution")]
        solved = exercise.solve.__name__
    return [
        new_markdown_cell(statement, id=f"{name}-question"),
        *solution,
        new_code_cell(f"exercises.{name}.check({solved}{call})", id=f"{name}-check"),
        new_markdown_cell(f"{why}{_mistake(exercise)}", id=f"{name}-mistake"),
    ]


def _mistake(exercise: Exercise) -> str:
    """Return what the check says about the first mistake that is not one of form."""
    if not isinstance(exercise, Question):
        first: str = next(iter(exercise.mistakes.values()))  # type: ignore[attr-defined]
        return f"**A common mistake**, in the words of the check:\n\n> {first}"
    mistake = next(it for it in exercise.mistakes if not IS_ABOUT_FORM.search(it.diagnosis))
    shown = repr(mistake.example).replace("datetime.", "")
    given = f" is `{shown}`. The check says" if len(shown) < 80 else ", in the words of the check"
    return f"**A common mistake**{given}:\n\n> {mistake.diagnosis}"


def words(paper: str) -> dict[str, Any]:
    """Return what a paper takes from the course, by the names that its source uses."""
    return {"handout": _handout, "cheatsheet": _cheatsheet}[paper]()


def figures(paper: str) -> dict[str, Drawing]:
    """Return a paper's figures, by the names that its source uses."""
    if paper != "handout":
        return {}
    seven = client_events()
    return {
        "sessions": timeline(
            seven,
            find_sessions(seven)[0],
            gap=GAP,
            title="Two users, two sessions: no pause is longer than the gap",
        ),
        "pencil": timeline(_cell("04", "burrito")["log"], title="Ten events: where would you cut?"),
        "watermark": watermark_plot(
            _cell("06", "def arriving")["arriving"](5, 6, 7, 6.5, 5.2, 8, 21, 20.2, 18.5),
            title="Two of nine events lie below the watermark: they are late",
        ),
    }


def _source(notebook: str, part: str) -> str:
    """Return the source of the one code cell of a notebook that holds a text."""
    (path,) = (path for path in NOTEBOOKS if path.name.startswith(notebook))
    cells = nbformat.read(path, as_version=4).cells
    (source,) = (it.source for it in cells if it.cell_type == "code" and part in it.source)
    return str(source)


def _cell(notebook: str, part: str) -> dict[str, Any]:
    """Return the names that a cell of a notebook defines."""
    names: dict[str, Any] = {}
    exec(_source(notebook, part), names)
    return names


def _handout() -> dict[str, Any]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (first,) = re.findall(r"^\$ (.* bytewax\.run .*)$", readme, re.MULTILINE)
    (copy,) = re.findall(r"^\$ (uv run .* course .*)$", readme, re.MULTILINE)
    (start,) = re.findall(r"^\$ (uv run jupyter lab my-.*)$", readme, re.MULTILINE)
    return {
        "kinds": [[kind.__name__, *_described(kind)] for kind in KINDS],
        "glossary": {term: meaning for term, (meaning, _) in glossary().items()},
        "commands": {"first": first, "copy": copy, "start": start},
        "exercises": [_place(name) for name in ("hello", "smallest_gap", "bounded_rate")],
        "urls": _urls(),
        **_rates(),
    }


def _described(kind: type) -> tuple[str, str]:
    """Return what an event says, without what it may hold, and its fields."""
    meaning = str(inspect.getdoc(kind)).split(";")[0].rstrip(".").replace("`", "")
    return f"{meaning}.", ", ".join(it.name for it in fields(kind) if it.default is MISSING)


def _place(name: str) -> list[str]:
    """Return an exercise's name, its title, and the name of its notebook."""
    for path in NOTEBOOKS:
        heading = ""
        for cell in nbformat.read(path, as_version=4).cells:
            if match := re.match("## Exercise: (.*)", cell.source):
                heading = match[1]
            if f"exercises.{name}.check(" in cell.source:
                return [name, heading, path.name]
    raise ValueError(f"no notebook has the exercise {name}")


def _urls() -> dict[str, str]:
    """Return the project's addresses by name; none as long as nobody has filled them in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    urls: dict[str, str] = project["urls"]
    return {} if "/OWNER/" in urls["Repository"] else urls


def _rates() -> dict[str, Any]:
    """Return the counts and the rates of the example on the page of metrics."""
    page = (ROOT / "notebooks" / "metrics.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for example in DocTestParser().get_examples(page):
        exec(example.source, names)
        if "sessions" in names:
            break
    table = summary(names["sessions"])
    searched = table[table["searches"] > 0].groupby("user")
    counts = searched[["searches", "searches_clicked", "clicks"]].sum()
    rates = totals(table)
    return {
        "counts": [[user, *map(int, row)] for user, *row in counts.itertuples()],
        "ctr": [f"{rate:.3g}" for rate in rates.loc["ctr"]],
        "clicks_per_search": f"{rates.loc['clicks_per_search', 'ratio_of_sums']:.3g}",
    }


def _cheatsheet() -> dict[str, Any]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (run,) = re.findall(r"^\$ uv run (python -m searchlogs run .*)\n((?:.+\n)+)```", readme, re.M)
    (table,) = re.findall(r"^import searchlogs\n\n(out = .*)$", readme, re.MULTILINE)
    words = glossary()
    return {
        "table": table,
        "words": [[word, words[word][0], *words[word][1]] for word in WORDS],
        "code": "\n".join(_code(_source("04", part)) for part in STEPS),
        "command": run[0],
        "summary": re.findall(r"^\w+", run[1], re.MULTILINE),
        "options": [[option, *_help(option)] for option in OPTIONS],
    }


def glossary() -> dict[str, tuple[str, list[str]]]:
    """Read the glossary: for each word its first sentence, and its name in four engines."""
    page = (ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8")
    found = {}
    for word, text in re.findall(r"^### (.+)\n\n((?:(?!##).*\n)+)", page, re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
        _, _, elsewhere = text.partition("Elsewhere: ")
        names = [part.strip() for part in elsewhere.split("\n")[0].split(" · ")]
        names = [
            re.sub(rf"^{engine} ", "", name) for engine, name in zip(ENGINES, names, strict=False)
        ]
        names[-1:] = [re.split(r"\.(?: |$)", name)[0] for name in names[-1:]]
        found[word] = (re.split(r"(?<=\.)\s", text.strip())[0], names)
    return found


def _code(source: str) -> str:
    """Return a cell's code without its imports."""
    lines = [line for line in source.splitlines() if not re.match("from |import |$", line)]
    return "\n".join(lines)


def _help(option: str) -> list[str]:
    """Return the value that an option of `run` takes, and the first part of its help."""
    (commands,) = (it.choices for it in parser()._actions if isinstance(it.choices, dict))
    run: ArgumentParser = commands["run"]
    action: Action = run._option_string_actions[option]
    text = run._get_formatter()._expand_help(action).split(";")[0]
    value = "" if action.nargs == 0 else action.metavar or action.dest.upper()
    return [str(value), text]


def pdf(paper: str) -> bytes:
    """Return a paper as PDF; the same bytes each time, on Linux on x86-64."""
    inputs = {"words": json.dumps(words(paper), ensure_ascii=False)}
    for name, drawing in figures(paper).items():
        inputs |= {name: drawing.svg(), f"{name}-words": repr(drawing)}
    return typst.compile(
        str(FOLDER / f"{paper}.typ"),
        sys_inputs=inputs,
        # The fonts of the compiler and of matplotlib, whose versions are pinned, and no others.
        font_paths=[Path(matplotlib.get_data_path()) / "fonts" / "ttf"],
        ignore_system_fonts=True,
        pdf_standards=["ua-1"],
        timestamp=datetime(2024, 1, 1, tzinfo=UTC),
    )


def main() -> None:
    """Write the papers, write the notebook, and execute it."""
    for paper in PAPERS:
        (FOLDER / f"{paper}.pdf").write_bytes(pdf(paper))
    nbformat.write(solutions(), SOLUTIONS)
    config = ROOT / ".ci" / "nbconvert.py"
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--config", config, SOLUTIONS]
    subprocess.run(command, check=True)
    (FOLDER / ".searchlogs-progress.json").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
