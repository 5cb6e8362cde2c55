"""Sizes of Parquet's row groups once they are unpacked, which a file of a few bytes may hide.

Metadata gives the size of each column before its encoding is undone. A dictionary or a shared
prefix may make far more of it: such a column is measured, unless its largest values are known to be
short. Metadata that lies about these, and one giant value among very many small ones, go unnoticed.
"""

from collections.abc import Iterable
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from searchlogs.logs.border import BadRecord

LIMIT = 1 << 26
"""Bytes of a column of a row group that are unpacked, whatever the length of its values."""

MAX_MEAN = 1 << 16
"""Most bytes per row of a column that takes more than LIMIT; a thousand items take fewer."""

SHORT = 1 << 10
"""Bytes per row below which a column is never suspicious."""

MAX_RATIO = 200
"""Most bytes that a byte may unpack to in a column of more than LIMIT that is not SHORT."""

SHARED = {"DELTA_BYTE_ARRAY", "RLE_DICTIONARY", "PLAIN_DICTIONARY"}
"""Encodings in which a value may take less space than it has bytes."""

BATCH_BYTES = 1 << 26
"""Bytes that a batch of rows takes, more or less."""

FEW, MANY = 64, 1 << 16
"""Rows that are read at a time to measure a column: without a dictionary, and with one."""


def batch_rows(
    stream: BinaryIO, metadata: pq.FileMetaData, group: int, columns: Iterable[str], most: int
) -> int | BadRecord:
    """Return how many rows of a row group to read at a time, or why it is too large to be read.

    Args:
        stream: The file.
        metadata: Its metadata.
        group: The row group, from 0.
        columns: Names of the columns that will be read.
        most: Most rows to read at a time.
    """
    sizes = metadata.row_group(group)
    rows = max(sizes.num_rows, 1)
    names = tuple(columns)
    total = 0
    for number in range(sizes.num_columns):
        column = sizes.column(number)
        path = column.path_in_schema
        if not any(path == name or path.startswith(f"{name}.") for name in names):
            continue
        size = max(column.total_uncompressed_size, 0)
        if not _is_too_large(size, rows, column) and _may_grow(column):
            most_bytes = max(LIMIT, MAX_MEAN * rows)
            size = max(size, _measured(stream, group, column, most_bytes))
        if _is_too_large(size, rows, column):
            return BadRecord(
                None,
                f"row group {group + 1}: column {path} unpacks to {size:,} bytes or more, for "
                f"{rows:,} row{'s' * (rows > 1)}; expected at most {LIMIT:,}; the rest is not read",
            )
        total += size
    fitting: int = BATCH_BYTES * rows // max(total, 1)
    return max(1, min(most, fitting))


def _is_too_large(size: int, rows: int, column: pq.ColumnChunkMetaData) -> bool:
    mean = size / rows
    is_dense = size > MAX_RATIO * column.total_compressed_size
    return size > LIMIT and (mean > MAX_MEAN or (mean > SHORT and is_dense))


def _may_grow(column: pq.ColumnChunkMetaData) -> bool:
    """Return whether a column may be far larger than its metadata says."""
    if column.physical_type != "BYTE_ARRAY" or SHARED.isdisjoint(column.encodings):
        return False
    if column.num_values * column.total_uncompressed_size <= LIMIT:
        return False
    # Writers leave out the least and the greatest value if they are long.
    known = column.statistics
    if known is None or not known.has_min_max:
        return known is None or known.null_count != column.num_values
    return max(len(known.min), len(known.max)) > SHORT


def _measured(stream: BinaryIO, group: int, column: pq.ColumnChunkMetaData, most_bytes: int) -> int:
    """Return the bytes of a column's values, or of enough of them to be more than `most_bytes`."""
    path, at_a_time = column.path_in_schema, MANY if column.has_dictionary_page else FEW
    dictionaries = [path] if column.has_dictionary_page else []
    file = pq.ParquetFile(stream, read_dictionary=dictionaries, pre_buffer=False)
    size = 0
    for batch in file.iter_batches(at_a_time, [group], [path], use_threads=False):
        size += sum(_bytes_of(values) for values in batch.columns)
        if size > most_bytes:
            break
    return size


def _bytes_of(values: pa.Array) -> int:
    """Return the bytes of an array's values, each value of a dictionary as often as it occurs."""
    kind = values.type
    if pa.types.is_struct(kind):
        return sum(map(_bytes_of, values.flatten()))
    if pa.types.is_map(kind):
        return _bytes_of(values.keys) + _bytes_of(values.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _bytes_of(values.flatten())
    if not pa.types.is_dictionary(kind):
        return int(values.nbytes)
    lengths = pc.binary_length(values.dictionary)
    return int(pc.sum(lengths.take(values.indices)).as_py() or 0)
