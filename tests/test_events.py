import pickle
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from searchlogs.events import (
    EARLIEST,
    LATEST,
    AppOpen,
    ClickResult,
    Event,
    Results,
    Search,
    check_event,
)

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
KINDS: list[Event] = [
    AppOpen(1, NOON),
    Search(1, "dogs", NOON),
    Results(1, ("fido",), NOON),
    ClickResult(1, "fido", NOON),
]


@pytest.mark.parametrize("event", KINDS)
def test_events_are_values(event: Event) -> None:
    assert pickle.loads(pickle.dumps(event)) == event
    assert len({event, pickle.loads(pickle.dumps(event))}) == 1
    with pytest.raises(AttributeError):
        event.user = 2  # type: ignore[misc]
    assert not hasattr(event, "__dict__")


def test_a_naive_time_is_refused_with_the_way_to_fix_it() -> None:
    with pytest.raises(ValueError, match=r"Search: time 2024-01-01 00:00:05 has no time zone"):
        Search(1, "dogs", datetime(2024, 1, 1, 0, 0, 5))
    with pytest.raises(ValueError, match=r"write time.replace\(tzinfo=UTC\)"):
        AppOpen(1, datetime(2024, 1, 1))


class Nowhere(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, dt: datetime | None) -> None:
        return None


def test_a_zone_without_an_offset_is_none() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        AppOpen(1, datetime(2024, 1, 1, tzinfo=Nowhere()))


@pytest.mark.parametrize("time", [EARLIEST, LATEST])
def test_the_limits_are_within(time: datetime) -> None:
    assert AppOpen(1, time).time == time


@pytest.mark.parametrize(
    "time",
    [
        EARLIEST - timedelta(microseconds=1),
        LATEST + timedelta(microseconds=1),
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
    ],
)
def test_an_impossible_time_is_refused(time: datetime) -> None:
    with pytest.raises(ValueError, match=r"AppOpen: time .* between 1970-01-01 and 2200-01-01"):
        AppOpen(1, time)


@pytest.mark.parametrize("time", ["2024-01-01", 1704067200, None, pd.NaT])
def test_what_is_no_datetime_is_refused(time: object) -> None:
    with pytest.raises(TypeError, match=r"AppOpen: time: .*such as datetime"):
        AppOpen(1, time)  # type: ignore[arg-type]


def test_any_zone_becomes_utc() -> None:
    # On this night Paris has 2 o'clock twice: the clock on the wall would say five minutes.
    paris = ZoneInfo("Europe/Paris")
    before = AppOpen(1, datetime(2024, 10, 27, 2, 50, tzinfo=paris, fold=0)).time
    after = AppOpen(1, datetime(2024, 10, 27, 2, 55, tzinfo=paris, fold=1)).time
    assert after - before == timedelta(hours=1, minutes=5)
    assert before.tzinfo is UTC


def test_a_pandas_timestamp_becomes_a_datetime() -> None:
    event = AppOpen(1, pd.Timestamp("2024-01-01T12:00:00.000001+02:00"))
    assert type(event.time) is datetime
    assert event.time == datetime(2024, 1, 1, 10, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("user", [1.0, float("nan"), None, True, b"1"])
def test_what_would_split_a_user_is_refused(user: object) -> None:
    with pytest.raises(TypeError, match=r"Search: user: .*an int or a str"):
        Search(user, "dogs", NOON)  # type: ignore[arg-type]


@pytest.mark.parametrize("items", [["fido"], "fido", None, (1, 2)])
def test_items_must_be_a_tuple(items: object) -> None:
    with pytest.raises(TypeError, match=r"Results: items: .*a tuple of str, such as \('fido'"):
        Results(1, items, NOON)  # type: ignore[arg-type]


@pytest.mark.parametrize("position", [0, -1, 1.0, True, "1"])
def test_a_position_counts_from_one(position: object) -> None:
    with pytest.raises(ValueError, match=r"ClickResult: position: .*a whole number from 1"):
        ClickResult(1, "fido", NOON, position=position)  # type: ignore[arg-type]


def test_check_event_shortens_what_it_shows() -> None:
    with pytest.raises(TypeError, match=r"events\[0\]: .* 'xxx.{60,80}… \(str\)$"):
        check_event("x" * 10_000, "events[0]")


def test_what_has_a_hole_in_it_is_refused() -> None:
    hole = float("nan")
    with pytest.raises(TypeError, match=r"Search: query_id: .*a str or None; .*nan \(float\)"):
        Search(1, "dogs", NOON, hole)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Search: query: .*a str; .*None \(NoneType\)"):
        Search(1, None, NOON)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"ClickResult: item: .*a str; .*\(list\)"):
        ClickResult(1, ["fido"], NOON)  # type: ignore[arg-type]


@pytest.mark.parametrize("user", ["\ud800", 10**5000], ids=["surrogate", "digits"])
def test_a_user_that_can_be_no_key_is_refused(user: int | str) -> None:
    with pytest.raises(ValueError, match=r"AppOpen: user: .*UTF-8"):
        AppOpen(user, NOON)


def test_an_offset_of_part_of_a_second() -> None:
    zone = timezone(timedelta(seconds=1, microseconds=500_000))
    time = datetime(2024, 1, 1, tzinfo=zone)
    assert AppOpen(1, time).time == time
