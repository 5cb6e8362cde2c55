"""UBI (OpenSearch User Behavior Insights): rules for reading its records, and a writer of them.

For version 1.3 of the specification (github.com/o19s/ubi), and for records as earlier versions of
its plugin wrote them. Read, a record of `ubi_queries` gives a search and, if it lists its hits,
their results; a record of `ubi_events` gives a click, or is ignored. Written, events become bulk
lines of both kinds of record, as the plugin and a browser would send them.
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

UBI_FIELDS = {
    "event": "action_name",
    "user": "client_id",
    "time": "timestamp",
    "query": "user_query",
    "items": "query_response_hit_ids",
    "item": "event_attributes.object.object_id",
    "position": "event_attributes.position.ordinal",
}
"""UBI's name of each field, by ours."""

HITS = ("query_response_hit_ids", "query_response_object_ids", "query_response_objects_ids")
"""Names that versions of the plugin have given to a query's hits."""

BULK = {"index", "create", "update", "delete"}
"""Actions that a line of the bulk format announces for the next one."""

SESSION = "session_id"


@dataclass(frozen=True)
class Ubi(Border):
    """Rules for reading UBI: queries, and events, which alone have an `action_name`.

    Args:
        fields: UBI's name of each field, by ours, if it is not the usual one. With `session_id` for
            `user`, sessions stand in for users.
        kinds: Our kind of event for each `action_name` that counts; `click` alone, unless given.
        time_unit: Unit of times that are numbers; ms unless given.
        zone: Time zone of times without an offset.
        first_ordinal: Position of the topmost result, 0 or 1. The specification leaves it open, and
            clients differ.

    Raises:
        ValueError: There is no such field, kind, unit or zone.

    >>> query = {"user_query": "dogs", "client_id": "a", "timestamp": 1704067205000}
    >>> [type(event).__name__ for event in Ubi().read({**query, "query_response_hit_ids": []})]
    ['Search', 'Results']
    """

    time_unit: str | None = "ms"
    first_ordinal: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", {**UBI_FIELDS, **self.fields})
        if "click" not in self.kinds.values():
            object.__setattr__(self, "kinds", {"click": "click", **self.kinds})
        super().__post_init__()

    sessions: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Session of each query, by its id. Queries do not name it, but events do: a log whose sessions
    stand in for users is read twice, first to learn this."""

    def read(self, record: Record) -> tuple[Event, ...] | Ignored | Skipped:
        """Return the events of a record, or why it has none.

        Raises:
            BadRecord: The record cannot be read.
        """
        first = next(iter(record), None)
        if len(record) == 1 and first in BULK and isinstance(record[first], Mapping):
            return Skipped.FRAMING
        if isinstance(source := record.get("_source"), dict):
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
                raise BadRecord(
                    None, "a search response (jq -c '.hits.hits[]' splits it into its records)"
                )
            raise BadRecord(None, "neither a query (user_query) nor an event (action_name)")
        search = self._event("search", found)
        hits = next((record[name] for name in HITS if record.get(name) is not None), None)
        if hits is None:
            return (search,)
        return search, self._event("results", {**found, self.theirs("items"): hits})

    @property
    def reads_twice(self) -> bool:
        """Return whether sessions stand in for users, which a first reading must learn."""
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
        if isinstance(ordinal, Mapping):  # in version 1.0
            ordinal = ordinal.get("index")
        if ordinal == -1:  # for an item that was in no list
            ordinal = None
        if type(ordinal) is int:
            if ordinal == 0 and self.first_ordinal == 1:
                raise BadRecord(
                    path, "0 in a log that counts from 1 (if it counts from 0, --first-ordinal 0)"
                )
            ordinal += 1 - self.first_ordinal
        return super()._event(kind, {**record, path: ordinal})


BATCH = 1_000
"""Records per batch of UBI: its queries come first, so that the file is in no order of time."""

VISIT = timedelta(minutes=30)
"""Longest pause of a user within one `session_id`."""

HELD = 100_000
"""Largest number of visits, and of searches that wait for their results, in memory."""


def write_ubi(
    events: Iterable[Event], file: BinaryIO, path: Path, *, batch: int = BATCH, held: int = HELD
) -> None:
    """Write events as UBI's bulk lines; before each record comes a line that names its index.

    Args:
        events: The events.
        file: A binary file to write to.
        path: Its name, whose ending may ask for compression.
        batch: Records per batch, in which queries come before events.
        held: Largest number of visits, and of searches that wait for their results, in memory.
    """
    write_text(_bulk_lines(_ubi_records(events, held), batch), file, path)


UbiRecord: TypeAlias = dict[str, object]
QUERY_INDEX, EVENT_INDEX = "ubi_queries", "ubi_events"


def _bulk_lines(records: Iterable[tuple[str, UbiRecord]], batch: int) -> Iterator[str]:
    for part in batched(records, batch):
        for index in QUERY_INDEX, EVENT_INDEX:
            action = compact_json({"index": {"_index": index}})
            for where, record in part:
                if where == index:
                    yield f"{action}\n{compact_json(record)}\n"


def _ubi_records(events: Iterable[Event], held: int) -> Iterator[tuple[str, UbiRecord]]:
    """Return records and their indices; a query's as soon as its search and results are known.

    Without a `query_id`, results belong to the search of the same user before them.
    """
    waiting: dict[tuple[str, str | None], tuple[Search | Results, str]] = {}
    for event, session in _with_sessions(events, held):
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
            yield from _unpaired(other, session_of_other)
        waiting[key] = event, session
        if len(waiting) > held:
            yield from _unpaired(*waiting.pop(next(iter(waiting))))
    for event, session in waiting.values():
        yield from _unpaired(event, session)


def _unpaired(event: Search | Results, session: str) -> Iterator[tuple[str, UbiRecord]]:
    """Return the records of a search without results, or of results without a search."""
    if isinstance(event, Search):
        yield QUERY_INDEX, _query(event, None)
    else:
        for position, item in enumerate(event.items, 1):
            yield EVENT_INDEX, _action("impression", "IMPRESSION", event, session, item, position)


def _with_sessions(events: Iterable[Event], held: int) -> Iterator[tuple[Event, str]]:
    """Return each event with the id of its visit, made of its user and its first time."""
    visits: dict[str, tuple[datetime, datetime]] = {}  # first and last time of each user's
    for event in events:
        user, time = str(event.user), event.time
        first, last = visits.pop(user, (time, time))
        if time - last > VISIT:
            first = last = time
        visits[user] = first, max(last, time)
        if len(visits) > held:
            del visits[next(iter(visits))]
        yield event, f"{user}-{iso(first)}"


def _query(search: Search, results: Results | None) -> UbiRecord:
    """Return a query as the plugin writes it: the time is a number, of milliseconds."""
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
    """Return what a browser reports of an event. Of these, only the click counts when read."""
    match event:
        case AppOpen():
            yield _action("login", "INFO", event, session)
        case Search():
            yield {**_action("on_search", "QUERY", event, session), "message": event.query}
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
    """Return an event as browsers write it: the time is text."""
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
