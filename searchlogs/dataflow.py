"""The flows, assembled: from events, over sessions, to a number for each."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import bytewax.operators as op
from bytewax.connectors.stdio import StdOutSink
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.operators.windowing import Clock
from bytewax.outputs import Sink
from bytewax.testing import TestingSink, TestingSource, run_main

from searchlogs.events import Event, check_event
from searchlogs.metrics import calc_ctr
from searchlogs.sessions import GAP, WAIT, Late, Session, replay_clock, session_window
from searchlogs.simulate import client_events


def ctr_flow(
    source: Source[Event],
    sink: Sink[Any],
    *,
    gap: timedelta = GAP,
    wait: timedelta = WAIT,
    clock: Callable[[timedelta], Clock[Event, Any]] = replay_clock,
    late_sink: Sink[Any] | None = None,
) -> Dataflow:
    """Assemble the tutorial's flow, which gives (user, clicks per search) for each session.

    Every session is also printed, for looking, as it closes; one without a search goes no further.
    `clock` is `replay_clock` for logs, `live_clock` for events that happen now; late events go to
    `late_sink`, or are printed. Raises where `gap` or `wait` is not a timedelta from 0 to 366 days.
    """
    flow = Dataflow("search_ctr")
    events = op.input("inp", flow, source)
    sessions = session_window("sessions", events, clock(wait), gap)
    op.inspect("look", sessions.down, _print_session)
    op.output("out", op.filter_map("calc_ctr", sessions.down, calc_ctr), sink)
    op.output("late_out", sessions.late, StdOutSink() if late_sink is None else late_sink)
    return flow


def _print_session(step_id: str, session: Session) -> None:
    print(f"User {session.user}: {session.searches} searches, {session.clicks} clicks")


flow = ctr_flow(TestingSource(client_events()), StdOutSink())


def sessionize(
    events: Iterable[Event],
    gap: timedelta = GAP,
    wait: timedelta = WAIT,
    clock: Callable[[timedelta], Clock[Event, Any]] = replay_clock,
) -> tuple[list[Session], list[Late]]:
    """Run events, in the order in which they arrived, through `session_window`.

    Returns the sessions, by user and id, and the late events, by user and then as they arrived.
    Raises a TypeError for anything that is not an event, before anything runs.

    >>> [len(session.events) for session in sessionize(client_events())[0]]
    [3, 4]
    """
    events = list(events)
    for index, event in enumerate(events):
        check_event(event, f"events[{index}]")
    sessions: list[Session] = []
    late: list[Late] = []
    flow = Dataflow("sessionize")
    # Under the replay clock the sessions are the same for any batch size; small ones are slower.
    source: TestingSource[Event] = TestingSource(events, batch_size=1_000)
    arriving = op.input("inp", flow, source)
    out = session_window("sessions", arriving, clock(wait), gap)
    op.output("out", out.down, TestingSink(sessions))
    op.output("late_out", out.late, TestingSink(late))
    run_main(flow)  # type: ignore[no-untyped-call]
    sessions.sort(key=lambda session: (session.user, session.id))
    late.sort(key=lambda late: late.user)
    return sessions, late
