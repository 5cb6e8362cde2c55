"""A run over a log, from nothing to its published outputs, and on from where it was killed."""

import hmac
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import (
    InconsistentPartitionsError,
    MissingPartitionsError,
    NoPartitionsError,
    RecoveryConfig,
    init_db_dir,
)
from filelock import FileLock, Timeout

from searchlogs.columnar.flow import columnar_flow
from searchlogs.command.options import ENDINGS, ENGINES, LEAST_USERS, SNAPSHOTS
from searchlogs.command.publish import Summary, publish
from searchlogs.dataflow import engine_keeps_quiet, run
from searchlogs.durations import Windowing
from searchlogs.logs.flow import Watch, log_flow
from searchlogs.logs.log import OpenLog
from searchlogs.logs.rows import beside
from searchlogs.logs.words import STDIN

LINES, BATCHES = "sessions.jsonl", "sessions.arrows"
SETTINGS, STATE, LOCK = "settings.json", "state", "lock"
PUBLISHING, FINISHED = "publishing", "finished"
"""What is in a recovery folder."""


@dataclass(frozen=True)
class Job:
    """A log, what is wanted of it, and where: JSON Lines, CSV or Parquet, by the name of `out`.

    Late events and rejects go beside `out`; `searches` is another file, or None, and so is
    `queries`, for a table of those queries alone that `least_users` users or more had. With
    `recovery`, a folder, a run that was stopped goes on when it is run again. Raises a ValueError
    for what can't work, before anything runs.
    """

    log: OpenLog
    out: Path
    windowing: Windowing = field(default_factory=Windowing)
    searches: Path | None = None
    queries: Path | None = None
    least_users: int = LEAST_USERS
    every_session: bool = False
    engine: str | None = None
    """One of ENGINES; None: columnar, unless something is wanted of single searches."""
    recovery: Path | None = None
    snapshots: timedelta = SNAPSHOTS

    def __post_init__(self) -> None:
        if self.engine not in (None, *ENGINES):
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}; got {self.engine!r}")
        if self.engine == "columnar" and self.keeps_searches:
            raise ValueError("searches and queries need the engine events: columns only count")
        if self.least_users < 1:
            raise ValueError(f"least_users must be 1 or more; got {self.least_users}")
        paths = list(self.outputs.values())
        for path in paths:
            if path.suffix not in ENDINGS:
                raise ValueError(f"{path}: its name must end in {', '.join(ENDINGS)}")
            if not path.absolute().parent.is_dir():
                raise ValueError(f"{path}: there is no folder {path.parent}")
        if len({path.resolve() for path in paths}) < len(paths):
            raise ValueError(f"{self.out}: two outputs can't have one name")
        files = [Path(path) for path, _ in self.log.files]
        read: dict[Path, Path] = {}
        for file in files:
            if read.setdefault(file.resolve(), file) is not file:
                raise ValueError(f"{file}: it is given twice, and would be counted twice")
        read.pop(Path(STDIN).resolve(), None)
        if taken := [path for path in paths if path.resolve() in read]:
            raise ValueError(f"{taken[0]}: it is being read, and can't be an output too")
        if self.recovery is not None and STDIN in self.log.log.paths:
            raise ValueError("standard input can't be read again, as a recovery needs")
        if self.recovery is not None:
            for folder in (Path(path) for path in self.log.log.paths if Path(path).is_dir()):
                if self.recovery.resolve().is_relative_to(folder.resolve()):
                    raise ValueError(f"{self.recovery}: it would be read, as a part of {folder}")
            for path in paths:
                if path.resolve().is_relative_to(self.recovery.resolve()):
                    raise ValueError(f"{path}: {self.recovery} is for the recovery alone")

    @property
    def outputs(self) -> dict[str, Path]:
        """Where everything goes, by kind."""
        outputs = {"sessions": self.out}
        for name, path in {"searches": self.searches, "queries": self.queries}.items():
            if path is not None:
                outputs[name] = path
        return outputs | {name: beside(self.out, name) for name in ("late", "rejects")}

    def run(self, watch: Watch = lambda size, events, sessions: None) -> Summary:
        """Do all of it; only what is whole gets its name.

        Raises what stopped it: an OSError, InputChanged, WrongFolder, EngineFailed, Unaccounted.
        """
        with self._workplace() as (folder, recovery):
            lines = folder / self._lines
            if self.is_columnar:
                flow = columnar_flow(
                    self.log, lines, gap=self.windowing.gap, wait=self.windowing.wait, watch=watch
                )
            else:
                flow = log_flow(
                    self.log,
                    lines,
                    gap=self.windowing.gap,
                    wait=self.windowing.wait,
                    searches=self.keeps_searches,
                    watch=watch,
                )
            with self._engine_in_words():
                run(flow, recovery=recovery, epoch_interval=self.snapshots if recovery else None)
            if self.recovery is not None:
                (self.recovery / PUBLISHING).write_text(self._names, encoding="utf-8")
            summary = publish(
                lines,
                self.outputs,
                every_session=self.every_session,
                least_users=self.least_users,
            )
        if self.recovery is not None:
            (self.recovery / FINISHED).touch()
        return summary

    @property
    def keeps_searches(self) -> bool:
        """Whether something is wanted of single searches."""
        return bool(self.searches or self.queries)

    @property
    def is_columnar(self) -> bool:
        """Whether the sessions are found from record batches."""
        return self.engine == "columnar" or (self.engine is None and not self.keeps_searches)

    @property
    def _lines(self) -> str:
        return BATCHES if self.is_columnar else LINES

    @property
    def finished(self) -> bool:
        """Whether the run in `recovery` had come to its end, and so closed every session."""
        return self.recovery is not None and (self.recovery / FINISHED).exists()

    @property
    def publishing(self) -> bool:
        """Whether the run in `recovery` was stopped while it gave these outputs their names."""
        if self.recovery is None or self.finished:
            return False
        began = self.recovery / PUBLISHING
        return began.exists() and began.read_text(encoding="utf-8") == self._names

    @property
    def _names(self) -> str:
        return json.dumps([str(path.absolute()) for path in self.outputs.values()])

    @contextmanager
    def _workplace(self) -> Iterator[tuple[Path, RecoveryConfig | None]]:
        """A folder for the flow's own files, beside the outputs, or what an earlier run left."""
        if self.recovery is None:
            # Beside the output, where there is room for it, and nobody has to look for it.
            with TemporaryDirectory(
                prefix=".searchlogs-", dir=self.out.absolute().parent
            ) as folder:
                yield Path(folder), None
            return
        self.recovery.mkdir(parents=True, exist_ok=True)
        with self._alone():
            yield self.recovery, self._state()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else uses the folder: two runs at once would spoil each other's files."""
        assert self.recovery is not None
        try:
            with FileLock(self.recovery / LOCK, blocking=False):
                yield
        except Timeout:
            raise WrongFolder(f"{self.recovery}: another run is using it") from None

    def check_folder(self) -> None:
        """Raise WrongFolder where `recovery` holds a run over another log, or of other settings."""
        if self.recovery is None or not (settings := self.recovery / SETTINGS).exists():
            return
        try:
            earlier = dict(json.loads(settings.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            raise WrongFolder(f"{settings}: it isn't what a run writes there") from None
        for name, now in self._settings().items():
            if now != earlier.get(name):
                raise WrongFolder(
                    f"{self.recovery}: it is of a run with another {name}: "
                    f"{earlier.get(name)}, not {now}"
                )

    def _state(self) -> RecoveryConfig:
        """Where the engine stores how far it is, in a folder that is this run's."""
        assert self.recovery is not None
        settings, state = self.recovery / SETTINGS, self.recovery / STATE
        # All in one step each, so that a run killed here can go on too.
        aside = settings.with_suffix(".new")
        if settings.exists():
            self.check_folder()
        elif set(self.recovery.iterdir()) - {aside, self.recovery / LOCK}:
            raise WrongFolder(f"{self.recovery}: it holds something else than an earlier run")
        else:
            aside.write_text(json.dumps(self._settings(), indent=1), encoding="utf-8")
            aside.replace(settings)
        if not state.exists():
            if (self.recovery / self._lines).exists():
                raise WrongFolder(f"{self.recovery}: {STATE}, which said how far it was, is gone")
            aside = state.with_suffix(".new")
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            with self._engine_in_words(), engine_keeps_quiet():
                init_db_dir(aside, 1)
            aside.replace(state)
        return RecoveryConfig(state)

    @contextmanager
    def _engine_in_words(self) -> Iterator[None]:
        """The engine has a panic, which is no Exception, for trouble with what it stores."""
        try:
            yield
        except BaseException as error:
            kinds = (RuntimeError, BytewaxRuntimeError, *LOST)
            if type(error) not in kinds and type(error).__name__ != "PanicException":
                raise
            inner = re.search(r'Some\("(.*?)"\)', str(error))
            words = inner[1] if inner else re.sub(r"^\(src/\S+\) ", "", str(error))
            where = f"; its state is in {self.recovery / STATE}" if self.recovery else ""
            raise EngineFailed(f"the engine gave up: {words}{where}") from error

    def _settings(self) -> dict[str, Any]:
        """What an earlier run must have had in common with this one, to be gone on with."""
        border = self.log.log.border
        settings = {
            "searchlogs": metadata.version("searchlogs"),
            "log": [str(Path(path).absolute()) for path in self.log.log.paths],
            "format": self.log.log.format,
            "words": {
                part.name: getattr(border, part.name) for part in fields(border) if part.compare
            },
            "drop duplicates": str(self.log.log.once),
            "key": self.log.log.key and hmac.digest(self.log.log.key, b"this key", "sha256").hex(),
            "gap": str(self.windowing.gap),
            "wait": str(self.windowing.wait),
            "searches": self.keeps_searches,
            "engine": ENGINES[0] if self.is_columnar else ENGINES[1],
        }
        loaded: dict[str, Any] = json.loads(json.dumps(settings))
        return loaded


class WrongFolder(Exception):
    """A recovery folder that is not this run's."""


class EngineFailed(Exception):
    """The engine gave up, as when its state is broken, or has no room."""


LOST = (NoPartitionsError, MissingPartitionsError, InconsistentPartitionsError)
"""What the engine raises where some of its state is not there."""
