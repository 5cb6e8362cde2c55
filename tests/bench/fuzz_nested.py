"""Break logs of UBI and of nested fields, and check that blocks give what the border gives.

uv run python tests/bench/fuzz_nested.py [N=100000] [--seed S]

As fuzz_lines.py, which says what is compared; logs of UBI are sorted by time as well.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from tqdm import tqdm

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from fuzz import EVENTS, break_bytes, break_lines, break_rows, fuzz_from_shell
from fuzz_lines import EXTRA, SHARES, as_json, break_json, compare
from log_files import Row, Table, as_row

from searchlogs.events import AppOpen, ClickResult, Event, Search
from searchlogs.logs.border import Border
from searchlogs.logs.ubi import HITS, NO_ID, NO_OBJECT, Ubi

BORDERS = [
    *[Ubi()] * 4,
    Ubi(first_position=0),
    Ubi(kinds={"click": "click", "on_search": "search", "login": "app_open"}),
    Ubi(kinds={"add": "click", "*": "activity"}),
    Ubi(fields={"position": "event_attributes.rank", "query": "q|user_query"}),
    Ubi(fields={"user": "user.id", "item": "item|event_attributes.object.object_id"}),
    Ubi(fields={"event": "action.name", "items": "hits.ids", "query_id": "query_id|qid"}),
    Ubi(kinds={"login": "activity"}, fields={"query": "message", "time": "at|timestamp"}),
    Ubi(time_unit="s", zone="Europe/Berlin"),
]
"""Rules for UBI."""

ODD: list[Any] = [None, "", "x", 0, -1, 1, 2.5, True, [], {}, [None], ["a"], {"a": 1}, '{"a":1}']
ODD += [NO_ID, NO_OBJECT, "7", 3.0, -1.0, {"index": 2}, {"ordinal": 1}, "2024-01-01T00:00:00Z"]


def queries(rng: Random, events: list[Event]) -> list[Row]:
    """Queries and events of UBI, in one of the dialects of its versions and clients."""
    hits = rng.choice(["query_response_hit_ids"] * 4 + [*HITS[:2]])
    user = rng.choice([str, str, lambda user: user, lambda user: rng.choice(["", None, user])])
    item = rng.choice([str, str, len])
    rank = rng.choice(
        [
            lambda rank: {"ordinal": rank},
            lambda rank: {"ordinal": float(rank or 1)},
            lambda rank: {"ordinal": rng.choice([-1, 0, None, rank])},
            lambda rank: {"index": rank},
            lambda rank: {"ordinal": {"index": rank}},
        ]
    )
    iso: Callable[[datetime], Any] = lambda time: time.isoformat()  # noqa: E731
    ms: Callable[[datetime], Any] = lambda time: int(time.timestamp() * 1000)  # noqa: E731
    local: Callable[[datetime], Any] = lambda time: f"{time:%Y-%m-%d %H:%M:%S}"  # noqa: E731
    asked, acted = rng.choice([(ms, iso), (ms, iso), (ms, ms), (iso, iso), (ms, local)])
    rows: list[Row] = []
    for event in events:
        row: Row = {"application": "a", "client_id": user(event.user), "session_id": "s"}
        if (query_id := getattr(event, "query_id", None)) is not None:
            row["query_id"] = query_id
        if isinstance(event, Search):
            del row["session_id"]
            found = [rng.choice([*"abcdefgh", *[None, "", NO_OBJECT][: rng.choice([0, 0, 3])]])]
            row |= {"user_query": event.query, "query_attributes": {}, hits: found * 2}
            rows.append({**row, "timestamp": asked(event.time)})
            row |= {"action_name": "on_search", "message": event.query}
        elif isinstance(event, ClickResult):
            attributes: Row = {"object": {"object_id": item(event.item)}}
            attributes["position"] = rank(event.position)
            row |= {"action_name": "click", "event_attributes": attributes}
        else:
            row["action_name"] = "login" if isinstance(event, AppOpen) else "impression"
        rows.append({**row, "timestamp": acted(event.time)})
    return rows


def odd_row(rng: Random, row: Row) -> Row:
    """A record with something that few records have."""
    row = dict(row)
    name = rng.choice([*row, "event_attributes", "user_query", "action_name", "index", "_source"])
    match rng.randrange(9):
        case 0:
            row[name] = rng.choice(ODD)
        case 1:
            row.pop(name, None)
        case 2:  # flattened
            row = flat(row)
        case 3:
            row = {key: json.dumps(one) if isinstance(one, dict | list) else one
                   for key, one in row.items()}  # fmt: skip
        case 4:
            row = {"_index": "ubi", "_source": row}
        case 5:
            sent = {"user_query": "userQuery", "client_id": "clientId", "query_id": "queryId"}
            row = {sent.get(key, key): one for key, one in row.items()}
        case 6:
            row[rng.choice([*HITS, "hits", "message", "userQuery", "queryId"])] = rng.choice(ODD)
        case 7:
            row["event_attributes"] = rng.choice(
                [
                    {"object": rng.choice(ODD)},
                    {"object": {"object_id": rng.choice(ODD)}},
                    {"position": rng.choice(ODD)},
                    {"object": {"object_id": "a"}, "position": {"ordinal": rng.choice(ODD)}},
                    {"session_id": rng.choice(ODD)},
                ]
            )
        case 8:
            row[rng.choice(["event_attributes.object.object_id", "event_attributes.object",
                            "q", "user.id", "item", "at", "a.b"])] = rng.choice(ODD)  # fmt: skip
    return row


def flat(row: Row, above: str = "") -> Row:
    """A record whose objects are flattened."""
    found: Row = {}
    for key, value in row.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return found


def as_ubi(rng: Random) -> tuple[Border, Table]:
    """A log of UBI, and rules for reading it."""
    border: Border = rng.choice(BORDERS)
    rows = queries(rng, rng.sample(EVENTS, rng.choice([1, 5, 12])))
    change = rng.choice([lambda row: row, lambda row: row, flat, lambda row: {"_source": row}])
    rows = [change(row) for row in rows]
    if type(border) is Ubi and rng.random() < 0.3:
        names = {"q": "user_query", "user.id": "client_id", "action.name": "action_name"}
        names |= {"hits.ids": "query_response_hit_ids", "item": "message"}
        rows = [row | {new: row.get(old) for new, old in names.items() if old in row}
                for row in rows]  # fmt: skip
    share = rng.choice([0, 0, 0.05, 0.3])
    rows = [odd_row(rng, row) if rng.random() < share else row for row in rows]
    if rng.random() < 0.5:
        action: Row = {rng.choice(["index", "create"]): {"_index": "ubi"}}
        bulk = rng.choice([[action], [{"index": {"_index": "u", "_id": "é" * rng.randrange(2)}}]])
        odd: Table = [
            {"index": {}},
            {"index": None},
            {"index": {"_index": "u"}, "user_query": None},
        ]
        bulks = [bulk if rng.random() < 0.9 else [rng.choice(odd)] for _ in rows]
        rows = [line for bulk, row in zip(bulks, rows, strict=True) for line in (*bulk, row)]
    return border, rows


PATHS = {
    "event": ["kind.name", "event|kind.name"],
    "user": ["user.id", "user|client", "user.id|client"],
    "time": ["at", "meta.at|time"],
    "query": ["q.text", "query|q.text", "q|query"],
    "items": ["found.ids"],
    "item": ["doc.id|item", "doc.meta.id"],
    "query_id": ["query_id|q.id", "meta.q"],
    "position": ["doc.rank", "rank|position"],
}
"""Names for each field, nested or with alternatives."""


def nested(number: int) -> Border:
    """Rules for one or another nested log."""
    rng = Random(number)
    fields = {name: rng.choice(paths) for name, paths in PATHS.items() if rng.random() < 0.4}
    kinds = rng.choice([{}, {}, {"search": "search", "click": "click"}, {"*": "activity"}])
    return Border(fields, kinds)


NESTED = [nested(number) for number in range(20)]


def put(rng: Random, row: Row, path: str, value: Any) -> None:
    """Put a value where its name says, in one of the ways that logs have."""
    name = rng.choice(path.split("|")) if rng.random() < 0.2 else path.split("|")[-1]
    outer, *inner = name.split(".")
    if not inner or rng.random() < 0.03:
        row[name] = value
        return
    for key in reversed(inner[1:]):
        value = {key: value}
    here = row.setdefault(outer, {})
    if isinstance(here, dict):
        here[inner[0]] = value
    if rng.random() < 0.02:
        row[outer] = rng.choice([json.dumps(row[outer]), *ODD])


def as_nested(rng: Random) -> tuple[Border, Table]:
    """A log whose fields lie inside others, and rules for reading it."""
    border = rng.choice(NESTED)
    fields = border.fields
    rows = []
    user = rng.choice([str, lambda user: user])
    for event in rng.sample(EVENTS, rng.choice([1, 5, 12])):
        row: Row = {}
        for name, value in as_row(event).items():
            value = user(value) if name == "user" else value
            if name in fields:
                put(rng, row, fields[name], value)
            else:
                row[name] = value
        if rng.random() < 0.1:
            row[rng.choice(["user", "q", "doc", "meta", "rank", "x"])] = rng.choice(ODD + EXTRA)
        rows.append(row)
    return border, rows


def fuzz(count: int, seed: int, folder: Path, progress: bool = False) -> Counter[str]:
    """Compare so many broken logs, and say what became of all their records."""
    total: Counter[str] = Counter()
    for number in tqdm(range(count), disable=not progress or None):
        rng = Random(f"{seed} {number}")
        paths = []
        border, rows = rng.choice([as_ubi, as_ubi, as_nested])(rng)
        for file in range(rng.choice([1, 1, 1, 2])):
            if rng.random() < 0.1:
                rows = break_rows(rng, rows)
            data = as_json(rng, rows)
            for chance, change in ((0.2, break_json), (0.1, break_lines), (0.1, break_bytes)):
                if rng.random() < chance and data:
                    data = change(rng, data)
            paths.append(str(folder / f"{file}.jsonl"))
            Path(paths[-1]).write_bytes(data)
        block, batch = rng.choice([300, 2_000, 1 << 19]), rng.choice([1, 7, 1_000])
        run = rng.choice([100, 1_000, 1 << 25]) if type(border) is Ubi else None
        share = rng.choice(SHARES)
        try:
            total += compare(paths, border, block, batch, run, share)
        except Exception as error:
            raise AssertionError(f"number {number} of seed {seed}: {border}") from error
    return total


if __name__ == "__main__":
    fuzz_from_shell(argparse.ArgumentParser(description=__doc__), fuzz)
