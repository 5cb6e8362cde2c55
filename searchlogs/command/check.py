"""Whether this machine is ready for the course.

Nothing of the course is imported before the check that needs it: a missing package is a finding.
"""

import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

PORTS = range(8888, 8939)
"""JupyterLab takes the first that is free, or one near it."""


def check_machine() -> bool:
    """Print a line for each thing the course needs, OK or FAIL; return whether all are OK.

    A FAIL says what was found instead, and the command that mends it. The OK lines are the same on
    every machine.
    """
    install, again, prefix = _installer()
    checks: list[tuple[str, Callable[[], object], str]] = [
        ("Python is one that Bytewax runs on", _python, "pip install uv && uv sync --python 3.12"),
        ("The packages have the versions of the course", _packages, install),
        ("A Jupyter kernel starts", _kernel, f"{prefix}python -m ipykernel install --sys-prefix"),
        ("Seven events make two sessions", _flow, again),
        ("A figure is drawn", _figure, again),
        ("JupyterLab finds a free port", _port, f"{prefix}jupyter lab --port 9888"),
        ("This folder can be written to", _folder, _copy()),
    ]
    ready = True
    for what, check, mend in checks:
        try:
            check()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a panic of the engine, for one, is not an Exception
            ready = False
            found = str(error) if type(error) is _Unfit else f"{type(error).__name__}: {error}"
            print(f"FAIL  {what}: {textwrap.shorten(found, 200)}. To mend: {mend}")
        else:
            print(f"OK    {what}")
    return ready


class _Unfit(Exception):
    """What a check found instead."""


def _installer() -> tuple[str, str, str]:
    """What installs here, what installs all of it again, and what stands before other commands."""
    home = Path(sys.prefix)
    if (home / "conda-meta").is_dir():
        conda = "conda env update -f environment.yml"
        return conda, f"{conda} --prune", ""
    settings = home / "pyvenv.cfg"
    # uv puts no pip into its environments.
    if settings.is_file() and "\nuv = " in settings.read_text(encoding="utf-8"):
        return "uv sync", "uv sync --reinstall", "uv run "
    pip = "python -m pip install -e ."
    return pip, f"{pip} --force-reinstall", ""


def _copy() -> str:
    """The README's advice, with a place that is the learner's own."""
    return f"cp -r {'notebooks' if Path('notebooks').is_dir() else '.'} ~/my-notebooks"


def _python() -> None:
    from packaging.specifiers import SpecifierSet

    wanted = metadata.metadata("searchlogs")["Requires-Python"]
    here = ".".join(map(str, sys.version_info[:3]))
    if not SpecifierSet(wanted).contains(here):
        raise _Unfit(f"{here} is not {wanted}")


def _packages() -> None:
    from packaging.requirements import Requirement

    others = []
    for line in metadata.requires("searchlogs") or []:
        pin = Requirement(line)
        if pin.marker and not pin.marker.evaluate({"extra": ""}):
            continue  # an extra, which the course does without
        try:
            here = metadata.version(pin.name)
        except metadata.PackageNotFoundError:
            here = "missing"
        if here == "missing" or not pin.specifier.contains(here, prereleases=True):
            others.append(f"{pin.name} is {here}, not {pin.specifier}")
    if others:
        raise _Unfit("; ".join(others))


def _kernel() -> None:
    from jupyter_client.manager import run_kernel

    client: Any
    quiet = subprocess.DEVNULL  # what a kernel says while it starts differs between machines
    with run_kernel(kernel_name="python3", stdout=quiet, stderr=quiet) as client:
        # Where the user's settings have a kernel of this name, that of another Python may start.
        reply = client.execute("import bytewax, searchlogs", reply=True, timeout=60)["content"]
        if reply["status"] != "ok":
            raise _Unfit(f"it says {reply['ename']}: {reply['evalue']}")


def _flow() -> None:
    from searchlogs.dataflow import find_sessions
    from searchlogs.simulate import client_events

    sessions, late = find_sessions(client_events())
    if (len(sessions), len(late)) != (2, 0):
        raise _Unfit(f"they made {len(sessions)}, and {len(late)} came late")


def _figure() -> None:
    from searchlogs.figures.timeline import timeline
    from searchlogs.simulate import client_events

    timeline(client_events()).svg()


def _port() -> None:
    for port in PORTS:
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
                return
            except OSError as error:
                reason = error.strerror
    raise _Unfit(f"none from {PORTS[0]} to {PORTS[-1]}: {reason}")


def _folder() -> None:
    with tempfile.TemporaryFile(dir="."):
        pass
