"""Times of a column of text or numbers, as far as they have the shapes that most logs have."""

from collections.abc import Callable

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

_DIGITS = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
"""Places of the digits in 2024-01-01T00:00:05."""


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
    offsets = to_numpy(column, np.int32, len(column) + 1).astype(np.int64)
    begin, size = offsets[:-1], np.diff(offsets)
    buffer = column.buffers()[2]
    data = np.frombuffer(buffer, np.uint8) if buffer else np.zeros(0, np.uint8)
    if not len(data):
        return np.zeros(len(column), np.int64), np.zeros(len(column), bool)

    def byte(place: int | Array) -> Array:
        """Return the byte at a place of each text; beyond its end, any byte."""
        return take(data, begin + place)

    good = size >= len("2024-01-01T00:00:05Z")
    digit = {}
    for place in _DIGITS:
        digit[place] = byte(place) - np.uint8(ord("0"))  # other characters become more than 9
        good &= digit[place] <= 9
    for place, character in ((4, "-"), (7, "-"), (13, ":"), (16, ":")):
        good &= byte(place) == ord(character)
    good &= (byte(10) == ord("T")) | (byte(10) == ord(" "))

    def number(place: int) -> Array:
        """Return the number of two digits."""
        return digit[place] * np.int64(10) + digit[place + 1]

    month = (number(0) * 100 + number(2) - 1970) * 12 + number(5) - 1
    good &= (month >= 0) & (month < len(_MONTHS) - 1) & (number(5) >= 1) & (number(5) <= 12)
    month = np.where(good, month, 0)
    day = take(_MONTHS, month) + number(8) - 1
    good &= (number(8) >= 1) & (day < take(_MONTHS, month + 1))
    good &= (number(11) <= 23) & (number(14) <= 59) & (number(17) <= 59)
    micros = (((day * 24 + number(11)) * 60 + number(14)) * 60 + number(17)) * 1_000_000

    goes_on = byte(19) == ord(".")
    end = np.where(goes_on, 20, 19)  # where the offset begins
    for worth in (100_000, 10_000, 1_000, 100, 10, 1, 0, 0, 0):
        if not goes_on.any():
            break
        decimal = byte(end) - np.uint8(ord("0"))
        goes_on &= decimal <= 9
        micros += np.where(goes_on, decimal * np.int64(worth), 0)
        end += goes_on
    good &= end != 20
    offset, has_offset = _offsets(byte, end, size)
    return micros - offset, good & (has_offset | ((byte(end) == ord("Z")) & (size == end + 1)))


def _offsets(byte: Callable[[Array], Array], place: Array, size: Array) -> tuple[Array, Array]:
    """Return offsets such as +01:00 in microseconds, and whether each text ends in one."""
    sign = byte(place)
    good = ((sign == ord("+")) | (sign == ord("-"))) & (size == place + len("+01:00"))
    if not good.any():
        return np.zeros(len(place), np.int64), good
    digits = [byte(place + at) - np.uint8(ord("0")) for at in (1, 2, 4, 5)]
    for digit in digits:
        good &= digit <= 9
    hours, minutes = (tens * np.int64(10) + ones for tens, ones in (digits[:2], digits[2:]))
    good &= (byte(place + 3) == ord(":")) & (hours <= 23) & (minutes <= 59)
    offset = (hours * 60 + minutes) * 60_000_000
    return np.where(good, np.where(sign == ord("-"), -offset, offset), 0), good


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
