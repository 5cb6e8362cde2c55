"""What is noted about records whose columns are taken as they stand, besides their events."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from searchlogs.columnar.checks import ACTION, filled
from searchlogs.columnar.convert import HOLDERS
from searchlogs.columnar.kernel import CODES
from searchlogs.events import FIELDS, KINDS
from searchlogs.logs.arrays import Array, there, to_numpy
from searchlogs.logs.border import REQUIRED, Border
from searchlogs.logs.outcomes import Found
from searchlogs.logs.tally import Mapped, Tally, count_kind


class Notes:
    """The notes in a tally, made as LogEvents makes them, for many rows at a time.

    Args:
        tally: The tally.
        border: Rules for reading the log.
    """

    def __init__(self, tally: Tally, border: Border) -> None:
        self.tally = tally
        self.mapped = Mapped(tally, border.mapped)
        self.unread = {
            name: np.array([kind in KINDS and name in border.unread(kind) for kind in CODES])
            for name in FIELDS
        }
        """For each field, whether a kind does not read it, by the kind's code."""
        self.seen = {
            name: [KINDS.get(kind) in HOLDERS[name] or kind not in KINDS for kind in CODES]
            | self.unread[name]
            for name in HOLDERS
        }
        """For each field, whether a kind has it or would note that it is not read."""

    def add(self, rows: pa.RecordBatch, places: Array, noted: Iterable[tuple[int, Found]]) -> None:
        """Add the notes about records that gave events.

        Args:
            rows: The events. Fields that were not read are there if their columns were taken.
            places: The place of each one's record.
            noted: Places and notes of other records that gave some of the events.
        """
        unread = list(self._unread(rows, places))
        actions = list(_actions(rows, places))
        for place, found in noted:
            self.mapped.look([found])
            unread += [(place, key, 1) for key in found.unread]
            actions += [(place, found.activity, 1)] if found.activity is not None else []
        if self.mapped.missing:
            self.mapped.note(lambda name: self._has(rows, name))
        # In the order of the records, so that it does not depend on batches.
        unread.sort(key=lambda note: (note[0], FIELDS.index(note[1].partition(".")[2])))
        for _, key, number in unread:
            self.tally.unread[key] = self.tally.unread.get(key, 0) + number
        for _, action, number in sorted(actions):
            count_kind(self.tally.activity, action, number)

    def ignore(
        self,
        words: pa.StringArray,
        places: Array,
        found: frozenset[str],
        others: Iterable[tuple[int, str]],
    ) -> None:
        """Count records that are ignored, and framing.

        Args:
            words: The kinds of some of them, in the log's words; null for framing.
            places: The places of those.
            found: The mapped fields that any of those has.
            others: Places and kinds of all others.
        """
        framing = words.null_count
        self.tally.records += framing
        self.tally.framing += framing
        if len(words) > framing:
            self.mapped.note(lambda name: name in found)
        kinds = [*_by_name(words, places), *((place, word, 1) for place, word in others)]
        for _, word, number in sorted(kinds):
            self.tally.records += number
            count_kind(self.tally.ignored, word, number)

    def _has(self, rows: pa.RecordBatch, name: str) -> bool:
        """Return whether a row has a mapped field."""
        if name in REQUIRED or name not in rows.schema.names:
            return name in REQUIRED
        code = to_numpy(rows["event"].indices, np.int8)
        has = holds(rows[name])
        if name == "query":  # a search may have an empty one
            has |= there(rows[name]) & (code == CODES["search"])
        return bool((has & self.seen[name][code]).any())

    def _unread(self, rows: pa.RecordBatch, places: Array) -> Iterable[tuple[int, str, int]]:
        """Yield the first place, the kind and name, and the number of fields that are not read."""
        code = to_numpy(rows["event"].indices, np.int8)
        for name in FIELDS:
            if name not in REQUIRED and name in rows.schema.names:
                has = there(rows[name]) & self.unread[name][code]
                row = np.flatnonzero(has & holds(rows[name]) if has.any() else has)
                for kind, number in CODES.items() if len(row) else ():
                    mine = row[code[row] == number]
                    if len(mine):
                        yield int(places[mine[0]]), f"{kind}.{name}", len(mine)


def _actions(rows: pa.RecordBatch, places: Array) -> Iterable[tuple[int, str, int]]:
    """Yield the first place, the name, and the number of each activity."""
    if ACTION in rows.schema.names:
        yield from _by_name(rows[ACTION], places)


def _by_name(names: pa.StringArray, places: Array) -> Iterable[tuple[int, str, int]]:
    """Yield the first place, the name, and the number of each name that is not null."""
    column = names.dictionary_encode()
    row = np.flatnonzero(there(column))
    which = to_numpy(column.indices, np.int32)[row]
    first = np.zeros(len(column.dictionary), np.intp)
    first[which[::-1]] = row[::-1]  # np.unique would import numpy.ma
    numbers = np.bincount(which)
    for name, begin, number in zip(column.dictionary.to_pylist(), first, numbers, strict=True):
        yield int(places[begin]), name, int(number)


def holds(column: pa.Array) -> Array:
    """Return which values are neither null nor empty text."""
    return filled(column) if pa.types.is_string(column.type) else there(column)
