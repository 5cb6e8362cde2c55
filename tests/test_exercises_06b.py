"""What the exercises of notebook 06b teach is what the package does."""

import random
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from searchlogs import exercises
from searchlogs.command.queries import query_table
from searchlogs.exercises.killed_and_resumed import lines_left, my_table, summed
from searchlogs.figures.recovery import epochs_plot
from searchlogs.logs.log import Log
from searchlogs.logs.schemas import SEARCHES
from searchlogs.logs.source import InputChanged, LogSource


def test_the_figure_predicts_the_same_resume() -> None:
    lines = [44] * 600 + [51] * 100 + [58] * 30 + [85] * 270
    table = epochs_plot([0, *lines, 90], every=100, killed=730, title="So it is").data
    # The lines written before record 1 stand at record 1 here: only the sums are asked for.
    first_read = int((table["resume"] == "compared").sum()) + 1
    cut_off = 58 - int(table.loc[: first_read - 2, "lines"].sum())
    assert [first_read, cut_off, table["lines"].sum()] == exercises.after_a_kill.solve()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([730, 0, 90], "in memory there is gone"),
        ([730, 7, 90], "in memory there is gone"),
        ([0, 0, 90], "from the beginning"),
        ([600, 14, 90], "the snapshot before the last"),
        ([701, 0, 90], "must be cut off"),
        ([701, 7, 81], "read again, and write them once more"),
        ([701, 7, 148], "as if nothing had happened"),
        ([701, 7], "hint()"),
        (701, "a list is expected"),
    ],
)
def test_predictions_of_a_kind_are_told_the_same(answer: Any, says: str) -> None:
    verdict = exercises.after_a_kill.check(answer)
    assert verdict.state == "wrong"
    assert says in verdict.words


@pytest.mark.parametrize(
    "answer", [["another log"], lambda lines, count, checksum: lines[count:], None, "another log"]
)
def test_a_source_that_can_not_be_right(answer: Any) -> None:
    assert exercises.go_on.check(answer).state == "wrong"


@pytest.mark.parametrize(
    ("lines", "count", "stored"),
    [
        (["a", "b", "c"], 2, ["a", "b"]),
        (["a", "b"], 2, ["a", "b"]),
        (["a", "x", "c"], 2, ["a", "b"]),
        (["b", "a", "c"], 2, ["a", "b"]),
        (["a"], 2, ["a", "b"]),
        (["a", "b"], 0, []),
    ],
)
def test_the_source_of_the_package_takes_and_refuses_the_same(
    tmp_path: Path, lines: list[str], count: int, stored: list[str]
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f"{line}\n" for line in lines))
    checksum = summed(*(f"{line}\n" for line in stored))
    left = lines_left([f"{line}\n" for line in lines], count, checksum)
    source = LogSource(Log((str(log),)).open())
    if isinstance(left, str):
        with pytest.raises(InputChanged):
            source.build_part("log", "log", (count, checksum, False))
        return
    part = source.build_part("log", "log", (count, checksum, False))
    *rejects, tally = part.next_batch()
    assert [f"{one.raw}\n" for one in rejects] == left  # type: ignore[union-attr]
    assert tally.records == len(lines)  # type: ignore[union-attr]


def test_the_table_of_the_package_is_the_same() -> None:
    draw = random.Random(7)
    for size, least in product((0, 3, 12, 40, 120), (1, 2, 3, 5)):
        pairs = [(f"u{draw.randrange(8)}", f"q{draw.randrange(12)}") for _ in range(size)]
        rows = [dict.fromkeys(SEARCHES.names) | {"user": u, "query": q} for u, q in pairs]
        table = query_table(pa.Table.from_pylist(rows, schema=SEARCHES), least)
        found = dict(zip(table["query"].to_pylist(), table["searches"].to_pylist(), strict=True))
        assert found == my_table(pairs, least)
