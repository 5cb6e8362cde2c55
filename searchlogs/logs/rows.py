"""Rows of what a run finds: sessions, searches and late events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from searchlogs.events import EARLIEST
from searchlogs.logs.arrays import float_array, int_array, list_array, text_array, time_array
from searchlogs.logs.jsonl import event_record
from searchlogs.logs.schemas import SESSION_RATES, TIME
from searchlogs.metrics import attribute, count, rate

if TYPE_CHECKING:  # `sessions` loads the engine, and rows of columns need none
    from searchlogs.sessions import Late, Session

Row: TypeAlias = dict[str, Any]


def session_row(session: Session) -> Row:
    """Return a session as a row of SESSIONS.

    >>> from searchlogs.metrics import example
    >>> session_row(example())["ctr"]
    0.5
    """
    counts = count(session)
    return {
        "user": session.user,
        "session": session.id,
        "start": session.start,
        "end": session.end,
        "events": len(session.events),
        "requests": counts.requests,
        "searches": counts.searches,
        "clicks": counts.clicks,
        "searches_clicked": counts.searches_clicked,
        "orphan_clicks": counts.orphan_clicks,
        "absent_query_clicks": counts.absent_query_clicks,
        **{name: rate(name, counts) for name in SESSION_RATES},
    }


def search_rows(session: Session) -> list[Row]:
    """Return a session's searches as rows of SEARCHES, in time order."""
    rows = []
    for number, impression in enumerate(attribute(session).impressions):
        search, clicks = impression.search, impression.clicks
        first = min((click.time for click in clicks), default=search.time)
        rows.append(
            {
                "user": session.user,
                "session": session.id,
                "search": number,
                "time": search.time,
                "query": search.query,
                "query_id": search.query_id,
                "requests": impression.requests,
                "results": None if impression.items is None else len(impression.items),
                "clicked": [click.item for click in clicks],
                "ranks": [impression.rank(click) for click in clicks],
                "seconds_to_first_click": (first - search.time) / timedelta(seconds=1)
                if clicks
                else None,
            }
        )
    return rows


def to_batch(rows: Iterable[Row], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as a record batch of one of `schemas`; other fields are left out.

    >>> to_batch([{"user": "1", "results": None}], pa.schema({"user": pa.string()})).num_rows
    1
    """
    rows = list(rows)
    columns = [ARRAYS[field.type]([row[field.name] for row in rows]) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


ARRAYS: dict[pa.DataType, Any] = {
    pa.string(): text_array,
    pa.int64(): int_array,
    pa.float64(): float_array,
    TIME: time_array,
    pa.list_(pa.string()): list_array,
    pa.list_(pa.int64()): partial(list_array, elements=int_array),
}
"""The function that makes an array of each type."""


def from_batch(batch: pa.RecordBatch) -> Iterator[Row]:
    """Yield the rows of a record batch, whose times and durations are in microseconds.

    So does `to_pylist`, which imports pandas for a time.

    >>> list(from_batch(to_batch([{"time": None}], pa.schema({"time": TIME}))))
    [{'time': None}]
    """
    names, columns = batch.schema.names, map(_values, batch.columns)
    yield from (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))


def _values(column: pa.Array) -> list[Any]:
    """Return a column as Python values."""
    if not pa.types.is_temporal(column.type):
        return list(column.to_pylist())
    zero: Any = timedelta(0) if pa.types.is_duration(column.type) else EARLIEST
    numbers = column.cast(pa.int64()).to_pylist()
    return [None if n is None else zero + timedelta(microseconds=n) for n in numbers]


def late_row(late: Late) -> Row:
    """Return a late event as a row.

    Returns:
        Its user, the event as JSON can hold it, and how far below the watermark it was, in seconds.
    """
    return {
        "user": late.user,
        "event": event_record(late.event),
        "late_by": late.late_by / timedelta(seconds=1),
    }


def to_json(row: Row) -> str:
    """Return a row as a line of JSON, in ASCII, so that no terminal obeys what a log holds.

    >>> to_json({"query": "dogs", "results": None})
    '{"query": "dogs", "results": null}'
    """
    return json.dumps(row, default=datetime.isoformat)
