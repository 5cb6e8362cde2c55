"""Fields that lie inside others, or under one of several names, in columns as in single records."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchlogs.columnar.notes import holds
from searchlogs.logs.arrays import Array, flag_array, one_array, there
from searchlogs.logs.border import Border

TEXT = pa.string()


def with_nested(table: pa.Table, border: Border) -> pa.Table:
    """Return records with a column for each mapped name such as a.b and a|b.

    Args:
        table: The records, under the log's names.
        border: Rules for reading them.

    Returns:
        The table. Rows have no kind of event if their values may not be those that the border
        finds.
    """
    event = border.theirs("event")
    if not border.nested or event not in {*table.column_names, *border.nested}:
        return table
    fields = Fields(columns_of(table), len(table))
    columns = fields.columns | {name: fields.look_up(name) for name in border.nested}
    columns[event] = where(fields.sure, columns[event])
    return pa.Table.from_arrays([*columns.values()], [*columns])


class Fields:
    """Columns whose values `border.look_up` would find under a name.

    Args:
        columns: The columns of some records, by name; null where a record has no such field.
        size: Number of records.
    """

    def __init__(self, columns: dict[str, pa.Array], size: int) -> None:
        self.columns, self.size = columns, size
        self.sure = np.ones(size, bool)
        """For which records all that was looked up so far is surely what the border finds."""

    def look_up(self, path: str) -> pa.Array:
        """Return the values under a name such as a.b or a|b, null if there is none.

        Records become unsure in which text is in the place of an object, or values are of more than
        one type.
        """
        found = [*self._inside(self.columns, path)]
        if "|" in path:
            found.append(self.first_of(path.split("|")))
        return self._first(found)

    def first_of(self, paths: Iterable[str]) -> pa.Array:
        """Return the first values under several names that are not empty text.

        An empty text is only found if a record has nothing else.
        """
        found = [self.look_up(path) for path in paths]
        if len(found) == 1:
            return found[0]
        empty = [column for column in found if column.type == TEXT]
        return self._first([*map(without_empty, found), *empty])

    def _inside(self, columns: Mapping[str, pa.Array], path: str) -> Iterator[pa.Array]:
        """Yield the columns that may hold a value, in the order in which they are looked at."""
        if path in columns:
            yield columns[path]
        if "|" in path:
            return
        dot = path.find(".")
        while dot > 0:
            outer = columns.get(path[:dot])
            if outer is not None and pa.types.is_struct(outer.type):
                yield from self._inside(children(outer), path[dot + 1 :])
            elif outer is not None:
                self.sure &= ~holds(outer)  # JSON text, or no object
            dot = path.find(".", dot + 1)

    def _first(self, columns: list[pa.Array]) -> pa.Array:
        """Return the first value of each record; of several types, the one that most have."""
        columns = [column for column in columns if column.null_count < self.size]
        if len(columns) < 2:
            return columns[0] if columns else pa.nulls(self.size, TEXT)
        most = min(columns, key=lambda column: column.null_count).type
        none = np.ones(self.size, bool)
        for column in columns:
            has = there(column)
            if column.type != most:
                self.sure &= ~(none & has)
            none &= ~has
        return pc.coalesce(*(column for column in columns if column.type == most))


def columns_of(table: pa.Table) -> dict[str, pa.Array]:
    """Return the columns of a table, by name."""
    return {name: one_array(table[name]) for name in table.column_names}


def names_in(path: str) -> set[str]:
    """Return the names that a value may have in the object that it is in.

    >>> sorted(names_in("a.b|c"))
    ['a.b', 'b', 'c']
    """
    names = path.split("|")
    return {*names, *(name.rpartition(".")[2] for name in names)}


def children(objects: pa.StructArray) -> dict[str, pa.Array]:
    """Return the columns inside a column of objects, null where an object is."""
    return dict(zip([field.name for field in objects.type], objects.flatten(), strict=True))


def without_empty(column: pa.Array) -> pa.Array:
    """Return a column with null in place of texts that are empty."""
    return where(holds(column), column) if column.type == TEXT else column


def where(condition: Array, column: pa.Array, other: pa.Scalar | None = None) -> pa.Array:
    """Return a column with another value, or null, where a condition does not hold."""
    if condition.all():
        return column
    instead = pa.nulls(len(column), column.type) if other is None else other
    return pc.if_else(flag_array(condition), column, instead)  # type: ignore[arg-type]
