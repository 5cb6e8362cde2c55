"""The folder from which a run that was stopped is resumed."""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import searchlogs
from searchlogs.command.job import ENGINES, Job, Outputs, RunFailed
from searchlogs.logs.stores import Address, Place, place

WORK = "sessions.arrows"
"""Name of the flow's own file of sessions; its other files stand next to it."""

LOCK = "lock"
"""Name of the file that one run at a time holds."""


class WrongFolder(RunFailed):
    """A recovery folder that belongs to another run, or to none."""


@dataclass(frozen=True)
class Recovery:
    """A recovery folder, and the outputs that a run with it is to write.

    Raises:
        ValueError: An output is in a store, where a resumed run would not know its own.
    """

    folder: Path
    outputs: Outputs

    def __post_init__(self) -> None:
        for path in self.outputs.paths.values():
            if isinstance(path, Address):
                raise ValueError(
                    f"{path}: with --recovery, expected an output on this machine; copy it to the "
                    "store when the run is done"
                )

    @property
    def state(self) -> Path:
        """The engine's own folder."""
        return self.folder / "state"

    @property
    def finished(self) -> bool:
        """Whether the run in the folder reached the end of its log, and so closed every session."""
        return (self.folder / FINISHED).exists()

    @property
    def publishing(self) -> bool:
        """Whether the run in the folder was stopped while it gave these outputs their names."""
        began = self.folder / "publishing"
        if self._wanted in self._published() or not began.exists():
            return False
        return began.read_text(encoding="utf-8") == self._wanted

    def owns(self, path: Place) -> bool:
        """Return whether an output that exists is the run's own, so that it may be replaced."""
        if self.publishing:
            return True
        digest = self._published().get(self._wanted, {}).get(str(path.absolute()))
        if digest is None or not isinstance(path, Path):
            return False
        return path.is_file() and digest == _digest(path)

    def begin_publishing(self) -> None:
        """Note that these outputs get their names now."""
        (self.folder / "publishing").write_text(self._wanted, encoding="utf-8")

    def finish(self) -> None:
        """Note that the run has finished, and what it wrote, to know it by when it is repeated."""
        paths = self.outputs.paths.values()
        digests = {str(path.absolute()): _digest(path) for path in paths if isinstance(path, Path)}
        path = self.folder / FINISHED
        aside = path.with_suffix(".new")
        aside.write_text(json.dumps({**self._published(), self._wanted: digests}), "utf-8")
        aside.replace(path)

    def _published(self) -> dict[str, dict[str, str]]:
        """Return the digests of the outputs of each finished run, by what was wanted of it."""
        try:
            return dict(json.loads((self.folder / FINISHED).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    @property
    def _wanted(self) -> str:
        wanted = {name: str(path.absolute()) for name, path in self.outputs.paths.items()}
        settings = asdict(self.outputs)
        return json.dumps({**settings, **wanted}, default=str, sort_keys=True)

    def check(self, job: Job) -> None:
        """Raise WrongFolder if the folder holds a run over another log or with other settings."""
        path = self.folder / SETTINGS
        if not path.exists():
            return
        try:
            earlier = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            raise WrongFolder(f"{path}: expected the settings of an earlier run") from None
        for name, now in _settings(job).items():
            if now != earlier.get(name):
                raise WrongFolder(
                    f"{self.folder}: belongs to a run with another {name}: "
                    f"{earlier.get(name)}, not {now}"
                )

    def claim(self, job: Job) -> None:
        """Make the folder this job's, unless it is already.

        Raises:
            WrongFolder: The folder belongs to another run, or holds something else.
        """
        path = self.folder / SETTINGS
        aside = path.with_suffix(".new")
        if path.exists():
            self.check(job)
        elif set(self.folder.iterdir()) - {aside, self.folder / LOCK}:
            raise WrongFolder(f"{self.folder}: is not empty, and holds no earlier run")
        else:  # in one step, so that a run killed here can be resumed too
            aside.write_text(json.dumps(_settings(job), indent=1), encoding="utf-8")
            aside.replace(path)
        if not self.state.exists() and (self.folder / WORK).exists():
            raise WrongFolder(f"{self.state}: is missing, so that the run cannot be resumed")


SETTINGS = "settings.json"
FINISHED = "finished"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _settings(job: Job) -> dict[str, Any]:
    """Return the settings that must match for a run to be resumed, as JSON gives them back."""
    log = job.log.log
    border = {
        part.name: getattr(log.border, part.name) for part in fields(log.border) if part.compare
    }
    settings = {
        "searchlogs": searchlogs.__version__,
        "log": [str(place(path).absolute()) for path in log.paths],
        "query": log.query and hashlib.sha256(log.query.text.encode()).hexdigest(),
        "database": str(log.query and log.query.database),
        "format": log.format,
        "words": border,
        "backslash": log.backslash,
        "sort": log.is_sorted,
        "ahead": str(log.ahead),
        "drop duplicates": str(log.once),
        "key": log.key and hmac.digest(log.key, b"this key", "sha256").hex(),
        "gap": str(job.windowing.gap),
        "wait": str(job.windowing.wait),
        "searches": job.outputs.keep_searches,
        "engine": ENGINES[0] if job.is_columnar else ENGINES[1],
    }
    loaded: dict[str, Any] = json.loads(json.dumps(settings))
    return loaded
