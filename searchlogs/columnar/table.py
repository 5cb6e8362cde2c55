"""Sessions of a table: one function that takes what speaks Arrow, and gives the same kind back."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, overload

import numpy as np
import pyarrow as pa

from searchlogs.columnar.chunks import Chunk, due_times
from searchlogs.columnar.parquet import Chunks, our_schema
from searchlogs.columnar.rates import add_rates
from searchlogs.columnar.sessionizer import LATE_BY, sessionize_batches
from searchlogs.durations import Windowing
from searchlogs.events import FIELDS, shorten
from searchlogs.logs.arrays import from_numpy, int_array, take, text_array
from searchlogs.logs.border import (
    REQUIRED,
    BadRecord,
    Border,
    Ignored,
    Reject,
    columns_of,
    duplicate_column,
    missing_column,
)
from searchlogs.logs.parquet import ROWS
from searchlogs.logs.reader import as_reject
from searchlogs.logs.schemas import EVENTS
from searchlogs.logs.tally import count_kind

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Frame = TypeVar("Frame", "pd.DataFrame", "pl.DataFrame")
Kind = TypeVar("Kind")


class SpeaksArrow(Protocol):
    """What hands over a stream of record batches, by the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the stream."""


@dataclass(frozen=True)
class Sessionized(Generic[Kind]):
    """Sessions of a table, and the rows that are in none; the tables are of one kind."""

    sessions: Kind
    """One row per session, with a search or without, by user and id, under `schemas.SESSIONS`."""
    late: Kind
    """Events that came too late for any session, under our names, by user, as they arrived.

    `late_by`, a duration, is how far each was behind the watermark."""
    rejects: Kind
    """Rows that could not be read: `row`, the place from 0, `field`, `reason` and `raw`."""
    ignored: dict[str, int]
    """Number of rows of kinds that `kinds` leaves out, by the table's name of the kind."""


# Many parameters because sessionize has them.
@overload
def sessionize(
    data: Frame,
    *,
    gap: timedelta | str = ...,
    wait: timedelta | str = ...,
    columns: Mapping[str, str] = ...,
    kinds: Mapping[str, str | Sequence[str]] = ...,
    zone: str | None = ...,
    time_unit: str | None = ...,
    order: Literal["time", "arrival"] = ...,
) -> Sessionized[Frame]: ...


# Many parameters because sessionize has them.
@overload
def sessionize(
    data: SpeaksArrow,
    *,
    gap: timedelta | str = ...,
    wait: timedelta | str = ...,
    columns: Mapping[str, str] = ...,
    kinds: Mapping[str, str | Sequence[str]] = ...,
    zone: str | None = ...,
    time_unit: str | None = ...,
    order: Literal["time", "arrival"] = ...,
) -> Sessionized[pa.Table]: ...


# Many parameters because they describe the table: none is needed for one under our names.
def sessionize(
    data: Any,
    *,
    gap: timedelta | str = Windowing.gap,
    wait: timedelta | str = Windowing.wait,
    columns: Mapping[str, str] = {},
    kinds: Mapping[str, str | Sequence[str]] = {},
    zone: str | None = None,
    time_unit: str | None = None,
    order: Literal["time", "arrival"] = "time",
) -> Sessionized[Any]:
    """Cut the events in a table into each user's sessions, and count what was clicked in each.

    The result is what `python -m searchlogs run --all-sessions` gives for the same rows, with
    `--sort` if they are ordered by time. No file is written.

    Args:
        data: A pandas or Polars DataFrame, a pyarrow table, record batch or batch reader, a DuckDB
            relation, or anything else that has `__arrow_c_stream__`: one row per event. Times are
            timestamps, numbers, or text.
        gap: Longest pause within a session, a timedelta or text such as "30m".
        wait: How far behind a user's newest event another may arrive, likewise.
        columns: The table's name of each column that is called differently there, by ours: event,
            user, time, query, items, item, query_id, position. Only the first three have to exist.
        kinds: The table's word, or words, for each kind of event, by ours: app_open, search,
            results, click, or activity for what only keeps a session open. Rows of all other kinds
            are then ignored, and counted.
        zone: Time zone of times without one, such as "Europe/Berlin".
        time_unit: Unit of times that are numbers, counted from 1970: s, ms or us.
        order: "time" sorts the rows first, so that none is late. It holds them in memory. "arrival"
            takes them as they stand: of a batch reader, only the rows of open sessions are held.

    Returns:
        The sessions, late events and rejects: DataFrames of pandas or Polars if `data` is one, else
        pyarrow tables. So it is for a DuckDB relation, because a new relation would need its
        connection, which it does not show; DuckDB queries such tables by name. Users are text.

    Raises:
        TypeError: `data` is no table, or an argument has the wrong type.
        ValueError: A setting is wrong, a column is missing or is there twice, or no row is an
            event.

    >>> log = pa.table({
    ...     "event": ["search", "open", "search"],
    ...     "uid": [7, 7, 8],
    ...     "ts": [1704067205, 1704067209, 1704070000],
    ...     "query": ["dogs", None, "cats"],
    ...     "item": [None, "fido", None],
    ... })
    >>> names = {"user": "uid", "time": "ts"}
    >>> out = sessionize(log, columns=names, kinds={"click": "open"}, time_unit="s")
    >>> out.sessions.select(["user", "searches", "clicks", "ctr"]).to_pylist()[0]
    {'user': '7', 'searches': 1, 'clicks': 1, 'ctr': 1.0}
    """
    windowing = Windowing(gap, wait)
    if order not in ("time", "arrival"):
        raise ValueError(f"order: expected 'time' or 'arrival'; found {shorten(order)}")
    border = _border(columns, kinds, zone, time_unit)
    reader = _reader(data, border)
    schema = our_schema(reader.schema, border)
    chunks = Chunks("", border, schema or _columns(reader.schema, border), schema is not None)
    read = _Read(chunks.schema, border, chunks.of(_batches(reader, border)))
    batches = _sorted(read) if order == "time" else (chunk.rows for chunk in read)
    sessions, late = sessionize_batches(batches, windowing.gap, windowing.wait)
    read.check()
    fields = {"event": pa.string(), "user": pa.string()}
    late_schema = pa.schema([(f.name, fields.get(f.name, f.type)) for f in chunks.schema])
    late_schema = late_schema.append(LATE_BY)
    late = late.cast(late_schema) if len(late) else pa.Table.from_batches([], late_schema)
    return Sessionized(
        sessions=_like(data, add_rates(sessions)),
        late=_like(data, late),
        rejects=_like(data, _reject_table(read.rejects)),
        ignored=dict(read.ignored),
    )


def _border(
    columns: Mapping[str, str],
    kinds: Mapping[str, str | Sequence[str]],
    zone: str | None,
    time_unit: str | None,
) -> Border:
    """Return the rules for reading a table."""
    words: dict[str, str] = {}
    for name, given in (("columns", columns), ("kinds", kinds)):
        if not isinstance(given, Mapping):
            raise TypeError(
                f"{name}: expected a dict from our names to the table's; found {shorten(given)}"
            )
    for ours, theirs in kinds.items():
        for word in theirs if isinstance(theirs, list | tuple) else [theirs]:
            if not isinstance(word, str):
                raise TypeError(
                    f"kinds: expected words of the table, as text; found {shorten(word)}"
                )
            if words.setdefault(word, ours) != ours:
                raise ValueError(f"kinds: {word!r} is given twice, for {words[word]} and {ours}")
    for ours, theirs in columns.items():
        if ours not in FIELDS:
            known = ", ".join(FIELDS)
            raise ValueError(f"columns: expected some of {known}; found {shorten(ours)}")
        if not isinstance(theirs, str):
            raise TypeError(
                f"columns: expected the name of a column, as text; found {shorten(theirs)}"
            )
    return Border(fields=columns, kinds=words, zone=zone, time_unit=time_unit)


def _reader(data: Any, border: Border) -> pa.RecordBatchReader:
    """Return a table as a stream of batches, its columns checked."""
    if _is_frame(data, "pandas") or _is_frame(data, "polars"):
        _check_columns([*map(str, data.columns)], border)
        # Arrow might not know the types of other columns.
        data = data[[name for name in data.columns if name in _wanted(border)]]
    elif not hasattr(data, "__arrow_c_stream__"):
        kind = type(data).__qualname__
        collect = " (collect it first, by .collect())" * (kind == "LazyFrame")
        raise TypeError(
            "data: expected a table that speaks Arrow, such as a DataFrame of pandas or Polars; "
            f"found {kind}{collect}"
        )
    try:
        reader = pa.RecordBatchReader.from_stream(data)
        # Arrow cannot take single rows of views.
        fields = [f.with_type(PLAIN.get(f.type, f.type)) for f in reader.schema]
        reader = reader.cast(pa.schema(fields))
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = " ".join(" ".join(map(str, error.args)).split())
        raise TypeError(f"data: Arrow cannot take it for a table: {reason}") from None
    _check_columns(reader.schema.names, border)
    _check_time(reader.schema, border)
    return reader


PLAIN = {
    pa.string_view(): pa.large_string(),
    pa.large_list(pa.string_view()): pa.large_list(pa.large_string()),
    pa.list_(pa.string_view()): pa.large_list(pa.large_string()),
}
"""Types that stand for views."""


def _is_frame(data: object, library: str) -> bool:
    """Return whether a table is a DataFrame of a library, which is not loaded for that."""
    module = sys.modules.get(library)
    return module is not None and isinstance(data, module.DataFrame)


def _wanted(border: Border) -> set[str]:
    """Return the columns that may be read."""
    return set().union(*map(columns_of, border.names))


def _check_columns(names: list[str], border: Border) -> None:
    """Raise a ValueError if a column is missing, or is there twice."""
    bad = missing_column(border, names) or duplicate_column(border, names)
    if bad is not None:
        ours = next((ours for ours in REQUIRED if border.theirs(ours) == bad.field), None)
        is_missing = ours is not None and bad.field not in names
        advice = f" (map one of them by columns={{{ours!r}: …}})" * is_missing
        raise ValueError(f"{bad.field}: {_without_options(bad.reason)}{advice}")


def _check_time(schema: pa.Schema, border: Border) -> None:
    """Raise a ValueError if no time of the table can be read without a zone or a unit."""
    name = border.theirs("time")
    if name not in schema.names:
        return
    type = schema.field(name).type
    if pa.types.is_timestamp(type) and type.tz is None and border.zone is None:
        expected, advice = "times with a time zone", "set zone, for example to 'Europe/Berlin'"
    elif type in NUMBERS and border.time_unit is None:
        expected, advice = "times", "set time_unit to s, ms or us if they count from 1970"
    else:
        return
    raise ValueError(f"{name}: expected {expected}; found {type} ({advice})")


NUMBERS = {*map(pa.type_for_alias, ("int32", "uint32", "int64", "uint64", "float32", "float64"))}
"""Types of numbers that may be times."""


def _columns(schema: pa.Schema, border: Border) -> pa.Schema:
    """Return our names and types of a table's columns that are read one value at a time."""
    names = {*schema.names}
    return pa.schema([f for f in EVENTS if not names.isdisjoint(columns_of(border.theirs(f.name)))])


def _batches(
    reader: pa.RecordBatchReader, border: Border
) -> Iterator[tuple[list[str], pa.RecordBatch]]:
    """Yield the batches of a table, none too large, each with the names of all its columns."""
    names = reader.schema.names
    wanted = [name for name in names if name in _wanted(border)]
    for batch in reader:
        batch = batch.select(wanted)
        for start in range(0, len(batch), ROWS):
            yield names, batch.slice(start, ROWS)


class _Read:
    """The rows of a table as they are read, and what became of those that gave no event."""

    def __init__(self, schema: pa.Schema, border: Border, chunks: Iterator[Chunk]) -> None:
        self.schema, self.border, self.chunks = schema, border, chunks
        self.rows = self.events = 0
        self.rejects: list[Reject] = []
        self.ignored: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the chunks that hold events."""
        for chunk in self.chunks:
            self.rows += len(chunk.key)
            self.events += len(chunk.rows)
            for _, read in chunk.others:
                if isinstance(read.outcome, BadRecord):
                    self.rejects.append(as_reject(read, read.outcome, withhold=False))
                elif isinstance(read.outcome, Ignored):
                    count_kind(self.ignored, read.outcome.kind)
            if len(chunk.rows):
                # Users that were read one by one may be numbers and text.
                columns = [chunk.rows[field.name].cast(field.type) for field in self.schema]
                rows = pa.RecordBatch.from_arrays(columns, schema=self.schema)
                yield replace(chunk, rows=rows)

    def check(self) -> None:
        """Raise a ValueError if no row gave an event."""
        event = self.border.theirs("event")
        if self.events:
            return
        if not self.rows:
            raise ValueError("data: expected events; found a table without rows")
        none = f"none of the {self.rows:,} rows is an event"
        if not self.rejects:
            found = ", ".join(map(repr, self.ignored))
            raise ValueError(f"{event}: {none} of a kind that kinds= names; found {found}")
        first = self.rejects[0]
        advice = " (map your words by kinds={'click': …})" * (first.field == event)
        raise ValueError(f"{none}: {first.field}: {_without_options(first.reason)}{advice}")


def _without_options(reason: str) -> str:
    """Return a reason without the advice that only the command can follow."""
    reason = reason.replace("--zone", "zone").replace("--time-unit", "time_unit")
    return re.sub(r" \([^()]*--[^()]*\)", "", reason)


def _reject_table(rejects: list[Reject]) -> pa.Table:
    """Return rejects as a table."""
    columns = {
        "row": int_array([reject.line - 1 for reject in rejects]),
        "field": text_array([reject.field for reject in rejects]),
        "reason": text_array([_without_options(reject.reason) for reject in rejects]),
        "raw": text_array([reject.raw for reject in rejects]),
    }
    return pa.Table.from_arrays([*columns.values()], [*columns])


def _sorted(chunks: Iterable[Chunk]) -> Iterator[pa.RecordBatch]:
    """Yield events by time, and at one time by kind. The events of one row stay together.

    Only columns are kept that decide about a session, as no event is late.
    """
    parts, keys = [], []
    for chunk in chunks:
        key = due_times(chunk.rows)
        first = np.flatnonzero(np.diff(chunk.places, prepend=-1))
        keys.append(np.repeat(take(key, first), np.diff(first, append=len(key))))
        kept = chunk.rows.drop_columns(
            [n for n in ("query", "position") if n in chunk.rows.schema.names]
        )
        parts.append(
            kept.cast(pa.schema([(f.name, LARGE.get(f.type, f.type)) for f in kept.schema]))
        )
    if not parts:
        return
    order = np.argsort(np.concatenate(keys), kind="stable")
    rows = pa.Table.from_batches(parts).combine_chunks()
    for start in range(0, len(order), ROWS):
        yield from rows.take(from_numpy(order[start : start + ROWS])).to_batches()


LARGE = {
    pa.string(): pa.large_string(),
    pa.list_(pa.string()): pa.large_list(pa.large_string()),
}
"""Types for text of 2 GB and more, of which Arrow can take rows only if it is in one array."""


def _like(data: object, table: pa.Table) -> Any:
    """Return a table as the kind that `data` is."""
    if _is_frame(data, "pandas"):
        return table.to_pandas()
    if _is_frame(data, "polars"):
        import polars

        return polars.from_arrow(table)
    return table
