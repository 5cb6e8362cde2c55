from datetime import UTC, datetime, timedelta

from searchlogs.dataflow import GAP, WAIT, find_sessions
from searchlogs.events import AppOpen
from searchlogs.figures.widgets import GAPS, WAITS, Explorer, LiveTimeline
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


def test_each_slider_moves_the_numbers_and_the_picture() -> None:
    explorer = Explorer(HOUR)
    assert (explorer.gap.value, explorer.wait.value) == (GAP, WAIT)
    seen = {bytes(explorer.picture.value)}
    for gap, wait in [(GAPS[-1], WAIT), (GAPS[-1], WAITS[-1]), (GAPS[0], WAITS[0])]:
        explorer.gap.value, explorer.wait.value = gap, wait
        sessions, late = find_sessions(HOUR, gap, wait)
        assert f"{len(sessions)} sessions" in explorer.numbers.value
        assert f"{len(late)} late event" in explorer.numbers.value
        assert bytes(explorer.picture.value).startswith(b"\x89PNG")
        seen.add(bytes(explorer.picture.value))
    assert len(seen) == 4


def test_without_a_kernel_and_in_a_comparison_it_is_words() -> None:
    explorer = Explorer(HOUR)
    assert repr(explorer) == repr(Explorer(HOUR))
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Sliders for gap and wait, while a kernel runs.")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_nothing_to_explore() -> None:
    assert Explorer([]).numbers.value == "0 sessions, no CTR, 0 late events"
    opened = [AppOpen(1, datetime(2024, 1, 1, tzinfo=UTC))]
    assert Explorer(opened).numbers.value == "1 session, no CTR, 0 late events"


def test_a_live_timeline_grows_and_starts_again() -> None:
    view = LiveTimeline(GAP, every=0)
    sessions, _ = find_sessions(HOUR)
    pictures = set()
    for _ in range(2):
        view.clear()
        for event in HOUR[:3]:
            view.arrive("arrive", event)
            pictures.add(bytes(view.picture.value))
        view.close("close", sessions[0])
        assert view.numbers.value == "3 events, 1 session"
    assert len(pictures) == 3
    assert repr(view) == view._repr_mimebundle_()["text/plain"]


def test_a_live_timeline_draws_no_oftener_than_asked() -> None:
    view = LiveTimeline(GAP, every=3600)
    for event in HOUR:
        view.arrive("arrive", event)
    assert view.numbers.value == "1 event, 0 sessions"
    view.draw()
    assert view.numbers.value == f"{len(HOUR)} events, 0 sessions"
