"""Wrong ways to add up two halves of a session."""

from collections.abc import Callable
from typing import Any

Half = tuple[int, int, int, int]


def _right(
    before: tuple[int, int, int, int], after: tuple[int, int, int, int], gap: int
) -> list[tuple[int, int, int, int]]:
    start, end, events, searches = before
    if after[0] - end > gap:
        return [before, after]
    return [(start, after[1], events + after[2], searches + after[3])]


def _never_joined(before: Half, after: Half, gap: int) -> list[Half]:
    return [before, after]


def _always_joined(before: Half, after: Half, gap: int) -> list[Half]:
    return [(before[0], after[1], before[2] + after[2], before[3] + after[3])]


def _split_at_the_gap(before: Half, after: Half, gap: int) -> list[Half]:
    return [before, after] if after[0] - before[1] >= gap else _always_joined(before, after, gap)


def _row_counted(before: Half, after: Half, gap: int) -> list[Half]:
    found = _right(before, after, gap)
    if len(found) == 2:
        return found
    start, end, events, searches = found[0]
    return [(start, end, events + 1, searches)]


def _began_again(before: Half, after: Half, gap: int) -> list[Half]:
    found = _right(before, after, gap)
    return found if len(found) == 2 else [(after[0], *found[0][1:])]


def _ended_before(before: Half, after: Half, gap: int) -> list[Half]:
    found = _right(before, after, gap)
    return found if len(found) == 2 else [(found[0][0], before[1], *found[0][2:])]


def _counts_forgotten(before: Half, after: Half, gap: int) -> list[Half]:
    found = _right(before, after, gap)
    return found if len(found) == 2 else [(before[0], *after[1:])]


def _from_start_to_start(before: Half, after: Half, gap: int) -> list[Half]:
    one = _always_joined(before, after, gap)
    return [before, after] if after[0] - before[0] > gap else one


def _from_end_to_end(before: Half, after: Half, gap: int) -> list[Half]:
    one = _always_joined(before, after, gap)
    return [before, after] if after[1] - before[1] > gap else one


def _gap_of_thirty(before: Half, after: Half, gap: int) -> list[Half]:
    return _right(before, after, 30)


def _end_to_end(before: Half, after: Half, gap: int) -> list[tuple[int, ...]]:
    return [before + after] if after[0] - before[1] <= gap else [before, after]


def _one_of_one(before: Half, after: Half, gap: int) -> list[Half] | Half:
    found = _right(before, after, gap)
    return found if len(found) == 2 else found[0]


HALVES: dict[Callable[..., Any], str] = {
    _never_joined: (
        "They are always two sessions here. If the pause between them is not longer than the "
        "gap, the batch boundary fell into the middle of one session."
    ),
    _always_joined: (
        "They are always one session here. But the user may have been away: compare the pause "
        "with the gap."
    ),
    _split_at_the_gap: (
        "A pause of exactly the gap ends no session: only a longer pause does. At a batch "
        "boundary the rule is the same as everywhere else."
    ),
    _row_counted: (
        "There is one event too many. The row that carries the open session over stands for "
        "its events; it isn't an event itself."
    ),
    _began_again: (
        "The session begins at the boundary here. It began in the batch before: its start was "
        "carried over."
    ),
    _ended_before: (
        "The session ends at its last event of the first batch here. Its last event is in the "
        "second batch."
    ),
    _counts_forgotten: (
        "The counts are those of the second batch alone. Add those that were carried over."
    ),
    _from_start_to_start: (
        "The pause is measured from the *start* of the first half. It lies between the end of "
        "the first half and the start of the second."
    ),
    _from_end_to_end: (
        "The pause is measured up to the *end* of the second half. It ends at its start."
    ),
    _gap_of_thirty: "The gap is always 30 here. Use the parameter `gap`.",
    _end_to_end: (
        "The two tuples were put one behind the other. One session is one tuple of four: "
        "start, end, and the two sums."
    ),
    _one_of_one: "Nearly: always return a list, even of a single session.",
}
