"""Events as record batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa

from searchlogs.columnar.kernel import CODES
from searchlogs.events import KINDS, Event
from searchlogs.logs.arrays import (
    Array,
    flag_array,
    from_numpy,
    int_array,
    list_array,
    text_array,
    time_array,
)
from searchlogs.logs.outcomes import KIND_OF, LOGGED
from searchlogs.logs.rows import Row, from_batch

IS_NUMBER = "user_is_number"
"""Column that says which users were whole numbers, in a batch that holds text as well."""

KIND_WORDS = text_array(list(CODES))
"""The kinds of event, and activity, each at the place of its code."""

BUILDERS: dict[str, Callable[[Sequence[Any]], pa.Array]] = {
    "query": text_array,
    "items": list_array,
    "item": text_array,
    "query_id": text_array,
    "position": int_array,
}
"""What makes the column of each field that not all kinds of event have."""

HOLDERS = {
    name: {kind for kind in KINDS.values() if name in {part.name for part in fields(kind)}}
    for name in BUILDERS
}
"""The kinds of event that have each of these fields."""


def to_batch(events: Sequence[Event]) -> pa.RecordBatch:
    """Return events as a record batch with the columns of EVENTS.

    Returns:
        Users that are all whole numbers of 64 bits are int64. Else they are text, and if one is a
        number, the column IS_NUMBER is added.

    >>> from searchlogs.simulate import client_events
    >>> to_batch(client_events())["event"].to_pylist()[:3]
    ['search', 'results', 'click']
    """
    kinds = list(map(type, events))
    columns = {
        "event": kind_array(np.array([_CODE_OF[kind] for kind in kinds], np.int8)),
        "user": None,
        "time": time_array([event.time for event in events]),
    }
    for name, build in BUILDERS.items():
        has = HOLDERS[name]
        cells = [
            getattr(event, name) if kind in has else None
            for event, kind in zip(events, kinds, strict=True)
        ]
        columns[name] = build(cells)
    columns |= _user_columns([event.user for event in events])
    return pa.RecordBatch.from_arrays([*columns.values()], [*columns])


def kind_array(codes: Array | pa.Array) -> pa.DictionaryArray:
    """Return kinds of event as texts of a dictionary, from their codes in int8."""
    codes = codes if isinstance(codes, pa.Array) else from_numpy(codes)
    return pa.DictionaryArray.from_arrays(codes, KIND_WORDS)


def to_events(batch: pa.RecordBatch) -> Iterator[Event]:
    """Yield the rows of a log as the events that they were."""
    for row in from_batch(batch):  # not to_pylist, which imports pandas
        yield to_event(row)


def to_event(row: Row) -> Any:
    """Return a row of a log as an event."""
    kind = LOGGED[row["event"]]
    values = {part.name: row[part.name] for part in fields(kind) if part.name in row}
    if row.get(IS_NUMBER):
        values["user"] = int(values["user"])
    if "items" in values:
        values["items"] = tuple(values["items"])
    return kind(**values)


_CODE_OF = {kind: CODES[word] for kind, word in KIND_OF.items()}


def _user_columns(users: Sequence[Any]) -> dict[str, pa.Array]:
    """Return the column of users, and if numbers are among texts, the column that says which."""
    types = set(map(type, users))
    if types == {int} and max(users) < 1 << 63 and min(users) >= -(1 << 63):
        return {"user": int_array(users)}
    if int not in types:
        return {"user": text_array(users)}
    is_number = flag_array([type(user) is int for user in users])
    return {"user": text_array([str(user) for user in users]), IS_NUMBER: is_number}
