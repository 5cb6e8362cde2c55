"""Wrong ways to go on in a log."""

from collections.abc import Callable
from typing import Any
from zlib import crc32

Lines = list[str]


def _right(lines: list[str], count: int, checksum: int) -> list[str] | str:
    had_read = lines[:count]
    if len(had_read) < count or crc32("".join(had_read).encode()) != checksum:
        return "another log"
    return lines[count:]


def _trusting(lines: Lines, count: int, checksum: int) -> Lines | str:
    return lines[count:]


def _whole_log(lines: Lines, count: int, checksum: int) -> Lines | str:
    return lines[count:] if crc32("".join(lines).encode()) == checksum else "another log"


def _from_the_start(lines: Lines, count: int, checksum: int) -> Lines | str:
    left = _right(lines, count, checksum)
    return left if isinstance(left, str) else lines


def _last_line_again(lines: Lines, count: int, checksum: int) -> Lines | str:
    left = _right(lines, count, checksum)
    return left if isinstance(left, str) else lines[max(0, count - 1) :]


def _one_skipped(lines: Lines, count: int, checksum: int) -> Lines | str:
    left = _right(lines, count, checksum)
    return left if isinstance(left, str) else lines[count + 1 :]


def _refused_all(lines: Lines, count: int, checksum: int) -> Lines | str:
    return "another log"


def _breaks_between(lines: Lines, count: int, checksum: int) -> Lines | str:
    same = crc32("\n".join(lines[:count]).encode()) == checksum and count <= len(lines)
    return lines[count:] if same else "another log"


def _what_was_read(lines: Lines, count: int, checksum: int) -> Lines | str:
    left = _right(lines, count, checksum)
    return left if isinstance(left, str) else lines[:count]


def _in_one_text(lines: Lines, count: int, checksum: int) -> str:
    return "".join(_right(lines, count, checksum))


def _none_for_another(lines: Lines, count: int, checksum: int) -> Lines | None:
    left = _right(lines, count, checksum)
    return None if isinstance(left, str) else left


def _raised(lines: Lines, count: int, checksum: int) -> Lines:
    left = _right(lines, count, checksum)
    if isinstance(left, str):
        raise ValueError(left)
    return left


def _only_the_checksum(lines: Lines, count: int, checksum: int) -> Lines | str:
    same = crc32("".join(lines[:count]).encode()) == checksum
    return lines[count:] if same else "another log"


def _no_more_than_read(lines: Lines, count: int, checksum: int) -> Lines | str:
    return _right(lines, count, checksum) if len(lines) > count else "another log"


def _shorter_is_fine(lines: Lines, count: int, checksum: int) -> Lines | str:
    if len(lines) < count:
        return []
    return _right(lines, count, checksum)


SOURCES: dict[Callable[..., Any], str] = {
    _trusting: (
        "Only the number of lines is used, not their content. If an earlier line has changed, "
        "or another log has the same name, the result would be a mixture of two logs. "
        "Compare `checksum`."
    ),
    _whole_log: (
        "The checksum is computed over the whole log here, so a log that has grown is "
        "refused. Compute it over the first `count` lines alone: new lines at the end are "
        "what is left to read."
    ),
    _from_the_start: (
        "All lines are returned again. The first `count` of them have been through the flow: "
        "their effect is in its state."
    ),
    _last_line_again: (
        "There is one line too many: the last one that had been read is returned again. Lists "
        "count from 0, so the first line that is left is `lines[count]`."
    ),
    _one_skipped: (
        "One line is skipped, and lost. Lists count from 0, so the first line that is left is "
        "`lines[count]`."
    ),
    _refused_all: (
        "Every log is refused here, even the right one. Is the checksum that of the first "
        "`count` lines, joined with nothing between them?"
    ),
    _breaks_between: (
        "The checksum is of lines with a break between them. Each line already ends in its break: "
        'join them with nothing between, `"".join(…)`.'
    ),
    _what_was_read: (
        "These are the lines that had been read. The others are left: they begin at `lines[count]`."
    ),
    _in_one_text: "The lines were joined into one text. Return the list of them.",
    _none_for_another: (
        'A log that is not the same gives None here. Return the text `"another log"`.'
    ),
    _raised: (
        "Does your code raise this error itself, for another log? Return the text "
        '`"another log"` instead.'
    ),
    _only_the_checksum: (
        "Only the checksum is compared. An empty text changes no checksum, so a log that has "
        "lost one is accepted: compare the number of lines as well."
    ),
    _no_more_than_read: (
        "A log that was read to its end is refused. It is still the right log: nothing is "
        "left to read, so return an empty list."
    ),
    _shorter_is_fine: (
        "A log that has lost lines is accepted. What was read is no longer there, so it can't "
        "be compared: refuse such a log as well."
    ),
}
