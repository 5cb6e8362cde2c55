"""The words of a log: its formats, units, and text that is safe to print."""

from pathlib import Path


def printable(text: str, longest: int | None = None) -> str:
    """Text that tells a terminal nothing: control characters escaped, cut after `longest`.

    >>> printable("a\\x1b[2J")
    'a\\\\x1b[2J'
    """
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if longest is None or len(text) <= longest else text[: longest - 1] + "…"


TIME_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
"""Microseconds in each unit that a log may count its times in."""

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".tsv": "csv"}
FORMATS |= {".parquet": "parquet"}
COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
STDIN = "-"


def beside(path: Path, what: str) -> Path:
    """Return the path of the JSON Lines file, such as that of the late events, next to an output.

    >>> beside(Path("week.parquet"), "late").name
    'week.late.jsonl'
    """
    return path.with_name(f"{path.stem}.{what}.jsonl")


def format_of(path: Path) -> str:
    """The format that a file's name says; empty where it says none."""
    name = path.with_suffix("") if path.suffix in COMPRESSED else path
    format = FORMATS.get(name.suffix, "")
    return "" if format == "parquet" and name is not path else format
