"""Which click belongs to which search, for the rows of many sessions at once.

The rules are those of `metrics.attribute`. A search record is known by its number among the search
records of all sessions, a search by the number of its first record. A click's owner is found by
three joins, each for the clicks that are still free: by query id, by item, and last by silence,
that is, the latest search that logged no results.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchlogs.columnar.kernel import CLICK, RESULTS, SEARCH, Arrays
from searchlogs.logs.arrays import Array, from_numpy, one_array, take, there, to_flags, to_numpy

RANKS = 16
"""Number of items at the top of a list that are compared one by one; later ones are looked up."""


def attributed_counts(kind: Array, sizes: Array, row: Array, texts: pa.Table) -> Arrays:
    """Count the searches and clicks of sessions.

    Args:
        kind: The kind of each row, session after session.
        sizes: Number of rows of each session.
        row: The place of each row in `texts`, from 0.
        texts: Columns of these rows and others, if the log has them: `query_id`, `items`, `item`.

    Returns:
        COUNTS of each session.
    """
    session = np.repeat(np.arange(len(sizes)), sizes)
    id = np.full(len(kind), -1)
    if "query_id" in texts.column_names:
        (id,) = _codes(_taken(texts, "query_id", row))
    records = _Records.of(kind, session, len(sizes), id)
    owner = np.full(len(kind), -1)
    _own_by_id(owner, kind, session, id, records)
    answered = np.zeros(len(records.search), bool)
    if "items" in texts.column_names:
        _own_by_item(owner, answered, kind, records, row, texts)
    _own_by_silence(owner, answered, kind, records)

    click = np.flatnonzero(kind == CLICK)
    orphan = click[owner[click] < 0]
    clicked = np.zeros(len(records.search), bool)
    clicked[owner[click[owner[click] >= 0]]] = True
    begun = records.search == np.arange(len(records.search))

    def per_session(sessions: Array) -> Array:
        return np.bincount(sessions, minlength=len(sizes))

    return {
        "events": sizes,
        "requests": per_session(records.session),
        "searches": per_session(records.session[begun]),
        "clicks": per_session(session[click]),
        "searches_clicked": per_session(records.session[clicked]),
        "orphan_clicks": per_session(session[orphan]),
        "absent_query_clicks": per_session(session[orphan[id[orphan] >= 0]]),
    }


@dataclass(frozen=True)
class _Records:
    """The search records of all sessions, and how each row sees them."""

    session: Array
    """The session of each record."""
    search: Array
    """The search of each record: the first record of its session with its id, else itself."""
    named: Array
    """Whether each record has an id."""
    keys: Array
    """Session and id of each search that has one, as one number, ascending."""
    by_key: Array
    """The searches of `keys`."""
    first: Array
    """Of each row: the first record of its session."""
    latest: Array
    """Of each row: the latest record of its session up to it; -1 if there is none."""
    has_id: Array
    """Of each row: whether it has an id."""

    @classmethod
    def of(cls, kind: Array, session: Array, sessions: int, id: Array) -> "_Records":
        """Find the search records in rows."""
        is_search = kind == SEARCH
        so_far = np.cumsum(is_search) - 1
        of, record_id = session[is_search], id[is_search]
        first = np.searchsorted(of, np.arange(sessions))[session]
        named = np.flatnonzero(record_id >= 0)
        keys, begun, which = np.unique(
            _key(of[named], record_id[named], id), return_index=True, return_inverse=True
        )
        search = np.arange(len(of))
        search[named] = named[begun][which]
        latest = np.where(so_far >= first, so_far, -1)
        return cls(of, search, record_id >= 0, keys, named[begun], first, latest, id >= 0)

    def key(self, value: Array, record: Array) -> Array:
        """Return a value and a record as one number, the value in the high bits."""
        return (value << self._bits) | record

    def searches_of(self, keys: Array) -> Array:
        """Return the searches of the records in keys."""
        return take(self.search, keys & ((1 << self._bits) - 1))

    @property
    def _bits(self) -> int:
        return max(len(self.search), 1).bit_length()

    def look_back(self, rows: Array, allowed: Array) -> Array:
        """Return the search of the latest allowed record up to each row, or -1.

        Rows that have an id see only records that have none.
        """
        found = np.full(len(rows), -1)
        numbers = np.arange(len(self.search))
        for some, seen in (
            (~self.has_id[rows], allowed),
            (self.has_id[rows], allowed & ~self.named),
        ):
            some = some & (self.latest[rows] >= 0)
            last = np.maximum.accumulate(np.where(seen, numbers, -1))[self.latest[rows[some]]]
            there = last >= self.first[rows[some]]
            found[np.flatnonzero(some)[there]] = self.search[last[there]]
        return found


def _own_by_id(owner: Array, kind: Array, session: Array, id: Array, records: _Records) -> None:
    """Give results and clicks to the search of their session with their query id."""
    rows = np.flatnonzero(((kind == RESULTS) | (kind == CLICK)) & (id >= 0))
    wanted = _key(session[rows], id[rows], id)
    place = np.searchsorted(records.keys, wanted)
    joined = np.append(records.keys, -1)[place] == wanted
    owner[rows[joined]] = records.by_key[place[joined]]


def _own_by_item(
    owner: Array,
    answered: Array,
    kind: Array,
    records: _Records,
    row: Array,
    texts: pa.Table,
) -> None:
    """Give free clicks to the latest earlier search whose results hold their item.

    Gives free results to the search that they are of, and flags in `answered` the searches that
    logged results.
    """
    result = np.flatnonzero(kind == RESULTS)
    if texts["items"].null_count:
        result = result[there(one_array(texts["items"]))[row[result]]]
    free = result[owner[result] < 0]
    owner[free] = records.look_back(free, np.ones(len(records.search), bool))
    shown_by = owner[result]
    answered[shown_by[shown_by >= 0]] = True
    if "item" not in texts.column_names:
        return
    lists = np.full(len(records.search), -1)
    lists[shown_by[shown_by >= 0]] = row[result[shown_by >= 0]]
    _own_by_first_items(owner, kind, lists, records, row, texts)
    free = np.flatnonzero((kind == CLICK) & (owner < 0))
    if not len(free):
        return
    # Copies of lists take time: only of searches that are followed by a free click.
    last = np.full(len(records.search) + 1, -1)
    last[records.first[free]] = records.latest[free]
    wanted = (shown_by >= 0) & (shown_by <= last[records.first[result]])
    shown_by, items = shown_by[wanted], _taken(texts, "items", row[result[wanted]])
    clicked = _taken(texts, "item", row[free])
    shown, item = _codes(pc.list_flatten(items), clicked)
    by = shown_by[to_numpy(pc.list_parent_indices(items), np.int64)]
    known = shown >= 0
    shown, record = _at_each_record(shown[known], by[known], records)
    for rule, seen in (
        (~records.has_id[free], np.ones(len(record), bool)),
        (records.has_id[free], ~records.named[record]),
    ):
        some = rule & (item >= 0) & (records.latest[free] >= 0)
        rows, wanted = free[some], item[some]
        keys = take(records.key(shown[seen], record[seen]), _order(shown[seen]))
        place = np.searchsorted(keys, records.key(wanted, records.latest[rows]), "right") - 1
        found = np.append(keys, -1)[place]
        joined = found >= records.key(wanted, records.first[rows])
        owner[rows[joined]] = records.searches_of(found[joined])


def _own_by_first_items(
    owner: Array, kind: Array, lists: Array, records: _Records, row: Array, texts: pa.Table
) -> None:
    """Give free clicks to the latest search if their item is among the first of its results.

    Most clicks are found so, and no list has to be copied for them. `lists` holds the row of each
    search's results in `texts`, or -1 if it has none, which reads as an empty list.
    """
    click = np.flatnonzero((kind == CLICK) & (owner < 0) & ~records.has_id & (records.latest >= 0))
    search = records.search[records.latest[click]]
    items, clicked = one_array(texts["items"]), _taken(texts, "item", row[click])
    ends = to_numpy(items, np.int32, len(items) + 1)
    place, end = ends[lists[search]], ends[lists[search] + 1]
    last = _last_bytes(clicked, np.arange(len(click)))
    left = np.arange(len(click))
    for _ in range(RANKS):
        left = left[place[left] < end[left]]
        if not len(left):
            break
        alike = left[_last_bytes(items.values, place[left]) == last[left]]
        shown = items.values.take(from_numpy(place[alike]))
        is_same = pc.equal(shown, clicked.take(from_numpy(alike)))
        same = alike[there(is_same) & to_flags(is_same)]
        owner[click[same]] = search[same]
        left = left[owner[click[left]] < 0]
        place[left] += 1


def _last_bytes(texts: pa.StringArray, places: Array) -> Array:
    """Return the last byte of some texts, and any byte for an empty one."""
    data = texts.buffers()[2]
    bytes_ = np.frombuffer(data, np.uint8) if data else np.zeros(1, np.uint8)
    ends = to_numpy(texts, np.int32, len(texts) + 1)[1:]
    return take(bytes_, take(ends, places) - 1)


def _at_each_record(shown: Array, by: Array, records: _Records) -> tuple[Array, Array]:
    """Return items and records: each item at all records of the search that showed it.

    They are in the order of the records.
    """
    if (records.search == np.arange(len(records.search))).all():
        order = _order(by) if (by[1:] < by[:-1]).any() else np.arange(len(by))
        return shown[order], by[order]
    order = np.argsort(records.search, kind="stable")
    start = np.searchsorted(records.search, by, sorter=order)
    many = np.searchsorted(records.search, by, "right", sorter=order) - start
    within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    shown, record = np.repeat(shown, many), order[np.repeat(start, many) + within]
    order = _order(record)
    return shown[order], record[order]


def _own_by_silence(owner: Array, answered: Array, kind: Array, records: _Records) -> None:
    """Give free clicks to the latest earlier search that logged no results."""
    free = np.flatnonzero((kind == CLICK) & (owner < 0))
    owner[free] = records.look_back(free, ~answered[records.search])


def _key(session: Array, id: Array, ids: Array) -> Array:
    """Return a session and an id as one number, the session in the high bits."""
    key: Array = (session << int(ids.max(initial=0)).bit_length()) | id
    return key


def _taken(texts: pa.Table, name: str, row: Array) -> pa.Array:
    """Return a column of some rows."""
    return one_array(texts[name]).take(from_numpy(row))


def _codes(*columns: pa.Array) -> list[Array]:
    """Return numbers for texts, the same for the same text in all columns, -1 for nulls."""
    encoded = one_array(pa.chunked_array(columns)).dictionary_encode()
    codes = np.where(
        to_flags(encoded.is_valid()), to_numpy(encoded.indices, np.int32), np.int64(-1)
    )
    return np.split(codes, np.cumsum([len(column) for column in columns])[:-1])


def _order(codes: Array) -> Array:
    """Return the order of whole numbers from 0, 16 bits at a time; equal ones keep their order."""
    order = np.argsort((codes & 0xFFFF).astype(np.uint16), kind="stable")
    for shift in range(16, int(codes.max(initial=0)).bit_length(), 16):
        digit = (take(codes, order) >> shift & 0xFFFF).astype(np.uint16)
        order = take(order, np.argsort(digit, kind="stable"))
    return order
