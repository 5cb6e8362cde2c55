"""What real logs hold besides plain records of ours, in every format and by both engines."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_files import Row, json_lines
from wording import Like

from searchlogs.columnar.flow import to_late
from searchlogs.columnar.parquet import common_columns
from searchlogs.columnar.source import BatchSource
from searchlogs.events import FIELDS, AppOpen, ClickResult, Event, Results, Search
from searchlogs.logs.border import BadRecord, Border, Ignored, Reject
from searchlogs.logs.formats import write_log
from searchlogs.logs.jsonl import event_record
from searchlogs.logs.log import Log
from searchlogs.logs.outcomes import Activity, Found, with_events
from searchlogs.logs.source import LogSource
from searchlogs.logs.tally import Tally
from searchlogs.logs.ubi import Ubi
from searchlogs.simulate import simulate

TIME = datetime(2024, 1, 1, tzinfo=UTC)
AT = "2024-01-01T00:00:00Z"
OPEN: dict[str, Any] = {"event": "app_open", "user": "u", "time": AT}
SEARCH: dict[str, Any] = {**OPEN, "event": "search", "query": "dogs"}
RESULTS: dict[str, Any] = {**OPEN, "event": "results", "items": ["a"]}
CLICK: dict[str, Any] = {**OPEN, "event": "click", "item": "a"}
OURS = Border()


def why(record: Row, border: Border = OURS) -> tuple[str | None, str]:
    with pytest.raises(BadRecord) as bad:
        border.read(record)
    return bad.value.field, bad.value.reason


# Files of every format


def jsonl(rows: list[Row], folder: Path) -> str:
    (folder / "log.jsonl").write_bytes(json_lines(rows))
    return str(folder / "log.jsonl")


def array(rows: list[Row], folder: Path) -> str:
    (folder / "log.json").write_text(json.dumps(rows, indent=1))
    return str(folder / "log.json")


def csv(rows: list[Row], folder: Path, delimiter: str = ",", ending: str = "csv") -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [delimiter.join(names)]
    for row in rows:
        cells = [row.get(name) for name in names]
        texts = [
            "" if c is None else json.dumps(c) if isinstance(c, list) else str(c) for c in cells
        ]
        quoted = [
            '"' + text.replace('"', '""') + '"' if ending == "csv" else text for text in texts
        ]
        lines.append(delimiter.join(quoted))
    path = folder / f"log.{ending}"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def tsv(rows: list[Row], folder: Path) -> str:
    return csv(rows, folder, "\t", "tsv")


def parquet(rows: list[Row], folder: Path) -> str:
    """Columns that are taken as they stand: text, lists of text, whole numbers, aware times."""
    types = {"time": pa.timestamp("us", "UTC"), "position": pa.int64(), "rank": pa.int64()}
    types |= {"items": pa.list_(pa.string()), "hits": pa.list_(pa.string())}
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        cells = [row.get(name) for row in rows]
        if name == "time":
            cells = [cell and datetime.fromisoformat(cell) for cell in cells]
        columns[name] = pa.array(cells, types.get(name, pa.string()))
    pq.write_table(pa.table(columns), folder / "log.parquet", row_group_size=3)
    return str(folder / "log.parquet")


def textual(rows: list[Row], folder: Path) -> str:
    """Columns of text alone, whose rows are read one by one."""
    texts = [
        {
            n: json.dumps(v) if isinstance(v, list) else v if v is None else str(v)
            for n, v in row.items()
        }
        for row in rows
    ]
    names = list(dict.fromkeys(name for row in rows for name in row))
    schema = pa.schema([(name, pa.string()) for name in names])
    pq.write_table(pa.Table.from_pylist(texts, schema), folder / "log.parquet", row_group_size=3)
    return str(folder / "log.parquet")


FORMATS = [jsonl, array, csv, tsv, parquet, textual]
formats = pytest.mark.parametrize("write", FORMATS)


def given(part: Any) -> Iterator[Any]:
    """All that a source gives."""
    while True:
        try:
            yield from part.next_batch()
        except StopIteration:
            return


def found(log: Log) -> tuple[list[Event], list[Reject], Tally]:
    """The events, the rejects and the tally of a log, which both engines agree on."""
    items = list(given(LogSource(log.open()).build_part("", "log", None)))
    events = [item for item in items if not isinstance(item, Reject | Tally)]
    rejects = [item for item in items if isinstance(item, Reject)]
    columnar: tuple[list[Event], list[Reject], list[Tally]] = [], [], []
    for size in (2, None):
        columnar = [], [], []
        for item in given(BatchSource(log.open(), batch=size).build_part("", "log", None)):
            if isinstance(item, pa.RecordBatch):
                none = pa.array([timedelta(0)] * len(item), pa.duration("us"))
                late = to_late(item.append_column("late_by", none))
                columnar[0].extend(one.event for one in late)
            else:
                columnar[1 if isinstance(item, Reject) else 2].append(item)
        assert columnar[:2] == (events, rejects)
        assert repr(columnar[2]) == repr(items[-1:])
    return events, rejects, items[-1]


# A search record that carries its hits

HITS = [
    {**SEARCH, "items": ["a", "b"]},
    {**SEARCH, "items": [], "query_id": "q"},
    SEARCH,
    RESULTS,
]
HITS_EVENTS = [
    Search("u", "dogs", TIME),
    Results("u", ("a", "b"), TIME),
    Search("u", "dogs", TIME, "q"),
    Results("u", (), TIME, "q"),
    Search("u", "dogs", TIME),
    Results("u", ("a",), TIME),
]


@formats
def test_a_search_with_items_is_a_search_and_its_results(tmp_path: Path, write: Any) -> None:
    events, rejects, tally = found(Log((write(HITS, tmp_path),)))
    assert (events, rejects) == (HITS_EVENTS, [])
    assert (tally.gave_events, tally.events, tally.unread) == (4, 6, {})


@formats
def test_the_hits_may_have_another_name(tmp_path: Path, write: Any) -> None:
    """The sibling by --map: the log's own word for items."""
    rows = [{"hits" if name == "items" else name: row[name] for name in row} for row in HITS]
    assert found(Log((write(rows, tmp_path),), Border({"items": "hits"})))[0] == HITS_EVENTS


@pytest.mark.parametrize(
    ("hits", "fields"),
    [
        ({"page": {"hits": ["a", 7]}}, {"items": "page.hits"}),
        ({"page.hits": ["a", 7]}, {"items": "page.hits"}),
        ({"page": '{"hits": ["a", 7]}'}, {"items": "page.hits"}),
        ({"items": '["a", "7"]'}, {}),
        ({"b": ["a", "7"]}, {"items": "a|b"}),
    ],
)
def test_hits_inside(hits: Row, fields: dict[str, str]) -> None:
    """The siblings of a list under its own name: inside objects, and as JSON text."""
    events = Border(fields).read({**SEARCH, **hits})
    assert events == (Search("u", "dogs", TIME), Results("u", ("a", "7"), TIME))


@pytest.mark.parametrize("none", [None, ""])
def test_no_value_is_no_hits(none: object) -> None:
    assert OURS.read({**SEARCH, "items": none}) == (Search("u", "dogs", TIME),)


@pytest.mark.parametrize("bad", ["a", 7, {"a": 1}, ["a", None], ["a", ""], ["a", 1.5], '["a", nul'])
def test_a_search_with_broken_hits_is_a_reject(bad: object) -> None:
    assert why({**SEARCH, "items": bad}) == ("items", Like("list of texts…found "))


def test_hits_in_columns_that_are_partly_broken(tmp_path: Path) -> None:
    """Rows read one by one stand at their places among those whose columns are taken."""
    rows = [HITS[0], {**SEARCH, "items": ["a", ""]}, HITS[1], {**HITS[0], "user": None}, HITS[2]]
    events, rejects, tally = found(Log((parquet(rows, tmp_path),)))
    assert events == HITS_EVENTS[:5]
    assert [(reject.line, reject.field) for reject in rejects] == [(2, "items"), (4, "user")]
    assert (tally.records, tally.gave_events, tally.events) == (5, 3, 5)


def test_several_files_of_searches_with_hits(tmp_path: Path) -> None:
    """Both events of a record stay together, also where files are merged."""
    paths = []
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        rows = [{**row, "user": str(number)} for row in HITS]
        paths.append(parquet(rows, tmp_path / str(number)))
    log = Log(tuple(paths))
    assert common_columns(log.open()) is not None
    events, _, _ = found(log)
    assert len(events) == 18
    for user in "012":
        mine = [replace(event, user="u") for event in events if event.user == user]
        assert mine == HITS_EVENTS


# Fields that nothing reads


def test_fields_that_a_kind_does_not_read() -> None:
    full = {"query": "q", "items": ["a"], "item": "a", "query_id": "q", "position": 1}
    expected = {
        "app_open": ("query", "items", "item", "query_id", "position"),
        "search": ("item", "position"),
        "results": ("query", "item", "position"),
        "click": ("query", "items"),
    }
    for kind, names in expected.items():
        outcome = OURS.read({**OPEN, "event": kind, **full})
        assert isinstance(outcome, Found)
        assert outcome.unread == tuple(f"{kind}.{name}" for name in names)


UNREAD = [
    {**CLICK, "query": "dogs", "items": None},
    {**CLICK, "query": None},
    {**OPEN, "query_id": "q", "item": "a"},
    {**SEARCH, "position": 1},
    {**CLICK, "query": "dogs", "position": 2, "query_id": "q"},
    {**CLICK, "user": None, "query": "dogs"},
]


@formats
def test_fields_that_nothing_reads_are_counted(tmp_path: Path, write: Any) -> None:
    """Null, an empty cell and a field of a record that is a reject are no values."""
    _, rejects, tally = found(Log((write(UNREAD, tmp_path),)))
    assert len(rejects) == 1
    assert list(tally.unread.items()) == [
        ("click.query", 2),
        ("app_open.item", 1),
        ("app_open.query_id", 1),
        ("search.position", 1),
    ]


@formats
def test_they_are_counted_under_the_names_of_the_log(tmp_path: Path, write: Any) -> None:
    """The sibling by --map: a field is unread under the log's name, and ours is no field then."""
    rows = [{**CLICK, "text": "dogs"}, {**CLICK, "query": "dogs"}, {**SEARCH, "text": "dogs"}]
    border = Border({"query": "text"})
    assert found(Log((write(rows, tmp_path),), border))[2].unread == {"click.query": 1}


def test_a_place_that_a_kind_reads_is_not_unread() -> None:
    assert type(Border({"item": "query"}).read({**OPEN, "event": "click", "query": "a"})) is tuple
    assert type(OURS.read({**SEARCH, "items": [], "more": 1, "id": "x"})) is tuple


def test_unread_values_inside_objects() -> None:
    border = Border({"query": "page.query", "item": "page.item"})
    outcome = border.read({**OPEN, "event": "click", "page": {"item": "a", "query": "dogs"}})
    assert isinstance(outcome, Found) and outcome.unread == ("click.query",)
    outcome = border.read({**OPEN, "page": "no object"})
    assert type(outcome) is tuple


def test_ubi_counts_them_too(tmp_path: Path) -> None:
    """The sibling format: since version 1.3 events may have the text of their query."""
    click = {"action_name": "click", "client_id": "u", "timestamp": 1704067200000}
    click |= {"user_query": "dogs"}
    click["event_attributes"] = {"object": {"object_id": "a"}}
    log = Log((jsonl([click], tmp_path),), Ubi(), "ubi")
    events, _, tally = found(log)
    assert events == [ClickResult("u", "a", TIME)]
    assert tally.unread == {"click.query": 1} and tally.mapped == {}


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv", "parquet"])
def test_nothing_of_a_log_of_ours_is_unread(tmp_path: Path, ending: str) -> None:
    write_log(simulate(10, 50, seed=1, query_ids=True), tmp_path / f"log.{ending}")
    tally = found(Log((str(tmp_path / f"log.{ending}"),)))[2]
    assert (tally.unread, tally.mapped, tally.activity) == ({}, {}, {})


# Mapped fields that no record has


@formats
def test_a_mapped_field_that_no_record_has(tmp_path: Path, write: Any) -> None:
    border = Border({"query_id": "qid", "item": "doc", "position": "rank", "user": "user"})
    rows = [SEARCH, {**CLICK, "doc": "a", "rank": None}]
    tally = found(Log((write(rows, tmp_path),), border))[2]
    assert tally.mapped == {"query_id": False, "item": True, "position": False, "user": True}


@formats
def test_so_is_one_that_every_record_needs(tmp_path: Path, write: Any) -> None:
    """Its rejects are still there; the other fields of these records are not missed."""
    border = Border({"user": "uid", "time": "time", "query_id": "qid"})
    rows = [{**SEARCH, "qid": "q"}, CLICK]
    events, rejects, tally = found(Log((write(rows, tmp_path),), border))
    assert (events, {reject.field for reject in rejects}) == ([], {"uid"})
    assert tally.mapped == {"user": False, "time": True, "query_id": True}


def test_where_a_mapped_field_is_found_at_all() -> None:
    """On a record of any fate: unread, ignored, a reject, or an activity."""
    border = Border({"query": "text"}, {"tap": "activity", "click": "click"})
    for record in (
        {**CLICK, "text": "dogs"},
        {**OPEN, "event": "scroll", "text": "dogs"},
        {**CLICK, "user": None, "text": "dogs"},
        {**OPEN, "event": "tap", "text": "dogs"},
    ):
        for present in (record, {**record, "text": None}):
            assert _tally([present], border).mapped == {"query": present is record}


def _tally(rows: list[Row], border: Border) -> Tally:
    from searchlogs.logs.tally import Mapped

    tally = Tally()
    mapped = Mapped(tally, border.mapped)
    for row in rows:
        try:
            outcome: Any = border.read(row)
        except BadRecord as bad:
            outcome = pickle.loads(pickle.dumps(bad)).withheld()  # as it travels
        tally.add(outcome)
        mapped.look([outcome])
    return tally


def test_nothing_is_missed_if_no_record_was_parsed(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(b"no JSON\n\n")
    log = Log((str(tmp_path / "log.jsonl"),), Border({"user": "uid"}))
    assert found(log)[2].mapped == {}


def test_only_what_was_mapped_of_ubi_is_missed(tmp_path: Path) -> None:
    query = {"user_query": "dogs", "client_id": "u", "timestamp": AT}
    log = Log((jsonl([query], tmp_path),), Ubi({"item": "sku", "user": "client_id"}), "ubi")
    assert found(log)[2].mapped == {"item": False}


# Positions from 0


@formats
@pytest.mark.parametrize("first", [0, 1])
def test_positions_count_from_the_first_one(tmp_path: Path, write: Any, first: int) -> None:
    rows = [{**CLICK, "position": position} for position in (0, 1, 7, 10**9 - 1, 10**9, -1, None)]
    events, rejects, _ = found(Log((write(rows, tmp_path),), Border(first_position=first)))
    given = {0: [1, 2, 8, 10**9, None], 1: [1, 7, 10**9 - 1, 10**9, None]}[first]
    assert [event.position for event in events] == given  # type: ignore[union-attr]
    assert [reject.line - (write in (csv, tsv)) for reject in rejects if write is not array] == (
        [] if write is array else [5, 6] if first == 0 else [1, 6]
    )


@pytest.mark.parametrize("zero", [0, 0.0, "0"])
def test_a_position_0_names_the_option(zero: object) -> None:
    """The siblings: as a number, as pandas' float, and as text."""
    assert why({**CLICK, "position": zero}) == ("position", Like("--first-position 0…found "))
    assert Border(first_position=0).read({**CLICK, "position": zero})[0].position == 1  # type: ignore


@pytest.mark.parametrize("bad", [-1, 1.5, True, False, "first", 10**9])
def test_other_positions_do_not(bad: object) -> None:
    field, reason = why({**CLICK, "position": bad}, Border(first_position=0))
    assert (field, reason) == ("position", Like("whole number from 0…999,999,999; found "))
    if bad != 10**9:
        assert "--first-position" not in why({**CLICK, "position": bad})[1]


def test_floats_with_holes_are_shifted_too(tmp_path: Path) -> None:
    """The sibling of whole numbers in Parquet: what pandas makes of a column with holes."""
    table = pa.table(
        {
            "event": pa.array(["click"] * 5),
            "user": pa.array(["u"] * 5),
            "time": pa.array([TIME] * 5, pa.timestamp("us", "UTC")),
            "item": pa.array(["a"] * 5),
            "position": pa.array([0.0, None, float("nan"), 1.0, 0.5]),
        }
    )
    pq.write_table(table, tmp_path / "log.parquet")
    log = Log((str(tmp_path / "log.parquet"),), Border(first_position=0))
    assert common_columns(log.open()) is not None
    events, rejects, _ = found(log)
    assert [event.position for event in events] == [1, None, None, 2]  # type: ignore[union-attr]
    assert [reject.line for reject in rejects] == [5]


# Other actions that keep a session open

ACTIONS = [
    {**OPEN, "event": "scroll", "item": "a"},
    SEARCH,
    {**OPEN, "event": "zoom"},
    {**OPEN, "event": "scroll"},
    {**OPEN, "event": "zoom", "user": None},
]


@formats
def test_an_activity_is_counted_by_name(tmp_path: Path, write: Any) -> None:
    border = Border(kinds={"scroll": "activity", "zoom": "activity"})
    events, rejects, tally = found(Log((write(ACTIONS, tmp_path),), border))
    activity = Activity("u", TIME)
    assert events == [activity, Search("u", "dogs", TIME), activity, activity]  # type: ignore[list-item]
    assert [reject.field for reject in rejects] == ["user"]
    assert list(tally.activity.items()) == [("scroll", 2), ("zoom", 1)]
    assert (tally.gave_events, tally.events, tally.ignored, tally.unread) == (4, 4, {}, {})


@formats
def test_all_other_actions(tmp_path: Path, write: Any) -> None:
    """The sibling: * is every kind that is not mapped otherwise, ours and the log's."""
    border = Border(kinds={"*": "activity"})
    tally = found(Log((write(ACTIONS, tmp_path),), border))[2]
    assert tally.activity == {"scroll": 2, "zoom": 1}
    border = Border(kinds={"*": "activity", "zoom": "app_open"})
    events, _, tally = found(Log((write(ACTIONS, tmp_path),), border))
    assert (tally.activity, events[2]) == ({"scroll": 2}, AppOpen("u", TIME))


@formats
def test_actions_that_are_not_mapped_are_ignored(tmp_path: Path, write: Any) -> None:
    border = Border(kinds={"scroll": "activity"})
    tally = found(Log((write(ACTIONS, tmp_path),), border))[2]
    assert (tally.activity, tally.ignored) == ({"scroll": 2}, {"zoom": 2})


def test_activities_of_too_many_names(tmp_path: Path) -> None:
    """A broken log has as many kinds as lines; both engines list the same hundred."""
    rows = [{**OPEN, "event": f"kind {n % 150} \x1b"} for n in range(400)]
    tally = found(Log((parquet(rows, tmp_path),), Border(kinds={"*": "activity"})))[2]
    assert len(tally.activity) == 101 and sum(tally.activity.values()) == 400
    assert "kind 7 \\x1b" in tally.activity and tally.activity["(others)"] == 100


def test_star_stands_for_activities_alone() -> None:
    with pytest.raises(ValueError, match=r"kind: \* .* activity alone; found click"):
        Border(kinds={"*": "click"})
    with pytest.raises(ValueError, match=r"first position: .*0 or 1; found 2"):
        Border(first_position=2)


def test_an_activity_on_its_way(tmp_path: Path) -> None:
    """It can be pickled, gets a pseudonym, is dropped if it is repeated, and is written if late."""
    activity: Any = Activity("u", TIME)
    assert event_record(activity) == {
        "event": "activity",
        "user": "u",
        "time": "2024-01-01T00:00:00.000Z",
    }
    border = Border(kinds={"*": "activity"})
    log = Log((jsonl(ACTIONS * 2, tmp_path),), border, once=timedelta(0), key=b"k" * 32, sort=True)
    events, _, tally = found(log)
    assert [type(event) for event in events] == [Activity, Activity, Search]
    assert len({event.user for event in events}) == 1 and len(str(events[0].user)) == 64
    # Two actions at one time are not the same, though both are an activity.
    assert (tally.activity, tally.duplicates) == ({"scroll": 1, "zoom": 1}, 5)


# Types of warehouses


def typed(folder: Path, rows: int = 2, **columns: pa.Array) -> Log:
    """A Parquet file of clicks, some of whose columns are others."""
    table = {
        "event": pa.array(["click"] * rows),
        "user": pa.array(["u"] * rows),
        "time": pa.array([TIME] * rows, pa.timestamp("us", "UTC")),
        "item": pa.array(["a"] * rows),
        **columns,
    }
    pq.write_table(pa.table(table), folder / "log.parquet")
    return Log((str(folder / "log.parquet"),))


def test_decimals_without_a_fraction_are_whole_numbers(tmp_path: Path) -> None:
    """NUMBER(38, 0) and NUMERIC of warehouses; the siblings are all fields that may be numbers."""
    whole = pa.array([Decimal("7.00"), Decimal("8.00")], pa.decimal128(38, 2))
    large = pa.array([Decimal(2**70), Decimal(3)], pa.decimal256(76, 0))
    log = typed(tmp_path, user=large, item=whole, query_id=whole, position=whole)
    assert found(log)[0] == [
        ClickResult(2**70, "7", TIME, "7", 7),
        ClickResult(3, "8", TIME, "8", 8),
    ]
    broken = pa.array([Decimal("7.50"), Decimal("8.00")], pa.decimal128(10, 2))
    for name in ("user", "item", "query_id", "position"):
        events, rejects, _ = found(typed(tmp_path, **{name: broken}))
        assert len(events) == 1
        assert (rejects[0].field, rejects[0].reason) == (name, Like("whole number…found Decimal"))


def test_times_may_be_decimals(tmp_path: Path) -> None:
    times = pa.array([Decimal("1704067200.000"), Decimal("1.5")], pa.decimal128(20, 3))
    log = replace(typed(tmp_path, time=times), border=Border(time_unit="s"))
    events, rejects, _ = found(log)
    assert [event.time for event in events] == [TIME]
    assert rejects[0].reason == Like("is the unit another…found ")
    assert found(typed(tmp_path, time=times))[1][0].reason == Like("--time-unit…found ")


@pytest.mark.parametrize("type", [pa.binary(), pa.large_binary(), pa.binary(4)])
def test_binary_that_is_utf_8_is_text(tmp_path: Path, type: pa.DataType) -> None:
    """The siblings are all fields that may be text, and lists of it."""
    good, bad = "süd".encode(), b"a\xffbc"
    items = pa.array([[good], [bad]], pa.list_(type))
    kinds = pa.array([b"results"] * 2, pa.binary())
    events, rejects, _ = found(typed(tmp_path, event=kinds, items=items))
    assert events == [Results("u", ("süd",), TIME)]
    assert (rejects[0].field, rejects[0].reason) == ("items", Like("list of texts…found b'a\\xff"))
    for name in ("user", "item", "query_id"):
        events, rejects, _ = found(typed(tmp_path, **{name: pa.array([good, bad], type)}))
        assert [getattr(event, name) for event in events] == ["süd"]
        assert (rejects[0].field, rejects[0].reason) == (name, Like("text…found b'a\\xff"))
    rejects = found(typed(tmp_path, time=pa.array([b"2024", bad], pa.binary())))[1]
    assert {reject.field for reject in rejects} == {"time"}
    times = pa.array([AT.encode()] * 2, pa.binary())
    assert len(found(typed(tmp_path, time=times))[0]) == 2


def test_a_float_that_may_be_another_number_is_no_id(tmp_path: Path) -> None:
    """2⁵³ + 1 is none of the floats; whole numbers below are what they seem."""
    floats = pa.array([2.0**53, 2.0**53 - 1])
    for name, good in (("user", 2**53 - 1), ("item", str(2**53 - 1))):
        events, rejects, _ = found(typed(tmp_path, **{name: floats}))
        assert [getattr(event, name) for event in events] == [good]
        assert rejects[0].reason == Like("whole number…found 9007199254740992.0")
    large = pa.array([2**64 - 1, 5], pa.uint64())
    assert [event.user for event in found(typed(tmp_path, user=large))[0]] == [2**64 - 1, 5]


PAYLOADS: list[tuple[pa.DataType, list[Any]]] = [
    (pa.string(), ['{"id": "x", "n": 3}', "{}", None, "", '{"id": "x"', "text", "[1]"]),
    (pa.binary(), [b'{"id": "x", "n": 3}', b"{}", None, b"", b'{"id": "x"', b"text", b"[1]"]),
    (pa.map_(pa.string(), pa.string()), [[("id", "x"), ("n", "3")], [], None]),
    (pa.map_(pa.string(), pa.string()), [[("id", "x"), ("n", "3")], [("id", "x")] * 2]),
    (
        pa.struct({"id": pa.binary(), "n": pa.decimal128(5, 1)}),
        [{"id": b"x", "n": Decimal(3)}, {"id": None, "n": None}, None, {"id": b"\xff", "n": None}],
    ),
]


@pytest.mark.parametrize(("type", "cells"), PAYLOADS)
def test_values_inside_text_maps_and_structs(
    tmp_path: Path, type: pa.DataType, cells: list[Any]
) -> None:
    """The first cell is read, those that hold nothing lack the item, all others are broken."""
    log = typed(tmp_path, rows=len(cells), payload=pa.array(cells, type))
    border = Border({"item": "payload.id", "position": "payload.n"})
    events, rejects, _ = found(replace(log, border=border))
    assert events == [ClickResult("u", "x", TIME, None, 3)]
    assert len(rejects) == len(cells) - 1
    for reject, cell in zip(rejects, cells[1:], strict=True):
        holds_nothing = not cell or cell in ("{}", b"{}", {"id": None, "n": None})
        assert (reject.reason == "missing") is holds_nothing
        assert holds_nothing or "found" in reject.reason or "could not be read" in reject.reason


def test_csv_has_json_text_too(tmp_path: Path) -> None:
    """The sibling format, in which objects are always text."""
    rows = [{**CLICK, "item": None, "payload": '{"ids": {"sku": 7}}'}, {**CLICK, "payload": "{"}]
    events, rejects, _ = found(Log((csv(rows, tmp_path),), Border({"item": "payload.ids.sku"})))
    assert events == [ClickResult("u", "7", TIME)]
    assert (rejects[0].field, rejects[0].reason) == ("payload", Like("object…found '{'"))


def test_deeper_text_and_flattened_names() -> None:
    border = Border({"item": "a.b.c"})
    for value in (
        {"a": {"b": {"c": "x"}}},
        {"a": '{"b": "{\\"c\\": \\"x\\"}"}'},
        {"a.b": {"c": "x"}},
        {"a": {"b.c": "x"}},
        {"a.b.c": "x"},
    ):
        assert border.read({**OPEN, "event": "click", **value}) == (ClickResult("u", "x", TIME),)
    assert why({**OPEN, "event": "click", "a": {"b": 7}}, border)[0] == "a.b"


# The first that is there


@formats
def test_the_first_name_that_is_not_empty(tmp_path: Path, write: Any) -> None:
    """A user who logs in half-way; nulls, empty cells and empty texts are passed over."""
    border = Border({"user": "login|anonymous", "query": "q|text"})
    base = {**OPEN, "user": None, "event": "search"}
    rows: list[Row] = [
        {**base, "login": None, "anonymous": "x", "q": None, "text": "dogs"},
        {**base, "login": "a", "anonymous": "x", "q": "cats", "text": "dogs"},
        {**base, "login": "", "anonymous": "x", "q": "", "text": "dogs"},
        {**base, "login": None, "anonymous": None, "q": "cats", "text": "dogs"},
    ]
    events, rejects, tally = found(Log((write(rows, tmp_path),), border))
    assert [(event.user, event.query) for event in events] == [  # type: ignore[union-attr]
        ("x", "dogs"),
        ("a", "cats"),
        ("x", "dogs"),
    ]
    assert [(reject.field, reject.reason) for reject in rejects] == [("login|anonymous", "missing")]
    assert tally.mapped == {"user": True, "query": True}


def test_alternatives_that_are_all_empty() -> None:
    border = Border({"user": "a|b", "query": "c|d"})
    record = {"event": "search", "time": AT, "a": "u", "c": None, "d": ""}
    assert border.read(record) == (Search("u", "", TIME),)
    assert why({**record, "a": None, "b": ""}, border) == ("a|b", Like("non-empty text…found ''"))
    assert why({**record, "a": None}, border) == ("a|b", "missing")


def test_alternatives_may_stand_inside_and_have_other_types() -> None:
    border = Border({"user": "ids.login|ids.anonymous|7", "time": "sent|received"})
    record = {"event": "app_open", "sent": None, "received": AT}
    for ids, user in (
        ({"ids": {"login": 5}}, 5),
        ({"ids": {"anonymous": "x"}}, "x"),
        ({"7": 7}, 7),
    ):
        assert border.read({**record, **ids}) == (AppOpen(user, TIME),)
    assert why({**record, "ids": "text", "7": 7}, border) == ("ids", Like("object…found 'text'"))


def test_a_header_without_any_of_them(tmp_path: Path) -> None:
    rows = [{"event": "app_open", "time": AT, "uid": "u"}]
    rejects = found(Log((csv(rows, tmp_path),), Border({"user": "a|b"})))[1]
    assert rejects[0].field == "a|b"
    assert rejects[0].reason == Like("no such column…found the columns event, time, uid")


@pytest.mark.parametrize("name", ["a", "b"])
def test_two_columns_of_one_name_among_them(tmp_path: Path, name: str) -> None:
    text = f"event,time,a,b,{name}\napp_open,{AT},u,v,w\n"
    (tmp_path / "log.csv").write_text(text)
    rejects = found(Log((str(tmp_path / "log.csv"),), Border({"user": "a|b"})))[1]
    assert [(reject.field, reject.reason) for reject in rejects] == [(name, Like("two columns"))]


# One event that was delivered twice

DELIVERED = [
    {**CLICK, "id": "1"},
    {**CLICK, "id": "1", "position": 3},  # differs, as the receiver filled something in
    {**CLICK, "id": "2"},  # the same, but another message
    CLICK,
    CLICK,  # no id: the same events
    {**CLICK, "id": ""},
    {**CLICK, "id": "1", "user": "v"},  # another user's
]


@formats
def test_an_id_tells_deliveries(tmp_path: Path, write: Any) -> None:
    rows = DELIVERED
    if write is textual or write is parquet:
        rows = [{**row, "id": row.get("id") or None} for row in DELIVERED]
    log = Log((write(rows, tmp_path),), Border({"id": "id"}), once=timedelta(minutes=1))
    events, rejects, tally = found(log)
    assert (len(events), rejects, tally.duplicates) == (4, [], 3)
    assert tally.mapped == {"id": True}
    assert found(replace(log, border=OURS))[2].duplicates == 4
    assert found(replace(log, once=None))[2].duplicates == 0


def test_ids_of_other_types() -> None:
    border = Border({"id": "meta.id|id"})
    for value, expected in ((7, "7"), ("x", "x"), (10**5000, "<int too long to print>")):
        outcome = border.read({**OPEN, "meta": {"id": value}})
        assert isinstance(outcome, Found) and outcome.id == expected
    for none in (None, ""):
        assert type(border.read({**OPEN, "id": none})) is tuple
    for bad in (1.5, True, ["a"], {"a": 1}):
        assert why({**OPEN, "id": bad}, border) == ("meta.id|id", Like("whole number…found "))


def test_the_id_of_ubi(tmp_path: Path) -> None:
    query = {"user_query": "dogs", "client_id": "u", "timestamp": AT, "message": "m"}
    rows = [query, {**query, "user_query": "cats"}]
    log = Log((jsonl(rows, tmp_path),), Ubi({"id": "message"}), "ubi", once=timedelta(0))
    assert found(log)[2].duplicates == 1


# Notes travel with their events


def test_notes_travel() -> None:
    notes: Any = {"id": "x", "unread": ("click.query",), "activity": "tap"}
    outcome = Found((AppOpen("u", TIME),), **notes)
    again = pickle.loads(pickle.dumps(outcome))
    assert type(again) is Found and again == outcome and vars(again) == vars(outcome)
    other = with_events(outcome, [AppOpen("v", TIME)])
    assert (tuple(other), vars(other)) == ((AppOpen("v", TIME),), notes)
    assert type(with_events((AppOpen("u", TIME),), [AppOpen("v", TIME)])) is tuple


def test_other_fields_are_none_of_ours() -> None:
    """A log's own field `id` is no event field, unless it is mapped."""
    assert "id" not in FIELDS
    assert type(OURS.read({**OPEN, "id": ["any", "thing"]})) is tuple
    assert OURS.read({**OPEN, "event": "app_open"}) != Ignored("app_open")
