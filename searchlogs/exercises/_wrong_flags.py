"""Wrong ways to flag where sessions begin."""

from collections.abc import Callable
from typing import Any

from numpy import diff, int64, ones
from numpy.typing import NDArray

Column = NDArray[int64]
Flags = list[bool]


def _right(user: NDArray[int64], time: NDArray[int64], gap: int) -> list[bool]:
    begins = ones(len(user), bool)
    begins[1:] = (diff(user) != 0) | (diff(time) > gap)
    return begins.tolist()


def _pauses_only(user: Column, time: Column, gap: int) -> Flags:
    return [i == 0 or time[i] - time[i - 1] > gap for i in range(len(user))]


def _users_only(user: Column, time: Column, gap: int) -> Flags:
    return [i == 0 or user[i] != user[i - 1] for i in range(len(user))]


def _gap_is_a_pause(user: Column, time: Column, gap: int) -> Flags:
    return [
        i == 0 or user[i] != user[i - 1] or time[i] - time[i - 1] >= gap for i in range(len(user))
    ]


def _either_way(user: Column, time: Column, gap: int) -> Flags:
    return [
        i == 0 or (user[i] != user[i - 1] and time[i] - time[i - 1] > gap) for i in range(len(user))
    ]


def _flags_on_ends(user: Column, time: Column, gap: int) -> Flags:
    return [*_right(user, time, gap)[1:], True][: len(user)]


def _first_is_none(user: Column, time: Column, gap: int) -> Flags:
    return [i > 0 and flag for i, flag in enumerate(_right(user, time, gap))]


def _differences_only(user: Column, time: Column, gap: int) -> Flags:
    return _right(user, time, gap)[1:]


def _inside_out(user: Column, time: Column, gap: int) -> Flags:
    return [not flag for flag in _right(user, time, gap)]


def _gap_of_ten(user: Column, time: Column, gap: int) -> Flags:
    return _right(user, time, 10)


def _any_distance(user: Column, time: Column, gap: int) -> Flags:
    return [
        i == 0 or user[i] != user[i - 1] or abs(time[i] - time[0]) > gap for i in range(len(user))
    ]


def _rows_of_starts(user: Column, time: Column, gap: int) -> list[int]:
    return [i for i, flag in enumerate(_right(user, time, gap)) if flag]


def _asks_a_whole_array(user: Column, time: Column, gap: int) -> Any:
    begins = ones(len(user), bool)
    begins[1:] = user[1:] != user[:-1] or diff(time) > gap
    return begins


FLAGS: dict[Callable[..., Any], str] = {
    _pauses_only: (
        "Only pauses are checked here. A new session also begins with each new user, however "
        "short the pause, and even if the time goes back."
    ),
    _users_only: (
        "Only users are checked here. After a pause longer than the gap, a user's next "
        "session begins."
    ),
    _gap_is_a_pause: (
        "A pause of exactly the gap ends a session here. Two events exactly `gap` apart share "
        "one: the pause must be longer, `>`, not `>=`."
    ),
    _either_way: (
        "Both conditions must hold here, another user *and* a long pause. Either of them is "
        "enough: combine them with `|`."
    ),
    _flags_on_ends: (
        "The flags are on the *last* row of each session. They belong on the first row, one "
        "row later: `begins[1:] = …`, and the very first row always has a flag."
    ),
    _first_is_none: (
        "The very first row has no flag. No row comes before it, so a session begins there."
    ),
    _differences_only: (
        "One flag is missing: n rows have n − 1 differences. The first row, which has none, "
        "begins a session."
    ),
    _inside_out: (
        "It is the other way round: these flags mark the rows at which a session continues."
    ),
    _gap_of_ten: "The gap is always 10 here. Use the parameter `gap`.",
    _any_distance: (
        "Times are compared with the first row's. A pause lies between *neighbours*: compare "
        "each time with the one just before it."
    ),
    _rows_of_starts: (
        "These are the numbers of the right rows. Return a flag for every row, `True` or `False`."
    ),
    _asks_a_whole_array: (
        "Does the error speak of a truth value? `or`, `and` and `not` need a single one, and "
        "an array has many: write `|`, `&` and `~`, and each comparison in parentheses."
    ),
}
