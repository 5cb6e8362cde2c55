"""The arguments that say how to read a log whose words are not ours."""

import argparse
from typing import TYPE_CHECKING, Any

from searchlogs.events import FIELDS, KINDS
from searchlogs.logs.times import Times
from searchlogs.logs.words import TIME_UNITS, printable

if TYPE_CHECKING:
    from searchlogs.logs.border import Border


def add_words(group: Any) -> None:
    """Add the arguments to a group of the parser."""
    add = group.add_argument
    formats = "instead of what the names say; ubi is OpenSearch User Behavior Insights"
    add("--format", choices=["jsonl", "csv", "tsv", "parquet", "ubi"], help=formats)
    names = (
        f"fields: {', '.join(FIELDS)}; a.b is b inside a, a|b the first of a and b that is there; "
        "in CSV items is a JSON array; id, with --drop-duplicates, is what a record that was "
        "delivered twice has twice"
    )
    add("--map", help=names, **WORDS)
    kinds = (
        f"kinds of event: {', '.join(KINDS)}; activity for actions that only keep a session open, "
        "activity=* for all others; else all others are then ignored, and counted"
    )
    add("--kinds", help=kinds, **WORDS)
    add("--time-unit", choices=list(TIME_UNITS), help="of times that are numbers, since 1970")
    zone = (
        "of times without an offset, such as Europe/Berlin; "
        "a time that occurred twice there, as clocks went back, is rejected"
    )
    add("--zone", help=zone)
    shape = "of times that are not ISO 8601, as Python's strptime reads it: %%d/%%m/%%Y %%H:%%M:%%S"
    add("--time-format", metavar="FORMAT", help=shape)
    top = "position of the topmost result (default: %(default)s)"
    add("--first-position", type=int, choices=[0, 1], default=1, help=top)
    add("--backslash", action="store_true", help="cells of CSV and TSV have backslash escapes")


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = [part.split("=", 1) for part in text.split(",")]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        found = printable(repr(text))
        raise argparse.ArgumentTypeError(f"expected ours=theirs,ours=theirs; found {found}")
    return [(ours, theirs) for ours, theirs in pairs]


WORDS: dict[str, Any] = {
    "type": _pairs,
    "action": "extend",
    "default": [],
    "metavar": "OURS=THEIRS,…",
}


def border_of(options: argparse.Namespace) -> "Border":
    """Return how to read the log, as the options describe it.

    Raises:
        ValueError: A word, a unit, a zone or a format is unknown, or a word is given twice.
    """
    # Before pydantic's core loads, which takes a while.
    Times(options.time_unit, options.zone, options.time_format)
    words: dict[str, Any] = {
        "fields": _once("--map", options.map),
        "zone": options.zone,
        "time_format": options.time_format,
        "first_position": options.first_position,
    }
    if options.kinds:
        words["kinds"] = _once("--kinds", [(theirs, ours) for ours, theirs in options.kinds])
    if options.time_unit:
        words["time_unit"] = options.time_unit
    if options.format == "ubi":
        from searchlogs.logs.ubi import Ubi

        return Ubi(**words)
    from searchlogs.logs.border import Border

    return Border(**words)


def _once(option: str, pairs: list[tuple[str, str]]) -> dict[str, str]:
    words = dict(pairs)
    for word, other in pairs:
        if words[word] != other:
            raise ValueError(f"{option}: {word} is given twice, as {other} and as {words[word]}")
    return words
