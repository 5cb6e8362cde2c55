"""Charts say in their data and their words what they show."""

import re
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from figures import assert_readable, boxes
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch

from searchlogs.events import AppOpen, ClickResult, Results, Search
from searchlogs.figures.attribution import attribution
from searchlogs.figures.charts import bars, curve, parts_plot, pause_histogram
from searchlogs.figures.intervals import intervals
from searchlogs.figures.page import COLOURS, DARK
from searchlogs.sessions import Session

START = datetime(2024, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_bars_stand_from_the_top_and_name_their_numbers() -> None:
    drawing = bars(pd.Series({"few": 1, "many": 1234.5}), "Many", unit="events")
    assert drawing.data.to_dict("list") == {"name": ["many", "few"], "value": [1234.5, 1.0]}
    assert drawing.description == "Bars, events. many: 1,234.5; few: 1."
    assert_readable(drawing)


@pytest.mark.parametrize("values", [{}, {"none": 0}, {"x" * 500: 3, "$a_$ <b>": 2, "": 1}])
def test_bars_of_nothing_and_of_anything(values: dict[str, float]) -> None:
    drawing = bars(pd.Series(values, dtype="float64"), "$x$ <b>", unit="events")
    assert_readable(drawing)
    assert drawing.svg()


def test_a_bar_is_as_long_as_its_number_and_undefined_has_none() -> None:
    rates = pd.Series({"a": 0.5, "b": pd.NA, "c": 0.25}, dtype="Float64")
    drawing = bars(rates, "Rates", unit="rate")
    widths = [bar.get_width() for bar in drawing.figure.axes[0].patches]
    assert (widths[0], widths[2]) == (0.25, 0.5)
    assert drawing.description == "Bars, rate. c: 0.25; b: undefined; a: 0.5."
    assert_readable(drawing)


def test_a_short_bar_is_seen_and_none_is_drawn_for_zero() -> None:
    drawing = bars(pd.Series({"long": 222.0, "short": 0.119, "none": 0.0}), "Seconds", unit="s")
    none, short, long = (bar.get_width() for bar in drawing.figure.axes[0].patches)
    assert none == 0 and short > long / 300
    assert list(drawing.data["value"]) == [0, 0.119, 222]


def test_bars_are_compared_with_a_line() -> None:
    gain = pd.Series({"slow": 0.4, "fast": 0.8})
    drawing = bars(gain, "Gain", unit="times as fast", reference=(1, "one process"))
    (line,) = drawing.figure.axes[0].lines
    assert list(line.get_xdata()) == [1, 1]
    assert drawing.figure.axes[0].get_xlim()[1] > 1
    assert "one process" in [text for text, _ in boxes(drawing)]
    assert drawing.description.endswith("A line at 1: one process.")
    assert_readable(drawing)


def test_parts_of_a_bar_lie_side_by_side() -> None:
    rows = {"all events": [42.0, 58.0], "your guess": [10.0, 90.0]}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["busiest 8", "the other 30"])
    drawing = parts_plot(table, "Eight of 38 make two fifths", unit="% of all events")
    spans = [(bar.get_x(), bar.get_width()) for bar in drawing.figure.axes[0].patches]
    assert spans == [(0, 42), (0, 10), (42, 58), (10, 90)]
    assert drawing.data.equals(table)
    assert "all events: busiest 8 42, the other 30 58; your guess" in drawing.description
    assert_readable(drawing)


def test_hatched_parts_are_dark_in_a_dark_theme() -> None:
    drawing = parts_plot(pd.DataFrame({"one": [1], "other": [2]}), "Parts", unit="events")
    (ground,) = re.findall(r'<rect [^>]*fill="(#\w+)"', drawing.svg())
    assert f'[fill="{ground}"],[style*="fill: {ground}"]{{fill:{DARK[ground]}' in drawing.svg()


def test_hills_and_the_valley_between_them_are_named() -> None:
    times = [0, 10, 21, 30, 5000, 5012]
    drawing = pause_histogram([AppOpen(1, at(time)) for time in times], "Pauses")
    found = [text for text, _ in boxes(drawing)]
    assert {"4 pauses", "1 pause", "valley"} <= set(found)
    grey = to_rgba(COLOURS["grid"])
    (valley,) = (bar for bar in drawing.figure.axes[0].patches if bar.get_facecolor() == grey)
    used = drawing.data[drawing.data["pauses"] > 0]
    assert valley.get_x() == used["up_to"].iloc[-2]
    assert valley.get_x() + valley.get_width() == pytest.approx(used["over"].iloc[-1])
    assert "valley without a pause, from" in drawing.description
    assert_readable(drawing)
    close = pause_histogram([AppOpen(1, at(time)) for time in (0, 10, 30)], "Pauses")
    assert "valley" not in close.description


def test_pauses_are_those_of_each_user_in_time_order() -> None:
    events = [AppOpen(user, at(t)) for user, t in [(1, 0), (2, 5), (1, 100), ("1", 10), (2, 5)]]
    table = pause_histogram(events, "Pauses").data
    used = table[table["pauses"] > 0]
    assert list(used["pauses"]) == [1, 1, 1]
    assert all(used["over"] <= [0.1, 10, 90]) and all(used["up_to"] > [0.1, 10, 90])
    assert table["pauses"].sum() == 3


def test_a_pause_longer_than_the_axis_is_in_the_last_bar() -> None:
    table = pause_histogram([AppOpen(1, at(0)), AppOpen(1, at(1e8))], "Pauses").data
    assert table["pauses"].iloc[-1] == 1


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_histogram_of_few_events(count: int) -> None:
    assert_readable(pause_histogram([AppOpen(1, at(n)) for n in range(count)], "Pauses"))


def test_a_curve_is_its_table() -> None:
    drawing = curve(pd.Series({1: 0.0, 60: 0.5, 3600: 0.555}), "Rises", x="gap", y="CTR")
    assert list(drawing.data["value"]) == [0.0, 0.5, 0.555]
    (line,) = drawing.figure.axes[0].lines
    assert list(line.get_ydata()) == [0.0, 0.5, 0.555]
    assert drawing.description == "CTR by gap. 1 s: 0; 1 min: 0.5; 1 h: 0.555."
    assert_readable(drawing)


def test_a_line_stands_at_the_duration_that_was_chosen() -> None:
    values = pd.Series({1: 0.1, 60: 0.05, 3600: 0.0})
    drawing = curve(values, "Falls", x="wait", y="too late", reference=(10, "chosen"))
    first, _ = drawing.figure.axes[0].lines
    assert list(first.get_xdata()) == [10, 10]
    assert "chosen" in [text for text, _ in boxes(drawing)]
    assert drawing.description.endswith("A line at 10 s: chosen.")
    assert_readable(drawing)


def test_an_arc_goes_to_the_search_that_attribute_names() -> None:
    session = Session(
        "4",
        0,
        (
            ClickResult(4, "news", at(1)),
            Search(4, "dogs", at(3)),
            Results(4, ("fido", "rover"), at(4)),
            Search(4, "puppies", at(10)),
            Results(4, ("rex",), at(11)),
            ClickResult(4, "rover", at(15)),
        ),
    )
    drawing = attribution(session, "An arc")
    assert drawing.data["click"].to_list() == ["news", "rover"]
    assert drawing.data["search"].fillna("-").to_list() == ["-", "dogs"]
    assert "The click on news at 00:00:01 belongs to no search" in drawing.description
    axes = drawing.figure.axes[0]
    (arc,) = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    (start, _), *_, (end, _) = arc.get_path().vertices[:4]
    places = {line.get_marker(): line.get_xdata() for line in axes.lines}
    assert end == pytest.approx(min(places["o"]))
    assert start == pytest.approx(max(places["^"]))
    assert_readable(drawing)


def test_attribution_of_a_session_without_clicks() -> None:
    drawing = attribution(Session("1", 0, (Search(1, "dogs", at(0)),)), "None")
    assert drawing.data.empty and drawing.description == "No clicks."


def test_an_interval_stands_around_its_rate_and_says_whether_it_contains_the_whole() -> None:
    rates = {"ctr": [0.25, 0.5, 0.75], "low": [0.1, 0.375, 0.625], "high": [0.4, 0.625, 0.875]}
    drawing = intervals(pd.DataFrame(rates, index=[3, 4, 5]), 0.4, "Rates", x="hour")
    assert list(drawing.data["contains"]) == [True, True, False]
    assert "3: 25.0 % (10.0 to 40.0 %)" in drawing.description
    assert "All: 40.0 %" in drawing.description
    (axes,) = drawing.figure.axes
    (lines,) = axes.collections
    ends = [[[3, 0.1], [3, 0.4]], [[4, 0.375], [4, 0.625]], [[5, 0.625], [5, 0.875]]]
    assert [line.tolist() for line in lines.get_segments()] == ends
    assert [text.get_text() for text in axes.texts] == ["CTR 25.0 %", "CTR 75.0 %"]
    low, high = axes.get_ylim()
    assert low < 0.1 and high > 0.875
    assert_readable(drawing)


def test_intervals_of_no_group_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="rates"):
        intervals(pd.DataFrame({"ctr": [], "low": [], "high": []}), 0.4, "Rates", x="hour")
