"""The columnar path gives what the event path and the oracle give, whatever cuts its rows."""

import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import bytewax.operators as op
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, run_main
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import oracle

from searchlogs.columnar import attribution
from searchlogs.columnar.operator import ShardLogic, columnar_sessions, split
from searchlogs.columnar.sessionizer import Found, Sessionizer, Sizes, sessionize_batches
from searchlogs.columnar.source import BatchSource
from searchlogs.dataflow import find_sessions
from searchlogs.durations import Windowing
from searchlogs.events import EARLIEST, AppOpen, ClickResult, Event, Results, Search
from searchlogs.logs.formats import write_log
from searchlogs.logs.log import Log
from searchlogs.logs.schemas import COUNTS
from searchlogs.logs.source import Part
from searchlogs.metrics import count
from searchlogs.sessions import Late, Session
from searchlogs.simulate import simulate

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
KINDS = {AppOpen: "app_open", Search: "search", Results: "results", ClickResult: "click"}
TEXT = pa.string()
TYPES = {
    "event": TEXT,
    "user": TEXT,
    "time": pa.timestamp("us", tz="UTC"),
    "query": TEXT,
    "items": pa.list_(TEXT),
    "item": TEXT,
    "query_id": TEXT,
    "position": pa.int64(),
}
PLAIN = ("event", "user", "time")


def batch(events: Sequence[Event], names: Sequence[str] = tuple(TYPES)) -> pa.RecordBatch:
    columns = {name: [getattr(event, name, None) for event in events] for name in names}
    columns["event"] = [KINDS[type(event)] for event in events]
    columns["user"] = [str(event.user) for event in events]
    return pa.record_batch({name: pa.array(columns[name], TYPES[name]) for name in names})


def expected(
    sessions: Sequence[Session], late: Sequence[Late], names: Sequence[str] = tuple(TYPES)
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows = []
    for session in sessions:
        if "items" not in names:
            # A log without items says of no search what it showed.
            events = [e for e in session.events if not isinstance(e, Results)]
            if "query_id" not in names:
                events = [
                    replace(e, query_id=None) if hasattr(e, "query_id") else e for e in events
                ]
            counts = count(Session(session.user, session.id, tuple(events))) if events else None
        else:
            counts = count(session)
        rows.append(
            {
                "user": session.user,
                "session": session.id,
                "start": session.start,
                "end": session.end,
                **{name: getattr(counts, name, 0) for name in COUNTS},
                "events": len(session.events),
            }
        )
    lates = [batch([late.event], names).to_pylist()[0] | {"late_by": late.late_by} for late in late]
    return rows, lates


def rows(tables: tuple[pa.Table, pa.Table]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return tables[0].to_pylist(), tables[1].to_pylist()


class Drive:
    """Sessionizers run by hand, one per shard, and all that they found."""

    def __init__(
        self, gap: timedelta, wait: timedelta, shards: int = 1, sizes: Sizes | None = None
    ) -> None:
        self.settings, self.shards, self.sizes = (gap, wait), shards, sizes or Sizes()
        self.mine: dict[str, Sessionizer] = {}
        self.down: list[dict[str, Any]] = []
        self.late: list[dict[str, Any]] = []

    def note(self, found: Found) -> None:
        self.down += [row for table in found.sessions for row in table.to_pylist()]
        self.late += [row for table in found.late for row in table.to_pylist()]

    def add(self, batch: pa.RecordBatch) -> None:
        for shard, part in split(batch, self.shards):
            if shard not in self.mine:
                self.mine[shard] = Sessionizer(*self.settings, sizes=self.sizes)
            self.note(self.mine[shard].add(part))

    def store_and_resume(self) -> None:
        for shard, one in self.mine.items():
            state = pickle.loads(pickle.dumps(one.snapshot()))
            self.mine[shard] = Sessionizer(*self.settings, state, self.sizes)

    def finish(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        for one in self.mine.values():
            self.note(one.finish())
        self.down.sort(key=lambda row: (row["user"], row["session"]))
        self.late.sort(key=lambda row: row["user"])
        return self.down, self.late


def drive(
    batches: Sequence[pa.RecordBatch],
    gap: timedelta,
    wait: timedelta,
    shards: int = 1,
    resume_at: Sequence[int] = (),
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run sessionizers by hand; before the batches of `resume_at` they are stored and rebuilt."""
    run = Drive(gap, wait, shards)
    for i, whole in enumerate(batches):
        if i in resume_at:
            run.store_and_resume()
        run.add(whole)
    return run.finish()


def cut(events: Sequence[Event], cuts: Sequence[int], names: Sequence[str]) -> list[pa.RecordBatch]:
    places = [0, *sorted(min(c, len(events)) for c in cuts), len(events)]
    return [batch(events[a:b], names) for a, b in pairwise(places)]


users = st.sampled_from([1, 1, "1", 2, "ü"])
times = st.integers(0, 20).map(lambda s: NOON + timedelta(seconds=s))
ids = st.sampled_from([None, None, "a", "b", ""])
item = st.sampled_from(["fido", "dido", "kathy"])
event = st.one_of(
    st.builds(AppOpen, users, times),
    st.builds(Search, users, st.just("dogs"), times, ids),
    st.builds(Results, users, st.lists(item, max_size=3).map(tuple), times, ids),
    st.builds(ClickResult, users, item, times, ids, st.sampled_from([None, 1, 2])),
)


def in_steps(pairs: list[tuple[Event, int]]) -> list[Event]:
    """Events of which most are on time: each so many seconds after the one before it."""
    events, at = [], 9
    for event, step in pairs:
        at = max(0, at + step)
        events.append(replace(event, time=NOON + timedelta(seconds=at)))
    return events


events_ = st.one_of(
    st.lists(event, min_size=1, max_size=40),
    st.lists(st.tuples(event, st.integers(-2, 4)), min_size=1, max_size=40).map(in_steps),
)
durations = st.integers(0, 8).map(lambda s: timedelta(seconds=s))
cuts_ = st.lists(st.integers(0, 40), max_size=12)
columns = st.sampled_from(
    [tuple(TYPES), PLAIN, PLAIN, (*PLAIN, "query_id"), (*PLAIN, "items", "item"), (*PLAIN, "item")]
)


def without(event: Event, names: Sequence[str]) -> Event:
    """The event as a log with these columns holds it."""
    if "query_id" not in names and not isinstance(event, AppOpen):
        event = replace(event, query_id=None)
    if "position" not in names and isinstance(event, ClickResult):
        event = replace(event, position=None)
    return event


# The results of an earlier search come after those of a later one.
@example(
    events=[
        Search(1, "dogs", NOON, "a"),
        Search(1, "cats", NOON, "b"),
        Results(1, ("fido",), NOON, "b"),
        Results(1, ("fido",), NOON, "a"),
        ClickResult(1, "fido", NOON, "b"),
        ClickResult(1, "fido", NOON),
    ],
    gap=timedelta(seconds=5),
    wait=timedelta(seconds=1),
    cuts=[],
    names=tuple(TYPES),
    shards=1,
    resume_at=[],
)
@settings(max_examples=200)
@given(
    events_, durations, durations, cuts_, columns, st.integers(1, 4), st.lists(st.integers(0, 12))
)
def test_it_equals_the_oracle(
    events: list[Event],
    gap: timedelta,
    wait: timedelta,
    cuts: list[int],
    names: tuple[str, ...],
    shards: int,
    resume_at: list[int],
) -> None:
    events = [without(event, names) for event in events]
    result = drive(cut(events, cuts, names), gap, wait, shards, resume_at)
    assert result == expected(*oracle(events, gap, wait), names)


def visits(seed: int, users: int) -> list[Event]:
    """Sessions in which much is clicked, of which most was shown by one of the last searches."""
    rng = Random(seed)
    events: list[Event] = []
    for user in range(users):
        for second in range(rng.randrange(2, 12)):
            time = NOON + timedelta(seconds=second)
            id = rng.choice([None] * 6 + ["a", "b"])
            items = tuple(rng.choices(ITEMS, k=rng.randrange(4)))
            events += rng.choice(
                [
                    [Search(user, "dogs", time, id), Results(user, items, time, id)],
                    [Search(user, "dogs", time, id)],
                    [Results(user, items, time, id)],
                    [ClickResult(user, rng.choice(ITEMS), time, id)],
                    [ClickResult(user, rng.choice(ITEMS), time)],
                ]
            )
    return sorted(events, key=lambda event: event.time)


ITEMS = ["fido", "dido", "x", "", "kathy"]


@pytest.mark.parametrize("ranks", [0, 1, 2, 16])
@pytest.mark.parametrize("seed", range(5))
def test_clicks_go_to_the_search_of_the_oracle(
    monkeypatch: pytest.MonkeyPatch, seed: int, ranks: int
) -> None:
    monkeypatch.setattr(attribution, "RANKS", ranks)
    events, gap, wait = visits(seed, users=60), timedelta(minutes=1), timedelta(seconds=1)
    result = drive([batch(events)], gap, wait)
    assert result == expected(*oracle(events, gap, wait), tuple(TYPES))


def test_a_click_without_an_item_is_on_no_result() -> None:
    """Events have an item each, but a column may have holes."""
    search, results = Search(1, "dogs", NOON), Results(1, ("fido",), NOON)
    made = batch([search, results, ClickResult(1, "no", NOON), ClickResult(1, "no", NOON)])
    holes = {
        "items": pa.array([None, ["fido", None], None, None], TYPES["items"]),
        "item": pa.array([None, None, "no", None], TEXT),  # a hole ends where "no" does
    }
    columns = {name: holes.get(name, made[name]) for name in made.schema.names}
    (session,), _ = drive([pa.record_batch(columns)], timedelta(minutes=1), timedelta(0))
    assert (session["clicks"], session["orphan_clicks"]) == (2, 2)


def test_no_list_is_copied_for_a_click_on_one_of_the_first_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = attribution._taken
    names: list[str] = []

    def noted(texts: pa.Table, name: str, row: Any) -> pa.Array:
        names.append(name)
        return taken(texts, name, row)

    monkeypatch.setattr(attribution, "_taken", noted)
    items = tuple(f"{number} dogs" for number in range(20))
    shown = [Search(1, "dogs", NOON), Results(1, items, NOON)]
    for rank, is_copied in ((0, False), (1, False), (15, False), (16, True)):
        names.clear()
        drive([batch([*shown, ClickResult(1, items[rank], NOON)])], timedelta(1), timedelta(0))
        assert ("items" in names) == is_copied


# An event above the watermark, and then one between the two.
@example(
    events=[Search(1, "dogs", NOON + timedelta(seconds=1)), ClickResult(1, "x", NOON)],
    gap=timedelta(seconds=5),
    wait=timedelta(seconds=1),
    cuts=[1],
    names=PLAIN,
)
@given(events_, durations, durations, cuts_, columns)
def test_each_batch_can_be_looked_at_at_once(
    events: list[Event], gap: timedelta, wait: timedelta, cuts: list[int], names: tuple[str, ...]
) -> None:
    """Alone, a small batch waits for others; here none does, and a page has two users."""
    events = [without(event, names) for event in events]
    run = Drive(gap, wait, sizes=Sizes(page=2, small=1, round=1))
    for part in cut(events, cuts, names):
        run.add(part)
        run.store_and_resume()
    assert run.finish() == expected(*oracle(events, gap, wait), names)


@given(events_, events_, durations, durations, columns)
def test_after_the_end_of_the_input_the_watermark_and_the_next_id_are_known(
    before: list[Event],
    after: list[Event],
    gap: timedelta,
    wait: timedelta,
    names: tuple[str, ...],
) -> None:
    """As in the event path: a resumed flow closed its sessions, and forgot nothing else."""
    before, after = ([without(e, names) for e in events] for events in (before, after))
    run = Drive(gap, wait)
    for events in (before, after):
        run.store_and_resume()
        run.add(batch(events, names))
        sessions, late = run.finish()

    all_sessions, all_late = [], []
    newest: dict[str, datetime] = {}
    ids: dict[str, int] = {}
    for events in (before, after):
        # The newest of before, as an event of no session, makes late what it made late.
        marks = [AppOpen(user, time) for user, time in newest.items()]
        passed, newly_late = [], []
        for e in events:
            top = newest[str(e.user)] = max(newest.get(str(e.user), e.time), e.time)
            if e.time < top - wait:
                newly_late.append(Late(str(e.user), e, top - wait - e.time))
            else:
                passed.append(e)
        assert len(oracle([*marks, *events], gap, wait)[1]) == len(newly_late)
        all_late += newly_late
        for session in oracle(passed, gap, timedelta(days=1))[0]:
            id = ids.get(session.user, 0)
            ids[session.user] = id + 1
            all_sessions.append(Session(session.user, id, session.events))
    wanted = expected(all_sessions, all_late, names)
    assert sessions == sorted(wanted[0], key=lambda row: (row["user"], row["session"]))
    assert late == sorted(wanted[1], key=lambda row: row["user"])


LOG = list(simulate(30, 600, disorder=timedelta(seconds=30), late_share=0.03))
GAP, WAIT = timedelta(minutes=30), timedelta(seconds=20)


@pytest.mark.parametrize("shards", [1, 3])
def test_it_equals_the_event_path(shards: int) -> None:
    batches = cut(LOG, range(0, len(LOG), 500), tuple(TYPES))
    sessions, late = find_sessions(LOG, GAP, WAIT)
    assert len(late) > 20
    assert drive(batches, GAP, WAIT, shards) == expected(sessions, late)
    assert rows(sessionize_batches(batches, GAP, WAIT)) == expected(sessions, late)


@pytest.mark.parametrize(("page", "numbers"), [(4096, False), (4096, True), (128, True)])
def test_many_users_at_once(page: int, numbers: bool) -> None:
    """Many pages of users, and more of them than a byte can number."""
    run = Drive(timedelta(seconds=1_000), timedelta(0), sizes=Sizes(page=page))
    many = 60_000
    start = int(NOON.timestamp()) * 10**6
    for visit in range(3):
        users = pa.array(range(many)[:: -1 if visit == 1 else 1])
        columns = [pa.array(["search"] * many), users if numbers else users.cast(TEXT)]
        columns.append(pa.array([start + visit * 10**9] * many, TYPES["time"]))
        run.add(pa.record_batch(columns, names=PLAIN))
    sessions, late = run.finish()
    assert (len(sessions), len(late)) == (many, 0)
    assert sorted(int(row["user"]) for row in sessions) == list(range(many))
    assert {(row["session"], row["events"], row["searches"]) for row in sessions} == {(0, 3, 3)}


def test_a_session_of_more_events_than_are_counted_is_refused() -> None:
    at_once = Sizes(small=1, round=1)
    one = Sessionizer(GAP, timedelta(0), sizes=at_once)
    clicks: list[Event] = [ClickResult(1, "x", NOON) for _ in range(2)]
    one.add(batch(clicks, PLAIN))
    stored: Any = one.snapshot()
    stored.pages[0].counts[0] += (1 << 32) - 4  # one more is the most
    one = Sessionizer(GAP, timedelta(0), stored, at_once)
    one.add(batch(clicks[:1], PLAIN))
    with pytest.raises(OverflowError, match="4,294,967,296"):
        one.add(batch(clicks[:1], PLAIN))


def test_times_far_apart() -> None:
    """A user and a time together need more bits than a number has."""
    draw = Random(1)
    events: list[Event] = [
        AppOpen(draw.randrange(1_100), EARLIEST + timedelta(days=draw.choice([0, 1, 80_000])))
        for _ in range(2_500)
    ]
    for wait in timedelta(days=1), timedelta(days=300):
        assert drive([batch(events, PLAIN)], GAP, wait) == expected(
            *oracle(events, GAP, wait), PLAIN
        )


@pytest.mark.parametrize("sparse", [False, True])
def test_users_can_be_numbers_texts_and_both(sparse: bool) -> None:
    events = [replace(e, user=int(e.user) * (10**15 if sparse else 1) - 15) for e in LOG]
    batches = cut(events, range(0, len(LOG), 300), PLAIN)
    texts = rows(sessionize_batches(batches, GAP, WAIT))
    as_ids = [part.set_column(1, "user", part["user"].cast(pa.int64())) for part in batches]
    numbers = rows(sessionize_batches(as_ids, GAP, WAIT))
    assert numbers[0] == texts[0]
    assert [row | {"user": str(row["user"])} for row in numbers[1]] == sorted(
        texts[1], key=lambda row: str(row["user"])
    )
    for shards in (1, 3):
        mixed = [a if i % 2 else b for i, (a, b) in enumerate(zip(batches, as_ids, strict=True))]
        run = Drive(GAP, WAIT, shards)
        for part in mixed:
            run.add(part)
        for one in run.mine.values():
            run.note(one.finish())
        assert sorted(run.down, key=lambda row: (row["user"], row["session"])) == texts[0]


def test_dictionaries_and_other_units_are_the_same_columns() -> None:
    whole = batch(LOG)
    other = whole
    for name in ("event", "user"):
        other = other.set_column(
            other.schema.get_field_index(name), name, whole[name].dictionary_encode()
        )
    millis = whole["time"].cast(pa.timestamp("ms", tz="Asia/Tokyo"))
    other = other.set_column(2, "time", millis)
    assert sessionize_batches([other], GAP, WAIT)[0] == sessionize_batches([whole], GAP, WAIT)[0]


def test_the_shard_of_a_user_is_the_same_in_every_process() -> None:
    users = ["", "1", "2", "ü", "a user with a long name"]
    part = batch([AppOpen(user, NOON) for user in users], PLAIN)
    places = {row["user"]: shard for shard, t in split(part, 5) for row in t.to_pylist()}
    assert places == PLACES
    sliced = {row["user"]: s for s, t in split(part.slice(2), 5) for row in t.to_pylist()}
    assert sliced == {user: PLACES[user] for user in users[2:]}


PLACES = {"": "0", "1": "1", "2": "3", "ü": "2", "a user with a long name": "0"}


def parquet_flow(path: Path, down: list[Any], late: list[Any], shards: int) -> Dataflow:
    flow = Dataflow("columns")
    items = op.input("inp", flow, BatchSource(Log((str(path),)).open(), batch=400))
    batches = op.filter("batches", items, lambda item: isinstance(item, pa.RecordBatch))
    out = columnar_sessions("sessions", batches, Windowing(GAP, WAIT), shards)
    op.output("down", out.down, TestingSink(down))
    op.output("late", out.late, TestingSink(late))
    return flow


@pytest.mark.parametrize("shards", [1, 3])
def test_a_killed_run_over_parquet_resumes(tmp_path: Path, shards: int) -> None:
    pq.write_table(
        pa.Table.from_batches([batch(LOG)]), tmp_path / "log.parquet", row_group_size=700
    )
    init_db_dir(tmp_path, 1)
    recovery = RecoveryConfig(str(tmp_path))
    down: list[Any] = []
    late: list[Any] = []
    flow = parquet_flow(tmp_path / "log.parquet", down, late, shards)
    with pytest.MonkeyPatch.context() as patch:
        fail_at(patch, Part, 3)
        with pytest.raises(BytewaxRuntimeError):
            run_main(flow, epoch_interval=timedelta(0), recovery_config=recovery)
    assert down and late
    run_main(flow, epoch_interval=timedelta(0), recovery_config=recovery)
    got = [row for part in down for row in part.to_pylist()]
    got.sort(key=lambda row: (row["user"], row["session"]))
    lates = sorted((row for part in late for row in part.to_pylist()), key=lambda row: row["user"])
    # Whoever resumes reads again what its last epoch held: here an output can come twice.
    unique = [row for i, row in enumerate(got) if i == 0 or row != got[i - 1]]
    wanted = expected(*find_sessions(LOG, GAP, WAIT))
    assert unique == wanted[0]
    assert [row for i, row in enumerate(lates) if row not in lates[:i]] == wanted[1]


@pytest.mark.parametrize("names", [PLAIN, tuple(TYPES)])
def test_a_snapshot_stays_as_it_was(names: tuple[str, ...]) -> None:
    """The engine stores it later, when the logic may have gone on."""
    parts = cut(LOG, range(0, len(LOG), 100), names)
    for stop in range(1, 9):
        one = Sessionizer(GAP, WAIT)
        for part in parts[:stop]:
            one.add(part)
        stored = one.snapshot()
        then = pickle.dumps(stored)
        for part in parts[stop:]:
            one.add(part)
        one.finish()
        assert pickle.dumps(stored) == then


def test_another_number_of_shards_is_refused() -> None:
    logic = ShardLogic(Windowing(GAP, WAIT), 3, None)
    logic.on_batch([batch(LOG, PLAIN)])
    ShardLogic(Windowing(GAP, WAIT), 3, logic.snapshot())
    with pytest.raises(ValueError, match=r"shards: .*found 4, after 3"):
        ShardLogic(Windowing(GAP, WAIT), 4, logic.snapshot())


def test_a_shorter_wait_is_refused() -> None:
    """What would be late now, was not kept as it came."""
    one = Sessionizer(GAP, WAIT)
    one.add(batch(LOG, PLAIN))
    stored = one.snapshot()
    Sessionizer(GAP, WAIT * 2, stored)
    with pytest.raises(ValueError, match=r"wait: .*found 0:00:19, after 0:00:20"):
        Sessionizer(GAP, WAIT - timedelta(seconds=1), stored)


def fail_at(patch: pytest.MonkeyPatch, part: type, batches: int) -> None:
    read, done = part.next_batch, []

    def next_batch(self: Any) -> Any:
        if len(done) == batches:
            raise OSError("the machine is gone")
        done.append(None)
        return read(self)

    patch.setattr(part, "next_batch", next_batch)


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("event", pa.array(["tap"]), "event: .*app_open, search, results, click.*; found 'tap'"),
        ("event", pa.array([None], pa.string()), "event: .* 1 have none"),
        ("user", pa.array([None], pa.string()), "user: .* 1 have none"),
        ("user", pa.array([1.0]), "user: .* found double"),
        ("time", pa.array([0], pa.timestamp("us")), "time: .*time zone"),
        ("time", pa.array([-1], pa.timestamp("us", "UTC")), "time: .*1970-01-01"),
        ("time", pa.array([None], pa.timestamp("us", "UTC")), "time: .* 1 have none"),
    ],
)
def test_a_bad_column_is_named(column: str, values: pa.Array, says: str) -> None:
    part = batch([AppOpen("1", NOON)], PLAIN)
    part = part.set_column(PLAIN.index(column), column, values)
    with pytest.raises((TypeError, ValueError), match=says):
        drive([part], GAP, WAIT)


def test_bad_settings_are_refused_when_the_flow_is_made() -> None:
    with pytest.raises(ValueError, match="gap"):
        sessionize_batches([], gap=timedelta(-1))
    nothing: Any = None
    with pytest.raises(ValueError, match=r"shards: .*found 0"):
        columnar_sessions("sessions", op.input("inp", Dataflow("none"), nothing), Windowing(), 0)


def test_no_batches_give_no_rows() -> None:
    sessions, late = sessionize_batches([])
    assert (sessions.num_rows, late.num_rows) == (0, 0)


def modules_after(code: str) -> set[str]:
    """Return the modules that a fresh process has loaded after running some code."""
    code = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_the_sessionizer_needs_no_engine_and_no_pandas(tmp_path: Path) -> None:
    """Either would take longer to load than the sessions of a million events to find."""
    path = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_batches([batch(LOG)]), path)
    loaded = modules_after(f"""
import pyarrow.parquet as pq
from searchlogs.columnar.sessionizer import Sessionizer, sessionize_batches
batches = list(pq.ParquetFile({str(path)!r}).iter_batches(500))
sessionizer = Sessionizer("30m", "20s")
for batch in batches: sessionizer.add(batch)
sessionizer.snapshot(), sessionizer.finish(), sessionize_batches(batches)
""")
    assert "searchlogs.columnar.kernel" in loaded
    assert not {"bytewax", "pandas"} & loaded


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.parquet"])
def test_reading_a_log_loads_no_pandas(tmp_path: Path, name: str) -> None:
    write_log(LOG[:500], tmp_path / name)
    loaded = modules_after(f"""
from searchlogs.columnar.source import BatchSource
from searchlogs.columnar.operator import split
from searchlogs.logs.log import Log
part = BatchSource(Log(({str(tmp_path / name)!r},)).open()).build_part("", "log", None)
rows = [len(rows) for _, rows in split(part.next_batch()[0], 3)]
assert sum(rows) == 500
""")
    assert "bytewax" in loaded and "pandas" not in loaded
