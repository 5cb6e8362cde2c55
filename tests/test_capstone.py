"""The log of flights is what its page says, and the worked solution is right at each station."""

import ast
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import extract_flights
import pandas as pd
import pytest

from searchlogs import exercises
from searchlogs.exercises import _flight_logs as logs
from searchlogs.exercises import capstone
from searchlogs.exercises.flights import (
    Report,
    effect,
    pauses,
    read_report,
    read_rows,
    run_on,
    spans,
)
from searchlogs.tables import interval

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LOG = NOTEBOOKS / "flights.jsonl.gz"
STATIONS = ("whose_day", "working_day", "long_enough", "both_sums", "on_time")


@cache
def week() -> tuple[Report, ...]:
    with gzip.open(LOG, "rt", encoding="utf-8") as file:
        return tuple(map(read_report, file))


@cache
def solution() -> ModuleType:
    path = NOTEBOOKS / "capstone_solution.py"
    spec = spec_from_file_location("capstone_solution", path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shipped_log_is_small_and_counts_what_its_page_counts() -> None:
    assert LOG.stat().st_size < 250_000
    page = (NOTEBOOKS / "flights.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", page, re.MULTILINE)
    counted = Counter(report.kind for report in week())
    assert {kind: int(count.replace(",", "")) for kind, count in table} == counted
    nobody = sum(report.aircraft is None for report in week())
    diverted = counted["departure"] - counted["arrival"]
    assert f"**{nobody} cancelled flights have no aircraft" in page
    assert f"**{diverted} flights were diverted**" in page


def test_a_report_has_a_time_and_an_aircraft_if_something_happened() -> None:
    for report in week():
        assert (report.time is None) == (report.kind == "cancellation")
        assert report.aircraft is not None or report.kind == "cancellation"
        assert report.scheduled.utcoffset() is not None
        if report.kind != "arrival":
            assert date(2013, 3, 4) <= report.scheduled.date() <= date(2013, 3, 10)


def test_arrivals_are_in_order_of_time_and_departures_right_behind_them() -> None:
    landed = [report.time for report in week() if report.kind == "arrival"]
    assert landed == sorted(landed, key=lambda time: time.timestamp())  # type: ignore[union-attr]
    behind = 0
    for before, after in zip(week(), week()[1:], strict=False):
        if before.kind == "arrival":
            assert (after.kind, after.flight) == ("departure", before.flight)
            assert before.time and after.time and before.time > after.time
            behind += 1
    assert behind == len(landed)


@cache
def source_row(**changes: Any) -> Any:
    row = {
        "time_hour": "2013-03-10T05:00:00Z",
        "minute": 34,
        "sched_arr_time": 330,
        "dep_delay": 89,
        "arr_delay": 80,
        "carrier": "B6",
        "flight": 35,
        "origin": "JFK",
        "dest": "PBI",
        "tailnum": "N658JB",
    }
    return pd.DataFrame([row | changes])


def extracted(**changes: Any) -> list[dict[str, Any]]:
    zones = {"PBI": "America/New_York", "LAX": "America/Los_Angeles"}
    return [json.loads(line) for line in extract_flights.log(source_row(**changes), zones)]


def test_a_flight_becomes_its_landing_and_then_its_departure() -> None:
    arrival, departure = extracted()
    assert (arrival["kind"], departure["kind"]) == ("arrival", "departure")
    assert departure["scheduled"] == "2013-03-10T00:34:00-05:00"
    # 89 minutes on, the clocks have gone from 2:00 to 3:00.
    assert departure["time"] == "2013-03-10T03:03:00-04:00"
    assert arrival["scheduled"] == "2013-03-10T03:30:00-04:00"
    assert arrival["time"] == "2013-03-10T04:50:00-04:00"


def test_a_landing_is_on_the_clocks_of_its_airport_and_may_be_a_day_later() -> None:
    arrival, _ = extracted(dest="LAX", time_hour="2013-03-09T03:00:00Z", sched_arr_time=115)
    assert arrival["scheduled"] == "2013-03-09T01:15:00-08:00"


def test_a_cancelled_flight_has_no_time_and_a_diverted_one_no_landing() -> None:
    (cancelled,) = extracted(dep_delay=None, arr_delay=None, tailnum=None)
    assert (cancelled["kind"], cancelled["aircraft"], cancelled["time"]) == (
        "cancellation",
        None,
        None,
    )
    (diverted,) = extracted(arr_delay=None)
    assert diverted["kind"] == "departure"


def keeps_both_promises(minutes: int) -> bool:
    counts = effect(week(), capstone.my_key, timedelta(minutes=minutes))
    few_cut = counts["cut in the air"] * 200 <= counts["flights"]
    return few_cut and counts["over 20 hours"] * 20 <= counts["sessions"]


def test_the_gaps_that_are_right_are_those_that_keep_both_promises() -> None:
    shortest, longest = (
        gap // timedelta(minutes=1) for gap in (capstone.SHORTEST, capstone.LONGEST)
    )
    edges = [shortest - 1, shortest, longest, longest + 1]
    assert [keeps_both_promises(minutes) for minutes in edges] == [False, True, True, False]
    inside = range(shortest, longest, 30)
    assert all(keeps_both_promises(minutes) for minutes in inside)


def test_effect_and_steps_agree_with_the_flow() -> None:
    gap = timedelta(hours=9)
    counts = effect(week(), capstone.my_key, gap)
    rows = run_on(week(), capstone.my_flow, gap, timedelta(hours=12))
    days = [reports for word, reports in rows if word == "day"]
    assert counts["sessions"] == len(days)
    long = sum(day[-1].time - day[0].time > timedelta(hours=20) for day in days)  # type: ignore[operator]
    assert counts["over 20 hours"] == long
    own = pauses(week(), capstone.my_key)
    events = sum(report.time is not None for report in week())
    aircraft = {report.aircraft for report in week() if report.time is not None}
    assert len(own) == events - len(aircraft)
    assert sum(pause > gap for pause in own) == len(days) - len(aircraft)
    assert not pauses(week(), lambda report: None)
    assert not any(effect(week(), lambda report: None, gap).values())


def oracle(
    reports: tuple[Report, ...], gap: timedelta, wait: timedelta
) -> list[tuple[str, list[Report]]]:
    """Late if older than the aircraft's newest so far − wait; the rest sorted and split."""
    rows: list[tuple[str, list[Report]]] = []
    newest: dict[str, datetime] = {}
    kept: dict[str, list[Report]] = {}
    for report in reports:
        if report.time is None:
            rows.append(("rest", [report]))
            continue
        name = str(report.aircraft)
        newest[name] = max(newest.get(name, report.time), report.time)
        if report.time < newest[name] - wait:
            rows.append(("late", [report]))
        else:
            kept.setdefault(name, []).append(report)
    for own in kept.values():
        day: list[Report] = []
        for report in sorted(own, key=lambda report: report.time.timestamp()):  # type: ignore[union-attr]
            if day and report.time - day[-1].time > gap:  # type: ignore[operator]
                rows.append(("day", day))
                day = []
            day.append(report)
        rows.append(("day", day))
    return rows


def in_one_order(rows: list[tuple[str, list[Report]]]) -> list[str]:
    return sorted(repr(row) for row in rows)


@pytest.mark.parametrize("hours", [(9, 12), (4, 6), (2, 0), (24, 3)])
def test_the_flow_agrees_with_an_oracle_on_the_week(hours: tuple[int, int]) -> None:
    gap, wait = (timedelta(hours=number) for number in hours)
    rows = run_on(week(), capstone.my_flow, gap, wait)
    assert in_one_order(rows) == in_one_order(read_rows(oracle(week(), gap, wait)))


@pytest.mark.parametrize("case", logs.flows(), ids=lambda case: case.name)
def test_the_flow_agrees_with_an_oracle_on_small_logs(case: Any) -> None:
    rows = read_rows(case.run(capstone.my_flow))
    assert in_one_order(rows) == in_one_order(read_rows(oracle(case.items, *case.settings)))


@pytest.mark.parametrize(
    ("gap", "wait", "flow", "words"),
    [
        (..., None, capstone.my_flow, "Station 2 comes first"),
        (timedelta(hours=9), None, capstone.my_flow, "Station 3 comes first"),
        (timedelta(hours=9), timedelta(hours=12), lambda *_: None, "Station 4 comes first"),
    ],
)
def test_a_run_says_which_station_comes_first(
    gap: Any, wait: Any, flow: Any, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_on(week(), flow, gap, wait) == []
    assert capsys.readouterr().out.startswith(words)


def test_rows_are_read_however_they_are_written() -> None:
    one, two = logs.MORNING
    forms: list[Any] = [
        ("day", [one, two]),
        ("N963UW", ("day", (two, one))),
        {"is": "Day", "reports": [one, two]},
        ["day", "N963UW", [one, two]],
    ]
    assert read_rows(forms) == [("day", [two, one])] * 4
    assert read_rows([("N963UW", [one]), 7]) == [("", [one]), ("", [])]


def test_spans_are_flights_from_departure_to_landing() -> None:
    thursday = spans(week(), date(2013, 3, 7))
    (late,) = [report for report in thursday if (report.carrier, report.flight) == ("US", 2142)]
    bar = thursday[late]
    assert (bar.start, bar.late) == (datetime(2013, 3, 8, 3, 30, tzinfo=UTC), True)
    assert all(bar.start < bar.end for bar in thursday.values())
    landed = sum(report.kind == "arrival" for report in week())
    assert len(spans(week())) == landed
    assert spans(logs.MORNING[:1]) == {}


@pytest.mark.parametrize("field", ["carrier", "flight", "origin", "dest", "kind"])
def test_a_wrong_key_is_not_shown_the_right_one(field: str) -> None:
    verdict = exercises.whose_day.check(lambda report: getattr(report, field))
    assert verdict.state == "wrong"
    assert dict(verdict.facts)["expected"] == "another key, as text"
    assert "N963UW" not in dict(verdict.facts)["yours"]
    assert "aircraft" not in dict(verdict.facts)["expected"]


@pytest.mark.parametrize("station", STATIONS)
def test_the_worked_solution_is_right_at_each_station(station: str) -> None:
    answers = dict(
        zip(STATIONS, ("my_key", "my_gap", "my_wait", "my_flow", "my_rate"), strict=True)
    )
    verdict = getattr(exercises, station).check(getattr(solution(), answers[station]))
    assert verdict.state == "right", verdict


def test_the_worked_solution_goes_from_the_file_to_the_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    solution().main()
    out = capsys.readouterr().out
    assert "12,560 reports = 12,041 events + 519 rest" in out
    assert "12,041 events = 12,041 in days + 0 late" in out
    (rate,) = re.findall(r"on time: (0\.\d+), from (0\.\d+) to (0\.\d+)", out)
    told = re.findall(r"0\.\d+", exercises.on_time.notice)
    assert list(rate) == told
    comment = Path(str(solution().__file__)).read_text(encoding="utf-8")
    counts = effect(week(), solution().my_key, solution().my_gap)
    for what in ("sessions", "flights", "cut in the air", "over 20 hours"):
        assert f"{counts[what]:,}" in comment


def test_the_numbers_for_teachers_are_those_of_the_week() -> None:
    page = (NOTEBOOKS / "TEACHING.md").read_text(encoding="utf-8")
    (answers,) = re.findall(r"### 13 .*?\*\*Answers\*\*: ([^\n]*)", page, re.DOTALL)
    left = [report for report in week() if report.kind == "departure"]
    good = [report.time - report.scheduled < timedelta(minutes=15) for report in left]  # type: ignore[operator]
    days = [report.scheduled.date() for report in left]
    assert f"is {sum(good) / (len(left) + 519):.3f}" in answers
    storm = [one for one, day in zip(good, days, strict=True) if day == date(2013, 3, 8)]
    assert f"8 March alone, {sum(storm) / len(storm):.3f}" in answers
    table = pd.DataFrame({"user": map(str, days), "searches": 1, "searches_clicked": good})
    low, high = interval(table) or (0, 0)
    assert f"the interval is {low:.2f} to {high:.2f}" in answers
    flown = run_on(week(), capstone.my_flow, timedelta(hours=9), timedelta(hours=12))
    on_time: dict[int, list[bool]] = {0: [], 1: []}
    for word, reports in flown:
        own = [report for report in reports if report.kind == "departure"]
        for place, report in enumerate(own[:2] if word == "day" else ()):
            late = report.time - report.scheduled  # type: ignore[operator]
            on_time[place].append(late < timedelta(minutes=15))
    first, second = (round(100 * sum(one) / len(one)) for one in on_time.values())
    assert f"in {first} of 100, the second in {second}" in answers


def cells() -> Iterator[str]:
    found = json.loads((NOTEBOOKS / "13-capstone.ipynb").read_text(encoding="utf-8"))["cells"]
    for cell in found:
        if cell["cell_type"] == "code":
            yield "".join(cell["source"])


def run_notebook(monkeypatch: pytest.MonkeyPatch, unsolved: str | None = None) -> list[Any]:
    """Run the cells, with all stations solved except one; return what was displayed."""
    monkeypatch.chdir(NOTEBOOKS)
    shown: list[Any] = []
    names: dict[str, Any] = {"__name__": "__main__", "display": shown.append}
    for cell in cells():
        exec(compile(cell, "<cell>", "exec"), names)
        for node in ast.parse(cell).body:  # A starter's answer is put in its place.
            defined = getattr(node, "name", None) or ast.unparse(node).partition(" =")[0]
            if str(defined).startswith("my_") and defined != unsolved:
                names[defined] = getattr(solution(), defined)
    return shown


def test_the_notebook_runs_with_every_station_solved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps_own, days = run_notebook(monkeypatch)
    out = capsys.readouterr().out
    assert "comes first" not in out and "come first" not in out
    assert "'day': 12041" in out and "'rest': 519" in out and "'late'" not in out
    assert "The week needs 11:27:00" in out
    assert "On time: (0.709" in out
    assert steps_own.data["pauses"].sum() == len(pauses(week(), capstone.my_key))
    assert days.description.count("1 session") == 4


@pytest.mark.parametrize(
    ("unsolved", "words"),
    [
        ("my_key", "Station 1 comes first"),
        ("my_gap", "Station 2 comes first"),
        ("my_wait", "Station 3 comes first"),
        ("my_flow", "Station 4 comes first"),
        ("my_rate", "Stations 4 and 5 come first"),
    ],
)
def test_the_notebook_runs_with_one_station_unsolved(
    unsolved: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_notebook(monkeypatch, unsolved)
    assert words in capsys.readouterr().out


def test_no_stored_output_gives_an_answer_away() -> None:
    found = json.loads((NOTEBOOKS / "13-capstone.ipynb").read_text(encoding="utf-8"))["cells"]
    texts = []
    for cell in found:
        for output in cell.get("outputs", []):
            text = output.get("text") or output["data"].get("text/plain", "")
            texts.append("".join(text))
    everything = "\n".join(texts)
    assert everything.count("Not attempted") == 5
    for answer in ("0.709", "11:27", "4572", "4,572", "12041", "12,041"):
        assert answer not in everything
