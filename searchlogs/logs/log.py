"""A log: the files that it is made of, and how to read them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from searchlogs.logs.outputs import folders_of_runs, is_output
from searchlogs.logs.stores import Address, Place, files_in, place
from searchlogs.logs.words import ENDINGS, STDIN, format_of

if TYPE_CHECKING:
    from searchlogs.logs.border import Border
    from searchlogs.logs.sql import Query


def _default_border() -> "Border":
    """Return the rules for a log under our names."""
    from searchlogs.logs.border import Border  # here, as pydantic's core takes a while to load

    return Border()


@dataclass(frozen=True)
class Log:
    """Log files, and how to read them. Several are merged by the time of each one's next event.

    At one time searches come before results and results before clicks, then in the order given.

    Args:
        paths: Files, folders, addresses of them in a store (`s3://bucket/key`), or `-` for
            standard input, in the order that decides ties.
        border: Rules for reading the records.
        format: jsonl, csv, tsv, parquet or ubi; None goes by each file's name.
        once: Drop exact repetitions of an event that follow within this time of its user. None
            keeps all. Give the wait of the windows: they drop what is later than that.
        key: Key under which users get pseudonyms; what rejects quote is then withheld.
        backslash: Whether cells of CSV and TSV have backslash escapes.
        sort: Whether to sort all records by time, as exports without an order need. Those of UBI
            always are.
        ahead: Reject records whose time is more than this ahead of the records around them. None
            keeps all.
        query: A query whose rows are the records, in place of files.
    """

    paths: tuple[str, ...]
    border: "Border" = field(default_factory=_default_border)
    format: str | None = None
    once: timedelta | None = None
    key: bytes | None = field(default=None, repr=False)
    backslash: bool = False
    sort: bool = False
    ahead: timedelta | None = None
    query: "Query | None" = None

    @property
    def is_sorted(self) -> bool:
        """Whether records come in the order of their times, and not of their lines."""
        return self.sort or self.format == "ubi"

    def open(self, skip: Collection[Place] = ()) -> "OpenLog":
        """List the log's files, searching folders recursively.

        Files of a folder are sorted by name. Passed over are those that are hidden, whose name ends
        in no known format, or is a marker's if the format is given, and outputs of earlier runs.

        Args:
            skip: Where this run's outputs go: those that an earlier run left there are no logs.

        Raises:
            ValueError: A path has no known format, a folder holds no log, or a query fails.
            OSError: A file does not exist or cannot be read.
        """
        if self.query is not None:
            self.query.check(self.border)
        ours = {path.resolve() for path in skip}
        files: list[str] = []
        passed_over: list[str] = []
        for path in self.paths:
            if path == STDIN:
                if self.format in (None, "parquet"):
                    raise ValueError("standard input: set --format to jsonl, csv or ubi")
                files.append(path)
            elif place(path).is_dir():
                logs, others = _inside(path, self.format, ours)
                if not logs:
                    wanted = "files" if self.format else f"names that end in {ENDINGS}"
                    raise ValueError(f"{path}: no log in this folder; expected {wanted}")
                files += logs
                passed_over += others
            else:
                _check_file(path)
                if self.format is None and not format_of(place(path)):
                    raise ValueError(
                        f"{path}: unknown format; expected a name that ends in {ENDINGS}; "
                        "or set --format"
                    )
                files.append(path)
        if STDIN in files and self.border.reads_twice:
            raise ValueError(
                "standard input cannot be read twice, which session_id as the user needs; "
                "write it to a file first"
            )
        formats = [self.format or format_of(place(path)) for path in files]
        if self.backslash and not {"csv", "tsv"}.intersection(formats):
            raise ValueError(
                f"backslash: expected a log in CSV or TSV; found {', '.join(sorted(set(formats)))}"
            )
        return OpenLog(self, tuple(zip(files, formats, strict=True)), tuple(passed_over))


@dataclass(frozen=True)
class OpenLog:
    """A log whose files have been found, once for the whole run."""

    log: Log
    files: tuple[tuple[str, str], ...]
    """Path and format of each file, in the order given."""
    passed_over: tuple[str, ...]
    """Files of its folders that are not read: hidden, of no known format, or outputs of a run."""
    scratch: Path | None = None
    """Folder for the temporary file of a log that is sorted; None: the system's."""
    resumable: bool = True
    """Whether the run can be resumed. Only then is a checksum of its records kept."""

    @classmethod
    def of(cls, log: "str | Path | Log | OpenLog") -> "OpenLog":
        """Open a log that may be given as a path.

        Raises:
            ValueError: A path has no known format, or a folder holds no log.
            OSError: A file does not exist or cannot be read.
        """
        if isinstance(log, OpenLog):
            return log
        return (log if isinstance(log, Log) else Log((str(log),))).open()


def _inside(folder: str, format: str | None, ours: set[Place]) -> tuple[list[str], list[str]]:
    """Return the logs in a folder and in those below it, by name, and all other files.

    Hidden files, whose path has a dot in front, are no logs: other runs and editors keep theirs so.
    """
    logs: list[str] = []
    others: list[str] = []
    found = files_in(folder)
    runs = folders_of_runs([file for file, _ in found])
    for file, parts in found:
        hidden = any(part.startswith(".") for part in parts) or not (
            # a pipe, which would wait for a writer
            isinstance(file, Address) or file.is_file() or file.is_symlink()
        )
        if hidden or (_is_marker(parts) if format else not format_of(file)):
            others.append(str(file))
        elif (file.parent in runs or file.resolve() in ours) and is_output(file):
            others.append(f"{file} ({OUTPUT})")
        else:
            logs.append(str(file))
    return logs, others


OUTPUT = "an earlier run's output"
"""What is added to the path of a file that is passed over because a run wrote it."""


def _is_marker(parts: tuple[str, ...]) -> bool:
    """Return whether a path is of a file that Hadoop and Spark put beside the data.

    A folder such as _date=2024-01-01 is a partition of the data itself.
    """
    return parts[-1].endswith(".crc") or any(
        part.startswith("_") and "=" not in part for part in parts
    )


def _check_file(path: str) -> None:
    file = place(path)
    if isinstance(file, Address):
        file.check_file()
        return
    if file.exists() and not file.is_file():
        raise ValueError(f"{path}: this is a pipe or a device; use - to read standard input")
    open(path, "rb").close()
