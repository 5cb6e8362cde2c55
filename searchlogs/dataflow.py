"""The tutorial's flow: events in, clicks per search out; how to run it, and to run a list."""

import gc
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import bytewax.operators as op
from bytewax.connectors.stdio import StdOutSink
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.inputs import Source
from bytewax.operators.windowing import Clock
from bytewax.outputs import Sink
from bytewax.recovery import RecoveryConfig
from bytewax.testing import TestingSink, TestingSource, run_main

from searchlogs.durations import check_duration
from searchlogs.events import Event, check_events
from searchlogs.metrics import calc_ctr
from searchlogs.sessions import Late, Session, replay_clock, session_window
from searchlogs.simulate import client_events

GAP = timedelta(seconds=10)
"""The tutorial's gap: a toy, short enough to see. Search logs are usually cut at 30 minutes."""

WAIT = timedelta(seconds=1)
"""The tutorial's wait for events that arrive out of order."""


def ctr_flow(
    source: Source[Event],
    sink: Sink[Any],
    *,
    gap: timedelta | str = GAP,
    wait: timedelta | str = WAIT,
    clock: Callable[[timedelta], Clock[Event, Any]] = replay_clock,
    late_sink: Sink[Any] | None = None,
) -> Dataflow:
    """Assemble the tutorial's flow: (user, clicks per search) for each session.

    Each session is printed as it closes; one without a search goes no further. `clock`
    is `replay_clock` for logs, `live_clock` for events that happen now. Late events go
    to `late_sink`, or are printed.

    Raises:
        TypeError, ValueError: `gap` or `wait` is not a duration from 0 to 366 days.
    """
    flow = Dataflow("search_ctr")
    events = op.input("inp", flow, source)
    sessions = session_window("sessions", events, _make_clock(clock, wait), gap)
    op.inspect("look", sessions.down, _print_session)
    op.output("out", op.filter_map("calc_ctr", sessions.down, calc_ctr), sink)
    op.output("late_out", sessions.late, late_sink or StdOutSink())
    return flow


def _make_clock(
    clock: Callable[[timedelta], Clock[Event, Any]], wait: timedelta | str
) -> Clock[Event, Any]:
    if not callable(clock):
        raise TypeError(
            "clock: expected what makes a clock from the wait, such as replay_clock, without ();"
            f" found {type(clock).__name__}"
        )
    return clock(check_duration("wait", wait))


def _print_session(step_id: str, session: Session) -> None:
    print(f"User {session.user}: {session.searches} searches, {session.clicks} clicks")


flow = ctr_flow(TestingSource(client_events()), StdOutSink())


def find_sessions(
    events: Iterable[Event],
    gap: timedelta | str = GAP,
    wait: timedelta | str = WAIT,
    clock: Callable[[timedelta], Clock[Event, Any]] = replay_clock,
) -> tuple[list[Session], list[Late]]:
    """Find the sessions of a list of events with `session_window`.

    Args:
        events: The events, in the order in which they arrived.
        gap: A timedelta from 0 to 366 days, or text such as "30m".
        wait: A timedelta from 0 to 366 days, or text such as "1m".
        clock: Makes the clock from the wait.

    Returns:
        The sessions, by user and id, and the late events, by user and then as they arrived.

    Raises:
        TypeError: One of `events` is no event, `gap` or `wait` no duration.
        ValueError: `gap` or `wait` is not from 0 to 366 days.

    >>> [len(session.events) for session in find_sessions(client_events())[0]]
    [3, 4]
    """
    events = check_events(events)
    sessions: list[Session] = []
    late: list[Late] = []
    flow = Dataflow("find_sessions")
    # The sessions are the same for any batch size under the replay clock; small ones are slower.
    # Another clock may ask when an event arrived, and a batch is taken user by user.
    batch_size = 1_000 if clock is replay_clock else 1
    source: TestingSource[Event] = TestingSource(events, batch_size=batch_size)
    arriving = op.input("inp", flow, source)
    out = session_window("sessions", arriving, _make_clock(clock, wait), gap)
    op.output("out", out.down, TestingSink(sessions))
    op.output("late_out", out.late, TestingSink(late))
    run(flow)
    sessions.sort(key=lambda session: (session.user, session.id))
    late.sort(key=lambda late: late.user)
    return sessions, late


def run(
    flow: Dataflow,
    *,
    recovery: RecoveryConfig | None = None,
    epoch_interval: timedelta | None = None,
) -> None:
    """Run a flow in this process until its input ends.

    An exception comes out as the step raised it, with a note that names the step, and not in the
    engine's wrapping; an interrupt comes out as KeyboardInterrupt.

    Args:
        flow: The flow.
        recovery: Where the flow's state is stored; a run resumes at the last snapshot.
        epoch_interval: Time between two snapshots of the state; None is the engine's default.

    Raises:
        TypeError: `flow` is no Dataflow.
    """
    check_flow(flow)
    try:
        with engine_keeps_quiet(), _rare_garbage_collection():
            run_main(flow, recovery_config=recovery, epoch_interval=epoch_interval)
    except BytewaxRuntimeError as error:
        step = re.search(r'in step "([^"]+)"', str(error))
        cause: BaseException = error
        # Not the innermost cause: an exception that a step raised may have a cause of its own.
        while isinstance(cause, BytewaxRuntimeError) and cause.__cause__ is not None:
            cause = cause.__cause__
        if step and isinstance(cause, Exception):
            cause.add_note(f"It was raised in the step {step[1]}.")
        raise cause from cause.__cause__


def check_flow(flow: object) -> None:
    """Check that `flow` is a Dataflow.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(flow, Dataflow):
        hint = "; call it, so that it returns its flow" if callable(flow) else ""
        raise TypeError(f"flow: expected a Dataflow; found {type(flow).__name__}{hint}")


@contextmanager
def engine_keeps_quiet() -> Iterator[None]:
    """Drop the output on file descriptor 2 if the run fails: a panic in Rust bypasses Python."""
    with tempfile.TemporaryFile() as aside:
        stderr = os.dup(2)
        os.dup2(aside.fileno(), 2)
        try:
            yield
            failed = False
        except BaseException:
            failed = True
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            aside.seek(0)
            if not failed:
                os.write(2, aside.read())


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    """Let Python collect garbage less often: each time it would search all open windows."""
    threshold, *others = gc.get_threshold()
    gc.set_threshold(threshold and max(threshold, 10_000), *others)
    try:
        yield
    finally:
        gc.set_threshold(threshold, *others)
