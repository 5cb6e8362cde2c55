"""UBI and nested fields read in blocks, and sorted: all is as if the border had read each line."""

import json
import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from fuzz_lines import compare
from fuzz_nested import fuzz
from log_files import Row
from test_blocks import assert_it_goes_on

from searchlogs.columnar import source as batches
from searchlogs.columnar.chunks import Raw
from searchlogs.columnar.lines import LineFile
from searchlogs.columnar.reader import Columns
from searchlogs.columnar.sorted import _gathered
from searchlogs.columnar.source import BatchSource
from searchlogs.command.job import Job, Outputs
from searchlogs.command.run import run_job
from searchlogs.durations import Windowing
from searchlogs.events import Event
from searchlogs.logs.border import Border
from searchlogs.logs.formats import write_log
from searchlogs.logs.lines import text_of
from searchlogs.logs.log import Log
from searchlogs.logs.schemas import EVENTS
from searchlogs.logs.ubi import HITS, NO_ID, NO_OBJECT, Ubi
from searchlogs.simulate import simulate

LOG: list[Event] = list(simulate(9, 99, seed=1, disorder=timedelta(seconds=30), query_ids=True))
MS, ISO = 1_704_067_205_000, "2024-01-01T00:00:05Z"
QUERY = {"query_id": "q", "client_id": "c", "user_query": "dogs", "timestamp": MS}
HIT = QUERY | {"query_response_hit_ids": ["a", "b"]}
CLICK: Row = {"action_name": "click", "query_id": "q", "client_id": "c", "timestamp": ISO}
CLICK["event_attributes"] = {"object": {"object_id": "a"}, "position": {"ordinal": 2}}
OPEN = json.dumps({"event": "app_open", "user": 1, "time": ISO})
HOVER = CLICK | {"action_name": "hover"}
BULK = '{"index":{"_index":"ubi_queries"}}'


def lines(rows: Iterable[Row | str]) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def test_broken_logs(tmp_path: Path) -> None:
    total = fuzz(50, seed=0, folder=tmp_path)
    assert total["events"] > 150 and total["rejected"] > 50


@pytest.mark.slow
def test_a_thousand_broken_logs(tmp_path: Path) -> None:
    fuzz(1_000, seed=1, folder=tmp_path)


# Records of which columns alone would say something else than the border


def click(attributes: Any, **more: Any) -> Row:
    return CLICK | {"event_attributes": attributes} | more


def clicked(item: Any, **more: Any) -> Row:
    return click({"object": {"object_id": item}}, **more)


def at(ordinal: Any) -> Row:
    return click({"object": {"object_id": "a"}, "position": {"ordinal": ordinal}})


def without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


ODD: dict[str, Row | str] = {
    "no query and no event": {"client_id": "c", "timestamp": MS},
    "framing with a null": '{"index":{"_index":"u"},"user_query":null}',
    "framing of an action": CLICK | {"index": {"_index": "u"}},
    "framing that is null": '{"index":null}',
    "framing with a key twice": '{"index":{"_id":"a","_id":"b"}}',
    "framing with an escape": '{"index":{"_index":"\\q"}}',
    "framing of other values": '{"create":{"_index":"u","_version":1}}',
    "framing that is cut": BULK[:-1],
    "framing twice": BULK * 2,
    "framing and a space": f"{BULK} ",
    "a search response": {"hits": {"hits": []}},
    "an empty action": CLICK | {"action_name": ""},
    "no action": without(CLICK, "action_name"),
    "a query with attributes": HIT | {"event_attributes": {}},
    "a query with flat attributes": HIT | {"event_attributes.object.object_id": "a"},
    "an action that is a number": CLICK | {"action_name": 1},
    "a query with an action that is a number": HIT | {"action_name": 1},
    "an action like a kind of ours": CLICK | {"action_name": "app_open"},
    "an action with an empty query": CLICK | {"user_query": ""},
    "a name as it is sent": {"userQuery": "dogs", "clientId": "c", "timestamp": MS},
    "a sent name that is null": without(CLICK, "action_name") | {"queryId": None},
    "a sent name of a click": CLICK | {"queryId": "p"},
    "a sent name of an ignored one": HOVER | {"clientId": None},
    "a sent name and the usual": HIT | {"userQuery": "cats"},
    "no client": without(HIT, "client_id"),
    "an empty client": HIT | {"client_id": ""},
    "a session": without(HIT, "client_id") | {"session_id": "s"},
    "a session inside": click({"object": {"object_id": "a"}, "session_id": "s"}, client_id=""),
    "a session that is a number": CLICK | {"client_id": None, "session_id": 7},
    "a client that is a number": CLICK | {"client_id": 7, "session_id": "s"},
    "a client that is true": CLICK | {"client_id": True},
    "an empty id": clicked("a", query_id="", user_query="dogs"),
    "a query's text and id": clicked("a", user_query="dogs"),
    "no object": click({"position": {"ordinal": 1}}),
    "no object and no query": click({}, query_id=None),
    "an object without an id": clicked(NO_ID, query_id=None),
    "an object like none": clicked(NO_ID),
    "an object named like none": clicked(NO_OBJECT),
    "an object that is a number": clicked(7),
    "an object that is a fraction": clicked(7.5),
    "an object that is text": click({"object": "a"}),
    "an object that is JSON": click({"object": '{"object_id":"a"}'}),
    "an object that is flat": click({"object.object_id": "a"}),
    "an object that is flat twice": click({"object.object_id": "b", "object": {"object_id": "a"}}),
    "an object under a flat name": without(CLICK, "event_attributes")
    | {"event_attributes.object": {"object_id": "a"}},
    "a flat index": clicked("a", **{"event_attributes.position.ordinal.index": 3}),
    "a place that is JSON": click({"object": {"object_id": "a"}, "position": '{"ordinal":3}'}),
    "attributes that are JSON": click('{"object":{"object_id":"a"}}'),
    "attributes that are text": click("a"),
    "attributes that are empty text": click(""),
    "a position of -1": at(-1),
    "a position of 0": at(0),
    "a position with a fraction": at(2.5),
    "a position that is a float": at(2.0),
    "a position of text": at("2"),
    "a position of version 1.0": click({"object": {"object_id": "a"}, "position": {"index": 3}}),
    "an index inside": at({"index": 3}),
    "a hover without a place": HOVER | {"event_attributes": {"position": {"ordinal": -1}}},
    "hits with holes": HIT | {"query_response_hit_ids": ["a", None, "", NO_OBJECT]},
    "hits that are numbers": HIT | {"query_response_hit_ids": [1, None]},
    "hits that are mixed": HIT | {"query_response_hit_ids": [1, "a"]},
    "hits that are JSON": HIT | {"query_response_hit_ids": '["a"]'},
    "hits that are empty text": HIT | {"query_response_hit_ids": ""},
    "no hits": HIT | {"query_response_hit_ids": []},
    "hits of another name": QUERY | {HITS[0]: ["a"]},
    "hits of two names": HIT | {HITS[0]: ["c"]},
    "hits inside": QUERY | {"queryResponse": {"queryResponseHitIds": ["a"]}},
    "hits of a click": CLICK | {"query_response_hit_ids": ["a"]},
    "other hits of a click": CLICK | {HITS[0]: ["a"]},
    "a source": {"_index": "u", "_source": CLICK},
    "a source of text": HIT | {"_source": "a"},
    "a time of another type": HIT | {"timestamp": ISO},
    "an early time": HIT | {"timestamp": MS // 1000},
    "a key twice": json.dumps(CLICK).replace('"query_id"', '"client_id"'),
    "an item twice": json.dumps(CLICK).replace('"position"', '"object"'),
    "two on a line": json.dumps(CLICK) * 2,
    "an ignored one that is broken": json.dumps(HOVER)[:-1],
    "an ignored one without a user": without(HOVER, "client_id"),
}
RULES = [
    Ubi(),
    Ubi(kinds={"click": "click", "*": "activity"}, fields={"position": "event_attributes.rank"}),
    Ubi(kinds={"hover": "search", "click": "app_open"}, first_position=0),
]


USUAL: list[Row | str] = [BULK, HIT, CLICK, BULK, HOVER, CLICK]


@pytest.mark.parametrize("usual", [USUAL, []])
def test_a_record_like_no_other(tmp_path: Path, usual: list[Row | str]) -> None:
    path = tmp_path / "log.jsonl"
    for odd in ODD.values():
        path.write_text(lines([*usual, odd, *usual * 2]))
        compare([str(path)], Ubi(), 1 << 19, 100, run=1 << 24)


MESSAGE = {"query": "message"}


@pytest.mark.parametrize(
    ("border", "rows"),
    [
        (RULES[1], [BULK]),
        (Ubi(fields=MESSAGE), [CLICK | {"message": "x"}, HOVER]),
        (Ubi(fields=MESSAGE), [CLICK, HOVER | {"message": "x"}]),
        (Ubi(fields=MESSAGE, kinds={"*": "activity"}), [HOVER | {"message": "x"}]),
        (Ubi(fields={"position": "a.rank"}), [HOVER | {"a": '{"rank":1}'}]),
    ],
)
def test_mapped_fields_that_a_record_has(
    tmp_path: Path, border: Border, rows: list[Row | str]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(lines(rows * 2))
    compare([str(path)], border, 1 << 19, 100, run=1 << 24)


@pytest.mark.parametrize("border", RULES)
def test_all_odd_records_at_once(tmp_path: Path, border: Border) -> None:
    """Also inside hits, and in blocks and batches of several sizes."""
    path = tmp_path / "log.jsonl"
    inside: list[Row | str] = [{"_source": row} for row in ODD.values() if isinstance(row, dict)]
    for rows in ([*ODD.values()], inside):
        path.write_text(lines([part for row in rows for part in (HIT, CLICK, row)]))
        compare([str(path)], border, 1 << 19, 1_000, 5_000)
    compare([str(path)], border, 2_000, 7, 1_000)


NESTED = {
    "user": "who.id|client",
    "time": "at",
    "query": "q|query",
    "item": "doc.id",
    "position": "place.rank",
}
PLAIN: Row = {"event": "click", "who": {"id": "u"}, "at": ISO, "doc": {"id": "a"}}
PLAIN["place"] = {"rank": 1}
NESTED_ODD: list[Row] = [
    PLAIN | {"who": {"id": ""}, "client": "c"},
    PLAIN | {"who": None, "client": "c"},
    PLAIN | {"who": '{"id":"v"}'},
    PLAIN | {"who": "text", "client": "c"},
    PLAIN | {"who": ""},
    PLAIN | {"who": {}, "client": 7},
    PLAIN | {"who.id": "flat"},
    PLAIN | {"who.id|client": "whole"},
    PLAIN | {"doc": {"id": 7}},
    PLAIN | {"place": '{"rank":2}'},
    PLAIN | {"event": "tap", "place": '{"rank":2}'},
    PLAIN | {"doc": [1]},
    PLAIN | {"doc": {"id": {"x": 1}}},
    PLAIN | {"event": "search", "q": "", "query": "dogs"},
    PLAIN | {"event": "search", "q": "", "query": None},
    PLAIN | {"event": "search", "query": 7},
    PLAIN | {"event": "tap", "doc": "text"},
    PLAIN | {"event": "tap", "q": ""},
]


@pytest.mark.parametrize("kinds", [{}, {"click": "click", "search": "search"}, {"*": "activity"}])
def test_nested_fields_like_no_other(tmp_path: Path, kinds: dict[str, str]) -> None:
    path = tmp_path / "log.jsonl"
    border = Border(NESTED, kinds)
    for odd in NESTED_ODD:
        for rows in ([PLAIN, odd, PLAIN], [odd]):
            path.write_text(lines(rows * 2))
            compare([str(path)], border, 1 << 19, 100)
    path.write_text(lines([PLAIN, *NESTED_ODD] * 3))
    for block, batch in ((200, 7), (1 << 19, 20)):
        compare([str(path)], border, block, batch)


# What is taken as it stands


def read_one_by_one(path: Path, border: Border) -> int:
    file = LineFile(str(path), "jsonl", border, EVENTS.names)
    with open(path, "rb") as stream:
        text = text_of(str(path), stream)  # held until the file is closed
        parts = [*file._json(text)]
    return sum(len(part.good) - part.good.sum() - len(part.passed.places) for part in parts)


def test_ubi_is_taken_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write_log(LOG, path, format="ubi")
    assert read_one_by_one(path, Ubi()) == 0


DIALECTS: dict[str, list[Row]] = {
    "sessions": [without(HIT, "client_id") | {"session_id": "s"}, CLICK | {"client_id": ""}],
    "users that are numbers": [
        HIT | {"client_id": 7},
        CLICK | {"client_id": 7, "session_id": "s"},
    ],
    "numbers and text": [HIT | {"client_id": 7}, CLICK],
    "other names of hits": [QUERY | {HITS[0]: ["a", None]}, CLICK],
    "items that are numbers": [HIT | {"query_response_hit_ids": [1, 2]}, clicked(7)],
    "no objects": [HIT, click({"position": {"ordinal": 2}}), click(None)],
    "places of items in no list": [HIT, at(-1), at(1)],
    "flattened": [HIT, without(CLICK, "event_attributes")
                  | {"event_attributes.object.object_id": "a"}],
    "sources": [{"_index": "u", "_source": HIT}, {"_index": "u", "_source": CLICK}],
    "texts of queries": [HIT, clicked("a", user_query="dogs"), HOVER | {"user_query": "dogs"}],
}  # fmt: skip


@pytest.mark.parametrize("rows", DIALECTS.values(), ids=DIALECTS)
def test_dialects_are_taken_as_they_stand(tmp_path: Path, rows: list[Row]) -> None:
    path = tmp_path / "log.jsonl"
    rows = [CLICK | {"session_id": "s"} if row.get("client_id") == "" else row for row in rows]
    path.write_text(lines(rows * 30))
    assert read_one_by_one(path, Ubi()) == 0
    compare([str(path)], Ubi(), 1 << 19, 50, run=1 << 24)


@pytest.mark.parametrize("fields", [{"user": "who.id"}, NESTED, {"event": "kind|event"}])
def test_nested_fields_are_taken_as_they_stand(tmp_path: Path, fields: dict[str, str]) -> None:
    path = tmp_path / "log.jsonl"
    row = PLAIN | {"user": "u", "time": ISO, "item": "a", "position": 1}
    path.write_text(lines([row, row | {"event": "search", "q": "", "query": ""}] * 30))
    assert read_one_by_one(path, Border(fields)) == 0
    compare([str(path)], Border(fields), 1 << 19, 50)


def is_read_in_blocks(log: Log) -> bool:
    return isinstance(BatchSource(log.open()).reader(print)[0], Columns)


@pytest.mark.parametrize(
    "settings",
    [
        {"border": Ubi(fields={"user": "session_id"})},
        {"border": Ubi(kinds={"impression": "results"})},
        {"border": Ubi(fields={"id": "message"})},
        {"once": timedelta(minutes=1)},
        {"key": b"k" * 32},
        {"ahead": timedelta(days=1)},
    ],
)
def test_other_wishes_need_the_border(tmp_path: Path, settings: dict[str, Any]) -> None:
    write_log(LOG, tmp_path / "log.jsonl", format="ubi")
    log: dict[str, Any] = {"border": Ubi(), "format": "ubi"}
    assert is_read_in_blocks(Log((str(tmp_path / "log.jsonl"),), **log))
    assert not is_read_in_blocks(Log((str(tmp_path / "log.jsonl"),), **log | settings))
    (tmp_path / "log.csv").write_text("")
    assert not is_read_in_blocks(Log((str(tmp_path / "log.csv"),), **log))


# Sorted


def test_sorted_files(tmp_path: Path) -> None:
    """Ties as they stand, users that are numbers in one and text in another, runs on the disk."""
    events, paths = LOG[:120], []
    Random(1).shuffle(events)
    for number, name in enumerate(("a.jsonl", "b.csv", "c.jsonl")):
        part = events[number::2] + events[:20]
        write_log(part, tmp_path / name)
        paths.append(str(tmp_path / name))
    (tmp_path / "d.jsonl").write_text(f"[{json.dumps(PLAIN)},{{}},{OPEN},{OPEN}, {OPEN}]")
    paths.append(str(tmp_path / "d.jsonl"))
    with open(paths[2], "a") as file:
        file.write('{"event":"tap"}\n\n{}\n')
    for block, batch, run in ((100, 3, 1), (1_000, 7, 2_000), (1 << 19, 1_000, 1 << 24)):
        compare(paths, Border(), block, batch, run)


def test_bytes_in_another_order() -> None:
    """Also of records that take none."""
    begin, end = np.array([2, 1, 1, 0]), np.array([3, 2, 1, 1])
    raw = _gathered(Raw(b"abc", begin, end, np.ones(4, int)))
    parts = [raw.data[a:b] for a, b in zip(raw.begin, raw.end, strict=True)]
    assert (raw.data, parts) == (b"cba", [b"c", b"b", b"", b"a"])


# On from where it was


def ubi_log(folder: Path) -> Log:
    path = folder / "log.ndjson"
    write_log(LOG, path, format="ubi")
    with open(path, "a") as file:
        file.write(lines([HIT | {"timestamp": "noon"}, {}, HOVER] * 3))
    return Log((str(path),), Ubi(), "ubi")


def test_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    assert_it_goes_on(ubi_log(tmp_path), LOG, batch=200)


class Stopped(Exception):
    pass


def test_a_stopped_job_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "LINES_BATCH", 50)
    monkeypatch.setattr(os, "fsync", lambda file: None)
    log = ubi_log(tmp_path)
    recovery: dict[str, Any] = {"recovery": tmp_path / "r", "snapshots": timedelta(0)}

    def run(name: str, stop_after: int | None = None, **more: Any) -> int:
        made = 0

        def watch(size: int, events: int, sessions: int) -> None:
            nonlocal made
            made += events
            if stop_after is not None and made >= stop_after:
                raise Stopped

        outputs = Outputs(tmp_path / name, every_session=True)
        run_job(Job(log.open(), outputs, Windowing(), **more), watch)
        return made

    whole = run("whole.jsonl")
    with pytest.raises(Stopped):
        run("s.jsonl", 200, **recovery)
    assert run("s.jsonl", **recovery) < whole
    for ending in ("jsonl", "rejects.jsonl", "late.jsonl"):
        expected = (tmp_path / f"whole.{ending}").read_bytes()
        assert (tmp_path / f"s.{ending}").read_bytes() == expected
