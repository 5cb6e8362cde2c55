"""A generator of UBI logs as plugins and browsers write them, which also knows what is in them.

What happened (requests and actions) is drawn first. From it come, by two ways that share nothing,
the records of a version in the files of an export, and the truth: sessions and their counts by the
definitions of the course, written out here once more as plainly as they read.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from itertools import groupby, pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

Json: TypeAlias = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGINS = 1_735_725_600_000
"""When the first visits may begin, in milliseconds since 1970."""


@dataclass(frozen=True)
class Request:
    """A request to the engine that said who asked what: a first page, a facet, or a next page."""

    time: int
    client: str | None
    session: str | None
    query_id: str | None
    query: str
    hits: tuple[str | None, ...] | None
    """The ids of the hits, None where a hit has none; None instead of a tuple: not logged."""


@dataclass(frozen=True)
class Action:
    """Something that a user did in the browser."""

    name: str
    time: int
    client: str | None
    session: str | None
    query_id: str | None
    query: str
    item: str | None = None
    position: int | None = None
    """From 1."""


class Truth(NamedTuple):
    """What a reader has to find in a log."""

    sessions: list[Json]
    searches: list[Json]
    gave_events: int
    events: int
    rejected: int
    ignored: dict[str, int]


@dataclass(frozen=True)
class UbiLog:
    """What happened, in no order."""

    requests: tuple[Request, ...]
    actions: tuple[Action, ...]

    def truth(self, gap: timedelta, impressions: bool = False) -> Truth:
        """Say what is in the log; with `impressions`, they are the results, and hits are not."""
        kinds = {"click": "click"} | ({"impression": "results"} if impressions else {})
        facts: list[Fact] = []
        ignored: Counter[str] = Counter()
        gave_events = rejected = 0
        for request in self.requests:
            user = request.client or request.session
            if not user:
                rejected += 1
                continue
            gave_events += 1
            query_id = request.query_id or None
            fact = Fact(user, request.time, "search", query_id, query=request.query)
            facts.append(fact)
            if request.hits is not None and not impressions:
                facts.append(fact._replace(kind="results", items=request.hits))
        for action in self.actions:
            user = action.client or action.session
            kind = kinds.get(action.name)
            if kind is None:
                ignored[action.name] += 1
            elif not user or not (action.item or (kind == "click" and action.query_id)):
                rejected += 1
            else:
                gave_events += 1
                fact = Fact(user, action.time, kind, action.query_id or None, (action.item,))
                facts.append(fact._replace(position=action.position))
        sessions, searches = [], []
        for user, number, visit in _visits(facts, gap):
            counts, rows = _count(visit)
            sessions.append({"user": user, "session": number, **counts})
            searches += [{"user": user, "session": number, **row} for row in rows]
        return Truth(sessions, searches, gave_events, len(facts), rejected, dict(ignored))


# What is true, by the definitions


class Fact(NamedTuple):
    """An event of the data model; a click has its item alone in `items`."""

    user: str
    time: int
    kind: str
    query_id: str | None
    items: tuple[str | None, ...] = ()
    query: str = ""
    position: int | None = None


RANK = {"search": 1, "results": 2, "click": 3}
"""What comes first of what has one time."""


def _visits(facts: Iterable[Fact], gap: timedelta) -> Iterator[tuple[str, int, list[Fact]]]:
    """The sessions of each user: a step that is longer than the gap begins another."""
    in_time = sorted(facts, key=lambda fact: (fact.user, fact.time, RANK[fact.kind]))
    for user, group in groupby(in_time, key=lambda fact: fact.user):
        own = list(group)
        steps = [timedelta(milliseconds=later.time - one.time) for one, later in pairwise(own)]
        cuts = [0, *(place for place, step in enumerate(steps, 1) if step > gap), len(own)]
        for number, (first, end) in enumerate(pairwise(cuts)):
            yield user, number, own[first:end]


def _count(visit: Sequence[Fact]) -> tuple[Json, list[Json]]:
    """Count one session, and list its searches."""
    # A search is named by its id; one without is named by the place of its record.
    records = [
        (place, fact.query_id or place) for place, fact in enumerate(visit) if fact.kind == "search"
    ]
    names = list(dict.fromkeys(name for _, name in records))

    def latest(place: int, fits: Callable[[str | int], bool]) -> str | int | None:
        return next((name for at, name in reversed(records) if at < place and fits(name)), None)

    def may_own(fact: Fact, name: str | int) -> bool:
        """A search that has another id than the one that is named never does."""
        return fact.query_id is None or isinstance(name, int)

    shown: dict[str | int, list[str | None]] = {}
    for place, fact in enumerate(visit):
        if fact.kind == "results":
            owner: str | int | None = fact.query_id
            if owner not in names:
                owner = latest(place, lambda name, fact=fact: may_own(fact, name))  # type: ignore[misc]
            if owner is not None:
                shown.setdefault(owner, []).extend(fact.items)

    clicked: dict[str | int, list[Fact]] = {}
    orphans = absent = 0
    for place, fact in enumerate(visit):
        if fact.kind != "click":
            continue
        (item,) = fact.items
        owner = fact.query_id
        if owner not in names:
            theirs = [name for name in names if may_own(fact, name)]
            holders = [name for name in theirs if item and item in shown.get(name, ())]
            silent = [name for name in theirs if name not in shown]
            owner = latest(place, holders.__contains__)
            owner = latest(place, silent.__contains__) if owner is None else owner
        if owner is None:
            orphans += 1
            absent += fact.query_id is not None
        else:
            clicked.setdefault(owner, []).append(fact)

    clicks = sum(fact.kind == "click" for fact in visit)
    counts = {
        "start": _moment(visit[0].time),
        "end": _moment(visit[-1].time),
        "events": len(visit),
        "requests": len(records),
        "searches": len(names),
        "clicks": clicks,
        "searches_clicked": len(clicked),
        "orphan_clicks": orphans,
        "absent_query_clicks": absent,
        "clicks_per_search": clicks / len(names) if names else None,
        "ctr": len(clicked) / len(names) if names else None,
    }
    rows = []
    for number, name in enumerate(names):
        first = next(visit[place] for place, other in records if other == name)
        rows.append(
            {
                "search": number,
                "time": _moment(first.time),
                "query": first.query,
                "query_id": first.query_id,
                "requests": sum(other == name for _, other in records),
                "results": len(shown[name]) if name in shown else None,
                "clicked": [fact.items[0] for fact in clicked.get(name, ())],
                "ranks": [_rank(fact, shown.get(name, [])) for fact in clicked.get(name, ())],
            }
        )
    return counts, rows


def _rank(click: Fact, shown: list[str | None]) -> int | None:
    item = click.items[0]
    if click.position is not None or item is None or item not in shown:
        return click.position
    return shown.index(item) + 1


def _moment(time: int) -> datetime:
    return EPOCH + timedelta(milliseconds=time)


# What happened


@dataclass
class _Writer:
    """Draws the visits of users."""

    rng: Random
    hits: bool
    nameless: bool
    requests: list[Request] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    queries: int = 0
    taken: set[int] = field(default_factory=set)
    """Moments of the user at which something happens."""

    def moment(self, time: int) -> int:
        """Return the first free moment from `time` on."""
        while time in self.taken:
            time += 1
        self.taken.add(time)
        return time

    def user(self, number: int) -> None:
        client: str | None = f"c{number}"
        session_known = self.rng.random() < 0.8
        if self.rng.random() < 0.3:
            client = self.rng.choice(["", None])
        time = BEGINS + self.rng.randrange(3_600_000)
        ids: list[str] = []
        self.taken.clear()
        for visit in range(self.rng.randint(1, 3)):
            session = f"s{number}-{visit}" if session_known else self.rng.choice(["", None])
            time = self.visit(time, client, session, ids) + self.rng.randrange(60_000, 9_000_000)

    def visit(self, time: int, client: str | None, session: str | None, ids: list[str]) -> int:
        """One visit from `time` on; return when it ends."""
        rng = self.rng
        for _ in range(rng.randint(1, 4)):
            time += rng.randrange(2_000, 120_000)
            self.queries += 1
            query_id: str | None = f"q{self.queries}"
            if self.nameless and rng.random() < 0.1:
                query_id = rng.choice(["", None])
            who = client, session
            # Of a query, a record says its session only where a team adds it.
            query = rng.choice(["toner", "ink jet", "usb, 2 m", "", 'the "best" bag', "größe"])
            page, time = self.search(time, who, query_id, query)
            known = [*ids, "gone"]
            for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
                time = self.moment(time + rng.randrange(500, 40_000))
                named = query_id if rng.random() < 0.8 else rng.choice([None, *known])
                shown = [item for item in page if item]
                item = rng.choice(shown) if shown else f"i{rng.randrange(40)}"
                object_known = rng.random() < 0.85
                self.act("click", time, who, named, query, item if object_known else None)
            for name in rng.sample(OTHERS, rng.randint(0, 3)):
                time = self.moment(time + rng.randrange(1, 3_000))
                self.act(name, time, who, query_id, query)
            if query_id:
                ids.append(query_id)
        return time

    def search(
        self, time: int, who: tuple[str | None, str | None], query_id: str | None, query: str
    ) -> tuple[list[str | None], int]:
        """A first page, its facets, and perhaps next pages: what they showed, and when they end."""
        rng = self.rng
        client, session = who
        session = session if rng.random() < 0.5 else None
        shown: list[str | None] = []
        for page in range(rng.choice([1, 1, 1, 2, 3])):
            time = self.moment(time + page * rng.randrange(5_000, 60_000) + 1)
            hits = [f"i{number}" for number in rng.sample(range(40), rng.choice([0, 1, 4, 10]))]
            lost = rng.random() if rng.random() < 0.3 else 0.0
            found = tuple(None if rng.random() < lost else hit for hit in hits)
            logged = found if self.hits and rng.random() < 0.9 else None
            self.requests.append(Request(time, client, session, query_id, query, logged))
            for place, item in enumerate(hits[:5], len(shown) + 1):
                at_once = query_id and rng.random() < 0.5
                seen = time if at_once else self.moment(time + rng.randrange(1, 4_000))
                self.act("impression", seen, who, query_id, query, item, place)
            shown += found
            for _ in range(rng.choice([0, 0, 1, 2])):
                time = self.moment(time + rng.randrange(1, 12))
                none = () if self.hits else None
                self.requests.append(Request(time, client, session, query_id, query, none))
            time += 4_000
        return shown, time

    def act(
        self,
        name: str,
        time: int,
        who: tuple[str | None, str | None],
        query_id: str | None,
        query: str,
        item: str | None = None,
        position: int | None = None,
    ) -> None:
        if name == "click" and self.rng.random() < 0.6:
            position = self.rng.randint(1, 20)
        self.actions.append(Action(name, time, *who, query_id, query, item, position))


OTHERS = ["search", "view_search_results", "product_sort", "add_to_cart", "brand_filter", "login"]


def ubi_log(seed: int, users: int = 20, hits: bool = True, nameless: bool = True) -> UbiLog:
    """Draw a log: with no `hits`, impressions alone say what was shown.

    With `nameless`, some queries have no id, as those of browsers; the plugin makes one up.
    Moments of one user differ, except that an impression may have the time of its query.
    """
    writer = _Writer(Random(seed), hits, nameless)
    for number in range(users):
        writer.user(number)
    return UbiLog(tuple(writer.requests), tuple(writer.actions))


# The shapes of records


Shape: TypeAlias = tuple[Callable[[Request], Json], Callable[[Action], Json]]


def _browser_time(time: int) -> str:
    return _moment(time).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time % 1000:03}Z"


def _plugin_time(time: int, hours: int = 0) -> str:
    """With the offset of the server's zone, without a colon."""
    local = _moment(time).astimezone(timezone(timedelta(hours=hours)))
    return local.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time % 1000:03}" + local.strftime("%z")


def _plugin(request: Request, time: object, hits: str) -> Json:
    record: Json = {
        "timestamp": time,
        "query_id": request.query_id,
        "query_response_id": f"r{request.time}",
        "client_id": request.client or "",
        "user_query": request.query,
        "query_attributes": {},
        "query": '{"size":20}',
    }
    if request.hits is not None:
        record[hits] = list(request.hits)
    return record | ({"session_id": request.session} if request.session else {})


def query_of_2_14(request: Request) -> Json:
    """Of the plugin's versions 2.14 to 2.16: times are numbers, hits have another name."""
    return _plugin(request, request.time, "query_response_object_ids")


def query_of_2_19(request: Request) -> Json:
    """Of the plugin since 2.19."""
    time = _plugin_time(request.time)
    return {"application": None, **_plugin(request, time, "query_response_hit_ids")}


def query_of_a_zone(request: Request) -> Json:
    """The same on a server whose zone isn't UTC."""
    time = _plugin_time(request.time, hours=2)
    return {"application": "shop", **_plugin(request, time, "query_response_hit_ids")}


def query_of_data_prepper(request: Request) -> Json:
    """What the plugin sends where it doesn't index queries itself."""
    response: Json = {"queryId": request.query_id, "queryResponseId": "r"}
    if request.hits is not None:
        response["queryResponseHitIds"] = list(request.hits)
    record: Json = {
        "timestamp": _plugin_time(request.time),
        "queryId": request.query_id,
        "clientId": request.client or "",
        "userQuery": request.query,
        "query": '{"size":20}',
        "application": "shop",
        "queryAttributes": {},
        "queryResponse": response,
    }
    return record | ({"session_id": request.session} if request.session else {})


def query_of_a_browser(request: Request) -> Json:
    """What a client writes without the plugin; where it knows the hits, as schema 1.3 has them."""
    record: Json = {
        "application": "shop",
        "query_id": request.query_id,
        "client_id": request.client,
        "user_query": request.query,
        "query_attributes": {"page": "1"},
        "object_id_field": "sku",
        "timestamp": _browser_time(request.time),
    }
    if request.hits is not None:
        record["query_response_hit_ids"] = list(request.hits)
    return record | ({"session_id": request.session} if request.session else {})


def event_of_1_0(action: Action) -> Json:
    """As schema 1.0 has it: `ordinal` is an object, the session is an attribute, time a number."""
    position: Json | None = None
    if action.position is not None:
        position = {"ordinal": {"index": action.position}}
    attributes: Json = {"session_id": action.session, "position": position, "browser": "x"}
    if action.item is not None:
        attributes["object"] = {"object_id": action.item, "object_id_field": "sku"}
    return _event(action, action.time) | {"event_attributes": attributes}


def event_of_2024(action: Action) -> Json:
    """As clients wrote it in 2024: as 1.0, but `ordinal` is a number among others."""
    position = {"ordinal": action.position, "x": 480, "y": 578, "trail": ["/a", "/b"]}
    if action.position is None:
        position.pop("ordinal")
    attributes: Json = {"session_id": action.session, "position": position}
    if action.item is not None:
        attributes["object"] = {"object_id": action.item, "internal_id": "7", "description": "d"}
    elif action.name == "view_search_results":
        attributes["object"] = {"search_term": action.query, "results_num": 44}
    return _event(action, action.time) | {"event_attributes": attributes}


def event_of_1_1(action: Action) -> Json:
    """As schema 1.1 and ubi.js have it: a session of its own, a user that is empty."""
    record = _event(action, _browser_time(action.time))
    record |= {"session_id": action.session, "user_id": "", "event_attributes": None}
    if action.name in ("click", "impression", "add_to_cart", "brand_filter"):
        item: Json = {"object_id": action.item, "object_id_field": "sku", "description": None}
        ordinal = -1 if action.position is None else action.position
        record["event_attributes"] = {"object": item, "position": {"ordinal": ordinal}}
    return record


def event_of_1_3(action: Action) -> Json:
    """As 1.1, with the query's text."""
    return event_of_1_1(action) | {"user_query": action.query}


def _event(action: Action, time: object) -> Json:
    types = {"click": "CLICK_THROUGH", "impression": "IMPRESSION", "search": "QUERY"}
    return {
        "application": "shop",
        "action_name": action.name,
        "query_id": action.query_id,
        "client_id": action.client,
        "timestamp": time,
        "message_type": types.get(action.name),
        "message": action.query if action.name == "search" else None,
    }


SHAPES: dict[str, Shape] = {
    "1.0": (query_of_2_14, event_of_1_0),
    "2024": (query_of_2_14, event_of_2024),
    "1.1": (query_of_2_19, event_of_1_1),
    "1.2": (query_of_a_zone, event_of_1_1),
    "1.3": (query_of_2_19, event_of_1_3),
    "browser": (query_of_a_browser, event_of_1_3),
    "data prepper": (query_of_data_prepper, event_of_1_1),
}


def records(log: UbiLog, shape: str) -> tuple[list[Json], list[Json]]:
    """The log's query records and event records."""
    query, event = SHAPES[shape]
    return [query(request) for request in log.requests], [event(a) for a in log.actions]


# The files of an export


def write_ndjson(log: UbiLog, shape: str, folder: Path) -> int:
    """One object per line, in no order; return the number of framing lines."""
    queries, events = records(log, shape)
    lines = [*queries, *events]
    Random(0).shuffle(lines)
    _write_lines(folder / "ubi.ndjson", lines)
    return 0


def write_bulk(log: UbiLog, shape: str, folder: Path) -> int:
    """What the bulk interface takes: before each record a line that names its index."""
    queries, events = records(log, shape)
    lines: list[Json] = []
    for index, found in ("ubi_events", events), ("ubi_queries", queries):
        for number, record in enumerate(found):
            lines += [{"index": {"_index": index, "_id": str(number)}}, record]
    _write_lines(folder / "ubi.ndjson", lines)
    return len(queries) + len(events)


def write_hits(log: UbiLog, shape: str, folder: Path) -> int:
    """The hits of a search, as dump tools write them: each record in its `_source`."""
    queries, events = records(log, shape)
    for name, found in ("ubi_queries", queries), ("ubi_events", events):
        lines = [
            {"_index": name, "_id": str(number), "_score": 1.0, "_source": record}
            for number, record in enumerate(found)
        ]
        _write_lines(folder / f"{name}.json", lines)
    return 0


def write_csv(log: UbiLog, shape: str, folder: Path) -> int:
    """Two files of flattened columns."""
    queries, events = records(log, shape)
    _write_table(folder / "queries.csv", map(_flat, queries))
    _write_table(folder / "events.csv", map(_flat, events))
    return 2


def write_one_csv(log: UbiLog, shape: str, folder: Path) -> int:
    """One file with the columns of both, whose attributes are JSON in a cell."""
    queries, events = records(log, shape)
    _write_table(folder / "ubi.csv", [*queries, *events])
    return 1


def write_parquet(log: UbiLog, shape: str, folder: Path) -> int:
    """Two files of nested columns."""
    for name, found in zip(("queries", "events"), records(log, shape), strict=True):
        rows = [{key: value for key, value in row.items() if value != {}} for row in found]
        pq.write_table(pa.Table.from_pylist(_same_keys(rows)), folder / f"{name}.parquet")
    return 0


def write_flat_parquet(log: UbiLog, shape: str, folder: Path) -> int:
    """Two files of flattened columns, whose numbers are floats where there are holes."""
    for name, found in zip(("queries", "events"), records(log, shape), strict=True):
        rows = _same_keys([_flat(row) for row in found])
        for row in rows:
            for key, value in row.items():
                if key.startswith("event_attributes.position.ordinal"):
                    row[key] = float("nan" if value is None else value)
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return 0


FORMS: dict[str, Callable[[UbiLog, str, Path], int]] = {
    "ndjson": write_ndjson,
    "bulk": write_bulk,
    "hits": write_hits,
    "csv": write_csv,
    "one csv": write_one_csv,
    "parquet": write_parquet,
    "flat parquet": write_flat_parquet,
}


def _write_lines(path: Path, lines: Iterable[Json]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def _write_table(path: Path, rows: Iterable[Json]) -> None:
    rows = _same_keys(list(rows))
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        for row in rows:
            table.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, list | dict) else value


def _flat(record: Mapping[str, Any], above: str = "") -> Json:
    """A record without objects in it, under dotted names, as pandas' json_normalize gives it."""
    flat: Json = {}
    for name, value in record.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{above}{name}.")
        else:
            flat[above + name] = value
    return flat


def _same_keys(rows: list[Json]) -> list[Json]:
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]
