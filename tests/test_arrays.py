"""Arrow arrays built from buffers are those that pyarrow makes, and import no pandas."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchlogs.logs.arrays import (
    flag_array,
    float_array,
    from_numpy,
    int_array,
    list_array,
    text_array,
    time_array,
    to_flags,
    to_numpy,
)

texts = st.one_of(st.none(), st.text(), st.text("ab"))
numbers = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])
times = st.one_of(
    st.none(), st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=zones)
)


def assert_equal(found: pa.Array, values: list[Any], type: pa.DataType) -> None:
    found.validate(full=True)
    wanted = pa.array(values, type)
    assert (found.type, found.null_count) == (type, wanted.null_count)
    assert found == wanted
    assert found.slice(1) == wanted.slice(1)


@given(st.lists(texts))
def test_texts(values: list[str | None]) -> None:
    assert_equal(text_array(values), values, pa.string())


@given(st.lists(numbers))
def test_whole_numbers(values: list[int | None]) -> None:
    assert_equal(int_array(values), values, pa.int64())


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False))))
def test_numbers(values: list[float | None]) -> None:
    assert_equal(float_array(values), values, pa.float64())


def test_nan_is_not_null() -> None:
    assert float_array([float("nan"), None]).is_valid().to_pylist() == [True, False]


@given(st.lists(st.booleans()))
def test_flags(values: list[bool]) -> None:
    assert_equal(flag_array(values), values, pa.bool_())
    assert to_flags(flag_array(values)).tolist() == values


@given(st.lists(times))
def test_times(values: list[datetime | None]) -> None:
    assert_equal(time_array(values), values, pa.timestamp("us", "UTC"))


@given(st.lists(st.one_of(st.none(), st.lists(texts))))
def test_lists_of_texts(values: list[list[str | None] | None]) -> None:
    assert_equal(list_array(values), values, pa.list_(pa.string()))


@given(st.lists(st.one_of(st.none(), st.lists(numbers).map(tuple))))
def test_lists_of_numbers(values: list[tuple[int | None, ...] | None]) -> None:
    assert_equal(list_array(values, int_array), values, pa.list_(pa.int64()))


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.uint32, np.float64])
def test_numpy_there_and_back(dtype: Any) -> None:
    values = np.arange(10).astype(dtype)
    array = from_numpy(values)
    assert array == pa.array(values)
    assert to_numpy(array.slice(2, 5), dtype).tolist() == [2, 3, 4, 5, 6]
    assert from_numpy(values[::2]) == pa.array(values[::2])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError):
        int_array([2**63])
    with pytest.raises(UnicodeEncodeError):
        text_array(["\ud800"])


def test_offsets_beyond_32_bits_are_refused() -> None:
    class Long(tuple[str, ...]):
        def __len__(self) -> int:
            return 2**31

    with pytest.raises(OverflowError, match="less than 2³¹"):
        list_array([Long("a")])


def test_pandas_is_not_imported() -> None:
    code = """
import sys
from searchlogs.logs.arrays import *
from searchlogs.events import EARLIEST
text_array(["a", None]), int_array([1, None]), float_array([0.5]), time_array([EARLIEST, None])
list_array([["a"], None]), list_array([[1]], int_array), to_flags(flag_array([True]))
to_numpy(from_numpy(np.arange(3)), np.int64)
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
