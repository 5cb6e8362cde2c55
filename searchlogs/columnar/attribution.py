"""Which click belongs to which search, for the rows of many sessions at once.

The rules are those of `metrics.attribute`. Searches are numbered through all sessions. A click's
owner is found by three joins, each for the clicks that are still free: by query id, by item, and
last by silence, that is, the latest search that logged no results.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchlogs.columnar.kernel import CLICK, FOREVER, RESULTS, SEARCH, Arrays
from searchlogs.logs.arrays import Array, from_numpy, take, to_flags, to_numpy


@dataclass(frozen=True)
class _Searches:
    """The searches of all sessions, numbered in the order of their rows, as each row sees them."""

    count: int
    session: Array
    """The session of each search."""
    first: Array
    """Of each row: the first search of its session."""
    last: Array
    """Of each row: the last search of its session."""
    so_far: Array
    """Of each row: the latest search up to it, of whatever session; -1 if there is none."""
    latest: Array
    """Of each row: the latest search of its session up to it; -1 if there is none."""

    def key(self, value: Array, search: Array) -> Array:
        """Return a value and a search as one number, the value in the high bits."""
        return (value << self._bits) | search

    def of(self, keys: Array) -> Array:
        """Return the searches in keys."""
        searches: Array = keys & ((1 << self._bits) - 1)
        return searches

    @property
    def _bits(self) -> int:
        return max(self.count, 1).bit_length()


def attributed_counts(kind: Array, sizes: Array, texts: pa.Table) -> Arrays:
    """Count the searches and clicks of sessions.

    Args:
        kind: The kind of each row, session after session.
        sizes: Number of rows of each session.
        texts: Columns of the same rows, if the log has them: `query_id`, `items`, `item`.

    Returns:
        COUNTS of each session.
    """
    session = np.repeat(np.arange(len(sizes)), sizes)
    searches = _number_searches(kind, session, len(sizes))
    owner = np.full(len(kind), -1)
    if "query_id" in texts.column_names:
        _own_by_id(owner, kind, searches, texts["query_id"])
    answered = np.zeros(searches.count, bool)
    if "items" in texts.column_names:
        _own_by_item(owner, answered, kind, searches, texts)
    _own_by_silence(owner, answered, kind, searches)

    click = np.flatnonzero(kind == CLICK)
    owned = owner[click] >= 0
    clicked = np.zeros(searches.count, bool)
    clicked[owner[click[owned]]] = True

    def per_session(sessions: Array) -> Array:
        return np.bincount(sessions, minlength=len(sizes))

    return {
        "events": sizes,
        "searches": per_session(searches.session),
        "clicks": per_session(session[click]),
        "searches_clicked": per_session(searches.session[clicked]),
        "orphan_clicks": per_session(session[click[~owned]]),
    }


def _number_searches(kind: Array, session: Array, sessions: int) -> _Searches:
    """Number the searches."""
    is_search = kind == SEARCH
    so_far = np.cumsum(is_search) - 1
    of = session[is_search]
    first = np.searchsorted(of, np.arange(sessions))[session]
    last = np.searchsorted(of, np.arange(sessions), "right")[session] - 1
    latest = np.where(so_far >= first, so_far, -1)
    return _Searches(len(of), of, first, last, so_far, latest)


def _own_by_id(owner: Array, kind: Array, searches: _Searches, ids: pa.ChunkedArray) -> None:
    """Give results and clicks to the first search of their session with their query id."""
    (id,) = _codes(ids)
    named = np.flatnonzero((kind == SEARCH) & (id >= 0))
    keys = np.sort(searches.key(id[named], searches.so_far[named]), kind="stable")
    rows = np.flatnonzero(((kind == RESULTS) | (kind == CLICK)) & (id >= 0))
    place = np.searchsorted(keys, searches.key(id[rows], searches.first[rows]))
    found = np.append(keys, FOREVER)[place]
    joined = found <= searches.key(id[rows], searches.last[rows])
    owner[rows[joined]] = searches.of(found[joined])


def _own_by_item(
    owner: Array, answered: Array, kind: Array, searches: _Searches, texts: pa.Table
) -> None:
    """Give free clicks to the latest earlier search whose results hold their item.

    Flags in `answered` the searches that logged results.
    """
    result = np.flatnonzero(kind == RESULTS)
    lists = texts["items"].take(from_numpy(result)).combine_chunks()
    shown_by = np.where(owner[result] >= 0, owner[result], searches.latest[result])
    answered[shown_by[to_flags(lists.is_valid()) & (shown_by >= 0)]] = True
    if "item" not in texts.column_names:
        return
    free = np.flatnonzero((kind == CLICK) & (owner < 0))
    clicked = texts["item"].take(from_numpy(free)).combine_chunks()
    shown, item = _codes(pc.list_flatten(lists), clicked)
    by = shown_by[to_numpy(pc.list_parent_indices(lists), np.int64)]
    known = (by >= 0) & (shown >= 0)
    shown, by = shown[known], by[known]
    if (by[1:] < by[:-1]).any():
        order = _order(by)
        shown, by = shown[order], by[order]
    keys = take(searches.key(shown, by), _order(shown))
    rows, item = free[item >= 0], item[item >= 0]
    up_to = np.maximum(searches.so_far[rows], 0)
    place = np.searchsorted(keys, searches.key(item, up_to), "right") - 1
    found = np.append(keys, -1)[place]
    joined = found >= searches.key(item, searches.first[rows])
    joined &= searches.latest[rows] >= 0
    owner[rows[joined]] = searches.of(found[joined])


def _own_by_silence(owner: Array, answered: Array, kind: Array, searches: _Searches) -> None:
    """Give free clicks to the latest earlier search that logged no results."""
    free = np.flatnonzero((kind == CLICK) & (owner < 0) & (searches.latest >= 0))
    silent = np.maximum.accumulate(np.where(answered, -1, np.arange(searches.count)))
    found = silent[searches.latest[free]]
    owner[free] = np.where(found >= searches.first[free], found, -1)


def _codes(*columns: Any) -> list[Array]:
    """Return numbers for texts, the same for the same text in all columns, -1 for nulls."""
    chunks = [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
    encoded = pa.concat_arrays(chunks).dictionary_encode()
    codes = np.where(
        to_flags(encoded.is_valid()), to_numpy(encoded.indices, np.int32), np.int64(-1)
    )
    return np.split(codes, np.cumsum([len(chunk) for chunk in chunks])[:-1])


def _order(codes: Array) -> Array:
    """Return the order of whole numbers from 0, 16 bits at a time; equal ones keep their order."""
    order = np.argsort((codes & 0xFFFF).astype(np.uint16), kind="stable")
    for shift in range(16, int(codes.max(initial=0)).bit_length(), 16):
        digit = (take(codes, order) >> shift & 0xFFFF).astype(np.uint16)
        order = take(order, np.argsort(digit, kind="stable"))
    return order
