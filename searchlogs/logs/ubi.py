"""UBI (OpenSearch User Behavior Insights): rules for reading its records, and a writer of them.

For version 1.3 of the specification (github.com/o19s/ubi), and for records as earlier versions, the
plugin and its clients write them. Read, a record of `ubi_queries` gives a search and, if it lists
its hits, their results; a record of `ubi_events` gives a click, or is ignored. Files are JSON
Lines, CSV or Parquet, in which objects may be nested, flattened or JSON in a cell. Written, events
become bulk lines of both kinds of record, as the plugin and a browser would send them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from searchlogs.events import EARLIEST, AppOpen, ClickResult, Event, Results, Search
from searchlogs.logs.border import BadRecord, Border, Ignored, Record, Skipped, look_up
from searchlogs.logs.fields import OTHERS, parsed
from searchlogs.logs.jsonl import compact_json, iso
from searchlogs.logs.lines import batched, write_text
from searchlogs.logs.times import NUMBER

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

HITS = (
    "query_response_object_ids",
    "query_response_objects_ids",
    "queryResponse.queryResponseHitIds",
    "queryResponse.queryResponseObjectIds",
)
"""Other names that versions of the plugin have given to a query's hits."""

SENT = {"query_id": "queryId", "client_id": "clientId", "user_query": "userQuery"}
"""Names of fields in the queries that the plugin sends to Data Prepper, by the usual names."""

SESSION = ("session_id", "event_attributes.session_id")
"""Names of the session: since version 1.1, and as clients of version 1.0 wrote it."""

BULK = {"index", "create", "update", "delete"}
"""Actions that a line of the bulk format announces for the next one."""

NO_ID = "(no id)"
"""Item that stands for a hit without an id, so that the hits after it keep their ranks."""

NO_OBJECT = "(no object)"
"""Item of a click that names its query but no object."""


@dataclass(frozen=True)
class Ubi(Border):
    """Rules for reading UBI: queries, and events, which alone have an `action_name`.

    If `client_id` is empty or absent, the record's own `session_id` is the user. A null among the
    hits becomes NO_ID and keeps its rank. A click with a `query_id` and no object is a click on
    NO_OBJECT: it belongs to its query by the id. Neither ever matches an item, because no click is
    made with the item NO_ID and no results with NO_OBJECT.

    Args:
        fields: UBI's name of each field, by ours, if it is not the usual one. With `session_id` for
            `user`, sessions stand in for users.
        kinds: Our kind of event for each `action_name` that counts; `click` alone, unless given.
            With `{"impression": "results"}` each impression is results of one item, and the hits
            of queries are not read, lest what was found and what was seen be counted together. A
            log without hits has to ask for this, because no record shows what later ones have.
        time_unit: Unit of times that are numbers; ms unless given.
        zone: Time zone of times without an offset.
        time_format: Format of times that are not ISO 8601.
        first_position: Position of the topmost result, 0 or 1. The specification leaves it open,
            and clients differ.

    Raises:
        ValueError: There is no such field, kind, unit, zone, format or first position.

    >>> query = {"user_query": "dogs", "client_id": "a", "timestamp": 1704067205000}
    >>> Ubi().read({**query, "query_response_hit_ids": [None, "fido"]})[1].items
    ('(no id)', 'fido')
    """

    time_unit: str | None = "ms"

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", {**UBI_FIELDS, **self.fields})
        if "click" not in self.kinds.values():
            object.__setattr__(self, "kinds", {"click": "click", **self.kinds})
        super().__post_init__()

    sessions: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Session of each query, by its id. Queries do not name it, but events do: a log whose sessions
    stand in for users is read twice, first to learn this."""

    @property
    def mapped(self) -> Mapping[str, str]:
        """Return the fields that were mapped: UBI's names, by ours."""
        given = self.fields.items()
        return {ours: theirs for ours, theirs in given if UBI_FIELDS.get(ours) != theirs}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the log's names of all fields that are looked up."""
        index = f"{self.theirs('position')}.index"
        return (*super().names, "user_query", "_source", index, *SESSION, *HITS, *SENT.values())

    @property
    def required(self) -> tuple[tuple[str, ...], ...]:
        """Return the log's names of the fields that every record has, each with alternatives."""
        (event,), (user,), time = super().required
        queries = dict.fromkeys((self.theirs("query"), "user_query", SENT["user_query"]))
        users: tuple[str, ...] = (user,)
        if user == UBI_FIELDS["user"]:
            users = user, SENT[user], *SESSION
        elif self.reads_twice:  # a query has none, but an id by which it is found
            users = *SESSION, self.theirs("query_id"), SENT["query_id"]
        return (event, *queries), users, time

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
        try:
            return self._read(record)
        except BadRecord as bad:
            bad.found = self._present(record)
            raise

    def _read(self, record: Record) -> tuple[Event, ...] | Ignored:
        """Return the events of a record that is not framing."""
        if "user_query" not in record and any(name in record for name in SENT.values()):
            usual = {name: record.get(sent) for name, sent in SENT.items()}
            # The plugin always writes a text here, but an empty cell of CSV is no value.
            record = {**record, **usual, "user_query": record.get(SENT["user_query"], "")}
        event = self.theirs("event")
        word = look_up(record, event)
        if word not in (None, ""):
            return self._action(self._word({event: word}), record)
        if look_up(record, self.theirs("query")) is None and "user_query" not in record:
            if "hits" in record:
                raise BadRecord(
                    None, "a search response (jq -c '.hits.hits[]' splits it into its records)"
                )
            raise BadRecord(None, "neither a query (user_query) nor an event (action_name)")
        # Since version 1.3 events may have the text of their query, too.
        if any(name.startswith("event_attributes") and _holds(record[name]) for name in record):
            raise BadRecord(event, "missing from a record with event_attributes")
        return self._search(record)

    def _action(self, word: str, record: Record) -> tuple[Event, ...] | Ignored:
        """Read a record of `ubi_events`, whose `action_name` is `word`."""
        kind = self.kinds.get(word) or self.kinds.get(OTHERS)
        if kind is None:
            if self.reads_twice:
                self._session(record)
            return Ignored(word, self._present(record))
        if kind == "search":
            return self._search(record)
        found = self._found(record)
        item = self.theirs("item")
        if kind == "click":
            if found.get(item) in (None, "", NO_ID):
                if self.theirs("query_id") not in found:
                    raise BadRecord(item, "missing from a click without a query_id")
                found[item] = NO_OBJECT
            found[self.theirs("position")] = self._position(record)
        elif kind == "results":
            hits = self._hits(record)
            if hits is None and item not in found:
                raise BadRecord(item, "missing")
            found[self.theirs("items")] = _items([found[item]] if hits is None else hits)
        read = {("results", "item")}
        if found.get(self.theirs("query_id")) not in (None, ""):
            read.add((kind, "query"))  # since version 1.3 the text of its search, found by the id
        unread = [name for name in self.unread(kind) if (kind, name) not in read]
        return self._noted((self._event(kind, found),), kind, record, word, unread)

    def _search(self, record: Record) -> tuple[Event, ...]:
        """Read a search, and its results if the record lists its hits."""
        found = self._found(record)
        search = self._event("search", found)
        if "results" in self.kinds.values():
            unread = (*self.unread("search"), "items")
            return self._noted((search,), "search", record, "search", unread)
        events: tuple[Event, ...] = (search,)
        if (hits := self._hits(record)) is not None:
            events += (self._event("results", {**found, self.theirs("items"): _items(hits)}),)
        return self._noted(events, "search", record, "search")

    def _found(self, record: Record) -> dict[str, Any]:
        """Return the fields of a record that any event may have, flat, without those missing."""
        found = {
            self.theirs(name): look_up(record, self.theirs(name))
            for name in ("time", "query", "query_id", "item")
        }
        query_id = self.theirs("query_id")
        found[query_id] = None if found[query_id] == "" else found[query_id]
        found[self.theirs("user")] = self._user(record)
        return {name: value for name, value in found.items() if value is not None}

    def _user(self, record: Record) -> Any:
        """Return the user of a record; its session if it has no client."""
        path = self.theirs("user")
        if self.reads_twice:
            return self._session(record)
        user = look_up(record, path)
        if user not in (None, "") or path != UBI_FIELDS["user"]:
            return user
        session = _first(record, SESSION)
        if session is None:
            raise BadRecord(
                path,
                f"{'missing' if user is None else 'empty'}, and the record has no session_id "
                "(--map user=session_id takes it from the events of its query)",
            )
        return session

    @property
    def reads_twice(self) -> bool:
        """Return whether sessions stand in for users, which a first reading must learn."""
        return self.theirs("user") == SESSION[0]

    def _session(self, record: Record) -> Any:
        """Return the session of a record, or of another record of its query."""
        session = _first(record, SESSION)
        query_id = look_up(record, self.theirs("query_id"))
        if not isinstance(query_id, str) or not query_id:
            return session
        if session is None:
            return self.sessions.get(query_id)
        return self.sessions.setdefault(query_id, session)

    def _hits(self, record: Record) -> Any:
        """Return the hits of a record, nulls among them; None if it lists none."""
        return parsed(_first(record, (self.theirs("items"), *HITS)))

    def _position(self, record: Record) -> Any:
        """Return the position of a click as it was logged; None if it has none."""
        path = self.theirs("position")
        ordinal = look_up(record, path)
        text = isinstance(ordinal, str) and ordinal.startswith("{")
        if ordinal is None or text or isinstance(ordinal, Mapping):
            ordinal = look_up(record, f"{path}.index")  # in version 1.0
        ordinal = _whole(ordinal)
        return None if ordinal == -1 else ordinal  # -1 is for an item that was in no list


def _first(record: Record, paths: Iterable[str]) -> Any:
    """Return the first value under several names that is not empty text; None if there is none."""
    values = (look_up(record, path) for path in paths)
    return next((value for value in values if value not in (None, "")), None)


def _items(hits: Any) -> Any:
    """Return hits with an item for each that has no id."""
    if isinstance(hits, list):
        return [NO_ID if hit in (None, "", NO_OBJECT) else hit for hit in hits]
    return hits


def _whole(value: Any) -> Any:
    """Return a number that is text or a float as the whole number that it is; None for NaN."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None if value != value else value
    return value


def _holds(value: object) -> bool:
    """Return whether a value holds anything: in Parquet, objects may hold nulls alone."""
    if isinstance(value, Mapping):
        return any(map(_holds, value.values()))
    return value is not None


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
