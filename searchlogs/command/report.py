"""A report of sessions: one HTML file that can be forwarded.

It names no user, and no query that few people made.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import searchlogs
from searchlogs.command.job import LEAST_USERS, RunFailed
from searchlogs.command.outlets import check_free, say
from searchlogs.command.parsing import DURATION, LOCAL, add_quiet, local
from searchlogs.command.progress import show_progress
from searchlogs.command.words import add_words, border_of
from searchlogs.durations import Windowing, check_duration, format_duration
from searchlogs.logs.log import Log, OpenLog
from searchlogs.logs.stores import place
from searchlogs.logs.words import STDIN, printable

ENDINGS = (".html", ".htm")
"""Endings of the names of reports."""


def add_report(commands: Any) -> None:
    """Add the command `report` to a parser's commands."""
    parser = commands.add_parser(
        "report",
        help="show sessions on a page that can be forwarded",
        usage="%(prog)s sessions --out FILE [--log FILE ...] [options]",
        description="Write one HTML file about sessions, with figures. It needs no network.",
    )
    parser.set_defaults(do=_report)
    add = parser.add_argument
    add("sessions", type=local, help="the sessions that a run wrote: .jsonl, .csv or .parquet")
    add("-o", "--out", required=True, help="the report: .html", **LOCAL)
    log = "the log of these sessions, for the timeline, the pauses, the gap and the queries"
    add("--log", nargs="+", metavar="FILE", help=log)
    gap, wait = map(format_duration, (Windowing.gap, Windowing.wait))
    add("--gap", default=Windowing.gap, help=f"the run's gap (default: {gap})", **DURATION)
    add("--wait", default=Windowing.wait, help=f"the run's wait (default: {wait})", **DURATION)
    rare = "show no query of fewer users, and no hour (default: %(default)s)"
    add("--least-users", type=int, default=LEAST_USERS, metavar="K", help=rare)
    add_quiet(parser)
    add("--force", action="store_true", help="overwrite the report if it exists")
    words = parser.add_argument_group("how the run read the log, if --log is given")
    words.add_argument("--sort", action="store_true", help="records were sorted by time")
    words.add_argument("--drop-duplicates", action="store_true", help="they were dropped")
    words.add_argument("--ahead", help="records further ahead were rejected", **DURATION)
    add_words(words)


def _report(options: argparse.Namespace) -> int:
    check_report(options.out, options.force, options.least_users)
    windowing = Windowing(options.gap, options.wait)
    log = None
    if options.log:
        log = Log(
            tuple(options.log),
            border_of(options),
            options.format,
            once=options.wait if options.drop_duplicates else None,
            backslash=options.backslash,
            sort=options.sort,
            ahead=None if options.ahead is None else check_duration("ahead", options.ahead),
        ).open(skip=[options.out])
    sessions, out, quiet = options.sessions, options.out, options.quiet
    write_report(sessions, out, log, windowing, options.least_users, quiet)
    if not quiet:
        say(f"report → {printable(str(out))}")
    return 0


def check_report(out: Path, force: bool = False, least_users: int = LEAST_USERS) -> None:
    """Check that a report can be written, before anything takes long.

    Args:
        out: Where the report goes.
        force: Whether a file there may be overwritten.
        least_users: Fewest users of what is shown.

    Raises:
        ValueError: The name has another ending, the file or a folder of this name exists, its
            folder doesn't, or `least_users` is below 1.
        RunFailed: A package that reports need is not installed.
    """
    if out.suffix.lower() not in ENDINGS:
        raise ValueError(f"{out}: expected a report's name that ends in .html")
    if least_users < 1:
        raise ValueError(f"--least-users: expected 1 or more; found {least_users}")
    if not out.absolute().parent.is_dir():
        raise ValueError(f"{out}: the folder {out.parent} does not exist")
    check_free([out], force)
    try:
        import matplotlib
        import pandas

        _ = matplotlib, pandas
    except ImportError as error:
        raise RunFailed(
            f"a report needs {error.name}: install it with pip install 'searchlogs[course]'"
        ) from None


def write_report(
    sessions: Path,
    out: Path,
    log: OpenLog | None = None,
    windowing: Windowing | None = None,
    least_users: int = LEAST_USERS,
    quiet: bool = False,
) -> None:
    """Write a report of sessions. The same files give the same bytes.

    Args:
        sessions: The sessions, as a run wrote them, with its late events and rejects next to them.
        out: Where the report goes; a file there is overwritten.
        log: The log of the sessions; None shows what the sessions alone allow.
        windowing: The gap and the wait of the sessions; None: the defaults.
        least_users: Fewest users of a query or an hour that is shown.
        quiet: Whether no progress is shown.

    Raises:
        ValueError: The file of sessions is in no known format, or holds no session with a search;
            or the log does not give these sessions.
        OSError: A file cannot be read or written.
    """
    from searchlogs.command.report_page import document
    from searchlogs.command.report_sections import period

    if log is not None and any(path == STDIN for path, _ in log.files):
        log = None  # it can be read only once, and the run has read it
    if log is not None and out.resolve() in (Path(path).resolve() for path, _ in log.files):
        raise ValueError(f"{out}: cannot be the report, because it is the log")
    parts = _Parts(sessions, log, windowing or Windowing(), least_users, quiet)
    page = document(f"Search report, {period(parts.sums)}", parts)
    aside = out.with_name(f".{out.name}.part")
    try:
        aside.write_text(page, encoding="utf-8", newline="\n")
        aside.replace(out)
    except OSError as error:
        error.filename = os.fspath(out)
        raise
    finally:
        aside.unlink(missing_ok=True)


class _Parts:
    """The parts of a report, as HTML."""

    def __init__(
        self,
        sessions: Path,
        log: OpenLog | None,
        windowing: Windowing,
        least_users: int,
        quiet: bool,
    ) -> None:
        from searchlogs.command.report_data import losses_beside, read_log, sum_up

        self.sessions, self.windowing, self.least_users = sessions, windowing, least_users
        self.names = [place(path).name for path, _ in log.files] if log else []
        self.sums = sum_up(sessions)
        self.log = None
        if log is None:
            self.losses = losses_beside(sessions)
            return
        with show_progress(log, quiet) as watch:
            self.log = read_log(log, windowing, lambda size: watch(size, 0, 0))
        self.losses = self.log.losses
        found, expected = self.log.sums.counts, self.sums.counts
        if not self.sums.matches(self.log.sums):
            gap, wait = map(format_duration, (windowing.gap, windowing.wait))
            raise ValueError(
                f"{sessions}: not the sessions of this log, which with a gap of {gap} and a wait "
                f"of {wait} gives {found['sessions']:,} with {found['searches']:,} searches, where "
                f"the file has {expected['sessions']:,} with {expected['searches']:,}; give the "
                "options of the run"
            )

    def __iter__(self) -> Iterator[str]:
        """Yield the parts in their order."""
        from searchlogs.command import report_sampled as looks
        from searchlogs.command import report_sections as sections
        from searchlogs.command.report_page import paragraph, text

        yield f"<h1>Search report</h1>\n<p>{text(sections.period(self.sums))} (UTC)</p>"
        yield from sections.summary(self.sums)
        if self.log is None:
            yield paragraph(
                "This report was made from the sessions alone. With their log (--log), it also "
                "shows a timeline of a few users, the pauses between events, the click-through "
                "rate against the gap, and the queries worth mending."
            )
        elif len(self.log.sample):
            sampled = looks.Sampled(self.log, self.windowing, self.least_users)
            yield looks.users(sampled)
            yield looks.pauses(sampled)
            yield looks.gaps(sampled)
        else:
            yield paragraph("Each user has too many events for a look at single ones.")
        yield sections.hours(self.sums, self.least_users)
        if self.log is not None and len(self.log.sample):
            yield looks.queries(sampled)
        yield sections.losses(self.losses, self.log)
        yield f"<footer>\n{paragraph(self._source(), note=True)}\n</footer>"

    def _source(self) -> str:
        """Return what the report was made from."""
        from searchlogs.figures.page import plain, quantity

        made = f"Made by searchlogs {searchlogs.__version__} from {plain(self.sessions.name)}"
        if self.log is None:
            return f"{made}. No user is named."
        gap, wait = map(format_duration, (self.windowing.gap, self.windowing.wait))
        some = ", ".join(map(plain, self.names[:3])) + ", …" * (len(self.names) > 3)
        some = some or "the rows of a query"
        return (
            f"{made} and {some}, with a gap of {gap} and a wait of {wait}. No user is named, and "
            f"no query of fewer than {quantity(self.least_users, 'user')} is shown."
        )
