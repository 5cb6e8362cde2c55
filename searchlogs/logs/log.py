"""A log: which files it is made of, and how to read them."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from searchlogs.logs.words import COMPRESSED, FORMATS, STDIN, format_of

if TYPE_CHECKING:
    from searchlogs.logs.border import Border


def _our_words() -> "Border":
    """Return the border of a log in our own words."""
    from searchlogs.logs.border import Border  # here, as pydantic takes a while to load

    return Border()


@dataclass(frozen=True)
class Log:
    """Log files, in the order given; several are merged by the time of each one's next event.

    `format` is jsonl, csv, parquet or ubi; None goes by each file's name. Records of UBI are sorted
    by time, as its exports have no order. With `once`, the wait, an event that repeats one of its
    user exactly is dropped, unless it is late: those a window drops anyway. With a `key` users have
    pseudonyms, and what rejects held is withheld.
    """

    paths: tuple[str, ...]
    border: "Border" = field(default_factory=_our_words)
    format: str | None = None
    once: timedelta | None = None
    key: bytes | None = field(default=None, repr=False)

    def open(self) -> "OpenLog":
        """List the log's files, searching folders recursively.

        Files of a folder are sorted by name; those that are hidden, or whose name ends in no known
        format, are passed over.

        Raises:
            ValueError: A path has no known format, or a folder holds no log.
            OSError: A file does not exist or cannot be read.
        """
        files: list[str] = []
        passed_over: list[str] = []
        for path in self.paths:
            if path == STDIN:
                if self.format in (None, "parquet"):
                    raise ValueError("standard input: --format must say jsonl, csv or ubi")
                files.append(path)
            elif Path(path).is_dir():
                logs, others = _inside(path)
                if not logs:
                    raise ValueError(f"{path}: nothing in it ends in {ENDINGS}")
                files += logs
                passed_over += others
            elif self.format is None and not format_of(Path(path)):
                _check_file(path)  # if it isn't there, that comes first
                raise ValueError(
                    f"{path}: a name must end in {ENDINGS}, or --format must say what it is"
                )
            else:
                _check_file(path)
                files.append(path)
        if STDIN in files and self.border.reads_twice:
            raise ValueError("standard input can't be read twice, as session_id needs")
        formats = [self.format or format_of(Path(path)) for path in files]
        return OpenLog(self, tuple(zip(files, formats, strict=True)), tuple(passed_over))


@dataclass(frozen=True)
class OpenLog:
    """A log whose files have been found, once for the whole run."""

    log: Log
    files: tuple[tuple[str, str], ...]
    """Path and format of each file, in the order given."""
    passed_over: tuple[str, ...]
    """Files in its folders that are hidden, or whose names end in no known format: not read."""

    @classmethod
    def of(cls, log: "str | Path | Log | OpenLog") -> "OpenLog":
        """Open a log that may be given as a path."""
        if isinstance(log, OpenLog):
            return log
        return (log if isinstance(log, Log) else Log((str(log),))).open()


def _inside(folder: str) -> tuple[list[str], list[str]]:
    """The logs in a folder and in those in it, by name, and the files that are none.

    What is hidden, by a dot, is none: another run's own files are, and an editor's.
    """
    logs: list[str] = []
    others: list[str] = []
    for file in sorted(file for file in Path(folder).rglob("*") if not file.is_dir()):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        (others if hidden or not format_of(file) else logs).append(str(file))
    return logs, others


def _check_file(path: str) -> None:
    if Path(path).exists() and not Path(path).is_file():
        raise ValueError(f"{path}: it is a pipe or a device, which - reads, as standard input")
    open(path, "rb").close()


ENDINGS = f"{', '.join(FORMATS)}, or one of these and {' or '.join(COMPRESSED)}"
