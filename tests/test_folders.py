"""Which files of a folder are read: markers and outputs of earlier runs are not."""

import gzip
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from searchlogs.command.cli import main
from searchlogs.logs.log import Log
from searchlogs.logs.outputs import is_output
from searchlogs.logs.records import read_log

LINE = b'{"event": "search", "user": "a", "time": "2024-01-01T00:00:05Z", "query": "q"}\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log").mkdir()
    return tmp_path / "log"


def read(folder: Path, format: str | None = None) -> tuple[list[str], list[str]]:
    opened = Log((str(folder),), format=format).open()
    files = [str(Path(path).relative_to(folder)) for path, _ in opened.files]
    return files, [path.removeprefix(f"{folder}/") for path in opened.passed_over]


def test_with_a_format_every_file_is_read_but_hidden_ones_and_markers(folder: Path) -> None:
    logs = ["date=2024/part-0", "_date=2024/part-0", "a", "a.b", "log.csv", "x.gz"]
    others = ["_SUCCESS", "_temporary/0/part", ".part.crc", "part.crc", ".hidden/a", "_x.jsonl"]
    for name in [*logs, *others]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzip.compress(LINE) if name == "x.gz" else LINE)
    assert read(folder, "jsonl") == (sorted(logs), sorted(others))
    files, _ = read(folder)
    assert files == ["_x.jsonl", "log.csv"]  # without a format, by name alone
    events = [read.outcome for read in read_log(Log((str(folder),), format="jsonl").open())]
    assert len(events) == 6 and all(isinstance(outcome, tuple) for outcome in events)


def test_a_folder_of_markers_alone(folder: Path) -> None:
    (folder / "_SUCCESS").touch()
    with pytest.raises(ValueError, match="no log in this folder; expected files"):
        Log((str(folder),), format="csv").open()


def test_parquet_under_another_format_is_a_reject(folder: Path) -> None:
    pq.write_table(pa.table({"event": ["search"]}), folder / "part-0")
    [one] = read_log(Log((str(folder),), format="jsonl").open())
    assert "this is a parquet file" in str(one.outcome)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes")
def test_a_pipe_in_a_folder_is_passed_over(folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(LINE)
    os.mkfifo(folder / "b.jsonl")
    assert read(folder) == (["a.jsonl"], ["b.jsonl"])
    assert read(folder, "jsonl") == (["a.jsonl"], ["b.jsonl"])


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("rejects", [b"", b"nonsense\n"])
def test_a_second_run_does_not_read_what_the_first_one_wrote(
    folder: Path, ending: str, rejects: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "week.jsonl").write_bytes(LINE * 3 + rejects)
    (folder / "inner").mkdir()
    outputs = [f"log/{name}.{ending}" for name in ("inner/o", "s", "q")]
    arguments = ["run", "log", "--max-rejects", "9", "--least-users", "1", "--out", outputs[0]]
    arguments += ["--searches", outputs[1], "--queries", outputs[2]]
    assert main(arguments) == 0
    first = {path: Path(path).read_bytes() for path in outputs}
    assert main([*arguments, "--force"]) == 0
    assert {path: Path(path).read_bytes() for path in outputs} == first
    assert "an earlier run's output" in capsys.readouterr().out
    # Another run, with other outputs, knows them too where the late events stand.
    Path(f"log/inner/s.{ending}").write_bytes(first[outputs[1]])
    files, passed_over = read(folder)
    assert files == [f"q.{ending}", f"s.{ending}", "week.jsonl"]
    beside = [f"o.{ending}", "o.late.jsonl", "o.rejects.jsonl", f"s.{ending}"]
    assert sorted(passed_over) == sorted(
        f"inner/{name} (an earlier run's output)" for name in beside
    )


def test_a_log_beside_outputs_is_still_read(folder: Path) -> None:
    """A run leaves week.late.jsonl beside week.jsonl if its sessions go to week.parquet."""
    (folder / "week.jsonl").write_bytes(LINE)
    assert main(["run", "log", "--out", "log/week.parquet"]) == 0
    files, passed_over = read(folder)
    assert files == ["week.jsonl"]
    assert len(passed_over) == 3


def test_a_log_is_never_taken_for_the_output_that_replaces_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "week.jsonl").write_bytes(LINE)
    assert main(["run", "log", "--out", "log/week.jsonl", "--force"]) == 2
    assert "cannot be an output" in capsys.readouterr().err
    assert (folder / "week.jsonl").read_bytes() == LINE


def test_what_is_named_like_late_events_but_is_a_log(folder: Path) -> None:
    for name in ("x.late.jsonl", "x.rejects.jsonl", "y.late.jsonl"):
        (folder / name).write_bytes(LINE)
    assert read(folder) == (["x.late.jsonl", "x.rejects.jsonl", "y.late.jsonl"], [])


@pytest.mark.parametrize(
    ("name", "data", "answer"),
    [
        ("a.csv", b"user,session,start,end\n", True),
        ("a.csv", b"query,queries,users\n", True),
        ("a.csv", b"event,user,time\n", False),
        ("a.jsonl", b'{"file": "a", "line": 1, "field": null}\n', True),
        ("a.jsonl", b'{"user": "a", "event": {}, "late_by": 1}', True),
        ("a.jsonl", b'{"user": "a", "event": "search", "time": 1}', False),
        ("a.jsonl", b'{"user": ', False),
        ("a.jsonl", b"\xff\0[", False),
        ("a.parquet", b"PAR1", False),
        ("a", b"", True),
    ],
)
def test_an_output_is_known_by_its_columns(name: str, data: bytes, answer: bool) -> None:
    Path(name).write_bytes(data)
    assert is_output(Path(name)) is answer
