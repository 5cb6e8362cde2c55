"""A log as a Bytewax source of record batches.

The columns of Parquet files and of queries are taken as they stand, if their types allow it, and so
are lines of JSON, CSV, TSV and UBI that surely are events. Every other log is read record by
record, and its events are put into batches.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from searchlogs.columnar.checks import ACTION
from searchlogs.columnar.chunks import File, as_they_stand
from searchlogs.columnar.convert import to_batch
from searchlogs.columnar.lines import LINES, LineFile
from searchlogs.columnar.parquet import ParquetFile, QueryRows, common_columns
from searchlogs.columnar.reader import Checksum, Columns
from searchlogs.columnar.sorted import Sorted
from searchlogs.logs.border import Reject
from searchlogs.logs.log import OpenLog
from searchlogs.logs.outcomes import ACTIVITY
from searchlogs.logs.parquet import ROWS
from searchlogs.logs.reader import BATCH, LogEvents, Reader
from searchlogs.logs.schemas import EVENTS
from searchlogs.logs.source import LogSource
from searchlogs.logs.stores import place
from searchlogs.logs.ubi import Ubi
from searchlogs.logs.words import format_of

LINES_BATCH = 10_000
"""Lines that are read at a time, if they are read in blocks: some blocks."""


class BatchSource(LogSource):
    """A Bytewax source of a log, like LogSource, whose events come as record batches.

    Columns are those of `schemas.EVENTS` that the log has.
    """

    def reader(self, watch: Callable[[int], None]) -> tuple[Reader[Any], int]:
        """Return what reads the log, and the number of records to read at a time."""
        found = _files(self.log)
        if found is None:
            return _EventBatches(self.log, watch), BATCH
        files, size = found
        sums = Checksum() if self.log.resumable else None
        return Columns(files, self.log.log.border, watch, sums), size


def _files(opened: OpenLog) -> tuple[list[File], int] | None:
    """Return what reads the files of a log in chunks, and how many records to read at a time.

    None if the log is read record by record.
    """
    border = opened.log.border
    action = pa.field(ACTION, pa.string())
    has_activities = ACTIVITY in border.kinds.values()
    schema = common_columns(opened)
    if schema is not None:
        taken = schema.append(action) if has_activities else schema
        if opened.log.query is not None:
            return [QueryRows(opened.log.query, border, taken)], ROWS
        return [ParquetFile(path, border, taken) for path, _ in opened.files], ROWS
    log = opened.log
    formats = {path: _format_of(path, format) for path, format in opened.files}
    readable = {"jsonl"} if isinstance(border, Ubi) else LINES
    if formats and readable.issuperset(formats.values()) and as_they_stand(log):
        names = [*EVENTS.names, *([ACTION] if has_activities else [])]
        files: list[File] = [
            LineFile(path, formats[path], border, names, log.backslash) for path, _ in opened.files
        ]
        if log.is_sorted:
            files = [Sorted(files, opened.scratch, keeps_bytes=opened.resumable)]
        return files, LINES_BATCH
    return None


def _format_of(path: str, format: str) -> str:
    """Return the format of a file's text, which UBI does not say."""
    return format_of(place(path)) or "jsonl" if format == "ubi" else format


class _EventBatches:
    """A log that is read as events, which are put into batches."""

    def __init__(self, log: OpenLog, watch: Callable[[int], None]) -> None:
        """Start at the first record."""
        self.events = LogEvents(log, watch)
        self.tally = self.events.tally

    @property
    def checksum(self) -> int:
        """Checksum of the records that were read."""
        return self.events.checksum

    def read(self, count: int) -> list[pa.RecordBatch | Reject]:
        """Return what the next `count` records give: fewer only at the end."""
        items = self.events.read(count)
        rejects = [item for item in items if isinstance(item, Reject)]
        events = [item for item in items if not isinstance(item, Reject)]
        return [to_batch(events), *rejects] if events else [*rejects]
