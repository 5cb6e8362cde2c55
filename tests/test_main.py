"""Is this machine ready? Every line OK here; each thing that can be wrong, made so."""

import importlib
import re
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from searchlogs.command import check as ready
from searchlogs.command import cli

LINES = [
    "Python is one that Bytewax runs on",
    "The packages have the versions of the course",
    "A Jupyter kernel starts",
    "Seven events make two sessions",
    "A figure is drawn",
    "JupyterLab finds a free port",
    "This folder can be written to",
]


def test_this_machine_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert capsys.readouterr() == ("".join(f"OK    {line}\n" for line in LINES), "")


def test_an_unknown_word_is_refused() -> None:
    command = [sys.executable, "-m", "searchlogs", "wrong"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    usage, line = done.stderr.splitlines()
    assert usage == "usage: python -m searchlogs [-h] command ..."
    assert line.startswith("python -m searchlogs: error: argument command: invalid choice: 'wrong'")


def test_a_command_that_lacks_a_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "searchlogs.commands", None)
    monkeypatch.delattr("searchlogs.commands", raising=False)
    assert cli.main(["run"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("searchlogs: ") and err.count("\n") == 1
    assert err.endswith("; python -m searchlogs says what to mend\n")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No kernel but for the tests of it."""
    monkeypatch.setattr(ready, "_kernel", lambda: None)


@pytest.fixture
def failure(capsys: pytest.CaptureFixture[str]) -> Any:
    def failure() -> str:
        """The one FAIL line; the others are OK."""
        assert cli.main([]) == 1
        out, err = capsys.readouterr()
        assert err == ""
        lines = out.splitlines()
        assert [re.sub(r"^(OK  |FAIL)  ", "", line).split(":")[0] for line in lines] == LINES
        (failed,) = [line for line in lines if not line.startswith("OK    ")]
        assert failed.startswith("FAIL  ")
        return str(failed.removeprefix("FAIL  "))

    return failure


@pytest.mark.usefixtures("quick")
class TestFail:
    def test_python(self, monkeypatch: pytest.MonkeyPatch, failure: Any) -> None:
        later = {name: getattr(sys, name) for name in ("prefix", "stdout", "stderr")}
        later["version_info"] = (3, 13, 0, "final", 0)
        monkeypatch.setattr(ready, "sys", SimpleNamespace(**later))
        assert failure() == (
            f"{LINES[0]}: 3.13.0 is not <3.13,>=3.11. "
            "To mend: pip install uv && uv sync --python 3.12"
        )

    def test_packages(self, monkeypatch: pytest.MonkeyPatch, failure: Any) -> None:
        # What an extra brings may be missing; what another Python needs doesn't matter here.
        extra, other = "unheard-of==2.0; extra == 'kafka'", "pytest==0.2; python_version < '3'"
        pins = ["pytest==0.1", "unheard-of==1.0", extra, other]
        monkeypatch.setattr(metadata, "requires", lambda name: pins)
        there = metadata.version("pytest")
        monkeypatch.setattr(ready, "_installer", lambda: ("INSTALL", "AGAIN", ""))
        assert failure() == (
            f"{LINES[1]}: pytest is {there}, not ==0.1; unheard-of is missing, not ==1.0. "
            "To mend: INSTALL"
        )

    def test_package_not_installed(self, monkeypatch: pytest.MonkeyPatch, failure: Any) -> None:
        def requires(name: str) -> list[str]:
            raise metadata.PackageNotFoundError(name)

        monkeypatch.setattr(metadata, "requires", requires)
        assert failure().startswith(f"{LINES[1]}: PackageNotFoundError: No package metadata")

    def test_flow(self, monkeypatch: pytest.MonkeyPatch, failure: Any) -> None:
        dataflow = importlib.import_module("searchlogs.dataflow")
        monkeypatch.setattr(dataflow, "find_sessions", lambda events: ([], events[:1]))
        monkeypatch.setattr(ready, "_installer", lambda: ("INSTALL", "AGAIN", ""))
        assert failure() == f"{LINES[3]}: they made 0, and 1 came late. To mend: AGAIN"

    def test_figure(self, monkeypatch: pytest.MonkeyPatch, failure: Any) -> None:
        monkeypatch.setitem(sys.modules, "searchlogs.figures.timeline", None)
        monkeypatch.setattr(ready, "_installer", lambda: ("INSTALL", "AGAIN", ""))
        assert re.fullmatch(
            f"{LINES[4]}: ModuleNotFoundError: .*timeline.*. To mend: AGAIN", failure()
        )

    def test_port(self, monkeypatch: pytest.MonkeyPatch, failure: Any) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            monkeypatch.setattr(ready, "PORTS", range(port, port + 1))
            message = failure()
        assert message.startswith(f"{LINES[5]}: none from {port} to {port}: ")
        assert message.endswith("jupyter lab --port 9888")

    def test_folder(self, monkeypatch: pytest.MonkeyPatch, failure: Any) -> None:
        def refuse(**kwargs: object) -> None:
            raise PermissionError(13, "Permission denied", ".")

        monkeypatch.setattr(ready, "tempfile", SimpleNamespace(TemporaryFile=refuse))
        assert failure() == (
            f"{LINES[6]}: PermissionError: [Errno 13] Permission denied: '.'. "
            "To mend: cp -r notebooks ~/my-notebooks"
        )

    @pytest.mark.parametrize("error", [BaseException("panic\n" * 99), SystemExit(0)])
    def test_a_check_that_raises(
        self, monkeypatch: pytest.MonkeyPatch, failure: Any, error: BaseException
    ) -> None:
        def check() -> None:
            raise error

        monkeypatch.setattr(ready, "_figure", check)
        line = failure()
        assert line.startswith(f"{LINES[4]}: {type(error).__name__}: ")
        assert len(line) < 300

    def test_an_interrupt_is_not_a_finding(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def check() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(ready, "_flow", check)
        with pytest.raises(KeyboardInterrupt):
            ready.check_machine()


def test_no_kernel(monkeypatch: pytest.MonkeyPatch, failure: Any) -> None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def refuse(self: KernelSpecManager, name: str) -> None:
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", refuse)
    line = failure()
    assert line.startswith(f"{LINES[2]}: NoSuchKernel: No such kernel named python3. To mend: ")
    assert line.endswith("python -m ipykernel install --sys-prefix")


def test_a_kernel_of_another_python(monkeypatch: pytest.MonkeyPatch, failure: Any) -> None:
    from jupyter_client.blocking import BlockingKernelClient

    content = {"status": "error", "ename": "ModuleNotFoundError", "evalue": "No module"}
    monkeypatch.setattr(
        BlockingKernelClient, "execute", lambda *args, **kwargs: {"content": content}
    )
    assert failure().startswith(f"{LINES[2]}: it says ModuleNotFoundError: No module. To mend: ")


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        (
            {"conda-meta/history": ""},
            (
                "conda env update -f environment.yml",
                "conda env update -f environment.yml --prune",
                "",
            ),
        ),
        (
            {"pyvenv.cfg": "home = x\nuv = 0.13.9\n"},
            ("uv sync", "uv sync --reinstall", "uv run "),
        ),
        (
            {"pyvenv.cfg": "home = x\n"},
            ("python -m pip install -e .", "python -m pip install -e . --force-reinstall", ""),
        ),
        ({}, ("python -m pip install -e .", "python -m pip install -e . --force-reinstall", "")),
    ],
)
def test_the_commands_are_those_of_the_way_of_setting_up(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    files: dict[str, str],
    commands: tuple[str, str, str],
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(ready, "sys", SimpleNamespace(prefix=str(tmp_path)))
    assert ready._installer() == commands
