"""The X-ray shows what the engine did: the same items as the sinks got, the same state."""

import io
import json
import platform
import re
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from wording import Like

from searchlogs.dataflow import ctr_flow, flow, run
from searchlogs.events import EARLIEST
from searchlogs.figures.trace import MOST_ITEMS, item_text, trace
from searchlogs.figures.xray import xray
from searchlogs.figures.xray_film import film
from searchlogs.figures.xray_layout import MOST_LINES, Layout, lay_out
from searchlogs.sessions import replay_clock
from searchlogs.simulate import client_events, simulate

GIVES = "given"


def both_streams(source: Any, sink: Any) -> Dataflow:
    return ctr_flow(source, sink, late_sink=sink)


def counting(source: Any, sink: Any) -> Dataflow:
    """A running count by kind: a step that keeps a number for each key."""
    flow = Dataflow("counting")
    events = op.input("inp", flow, source)
    keyed = op.key_on("kind", events, lambda event: type(event).__name__)
    op.output("out", op.stateful_map("count", keyed, lambda n, _: ((n or 0) + 1,) * 2), sink)
    return flow


def branching(source: Any, sink: Any) -> Dataflow:
    flow = Dataflow("branching")
    events = op.input("inp", flow, source)
    parts = op.branch("odd", events, lambda event: len(str(event)) % 2 == 1)
    twice = op.flat_map("twice", parts.trues, lambda event: [event, event])
    op.output("out", op.merge("all", twice, parts.falses), sink)
    return flow


def windowed(source: Any, sink: Any) -> Dataflow:
    flow = Dataflow("windowed")
    events = op.input("inp", flow, source)
    windower = win.TumblingWindower(length=timedelta(minutes=1), align_to=EARLIEST)
    clock = replay_clock(timedelta(seconds=1))
    out = win.count_window("count", events, clock, windower, lambda event: str(event.user))
    op.output("out", out.down, sink)
    op.output("late", out.late, sink)
    return flow


def joining(source: Any, sink: Any) -> Dataflow:
    flow = Dataflow("joining")
    events = op.input("inp", flow, source)
    keyed = op.map("user", events, lambda event: (str(event.user), type(event).__name__))
    searches = op.filter_value("searches", keyed, lambda kind: kind == "Search")
    clicks = op.filter_value("clicks", keyed, lambda kind: kind == "ClickResult")
    op.output("out", op.join("join", searches, clicks), sink)
    return flow


FLOWS: list[Callable[[Any, Any], Dataflow]] = [both_streams, counting, branching, windowed, joining]


def arrived(seen: Layout, name: str) -> list[str]:
    """Return all items that reached a sink, as the last picture and the counts show them."""
    (step,) = (row.step for row in seen.rows if row.step.name == name)
    return [
        item
        for moment in seen.moments
        for stream in step.ups
        for item in moment.passed.get(stream, [])
    ]


@pytest.mark.parametrize("make", FLOWS, ids=lambda make: make.__name__)
@settings(max_examples=15)
@given(seed=st.integers(0, 50), disorder=st.sampled_from([0, 30]))
def test_it_shows_what_the_sinks_got(
    make: Callable[[Any, Any], Dataflow], seed: int, disorder: int
) -> None:
    events = list(simulate(3, 4, seed=seed, disorder=timedelta(seconds=disorder)))[:MOST_ITEMS]
    got: list[Any] = []
    run(make(TestingSource(events), TestingSink(got)))
    seen = lay_out(trace(make(TestingSource(events, batch_size=7), TestingSink(out := []))))
    sinks = [row.step.name for row in seen.rows if row.step.kind == "output"]
    shown = Counter(item for name in sinks for item in arrived(seen, name))
    assert shown == Counter(map(item_text, got))
    assert out == []
    assert [moment.title for moment in seen.moments[:-1]] == list(map(item_text, events))


def test_it_shows_what_a_step_keeps_after_each_item() -> None:
    events = client_events()
    counts: Counter[str] = Counter()
    moments = trace(counting(TestingSource(events), TestingSink([]))).moments
    for event, moment in zip(events, moments[:-1], strict=True):
        counts[type(event).__name__] += 1
        kept = {key: dict(lines) for key, lines in moment.kept["count"].items()}
        assert kept == {kind: {"state": str(n)} for kind, n in counts.items()}


def test_keys_that_get_equal_values_in_one_moment_are_told_apart() -> None:
    flow = Dataflow("both")
    items = op.input("inp", flow, TestingSource([1, 1]))
    keyed = op.flat_map("keys", items, lambda n: [("b", n), ("a", n), ("b", n)])
    op.output(
        "out", op.stateful_map("sum", keyed, lambda s, n: ((s or 0) + n,) * 2), TestingSink([])
    )
    kept = [moment.kept["sum"] for moment in trace(flow).moments]
    assert kept[0] == {"a": [("state", "1")], "b": [("state", "2")]}
    assert kept[1] == {"a": [("state", "2")], "b": [("state", "4")]}


def test_a_window_shows_its_watermark_what_is_open_and_what_waits() -> None:
    moments = trace(flow).moments
    assert moments[1].kept["sessions"] == {
        "1": [
            ("watermark", "00:00:05"),
            ("window 0", "[search 'dogs' 00:00:05]"),
            ("waiting", "[3 results 00:00:06]"),
        ]
    }
    assert moments[-1].title == "The input ends."
    assert moments[-1].kept["sessions"]["1"] == [("watermark", "past everything")]


def test_a_key_that_is_finished_is_gone() -> None:
    flow = Dataflow("once")
    keyed = op.input("inp", flow, TestingSource([("a", 1), ("a", 2)]))
    op.output("out", op.stateful_flat_map("pair", keyed, _second), TestingSink([]))
    assert [moment.kept.get("pair") for moment in trace(flow).moments][:2] == [
        {"a": [("state", "1")]},
        {},
    ]


def _second(state: int | None, value: int) -> tuple[int | None, list[int]]:
    return (value, []) if state is None else (None, [state + value])


def test_the_flow_itself_stays_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    first = repr(xray(flow))
    assert capfd.readouterr().out == ""
    run(flow)
    assert capfd.readouterr().out.splitlines()[-1] == "('2', 2.0)"
    assert repr(xray(flow)) == first


def test_a_long_input_is_cut_and_says_so() -> None:
    events = [event for event in client_events() for _ in range(20)]
    moments = trace(ctr_flow(TestingSource(events), TestingSink([]))).moments
    assert len(moments) == MOST_ITEMS + 1
    assert moments[-1].title == Like(f"only its first {MOST_ITEMS} items")


def test_many_lines_end_in_their_number() -> None:
    flow = Dataflow("many")
    items = op.input("inp", flow, TestingSource([0]))
    op.output("out", op.flat_map("more", items, lambda _: range(30)), TestingSink([]))
    seen = lay_out(trace(flow))
    assert [row.lines for row in seen.rows] == [1, MOST_LINES, MOST_LINES]
    assert seen.frames[0][1][-1].text == seen.frames[0][2][-1].text == "… 30 in all"


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        (ctr_flow, TypeError, "expected a Dataflow; found function; call it"),
        ([], TypeError, "expected a Dataflow; found list"),
        (Dataflow("empty"), ValueError, "expected a step 'input'; found no steps"),
    ],
)
def test_what_is_no_flow(wrong: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        xray(wrong)
    assert str(caught.value) == Like(words)


def test_an_error_in_a_step_names_the_step() -> None:
    flow = Dataflow("broken")
    items = op.input("inp", flow, TestingSource([1, 0]))
    op.output("out", op.map("divide", items, lambda n: 1 // n), TestingSink([]))
    with pytest.raises(ZeroDivisionError) as caught:
        xray(flow)
    assert caught.value.__notes__ == [Like("divide")]


def test_lines_of_a_graph_never_run_through_another_step() -> None:
    for make in FLOWS:
        seen = lay_out(trace(make(TestingSource(client_events()), TestingSink([]))))
        for edge in seen.edges:
            between = [row.lane for row in seen.rows[edge.start + 1 : edge.end]]
            assert edge.lane not in between


def test_the_film_has_a_picture_for_each_moment_and_is_small() -> None:
    seen = lay_out(trace(flow))
    data = film(seen)
    assert data == film(seen)
    assert len(data) < 300_000
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == len(seen.frames) == 8


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="a picture is the same bytes on Linux on x86-64 only",
)
def test_the_readme_shows_the_tutorials_film() -> None:
    root = Path(__file__).parent.parent
    assert "(notebooks/xray.png)" in (root / "README.md").read_text(encoding="utf-8")
    assert (root / "notebooks" / "xray.png").read_bytes() == film(lay_out(trace(flow)))


def test_the_page_holds_the_frames_and_escapes_them() -> None:
    flow = Dataflow("escaped")
    items = op.input("inp", flow, TestingSource(["</script><img src=x onerror=alert(1)>"]))
    op.output("out", items, TestingSink([]))
    html = xray(flow)._repr_html_()
    assert html.count("</script>") == 1
    data = json.loads(re.search(r'\("\w{12}",(\{.*\})\)</script>', html)[1])  # type: ignore[index]
    assert data["titles"][0] == "'</script><img src=x onerror=alert(1)>'"
    assert xray(flow)._repr_html_() == html


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 900, 390])
def test_it_steps_in_a_browser(
    chromium: Any,
    tmp_path: Path,
    width: int,
    scheme: Any,
) -> None:
    seen = lay_out(trace(flow))
    path = tmp_path / "xray.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8>{xray(flow)._repr_html_()}", encoding="utf-8"
    )
    page = chromium.new_page(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    errors: list[Any] = []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(path.as_uri())

    def check(number: int) -> None:
        assert page.locator("[data-xray]").get_attribute("data-at") == str(number)
        title = seen.moments[number].title
        assert page.locator(".now").inner_text() == f"{number + 1} of {len(seen.frames)}: {title}"
        for row, lines in enumerate(seen.frames[number]):
            shown = page.locator(".step").nth(row).locator("> div:not(.head)").all_inner_texts()
            assert shown == [line.label + line.text for line in lines]

    check(0)
    for number in range(1, len(seen.frames)):
        page.get_by_label("Next").click()
        check(number)
    assert page.get_by_label("Next").is_disabled()
    page.locator("[data-xray]").focus()
    page.keyboard.press("ArrowLeft")
    check(len(seen.frames) - 2)
    page.get_by_label("Item").fill("2")
    check(2)
    page.get_by_label("Item").press("ArrowUp")
    check(3)
    page.get_by_label("Item").press("ArrowLeft")
    check(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not errors
    page.close()


@pytest.mark.slow
@pytest.mark.browser
def test_who_steps_faster_than_the_item_glides_sees_the_state(
    chromium: Any, tmp_path: Path
) -> None:
    seen = lay_out(trace(flow))
    path = tmp_path / "xray.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8>{xray(flow)._repr_html_()}", encoding="utf-8"
    )
    page = chromium.new_page(reduced_motion="no-preference")
    page.goto(path.as_uri())
    shown = page.evaluate(
        """() => {
          const next = document.querySelector('[aria-label="Next"]');
          for (let step = 0; step < 5; step++) next.click();
          return [...document.querySelectorAll(".step")].map((step) =>
            [...step.querySelectorAll(":scope > div:not(.head)")].map((line) => line.textContent));
        }"""
    )
    before, after = (
        [[line.label + line.text for line in lines] for lines in seen.frames[number]]
        for number in (4, 5)
    )
    assert all(row in rows for row, *rows in zip(shown, before, after, strict=True))
    page.close()
