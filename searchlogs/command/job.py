"""What a run reads, what is wanted of it and where it goes: checked before anything heavy loads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from searchlogs.durations import Windowing
from searchlogs.logs.log import OpenLog
from searchlogs.logs.stores import Address, Place, place
from searchlogs.logs.words import COMPRESSED, STDIN, beside, unpacked

ENDINGS = (".jsonl", ".csv", ".parquet")
"""Endings of the names of outputs; each is a format. Text can be compressed as well."""

LEAST_USERS = 10
"""Fewest users of a query that gets a row of its own in a table by query."""

MAX_LATE = 0.01
"""Largest share of late events that passes for an ordinary log."""

SNAPSHOTS = timedelta(seconds=10)
"""Time between two snapshots of a run that can be resumed."""

ENGINES = ("columnar", "events")
"""Ways to find the sessions: from record batches, or from events one by one."""


class RunFailed(Exception):
    """A run that could not be done; its message gives the reason."""


@dataclass(frozen=True)
class Outputs:
    """What a run writes, and where to; late events and rejects go next to the sessions.

    Raises:
        ValueError: A name has no known ending, a folder is missing, two outputs have one name, or a
            setting is wrong.
    """

    sessions: Place
    searches: Place | None = None
    queries: Place | None = None
    """Where the table by query goes."""
    every_session: bool = False
    """Whether sessions without a search are written too."""
    least_users: int = LEAST_USERS
    """Fewest users of a query that gets a row of its own."""
    spreadsheet: bool = False
    """Whether CSV cells that a spreadsheet would take for formulas get an apostrophe in front."""

    def __post_init__(self) -> None:
        taken: set[Place] = set()
        for path in self.paths.values():
            _check_ending(path)
            if isinstance(path, Address):
                path.check_bucket()
            elif not path.absolute().parent.is_dir():
                raise ValueError(f"{path}: the folder {path.parent} does not exist")
            if path.resolve() in taken:
                raise ValueError(f"{path}: two outputs cannot have the same name")
            taken.add(path.resolve())
        if self.least_users < 1:
            raise ValueError(f"least_users: expected 1 or more; found {self.least_users}")
        endings = {unpacked(path).suffix for path in self.paths.values()}
        if self.spreadsheet and ".csv" not in endings:
            raise ValueError("spreadsheet: expected an output whose name ends in .csv; found none")

    @property
    def paths(self) -> dict[str, Place]:
        """All of them, by kind."""
        wanted = {"sessions": self.sessions, "searches": self.searches, "queries": self.queries}
        wanted |= {name: beside(self.sessions, name) for name in ("late", "rejects")}
        return {name: path for name, path in wanted.items() if path is not None}

    @property
    def keep_searches(self) -> bool:
        """Whether single searches are wanted."""
        return bool(self.searches or self.queries)


def _check_ending(path: Place) -> None:
    """Raise a ValueError if the name of an output has no known ending."""
    ending = unpacked(path).suffix
    if ending not in ENDINGS:
        packed = " or ".join(COMPRESSED)
        raise ValueError(
            f"{path}: expected a name that ends in {', '.join(ENDINGS)}; the first two can have "
            f"{packed} added"
        )
    if ending == ".parquet" and path.suffix in COMPRESSED:
        raise ValueError(f"{path}: Parquet is compressed inside; remove the ending {path.suffix}")


@dataclass(frozen=True)
class Job:
    """A run over a log, as it is wanted.

    Raises:
        ValueError: A setting is wrong, or one file would be used for two things.
    """

    log: OpenLog
    outputs: Outputs
    windowing: Windowing = field(default_factory=Windowing)
    max_late: float = MAX_LATE
    """Largest share of late events, from 0 to 1, that needs no advice."""
    engine: str | None = None
    """One of ENGINES; None: columnar, unless single searches are wanted."""
    recovery: Path | None = None
    """A folder from which a run that was stopped is resumed."""
    snapshots: timedelta = SNAPSHOTS

    def __post_init__(self) -> None:
        if self.engine not in (None, *ENGINES):
            raise ValueError(f"engine: expected one of {', '.join(ENGINES)}; found {self.engine!r}")
        if self.engine == "columnar" and self.outputs.keep_searches:
            raise ValueError("engine: searches and queries need events; found 'columnar'")
        if self.outputs.queries and find_spec("duckdb") is None:
            raise ValueError("--queries needs DuckDB: pip install 'searchlogs[sql]'")
        outputs = list(self.outputs.paths.values())
        query = self.log.log.query
        database = [query.database] if query and query.database else []
        _check_inputs([*(place(path) for path, _ in self.log.files), *database], outputs)
        if self.recovery is not None:
            if query and not query.is_ordered:
                raise ValueError(
                    "--sql: expected an order by at the end of the query, which --recovery needs "
                    "to find the rows again; found none"
                )
            _check_recovery(self.recovery, self.log.log.paths, outputs)

    @property
    def is_columnar(self) -> bool:
        """Whether the sessions are found from record batches."""
        return self.engine == "columnar" or (self.engine is None and not self.outputs.keep_searches)


def _check_inputs(files: Iterable[Place], outputs: Iterable[Place]) -> None:
    """Raise a ValueError if a file would be read twice, or be read and written."""
    read: set[Place] = set()
    for file in files:
        if file.resolve() in read:
            raise ValueError(f"{file}: given twice, so that its records would be counted twice")
        read.add(file.resolve())
    read.discard(Path(STDIN).resolve())
    for path in outputs:
        if path.resolve() in read:
            raise ValueError(f"{path}: cannot be an output, because it is being read")


def _check_recovery(recovery: Path, log: Sequence[str], outputs: Iterable[Place]) -> None:
    """Raise a ValueError if a recovery folder is part of the log, or holds an output."""
    if STDIN in log:
        raise ValueError("standard input cannot be read again, which --recovery needs")
    for folder in (Path(path) for path in log if Path(path).is_dir()):
        if recovery.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{recovery}: cannot be in {folder}, whose files are read as logs")
    for path in outputs:
        if isinstance(path, Path) and path.resolve().is_relative_to(recovery.resolve()):
            raise ValueError(f"{path}: cannot be in the recovery folder, {recovery}")
