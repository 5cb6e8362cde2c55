"""The command in scripts and pipes: its names, JSON, standard output, packed files, patterns."""

import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from searchlogs.command import course
from searchlogs.command.cli import SETTINGS, main, script
from searchlogs.command.course import copy_course, course_files
from searchlogs.logs.formats import write_log
from searchlogs.simulate import client_events, simulate

Say = Callable[[str], tuple[int, str, str]]
POOL = "ARROW_DEFAULT_MEMORY_POOL"
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a log: some events are late, one record cannot be read."""
    monkeypatch.chdir(tmp_path)
    write_log(simulate(20, 60, seed=2, late_share=0.1), "log.jsonl")
    with open("log.jsonl", "a") as file:
        file.write("{}\n")
    write_log(client_events(), "seven.jsonl")
    return tmp_path


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Say:
    def say(line: str) -> tuple[int, str, str]:
        return main(line.split()), *capfd.readouterr()

    return say


def unpacked(path: str) -> bytes:
    """The bytes of a file, decompressed by what its name says."""
    with pa.OSFile(path) as file:
        packed = "zstd" if path.endswith(".zst") else "gzip"
        return bytes(pa.CompressedInputStream(file, packed).read())


# Names by which it is called


def test_usage_lines_show_the_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, value in SETTINGS.items():
        monkeypatch.setenv(variable, value)
    for words in (["run", "--help"], ["run", "--wrong"], ["wrong"]):
        monkeypatch.setattr(sys, "argv", ["/bin/searchlogs", *words])
        with pytest.raises(SystemExit):
            script()
        out, err = capsys.readouterr()
        assert (out + err).startswith("usage: searchlogs ") and "python -m" not in out + err
        assert ("\n  searchlogs run events.jsonl" in out) == ("--help" in words)


@pytest.mark.parametrize("wanted", [{}, dict.fromkeys(SETTINGS, "3") | {POOL: "mimalloc"}])
def test_settings_of_a_process_of_its_own(wanted: dict[str, str]) -> None:
    """Those of the user win."""
    code = """
import os, searchlogs.command.cli
searchlogs.command.cli.script()
import pyarrow
print(os.environ["OPENBLAS_NUM_THREADS"], pyarrow.default_memory_pool().backend_name)
"""
    command = [sys.executable, "-c", code, "run", "seven.jsonl", "-o", "s.jsonl"]
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment | wanted
    )
    assert done.stdout.splitlines()[-1] == ("3 mimalloc" if wanted else "1 system")


def test_the_script_is_installed() -> None:
    command = [str(Path(sys.executable).with_name("searchlogs")), "--version"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.startswith(b"searchlogs")


# -q and --json


def test_quiet(say: Say) -> None:
    assert say("run seven.jsonl -q -o s.csv") == (0, "", "")
    assert say("simulate --quiet -o x.csv") == (0, "", "")
    status, out, err = say("run log.jsonl -q -o t.csv")
    assert (status, err) == (1, "") and "\nrejects   1 → t.rejects.jsonl\n" in out


def test_a_summary_for_machines(say: Say) -> None:
    status, out, err = say("run log.jsonl seven.jsonl -o s.csv --searches q.csv --json --quiet")
    assert (status, err, out.count("\n")) == (1, "", 1)
    found = json.loads(out)
    status, text, _ = say("run log.jsonl seven.jsonl -o s.csv --searches q.csv --force")
    for key in ("sessions_searched", "searches", "searches_clicked", "clicks", "orphan_clicks"):
        assert f" {found[key]:,} " in text.replace(",", " ,").replace(";", " ;"), key
    assert f"CTR       {found['ctr']:.3f} of all searches; mean" in text
    assert f"mean of sessions {found['mean_ctr']:.3f}\n" in text
    assert f"{found['session_ctr']:.3f} of sessions clicked" in text
    assert found["records"] == found["gave_events"] + found["rejected"] + found["framing"]
    assert found["events"] == found["session_events"] + found["late"]
    assert found["rejected"] == sum(found["reasons"].values()) == 1
    assert found["late"] > 0 and 0 < found["late_by_half"] <= found["late_by_all"] < 3600
    assert found["first"] == "2024-01-01T00:00:05+00:00"
    names = ["s.csv", "q.csv", "s.late.jsonl", "s.rejects.jsonl"]
    assert sorted(found["outputs"].values()) == sorted(names)
    assert found["outputs"]["late"] == "s.late.jsonl"
    nothing = json.loads(say("run seven.jsonl -o t.csv --json --kinds search=no")[1])
    assert nothing["ctr"] is nothing["mean_ctr"] is nothing["late_by_all"] is None
    assert nothing["ignored"] and nothing["ctr"] is None


def test_the_help_names_every_key(say: Say, capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = say("run seven.jsonl -o s.csv --json")
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    text = capfd.readouterr().out.partition("keys of")[2].partition("exit status")[0]
    described = re.findall(r"^  ([\w, ]+?)  ", text, re.MULTILINE)
    assert sorted(json.loads(out)) == sorted(", ".join(described).split(", "))


# Standard output


def test_sessions_to_standard_output(say: Say, folder: Path) -> None:
    status, text, _ = say("run log.jsonl -o s.jsonl")
    wanted = Path("s.jsonl").read_text()
    for path in folder.glob("s.*"):
        path.unlink()
    before = sorted(folder.iterdir())
    status, out, err = say("run log.jsonl -o -")
    assert (status, out) == (1, wanted)
    assert " → standard output" in err and "\nrejects   1 (kept only if --out names a file)" in err
    assert err.splitlines()[1:7] == text.splitlines()[1:7]
    status, out, err = say("run log.jsonl -o - --json")
    assert (status, out) == (1, wanted)
    assert json.loads(err)["outputs"] == {"sessions": "-"}
    assert say("run seven.jsonl -o - -q")[2] == ""
    assert sorted(folder.iterdir()) == before


def test_searches_still_go_to_a_file(say: Say) -> None:
    status, out, _ = say("run seven.jsonl -o - --searches q.jsonl")
    assert (status, out.count("\n")) == (0, 2)
    assert Path("q.jsonl").read_text().count("\n") == 2
    assert "q.jsonl: already exists" in say("run seven.jsonl -o - --searches q.jsonl")[2]


def test_a_file_called_like_standard_output(say: Say) -> None:
    Path("-").write_text("mine")
    assert say("run seven.jsonl -o -")[0] == 0
    assert say("simulate -o -")[0] == 0
    assert Path("-").read_text() == "mine"


@pytest.mark.parametrize("more", ["", " --format ubi"])
def test_a_simulated_log_to_standard_output(say: Say, more: str) -> None:
    assert say(f"simulate -o x.jsonl --seed 3{more}")[0] == 0
    status, out, err = say(f"simulate -o - --seed 3{more}")
    assert (status, out) == (0, Path("x.jsonl").read_text())
    assert re.fullmatch(r"\d+ events → standard output\n", err)


def test_in_a_notebook_standard_output_takes_only_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stdout", shown)
    assert main(["run", "seven.jsonl", "-o", "-", "-q"]) == 0
    assert [json.loads(line)["user"] for line in shown.getvalue().splitlines()] == ["1", "2"]


def test_a_run_that_fails_writes_nothing_to_standard_output(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("searchlogs.command.run.publish", full)
    status, out, err = say("run seven.jsonl -o -")
    assert (status, out, err) == (2, "", "searchlogs: No space left on device\n")


def begun(*arguments: str, closed: str) -> tuple[int, bytes]:
    """Run it with a stream that nobody reads; return its status, and what the other one got."""
    command = [sys.executable, "-m", "searchlogs", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        getattr(process, closed).close()
        other = process.stderr if closed == "stdout" else process.stdout
        return process.wait(), other.read()


@pytest.mark.parametrize(
    "line",
    [
        "run log.jsonl -o -",
        "run log.jsonl -o - --json",
        "run log.jsonl -o s.csv --json",
        "simulate -o - --users 500 --sessions 5000",
        "course c",
        "--help",
        "check --help",
    ],
)
def test_a_pipe_that_nobody_reads_is_silent(line: str) -> None:
    status, err = begun(*line.split(), closed="stdout")
    assert (status in (0, 1), err) == (True, b"")


@pytest.mark.parametrize("line", ["run no.jsonl -o s.csv", "wrong", "run --wrong"])
def test_errors_that_nobody_reads(line: str) -> None:
    status, out = begun(*line.split(), closed="stderr")
    assert (status, out) == (2, b"")


# Packed outputs


@pytest.mark.parametrize("name", ["s.jsonl.gz", "s.csv.gz", "s.jsonl.zst", "s.csv.zst"])
def test_packed_outputs(say: Say, folder: Path, name: str) -> None:
    plain = name.rpartition(".")[0]
    packed_searches = name.replace("s.", "q.", 1)
    say(f"run log.jsonl -o {plain} --searches {packed_searches.rpartition('.')[0]}")
    beside = {path.name: path.read_bytes() for path in folder.glob("s.*.jsonl")}
    command = f"run log.jsonl -o {name} --searches {packed_searches} --force"
    assert say(command)[0] == 1
    assert unpacked(name) == Path(plain).read_bytes()
    searches = packed_searches.rpartition(".")[0]
    assert unpacked(packed_searches) == Path(searches).read_bytes()
    assert sorted(beside) == ["s.late.jsonl", "s.rejects.jsonl"]
    assert {path.name: path.read_bytes() for path in folder.glob("s.*.jsonl")} == beside
    before = Path(name).read_bytes()
    say(command)
    assert Path(name).read_bytes() == before


def test_cells_for_a_spreadsheet_in_a_packed_file(say: Say) -> None:
    line = '{"event": "search", "user": "-x", "query": "=1", "time": "2024-01-01T12:00:00Z"}\n'
    Path("log.jsonl").write_text(line)
    _, out, _ = say("run log.jsonl -o s.csv.gz --spreadsheet")
    assert "\ncells     1 with an apostrophe" in out
    assert unpacked("s.csv.gz").splitlines()[1].startswith(b"'-x,")


def test_a_packed_output_is_not_read_as_a_log(say: Say, folder: Path) -> None:
    (folder / "in").mkdir()
    shutil.move("seven.jsonl", "in/seven.jsonl")
    for ending in ("jsonl.gz", "csv.zst"):
        assert say(f"run in -o in/s.{ending} --force")[0] == 0
    # One that is broken is a log whose records cannot be read: it isn't passed over in silence.
    whole = Path("in/s.jsonl.gz").read_bytes()
    status, out, _ = say("run in -o t.csv")
    assert (status, "gave events\n" in out, "passed over" in out) == (0, True, True)
    Path("in/s.jsonl.gz").write_bytes(whole[:3])
    assert say("run in -o t.csv --force")[0] == 1


def test_a_run_with_packed_outputs_comes_to_rest(say: Say) -> None:
    run = "run seven.jsonl -o s.csv.gz --searches q.jsonl.zst --recovery r"
    status, summary, _ = say(run)
    assert status == 0
    before = {path.name: path.read_bytes() for path in Path().glob("[sq].*")}
    assert say(run)[1].endswith(summary)
    Path("s.csv.gz").unlink()
    Path("r/finished").unlink()  # as if it had been killed while it gave its outputs their names
    assert say(run) == (0, summary, "")
    assert {path.name: path.read_bytes() for path in Path().glob("[sq].*")} == before
    with gzip.open("s.csv.gz", "ab") as file:
        file.write(b"mine")
    assert "s.csv.gz: already exists" in say(run)[2]


def test_a_packed_output_for_which_there_is_no_room(
    say: Say, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    def opened(path: Path, mode: str = "r", **more: Any) -> Any:
        if str(path).endswith(".gz") and "w" in mode:
            return type("Full", (io.FileIO,), {"write": full})(path, mode)
        return open(path, mode, **more)

    monkeypatch.setattr(Path, "open", opened)
    status, out, err = say("run seven.jsonl -o s.csv.gz")
    assert (status, out, err.count("\n")) == (2, "", 1) and "No space left" in err
    assert sorted(path.name for path in folder.iterdir()) == ["log.jsonl", "seven.jsonl"]


# Patterns


def test_a_pattern_that_no_shell_has_opened(say: Say, folder: Path) -> None:
    (folder / "logs").mkdir()
    events = client_events()
    write_log(events[::2], "logs/b.jsonl")
    write_log(events[1::2], "logs/a.jsonl")
    status, found, _ = say("run logs/*.jsonl -o s.jsonl --json")
    assert (status, json.loads(found)["records"]) == (0, 7)
    # In the order of their names, as a shell gives them.
    assert say("run logs/*.jsonl -o s.jsonl --recovery r --force")[0] == 0
    settings = json.loads(Path("r/settings.json").read_text())
    assert [Path(path).name for path in settings["log"]] == ["a.jsonl", "b.jsonl"]
    assert say("run **/[ab].jsonl -o t.jsonl")[0] == 0
    assert Path("t.jsonl").read_bytes() == Path("s.jsonl").read_bytes()


def test_a_file_whose_name_looks_like_a_pattern(say: Say) -> None:
    shutil.move("seven.jsonl", "[s].jsonl")
    assert say("run [s].jsonl -o s.jsonl")[0] == 0


# The course


def test_the_course_is_copied(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "find_spec", lambda name: object())
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    status, out, err = say("course my/own")
    assert (status, err) == (0, "")
    notebooks = sorted(NOTEBOOKS.glob("*.ipynb"))
    assert out.startswith(f"{len(notebooks)} notebooks → my/own\n")
    assert out.endswith(" -m jupyterlab my/own/00-start-here.ipynb\n")
    for path in [*notebooks, NOTEBOOKS / "shop.ubi.ndjson.gz"]:
        assert Path("my/own", path.name).read_bytes() == path.read_bytes()
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert say("course with-uv")[1].endswith(": uv run jupyter lab with-uv/00-start-here.ipynb\n")
    monkeypatch.setenv("VIRTUAL_ENV", "another")
    assert say("course beside-uv")[1].endswith(" -m jupyterlab beside-uv/00-start-here.ipynb\n")


def test_the_course_overwrites_nothing(say: Say) -> None:
    Path("c").mkdir()
    Path("c/flights.md").write_text("mine")
    status, out, err = say("course c")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("searchlogs: c/flights.md: already exists")
    assert [path.name for path in Path("c").iterdir()] == ["flights.md"]
    Path("c/flights.md").rename("c/mine.md")
    assert say("course c -q") == (0, "", "")


def test_what_to_type_where_jupyterlab_is_missing(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "find_spec", lambda name: None)
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    assert say("course c")[1].endswith(" -m pip install 'searchlogs[course]'\n")


def test_the_course_of_an_installed_package(folder: Path) -> None:
    """There it is in the package's own folder, as pyproject.toml has it."""
    pyproject = tomllib.loads((NOTEBOOKS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["sources"] == {"notebooks": "searchlogs/course"}
    package = folder / "site-packages/searchlogs"
    with pytest.raises(FileNotFoundError, match="not part of this installation"):
        course_files(package)
    shutil.copytree(NOTEBOOKS, package / "course")
    (package / "course/.hidden").write_text("")
    names = [path.name for path in course_files(package)]
    assert names[0] == "00-start-here.ipynb" and ".hidden" not in names
    assert copy_course(folder / "c") == len(list(NOTEBOOKS.glob("*.ipynb")))
