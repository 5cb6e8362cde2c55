"""The two commands, as a person meets them: what they print, what they refuse, how they end."""

import gzip
import io
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import MISSING, fields, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from searchlogs.command import cli as commands
from searchlogs.command import run as jobs
from searchlogs.command import simulate_command
from searchlogs.command.cli import main
from searchlogs.command.job import Job, Outputs
from searchlogs.command.publish import Summary
from searchlogs.command.summary import report
from searchlogs.command.words import border_of
from searchlogs.logs.border import Border
from searchlogs.logs.formats import write_log
from searchlogs.logs.log import Log
from searchlogs.logs.tally import Tally
from searchlogs.simulate import client_events, simulate

SEVEN = """\
sessions  2 with a search → s.jsonl
searches  2, 2 of them clicked; clicks 3
CTR       1.000 of all searches; mean of sessions 1.000
          1.500 clicks per search; 1.000 of sessions clicked
records   7 = 7 gave events
events    7 = 7 in 2 sessions
time      2024-01-01 00:00:05+00:00 to 2024-01-01 00:00:08+00:00
"""
SORT = "sort the log by time (--sort)"
BAD = '{"event":"search","user":1.5}\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with the tutorial's seven events."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    write_log(client_events(), "log.jsonl")
    return tmp_path


class Say:
    """What a command says, and how it ends."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self.capfd = capfd

    def __call__(self, command: str, *more: str) -> tuple[int, str, str]:
        try:
            status = main([*command.split(), *more])
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else -1
        return status, *self.capfd.readouterr()

    def refused(self, command: str, *more: str) -> str:
        """The line that says why not."""
        status, out, err = self(command, *more)
        assert (status, out) == (2, "")
        *usage, line = err.splitlines()
        if usage:  # argparse's own
            assert usage[0].startswith("usage: python -m searchlogs")
            return line.split(": error: ")[1]
        return line.removeprefix("searchlogs: ")


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Say:
    return Say(capfd)


def rows(path: str = "s.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def log(path: str, *records: dict[str, Any]) -> None:
    Path(path).write_text("".join(json.dumps(record) + "\n" for record in records))


# What a run says


def test_a_summary(say: Say, folder: Path) -> None:
    assert say("run log.jsonl --out s.jsonl") == (0, SEVEN, "")
    assert [(row["user"], row["clicks_per_search"], row["ctr"]) for row in rows()] == [
        *(("1", 1.0, 1.0), ("2", 2.0, 1.0)),
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        *("log.jsonl", "s.jsonl", "s.late.jsonl", "s.rejects.jsonl"),
    ]


ISO = (
    "expected an ISO 8601 timestamp with an offset, such as 2024-01-01T00:00:05Z "
    "(else set --time-format)"
)


def test_late_events_rejects_and_sessions_without_a_search(say: Say) -> None:
    user = {"user": "a", "query": "q"}
    log(
        "log.jsonl",
        {"event": "search", "time": "2024-01-01T12:00:00Z", **user},
        {"event": "search", "time": "2024-01-01T11:58:59.5Z", **user},
        {"event": "search", "time": "2024-01-01T11:50:00Z", **user},
        {"event": "search", "time": "2024-01-01T11:40:00Z", **user},
        {"event": "click", "time": "2024-01-01T12:00:00Z", "user": "b", "item": "x"},
        *({"event": name} for name in ("one", "two", "two")),
        *({"event": "search", "time": "2024-01-01T12:00:00Z", "query": n} for n in range(4)),
        {**user, "event": "search", "time": "noon"},
        {**user, "event": "search", "time": "2024-01-01T12:00:00"},
        {"user": "a"},
        {**user, "event": ["x"]},
    )
    assert say("run log.jsonl --out s.jsonl") == (
        1,
        f"""\
sessions  1 with a search → s.jsonl; 1 without
searches  1, 0 of them clicked; clicks 1, 1 of them an orphan, in a session without a search
CTR       0.000 of all searches; mean of sessions 0.000
          0.000 clicks per search; 0.000 of sessions clicked
records   16 = 5 gave events + 11 rejected
events    5 = 2 in 2 sessions + 3 late
time      2024-01-01 11:40:00+00:00 to 2024-01-01 12:00:00+00:00
late      3, 60.00% of events → s.late.jsonl
          a wait of 10m would have saved half of them, 20m all
          more than --max-late 0.01: {SORT}, or wait for all of them (--wait 20m)
rejects   11 → s.rejects.jsonl
          4 × user: missing
          3 × event: expected one of app_open, search, results, click
          1 × time: {ISO}
          1 × time: no UTC offset, such as Z or +01:00 (set --zone to the time zone of the log)
          1 × event: missing
          other reasons: 1
""",
        "",
    )
    assert [row["late_by"] for row in rows("s.late.jsonl")] == [0.5, 540.0, 1140.0]
    assert len(rows("s.rejects.jsonl")) == 11


def test_the_wait_that_it_advises_saves_them(say: Say) -> None:
    write_log(simulate(20, 100, seed=2, late_share=0.1), "log.jsonl")
    _, out, _ = say("run log.jsonl --out s.jsonl")
    number = len(rows("s.late.jsonl"))
    half, every = re.findall(r"(\S+) would have saved half of them, (\S+) all", out)[0]
    assert number > 10
    say(f"run log.jsonl --out s.jsonl --force --wait {half}")
    assert len(rows("s.late.jsonl")) <= number // 2
    _, out, _ = say(f"run log.jsonl --out s.jsonl --force --wait {every}")
    assert " late" not in out and "\nlate" not in out


def test_no_wait_is_advised_that_would_be_refused(say: Say) -> None:
    times = ["2024-01-01T10:00:00Z", "2024-01-01T09:00:00Z", "2199-01-01T00:00:00Z"]
    times.append("2024-01-01T10:00:01Z")
    log(
        "log.jsonl",
        *({"event": "search", "user": 1, "query": "q", "time": time} for time in times),
    )
    status, out, _ = say("run log.jsonl --out s.jsonl")
    assert (status, out.splitlines()[-3:]) == (
        1,
        [
            "          a wait of 1h would have saved half of them, no wait of up to 366d all",
            "          1 because user '1' was at 2199-01-01 00:00:00+00:00: "
            "if that is wrong, --ahead 1d sets such events aside",
            "          more than --max-late 0.01: sort the log by time (--sort)",
        ],
    )
    log(
        "log.jsonl",
        *({"event": "app_open", "user": 1, "time": time} for time in [times[2], *times[:2]]),
    )
    _, out, _ = say("run log.jsonl --out s.jsonl --force")
    assert "\n          no wait of up to 366d would have saved half of them\n" in out


def test_an_event_far_ahead_is_named_and_set_aside(say: Say) -> None:
    lines = Path("log.jsonl").read_text().splitlines(keepends=True)
    far = '{"event":"search","user":2,"query":"q","time":"2099-01-01T00:00:00Z"}\n'
    Path("log.jsonl").write_text("".join([*lines[:3], far, *lines[3:]]))
    for engine in ("", " --engine events"):
        status, out, _ = say(f"run log.jsonl --out s.jsonl --force{engine}")
        assert status == 1
        assert " because user '2' was at 2099-01-01 00:00:00+00:00: " in out
        status, out, _ = say(f"run log.jsonl --out s.jsonl --force --ahead 1d{engine}")
        assert status == 1 and " late" not in out
        assert "          1 × time: 75 years ahead of the records around it\n" in out
        assert rows("s.rejects.jsonl")[0]["line"] == 4
        run = f"run log.jsonl --out s.jsonl --force --ahead 1d --max-rejects 1{engine}"
        assert say(run)[0] == 0


@pytest.mark.parametrize("engine", ["columnar", "events"])
def test_max_late(say: Say, engine: str) -> None:
    at = "2024-01-01T12:0{}:00Z"
    times = ["5", "1", *["6"] * 98]  # 1 of 100, and the wait is a minute
    log("log.jsonl", *({"event": "app_open", "user": 1, "time": at.format(t)} for t in times))
    run = f"run log.jsonl --out s.jsonl --force --engine {engine}"
    status, out, _ = say(run)
    assert (status, "late      1, 1.00%" in out, "--max-late" in out) == (0, True, False)
    status, out, _ = say(f"{run} --max-late 0.009")
    assert (status, out.splitlines()[-1]) == (
        1,
        "          more than --max-late 0.009: "
        "sort the log by time (--sort), or wait for all of them (--wait 4m)",
    )
    assert say(f"{run} --max-late 0")[0] == 1
    assert say(f"{run} --max-late 1")[0] == 0
    status, out, _ = say(f"{run} --max-late 0 --sort")
    assert (status, " late" in out) == (0, False)
    status, out, _ = say(f"{run} --max-late 0 --wait 4m")
    assert (status, " late" in out) == (0, False)


def test_cells_for_a_spreadsheet_are_counted(say: Say) -> None:
    line = {"event": "search", "user": "-x", "query": "=1", "time": "2024-01-01T12:00:00Z"}
    log("log.jsonl", line, {**line, "query": "1"})
    run = "run log.jsonl --force --searches q.jsonl"
    assert "\ncells" not in say(f"{run} --out s.csv")[1]
    assert Path("s.csv").read_text().splitlines()[1].startswith("-x,")
    _, out, _ = say(f"{run} --out s.csv --spreadsheet")
    assert "\ncells     1 with an apostrophe for spreadsheets\n" in out
    assert Path("s.csv").read_text().splitlines()[1].startswith("'-x,")
    assert "csv" in say.refused(f"{run} --out s.jsonl --spreadsheet")


def a_tally(**counts: Any) -> Summary:
    found = {part.name: 0 for part in fields(Summary) if part.default is MISSING}
    given = {"late_by": None, "reasons": (), "tally": Tally(), **counts}
    return Summary(**{**found, **given})


def test_lines_of_what_others_count() -> None:
    """Those of zero are left out, as every other summary here shows."""
    border = Border(fields={"query_id": "qid", "user": "uid"})
    job = Job(Log(("log.jsonl",), border).open(), Outputs(Path("s.jsonl")))
    tally = Tally(
        records=1_200,
        lines=1_234,
        unread={"click.query": 1_234, "search.item": 1},
        mapped={"query_id": False, "user": True},
        activity={"filter": 2, "add_to_cart": 1_000},
    )
    counts = {"searches": 284, "requests": 473, "searches_clicked": 92}
    counts |= {"clicks": 120, "clicks_searched": 120, "orphan_clicks": 35}
    lines = list(report(job, a_tally(tally=tally, absent_query_clicks=20, **counts)))
    assert lines[6:10] == [
        "lines     1,234 in 1,200 records: some span lines",
        "activity  1,002 that keep sessions open: add_to_cart 1,000, filter 2",
        "unread    query on 1,234 click records, item on 1 search record",
        "mapped    'qid' (query_id) is in no record",
    ]
    assert lines[1] == (
        "searches  284 in 473 requests, 92 of them clicked; clicks 120, 35 of them orphans "
        "(20 of them name a query that is not there)"
    )
    counts["clicks_searched"] = 90
    assert list(report(job, a_tally(**counts)))[1].endswith(
        "35 of them orphans, 30 of these in sessions without a search"
    )
    counts["clicks_searched"] = 119
    assert list(report(job, a_tally(**counts)))[1].endswith(
        "35 of them orphans, 1 of these in a session without a search"
    )
    counts["clicks_searched"] = 85
    assert list(report(job, a_tally(**counts)))[1].endswith(
        "35 of them orphans, all in sessions without a search"
    )
    Path("log.csv").write_text("")
    job = Job(Log(("log.csv",)).open(), Outputs(Path("s.jsonl")))
    lines = list(report(job, a_tally(tally=Tally(records=9, lines=10))))
    assert lines[5] == "lines     10 in 9 records: quoted cells span lines"
    lines = list(report(job, a_tally(tally=Tally(records=9, lines=9))))
    assert not any(line.startswith(("lines", "unread", "mapped", "activity")) for line in lines)


def test_a_short_wait_is_advised_to_the_millisecond(say: Say) -> None:
    log(
        "log.jsonl",
        *(
            {"event": "app_open", "user": "a", "time": f"2024-01-01T12:00:0{second}Z"}
            for second in ("1", "0.9", "0.7501")
        ),
    )
    _, out, _ = say("run log.jsonl --out s.jsonl --wait 50ms")
    assert "a wait of 100ms would have saved half of them, 250ms all" in out
    say("run log.jsonl --out s.jsonl --wait 250ms --force")
    assert rows("s.late.jsonl") == []


def test_no_search_no_rate(say: Say) -> None:
    log("log.jsonl", {"event": "app_open", "user": 1, "time": "2024-01-01T12:00:00Z"})
    _, out, _ = say("run log.jsonl --out s.jsonl --all-sessions")
    assert "sessions  0 with a search, 1 without → s.jsonl\n" in out
    assert "searches  0\nCTR       undefined, as there is no search\nrecords" in out
    assert rows()[0]["ctr"] is None


def test_an_empty_log(say: Say) -> None:
    log("log.jsonl")
    status, out, _ = say("run log.jsonl --out s.csv")
    assert status == 0
    assert "\nrecords   0 = 0 gave events\nevents    0 = 0 in 0 sessions\n" in out
    assert "\ntime" not in out
    assert Path("s.csv").read_text().count("\n") == 1


def test_a_log_in_other_words_is_told_how_to_map_them(say: Say) -> None:
    time = "2024-01-01T12:00:00Z"
    foreign = {"action": "search", "uid": 1, "time": time}
    log("fields.jsonl", foreign)
    log("kinds.jsonl", {"event": "Search", "user": 1, "time": time})
    log("mixed.jsonl", foreign, {"event": "app_open", "user": 1, "time": time})
    log("times.jsonl", {"event": "app_open", "user": 1, "time": 1704110400})
    for name, is_told in (("fields", True), ("kinds", True), ("mixed", False), ("times", False)):
        status, out, _ = say(f"run {name}.jsonl --out {name}.csv")
        assert status == 1 and ("none gave an event: --map" in out) == is_told, out


def test_max_rejects(say: Say) -> None:
    with open("log.jsonl", "a") as file:
        file.write(BAD * 2)
    statuses = [say(f"run log.jsonl --out s{n}.csv --max-rejects {n}") for n in (0, 1, 2)]
    assert [status for status, _, _ in statuses] == [1, 1, 0]
    assert all("rejects   2 → s" in out for _, out, _ in statuses)
    assert say("run log.jsonl --out s.csv")[0] == 1
    assert Path("s.csv").exists()  # it finished


def test_gap_and_wait(say: Say) -> None:
    log(
        "log.jsonl",
        *(
            {"event": "search", "user": 1, "query": "q", "time": f"2024-01-01T{time}Z"}
            for time in ("12:00:00", "12:30:00", "13:00:01", "12:59:01", "12:59:00")
        ),
    )
    _, out, _ = say("run log.jsonl --out s.jsonl")
    assert "4 in 1 session + 1 late" in out  # defaults: 30m and 1m; 12:59:01 joins the two
    _, out, _ = say("run log.jsonl --out s.jsonl --force --gap 29m1s --wait 1h30m")
    assert "5 in 2 sessions\n" in out
    _, out, _ = say("run log.jsonl --out s.jsonl --force --gap 0s --wait 0s")
    assert "3 in 3 sessions + 2 late" in out


def test_searches_all_sessions_and_parquet(say: Say, folder: Path) -> None:
    write_log(simulate(20, 60, seed=2), "log.jsonl")
    status, out, _ = say("run log.jsonl --out s.parquet --searches q.csv --all-sessions")
    assert status == 0
    sessions = pq.read_table("s.parquet").to_pylist()
    assert len(sessions) == 60
    assert Path("q.csv").read_text().count("\n") == 1 + sum(row["searches"] for row in sessions)
    assert re.search(r"sessions  \d+ with a search, [1-9]\d* without → s.parquet", out)


# Words of the log


def test_map_kinds_and_time_unit(say: Say) -> None:
    Path("log.csv").write_text(
        "uid,ts,action,q,doc,n\n"
        "7,1704110400000,querySubmitted,dogs,,\n"
        "7,1704110405000,open,,x,2\n"
        "7,1704110406000,scroll,,,\n"
    )
    status, out, _ = say(
        "run log.csv --out s.jsonl --searches q.jsonl --map user=uid,time=ts,event=action "
        "--map query=q,item=doc,position=n --kinds search=querySubmitted,click=open --time-unit ms"
    )
    assert status == 0
    assert "4 = 2 gave events + 1 ignored + 1 framing\n" in out
    assert "          ignored: scroll 1\n" in out
    assert rows()[0]["start"] == "2024-01-01T12:00:00+00:00"
    assert rows("q.jsonl")[0]["ranks"] == [2]


@pytest.mark.parametrize(
    ("time", "option", "expected"),
    [
        ("2024-01-01T12:00:00", "--zone Europe/Berlin", "2024-01-01T11:00:00+00:00"),
        (1704110400, "--time-unit s", "2024-01-01T12:00:00+00:00"),
        (1704110400123456, "--time-unit us", "2024-01-01T12:00:00.123456+00:00"),
        ("1.1.2024,12", "--zone UTC --time-format %d.%m.%Y,%H", "2024-01-01T12:00:00+00:00"),
    ],
)
def test_times(say: Say, time: object, option: str, expected: str) -> None:
    log("log.jsonl", {"event": "search", "user": 1, "query": "q", "time": time})
    assert say("run log.jsonl --out s.jsonl")[0] == 1
    assert say(f"run log.jsonl --out s.jsonl --force {option}")[0] == 0
    assert rows()[0]["start"] == expected


def test_a_format_of_times_and_positions_from_0(say: Say) -> None:
    Path("log.csv").write_text(
        "event,user,time,query,item,position\n"
        "search,1,24/12/2024 18:00:00,dogs,,\n"
        "click,1,24/12/2024 18:00:05,,x,0\n"
    )
    run = "run log.csv --out s.jsonl --searches q.jsonl --force --first-position 0 --zone UTC"
    status, out, _ = say(run)
    assert (status, "--time-format" in out) == (1, True)
    assert say(run, "--time-format", "%d/%m/%Y %H:%M:%S")[0] == 0
    assert rows()[0]["start"] == "2024-12-24T18:00:00+00:00"
    assert rows("q.jsonl")[0]["ranks"] == [1]


def test_a_user_who_logs_in_and_a_record_that_is_delivered_twice(say: Say) -> None:
    first = {"event": "search", "query": "q", "time": "2024-01-01T12:00:00Z", "messageId": "m1"}
    again = {**first, "time": "2024-01-01T12:00:07Z"}
    late = {**first, "messageId": "m2", "userId": "u"}
    log("log.jsonl", *({"anonymousId": "a", **line} for line in (first, again, late)))
    run = "run log.jsonl --out s.jsonl --force --map user=userId|anonymousId"
    for engine in ("columnar", "events"):
        status, out, _ = say(f"{run} --engine {engine}")
        assert (status, [row["user"] for row in rows()]) == (0, ["a", "u"])
        assert "duplicates" not in out
        status, out, _ = say(f"{run} --engine {engine} --drop-duplicates --map id=messageId")
        assert (status, "+ 1 duplicates" in out) == (0, True)
        assert [row["searches"] for row in rows()] == [1, 1]
        status, out, _ = say(f"{run} --engine {engine} --drop-duplicates --map id=no")
        assert (status, "duplicates" in out) == (0, False)
        assert "\nmapped    'no' (id) is in no record\n" in out


def test_backslashes_in_cells(say: Say) -> None:
    Path("log.csv").write_text(
        'event,user,time,query\nsearch,1,2024-01-01T12:00:00Z,"5\\" pipe, red"\n'
    )
    assert say("run log.csv --out s.jsonl --searches q.jsonl")[0] == 1
    assert say("run log.csv --out s.jsonl --searches q.jsonl --force --backslash")[0] == 0
    assert rows("q.jsonl")[0]["query"] == '5" pipe, red'


def test_no_event_is_far_ahead_of_others_where_a_log_has_no_order(say: Say) -> None:
    events = simulate(60, 300, seed=1)
    shifted = [
        replace(event, time=event.time + timedelta(days=9 - n % 9))
        for n, event in enumerate(events)
    ]
    write_log(shifted, "log.jsonl")
    _, out, _ = say("run log.jsonl --out s.jsonl")
    assert "more than --max-late" in out and "because user" not in out
    _, out, _ = say("run log.jsonl --out s.jsonl --force --max-late 1")
    assert "because user" in out


def test_actions_that_keep_a_session_open(say: Say) -> None:
    at = "2024-01-01T12:{}:00Z"
    names = [("search", "00"), ("scroll", "20"), ("search", "40")]
    log(
        "log.jsonl",
        *({"event": n, "user": 1, "query": "q", "time": at.format(t)} for n, t in names),
    )
    run = "run log.jsonl --out s.jsonl --force --kinds"
    for engine in ("columnar", "events"):
        status, out, _ = say(f"{run} search=search --engine {engine}")
        assert (status, [row["events"] for row in rows()]) == (0, [1, 1])
        for kinds in ("search=search,activity=scroll", "search=search,activity=*"):
            status, out, _ = say(f"{run} {kinds} --engine {engine}")
            assert (status, [row["events"] for row in rows()]) == (0, [3])
            assert "\nactivity  1 that keep sessions open: scroll 1\n" in out


def test_what_a_record_has_and_its_kind_does_not_read(say: Say) -> None:
    line = {"event": "click", "user": 1, "query": "q", "item": "x", "time": "2024-01-01T12:00:00Z"}
    log("log.jsonl", line, line)
    for engine in ("columnar", "events"):
        _, out, _ = say(f"run log.jsonl --out s.jsonl --force --engine {engine}")
        assert "\nunread    query on 2 click records\n" in out


def test_lines_that_quoted_cells_span(say: Say) -> None:
    Path("log.csv").write_text(
        'event,user,time,query\nsearch,1,2024-01-01T12:00:00Z,"two\nlines"\n'
    )
    for engine in ("columnar", "events"):
        _, out, _ = say(f"run log.csv --out s.jsonl --force --engine {engine}")
        assert "\nlines     3 in 2 records: quoted cells span lines\n" in out


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_outputs_are_never_read_as_logs(say: Say, folder: Path, ending: str) -> None:
    (folder / "in").mkdir()
    shutil.move("log.jsonl", "in/log.jsonl")
    run = f"run in --out in/s.{ending} --searches in/q.{ending}"
    assert say(run)[0] == 0
    whole = {path.name: path.read_bytes() for path in Path("in").iterdir()}
    status, out, _ = say(f"{run} --force")
    assert (status, "= 7 gave events\n" in out) == (0, True)
    assert "\nfiles     4 passed over, hidden, of no format or of earlier runs: in/q" in out
    assert {path.name: path.read_bytes() for path in Path("in").iterdir()} == whole
    _, out, _ = say("run in --out t.jsonl")
    assert "= 7 gave events\n" in out


def test_ubi(say: Say) -> None:
    action = {"client_id": "c", "timestamp": 1704110401000, "query_id": "q1"}
    at = {"object": {"object_id": "x"}, "position": {"ordinal": 0}}
    log(
        "ubi.ndjson",
        {"index": {"_index": "ubi_queries"}},
        {"user_query": "dogs", "client_id": "c", "timestamp": 1704110400000, "query_id": "q1",
         "query_response_hit_ids": ["x", "y"]},
        {**action, "action_name": "item_click", "event_attributes": at},
        {**action, "action_name": "hover\x1b[31m"},
    )  # fmt: skip
    options = "run ubi.ndjson --format ubi --out s.jsonl --searches q.jsonl --force"
    status, out, _ = say(f"{options} --first-position 0 --kinds click=item_click")
    assert status == 0
    assert (
        "\nrecords   4 = 2 gave events + 1 ignored + 1 framing\n"
        "          ignored: hover\\x1b[31m 1\n"
        "events    3 = 3 in 1 session\n"
    ) in out
    assert rows("q.jsonl")[0]["ranks"] == [1]
    status, out, _ = say(f"{options} --kinds click=item_click --first-position 1")
    assert status == 1 and "--first-position 0" in out
    assert "2 ignored" in say(options)[1]


def test_many_ignored_kinds_cut_off_no_sum(say: Say) -> None:
    kinds = [f"{number:02} {'x' * 70}" for number in range(60)]
    log("log.jsonl", *({"event": kind} for kind in kinds))
    status, out, _ = say("run log.jsonl --out s.jsonl --kinds click=open")
    assert (status, out.splitlines()[3:5]) == (
        0,
        [
            "records   60 = 0 gave events + 60 ignored",
            f"          ignored: {', '.join(f'{kind} 1' for kind in kinds)}",
        ],
    )


def test_drop_duplicates(say: Say) -> None:
    Path("log.jsonl").write_text(Path("log.jsonl").read_text() * 2)
    assert "duplicates" not in say("run log.jsonl --out s.jsonl --force")[1]
    _, out, _ = say("run log.jsonl --out s.jsonl --force --drop-duplicates")
    assert "14 = 7 gave events + 7 duplicates\n" in out


# Where from


@pytest.mark.parametrize(
    "name", ["x.jsonl.gz", "x.jsonl.zst", "x.csv", "x.csv.gz", "x.tsv.zst", "x.parquet", "x.ndjson"]
)
def test_formats_by_name(say: Say, name: str) -> None:
    write_log(client_events(), name)
    status, out, err = say(f"run {name} --out s.jsonl")
    assert (status, err) == (0, "")
    changed = {"records   8 = 7 gave events + 1 framing": "records   7 = 7 gave events"}
    assert [changed.get(line, line) for line in out.splitlines()] == SEVEN.splitlines()


def test_a_format_whatever_the_name(say: Say) -> None:
    shutil.copy("log.jsonl", "log.txt")
    assert say("run log.txt --format jsonl --out s.jsonl") == (0, SEVEN, "")


def test_a_query_in_the_place_of_a_path(say: Say) -> None:
    long = f"select {'a, ' * 2_000} b from x"
    for query in ("select * from 'log.jsonl'", "\n WITH a AS (SELECT 1)\nSELECT *", long):
        words = say.refused("run -o s.csv", query)
        assert words.endswith(": expected a path; a query is given as --sql QUERY")
    shutil.copy("log.jsonl", "from here")
    assert say("run -o s.csv --format jsonl", "from here")[0] == 0


def test_a_folder_and_several_files(say: Say, folder: Path) -> None:
    events = client_events()
    (folder / "in").mkdir()
    write_log(events[::2], "in/a.jsonl")
    write_log(events[1::2], "in/b.csv.gz")
    (folder / "in" / "README").write_text("no log")
    (folder / "in" / "deep").mkdir()
    (folder / "in" / "b.csv.gz").rename(folder / "in" / "deep" / "b.csv.gz")
    _, out, _ = say("run in --out s.jsonl")
    lines = out.splitlines()
    assert lines.pop(6) == "files     1 passed over, hidden or of no format: in/README"
    wanted = SEVEN.replace("7 = 7 gave events", "8 = 7 gave events + 1 framing")
    assert lines == wanted.splitlines()
    assert say.refused("run in/a.jsonl in --out t.jsonl").startswith("in/a.jsonl: given twice")
    _, out, _ = say("run in/deep/b.csv.gz in/a.jsonl --out s.jsonl --force")
    assert out == wanted


def test_standard_input(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    def pipe(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))

    pipe(Path("log.jsonl").read_bytes())
    assert say("run - --format jsonl --out s.jsonl") == (0, SEVEN, "")
    words = say.refused("run - --out t.jsonl")
    assert "standard input" in words and "--format" in words
    words = say.refused("run - --format jsonl --out t.jsonl --recovery r")
    assert "standard input" in words and "--recovery" in words
    pipe(Path("log.jsonl").read_bytes() + BAD.encode())
    assert say("run - --format jsonl --out t.jsonl")[0] == 1
    assert rows("t.rejects.jsonl")[0]["file"] == "-"


# What is refused


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("wrong", "unknown command wrong; expected run, "),
        ("simulat", "unknown command simulat; did you mean simulate?"),
        ("rum log.jsonl", "unknown command rum; did you mean run?"),
        ("--wrong", "unknown option --wrong; --help lists all options"),
        ("--versoin", "unknown option --versoin; did you mean --version?"),
        ("-x", "the following arguments are required: command"),
        ("check now", "unrecognized arguments: now"),
        ("check --gap 1s", "unknown option --gap; --help lists all options"),
        ("course", "the following arguments are required: DIR"),
        ("course log.jsonl", "log.jsonl: is a file; expected the name of a folder"),
        ("run", "the following arguments are required: -o/--out"),
        ("run log.jsonl", "the following arguments are required: -o/--out"),
        ("run log.jsonl --output s.csv", "unknown option --output; did you mean --out?"),
        ("run log.jsonl --out s.csv --gaps=10m", "unknown option --gaps; did you mean --gap?"),
        ("run log.jsonl --out s.csv --wai 1m", "unknown option --wai; did you mean --wait?"),
        ("run log.jsonl --out s.csv --max 1", "unknown option --max; did you mean --max-rejects o"),
        ("run log.jsonl -o s.csv -z", "unrecognized arguments: -z"),
        ("run no*.jsonl --out s.csv", "no*.jsonl: no file matches"),
        ("run log.jsonl --out s.parquet.zst", "s.parquet.zst: Parquet is compressed inside"),
        ("run log.jsonl --out s.gz", "s.gz: expected a name that ends in .jsonl, .csv, "),
        ("run log.jsonl --out - --recovery r", "--recovery: expected --out with the name of a f"),
        ("run log.jsonl --out - --searches -", "-: expected a name that ends in"),
        ("run log.jsonl --out - --spreadsheet", "spreadsheet: "),
        ("run log.jsonl --output-file s.csv", "unknown option --output-file; did you mean --out?"),
        ("simulate --user 3 --out x.csv", "unknown option --user; did you mean --users?"),
        ("run log.jsonl --out s.csv --gap 10", "argument --gap: "),
        ("run log.jsonl --out s.csv --gap -1s", "argument --gap: expected one argument"),
        ("run log.jsonl --out s.csv --gap 400d", "gap"),
        ("run log.jsonl --out s.csv --wait 400d", "wait"),
        ("run log.jsonl --out s.csv --gap 9999999999d", "argument --gap: "),
        ("run log.jsonl --out s.csv --max-rejects few", "argument --max-rejects: invalid int"),
        (
            "run log.jsonl --out s.csv --max-rejects -1",
            "--max-rejects: expected 0 or more; found -1",
        ),
        ("run log.jsonl --out s.csv --max-late few", "argument --max-late: expected a share"),
        ("run log.jsonl --out s.csv --max-late 1.1", "argument --max-late: expected a share"),
        ("run log.jsonl --out s.csv --max-late nan", "argument --max-late: expected a share"),
        ("run log.jsonl --out s.csv --max-late=-0.1", "argument --max-late: expected a share"),
        ("run log.jsonl --out s.csv --ahead 10", "argument --ahead: "),
        ("run log.jsonl --out s.csv --ahead 400d", "ahead: "),
        ("run log.jsonl --out s.csv --sort yes --force", "unrecognized arguments: yes"),
        ("run log.jsonl --out s.jsonl --spreadsheet", "spreadsheet: "),
        ("run log.jsonl --out s.csv --least-users 0", "least_users: "),
        ("run log.jsonl --out s.csv --format xml", "argument --format: invalid choice: 'xml'"),
        ("run log.jsonl --out s.csv --time-unit ns", "argument --time-unit: invalid choice: 'ns'"),
        ("run log.jsonl --out s.csv --zone Mars", "zone"),
        ("run log.jsonl --out s.csv --map user", "argument --map: expected ours=theirs,"),
        ("run log.jsonl --out s.csv --map =x", "argument --map: expected ours=theirs,"),
        ("run log.jsonl --out s.csv --map uid=user", "field"),
        ("run log.jsonl --out s.csv --kinds open=click", "kind"),
        (
            "run log.jsonl --out s.csv --first-ordinal 0",
            "unknown option --first-ordinal; did you mean --first-position?",
        ),
        ("run log.jsonl --out s.csv --first-position 2", "argument --first-position: invalid ch"),
        ("run log.jsonl --out s.csv --first-position x", "argument --first-position: invalid int"),
        ("run log.jsonl --out s.csv --time-format noon", "time format: "),
        ("run log.jsonl --out s.csv --backslash", "backslash: expected a log in CSV or TSV"),
        ("run log.jsonl --out s.csv --map id=messageId", "--map id: expected with --drop-dupl"),
        ("run log.jsonl --out s.csv --kinds click=*", "kind: "),
        ("run log.jsonl --out s.csv --map session=sid", "field: "),
        ("run no.jsonl --out s.csv", "no.jsonl: No such file or directory"),
        ("run log.txt --out s.csv", "log.txt: No such file or directory"),
        ("run . --out s", "s: expected a name that ends in .jsonl, "),
        ("run log.jsonl --out s.xlsx", "s.xlsx: expected a name that ends in .j"),
        ("run log.jsonl --out no/s.csv", "no/s.csv: the folder no does not exist"),
        ("run log.jsonl --out log.jsonl --force", "log.jsonl: cannot be an output"),
        ("run log.jsonl --out s.csv --searches s.csv", "s.csv: two outputs"),
        ("run log.jsonl --out r/s.csv --recovery .", "r/s.csv: the folder r does not exist"),
        ("run log.jsonl --out s.csv --recovery .", "s.csv: cannot be in the recovery folder"),
        ("run log.jsonl --out s.csv --recovery log.jsonl", "log.jsonl: File exists"),
        ("run . --out s.csv --recovery r", "r: cannot be in ."),
        ("run log.jsonl --out s.csv --map user=a,time=t,user=b", "--map: user is given twice"),
        ("run log.jsonl --out s.csv --kinds click=a --kinds search=a", "--kinds: a is given twice"),
        ("simulate", "the following arguments are required: -o/--out"),
        ("simulate --out x", "x: "),
        ("simulate --out x.parquet.gz", "x.parquet.gz: "),
        ("simulate --out no/x.jsonl", "no/x.jsonl: "),
        ("simulate --out x.jsonl --users 0", "users"),
        ("simulate --out x.jsonl --users many", "argument --users: invalid int value: 'many'"),
        ("simulate --out x.jsonl --sessions -1", "sessions"),
        ("simulate --out x.jsonl --hours 0", "--hours: expected more than 0"),
        ("simulate --out x.jsonl --hours nan", "--hours: expected more than 0"),
        ("simulate --out x.jsonl --hours inf", "--hours: expected more than 0"),
        ("simulate --out x.jsonl --late-share 2", "late_share"),
        ("simulate --out x.jsonl --late-share nan", "late_share"),
        ("simulate --out x.jsonl --disorder 1", "argument --disorder: "),
        ("simulate --out x.jsonl --format csv", "argument --format: invalid choice: 'csv'"),
    ],
)
def test_refused(say: Say, folder: Path, command: str, words: str) -> None:
    assert say.refused(command).startswith(words)
    assert [path.name for path in folder.iterdir()] == ["log.jsonl"]


def test_a_word_that_is_empty_is_refused(say: Say) -> None:
    assert say.refused("run --out s.csv", "") == "log: expected a path; found an empty word"
    assert say.refused("", "").startswith("unknown command ; expected run, ")


def test_what_is_there_is_not_overwritten(say: Say) -> None:
    for name in ("s.csv", "q.csv", "s.late.jsonl", "s.rejects.jsonl"):
        Path(name).write_text("mine")
        words = say.refused("run log.jsonl --out s.csv --searches q.csv")
        assert words.startswith(f"{name}: ") and "--force" in words
        assert Path(name).read_text() == "mine"
        assert say("run log.jsonl --out s.csv --searches q.csv --force")[0] == 0
        assert Path(name).read_text() != "mine"
        for path in ("s.csv", "q.csv", "s.late.jsonl", "s.rejects.jsonl"):
            Path(path).unlink()
    Path("s.csv").mkdir()
    for force in ("", " --force"):
        assert "is a folder" in say.refused(f"run log.jsonl --out s.csv{force}")


def test_a_failure_leaves_what_was_there(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("s.csv").write_text("mine")

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jobs, "publish", full)
    assert say.refused("run log.jsonl --out s.csv --force") == "No space left on device"
    assert Path("s.csv").read_text() == "mine"


@pytest.mark.parametrize("command", ["", "run ", "simulate ", "course ", "check "])
def test_help(say: Say, command: str) -> None:
    status, out, err = say(f"{command}--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: python -m searchlogs {command}")
    assert max(map(len, out.splitlines())) <= 110
    for word in {
        "": ["simulate", "run", "course", "check", "ready"],
        "course ": ["DIR", "notebooks"],
        "check ": ["ready"],
        "run ": ["exit status: 0, done; 1,", "examples:", "--recovery", "10s", "30m", "ubi"],
        "simulate ": ["--users", "--late-share", ".zst", "same bytes"],
    }[command]:
        assert word in out


def test_every_example_of_the_help_is_understood(say: Say) -> None:
    _, text, _ = say("run --help")
    examples = re.findall(r"python -m searchlogs (run .*)", text.replace("\\\n", " ")[100:])
    assert len(examples) == 9
    for example in examples:
        border_of(commands.parser().parse_args(shlex.split(example.partition(" |")[0])))


# What a log or a name holds is not for the terminal


def test_no_control_character_reaches_the_terminal(say: Say) -> None:
    evil = "\x1b[31m\x07\x9b\u202e\r\b"
    name = f"e{evil}l"
    log(
        f"{name}.jsonl",
        {"event": "search", "user": evil, "query": evil, "time": "2024-01-01T12:00:00Z"},
        {"event": "search", "user": evil, "query": evil, "time": "2024-01-01T10:00:00Z"},
        {"event": evil, "user": "b", "time": "2024-01-01T12:00:00Z"},
        {"event": "click", "user": "b", "time": evil},
        {"event": "click", "user": "b", evil: 1, "time": "2024-01-01T12:00:00Z", "item": [evil]},
        {"event": evil + "more"},
    )
    with open(f"{name}.jsonl", "ab") as file:
        file.write(b'{"\x1b[31m": \x1b[31m}\n{"a": "\xff\x1b"}\n')
    said = [
        say("run", f"{name}.jsonl", "--out", f"{name}.csv"),
        say("run", f"{name}.jsonl", "--out", f"{name}.csv"),
        say("run", f"{name}.jsonl", "--out", "t.csv", "--kinds", f"search=search,click={evil}"),
        say("run", f"{name}.jsonl", "--out", "t.csv", "--kinds", f"{evil}=x"),
        say("run", f"{name}.jsonl", "--out", "t.csv", "--map", f"{evil}=x"),
        say("run", f"{name}.jsonl", "--out", "t.csv", "--map", evil),
        say("run", f"{name}.jsonl", "--out", "t.csv", "--gap", evil),
        say("run", f"{name}.jsonl", "--out", "t.csv", "--zone", evil),
        say("run", f"{name}.jsonl", "--out", "t.csv", "--format", evil),
        say("run", f"{name}.jsonl", "--out", "t.csv", "--max-rejects", evil),
        say("run", f"{name}.jsonl", "--out", "t.csv", f"--{evil}"),
        say("run", f"no{name}.jsonl", "--out", "t.csv"),
        say("run", "log.jsonl", "--out", f"{evil}/t.csv"),
        say("run", "log.jsonl", "--out", f"t{evil}"),
        say("run", "log.jsonl", "--out", "u.csv", "--recovery", f"{name}.jsonl"),
        say("simulate", "--out", f"{name}.jsonl"),
        say("simulate", "--out", f"more{name}.jsonl"),
        say("simulate", "--out", f"t{evil}"),
        say(evil),
    ]
    assert [status for status, _, _ in said] == [1, 2, 1, *[2] * 13, 0, 2, 2]
    for _, out, err in said:
        text = (out + err).replace("\n", "")
        assert text and text.isprintable(), text
    assert "e\\x1b[31m\\x07\\x9b\\u202e\\r\\x08l.csv" in said[0][1]


# The other way to begin: as a process


def searchlogs(*arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "searchlogs", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, **more)


def test_a_process_with_a_pipe_and_no_utf_8(folder: Path) -> None:
    write_log(client_events(), "log.jsonl.gz")
    lines = gzip.decompress(Path("log.jsonl.gz").read_bytes()) + BAD.encode()
    poor = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = searchlogs("run", "-", "--format", "jsonl", "--out", "s.jsonl", input=lines, env=poor)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"sessions  2 with a search \\u2192 s.jsonl\n" in done.stdout


@pytest.mark.parametrize("flags", [[], ["-u"]])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("run log.jsonl --out s.jsonl", 0),
        ("simulate --out x.jsonl", 0),
        ("run --help", 0),
        ("--version", 0),
        ("run no.jsonl --out s.jsonl", 2),
    ],
)
def test_who_has_read_enough_stops_nothing(
    folder: Path, flags: list[str], arguments: str, status: int
) -> None:
    command = [sys.executable, *flags, "-m", "searchlogs", *arguments.split()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), err.count(b"\n")) == (status, status // 2)
    assert b"Traceback" not in err and b"ignored" not in err
    if arguments.startswith("run log"):
        assert len(rows()) == 2


def test_a_check_that_nobody_reads_to_its_end_is_silent(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("searchlogs.command.check.check_machine", broken)
    discarded: list[object] = []
    monkeypatch.setattr(commands, "discard", discarded.append)
    assert (main([]), main(["check"]), discarded) == (1, 1, [sys.stdout] * 2)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device")
def test_an_output_that_cannot_be_written_is_one_line(folder: Path) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "searchlogs", "--version"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"No space left" in done.stderr


def test_a_broken_recovery_is_one_line(say: Say) -> None:
    """A panic of the engine, which writes to the file descriptor and is no Exception."""
    assert say("run log.jsonl --out s.jsonl --recovery r")[0] == 0
    Path("r/state/part-0.sqlite3").write_bytes(b"nonsense" * 999)
    done = searchlogs("run", "log.jsonl", "--out", "t.jsonl", "--recovery", "r")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == (
        b"searchlogs: the engine gave up: file is not a database; its state is in r/state\n"
    )
    assert not Path("t.jsonl").exists()


def test_a_recovery_of_another_log_says_so(say: Say) -> None:
    run = "run log.jsonl --out s.jsonl --force --recovery r"
    assert say(run)[:2] == (0, SEVEN)
    finished = "This run had finished: at the end of its log every session was closed.\n"
    assert say(run) == (0, finished + SEVEN, "")
    assert say("run log.jsonl --out s.jsonl --recovery r") == (0, finished + SEVEN, "")
    Path("s.late.jsonl").write_text("mine")
    status, out, err = say("run log.jsonl --out s.jsonl --recovery r")
    assert (status, out) == (2, "")
    assert err.startswith(f"searchlogs: {finished.rstrip()} s.late.jsonl: ") and "--force" in err
    with open("log.jsonl", "a") as file:
        file.write(BAD)
    status, out, err = say(run)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("searchlogs: log.jsonl: ") and "first 7" in err
    assert "another folder than r" in err
    status, out, err = say(f"{run} --gap 1m")
    assert err.startswith("searchlogs: r: ") and "another gap: 0:30:00, not 0:01:00\n" in err


def test_outputs_that_a_killed_run_had_begun_to_name_need_no_force(say: Say) -> None:
    assert say("run log.jsonl --out s.jsonl --recovery r")[0] == 0
    Path("r/finished").unlink()
    assert say("run log.jsonl --out s.jsonl --recovery r") == (0, SEVEN, "")


@pytest.mark.parametrize("engine", ["columnar", "events"])
def test_what_repeats_a_command_comes_to_rest(say: Say, engine: str) -> None:
    with open("log.jsonl", "a") as file:
        file.write(BAD)
    run = f"run log.jsonl --out s.csv --recovery r --engine {engine}"
    status, summary, _ = say(run)
    assert status == 1 and "rejects   1" in summary
    before = {path.name: path.read_bytes() for path in Path().glob("s.*")}
    finished = "This run had finished: at the end of its log every session was closed.\n"
    for _ in range(2):
        assert say(run) == (1, finished + summary, "")
    assert say(f"{run} --max-rejects 1") == (0, finished + summary, "")
    Path("s.csv").unlink()
    Path("s.late.jsonl").unlink()
    assert say(run) == (1, finished + summary, "")
    assert {path.name: path.read_bytes() for path in Path().glob("s.*")} == before
    # Other rows under the same names, another run's files, and another run's folder.
    assert "--force" in say.refused(f"{run} --all-sessions")
    assert "--force" in say.refused(f"{run} --spreadsheet")
    assert "--force" in say.refused(f"run log.jsonl --out s.csv --recovery q --engine {engine}")
    assert "another gap" in say.refused(f"{run} --gap 1m")
    assert say(f"run log.jsonl --out s.csv --force --wait 2m --engine {engine}")[0] == 1
    assert say(run) == (1, finished + summary, "")  # the same rows
    Path("s.csv").write_text(Path("s.csv").read_text() + "1")
    assert "s.csv: already exists" in say.refused(run)


def interrupted(arguments: list[str], begun: str) -> subprocess.Popen[bytes]:
    """Interrupt a process when a file that it makes is there."""
    command = [sys.executable, "-m", "searchlogs", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while not list(Path().glob(begun)) and time.monotonic() < end:
        time.sleep(0.01)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    return process


def test_an_interrupt(folder: Path) -> None:
    write_log(simulate(300, 6_000, seed=1), "long.jsonl")
    process = interrupted(
        ["run", "long.jsonl", "--out", "s.jsonl"], ".searchlogs-*/sessions.arrows"
    )
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert err.startswith(b"\nsearchlogs: interrupted; ") and err.count(b"\n") == 2
    assert sorted(path.name for path in folder.iterdir()) == ["log.jsonl", "long.jsonl"]


def test_an_interrupted_simulation(say: Say, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(**settings: object) -> Any:
        yield from client_events()
        raise KeyboardInterrupt

    monkeypatch.setattr(simulate_command, "simulate", endless)
    status, out, err = say("simulate --out x.jsonl")
    assert (status, out) == (130, "") and err.startswith("\nsearchlogs: interrupted; ")
    assert [path.name for path in folder.iterdir()] == ["log.jsonl"]


def test_progress_on_a_terminal(folder: Path) -> None:
    write_log(simulate(200, 1_500, seed=1), "long.jsonl")
    size = Path("long.jsonl").stat().st_size
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "searchlogs", "run", "long.jsonl", "--out", "s.jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # how a terminal ends
            pass
        os.close(ours)
        assert process.stdout is not None
        assert process.stdout.read().startswith(b"sessions  ")
    assert process.returncode == 0
    last = shown.decode().split("\r")[-2 if shown.endswith(b"\r\n") else -1].strip()
    pattern = r"100%.*\| (\S+)/(\S+) .* ([\d,]+) events/s, ([\d,]+) sessions\]?"
    found = re.search(pattern, last)
    assert found, last
    assert found[1] == found[2] == f"{size / 1000:.0f}k" or found[1] == found[2]
    assert int(found[3].replace(",", "")) > 100
    assert int(found[4].replace(",", "")) > 0
    assert rows()


# Simulate


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.parquet", "x.jsonl.gz", "x.csv.zst"])
def test_simulate(say: Say, name: str) -> None:
    options = "--users 5 --sessions 20 --hours 2.5 --seed 7 --disorder 30s --late-share 0.1"
    status, out, err = say(f"simulate --out {name} {options}")
    assert (status, err) == (0, "")
    number = int(re.fullmatch(rf"(\d+) events → {name}\n", out)[1])  # type: ignore[index]
    first = Path(name).read_bytes()
    assert "--force" in say.refused(f"simulate --out {name}")
    assert say(f"simulate --out {name} {options} --force")[0] == 0
    assert Path(name).read_bytes() == first
    assert say(f"simulate --out {name} {options} --seed 8 --force")[0] == 0
    assert Path(name).read_bytes() != first
    say(f"simulate --out {name} {options} --force")
    _, out, _ = say(f"run {name} --out s.jsonl")
    assert re.search(rf"= {number} gave events( \+ 1 framing)?\n", out)
    assert re.search(r"\+ [1-9]\d* late", out)


def test_simulate_has_defaults(say: Say) -> None:
    say("simulate --out x.jsonl")
    say("simulate --out y.jsonl --users 40 --sessions 120 --hours 6 --seed 0 --disorder 0s")
    assert Path("x.jsonl").read_bytes() == Path("y.jsonl").read_bytes()


def test_simulate_ubi(say: Say) -> None:
    assert say("simulate --out x.ndjson --format ubi --users 10 --seed 3")[0] == 0
    assert '{"index":{"_index":"ubi_queries"}}' in Path("x.ndjson").read_text()
    assert say("run x.ndjson --format ubi --out s.csv --searches q.jsonl")[0] == 0
    assert all(row["query_id"] for row in rows("q.jsonl"))


def test_results_are_not_lost_in_arrow(say: Say) -> None:
    """Of any type that holds them."""
    table = {
        "event": ["search", "results", "click"],
        "user": pa.array([1, 1, 1], pa.int32()),
        "time": pa.array([0, 1, 2], pa.timestamp("s", "UTC")),
        "query": ["q", None, None],
        "items": pa.array([None, ["x"], None], pa.large_list(pa.large_string())),
        "item": [None, None, "x"],
    }
    pq.write_table(pa.table(table), "x.parquet")
    assert say("run x.parquet --out s.jsonl --searches q.jsonl")[0] == 0
    assert rows("q.jsonl")[0]["ranks"] == [1]
