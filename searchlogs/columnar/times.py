"""Times of a column of text or numbers, as far as they have the shapes that most logs have."""

import numpy as np
import pyarrow as pa

from searchlogs.columnar.columns import LAST
from searchlogs.events import EARLIEST
from searchlogs.logs.arrays import MICROSECOND, Array, take, to_numpy
from searchlogs.logs.times import FIRST_NUMBER
from searchlogs.logs.words import TIME_UNITS

_MONTHS = np.arange("1970-01", "2201-02", dtype="M8[M]").astype("M8[D]").astype(np.int64)
"""Day on which each month begins, from 1970-01-01 on."""

_FIRST_NUMBER = (FIRST_NUMBER - EARLIEST) // MICROSECOND

_DIGITS = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
"""Places of the digits in 2024-01-01T00:00:05."""

_MARKS = {4: b"-", 7: b"-", 10: b"T ", 13: b":", 16: b":"}
"""What stands at the other places."""

_SHORTEST, _LONGEST = len("2024-01-01T00:00:05Z"), len("2024-01-01T00:00:05.123456789+01:00")


def text_times(column: pa.StringArray) -> tuple[Array, Array]:
    """Return times that are written like 2024-01-01T00:00:05.123Z.

    There may be a space in place of the T, up to nine decimals (of which six are kept) or none, and
    an offset such as +01:00 in place of the Z.

    Returns:
        The times, in microseconds since 1970, and whether each text is such a time from 1970 on.

    >>> from searchlogs.logs.arrays import text_array
    >>> times, good = text_times(text_array(["1970-01-01T01:00:05.5+01:00", "noon"]))
    >>> times[0], good.tolist()
    (np.int64(5500000), [True, False])
    """
    times, good = np.zeros(len(column), np.int64), np.zeros(len(column), bool)
    offsets = to_numpy(column, np.int32, len(column) + 1).astype(np.int64)
    size = np.diff(offsets)
    may_be = (size >= _SHORTEST) & (size <= _LONGEST)
    if not may_be.any():
        return times, good
    data = np.frombuffer(column.buffers()[2], np.uint8)
    ends_in_z = take(data, offsets[1:] - 1) == ord("Z")
    layout = np.where(may_be, 2 * size + ends_in_z, 0)  # by which every byte has its place
    for code in np.flatnonzero(np.bincount(layout)).tolist():
        if code:
            length, rows = code // 2, np.flatnonzero(layout == code)
            if len(rows) == len(column):
                cells = data[offsets[0] : offsets[-1]].reshape(-1, length).T
            else:
                cells = take(data, offsets[rows] + np.arange(length)[:, np.newaxis])
            times[rows], good[rows] = _times(np.ascontiguousarray(cells), code % 2 == 1)
    return times, good


def _times(cells: Array, ends_in_z: bool) -> tuple[Array, Array]:
    """Return times as `text_times` does, of texts of one length; `cells` has a row per byte."""
    end = len(cells) - len("Z" if ends_in_z else "+01:00")
    fraction = range(len("2024-01-01T00:00:05."), end)
    offset = [] if ends_in_z else [end + place for place in (1, 2, 4, 5)]
    marks = _MARKS | ({end: b"Z"} if ends_in_z else {end: b"+-", end + 3: b":"})
    if end != len("2024-01-01T00:00:05"):
        marks[19] = b"." if 1 <= len(fraction) <= 9 else b""  # else no byte is right
    digits = cells - np.uint8(ord("0"))  # other characters become more than 9
    good = np.all(digits[[*_DIGITS, *fraction, *offset]] <= 9, axis=0)
    for place, allowed in marks.items():
        is_right = np.zeros(len(good), bool)
        for byte in allowed:
            is_right |= cells[place] == byte
        good &= is_right

    def number(place: int) -> Array:
        """Return the number of two digits."""
        two: Array = digits[place] * np.uint8(10) + digits[place + 1]
        return two

    month = (number(0) * np.int64(100) + number(2) - 1970) * 12 + number(5) - 1
    good &= (month >= 0) & (month < len(_MONTHS) - 1) & (number(5) >= 1) & (number(5) <= 12)
    month[~good] = 0
    day = take(_MONTHS, month) + number(8) - 1
    good &= (number(8) >= 1) & (day < take(_MONTHS, month + 1))
    good &= (number(11) <= 23) & (number(14) <= 59) & (number(17) <= 59)
    seconds = (number(11) * np.int64(60) + number(14)) * 60 + number(17)
    micros = (day * 86_400 + seconds) * 1_000_000
    worth = 100_000
    for place in fraction[:6]:
        micros += digits[place] * np.int64(worth)
        worth //= 10
    if offset:
        hours, minutes = number(end + 1), number(end + 4)
        good &= (hours <= 23) & (minutes <= 59)
        shift = (hours * np.int64(60) + minutes) * 60_000_000
        micros += np.where(cells[end] == ord("-"), shift, -shift)
    return micros, good


def number_times(column: pa.DoubleArray, unit: str | None) -> tuple[Array, Array]:
    """Return times that are numbers of a unit, counted from 1970.

    A number with a fraction was rounded when it was parsed. It is sure only if all decimal numbers
    that are rounded to it are of the same microsecond.

    Args:
        column: The numbers.
        unit: Their unit, as in TIME_UNITS; None makes none of them sure.

    Returns:
        The times, in microseconds since 1970, and whether each number surely is such a time.
    """
    values = to_numpy(column, np.float64)
    if unit is None:
        return np.zeros(len(values), np.int64), np.zeros(len(values), bool)
    with np.errstate(over="ignore"):  # infinity is out of range
        micros = values * TIME_UNITS[unit]
    nearest = np.rint(micros)
    good = (nearest >= _FIRST_NUMBER) & (nearest <= LAST)
    values, micros, nearest = (np.where(good, part, 0) for part in (values, micros, nearest))
    rounded = (np.spacing(values) * TIME_UNITS[unit] + np.spacing(micros)) / 2
    return nearest.astype(np.int64), good & (np.abs(micros - nearest) + rounded < 0.5)
