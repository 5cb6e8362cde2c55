"""Events as record batches, and back."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa

from searchlogs.events import FIELDS, KINDS, WORDS, Event
from searchlogs.logs.rows import from_batch
from searchlogs.logs.schemas import EVENTS
from searchlogs.sessions import Late

NUMBER = "user_is_number"
"""A column that says which users were whole numbers, where others in the batch were text."""


def to_batch(events: Sequence[Any], schema: pa.Schema | None = None) -> pa.RecordBatch:
    """Events, or Rows, under `export.SCHEMA` unless told otherwise; whole numbers stay users."""
    rows = [event if type(event) is Row else _row_of(event) for event in events]
    cells = zip(*rows, strict=True) if rows else [()] * len(FIELDS)
    columns: dict[str, Sequence[Any]] = dict(zip(FIELDS, cells, strict=True))
    wanted = EVENTS if schema is None else schema
    types = dict(zip(wanted.names, wanted.types, strict=True))
    if schema is None:
        users = columns["user"]
        kinds = set(map(type, users))
        if kinds == {int} and max(users) < 1 << 63 and min(users) >= -(1 << 63):
            types["user"] = pa.int64()
        elif int in kinds:
            columns["user"] = list(map(str, users))
            columns[NUMBER] = [type(user) is int for user in users]
            types[NUMBER] = pa.bool_()
    words = pa.DictionaryArray.from_arrays(pa.array(columns["event"], pa.int8()), KIND_WORDS)
    arrays = [
        words if name == "event" else pa.array(columns[name], type) for name, type in types.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(types))


class Row(NamedTuple):
    """An event under FIELDS: what stands in for it where it only goes into a batch."""

    event: int
    user: int | str
    time: datetime
    query: str | None = None
    items: tuple[str, ...] | None = None
    item: str | None = None
    query_id: str | None = None
    position: int | None = None


def _row_of(event: Event) -> Row:
    values: list[Any] = [getattr(event, name, None) for name in Row._fields[1:]]
    return Row(CODES[WORDS[type(event)]], *values)


CODES = {kind: code for code, kind in enumerate(KINDS)}
ROW_MAKERS = {kind: partial(Row, code) for kind, code in CODES.items()}
KIND_WORDS = pa.array(list(KINDS))


def to_late(batch: pa.RecordBatch) -> Iterator[Late]:
    """Rows that `columnar_sessions` lets out as late, as the late events that they were."""
    for row in from_batch(batch):  # not to_pylist, which imports pandas
        kind = KINDS[row["event"]]
        values = {part.name: row[part.name] for part in fields(kind) if part.name in row}
        if row.get(NUMBER):
            values["user"] = int(values["user"])
        if "items" in values:
            values["items"] = tuple(values["items"])
        yield Late(str(values["user"]), kind(**values), row["late_by"])
