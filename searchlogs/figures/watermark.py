"""The watermark at work: what the engine makes of each arrival, as a picture."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from searchlogs.dataflow import GAP, WAIT
from searchlogs.events import Event
from searchlogs.figures.elements import SESSION_LOOK, busiest, event_handles
from searchlogs.figures.observe import MakeClock, Run, watch
from searchlogs.figures.page import (
    MARGIN,
    MAX_LISTED,
    RIGHT,
    SMALL,
    STRONG,
    TEXT,
    WIDTH,
    Drawing,
    Scale,
    date_text,
    drawable,
    duration_text,
    fit,
    page,
    plain,
    quantity,
    style,
    text_width,
    ticks,
)
from searchlogs.figures.panel import NOTE, WATERMARK_LOOK, Box, Panel
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
    return draw_run(run, [run.end if upto is None else upto], title)


def steps(
    events: Iterable[Event],
    gap: timedelta | str = GAP,
    wait: timedelta | str = WAIT,
    clock: MakeClock = replay_clock,
    *,
    at: Sequence[int] = (3, 5, 7, 9),
    title: str | None = None,
) -> Drawing:
    """Draw `watermark_plot` after each of several arrivals, in two columns.

    Args:
        events: As for `watermark_plot`, and so are `gap`, `wait`, `clock` and `title`.
        gap: The longest pause within a session.
        wait: How long the watermark waits for events that are out of order.
        clock: A function that makes the clock from the wait.
        at: Numbers of arrivals; those that do not exist are skipped.
        title: The finding; by default, a count of the late events.

    Returns:
        A drawing whose `data` is the table of `observe`, up to the last of these arrivals.

    Raises:
        TypeError: Something is not an event, or `gap` or `wait` is no duration.
        ValueError: `gap` or `wait` is not from 0 to 366 days.
    """
    run = watch(events, gap, wait, clock)
    return draw_run(run, [number for number in at if 0 <= number < run.end], title)


def draw_run(run: Run, states: list[int], title: str | None) -> Drawing:
    """Draw a run after each of several numbers of arrivals, side by side.

    Args:
        run: The run; it decides where anything stands.
        states: Numbers of arrivals; `run.end` also shows what the end of the input closes.
        title: The finding; None for a count of the late events.

    Returns:
        A drawing whose `data` is the table of `observe`, up to the last of the states.
    """
    counts = Counter(it.user for it in run.arrivals)
    users, notes = busiest(counts, MAX_PANELS)
    shown = run.until(max(states, default=0))
    title = plain(_count_lates(run, shown) if title is None else title)
    with style():
        figure, remarks = _draw(run, users, states, title, notes)
    lines = [*_describe(run, users, shown), *remarks]
    if len(states) > 1:
        lines += [" ".join(arrival_sentences(run, number)) for number in states]
    return Drawing(figure, title, "\n".join(lines), shown.table())


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
    closing = _listed([run.session_text(session) for session in it.closes])
    yield f"It closes {closing}." if closing else "Nothing closes."
    if number == len(run.arrivals):
        ends = [f"{run.session_text(it)} of user {plain(it.user)}" for it in run.at_end]
        closing = f", which closes {_listed(ends)}" if ends else ""
        yield f"Then the input ends{closing}."


def _ordinal(n: int) -> str:
    teen = n % 100 in (11, 12, 13)
    return f"{n}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _listed(parts: list[str]) -> str:
    """Join the parts with commas and an "and"; of many, the first, and the number of the others."""
    if len(parts) > MAX_LISTED:
        parts = [*parts[:MAX_LISTED], f"{len(parts) - MAX_LISTED} more"]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


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


def _describe(run: Run, users: list[str], shown: Run) -> Iterator[str]:
    """Yield a line on the whole, then one for each user shown."""
    if not run.arrivals:
        yield "No events."
        return
    day = date_text(run.arrivals[0].event.time)
    done = f"{len(shown.arrivals)} of {quantity(len(run.arrivals), 'arrival')}"
    yield f"Event time (UTC) by arrival, from {day}, one panel a user, after {done}."
    for user in users:
        own = [it for it in shown.arrivals if it.user == user]
        lates = [
            f"arrival {it.number} at {run.when(it.event.time)} is late by "
            f"{duration_text(it.late_by)}"
            for it in own
            if it.late_by is not None
        ]
        closes = [
            f"{run.session_text(session)} closes at arrival {it.number}"
            for it in own
            for session in it.closes
        ]
        ends = [session for session in shown.at_end if session.user == user]
        closes += [f"{run.session_text(session)} closes at the end" for session in ends]
        parts = [f"{quantity(len(own) - len(lates), 'event')} on time"]
        parts += filter(None, [_listed(lates), _listed(closes)])
        parts += [f"the watermark is at {run.when(it.watermark)}" for it in own[-1:]]
        yield f"user {plain(user)}: {'; '.join(parts)}."


class _Grid(NamedTuple):
    """Where the panels stand, in points: one cell per state, with one panel per user."""

    scale: Scale
    """Event time, upwards in each panel."""
    marks: list[tuple[float, str]]
    """Height and label of the round times."""
    name: str
    """What the labels are, with the date that they leave out."""
    users: int
    states: int
    columns: int
    left: float
    """Space to the left of a panel, for the labels."""
    width: float
    height: float
    """Size of a panel."""
    pitch: float
    """Height of a panel and of what stands above it."""

    @property
    def cell(self) -> float:
        """Height of a cell and of the numbers below it."""
        return self.users * self.pitch + 28

    @property
    def depth(self) -> float:
        return 16 + -(-self.states // self.columns) * self.cell - 28

    @property
    def beyond(self) -> float:
        """How far labels may reach beyond the right end of a panel."""
        return RIGHT - MARGIN if self.columns == 1 else 8

    def boxes(self, state: int) -> list[Box]:
        """Return the boxes of a cell's panels, from the top."""
        left = state % self.columns * (self.width + self.left)
        top = 16 + state // self.columns * self.cell
        bottoms = [top + number * self.pitch for number in range(1, self.users + 1)]
        return [Box(left, bottom - self.height, left + self.width, bottom) for bottom in bottoms]


def _grid(run: Run, users: list[str], states: list[int]) -> _Grid:
    """Lay out the cells in up to two columns."""
    columns = min(2, len(states))
    height = max(120.0, 260 / len(users)) if columns == 1 else max(100.0, 130 / len(users))
    pitch = height + (24 if columns > 1 or len(users) > 1 else 10)  # with or without a heading
    scale = _scale(run, users, height)
    times, labels, date = ticks(scale)
    name = "event time (UTC)"
    hours = {label[:3] if label.count(":") == 2 else label for label in labels}
    if columns > 1 and len(hours) == 1:  # small panels have little room beside them
        labels = [label[3:].removeprefix("0") for label in labels]
        name = f"minutes and seconds after {hours.pop()}00 (UTC)"
    name = ", ".join(filter(None, [name, date]))
    stride = -(-16 * len(times) // int(height))  # a line of text needs 16 points
    marks = list(zip(times, labels, strict=True))[::stride]
    left = max([36.0, *(text_width(label, SMALL) + 20 for label in labels)])
    width = (WIDTH - RIGHT - columns * left) / columns
    return _Grid(scale, marks, name, len(users), len(states), columns, left, width, height, pitch)


def _draw(
    run: Run, users: list[str], states: list[int], title: str, notes: list[str]
) -> tuple[Figure, list[str]]:
    """Return the figure with `notes` below it, and all that the description must add."""
    if not run.arrivals or not states:
        figure, axes = page(title, [], notes, 60, 72)
        axes.set(xticks=[], yticks=[])
        axes.text((WIDTH - 60 - RIGHT) / 2, 36, "no events", ha="center", va="center", font=TEXT)
        return figure, notes
    grid = _grid(run, users, states)
    if any(it.watermark < grid.scale.start for it in run.arrivals if it.user in users):
        notes = [*notes, "Where no line is drawn, the watermark lies below the picture."]
    figure, axes = page(title, _legend(run), notes, grid.left, grid.depth)
    axes.axis("off")
    axes.text(MARGIN - grid.left, 8, grid.name, **NOTE)
    unlabelled = 0
    for i, state in enumerate(states):
        boxes = grid.boxes(i)
        for user, box in zip(users, boxes, strict=True):
            panel = Panel(axes, run, user, grid.scale, box)
            names = [f"user {plain(user)}"] * (len(users) > 1)
            names += [f"after arrival {state}"] * (grid.columns > 1)
            heading = fit(drawable(", ".join(names), STRONG), grid.width, STRONG)
            axes.text(box.left, box.top - 6, heading, font=STRONG)
            panel.draw_grid(grid.marks, numbered=user == users[-1])
            unlabelled += panel.draw(state, box.right + grid.beyond)
        if i + grid.columns >= len(states):
            x, y = boxes[-1].left + grid.width / 2, boxes[-1].bottom + 26
            axes.text(x, y, "arrival, one event a step", ha="center", va="top", **NOTE)
    if unlabelled:
        notes = [*notes, f"Left out for lack of room: {quantity(unlabelled, 'label')}."]
    return figure, notes


def _scale(run: Run, users: list[str], height: float) -> Scale:
    """Return the time axis of all panels, with room for bars at both ends, and labels above."""
    own = [it for it in run.arrivals if it.user in users]
    lowest = min(it.watermark for it in own)
    start = min(it.event.time for it in own)
    end = max(max(it.event.time, it.watermark) for it in own)
    # A long wait would press the events together at the top.
    start = min(start, max(lowest, start - (end - start) / 3) if end > start else lowest)
    point = (end - start) / (height - 50) or timedelta(seconds=0.1)
    return Scale(start - 24 * point, end + 26 * point, height)


def _legend(run: Run) -> list[Line2D | Patch]:
    """Return a handle for each kind of thing in the whole run, so that stepping moves nothing."""
    handles = event_handles({it.look for it in run.arrivals})
    handles.append(Patch(label="session, once closed", **SESSION_LOOK))
    # Under a live clock the watermark is more than that: time that passed counts as well.
    newest: dict[str, datetime] = {}
    name = f"watermark = newest − wait ({duration_text(run.wait)})"
    for it in run.arrivals:
        newest[it.user] = max(newest.get(it.user, it.event.time), it.event.time)
        if it.watermark != newest[it.user] - run.wait:
            name = "watermark"
    return [*handles, Line2D([], [], label=name, **WATERMARK_LOOK)]
