"""A run over a log: what is refused before it begins, and how it goes on where it was stopped."""

import json
import os
import re
import shutil
import socket
from collections.abc import Callable
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from random import Random
from typing import Any

import pytest
from filelock import FileLock
from oracle import oracle

from searchlogs.columnar import source as batches
from searchlogs.command import run as jobs
from searchlogs.command.job import Job, Outputs
from searchlogs.command.publish import Unaccounted
from searchlogs.command.recovery import Recovery, WrongFolder
from searchlogs.command.run import EngineFailed, run_job
from searchlogs.durations import Windowing
from searchlogs.logs import source
from searchlogs.logs.border import Border
from searchlogs.logs.formats import write_log
from searchlogs.logs.log import Log
from searchlogs.logs.rows import session_row, to_json
from searchlogs.logs.source import InputChanged
from searchlogs.logs.ubi import Ubi
from searchlogs.simulate import simulate

GAP, WAIT = timedelta(minutes=30), timedelta(minutes=1)
DISORDER = timedelta(seconds=30)
EVENTS = list(simulate(12, 80, seed=3, disorder=DISORDER, late_share=0.2))
BAD = '{"event":"search","user":1.5}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a log of over eight batches, of which some can't be read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(source, "BATCH", 50)
    monkeypatch.setattr(batches, "BATCH", 50)
    monkeypatch.setattr(batches, "LINES_BATCH", 50)
    monkeypatch.setattr(os, "fsync", lambda file: None)  # half of the time, and nobody pulls a plug
    write_log(EVENTS, "log.jsonl")
    lines = Path("log.jsonl").read_text().splitlines(keepends=True)
    assert len(lines) > 400
    for place in (250, 150, 0):
        lines.insert(place, BAD)
    Path("log.jsonl").write_text("".join(lines))
    return tmp_path


def a_job(**changes: Any) -> Job:
    windowing = Windowing(changes.pop("gap", GAP), changes.pop("wait", WAIT))
    log = changes.pop("log", Log(("log.jsonl",))).open()
    out = changes.pop("out", Path("s.jsonl"))
    names = ("searches", "queries", "every_session", "least_users", "spreadsheet")
    outputs = Outputs(out, **{name: changes.pop(name) for name in names if name in changes})
    return Job(log, outputs, windowing, **changes)


def kept(folder: str = "r", **changes: Any) -> Job:
    """A job with a recovery folder, that stores where it is after each batch."""
    settings = {"recovery": Path(folder), "snapshots": timedelta(0)}
    return a_job(**settings | WANTED | changes)


WANTED: dict[str, Any] = {"searches": Path("q.csv")}
"""By what is wanted the engine is chosen."""


class Stopped(Exception):
    pass


def recovery(job: Job) -> Recovery:
    assert job.recovery is not None
    return Recovery(job.recovery, job.outputs)


def stop(job: Job, after: int = 230) -> None:
    """Run it until it has made so many events."""
    made = 0

    def watch(size: int, events: int, sessions: int) -> None:
        nonlocal made
        made += events
        if made >= after:
            raise Stopped

    with pytest.raises(Stopped):
        run_job(job, watch)
    assert not job.outputs.sessions.exists()


def go_on(job: Job) -> int:
    """Run it to its end; return how many events it made, and not an earlier run."""
    made = 0

    def watch(size: int, events: int, sessions: int) -> None:
        nonlocal made
        made += events

    run_job(job, watch)
    return made


def outputs(job: Job) -> dict[str, bytes]:
    found = {what: path.read_bytes() for what, path in job.outputs.paths.items()}
    for path in job.outputs.paths.values():
        path.unlink()
    return found


# Checks


def refused(make: Callable[[], object]) -> str:
    with pytest.raises(ValueError) as error:
        make()
    return str(error.value)


@pytest.mark.usefixtures("folder")
class TestRefused:
    @pytest.mark.parametrize("name", ["s", "s.txt", "s.gz", "s.parquet.gz", "s.CSV", ".csv"])
    def test_an_ending(self, name: str) -> None:
        for wanted in ("out", "searches"):
            words = refused(lambda wanted=wanted: a_job(**{wanted: Path(name)}))
            expected = "Parquet is compressed" if "parquet" in name else ".jsonl, .csv, .parquet"
            assert words.startswith(f"{name}: ") and expected in words

    @pytest.mark.parametrize("out", ["no/s.csv", "log.jsonl/s.csv"])
    def test_no_folder(self, out: str) -> None:
        for wanted in ("out", "searches"):
            words = refused(lambda wanted=wanted: a_job(**{wanted: Path(out)}))
            assert words == f"{out}: the folder {Path(out).parent} does not exist"

    @pytest.mark.parametrize("name", ["s.jsonl", "./s.jsonl", "s.late.jsonl", "s.rejects.jsonl"])
    def test_one_name_for_two(self, folder: Path, name: str) -> None:
        for path in (Path(name), folder / ".." / folder.name / name):
            assert "two outputs" in refused(lambda path=path: a_job(searches=path))

    def test_an_input(self, folder: Path) -> None:
        words = "log.jsonl: cannot be an output, because it is being read"
        assert refused(lambda: a_job(out=Path("log.jsonl"))) == words
        assert refused(lambda: a_job(searches=Path("log.jsonl"))) == words
        assert refused(lambda: a_job(log=Log((str(folder),)), out=Path("log.jsonl"))) == words
        Path("x.late.jsonl").symlink_to("log.jsonl")
        assert refused(lambda: a_job(out=Path("x.csv"))) == words.replace("log", "x.late", 1)

    @pytest.mark.parametrize("out", ["r/s.csv", "r/more/s.csv"])
    def test_an_output_in_the_recovery(self, out: str) -> None:
        Path("r/more").mkdir(parents=True)
        words = f"{out}: cannot be in the recovery folder, r"
        assert refused(lambda: a_job(out=Path(out), recovery=Path("r"))) == words
        assert refused(lambda: a_job(searches=Path(out), recovery=Path("r"))) == words

    def test_standard_input_with_a_recovery(self) -> None:
        log = Log(("-",), format="jsonl")
        assert "standard input" in refused(lambda: a_job(log=log, recovery=Path("r")))

    def test_a_gap_and_a_wait(self) -> None:
        year = timedelta(days=367)
        for name in ("gap", "wait"):
            words = refused(lambda name=name: a_job(**{name: year}))
            assert words.startswith(name) and "366 days" in words

    def test_an_engine(self) -> None:
        assert "columnar, events; found 'rows'" in refused(lambda: a_job(engine="rows"))
        words = refused(lambda: a_job(engine="columnar", searches=Path("q.csv")))
        assert words.startswith("engine: searches and queries need events")

    def test_an_apostrophe_for_no_spreadsheet(self) -> None:
        assert refused(lambda: a_job(spreadsheet=True)).startswith("spreadsheet: ")
        assert a_job(spreadsheet=True, searches=Path("q.csv")).outputs.spreadsheet
        assert a_job(spreadsheet=True, out=Path("s.csv")).outputs.spreadsheet

    def test_no_log(self) -> None:
        with pytest.raises(FileNotFoundError):
            a_job(log=Log(("no.jsonl",)))

    def test_nothing_is_made(self, folder: Path) -> None:
        a_job(recovery=Path("r"))
        assert [path.name for path in folder.iterdir()] == ["log.jsonl"]


# A run


def test_a_run(folder: Path) -> None:
    job = a_job(every_session=True)
    summary = run_job(job)
    sessions, late = oracle(EVENTS, GAP, WAIT)
    assert job.outputs.sessions.read_text() == "".join(
        to_json(session_row(s)) + "\n" for s in sessions
    )
    late_by = sorted(one.late_by for one in late)
    assert summary.late == len(late) > 20
    assert summary.late_by == (late_by[(len(late) - 1) // 2], late_by[-1])
    rows = [json.loads(row) for row in job.outputs.paths["late"].read_text().splitlines()]
    late.sort(key=lambda one: one.user)
    assert [row["late_by"] for row in rows] == [one.late_by.total_seconds() for one in late]
    assert (summary.tally.records, summary.tally.rejected) == (len(EVENTS) + 3, 3)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("log.jsonl", "s.jsonl", "s.late.jsonl", "s.rejects.jsonl"),
    ]


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
@pytest.mark.usefixtures("folder")
def test_two_runs_give_the_same_bytes(ending: str) -> None:
    job = a_job(out=Path(f"s{ending}"), searches=Path(f"q{ending}"))
    run_job(job)
    first = outputs(job)
    run_job(job)
    assert outputs(job) == first
    assert all(first.values())


def test_a_run_that_fails_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop(a_job())
    monkeypatch.setattr(jobs, "publish", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_job(a_job())
    assert [path.name for path in folder.iterdir()] == ["log.jsonl"]


def test_a_sum_that_does_not_hold(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow loses the late events: nobody gets to see the rest."""
    run = jobs.run

    def lose(flow: Any) -> None:
        run(flow)
        (late,) = folder.glob(".searchlogs-*/sessions.late.jsonl")
        late.write_text("")

    monkeypatch.setattr(jobs, "run", lose)
    with pytest.raises(Unaccounted, match=r"events were made; .* are in sessions, 0 late"):
        run_job(a_job())
    assert [path.name for path in folder.iterdir()] == ["log.jsonl"]


def listening() -> set[str]:
    """Addresses at which this process can be reached, as the kernel writes them."""
    mine = {os.readlink(file) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()}
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path("/proc/self/net", table).read_text().splitlines()[1:]
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in mine}


@pytest.mark.skipif(not Path("/proc/self/net/tcp6").exists(), reason="no such table of sockets")
@pytest.mark.usefixtures("folder")
def test_nobody_else_can_reach_a_run() -> None:
    with socket.create_server(("", 0)):
        assert "00000000" in listening()
    before = listening()
    found: set[str] = set()
    run_job(a_job(), lambda size, events, sessions: found.update(listening()))
    assert found <= before


# On from where it was stopped


@pytest.fixture(params=[True, False], ids=["events", "columnar"])
def whole(
    folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> dict[str, bytes]:
    """The outputs of a run that nothing disturbs."""
    if not request.param:
        monkeypatch.delitem(WANTED, "searches")
    job = a_job(**WANTED)
    assert job.is_columnar is not request.param
    run_job(job)
    assert all(path.stat().st_size > 0 for path in job.outputs.paths.values())
    return outputs(job)


def test_a_stopped_run_goes_on(whole: dict[str, bytes]) -> None:
    stop(kept(), 120)
    stop(kept(), 120)
    made = go_on(kept())
    assert 0 < made < len(EVENTS) - 120
    assert outputs(kept()) == whole


def test_it_may_be_stopped_before_anything_is_stored(whole: dict[str, bytes]) -> None:
    stop(kept(snapshots=timedelta(hours=1)))
    assert go_on(kept()) == len(EVENTS)
    assert outputs(kept()) == whole


@pytest.mark.parametrize("when", ["settings", "state", "init"])
def test_it_may_be_stopped_while_the_folder_is_made(
    whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def killed(*args: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        if when == "init":
            patch.setattr(jobs, "init_db_dir", killed)
        else:
            rename = Path.replace

            def replace(self: Path, target: Path) -> Path:
                return killed() if target.stem == when else rename(self, target)  # type: ignore[func-returns-value, return-value]

            patch.setattr(Path, "replace", replace)
        with pytest.raises(Stopped):
            run_job(kept())
    assert go_on(kept()) == len(EVENTS)
    assert outputs(kept()) == whole


def test_it_may_be_stopped_before_publishing(
    whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*args: object, **kwargs: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "publish", killed)
        with pytest.raises(Stopped):
            run_job(kept())
    assert not recovery(kept()).finished
    assert recovery(kept()).publishing
    assert go_on(kept()) == 0
    assert recovery(kept()).finished
    assert not recovery(kept()).publishing
    assert outputs(kept()) == whole


def test_it_may_be_stopped_between_two_names(
    whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.replace

    def once(self: Path, target: Path) -> Path:
        if target.name == "s.late.jsonl":
            raise Stopped
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", once)
        with pytest.raises(Stopped):
            run_job(kept())
    assert Path("s.rejects.jsonl").exists() and not Path("s.jsonl").exists()
    assert recovery(kept()).publishing
    assert not recovery(
        kept(out=Path("other.csv"))
    ).publishing  # only what it had begun to name is its own
    run_job(kept())
    assert outputs(kept()) == whole


def test_what_comes_out_may_change(whole: dict[str, bytes]) -> None:
    stop(kept())
    job = kept(out=Path("s.parquet"), every_session=True, snapshots=timedelta(seconds=1))
    assert go_on(job) < len(EVENTS)
    found = outputs(job)
    assert found["sessions"].startswith(b"PAR1")
    assert found.get("searches") == whole.get("searches")


def test_the_folders_may_be_moved_or_named_otherwise(
    folder: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(kept(log=Log((str(folder / "log.jsonl"),))))
    Path("r").rename("elsewhere")
    wanted = {name: folder / path for name, path in WANTED.items()}
    log = Log((str(folder / "log.jsonl"),))
    job = kept(str(folder / "elsewhere"), log=log, out=folder / "s.jsonl", **wanted)
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert go_on(job) < len(EVENTS)
    found = outputs(job)
    assert found.pop("rejects").replace(f"{folder}/".encode(), b"") == whole.pop("rejects")
    assert found == whole


def test_a_run_that_had_finished(whole: dict[str, bytes]) -> None:
    assert not recovery(kept()).finished
    go_on(kept())
    assert recovery(kept()).finished
    assert outputs(kept()) == whole
    assert go_on(kept()) == 0
    assert outputs(kept()) == whole


def test_a_finished_run_knows_what_it_wrote(whole: dict[str, bytes]) -> None:
    go_on(kept())
    theirs = recovery(kept())
    paths = kept().outputs.paths.values()
    assert all(map(theirs.owns, paths))
    Path("s.jsonl").unlink()
    assert not theirs.owns(Path("s.jsonl"))
    Path("s.jsonl").write_text("mine")
    assert [theirs.owns(path) for path in paths].count(False) == 1
    other = kept(every_session=True)  # would write other rows
    assert not any(map(recovery(other).owns, paths))
    outputs(kept())
    go_on(kept(out=Path("t.csv"), **{name: Path("p.csv") for name in WANTED}))
    go_on(kept())
    assert all(map(recovery(kept()).owns, paths))  # of both that had finished in this folder
    assert outputs(kept()) == whole


@pytest.mark.parametrize("text", ["", "{", "7", '"x"', '{"a": 1}'])
def test_a_note_of_what_was_written_may_be_broken(folder: Path, text: str) -> None:
    """It is one that an earlier version left, or that was cut off."""
    run_job(kept())
    Path("r/finished").write_text(text)
    assert recovery(kept()).finished
    assert recovery(kept()).owns(Path("s.jsonl"))  # it had begun to name them
    Path("r/publishing").unlink()
    assert not recovery(kept()).owns(Path("s.jsonl"))


@pytest.mark.parametrize("engine", ["columnar", "events"])
def test_a_sorted_run_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    monkeypatch.delitem(WANTED, "searches")
    shuffled = Path("log.jsonl").read_text().splitlines(keepends=True)
    Random(1).shuffle(shuffled)
    Path("log.jsonl").write_text("".join(shuffled))
    log = Log(("log.jsonl",), sort=True)
    summary = run_job(a_job(log=log))
    assert (summary.late, summary.late_by) == (0, None)
    whole = outputs(a_job(log=log))
    stop(kept(log=log, engine=engine))
    assert 0 < go_on(kept(log=log, engine=engine)) < len(EVENTS)
    assert outputs(kept(log=log)) == whole
    assert not list(folder.glob("r/tmp*"))


@pytest.mark.parametrize("engine", ["columnar", "events"])
@pytest.mark.parametrize("sort", [False, True])
def test_only_a_run_that_may_be_resumed_keeps_a_checksum(
    folder: Path, monkeypatch: pytest.MonkeyPatch, engine: str, sort: bool
) -> None:
    monkeypatch.delitem(WANTED, "searches")
    sums: dict[bool, set[int]] = {True: set(), False: set()}
    snapshot = source.Part.snapshot

    def noted(part: source.Part[Any]) -> source.State:
        sums[is_kept].add(part.reader.checksum)
        return snapshot(part)

    monkeypatch.setattr(source.Part, "snapshot", noted)
    log = Log(("log.jsonl",), sort=sort)
    for is_kept in (False, True):
        run_job((kept if is_kept else a_job)(log=log, engine=engine))
    assert sums[False] == {0}
    assert len(sums[True] - {0}) >= 1


# Not on from another


def wrong(job: Job) -> str:
    with pytest.raises(WrongFolder) as error:
        run_job(job)
    assert not job.outputs.sessions.exists()
    return str(error.value)


@pytest.mark.usefixtures("folder")
class TestWrongFolder:
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"gap": timedelta(minutes=10)}, "gap: 0:30:00, not 0:10:00"),
            ({"wait": timedelta(0)}, "wait: 0:01:00, not 0:00:00"),
            ({"searches": None}, "searches: True, not False"),
            ({"log": Log(("log.jsonl",), format="ubi")}, "format: None, not ubi"),
            ({"log": Log(("log.jsonl",), once=WAIT)}, "drop duplicates: None, not 0:01:00"),
            (
                {"log": Log(("log.jsonl",), Border(first_position=0))},
                "words: {'fields': {}, 'kinds': {}, 'time_unit': None, 'zone': None, "
                "'time_format': None, 'first_position': 1}, not "
                "{'fields': {}, 'kinds': {}, 'time_unit': None, 'zone': None, "
                "'time_format': None, 'first_position': 0}",
            ),
            ({"log": Log(("log.jsonl",), sort=True)}, "sort: False, not True"),
            ({"log": Log(("log.jsonl",), ahead=WAIT)}, "ahead: None, not 0:01:00"),
            (
                {"log": Log(("log.jsonl",), Border(kinds={"open": "click"}))},
                "words: {'fields': {}, 'kinds': {}, 'time_unit': None, 'zone': None, "
                "'time_format': None, 'first_position': 1}, not "
                "{'fields': {}, 'kinds': {'open': 'click'}, 'time_unit': None, 'zone': None, "
                "'time_format': None, 'first_position': 1}",
            ),
        ],
    )
    def test_other_settings(self, changes: dict[str, Any], words: str) -> None:
        stop(kept())
        assert wrong(kept(**changes)).endswith(f"a run with another {words}")

    def test_another_way_to_read_ubi(self) -> None:
        log = Log(("log.jsonl",), Ubi(), "ubi")
        stop(kept(log=log), 0)
        other = Log(("log.jsonl",), Ubi(first_position=0), "ubi")
        assert "another words: {" in wrong(kept(log=other))
        run_job(kept(log=log))

    def test_another_engine(self) -> None:
        stop(kept(searches=None))
        message = wrong(kept(searches=None, engine="events"))
        assert message.endswith("another engine: columnar, not events")

    def test_another_log(self, folder: Path) -> None:
        stop(kept())
        shutil.copy("log.jsonl", "other.jsonl")
        words = f"another log: ['{folder}/log.jsonl'], not ['{folder}/other.jsonl']"
        assert wrong(kept(log=Log(("other.jsonl",)))).endswith(words)

    def test_another_version(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stop(kept())
        version = metadata.version("searchlogs")
        monkeypatch.setattr(metadata, "version", lambda name: "9.9")
        assert wrong(kept()).endswith(f"another searchlogs: {version}, not 9.9")

    @pytest.mark.parametrize("name", ["notes.txt", "state/x", "sessions.arrows"])
    def test_something_else(self, name: str) -> None:
        Path("r", name).parent.mkdir(parents=True)
        Path("r", name).write_text("mine")
        assert re.match("r: .*no earlier run", wrong(kept()))
        assert Path("r", name).read_text() == "mine"

    def test_a_file(self) -> None:
        with pytest.raises(FileExistsError):
            run_job(kept("log.jsonl"))

    @pytest.mark.parametrize("text", ["", "{", "7", '"x"', "[1]", "\0"])
    def test_settings_that_are_none(self, text: str) -> None:
        stop(kept())
        Path("r/settings.json").write_text(text)
        assert wrong(kept()).startswith("r/settings.json: ")

    def test_the_state_is_gone(self) -> None:
        stop(kept())
        shutil.rmtree("r/state")
        assert wrong(kept()).startswith("r/state: is missing")

    @pytest.mark.parametrize(
        ("break_it", "words"),
        [
            (Path.unlink, "No recovery partitions found on any worker; can't resume"),
            (lambda path: path.write_bytes(b"nonsense" * 999), "file is not a database"),
            (
                lambda path: path.write_bytes(path.read_bytes()[:5_000] + b"\xff" * 20_000),
                "database disk image is malformed",
            ),
        ],
    )
    def test_the_state_is_broken(
        self, break_it: Callable[[Path], None], words: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        stop(kept())
        break_it(Path("r/state/part-0.sqlite3"))
        with pytest.raises(EngineFailed) as error:
            run_job(kept())
        assert str(error.value) == f"the engine gave up: {words}; its state is in r/state"
        assert capfd.readouterr() == ("", "")
        assert not Path("s.jsonl").exists()

    def test_lines_that_are_gone(self) -> None:
        run_job(kept())
        outputs(kept())
        Path("r/sessions.arrows").unlink()
        with pytest.raises(Unaccounted, match=r"^r/sessions.arrows: is not as the run wrote it"):
            run_job(kept())
        assert not Path("s.jsonl").exists()


def test_a_panic_is_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be made happen at will: a panic in the middle of a run, without a recovery."""

    class PanicException(BaseException):
        pass

    def panic(*args: object, **kwargs: object) -> None:
        raise PanicException('called `Result::unwrap()` on an `Err` value: Some("it\'s dark")')

    monkeypatch.setattr(jobs, "run", panic)
    with pytest.raises(EngineFailed) as error:
        run_job(a_job())
    assert str(error.value) == "the engine gave up: it's dark"


def test_a_bug_of_ours_is_no_word_of_the_engines(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "run", lambda *args, **kwargs: [][1])
    with pytest.raises(IndexError):
        run_job(a_job())


# The log since


def changed(job: Job) -> str:
    with pytest.raises(InputChanged) as error:
        run_job(job)
    assert not job.outputs.sessions.exists()
    return str(error.value)


def test_a_log_that_has_grown(folder: Path) -> None:
    log = Path("log.jsonl")
    text = log.read_text()
    more = text.splitlines(keepends=True)
    log.write_text("".join(more[:300]))
    stop(kept())
    log.write_text(text)
    assert 0 < go_on(kept()) < len(EVENTS)
    found = outputs(kept())
    job = a_job(searches=Path("q.csv"))
    run_job(job)
    assert outputs(job) == found


def test_a_log_whose_last_line_was_half_written(folder: Path) -> None:
    """Its reject was written after the last snapshot, in a file that had been empty until then."""
    write_log(EVENTS, "log.jsonl")
    log = Path("log.jsonl")
    text = log.read_bytes()
    log.write_bytes(text[: text.index(b"\n", len(text) // 2) + 20])
    stop(kept(), 120)

    def watch(size: int, events: int, sessions: int) -> None:
        if "truncated" in Path("r/sessions.rejects.jsonl").read_text():
            raise Stopped

    with pytest.raises(Stopped):
        run_job(kept(snapshots=timedelta(hours=1)), watch)
    log.write_bytes(text)
    assert 0 < go_on(kept()) < len(EVENTS)
    assert outputs(kept())["rejects"] == b""


def stored(folder: str = "r") -> int:
    """How many records the run in a folder had read when it was last stored."""
    shutil.copytree(folder, "copy")
    Path("copy/settings.json").unlink()
    log = Path("log.jsonl")
    text = log.read_bytes()
    try:
        log.write_bytes(b"")
        shutil.copy(f"{folder}/settings.json", "copy/settings.json")
        words = changed(kept("copy"))
    finally:
        log.write_bytes(text)
        shutil.rmtree("copy")
    return int(re.findall(r"the ([\d,]+) records", words)[0].replace(",", ""))


def test_a_log_that_has_shrunk(folder: Path) -> None:
    stop(kept())
    number = stored()
    assert 0 < number < 250
    log = Path("log.jsonl")
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[: number - 1]))
    assert f"{number - 1:,} of the {number:,} records" in changed(kept())
    log.write_text("".join(lines[:number]))
    run_job(kept())


@pytest.mark.parametrize("place", [0, -1])
def test_a_log_that_has_changed(folder: Path, place: int) -> None:
    stop(kept())
    number = stored()
    log = Path("log.jsonl")
    lines = log.read_text().splitlines(keepends=True)
    other = lines.copy()
    place = range(number)[place]
    other[place] = other[place].replace("user", "uset")
    log.write_text("".join(other))
    assert f"first {number:,} records have changed" in changed(kept())
    other = lines.copy()
    other[number] = BAD  # the first that had not been read
    log.write_text("".join(other))
    run_job(kept())


def test_a_log_that_goes_on_after_a_run_that_had_finished(folder: Path) -> None:
    run_job(kept())
    outputs(kept())
    with open("log.jsonl", "a") as log:
        log.write(BAD)
    assert f"added after the first {len(EVENTS) + 3:,}" in changed(kept())


def test_settings_are_stored_for_people_too(folder: Path) -> None:
    stop(kept(), 0)
    settings = json.loads(Path("r/settings.json").read_text())
    assert settings["log"] == [os.path.abspath("log.jsonl")]
    assert (settings["gap"], settings["wait"]) == ("0:30:00", "0:01:00")


def test_one_run_at_a_time(whole: dict[str, bytes]) -> None:
    job = kept()
    run_job(job)
    with FileLock("r/lock", blocking=False), pytest.raises(WrongFolder, match="another run"):
        run_job(job)
    run_job(job)
