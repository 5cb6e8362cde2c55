"""Small logs after something that practitioners have, and the numbers that are right for them."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from searchlogs.command.cli import main

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Found:
    """What a run over a log left."""

    status: int
    out: str
    sessions: list[dict[str, Any]]
    searches: list[dict[str, Any]]
    rejects: list[dict[str, Any]]

    def total(self, count: str) -> int:
        """Sum a count over all sessions."""
        return sum(session[count] for session in self.sessions)


class Runner:
    """Runs the command over the files of a case, by both engines."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, line: str) -> Found:
        by_columns = self._run(f"{line} --engine columnar")
        by_events = self._run(f"{line} --searches q.jsonl")
        assert by_columns.sessions == by_events.sessions
        assert by_columns.rejects == by_events.rejects
        assert by_columns.status == by_events.status
        return by_events

    def _run(self, line: str) -> Found:
        status = main(["run", *line.split(), "--out", "o.jsonl", "--all-sessions", "--force"])
        out, err = self.capsys.readouterr()
        assert err == ""

        def rows(name: str) -> list[dict[str, Any]]:
            path = Path(name)
            return list(map(json.loads, path.read_text().splitlines())) if path.exists() else []

        found = Found(status, out, rows("o.jsonl"), rows("q.jsonl"), rows("o.rejects.jsonl"))
        for path in Path().glob("[oq].*"):
            path.unlink()
        return found


@pytest.fixture
def run(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Runner:
    """The command, in a folder with the files of the case that the test's name begins with."""
    number = request.node.originalname.split("_")[2]
    (case,) = CASES.glob(f"{number}-*")
    shutil.copytree(case, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Runner(capsys)


def test_case_01_quotes_of_a_tsv_are_characters(run: Runner) -> None:
    found = run("log.tsv")
    assert [search["query"] for search in found.searches] == [
        '"blue kettle',
        "toaster",
        'screen 27"',
    ]
    assert (found.total("searches"), found.total("searches_clicked")) == (3, 3)
    assert (found.status, found.total("events")) == (0, 6)


def test_case_02_a_search_that_carries_its_hits(run: Runner) -> None:
    found = run("log.jsonl")
    assert [search["results"] for search in found.searches] == [2, 0, 2]
    assert [search["clicked"] for search in found.searches] == [["a"], [], []]
    assert found.searches[0]["ranks"] == [1]
    assert (found.total("searches"), found.total("searches_clicked")) == (3, 1)


def test_case_03_requests_of_one_query_are_one_search(run: Runner) -> None:
    found = run("log.ndjson --format ubi")
    (search,) = found.searches
    assert (search["results"], search["clicked"], search["ranks"]) == (4, ["c"], [3])
    assert (found.total("requests"), found.total("searches")) == (4, 1)
    assert [session["ctr"] for session in found.sessions] == [1.0]


@pytest.mark.parametrize(
    "files",
    [
        "log",
        "log/searches.jsonl log/results.jsonl log/clicks.jsonl",
        "log/clicks.jsonl log/results.jsonl log/searches.jsonl",
    ],
)
def test_case_04_ties_do_not_depend_on_names(run: Runner, files: str) -> None:
    found = run(files)
    assert [(one["query"], one["results"], one["clicked"]) for one in found.searches] == [
        ("shoes", 2, []),
        ("hats", 2, ["x"]),
        ("xyzzy", 0, []),
    ]


@pytest.mark.parametrize(
    ("line", "ctr"),
    [("a.csv", 0.0), ("b.csv", 1.0), ("a.csv --sort", 1.0), ("b.csv --sort", 1.0)],
)
def test_case_04b_ties_in_one_file(run: Runner, line: str, ctr: float) -> None:
    assert [session["ctr"] for session in run(line).sessions] == [ctr]


def test_case_05_cells_are_written_as_they_are(run: Runner) -> None:
    assert main(["run", "log.jsonl", "--out", "s.csv", "--searches", "q.csv"]) == 0
    users = [row.split(",")[0] for row in Path("s.csv").read_text().splitlines()[1:]]
    assert sorted(users) == ["+4917", "-x9Qz"]
    assert "\n+4917,0,0,2024-01-01T12:00:01+00:00,=1+1," in Path("q.csv").read_text()


def test_case_05_cells_for_a_spreadsheet(run: Runner) -> None:
    line = "run log.jsonl --out s.csv --searches q.csv --spreadsheet"
    assert main(line.split()) == 0
    assert "\n'+4917,0,0,2024-01-01T12:00:01+00:00,'=1+1," in Path("q.csv").read_text()
    assert any("6 " in row for row in run.capsys.readouterr().out.splitlines() if "cells" in row)


def test_case_06_seconds_are_not_milliseconds(run: Runner) -> None:
    found = run("log.ndjson --format ubi")
    assert (found.status, len(found.rejects), len(found.sessions)) == (1, 2, 0)
    assert all("unit" in reject["reason"] for reject in found.rejects)
    found = run("log.ndjson --format ubi --time-unit s")
    assert [session["start"][:10] for session in found.sessions] == ["2024-01-01", "2024-01-02"]


def test_case_07_an_export_without_an_order(run: Runner) -> None:
    found = run("log.jsonl")
    assert found.status == 1
    assert "--sort" in found.out
    found = run("log.jsonl --sort")
    assert (found.status, found.total("events")) == (0, 240)
    assert run("log.jsonl --max-late 1").status == 0


def test_case_08_times_of_warehouses(run: Runner) -> None:
    found = run("log.csv")
    assert [session["start"][11:19] for session in found.sessions] == ["12:00:00"] * 3 + [
        "17:00:00"
    ]
    assert [reject["line"] for reject in found.rejects] == [6, 7, 8]
    assert all("--time-" in reject["reason"] for reject in found.rejects)


@pytest.mark.parametrize(
    ("name", "searches"), [("array.json", 2), ("pretty.json", 1), ("concatenated.json", 1)]
)
def test_case_10_json_that_is_not_a_line_each(run: Runner, name: str, searches: int) -> None:
    found = run(name)
    assert (found.status, found.total("searches"), found.rejects) == (0, searches, [])


def test_case_11_a_folder_of_files_without_endings(run: Runner) -> None:
    found = run("log --format jsonl")
    assert (found.total("searches"), found.total("searches_clicked")) == (1, 1)


def test_case_13_positions_from_0(run: Runner) -> None:
    found = run("log.csv")
    assert (found.status, "--first-position 0" in found.rejects[0]["reason"]) == (1, True)
    found = run("log.csv --first-position 0")
    assert (found.status, found.searches[0]["ranks"]) == (0, [1])


@pytest.mark.parametrize(("name", "searches", "clicked"), [("aol", 2, 1), ("web", 1, 0)])
def test_case_14_rows_that_are_no_events(
    run: Runner, name: str, searches: int, clicked: int
) -> None:
    """A row may be a search and a click, and have no kind; a line may have no columns at all."""
    found = run(f"--sql {name}.sql")
    assert (found.status, found.total("searches")) == (0, searches)
    assert found.total("searches_clicked") == clicked
    assert [session["ctr"] for session in found.sessions] == [clicked / searches]


@pytest.mark.parametrize(("name", "events"), [("clicks", 2), ("results", 1)])
def test_case_14_columns_without_names(run: Runner, name: str, events: int) -> None:
    found = run(f"--sql {name}.sql")
    assert (found.status, found.total("events"), found.rejects) == (0, events, [])


def test_case_14_what_the_reason_advises(run: Runner) -> None:
    reasons = [reject["reason"] for reject in run("aol.tsv").rejects]
    assert "--sql" in reasons[0]


@pytest.mark.parametrize(
    "kinds", ["activity=*", "activity=brand_filter,activity=add_to_cart", "activity=add_to_cart"]
)
def test_case_17_other_actions_keep_a_session_open(run: Runner, kinds: str) -> None:
    found = run(f"log.ndjson --format ubi --kinds {kinds}")
    whole = "brand" in kinds or "*" in kinds
    assert [session["ctr"] for session in found.sessions] == ([1.0] if whole else [0.0, None])
    assert "add_to_cart 1" in found.out


def test_case_21_utf_16(run: Runner) -> None:
    found = run("log.csv")
    assert (found.status, [search["query"] for search in found.searches]) == (0, ["schuhe"])


def test_case_24_a_click_that_names_another_query(run: Runner) -> None:
    found = run("log.ndjson --format ubi")
    assert [found.total(name) for name in ("searches", "searches_clicked", "orphan_clicks")] == [
        2,
        0,
        2,
    ]
    assert found.total("absent_query_clicks") == 2


def test_case_01_backslash_escapes(run: Runner) -> None:
    rows = ["event,user,time,query", r"search,u1,2024-01-01T12:00:00Z,screen 27\" \, blue"]
    Path("log.csv").write_text("\n".join(rows) + "\n")
    assert [search["query"] for search in run("log.csv --backslash").searches] == [
        'screen 27" , blue'
    ]
    assert run("log.csv").status == 1


def test_case_01_backslash_escapes_are_of_cells(run: Runner) -> None:
    Path("log.jsonl").write_text("{}\n")
    assert main(["run", "log.jsonl", "--backslash", "--out", "o.csv"]) == 2
    assert "CSV or TSV; found jsonl" in run.capsys.readouterr().err
