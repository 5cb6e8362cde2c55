"""The command `kit`: a folder from which a room without network installs the course."""

import argparse
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import searchlogs
from searchlogs.command import kit_install
from searchlogs.command.course import copy_course
from searchlogs.command.outlets import say
from searchlogs.command.parsing import add_quiet
from searchlogs.logs.words import printable

INSTALL = "install.py"
"""Name of the program that installs the course from the folder."""


def add_kit(commands: Any) -> None:
    """Add the command to a parser's commands."""
    words = "make a folder from which the course is installed without a network"
    about = (
        f"{words.capitalize()}, on machines with the system and the version of Python of this one. "
        "It holds this machine's versions of all packages."
    )
    parser = commands.add_parser("kit", help=words, description=about)
    parser.set_defaults(do=_kit)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that does not exist yet")
    add_quiet(parser)


def _kit(options: argparse.Namespace) -> int:
    wheels = make_kit(options.folder)
    if not options.quiet:
        version = "{}.{}".format(*sys.version_info)
        say(
            f"{wheels} packages for Python {version} → {printable(str(options.folder))}",
            f"Copy the folder to each machine, and run: python {INSTALL}",
        )
    return 0


def make_kit(folder: Path) -> int:
    """Make a folder that holds the course, its packages, and a program that installs them.

    Args:
        folder: The folder to make. If that fails, it is removed.

    Returns:
        The number of packages.

    Raises:
        ValueError: The folder exists, or a package could not be had.
        OSError: A file could not be written.
    """
    if folder.exists():
        raise ValueError(f"{folder}: already exists; choose another folder")
    try:
        return _fill(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _fill(folder: Path) -> int:
    wheels = folder / kit_install.WHEELS
    wheels.mkdir(parents=True)
    copy_course(folder / kit_install.NOTEBOOKS)
    shutil.copyfile(kit_install.__file__, folder / INSTALL)
    tree = Path(searchlogs.__file__).parents[1]
    ours = f"searchlogs=={searchlogs.__version__}"
    source = str(tree) if (tree / "pyproject.toml").exists() else ours
    _pip("wheel", "--no-deps", "--wheel-dir", wheels, source)
    same = folder / "versions.txt"
    same.write_text("".join(f"{one}\n" for one in _installed()))
    wanted = [f"searchlogs[course]=={searchlogs.__version__}", "uv"]
    found = ["--find-links", wheels, "--only-binary", ":all:", "--constraint", same]
    _pip("download", "--dest", wheels, *found, *wanted)
    return len(list(wheels.iterdir()))


def _installed() -> list[str]:
    """Return what is installed here, with versions; but not this package, which a clone builds."""
    from importlib import metadata  # slow to load, which the help of no command should be

    found = {one.name: one.version for one in metadata.distributions() if one.name != "searchlogs"}
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _pip(*words: object) -> None:
    """Run pip for this Python."""
    if find_spec("pip"):
        command = [sys.executable, "-m", "pip"]
    elif uv := shutil.which("uv"):
        command = [uv, "tool", "run", "pip", "--python", sys.executable]
    else:
        raise ValueError("a kit is made with pip or uv, and neither is installed here")
    command += [str(word) for word in words]
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True)
    if done.returncode:
        reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise ValueError(f"pip {words[0]} failed: {(reasons or done.stderr.splitlines())[-1]}")
