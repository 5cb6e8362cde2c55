"""Reports: what they show, what they never show, and what they refuse."""

import base64
import json
import re
import shutil
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Request
from wording import Like

from searchlogs.columnar.convert import to_batch
from searchlogs.command.cli import main
from searchlogs.command.report import write_report
from searchlogs.command.report_data import (
    SESSIONS,
    SUMMED,
    Sample,
    Sums,
    late_group,
    read_log,
    sum_up,
)
from searchlogs.command.report_sampled import RARE, Sampled, queries
from searchlogs.durations import Windowing
from searchlogs.events import Search
from searchlogs.logs.formats import write_log
from searchlogs.logs.log import Log
from searchlogs.simulate import client_events, simulate

START = datetime(2024, 1, 1, 9, tzinfo=UTC)
NASTY = [
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "\"><svg onload=document.title='owned'>",
    "</title></style><b onmouseover=x>",
    "]]><!--",
    "' onfocus='x",
    "\u202etxt.exe",
    "$x^2$ مرحبا",
    "word" * 60,
]
SVG = {
    *("svg", "title", "desc", "metadata", "defs", "style", "g", "path", "text", "use", "clipPath"),
    *("rect", "pattern", "tspan"),
}
"""The elements of a figure."""
SECRET = "a query of one person alone"


def nasty_log(path: Path) -> None:
    """Write a log whose texts are markup: queries, items, users, kinds and what is rejected."""
    records: list[dict[str, object]] = []

    def add(event: str, user: str, second: int, **more: object) -> None:
        time = (START + timedelta(seconds=second)).isoformat()
        records.append({"event": event, "user": user, "time": time, **more})

    for number in range(360):
        user, query = f"<u>person{number % 60}</u>", NASTY[number % len(NASTY)]
        add("search", user, 60 * number, query=query)
        add("results", user, 60 * number + 1, items=["<i>x</i>"] if number % 9 else [])
        if number % 9 > 2 and number % 4:
            add("click", user, 60 * number + 2, item="<i>x</i>")
    add("search", "<u>person0</u>", 60 * 400, query=SECRET)
    add("search", "<u>person0</u>", 60 * 400 - 3000, query="late <img src=x>")
    add("<img src=x onerror=y>", "<u>person0</u>", 60 * 400)
    records.append({"event": "search", "user": "<u>1</u>", "time": "<img src=x>", "query": "q"})
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


class Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data.replace("\u00a0", " ") + "\n"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def figures(self) -> list[str]:
        sources = (str(image["src"]).partition("base64,")[2] for image in self.all("img"))
        return [base64.b64decode(source).decode() for source in sources]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A nasty log and an ordinary one, their sessions and their reports."""
    folder = tmp_path_factory.mktemp("reports")
    nasty_log(folder / "nasty.jsonl")
    many = simulate(users=60, sessions=400, seed=5, duration=timedelta(hours=30))
    write_log(many, folder / "log.jsonl")
    for name in ("nasty", "log"):
        log, out, report = (str(folder / f"{name}{end}") for end in (".jsonl", ".parquet", ".html"))
        options = ["--max-rejects", "9", "--max-late", "1", "--all-sessions"]
        assert main(["run", log, "--out", out, "--report", report, *options]) == 0
    return folder


@pytest.fixture
def page(folder: Path) -> Tags:
    return Tags((folder / "log.html").read_text(encoding="utf-8"))


@pytest.fixture
def nasty(folder: Path) -> Tags:
    return Tags((folder / "nasty.html").read_text(encoding="utf-8"))


class Refused:
    """What the command says when it refuses."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: object) -> str:
        self.capsys.readouterr()
        assert main(["report", *map(str, arguments)]) == 2
        line, *others = self.capsys.readouterr().err.splitlines()
        assert others == []
        return line


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    return Refused(capsys)


def test_a_report_has_all_its_sections(page: Tags) -> None:
    for heading in (
        "A few users",
        "Pauses between events",
        "Click-through rate against the gap",
        "Click-through rate by hour of the day",
        "Queries worth mending",
        "What was late or rejected",
    ):
        assert heading in page.text
    assert len(page.figures()) == 4


def test_the_numbers_are_those_of_the_sessions(folder: Path, page: Tags) -> None:
    sessions = pd.read_parquet(folder / "log.parquet")
    searched = sessions[sessions["searches"] > 0]
    assert len(searched) < len(sessions)
    ctr = searched["searches_clicked"].sum() / searched["searches"].sum()
    for number in (
        f"{100 * ctr:.1f} %",
        f"{100 * searched['ctr'].mean():.1f} %",
        f"{searched['searches'].sum():,}",
        f"{len(searched):,}",
        f"{searched['clicks'].sum():,}",
    ):
        assert number in page.text


def test_each_figure_says_what_it_shows(page: Tags, nasty: Tags) -> None:
    images = page.all("img") + nasty.all("img")
    assert all(len(image["alt"] or "") > 40 for image in images)
    assert all(
        "<title>" in figure and "prefers-color-scheme" in figure for figure in page.figures()
    )


def test_text_of_a_log_is_text(nasty: Tags) -> None:
    allowed = {
        *("html", "head", "meta", "link", "title", "style", "body", "main", "h1", "h2", "p", "ul"),
        *("li", "span", "b", "section", "figure", "div", "img", "details", "summary", "table"),
        *("caption", "thead", "tbody", "tr", "th", "td", "bdi", "footer"),
    }
    assert {tag for tag, _ in nasty.tags} <= allowed
    names = {name for _, attributes in nasty.tags for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    assert NASTY[0] in nasty.text
    for figure in map(ElementTree.fromstring, nasty.figures()):
        drawn = [*figure.iter()]
        assert {element.tag.rpartition("}")[2] for element in drawn} <= SVG
        assert not [name for one in drawn for name in one.attrib if name.startswith("on")]
    assert "\u202e" not in nasty.text


def test_a_report_loads_and_runs_nothing(nasty: Tags) -> None:
    (policy,) = (one["content"] for one in nasty.all("meta") if "http-equiv" in one)
    assert policy == Like("default-src 'none'")
    assert "script" not in str(policy)
    places = [
        one.get("src") or one.get("href") for _, one in nasty.tags if {"src", "href"} & {*one}
    ]
    assert places and all(str(place).startswith("data:") for place in places)


def test_a_report_names_nobody(folder: Path, nasty: Tags) -> None:
    whole = (folder / "nasty.html").read_text(encoding="utf-8") + "".join(nasty.figures())
    assert "person" not in re.sub("points to a person", "", whole)
    assert SECRET not in whole
    assert "late &lt;img" not in whole
    assert "user A" in "".join(nasty.figures())


def test_a_rare_query_has_no_name_in_the_timeline(tmp_path: Path) -> None:
    write_log(client_events(), tmp_path / "log.jsonl")
    log, out = tmp_path / "log.jsonl", tmp_path / "s.jsonl"
    assert main(["run", str(log), "--out", str(out)]) == 0
    write_report(out, tmp_path / "few.html", Log((str(log),)).open())
    few = "".join(Tags((tmp_path / "few.html").read_text(encoding="utf-8")).figures())
    assert (RARE in few, "dogs" in few) == (True, False)
    write_report(out, tmp_path / "all.html", Log((str(log),)).open(), least_users=1)
    every = "".join(Tags((tmp_path / "all.html").read_text(encoding="utf-8")).figures())
    assert (RARE in every, "dogs" in every) == (False, True)


def test_every_record_and_event_is_accounted_for(folder: Path, nasty: Tags) -> None:
    words = " ".join(nasty.text.split())
    read = len((folder / "nasty.jsonl").read_text(encoding="utf-8").splitlines())
    records = (
        f"Records read {read} … that gave events {read - 2} … rejected 2 … of other kinds, "
        "ignored 0 … dropped as duplicates 0 … headers and empty lines 0 "
        f"Events {read - 2} … in sessions {read - 3} … late 1"
    )
    assert records in words
    assert "up to 1 hour 1" in words
    assert "time: expected an ISO 8601" in words
    assert "--" not in words[words.index("Rejects by reason") :]


@pytest.mark.parametrize("ending", [".csv.gz", ".jsonl", ".jsonl.zst", ".parquet"])
def test_sessions_alone_show_what_they_can(folder: Path, tmp_path: Path, ending: str) -> None:
    sessions = tmp_path / f"sessions{ending}"
    assert main(["run", str(folder / "nasty.jsonl"), "--out", str(sessions)]) == 1
    assert main(["report", str(sessions), "--out", str(tmp_path / "report.html")]) == 0
    alone = Tags((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert len(alone.figures()) == 1
    assert "--log" in alone.text
    assert "1 event came too late for any session, and 2 records could not be read" in alone.text
    with_log = sum_up(folder / "nasty.parquet")
    assert sum_up(sessions).matches(with_log)


def test_without_the_files_beside_it_says_so(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "log.parquet", tmp_path / "moved.parquet")
    assert main(["report", str(tmp_path / "moved.parquet"), "-o", str(tmp_path / "r.html")]) == 0
    assert "are not next to the sessions" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_run_and_the_command_write_the_same_report(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.html"
    sessions, log = folder / "log.parquet", folder / "log.jsonl"
    assert main(["report", str(sessions), "--log", str(log), "--out", str(again)]) == 0
    assert again.read_bytes() == (folder / "log.html").read_bytes()


def test_sessions_under_pseudonyms_are_those_of_their_log(folder: Path, tmp_path: Path) -> None:
    log, out = folder / "log.jsonl", tmp_path / "s.parquet"
    key = ["--pseudonymise", str(tmp_path / "key")]
    assert main(["run", str(log), "--out", str(out), *key]) == 0
    windowing = Windowing()
    assert sum_up(out).matches(read_log(Log((str(log),)).open(), windowing).sums)


def test_standard_input_can_be_read_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(client_events(), tmp_path / "log.jsonl")
    monkeypatch.setattr(sys, "stdin", (tmp_path / "log.jsonl").open(encoding="utf-8"))
    out, report = tmp_path / "s.jsonl", tmp_path / "report.html"
    command = ["run", "-", "--format", "jsonl", "--out", str(out), "--report", str(report)]
    assert main(command) == 0
    assert "the sessions alone" in report.read_text(encoding="utf-8")


def test_the_rows_of_a_query_are_a_log(tmp_path: Path) -> None:
    write_log(client_events(), tmp_path / "log.jsonl")
    sql = f"select * from read_json('{tmp_path / 'log.jsonl'}') order by time"
    out, report = tmp_path / "s.jsonl", tmp_path / "report.html"
    command = ["run", "--sql", sql, "--zone", "UTC", "--out", str(out), "--report", str(report)]
    assert main(command) == 0
    assert "s.jsonl and the rows of a query" in report.read_text(encoding="utf-8")


def test_another_log_or_gap_is_refused(folder: Path, tmp_path: Path, refused: Refused) -> None:
    sessions, out = folder / "log.parquet", tmp_path / "r.html"
    says = Like("log.parquet: not the sessions of this log, which with a gap of 20s…the options")
    line = refused(sessions, "--log", folder / "log.jsonl", "--gap", "20s", "--out", out)
    assert line == says
    line = refused(sessions, "--log", folder / "nasty.jsonl", "--out", out)
    assert line == Like("not the sessions of this log")
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", "", "x.txt: unknown format; expected a file of sessions"),
        ("x.parquet", "no parquet", "x.parquet: expected sessions…columns user, start"),
        ("x.csv", "user,time\n1,2\n", "x.csv: expected sessions…missing: start, end"),
        ("x.csv", "", "x.csv: expected sessions"),
        (
            "x.jsonl",
            '{"event":"search","user":1}\n',
            "x.jsonl: expected…found events",
        ),
        (
            "x.jsonl",
            '{"events":"3","user":"1"}\n',
            "x.jsonl: expected…columns user, start",
        ),
        ("x.csv", "event,user,time\n,,\n", "x.csv: expected sessions…found events"),
        ("x.jsonl", '{"user":1}\n', "x.jsonl: expected sessions"),
        ("x.jsonl", "", "x.jsonl: expected sessions"),
    ],
)
def test_what_holds_no_sessions_is_refused(
    name: str, content: str, message: str, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert refused(tmp_path / name, "--out", tmp_path / "r.html") == Like(message)


def test_events_in_parquet_are_no_sessions(tmp_path: Path, refused: Refused) -> None:
    write_log(client_events(), tmp_path / "e.parquet")
    assert refused(tmp_path / "e.parquet", "--out", tmp_path / "r.html") == Like("found events")


def test_sessions_without_a_search_give_no_report(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "log.jsonl").write_text(
        '{"event":"app_open","user":1,"time":"2024-01-01T00:00:00Z"}\n', encoding="utf-8"
    )
    out = tmp_path / "s.csv"
    assert main(["run", str(tmp_path / "log.jsonl"), "--out", str(out), "--all-sessions"]) == 0
    assert refused(out, "--out", tmp_path / "r.html") == Like("holds no session with a search")


def test_where_a_report_cannot_go_is_refused(
    folder: Path, tmp_path: Path, refused: Refused
) -> None:
    sessions, out = folder / "log.parquet", tmp_path / "r.html"
    assert refused(sessions, "--out", tmp_path / "r.pdf") == Like("r.pdf: expected…in .html")
    assert refused(sessions, "--out", tmp_path / "no" / "r.html") == Like("does not exist")
    assert refused(sessions, "--out", out, "--least-users", "0") == Like("--least-users")
    assert refused("gone.parquet", "--out", out) == Like("searchlogs: gone.parquet: No such file")
    out.write_text("mine", encoding="utf-8")
    assert refused(sessions, "--out", out) == Like("r.html: already exists; --force")
    assert out.read_text(encoding="utf-8") == "mine"
    assert main(["report", str(sessions), "--out", str(out), "--force"]) == 0
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    shutil.copy(folder / "log.jsonl", out)
    line = refused(sessions, "--log", out, "--format", "jsonl", "--out", out, "--force")
    assert line == Like("r.html: cannot be the report")


def test_a_missing_package_is_named(
    folder: Path, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    line = refused(folder / "log.parquet", "--out", tmp_path / "r.html")
    assert line == Like("matplotlib…pip install 'searchlogs[course]'")


def test_a_run_looks_first_whether_its_report_can_be_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "s.parquet"
    command = ["run", str(folder / "log.jsonl"), "--out", str(out), "--report", "r.pdf"]
    assert main(command) == 2
    assert capsys.readouterr().err == Like("r.pdf: expected")
    assert not out.exists()


def test_a_sample_holds_whole_users_whatever_the_batches() -> None:
    events = list(simulate(users=80, sessions=240, seed=2))
    samples = []
    for size in (7, 100, len(events)):
        sample = Sample(most=len(events) // 3)
        for start in range(0, len(events), size):
            sample.add(to_batch(events[start : start + size]))
        samples.append((sample.one_in, sample.events()))
    assert samples[0] == samples[1] == samples[2]
    one_in, chosen = samples[0]
    assert one_in > 1 and 0 < len(chosen) <= len(events) // 3
    users = {event.user for event in chosen}
    assert chosen == [event for event in events if event.user in users]


def test_a_sample_is_named_as_one(folder: Path) -> None:
    log = Log((str(folder / "log.jsonl"),)).open()
    found = read_log(log, Windowing(), most=1000)
    assert found.sums.matches(sum_up(folder / "log.parquet"))
    text = queries(Sampled(found, Windowing(), least_users=2))
    assert f"one user in {found.sample.one_in}" in text


def test_sums_do_not_depend_on_the_batches(folder: Path) -> None:
    table = pq.read_table(folder / "log.parquet").select(SESSIONS.names)
    whole = sum_up(folder / "log.parquet")
    small = Sums()
    for batch in table.to_batches(max_chunksize=11):
        small.add(batch)
    assert whole.matches(small) and small.matches(whole)
    assert whole.by_user_and_hour().equals(small.by_user_and_hour())
    small.add(table.slice(0, 1).to_batches()[0])
    assert not whole.matches(small)


def test_sums_tell_one_user_from_two() -> None:
    one, two = Sums(), Sums()
    for sums, other in ((one, "1"), (two, "2")):
        for user, day in (("1", 0), (other, 1)):
            time = START + timedelta(days=day)
            row = {"user": user, "start": time, "end": time, "searches": 1}
            sums.add(pa.RecordBatch.from_pylist([dict.fromkeys(SUMMED, 0) | row], SESSIONS))
    assert not one.matches(two)


@pytest.mark.parametrize(
    ("seconds", "group"),
    [
        (60, "up to 1 minute"),
        (60.1, "up to 1 hour"),
        (86400, "up to 1 day"),
        (1e9, "more than 1 day"),
    ],
)
def test_late_events_are_counted_by_how_late_they_were(seconds: float, group: str) -> None:
    assert late_group(seconds) == group


def searched(query: str, users: range, shown: bool, clicked: bool) -> list[dict[str, object]]:
    records: list[dict[str, object]] = []
    for user in users:
        time = (START + timedelta(hours=user)).isoformat()
        records.append({"event": "search", "user": user, "time": time, "query": query})
        items = ["it"] if shown else []
        records.append({"event": "results", "user": user, "time": time, "items": items})
        if clicked:
            records.append({"event": "click", "user": user, "time": time, "item": "it"})
    return records


def test_queries_are_listed_by_the_clicks_that_they_miss(tmp_path: Path) -> None:
    records = searched("fine", range(60), True, True)
    records += searched("fine", range(60, 70), True, False)
    records += searched("empty", range(100, 130), False, False)
    records += searched("dull", range(200, 212), True, False)
    records += searched("rare", range(300, 309), True, False)
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    found = read_log(Log((str(path),), sort=True).open(), Windowing())
    text = queries(Sampled(found, Windowing(), least_users=10))
    rows = re.findall(r"<tr><th scope=\"row\"><bdi>(\w+)</bdi></th><td>(\d+)</td><td>(\d+)", text)
    usual = 60 / 91  # of the searches that found something
    assert rows == [("empty", f"{30 * usual:.0f}", "30"), ("dull", f"{12 * usual:.0f}", "12")]
    assert "3 of 4 queries" in text


def test_one_user_with_one_event_has_a_report(tmp_path: Path) -> None:
    write_log([Search(1, "dogs", START)], tmp_path / "log.jsonl")
    out, report = tmp_path / "s.jsonl", tmp_path / "r.html"
    command = ["run", str(tmp_path / "log.jsonl"), "--out", str(out), "--report", str(report)]
    assert main([*command, "--gap", "0s"]) == 0
    assert "No hour has 10 users" in report.read_text(encoding="utf-8")


# In a browser.


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["log", "nasty"])
def test_a_report_in_a_browser(
    chromium: Browser, folder: Path, name: str, width: int, theme: str
) -> None:
    asked: list[str] = []
    said: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith("data:"):
            asked.append(request.url)

    context = chromium.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=theme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.on("request", note)
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    address = (folder / f"{name}.html").as_uri()
    page.goto(address)
    for summary in page.locator("summary").all():
        summary.click()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, "the page scrolls sideways"
    for image in page.locator("img").all():
        assert image.evaluate("async e => (await e.decode(), e.naturalWidth)") > 0
        box, room = image.evaluate("e => [e.offsetWidth, e.closest('.scroll').clientWidth]")
        assert box >= min(room, 440), "its type would be hard to read"
    title = page.title()
    assert title == Like("Search report, 1 January 2024")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 24, 39)"}[theme]
    assert asked == [address]
    assert said == []
    context.close()
