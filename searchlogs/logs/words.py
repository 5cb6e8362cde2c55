"""Names of a log's formats and units, and text that is safe to print."""

import sys
from typing import Protocol, Self, TypeVar


class Named(Protocol):
    """What has the name of a file: a path, or the address of a store's object."""

    @property
    def stem(self) -> str:
        """Return the name without its ending."""

    @property
    def suffix(self) -> str:
        """Return the ending of the name."""

    def with_name(self, name: str) -> Self:
        """Return the same with another name."""

    def with_suffix(self, suffix: str) -> Self:
        """Return the same with another ending."""


Place = TypeVar("Place", bound=Named)

# Before 3.11.5 Python goes on wrongly behind a possessive group (its issue 106052); a greedy one
# finds the same where no repetition can be read in two ways.
KEEPING = "+" if sys.version_info >= (3, 11, 5) else ""
"""Makes the repetition of a group in a pattern possessive: what it has, it never gives back."""


TIME_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
"""Microseconds in each unit of times that are numbers."""

FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
"""Format of a log file, by the ending of its name. TSV differs from CSV: it has no quoting."""

COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
"""Compression of a text file, by the ending that follows that of its format."""

ENDINGS = f"{', '.join(FORMATS)}, or one of these (but not .parquet) and {' or '.join(COMPRESSED)}"
"""Endings of the names of log files, for messages."""

STDIN = "-"
"""Path that stands for standard input."""


def beside(path: Place, what: str) -> Place:
    """Return the path of the JSON Lines file, such as that of the late events, next to an output.

    >>> from pathlib import Path
    >>> beside(Path("week.parquet"), "late").name
    'week.late.jsonl'
    """
    return path.with_name(f"{unpacked(path).stem}.{what}.jsonl")


def unpacked(path: Place) -> Place:
    """Return the path of a file without the ending of its compression.

    >>> from pathlib import Path
    >>> unpacked(Path("log.csv.gz")).name
    'log.csv'
    """
    return path.with_suffix("") if path.suffix in COMPRESSED else path


def format_of(path: Named) -> str:
    """Return the format that a file's name stands for, or an empty string if there is none.

    >>> from pathlib import Path
    >>> format_of(Path("log.csv.gz"))
    'csv'
    """
    name = unpacked(path)
    format = FORMATS.get(name.suffix, "")
    return "" if format == "parquet" and name is not path else format


def printable(text: str, longest: int | None = None) -> str:
    r"""Return text that cannot control a terminal, shortened to `longest` characters.

    >>> printable("a\x1b[2J")
    'a\\x1b[2J'
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if longest is None or len(text) <= longest else text[: longest - 1] + "…"
