"""OpenSearch User Behavior Insights: what search teams log, as our events.

Written for version 1.3 of the specification (github.com/o19s/ubi), and for what earlier versions of
its plugin wrote. A record of `ubi_queries` is a search and, where it says its hits, their results;
a record of `ubi_events` is a click, or of a kind that doesn't count.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from searchlogs.events import EARLIEST, AppOpen, ClickResult, Event, Results, Search
from searchlogs.logs.border import BadRecord, Border, Ignored, Record, Skipped, look_up
from searchlogs.logs.jsonl import compact_json, iso
from searchlogs.logs.lines import batched, write_text

FIELDS = {
    "event": "action_name",
    "user": "client_id",
    "time": "timestamp",
    "query": "user_query",
    "items": "query_response_hit_ids",
    "item": "event_attributes.object.object_id",
    "position": "event_attributes.position.ordinal",
}

HITS = ("query_response_hit_ids", "query_response_object_ids", "query_response_objects_ids")
"""The names that the hits have had."""

BULK = {"index", "create", "update", "delete"}
"""What a line says of the next one in the form of the bulk interface."""

SESSION = "session_id"


@dataclass(frozen=True)
class Ubi(Border):
    """How to read UBI: queries and events, told apart by `action_name`, which only events have.

    Of the events, `kinds` says which are clicks (`click` alone, unless said). Numbers are
    milliseconds, unless `time_unit` is another. A position counts from `first_ordinal`, 0 or 1: the
    specification doesn't say which, and clients differ.

    >>> query = {"user_query": "dogs", "client_id": "a", "timestamp": 1704067205000}
    >>> [type(event).__name__ for event in Ubi().read({**query, "query_response_hit_ids": []})]
    ['Search', 'Results']
    """

    time_unit: str | None = "ms"
    first_ordinal: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", {**FIELDS, **self.fields})
        if "click" not in self.kinds.values():
            object.__setattr__(self, "kinds", {"click": "click", **self.kinds})
        super().__post_init__()

    sessions: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Session of each query, learned from events, for `fields={"user": "session_id"}`: queries
    themselves have none, so that a log is then read twice."""

    def read(self, record: Record) -> tuple[Event, ...] | Ignored | Skipped:
        """What a record gives; raises BadRecord."""
        first = next(iter(record), None)
        if len(record) == 1 and first in BULK and isinstance(record[first], Mapping):
            return Skipped.FRAMING
        if isinstance(source := record.get("_source"), Mapping):
            record = source
        found = {theirs: look_up(record, theirs) for theirs in self.fields.values()}
        found["query_id"] = record.get("query_id") or None
        if self.reads_twice:
            found[SESSION] = self._session(record, found["query_id"])
        found = {theirs: value for theirs, value in found.items() if value is not None}
        if self.theirs("event") in found:
            kind = self.kinds.get(self._word(found))
            return Ignored(self._word(found)) if kind is None else (self._event(kind, found),)
        if self.theirs("query") not in found and "user_query" not in record:
            if "hits" in record:
                raise BadRecord(None, "is a response: jq -c '.hits.hits[]' makes lines of its hits")
            raise BadRecord(None, "is neither a query (user_query) nor an event (action_name)")
        search = self._event("search", found)
        hits = next((record[name] for name in HITS if record.get(name) is not None), None)
        if hits is None:
            return (search,)
        return search, self._event("results", {**found, self.theirs("items"): hits})

    @property
    def reads_twice(self) -> bool:
        """Whether sessions stand in for users, which are learned from a first reading."""
        return self.theirs("user") == SESSION

    def _session(self, record: Record, query_id: Any) -> Any:
        session = record.get(SESSION) or look_up(record, f"event_attributes.{SESSION}")
        if not isinstance(query_id, str):
            return session
        return (
            self.sessions.setdefault(query_id, session) if session else self.sessions.get(query_id)
        )

    def _event(self, kind: str, record: Record) -> Event:
        path = self.theirs("position")
        ordinal = record.get(path)
        if isinstance(ordinal, Mapping):  # of version 1.0
            ordinal = ordinal.get("index")
        if ordinal == -1:  # of what stands in no list
            ordinal = None
        if type(ordinal) is int:
            if ordinal == 0 and self.first_ordinal == 1:
                raise BadRecord(path, "is 0: does this log count from 0? --first-ordinal 0 says so")
            ordinal += 1 - self.first_ordinal
        return super()._event(kind, {**record, path: ordinal})


BATCH = 1_000
"""So many records are a batch of UBI: first its queries, so that the file is in no time order."""

VISIT = timedelta(minutes=30)
"""A longer pause of a user begins a new `session_id` of UBI."""

HELD = 100_000
"""So many users' visits, and searches that wait for their results, UBI keeps in mind."""


def write_ubi(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    write_text(_bulk_lines(events), file, path)


UbiRecord: TypeAlias = dict[str, object]
QUERY_INDEX, EVENT_INDEX = "ubi_queries", "ubi_events"


def _bulk_lines(events: Iterable[Event]) -> Iterator[str]:
    """What the bulk API takes: before each record a line that says where it belongs."""
    for batch in batched(_ubi_records(events), BATCH):
        for index in QUERY_INDEX, EVENT_INDEX:
            for where, record in batch:
                if where == index:
                    yield (
                        compact_json({"index": {"_index": index}})
                        + "\n"
                        + compact_json(record)
                        + "\n"
                    )


def _ubi_records(events: Iterable[Event]) -> Iterator[tuple[str, UbiRecord]]:
    """The records and their indices: those of a page as soon as its search and results are there.

    Without a `query_id`, results belong to the search of the same user before them.
    """
    waiting: dict[tuple[str, str | None], tuple[Search | Results, str]] = {}
    for event, session in _with_sessions(events):
        for action in _actions(event, session):
            yield EVENT_INDEX, action
        if not isinstance(event, Search | Results):
            continue
        key = str(event.user), event.query_id
        other, session_of_other = waiting.pop(key, (None, ""))
        search, results = (event, other) if isinstance(event, Search) else (other, event)
        if (
            isinstance(search, Search)
            and isinstance(results, Results)
            and (search.query_id is not None or search.time <= results.time)
        ):
            yield QUERY_INDEX, _query(search, results)
            continue
        if other is not None:
            yield from _alone(other, session_of_other)
        waiting[key] = event, session
        if len(waiting) > HELD:
            yield from _alone(*waiting.pop(next(iter(waiting))))
    for event, session in waiting.values():
        yield from _alone(event, session)


def _alone(event: Search | Results, session: str) -> Iterator[tuple[str, UbiRecord]]:
    """A search without results, or results without a search."""
    if isinstance(event, Search):
        yield QUERY_INDEX, _query(event, None)
    else:
        for position, item in enumerate(event.items, 1):
            yield EVENT_INDEX, _action("impression", "IMPRESSION", event, session, item, position)


def _with_sessions(events: Iterable[Event]) -> Iterator[tuple[Event, str]]:
    """Events with the id of their visit, which says its user and when it began."""
    visits: dict[str, tuple[datetime, datetime]] = {}  # first and last time of each user's
    for event in events:
        user, time = str(event.user), event.time
        first, last = visits.pop(user, (time, time))
        if time - last > VISIT:
            first = last = time
        visits[user] = first, max(last, time)
        if len(visits) > HELD:
            del visits[next(iter(visits))]
        yield event, f"{user}-{iso(first)}"


def _query(search: Search, results: Results | None) -> UbiRecord:
    """As the plugin writes it, with the server's clock: the time a number of milliseconds."""
    query: UbiRecord = {"application": "searchlogs"}
    if search.query_id is not None:
        query["query_id"] = search.query_id
    query |= {"client_id": str(search.user), "user_query": search.query, "query_attributes": {}}
    if results is not None:
        query["query_response_hit_ids"] = results.items
        if search.query_id is not None:
            query["query_response_id"] = f"{search.query_id}-response"
    return {**query, "timestamp": _milliseconds(search.time)}


def _actions(event: Event, session: str) -> Iterator[UbiRecord]:
    """What the browser tells of an event: of these, only the click is one that counts."""
    match event:
        case AppOpen():
            yield _action("login", "INFO", event, session)
        case Search():
            told = _action("on_search", "QUERY", event, session)
            yield {**told, "message": event.query}
        case ClickResult():
            for name, type in ("product_hover", "INFO"), ("click", "CONVERSION"):
                yield _action(name, type, event, session, event.item, event.position)


def _action(
    name: str,
    message_type: str,
    event: Event,
    session: str,
    item: str | None = None,
    position: int | None = None,
) -> UbiRecord:
    """As browsers write it: the time is text."""
    action: UbiRecord = {"application": "searchlogs", "action_name": name}
    query_id = getattr(event, "query_id", None)
    if query_id is not None:
        action["query_id"] = query_id
    action |= {"session_id": session, "client_id": str(event.user), "timestamp": iso(event.time)}
    action["message_type"] = message_type
    if item is not None:
        attributes: UbiRecord = {"object": {"object_id": item, "object_id_field": "item"}}
        if position is not None:
            attributes["position"] = {"ordinal": position}
        action["event_attributes"] = attributes
    return action


def _milliseconds(time: datetime) -> int | float:
    micros = (time - EARLIEST) // timedelta(microseconds=1)
    return micros / 1000 if micros % 1000 else micros // 1000
