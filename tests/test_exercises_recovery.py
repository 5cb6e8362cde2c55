"""What the exercises of notebooks 09 and 10 teach is what the package does."""

import json
import random
import re
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from bytewax.testing import TestingSource

from searchlogs import exercises
from searchlogs.command.queries import query_table
from searchlogs.events import Search
from searchlogs.exercises.killed_and_resumed import lines_left, summed
from searchlogs.exercises.people_behind_the_log import my_table, what_else
from searchlogs.figures.recovery import epochs_plot
from searchlogs.logs.log import Log
from searchlogs.logs.pseudonyms import pseudonymiser
from searchlogs.logs.schemas import SEARCHES
from searchlogs.logs.source import InputChanged, LogSource
from searchlogs.simulate import simulate


def test_the_figure_predicts_the_same_resume() -> None:
    lines = [44] * 600 + [51] * 100 + [58] * 30 + [85] * 270
    table = epochs_plot([0, *lines, 90], [0] * 1002, every=100, killed=730, title="So it is").data
    # The lines written before record 1 stand at record 1 here: only the sums are asked for.
    first_read = int((table["resume"] == "compared").sum()) + 1
    cut_off = 58 - int(table.loc[: first_read - 2, "lines"].sum())
    assert [first_read, cut_off, table["lines"].sum()] == exercises.after_a_kill.solve()


def cells() -> list[str]:
    """Return the sources of the notebook's cells."""
    text = (Path(__file__).parent.parent / "notebooks" / "09-killed-and-resumed.ipynb").read_text()
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"]]


def test_the_three_engines_write_what_the_statement_says() -> None:
    (statement,) = [one for one in cells() if one.startswith("## Exercise: find the part that")]
    heads, *rows = re.findall(r"```\n(.*?)```", statement, re.DOTALL)[0].splitlines()
    ends = [heads.index(name) for name in ("right", "engine 1", "engine 2", "engine 3")]
    columns = [
        [line for row in rows if (line := row[start:end].strip())]
        for start, end in zip(ends, [*ends[1:], None], strict=True)
    ]
    names: dict[str, Any] = {}
    for cell in cells():  # The log, and what writes its sessions.
        if cell.startswith("from datetime import") or "def write_sessions(" in cell:
            exec(cell, names)
        if "def in_words(session)" in cell:
            exec(cell.partition("undisturbed")[0], names)
    log = names["log"]

    def written(events: list[Any]) -> list[str]:
        names["write_sessions"](events, lines := [])
        return lines

    at_snapshot, at_kill = (written([*log[:n], TestingSource.ABORT()]) for n in (6, 8))
    left = written(log)[len(at_snapshot) :]
    lacking = {
        "state": at_snapshot + written(log[6:]),
        "output": at_kill + left,
        "source": written(log[:6] + log),
    }
    engines = [lacking[part] for part in exercises.three_parts.solve()]
    assert columns == [written(log), *engines]


def test_a_pseudonym_hides_nobody_of_whom_two_queries_are_known() -> None:
    searches = [event for event in simulate(120, 900, seed=7) if isinstance(event, Search)]
    person = searches[0].user
    own = sorted({search.query for search in searches if search.user == person})
    known = frozenset(own[:-1])
    hide = pseudonymiser(b"nobody knows it")
    hidden = [(str(hide(search).user), search.query) for search in searches]
    open_ = [(str(search.user), search.query) for search in searches]
    assert what_else(hidden, known) == what_else(open_, known) == {own[-1]}


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
