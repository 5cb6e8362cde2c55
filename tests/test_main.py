"""Is this machine ready? Every line OK here; each thing that can be wrong, made so."""

import os
import re
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from searchlogs.command import check as ready
from searchlogs.command import cli
from searchlogs.command.check import Check, check_machine

LINES = [
    "Bytewax runs on this Python",
    "Package versions match the course",
    "A Jupyter kernel starts",
    "Seven events make two sessions",
    "A figure is drawn",
    "JupyterLab finds a free port",
    "This folder is writable",
]


def test_this_machine_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert capsys.readouterr() == ("".join(f"OK    {line}\n" for line in LINES), "")


def process(*arguments: str, lacks: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command, as if a package were missing; prints the modules that it loaded at last."""
    code = f"""
import atexit, sys
if {lacks!r}:
    sys.modules[{lacks!r}] = None
atexit.register(lambda: print("\\nLOADED", *(name for name in sys.modules if "." not in name)))
sys.argv = ["searchlogs", *{list(arguments)!r}]
import runpy
runpy.run_module("searchlogs", run_name="__main__", alter_sys=True)
"""
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "80"}
    )


def test_an_unknown_word_is_refused() -> None:
    command = [sys.executable, "-m", "searchlogs", "wrong"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    usage, line = done.stderr.splitlines()
    assert usage == "usage: python -m searchlogs [-h] [--version] command ..."
    assert line.startswith("python -m searchlogs: error: unknown command wrong; expected run, ")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr() == (f"searchlogs {metadata.version('searchlogs')}\n", "")


def test_the_package_has_no_other_name() -> None:
    import searchlogs

    with pytest.raises(AttributeError, match="nonsense"):
        _ = searchlogs.nonsense


# What is loaded

HEAVY = {
    *("numpy", "pyarrow", "pandas", "bytewax", "pydantic_core", "duckdb", "matplotlib", "IPython"),
}
RUN = ("run", "log.jsonl", "--out", "s.csv")
LOG = '{"event": "search", "user": 1, "query": "dogs", "time": "2024-01-01T00:00:05Z"}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("log.jsonl").write_text(LOG)
    Path("there.csv").write_text("")
    Path("there.jsonl").write_text("")
    return tmp_path


def loaded(done: subprocess.CompletedProcess[str]) -> set[str]:
    return HEAVY & set(done.stdout.rpartition("\nLOADED")[2].split())


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["run", "--help"], 0),
        (["simulate", "--help"], 0),
        (["wrong"], 2),
        ([*RUN, "--wrong"], 2),
        ([*RUN, "--gap", "10"], 2),
        ([*RUN, "--gap", "400d"], 2),
        ([*RUN, "--map", "user"], 2),
        ([*RUN, "--map", "user=a,user=b"], 2),
        ([*RUN, "--max-rejects", "-1"], 2),
        ([*RUN, "--time-format", "noon"], 2),
        ([*RUN, "--zone", "Mars"], 2),
        ([*RUN, "--max-late", "2"], 2),
        ([*RUN, "--ahead", "400d"], 2),
        (["run", "log.jsonl", "--out", "s.jsonl", "--spreadsheet"], 2),
        ([*RUN, "--first-position", "2"], 2),
        (["run", "log.jsonl"], 2),
        (["run", "log.jsonl", "--out", "s.xlsx"], 2),
        (["run", "log.jsonl", "--out", "no/s.csv"], 2),
        (["run", "log.jsonl", "--out", "there.csv"], 2),
        ([*RUN, "--searches", "s.csv"], 2),
        (["simulate"], 2),
        (["simulate", "--out", "there.jsonl"], 2),
        (["simulate", "--out", "x.jsonl", "--users", "0"], 2),
        (["simulate", "--out", "x.jsonl", "--hours", "0"], 2),
    ],
)
@pytest.mark.usefixtures("folder")
def test_help_and_wrong_arguments_load_nothing_heavy(arguments: list[str], status: int) -> None:
    done = process(*arguments)
    assert done.returncode == status, done.stderr
    assert loaded(done) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        [*RUN, "--map", "uid=user"],
        [*RUN, "--kinds", "open=click"],
        [*RUN, "--zone", "Mars"],
        ["run", "no.jsonl", "--out", "s.csv"],
        ["run", "log.txt", "--out", "s.csv"],
        ["run", "log.jsonl", "log.jsonl", "--out", "s.csv"],
        ["run", "log.jsonl", "--out", "log.jsonl", "--force"],
        [*RUN, "--recovery", "."],
        [*RUN, "--engine", "columnar", "--queries", "q.csv"],
        [*RUN, "--format", "ubi", "--map", "uid=user"],
        ["simulate", "--out", "x"],
        ["simulate", "--out", "no/x.jsonl"],
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_is_wrong_with_a_log_takes_its_validation_alone(arguments: list[str]) -> None:
    done = process(*arguments)
    assert done.returncode == 2, done.stderr
    assert loaded(done) <= {"pydantic_core"}


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.ndjson", "x.parquet", "x.csv.gz"])
@pytest.mark.usefixtures("folder")
def test_only_what_arrow_writes_loads_it(name: str) -> None:
    done = process("simulate", "--out", name, *["--format", "ubi"] * (name == "x.ndjson"))
    assert (done.returncode, done.stderr) == (0, "")
    arrow = {"numpy", "pyarrow"} if name in ("x.parquet", "x.csv.gz") else set()
    assert loaded(done) - {"pydantic_core", "pandas"} == arrow


@pytest.mark.parametrize(
    "out", [["s.csv"], ["s.jsonl"], ["s.parquet"], ["s.csv", "--searches", "q.jsonl"]]
)
@pytest.mark.usefixtures("folder")
def test_a_run_loads_no_pandas(out: list[str]) -> None:
    late = LOG.replace(":05Z", ":00Z").replace("00:00:00Z", "00:03:00Z")
    Path("log.jsonl").write_text(late + LOG + "{}\n")
    done = process("run", "log.jsonl", "--out", *out, "--max-rejects", "1", "--max-late", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "+ 1 late" in done.stdout and "rejects   1" in done.stdout
    assert "pyarrow" in loaded(done) and "pandas" not in loaded(done)


@pytest.mark.parametrize("lacks", ["pyarrow", "bytewax", "pydantic_core"])
@pytest.mark.usefixtures("folder")
def test_a_run_that_lacks_a_package(lacks: str) -> None:
    done = process(*RUN, lacks=lacks)
    assert done.returncode == 2 and done.stdout.startswith("\nLOADED")
    assert done.stderr.startswith("searchlogs: ") and done.stderr.count("\n") == 1
    assert lacks in done.stderr
    assert done.stderr.endswith("; to check this machine, run python -m searchlogs check\n")
    assert not Path("s.csv").exists()


# What is wrong with a machine


def failure(capsys: pytest.CaptureFixture[str], check: Any) -> str:
    """What the FAIL line of a check says."""
    assert not check_machine([Check("It works", check, "mend it")])
    out, err = capsys.readouterr()
    assert err == ""
    found = re.fullmatch(r"FAIL  It works: (.*)\. To fix it: mend it\n", out)
    assert found, out
    return str(found[1])


def test_a_missing_package_is_mended_by_installing(capsys: pytest.CaptureFixture[str]) -> None:
    def check() -> None:
        import no_such_package  # type: ignore[import-not-found]  # noqa: F401

    assert not check_machine([Check("It works", check, "start it again")])
    out = capsys.readouterr().out
    assert "no_such_package" in out and "pip install" in out and "start it again" not in out


def test_one_that_fails_and_others_that_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    checks = [
        Check("One", lambda: None, "1"),
        Check("two", lambda: 1 / 0, "2"),
        Check("three", lambda: None, "3"),
    ]
    assert not check_machine(checks)
    assert capsys.readouterr().out.splitlines() == [
        "OK    One",
        "FAIL  two: ZeroDivisionError: division by zero. To fix it: 2",
        "OK    three",
    ]


def test_the_status_of_a_machine_that_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ready, "every_check", lambda: [Check("It works", lambda: 1 / 0, "")])
    assert cli.main([]) == 1


def test_a_machine_that_lacks_packages() -> None:
    """A missing package is a finding of the checks that need it."""
    done = process(lacks="matplotlib")
    assert (done.returncode, done.stderr) == (1, "")
    *lines, _, _ = done.stdout.splitlines()
    assert [re.sub(r"^(OK  |FAIL)  ", "", line).split(":")[0] for line in lines] == LINES
    (failed,) = [line for line in lines if line.startswith("FAIL")]
    assert failed.startswith(f"FAIL  {LINES[4]}: ModuleNotFoundError: ") and "uv sync" in failed


def test_python(capsys: pytest.CaptureFixture[str]) -> None:
    ready.check_python(ready.NEWEST_PYTHON)
    words = failure(capsys, lambda: ready.check_python((3, 13)))
    assert words == "expected Python 3.12 or earlier; found 3.13"


def test_packages(capsys: pytest.CaptureFixture[str]) -> None:
    # What another extra brings may be missing; what another Python needs doesn't matter here.
    extra, other = "unheard-of==2.0; extra == 'kafka'", "pytest==0.2; python_version < '3'"
    ready.check_packages([extra, other])
    wanted = ["pytest==0.1", "unheard-of==1.0; extra == 'course'", extra, other]
    found = metadata.version("pytest")
    assert failure(capsys, lambda: ready.check_packages(wanted)) == (
        f"pytest is {found}, not ==0.1; unheard-of is missing, not ==1.0"
    )


def test_flow(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("searchlogs.dataflow.find_sessions", lambda events: ([], events[:1]))
    assert failure(capsys, ready.check_flow) == "they made 0, and 1 came late"


def test_port(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = failure(capsys, lambda: ready.check_port(range(port, port + 1)))
    assert words.startswith(f"none from {port} to {port}: ")


def test_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = failure(capsys, lambda: ready.check_folder(str(tmp_path / "no")))
    assert words.startswith("FileNotFoundError: ")


@pytest.mark.parametrize("error", [BaseException("panic\n" * 99), SystemExit(0)])
def test_a_check_that_raises(capsys: pytest.CaptureFixture[str], error: BaseException) -> None:
    def check() -> None:
        raise error

    words = failure(capsys, check)
    assert words.startswith(f"{type(error).__name__}: ")
    assert len(words) < 250


def test_an_interrupt_is_not_a_finding() -> None:
    def check() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_machine([Check("", check, "")])


def test_no_kernel(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def refuse(self: KernelSpecManager, name: str) -> None:
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", refuse)
    assert failure(capsys, ready.check_kernel) == "NoSuchKernel: No such kernel named python3"


def test_a_kernel_of_another_python(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from jupyter_client.blocking import BlockingKernelClient

    content = {"status": "error", "ename": "ModuleNotFoundError", "evalue": "No module"}
    monkeypatch.setattr(
        BlockingKernelClient, "execute", lambda *args, **kwargs: {"content": content}
    )
    assert failure(capsys, ready.check_kernel) == "it reports ModuleNotFoundError: No module"
