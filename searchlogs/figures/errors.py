"""Errors as a notebook shows them: the learner's own line, what is wrong, and what to run first."""

import dis
import json
import os
import re
import sys
from pathlib import Path
from symtable import symtable
from types import TracebackType
from typing import Any, NamedTuple

OURS = ("searchlogs", "bytewax")
"""Packages whose frames are left out."""

COURSE_FILES = {
    "flights.jsonl.gz",
    "profile.csv",
    "scale.csv",
    "shop.ubi.ndjson.gz",
    "workers.csv",
}
"""Names of the data files that come with the notebooks."""


def install() -> None:
    """Let this IPython show errors by `show`, if nothing else has taken that place."""
    from IPython import get_ipython

    shell: Any = get_ipython()
    if shell is not None and not shell.custom_exceptions:
        shell.set_custom_exc((Exception,), show)


def show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType,
    tb_offset: int | None = None,
) -> None:
    """Show an error as IPython does, without the frames in which nothing is to be found.

    Where an argument was refused, those are this package's and the engine's. So they are around
    the code of a step or a clock, if that is in the notebook and raised the error. A note says
    what to run first if a name or a file of the course is missing. `%tb` shows all frames.
    """
    note = _missing_name(shell, error) or _missing_file(error) or _misused_operator(error)
    if note and note not in getattr(error, "__notes__", ()):
        error.add_note(note)
    frames = [traceback]
    while frames[-1].tb_next is not None:
        frames.append(frames[-1].tb_next)
    refused = _refuses(frames[-1], error)
    short = traceback
    if refused or _package(frames[-1]) == "__main__":
        short = _join([one for one in frames if _package(one) not in OURS]) or traceback
    cause, context = error.__cause__, error.__suppress_context__
    if refused:
        error.__cause__ = None  # which also leaves out what was being handled
    shell.showtraceback((kind, error, short), tb_offset=tb_offset, running_compiled_code=True)
    error.__cause__, error.__suppress_context__ = cause, context
    sys.last_traceback = traceback


def _refuses(frame: TracebackType, error: BaseException) -> bool:
    """Return whether the error was raised by a `raise` of ours, or by a file that ours opened."""
    raised = frame.tb_frame.f_code.co_code[frame.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    return _package(frame) in OURS and (raised or isinstance(error, OSError))


def _join(frames: list[TracebackType]) -> TracebackType | None:
    """Return a traceback of frames; None if the only one is IPython's own."""
    joined = None
    for one in reversed(frames[1:] and frames):
        joined = TracebackType(joined, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return joined


def _package(frame: TracebackType) -> str:
    return str(frame.tb_frame.f_globals.get("__name__", "")).split(".")[0]


class Cell(NamedTuple):
    """A code cell of a notebook, and the heading above it."""

    source: str
    section: str


def _missing_name(shell: Any, error: BaseException) -> str | None:
    """Return which cell defines a name that is missing; None if that isn't known."""
    if type(error) is not NameError or not error.name:
        return None
    path = os.environ.get("JPY_SESSION_NAME") or shell.user_ns.get("__vsc_ipynb_file__")
    running = shell.history_manager.input_hist_raw[-1]
    for cell in _cells(Path(path)) if path else ():
        if cell.source != running and _defines(shell, cell.source, error.name):
            lines = (line for line in cell.source.splitlines() if line.strip())
            first = next(line for line in lines if not line.startswith(("#", "%")))
            under = f" under {cell.section!r}" if cell.section else ""
            return (
                f"Another cell of this notebook defines {error.name!r}: the one{under} that begins "
                f"with {first!r}.\nRun it first, or choose Run > Run All Above Selected Cell."
            )
    return None


def _cells(path: Path) -> list[Cell]:
    """Return a notebook's code cells; none if there is no such notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, LookupError, TypeError):
        return []
    found, section = [], ""
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            found.append(Cell(source, section))
        elif headings := re.findall(r"^#+ +(.+?) *$", source, re.MULTILINE):
            section = headings[-1]
    return found


def _defines(shell: Any, source: str, name: str) -> bool:
    try:
        found = symtable(shell.transform_cell(source), "cell", "exec").lookup(name)
    except (SyntaxError, KeyError):
        return False
    return found.is_assigned() or found.is_imported()


def _missing_file(error: BaseException) -> str | None:
    """Return where a file of the course belongs; None if another file is missing, or none."""
    if not isinstance(error, FileNotFoundError):
        return None
    name = Path(os.fsdecode(error.filename or "")).name
    if name not in COURSE_FILES:
        return None
    return (
        f"{name} must be in the folder of this notebook, {Path.cwd()}.\nIt comes with the course: "
        "copy it from the project's folder notebooks/."
    )


def _misused_operator(error: BaseException) -> str | None:
    """Return why an operator can't be called like this; None for any other error."""
    if error.__cause__ is None or "called incorrectly; see cause above" not in str(error):
        return None
    return (
        f"The cause: {error.__cause__}.\nAn operator takes the name of its step first, then the "
        "stream, then the rest."
    )
