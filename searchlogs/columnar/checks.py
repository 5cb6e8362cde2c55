"""Columns of a log under our names and types, and which of their rows are events as they are."""

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchlogs.columnar.columns import LAST
from searchlogs.columnar.convert import IS_NUMBER, kind_array
from searchlogs.columnar.kernel import CODES
from searchlogs.columnar.times import number_times, text_times
from searchlogs.events import EARLIEST
from searchlogs.logs.arrays import (
    MICROSECOND,
    Array,
    flag_array,
    float_array,
    from_numpy,
    int_array,
    text_array,
    there,
    to_numpy,
)
from searchlogs.logs.border import Border
from searchlogs.logs.cells import EXACT
from searchlogs.logs.fields import MAX_POSITION, OTHERS
from searchlogs.logs.outcomes import ACTIVITY
from searchlogs.logs.schemas import TIME
from searchlogs.logs.times import FIRST_NUMBER
from searchlogs.logs.words import TIME_UNITS

ACTION = "action"
"""Column of the log's names of activities, null for events; only in logs that have activities."""

# Numbers of Python's would have to pass through pa.scalar, which imports pandas.
_NULL, _NO_POSITION = float_array([None, -1.0])


def our_columns(
    theirs: Mapping[str, pa.Array], border: Border, schema: pa.Schema
) -> pa.RecordBatch:
    """Return columns under our names and types, and the kinds of events in our words.

    Args:
        theirs: The log's columns, by our names.
        border: Rules for reading them.
        schema: Our names and types; ACTION if the log has activities.

    Raises:
        ArrowInvalid: A value does not fit the type.
    """
    columns = []
    for field in schema:
        column = theirs["event" if field.name == ACTION else field.name]
        if field.name in ("event", ACTION):
            column = (_kinds if field.name == "event" else _actions)(column, border)
        elif pa.types.is_floating(column.type) and field.name == "user":
            column = _whole(column)
        elif pa.types.is_floating(column.type) and field.name == "position":
            # pandas writes a hole among whole numbers as NaN. A position below 0 is read one by
            # one, as what is not whole has to be.
            whole = pc.equal(column, pc.floor(column))
            column = pc.if_else(pc.is_nan(column), _NULL, pc.if_else(whole, column, _NO_POSITION))
            column = column.cast(field.type, safe=False)
        else:
            column = _times(column, border) if field.name == "time" else column
            options = pc.CastOptions(field.type, allow_time_truncate=True)
            column = column.cast(options=options)
        if field.name == "position" and border.first_position == 0:
            positions = to_numpy(column, np.int64)
            column = pc.if_else(column.is_valid(), from_numpy(positions + 1), column)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _whole(column: pa.DoubleArray) -> pa.Int64Array:
    """Return numbers that are whole and exact, as pandas writes users with a hole; else null."""
    values = to_numpy(column, np.float64)
    good = there(column) & (np.floor(values) == values) & (np.abs(values) < EXACT)
    users = from_numpy(np.where(good, values, 0).astype(np.int64))
    return pc.if_else(flag_array(good), users, pa.nulls(len(column), pa.int64()))


def _times(column: pa.Array, border: Border) -> pa.Array:
    """Return times with a zone, null where others have to be read one by one."""
    if not pa.types.is_timestamp(column.type):
        times, good = _parsed(column, border)
        good &= there(column)
        times = from_numpy(np.where(good, times, 0)).view(TIME)
        return pc.if_else(flag_array(good), times, pa.nulls(len(column), TIME))  # type: ignore[arg-type]
    if column.type.tz is not None:
        return column
    column = column.cast(options=pc.CastOptions(pa.timestamp("us"), allow_time_truncate=True))
    # A time that occurred twice, or never, has two answers.
    first, second = (
        pc.assume_timezone(column, border.zone, ambiguous=which, nonexistent=which)
        for which in ("earliest", "latest")
    )
    return pc.if_else(pc.equal(first, second), first, pa.nulls(len(column), first.type))


def _parsed(column: pa.Array, border: Border) -> tuple[Array, Array]:
    """Return times that are text or numbers in microseconds since 1970, and which are sure."""
    if pa.types.is_floating(column.type):
        return number_times(column, border.time_unit)
    if not pa.types.is_integer(column.type):
        return text_times(column.cast(pa.string()))
    unit = TIME_UNITS[border.time_unit or "us"]
    number = to_numpy(column.cast(pa.int64()), np.int64)
    good = (number >= FIRST // unit) & (number <= LAST // unit)
    return np.where(good, number, 0) * unit, good


FIRST = (FIRST_NUMBER - EARLIEST) // MICROSECOND
"""Earliest time of a number, in microseconds since 1970."""


def _kinds(column: pa.Array, border: Border) -> pa.DictionaryArray:
    """Return kinds of event in our words, null if they are unknown."""
    words, places = _words(column, border)
    codes = [None if kind is None else CODES[kind] for _, kind in words]
    return kind_array(int_array(codes).cast(pa.int8()).take(places))


def _actions(column: pa.Array, border: Border) -> pa.StringArray:
    """Return the log's names of the kinds that are activities, null in the place of others."""
    words, places = _words(column, border)
    return text_array([word if kind == ACTIVITY else None for word, kind in words]).take(places)


def _words(
    column: pa.Array, border: Border
) -> tuple[list[tuple[str | None, str | None]], pa.Array]:
    """Return the log's names of kinds, each with ours, and the place of each row's among them."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    other = border.kinds.get(OTHERS)
    words = column.dictionary.to_pylist()
    kinds = [None if word is None else border.ours.get(word, other) for word in words]
    return list(zip(words, kinds, strict=True)), column.indices


def ignored_rows(words: pa.StringArray, border: Border) -> Array:
    """Return which rows are of kinds that the border ignores by name; `words` are their names."""
    if not border.kinds:  # else it rejects them
        return np.zeros(len(words), bool)
    ignored = there(words)
    kinds, places = _words(words, border)
    is_unknown = np.array([kind is None for _, kind in kinds], bool)
    ignored[ignored] = is_unknown[to_numpy(places, np.int32)[ignored]]
    return ignored


def sure_rows(columns: pa.RecordBatch) -> Array:
    """Return which rows validation would take for events, as they are."""
    kinds, user, time = (columns[name] for name in ("event", "user", "time"))
    code = to_numpy(kinds.indices, np.int8)
    when = to_numpy(time, np.int64)
    good = there(kinds) & there(time) & (when >= 0) & (when <= LAST)
    good &= filled(user) if pa.types.is_string(user.type) else there(user)

    def needs(kind: str, name: str, has: Callable[[pa.Array], Array]) -> None:
        """Require a value of a field in all rows of a kind."""
        is_other = code != CODES[kind]
        good[:] &= is_other | has(columns[name]) if name in columns.schema.names else is_other

    needs("search", "query", there)
    needs("results", "items", there)
    needs("click", "item", filled)
    if "items" in columns.schema.names:
        reads = (code == CODES["results"]) | (code == CODES["search"])
        good &= ~reads | ~_have_holes(columns["items"])
    if "query_id" in columns.schema.names:
        id = columns["query_id"]
        unread = (code == CODES["app_open"]) | (code == CODES[ACTIVITY])
        good &= unread | filled(id) | ~there(id)
    if "position" in columns.schema.names:
        position = columns["position"]
        rank = to_numpy(position, np.int64)
        ranked = (rank >= 1) & (rank <= MAX_POSITION)
        good &= (code != CODES["click"]) | ranked | ~there(position)
    return good


def with_results(columns: pa.RecordBatch, places: Array) -> tuple[pa.RecordBatch, Array]:
    """Split each search that lists its items into a search and its results.

    Args:
        columns: Rows that are events.
        places: The place of each one's record.

    Returns:
        The rows, each of a record that gave two behind the other one, and their places.
    """
    if "items" not in columns.schema.names:
        return columns, places
    code = to_numpy(columns["event"].indices, np.int8)
    listing = (code == CODES["search"]) & there(columns["items"])
    if not listing.any():
        return columns, places
    row = np.repeat(np.arange(len(places)), 1 + listing)
    is_results = np.append(False, row[1:] == row[:-1])
    is_search = np.append(is_results[1:], False)
    code = code[row]
    code[is_results] = CODES["results"]
    arrays = []
    for name in columns.schema.names:
        kept = {"items": ~is_search}.get(name, ~is_results)
        if name in ("user", "time", "query_id", IS_NUMBER):
            kept = np.ones(len(row), bool)
        index = pc.if_else(flag_array(kept), from_numpy(row), _NO_ROW)  # type: ignore[arg-type]
        arrays.append(kind_array(code) if name == "event" else columns[name].take(index))
    return pa.RecordBatch.from_arrays(arrays, schema=columns.schema), places[row]


_NO_ROW = int_array([None])[0]


def filled(texts: pa.Array) -> Array:
    """Return which texts are neither null nor empty."""
    return there(texts) & (np.diff(to_numpy(texts, np.int32, len(texts) + 1)) > 0)


def _have_holes(lists: pa.Array) -> Array:
    """Return which lists hold a text that is null or empty."""
    holes = np.zeros(len(lists), bool)
    parents = to_numpy(pc.list_parent_indices(lists), np.int64)
    holes[parents[~filled(pc.list_flatten(lists))]] = True
    return holes
