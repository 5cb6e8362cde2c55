"""Dataflows that learners write: right ones in many forms, wrong ones with their words."""

import os
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from answers._flows import BEGIN, between, written
from answers.dataflows import RIGHT_BODIES, WRONG_BODIES
from answers.reliable_flows import WRONG_BODIES as RELIABLE
from bytewax.testing import TestingSink, TestingSource
from wording import Like

from searchlogs import exercises
from searchlogs.dataflow import find_sessions
from searchlogs.events import Event, Search
from searchlogs.exercises._core import Verdict, at
from searchlogs.exercises._flow_cases import FlowCase
from searchlogs.exercises._flow_errors import MESSAGES, late_binding
from searchlogs.exercises._flows import FlowTask
from searchlogs.exercises.dataflows import ARRIVING, NOTEBOOK, event_groups, opens
from searchlogs.exercises.further_flows import counts_and_late, flat_row, in_order
from searchlogs.live.clocks import live_clock
from searchlogs.metrics import attribute
from searchlogs.sessions import Session
from searchlogs.simulate import client_events

NAMES = [
    "count_by_kind",
    "connect_late",
    "same_twice",
    "check_the_sum",
    "survive_a_kill",
    "hourly_beside",
    "join_clicks",
]
TASKS: dict[str, FlowTask] = {name: getattr(exercises, name) for name in NAMES}


def fits_on_a_screen(verdict: Verdict) -> None:
    text = repr(verdict)
    assert len(text.splitlines()) <= 15 and len(verdict.words) < 330
    assert " at 0x" not in text and "Traceback" not in text and "site-packages" not in text
    if verdict.state == "wrong":
        facts = dict(verdict.facts)
        assert facts["yours"] != facts["expected"]


@pytest.mark.parametrize(
    ("name", "number"), [(name, n) for name in NAMES for n in range(len(TASKS[name].mistakes))]
)
def test_a_mistake_is_named(name: str, number: int) -> None:
    slip, words = list(TASKS[name].mistakes.items())[number]
    verdict = TASKS[name].check(slip)
    assert verdict.words == words
    fits_on_a_screen(verdict)


@pytest.mark.parametrize("name", NAMES)
def test_a_second_look_is_the_same(name: str) -> None:
    slip = list(TASKS[name].mistakes)[-1]
    looks = [TASKS[name].check(slip)._repr_mimebundle_() for _ in range(2)]
    assert looks[0] == looks[1]
    assert "text/html" in looks[0] and "exercises." in looks[0]["text/plain"]


def test_every_sentence_about_the_engine_is_said() -> None:
    said = [TASKS[name].check(written(name, body)).words for name, body, _ in ENGINE]
    sentences = [sentence.split("{")[0][:12] for _, sentence in MESSAGES]
    assert [one for one in sentences if not any(one in words for words in said)] == []


ENGINE = [
    *[("count_by_kind", *case) for case in WRONG_BODIES["count_by_kind"]],
    ("count_by_kind", 'flow = Dataflow("a.b")\nreturn flow', ""),
    ("count_by_kind", 'flow = Dataflow("a")\nop.input("i", flow, [1])\nreturn flow', ""),
    ("count_by_kind", between('out = op.filter("f", events, lambda e: 1)'), ""),
    ("count_by_kind", BEGIN + 'op.output("out", events, [])\nreturn flow', ""),
    ("same_twice", WRONG_BODIES["same_twice"][9][0], ""),
    ("connect_late", WRONG_BODIES["connect_late"][1][0], ""),
    *[("survive_a_kill", *RELIABLE["survive_a_kill"][n]) for n in (6, 7)],
]


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ('for k in "ab":\n    op.map(f"is_{k}", events, lambda e: k)', True),
        ('for k in "ab":\n    def step(e):\n        return k\n'
         '    op.map(f"{k}", events, step)', True),
        ('out = [op.map(f"is_{k}", events, lambda e: k) for k in "ab"]', True),
        ('for k in "ab":\n    op.map(f"is_{k}", events, lambda e, k=k: k)', False),
        ('for k in "ab":\n    op.map(f"is_{k}", events, lambda k: k)', False),
        ('for k in "ab":\n    names = sorted("ab", key=lambda name: name == k)', False),
        ('def step(e):\n    for k in "ab":\n        e.get("x", lambda: k)\n'
         'op.map("s", events, step)', False),
    ],
)  # fmt: skip
def test_only_a_step_of_a_loop_is_said_to_read_its_variable(steps: str, found: bool) -> None:
    assert bool(late_binding(written("count_by_kind", between(steps)))) == found


@pytest.mark.parametrize("name", [name for name in NAMES if name != "connect_late"])
@pytest.mark.parametrize("body", ["...", "pass", "return ..."])
def test_a_flow_that_is_not_begun_is_not_attempted(name: str, body: str) -> None:
    verdict = TASKS[name].check(written(name, body))
    assert verdict.state == "not attempted" and f"exercises.{name}.hint()" in verdict.words


STARTER = """
def my_flow(source, sink):
    flow = Dataflow("every_event")
    events = op.input("inp", flow, source)
    keyed = op.map("user_event", events, user_event)
    window = collect_window("window", keyed, clock, windower)
    op.output("out", window.down, sink)
    return flow
"""


def test_the_flow_that_is_given_is_not_attempted_until_it_changes() -> None:
    verdict = exercises.connect_late.check(written("connect_late", STARTER))
    assert verdict.state == "not attempted" and "Add what is missing" in verdict.words
    changed = STARTER.replace("window.down", "window.late")
    assert exercises.connect_late.check(written("connect_late", changed)).state == "broken"


def test_a_flow_in_place_of_the_function() -> None:
    answer = written("count_by_kind", RIGHT_BODIES["count_by_kind"][0])
    verdict = exercises.count_by_kind.check(answer(TestingSource([]), TestingSink([])))
    assert verdict.state == "wrong"
    assert verdict.words == Like("one flow…without calling it")
    assert "a list" in exercises.count_by_kind.check([answer]).words


def test_other_parameters_are_told() -> None:
    answer = written("count_by_kind", "def my_flow(source):\n    return Dataflow(source)")
    verdict = exercises.count_by_kind.check(answer)
    assert verdict.state == "broken" and "`source` and `sink`" in verdict.words


SWALLOWING = """
        def wait(event):
            while True:
                try:
                    len(1)
                except:
                    continue
        out = op.map("wait", events, wait)"""


@pytest.mark.parametrize("steps", [SWALLOWING.replace("len(1)", "pass"), SWALLOWING])
def test_an_endless_step_is_stopped(
    steps: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exercises.count_by_kind, "seconds", 0.5)
    verdict = exercises.count_by_kind.check(written("count_by_kind", between(steps)))
    assert verdict.state == "broken" and "still running" in verdict.words
    assert verdict.case == "the tutorial's seven events"
    os.write(2, b"heard")  # The engine's own words are let through again.
    assert capfd.readouterr() == ("", "heard")
    monkeypatch.undo()
    assert exercises.count_by_kind.check(exercises.count_by_kind.solve).state == "right"


def test_the_users_own_interrupt_passes() -> None:
    body = between("""
        def stop(event):
            raise KeyboardInterrupt
        out = op.map("stop", events, stop)""")
    with pytest.raises(KeyboardInterrupt):
        exercises.count_by_kind.check(written("count_by_kind", body))


def test_the_failing_line_is_shown() -> None:
    body = between('out = op.map(\n    "k",\n    events,\n    lambda e: e.kindly,\n)')
    facts = dict(exercises.count_by_kind.check(written("count_by_kind", body)).facts)
    assert facts["line 7"] == "lambda e: e.kindly,"
    assert "no attribute 'kindly'" in facts["error"]


def test_little_of_what_is_printed_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    body = between('out = op.map("k", events, lambda e: print(e.time) or 1)')
    verdict = exercises.count_by_kind.check(written("count_by_kind", body))
    assert dict(verdict.facts)["printed"].splitlines()[3] == "…"
    fits_on_a_screen(verdict)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", NAMES)
def test_each_case_can_be_looked_through(name: str) -> None:
    """Under the X-ray as many rows reach the sinks as in a run that is not killed."""
    exercise = getattr(exercises, name)
    case = replace(exercise.case(1), stored=None, killed=None)
    seen = case.xray(exercise.solve)
    assert len(seen.layout.moments) == len(case.items) + 1
    wrong = next(iter(exercise.mistakes))
    facts = dict(exercise.check(wrong).facts)
    if "error" not in facts:
        assert Like(f"exercises.{name}.case(….xray({wrong.__name__})") == facts["to see it"]


def test_a_case_can_be_run_by_oneself() -> None:
    answer = written("count_by_kind", WRONG_BODIES["count_by_kind"][13][0])
    facts = dict(exercises.count_by_kind.check(answer).facts)
    assert facts["to run it"] == "exercises.count_by_kind.case(4).run(my_flow)"
    assert facts["to see it"].endswith(".xray(my_flow)  # without the kill")
    case = exercises.count_by_kind.case(4)
    assert case.run(answer) == exercises.count_by_kind.case(4).run(answer)
    assert len(case.items) == 7 and "killed after item 4" in repr(case)
    for number in (0, 7, "1"):
        with pytest.raises(ValueError, match="from 1 to 6"):
            exercises.count_by_kind.case(number)


def test_counts_are_those_of_a_counter() -> None:
    rows = exercises.count_by_kind.case(2).run(exercises.count_by_kind.solve)
    last = {name: number for name, number in rows}
    assert last == Counter(type(event).__name__ for event in client_events())
    assert len(rows) == 7


@pytest.mark.parametrize("events", [NOTEBOOK, ARRIVING])
def test_the_window_is_that_of_the_package(events: tuple[Event, ...]) -> None:
    sessions, late = find_sessions(events)
    wanted = event_groups([*sessions, *late])
    tens = [case for case in exercises.connect_late.cases() if case.items == events]
    settings = (timedelta(seconds=10), timedelta(seconds=1))
    for case in tens or [replace(exercises.same_twice.case(2), settings=settings)]:
        task = exercises.connect_late if tens else exercises.same_twice
        found = event_groups(case.run(task.solve))
        assert sorted(map(repr, found)) == sorted(map(repr, wanted))


@pytest.mark.parametrize("case", in_order(), ids=lambda case: case.name)
def test_a_stream_in_order_joins_each_click_as_attribution_does(case: FlowCase) -> None:
    wanted = []
    for user in sorted({str(event.user) for event in case.items}):
        own = tuple(event for event in case.items if str(event.user) == user)
        found = attribute(Session(user, 0, own))
        pairs = [(one.search.query, click) for one in found.impressions for click in one.clicks]
        wanted += [(user, query, click.item) for query, click in pairs]
        wanted += [(user, None, click.item) for click in found.orphans]
    rows = [flat_row(row) for row in case.run(exercises.join_clicks.solve)]
    assert sorted(map(repr, rows)) == sorted(map(repr, wanted))


def test_a_stream_misses_results_that_come_after_the_click() -> None:
    (case,) = [one for one in exercises.join_clicks.cases() if "after the click" in one.name]
    found = attribute(Session("1", 0, case.items))
    assert [len(one.clicks) for one in found.impressions] == [2]
    assert [row[1] for row in case.run(exercises.join_clicks.solve)] == [None, "dogs"]


def test_hours_and_late_searches_are_those_of_a_loop() -> None:
    for case in exercises.hourly_beside.cases():
        (wait,) = case.settings
        newest: dict[str, datetime] = {}
        counts: Counter[tuple[str, datetime]] = Counter()
        late = []
        for event in case.items:
            if isinstance(event, Search):
                user = str(event.user)
                newest[user] = max(event.time, newest.get(user, event.time))
                if event.time < newest[user] - wait:
                    late.append([event])
                else:
                    counts[user, event.time.replace(minute=0, second=0, microsecond=0)] += 1
        wanted = [*late, *((*key, number) for key, number in counts.items())]
        rows = counts_and_late(case.run(exercises.hourly_beside.solve))
        assert sorted(map(repr, rows)) == sorted(map(repr, wanted))


def test_under_the_live_clock_those_are_late_that_the_solution_says() -> None:
    now = at(100)
    logic = live_clock("2s", lambda: now).build(None)
    late = []
    for second in (10, 12, 11, 13, 14, 16, 15):
        if second == 13:
            now += timedelta(seconds=5)
        logic.before_batch()
        (event,) = opens((1, second))
        time, watermark = logic.on_item(event)
        late += [second] if time < watermark else []
    assert late == exercises.lost_to_the_stall.solve()
