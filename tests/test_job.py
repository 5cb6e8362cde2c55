"""A run over a log: what is refused before it begins, and how it goes on where it was stopped."""

import json
import os
import re
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from oracle import oracle

from searchlogs.columnar import source as batches
from searchlogs.command import run as jobs
from searchlogs.command.publish import Unaccounted
from searchlogs.command.run import EngineFailed, Job, WrongFolder
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
    return replace(Job(log, Path("s.jsonl"), windowing), **changes)


def kept(folder: str = "r", **changes: Any) -> Job:
    """A job with a recovery folder, that stores where it is after each batch."""
    settings = {"recovery": Path(folder), "snapshots": timedelta(0)}
    return a_job(**settings | WANTED | changes)


WANTED: dict[str, Any] = {"searches": Path("q.csv")}
"""By what is wanted the engine is chosen."""


class Stopped(Exception):
    pass


def stop(job: Job, after: int = 230) -> None:
    """Run it until it has made so many events."""
    made = 0

    def watch(size: int, events: int, sessions: int) -> None:
        nonlocal made
        made += events
        if made >= after:
            raise Stopped

    with pytest.raises(Stopped):
        job.run(watch)
    assert not job.out.exists()


def go_on(job: Job) -> int:
    """Run it to its end; return how many events it made, and not an earlier run."""
    made = 0

    def watch(size: int, events: int, sessions: int) -> None:
        nonlocal made
        made += events

    job.run(watch)
    return made


def outputs(job: Job) -> dict[str, bytes]:
    found = {what: path.read_bytes() for what, path in job.outputs.items()}
    for path in job.outputs.values():
        path.unlink()
    return found


# Checks


def refused(make: Callable[[], object]) -> str:
    with pytest.raises(ValueError) as error:
        make()
    return str(error.value)


@pytest.mark.usefixtures("folder")
class TestRefused:
    @pytest.mark.parametrize("name", ["s", "s.txt", "s.jsonl.gz", "s.CSV", ".csv"])
    def test_an_ending(self, name: str) -> None:
        words = f"{name}: its name must end in .jsonl, .csv, .parquet"
        assert refused(lambda: a_job(out=Path(name))) == words
        assert refused(lambda: a_job(searches=Path(name))) == words

    def test_no_folder(self) -> None:
        assert refused(lambda: a_job(out=Path("no/s.csv"))) == "no/s.csv: there is no folder no"
        assert refused(lambda: a_job(searches=Path("log.jsonl/s.csv"))) == (
            "log.jsonl/s.csv: there is no folder log.jsonl"
        )

    @pytest.mark.parametrize("name", ["s.jsonl", "./s.jsonl", "s.late.jsonl", "s.rejects.jsonl"])
    def test_one_name_for_two(self, folder: Path, name: str) -> None:
        words = "s.jsonl: two outputs can't have one name"
        assert refused(lambda: a_job(searches=Path(name))) == words
        assert refused(lambda: a_job(searches=folder / ".." / folder.name / name)) == words

    def test_an_input(self, folder: Path) -> None:
        words = "log.jsonl: it is being read, and can't be an output too"
        assert refused(lambda: a_job(out=Path("log.jsonl"))) == words
        assert refused(lambda: a_job(searches=Path("log.jsonl"))) == words
        assert refused(lambda: a_job(log=Log((str(folder),)), out=Path("log.jsonl"))) == words
        Path("x.late.jsonl").symlink_to("log.jsonl")
        assert refused(lambda: a_job(out=Path("x.csv"))) == words.replace("log", "x.late", 1)

    @pytest.mark.parametrize("out", ["r/s.csv", "r/more/s.csv"])
    def test_an_output_in_the_recovery(self, out: str) -> None:
        Path("r/more").mkdir(parents=True)
        words = f"{out}: r is for the recovery alone"
        assert refused(lambda: a_job(out=Path(out), recovery=Path("r"))) == words
        assert refused(lambda: a_job(searches=Path(out), recovery=Path("r"))) == words

    def test_standard_input_with_a_recovery(self) -> None:
        log = Log(("-",), format="jsonl")
        assert refused(lambda: a_job(log=log, recovery=Path("r"))) == (
            "standard input can't be read again, as a recovery needs"
        )

    def test_a_gap_and_a_wait(self) -> None:
        year = timedelta(days=367)
        words = "must be from 0 to 366 days; got 31708800.0 seconds"
        assert refused(lambda: a_job(gap=year)) == f"gap {words}"
        assert refused(lambda: a_job(wait=year)) == f"wait {words}"

    def test_an_engine(self) -> None:
        assert refused(lambda: a_job(engine="rows")) == (
            "engine must be one of columnar, events; got 'rows'"
        )
        assert refused(lambda: a_job(engine="columnar", searches=Path("q.csv"))) == (
            "searches and queries need the engine events: columns only count"
        )

    def test_no_log(self) -> None:
        with pytest.raises(FileNotFoundError):
            a_job(log=Log(("no.jsonl",)))

    def test_nothing_is_made(self, folder: Path) -> None:
        a_job(recovery=Path("r"))
        assert [path.name for path in folder.iterdir()] == ["log.jsonl"]


# A run


def test_a_run(folder: Path) -> None:
    job = a_job(every_session=True)
    summary = job.run()
    sessions, late = oracle(EVENTS, GAP, WAIT)
    assert job.out.read_text() == "".join(to_json(session_row(s)) + "\n" for s in sessions)
    assert list(summary.late_by) == sorted(one.late_by for one in late) and len(late) > 20
    assert (summary.tally.records, summary.tally.rejected) == (len(EVENTS) + 3, 3)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("log.jsonl", "s.jsonl", "s.late.jsonl", "s.rejects.jsonl"),
    ]


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
@pytest.mark.usefixtures("folder")
def test_two_runs_give_the_same_bytes(ending: str) -> None:
    job = a_job(out=Path(f"s{ending}"), searches=Path(f"q{ending}"))
    job.run()
    first = outputs(job)
    job.run()
    assert outputs(job) == first
    assert all(first.values())


def test_a_run_that_fails_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop(a_job())
    monkeypatch.setattr(jobs, "publish", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        a_job().run()
    assert [path.name for path in folder.iterdir()] == ["log.jsonl"]


def test_a_sum_that_does_not_hold(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow loses the late events: nobody gets to see the rest."""
    assemble = jobs.columnar_flow

    def forgetful(log: Log, out: Path, **settings: Any) -> Any:
        flow = assemble(log, out, **settings)
        monkeypatch.setattr(jobs, "run", lambda flow, **kwargs: lose(flow, kwargs, out))
        return flow

    run = jobs.run

    def lose(flow: Any, settings: Any, out: Path) -> None:
        run(flow, **settings)
        out.with_name("sessions.late.jsonl").write_text("")

    monkeypatch.setattr(jobs, "columnar_flow", forgetful)
    with pytest.raises(Unaccounted, match=r"events were made; .* are in sessions, 0 late"):
        a_job().run()
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
    a_job().run(lambda size, events, sessions: found.update(listening()))
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
    job.run()
    assert all(job.outputs[what].stat().st_size > 0 for what in job.outputs)
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
            kept().run()
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
            kept().run()
    assert not kept().finished
    assert kept().publishing
    assert go_on(kept()) == 0
    assert kept().finished
    assert not kept().publishing
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
            kept().run()
    assert Path("s.rejects.jsonl").exists() and not Path("s.jsonl").exists()
    assert kept().publishing
    assert not kept(out=Path("other.csv")).publishing  # only what it had begun to name is its own
    kept().run()
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
    job = kept(str(folder / "elsewhere"), out=folder / "s.jsonl", **wanted)
    job = replace(job, log=Log((str(folder / "log.jsonl"),)).open())
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert go_on(job) < len(EVENTS)
    found = outputs(job)
    assert found.pop("rejects").replace(f"{folder}/".encode(), b"") == whole.pop("rejects")
    assert found == whole


def test_a_run_that_had_finished(whole: dict[str, bytes]) -> None:
    assert not kept().finished
    go_on(kept())
    assert kept().finished and not a_job().finished
    assert outputs(kept()) == whole
    assert go_on(kept()) == 0
    assert outputs(kept()) == whole


# Not on from another


def wrong(job: Job) -> str:
    with pytest.raises(WrongFolder) as error:
        job.run()
    assert not job.out.exists()
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
                {"log": Log(("log.jsonl",), Border(kinds={"open": "click"}))},
                "words: {'fields': {}, 'kinds': {}, 'time_unit': None, 'zone': None}, not "
                "{'fields': {}, 'kinds': {'open': 'click'}, 'time_unit': None, 'zone': None}",
            ),
        ],
    )
    def test_other_settings(self, changes: dict[str, Any], words: str) -> None:
        stop(kept())
        assert wrong(kept(**changes)) == f"r: it is of a run with another {words}"

    def test_another_way_to_read_ubi(self) -> None:
        log = Log(("log.jsonl",), Ubi(), "ubi")
        stop(kept(log=log), 0)
        other = Log(("log.jsonl",), Ubi(first_ordinal=0), "ubi")
        assert wrong(kept(log=other)).startswith("r: it is of a run with another words: {")
        kept(log=log).run()

    def test_another_engine(self) -> None:
        stop(kept(searches=None))
        assert wrong(kept(searches=None, engine="events")) == (
            "r: it is of a run with another engine: columnar, not events"
        )

    def test_another_log(self, folder: Path) -> None:
        stop(kept())
        shutil.copy("log.jsonl", "other.jsonl")
        assert wrong(kept(log=Log(("other.jsonl",)))) == (
            "r: it is of a run with another log: "
            f"['{folder}/log.jsonl'], not ['{folder}/other.jsonl']"
        )

    def test_another_version(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stop(kept())
        monkeypatch.setattr(jobs.metadata, "version", lambda name: "9.9")
        assert wrong(kept()) == "r: it is of a run with another searchlogs: 0.1.0, not 9.9"

    @pytest.mark.parametrize("name", ["notes.txt", "state/x", "sessions.jsonl"])
    def test_something_else(self, name: str) -> None:
        Path("r", name).parent.mkdir(parents=True)
        Path("r", name).write_text("mine")
        assert wrong(kept()) == "r: it holds something else than an earlier run"
        assert Path("r", name).read_text() == "mine"

    def test_a_file(self) -> None:
        with pytest.raises(FileExistsError):
            kept("log.jsonl").run()

    @pytest.mark.parametrize("text", ["", "{", "7", '"x"', "[1]", "\0"])
    def test_settings_that_are_none(self, text: str) -> None:
        stop(kept())
        Path("r/settings.json").write_text(text)
        assert wrong(kept()) == "r/settings.json: it isn't what a run writes there"

    def test_the_state_is_gone(self) -> None:
        stop(kept())
        shutil.rmtree("r/state")
        assert wrong(kept()) == "r: state, which said how far it was, is gone"

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
            kept().run()
        assert str(error.value) == f"the engine gave up: {words}; its state is in r/state"
        assert capfd.readouterr() == ("", "")
        assert not Path("s.jsonl").exists()

    def test_lines_that_are_gone(self) -> None:
        kept().run()
        outputs(kept())
        Path("r/sessions.jsonl").unlink()
        with pytest.raises(Unaccounted, match=r"^r/sessions.jsonl: it is not as the run wrote it"):
            kept().run()
        assert not Path("s.jsonl").exists()


def test_a_panic_is_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be made happen at will: a panic in the middle of a run, without a recovery."""

    class PanicException(BaseException):
        pass

    def panic(*args: object, **kwargs: object) -> None:
        raise PanicException('called `Result::unwrap()` on an `Err` value: Some("it\'s dark")')

    monkeypatch.setattr(jobs, "run", panic)
    with pytest.raises(EngineFailed) as error:
        a_job().run()
    assert str(error.value) == "the engine gave up: it's dark"


def test_a_bug_of_ours_is_no_word_of_the_engines(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "run", lambda *args, **kwargs: [][1])
    with pytest.raises(IndexError):
        a_job().run()


# The log since


def changed(job: Job) -> str:
    with pytest.raises(InputChanged) as error:
        job.run()
    assert not job.out.exists()
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
    job.run()
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
        kept(snapshots=timedelta(hours=1)).run(watch)
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
    kept().run()


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
    kept().run()


def test_a_log_that_goes_on_after_a_run_that_had_finished(folder: Path) -> None:
    kept().run()
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
    with job._alone(), pytest.raises(WrongFolder, match="another run is using it"):
        job.run()
    job.run()
