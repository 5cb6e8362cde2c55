from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import bytewax.operators as op
import pandas as pd
import pytest
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import Clock, SessionWindower, collect_window
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import (
    TestingSink,
    TestingSource,
    TimeTestingGetter,
    cluster_main,
    run_main,
)
from hypothesis import given
from hypothesis import strategies as st
from oracle import oracle

from searchlogs import dataflow
from searchlogs.dataflow import GAP, WAIT, find_sessions
from searchlogs.durations import LONGEST
from searchlogs.events import EARLIEST, LATEST, AppOpen, ClickResult, Event, Results, Search
from searchlogs.live.clocks import live_clock
from searchlogs.sessions import (
    Late,
    Session,
    event_time,
    replay_clock,
    session_window,
    user_event,
)

ZERO = timedelta(0)
MICRO = timedelta(microseconds=1)
START = datetime(2024, 1, 1, tzinfo=UTC)


def second(number: float) -> datetime:
    return START + timedelta(seconds=number)


def opens(*seconds: float, user: int | str = 1) -> list[Event]:
    return [AppOpen(user, second(number)) for number in seconds]


def run(
    events: list[Event],
    gap: timedelta,
    clock: Clock[Event, Any],
    batch_size: int = 1,
    workers: int = 1,
) -> tuple[list[Session], list[Late]]:
    sessions: list[Session] = []
    late: list[Late] = []
    flow = Dataflow("test")
    out = session_window(
        "sessions", op.input("inp", flow, TestingSource(events, batch_size)), clock, gap
    )
    op.output("sessions_out", out.down, TestingSink(sessions))
    op.output("late_out", out.late, TestingSink(late))
    cluster_main(flow, [], 0, worker_count_per_proc=workers)
    return (
        sorted(sessions, key=lambda session: (session.user, session.id)),
        sorted(late, key=lambda late: late.user),
    )


# Close together, so that equal times, steps of exactly the gap and late events are common.
times = st.one_of(
    st.integers(0, 60).map(second),
    st.integers(0, 60_000_000).map(lambda micros: START + micros * MICRO),
    st.sampled_from([EARLIEST, LATEST, second(10) + MICRO, second(10) - MICRO]),
)
users = st.sampled_from([1, "1", 2, "dana", ""])
any_event = st.one_of(
    st.builds(AppOpen, users, times),
    st.builds(Search, users, st.just("dogs"), times),
    st.builds(Results, users, st.just(("fido",)), times),
    st.builds(ClickResult, users, st.just("fido"), times),
)
durations = st.one_of(
    st.sampled_from([ZERO, MICRO, GAP, WAIT, LONGEST]),
    st.integers(0, 30_000_000).map(lambda micros: micros * MICRO),
)


@given(
    st.lists(any_event, max_size=40), durations, durations, st.integers(1, 50), st.integers(1, 3)
)
def test_the_engine_agrees_with_the_oracle(
    events: list[Event], gap: timedelta, wait: timedelta, batch_size: int, workers: int
) -> None:
    assert run(events, gap, replay_clock(wait), batch_size, workers) == oracle(events, gap, wait)


@given(st.lists(any_event, max_size=40), durations, durations)
def test_no_event_is_lost(events: list[Event], gap: timedelta, wait: timedelta) -> None:
    sessions, late = find_sessions(events, gap, wait)
    out = [event for session in sessions for event in session.events]
    out += [one.event for one in late]
    assert sorted(map(repr, out)) == sorted(map(repr, events))


def test_a_step_of_exactly_the_gap_stays() -> None:
    together, _ = find_sessions([AppOpen(1, START), AppOpen(1, START + GAP)])
    apart, _ = find_sessions([AppOpen(1, START), AppOpen(1, START + GAP + MICRO)])
    assert [session.id for session in together] == [0]
    assert [session.id for session in apart] == [0, 1]


def test_session_describes_its_events() -> None:
    session = Session(
        "1",
        0,
        (
            AppOpen(1, second(0)),
            Search(1, "dogs", second(1)),
            ClickResult(1, "fido", second(2)),
            ClickResult(1, "rex", second(3)),
        ),
    )
    assert (session.start, session.end) == (second(0), second(3))
    assert (session.searches, session.clicks) == (1, 2)


def test_one_user_as_int_and_as_str() -> None:
    sessions, _ = find_sessions([AppOpen(1, second(0)), AppOpen("1", second(1))])
    assert [len(session.events) for session in sessions] == [2]
    assert user_event(AppOpen(1, START))[0] == user_event(AppOpen("1", START))[0]


@pytest.mark.parametrize("clock", [replay_clock, live_clock])
def test_an_empty_stream_gives_nothing(clock: Any) -> None:
    assert find_sessions([], clock=clock) == ([], [])


def test_late_says_how_late() -> None:
    sessions, late = find_sessions(opens(5, 9, 6.5), wait=timedelta(seconds=1))
    assert late == [Late("1", AppOpen(1, second(6.5)), timedelta(seconds=1.5))]
    assert [event.time for event in sessions[0].events] == [second(5), second(9)]


def test_late_says_how_late_when_the_batch_goes_on() -> None:
    # The watermark met by the second event counts, not the one that its batch ends with.
    _, late = run(opens(9, 5, 30), GAP, replay_clock(WAIT), batch_size=10)
    assert [one.late_by for one in late] == [timedelta(seconds=3)]


def test_the_live_clock_moves_while_nothing_arrives() -> None:
    now = TimeTestingGetter(second(100))
    logic = live_clock(timedelta(seconds=2), now.get).build(None)
    logic.before_batch()
    assert logic.on_item(AppOpen(1, second(50))) == (second(50), second(48))
    now.advance(timedelta(seconds=5))
    assert logic.on_notify() == second(53)


def test_the_live_clock_wakes_when_the_watermark_has_passed() -> None:
    now = TimeTestingGetter(second(100))
    logic = live_clock(timedelta(seconds=2), now.get).build(None)
    logic.before_batch()
    logic.on_item(AppOpen(1, second(50)))  # the watermark is 48 now, so it reaches 60 at 112
    wake = logic.to_system_utc(second(60))
    assert wake == second(112) + MICRO
    now.now = wake
    assert logic.on_notify() == second(60) + MICRO


def test_the_live_clock_resumes_with_its_watermark() -> None:
    now = TimeTestingGetter(second(100))
    before = live_clock(timedelta(seconds=2), now.get).build(None)
    before.before_batch()
    before.on_item(AppOpen(1, second(50)))
    after = live_clock(timedelta(seconds=2), now.get).build(before.snapshot())
    assert after.on_notify() == second(48)
    assert after.to_system_utc(second(60)) == second(112) + MICRO


def test_an_idle_live_flow_sleeps_and_closes_its_session() -> None:
    # Each reading of the clock is a wake-up of the step. The engine's own clock, woken before the
    # watermark is there, reads it thousands of times in this second.
    readings: list[datetime] = []

    def now() -> datetime:
        readings.append(datetime.now(UTC))
        return readings[-1]

    short = timedelta(seconds=0.2)
    source = TestingSource([AppOpen(1, now()), TestingSource.PAUSE(timedelta(seconds=1))])
    closed: list[datetime] = []
    flow = Dataflow("test")
    out = session_window("sessions", op.input("inp", flow, source), live_clock(short, now), short)
    closing = op.map("closing", out.down, lambda _: datetime.now(UTC))
    op.output("out", closing, TestingSink(closed))
    cluster_main(flow, [], 0)
    assert len(readings) < 30
    assert closed[0] - readings[0] > 2 * short  # gap + wait
    assert len(readings) == len([r for r in readings if r <= closed[0]]), "closed before the end"


def test_a_machine_that_stalls_makes_punctual_events_late_under_the_live_clock_only() -> None:
    class Stalling:
        """A clock on which two seconds pass between any two readings."""

        now = START

        def __call__(self) -> datetime:
            self.now += timedelta(seconds=2)
            return self.now

    events = opens(1, 2, 3, 4, 5)
    _, late = run(events, GAP, live_clock(WAIT, Stalling()))
    assert [one.event for one in late] == events[2:]
    assert run(events, GAP, replay_clock(WAIT)) == ([Session("1", 0, tuple(events))], [])


@pytest.mark.parametrize("clock", [replay_clock, live_clock])
def test_a_bad_wait_is_refused_where_it_is_given(clock: Any) -> None:
    with pytest.raises(ValueError, match=r"wait: .*from 0 to 366 days; .*-1.0 seconds"):
        clock(timedelta(seconds=-1))
    with pytest.raises(TypeError, match=r"wait: 10 what[?]"):
        clock(10)


@pytest.mark.parametrize("gap", [-MICRO, LONGEST + MICRO, timedelta.max])
def test_a_bad_gap_is_refused_where_it_is_given(gap: timedelta) -> None:
    with pytest.raises(ValueError, match=r"gap: .*from 0 to 366 days"):
        find_sessions([], gap=gap)


def test_the_longest_gap_and_wait_at_both_ends_of_time() -> None:
    events = [AppOpen(1, EARLIEST), AppOpen(1, LATEST), AppOpen(1, EARLIEST)]
    for duration in (ZERO, LONGEST):
        wanted, wanted_late = oracle(events, duration, duration)
        assert (wanted, [one.event for one in wanted_late]) == (
            [Session("1", 0, (events[0],)), Session("1", 1, (events[1],))],
            [events[2]],
        )
        assert run(events, duration, replay_clock(duration)) == (wanted, wanted_late)
        sessions, late = run(events, duration, live_clock(duration))
        assert (sessions, [one.event for one in late]) == (wanted, [events[2]])
        # The watermark has also moved by the time that the run took.
        assert timedelta(0) <= late[0].late_by - wanted_late[0].late_by < timedelta(minutes=1)


# Neither has a user; a Session has a user, but no time.
NO_EVENTS = [{"user": 1}, None, "dogs", Session("1", 0, (AppOpen(1, START),))]


@pytest.mark.parametrize("clock", [replay_clock(WAIT), live_clock(WAIT)])
@pytest.mark.parametrize("bad", NO_EVENTS)
def test_a_flow_names_what_is_no_event(bad: Any, clock: Clock[Event, Any]) -> None:
    flow = Dataflow("test")
    source: TestingSource[Any] = TestingSource([*opens(1), bad])
    out = session_window("sessions", op.input("inp", flow, source), clock, GAP)
    op.output("out", out.down, TestingSink([]))
    with pytest.raises(TypeError, match=f"an AppOpen, Search.*{type(bad).__name__}"):
        dataflow.run(flow)


def test_an_event_past_its_maker_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(value: object, where: str) -> None:
        raise AssertionError("checked again")

    monkeypatch.setattr("searchlogs.sessions.check_event", refuse)
    assert len(run(opens(1, 2), GAP, replay_clock(WAIT))[0]) == 1


def test_what_is_no_event_is_refused_before_anything_runs() -> None:
    with pytest.raises(TypeError, match=r"events\[1\]: .*an AppOpen, .*{'user.*dict"):
        find_sessions([*opens(1), {"user": 1}])  # type: ignore[list-item]


def test_a_flow_resumes_with_its_watermark_and_its_count_of_sessions(tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)
    sessions: list[Session] = []
    late: list[Late] = []
    before, after = opens(5, 9), opens(3, 10)
    for _ in range(2):
        # Built anew the second time, as in another process: only what was stored is left.
        flow = Dataflow("test")
        source = TestingSource([*before, TestingSource.EOF(), *after])
        out = session_window("sessions", op.input("inp", flow, source), replay_clock(WAIT), GAP)
        op.output("sessions_out", out.down, TestingSink(sessions))
        op.output("late_out", out.late, TestingSink(late))
        run_main(flow, epoch_interval=ZERO, recovery_config=RecoveryConfig(str(tmp_path)))
    assert sessions == [Session("1", 0, tuple(before)), Session("1", 1, (after[1],))]
    assert late == [Late("1", after[0], timedelta(seconds=5))]


def test_the_replay_clock_never_asks_to_be_woken() -> None:
    assert replay_clock(WAIT).build(None).to_system_utc(START) is None


def test_the_defaults_are_the_tutorials() -> None:
    events = opens(0, 10, 20.5, 19.5, 19.25)
    sessions: list[Session] = []
    late: list[Late] = []
    flow = Dataflow("test")
    out = session_window(
        "sessions", op.input("inp", flow, TestingSource(events)), replay_clock(WAIT), GAP
    )
    op.output("sessions_out", out.down, TestingSink(sessions))
    op.output("late_out", out.late, TestingSink(late))
    run_main(flow)
    assert [len(session.events) for session in sessions] == [4]
    assert [one.late_by for one in late] == [timedelta(seconds=0.25)]
    assert [len(session.events) for session in find_sessions(opens(0, 10, 20.001))[0]] == [2, 1]


def test_late_events_come_by_user() -> None:
    # Far enough apart to be in two batches.
    between = opens(*[5.0] * 1_500, user=3)
    _, late = find_sessions(opens(9, 1, user=2) + between + opens(9, 1, user=1))
    assert [one.user for one in late] == ["1", "2"]


def test_a_live_clock_resumes_where_the_wall_clock_is_behind() -> None:
    now = TimeTestingGetter(second(100))
    before = live_clock(WAIT, now.get).build(None)
    before.before_batch()
    before.on_item(AppOpen(1, second(50)))
    now.now = second(70)
    after = live_clock(WAIT, now.get).build(before.snapshot())
    after.before_batch()
    assert after.on_item(AppOpen(1, second(60))) == (second(60), second(59))


def test_a_resumed_live_clock_still_knows_what_was_overtaken() -> None:
    now = TimeTestingGetter(second(100))
    before = live_clock(timedelta(seconds=5), now.get).build(None)
    before.before_batch()
    before.on_item(AppOpen(1, second(50)))
    before.on_item(AppOpen(1, second(47)))
    after = live_clock(timedelta(seconds=5), now.get).build(before.snapshot())
    after.on_notify()
    assert after.to_system_utc(second(50)) == second(102) + MICRO


def test_a_clock_without_its_parentheses_is_named() -> None:
    with pytest.raises(TypeError, match=r"clock: .*such as replay_clock\(wait\)"):
        run([], GAP, replay_clock)  # type: ignore[arg-type]


def windows_of(records: list[Any], clock: Clock[Any, Any]) -> tuple[list[Any], list[Any]]:
    """Sessions of records under one key, and the late records."""
    down: list[Any] = []
    late: list[Any] = []
    flow = Dataflow("test")
    keyed = op.key_on("key", op.input("inp", flow, TestingSource(records)), lambda _: "all")
    out = collect_window("window", keyed, clock, SessionWindower(GAP))
    op.output("down", op.map("list", out.down, lambda item: item[1][1]), TestingSink(down))
    op.output("late", op.map("one", out.late, lambda item: item[1][1]), TestingSink(late))
    dataflow.run(flow)
    return down, late


def record_clocks(time: Any) -> list[Clock[Any, Any]]:
    return [replay_clock(WAIT, time=time), live_clock(WAIT, lambda: START, time=time)]


@pytest.mark.parametrize("number", [0, 1])
def test_a_clock_takes_the_time_of_any_record(number: int) -> None:
    # Out of order but in time, late, and after a pause longer than the gap.
    records = [{"at": second(number)} for number in (5, 8, 7.5, 3, 30)]
    first, behind, before, late, alone = records
    clock = record_clocks(itemgetter("at"))[number]
    assert windows_of(records, clock) == ([[first, before, behind], [alone]], [late])


def test_the_events_own_time_is_the_default_and_not_checked_again() -> None:
    assert replay_clock(WAIT).ts_getter is event_time
    assert live_clock(WAIT).clock.ts_getter is event_time  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    ("time", "kind", "words"),
    [
        (datetime(2024, 1, 1), ValueError, "no time zone.*replace"),
        ("2024-01-01T00:00:00Z", TypeError, "time: expected a datetime.*'2024-01-01"),
        (1704067200, TypeError, "time: expected a datetime.*1704067200"),
        (pd.NaT, TypeError, "time: expected a datetime.*NaT"),
        (datetime(1, 1, 1, tzinfo=UTC), ValueError, "not between 1970-01-01"),
    ],
)
def test_what_is_no_time_is_named_by_the_step(
    time: Any, kind: type[Exception], words: str, number: int
) -> None:
    with pytest.raises(kind, match=words) as caught:
        windows_of([{"at": time}], record_clocks(itemgetter("at"))[number])
    assert "test.window" in caught.value.__notes__[0]


@pytest.mark.parametrize("clock", [replay_clock, live_clock])
def test_a_time_that_is_no_function_is_refused_where_it_is_given(clock: Any) -> None:
    with pytest.raises(TypeError, match=r"time: expected a function.*attrgetter.*'at'"):
        clock(WAIT, time="at")


def test_two_records_of_one_zone_are_as_far_apart_as_they_were() -> None:
    """By the wall clock, they are an hour and a second apart, not a second."""
    berlin = ZoneInfo("Europe/Berlin")
    before = datetime(2024, 10, 27, 2, 59, 59, tzinfo=berlin)
    after = datetime(2024, 10, 27, 2, 0, 0, tzinfo=berlin, fold=1)
    clock = replay_clock(WAIT, time=itemgetter("at"))
    assert [len(session) for session in windows_of([{"at": before}, {"at": after}], clock)[0]] == [
        2
    ]
