"""Logs on which a learner's dataflow is run, killed and resumed."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource

from searchlogs.dataflow import run


class NoFlow(Exception):
    """The answer returned something else than a flow."""


class _Source(TestingSource[Any]):
    """A TestingSource that notes whether a flow reads it."""

    used = False

    def list_parts(self) -> list[str]:
        self.used = True
        return super().list_parts()  # type: ignore[no-any-return, no-untyped-call]


class _Sink(TestingSink[Any]):
    """A TestingSink that notes whether a flow writes to it."""

    used = False

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Any:
        self.used = True
        return super().build(step_id, worker_index, worker_count)


@dataclass(frozen=True)
class Ran:
    """What came out of a flow."""

    rows: list[Any]
    at_kill: int
    """Number of rows that were out when the flow was killed."""
    read: bool
    """Whether the flow read its source."""
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
            return Ran(rows, at_kill, source.used, path.exists() if self.to_file else sink.used)

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
