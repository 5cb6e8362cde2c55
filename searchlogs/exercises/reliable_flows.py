"""Exercises that ask for a dataflow: check a sum at the end, survive a kill."""

from collections.abc import Iterable, Mapping
from typing import Any

import bytewax.operators as op
from bytewax.connectors.files import FileSink
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from searchlogs.events import Search
from searchlogs.exercises import _wrong_flows as wrong
from searchlogs.exercises._core import at
from searchlogs.exercises._flows import FlowCase, FlowTask

Parts = dict[str, int]


def first_sum(source: Source[tuple[str, Any]], sink: Sink[Any]) -> Dataflow:
    """Assemble a flow that adds up what became of the records, and fails if one is missing."""
    flow = Dataflow("first_sum")
    pairs = op.input("inp", flow, source)
    keyed = op.key_on("all", pairs, lambda pair: "all")

    def add(parts: dict[str, int], pair: tuple[str, Any]) -> dict[str, int]:
        name, value = pair
        number = value if name == "read" else 1
        return {**parts, name: parts.get(name, 0) + number}

    def check(parts: dict[str, int]) -> dict[str, int]:
        read = parts.pop("read", 0)
        if sum(parts.values()) != read:
            raise ValueError(f"{read} records read, but the parts are {parts}")
        return parts

    sums = op.fold_final("sum", keyed, dict, add)
    op.output("out", op.map_value("check", sums, check), sink)
    return flow


def parts_in(rows: Iterable[Any]) -> list[Parts | str]:
    """Return the sums that rows hold, alone or behind a key, without what is zero."""
    found: list[Parts | str] = []
    for row in rows:
        parts = row[-1] if isinstance(row, tuple | list) and row else row
        if isinstance(parts, Mapping):
            found.append({name: n for name, n in parts.items() if n and name != "read"})
        else:
            found.append("text" if isinstance(parts, str) else "no dictionary")
    return found


def became(words: str, read: int) -> tuple[tuple[str, Any], ...]:
    """Return what a source gives: "e i" is an event and an ignored record."""
    names = {"e": "event", "r": "rejected", "i": "ignored", "d": "duplicate", "f": "framing"}
    records = [(names[word], f"line {n}") for n, word in enumerate(words.split(), 1)]
    return (*records, ("read", read))


check_the_sum = FlowTask(
    name="check_the_sum",
    solve=first_sum,
    hints=(
        "The sum is known only when the last item has come. Which step answers once, at the end?",
        "One count over all items needs one key for all: "
        '`op.key_on("all", …, lambda pair: "all")`. `op.fold_final` then keeps a dictionary.',
        "`op.map_value` can compare the sum with the number read, and its function may `raise`.",
    ),
    notice="A flow that stops is seen by whoever runs it; a number that is too small is not. Don't "
    "use `assert` for this in production: `python -O` leaves it out.",
    read_rows=parts_in,
    cases=lambda: (
        FlowCase("events and a reject", became("e e r e", 4)),
        FlowCase("a record that is missing", became("e e r", 4)),
        FlowCase("all five kinds", became("e f e i i r d e f", 9), batch=4),
        FlowCase("an event that came twice", became("e e r e", 3), batch=2),
        FlowCase("as many too few as too many", became("e e i i", 5), batch=10),
        FlowCase("an empty log", became("", 0)),
        FlowCase("a kill after the third record", became("e i e r f e", 6), stored=3),
        FlowCase("a loss after a kill", became("e i e r f e", 7), stored=3),
    ),
    mistakes={
        wrong.sum_unchecked: (
            "A record is missing, and the flow ends as if all were well. Compare the sum with the "
            "number read, and raise an error if they differ."
        ),
        wrong.sum_always_fails: (
            "The flow fails although no record is missing. Is the number read itself counted as a "
            "record, or taken for one?"
        ),
        wrong.sum_events_and_rejects: (
            "Only events and rejects are added up, so each ignored or framing record looks lost. "
            "All five parts belong to the sum."
        ),
        wrong.sum_too_few_only: (
            "A record that came twice goes unnoticed. The flow must fail if the sum is too large, "
            "too."
        ),
        wrong.sum_said: (
            "The flow sends on a sentence and ends as if all were well. A program that reads its "
            "output won't notice: raise an error."
        ),
        wrong.sum_as_they_pass: (
            "There is a row for each item. The sum is right only at the end: give one row."
        ),
        wrong.sum_alone: (
            "Only the whole number reaches the sink. Send the parts: a dictionary with the number "
            "of each."
        ),
    },
)  # fmt: skip


def survives(source: Source[Search], path: Any) -> Dataflow:
    """Assemble a flow that numbers each user's searches, one line each, also when killed."""
    flow = Dataflow("survives")
    searches = op.input("inp", flow, source)
    keyed = op.key_on("user", searches, lambda search: str(search.user))

    def count(before: int | None, search: Search) -> tuple[int, int]:
        now = (before or 0) + 1
        return now, now

    counts = op.stateful_map("count", keyed, count)
    lines = op.map("line", counts, lambda pair: (pair[0], f"user {pair[0]}: {pair[1]}"))
    op.output("out", lines, FileSink(path))
    return flow


def lines_in(rows: Iterable[str]) -> list[str]:
    """Return the lines that aren't empty."""
    return [line.strip() for line in rows if line.strip()]


USERS = (1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 1)
TWELVE = tuple(Search(user, "dogs", at(8 * number)) for number, user in enumerate(USERS))

survive_a_kill = FlowTask(
    name="survive_a_kill",
    solve=survives,
    hints=(
        "Three things go back to the last snapshot: the source, the state, and the output. The "
        "source is given. What keeps the other two?",
        "A count that a resume should find again is the state of a step: `op.stateful_map` on the "
        "user.",
        "`FileSink(path)` takes pairs of a key and a text, and writes the text as a line.",
    ),
    notice="Searches 7 and 8 went through the flow twice, and their lines are there once. The "
    "state went back to the snapshot, and so did the end of the file.",
    read_rows=lines_in,
    cases=lambda: (
        FlowCase("twelve searches, undisturbed", TWELVE, to_file=True),
        FlowCase("five searches at a time", TWELVE, batch=5, to_file=True),
        FlowCase("a kill after the eighth search", TWELVE, 3, stored=6, killed=8, to_file=True),
        FlowCase("a kill at a snapshot", TWELVE, 2, stored=4, to_file=True),
    ),
    mistakes={
        wrong.file_rewritten: (
            "The file is emptied at each start, so what was written before the kill is gone. A "
            "resume may cut off only what it writes again."
        ),
        wrong.file_appended: (
            "Rows are there twice after the resume: those written since the last snapshot stayed "
            "in the file. A sink that only appends can't cut them off; `FileSink` can."
        ),
        wrong.counts_outside: (
            "After the resume the counts begin again at 1. They were in a variable, and a snapshot "
            "stores only the state of steps."
        ),
        wrong.one_count: (
            "All users share one count. Use the user as the key."
        ),
        wrong.lines_at_the_end: (
            "There is one line for each user, at the end. Write a line for each search as it "
            "passes."
        ),
        wrong.bare_counts: (
            "The lines are the counts alone. Write the user as well: `user 1: 3`."
        ),
        wrong.key_twice: (
            "`FileSink` writes only the second part of each pair: that must be the whole line, "
            "such as `user 1: 3`."
        ),
    },
)  # fmt: skip
