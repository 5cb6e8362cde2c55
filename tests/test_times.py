"""How the times of a log are read, and why others are refused."""

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchlogs.events import EARLIEST, LATEST
from searchlogs.logs.times import FIRST_NUMBER, Times

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01T12:00:00Z",
        "2024-01-01 12:00:00+00:00",
        "2024-01-01 12:00:00 UTC",
        "2024-01-01 12:00:00.000000 UTC",
        "2024-01-01 12:00:00.000 +0000",
        "2024-01-01 13:00:00.000 +01:00",
        "2024-01-01 12:00:00.000000000 Z",
        "2024-01-01T12:00:00 GMT",
        "2024-01-01 07:00:00.000 America/New_York",
        "2024-01-01 13:00:00 Europe/Berlin",
    ],
)
def test_an_unambiguous_time_is_read(text: str) -> None:
    assert Times().read(text) == NOON


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Jan 1, 2024 @ 12:00:00.000", "Kibana"),
        ("01/Jan/2024:12:00:00 +0000", "a web server"),
        ("Mon, 01 Jan 2024 12:00:00 GMT", "header"),
        ("1.7041104E+12", "spreadsheet"),
        ("yesterday", "ISO 8601"),
        ("2024-01-01 12:00:00 EST", "ISO 8601"),
        ("2024-01-01 12:00:00 Mars/Base", "ISO 8601"),
        ("2024-01-01T12:00:00Z UTC", "ISO 8601"),
        ("2024-13-01 12:00:00 UTC", "ISO 8601"),
        ("12:00:00 UTC", "ISO 8601"),
        ("", "ISO 8601"),
        ("2024-01-01 12:00:00", "--zone"),
        ("1704110400", "--time-unit"),
        ("2023-10-29 02:30:00 Europe/Berlin", "occurred twice"),
        ("2024-03-31 02:30:00 Europe/Berlin", "never occurred"),
        ("1969-12-31 12:00:00 UTC", "from 1970-01-01"),
        ("9999-12-31T23:59:59-12:00", "to 2200-01-01"),
        ("0001-01-01T00:00:00+12:00", "from 1970-01-01"),
    ],
)
def test_another_one_is_refused_with_a_reason(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint) as error:
        Times().read(text)
    assert "; found " in str(error.value)


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("%b %d, %Y @ %H:%M:%S.%f", "Jan 1, 2024 @ 12:00:00.000"),
        ("%d/%b/%Y:%H:%M:%S %z", "01/Jan/2024:12:00:00 +0000"),
        ("%d.%m.%Y %H:%M", "01.01.2024 12:00"),
    ],
)
def test_a_format_of_its_own(format: str, text: str) -> None:
    assert Times(zone="UTC", format=format).read(text) == NOON
    with pytest.raises(ValueError, match=r"the format .*; found"):
        Times(zone="UTC", format=format).read("2024-01-01T12:00:00Z")


def test_a_whole_number_is_read_by_the_format_as_its_text_is() -> None:
    """The sibling of text: JSON and Parquet hold 20240101 as a number, CSV as text."""
    times = Times(unit="ms", zone="UTC", format="%Y%m%d")
    for value in (20240101, "20240101"):
        assert times.read(value) == NOON.replace(hour=0)
    for value in (1704110400000, "1704110400000"):
        with pytest.raises(ValueError, match="the format"):
            times.read(value)


def test_reasons_for_one_fault_are_one_reason() -> None:
    """The summary counts them by what stands before "; found"."""
    reasons = set()
    for value in (1, 1704110400, 1e300, 10**400, 10**5000, "9" * 20, Decimal("1e50")):
        with pytest.raises(ValueError, match="; found ") as error:
            Times(unit="ms").read(value)
        reasons.add(str(error.value).split("; found ")[0])
    assert len(reasons) == 1


@pytest.mark.parametrize("format", ["", "noon", "%", "%Q", "%%"])
def test_a_format_that_is_none(format: str) -> None:
    with pytest.raises(ValueError, match=r"^time format: expected strptime directives"):
        Times(format=format)


@pytest.mark.parametrize(
    ("unit", "number"), [("s", 1704110400), ("ms", 1704110400000), ("us", 17041104 * 10**8)]
)
def test_a_number_in_another_unit_is_never_taken(unit: str, number: int) -> None:
    for value in (number, str(number), float(number), Decimal(number), Decimal(f"{number}.0")):
        assert Times(unit=unit).read(value) == NOON
    for other in {"s", "ms", "us"} - {unit}:
        with pytest.raises(ValueError, match="is the unit another"):
            Times(unit=other).read(number)


@given(st.integers(int(FIRST_NUMBER.timestamp()), int(LATEST.timestamp())))
def test_units_never_overlap(seconds: int) -> None:
    """A thousand times any time that is taken is one that is not: so a wrong unit is seen."""
    for unit in ("s", "ms", "us"):
        for wrong in (seconds * 1000, seconds // 1000):
            scaled = wrong * {"s": 1, "ms": 1_000, "us": 1_000_000}[unit]
            with pytest.raises(ValueError, match="is the unit another"):
                Times(unit=unit).read(scaled)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, "9" * 20, -5])
def test_a_number_that_is_no_time(value: object) -> None:
    with pytest.raises(ValueError, match="; found "):
        Times(unit="s").read(value)


@pytest.mark.parametrize("value", [None, True, b"2024", [], pd.NaT])
def test_what_is_no_time_at_all(value: object) -> None:
    with pytest.raises(ValueError, match="; found "):
        Times(unit="s", zone="UTC").read(value)


@given(st.datetimes(timezones=st.timezones() | st.none()))
def test_any_datetime_is_read_or_refused(time: datetime) -> None:
    try:
        read = Times(zone="America/New_York").read(time)
    except ValueError as error:
        assert "; found " in str(error)
    else:
        assert type(read) is datetime and read.tzinfo is UTC
        assert EARLIEST <= read <= LATEST


@pytest.mark.parametrize(("name", "value"), [("unit", "m"), ("zone", "Nowhere"), ("zone", "../x")])
def test_words_that_do_not_exist(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected .*; found '{value}'"):
        Times(**{name: value})
