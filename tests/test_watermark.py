"""The watermark figure says what the engine said, arrival by arrival, and hides what is to come."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from figures import assert_readable, boxes, svg
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Rectangle
from oracle import oracle

from searchlogs.dataflow import GAP, WAIT
from searchlogs.durations import LONGEST
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.figures.observe import MakeClock, observe
from searchlogs.figures.page import COLOURS, Drawing
from searchlogs.figures.stepper import Stepper
from searchlogs.figures.watermark import watermark_plot
from searchlogs.live.clocks import live_clock
from searchlogs.simulate import client_events, simulate

START = datetime(2024, 1, 1, tzinfo=UTC)
ZERO = timedelta(0)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def sketch() -> list[Event]:
    """Nine events of one user: two late, and a session that the seventh closes."""
    return [
        Search(1, "dogs", at(5)),
        Results(1, ("fido",), at(6)),
        ClickResult(1, "fido", at(7)),
        Search(1, "cats", at(6.5)),
        ClickResult(1, "rover", at(5.2)),
        Results(1, ("tom",), at(8)),
        Search(1, "dog beds", at(21)),
        Results(1, (), at(20.2)),
        AppOpen(1, at(18.5)),
    ]


def mixed() -> list[Event]:
    """Three users, each event of one of them in turn; dana's time runs backwards."""
    own: list[Event] = []
    for i, event in enumerate(sketch()):
        own += [event, Search(2, "b", at(4 + 3 * i)), AppOpen("dana", at(30 - 3 * i))]
    return own


def stepping(seconds: float) -> MakeClock:
    """A live clock on a machine on which each look at the wall clock finds it that much later."""
    looks = count()
    return lambda wait: live_clock(wait, lambda: at(seconds * next(looks)))


def seconds_of(column: "pd.Series[pd.Timestamp]") -> list[float]:
    return [(time - START).total_seconds() for time in column]


def test_the_numbers_of_the_sketch() -> None:
    table = observe(sketch())
    assert table["arrival"].to_list() == list(range(1, 10))
    assert seconds_of(table["time"]) == [5, 6, 7, 6.5, 5.2, 8, 21, 20.2, 18.5]
    assert seconds_of(table["watermark"]) == [4, 5, 6, 6, 6, 7, 20, 20, 20]
    late = table[table["late"]]
    assert dict(zip(late["arrival"], late["late_by"].dt.total_seconds(), strict=True)) == {
        5: 0.8,
        9: 1.5,
    }
    assert table.dropna(subset="closes")[["arrival", "closes"]].to_numpy().tolist() == [
        [7, "session 0 (00:00:05 to 00:00:08)"]
    ]
    assert table.dropna(subset="closes_at_end")[["arrival", "closes_at_end"]].values.tolist() == [
        [9, "session 1 (00:00:20.2 to 00:00:21)"]
    ]


def test_the_table_has_the_same_types_with_and_without_rows() -> None:
    time = "datetime64[us, UTC]"
    types = {
        **{"arrival": "int64", "user": "string", "what": "string", "time": time},
        **{"watermark": time, "late": "bool", "late_by": "timedelta64[us]"},
        **{"closes": "string", "closes_at_end": "string"},
    }
    for events in ([], client_events(), mixed()):
        assert {name: str(dtype) for name, dtype in observe(events).dtypes.items()} == types
    assert observe(mixed())["what"].unique().tolist() == ["search", "app open", "results", "click"]


times = st.one_of(st.integers(0, 60).map(at), st.integers(0, 120).map(lambda n: at(n / 2)))
users = st.sampled_from([1, "1", 2, "dana", ""])
any_event = st.one_of(
    st.builds(AppOpen, users, times), st.builds(Search, users, st.just("dogs"), times)
)
durations = st.one_of(
    st.sampled_from([ZERO, GAP, WAIT, LONGEST]), st.integers(0, 30).map(lambda n: n * WAIT / 2)
)


@settings(max_examples=50)
@given(st.lists(any_event, max_size=25), durations, durations)
def test_what_is_observed_is_what_the_oracle_says(
    events: list[Event], gap: timedelta, wait: timedelta
) -> None:
    """A session closes where its user's watermark − gap passes its last event, else at the end."""
    sessions, late = oracle(events, gap, wait)
    table = observe(events, gap, wait)
    found = table[table["late"]].sort_values(["user", "arrival"])
    assert list(zip(found["user"], found["time"], found["late_by"], strict=True)) == [
        (one.user, one.event.time, one.late_by) for one in late
    ]
    expected: dict[int, list[str]] = {}
    at_end: dict[int, list[str]] = {}
    for session in sessions:
        own = table[table["user"] == session.user]
        newest = own["time"].cummax()
        assert (own["watermark"] == newest - wait).all()
        words = f"session {session.id} ({session.start:%H:%M:%S.%f} to {session.end:%H:%M:%S.%f})"
        words = words.replace(".000000", "").replace(".500000", ".5")
        passed = own.loc[newest - wait - gap > session.end, "arrival"]
        if len(passed):
            expected.setdefault(int(passed.iloc[0]), []).append(words)
        else:
            at_end.setdefault(int(own["arrival"].iloc[-1]), []).append(words)
    for column, said in (("closes", expected), ("closes_at_end", at_end)):
        told = table.dropna(subset=column).set_index("arrival")[column].to_dict()
        assert told == {number: ", ".join(words) for number, words in said.items()}


def test_another_users_arrivals_move_no_watermark() -> None:
    table = observe(mixed())
    alone = observe(sketch())
    own = table[table["user"] == "1"].reset_index(drop=True)
    changing = ["watermark", "late", "late_by", "closes_at_end"]
    assert own[changing].equals(alone[changing])
    assert table.dropna(subset="closes")["arrival"].to_list() == [19]


def test_under_a_live_clock_a_stalling_machine_makes_events_late() -> None:
    events: list[Event] = [Search(1, "dogs", at(5 + n)) for n in range(5)]
    table = observe(events, clock=stepping(2))
    assert seconds_of(table["watermark"]) == [4, 6, 8, 10, 12]
    assert table["late_by"].dropna().dt.total_seconds().to_list() == [1, 2, 3]
    assert not observe(events)["late"].any()
    # The engine's clock, asked by hand, says the same.
    logic = stepping(2)(WAIT).build(None)
    by_hand = []
    for event in events:
        logic.before_batch()
        by_hand.append(logic.on_item(event)[1])
    assert table["watermark"].to_list() == by_hand
    for _ in range(5):
        assert observe(events, clock=stepping(2)).equals(table)
    (legend,) = watermark_plot(events, clock=stepping(2)).figure.legends
    assert legend.get_texts()[-1].get_text() == "watermark"  # and not "= newest − wait"


def texts(drawing: Drawing) -> list[str]:
    return [text for text, _ in boxes(drawing)]


HALF_HOUR = timedelta(minutes=30)
DISORDER = timedelta(seconds=45)


def many(users: int, sessions: int, n: int) -> list[Event]:
    return list(simulate(users, sessions, seed=4, disorder=DISORDER))[:n]


DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "sketch": lambda: watermark_plot(sketch()),
    "upto": lambda: watermark_plot(sketch(), upto=5),
    "nothing yet": lambda: watermark_plot(sketch(), upto=0),
    "three users": lambda: watermark_plot(mixed()),
    "nine users": lambda: watermark_plot(many(9, 30, 150), HALF_HOUR),
    "thirty": lambda: watermark_plot(many(1, 30, 30), HALF_HOUR, timedelta(seconds=10)),
    "hundreds": lambda: watermark_plot(many(2, 40, 250), HALF_HOUR),
    "live": lambda: watermark_plot(client_events(), clock=stepping(3)),
    "empty": lambda: watermark_plot([]),
    "one": lambda: watermark_plot(sketch()[:1]),
    "one, no wait": lambda: watermark_plot(sketch()[:1], wait=ZERO),
    "equal times": lambda: watermark_plot([AppOpen(1, at(0))] * 4, ZERO, ZERO),
    "long wait": lambda: watermark_plot(sketch(), wait=LONGEST),
    "future": lambda: watermark_plot([*sketch()[:3], AppOpen(1, at(3e9)), *sketch()[3:]]),
    "hostile": lambda: watermark_plot(
        [Search("$x^2$ <b> \x07 " * 20, "dogs", at(5)), AppOpen("مرحبا", at(7))],
        title="long and $costly$ " * 30,
    ),
    "all kinds late": lambda: watermark_plot(
        [*sketch(), AppOpen(1, at(99)), AppOpen(1, at(1)), *sketch()[:3], AppOpen(2, at(0))]
    ),
}


@cache
def drawn(name: str) -> Drawing:
    return DRAWINGS[name]()


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_word_can_be_read(name: str) -> None:
    """No word or bar is cut, no word touches another or a marker, or the legend the data."""
    drawing = drawn(name)
    assert_readable(drawing)
    axes = drawing.figure.axes[0]
    markers = [
        (x, y, line.get_markersize() / 2 * drawing.figure.dpi / 72)
        for line in axes.lines
        if line.get_linestyle() == "None"
        for x, y in axes.transData.transform(line.get_xydata())
    ]
    for text, box in boxes(drawing):
        for x, y, half in markers:
            beside = not box.x0 - half < x < box.x1 + half
            assert beside or not box.y0 - half < y < box.y1 + half, text
    for legend in drawing.figure.legends:
        assert legend.get_window_extent().y0 >= axes.bbox.y1
    for patch in axes.patches:
        assert axes.bbox.y0 <= patch.get_window_extent().y0


ALIKE = ("sketch", "upto", "three users", "live", "one", "empty", "hostile")


@pytest.mark.parametrize("name", ALIKE)
def test_the_svg_is_the_same_each_time_and_says_what_it_shows(name: str) -> None:
    saved = svg(drawn(name))
    with mpl.rc_context({"font.size": 20, "axes.grid": True, "lines.linewidth": 9}):
        assert DRAWINGS[name]().svg() == saved
    root = ET.fromstring(saved)
    assert [root[0].text, root[1].text] == [drawn(name).title, drawn(name).description]


def test_words_tell_the_same() -> None:
    drawing = drawn("sketch")
    assert drawing.title == "2 late events in 9 arrivals"
    assert drawing.description.splitlines() == [
        "Event time (UTC) by arrival, from 1 January 2024, one panel per user, "
        "after 9 of 9 arrivals.",
        "user 1: 7 events on time; arrival 5 at 00:00:05.2 is late by 0.8 s and arrival 9 at "
        "00:00:18.5 is late by 1.5 s; session 0 (00:00:05 to 00:00:08) closes at arrival 7 and "
        "session 1 (00:00:20.2 to 00:00:21) closes at the end; the watermark is at 00:00:20.",
    ]
    assert set(texts(drawing)) >= {
        *("late by 0.8 s", "late by 1.5 s", "session 0 closes", "session 1 closes at the end"),
        *("late click", "late app open", "watermark = newest − wait (1 s)"),
    }
    assert drawing.data.equals(observe(sketch()))


def marks(drawing: Drawing, late: bool) -> int:
    lines = [line for line in drawing.figure.axes[0].lines if line.get_linestyle() == "None"]
    pink = [line.get_markeredgecolor() == COLOURS["late"] for line in lines]
    return sum(
        len(line.get_xdata()) for line, is_late in zip(lines, pink, strict=True) if is_late is late
    )


def bars(drawing: Drawing) -> int:
    return sum(isinstance(patch, Rectangle) for patch in drawing.figure.axes[0].patches)


def test_what_is_drawn_is_what_is_observed() -> None:
    drawing = drawn("sketch")
    axes = drawing.figure.axes[0]
    assert (marks(drawing, late=False), marks(drawing, late=True), bars(drawing)) == (7, 2, 2)
    (line,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    ticks = {
        text.get_text(): text.get_position()[1]
        for text in axes.texts
        if text.get_text().startswith("00:00:")
    }
    second = (ticks["00:00:05"] - ticks["00:00:20"]) / 15
    down = [ticks["00:00:05"] - (s - 5) * second for s in (4, 5, 6, 6, 6, 7, 20, 20, 20, 20)]
    assert list(line.get_ydata()) == pytest.approx(down)
    first = next(patch for patch in axes.patches if isinstance(patch, Rectangle))
    assert first.get_x() + first.get_width() == pytest.approx(line.get_xdata()[6])


def test_upto_hides_what_is_to_come_and_moves_nothing() -> None:
    whole = dict(boxes(watermark_plot(sketch(), title="Steps")))
    table = observe(sketch())
    table["closes_at_end"] = pd.Series(pd.NA, table.index, dtype="string")
    for n in (0, 4, 5, 6, 7, 9):
        drawing = watermark_plot(sketch(), title="Steps", upto=n)
        assert drawing.data.equals(table.head(n))
        assert marks(drawing, late=True) == (n >= 5) + (n >= 9)
        assert marks(drawing, late=False) == n - (n >= 5) - (n >= 9)
        assert bars(drawing) == (n >= 7)
        found = boxes(drawing)
        words = " ".join([drawing.description, *(text for text, _ in found)])
        assert words.count("session 0 closes") == (n >= 7)
        assert words.count("late by") == 2 * ((n >= 5) + (n >= 9))
        assert "at the end" not in words
        for text, box in found:
            assert box.get_points() == pytest.approx(whole[text].get_points()), text
    assert watermark_plot(sketch(), upto=5).title == "After 5 of 9 arrivals: 1 late event"
    for wrong in (-1, 10):
        with pytest.raises(ValueError, match=rf"upto.* 0 to 9.* {wrong}"):
            watermark_plot(sketch(), upto=wrong)


def test_each_user_has_a_panel_and_a_line() -> None:
    drawing = drawn("three users")
    assert {"user 1", "user 2", "user dana"} <= set(texts(drawing))
    lines = [line for line in drawing.figure.axes[0].lines if line.get_linestyle() == "--"]
    assert [len(line.get_xdata()) for line in lines] == [10, 10, 10]
    shown = drawn("nine users")
    assert sum(text.startswith("user ") for text in texts(shown)) == 4
    users = shown.data["user"].value_counts()
    assert f"left out: {len(users) - 4} users with {users.iloc[4:].sum()} events" in " ".join(
        texts(shown)
    )


def test_a_watermark_below_the_picture_is_said() -> None:
    said = "Where no line is drawn, the watermark lies below the picture."
    drawing = drawn("long wait")
    assert said in texts(drawing) and said in drawing.description
    assert said not in drawn("sketch").description


def test_labels_that_find_no_room_are_counted() -> None:
    drawing = drawn("hundreds")
    labels = [text for text in drawing.figure.axes[0].texts if text.get_zorder() == 5]
    lates = int(drawing.data["late"].sum())
    sessions = drawing.data[["closes", "closes_at_end"]].stack().str.count("session").sum()
    left_out = lates + sessions - len(labels)
    assert left_out > 0 and f"Left out for lack of room: {left_out} labels." in drawing.description


def test_the_stepper_has_a_picture_and_words_for_each_arrival() -> None:
    stepper = Stepper(sketch())
    pictures = [drawing.svg() for drawing in stepper.drawings()]
    assert len(pictures) == len(stepper.words) == len(set(pictures)) == 9
    assert pictures[2] == watermark_plot(sketch(), upto=3).svg()
    assert pictures[-1] == watermark_plot(sketch()).svg()
    assert stepper.words[2] == (
        "3rd arrival: a click of user 1 at 00:00:07. "
        "The watermark of user 1 moves to 00:00:06. Nothing closes."
    )
    assert "stays at 00:00:06: the event is late by 0.8 s." in stepper.words[4]
    assert "It closes session 0 (00:00:05 to 00:00:08)." in stepper.words[6]
    assert stepper.words[-1].endswith(
        "Nothing closes. Then the input ends, which closes session 1 (00:00:20.2 to 00:00:21) "
        "of user 1."
    )
    assert repr(stepper).splitlines() == stepper.words
    assert Stepper(sketch()[:2])._repr_html_() == Stepper(sketch()[:2])._repr_html_()


def test_nothing_to_step_through() -> None:
    assert Stepper([]).words == ["No events."]
    assert len(Stepper([]).drawings()) == 1


@pytest.mark.slow
@pytest.mark.browser
def test_the_stepper_steps_in_a_browser(
    chromium: Any,
    tmp_path: Path,
) -> None:
    stepper = Stepper([*sketch(), AppOpen("</script><b>", at(30))])
    path = tmp_path / "stepper.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{stepper._repr_html_()}", "utf-8")
    page = chromium.new_page(viewport={"width": 390, "height": 900})
    page.goto(path.as_uri())
    seen = []
    for number, words in enumerate(stepper.words):
        assert page.locator("p").inner_text() == page.locator("img").get_attribute("alt") == words
        assert page.locator("img").evaluate("async e => (await e.decode(), e.naturalWidth)") > 0
        seen.append(page.locator("img").get_attribute("src"))
        if number < len(stepper.words) - 1:
            page.get_by_role("button", name="Next").click()
    assert page.get_by_role("button", name="Next").is_disabled()
    assert len({*seen}) == len(seen) == 10
    page.get_by_label("arrival").fill("4")
    assert page.locator("p").inner_text() == stepper.words[4]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


def test_what_is_no_event_is_refused_by_its_place() -> None:
    with pytest.raises(TypeError, match=r"^events\[1\].*AppOpen"):
        observe([sketch()[0], {"user": 1}])  # type: ignore[list-item]
