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
"""One row per event: the columns of every Parquet log. Users are text."""

COUNTS = ("events", "searches", "clicks", "searches_clicked", "orphan_clicks")
"""Counts of a session: of all its events, and as in `metrics.Counts`."""

COUNTED = pa.schema(
    {
        "user": pa.string(),
        "session": pa.int64(),
        "start": TIME,
        "end": TIME,
        "events": pa.int64(),
        "searches": pa.int64(),
        "clicks": pa.int64(),
        "searches_clicked": pa.int64(),
        "orphan_clicks": pa.int64(),
    }
)
"""One row per session, before its rates are computed."""
