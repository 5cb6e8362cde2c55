"""`python -m searchlogs simulate` and `run`: make a log, or run one."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from tqdm import tqdm

from searchlogs.command.check import check_machine
from searchlogs.command.options import ENGINES, LEAST_USERS, SNAPSHOTS
from searchlogs.command.publish import Unaccounted
from searchlogs.command.run import EngineFailed, Job, WrongFolder
from searchlogs.command.summary import report
from searchlogs.durations import Windowing, parse_duration
from searchlogs.events import FIELDS, KINDS
from searchlogs.logs.border import Border
from searchlogs.logs.flow import Watch
from searchlogs.logs.formats import write_log
from searchlogs.logs.log import Log, OpenLog
from searchlogs.logs.pseudonyms import load_key
from searchlogs.logs.source import InputChanged
from searchlogs.logs.ubi import Ubi
from searchlogs.logs.words import STDIN, TIME_UNITS, printable
from searchlogs.simulate import simulate

GOOD, TOO_MANY_REJECTS, COULD_NOT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: list[str]) -> int:
    """Run the command line; return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path in a message may hold anything
    if not arguments:
        return GOOD if check_machine() else 1
    options = parser().parse_args(arguments)
    try:
        return int(options.do(options))
    except KeyboardInterrupt:
        again = "; the same command goes on" if getattr(options, "recovery", None) else ""
        print(f"\nsearchlogs: interrupted; no output has its name yet{again}", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, TypeError, WrongFolder, InputChanged, EngineFailed, Unaccounted) as error:
        print(f"searchlogs: {printable(str(error))}", file=sys.stderr)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        print(f"searchlogs: {printable(name + (error.strerror or str(error)))}", file=sys.stderr)
    return COULD_NOT


T = TypeVar("T")


def _argument(read: Callable[[str], T], name: str) -> Callable[[str], T]:
    """A reader of one argument, whose own words argparse shows when it fails."""

    def parse(text: str) -> T:
        try:
            return read(text)
        except (ValueError, TypeError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    parse.__name__ = name
    return parse


_duration = _argument(parse_duration, "duration")


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = [part.split("=", 1) for part in text.split(",")]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise argparse.ArgumentTypeError(
            f"must be such as ours=theirs,ours=theirs; got {printable(repr(text))}"
        )
    return [(ours, theirs) for ours, theirs in pairs]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(printable(message))  # a shell's * gives names of files as words


def parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m searchlogs",
        description="Without a command: is this machine ready for the course?",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    _add_simulate(commands)
    _add_run(commands)
    return parser


def _add_simulate(commands: Any) -> None:
    parser = commands.add_parser(
        "simulate",
        help="make a log to learn on",
        description="Write what simulated users do: the same arguments, the same bytes.",
        allow_abbrev=False,
    )
    parser.set_defaults(do=_simulate)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FILE", help="its name says the format: .jsonl, "
        ".csv or .parquet; .jsonl and .csv also with .gz or .zst")  # fmt: skip
    add("--users", type=int, default=40, help="(default: %(default)s)")
    add("--sessions", type=int, help="of all users together (default: 3 a user)")
    add("--hours", type=float, default=6, help="in which sessions begin (default: %(default)s)")
    add("--seed", type=int, default=0, help="another seed, another log (default: %(default)s)")
    add("--disorder", type=_duration, default=timedelta(0), metavar="DURATION",
        help="events arrive up to so much after their time (default: 0s)")  # fmt: skip
    add("--late-share", type=float, default=0.0, metavar="SHARE",
        help="of events that take 1 to 5 minutes longer still (default: %(default)s)")  # fmt: skip
    add("--format", choices=["ubi"], help="write OpenSearch UBI, queries and events")
    add("--force", action="store_true", help="overwrite what is there")


def _simulate(options: argparse.Namespace) -> int:
    _check_free([options.out], options.force)
    if not 0 < options.hours < 1e6:
        raise ValueError(f"--hours must be more than 0; got {options.hours}")
    events = simulate(
        users=options.users,
        sessions=3 * options.users if options.sessions is None else options.sessions,
        seed=options.seed,
        duration=timedelta(hours=options.hours),
        disorder=options.disorder,
        late_share=options.late_share,
        query_ids=options.format == "ubi",
    )
    number = write_log(events, options.out, options.format)
    print(f"{number:,} events → {printable(str(options.out))}")
    return GOOD


def _add_run(commands: Any) -> None:
    parser = commands.add_parser(
        "run",
        help="sessions and metrics of a log",
        description="Cut a log into each user's sessions, and say what was clicked in each.",
        epilog="""\
A record that can't be read is a reject: it is counted, named, and kept with the reason. An event
that comes too long after newer ones of its user is late, and kept too. At the end two sums are
told: that of the records, and that of the events; where one doesn't hold, nothing is published.

examples:
  python -m searchlogs run events.jsonl --out sessions.parquet
  python -m searchlogs run january/ --gap 10m --wait 5m --out january.csv
  python -m searchlogs run ubi.ndjson --format ubi --kinds click=item_click --out sessions.csv
  python -m searchlogs run log.csv --map user=uid,time=ts,event=action,query=q,item=doc \\
      --kinds search=querySubmitted,click=open --time-unit ms --out sessions.jsonl
  zcat log.gz | python -m searchlogs run - --format jsonl --out sessions.jsonl

exit status: 0, done; 1, done, with more rejects than --max-rejects; 2, could not be done.""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(do=_run)

    add = parser.add_argument
    add("log", nargs="+", help="files, folders and those in them, or - for standard input: JSON "
        "Lines, CSV, Parquet, by their names; also .gz and .zst. Several are merged by "
        "time")  # fmt: skip
    add("--out", type=Path, required=True, metavar="FILE",
        help="sessions go there: .jsonl, .csv or .parquet; late events and rejects beside "
        "it")  # fmt: skip
    add("--gap", type=_duration, default=timedelta(minutes=30), metavar="DURATION",
        help="a longer pause ends a session (default: 30m)")  # fmt: skip
    add("--wait", type=_duration, default=timedelta(minutes=1), metavar="DURATION",
        help="an event may come so much after a newer one of its user (default: 1m)")  # fmt: skip
    add("--searches", type=Path, metavar="FILE", help="write a row a search too")
    add("--all-sessions", action="store_true", help="sessions without a search too, rates empty")
    add("--drop-duplicates", action="store_true",
        help="drop an event that repeats another within the wait exactly")  # fmt: skip
    add("--max-rejects", type=int, default=0, metavar="N", help="more than so many, and the exit "
        "status is 1 (default: %(default)s)")  # fmt: skip
    add("--force", action="store_true", help="overwrite outputs that are there")
    add("--recovery", type=Path, metavar="DIR",
        help="store there how far the run is: run again, it goes on from there")  # fmt: skip
    add("--snapshots", type=_duration, default=SNAPSHOTS, metavar="DURATION",
        help="store it so often (default: 10s)")  # fmt: skip

    add("--engine", choices=ENGINES, help="columnar, many records at once; or events, one by one: "
        "slower, the same rows. --searches and --queries need events (default: whichever it "
        "can be)")  # fmt: skip

    people = parser.add_argument_group("people behind the log")
    add = people.add_argument
    add("--pseudonymise", type=Path, metavar="KEYFILE",
        help="replace users by a hash with this key, and withhold what rejects held; a file that "
        "isn't there is made")  # fmt: skip
    add("--queries", type=Path, metavar="FILE",
        help="write a row a query, the rare ones in one row")  # fmt: skip
    add("--least-users", type=int, default=LEAST_USERS, metavar="K",
        help="a query of fewer users is rare (default: %(default)s)")  # fmt: skip

    words = parser.add_argument_group("words of the log, where they are not ours")
    add = words.add_argument
    add("--format", choices=["jsonl", "csv", "parquet", "ubi"],
        help="whatever the names say; ubi is OpenSearch User Behavior Insights")  # fmt: skip
    add("--map", type=_pairs, action="extend", default=[], metavar="OURS=THEIRS,…",
        help=f"fields: {', '.join(FIELDS)}; a.b is b inside a; in CSV items is a JSON "
        "array")  # fmt: skip
    add("--kinds", type=_pairs, action="extend", default=[], metavar="OURS=THEIRS,…",
        help=f"kinds of event: {', '.join(KINDS)}; then all others are ignored, and "
        "counted")  # fmt: skip
    add("--time-unit", choices=list(TIME_UNITS), help="of times that are numbers, since 1970")
    add("--zone", help="of times without an offset, such as Europe/Berlin; "
        "what happened twice there, as the clocks went back, is rejected")  # fmt: skip
    add("--first-ordinal", type=int, choices=[0, 1], help="where UBI's positions begin")


def _run(options: argparse.Namespace) -> int:
    if options.max_rejects < 0:
        raise ValueError(f"--max-rejects must be 0 or more; got {options.max_rejects}")
    border = border_of(options)
    once = options.wait if options.drop_duplicates else None
    key = None if options.pseudonymise is None else load_key(options.pseudonymise)
    job = Job(
        log=Log(tuple(options.log), border, options.format, once, key).open(),
        out=options.out,
        windowing=Windowing(options.gap, options.wait),
        searches=options.searches,
        queries=options.queries,
        least_users=options.least_users,
        every_session=options.all_sessions,
        engine=options.engine,
        recovery=options.recovery,
        snapshots=options.snapshots,
    )
    job.check_folder()
    finished = FINISHED if job.finished else ""
    try:
        _check_free(job.outputs.values(), options.force or job.publishing)
    except ValueError as error:
        raise ValueError(f"{finished} {error}".lstrip()) from None
    with _progress(job.log) as watch:
        try:
            summary = job.run(watch)
        except InputChanged as error:
            raise InputChanged(
                f"{' '.join(options.log)}: {error}; another folder than {job.recovery} starts anew"
            ) from None
    _say([finished] * bool(finished) + [printable(line) for line in report(job, summary)])
    return TOO_MANY_REJECTS if summary.tally.rejected > options.max_rejects else GOOD


def _say(lines: list[str]) -> None:
    try:
        print(*lines, sep="\n", flush=True)
    except BrokenPipeError:  # as of head: the outputs are whole, so this is no failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


FINISHED = "This run had finished: at the end of its log every session was closed."


def border_of(options: argparse.Namespace) -> Border:
    words: dict[str, Any] = {"fields": _once("--map", options.map), "zone": options.zone}
    if options.kinds:
        words["kinds"] = _once("--kinds", [(theirs, ours) for ours, theirs in options.kinds])
    if options.time_unit:
        words["time_unit"] = options.time_unit
    if options.format != "ubi":
        if options.first_ordinal is not None:
            raise ValueError("--first-ordinal says something of --format ubi alone")
        return Border(**words)
    if options.first_ordinal is not None:
        words["first_ordinal"] = options.first_ordinal
    return Ubi(**words)


def _once(option: str, pairs: list[tuple[str, str]]) -> dict[str, str]:
    words = dict(pairs)
    for word, other in pairs:
        if words[word] != other:
            raise ValueError(f"{option} says twice what {word} is: {other} and {words[word]}")
    return words


def _check_free(paths: Any, force: bool) -> None:
    for path in paths:
        if path.is_dir():
            raise ValueError(f"{path}: it is a folder")
        if path.exists() and not force:
            raise ValueError(f"{path}: it is there already; --force overwrites it")


@contextmanager
def _progress(log: OpenLog) -> Iterator[Watch]:
    """A line that tells how far a run is, on a terminal; else nothing."""
    size = sum(os.path.getsize(path) for path, _ in log.files if path != STDIN)
    events = sessions = 0
    # The engine's own file descriptor 2 is kept quiet meanwhile.
    with (
        open(os.dup(2), "w", encoding="utf-8") as terminal,
        tqdm(total=size, unit="B", unit_scale=True, file=terminal, disable=None) as bar,
    ):

        def watch(more_bytes: int, more_events: int, more_sessions: int) -> None:
            nonlocal events, sessions
            events += more_events
            sessions += more_sessions
            if more_bytes or more_events:
                seconds = bar.format_dict["elapsed"] if not bar.disable else 0
                speed = f"{events / seconds:,.0f}" if seconds else "?"
                bar.set_postfix_str(f"{speed} events/s, {sessions:,} sessions", refresh=False)
                bar.update(more_bytes)

        yield watch
