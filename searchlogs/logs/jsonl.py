"""JSON Lines, one object per line: a reader of its records, and a writer of events."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import jiter

from searchlogs.events import FIELDS, WORDS, Event, Results, shorten
from searchlogs.logs.border import BadRecord, Border, Outcome, Record, Skipped
from searchlogs.logs.lines import Parsed, read_lines, write_text


def from_json(raw: bytes) -> Record:
    """Parse a line of JSON Lines.

    Raises:
        BadRecord: The line holds no JSON object, or one with a key twice.
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
    why = re.sub(r" at line \d+ column (\d+)$", r", at byte \1", error)
    if error.startswith("EOF"):
        return f"truncated JSON: {why}"
    if b"\0" in raw:
        return f"not valid JSON: NUL byte, at byte {raw.index(0) + 1}"
    if place := re.fullmatch(r"expected value at line 1 column (\d+)", error):
        here = raw[int(place[1]) - 1 :][:80].decode(errors="replace")
        why += f"; found {shorten(here[:20])}"
    return f"not valid JSON: {why}"


def not_utf8(raw: bytes, error: UnicodeDecodeError) -> str:
    """Return the reason for rejecting bytes that are not UTF-8: the first wrong one, from 1."""
    return f"not valid UTF-8: byte 0x{raw[error.start]:02x} at {error.start + 1}"


def read_jsonl(stream: BinaryIO, border: Border) -> Iterator[Parsed]:
    """Return the records of a file of JSON Lines; empty lines are framing."""
    for line, raw, bad in read_lines(stream):
        outcome: Outcome
        if bad or not raw.strip():
            outcome = bad or Skipped.FRAMING
        else:
            try:
                outcome = border.read(from_json(raw.rstrip(b"\r\n")))
            except BadRecord as error:
                outcome = error
        yield line, raw, outcome


def event_record(event: Event) -> dict[str, object]:
    """Return an event as a record that JSON can hold, without the fields that are None.

    >>> from searchlogs.simulate import client_events
    >>> event_record(client_events()[2])
    {'event': 'click', 'user': 1, 'time': '2024-01-01T00:00:07.000Z', 'item': 'rover'}
    """
    record: dict[str, object] = {"event": WORDS[type(event)]}
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
