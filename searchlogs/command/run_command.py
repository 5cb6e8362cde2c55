"""The command `run`: find the sessions and metrics of a log."""

import argparse
import glob
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from searchlogs.command.job import (
    ENGINES,
    LEAST_USERS,
    MAX_LATE,
    SNAPSHOTS,
    Job,
    Outputs,
    RunFailed,
)
from searchlogs.command.outlets import STDOUT, check_free, say, standard_output
from searchlogs.command.parsing import DURATION, FILE, LOCAL, add_quiet, local, share
from searchlogs.command.progress import show_progress
from searchlogs.command.recovery import Recovery
from searchlogs.command.report import check_report, write_report
from searchlogs.command.words import add_words, border_of
from searchlogs.durations import Windowing, check_duration, format_duration
from searchlogs.logs.log import Log
from searchlogs.logs.pseudonyms import load_key
from searchlogs.logs.stores import Address, Place, place
from searchlogs.logs.words import printable

if TYPE_CHECKING:
    from searchlogs.logs.sql import Query


def add_run(commands: Any) -> None:
    """Add the command to a parser's commands."""
    parser = commands.add_parser(
        "run",
        help="find the sessions and metrics of a log",
        usage="%(prog)s LOG ... --out FILE [options]",
        description="Cut a log into each user's sessions, and report what was clicked in each.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(do=_run)
    _add_sessions(parser)
    _add_recovery(parser.add_argument_group("a run that can be resumed"))
    _add_people(parser.add_argument_group("people behind the log"))
    add_words(parser.add_argument_group("words of the log, if they are not ours"))


EPILOG = """\
A record that cannot be read is a reject: it is counted, and kept with the reason. An event that
comes too long after newer ones of its user is late, and is kept too. The summary shows two sums, of
the records and of the events; if one does not hold, nothing is published.

Logs and outputs can be in a store: s3://bucket/key, gs://bucket/key or
abfs://container@account.dfs.core.windows.net/key. Credentials come from the variables that pyarrow
reads, such as AWS_ACCESS_KEY_ID or AWS_PROFILE; other settings from options in the address. Outputs
wait in TMPDIR until all of them are complete.

examples:
  %(prog)s events.jsonl --out sessions.parquet
  %(prog)s january/ --gap 10m --wait 5m --out january.csv
  %(prog)s ubi.ndjson --format ubi --kinds click=item_click --out sessions.csv
  %(prog)s log.csv --map user=uid,time=ts,event=action,query=q,item=doc \\
      --kinds search=querySubmitted,click=open --time-unit ms --out sessions.jsonl
  %(prog)s --sql events.sql --zone UTC --out sessions.parquet
  %(prog)s 'logs/*.csv.gz' -o sessions.csv.zst --quiet
  %(prog)s s3://logs/january/ --out s3://results/january.parquet
  %(prog)s 's3://logs/a.csv?endpoint_override=host:9000&scheme=http' --out a.csv
  zcat log.gz | %(prog)s - --format jsonl -o - | jq .ctr

keys of the object that --json prints (a rate is null if it is undefined, times are ISO 8601):
  sessions               all sessions
  sessions_searched      sessions with a search
  sessions_clicked       sessions with a click on a search's results
  session_events         events in sessions
  requests               search records; those with one query_id are one search
  searches               searches
  searches_clicked       searches with at least one click
  clicks                 clicks in sessions
  clicks_searched        clicks in sessions with a search
  orphan_clicks          clicks that belong to no search
  absent_query_clicks    orphan clicks that name a query which is not in their session
  ctr                    searches_clicked / searches
  mean_ctr               mean of the click-through rates of sessions with a search
  clicks_per_search      clicks_searched / searches
  session_ctr            sessions_clicked / sessions_searched
  records                gave_events + rejected + all of ignored + duplicates + framing
  gave_events            records that gave events
  rejected               records that could not be read
  reasons                number of rejects for each reason
  ignored                number of records of each kind that is no event
  duplicates             records that were dropped as repetitions
  framing                headers, blank lines, lines that name an index
  events                 session_events + late
  late                   late events
  late_share             late / events
  late_by_half           how late half of the late events were at most, in seconds
  late_by_all            how late all of them were at most, in seconds
  first, last            times of the earliest and the latest event
  lines                  lines that the records took, in formats that have lines
  activity               number of actions that only keep a session open, by name
  unread                 number of values that their kind of record does not use, by kind.field
  unmapped               fields of --map that are in no record
  passed_over            files in the folders that were not read
  apostrophes            cells that --spreadsheet changed
  outputs                path of each output, by kind

exit status: 0, done; 1, done, with more rejects than --max-rejects, or a larger share of late
events than --max-late; 2, failed; 130, interrupted."""


def _add_sessions(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    log = (
        "files; patterns of names; folders, searched recursively; or - for standard input: JSON "
        "Lines, CSV or Parquet, by their names; also .gz and .zst. Several files are merged by "
        "time, and at one time by kind: searches, results, clicks."
    )
    add("log", nargs="*", help=log)
    out = (
        "the sessions: .jsonl, .csv or .parquet; .jsonl and .csv also with .gz or .zst; late "
        "events and rejects go next to it; - for JSON Lines to standard output: the summary then "
        "goes to standard error, and late events and rejects are only counted."
    )
    add("-o", "--out", required=True, help=out, **FILE)
    sql = (
        "in place of files: a query, or a file with one (x.sql), whose columns are the fields. "
        "DuckDB runs it (extra sql), in memory, and fetches no extension that it does not ask for. "
        "Its order is that of the log; --recovery needs an order by without ties"
    )
    add("--sql", metavar="QUERY|FILE.sql", help=sql)
    add("--database", help="a DuckDB database that --sql queries, and only reads", **LOCAL)
    gap, wait = map(format_duration, (Windowing.gap, Windowing.wait))
    gap = f"longest pause within a session (default: {gap})"
    add("--gap", default=Windowing.gap, help=gap, **DURATION)
    wait = f"how far behind a user's newest event another may arrive (default: {wait})"
    add("--wait", default=Windowing.wait, help=wait, **DURATION)
    add("--searches", help="write one row per search too", **FILE)
    add("--report", help="write a report on the sessions too, a page: .html", **LOCAL)
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
    add("--max-late", type=share, default=MAX_LATE, metavar="SHARE", help=late)
    add_quiet(parser)
    add("--json", action="store_true", help="print the summary as a JSON object, with --quiet too")
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
    group.add_argument("--recovery", type=local, metavar="DIR", help=folder)
    often = f"time between two snapshots (default: {format_duration(SNAPSHOTS)})"
    group.add_argument("--snapshots", default=SNAPSHOTS, help=often, **DURATION)


def _add_people(group: Any) -> None:
    key = (
        "replace users by a hash with this key, and withhold what rejects held; "
        "the file is created if it does not exist"
    )
    group.add_argument("--pseudonymise", type=local, metavar="KEYFILE", help=key)
    queries = "write one row per query, with the rare ones in one row"
    group.add_argument("--queries", help=queries, **FILE)
    rare = "a query of fewer users is rare (default: %(default)s)"
    group.add_argument("--least-users", type=int, default=LEAST_USERS, metavar="K", help=rare)


def _run(options: argparse.Namespace) -> int:
    out = place(options.out)
    if out != STDOUT:
        return _run_to(out, options)
    if options.recovery:
        raise ValueError(
            "--recovery: expected --out with the name of a file, which a resumed run can replace; "
            "found -"
        )
    with TemporaryDirectory(prefix="searchlogs-") as folder:
        file = Path(folder, "sessions.jsonl")
        return _run_to(file, options, copy=file)


def _run_to(out: Place, options: argparse.Namespace, copy: Path | None = None) -> int:
    """Run a job whose sessions go to a file, which may then be copied to standard output."""
    job, finished = _job(out, options)

    from searchlogs.command.run import run_job
    from searchlogs.command.summary import report, to_json
    from searchlogs.logs.source import InputChanged

    with show_progress(job.log, options.quiet) as watch:
        try:
            summary = run_job(job, watch)
        except InputChanged as error:
            log = " ".join(options.log) or "--sql (does its order by leave ties?)"
            anew = f"to start over, use another folder than {job.recovery}"
            raise RunFailed(f"{log}: {error}; {anew}") from None
    is_kept = copy is None
    if copy is not None:
        with standard_output() as file, copy.open("rb") as rows:
            shutil.copyfileobj(rows, file)
    too_many = summary.tally.rejected > options.max_rejects or summary.late_share > job.max_late
    to = sys.stdout if is_kept else sys.stderr
    if options.json:
        say(to_json(job, summary, is_kept), to=to)
    elif too_many or not options.quiet:
        lines = map(printable, report(job, summary, is_kept))
        say(*[FINISHED] * finished, *lines, to=to)
    if options.report and isinstance(out, Path):
        rare, quiet = options.least_users, options.quiet
        write_report(out, options.report, job.log, job.windowing, rare, quiet)
    return 1 if too_many else 0


FINISHED = "This run had finished: at the end of its log every session was closed."


def _job(out: Place, options: argparse.Namespace) -> tuple[Job, bool]:
    """Return the job that the options describe, and whether its recovery folder had finished it."""
    if options.max_rejects < 0:
        raise ValueError(f"--max-rejects: expected 0 or more; found {options.max_rejects}")
    windowing = Windowing(options.gap, options.wait)
    if options.ahead is not None:
        check_duration("ahead", options.ahead)
    outputs = Outputs(
        out,
        None if options.searches is None else place(options.searches),
        None if options.queries is None else place(options.queries),
        every_session=options.all_sessions,
        least_users=options.least_users,
        spreadsheet=options.spreadsheet,
    )
    recovery = Recovery(options.recovery, outputs) if options.recovery else None
    finished = recovery is not None and recovery.finished
    foreign = [path for path in outputs.paths.values() if not (recovery and recovery.owns(path))]
    check_free(foreign, options.force, FINISHED * finished)
    if options.report:
        if isinstance(out, Address):
            raise ValueError(
                f"--report: expected --out on this machine, whose sessions it shows; found {out}"
            )
        check_report(options.report, options.force)
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
    return job, finished


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
        tuple(_matching(options.log)),
        border,
        options.format,
        once,
        key,
        backslash=options.backslash,
        sort=options.sort,
        ahead=options.ahead,
        query=_query(options.sql, options.database) if options.sql else None,
    )


def _matching(words: Iterable[str]) -> Iterator[str]:
    """Yield the paths that words stand for: files that match a pattern are sorted by name."""
    for word in words:
        if not word:  # as of a shell's variable that is not set; a path would be this folder
            raise ValueError("log: expected a path; found an empty word")
        is_there = os.path.exists(word)  # Path.exists raises if a name is too long
        if re.match(r"(?i)\s*(from|select|with)\s", word) and not is_there:
            query = printable(word, 60)
            raise ValueError(f"{query}: expected a path; a query is given as --sql QUERY")
        # A store lists its own files; a name that exists is no pattern, whatever is in it.
        if not glob.has_magic(word) or "://" in word or is_there:
            yield word
            continue
        found = sorted(glob.glob(word, recursive=True))
        if not found:
            raise ValueError(f"{word}: no file matches this pattern")
        yield from found


def _query(sql: str, database: Path | None) -> "Query":
    """Return the query that is given, or that the file holds."""
    from searchlogs.logs.sql import Query

    if not sql.endswith(".sql"):
        return Query(sql, database=database)
    return Query(Path(sql).read_text(encoding="utf-8-sig"), sql, database)
