"""A log as record batches: the columns of Parquet as they stand, all else through the border.

Columns that the border would take as they are need not become objects first. Where that isn't sure
of a row, the border decides: so its rejects are the same, whichever way a log is read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import pyarrow as pa
from bytewax.inputs import FixedPartitionedSource

from searchlogs.columnar.convert import ROW_MAKERS, to_batch
from searchlogs.columnar.parquet import Columns, columns_as_they_are
from searchlogs.logs.border import Reject
from searchlogs.logs.log import OpenLog
from searchlogs.logs.parquet import ROWS
from searchlogs.logs.source import BATCH, LogEvents, Part, State, Tally

Item: TypeAlias = pa.RecordBatch | Reject | Tally


@dataclass(frozen=True)
class BatchSource(FixedPartitionedSource[Item, State]):
    """A Bytewax source of a log, as LogSource is, whose events come as record batches.

    Their columns are those of `export.SCHEMA` that the log has.
    """

    log: OpenLog
    watch: Callable[[int, int], None] = lambda size, events: None

    def list_parts(self) -> list[str]:
        return ["log"]

    def build_part(
        self, step_id: str, for_part: str, resume_state: State | None
    ) -> Part[pa.RecordBatch | Reject]:
        schema = columns_as_they_are(self.log)
        if schema is None:
            gathered = _Gathered(self.log, lambda size: self.watch(size, 0))
            return Part(gathered, BATCH, self.watch, resume_state)
        columns = Columns(self.log, schema, lambda size: self.watch(size, 0))
        return Part(columns, ROWS, self.watch, resume_state)


class _Gathered:
    """A log that the border reads, its events gathered into batches."""

    def __init__(self, log: OpenLog, watch: Callable[[int], None]) -> None:
        if log.log.key is None:  # a pseudonym is given to an event
            border = replace(log.log.border, make=ROW_MAKERS)
            log = replace(log, log=replace(log.log, border=border))
        self.events = LogEvents(log, watch)
        self.tally = self.events.tally

    @property
    def checksum(self) -> int:
        return self.events.checksum

    def read(self, count: int) -> list[pa.RecordBatch | Reject]:
        items = self.events.read(count)
        rejects = [item for item in items if isinstance(item, Reject)]
        events = [item for item in items if not isinstance(item, Reject)]
        return [to_batch(events), *rejects] if events else [*rejects]
