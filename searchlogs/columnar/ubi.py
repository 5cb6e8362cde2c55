"""Blocks of UBI as columns, if they are such queries and events as its clients write.

Queries and events share few fields, and not even the type of their times, so that a block is read
as two tables. Where a record is another one, the border reads it.
"""

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchlogs.columnar.checks import ACTION, filled
from searchlogs.columnar.chunks import Passed, in_order, joined
from searchlogs.columnar.convert import KIND_WORDS
from searchlogs.columnar.jsonl import NUMBER, TEXT, WHOLE, JsonLines, JsonTables
from searchlogs.columnar.kernel import CODES
from searchlogs.columnar.nested import Fields, children, columns_of, names_in, where, without_empty
from searchlogs.columnar.notes import holds
from searchlogs.logs.arrays import Array, from_numpy, take, text_array, there, to_flags, to_numpy
from searchlogs.logs.blocks import Block
from searchlogs.logs.border import Border
from searchlogs.logs.fields import OTHERS
from searchlogs.logs.outcomes import ACTIVITY, LOGGED
from searchlogs.logs.ubi import HITS, NO_ID, NO_OBJECT, SENT, SESSION, UBI_FIELDS, Ubi

_TEXT = rb'"[ !#-\[\]-~]*"'
FRAMING = re.compile(
    rb'\{"(?:index|create|update|delete)": ?\{'
    rb'"_index": ?%b(?:, ?"_id": ?%b)?\}\}\r?\n?' % (_TEXT, _TEXT)
)
"""A line that announces the next one, as most writers write it."""

INDEXES = 4
"""Number of framing lines that a whole block is compared with; others are matched one by one."""

_NO_ID, _NO_OBJECT = text_array([NO_ID, NO_OBJECT])


class UbiLines:
    """What makes columns of blocks of UBI's JSON Lines."""

    def __init__(self, border: Ubi, names: list[str]) -> None:
        """Start at the beginning of a file.

        Args:
            border: Rules for reading the lines.
            names: Our names of the columns to make.
        """
        self.border, self.names = border, names
        flat = Border(
            kinds={kind: kind for kind in LOGGED},
            time_unit=border.time_unit,
            zone=border.zone,
            first_position=border.first_position,
        )
        self.flat = JsonLines(flat, names)
        paths = [border.theirs(name) for name in ("user", "items", "item", "query_id")]
        ids = {name for path in (*paths, *HITS, *SESSION) for name in names_in(path)}
        self.tables = JsonTables(ids), JsonTables(ids)
        """Of queries, and of events."""
        self.mark = f'"{border.theirs("event").rpartition(".")[2]}"'.encode()
        """What most lines of events have, and few of queries."""

    def columns(self, block: Block) -> tuple[pa.RecordBatch | None, Array, Passed]:
        """Return the lines under our names and types, and which of them surely are events as such.

        Returns:
            A row for each line that surely is events, which lines those are, and the lines that
            surely are none.
        """
        framing, is_event = _framing(block), _lines_with(block, self.mark)
        frames = np.flatnonzero(framing)
        batches, places, passed = [], [], [Passed(frames, pa.nulls(len(frames), TEXT))]
        for tables, lines in zip(self.tables, (~is_event, is_event), strict=True):
            line = np.flatnonzero(lines & ~framing)
            table = tables.read(_some_lines(block, line)) if len(line) else None
            if table is not None:
                batch, row, ignored = self._rows(table)
                batches.append(batch)
                places.append(line[row])
                passed.append(replace(ignored, places=line[ignored.places]))
        good = np.zeros(len(block), bool)
        if not batches:
            return None, good, passed[0]
        place = np.concatenate(places)
        good[place] = True
        rows = joined(batches).take(from_numpy(np.argsort(place, kind="stable")))
        return rows, good, in_order(passed)

    def _rows(self, table: pa.Table) -> tuple[pa.RecordBatch, Array, Passed]:
        """Return the records that surely are events, their places, and those that are ignored."""
        fields = _records(table)
        word = fields.look_up(self.border.theirs("event"))
        if word.type != TEXT:
            fields.sure &= ~there(word)
            word = pa.nulls(fields.size, TEXT)
        code = self._codes(fields, word)
        columns = self._columns(fields, code)
        mapped = {ours: fields.look_up(theirs) for ours, theirs in self.border.mapped.items()}
        ours = pa.Table.from_arrays([*columns.values()], [*columns])
        rows, good, _ = self.flat.rows(ours)
        if ACTION in self.names:
            action = where(code == CODES[ACTIVITY], word)
            rows = rows.set_column(rows.schema.get_field_index(ACTION), ACTION, action)
        row = np.flatnonzero(good & fields.sure)
        ignored = filled(word) & (code < 0) & fields.sure
        places = np.flatnonzero(ignored)
        found = {name for name, column in mapped.items() if (ignored & holds(column)).any()}
        passed = Passed(places, word.take(from_numpy(places)), frozenset(found))
        return rows.take(from_numpy(row)), row, passed

    def _codes(self, fields: Fields, word: pa.StringArray) -> Array:
        """Return the code of each record's kind; -1 for those that are ignored or not sure."""
        encoded = word.dictionary_encode()
        kinds, other = self.border.kinds, self.border.kinds.get(OTHERS)
        ours = [kinds.get(one) or other for one in encoded.dictionary.to_pylist()]
        codes = np.array([-1 if kind is None else CODES[kind] for kind in ours] + [-1])
        is_action = filled(word)
        code = codes[np.where(is_action, to_numpy(encoded.indices, np.int32), -1)]
        is_query = ~is_action & there(fields.look_up(self.border.theirs("query")))
        for name, column in fields.columns.items():
            if name.startswith("event_attributes"):
                is_query &= ~there(column)
        code[is_query] = CODES["search"]
        return code

    def _columns(self, fields: Fields, code: Array) -> dict[str, pa.Array]:
        """Return the fields of all records under our names, as `flat` reads them."""
        theirs = self.border.theirs
        query_id = without_empty(fields.look_up(theirs("query_id")))
        has_id, is_click = there(query_id), code == CODES["click"]
        # The text of a click's query is found by its id.
        is_named = has_id & (code != CODES["search"]) & (code != CODES[ACTIVITY])
        user = theirs("user")
        users = (user, *SESSION) if user == UBI_FIELDS["user"] else (user,)
        return {
            "event": KIND_WORDS.take(where(code >= 0, from_numpy(code))),
            "user": fields.first_of(users),
            "time": fields.look_up(theirs("time")),
            "query": where(~is_named, fields.look_up(theirs("query"))),
            "items": self._items(fields, code == CODES["search"]),
            "item": self._item(fields, is_click, has_id),
            "query_id": query_id,
            "position": self._position(fields, is_click),
        }

    def _items(self, fields: Fields, is_search: Array) -> pa.Array:
        """Return the hits of searches, and what others have under their usual name."""
        name = self.border.theirs("items")
        usual, hits = fields.look_up(name), fields.first_of((name, *HITS))
        fields.sure &= is_search | (there(usual) == there(hits))
        if not pa.types.is_list(hits.type) or hits.type.value_type not in (TEXT, WHOLE):
            return hits
        ids = hits.values.cast(TEXT)
        ids = where(filled(ids), ids, _NO_ID)
        ids = pc.if_else(pc.equal(ids, _NO_OBJECT), _NO_ID, ids)
        buffers = hits.buffers()[:2]
        return pa.Array.from_buffers(
            pa.list_(TEXT), len(hits), buffers, offset=hits.offset, children=[ids]
        )

    def _item(self, fields: Fields, is_click: Array, has_id: Array) -> pa.Array:
        """Return the items; a click with a query and without an object gets NO_OBJECT."""
        item = fields.look_up(self.border.theirs("item"))
        if item.type not in (TEXT, WHOLE):
            fields.sure &= ~there(item)
            item = pa.nulls(fields.size, TEXT)
        item = item.cast(TEXT)
        has_object = filled(item)
        has_object &= ~to_flags(pc.equal(where(has_object, item, _NO_ID), _NO_ID))
        fields.sure &= ~is_click | has_object | has_id
        return where(has_object | ~is_click, item, _NO_OBJECT)

    def _position(self, fields: Fields, is_click: Array) -> pa.Array:
        """Return the positions; a click's -1 is for an item that was in no list."""
        name = self.border.theirs("position")
        position = fields.look_up(name)
        # As in version 1.0. What is no object here is a position.
        index = Fields(fields.columns, fields.size).look_up(f"{name}.index")
        fields.sure &= ~is_click | there(position) | ~there(index)
        if position.type not in (WHOLE, NUMBER):
            return position
        values = to_numpy(position, np.int64 if position.type == WHOLE else np.float64)
        return where(~is_click | (values != -1), position)


def _records(table: pa.Table) -> Fields:
    """Return the fields of records, which may be inside a search's hits."""
    columns = columns_of(table)
    source = columns.get("_source")
    if source is not None and pa.types.is_struct(source.type) and source.null_count < len(source):
        columns = children(source)  # those without one are no events then
    fields = Fields(columns, len(table))
    if not columns.keys().isdisjoint(SENT.values()):  # even if it is null
        query = columns.get("user_query")
        fields.sure &= False if query is None else there(query)
    return fields


def _framing(block: Block) -> Array:
    """Return which lines surely are framing."""
    data = np.frombuffer(block.data, np.uint8)
    second = take(data, block.begins + 2)  # of a line without, the last byte of the block
    lines = np.flatnonzero(np.isin(second, [*b"icud"]))
    framing = np.zeros(len(block), bool)
    texts = _texts(block)
    for _ in range(INDEXES):  # most logs have few, and announce each by the same line
        if len(lines) and FRAMING.fullmatch(block[lines[0]]):
            framing |= to_flags(pc.equal(texts, texts[int(lines[0])]))
            lines = lines[~framing[lines]]
    for line in lines.tolist():
        framing[line] = FRAMING.fullmatch(block[line]) is not None
    return framing


def _lines_with(block: Block, mark: bytes) -> Array:
    """Return which lines hold some bytes."""
    between = np.fromiter(map(len, block.data.split(mark)), np.int64)
    places = np.cumsum(between[:-1] + len(mark)) - len(mark)
    has = np.zeros(len(block), bool)
    has[np.searchsorted(block.ends, places, "right")] = True
    return has


def _some_lines(block: Block, lines: Array) -> Block:
    """Return some lines of a block, in their order."""
    taken = _texts(block).take(from_numpy(lines))
    return Block(1, taken.buffers()[2].to_pybytes())


def _texts(block: Block) -> pa.BinaryArray:
    """Return the lines of a block, without a copy."""
    offsets = np.append(block.begins, len(block.data)).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block.data)]
    return pa.Array.from_buffers(pa.binary(), len(block), buffers)
