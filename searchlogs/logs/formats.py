"""Log files of any format, read record by record and written event by event."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple

from searchlogs.events import Event, shorten
from searchlogs.logs.border import Border, Outcome
from searchlogs.logs.csv import read_csv, write_csv
from searchlogs.logs.jsonl import read_jsonl, write_jsonl
from searchlogs.logs.lines import Parsed, unpacked
from searchlogs.logs.parquet import read_parquet, write_parquet
from searchlogs.logs.ubi import write_ubi
from searchlogs.logs.words import COMPRESSED, FORMATS, STDIN, format_of


class Read(NamedTuple):
    """A record as it was read, and what it gave."""

    file: str
    line: int
    raw: bytes
    outcome: Outcome


def read_file(
    path: str, format: str, border: Border, watch: Callable[[int], None]
) -> Iterator[Read]:
    """Every record of a file, or of standard input; `watch` is told of the bytes that were read."""
    with sys.stdin.buffer if path == STDIN else open(path, "rb") as file:
        before = 0
        for number, (line, raw, outcome) in enumerate(
            READERS[format](unpacked(path, file), border)
        ):
            yield Read(path, line, raw, outcome)
            # Parquet begins at its end.
            if path != STDIN and number % 1_000 == 0 and (here := file.tell()) > before:
                watch(here - before)
                before = here
        if path != STDIN:
            watch(os.path.getsize(path) - before)


READERS: dict[str, Callable[[BinaryIO, Border], Iterator[Parsed]]] = {
    "jsonl": read_jsonl,
    "ubi": read_jsonl,
    "csv": read_csv,
    "parquet": read_parquet,
}


def write_log(events: Iterable[Event], path: str | Path, format: str | None = None) -> int:
    """Write a log file that `source.Log` reads; return how many events it took.

    `format` is jsonl, csv, parquet or ubi; None goes by the file's name. Text is compressed where
    the name ends in .gz or .zst. The same events give the same bytes. The file gets its name, which
    another may have had, when it is complete: what breaks off leaves nothing. Memory doesn't grow
    with the log.

    CSV and Parquet hold users as text. UBI holds no results of their own: theirs go into the record
    of their search, and its time counts. For that they need its `query_id`, or to come before the
    user's next search; others become impressions, which are no results.

    Raises a ValueError for a name or a text that the format can't hold, and an OSError where there
    is no place for the file.

    >>> from tempfile import TemporaryDirectory
    >>> from searchlogs.simulate import client_events
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "events.csv")
    ...     write_log(client_events(), path)
    ...     print(path.read_text().splitlines()[1])
    7
    search,1,2024-01-01T00:00:05.000Z,dogs,,,,
    """
    path = Path(path)
    format = format or format_of(path)
    if format not in WRITERS:
        raise ValueError(
            f"{path}: a name must end in {', '.join(FORMATS)}, or one of these but .parquet and "
            f"{' or '.join(COMPRESSED)}; or format must be one of {', '.join(WRITERS)}"
        )
    if format == "parquet" and path.suffix in COMPRESSED:
        raise ValueError(f"{path}: Parquet is compressed inside; its name must not end so")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; the log needs a name in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}")
    taken = count()
    part = path.with_name(f"{path.name}.part")
    try:
        with open(part, "wb") as file:
            WRITERS[format]((event for event, _ in zip(events, taken, strict=False)), file, path)
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, UnicodeEncodeError):
            text = error.object[max(0, error.start - 20) : error.end]
            raise ValueError(f"{path}: UTF-8 can't hold the end of {shorten(text)}") from None
        raise
    return next(taken)


WRITERS: dict[str, Callable[[Iterable[Event], BinaryIO, Path], None]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "parquet": write_parquet,
    "ubi": write_ubi,
}
