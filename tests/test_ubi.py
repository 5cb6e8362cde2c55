"""UBI as plugins and clients write it: each shape alone, what is broken, and whole logs.

Whole logs are drawn by `ubi_logs`, which says what is in them without any of the package.
"""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ubi_logs import FORMS, SHAPES, UbiLog, ubi_log

from searchlogs.command.job import ENGINES, Job, Outputs
from searchlogs.command.run import run_job
from searchlogs.durations import Windowing
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.logs.border import BadRecord, Ignored, Record
from searchlogs.logs.log import Log
from searchlogs.logs.records import read_log
from searchlogs.logs.tally import Tally
from searchlogs.logs.ubi import NO_ID, NO_OBJECT, Ubi
from searchlogs.metrics import attribute
from searchlogs.sessions import Session

GAP = timedelta(minutes=30)
UBI = Ubi()
SEEN = Ubi(kinds={"impression": "results"})
TIME = datetime(2024, 1, 1, 0, 0, 5, tzinfo=UTC)

QUERY: dict[str, Any] = {
    "query_id": "q1",
    "client_id": "c1",
    "user_query": "toner",
    "timestamp": 1704067205000,
}
CLICK: dict[str, Any] = {
    "action_name": "click",
    "client_id": "c1",
    "query_id": "q1",
    "timestamp": "2024-01-01T00:00:05.000Z",
    "event_attributes": {"object": {"object_id": "a"}, "position": {"ordinal": 2}},
}
OBJECT = "event_attributes.object.object_id"
ORDINAL = "event_attributes.position.ordinal"


def without(record: Record, *names: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


def one(record: Record, border: Ubi = UBI) -> Event:
    events = border.read(dict(record))
    assert isinstance(events, tuple)
    (event,) = events
    return event


def search_and_results(record: Record, border: Ubi = UBI) -> tuple[Search, Results]:
    events = border.read(dict(record))
    assert isinstance(events, tuple)
    search, results = events
    assert isinstance(search, Search) and isinstance(results, Results)
    return search, results


def click_of(record: Record, border: Ubi = UBI) -> ClickResult:
    click = one(record, border)
    assert isinstance(click, ClickResult)
    return click


def search_of(record: Record) -> Search:
    search = one(record)
    assert isinstance(search, Search)
    return search


def why_not(record: Record, border: Ubi = UBI) -> tuple[str | None, str]:
    with pytest.raises(BadRecord) as bad:
        border.read(dict(record))
    return bad.value.field, bad.value.reason


# Whole logs


def drawn(shape: str, seed: int, users: int, hits: bool = True) -> UbiLog:
    """A log, whose queries all have ids where the plugin writes them to Data Prepper."""
    return ubi_log(seed, users, hits, nameless=shape != "data prepper")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("hits", [True, False])
def test_every_record_of_every_shape_is_accounted_for(
    tmp_path: Path, shape: str, form: str, hits: bool
) -> None:
    log = drawn(shape, 1, 6, hits)
    framing = FORMS[form](log, shape, tmp_path)
    tally = Tally()
    for read in read_log(Log((str(tmp_path),), UBI if hits else SEEN, "ubi").open()):
        tally.add(read.outcome)
    truth = log.truth(GAP, impressions=not hits)
    assert (tally.gave_events, tally.events) == (truth.gave_events, truth.events)
    assert (tally.rejected, tally.ignored) == (truth.rejected, truth.ignored)
    assert tally.framing == framing
    assert tally.records == len(log.requests) + len(log.actions) + framing


def run(log: Log, out: Path, gap: timedelta, engine: str) -> list[dict[str, Any]]:
    """Run a job, which fails unless both sums hold; return its sessions."""
    searches = out.with_name("searches.parquet") if engine == "events" else None
    windowing = Windowing(gap, timedelta(minutes=1))
    outputs = Outputs(out, searches, every_session=True)
    summary = run_job(Job(log.open(), outputs, windowing, engine=engine))
    rows: list[dict[str, Any]] = pq.read_table(out).to_pylist()
    assert summary.tally.events == sum(row["events"] for row in rows)
    return rows


def check(folder: Path, log: UbiLog, border: Ubi, gap: timedelta) -> None:
    """Compare what a run over the files in `folder`/log finds with the truth, by both engines."""
    truth = log.truth(gap, border is SEEN)
    assert {"columnar", "events"} == set(ENGINES)
    for engine in ENGINES:
        out = folder / f"{engine}.parquet"
        found = run(Log((str(folder / "log"),), border, "ubi"), out, gap, engine)
        assert found == [{name: row[name] for name in found[0]} for row in truth.sessions]
        assert set(found[0]) == set(truth.sessions[0])
    searches = pq.read_table(folder / "searches.parquet").to_pylist()
    assert len(searches) == len(truth.searches) > 50
    for row, true in zip(searches, truth.searches, strict=True):
        clicked = [NO_OBJECT if item is None else item for item in true["clicked"]]
        if border is SEEN:  # impressions of one moment have no order, so no rank by item
            assert len(row["ranks"]) == len(true["ranks"])
            true["ranks"] = row["ranks"]
        assert {name: row[name] for name in true} == {**true, "clicked": clicked}


@pytest.mark.parametrize("gap", [timedelta(seconds=20), GAP])
@pytest.mark.parametrize("shape", SHAPES)
def test_sessions_of_every_shape(tmp_path: Path, shape: str, gap: timedelta) -> None:
    log = drawn(shape, 2, 20)
    (tmp_path / "log").mkdir()
    FORMS["bulk"](log, shape, tmp_path / "log")
    check(tmp_path, log, UBI, gap)


@pytest.mark.parametrize("hits", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_sessions_of_every_form(tmp_path: Path, form: str, hits: bool) -> None:
    log = ubi_log(3, 20, hits)
    (tmp_path / "log").mkdir()
    FORMS[form](log, "1.3", tmp_path / "log")
    check(tmp_path, log, UBI if hits else SEEN, GAP)


def test_the_logs_have_what_makes_it_hard() -> None:
    log = ubi_log(3, 20)
    truth = log.truth(GAP)

    def total(name: str) -> int:
        return sum(row[name] for row in truth.sessions)

    assert total("requests") > 1.5 * total("searches") > 100
    assert total("orphan_clicks") > total("absent_query_clicks") > 10
    assert truth.rejected > 20
    assert sum(None in (request.hits or ()) for request in log.requests) > 10
    assert sum(None in row["clicked"] for row in truth.searches) > 5
    assert any(None in row["ranks"] for row in truth.searches)
    assert {request.client for request in log.requests} > {"", None}


# Who it was


@pytest.mark.parametrize("client", ["", None])
@pytest.mark.parametrize("record", [QUERY, CLICK])
def test_without_a_client_the_session_is_the_user(record: Record, client: object) -> None:
    assert one({**record, "client_id": client, "session_id": "s1"}).user == "s1"
    assert one({**without(record, "client_id"), "session_id": 7}).user == 7
    attributes = {**record.get("event_attributes", {}), "session_id": "s0"}
    old = {**CLICK, "client_id": client, "session_id": None, "event_attributes": attributes}
    assert one(old).user == "s0"


def test_a_client_comes_before_its_session() -> None:
    assert one({**QUERY, "session_id": "s1"}).user == "c1"


@pytest.mark.parametrize("session", [{}, {"session_id": ""}, {"session_id": None}])
@pytest.mark.parametrize("record", [QUERY, CLICK])
def test_without_either_it_is_a_reject(record: Record, session: Record) -> None:
    field, reason = why_not({**record, "client_id": "", **session})
    assert field == "client_id"
    assert reason.startswith("empty, and the record has no session_id")
    assert "--map user=session_id" in reason
    field, reason = why_not({**without(record, "client_id"), **session})
    assert (field, reason[:13]) == ("client_id", "missing, and ")


@pytest.mark.parametrize("wrong", [{"client_id": []}, {"client_id": "", "session_id": {"a": 1}}])
def test_a_user_of_another_type(wrong: Record) -> None:
    assert why_not({**QUERY, **wrong})[0] == "client_id"


def test_another_field_that_was_chosen_has_no_substitute() -> None:
    border = Ubi(fields={"user": "user_id"})
    assert why_not({**QUERY, "user_id": "", "session_id": "s1"}, border)[0] == "user_id"


# Hits


def test_a_hit_without_an_id_keeps_its_rank() -> None:
    record = {**QUERY, "query_response_hit_ids": [None, "a", "", 7]}
    search, results = search_and_results(record)
    assert search == Search("c1", "toner", TIME, "q1")
    assert results == Results("c1", (NO_ID, "a", NO_ID, "7"), TIME, "q1")
    click = replace(click_of(CLICK), item="7", position=None)
    (impression,) = attribute(Session("c1", 0, (search, results, click))).impressions
    assert impression.ranks == [4]


@pytest.mark.parametrize(
    "name",
    [
        *("query_response_hit_ids", "query_response_object_ids", "query_response_objects_ids"),
        *("queryResponse.queryResponseHitIds", "queryResponse.queryResponseObjectIds"),
    ],
)
@pytest.mark.parametrize("hits", [["a", None], '["a", null]', []])
def test_names_of_hits(name: str, hits: object) -> None:
    _, results = search_and_results({**QUERY, name: hits})
    assert results == Results("c1", ("a", NO_ID) if hits else (), TIME, "q1")


@pytest.mark.parametrize("hits", ["a", {"a": 1}, 5, ["a", {}], ["a", ["b"]], [1.5], "['a', 'b']"])
def test_hits_of_another_type(hits: object) -> None:
    field, reason = why_not({**QUERY, "query_response_hit_ids": hits})
    assert field == "query_response_hit_ids"
    assert "a list of texts" in reason


def test_no_item_is_called_like_what_has_no_name() -> None:
    _, results = search_and_results({**QUERY, "query_response_hit_ids": [NO_OBJECT]})
    assert results.items == (NO_ID,)
    seen = {**CLICK, "event_attributes": {"object": {"object_id": NO_OBJECT}}}
    assert one({**seen, "action_name": "impression"}, SEEN) == Results("c1", (NO_ID,), TIME, "q1")
    named = {**CLICK, "event_attributes": {"object": {"object_id": NO_ID}}}
    assert click_of(named).item == NO_OBJECT


# Clicks


@pytest.mark.parametrize(
    "attributes",
    [
        None,
        {},
        {"object": None},
        {"object": {}},
        {"object": {"object_id": None, "object_id_field": "sku"}},
        {"object": {"object_id": ""}},
        "{}",
    ],
)
def test_a_click_that_names_its_query_and_no_object(attributes: object) -> None:
    click = {**CLICK, "event_attributes": attributes}
    assert one(click) == ClickResult("c1", NO_OBJECT, TIME, "q1")
    assert one(without(click, "event_attributes")) == ClickResult("c1", NO_OBJECT, TIME, "q1")
    assert why_not({**click, "query_id": None}) == (
        OBJECT,
        "missing from a click without a query_id",
    )


def test_such_a_click_belongs_to_its_query_alone() -> None:
    shown = Results("c1", (NO_ID, "a"), TIME, "q1")
    click = one({**CLICK, "event_attributes": {"position": {"ordinal": 2}}})
    unranked = one({**CLICK, "event_attributes": None})
    named = Search("c1", "toner", TIME, "q1")
    attribution = attribute(Session("c1", 0, (named, shown, click, unranked)))
    assert [len(impression.clicks) for impression in attribution.impressions] == [2]
    assert attribution.impressions[0].ranks == [2]
    # Its query isn't there, and a search that has no id showed a hit without one.
    nameless = Search("c1", "toner", TIME), replace(shown, query_id=None), unranked
    assert attribute(Session("c1", 0, nameless)).orphans == (unranked,)


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ("a", "event_attributes"),
        ([], "event_attributes"),
        (7, "event_attributes"),
        ("[1]", "event_attributes"),
        ('{"object": ', "event_attributes"),
        ({"object": "a"}, "event_attributes.object"),
        ({"object": ["a"]}, "event_attributes.object"),
        ({"object": '["a"]'}, "event_attributes.object"),
        ({"object": {"object_id": ["a"]}}, OBJECT),
        ({"object": {"object_id": {"a": 1}}}, OBJECT),
        ({"object": {"object_id": 1.5}}, OBJECT),
        ({"object": {"object_id": "a"}, "position": 3}, "event_attributes.position"),
        ({"object": {"object_id": "a"}, "position": {"ordinal": [1]}}, ORDINAL),
        ({"object": {"object_id": "a"}, "position": {"ordinal": 1.5}}, ORDINAL),
        ({"object": {"object_id": "a"}, "position": {"ordinal": "first"}}, ORDINAL),
        ({"object": {"object_id": "a"}, "position": {"ordinal": True}}, ORDINAL),
        ({"object": {"object_id": "a"}, "position": {"ordinal": 10**5000}}, ORDINAL),
        ({"object": {"object_id": "a"}, "position": {"ordinal": {"index": "a"}}}, ORDINAL),
        ({"object": {"object_id": "a"}, "position": {"ordinal": "{1}"}}, ORDINAL),
    ],
)
def test_broken_attributes(attributes: object, field: str) -> None:
    """A click never loses its object, or its position, in silence."""
    found, reason = why_not({**CLICK, "event_attributes": attributes})
    assert found == field
    assert "; found " in reason
    # Who isn't interested in clicks doesn't mind.
    other = {**CLICK, "event_attributes": attributes, "action_name": "view"}
    assert UBI.read(other) == Ignored("view")


@pytest.mark.parametrize(
    ("ordinal", "position"),
    [
        *((3, 3), (3.0, 3), ("3", 3), ("3.0", 3), ({"index": 3}, 3), ({"index": "3"}, 3)),
        *(('{"index": 3}', 3), (-1, None), ("-1", None), (float("nan"), None), ({}, None)),
    ],
)
def test_positions(ordinal: object, position: int | None) -> None:
    attributes = {"object": {"object_id": "a"}, "position": {"ordinal": ordinal}}
    click = {**CLICK, "event_attributes": attributes}
    assert one(click) == ClickResult("c1", "a", TIME, "q1", position)
    flat = {**without(click, "event_attributes"), OBJECT: "a", ORDINAL: ordinal}
    assert one(flat) == one(click)


@pytest.mark.parametrize("zero", [0, "0", 0.0, {"index": 0}])
def test_a_position_of_0(zero: object) -> None:
    click = {**without(CLICK, "event_attributes"), OBJECT: "a", ORDINAL: zero}
    assert why_not(click)[0] == ORDINAL
    assert click_of(click, Ubi(first_position=0)).position == 1


def test_only_clicks_have_positions() -> None:
    border = Ubi(kinds={"impression": "results", "launch": "app_open"})
    attributes = {"object": {"object_id": "a"}, "position": {"ordinal": 0}}
    event = {**CLICK, "event_attributes": attributes}
    assert one({**event, "action_name": "launch"}, border) == AppOpen("c1", TIME)
    shown = one({**event, "action_name": "impression"}, border)
    assert shown == Results("c1", ("a",), TIME, "q1")


@pytest.mark.parametrize(
    "flattened",
    [
        {"event_attributes": '{"object": {"object_id": "a"}, "position": {"ordinal": 2}}'},
        {
            "event_attributes.object": {"object_id": "a"},
            "event_attributes.position": '{"ordinal":2}',
        },
        {"event_attributes.object.object_id": "a", "event_attributes.position": {"ordinal": "2"}},
        {"event_attributes": {"object.object_id": "a", "position.ordinal.index": 2}},
        {"event_attributes": None, OBJECT: "a", f"{ORDINAL}.index": "2"},
    ],
)
def test_any_part_may_be_flattened(flattened: Record) -> None:
    assert one({**without(CLICK, "event_attributes"), **flattened}) == one(CLICK)


# Impressions


def test_impressions_are_results_where_it_is_said() -> None:
    shown = {**CLICK, "action_name": "impression"}
    assert UBI.read(shown) == Ignored("impression")
    assert one(shown, SEEN) == Results("c1", ("a",), TIME, "q1")
    assert one(CLICK, SEEN) == one(CLICK)  # clicks stay clicks
    # What was found isn't counted beside what was seen.
    assert one({**QUERY, "query_response_hit_ids": ["a", "b"]}, SEEN) == one(QUERY)


def test_what_is_not_read_of_impressions_and_hits_is_noted() -> None:
    tally = Tally()
    tally.add(SEEN.read({**CLICK, "action_name": "impression", "user_query": "toner"}))
    tally.add(SEEN.read({**QUERY, "query_response_hit_ids": ["a"]}))
    tally.add(UBI.read({**QUERY, "query_response_hit_ids": ["a"]}))
    assert tally.unread == {"results.position": 1, "search.items": 1}


@pytest.mark.parametrize("name", ["click", "impression"])
@pytest.mark.parametrize("query_id", ["q1", None, ""])
def test_the_query_of_an_event_is_unread_unless_its_search_is_named(
    name: str, query_id: str | None
) -> None:
    """Since version 1.3 all events may have it."""
    tally = Tally()
    record = {**CLICK, "action_name": name, "user_query": "toner", "query_id": query_id}
    tally.add(SEEN.read(record))
    unread = f"{'click' if name == 'click' else 'results'}.query" in tally.unread
    assert unread == (not query_id) and tally.gave_events == 1


@pytest.mark.parametrize("attributes", [None, {}, {"object": {"object_id": None}}])
def test_an_impression_of_nothing(attributes: object) -> None:
    shown = {**CLICK, "action_name": "impression", "event_attributes": attributes}
    assert why_not(shown, SEEN) == (OBJECT, "missing")


def test_a_page_event_may_carry_its_hits() -> None:
    border = Ubi(kinds={"page": "results", "on_search": "search"}, fields={"items": "shown"})
    page = {**CLICK, "action_name": "page", "shown": ["a", None]}
    assert one(page, border) == Results("c1", ("a", NO_ID), TIME, "q1")
    typed = Ubi(kinds={"on_search": "search"})
    search = {**CLICK, "action_name": "on_search", "user_query": "toner"}
    found = typed.read({**search, "query_response_hit_ids": ["a"]})
    assert found == (Search("c1", "toner", TIME, "q1"), Results("c1", ("a",), TIME, "q1"))


# Queries


def test_what_the_plugin_sends_to_data_prepper() -> None:
    response = {"queryId": "q1", "queryResponseId": "r", "queryResponseHitIds": ["a", None]}
    record = {"queryId": "q1", "clientId": "c1", "userQuery": "toner", "queryResponse": response}
    record["timestamp"] = "2024-01-01T00:00:05.000+0000"
    assert UBI.read(record) == UBI.read({**QUERY, "query_response_hit_ids": ["a", None]})
    assert search_of({**record, "userQuery": "", "queryResponse": None}).query == ""
    assert why_not({**record, "clientId": ""})[0] == "client_id"


@pytest.mark.parametrize("name", [None, ""])
def test_an_event_without_a_name_is_no_search(name: object) -> None:
    """Since version 1.3 events may have the text of their query, too."""
    event = {**CLICK, "user_query": "toner", "action_name": name}
    assert why_not(event)[0] == "action_name"
    flat = {**without(event, "event_attributes"), OBJECT: "a"}
    assert why_not(flat)[0] == "action_name"
    empty = {"object": {"object_id": None}, "position": None}  # as a table of both has it
    assert one({**event, "event_attributes": empty}) == Search("c1", "toner", TIME, "q1")


def test_a_query_id_is_a_number_or_text_or_absent() -> None:
    assert search_of({**QUERY, "query_id": 0}).query_id == "0"
    for nothing in (None, ""):
        assert search_of({**QUERY, "query_id": nothing}).query_id is None
    assert why_not({**QUERY, "query_id": ["q"]})[0] == "query_id"


# Files


def outcomes(path: Path, border: Ubi = UBI) -> list[Any]:
    return [read.outcome for read in read_log(Log((str(path),), border, "ubi").open())]


def rejected(path: Path, border: Ubi = UBI) -> list[tuple[str | None, str]]:
    bad = [outcome for outcome in outcomes(path, border) if isinstance(outcome, BadRecord)]
    return [(outcome.field, outcome.reason) for outcome in bad]


HEADER = ["action_name", "client_id", "timestamp", "query_id", OBJECT]
CELLS = ["click", "c1", "1704067205000", "q1", "a"]


@pytest.mark.parametrize(("ending", "delimiter"), [("csv", ","), ("csv", ";"), ("tsv", "\t")])
def test_cells(tmp_path: Path, ending: str, delimiter: str) -> None:
    path = tmp_path / f"e.{ending}.gz"
    text = "".join(delimiter.join(cells) + "\n" for cells in (HEADER, CELLS))
    path.write_bytes(gzip.compress(text.encode()))
    assert outcomes(path)[1] == (ClickResult("c1", "a", TIME, "q1"),)


@pytest.mark.parametrize("missing", ["action_name", "client_id", "timestamp"])
def test_a_header_that_is_none(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "e.csv"
    header = [name for name in HEADER if name != missing]
    path.write_text(",".join(header) + "\n")
    ((field, reason),) = rejected(path)
    assert field == missing
    assert f"found the columns {', '.join(header)}" in reason


def test_queries_need_other_columns_than_events(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("user_query,client_id,timestamp,query_response_hit_ids\n"
                    ',c1,1704067205000,"[""a"",null]"\n')  # fmt: skip
    found = (Search("c1", "", TIME), Results("c1", ("a", NO_ID), TIME))
    assert outcomes(path)[1:] == [found]
    path.write_text("user_query,session_id,timestamp\ntoner,s1,1704067205000\n")
    assert outcomes(path)[1:] == [(Search("s1", "toner", TIME),)]


def test_cells_that_are_broken(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    lines = ["action_name,client_id,timestamp,query_id,event_attributes"]
    lines += ["click,c1,1704067205000,q1,{'object': {'object_id': 'a'}}"]  # as Python prints it
    lines += ["click,c1,1704067205000,q1,", "click,,1704067205000,q1,", ",c1,1704067205000,q1,"]
    path.write_text("\n".join(lines) + "\n")
    bad = rejected(path)
    assert [field for field, _ in bad] == ["event_attributes", "client_id", None]
    assert outcomes(path).count((ClickResult("c1", NO_OBJECT, TIME, "q1"),)) == 1


def test_sessions_for_users_are_learned_from_tables_too(tmp_path: Path) -> None:
    """The queries' file has no column for what only the events' file holds."""
    (tmp_path / "q.csv").write_text("query_id,user_query,timestamp\nq1,toner,1704067205000\n")
    attributes = '"{""session_id"": ""s1"", ""object"": {""object_id"": ""a""}}"'
    (tmp_path / "e.csv").write_text(
        f"query_id,action_name,timestamp,event_attributes\nq1,click,1704067205000,{attributes}\n"
    )
    border = Ubi(fields={"user": "session_id"})
    assert rejected(tmp_path, border) == []
    found = outcomes(tmp_path, border)
    assert (Search("s1", "toner", TIME, "q1"),) in found
    assert (ClickResult("s1", "a", TIME, "q1"),) in found


@pytest.mark.parametrize(
    "moments",
    [
        pa.array([TIME], pa.timestamp("ms", "UTC")),
        pa.array([1704067205000]),
        pa.array(["2024-01-01T00:00:05.000+0000"]),
    ],
)
def test_parquet(tmp_path: Path, moments: pa.Array) -> None:
    path = tmp_path / "e.parquet"
    columns = {name: pa.array([CLICK[name]]) for name in ("action_name", "client_id", "query_id")}
    # A struct holds all fields of all its rows.
    attributes = [{"object": {"object_id": 7, "x": None}, "position": {"ordinal": 2.0, "xy": None}}]
    columns |= {"timestamp": moments, "event_attributes": pa.array(attributes)}
    pq.write_table(pa.table(columns), path)
    assert outcomes(path) == [(ClickResult("c1", "7", TIME, "q1", 2),)]


def test_flattened_parquet_of_version_1_0(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    row = {**without(CLICK, "event_attributes"), OBJECT: "a", f"{ORDINAL}.index": 2}
    pq.write_table(pa.Table.from_pylist([row]), path)
    assert outcomes(path) == [(one(CLICK),)]


def test_parquet_that_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    rows = [{**CLICK, "user_query": None, "event_attributes": "a"}]
    rows += [{**rows[0], "event_attributes": json.dumps({"object": {"object_id": "a"}})}]
    rows += [{**dict.fromkeys(rows[0]), "user_query": "toner", "client_id": "c1"}]
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert [field for field, _ in rejected(path)] == ["event_attributes", "timestamp"]
    assert outcomes(path).count((ClickResult("c1", "a", TIME, "q1"),)) == 1
    pq.write_table(pa.table({"query": ["a"], "user": ["u"]}), path)
    assert [field for field, _ in rejected(path)] == [None]
    path.write_bytes(b"PAR1")
    ((field, reason),) = rejected(path)
    assert field is None
    assert "Parquet" in reason


def test_other_endings_are_lines_of_json(tmp_path: Path) -> None:
    for name in ("ubi.log", "ubi.ndjson", "ubi.json"):
        path = tmp_path / name
        path.write_text(json.dumps(CLICK) + "\n")
        assert outcomes(path) == [(one(CLICK),)]
