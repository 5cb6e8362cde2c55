"""Answers to the exercises of notebook 09."""

import io
from collections import deque
from functools import partial
from itertools import islice
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from searchlogs.exercises.killed_and_resumed import after_the_kill, forgotten, lines_left

# A source that knows its log.


def by_steps(lines, count, checksum):
    rest, value = deque(lines), 0
    for _ in range(count):
        if not rest:
            return "another log"
        value = crc32(rest.popleft().encode(), value)
    return list(rest) if value == checksum else "another log"


def sliced(lines, count, checksum):
    rest = iter(lines)
    had_read = tuple(islice(rest, count))
    if (len(had_read), crc32("".join(had_read).encode())) == (count, checksum):
        return list(rest)
    return "another log"


def popped(lines, count, checksum):
    had_read = [lines.pop(0) for _ in range(min(count, len(lines)))]
    same = len(had_read) == count and crc32(bytes("".join(had_read), "utf-8")) == checksum
    return lines if same else "another log"


def caught(lines, count, checksum):
    try:
        text = "".join(lines[number] for number in range(count))
        assert crc32(text.encode()) == checksum
    except (IndexError, AssertionError):
        return "another log"
    return lines[count:]


def recursive(lines, count, checksum, value=0):
    if count == 0:
        return lines if value == checksum else "another log"
    if not lines:
        return "another log"
    return recursive(lines[1:], count - 1, checksum, crc32(lines[0].encode(), value))


def as_array(lines, count, checksum):
    if count > len(lines) or crc32("".join(lines[:count]).encode()) != checksum:
        return "another log"
    return np.array(lines, dtype=object)[count:]


def from_a_file(lines, count, checksum):
    if len(lines) < count:
        return "another log"
    size = sum(map(len, lines[:count]))
    file = io.StringIO("".join(lines))
    return list(file) if crc32(file.read(size).encode()) == checksum else "another log"


class Source:
    def __init__(self, words: str) -> None:
        self.words = words

    def __call__(self, lines, count, checksum):
        return lines_left(lines, count, checksum) if len(lines) >= count else self.words


def in_capitals(lines, count, checksum):
    left = lines_left(lines, count, checksum)
    return "Another log!" if isinstance(left, str) else left


def whole_log(lines, count, checksum):
    same = crc32("".join(lines).encode()) == checksum
    return lines[count:] if same else "another log"


def with_line_breaks(lines, count, checksum):
    same = crc32("\n".join(lines[:count]).encode()) == checksum
    return lines[count:] if same and len(lines) >= count else "another log"


def raised(lines, count, checksum):
    left = lines_left(lines, count, checksum)
    if isinstance(left, str):
        raise ValueError(left)
    return left


def left_or(lines, count, checksum, change):
    left = lines_left(lines, count, checksum)
    return left if isinstance(left, str) else change(lines, count)


RIGHT: dict[str, list[Any]] = {
    "after_a_kill": [
        [701, 7, 90],
        (701, 7, 90),
        [701.0, 7.0, 90.0],
        after_the_kill(),
        np.array([701, 7, 90]),
        pd.Series([701, 7, 90]),
        deque([701, 7, 90]),
        [np.int64(701), np.int64(7), np.int64(90)],
        [700 + 1, 58 - 51, 51 + 39],
    ],
    "go_on": [
        lines_left,
        by_steps,
        sliced,
        popped,
        caught,
        recursive,
        as_array,
        from_a_file,
        Source("another log"),
        partial(left_or, change=lambda lines, count: iter(lines[count:])),
    ],
    "three_parts": [
        forgotten(),
        ("state", "output", "source"),
        ["State", "Output", "Source"],
        [" state", "output ", "source"],
        ["state", "output", "source"],
        np.array(["state", "output", "source"]),
        pd.Series(["state", "output", "source"]),
        deque(["state", "output", "source"]),
    ],
}


WRONG: dict[str, list[tuple[Any, str]]] = {
    "after_a_kill": [
        ([700, 7, 90], "record 700 was read"),
        ([731, 0, 90], "in memory there is gone"),
        ([730, 7, 90], "in memory there is gone"),
        ([0, 0, 90], "from the beginning"),
        ([600, 14, 90], "the snapshot before the last"),
        ([701, 0, 90], "must be cut off"),
        ([701, 51, 90], "51 lines that were there"),
        ([701, 30, 90], "30 *records*"),
        ([701, 7, 81], "read again, and write them once more"),
        ([701, 7, 148], "as if nothing had happened"),
        ([701, 7], "Three numbers"),
        (701, "list"),
        (after_the_kill, "This is a function"),
    ],
    "go_on": [
        (lambda lines, count, checksum: lines[count:], "not their content"),
        (whole_log, "over the whole log"),
        (partial(left_or, change=lambda lines, count: lines), "All lines are returned"),
        (
            partial(left_or, change=lambda lines, count: lines[max(0, count - 1) :]),
            "one line too many",
        ),
        (partial(left_or, change=lambda lines, count: lines[count + 1 :]), "One line is skipped"),
        (partial(left_or, change=lambda lines, count: lines[:count]), "had been read"),
        (partial(left_or, change=lambda lines, count: "".join(lines[count:])), "into one text"),
        (with_line_breaks, "ends in its break"),
        (in_capitals, ""),
        (raised, "raise this error itself"),
        (
            lambda lines, count, checksum: (
                lines[count:]
                if crc32("".join(lines[:count]).encode()) == checksum
                else "another log"
            ),
            "Only the checksum",
        ),
        (
            lambda lines, count, checksum: lines_left(lines, count, checksum) or "another log",
            "read to its end is refused",
        ),
        (lambda lines, count, checksum: "another log", "Every log is refused"),
        (lambda lines, count, checksum: print(lines[count:]), "return"),
        (["another log"], "without calling it"),
    ],
    "three_parts": [
        (["output", "state", "source"], "Engine 1"),
        (["source", "output", "state"], "Engine 1"),
        (["state", "source", "output"], "Engine 2"),
        (["state", "state", "source"], "Engine 2"),
        (["state", "output", "state"], "Engine 3"),
        (["state", "output", "output"], "Engine 3"),
        (["state", "output"], "Three words"),
        (["state", "output", "log"], "one of `source`"),
        ("state", "Three words"),
        (forgotten, "This is a function"),
    ],
}


EQUIVALENT: dict[str, dict[str, str]] = {}
