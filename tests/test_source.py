import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, run_main
from hypothesis import given
from hypothesis import strategies as st
from log_files import as_row, csv_text, json_lines
from wording import Like

import searchlogs.logs.records
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.logs.border import BadRecord, Border, Ignored, Outcome, Reject, Skipped
from searchlogs.logs.formats import Read
from searchlogs.logs.log import Log
from searchlogs.logs.reader import BATCH, MAX_RAW
from searchlogs.logs.records import _first_of_each, read_log
from searchlogs.logs.source import InputChanged, LogSource, State
from searchlogs.logs.tally import MAX_KINDS, Tally
from searchlogs.logs.ubi import Ubi
from searchlogs.simulate import simulate

START = datetime(2024, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def names(log: Log) -> list[str]:
    """The files that a log is made of."""
    return [path for path, _ in log.open().files]


def opened(user: str, *seconds: float) -> list[Event]:
    return [AppOpen(user, START + second * SECOND) for second in seconds]


def written(path: Path, events: Iterable[Event], *bad: tuple[int, bytes]) -> str:
    """A file of JSON Lines, with bad lines before those of the numbers given."""
    lines = [json_lines([as_row(event)]) for event in events]
    for at, line in reversed(bad):
        lines.insert(at, line + b"\n")
    path.write_bytes(b"".join(lines))
    return str(path)


def arrivals(log: Log) -> list[tuple[str, int]]:
    """The user or, of what is no event, the name of its class; and the line."""
    return [
        (
            str(read.outcome[0].user)
            if isinstance(read.outcome, tuple)
            else type(read.outcome).__name__,
            read.line,
        )
        for read in read_log(log.open())
    ]


def items(log: Log, state: State | None = None, batch: int = BATCH) -> list[Any]:
    """All that the source gives, from a state on."""
    part = LogSource(log.open(), batch=batch).build_part("log", "log", state)
    given: list[Any] = []
    while True:
        try:
            given += part.next_batch()
        except StopIteration:
            return given


# The order of several files


def test_files_are_merged_by_the_time_of_each_ones_next_event(tmp_path: Path) -> None:
    # The second's first line comes late of itself, and holds up what is behind it.
    a = written(tmp_path / "a.jsonl", opened("a", 1, 4, 2, 9))
    b = written(tmp_path / "b.jsonl", opened("b", 3, 1, 4))
    assert arrivals(Log((a, b))) == [
        ("a", 1),
        ("b", 1),
        ("b", 2),
        ("a", 2),
        ("a", 3),
        ("b", 3),
        ("a", 4),
    ]


@pytest.mark.parametrize("copies", [1, 2])
def test_a_log_is_read_as_it_is_asked_for(tmp_path: Path, copies: int) -> None:
    a = written(tmp_path / "a.jsonl", opened("a", *range(5_000)))
    told: list[int] = []
    reads = read_log(Log((a,) * copies).open(), told.append)
    assert {next(reads).line for _ in range(4)} <= {1, 2, 3, 4}
    assert sum(told) < Path(a).stat().st_size


def test_ties_go_by_the_order_given(tmp_path: Path) -> None:
    a = written(tmp_path / "a.jsonl", opened("a", 1, 2, 2))
    b = written(tmp_path / "b.jsonl", opened("b", 1, 2, 2))
    assert [user for user, _ in arrivals(Log((a, b)))] == list("abaabb")
    assert [user for user, _ in arrivals(Log((b, a)))] == list("babbaa")
    assert [user for user, _ in arrivals(Log((a, a)))] == list("aaaaaa")


def test_what_is_no_event_comes_as_soon_as_it_is_met(tmp_path: Path) -> None:
    a = written(tmp_path / "a.jsonl", opened("a", 5), (0, b"x"), (0, b"y"), (1, b"z"))
    b = written(tmp_path / "b.jsonl", opened("b", 1, 9), (1, b"x"))
    assert arrivals(Log((a, b))) == [
        ("BadRecord", 1),
        ("BadRecord", 2),
        ("b", 1),
        ("BadRecord", 2),
        ("a", 3),
        ("BadRecord", 4),
        ("b", 3),
    ]


@given(
    st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=4),
)
def test_merging_against_an_oracle(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    paths = [
        written(folder / f"{number}.jsonl", opened(str(number), *seconds))
        for number, seconds in enumerate(files)
    ]
    waiting = {
        str(n): [(s, str(n), line) for line, s in enumerate(seconds, 1)]
        for n, seconds in enumerate(files)
        if seconds
    }
    expected = []
    while waiting:
        _, user, line = min(queue[0] for queue in waiting.values())
        expected.append((user, line))
        waiting[user].pop(0)
        waiting = {user: queue for user, queue in waiting.items() if queue}
    assert arrivals(Log(tuple(paths))) == expected


def test_files_of_different_formats(tmp_path: Path) -> None:
    a = written(tmp_path / "a.jsonl", opened("a", 1, 3))
    b = tmp_path / "b.csv"
    b.write_bytes(csv_text([as_row(event) for event in opened("b", 2, 4)]))
    assert arrivals(Log((a, str(b)))) == [("Skipped", 1), ("a", 1), ("b", 2), ("a", 2), ("b", 3)]


# Which files


def test_a_folder_is_its_logs_by_name(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.csv.gz", "a.parquet", "README.md", "c.jsonl.zst", "x.parquet.gz"):
        (tmp_path / name).touch()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "d.jsonl").touch()
    alone = written(tmp_path / "z.tsv", [])
    log = Log((alone, str(tmp_path / "inner"), str(tmp_path)))
    folder = ["a.csv.gz", "a.parquet", "b.jsonl", "c.jsonl.zst", "d.jsonl", "z.tsv"]
    assert [Path(file).name for file in names(log)] == ["z.tsv", "d.jsonl", *folder]
    assert [Path(file).name for file in log.open().passed_over] == ["README.md", "x.parquet.gz"]


def test_what_is_hidden_in_a_folder_is_no_log(tmp_path: Path) -> None:
    """What a killed run left there is no news, nor is what an editor keeps."""
    folder = tmp_path / ".hidden"
    folder.mkdir()
    path = written(folder / "a.jsonl", opened("a", 1))
    for hidden in (".searchlogs-x", ".ipynb_checkpoints"):
        (folder / hidden).mkdir()
        written(folder / hidden / "sessions.jsonl", opened("b", 1))
    written(folder / ".a.jsonl", opened("b", 1))
    log = Log((str(folder),))
    assert names(log) == [path]
    assert [Path(file).relative_to(folder).parts[0] for file in log.open().passed_over] == [
        *(".a.jsonl", ".ipynb_checkpoints", ".searchlogs-x"),
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes")
@pytest.mark.parametrize("name", ["pipe", "pipe.jsonl"])
def test_a_pipe_is_refused_before_it_is_opened(tmp_path: Path, name: str) -> None:
    """To open one is to wait for a writer, and a log's end can't be asked for."""
    os.mkfifo(tmp_path / name)
    for format in (None, "jsonl"):
        with pytest.raises(ValueError, match=f"{name}: .*pipe or a device.* - "):
            Log((str(tmp_path / name),), format=format).open()


def test_a_folder_called_like_a_file_is_none_of_the_logs(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").mkdir()
    path = written(tmp_path / "new.jsonl", opened("a", 1))
    assert names(Log((str(tmp_path),))) == [path]


def test_what_cannot_be_a_log(tmp_path: Path) -> None:
    (tmp_path / "log.txt").touch()
    text = str(tmp_path / "log.txt")
    with pytest.raises(ValueError, match=r"log.txt: .*format.*\.jsonl, .* or \.zst.* --format"):
        Log((text,)).open()
    assert names(Log((text,), format="csv")) == [text]
    with pytest.raises(FileNotFoundError, match=r"gone.txt"):
        Log((str(tmp_path / "gone.txt"),)).open()
    with pytest.raises(FileNotFoundError, match=r"gone.jsonl"):
        Log((str(tmp_path / "gone.jsonl"),)).open()
    with pytest.raises(ValueError, match=r"no log in this folder.*\.jsonl, \.ndjson, "):
        Log((str(tmp_path),)).open()
    for format in (None, "parquet"):
        with pytest.raises(ValueError, match=r"standard input: .*--format.* jsonl, csv or ubi"):
            Log(("-",), format=format).open()
    assert names(Log(("-",), format="csv")) == ["-"]


# UBI


def ubi_query(second: float, query_id: str, **more: object) -> dict[str, Any]:
    return {
        "client_id": "c",
        "query_id": query_id,
        "user_query": "dogs",
        "timestamp": round((START.timestamp() + second) * 1000),
        **more,
    }


def ubi_click(second: float, query_id: str, **more: object) -> dict[str, Any]:
    return {
        "action_name": "click",
        "client_id": "c",
        "query_id": query_id,
        "timestamp": (START + second * SECOND).isoformat(),
        "event_attributes": {"object": {"object_id": "B1"}},
        **more,
    }


def ubi_files(folder: Path, *files: list[dict[str, Any]]) -> tuple[str, ...]:
    paths = []
    for number, rows in enumerate(files):
        path = folder / f"{number}.ndjson"
        path.write_bytes(json_lines(rows))
        paths.append(str(path))
    return tuple(paths)


def test_ubi_is_sorted_by_time(tmp_path: Path) -> None:
    # A bulk file: first the queries, then the events, each after its index line.
    index = {"index": {"_index": "ubi"}}
    rows = [index, ubi_query(5, "q2"), index, ubi_query(1, "q1", query_response_hit_ids=["B1"])]
    rows += [index, ubi_click(6, "q2"), index, ubi_click(2, "q1"), {"action_name": "view"}]
    more = [ubi_click(1, "q1"), {}, ubi_query(5, "q3")]
    log = Log(ubi_files(tmp_path, rows, more), Ubi(), "ubi")
    reads = list(read_log(log.open()))
    assert [(Path(read.file).name[0], read.line) for read in reads] == [
        *[("0", 1), ("0", 3), ("0", 5), ("0", 7), ("0", 9), ("1", 2)],
        *[("0", 4), ("1", 1), ("0", 8), ("0", 2), ("1", 3), ("0", 6)],
    ]
    assert [len(read.outcome) for read in reads[6:]] == [2, 1, 1, 1, 1, 1]  # type: ignore[arg-type]
    tally = items(log)[-1]
    assert (tally.records, tally.gave_events, tally.events) == (12, 6, 7)
    assert (tally.framing, tally.ignored, tally.rejected) == (4, {"view": 1}, 1)


@pytest.mark.parametrize("run", [1, 2, 7, 100, 101, 1000])
def test_sorting_on_disk_is_sorting_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: int
) -> None:
    rng = Random(0)
    rows: list[dict[str, Any]] = []
    for number in range(100):
        make = rng.choice([ubi_query, ubi_click])
        rows.append(make(rng.randrange(20), f"q{number}"))
    rows[10], rows[20], rows[30] = {}, {"index": {}}, {"action_name": "view"}
    log = Log(ubi_files(tmp_path, rows, rows[:50]), Ubi(), "ubi", once=10 * SECOND)
    expected = list(read_log(log.open()))
    sizes: list[int] = []
    spill = searchlogs.logs.records._on_disk
    monkeypatch.setattr(
        searchlogs.logs.records,
        "_on_disk",
        lambda run, *where: sizes.append(len(run)) or spill(run, *where),
    )
    sorted_on_disk = list(read_log(log.open(), run=run))
    assert sizes == [run] * (150 // run)
    assert [repr(read) for read in sorted_on_disk] == [repr(read) for read in expected]
    outcomes = [read.outcome for read in expected]
    assert outcomes.count(Skipped.DUPLICATE) > 40
    assert outcomes.count(Skipped.FRAMING) == 2


def test_ubi_sessions_in_the_place_of_users(tmp_path: Path) -> None:
    border = Ubi(fields={"user": "session_id"})
    rows = [
        ubi_query(1, "q1"),
        ubi_query(2, "q2"),
        ubi_query(3, "q3"),
        ubi_click(4, "q1", session_id="s1"),
        ubi_click(5, "q1", session_id="s2"),
        {"action_name": "view", "query_id": "q2", "session_id": "s2"},
        ubi_click(6, "q2"),
    ]
    # What says a query's session stands in another file.
    for files in ([rows], [rows[:3], rows[3:]]):
        log = Log(ubi_files(tmp_path, *files), border, "ubi")
        made = {read.raw: read.outcome for read in read_log(log.open())}
        outcomes = [made[json_lines([row])] for row in rows]
        users = [outcome[0].user for outcome in outcomes if isinstance(outcome, tuple)]
        # A query belongs to the first session that used it, an event to its own.
        assert users == ["s1", "s2", "s1", "s1", "s2"]
        assert isinstance(outcomes[2], BadRecord)
        assert (outcomes[2].field, outcomes[2].reason) == ("session_id", "missing")
        border.sessions.clear()
    with pytest.raises(ValueError, match=r"standard input.* twice.*session_id"):
        list(Log(("-",), border, "ubi").open())


# Once


def once(events: Iterable[Event], wait: timedelta) -> list[bool]:
    """Which of the events are kept."""
    reads = [Read("log", line, b"", (event,)) for line, event in enumerate(events, 1)]
    return [read.outcome is not Skipped.DUPLICATE for read in _first_of_each(reads, wait)]


def test_an_exact_repetition_is_dropped() -> None:
    click = ClickResult("a", "fido", START, "q", 1)
    others = [
        ClickResult("b", "fido", START, "q", 1),
        ClickResult("a", "rover", START, "q", 1),
        ClickResult("a", "fido", START + SECOND, "q", 1),
        ClickResult("a", "fido", START, "p", 1),
        ClickResult("a", "fido", START, "q", 2),
        ClickResult("a", "fido", START, "q"),
        Search("a", "fido", START, "q"),
    ]
    assert once([click, *others], 5 * SECOND) == [True] * 8
    assert once([click, *others, click, *others], 5 * SECOND) == [True] * 8 + [False] * 8


def test_what_is_late_is_the_windows_to_drop() -> None:
    first, *later = opened("a", 0, 5, 6)
    assert once([first, later[0], first], 5 * SECOND) == [True, True, False]
    assert once([first, later[1], first], 5 * SECOND) == [True, True, True]
    # Another user's time is another time.
    other = opened("b", 60)[0]
    assert once([first, other, first], timedelta(0)) == [True, True, False]


def test_both_events_of_a_record_are_compared(tmp_path: Path) -> None:
    rows = [ubi_query(1, "q", query_response_hit_ids=[hit]) for hit in "aab"] + [ubi_query(1, "q")]
    log = Log(ubi_files(tmp_path, rows), Ubi(), "ubi", once=SECOND)
    tally = items(log)[-1]
    assert (tally.gave_events, tally.duplicates, tally.events) == (3, 1, 5)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60)), max_size=80),
    st.integers(0, 20),
)
def test_once_against_an_oracle(seconds: list[tuple[str, int]], wait: int) -> None:
    events = [opened(user, second)[0] for user, second in seconds]
    expected = []
    for at, event in enumerate(events):
        newest = max(one.time for one in events[: at + 1] if one.user == event.user)
        late = newest - event.time > wait * SECOND
        expected.append(late or event not in events[:at])
    assert once(events, wait * SECOND) == expected


def test_once_forgets_what_it_no_longer_needs() -> None:
    reads = (Read("log", 1, b"", (event,)) for event in opened("a", *range(20_000)))
    dropping = _first_of_each(reads, 10 * SECOND)
    for _ in range(19_000):
        next(dropping)
    frame: Any = dropping.gi_frame  # type: ignore[attr-defined]
    known, _ = frame.f_locals["memory"]["a"]
    assert len(known) < 50


def test_duplicates_stay_unless_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", opened("a", 1, 1, 1))
    assert items(Log((path,)))[-1].duplicates == 0
    assert items(Log((path,), once=timedelta(0)))[-1].duplicates == 2
    # Across files as well.
    assert items(Log((path, path), once=timedelta(0)))[-1].duplicates == 5


# The tally


def test_the_tally_of_every_kind_of_record(tmp_path: Path) -> None:
    kinds = {"search": "search", "click": "click"}
    good = [Search("a", "dogs", START + SECOND), ClickResult("a", "x", START)]
    path = written(tmp_path / "log.jsonl", [*good, *good], (0, b""), (1, b"x"), (1, b"{}"))
    with open(path, "ab") as file:
        for kind in ("scroll", "zoom", "scroll", "others", "a\x1b"):
            file.write(json_lines([{"event": kind}]))
    given = items(Log((path,), Border(kinds=kinds), once=SECOND))
    assert given[0] == good[0]
    assert [type(item) for item in given[1:]] == [Reject, Reject, ClickResult, Tally]
    assert given[-1] == Tally(
        records=12,
        gave_events=2,
        rejected=2,
        duplicates=2,
        framing=1,
        ignored={"scroll": 2, "zoom": 1, "others": 1, "a\\x1b": 1},
        events=2,
        first=START,
        last=START + SECOND,
        lines=12,
    )


def test_an_empty_log_has_a_tally(tmp_path: Path) -> None:
    assert items(Log((written(tmp_path / "log.jsonl", []),))) == [Tally()]


def test_a_log_of_too_many_kinds() -> None:
    tally = Tally()
    for number in range(500):
        tally.add(Ignored(f"kind {number}"))
        tally.add(Ignored("kind 0"))
    assert len(tally.ignored) == MAX_KINDS + 1
    assert (tally.ignored["kind 0"], tally.ignored["(others)"]) == (501, 500 - MAX_KINDS)
    assert sum(tally.ignored.values()) == tally.records == 1_000


def test_a_reject_says_where_and_shows_the_beginning(tmp_path: Path) -> None:
    bad = b"\xff\x1b" + b"x" * 5_000
    path = written(tmp_path / "log.jsonl", opened("a", 1), (1, bad), (1, b'{"event": 1}'))
    _, first, second, _ = items(Log((path,)))
    assert first == Reject(path, 2, None, Like("UTF-8: byte 0xff at 1"), first.raw)
    assert first.raw == "\\xff\x1b" + "x" * (MAX_RAW - 2)
    reason = Like("app_open, search, results, click; found '1'")
    assert second == Reject(path, 3, "event", reason, '{"event": 1}')


@given(
    st.lists(
        st.sampled_from([(opened("a", 1)[0],), BadRecord(None, "x"), Ignored("k"), *Skipped]),
        max_size=30,
    )
)
def test_the_sum_holds(outcomes: list[Outcome]) -> None:
    tally = Tally()
    for outcome in outcomes:
        tally.add(outcome)
    became = tally.gave_events + tally.rejected + tally.duplicates + tally.framing
    assert tally.records == became + sum(tally.ignored.values()) == len(outcomes)
    counts = Counter(map(repr, outcomes))
    assert tally.framing == counts[repr(Skipped.FRAMING)]
    assert tally.duplicates == counts[repr(Skipped.DUPLICATE)]


# Resume


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Two files and a bit more than three batches, of which some lines are bad or come twice."""
    rng = Random(1)
    events = list(simulate(40, 160, seed=2, disorder=timedelta(seconds=30), query_ids=True))
    events *= 1 + 3 * BATCH // len(events)
    halves: list[list[Event]] = [[], []]
    for event in events[: 3 * BATCH + 10]:
        rng.choice(halves).append(event)
    paths = [
        written(tmp_path / f"{n}.jsonl", half, *[(at, b"bad %d" % at) for at in range(0, 900, 99)])
        for n, half in enumerate(halves)
    ]
    return Log(tuple(paths), once=timedelta(hours=99))


def snapshots(log: Log, batch: int = BATCH) -> Iterator[tuple[State, list[Any]]]:
    """After each batch the state, as it is stored, and all that came until then."""
    part = LogSource(log.open(), batch=batch).build_part("log", "log", None)
    given: list[Any] = []
    while True:
        yield pickle.loads(pickle.dumps(part.snapshot())), list(given)
        try:
            given += part.next_batch()
        except StopIteration:
            return


def test_a_resume_goes_on_exactly_where_it_stood(log: Log) -> None:
    whole = items(log)
    states = list(snapshots(log))
    assert len(states) >= 5
    for state, before in states:
        assert before + items(log, state) == whole
    assert whole[-1].duplicates > 0 and whole[-1].rejected == 20
    assert sum(isinstance(item, Event) for item in whole) == whole[-1].events
    assert states[-1][1] == whole
    assert items(log, states[-1][0]) == []


def test_a_resume_of_a_resume(log: Log) -> None:
    part = LogSource(log.open()).build_part("log", "log", None)
    given: list[Any] = []
    while not part.ended:
        given += part.next_batch()
        part = LogSource(log.open()).build_part("log", "log", part.snapshot())
    assert given == items(log)


def test_any_number_of_records_may_have_been_read(log: Log) -> None:
    whole = items(log)
    for size in (1, 7, 100, 10_000):
        part = LogSource(log.open(), batch=size).build_part("log", "log", None)
        before = part.next_batch() + part.next_batch() if size < 1_000 else part.next_batch()
        assert len(before) == min(2 * size, len(whole))
        assert before + items(log, part.snapshot(), size) == whole


def test_a_tally_comes_once_where_the_last_batch_is_full(tmp_path: Path) -> None:
    log = Log((written(tmp_path / "log.jsonl", opened("a", 1, 2, 3, 4)),))
    assert [len(before) for _, before in snapshots(log, 2)] == [0, 2, 4, 5]
    for state, before in snapshots(log, 2):
        assert before + items(log, state, 2) == items(log)


def change(log: Log, how: Callable[[bytes], bytes], file: int = 0) -> None:
    path = Path(log.paths[file])
    path.write_bytes(how(path.read_bytes()))


@pytest.mark.parametrize("file", [0, 1])
def test_another_log_is_not_resumed(log: Log, file: int) -> None:
    (_, _), (state, _), *_ = snapshots(log)
    assert state[0] == BATCH
    change(log, lambda data: data.replace(b"q", b"Q", 1), file)
    with pytest.raises(InputChanged, match=r"the first 1,000 records have changed"):
        items(log, state)


def test_files_in_another_order_are_another_log(tmp_path: Path) -> None:
    a = written(tmp_path / "a.jsonl", opened("a", *range(BATCH)))
    b = written(tmp_path / "b.jsonl", opened("b", *range(BATCH)))
    (_, _), (state, _), *_ = snapshots(Log((a, b)))
    with pytest.raises(InputChanged, match=r"the first 1,000 records have changed"):
        items(Log((b, a)), state)


def test_a_log_that_shrank_is_not_resumed(log: Log) -> None:
    *_, (state, _) = snapshots(log)
    change(log, lambda data: b"".join(data.splitlines(keepends=True)[:-1]))
    with pytest.raises(InputChanged, match=r"3,029 of the 3,030 records"):
        items(log, state)


def test_a_log_that_grew_is_resumed_until_its_sessions_were_closed(log: Log) -> None:
    *before, (ended, _) = snapshots(log)
    state, given = before[2]
    more = json_lines([as_row(event) for event in opened("new", 10**7, 10**7 + 1)])
    change(log, lambda data: data + more)
    grown = given + items(log, state)
    assert grown == items(log)
    assert grown[-1].records == 3_032
    with pytest.raises(InputChanged, match=r"added after the first 3,030"):
        items(log, ended)


def test_what_changes_behind_may_be_read(log: Log) -> None:
    """What was not read yet can still be put right."""
    (_, _), (state, given), *_ = snapshots(log)
    change(log, lambda data: data[: data.rindex(b"{")] + b"bad\n")
    assert given + items(log, state) == items(log)


def test_progress(log: Log) -> None:
    told: list[tuple[int, int]] = []
    source = LogSource(log.open(), lambda size, events: told.append((size, events)))
    part = source.build_part("log", "log", None)
    while not part.ended:
        part.next_batch()
    size = sum(Path(path).stat().st_size for path in log.paths)
    assert sum(size for size, _ in told) == size
    assert sum(events for _, events in told) == part.tally.events


def test_a_flow_gives_all_items_in_order(log: Log) -> None:
    given: list[Any] = []
    flow = Dataflow("test")
    stream = op.input("log", flow, LogSource(log.open()))
    op.output("out", stream, TestingSink(given))
    run_main(flow)
    assert given == items(log)
    assert LogSource(log.open()).list_parts() == ["log"]


def test_results_of_one_record_come_after_their_search(tmp_path: Path) -> None:
    log = Log(ubi_files(tmp_path, [ubi_query(1, "q", query_response_hit_ids=[])]), Ubi(), "ubi")
    assert [type(item) for item in items(log)] == [Search, Results, Tally]
