"""Logs on which a learner's dataflow is run, killed and resumed."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource

from searchlogs.dataflow import run
from searchlogs.exercises._values import tidy

if TYPE_CHECKING:
    from searchlogs.figures.xray import XRay


class NoFlow(Exception):
    """The answer returned something else than a flow."""


class _Source(TestingSource[Any]):
    """A TestingSource that counts how often a flow begins to read it."""

    reads = 0

    def list_parts(self) -> list[str]:
        self.reads += 1
        return super().list_parts()  # type: ignore[no-any-return, no-untyped-call]


class _Sink(DynamicSink[Any]):
    """A sink that copies the rows to a list, and notes whether a flow writes to it."""

    used = False

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_Rows":
        self.used = True
        return _Rows(self.rows)


class _Rows(StatelessSinkPartition[Any]):
    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows

    def write_batch(self, items: list[Any]) -> None:
        # As a file would: what a step changes afterwards stays as it was.
        self.rows += map(tidy, items)


@dataclass(frozen=True)
class Ran:
    """What came out of a flow."""

    rows: list[Any]
    at_kill: int
    """Number of rows that were out when the flow was killed."""
    reads: int
    """How often the source was read, for each run."""
    wrote: bool
    """Whether the flow wrote to its sink."""


@dataclass(frozen=True)
class FlowCase:
    """A log to run a flow on; a flow that is killed is built again and resumed."""

    name: str
    """What is special about the log."""
    items: tuple[Any, ...]
    """What the source gives."""
    batch: int = 1
    """How many items the source gives at once."""
    stored: int | None = None
    """Number of items before the last snapshot; None if the flow is not killed."""
    killed: int | None = None
    """Number of items after which it is killed; None if that is at the snapshot."""
    settings: tuple[Any, ...] = ()
    """Further arguments of the function."""
    to_file: bool = False
    """Whether the flow is given a path to write to, and not a sink."""

    def __repr__(self) -> str:
        words = f"{len(self.items)} items, {self.batch} at a time"
        if self.stored is None:
            return words
        return (
            f"{words}; a snapshot after item {self.stored}, killed after item "
            f"{self.killed or self.stored}, and resumed"
        )

    def run(self, answer: Callable[..., Dataflow]) -> list[Any]:
        """Run a flow on this log.

        Args:
            answer: A function that assembles the flow; it is called again for each resume.

        Returns:
            The rows, or the lines of the file.

        Raises:
            Exception: Whatever a step of the flow raises.
        """
        return self.outcome(answer).rows

    def xray(self, answer: Callable[..., Dataflow]) -> "XRay":
        """Show how the items of this log move through a flow that is not killed.

        Args:
            answer: A function that assembles the flow.
        """
        from searchlogs.figures.xray import xray  # here, as no check draws anything

        with _folder() as folder:
            sink = folder / "lines.txt" if self.to_file else _Sink([])
            return xray(answer(_Source(self.items), sink, *self.settings))

    def outcome(self, answer: Callable[..., Dataflow]) -> Ran:
        """Run a flow on this log, and say what came out and when."""
        with _folder() as folder:
            rows: list[Any] = []
            source, sink = _Source(self._marked(), self.batch), _Sink(rows)
            path = folder / "lines.txt"
            state = None
            if self.stored is not None:
                (folder / "state").mkdir()
                init_db_dir(folder / "state", 1)
                state = RecoveryConfig(folder / "state")
            at_kill = 0
            # A snapshot after every batch up to the last; from there on none before the end.
            kills = 0 if state is None else 1 + (self.killed not in (None, self.stored))
            for number in range(kills + 1):
                flow = answer(source, path if self.to_file else sink, *self.settings)
                if not isinstance(flow, Dataflow):
                    raise NoFlow(flow)
                every = timedelta(hours=number and 1)
                run(flow, recovery=state, epoch_interval=every if state else None)
                if self.to_file:
                    rows[:] = path.read_text().splitlines() if path.exists() else []
                if number < kills:
                    at_kill = len(rows)
            wrote = path.exists() if self.to_file else sink.used
            return Ran(rows, at_kill, source.reads // (kills + 1), wrote)

    def _marked(self) -> list[Any]:
        """Return the items, and among them where the flow is killed."""
        places = {self.stored, self.killed} - {None}
        items: list[Any] = []
        for number, item in enumerate(self.items, 1):
            items += [item, *(TestingSource.ABORT() for place in places if place == number)]
        return items


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder, and remove it again."""
    folder = Path(mkdtemp(prefix="searchlogs-exercise-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
