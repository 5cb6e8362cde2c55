"""Rates of sessions, from their counts."""

from collections.abc import Iterable
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from searchlogs.logs.schemas import SESSION_RATES
from searchlogs.metrics import RATES

Rows = TypeVar("Rows", pa.RecordBatch, pa.Table)


def add_rates(rows: Rows, rates: Iterable[str] = SESSION_RATES) -> Rows:
    """Add rates to counts, each as `metrics.rate` defines it.

    Args:
        rows: One row per session, with the counts that the rates divide, and `searches`.
        rates: Names in `metrics.RATES`.

    Returns:
        The rows with one more column per rate, float64, null if the rate is undefined.
    """
    undefined = pa.nulls(len(rows), pa.float64())
    searched = is_positive(rows["searches"])
    for name in rates:
        part, whole = (rows[count] for count in RATES[name])
        defined = pc.and_(searched, is_positive(whole))
        rate = pc.divide(part.cast(pa.float64()), whole.cast(pa.float64()))
        rows = rows.append_column(name, pc.if_else(defined, rate, undefined))
    return rows


def is_positive(counts: pa.Array) -> pa.BooleanArray:
    """Return whether each count is positive; to compare it with 0, Arrow would import pandas."""
    return counts.cast(pa.bool_())
