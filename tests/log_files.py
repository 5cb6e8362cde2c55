"""Logs as files, written without the package's own writers: an outsider to compare them with."""

import csv
import io
import json
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from searchlogs.events import FIELDS, AppOpen, ClickResult, Event, Results, Search
from searchlogs.logs.border import BadRecord
from searchlogs.logs.formats import Read

Row: TypeAlias = dict[str, Any]
Table: TypeAlias = list[Row]
WORDS: dict[type[Event], str] = {
    AppOpen: "app_open",
    Search: "search",
    Results: "results",
    ClickResult: "click",
}


def as_row(event: Event) -> Row:
    """Return an event as a record of a log in our words."""
    values = {name: getattr(event, name, None) for name in FIELDS}
    row = {name: value for name, value in values.items() if value is not None}
    row["time"] = event.time.isoformat()
    if isinstance(event, Results):
        row["items"] = list(event.items)
    return {"event": WORDS[type(event)], **row}


def json_lines(rows: Table) -> bytes:
    """Return rows as JSON Lines."""
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def csv_text(rows: Table, delimiter: str = ",", end: str = "\n") -> bytes:
    """Return rows as CSV; lists are JSON."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, delimiter=delimiter, lineterminator=end, restval="")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()})
    return text.getvalue().encode()


def parquet(rows: Table) -> bytes:
    """Return rows as Parquet: columns of text, except for items and positions."""
    types = {"items": pa.list_(pa.string()), "position": pa.int64()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in FIELDS])
    strings = [{**row, "user": str(row["user"])} for row in rows]
    return written(pa.Table.from_pylist(strings, schema))


def written(table: pa.Table) -> bytes:
    """Return a table as Parquet, in row groups of 4."""
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=4)
    return file.getvalue()


def outcomes(reads: list[Read]) -> list[Any]:
    """Return what each record gave; of a bad one its line, field and reason."""
    return [
        (read.line, read.outcome.field, read.outcome.reason)
        if isinstance(read.outcome, BadRecord)
        else read.outcome
        for read in reads
    ]
