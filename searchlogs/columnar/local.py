"""Times of a column of text that may be local ones of a zone."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchlogs.columnar.times import text_times
from searchlogs.events import EARLIEST
from searchlogs.logs.arrays import MICROSECOND, Array, text_array
from searchlogs.logs.times import Times

_Z, _EMPTY = text_array(["Z", ""])
MINUTE = 60_000_000
"""Microseconds of a minute, within which validation is asked for one offset."""


def zoned_times(column: pa.StringArray, zone: str | None) -> tuple[Array, Array]:
    """Return times as `text_times` does, and those without an offset as times of a zone.

    Args:
        column: The texts.
        zone: The time zone's name; None makes no local time sure.

    Returns:
        The times, in microseconds since 1970, and whether each text surely is such a time.

    >>> times, good = zoned_times(text_array(["1970-01-01 01:00:05", "noon"]), "Europe/Berlin")
    >>> times[0], good.tolist()
    (np.int64(5000000), [True, False])
    """
    times, good = text_times(column)
    if zone is None or good.all():
        return times, good
    local, is_local = text_times(pc.binary_join_element_wise(column, _Z, _EMPTY))
    row = np.flatnonzero(is_local)
    minute = local[row] // MINUTE
    order = np.argsort(minute, kind="stable")
    is_new = np.diff(minute[order], prepend=-1) != 0
    rules = Times(zone=zone)
    offsets = [_offset(one, rules) for one in minute[order][is_new].tolist()]
    which = np.empty(len(row), np.intp)
    which[order] = np.cumsum(is_new) - 1
    has_one = np.array([offset is not None for offset in offsets], bool)[which]
    times[row] = local[row] + np.array([offset or 0 for offset in offsets], np.int64)[which]
    good[row] = has_one
    return times, good


def _offset(minute: int, rules: Times) -> int | None:
    """Return how much a zone's times of a minute are behind UTC, in microseconds.

    None if there is no such time, if it occurred twice, or if the clocks change within the minute.
    """
    begin = EARLIEST + timedelta(minutes=minute)
    found = set()
    for time in begin, begin + timedelta(minutes=1) - MICROSECOND:
        try:
            found.add(rules.read(time.replace(tzinfo=None).isoformat()) - time)
        except ValueError:
            return None
    return found.pop() // MICROSECOND if len(found) == 1 else None
