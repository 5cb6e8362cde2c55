"""Blocks of CSV as columns, if it is clear what the border would say of each line.

A line is a record if quotes open and close its cells as Python's csv module wants it. Arrow's
reader, which takes more, is only given such lines, and the border reads all others.
"""

import csv
from codecs import BOM_UTF8

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from searchlogs.columnar.checks import ACTION, our_columns, sure_rows
from searchlogs.columnar.chunks import Passed, passed_rows
from searchlogs.columnar.jsonl import JsonTables
from searchlogs.columnar.local import zoned_times
from searchlogs.columnar.times import number_times
from searchlogs.logs.arrays import (
    Array,
    flag_array,
    from_numpy,
    int_array,
    one_array,
    text_array,
    there,
    to_flags,
)
from searchlogs.logs.blocks import Block
from searchlogs.logs.border import Border
from searchlogs.logs.csv import CsvRows
from searchlogs.logs.schemas import EVENTS, TIME

TEXT = pa.string()
_NULL, _EMPTY, _BEFORE, _BEHIND = text_array([None, "", '{"items":', "}\n"])
_NO_ROW = int_array([None])[0]
_QUOTE, _LINE_END, _RETURN = b'"\n\r'


class CsvLines:
    """What makes columns of blocks of CSV."""

    def __init__(self, border: Border, names: list[str], rows: CsvRows) -> None:
        """Start behind the header.

        Args:
            border: Rules for reading the records, without names such as a.b and a|b.
            names: Our names of the columns to make.
            rows: What reads single records, and has read the header.
        """
        self.border, self.names, self.rows = border, names, rows
        self.lists = JsonTables(["items"])

    def odd(self, block: Block) -> set[int]:
        """Return the lines that may not be one record each, or not be text.

        Of an empty line Arrow makes a record of nothing, which is no event.
        """
        data = np.frombuffer(block.data, np.uint8)
        begins, ends = block.begins, block.ends
        odd = data[begins] == BOM_UTF8[0]  # Arrow skips a byte-order mark
        odd |= ends - begins > csv.field_size_limit()
        for byte, allowed in ((b"\0", b""), (b"\r", b"\n")):
            if byte in block.data:
                places = np.flatnonzero(data == byte[0])
                follows = np.append(data, 0)[places + 1]
                places = places[follows != allowed[0]] if allowed else places
                odd[np.searchsorted(ends, places, "right")] = True
        quotes = np.flatnonzero(data == _QUOTE)
        if self.rows.style.quotes and len(quotes):
            odd |= self._misplaced(data, quotes, begins)
        return {*np.flatnonzero(odd).tolist()} | block.not_utf8()

    def _misplaced(self, data: Array, quotes: Array, begins: Array) -> Array:
        """Return the lines with a quote that neither opens nor closes a cell, nor is doubled."""
        before = np.searchsorted(quotes, begins)
        counts = np.diff(before, append=len(quotes))
        place = np.arange(len(quotes)) - np.repeat(before, counts)
        line = np.repeat(np.arange(len(begins)), counts)
        delimiter = ord(self.rows.delimiter)
        previous = data[quotes - 1]
        follows = np.append(data, _LINE_END)[quotes + 1]
        opens = (previous == delimiter) | (previous == _QUOTE) | (quotes == begins[line])
        closes = (follows == delimiter) | (follows == _QUOTE)
        closes |= (follows == _LINE_END) | (follows == _RETURN)
        misplaced: Array = counts % 2 == 1
        misplaced[line[~np.where(place % 2 == 0, opens, closes)]] = True
        return misplaced

    def columns(self, block: Block, odd: set[int]) -> tuple[pa.RecordBatch, Array, Passed]:
        """Return the lines under our names and types, and which of them surely are events as such.

        Those that surely are ignored come third.

        Args:
            block: The lines.
            odd: Those of which nothing is to be made.
        """
        table = self._table(block, odd)
        good = np.ones(len(table), bool)
        found = {}
        for name in self.names:
            if name != ACTION:
                theirs = self.border.theirs(name)
                column = pa.nulls(len(table), TEXT)
                if theirs in table.column_names:
                    column = one_array(table[theirs])
                    if name != "event" and theirs in self.border.query_columns:
                        column = pc.if_else(column.is_valid(), column, _EMPTY)
                found[name], sure = self._ours(name, column)
                good &= sure
        fields = [EVENTS.field(name) if name != ACTION else (ACTION, TEXT) for name in self.names]
        columns = our_columns(found, self.border, pa.schema(fields))
        return columns, good & sure_rows(columns), passed_rows(found["event"], table, self.border)

    def _table(self, block: Block, odd: set[int]) -> pa.Table:
        """Return the cells of a block, null if they are empty or if there are not enough."""
        assert self.rows.header is not None
        header = self.rows.header
        places = {name: str(place) for place, name in reversed([*enumerate(header)])}
        wanted = [name for name in dict.fromkeys(map(self.border.theirs, EVENTS.names))
                  if name in places]  # fmt: skip
        refused = {*odd}

        def refuse(row: pcsv.InvalidRow) -> str:
            refused.add(row.number - 1)
            return "skip"

        parse = pcsv.ParseOptions(
            delimiter=self.rows.delimiter,
            quote_char='"' if self.rows.style.quotes else False,
            ignore_empty_lines=False,
            invalid_row_handler=refuse,
        )
        convert = pcsv.ConvertOptions(
            check_utf8=False,
            column_types={places[name]: TEXT for name in wanted},
            null_values=[""],
            strings_can_be_null=True,
            include_columns=[places[name] for name in wanted],
        )
        empty = self.rows.delimiter.encode() * (len(header) - 1) + b"\n"
        while True:
            known = len(refused)
            data = block.standing_in(refused, empty)
            names = [str(place) for place in range(len(header))]
            read = pcsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names)
            table = pcsv.read_csv(pa.BufferReader(data), read, parse, convert)
            if len(refused) == known:
                break
        assert len(table) == len(block)
        return table.rename_columns(wanted)

    def _ours(self, name: str, column: pa.Array) -> tuple[pa.Array, Array]:
        """Return a column as `our_columns` takes it, and which rows it is right for."""
        if name == "time":
            times, good = zoned_times(column, self.border.zone)
            if self.border.time_unit is not None and not good.all():
                numbers, are_numbers = _numbers(column, r"^[0-9]{1,16}(\.[0-9]{1,9})?$")
                more, sure = number_times(numbers.cast(pa.float64()), self.border.time_unit)
                times = np.where(are_numbers, more, times)
                good |= are_numbers & sure
            return from_numpy(times).view(TIME), good & there(column)
        if name == "position":
            numbers, are_numbers = _numbers(column, "^[0-9]{1,10}$")
            return numbers.cast(pa.int64()), are_numbers | ~there(column)
        if name == "items":
            return self._items(column)
        return column, np.ones(len(column), bool)

    def _items(self, column: pa.Array) -> tuple[pa.Array, Array]:
        """Return cells that are JSON arrays as lists, and which cells are such or empty."""
        has = there(column)
        sure = ~has
        lists = pa.nulls(len(column), EVENTS.field("items").type)
        if has.any():
            cells = column.take(from_numpy(np.flatnonzero(has)))
            objects = pc.binary_join_element_wise(_BEFORE, cells, _BEHIND, _EMPTY)
            # Objects have no other key, none twice, and are as many as cells: so each cell is one
            # value.
            table = self.lists.read(Block(1, b"".join(objects.buffers()[2:])))
            if table is None or table.column_names != ["items"]:
                self.lists = JsonTables(["items"])
            elif table["items"].type in (pa.list_(TEXT), pa.list_(pa.int64())):
                row = np.cumsum(has) - 1
                place = pc.if_else(flag_array(has), from_numpy(row), _NO_ROW)  # type: ignore[arg-type]
                lists = one_array(table["items"]).take(place)
                sure |= there(lists)
        return lists, sure


def _numbers(column: pa.Array, pattern: str) -> tuple[pa.Array, Array]:
    """Return the texts that match, null in place of others, and which match."""
    matches = pc.match_substring_regex(column, pattern)
    return pc.if_else(matches, column, _NULL), to_flags(matches) & there(column)
