"""`--sql`: the rows of a query as a log."""

import builtins
import gc
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import nbformat
import pytest
from test_job import go_on, kept, stop
from wording import Like

from searchlogs.columnar import source as batches
from searchlogs.command.cli import main
from searchlogs.command.job import Job, Outputs
from searchlogs.command.recovery import WrongFolder
from searchlogs.command.run import run_job
from searchlogs.logs.border import Border
from searchlogs.logs.formats import write_log
from searchlogs.logs.log import Log
from searchlogs.logs.source import InputChanged
from searchlogs.logs.sql import Query, QueryFailed
from searchlogs.simulate import simulate

EVENTS = list(simulate(users=12, sessions=80, seed=3, late_share=0.2, query_ids=True))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a log."""
    monkeypatch.chdir(tmp_path)
    write_log(EVENTS, "log.parquet")
    return tmp_path


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


@pytest.mark.parametrize(
    "more", ["", "--sort", "--searches q.jsonl", "--drop-duplicates", "--pseudonymise key"]
)
def test_it_gives_what_the_same_rows_in_a_file_give(
    more: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = f"run --all-sessions {more}".split()
    assert main([*line, "log.parquet", "--out", "a.jsonl"]) == ("--sort" not in more)
    summary = capsys.readouterr().out.replace("a.", "b.")
    assert ("late" in summary) == ("--sort" not in more)
    more = "--searches q2.jsonl" if "--searches" in more else more
    line = f"run --all-sessions {more}".split()
    status = main([*line, "--sql", "from 'log.parquet'", "--out", "b.jsonl"])
    assert status == ("--sort" not in more)
    assert capsys.readouterr() == (summary, "")
    for what in ("", ".late", ".rejects"):
        assert rows(f"a{what}.jsonl") == rows(f"b{what}.jsonl")


def test_the_same_rows_whatever_their_types() -> None:
    """Text and naive times are read one by one, and whole columns are taken as they stand."""
    queries = ["from 'log.parquet'", "select * replace (time::varchar as time) from 'log.parquet'"]
    for number, query in enumerate(queries):
        main(["run", "--sql", query, "--out", f"{number}.jsonl"])
    assert rows("0.jsonl") == rows("1.jsonl")


SQL = """
create table events as select 'app_open' as event, i as "user", 1704067200 + i as time
from range(5) t(i);
select * replace (if(i = 3, null, time) as time), i from (select *, "user" as i from events)
"""


@pytest.mark.parametrize("engine", ["columnar", "events"])
def test_a_reject_says_the_row_and_the_file(engine: str) -> None:
    Path("my.sql").write_text(SQL)
    line = f"run --sql my.sql --time-unit s --out s.jsonl --all-sessions --engine {engine}"
    assert main(line.split()) == 1
    (reject,) = rows("s.rejects.jsonl")
    assert (reject["file"], reject["line"], reject["field"]) == ("my.sql", 4, "time")
    assert [row["user"] for row in rows("s.jsonl")] == ["0", "1", "2", "4"]


def test_a_database_is_only_read() -> None:
    with duckdb.connect("my.db") as database:
        database.execute("create table events as from 'log.parquet'")
    line = ["run", "--database", "my.db", "--out", "s.jsonl", "--force"]
    assert main([*line, "--sql", "from events"]) == 1
    assert len(rows("s.jsonl")) > 10
    kept = Path("s.jsonl").read_bytes()
    attached = "attach 'my.db' as d (read_only); from d.events"
    assert main(["run", "--out", "s.jsonl", "--force", "--sql", attached]) == 1
    assert Path("s.jsonl").read_bytes() == kept
    with pytest.raises(QueryFailed, match="read-only"):
        Log((), query=Query("delete from events; from events", database=Path("my.db"))).open()
    with duckdb.connect("my.db") as database:
        assert database.execute("select count(*) from events").fetchall() == [(len(EVENTS),)]


@pytest.mark.parametrize(
    "query",
    [
        "from events",
        "from nothing",
        "selekt",
        "delete from events; from events",
        "copy events to 'copied.csv'",
        "attach 'other.db' as other; from events",
        "select * replace (if(n > 99, error('no'), event) as event) from events, range(9999) t(n)",
    ],
)
def test_a_database_is_let_go(query: str) -> None:
    with duckdb.connect("my.db") as database:
        database.execute("create table events as from 'log.parquet'")
    asked = Query(query, database=Path("my.db"))
    gc.disable()  # what only the collector lets go stays locked for a while
    try:
        with suppress(QueryFailed):
            asked.check(Border())
            for _ in asked.batches(Border()):
                pass
        with duckdb.connect("my.db") as database:
            assert database.execute("select count(*) from events").fetchall() == [(len(EVENTS),)]
    finally:
        gc.enable()


def test_local_times_are_not_those_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    query = "select 'app_open' as event, 1 as \"user\", '2024-01-01 12:00'::timestamptz as time"
    assert main(["run", "--sql", query, "--all-sessions", "--out", "s.jsonl"]) == 0
    assert rows("s.jsonl")[0]["start"] == "2024-01-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("selec", "query: Parser Error: …selec"),
        ("from nowhere", "nowhere"),
        ("from 'nofile.csv'", "nofile.csv"),
        ("from 's3://bucket/log.parquet'", "httpfs"),
        ("from 'log.parquet'; copy (select 1) to 'f.csv'", "read…copy"),
        ("copy (select 1) to 'f.csv'; from 'log.parquet'", "read…copy"),
        ("create table x (i int)", "select…create"),
        ("attach 'my.db'; create table my.x as select 1; from my.x", "read_only…attach 'my.db'"),
        ("attach 'my.db' (read_only false); from 'log.parquet'", "read_only…attach 'my.db'"),
        ("-- nothing", "select…no statement"),
        ("select user, 'click' as event, now() as time", "no column is called user"),
        ("select 1 as a", "event: no such column…a"),
        ("select *, event from 'log.parquet'", "event: two columns"),
        ("select * replace (error('it broke') as \"user\") from 'log.parquet'", "it broke"),
        ("no.sql", "no.sql: No such file"),
    ],
)
def test_a_query_that_fails_is_one_line(
    query: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--sql", query, "--out", "s.jsonl"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err == Like(words)
    assert not {path.name for path in Path().iterdir()} - {"log.parquet"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "--sql…neither"),
        ("log.parquet --sql from(x)", "--sql…both"),
        ("log.parquet --database my.db", "--database: …--sql"),
        ("--sql from(x) --format csv", "--sql: …--format"),
        ("--sql from(x) --database no.db", "no.db"),
        ("--sql from'log.parquet' --recovery r", "order by…--recovery"),
    ],
)
def test_arguments_that_do_not_go_together(
    line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *line.split(), "--out", "s.jsonl"]) == 2
    assert capsys.readouterr().err == Like(words)


def test_without_duckdb_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *others: Any) -> Any:
        if name == "duckdb":
            raise ImportError(name)
        return real(name, *others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(QueryFailed) as raised:
        Log((), query=Query("from x")).open()
    assert str(raised.value) == Like("searchlogs[sql]")


def test_rows_come_as_they_are_read() -> None:
    """The first are there before a later one fails."""
    user = "if(i < 5000000, i, error('it broke')) as \"user\""
    query = Query(f"select 'click' as event, {user}, i as time from range(10000000) t(i)")
    stream = query.batches(Border())
    names, batch = next(stream)
    assert names == ["event", "user", "time"]
    assert batch["user"][0].as_py() == 0
    with pytest.raises(QueryFailed, match="it broke"):
        list(stream)


def test_a_query_can_be_read_again() -> None:
    query = Query(SQL)
    assert query.schema.names[:3] == ["event", "user", "time"]
    first, second = (list(query.batches(Border())) for _ in range(2))
    assert first == second
    assert sum(len(batch) for _, batch in first) == 5


@pytest.mark.parametrize("setting", ["autoinstall_known_extensions", "enable_progress_bar"])
def test_nothing_is_downloaded_or_printed_by_itself(setting: str) -> None:
    columns = f"current_setting('{setting}') as event, 1 as user, 1 as time"
    ((_, batch),) = Query(f"select {columns}").batches(Border())
    assert batch["event"].to_pylist() == [False]


@pytest.mark.parametrize(
    ("query", "is_ordered"),
    [
        ("from x order by time", True),
        ("create table x as from y; select * from x order by all", True),
        ("with x as (from y order by time) from x", False),
        ("select row_number() over (order by time) from x", False),
        ("from x -- order by time", False),
        ("from x union all from y order by 1;", True),
    ],
)
def test_whether_a_query_gives_an_order(query: str, is_ordered: bool) -> None:
    assert Query(query).is_ordered == is_ordered


ORDERED = "from 'log.parquet' order by time, \"user\", event, item, query_id"


def a_run(monkeypatch: pytest.MonkeyPatch, query: str = ORDERED) -> Job:
    monkeypatch.setattr(batches, "ROWS", 50)
    return kept(log=Log((), query=Query(query)), searches=None)


def test_a_run_that_was_stopped_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    run_job(Job(Log((), query=Query(ORDERED)).open(), Outputs(Path("whole.jsonl"))))
    stop(a_run(monkeypatch))
    assert go_on(a_run(monkeypatch)) < len(EVENTS)
    assert Path("s.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()


def test_rows_that_have_changed_are_not_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    stop(a_run(monkeypatch))
    write_log(EVENTS[1:], "log.parquet")
    with pytest.raises(InputChanged, match="have changed"):
        run_job(a_run(monkeypatch))
    with pytest.raises(WrongFolder, match="another query"):
        run_job(a_run(monkeypatch, f"{ORDERED}, position"))


ROOT = Path(__file__).parent.parent
CELLS = {
    cell.id: cell.source
    for cell in nbformat.read(ROOT / "notebooks" / "07-your-own-logs.ipynb", as_version=4).cells
    if cell.id.startswith("any-log") and cell.cell_type == "code"
}
"""The cells of notebook 07 that read a log with a query."""

QUERIED = {
    "any-log-bare": [("7", 2, 1, 1), ("8", 1, 0, 0)],
    "any-log-nested": [("7", 1, 1, 1)],
    "any-log-joined": [("7", 2, 1, 1)],
    "any-log-array": [("7", 1, 2, 1), ("7", 1, 0, 0)],
}
"""For each, by hand: its sessions, as user, searches, clicks, and searches clicked."""


def by_cell(source: str, folder: Path) -> tuple[list[tuple[str, int, int, int]], list[Any]]:
    """Run a cell's command with both engines; return its sessions, and fields of its rejects."""
    found = []

    def command(line: str, *more: str) -> None:
        for engine in ("columnar", "events"):
            out = ["--out", f"{engine}.jsonl", "--engine", engine]
            assert main([*line.split(), *more, *out]) in (0, 1)
            found.append(rows(f"{engine}.jsonl") + rows(f"{engine}.rejects.jsonl"))

    exec(source, {"folder": folder, "command": command})
    assert found[0] == found[1]
    counts = ("user", "searches", "clicks", "searches_clicked")
    sessions = [tuple(row[name] for name in counts) for row in found[0] if "ctr" in row]
    return sessions, [row["field"] for row in found[0] if "ctr" not in row]


@pytest.mark.parametrize("cell", [*CELLS])
def test_the_queries_of_notebook_07(cell: str, folder: Path) -> None:
    rejects = ["user"] if cell == "any-log-joined" else []
    assert by_cell(CELLS[cell], folder) == (QUERIED[cell], rejects)


def test_every_query_of_notebook_07_is_one_of_those() -> None:
    assert CELLS.keys() == QUERIED.keys()


def test_what_notebook_07_warns_of(folder: Path) -> None:
    """Rows that a query loses and no sum counts: the first line as a header, a click by a join."""
    source = CELLS["any-log-bare"].replace(" header = false,", "")
    assert by_cell(source, folder) == ([("7", 1, 0, 0), ("8", 1, 0, 0)], [])
    source = CELLS["any-log-joined"].replace("LEFT JOIN", "JOIN")
    assert by_cell(source, folder) == (QUERIED["any-log-joined"], [])


EXPORT = CELLS["any-log-nested"].split('"""')[1].removeprefix("\\\n")
PAGE = ROOT / "notebooks/own-logs.md"
LOGS = {
    "bare.csv": ("7,2024-06-03T09:00:05Z,lamp,\n7,2024-06-03T09:00:21Z,,lamp 3\n", "csv"),
    "ga4.json": (EXPORT, "parquet"),
}
"""Logs for the queries on the page, and the formats that their commands write."""


@pytest.mark.parametrize("name", [*LOGS])
def test_the_queries_of_the_page(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    file = Path(name).with_suffix(".sql")
    ((query, line),) = re.findall(
        rf"\$ cat {file}\n(.*?)\n\$ uv run python -m searchlogs (run [^\n]*)", page, re.DOTALL
    )
    Path(name).write_text(LOGS[name][0])
    file.write_text(query)
    assert main(line.split()) == 0
    sessions = duckdb.sql(f"select user::text, ctr from '{file.stem}-sessions.{LOGS[name][1]}'")
    assert sessions.fetchall() == [("7", 1.0)]


def test_the_page_shows_each_query_once() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"--sql (\S+)", page) == [f"{Path(name).stem}.sql" for name in LOGS]
