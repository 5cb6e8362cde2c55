"""Parquet whose values unpack to far more than a log holds."""

import io
import struct
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_files import outcomes
from wording import Like

from searchlogs.events import Event, Search
from searchlogs.logs.formats import Read
from searchlogs.logs.log import Log
from searchlogs.logs.records import read_log

TIME = datetime(2024, 1, 1, 0, 0, 5, tzinfo=UTC)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Read]]:
    def read(name: str, data: bytes, **options: Any) -> list[Read]:
        (tmp_path / name).write_bytes(data)
        return list(read_log(Log((str(tmp_path / name),), **options).open()))

    return read


def searched(query: str) -> tuple[Event, ...]:
    return (Search("a", query, TIME),)


PEAK = """
import sys
from pathlib import Path
from searchlogs.logs.log import Log
from searchlogs.logs.border import Border
from searchlogs.logs.source import LogSource
from searchlogs.columnar.source import BatchSource
for source in LogSource, BatchSource:
    log = Log((sys.argv[1],), border=Border(fields={"query": sys.argv[2]})).open()
    part = source(log).build_part("", "log", None)
    items = []
    while not part.ended:
        items += part.next_batch()
    peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    print(int(peak) // 1024, items)
"""
"""Prints the greatest memory in MB. (That of getrusage is the parent's, if it was greater.)"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured by Linux")
@pytest.mark.parametrize(
    "kind", ["brotli", "zstd", "one in many", "dictionary", "prefix", "inside"]
)
def test_what_unpacks_to_gigabytes_takes_little_memory(tmp_path: Path, kind: str) -> None:
    megabyte, rows = "x" * (1 << 20), 500 if kind in ("dictionary", "prefix", "inside") else 1
    large = [None, pa.py_buffer(struct.pack("<2i", 0, 1 << 28)), pa.py_buffer(bytes(1 << 28))]
    query: Any = pa.Array.from_buffers(pa.string(), 1, large)
    options: dict[str, Any] = {"use_dictionary": False, "compression": "zstd"}
    if kind == "brotli":
        options["compression"] = kind
    elif kind == "one in many":
        query = pa.concat_arrays([query, pa.array(["a"] * 100_000)])
    elif kind == "prefix":
        query = [megabyte] * rows
        options |= {"column_encoding": {"query": "DELTA_BYTE_ARRAY"}}
    elif rows > 1:
        query = pa.array([megabyte]).dictionary_encode().take(pa.array([0] * rows))
        options = {"compression": "zstd", "dictionary_pagesize_limit": 1 << 24}
    if kind == "inside":
        query = pa.StructArray.from_arrays([query], ["text"])
    size = len(query)
    columns = {"event": ["search"] * size, "user": ["a"] * size, "time": [TIME] * size}
    name = "more" if kind == "inside" else "query"
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({**columns, name: query}), path, store_schema=False, **options)
    assert path.stat().st_size < 60_000
    query = "more.text" if kind == "inside" else "query"
    run = subprocess.run(
        [sys.executable, "-c", PEAK, str(path), query], capture_output=True, text=True, check=True
    )
    both = run.stdout.splitlines()
    assert len(both) == 2
    for line in both:
        peak, _, items = line.partition(" ")
        assert int(peak) < 400
        assert items == Like(
            "Reject(…line=1, field=None…row group 1…bytes or more…expected at most"
        )
        assert items == Like("Tally(records=1, gave_events=0, rejected=1")


def test_long_values_of_few_rows_are_read(read: Callable[..., list[Read]]) -> None:
    """As many as may be, whatever the encoding."""
    size = 50
    columns = {"event": ["search"] * size, "user": ["a"] * size, "time": [TIME] * size}
    prefixes = {"use_dictionary": False, "column_encoding": {"query": "DELTA_BYTE_ARRAY"}}
    options: Any
    for options in ({}, prefixes):
        file = io.BytesIO()
        pq.write_table(pa.table({**columns, "query": ["x" * (1 << 20)] * size}), file, **options)
        reads = read("log.parquet", file.getvalue())
        assert [read.outcome[0].query for read in reads] == ["x" * (1 << 20)] * size  # type: ignore[index, union-attr]


def test_good_row_groups_before_a_huge_one_are_read(read: Callable[..., list[Read]]) -> None:
    columns = {"event": ["search"], "user": ["a"], "time": [TIME]}
    file = io.BytesIO()
    small, huge = (pa.table({**columns, "query": [text]}) for text in ("a", "x" * (1 << 27)))
    with pq.ParquetWriter(file, small.schema, use_dictionary=False) as writer:
        for table in (small, small, huge, small):
            writer.write_table(table)
    reads = outcomes(read("log.parquet", file.getvalue()))
    assert reads[:2] == [searched("a")] * 2
    assert reads[2:] == [(3, None, Like("row group 3…query…not read"))]
