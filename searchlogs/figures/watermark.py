"""The watermark at work: what the engine makes of each arrival, as a picture."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from matplotlib.figure import Figure

from searchlogs.dataflow import GAP, WAIT
from searchlogs.events import Event
from searchlogs.figures.elements import busiest
from searchlogs.figures.observe import MakeClock, Run, watch
from searchlogs.figures.page import (
    RIGHT,
    TEXT,
    WIDTH,
    Drawing,
    date_text,
    duration_text,
    page,
    plain,
    quantity,
    style,
)
from searchlogs.figures.runs import Case, draw_cases, listed
from searchlogs.sessions import replay_clock

MAX_PANELS = 4


def watermark_plot(
    events: Iterable[Event],
    gap: timedelta | str = GAP,
    wait: timedelta | str = WAIT,
    clock: MakeClock = replay_clock,
    *,
    title: str | None = None,
    upto: int | None = None,
) -> Drawing:
    """Draw event time by arrival, one panel per user: watermark, late events, closed sessions.

    Args:
        events: The events, in the order of their arrival. Of more than 4 users, the 4 with the
            most events are shown, and a note counts what is left out.
        gap: The longest pause within a session, a timedelta or text such as "30m".
        wait: How long the watermark waits for events that are out of order, likewise.
        clock: A function that makes the clock from the wait.
        title: The finding; by default, a count of the late events.
        upto: Number of arrivals to show, on the axes of the whole run; by default all, and the
            end of the input closes what is open.

    Returns:
        A drawing whose `data` is the table of `observe`.

    Raises:
        TypeError: Something is not an event, or `gap` or `wait` is no duration.
        ValueError: `gap` or `wait` is not from 0 to 366 days, or there is no arrival `upto`.
    """
    run = watch(events, gap, wait, clock)
    if upto is not None and not 0 <= upto < run.end:
        most = f"{run.end - 1}, the number of events"
        raise ValueError(f"upto: expected a number from 0 to {most}; found {upto}")
    return draw_run(run, run.end if upto is None else upto, title)


def draw_run(run: Run, state: int, title: str | None = None) -> Drawing:
    """Draw a run after a number of arrivals.

    Args:
        run: The run; it decides where anything stands.
        state: Number of arrivals; `run.end` also shows what the end of the input closes.
        title: The finding; None for a count of the late events.

    Returns:
        A drawing whose `data` is the table of `observe`, up to the last of these arrivals.
    """
    users, notes = busiest(Counter(it.user for it in run.arrivals), MAX_PANELS)
    shown = run.until(state)
    title = plain(_count_lates(run, shown) if title is None else title)
    if not run.arrivals:
        return Drawing(_nothing(title), title, "No events.", shown.table())
    headings = [f"user {plain(user)}" if len(users) > 1 else "" for user in users]
    cases = [Case(name, run, user) for name, user in zip(headings, users, strict=True)]
    with style():
        figure, remarks = draw_cases(cases, title, notes, max(120.0, 260 / len(users)), state)
    day = date_text(run.arrivals[0].event.time)
    done = f"{len(shown.arrivals)} of {quantity(len(run.arrivals), 'arrival')}"
    lines = [f"Event time (UTC) by arrival, from {day}, one panel per user, after {done}."]
    lines += [case.sentence(state) for case in cases] + remarks
    return Drawing(figure, title, "\n".join(lines), shown.table())


def _nothing(title: str) -> Figure:
    """Return the figure of no events."""
    with style():
        figure, axes = page(title, [], [], 60, 72)
        axes.set(xticks=[], yticks=[])
        axes.text((WIDTH - 60 - RIGHT) / 2, 36, "no events", ha="center", va="center", font=TEXT)
    return figure


def arrival_sentences(run: Run, number: int) -> Iterator[str]:
    """Yield sentences on what an arrival did; after the last one, also on the end of the input.

    Args:
        run: The run.
        number: Number of the arrival; 0, before the first one, yields nothing.
    """
    if not number:
        return
    it = run.arrivals[number - 1]
    before = [other.watermark for other in run.arrivals[: number - 1] if other.user == it.user]
    whose = f"of user {plain(it.user)}"
    what = {"app open": "an app open", "results": "a result list"}.get(it.what, f"a {it.what}")
    yield f"{_ordinal(number)} arrival: {what} {whose} at {run.when(it.event.time)}."
    moves = "starts at" if not before else "stays at" if before[-1] == it.watermark else "moves to"
    late = "" if it.late_by is None else f": the event is late by {duration_text(it.late_by)}"
    yield f"The watermark {whose} {moves} {run.when(it.watermark)}{late}."
    closing = listed([run.session_text(session) for session in it.closes])
    yield f"It closes {closing}." if closing else "Nothing closes."
    if number == len(run.arrivals):
        ends = [f"{run.session_text(it)} of user {plain(it.user)}" for it in run.at_end]
        closing = f", which closes {listed(ends)}" if ends else ""
        yield f"Then the input ends{closing}."


def _ordinal(n: int) -> str:
    teen = n % 100 in (11, 12, 13)
    return f"{n}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _count_lates(run: Run, shown: Run) -> str:
    """Return the default title."""
    if not run.arrivals:
        return "No events"
    n = sum(it.late_by is not None for it in shown.arrivals)
    late = quantity(n, "late event") if n else "no late events"
    done, total = len(shown.arrivals), quantity(len(run.arrivals), "arrival")
    if shown is run:
        return f"{late[0].upper()}{late[1:]} in {total}"
    return f"After {done} of {total}: {late}"
