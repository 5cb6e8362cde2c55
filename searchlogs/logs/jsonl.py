"""JSON: a reader of its records, and a writer of events as JSON Lines, one object per line."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import jiter

from searchlogs.events import FIELDS, Event, Results, shorten
from searchlogs.logs.border import BadRecord, Border, Outcome, Record, Skipped
from searchlogs.logs.lines import Parsed, read_lines, write_text
from searchlogs.logs.outcomes import KIND_OF
from searchlogs.logs.values import Layout, find_layout, read_values


def from_json(raw: bytes) -> Record:
    """Parse a JSON object, such as a line of JSON Lines.

    Raises:
        BadRecord: The bytes hold no JSON object, or one with a key twice.
    """
    try:
        record = jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        raise BadRecord(None, _why_not_json(raw, str(error))) from None
    if isinstance(record, list):
        raise BadRecord(None, "a list, not an object (jq -c '.[]' splits it into lines of objects)")
    if not isinstance(record, dict):
        raise BadRecord(
            None, f'expected an object, such as {{"event": …}}; found a {type(record).__name__}'
        )
    return record


def _why_not_json(raw: bytes, error: str) -> str:
    try:
        raw.decode()
    except UnicodeDecodeError as wrong:
        return not_utf8(raw, wrong)
    if key := re.match('Detected duplicate key (".*")', error, re.DOTALL):
        return f"a key occurs twice; found {key[1]}"
    place = re.search(r" at line (\d+) column (\d+)$", error)
    why, byte = error, 0
    if place is not None:
        before = sum(map(len, raw.split(b"\n")[: int(place[1]) - 1])) + int(place[1]) - 1
        byte = before + int(place[2])
        why = f"{error[: place.start()]}, at byte {byte:d}"
    if error.startswith("EOF"):
        return f"truncated JSON: {why}"
    if b"\0" in raw:
        return f"not valid JSON: {nul(raw)}"
    if error.startswith("expected value") and byte:
        here = raw[byte - 1 :][:80].decode(errors="replace")
        why += f"; found {shorten(here[:20])}"
    return f"not valid JSON: {why}"


def not_utf8(raw: bytes, error: UnicodeDecodeError) -> str:
    """Return the reason for rejecting bytes that are not UTF-8: the first wrong one, from 1."""
    why = f"not valid UTF-8: byte 0x{raw[error.start]:02x} at {error.start + 1}"
    return f"{why}; {nul(raw)}" if b"\0" in raw else why


def nul(raw: bytes) -> str:
    """Return the reason for rejecting bytes that hold a NUL: its place, from 1."""
    return f"NUL byte, at byte {raw.index(0) + 1} (is it UTF-16 without a byte-order mark?)"


def read_json(stream: BinaryIO, border: Border) -> Iterator[Parsed]:
    """Return the records of a file of JSON: of JSON Lines, an array, or values in any layout."""
    layout, stream = find_layout(stream)
    if layout == "lines":
        return _read_jsonl(stream, border)
    return _read_values(stream, border, layout)


def _read_jsonl(stream: BinaryIO, border: Border) -> Iterator[Parsed]:
    """Return the records of a file of JSON Lines; empty lines are framing."""
    for number, raw, bad in read_lines(stream):
        yield number, raw, bad or read_line(raw, border), 1


def read_line(raw: bytes, border: Border) -> Outcome:
    """Return what a line of JSON Lines gives."""
    if not raw.strip():
        return Skipped.FRAMING
    try:
        return border.read(from_json(raw.rstrip(b"\r\n")))
    except BadRecord as error:
        return error


def _read_values(stream: BinaryIO, border: Border, layout: Layout) -> Iterator[Parsed]:
    """Return the records of a file of JSON in another layout; the array's `[` is framing."""
    for line, raw, size, bad, lines in read_values(stream, layout):
        outcome: Outcome
        if bad or not size:
            outcome = bad or Skipped.FRAMING
        else:
            try:
                outcome = border.read(from_json(raw[:size].rstrip()))
            except BadRecord as error:
                outcome = error
        yield line, raw, outcome, lines


def event_record(event: Event) -> dict[str, object]:
    """Return an event as a record that JSON can hold, without the fields that are None.

    >>> from searchlogs.simulate import client_events
    >>> event_record(client_events()[2])
    {'event': 'click', 'user': 1, 'time': '2024-01-01T00:00:07.000Z', 'item': 'rover'}
    """
    record: dict[str, object] = {"event": KIND_OF[type(event)]}
    for name in FIELDS[1:]:
        value = getattr(event, name, None)
        if value is not None:
            record[name] = value
    record["time"] = iso(event.time)
    if isinstance(event, Results):
        record["items"] = list(event.items)
    return record


def iso(time: datetime) -> str:
    """Return a time as browsers write it, always with milliseconds so that all look alike.

    >>> iso(datetime(2024, 1, 1, 0, 0, 5))
    '2024-01-01T00:00:05.000Z'
    """
    precision = "microseconds" if time.microsecond % 1000 else "milliseconds"
    return time.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def compact_json(value: object) -> str:
    """Return a value as JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write_jsonl(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    """Write events as JSON Lines, compressed if the ending of `path` says so."""
    write_text((compact_json(event_record(event)) + "\n" for event in events), file, path)
