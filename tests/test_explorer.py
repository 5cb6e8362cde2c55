"""The explorer's numbers are the engine's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import pytest
from dragging import drag
from wording import Like

from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, ClickResult, Event, Search
from searchlogs.figures.explorer import GAPS, WAITS, Explorer
from searchlogs.metrics import count
from searchlogs.simulate import simulate

HOUR = list(
    simulate(
        users=5,
        sessions=10,
        seed=2,
        duration=timedelta(hours=1),
        disorder=timedelta(seconds=30),
    )
)


def test_what_a_kernel_without_scripts_gets_is_the_tutorials_timeline() -> None:
    explorer = Explorer(HOUR)
    assert explorer.picture().title == "Gap 10 s, wait 1 s: 21 sessions, CTR 0.10, 4 late events"
    assert explorer._repr_html_() == Explorer(HOUR)._repr_html_()


def test_nothing_to_explore() -> None:
    assert Explorer([]).picture().title == Like("0 sessions, no CTR, 0 late events")
    opened = [AppOpen(1, datetime(2024, 1, 1, tzinfo=UTC))]
    assert Explorer(opened).picture().title == Like("1 session, no CTR, 0 late events")
    assert '{"events":[],"users":[]' in Explorer([])._repr_html_()
    assert '{"events":[[0,0,0,-1,[],""]],"users":["1"]' in Explorer(opened)._repr_html_()


def test_what_is_no_event() -> None:
    with pytest.raises(TypeError) as caught:
        Explorer([*HOUR, "click"])  # type: ignore[list-item]
    assert str(caught.value) == Like(f"events[{len(HOUR)}]")


def test_text_from_a_log_is_text() -> None:
    html = Explorer([Search("</script><b>", "</script><img src=x>", HOUR[0].time)])._repr_html_()
    assert html.count("</script>") == 1


def with_ids(seed: int) -> list[Event]:
    """Return events of which some name a query: the one before, another, or an absent one."""
    random = Random(seed)
    ids = [None, None, "a", "b", "gone"]
    return [
        event
        if isinstance(event, AppOpen)
        else replace(event, query_id=random.choice(ids[: 4 if isinstance(event, Search) else 5]))
        for event in simulate(4, 8, seed=seed, disorder=timedelta(minutes=2))
    ]


def whole_seconds(seed: int) -> list[Event]:
    """Return events at whole seconds, so that pauses are as long as a gap, or late by a wait."""
    random = Random(seed)
    kinds = [lambda u, t: Search(u, "dogs", t), lambda u, t: ClickResult(u, "rover", t), AppOpen]
    moves = [random.choice([-10, -2, -1, 1, 2, 5, 10, 20, 30, 60]) for _ in range(150)]
    return [
        random.choice(kinds)(random.choice([1, 2]), HOUR[0].time + timedelta(seconds=second))
        for second in accumulate(moves)
    ]


LOGS = {
    "hour": HOUR,
    "ids": with_ids(1),
    "other ids": with_ids(2),
    "whole seconds": whole_seconds(1),
    "none": [],
}


def of_engine(events: list[Event], gap: timedelta, wait: timedelta) -> dict[str, int]:
    """Return what the explorer's element must hold; gap and wait in microseconds."""
    sessions, late = find_sessions(events, gap, wait)
    counts = [count(session) for session in sessions]
    return {
        "gap": int(gap.total_seconds() * 1_000_000),
        "wait": int(wait.total_seconds() * 1_000_000),
        "sessions": len(sessions),
        "late": len(late),
        "searches": sum(one.searches for one in counts),
        "clicked": sum(one.searches_clicked for one in counts),
        "orphans": sum(one.orphan_clicks for one in counts),
    }


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("events", LOGS.values(), ids=LOGS)
def test_every_setting_gives_the_numbers_of_the_engine(
    chromium: Any,
    tmp_path: Path,
    events: list[Event],
) -> None:
    path = tmp_path / "explorer.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{Explorer(events)._repr_html_()}", "utf-8")
    page = chromium.new_page(viewport={"width": 900, "height": 900})
    errors: list[Any] = []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(path.as_uri())
    root, gap_line = page.locator("[data-explorer]"), page.get_by_role("slider", name="gap")
    for _ in GAPS:
        gap_line.press("ArrowLeft")
    for gap in GAPS:
        wait_line = page.get_by_role("slider", name="wait")
        for _ in WAITS:
            wait_line.press("ArrowLeft")
        for wait in WAITS:
            shown = root.evaluate("root => ({...root.dataset})")
            expected = of_engine(events, gap, wait)
            assert {name: int(shown[name]) for name in expected} == expected
            wait_line.press("ArrowRight")
        gap_line.press("ArrowRight")
    assert not errors
    page.close()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 464, 390])
def test_a_line_that_is_dragged_moves_the_numbers_and_no_axis(
    chromium: Any,
    tmp_path: Path,
    width: int,
    scheme: Any,
) -> None:
    path = tmp_path / "explorer.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{Explorer(HOUR)._repr_html_()}", "utf-8")
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(path.as_uri())
    numbers = page.locator(".numbers")
    assert numbers.locator("b").inner_text() == "CTR 0.10"
    sizes = page.locator("svg text").evaluate_all(
        "all => all.map(e => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a)"
    )
    assert min(sizes) >= 9
    axis = page.locator("svg > text").all_inner_texts()
    drag(page.get_by_role("slider", name="gap"), 0.4 * min(width, 860))
    assert numbers.locator("b").inner_text() == "CTR 0.80"
    assert page.locator("svg > text").all_inner_texts() == axis
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    milliseconds = page.evaluate(
        """() => {
            const line = document.querySelector("[role=slider]"), begin = performance.now();
            for (let n = 0; n < 20; n++) {
                const key = n % 2 ? "ArrowLeft" : "ArrowRight";
                line.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            }
            return (performance.now() - begin) / 20;
        }"""
    )
    print(f"a move takes {milliseconds:.1f} ms")
    page.close()
