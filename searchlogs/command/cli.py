"""The command line: `python -m searchlogs`, with `simulate` and `run`.

What is heavy is imported only when it is needed, so that help and wrong arguments are answered at
once, and so that a machine that lacks a package can be checked.
"""

import argparse
import io
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import searchlogs
from searchlogs.command.job import (
    ENGINES,
    LEAST_USERS,
    MAX_LATE,
    SNAPSHOTS,
    Job,
    Outputs,
    RunFailed,
)
from searchlogs.command.progress import show_progress
from searchlogs.command.recovery import Recovery
from searchlogs.command.words import add_words, border_of
from searchlogs.durations import Windowing, check_duration, format_duration, parse_duration
from searchlogs.logs.log import Log
from searchlogs.logs.pseudonyms import load_key
from searchlogs.logs.stores import Place, on_this_machine, place
from searchlogs.logs.words import printable
from searchlogs.simulate import simulate

if TYPE_CHECKING:
    from searchlogs.logs.sql import Query

OK, DONE_BUT, FAILED, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses; the second is for too many rejects or late events."""


def main(arguments: list[str]) -> int:
    """Run the command line; return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path in a message may hold anything
    try:
        try:
            return _answer(arguments)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:  # as of head, which has read enough
        _discard_output()
        return OK if arguments else 1  # a machine is ready only after the last check
    except OSError as error:
        _discard_output()
        print(f"searchlogs: the output could not be written: {error.strerror}", file=sys.stderr)
        return FAILED


def _discard_output() -> None:
    """Print nothing from now on. Python flushes once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _answer(arguments: list[str]) -> int:
    """Do what the command line asks for; return the exit status."""
    if not arguments:
        from searchlogs.command.check import check_machine

        return OK if check_machine() else 1
    options = parser().parse_args(arguments)
    try:
        return int(options.do(options))
    except KeyboardInterrupt:
        again = "; the same command resumes it" if getattr(options, "recovery", None) else ""
        print(f"\nsearchlogs: interrupted; the outputs are not complete{again}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except ImportError as error:
        message = f"{error}; run python -m searchlogs to check this machine"
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        message = name + (error.strerror or str(error))
    except (ValueError, TypeError, RunFailed) as error:
        message = str(error)
    print(f"searchlogs: {printable(message)}", file=sys.stderr)
    return FAILED


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(printable(message))  # a shell's * gives names of files as words


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *others: object) -> NoReturn:
        print(f"searchlogs {searchlogs.__version__}")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = _Parser(
        prog="python -m searchlogs",
        description="Without a command: check whether this machine is ready for the course.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    _add_simulate(commands)
    _add_run(commands)
    return parser


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _local(text: str) -> Path:
    try:
        return on_this_machine(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        found = printable(repr(text))
        raise argparse.ArgumentTypeError(
            f"expected a share from 0 to 1, such as 0.01; found {found}"
        )
    return share


# What arguments of one sort have in common.
FILE: dict[str, Any] = {"metavar": "FILE"}
LOCAL: dict[str, Any] = {"type": _local, "metavar": "FILE"}
DURATION: dict[str, Any] = {"type": _duration, "metavar": "DURATION"}


def _add_simulate(commands: Any) -> None:
    parser = commands.add_parser(
        "simulate",
        help="make a log to learn on",
        description="Write what simulated users do: the same arguments give the same bytes.",
        allow_abbrev=False,
    )
    parser.set_defaults(do=_simulate)
    add = parser.add_argument
    formats = ".jsonl, .csv or .parquet; .jsonl and .csv also with .gz or .zst"
    add("--out", required=True, help=f"the log; its name chooses the format: {formats}", **FILE)
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


def _simulate(options: argparse.Namespace) -> int:
    _check_free([place(options.out)], options.force)
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
    from searchlogs.logs.formats import write_log

    number = write_log(events, options.out, options.format)
    print(f"{number:,} events → {printable(str(options.out))}")
    return OK


def _add_run(commands: Any) -> None:
    parser = commands.add_parser(
        "run",
        help="find the sessions and metrics of a log",
        description="Cut a log into each user's sessions, and report what was clicked in each.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(do=_run)
    _add_sessions(parser)
    _add_recovery(parser.add_argument_group("a run that can be resumed"))
    _add_people(parser.add_argument_group("people behind the log"))
    add_words(parser.add_argument_group("words of the log, if they are not ours"))


EPILOG = """\
A record that cannot be read is a reject: it is counted, and kept with the reason. An event that
comes too long after newer ones of its user is late, and is kept too. The summary begins with two
sums, of the records and of the events; if one does not hold, nothing is published.

examples:
  python -m searchlogs run events.jsonl --out sessions.parquet
  python -m searchlogs run january/ --gap 10m --wait 5m --out january.csv
  python -m searchlogs run ubi.ndjson --format ubi --kinds click=item_click --out sessions.csv
  python -m searchlogs run log.csv --map user=uid,time=ts,event=action,query=q,item=doc \\
      --kinds search=querySubmitted,click=open --time-unit ms --out sessions.jsonl
  python -m searchlogs run --sql events.sql --zone UTC --out sessions.parquet
  python -m searchlogs run s3://logs/january/ --out s3://results/january.parquet
  python -m searchlogs run 's3://logs/a.csv?endpoint_override=host:9000&scheme=http' --out a.csv
  zcat log.gz | python -m searchlogs run - --format jsonl --out sessions.jsonl

exit status: 0, done; 1, done, with more rejects than --max-rejects, or a larger share of late
events than --max-late; 2, failed; 130, interrupted."""


def _add_sessions(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    log = (
        "files; folders, searched recursively; or - for standard input: JSON Lines, CSV or "
        "Parquet, by their names; also .gz and .zst. Several files are merged by time, and at one "
        "time by kind: searches, results, clicks. An address in a store is read too: "
        "s3://bucket/key, gs://bucket/key or abfs://container@account.dfs.core.windows.net/key. "
        "Credentials come from the variables that pyarrow reads, such as AWS_ACCESS_KEY_ID or "
        "AWS_PROFILE; other settings from options in the address"
    )
    add("log", nargs="*", help=log)
    sql = (
        "in place of files: a query, or a file with one (x.sql), whose columns are the fields. "
        "DuckDB runs it (extra sql), in memory, and fetches no extension that it does not ask for. "
        "Its order is that of the log; --recovery needs an order by without ties"
    )
    add("--sql", metavar="QUERY|FILE.sql", help=sql)
    add("--database", help="a DuckDB database that --sql queries, and only reads", **LOCAL)
    out = (
        "the sessions: .jsonl, .csv or .parquet; late events and rejects go next to it. For an "
        "address in a store, they wait in TMPDIR until all of them are complete"
    )
    add("--out", required=True, help=out, **FILE)
    gap, wait = map(format_duration, (Windowing.gap, Windowing.wait))
    gap = f"longest pause within a session (default: {gap})"
    add("--gap", default=Windowing.gap, help=gap, **DURATION)
    wait = f"how far behind a user's newest event another may arrive (default: {wait})"
    add("--wait", default=Windowing.wait, help=wait, **DURATION)
    add("--searches", help="write one row per search too", **FILE)
    every = "write sessions without a search too, their rates empty"
    add("--all-sessions", action="store_true", help=every)
    once = "drop an event that repeats another within the wait exactly"
    add("--drop-duplicates", action="store_true", help=once)
    sort = "read all records by time, as exports without an order need; ties likewise by kind"
    add("--sort", action="store_true", help=sort)
    ahead = "reject records that are more than this ahead of the records around them"
    add("--ahead", help=ahead, **DURATION)
    rejects = "with more rejects, the exit status is 1 (default: %(default)s)"
    add("--max-rejects", type=int, default=0, metavar="N", help=rejects)
    late = "with a larger share of late events, the exit status is 1 (default: %(default)s)"
    add("--max-late", type=_share, default=MAX_LATE, metavar="SHARE", help=late)
    cells = "put an apostrophe in front of CSV cells that a spreadsheet would take for formulas"
    add("--spreadsheet", action="store_true", help=cells)
    add("--force", action="store_true", help="overwrite outputs that exist")
    engine = (
        "columnar: many records at once; events: one by one, slower, with the same rows. "
        "--searches and --queries need events (default: columnar, if it can be)"
    )
    add("--engine", choices=ENGINES, help=engine)


def _add_recovery(group: Any) -> None:
    folder = "store the progress of the run there; the same command resumes a run that was stopped"
    group.add_argument("--recovery", type=_local, metavar="DIR", help=folder)
    often = f"time between two snapshots (default: {format_duration(SNAPSHOTS)})"
    group.add_argument("--snapshots", default=SNAPSHOTS, help=often, **DURATION)


def _add_people(group: Any) -> None:
    key = (
        "replace users by a hash with this key, and withhold what rejects held; "
        "the file is created if it does not exist"
    )
    group.add_argument("--pseudonymise", type=_local, metavar="KEYFILE", help=key)
    queries = "write one row per query, with the rare ones in one row"
    group.add_argument("--queries", help=queries, **FILE)
    rare = "a query of fewer users is rare (default: %(default)s)"
    group.add_argument("--least-users", type=int, default=LEAST_USERS, metavar="K", help=rare)


def _run(options: argparse.Namespace) -> int:
    if options.max_rejects < 0:
        raise ValueError(f"--max-rejects: expected 0 or more; found {options.max_rejects}")
    windowing = Windowing(options.gap, options.wait)
    if options.ahead is not None:
        check_duration("ahead", options.ahead)
    outputs = Outputs(
        place(options.out),
        None if options.searches is None else place(options.searches),
        None if options.queries is None else place(options.queries),
        every_session=options.all_sessions,
        least_users=options.least_users,
        spreadsheet=options.spreadsheet,
    )
    recovery = Recovery(options.recovery, outputs) if options.recovery else None
    finished = FINISHED if recovery and recovery.finished else ""
    foreign = [path for path in outputs.paths.values() if not (recovery and recovery.owns(path))]
    _check_free(foreign, options.force, finished)
    job = Job(
        log=_log(options).open(skip=outputs.paths.values()),
        outputs=outputs,
        windowing=windowing,
        max_late=options.max_late,
        engine=options.engine,
        recovery=options.recovery,
        snapshots=options.snapshots,
    )
    if recovery:
        recovery.check(job)

    from searchlogs.command.run import run_job
    from searchlogs.command.summary import report
    from searchlogs.logs.source import InputChanged

    with show_progress(job.log) as watch:
        try:
            summary = run_job(job, watch)
        except InputChanged as error:
            log = " ".join(options.log) or "--sql (does its order by leave ties?)"
            anew = f"to start over, use another folder than {job.recovery}"
            raise RunFailed(f"{log}: {error}; {anew}") from None
    _print([finished] * bool(finished) + [printable(line) for line in report(job, summary)])
    too_many = summary.tally.rejected > options.max_rejects or summary.late_share > job.max_late
    return DONE_BUT if too_many else OK


FINISHED = "This run had finished: at the end of its log every session was closed."


def _print(lines: Sequence[str]) -> None:
    try:
        print(*lines, sep="\n", flush=True)
    except BrokenPipeError:  # the outputs are complete, so this is no failure
        _discard_output()


def _log(options: argparse.Namespace) -> Log:
    """Return the log that the options describe."""
    if bool(options.log) == bool(options.sql):
        found = "both" if options.log else "neither"
        raise ValueError(f"log: expected files, or --sql with a query; found {found}")
    if options.sql is None and options.database is not None:
        raise ValueError("--database: expected with --sql, which alone reads it")
    if options.sql and (options.format or options.backslash):
        raise ValueError("--sql: expected without --format and --backslash, as it reads no text")
    border = border_of(options)
    if "id" in border.fields and not options.drop_duplicates:
        raise ValueError("--map id: expected with --drop-duplicates, which alone reads it")
    once = options.wait if options.drop_duplicates else None
    key = None if options.pseudonymise is None else load_key(options.pseudonymise)
    return Log(
        tuple(options.log),
        border,
        options.format,
        once,
        key,
        backslash=options.backslash,
        sort=options.sort,
        ahead=options.ahead,
        query=_query(options.sql, options.database) if options.sql else None,
    )


def _query(sql: str, database: Path | None) -> "Query":
    """Return the query that is given, or that the file holds."""
    from searchlogs.logs.sql import Query

    if not sql.endswith(".sql"):
        return Query(sql, database=database)
    return Query(Path(sql).read_text(encoding="utf-8-sig"), sql, database)


def _check_free(paths: Iterable[Place], force: bool, before: str = "") -> None:
    """Raise a ValueError if an output is a folder, or exists and must not be overwritten."""
    for path in paths:
        if path.is_dir():
            raise ValueError(f"{path}: is a folder; expected the name of a file")
        if path.exists() and not force:
            raise ValueError(f"{before} {path}: already exists; --force overwrites it".lstrip())
