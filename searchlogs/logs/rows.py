"""Rows of what a run finds: sessions, searches, late events, and their schemas."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.json

from searchlogs.logs.jsonl import event_record
from searchlogs.logs.schemas import COUNTED, TIME
from searchlogs.metrics import attribute, count, rate
from searchlogs.sessions import Late, Session

Row: TypeAlias = dict[str, Any]


WANTED = ("clicks_per_search", "ctr")
"""The rates of a session, as RATES names them."""

SESSIONS = pa.schema([*COUNTED, *((name, pa.float64()) for name in WANTED)])
"""A row a session, by user and session; its rates null where it has no search."""

SEARCHES = pa.schema(
    {
        "user": pa.string(),
        "session": pa.int64(),
        "search": pa.int64(),
        "time": TIME,
        "query": pa.string(),
        "query_id": pa.string(),
        "results": pa.int64(),
        "clicked": pa.list_(pa.string()),
        "ranks": pa.list_(pa.int64()),
        "seconds_to_first_click": pa.float64(),
    }
)
"""A row a search, by user, session and number in it, from 0: how many results it showed (null where
none were logged), the items clicked, in time order, and the rank of each (null where unknown)."""


def session_row(session: Session) -> Row:
    """A session as a row of SESSIONS."""
    counts = count(session)
    return {
        "user": session.user,
        "session": session.id,
        "start": session.start,
        "end": session.end,
        "events": len(session.events),
        "searches": counts.searches,
        "clicks": counts.clicks,
        "searches_clicked": counts.searches_clicked,
        "orphan_clicks": counts.orphan_clicks,
        **{name: rate(name, counts) for name in WANTED},
    }


def search_rows(session: Session) -> list[Row]:
    """A session's searches as rows of SEARCHES."""
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
                "results": None if impression.items is None else len(impression.items),
                "clicked": [click.item for click in clicks],
                "ranks": [impression.rank(click) for click in clicks],
                "seconds_to_first_click": (first - search.time) / timedelta(seconds=1)
                if clicks
                else None,
            }
        )
    return rows


def late_row(late: Late) -> Row:
    """A late event, and how far below the watermark it was, in seconds."""
    return {
        "user": late.user,
        "event": event_record(late.event),
        "late_by": late.late_by / timedelta(seconds=1),
    }


def to_json(row: Row) -> str:
    """A row as a line of JSON, ASCII alone, so that no terminal is told to do anything."""
    return json.dumps(row, default=datetime.isoformat)


def beside(path: Path, what: str) -> Path:
    """Where the late events, or the rejects, of an output stand."""
    return path.with_name(f"{path.stem}.{what}.jsonl")
