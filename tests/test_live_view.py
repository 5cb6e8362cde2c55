"""What a live view shows is what the engine said."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink
from PIL import Image
from wording import Like

from searchlogs.dataflow import run
from searchlogs.events import AppOpen, Event, Search
from searchlogs.figures import live
from searchlogs.figures.live import LiveView
from searchlogs.figures.live_film import FRAMES, film
from searchlogs.live.play import Play
from searchlogs.sessions import Late, Session, session_window
from searchlogs.simulate import simulate

GAP, WAIT = timedelta(minutes=1), timedelta(seconds=15)
MICRO = timedelta(microseconds=1)
START = datetime(2024, 1, 1, tzinfo=UTC)


def visits(seed: int = 5, disorder: int = 0) -> list[Event]:
    events = list(
        simulate(
            users=5,
            sessions=5,
            seed=seed,
            duration=timedelta(minutes=5),
            disorder=timedelta(seconds=disorder),
            late_share=0.1 if disorder else 0,
        )
    )
    if not disorder:
        events.insert(26, events.pop(22))
    return events


class Watched:
    """A view, its flow, and what came out of the flow."""

    def __init__(self, events: list[Event], speed: float | None = None) -> None:
        self.play = Play(events, speed)
        self.view = LiveView(self.play, GAP)
        self.sessions: list[Session] = []
        self.late: list[Late] = []
        self.flow = Dataflow("live")
        stream = op.input("inp", self.flow, self.play)
        out = session_window("sessions", stream, self.view.clock(WAIT), GAP)
        closing = op.inspect("close", out.down, self.view.close)
        falling = op.inspect("late", out.late, self.view.late)
        op.output("out", closing, TestingSink(self.sessions))
        op.output("late_out", falling, TestingSink(self.late))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What is displayed; an update is marked as one."""
    outputs: list[dict[str, str]] = []

    class Handle:
        def update(self, bundle: dict[str, str], raw: bool) -> None:
            outputs.append({**bundle, "update": "yes"})

    def display(bundle: dict[str, str], raw: bool, display_id: bool = False) -> Handle | None:
        outputs.append(bundle)
        return Handle() if display_id else None

    monkeypatch.setattr(live, "display", display)
    monkeypatch.setattr(live, "film", lambda *_: b"film")
    return outputs


def record_in(bundle: dict[str, str]) -> dict[str, Any]:
    """Return what an output hands to the picture."""
    found = re.search(r'\("\w{12}",(\{.*\})\)</script>$', bundle["text/html"], re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


@pytest.mark.parametrize(("seed", "disorder"), [(5, 0), (1, 40), (2, 90), (3, 10)])
def test_each_session_is_open_until_the_watermark_has_gone_through_its_gap(
    seed: int, disorder: int
) -> None:
    watched = Watched(visits(seed, disorder))
    run(watched.flow)
    record, play = watched.view.record, watched.play
    # The engine takes events that arrive at one instant user by user.
    newest = accumulate((event.time for event in play.events), max)
    arrivals = dict(zip(map(id, play.events), newest, strict=True))
    assert {id(one.event): one.at for one in record.arrived} == arrivals
    assert [session for _, session in record.closed] == watched.sessions
    assert record.late == watched.late
    assert {id(one.event): one.late_by for one in record.arrived if one.late_by} == {
        id(one.event): one.late_by for one in watched.late
    }
    for at, session in record.closed:
        drawn = (session.user, session.start, session.end)
        before, after = record.state(at - MICRO), record.state(at)
        assert drawn in before.open and drawn not in after.open
        assert before.watermarks[session.user] <= session.end + GAP
        # An arrival may move the watermark far beyond, and else it has just passed.
        assert after.watermarks[session.user] > session.end + GAP
    end = record.state(watched.view.end)
    assert (end.open, len(end.closed)) == ([], len(watched.sessions))


def test_the_words() -> None:
    watched = Watched(visits())
    run(watched.flow)
    at = datetime(2024, 1, 1, 12, 6, 20, tzinfo=UTC)
    assert str(watched.view.record.state(at)) == (
        "12:06:20 · 29 events (1 late) · 2 open sessions, 4 closed"
    )
    assert "12:06:09 user 3: click of 12:05:27 arrives late." in repr(watched.view)
    assert repr(watched.view).count("closes") == 6


def test_without_a_speed_nothing_is_updated_and_the_outputs_are_the_same_each_time(
    shown: list[dict[str, str]],
) -> None:
    watched = Watched(visits())
    for _ in range(2):
        with watched.view:
            run(watched.flow)
    assert [sorted(bundle) for bundle in shown[:2]] == [["text/html", "text/plain"]] * 2
    assert shown[:2] == shown[2:]
    assert "data:image/png;base64,ZmlsbQ==" in shown[1]["text/html"]
    assert f'alt="{watched.view!r}"' in shown[1]["text/html"]
    record = record_in(shown[1])
    assert (len(record["arrived"]), len(record["closed"]), record["whole"]) == (31, 6, True)
    assert "sent" not in record


def test_at_a_speed_each_fact_is_sent_when_it_comes(shown: list[dict[str, str]]) -> None:
    watched = Watched(visits(), speed=1e6)
    with watched.view:
        run(watched.flow)
    feeds = [record_in(bundle) for bundle in shown[1:]]
    assert ["update" in bundle for bundle in shown] == [False, False] + [True] * 39
    assert ["<img" in bundle["text/html"] for bundle in shown] == [False] * 40 + [True]
    assert ["sent" in feed for feed in feeds] == [True] * 39 + [False]
    sizes = [len(feed["arrived"]) + len(feed["closed"]) for feed in feeds]
    assert (sizes[0], sizes[-1]) == (0, 37)
    assert sizes == sorted(sizes)


def test_an_interrupted_run_says_where_it_stopped(shown: list[dict[str, str]]) -> None:
    watched = Watched(visits())
    with pytest.raises(KeyboardInterrupt), watched.view:
        watched.view.arrive(watched.play.events[0], START)
        raise KeyboardInterrupt
    record = record_in(shown[1])
    assert (record["whole"], record["now"], len(record["arrived"])) == (False, 0, 1)
    with watched.view:
        run(watched.flow)
    assert len(watched.view.record.arrived) == 31


def test_nothing_to_watch(shown: list[dict[str, str]]) -> None:
    watched = Watched([])
    with watched.view:
        run(watched.flow)
    assert len(shown) == 2
    assert repr(watched.view) == ""


def test_too_many_users_and_a_gap_that_is_none() -> None:
    with pytest.raises(ValueError) as caught:
        LiveView(Play([AppOpen(user, START) for user in range(9)]), GAP)
    assert str(caught.value) == Like("at most 8 users; found 9")
    with pytest.raises(ValueError) as caught:
        LiveView(Play([]), "soon")
    assert str(caught.value) == Like("gap")


def test_text_from_a_log_is_text(shown: list[dict[str, str]]) -> None:
    watched = Watched([Search("</script><b>", "</script>", START)])
    with watched.view:
        run(watched.flow)
    for bundle in shown[:2]:
        assert bundle["text/html"].count("</script>") == 1


def test_the_film_is_small_and_the_same_each_time() -> None:
    view = (watched := Watched(visits())).view
    run(watched.flow)
    shot = [film(view.record, view.users, view.start, view.end, view.end) for _ in range(2)]
    assert shot[0] == shot[1]
    assert len(shot[0]) < 300_000
    with Image.open(io.BytesIO(shot[0])) as image:
        assert image.n_frames == FRAMES


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_picture_and_the_text_follow_the_record(
    chromium: Any,
    tmp_path: Path,
    width: int,
    scheme: Any,
) -> None:
    view = (watched := Watched(visits(2, 60))).view
    run(watched.flow)
    assert view.record.late
    path = tmp_path / "live.html"
    html = view.stage() + view.feed(True, view.end)
    path.write_text(f"<!doctype html><meta charset=utf-8>{html}", encoding="utf-8")
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    errors: list[Any] = []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(path.as_uri())
    root = page.locator("[data-live]")
    page.wait_for_function("document.querySelector('[data-live]').dataset.now > 5e6")
    assert root.get_attribute("data-mode") == "play"
    axis = root.locator("svg").get_attribute("viewBox")
    slider = page.get_by_label("Time")
    heights = set()
    for second in range(0, int((view.end - view.start).total_seconds()), 7):
        slider.evaluate("(e, at) => { e.value = at; e.oninput(); }", second * 1_000_000)
        page.wait_for_function(
            "at => document.querySelector('[data-live]').dataset.now == at", arg=second * 1_000_000
        )
        state = view.record.state(view.start + timedelta(seconds=second))
        assert page.locator(".said").inner_text() == str(state)
        gaps = root.locator("svg rect[fill^=url]")
        assert gaps.count() == len(state.open)
        heights.add(root.evaluate("root => root.offsetHeight"))
    for key, moved in ("ArrowLeft", -250_000), ("ArrowUp", 0):
        slider.press(key)
        page.wait_for_function(
            "at => document.querySelector('[data-live]').dataset.now == at",
            arg=second * 1_000_000 + moved,
        )
    assert root.locator("svg").get_attribute("viewBox") == axis
    assert len(heights) == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not errors
    page.close()


@pytest.mark.slow
@pytest.mark.browser
def test_a_gap_drains_and_a_late_event_falls(
    chromium: Any,
    tmp_path: Path,
) -> None:
    view = (watched := Watched(visits())).view
    run(watched.flow)
    path = tmp_path / "live.html"
    html = view.stage() + view.feed(True, view.end)
    path.write_text(f"<!doctype html><meta charset=utf-8>{html}", encoding="utf-8")
    page = chromium.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelector('[data-live]').dataset.mode == 'end'")
    assert page.locator(".fact").inner_text() == Like("12:08:33 user 2: session 1 closes")

    def at(second: int) -> Any:
        """Return the widths of the gaps that are left, and where the late event is."""
        page.get_by_label("Time").evaluate(
            "(e, at) => { e.value = at; e.oninput(); }", second * 1_000_000
        )
        page.wait_for_function(
            "at => document.querySelector('[data-live]').dataset.now == at", arg=second * 1_000_000
        )
        gaps = page.locator("svg rect[fill^=url]").all()
        late = page.locator("svg text").filter(has_text="late by 27 s").all()
        return (
            [float(gap.get_attribute("width") or 0) for gap in gaps],
            [float(text.get_attribute("y") or 0) for text in late],
        )

    widths = [at(second)[0][0] for second in (60, 80, 100, 115)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[-1] + 50
    falls = [at(second)[1] for second in (314, 316, 320, 340)]
    assert falls[0] == []
    heights = [fall[0] for fall in falls[1:]]
    assert heights[0] < heights[1] < heights[2]
    page.get_by_label("Time").press("End")
    page.wait_for_function("document.querySelector('.said').textContent.startsWith('12:08')")
    assert page.locator(".said").inner_text() == str(view.record.state(view.end))
    page.close()


@pytest.mark.slow
@pytest.mark.browser
def test_a_record_stored_in_the_middle_of_a_run_is_no_live_run(
    chromium: Any,
    tmp_path: Path,
) -> None:
    view = (watched := Watched(visits())).view
    run(watched.flow)
    feed = view.feed(False, view.start + timedelta(seconds=100))
    old = re.sub(r'"sent":\d+', '"sent":1700000000000', feed)
    for html, mode in ((feed, "live"), (old, "play")):
        path = tmp_path / f"{mode}.html"
        path.write_text(f"<!doctype html><meta charset=utf-8>{view.stage()}{html}", "utf-8")
        page = chromium.new_page(viewport={"width": 900, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_function(
            "mode => document.querySelector('[data-live]').dataset.mode == mode", arg=mode
        )
        page.close()
