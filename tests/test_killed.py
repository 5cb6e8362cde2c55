"""Killed without a warning, and resumed: nobody can tell from what comes out.

A kill counts only where the run had begun to write, had not ended, and where the next one goes on
from what it had stored.
"""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from bytewax.recovery import init_db_dir

from searchlogs.commands import main
from searchlogs.export import write_log
from searchlogs.simulate import simulate

pytestmark = pytest.mark.slow

BAD = b'{"event":"search","user":"someone","time":"noon","query":"dogs"}\n'
LINES = {"sessions.jsonl", "sessions.late.jsonl", "sessions.rejects.jsonl", "sessions.tally.jsonl"}
OUTPUTS = ("s.jsonl", "q.parquet", "s.late.jsonl", "s.rejects.jsonl")
RUN = ["run", "log.jsonl", "--out", "s.jsonl", "--searches", "q.parquet", "--max-rejects", "999"]
KEPT = ["--recovery", "r", "--snapshots", "0.1s"]


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that takes seconds, with late events and rejects all over."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    settings = {"disorder": timedelta(seconds=30), "late_share": 0.02}
    write_log(simulate(800, 16_000, seed=4, duration=timedelta(days=9), **settings), path)
    lines = path.read_bytes().splitlines(keepends=True)
    for place in range(len(lines) - 1, 0, -1_001):
        lines.insert(place, BAD)
    path.write_bytes(b"".join(lines))
    return path


@pytest.fixture
def folder(tmp_path: Path, long_log: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with that log."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(long_log, "log.jsonl")
    return tmp_path


def undisturbed(run: list[str], capfd: pytest.CaptureFixture[str]) -> tuple[str, dict[str, bytes]]:
    """What a run says, and its outputs, which then are taken away."""
    assert main(run) == 0
    out, err = capfd.readouterr()
    assert err == "" and "late  " in out and "rejects  " in out
    return out, taken()


def taken() -> dict[str, bytes]:
    found = {name: Path(name).read_bytes() for name in OUTPUTS}
    assert all(found.values())
    for name in OUTPUTS:
        Path(name).unlink()
    return found


def start(*command: str, **more: object) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", *command], **pipes, **more)  # type: ignore[call-overload, no-any-return]


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


def kill_when(process: subprocess.Popen[str], ready: Callable[[], bool], after: float) -> None:
    """Kill a process `after` seconds of its being ready; it must not have ended by itself."""
    end = time.monotonic() + 60
    while not ready() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    time.sleep(after)
    process.kill()
    out, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, (process.returncode, out, err)


def more_is_stored(state: Path) -> Callable[[], bool]:
    """Whether the state has changed since now: so the run has begun, and stored where it is."""
    before = epoch(state)
    return lambda: state.exists() and epoch(state) > before


def test_killed_at_ten_moments(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said, expected = undisturbed(RUN, capfd)
    random = Random(7)
    sizes = [0]
    for _ in range(10):
        process = start("searchlogs", *RUN, *KEPT)
        kill_when(process, more_is_stored(Path("r/state")), 0.2 * random.random())
        assert not [name for name in OUTPUTS if Path(name).exists()]
        assert not Path("r/finished").exists()
        sizes.append(Path("r/sessions.jsonl").stat().st_size)
    assert len(set(sizes)) > 8  # each was somewhere else
    process = start("searchlogs", *RUN, *KEPT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, said, "")
    assert taken() == expected


def test_gzip(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open("log.jsonl", "rb") as plain, open("log.jsonl.gz", "wb") as packed:
        subprocess.run(["gzip", "-c"], stdin=plain, stdout=packed, check=True)
    Path("log.jsonl").unlink()
    run = ["log.jsonl.gz" if word == "log.jsonl" else word for word in RUN]
    said, expected = undisturbed(run, capfd)
    for after in (0.05, 0.1):
        process = start("searchlogs", *run, *KEPT)
        kill_when(process, more_is_stored(Path("r/state")), after)
    assert main([*run, *KEPT]) == 0
    assert capfd.readouterr() == (said, "")
    assert taken() == expected


def rows(name: str = "s") -> dict[str, list[str]]:
    """What the flow itself leaves, in whatever order."""
    return {
        path.name: sorted(path.read_text().splitlines())
        for path in sorted(Path().glob(f"{name}.*jsonl"))
    }


@pytest.mark.parametrize("workers", [(2, 2, 2), (2, 1, 3), (1, 2, 1)])
def test_bytewax_run_with_any_number_of_workers(folder: Path, workers: tuple[int, ...]) -> None:
    lines = Path("log.jsonl").read_bytes().splitlines(keepends=True)
    Path("log.jsonl").write_bytes(b"".join(lines[:50_000]))
    assert main([*RUN, "--all-sessions"]) == 0
    expected = {
        name: sorted(Path(name).read_text().splitlines())
        for name in ("s.jsonl", "s.late.jsonl", "s.rejects.jsonl")
    }
    for name in OUTPUTS:
        Path(name).unlink()
    Path("state").mkdir()
    init_db_dir(Path("state"), 1)
    flow = ["bytewax.run", "searchlogs.dataflow:log_flow('log.jsonl', 's.jsonl')"]
    flow += ["-r", "state", "-s", "0", "-b", "0", "-w"]
    for number in workers[:-1]:
        process = start(*flow, str(number))
        kill_when(process, more_is_stored(Path("state")), 0.1)
        assert Path("s.tally.jsonl").read_text() == ""
    process = start(*flow, str(workers[-1]))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    found = rows()
    (tally,) = map(json.loads, found.pop("s.tally.jsonl"))
    assert found == expected
    assert tally["records"] == 50_000


@contextmanager
def little_room(how: str, folder: Path) -> Iterator[dict[str, object]]:
    """A place where a run's files soon find no room, and what its process needs for that."""
    if how == "limit":
        size = 1_500_000
        yield {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}
        return
    Path("r").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "none", "r"]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount")
    try:
        yield {}
    finally:
        subprocess.run(["umount", str(folder / "r")], check=True)


@pytest.mark.parametrize("how", ["limit", "tmpfs"])
def test_a_full_disk(folder: Path, capfd: pytest.CaptureFixture[str], how: str) -> None:
    said, expected = undisturbed(RUN, capfd)
    with little_room(how, folder) as more:
        process = start("searchlogs", *RUN, *KEPT, **more)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (2, "")
        words = {
            "searchlogs: File too large\n",
            "searchlogs: No space left on device\n",
            "searchlogs: the engine gave up: disk I/O error; its state is in r/state\n",
            "searchlogs: the engine gave up: database or disk is full; its state is in r/state\n",
        }
        assert err in words
        assert not [name for name in OUTPUTS if Path(name).exists()]
        assert epoch(Path("r/state")) > 0
        if how == "tmpfs":  # with more room, the same folder
            shutil.copytree("r", "roomy")
    if how == "tmpfs":
        Path("r").rmdir()
        Path("roomy").rename("r")
    assert main([*RUN, *KEPT]) == 0
    assert capfd.readouterr() == (said, "")
    assert taken() == expected


def test_a_full_disk_without_a_recovery(folder: Path) -> None:
    size = 500_000

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    process = start("searchlogs", *RUN, preexec_fn=limit)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (2, "", "searchlogs: File too large\n")
    assert [path.name for path in folder.iterdir()] == ["log.jsonl"]


def killed_in_the_middle() -> None:
    process = start("searchlogs", *RUN, *KEPT)
    kill_when(process, more_is_stored(Path("r/state")), 0.1)


def test_a_log_that_has_grown_changed_or_shrunk(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said, expected = undisturbed(RUN, capfd)
    log = Path("log.jsonl")
    text = log.read_bytes()
    part = text[: text.index(b"\n", len(text) * 3 // 4) + 1]
    log.write_bytes(part)
    killed_in_the_middle()
    shutil.copytree("r", "kept")

    log.write_bytes(text)
    assert main([*RUN, *KEPT]) == 0
    assert capfd.readouterr() == (said, "")
    assert taken() == expected

    for other, words in {
        part[:5_000]: " records that had been read, ",
        part.replace(b"noon", b"soon", 1): " records are not those that had been read",
    }.items():
        log.write_bytes(other)
        shutil.rmtree("r")
        shutil.copytree("kept", "r")
        assert main([*RUN, *KEPT]) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith("searchlogs: log.jsonl: ") and words in err
        assert err.endswith("; another folder than r starts anew\n") and err.count("\n") == 1
        assert not [name for name in OUTPUTS if Path(name).exists()]


KILLED_AT = """
import os, signal, sys
from pathlib import Path
from searchlogs import commands, job

def kill(*arguments, **settings):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[1] == "publish":
    job.publish = kill
elif sys.argv[1] == "state":
    job.init_db_dir = kill
else:
    rename = Path.replace
    Path.replace = lambda self, to: kill() if to.name == sys.argv[1] else rename(self, to)
commands.main(sys.argv[2:])
"""


@pytest.mark.parametrize(
    "moment", ["settings.json", "state", "publish", "s.rejects.jsonl", "s.jsonl"]
)
def test_killed_at_the_ends(folder: Path, capfd: pytest.CaptureFixture[str], moment: str) -> None:
    """While the folder is made, between the end of the flow and publishing, and between names."""
    lines = Path("log.jsonl").read_bytes().splitlines(keepends=True)
    Path("log.jsonl").write_bytes(b"".join(lines[:10_000]))
    said, expected = undisturbed(RUN, capfd)
    command = [sys.executable, "-c", KILLED_AT, moment, *RUN, *KEPT]
    killed = subprocess.run(command, capture_output=True, timeout=60)
    assert (killed.returncode, killed.stdout, killed.stderr) == (-signal.SIGKILL, b"", b"")
    assert not Path("s.jsonl").exists()
    assert main([*RUN, *KEPT]) == 0
    assert capfd.readouterr() == (said, "")
    assert taken() == expected
    assert sorted(os.listdir()) == ["log.jsonl", "r"]
    assert set(os.listdir("r")) > LINES
