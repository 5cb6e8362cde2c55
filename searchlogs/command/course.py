"""The command `course`: copy the notebooks, with the files that they read, to a folder."""

import argparse
import os
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import searchlogs
from searchlogs.command.outlets import say
from searchlogs.command.parsing import add_quiet
from searchlogs.logs.words import printable

FIRST = "00-start-here.ipynb"
"""Name of the first notebook."""
SITE = ("conf.py", "index.md", "reference.md", "speed.md")
"""Files that only the course's site needs."""


def add_course(commands: Any) -> None:
    """Add the command to a parser's commands."""
    words = "copy the notebooks, with the files that they read, to a folder"
    parser = commands.add_parser("course", help=words, description=f"{words.capitalize()}.")
    parser.set_defaults(do=_course)
    folder = "the folder, which is created if it does not exist; no file in it is overwritten"
    parser.add_argument("folder", type=Path, metavar="DIR", help=folder)
    add_quiet(parser)


def _course(options: argparse.Namespace) -> int:
    notebooks = copy_course(options.folder)
    if not options.quiet:
        say(
            f"{notebooks} notebooks → {printable(str(options.folder))}",
            f"To begin, type: {_begin(options.folder / FIRST)}",
        )
    return 0


def course_files(package: Path | None = None) -> list[Path]:
    """Return the course's files: those in the installed package, or those in the source tree.

    Args:
        package: The package's folder; None: the one of this package.

    Returns:
        Paths, sorted by name.

    Raises:
        FileNotFoundError: The course is in neither place.
    """
    package = package or Path(searchlogs.__file__).parent
    for folder in (package / "course", package.parent / "notebooks"):
        if (folder / FIRST).exists():
            files = sorted(path for path in folder.iterdir() if path.is_file())
            return [path for path in files if path.name[0] != "." and path.name not in SITE]
    raise FileNotFoundError("the notebooks are not part of this installation; reinstall searchlogs")


def copy_course(folder: Path) -> int:
    """Copy the course's files to a folder, and return the number of notebooks.

    Raises:
        ValueError: A file exists already, or the folder is a file.
        OSError: A file could not be written.
    """
    files = course_files()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: is a file; expected the name of a folder")
    for file in files:
        if (folder / file.name).exists():
            raise ValueError(f"{folder / file.name}: already exists; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copyfile(file, folder / file.name)
    return sum(file.suffix == ".ipynb" for file in files)


def _begin(notebook: Path) -> str:
    """Return what to type to open a notebook."""
    python = shlex.quote(sys.executable)
    # What was typed behind `uv run` is found by it again.
    if "UV_RUN_RECURSION_DEPTH" in os.environ and os.environ.get("VIRTUAL_ENV") == sys.prefix:
        return f"uv run jupyter lab {shlex.quote(str(notebook))}"
    if find_spec("jupyterlab") is None:
        return f"{python} -m pip install 'searchlogs[course]'"
    return f"{python} -m jupyterlab {shlex.quote(str(notebook))}"
