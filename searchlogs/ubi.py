"""OpenSearch User Behavior Insights: what search teams log, as our events.

Written for version 1.3 of the specification (github.com/o19s/ubi), and for what earlier versions of
its plugin wrote. A record of `ubi_queries` is a search and, where it says its hits, their results;
a record of `ubi_events` is a click, or of a kind that doesn't count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from searchlogs.events import Event
from searchlogs.logs import BadRecord, Border, Ignored, Record, Skipped, look_up

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
        if self.by_session:
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
    def by_session(self) -> bool:
        """Whether sessions stand in for users."""
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
