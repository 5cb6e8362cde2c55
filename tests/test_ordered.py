"""Rows in order, out of more runs than are in memory."""

from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from searchlogs.command.ordered import BLOCKS, Ordered, in_parts
from searchlogs.logs.scratch import Scratch

Row = tuple[str, int]


def batches(rows: list[Row], size: int) -> list[pa.RecordBatch]:
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [
        pa.record_batch({"user": [user for user, _ in part], "id": [id for _, id in part]})
        for part in parts
    ]


@pytest.mark.parametrize("memory", [1, 500, 3_000, 1 << 20])
@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_runs_are_merged(tmp_path: Path, memory: int, size: int) -> None:
    random = Random(size)
    users = ["", "a", "b" * 50, "ü", "\uffff", "🐕", "10", "9"]  # by characters, as Python does
    rows = [(random.choice(users), id) for id in random.sample(range(1_000), 300)]
    with Scratch(tmp_path) as scratch:
        found = Ordered(batches(rows, size), ["user", "id"], scratch, memory)
        for _ in range(2):  # it can be read again
            pairs = [tuple(row.values()) for batch in found for row in batch.to_pylist()]
            assert pairs == sorted(rows)
        assert len(found) == 300
        assert list(Ordered([], ["user"], scratch)) == []


def test_few_blocks_are_in_memory_however_many_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("a", id) for id in Random(1).sample(range(300), 300)]
    with Scratch(tmp_path) as scratch:
        found = Ordered(batches(rows, 1), ["id"], scratch, memory=1)  # a run for each row
        read: list[object] = []
        get = scratch.get
        monkeypatch.setattr(scratch, "get", lambda place: read.append(place) or get(place))
        next(iter(found))
        assert len(read) <= BLOCKS + 1


def test_equal_rows_are_all_kept(tmp_path: Path) -> None:
    rows = [("a", number % 3) for number in range(100)]
    with Scratch(tmp_path) as scratch:
        found = Ordered(batches(rows, 9), ["id"], scratch, memory=300)
        assert [id for batch in found for id in batch["id"].to_pylist()] == sorted(
            id for _, id in rows
        )


def test_a_block_without_clicks_takes_no_room_for_those_of_others(tmp_path: Path) -> None:
    clicked = pa.array([["fido"] * 40] * 500 + [None] * 5_000, pa.list_(pa.string()))
    batch = pa.record_batch({"id": list(range(len(clicked))), "clicked": clicked})
    with Scratch(tmp_path) as scratch:
        sizes: list[int] = []
        put = scratch.put
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scratch, "put", lambda block: sizes.append(len(block)) or put(block))
            Ordered([batch], ["id"], scratch, memory=1 << 18)
    assert sum(sizes) < 2 * batch.nbytes


def test_rows_are_split_by_their_number_and_their_bytes() -> None:
    def sizes(size: int, rows: int, memory: int) -> list[int]:
        found = in_parts(batches([("a" * 100, n) for n in range(10)], size), memory, rows)
        return [table.num_rows for table in found]

    for size in (1, 3, 100):
        assert sizes(size, 4, 1 << 20) == [4, 4, 2]
    assert sizes(1, 4, 1) == [1] * 10
    assert sizes(2, 4, 200) == [2] * 5
    assert sizes(5, 5, 1 << 20) == [5, 5]
