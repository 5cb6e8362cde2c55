"""The order in which a log's records arrive: files merged, or sorted; leaps and repeats set aside.

Siblings of files split by kind: whole files, in every format; clicks in the same second as their
search within a record's two events; events that tie in time and kind, which go as given.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main
from hypothesis import given, settings
from hypothesis import strategies as st
from log_files import as_row, csv_text, json_lines
from test_batches import assert_same
from wording import Like

from searchlogs.columnar.parquet import common_columns
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.live.limits import Ahead, limit_future
from searchlogs.logs import scratch
from searchlogs.logs.border import BadRecord, Border, Skipped
from searchlogs.logs.formats import Read, write_log
from searchlogs.logs.log import Log
from searchlogs.logs.outcomes import Found
from searchlogs.logs.records import _first_of_each, _on_disk, _parts, _without_leaps, read_log
from searchlogs.logs.scratch import Scratch
from searchlogs.logs.ubi import Ubi
from searchlogs.simulate import simulate

START = datetime(2024, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KINDS = ("app_open", "search", "results", "click")


def event(second: float, kind: str, number: int = 0) -> Event:
    """An event that differs from others by its number alone."""
    user, time, text = number % 2, START + second * SECOND, f"{number}"
    return {
        "app_open": AppOpen(user, time),
        "search": Search(user, text, time),
        "results": Results(user, (text,), time),
        "click": ClickResult(user, text, time),
    }[kind]


def rank(event: Event) -> int:
    return [AppOpen, Search, Results, ClickResult].index(type(event))


def given_events(log: Log) -> list[Event]:
    """All events of a log, in arrival order."""
    outcomes = [read.outcome for read in read_log(log.open())]
    return [event for outcome in outcomes if isinstance(outcome, tuple) for event in outcome]


def as_files(folder: Path, files: Iterable[Iterable[Event]], ending: str = "jsonl") -> list[str]:
    paths = []
    for number, events in enumerate(files):
        path = folder / f"{number}.{ending}"
        rows = [as_row(one) for one in events]
        if ending == "parquet":
            write_log(events, path)
        else:
            path.write_bytes(csv_text(rows) if ending == "csv" else json_lines(rows))
        paths.append(str(path))
    return paths


# Several files


def merged(files: Sequence[Sequence[Event]]) -> list[Event]:
    """By the time and kind of each one's next event, then in the order given."""
    waiting = [list(file) for file in files]
    order = []
    while any(waiting):
        _, _, number = min(
            (file[0].time, rank(file[0]), number) for number, file in enumerate(waiting) if file
        )
        order.append(waiting[number].pop(0))
    return order


some_events = st.builds(event, st.integers(0, 3), st.sampled_from(KINDS), st.integers(0, 9))
files_of_events = st.lists(st.lists(some_events, max_size=8), min_size=1, max_size=4)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
@given(files=files_of_events)
def test_at_one_time_files_go_by_kind_then_as_given(
    tmp_path_factory: pytest.TempPathFactory, ending: str, files: list[list[Event]]
) -> None:
    log = Log(tuple(as_files(tmp_path_factory.mktemp("log"), files, ending)))
    found = [as_row(one) | {"user": str(one.user)} for one in assert_same(log, 3)[0]]
    assert found == [as_row(one) | {"user": str(one.user)} for one in merged(files)]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@settings(max_examples=50)
@given(seconds=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(KINDS)), max_size=20))
def test_files_of_one_kind_each_may_have_any_name_and_order(
    tmp_path_factory: pytest.TempPathFactory, ending: str, seconds: list[tuple[int, str]]
) -> None:
    seconds.sort(key=lambda one: one[0])
    every = [event(second, kind, number) for number, (second, kind) in enumerate(seconds)]
    kinds = [[one for one in every if rank(one) == number] for number in range(4)]
    orders = []
    for order in ([0, 1, 2, 3], [3, 0, 2, 1]):
        folder = tmp_path_factory.mktemp("log")
        paths = as_files(folder, [kinds[place] for place in order], ending)
        orders.append(assert_same(Log(tuple(paths)), 3)[0])
    orders.append(assert_same(Log((str(folder),)), 3)[0])
    assert all(order == orders[0] for order in orders)
    assert len(orders[0]) == len(every)


def test_parquet_files_are_merged_without_becoming_objects(tmp_path: Path) -> None:
    """Else the agreement of the two engines would say nothing of the order of chunks."""
    events = list(simulate(10, 60, seed=1))
    paths = as_files(tmp_path, [events[::2], events[1::2]], "parquet")
    assert common_columns(Log(tuple(paths)).open()) is not None
    assert_same(Log(tuple(paths)), 7)


@pytest.mark.parametrize("settings", [{"sort": True}, {"ahead": timedelta(hours=1)}])
def test_what_needs_records_is_read_record_by_record(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    paths = as_files(tmp_path, [[event(0, "search")]], "parquet")
    assert common_columns(Log(tuple(paths)).open()) is not None
    assert common_columns(Log(tuple(paths), **settings).open()) is None


def test_lines_of_one_time_in_one_file_stay_as_they_are(tmp_path: Path) -> None:
    backwards = [event(0, kind) for kind in reversed(KINDS)]
    for ending in ("jsonl", "csv", "parquet"):
        paths = as_files(tmp_path, [backwards], ending)
        assert [rank(one) for one in assert_same(Log(tuple(paths)))[0]] == [3, 2, 1, 0]


# Sorted


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
@given(files=files_of_events, run=st.integers(1, 30))
def test_a_log_is_sorted_by_time_and_kind_then_as_it_stands(
    tmp_path_factory: pytest.TempPathFactory, ending: str, files: list[list[Event]], run: int
) -> None:
    log = Log(tuple(as_files(tmp_path_factory.mktemp("log"), files, ending)), sort=True)
    every = [one for file in files for one in file]
    expected = [as_row(one) for one in sorted(every, key=lambda one: (one.time, rank(one)))]
    reads = [read.outcome for read in read_log(log.open(), run=run)]
    events = [outcome[0] for outcome in reads if isinstance(outcome, tuple)]
    names = [{**as_row(one), "user": int(one.user)} for one in events]
    assert names == expected
    framing = len(files) * (ending == "csv")
    assert reads[:framing] == [Skipped.FRAMING] * framing  # what gives no event comes first
    assert_same(log)


def test_ubi_ties_go_by_kind(tmp_path: Path) -> None:
    query = {"client_id": "c", "query_id": "q", "timestamp": 1_704_110_400_000}
    click = {**query, "event_attributes": {"object": {"object_id": "x"}}, "action_name": "click"}
    lines = [click, {**query, "user_query": "dogs", "query_response_hit_ids": ["x"]}]
    (tmp_path / "log.ndjson").write_bytes(json_lines(lines))
    log = Log((str(tmp_path / "log.ndjson"),), Ubi(), "ubi")
    assert [rank(one) for one in given_events(log)] == [1, 2, 3]


def reads_of(*sizes: int) -> list[Read]:
    return [Read("x", n, b"x" * size, (event(n, "app_open"),)) for n, size in enumerate(sizes)]


def test_a_run_is_bounded_by_its_records_and_their_bytes() -> None:
    def lengths(sizes: list[int], count: int, size: int) -> list[tuple[int, bool]]:
        return [(len(part), full) for part, full in _parts(reads_of(*sizes), count, size)]

    assert lengths([1] * 7, 3, 100) == [(3, True), (3, True), (1, False)]
    assert lengths([60] * 5, 100, 100) == [(2, True), (2, True), (1, False)]
    assert lengths([500, 1, 500], 100, 100) == [(1, True), (2, True)]
    assert lengths([], 3, 3) == []


def test_a_run_on_disk_comes_back_in_blocks(tmp_path: Path) -> None:
    reads = reads_of(*[10] * 250, 100_000, 100_000, 5)
    with Scratch(tmp_path) as disk:
        first, second = _on_disk(reads[:100], disk), _on_disk(reads[100:], disk)
        pairs = [next(first) for _ in range(3)] + [next(second) for _ in range(3)]
        assert pairs == reads[:3] + reads[100:103]
        assert [*pairs[:3], *first, *pairs[3:], *second] == reads


def test_a_disk_that_is_full_while_sorting_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(BytesIO):
        def write(self, block: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch, "TemporaryFile", lambda dir: Full())
    log = Log(tuple(as_files(tmp_path, [[event(n, "search") for n in range(5)]])), sort=True)
    with pytest.raises(OSError, match="No space left") as error:
        list(read_log(replace(log.open(), scratch=tmp_path), run=2))
    assert error.value.filename == str(tmp_path)


# Leaps ahead


def far(*seconds: float) -> list[Event]:
    return [AppOpen("a", START + second * SECOND) for second in seconds]


def set_aside(events: Iterable[Event], bound: timedelta) -> list[bool]:
    reads = [Read("x", 1, b"", (one,)) for one in events]
    return [isinstance(read.outcome, BadRecord) for read in _without_leaps(reads, bound, "ts")]


@given(st.lists(st.integers(0, 40), max_size=40), st.integers(0, 20))
def test_leaps_are_those_of_limit_future(seconds: list[int], bound: int) -> None:
    events = far(*seconds)
    ahead: list[Ahead] = []
    flow = Dataflow("test")
    out = limit_future("limit", op.input("in", flow, TestingSource(events)), bound * SECOND)
    op.output("out", out.ahead, TestingSink(ahead))
    op.output("rest", out.down, TestingSink([]))
    run_main(flow)
    found = set_aside(events, bound * SECOND)
    assert [one for one, leap in zip(events, found, strict=True) if leap] == [
        one.event for one in ahead
    ]


def test_a_leap_is_rejected_with_how_far_it_is(tmp_path: Path) -> None:
    lines = [as_row(one) for one in far(1, 2, 3, 4)]
    leaps = {"2099-01-01T00:00:00Z": "75 years", "2024-03-01T00:00:00Z": "59 days"}
    leaps |= {"2024-01-01T05:00:00Z": "4 hours", "2024-01-01T01:00:05Z": "60 minutes"}
    for time, reason in leaps.items():
        (tmp_path / "log.jsonl").write_bytes(
            json_lines([*lines, {**lines[0], "time": time}, *lines]).replace(b'"time"', b'"ts"')
        )
        border = Border(fields={"time": "ts"})
        log = Log((str(tmp_path / "log.jsonl"),), border, ahead=timedelta(minutes=59))
        _, (reject,), tally = assert_same(log)
        assert (reject.line, reject.field, tally.rejected, tally.events) == (5, "ts", 1, 8)
        assert reject.reason == Like(f"{reason} ahead of the records around it; found {time[:10]}")


def test_the_time_of_a_leap_is_withheld_with_the_rest(tmp_path: Path) -> None:
    (path,) = as_files(tmp_path, [far(1, 2, 10**9)])
    log = Log((path,), key=b"k" * 32, ahead=timedelta(days=1))
    (reject,) = assert_same(log)[1]
    assert (reject.reason, reject.raw) == ("31 years ahead of the records around it", "withheld")


def test_a_leap_of_another_user_is_one_too_and_comes_before_duplicates(tmp_path: Path) -> None:
    leap = AppOpen("b", START + 366 * 10 * timedelta(days=1))
    (path,) = as_files(tmp_path, [[*far(1, 2, 3), leap, leap, *far(4, 5, 6)]])
    log = Log((path,), ahead=timedelta(days=1), once=timedelta(days=1))
    tally = assert_same(log)[2]
    assert (tally.rejected, tally.duplicates, tally.events) == (2, 0, 6)


def test_records_without_an_event_wait_for_nobody() -> None:
    others = [Read("x", n, b"", Skipped.FRAMING) for n in range(1_000)]
    reads = [*reads_of(1, 1), *others]
    judged = _without_leaps(iter(reads), timedelta(0), "time")
    assert [next(judged) for _ in range(1_000)] == others


# Ids


def repeats(wait: timedelta, *records: tuple[str | None, float, str]) -> list[bool]:
    """Which records, each with its id, second and user, repeat an earlier one."""
    reads = []
    for id, second, user in records:
        outcome = Found([Search(user, "q", START + second * SECOND)], id=id)
        reads.append(Read("x", 1, b"", outcome))
    return [read.outcome is Skipped.DUPLICATE for read in _first_of_each(reads, wait)]


def test_an_id_that_was_seen_within_the_wait_is_a_repeat() -> None:
    minute = timedelta(minutes=1)
    assert repeats(minute, ("i", 0, "a"), ("i", 0, "a"), ("i", 9, "a")) == [False, True, True]
    # The same events under other ids are other events; ids of other users are other ids.
    assert repeats(minute, ("i", 0, "a"), ("j", 0, "a"), ("i", 0, "b")) == [False] * 3
    # The second delivery counts as seen; a minute later the id may come again.
    assert repeats(minute, ("i", 0, "a"), ("i", 50, "a"), ("i", 100, "a"), ("i", 161, "a")) == [
        *(False, True, True, False),
    ]
    # Whoever has no id is known by the events.
    assert repeats(minute, (None, 0, "a"), ("i", 0, "a"), (None, 0, "a")) == [False, False, True]


@given(
    st.lists(st.tuples(st.sampled_from("ij"), st.integers(0, 60), st.just("a")), max_size=60),
    st.integers(0, 20),
)
def test_ids_against_an_oracle(deliveries: list[tuple[str, int, str]], wait: int) -> None:
    expected, newest, seen = [], 0, {}
    for id, second, _ in deliveries:
        newest = max(newest, second)
        late = newest - second > wait
        expected.append(not late and newest - seen.get(id, -99) <= wait)
        if not late:
            seen[id] = max(second, seen.get(id, -99))
    assert repeats(wait * SECOND, *deliveries) == expected
