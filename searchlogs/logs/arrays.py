"""Arrow arrays of Python values, and numpy's view of Arrow arrays, without importing pandas.

`pa.array(values)`, `pa.scalar`, `from_pylist` and `to_numpy` import pandas if it is installed. That
takes a second, longer than a small log does. The functions here hand Arrow the buffers instead.
"""

from collections.abc import Callable, Sequence, Sized
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from searchlogs.events import EARLIEST

Array = np.ndarray[Any, np.dtype[Any]]
MICROSECOND = timedelta(microseconds=1)


def text_array(values: Sequence[str | None]) -> pa.StringArray:
    """Return texts as a string array; None becomes null.

    Raises:
        UnicodeEncodeError: A text holds a surrogate, which UTF-8 cannot.
        OverflowError: The texts together take 2³¹ bytes or more.

    >>> text_array(["fido", None, "ü"]).to_pylist()
    ['fido', None, 'ü']
    """
    texts = [value or "" for value in values]
    joined = "".join(texts)
    data = joined.encode()
    # A character of ASCII is a byte.
    encoded = texts if len(data) == len(joined) else [text.encode() for text in texts]
    buffers = [_validity(values), _offsets(encoded), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def int_array(values: Sequence[int | None]) -> pa.Int64Array:
    """Return whole numbers as an int64 array; None becomes null.

    Raises:
        OverflowError: A number does not fit 64 bits.

    >>> int_array([3, None]).to_pylist()
    [3, None]
    """
    return _numbers(pa.int64(), values, np.array([value or 0 for value in values], np.int64))


def float_array(values: Sequence[float | None]) -> pa.DoubleArray:
    """Return numbers as a float64 array; None becomes null, NaN stays NaN.

    >>> float_array([0.5, None]).to_pylist()
    [0.5, None]
    """
    return _numbers(pa.float64(), values, np.array([value or 0.0 for value in values], float))


def flag_array(values: Sequence[bool]) -> pa.BooleanArray:
    """Return flags as a boolean array.

    >>> flag_array([True, False]).to_pylist()
    [True, False]
    """
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])


def time_array(values: Sequence[datetime | None]) -> pa.TimestampArray:
    """Return aware times as an array of UTC microseconds since 1970; None becomes null.

    >>> time_array([EARLIEST, None]).cast("int64").to_pylist()
    [0, None]
    """
    micros = [0 if value is None else (value - EARLIEST) // MICROSECOND for value in values]
    return _numbers(pa.timestamp("us", "UTC"), values, np.array(micros, np.int64))


def list_array(
    values: Sequence[Sequence[Any] | None], elements: Callable[[Sequence[Any]], Any] = text_array
) -> pa.ListArray:
    """Return sequences as an array of lists; None becomes null.

    Args:
        values: The sequences, such as the items of search results.
        elements: What makes an array of what they hold: one of the functions above.

    >>> list_array([("fido", "rover"), None, ()]).to_pylist()
    [['fido', 'rover'], None, []]
    """
    lists = [value or () for value in values]
    child = elements(list(chain.from_iterable(lists)))
    buffers = [_validity(values), _offsets(lists)]
    return pa.Array.from_buffers(pa.list_(child.type), len(lists), buffers, children=[child])


def from_numpy(values: Array) -> pa.Array:
    """Return a numpy array of numbers as an Arrow array, without a copy if it is contiguous."""
    values = np.ascontiguousarray(values)
    return _numbers(pa.from_numpy_dtype(values.dtype), (), values)


def to_numpy(array: pa.Array, dtype: Any, length: int | None = None) -> Array:
    """Return an Arrow array's second buffer as a numpy array, without a copy.

    Args:
        array: Numbers, or texts or lists, whose second buffer holds offsets.
        dtype: What the buffer holds. Under nulls it may hold anything.
        length: Number of values; offsets are one more than texts or lists. None: the array's.
    """
    buffer = array.buffers()[1]
    values = np.frombuffer(buffer, dtype) if buffer else np.zeros(0, dtype)
    return values[array.offset : array.offset + (len(array) if length is None else length)]


def to_flags(array: pa.BooleanArray) -> Array:
    """Return a boolean array without nulls as a numpy array."""
    return to_numpy(array.cast(pa.uint8()), np.uint8).astype(bool)


def there(column: pa.Array) -> Array:
    """Return which values are not null.

    >>> there(text_array(["fido", None])).tolist()
    [True, False]
    """
    if not column.null_count:
        return np.ones(len(column), bool)
    bitmap = column.buffers()[0]
    if bitmap is None:  # as of the type null
        return np.zeros(len(column), bool)
    end = column.offset + len(column)
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), count=end, bitorder="little")
    return bits[column.offset :].view(bool)


def trimmed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch of which Arrow writes no more than its rows.

    If a slice has no rows, or only lists without elements, Arrow writes parts of the whole array
    from which it was cut. Such a batch is copied.

    >>> batch = pa.RecordBatch.from_arrays([list_array([["fido"]] * 1_000 + [None])], ["items"])
    >>> trimmed(batch.slice(1_000)).serialize().size < batch.slice(1_000).serialize().size
    True
    """
    if any(map(_is_empty, batch.columns)):
        return batch.take(from_numpy(np.arange(len(batch))))
    return batch


def _is_empty(column: pa.Array) -> bool:
    """Return whether a column has no values, or lists that have no elements."""
    if not len(column) or not pa.types.is_list(column.type):
        return not len(column)
    ends = to_numpy(column, np.int32, len(column) + 1)
    return bool(ends[0] == ends[-1])


def to_stream(batch: pa.RecordBatch) -> pa.Buffer:
    """Return a batch as an Arrow stream that holds no more than its rows.

    >>> batch = pa.RecordBatch.from_arrays([text_array(["fido"] * 1_000)], ["item"])
    >>> to_stream(batch.slice(500, 0)).size < 1_000
    True
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(trimmed(batch))
    return sink.getvalue()


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array. Unlike `combine_chunks`, don't copy what is one already.

    >>> column = pa.chunked_array([text_array(["fido"])])
    >>> one_array(column).buffers()[2].address == column.chunk(0).buffers()[2].address
    True
    """
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def take(values: Array, rows: Array) -> Array:
    """Return `values[rows]` of rows that exist: unchecked, which takes half the time.

    >>> take(np.array([5, 6, 7]), np.array([2, 0])).tolist()
    [7, 5]
    """
    return values.take(rows.astype(np.intp, copy=False), axis=0, mode="clip")


def _numbers(type: pa.DataType, values: Sequence[Any], numbers: Array) -> pa.Array:
    """Return numbers of 1 to 8 bytes as an array, null wherever `values` holds None."""
    return pa.Array.from_buffers(type, len(numbers), [_validity(values), pa.py_buffer(numbers)])


def _validity(values: Sequence[Any]) -> pa.Buffer | None:
    """Return the bitmap that says which values are not None; None if all are not."""
    if None not in values:
        return None
    return _bits([value is not None for value in values])


def _bits(flags: Sequence[bool]) -> pa.Buffer:
    """Return flags as a bitmap."""
    return pa.py_buffer(np.packbits(np.array(flags, bool), bitorder="little"))


def _offsets(values: Sequence[Sized]) -> pa.Buffer:
    """Return where each text or list begins, and where the last one ends."""
    offsets = np.zeros(len(values) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, values), np.int64, len(values)), out=offsets[1:])
    if offsets[-1] > np.iinfo(np.int32).max:
        raise OverflowError(
            f"an Arrow array holds less than 2³¹ bytes or elements; found {offsets[-1]:,}"
        )
    return pa.py_buffer(offsets.astype(np.int32))
