"""Spans say in their data and their words what they show."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from figures import assert_readable
from matplotlib.text import Text

from searchlogs.figures.charts import hours_histogram
from searchlogs.figures.spans import Span, spans_plot

START = datetime(2013, 3, 7, 12, tzinfo=UTC)


def span(start: float, end: float, late: bool = False) -> Span:
    return Span(START + timedelta(hours=start), START + timedelta(hours=end), late)


def test_a_row_per_name_and_a_bar_per_span() -> None:
    rows = {"one": [span(4, 6, late=True), span(0, 2)], "two": [span(1, 3)], "none": []}
    drawing = spans_plot(rows, "Three bars", noun="flight")
    assert drawing.data["row"].to_list() == ["one", "one", "two"]
    assert drawing.data["late"].to_list() == [False, True, False]
    assert drawing.data["start"].is_monotonic_increasing is False
    assert drawing.description.splitlines() == [
        "one: 2 flights, 1 late.",
        "two: 1 flight, 0 late.",
        "none: 0 flights, 0 late.",
    ]
    assert len(drawing.figure.axes[0].patches) == 3
    assert_readable(drawing)


def test_bars_that_overlap_share_the_height_of_their_row() -> None:
    drawing = spans_plot({"busy": [span(0, 3), span(1, 4), span(3, 5)]}, "Busy", noun="flight")
    first, third, second = drawing.figure.axes[0].patches
    assert first.get_y() == third.get_y() and second.get_y() > first.get_y()  # type: ignore[attr-defined]
    assert second.get_height() == pytest.approx(15)  # type: ignore[attr-defined]


def test_sessions_stand_behind_their_bars() -> None:
    days = {"one": [(START, START + timedelta(hours=9))]}
    drawing = spans_plot({"one": [span(0, 2)]}, "A day", noun="flight", sessions=days)
    assert "1 flight, 0 late, 1 session." in drawing.description
    session, bar = drawing.figure.axes[0].patches
    assert session.get_width() > bar.get_width()  # type: ignore[attr-defined]
    assert_readable(drawing)


def test_a_night_over_midnight_is_dated_on_both_sides() -> None:
    drawing = spans_plot({"long": [span(0, 2), span(10, 15)]}, "A night", noun="flight")
    label = drawing.figure.axes[0].get_xlabel()
    assert "(UTC), 7 March 2013 to 8 March 2013" in label


def test_times_can_be_those_of_a_zone() -> None:
    zone = ZoneInfo("America/New_York")
    axes = spans_plot({"one": [span(0, 14)]}, "A day", noun="flight", zone=zone).figure.axes[0]
    assert "(America/New_York), 7 March 2013" in axes.get_xlabel()
    assert "8 March" not in axes.get_xlabel()  # as it would be in UTC
    marks = dict(zip(map(Text.get_text, axes.get_xticklabels()), axes.get_xticks(), strict=True))
    bar = axes.patches[0]
    assert bar.get_x() + bar.get_width() / 7 == pytest.approx(marks["09:00"])  # type: ignore[attr-defined]


def test_no_bars_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least one flight; found none"):
        spans_plot({"none": []}, "Nothing", noun="flight")


def test_strange_names_are_readable() -> None:
    rows = {"x" * 300: [span(0, 1)], "$a_$ <b>": [span(1, 2)], "": [span(0, 9, late=True)]}
    drawing = spans_plot(rows, "$x$ <b>", noun="flight")
    assert_readable(drawing)
    assert drawing.svg() == spans_plot(rows, "$x$ <b>", noun="flight").svg()


@pytest.mark.parametrize("hours", [[], [3.0], [0.01, 2, 2.1, 30, 5_000]])
def test_a_histogram_of_hours_counts_every_step(hours: list[float]) -> None:
    drawing = hours_histogram([timedelta(hours=one) for one in hours], "Steps", "step")
    assert drawing.data["pauses"].sum() == len(hours)
    assert drawing.description.startswith(f"{len(hours)} pauses")
    if len(hours) > 1:
        marks = [label.get_text() for label in drawing.figure.axes[0].get_xticklabels()]
        assert {"2 h", "8 h", "1 d", "4 d"} <= set(marks)
        assert drawing.data["pauses"].iloc[0] == drawing.data["pauses"].iloc[-1] == 1
    assert_readable(drawing)
