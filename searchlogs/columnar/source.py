"""A log as a Bytewax source of record batches.

The columns of Parquet files are taken as they stand, if their types allow it. Every other log is
read record by record, and its events are put into batches.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa
from bytewax.inputs import FixedPartitionedSource

from searchlogs.columnar.convert import to_batch
from searchlogs.columnar.parquet import Columns, common_columns
from searchlogs.logs.border import Reject
from searchlogs.logs.log import OpenLog
from searchlogs.logs.parquet import ROWS
from searchlogs.logs.source import BATCH, LogEvents, Part, State, Tally

Item: TypeAlias = pa.RecordBatch | Reject | Tally


@dataclass(frozen=True)
class BatchSource(FixedPartitionedSource[Item, State]):
    """A Bytewax source of a log, like LogSource, whose events come as record batches.

    Columns are those of `schemas.EVENTS` that the log has.
    """

    log: OpenLog
    """The log."""
    watch: Callable[[int, int], None] = lambda size, events: None
    """Called with the number of bytes read of files, and the number of events that they gave."""
    batch: int | None = None
    """Number of records to read at a time; None: as suits the log."""

    def list_parts(self) -> list[str]:
        """Return the name of the only partition."""
        return ["log"]

    def build_part(
        self, step_id: str, for_part: str, resume_state: State | None
    ) -> Part[pa.RecordBatch | Reject]:
        """Return the partition, read again up to where an earlier run stood."""
        schema = common_columns(self.log)
        if schema is None:
            events = _EventBatches(self.log, lambda size: self.watch(size, 0))
            return Part(events, self.batch or BATCH, self.watch, resume_state)
        columns = Columns(self.log, schema, lambda size: self.watch(size, 0))
        return Part(columns, self.batch or ROWS, self.watch, resume_state)


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
