"""Whether this machine is ready for the course.

Nothing of the course is imported before the check that needs it: a missing package is a finding.
"""

import shlex
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from typing import Any, NamedTuple

NEWEST_PYTHON = (3, 12)
"""Newest version of Python for which Bytewax has packages."""

PORTS = range(8888, 8939)
"""Ports of which JupyterLab takes the first that is free, or one near it."""

INSTALL = (
    "uv sync --reinstall (conda: conda env update -f environment.yml; "
    "pip: pip install 'searchlogs[course]')"
)
"""Commands that install the course's packages."""


class Check(NamedTuple):
    """One thing that the course needs."""

    what: str
    run: Callable[[], object]
    """Raises an exception if it is not there."""
    fix: str
    """A command that fixes it."""


def check_machine(checks: Sequence[Check] | None = None) -> bool:
    """Print OK or FAIL for each thing that the course needs; return whether all are OK.

    FAIL lines add what was found instead, and a command that fixes it. The OK lines are the same on
    every machine.
    """
    ready = True
    for what, run, fix in every_check() if checks is None else checks:
        try:
            run()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a panic of the engine, for one, is not an Exception
            ready = False
            found = str(error) if type(error) is _Unfit else f"{type(error).__name__}: {error}"
            # What mends a package mends nothing while the package itself is missing.
            fix = INSTALL if isinstance(error, ImportError) else fix
            print(f"FAIL  {what}: {textwrap.shorten(found, 200)}. To fix it: {fix}")
        else:
            print(f"OK    {what}")
    return ready


def every_check() -> list[Check]:
    """Return the checks, in the order in which what they need builds up."""
    here = shlex.quote(sys.executable)
    return [
        Check("Bytewax runs on this Python", check_python, "uv sync --python 3.12"),
        Check("Package versions match the course", check_packages, INSTALL),
        Check("A Jupyter kernel starts", check_kernel, f"{here} -m ipykernel install --sys-prefix"),
        Check("Seven events make two sessions", check_flow, INSTALL),
        Check("A figure is drawn", check_figure, INSTALL),
        Check("JupyterLab finds a free port", check_port, f"{here} -m jupyter lab --port 9888"),
        Check("This folder is writable", check_folder, f"{here} -m searchlogs course ~/searchlogs"),
    ]


class _Unfit(Exception):
    """What a check found instead."""


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raise an error if the engine has no packages for this version of Python."""
    if version > NEWEST_PYTHON:
        expected, found = (".".join(map(str, pair)) for pair in (NEWEST_PYTHON, version))
        raise _Unfit(f"expected Python {expected} or earlier; found {found}")


def check_packages(requirements: Iterable[str] | None = None) -> None:
    """Raise an error if a requirement is not met; of the extras, the course's alone counts."""
    from packaging.requirements import Requirement

    unmet = []
    for line in metadata.requires("searchlogs") or [] if requirements is None else requirements:
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate({"extra": "course"}):
            continue
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            found = "missing"
        if found == "missing" or not wanted.specifier.contains(found, prereleases=True):
            unmet.append(f"{wanted.name} is {found}, not {wanted.specifier}")
    if unmet:
        raise _Unfit("; ".join(unmet))


def check_kernel() -> None:
    """Raise an error if no Jupyter kernel starts, or if it is that of another Python."""
    from jupyter_client.manager import run_kernel

    client: Any
    quiet = subprocess.DEVNULL  # what a kernel prints while it starts differs between machines
    with run_kernel(kernel_name="python3", stdout=quiet, stderr=quiet) as client:
        # If the user's settings have a kernel of this name, that of another Python may start.
        reply = client.execute("import bytewax, searchlogs", reply=True, timeout=60)["content"]
        if reply["status"] != "ok":
            raise _Unfit(f"it reports {reply['ename']}: {reply['evalue']}")


def check_flow() -> None:
    """Raise an error if the tutorial's seven events do not make two sessions."""
    from searchlogs.dataflow import find_sessions
    from searchlogs.simulate import client_events

    sessions, late = find_sessions(client_events())
    if (len(sessions), len(late)) != (2, 0):
        raise _Unfit(f"they made {len(sessions)}, and {len(late)} came late")


def check_figure() -> None:
    """Raise an error if no figure can be drawn."""
    from searchlogs.figures.timeline import timeline
    from searchlogs.simulate import client_events

    timeline(client_events()).svg()


def check_port(ports: range = PORTS) -> None:
    """Raise an error if none of the ports is free."""
    for port in ports:
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
                return
            except OSError as error:
                reason = error.strerror
    raise _Unfit(f"none from {ports[0]} to {ports[-1]}: {reason}")


def check_folder(folder: str = ".") -> None:
    """Raise an error if no file can be written in the folder."""
    with tempfile.TemporaryFile(dir=folder):
        pass
