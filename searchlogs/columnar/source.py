"""A log as a Bytewax source of record batches.

The columns of Parquet files and of queries are taken as they stand, if their types allow it. Every
other log is read record by record, and its events are put into batches.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from searchlogs.columnar.convert import to_batch
from searchlogs.columnar.parquet import Columns, common_columns
from searchlogs.logs.border import Reject
from searchlogs.logs.log import OpenLog
from searchlogs.logs.parquet import ROWS
from searchlogs.logs.source import BATCH, LogEvents, LogSource, Reader


class BatchSource(LogSource):
    """A Bytewax source of a log, like LogSource, whose events come as record batches.

    Columns are those of `schemas.EVENTS` that the log has.
    """

    def reader(self, watch: Callable[[int], None]) -> tuple[Reader[Any], int]:
        """Return what reads the log, and the number of records to read at a time."""
        schema = common_columns(self.log)
        if schema is None:
            return _EventBatches(self.log, watch), BATCH
        return Columns(self.log, schema, watch), ROWS


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
