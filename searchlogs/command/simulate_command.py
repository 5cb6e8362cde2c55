"""The command `simulate`: write a log to learn on."""

import argparse
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

from searchlogs.command.outlets import STDOUT, check_free, say, standard_output
from searchlogs.command.parsing import DURATION, FILE, add_quiet
from searchlogs.events import Event
from searchlogs.logs.stores import place
from searchlogs.logs.words import printable
from searchlogs.simulate import simulate


def add_simulate(commands: Any) -> None:
    """Add the command to a parser's commands."""
    parser = commands.add_parser(
        "simulate",
        help="make a log to learn on",
        description="Write what simulated users do: the same arguments give the same bytes.",
    )
    parser.set_defaults(do=_simulate)
    add = parser.add_argument
    out = (
        "the log; its name chooses the format: .jsonl, .csv or .parquet; .jsonl and .csv also with "
        ".gz or .zst; - for JSON Lines to standard output"
    )
    add("-o", "--out", required=True, help=out, **FILE)
    add("--users", type=int, default=40, help="(default: %(default)s)")
    add("--sessions", type=int, help="of all users together (default: 3 per user)")
    add("--hours", type=float, default=6, help="in which sessions begin (default: %(default)s)")
    add("--seed", type=int, default=0, help="another seed gives another log (default: %(default)s)")
    delay = "longest delay between an event and its arrival (default: 0s)"
    add("--disorder", default=timedelta(0), help=delay, **DURATION)
    late = "share of events that take 1 to 5 minutes longer still (default: %(default)s)"
    add("--late-share", type=float, default=0.0, metavar="SHARE", help=late)
    add("--format", choices=["ubi"], help="write OpenSearch UBI, queries and events")
    add("--force", action="store_true", help="overwrite the file if it exists")
    add_quiet(parser)


def _simulate(options: argparse.Namespace) -> int:
    out = place(options.out)
    check_free([out], options.force)
    if not 0 < options.hours < 1e6:
        raise ValueError(
            f"--hours: expected more than 0, and below a million; found {options.hours}"
        )
    events = simulate(
        users=options.users,
        sessions=3 * options.users if options.sessions is None else options.sessions,
        seed=options.seed,
        duration=timedelta(hours=options.hours),
        disorder=options.disorder,
        late_share=options.late_share,
        query_ids=options.format == "ubi",
    )
    if out == STDOUT:
        number = _write_to_standard_output(events, options.format)
    else:
        from searchlogs.logs.formats import write_log

        number = write_log(events, options.out, options.format)
    if not options.quiet:
        where = "standard output" if out == STDOUT else printable(str(out))
        to = sys.stderr if out == STDOUT else sys.stdout
        say(f"{number:,} events → {where}", to=to)
    return 0


def _write_to_standard_output(events: Iterator[Event], format: str | None) -> int:
    """Write events to standard output, and return their number."""
    from searchlogs.logs.formats import WRITERS

    written = count()
    with standard_output() as file:
        counted = (event for event, _ in zip(events, written, strict=False))
        WRITERS[format or "jsonl"](counted, file, STDOUT)
    return next(written)
