import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source, StatefulSourcePartition
from bytewax.operators.windowing import Clock
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource, cluster_main, run_main
from hypothesis import example, given, settings
from hypothesis import strategies as st

from searchlogs.dataflow import GAP, WAIT, ctr_flow, run
from searchlogs.events import LATEST, AppOpen, Event
from searchlogs.live.clocks import live_clock
from searchlogs.live.limits import Ahead, judge, limit_future
from searchlogs.live.play import Place, Play
from searchlogs.sessions import Late, Session, replay_clock, session_window
from searchlogs.simulate import client_events, simulate

ZERO = timedelta(0)
MICRO = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
START = datetime(2024, 1, 1, tzinfo=UTC)

Closed = list[tuple[datetime, Session]]


def second(number: float) -> datetime:
    return START + timedelta(seconds=number)


def opens(*seconds: float, user: int | str = 1) -> list[Event]:
    return [AppOpen(user, second(number)) for number in seconds]


def flow_of(
    play: Play, gap: timedelta, wait: timedelta, passing: Callable[[Event], Event] = lambda one: one
) -> tuple[Dataflow, Closed, list[Late]]:
    """A flow, and the lists that it fills: sessions with the play time of their close, and late."""
    closed: Closed = []
    late: list[Late] = []
    flow = Dataflow("test")
    events = op.map("pass", op.input("inp", flow, play), passing)
    out = session_window("sessions", events, play.clock(wait), gap)
    closing = op.map("closing", out.down, lambda session: (play.now(), session))
    op.output("out", closing, TestingSink(closed))
    op.output("late_out", out.late, TestingSink(late))
    return flow, closed, late


def played(
    events: list[Event], gap: timedelta, wait: timedelta, speed: float | None = None
) -> tuple[Closed, list[Late]]:
    flow, closed, late = flow_of(Play(events, speed), gap, wait)
    run(flow)
    return closed, late


def by_user(closed: Closed) -> Closed:
    return sorted(closed, key=lambda one: (one[1].user, one[1].id))


def rule(events: list[Event], gap: timedelta, wait: timedelta) -> tuple[Closed, list[Late]]:
    """What must come out, in closed form: by user and id, and as they arrived.

    A user's watermark at play time p is p − wait − the smallest delay (arrival − event time) of
    their events so far.
    """
    arrivals = list(accumulate((event.time for event in events), max))
    closed: Closed = []
    late: list[tuple[int, Late]] = []
    for user in sorted({str(event.user) for event in events}):
        mine = [i for i, event in enumerate(events) if str(event.user) == user]
        delays = [arrivals[i] - events[i].time for i in mine]
        punctual: list[Event] = []
        for i, delay in zip(mine, accumulate(delays, min), strict=True):
            watermark = arrivals[i] - wait - delay
            if events[i].time < watermark:
                late.append((i, Late(user, events[i], watermark - events[i].time)))
            else:
                punctual.append(events[i])
        punctual.sort(key=lambda event: event.time)
        steps = [after.time - before.time for before, after in pairwise(punctual)]
        cuts = [0, *(i for i, step in enumerate(steps, 1) if step > gap), len(punctual)]
        for id, (first, end) in enumerate(pairwise(cuts)):
            session = Session(user, id, tuple(punctual[first:end]))
            close = min(
                max(arrivals[i], session.end + gap + wait + delay + MICRO)
                for i, delay in zip(mine, delays, strict=True)
            )
            closed.append((close, session))
    return closed, [one for _, one in sorted(late, key=lambda one: one[0])]


# Close together, so that equal instants, steps of exactly the gap and late events are common.
times = st.one_of(
    st.integers(0, 30).map(second),
    st.integers(0, 30_000_000).map(lambda micros: START + micros * MICRO),
    st.sampled_from([LATEST, second(10) + MICRO, second(10) - MICRO]),
)
any_event: st.SearchStrategy[Event] = st.builds(
    AppOpen, st.sampled_from([1, "1", 2, "dana"]), times
)
durations = st.one_of(
    st.sampled_from([ZERO, MICRO, GAP, WAIT, timedelta(days=366)]),
    st.integers(0, 30).map(lambda seconds: seconds * SECOND),
)


@settings(max_examples=60)
@given(st.lists(any_event, max_size=12), durations, durations, st.sampled_from([None, 1e12]))
# The engine looks when the first to come, 10, is due, where 5 is due and its session ends before.
@example(opens(10, 5, 11), SECOND, 10 * SECOND, None)
def test_every_session_closes_at_the_instant_that_the_rule_says(
    events: list[Event], gap: timedelta, wait: timedelta, speed: float | None
) -> None:
    closed, late = played(events, gap, wait, speed)
    assert [at for at, _ in closed] == sorted(at for at, _ in closed)
    expected = rule(events, gap, wait)
    assert (by_user(closed), sorted(late, key=repr)) == (expected[0], sorted(expected[1], key=repr))
    out = [event for _, session in closed for event in session.events]
    assert sorted(map(repr, out + [one.event for one in late])) == sorted(map(repr, events))


def test_a_simulated_day_plays_the_same_each_time_at_any_speed() -> None:
    day = list(simulate(20, 30, seed=1, disorder=timedelta(seconds=30), late_share=0.05))
    gap, wait = timedelta(minutes=30), timedelta(minutes=1)
    fake = played(day, gap, wait)
    assert (by_user(fake[0]), fake[1]) == rule(day, gap, wait)
    assert played(day, gap, wait) == fake
    assert played(day, gap, wait, speed=1e6) == fake


def test_sessions_that_close_at_one_instant_come_out_in_the_order_of_their_keys() -> None:
    # User 1 is known long before that instant, user 2 shortly before; both when 7 s are through.
    others = opens(*(8 + i / 100 for i in range(30)), user="x")
    events = [*opens(7), *others, *opens(9.5, 7, user=2)]
    closed, _ = played(events, SECOND, 5 * SECOND)
    assert [(at, session.user) for at, session in closed[:2]] == [
        (second(13) + MICRO, "1"),
        (second(13) + MICRO, "2"),
    ]


def test_play_time_stands_still_while_a_flow_is_busy_and_on_its_way_through_many_steps() -> None:
    events = [*opens(1, 2, 3), *opens(3, 4, user=2)]
    play = Play(events, speed=1e6)
    flow = Dataflow("long")
    stream = op.input("inp", flow, play)
    seen: list[tuple[datetime, Event]] = []
    for i in range(80):
        stream = op.map(f"step_{i}", stream, lambda event: event)
    op.output("out", op.map("see", stream, lambda one: (play.now(), one)), TestingSink(seen))
    run(flow)
    assert seen == [(event.time, event) for event in events]


@pytest.mark.parametrize("workers", [2, 3])
def test_several_workers_with_an_epoch_for_each_batch(workers: int) -> None:
    events = [
        e for pair in zip(opens(*range(5)), opens(*range(5), user=2), strict=True) for e in pair
    ]
    flow, closed, late = flow_of(Play(events), ZERO, SECOND)
    cluster_main(flow, [], 0, epoch_interval=ZERO, worker_count_per_proc=workers)
    assert (by_user(closed), late) == rule(events, ZERO, SECOND)


def test_a_play_can_be_run_again_and_under_any_clock() -> None:
    play = Play(client_events())
    for clock in (play.clock, replay_clock, play.clock):
        out: list[Any] = []
        run(ctr_flow(play, TestingSink(out), clock=clock))
        assert sorted(out) == [("1", 1.0), ("2", 2.0)]
        assert play.played == 7
    assert play.now() == datetime(2024, 1, 1, 0, 0, 19, 1, tzinfo=UTC)


def test_nothing_to_play() -> None:
    assert played([], GAP, WAIT) == ([], [])


@pytest.mark.parametrize(
    "stop_at", [3, *(pytest.param(i, marks=pytest.mark.slow) for i in (0, 1, 2, 4, 5, 6))]
)
def test_a_play_resumes_at_its_place_and_play_time(stop_at: int, tmp_path: Path) -> None:
    events = [*opens(0, 1), *opens(2, user=2), *opens(9, 7), *opens(12, user=2), *opens(20, 13)]
    init_db_dir(tmp_path, 1)
    seen = 0

    def fail_once(event: Event) -> Event:
        nonlocal seen
        seen += 1
        if seen == stop_at + 1:
            raise RuntimeError("pulled the plug")
        return event

    closed: Closed = []
    late: list[Late] = []
    for resumed in (False, True):
        # As after a crash: other objects, which know nothing of what was before.
        flow, sessions, events_late = flow_of(Play(events), 3 * SECOND, 2 * SECOND, fail_once)
        try:
            run_main(flow, epoch_interval=ZERO, recovery_config=RecoveryConfig(str(tmp_path)))
            assert resumed
        except Exception:
            assert not resumed
        closed += [one for one in sessions if one not in closed]  # sinks may repeat
        late += [one for one in events_late if one not in late]
    expected = rule(events, 3 * SECOND, 2 * SECOND)
    assert (by_user(closed), late) == expected


def test_a_resumed_play_begins_in_its_play_time() -> None:
    play = Play(opens(0, 1, 5))
    part = play.build_part("inp", "play", (2, second(3)))
    assert (play.played, play.now(), part.snapshot()) == (2, second(3), (2, second(3)))


class Watched(Play):
    """A play that counts how often its part is asked."""

    polls = 0
    asked = 0

    def build_part(
        self, step_id: str, for_part: str, resume_state: Place | None
    ) -> StatefulSourcePartition[Event, Place]:
        return CountingPart(super().build_part(step_id, for_part, resume_state), self)


@dataclass
class CountingPart(StatefulSourcePartition[Event, Place]):
    part: StatefulSourcePartition[Event, Place]
    play: Watched

    def next_batch(self) -> Any:
        self.play.asked += 1
        return self.part.next_batch()

    def next_awake(self) -> datetime | None:
        return self.part.next_awake()

    def snapshot(self) -> Place:
        return self.part.snapshot()


def test_an_idle_play_sleeps() -> None:
    # A third of a second for the second event, and for what must wait for the watermark.
    play = Watched(opens(0, 10), speed=30)
    flow, closed, _ = flow_of(play, 5 * SECOND, 5 * SECOND)
    began = time.monotonic()
    run(flow)
    assert time.monotonic() - began > 20 / 30
    assert [at for at, _ in closed] == [second(10) + MICRO, second(20) + MICRO]
    assert 2 < play.asked < 50


def test_an_interrupted_play_says_how_far_it_came_and_can_be_run_again() -> None:
    play = Play(opens(0, 1, 2, 10_000), speed=100)
    flow, closed, _ = flow_of(play, 1000 * SECOND, SECOND)

    def interrupt_while_it_sleeps() -> None:
        while play.now() != second(3) + MICRO:  # the watermark has passed the third event
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt_while_it_sleeps)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(flow)
    thread.join()
    assert (play.played, play.now(), closed) == (3, second(3) + MICRO, [])
    play.speed = None
    run(flow)
    assert [len(session.events) for _, session in closed] == [3, 1]


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_bad_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match=r"speed: .*over 0"):
        Play([], speed)
    with pytest.raises(TypeError, match=r"speed: .*a number"):
        Play([], "fast")  # type: ignore[arg-type]


def test_what_is_no_event_is_refused_before_it_plays() -> None:
    with pytest.raises(TypeError, match=r"events\[1\]: .*an AppOpen"):
        Play([*opens(1), {"user": 1}])  # type: ignore[list-item]


# Limits on the future


def limited(
    source: Source[Event],
    limit: Callable[[Any], Any],
    clock: Clock[Event, Any],
    workers: int = 1,
) -> tuple[list[Session], list[Late], list[Ahead]]:
    sessions: list[Session] = []
    late: list[Late] = []
    ahead: list[Ahead] = []
    flow = Dataflow("test")
    out = limit(op.input("inp", flow, source))
    windows = session_window("sessions", out.down, clock, GAP)
    op.output("out", windows.down, TestingSink(sessions))
    op.output("late_out", windows.late, TestingSink(late))
    op.output("ahead_out", out.ahead, TestingSink(ahead))
    cluster_main(flow, [], 0, worker_count_per_proc=workers)
    return sorted(sessions, key=lambda one: (one.user, one.id)), late, ahead


def ahead_of_neighbours(events: list[Event], bound: timedelta) -> list[Ahead]:
    ahead = []
    for i, event in enumerate(events):
        around = events[:i][-5:] + events[i + 1 : i + 6]
        times = sorted(one.time for one in around)
        if times and event.time - times[len(times) // 2] > bound:
            ahead.append(Ahead(str(event.user), event, event.time - times[len(times) // 2]))
    return ahead


@settings(max_examples=60)
@given(st.lists(any_event, max_size=30), durations, st.integers(1, 40), st.integers(1, 3))
def test_an_event_ahead_of_its_neighbours_leaves_and_nothing_is_lost(
    events: list[Event], bound: timedelta, batch_size: int, workers: int
) -> None:
    sessions, late, ahead = limited(
        TestingSource(events, batch_size),
        lambda up: limit_future("limit", up, bound),
        replay_clock(WAIT),
        workers,
    )
    assert ahead == ahead_of_neighbours(events, bound)
    out = [event for session in sessions for event in session.events]
    out += [one.event for one in late] + [one.event for one in ahead]
    assert sorted(map(repr, out)) == sorted(map(repr, events))


def test_a_time_far_ahead_no_longer_makes_the_later_events_late() -> None:
    future = AppOpen(1, datetime(2199, 1, 1, tzinfo=UTC))
    events = [*opens(1, 2, 3), future, *opens(4, 5, 6, 7, 8)]
    sessions, late, ahead = limited(
        TestingSource(events),
        lambda up: limit_future("limit", up, timedelta(hours=1)),
        replay_clock(WAIT),
    )
    assert [len(session.events) for session in sessions] == [8]
    assert late == []
    assert [one.event for one in ahead] == [future]


@pytest.mark.parametrize(("evening", "morning"), [(1, 6), (5, 6), (20, 6), (20, 20)])
def test_the_first_events_after_a_quiet_night_stay(evening: int, morning: int) -> None:
    events = [*opens(*range(evening)), *opens(*(28_800 + i for i in range(morning)))]
    sessions, late, ahead = limited(
        TestingSource(events),
        lambda up: limit_future("limit", up, timedelta(hours=1)),
        replay_clock(WAIT),
    )
    assert [len(session.events) for session in sessions] == [evening, morning]
    assert (late, ahead) == ([], [])


def test_where_the_log_ends_soon_after_a_pause_what_follows_it_leaves() -> None:
    events = [*opens(*range(20)), *opens(28_800, 28_801)]
    _, _, ahead = limited(
        TestingSource(events),
        lambda up: limit_future("limit", up, timedelta(hours=1)),
        replay_clock(WAIT),
    )
    assert [one.event for one in ahead] == events[20:]


def test_a_limit_on_the_future_is_inclusive_and_says_how_much_ahead() -> None:
    at, beyond = opens(1)[0], AppOpen(1, second(1) + MICRO)
    assert judge(at, second(0), SECOND) == at
    assert judge(beyond, second(0), SECOND) == Ahead("1", beyond, SECOND + MICRO)


def test_a_limit_on_the_future_resumes_with_its_neighbours(tmp_path: Path) -> None:
    events = [*opens(*range(4)), *opens(90_000), *opens(*range(5, 12))]
    init_db_dir(tmp_path, 1)
    down: list[Event] = []
    ahead: list[Ahead] = []
    flow = Dataflow("test")
    stopping = [*events[:7], TestingSource.ABORT(), *events[7:]]
    source: TestingSource[Event] = TestingSource(stopping)
    out = limit_future("limit", op.input("inp", flow, source), timedelta(hours=1))
    op.output("out", out.down, TestingSink(down))
    op.output("ahead_out", out.ahead, TestingSink(ahead))
    for _ in range(2):
        run_main(flow, epoch_interval=ZERO, recovery_config=RecoveryConfig(str(tmp_path)))
    assert ahead == ahead_of_neighbours(events, timedelta(hours=1))
    assert [one.event for one in ahead] == opens(90_000)
    assert sorted({event.time for event in down}) == [
        event.time for event in events if event.time < second(100)
    ]


def test_a_bad_bound_is_refused() -> None:
    with pytest.raises(ValueError, match=r"bound: .*from 0 to 366 days"):
        limited(TestingSource([]), lambda up: limit_future("limit", up, -MICRO), replay_clock(WAIT))


@pytest.mark.parametrize("bad", [{"user": 1}, None, Session("1", 0, tuple(opens(1)))])
@pytest.mark.parametrize("others", [0, 9])
def test_a_limit_names_what_is_no_event(bad: Any, others: int) -> None:
    flow = Dataflow("test")
    items: TestingSource[Any] = TestingSource([*opens(*range(others)), bad])
    out = limit_future("limit", op.input("inp", flow, items), SECOND)
    op.output("out", out.down, TestingSink([]))
    with pytest.raises(TypeError, match=f"an AppOpen, Search.*{type(bad).__name__}"):
        run(flow)


def test_a_live_clock_of_records_resumes_and_wakes_as_that_of_events() -> None:
    now = [second(100)]
    clocks = [
        live_clock(WAIT, lambda: now[0]),
        live_clock(WAIT, lambda: now[0], time=lambda record: record.time),
    ]
    seen = []
    for clock in clocks:
        now[0] = second(100)
        before = clock.build(None)
        before.before_batch()
        answers = [before.on_item(AppOpen(1, second(number))) for number in (50, 49.5)]
        now[0] = second(105)
        after = clock.build(before.snapshot())
        seen.append((answers, after.on_notify(), after.to_system_utc(second(60))))
    assert (
        seen[0]
        == seen[1]
        == (
            [(second(50), second(49)), (second(49.5), second(49))],
            second(54),
            second(111) + MICRO,
        )
    )
