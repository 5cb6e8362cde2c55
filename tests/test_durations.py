import pickle
from datetime import timedelta
from typing import Any

import pytest

from searchlogs.durations import LONGEST, Windowing, format_duration, parse_duration

MINUTE = timedelta(minutes=1)


def test_a_windowing_is_a_value_with_one_definition_of_its_defaults() -> None:
    assert Windowing() == Windowing("30m", "1m") == Windowing(30 * MINUTE, MINUTE)
    assert (Windowing.gap, Windowing.wait) == (Windowing().gap, Windowing().wait)
    one = Windowing("10m", wait="5s")
    assert one != Windowing()
    assert {one, pickle.loads(pickle.dumps(one))} == {one}
    assert repr(one) == f"Windowing(gap={10 * MINUTE!r}, wait={MINUTE / 12!r})"
    with pytest.raises(AttributeError):
        one.gap = MINUTE  # type: ignore[misc]


@pytest.mark.parametrize("name", ["gap", "wait"])
@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ("soon", ValueError, "such as 10s, 30m or 1h30m; .*'soon'"),
        ("", ValueError, "such as 10s"),
        ("10", ValueError, "such as 10s"),
        ("9999999999d", ValueError, "at most 366 days"),
        ("367d", ValueError, "from 0 to 366 days; .*31708800.0 seconds"),
        (-MINUTE, ValueError, "from 0 to 366 days; .*-60.0 seconds"),
        (10, TypeError, "10 what[?] .*such as '30m'"),
        (2.5, TypeError, "2.5 what[?] .*such as '30m'"),
        (True, TypeError, "such as .* True$"),
        (None, TypeError, "such as .* None$"),
    ],
)
def test_a_bad_duration_is_named(name: str, value: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"^{name}: .*{words}"):
        Windowing(**{name: value})


@pytest.mark.parametrize("text", ["0s", "1ms", "1s", "1h30m", "366d", "1d2h3m4s5ms"])
def test_durations_are_written_as_they_are_read(text: str) -> None:
    assert format_duration(parse_duration(text)) == text
    assert parse_duration("0.5h") == 30 * MINUTE
    assert format_duration(LONGEST) == "366d"


def test_a_part_of_a_millisecond_is_written_as_a_whole_one() -> None:
    assert format_duration(timedelta(microseconds=1)) == "1ms"
