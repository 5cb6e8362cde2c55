"""Killed without a warning, and resumed: nobody can tell from what comes out.

A kill counts only where the run had begun to write, had not ended, and where the next one goes on
from what it had stored.
"""

import multiprocessing
import os
import resource
import runpy
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from bytewax.recovery import init_db_dir

from searchlogs.command import run as runs
from searchlogs.command.cli import main
from searchlogs.command.publish import publish
from searchlogs.logs.formats import write_log
from searchlogs.simulate import simulate

pytestmark = pytest.mark.slow

BAD = b'{"event":"search","user":"someone","time":"noon","query":"dogs"}\n'
LINES = {"sessions.late.jsonl", "sessions.rejects.jsonl", "sessions.tally.jsonl"}
FLOWN = "sessions.arrows"


@dataclass(frozen=True)
class Wanted:
    """A run of a log that takes some seconds, with late events and rejects all over."""

    log: Path
    searches: bool
    """Whether single searches are wanted, which chooses the engine."""
    name: str = "log.jsonl"

    @property
    def run(self) -> list[str]:
        command = ["run", self.name, "--out", "s.jsonl", "--max-rejects", "9999"]
        return command + ["--searches", "q.parquet"] * self.searches

    @property
    def kept(self) -> list[str]:
        return [*self.run, "--recovery", "r", "--snapshots", "20ms"]

    @property
    def outputs(self) -> list[str]:
        return ["s.jsonl", "s.late.jsonl", "s.rejects.jsonl"] + ["q.parquet"] * self.searches

    def none_is_there(self) -> bool:
        return not [name for name in self.outputs if Path(name).exists()]

    def take(self) -> dict[str, bytes]:
        """The outputs, which then are gone."""
        found = {name: Path(name).read_bytes() for name in self.outputs}
        assert all(found.values())
        for name in found:
            Path(name).unlink()
        return found

    def undisturbed(self, capfd: pytest.CaptureFixture[str]) -> tuple[str, dict[str, bytes]]:
        """What a run that nothing disturbs prints, and its outputs."""
        assert main(self.run) == 0
        out, err = capfd.readouterr()
        assert err == "" and "late  " in out and "rejects  " in out
        return out, self.take()


@pytest.fixture(scope="module", params=["events", "columnar"])
def wanted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    settings = {"disorder": timedelta(seconds=30), "late_share": 0.02}
    times = 1 if request.param == "events" else 3
    duration = timedelta(days=9 * times)
    write_log(simulate(400, 7_000 * times, seed=4, duration=duration, **settings), path)
    lines = path.read_bytes().splitlines(keepends=True)
    if request.param == "columnar":  # which would be through too soon
        lines = [
            line.replace(b'"user":', b'"user":%d000' % copy)
            for copy in range(1, 9)
            for line in lines
        ]
    for place in range(len(lines) - 1, 0, -501):
        lines.insert(place, BAD)
    path.write_bytes(b"".join(lines))
    return Wanted(path, searches=request.param == "events")


@pytest.fixture
def folder(tmp_path: Path, wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with that log."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(wanted.log, "log.jsonl")
    return tmp_path


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["searchlogs.command.run", "pytest"])


class Forked:
    """`python -m` as a fork of a process that has imported what takes seconds."""

    def __init__(self, *command: str, limit: int | None = None, moment: str = "") -> None:
        self.said = Path(tempfile.mkdtemp())
        arguments = (self.said, Path.cwd(), command, limit, moment)
        self.process = FORKS.Process(target=as_child, args=arguments)
        self.process.start()
        self.kill, self.poll = self.process.kill, lambda: self.process.exitcode

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        self.process.join(timeout)
        out, err = ((self.said / name).read_text() for name in ("out", "err"))
        shutil.rmtree(self.said)
        return out, err

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode


def as_child(
    said: Path, folder: Path, command: tuple[str, ...], limit: int | None, moment: str
) -> None:
    """Be that process; with a `limit` to the size of files, or killed by itself at a moment."""
    for number, name in enumerate(("out", "err"), 1):
        os.dup2(os.open(said / name, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(folder)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if moment:
        kill_itself(moment)
    sys.modules.pop(command[0], None)  # as if it were new
    sys.argv = list(command)
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


def kill_itself(moment: str) -> None:
    """Between the end of the flow and publishing; or before a file, or folder, has its name."""

    def kill(*arguments: object, **settings: object) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    rename = Path.replace
    if moment == "publish":
        runs.publish = kill
    else:
        Path.replace = lambda self, to: (kill if to.name == moment else rename)(self, to)  # type: ignore[method-assign, assignment]


def epoch(state: Path) -> int:
    """How far what is stored goes: the last epoch that was committed."""
    parts = list(state.glob("*.sqlite3"))
    if not parts:
        return 0
    connection = sqlite3.connect(f"file:{parts[0]}?mode=ro", uri=True, timeout=10)
    try:
        return int(connection.execute(FRONTIER).fetchone()[0])
    except sqlite3.OperationalError:  # the tables are being made
        return 0
    finally:
        connection.close()


FRONTIER = """
select coalesce(min(worker_frontier), 0) from fronts
where ex_num = (select max(ex_num) from fronts)
"""


def kill_when(process: Any, ready: Callable[[], bool], after: float) -> None:
    """Kill a process `after` seconds of its being ready; it must not have ended by itself."""
    end = time.monotonic() + 60
    while not ready() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    time.sleep(after)
    process.kill()
    out, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, (process.returncode, out, err)


def more_is_stored(state: str = "r/state", work: str = f"r/{FLOWN}") -> Callable[[], bool]:
    """Whether, since now, a run has stored that it is further, and closed more sessions."""
    before, size = epoch(Path(state)), length(work)
    return lambda: epoch(Path(state)) > before and length(work) > size


def length(path: str) -> int:
    return Path(path).stat().st_size if Path(path).exists() else 0


def test_killed_at_ten_moments(
    folder: Path, wanted: Wanted, capfd: pytest.CaptureFixture[str]
) -> None:
    said, expected = wanted.undisturbed(capfd)
    command = [sys.executable, "-m", "searchlogs", *wanted.kept]
    random = Random(7)
    sizes = [0]
    for _ in range(10):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        kill_when(process, more_is_stored(), 0.1 * random.random())
        assert wanted.none_is_there()
        assert not Path("r/finished").exists()
        sizes.append(length(f"r/{FLOWN}"))
    assert sizes == sorted(set(sizes))  # each went on where the one before it was
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert wanted.take() == expected


def test_gzip(folder: Path, wanted: Wanted, capfd: pytest.CaptureFixture[str]) -> None:
    with open("log.jsonl", "rb") as plain, open("log.jsonl.gz", "wb") as packed:
        subprocess.run(["gzip", "-c"], stdin=plain, stdout=packed, check=True)
    Path("log.jsonl").unlink()
    wanted = replace(wanted, name="log.jsonl.gz")
    said, expected = wanted.undisturbed(capfd)
    for after in (0, 0.05):
        kill_when(Forked("searchlogs", *wanted.kept), more_is_stored(), after)
    assert main(wanted.kept) == 0
    assert capfd.readouterr() == (said, "")
    assert wanted.take() == expected


@pytest.mark.parametrize("workers", [(2, 2, 2), (2, 1, 3), (1, 2, 1)])
def test_bytewax_run_with_any_number_of_workers(
    folder: Path, wanted: Wanted, workers: tuple[int, ...]
) -> None:
    lines = Path("log.jsonl").read_bytes().splitlines(keepends=True)
    Path("log.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
    assert main([*wanted.run, "--all-sessions"]) == 0
    expected = wanted.take()
    Path("state").mkdir()
    init_db_dir(Path("state"), 1)
    out = "flown.arrows"
    if wanted.searches:
        factory = f"logs.flow:log_flow('log.jsonl', '{out}')"
    else:
        factory = f"columnar.flow:columnar_flow('log.jsonl', '{out}', shards=32)"
    flow = ["bytewax.run", f"searchlogs.{factory}"]
    flow += ["-r", "state", "-s", "0", "-b", "0", "-w"]
    for number in workers[:-1]:
        kill_when(Forked(*flow, str(number)), more_is_stored("state", out), 0.05)
        assert Path("flown.tally.jsonl").read_text() == ""
    process = Forked(*flow, str(workers[-1]))
    said, err = process.communicate()
    assert (process.returncode, said, err) == (0, "", "")
    outs = {name: Path(f"s.{name}.jsonl") for name in ("late", "rejects")}
    publish(Path(out), {"sessions": Path("s.jsonl"), **outs}, every_session=True)
    if wanted.searches:
        Path("q.parquet").write_bytes(expected["q.parquet"])
    found = wanted.take()
    for name, content in expected.items():
        assert sorted(found[name].splitlines()) == sorted(content.splitlines()), name


@contextmanager
def little_room(how: str, folder: Path) -> Iterator[int | None]:
    """A recovery folder that is soon full; or else how large a file may be."""
    if how == "limit":
        yield 700_000
        return
    Path("r").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1000k", "none", "r"]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount")
    try:
        yield None
    finally:
        subprocess.run(["umount", str(folder / "r")], check=True)


@pytest.mark.parametrize("how", ["limit", "tmpfs"])
def test_a_full_disk(
    folder: Path, wanted: Wanted, capfd: pytest.CaptureFixture[str], how: str
) -> None:
    said, expected = wanted.undisturbed(capfd)
    with little_room(how, folder) as limit:
        process = Forked("searchlogs", *wanted.kept, limit=limit)
        out, err = process.communicate()
        assert (process.returncode, out) == (2, "")
        words = {
            "searchlogs: sessions.arrows: File too large\n",
            "searchlogs: sessions.arrows: No space left on device\n",
            "searchlogs: sessions.searches.arrows: No space left on device\n",
            "searchlogs: sessions.searches.arrows: File too large\n",
            "searchlogs: the engine gave up: disk I/O error; its state is in r/state\n",
            "searchlogs: the engine gave up: database or disk is full; its state is in r/state\n",
        }
        assert err in words
        assert wanted.none_is_there()
        assert epoch(Path("r/state")) > 0
        if how == "tmpfs":  # with more room, the same folder
            shutil.copytree("r", "roomy")
    if how == "tmpfs":
        Path("r").rmdir()
        Path("roomy").rename("r")
    assert main(wanted.kept) == 0
    assert capfd.readouterr() == (said, "")
    assert wanted.take() == expected


def test_a_full_disk_without_a_recovery(folder: Path, wanted: Wanted) -> None:
    process = Forked("searchlogs", *wanted.run, limit=500_000)
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    largest = "sessions.searches.arrows" if wanted.searches else FLOWN
    assert err == f"searchlogs: {largest}: File too large\n"
    assert [path.name for path in folder.iterdir()] == ["log.jsonl"]


def test_a_log_that_has_grown_changed_or_shrunk(
    folder: Path, wanted: Wanted, capfd: pytest.CaptureFixture[str]
) -> None:
    said, expected = wanted.undisturbed(capfd)
    log = Path("log.jsonl")
    text = log.read_bytes()
    part = text[: text.index(b"\n", len(text) * 3 // 4) + 1]
    log.write_bytes(part)
    kill_when(Forked("searchlogs", *wanted.kept), more_is_stored(), 0.05)
    shutil.copytree("r", "kept")

    log.write_bytes(text)
    assert main(wanted.kept) == 0
    assert capfd.readouterr() == (said, "")
    assert wanted.take() == expected

    for other, words in {
        part[:5_000]: " records read before ",
        part.replace(b"noon", b"soon", 1): " records have changed ",
    }.items():
        log.write_bytes(other)
        shutil.rmtree("r")
        shutil.copytree("kept", "r")
        assert main(wanted.kept) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith("searchlogs: log.jsonl: ") and words in err
        assert "another folder than r" in err and err.count("\n") == 1
        assert wanted.none_is_there()


@pytest.mark.parametrize(
    "moment", ["settings.json", "state", "publish", "s.rejects.jsonl", "s.jsonl"]
)
def test_killed_at_the_ends(
    folder: Path, wanted: Wanted, capfd: pytest.CaptureFixture[str], moment: str
) -> None:
    """While the folder is made, between the end of the flow and publishing, and between names."""
    lines = Path("log.jsonl").read_bytes().splitlines(keepends=True)
    Path("log.jsonl").write_bytes(b"".join(lines[:5_000]))
    said, expected = wanted.undisturbed(capfd)
    process = Forked("searchlogs", *wanted.kept, moment=moment)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (-signal.SIGKILL, "", "")
    assert not Path("s.jsonl").exists()
    assert main(wanted.kept) == 0
    assert capfd.readouterr() == (said, "")
    assert wanted.take() == expected
    assert sorted(os.listdir()) == ["log.jsonl", "r"]
    assert set(os.listdir("r")) > {FLOWN, *LINES}
