"""Log files of any format, read record by record and written event by event."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from searchlogs.events import Event, shorten
from searchlogs.logs.border import Border, Outcome
from searchlogs.logs.csv import read_csv, read_tsv, write_csv, write_tsv
from searchlogs.logs.jsonl import read_json, write_jsonl
from searchlogs.logs.lines import Parsed, text_of
from searchlogs.logs.stores import PARQUET_BLOCKS, Address, open_place, place, size_read
from searchlogs.logs.ubi import write_ubi
from searchlogs.logs.words import COMPRESSED, ENDINGS, STDIN, format_of

if TYPE_CHECKING:
    from searchlogs.logs.sql import Query


class Read(NamedTuple):
    """A record as it was read, and what it gave."""

    file: str
    line: int
    raw: bytes
    outcome: Outcome
    lines: int = 1
    """Number of lines that it took; 0 if another record ends in the same line."""


def read_file(
    path: str,
    format: str,
    border: Border,
    watch: Callable[[int], None],
    *,
    backslash: bool = False,
) -> Iterator[Read]:
    """Read every record of a file, or of standard input.

    Args:
        path: The file, or `-`.
        format: jsonl, csv, tsv, parquet or ubi.
        border: Rules for reading the records.
        watch: Called with the number of bytes read since the last call.
        backslash: Whether cells of CSV and TSV have backslash escapes.

    Raises:
        OSError: The file cannot be read.
    """
    blocks = PARQUET_BLOCKS if format == "parquet" else 1
    with sys.stdin.buffer if path == STDIN else open_place(path, blocks) as file:
        before = 0
        if format == "ubi":  # JSON, unless the file's name says otherwise
            format = format_of(place(path)) or "jsonl"
        reader = READERS[format]
        if backslash and format in ESCAPED:
            reader = partial(ESCAPED[format], backslash=True)
        stream = file if format == "parquet" else text_of(path, file)
        for number, (line, raw, outcome, lines) in enumerate(reader(stream, border)):
            yield Read(path, line, raw, outcome, lines)
            # Parquet is read from its end.
            if path != STDIN and number % 1_000 == 0 and (here := file.tell()) > before:
                watch(here - before)
                before = here
        if path != STDIN:
            watch(size_read(path, file) - before)


def read_query(query: "Query", border: Border) -> Iterator[Read]:
    """Read every record of a query: its rows, numbered from 1.

    Raises:
        QueryFailed: The query fails.
    """
    from searchlogs.logs.parquet import records_of

    for row, raw, outcome, lines in records_of(query.batches(border), border):
        yield Read(query.name, row, raw, outcome, lines)


def write_log(events: Iterable[Event], path: str | Path, format: str | None = None) -> int:
    """Write a log file that `read_log` reads; the same events give the same bytes.

    The file gets its name, which another may have had, when it is complete. An error leaves
    nothing. Memory does not grow with the log.

    CSV and Parquet hold users as text. UBI has no records of results: they become part of their
    search's record, and get its time. For that they need its `query_id`, or must come before the
    user's next search. Others become impressions, which are not results.

    Args:
        events: The events.
        path: The file, or its address in a store. Text is compressed if its name ends in .gz or
            .zst.
        format: jsonl, csv, tsv, parquet or ubi; None goes by the file's name.

    Returns:
        The number of events written.

    Raises:
        ValueError: The name or a text is one that the format cannot hold.
        OSError: The file cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> from searchlogs.simulate import client_events
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "events.csv")
    ...     write_log(client_events(), path)
    ...     print(path.read_text().splitlines()[1])
    7
    search,1,2024-01-01T00:00:05.000Z,dogs,,,,
    """
    found = place(str(path))
    format = format or format_of(found)
    if isinstance(found, Address):
        found.check_bucket()
        with TemporaryDirectory() as folder:
            aside = Path(folder, found.name)
            number = write_log(events, aside, format)
            found.put(aside)
        return number
    path = found
    if format not in WRITERS:
        raise ValueError(
            f"{path}: unknown format; expected a name that ends in {ENDINGS}; "
            f"or set the format to one of {', '.join(WRITERS)}"
        )
    if format == "parquet" and path.suffix in COMPRESSED:
        raise ValueError(f"{path}: Parquet is compressed inside; remove the ending {path.suffix}")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}")
    written = count()
    part = path.with_name(f"{path.name}.part")
    try:
        with open(part, "wb") as file:
            counted = (event for event, _ in zip(events, written, strict=False))
            WRITERS[format](counted, file, path)
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, UnicodeEncodeError):
            text = error.object[max(0, error.start - 20) : error.end]
            raise ValueError(f"{path}: UTF-8 cannot encode the end of {shorten(text)}") from None
        raise
    return next(written)


def _read_parquet(stream: BinaryIO, border: Border) -> Iterator[Parsed]:
    from searchlogs.logs.parquet import read_parquet  # loads Arrow, which other formats do without

    return read_parquet(stream, border)


def _write_parquet(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    from searchlogs.logs.parquet import write_parquet

    write_parquet(events, file, path)


ESCAPED = {"csv": read_csv, "tsv": read_tsv}
"""Reader of each format whose cells can have backslash escapes."""

READERS: dict[str, Callable[[BinaryIO, Border], Iterator[Parsed]]] = {
    **ESCAPED,
    "jsonl": read_json,
    "parquet": _read_parquet,
}
"""Reader of each format."""

WRITERS: dict[str, Callable[[Iterable[Event], BinaryIO, Path], None]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "tsv": write_tsv,
    "parquet": _write_parquet,
    "ubi": write_ubi,
}
"""Writer of each format."""
