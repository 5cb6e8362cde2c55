"""What options of the command `run` make of a small foreign log."""

import io
import shlex
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from searchlogs.events import ClickResult, Event
from searchlogs.exercises._values import show
from searchlogs.logs.border import BadRecord, Ignored, Skipped
from searchlogs.logs.jsonl import from_json

LINES = (
    '{"uid": "a7", "ts": 1704110405.2, "action": "querySubmitted", "q": "dog beds"}',
    '{"uid": "a7", "ts": 1704110409.8, "action": "scroll"}',
    '{"uid": "a7", "ts": 1704110412.0, "action": "open", "doc": {"id": "bed-3", "rank": 3}}',
)
"""The log that `foreign_log` is about."""


class Refused(Exception):
    """The command does not accept the options; the message says why."""


def read_with(options: Any) -> list[tuple[Event, ...] | Ignored | Skipped | BadRecord]:
    """Return what each of LINES gives under these options of the command.

    Raises:
        Refused: If the command does not accept the options.
    """
    # The command is heavy, and most who import this file check another exercise.
    from searchlogs.command.cli import parser
    from searchlogs.command.words import border_of

    if not isinstance(options, str):
        raise Refused("they are not text")
    captured = io.StringIO()
    try:
        with redirect_stderr(captured), redirect_stdout(captured):
            words = ["run", "log.jsonl", "--out", "sessions.jsonl", *shlex.split(options)]
            border = border_of(parser().parse_args(words))
    except (Exception, SystemExit) as error:
        last = (captured.getvalue() or str(error)).strip().split("\n")[-1]
        raise Refused(last.removeprefix("python -m searchlogs run: error: ")) from None
    found: list[tuple[Event, ...] | Ignored | Skipped | BadRecord] = []
    for line in LINES:
        try:
            found.append(border.read(from_json(line.encode())))
        except BadRecord as bad:
            found.append(bad)
    return found


def what_came_out(options: Any) -> str:
    """Describe what the three lines give under these options."""
    try:
        found = read_with(options)
    except Refused as why:
        return f"the command stops: {why}"
    return "\n".join(map(_describe, found))


def _describe(outcome: tuple[Event, ...] | Ignored | Skipped | BadRecord) -> str:
    """Describe what became of one line."""
    match outcome:
        case BadRecord():
            return ": ".join(filter(None, ["rejected", outcome.field, outcome.reason]))
        case Ignored():
            return f"ignored: {outcome.kind}"
        case (ClickResult() as click,):
            return f"{show(click)}, position {click.position}"
        case (event,):
            return show(event)
    return show(outcome)
