"""Schemas of the tables that the package reads and writes, for whoever needs no more than these."""

import pyarrow as pa

TIME = pa.timestamp("us", "UTC")

EVENTS = pa.schema(
    {
        "event": pa.dictionary(pa.int8(), pa.string()),
        "user": pa.string(),
        "time": TIME,
        "query": pa.string(),
        "items": pa.list_(pa.string()),
        "item": pa.string(),
        "query_id": pa.string(),
        "position": pa.int64(),
    }
)
"""Columns of a log in Parquet, one row per event; users are text."""

SESSIONS = pa.schema(
    {
        "user": pa.string(),
        "session": pa.int64(),
        "start": TIME,
        "end": TIME,
        "events": pa.int64(),
        "requests": pa.int64(),
        "searches": pa.int64(),
        "clicks": pa.int64(),
        "searches_clicked": pa.int64(),
        "orphan_clicks": pa.int64(),
        "absent_query_clicks": pa.int64(),
        "clicks_per_search": pa.float64(),
        "ctr": pa.float64(),
    }
)
"""Columns of the sessions, one row per session; its rates are null if it has no search."""

SESSION_RATES = ("clicks_per_search", "ctr")
"""The rates of a session, by their names in `metrics.RATES`."""

COUNTED = pa.schema([field for field in SESSIONS if field.name not in SESSION_RATES])
"""Columns of the sessions before their rates are added."""

COUNTS = tuple(COUNTED.names[COUNTED.names.index("events") :])
"""The counts of a session: of its events, and as in `metrics.Counts`."""

SEARCHES = pa.schema(
    {
        "user": pa.string(),
        "session": pa.int64(),
        "search": pa.int64(),
        "time": TIME,
        "query": pa.string(),
        "query_id": pa.string(),
        "requests": pa.int64(),
        "results": pa.int64(),
        "clicked": pa.list_(pa.string()),
        "ranks": pa.list_(pa.int64()),
        "seconds_to_first_click": pa.float64(),
    }
)
"""Columns of the searches, one row per search.

`search` counts from 0 in its session. `results` is the number of items shown, null if no results
were logged. `clicked` holds the items clicked, in time order, and `ranks` the rank of each, null if
it is unknown.
"""
