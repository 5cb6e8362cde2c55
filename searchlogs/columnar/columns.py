"""The columns of a record batch, checked and turned into numbers."""

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchlogs.columnar.kernel import CODES
from searchlogs.events import EARLIEST, LATEST
from searchlogs.logs.arrays import Array, from_numpy, to_numpy
from searchlogs.logs.schemas import TIME

TEXTS = {"query_id": pa.string(), "item": pa.string(), "items": pa.list_(pa.string())}
"""Columns by which clicks are joined to searches, and their types."""

UNKNOWN = 255


def event_codes(batch: pa.RecordBatch) -> Array:
    """Return the kind of each row as its number in CODES.

    Raises:
        ValueError: `event` holds a null, or a word that is none of ours.
    """
    column = batch["event"]
    _check_no_nulls("event", column)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    words = column.dictionary.to_pylist()
    numbers = from_numpy(np.array([CODES.get(word, UNKNOWN) for word in words], np.uint8))
    code = to_numpy(pc.take(numbers, column.indices, boundscheck=False), np.uint8)
    if (code == UNKNOWN).any():
        wrong = words[column.indices[int(np.argmax(code == UNKNOWN))].as_py()]
        raise ValueError(f"event: expected one of {', '.join(CODES)}; found {wrong!r}")
    return code


def event_times(batch: pa.RecordBatch) -> Array:
    """Return the time of each row, in microseconds since 1970.

    Raises:
        TypeError: `time` holds no timestamps, or none with a time zone.
        ValueError: `time` holds a null, or a time out of range.
    """
    column = batch["time"]
    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        raise TypeError(f"time: expected timestamps with a time zone; found {column.type}")
    _check_no_nulls("time", column)
    column = column.cast(options=pc.CastOptions(TIME, allow_time_truncate=True))
    time = to_numpy(column, np.int64)
    if len(time) and not (time.min() >= 0 and time.max() <= LAST):
        wrong = time[np.argmax((time < 0) | (time > LAST))]
        raise ValueError(
            f"time: expected {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}; "
            f"found {wrong:,} microseconds since 1970"
        )
    return time


LAST = (LATEST - EARLIEST) // timedelta(microseconds=1)
"""The latest time of an event, in microseconds since 1970."""


def plain_users(column: pa.Array) -> pa.Array:
    """Return a column of users as int64 or string, without nulls.

    Raises:
        TypeError: Users are neither text nor whole numbers.
        ValueError: A user is missing.
    """
    _check_no_nulls("user", column)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64() if column.type != pa.uint64() else pa.string())
    if pa.types.is_floating(column.type):
        raise TypeError(f"user: expected text or whole numbers; found {column.type}")
    return column.cast(pa.string())


def as_text(column: Any) -> Any:
    """Return a column of users as text."""
    return column.cast(pa.string())


def _check_no_nulls(name: str, column: pa.Array) -> None:
    """Raise a ValueError if a column holds a null."""
    if column.null_count:
        raise ValueError(f"{name}: expected a value in each row; {column.null_count} have none")
