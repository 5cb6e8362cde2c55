"""Blocks of JSON Lines as columns, if Arrow's reader proves what the border would say of each line.

Arrow reads a block under a schema that names every key and its type, nested ones too. Then it
refuses a key that is unknown or occurs twice, another type, and whatever is no JSON. Where it
refuses a line, an empty object takes the line's place, and the border reads the line.
"""

import re
from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from searchlogs.columnar.checks import ACTION, our_columns, sure_rows
from searchlogs.columnar.chunks import Passed, passed_rows
from searchlogs.columnar.local import zoned_times
from searchlogs.columnar.nested import names_in, with_nested
from searchlogs.columnar.times import number_times
from searchlogs.logs.arrays import Array, from_numpy, one_array, take, there, to_numpy
from searchlogs.logs.blocks import Block
from searchlogs.logs.border import BadRecord, Border
from searchlogs.logs.jsonl import from_json
from searchlogs.logs.schemas import EVENTS, TIME

TEXT, WHOLE, NUMBER, NOTHING = pa.string(), pa.int64(), pa.float64(), pa.null()

MAX_TYPES = 1_000
"""Most keys of a log, nested ones too. A log with more has keys that are data."""

MAX_DIGITS = 4_300
"""Most digits of a number that the border reads; Arrow takes any number of them."""

SAMPLE = 64
"""Lines from which new keys are learnt, before they are looked for in all of a block."""

STRETCH = 512
"""Lines that are read together behind one that was refused; then twice as many each time."""

SHARE = 32
"""One in so many lines of a block may be refused, before the border reads all of them."""

ALIKE = np.where(np.isin(np.arange(256), [*b"-0123456789"]), ord("0"), np.arange(256))
ALIKE = ALIKE.astype(np.uint64)
"""Each byte, and the same one for all that may be part of a number."""

MIXER = np.uint64(0x9E3779B97F4A7C15)
"""An odd number whose multiples, modulo 2⁶⁴, are spread evenly."""


class JsonTables:
    """What makes tables of blocks, and knows the keys and the types that it has seen."""

    def __init__(self, ids: Iterable[str]) -> None:
        """Start without knowing a key; numbers under the keys `ids` may be whole."""
        self.ids = {*ids}
        self.type: pa.StructType = pa.struct([])
        self.schema = pa.schema([])

    def read(self, block: Block) -> pa.Table | None:
        """Return the values of a block, one row per line; None if Arrow proves nothing.

        Arrow stops at a line that it refuses. The border is left such lines, and once there is one,
        all that are unlike the others. The next that Arrow refuses is looked for in a few lines at
        first, and all that it takes is read together in the end.
        """
        refused = _odd(block)
        first, size = 0, len(block)
        tries = len(block) // SHARE + 8
        looked = False
        while tries:
            last = min(first + size, len(block))
            try:
                table = read_json(block.standing_in(refused, b"{}\n", first, last), self.schema)
            except pa.ArrowException as error:
                tries -= 1
                why = str(error)
                row = re.search(r"in row (\d+)", why)
                line = first + int(row[1]) if row else last
                if line >= last or line in refused:
                    sample = min(first + SAMPLE, last)
                    if not (
                        self._learn(block, range(first, sample), refused)
                        or self._learn(block, range(sample, last), refused)
                    ):
                        break
                elif "changed from" not in why or not self._learn(block, [line], refused):
                    first, size = line + 1, STRETCH
                    if not looked:
                        looked, unlike = True, _unlike(block)
                        if "changed from" in why and line not in unlike:
                            self._set(pa.struct([]))  # what it began with is the exception
                        refused |= unlike
                        first, size = 0, len(block)
                    refused.add(line)
            else:
                if first == 0 and last == len(block):
                    good = len(table) == len(block) and all(map(_is_finite, table.columns))
                    return table if good else None
                first, size = last, 2 * size
            if first >= len(block):
                first, size = 0, len(block)
        self._set(pa.struct([]))  # what it began with may have been the exception
        return None

    def _set(self, type: pa.StructType) -> None:
        """Read lines of this type from now on."""
        self.type, self.schema = type, pa.schema(list(_known(type)))

    def _learn(self, block: Block, lines: Iterable[int], refused: set[int]) -> bool:
        """Learn keys and types from some lines; those that are broken are refused from now on.

        Returns:
            Whether there were new types or broken lines.
        """
        type, broken = self.type, len(refused)
        for line in lines:
            if line not in refused:
                try:
                    record = from_json(block[line])
                except BadRecord:
                    refused.add(line)
                else:
                    type = _wider(type, _type_of(record, self.ids))
        changed = type != self.type
        if changed:
            if _size(type) > MAX_TYPES:
                return False
            self._set(type)
        return changed or len(refused) > broken


class JsonLines:
    """What makes columns of blocks of JSON Lines."""

    def __init__(self, border: Border, names: list[str]) -> None:
        """Start at the beginning of a file.

        Args:
            border: Rules for reading the lines.
            names: Our names of the columns to make.
        """
        self.border, self.names = border, names
        ids = map(border.theirs, ("user", "items", "item", "query_id"))
        self.tables = JsonTables(name for path in ids for name in names_in(path))

    def columns(self, block: Block) -> tuple[pa.RecordBatch, Array, Passed] | None:
        """Return the lines under our names and types, and which of them surely are events as such.

        Returns:
            One row per line, and those that surely are ignored, or None if the border has to read
            all of them.
        """
        table = self.tables.read(block)
        return None if table is None else self.rows(table)

    def rows(self, table: pa.Table) -> tuple[pa.RecordBatch, Array, Passed]:
        """Return what `columns` does, of a block's values under the log's names."""
        table = with_nested(table, self.border)
        good = np.ones(len(table), bool)
        found = {}
        for name in self.names:
            if name != ACTION:
                theirs = self.border.theirs(name)
                column = pa.nulls(len(table))
                if theirs in table.column_names:
                    column = one_array(table[theirs])
                found[name], sure = self._ours(name, column)
                good &= sure
        fields = [EVENTS.field(name) if name != ACTION else (ACTION, TEXT) for name in self.names]
        schema = pa.schema(fields)
        if found["user"].type == WHOLE:
            schema = schema.set(schema.get_field_index("user"), pa.field("user", WHOLE))
        columns = our_columns(found, self.border, schema)
        return columns, good & sure_rows(columns), passed_rows(found["event"], table, self.border)

    def _ours(self, name: str, column: pa.Array) -> tuple[pa.Array, Array]:
        """Return a column as `our_columns` takes it, and which rows it is right for."""
        kind = column.type
        sure = np.ones(len(column), bool)
        if name == "time" and kind in (TEXT, NUMBER):
            unit = self.border.time_unit
            zone = self.border.zone
            times, good = zoned_times(column, zone) if kind == TEXT else number_times(column, unit)
            return from_numpy(times).view(TIME), good & there(column)
        if pa.types.is_list(kind) and name == "items" and kind.value_type in (TEXT, WHOLE):
            return column, sure
        if kind in TAKEN.get(name, (TEXT,)):
            return column, sure
        empty = TIME if name == "time" else EVENTS.field(name).type
        empty = TEXT if name == "event" else empty
        return pa.nulls(len(column), empty), ~there(column)


TAKEN: dict[str, tuple[pa.DataType, ...]] = {
    "user": (TEXT, WHOLE),
    "time": (),
    "items": (),
    "item": (TEXT, WHOLE),
    "query_id": (TEXT, WHOLE),
    "position": (NUMBER, WHOLE),
}
"""Types that can be taken for each field; text alone for all others."""


def read_json(data: bytes, schema: pa.Schema) -> pa.Table:
    """Return JSON objects that follow each other as a table.

    Raises:
        ArrowInvalid: They have other keys or types, or are no JSON objects.
    """
    stream = pj.open_json(  # unlike read_json it starts no thread
        pa.BufferReader(data),
        pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
        pj.ParseOptions(schema, unexpected_field_behavior="error"),
    )
    return stream.read_all()


def _known(type: pa.DataType) -> pa.DataType:
    """Return a type with text in place of what has only been null.

    Arrow's reader makes lists of the type null whose offsets are wrong.
    """
    if pa.types.is_struct(type):
        return pa.struct([(field.name, _known(field.type)) for field in type])
    if pa.types.is_list(type):
        return pa.list_(_known(type.value_type))
    return TEXT if type == NOTHING else type


def _odd(block: Block) -> set[int]:
    """Return the lines that the border has to read, whatever Arrow would make of them."""
    data = np.frombuffer(block.data, np.uint8)
    last = block.ends - 1
    last = last - (data[last] == ord("\n"))
    last = last - (data[last] == ord("\r"))
    # A brace closes each line and another opens the next, so that no object goes over two lines.
    odd = (data[block.begins] != ord("{")) | (data[last] != ord("}")) | (last <= block.begins)
    refused = set(np.flatnonzero(odd).tolist())
    for line in np.flatnonzero(block.ends - block.begins > MAX_DIGITS).tolist():
        if re.search(rb"\d{%d}" % MAX_DIGITS, block[line]):
            refused.add(line)
    return refused | block.not_utf8()


def _unlike(block: Block) -> set[int]:
    """Return the lines whose keys, or what stands behind them, are such as few other lines have.

    Where one line is broken others often are, and Arrow would stop at each. Looked at are the bytes
    around each colon, all digits as one. At most one line in SHARE is returned.
    """
    data = np.frombuffer(block.data + b"  ", np.uint8)
    colon = np.flatnonzero(data == ord(":"))
    around = np.zeros(len(colon), np.uint64)
    for step in (-2, -1, 1):
        around = around * np.uint64(256) + take(ALIKE, data[colon + step])
    around = around * MIXER
    sums = np.append(np.uint64(0), np.cumsum(around ^ (around >> np.uint64(32))))
    shapes = np.diff(sums[np.searchsorted(colon, block.ends)], prepend=np.uint64(0))
    shape = to_numpy(from_numpy(shapes).dictionary_encode().indices, np.int32)
    counts = np.bincount(shape)
    rarest = np.argsort(counts)
    is_rare = np.zeros(len(counts), bool)
    is_rare[rarest[np.cumsum(counts[rarest]) * SHARE <= len(block)]] = True
    return set(np.flatnonzero(take(is_rare, shape)).tolist())


def _type_of(value: Any, ids: set[str] | None = None) -> pa.DataType:
    """Return the type of a JSON value: numbers are floats, except under the keys `ids`."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, str):
        return TEXT
    if isinstance(value, list):
        return pa.list_(reduce(_wider, map(_type_of, value), NOTHING))
    if isinstance(value, dict):
        fields = [(key, _id_type(inner) if ids and key in ids else _type_of(inner, ids))
                  for key, inner in value.items()]  # fmt: skip
        return pa.struct(fields)
    return NUMBER


def _id_type(value: Any) -> pa.DataType:
    """Return the type of a user, an item or an id, or of a list of them; it may be WHOLE."""
    if isinstance(value, list) and value and all(type(inner) is int for inner in value):
        return pa.list_(WHOLE)
    return WHOLE if type(value) is int else _type_of(value)


def _wider(type: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Return a type for the values of both; the first one if there is none."""
    if type in (NOTHING, other) or (type == NUMBER and other == WHOLE):
        return other
    if pa.types.is_list(type) and pa.types.is_list(other):
        return pa.list_(_wider(type.value_type, other.value_type))
    if pa.types.is_struct(type) and pa.types.is_struct(other):
        fields = {field.name: field.type for field in type}
        wider = {field.name: _wider(fields.get(field.name, NOTHING), field.type) for field in other}
        if any(fields.get(name) != kind for name, kind in wider.items()):
            return pa.struct(list((fields | wider).items()))
    return type


def _size(type: pa.DataType) -> int:
    """Return the number of a type's keys, those inside as well."""
    return 1 + sum(_size(type.field(place).type) for place in range(type.num_fields))


def _is_finite(column: pa.Array | pa.ChunkedArray) -> bool:
    """Return whether all numbers in a column are such as JSON has, those inside as well."""
    if pa.types.is_struct(column.type):
        return all(map(_is_finite, column.flatten()))
    if pa.types.is_list(column.type):
        return _is_finite(pc.list_flatten(column))
    return column.type != NUMBER or pc.all(pc.is_finite(column)).as_py() is not False
