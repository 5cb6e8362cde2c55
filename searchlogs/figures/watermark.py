"""The watermark at work: what the engine makes of each arrival, as a table and as a picture."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from math import nan
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from searchlogs.dataflow import GAP, WAIT
from searchlogs.events import Event
from searchlogs.figures.elements import LOOKS, SESSION_LOOK
from searchlogs.figures.observe import MakeClock, Run, run_table, watch
from searchlogs.figures.page import (
    COLOURS,
    MARGIN,
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
from searchlogs.figures.timeline import MAX_LISTED as MOST_TOLD
from searchlogs.sessions import Session, replay_clock

MOST_PANELS = 4
MOST_LABELS = 60
_LINE: dict[str, Any] = {"color": COLOURS["watermark"], "linestyle": "--", "linewidth": 1.8}
_TINT: dict[str, Any] = {"color": COLOURS["watermark"], "alpha": 0.08, "linewidth": 0}
_GRID: dict[str, Any] = {"color": COLOURS["grid"], "linewidth": 0.8, "zorder": 0}
_NOTE: dict[str, Any] = {"font": SMALL, "color": COLOURS["note"]}
_LATE: dict[str, Any] = {"font": STRONG, "color": "#a3447c"}  # for words, the marker's is too pale
_CLOSE: dict[str, Any] = {"font": SMALL, "color": COLOURS["ink"]}


def watermark_plot(
    events: Iterable[Event],
    gap: timedelta = GAP,
    wait: timedelta = WAIT,
    clock: MakeClock = replay_clock,
    *,
    title: str | None = None,
    upto: int | None = None,
) -> Drawing:
    """Draw event time by arrival, a panel a user: the watermark, late events, closed sessions.

    The first four arguments are those of `observe`, whose table is the drawing's `data`. `title`
    states the finding; by default, it counts. `upto` shows the state after so many arrivals, on
    the axes of the whole run; without it, the end of the input has closed what was open. Of more
    than 4 users, the 4 with the most events are shown, and what is left out is said.

    Raises a TypeError for anything that is not an event, a ValueError where `upto` is no arrival.
    """
    run = watch(events, gap, wait, clock)
    if upto is not None and not 0 <= upto < run.end:
        raise ValueError(f"upto must be from 0 to {run.end - 1}, the number of events; got {upto}")
    return drawing(run, [run.end if upto is None else upto], title)


def sentences(run: Run, number: int) -> Iterator[str]:
    """What that arrival did and, after the last one, the end of the input."""
    if not number:
        return
    it = run.arrivals[number - 1]
    before = [other.watermark for other in run.arrivals[: number - 1] if other.user == it.user]
    whose = f"of user {plain(it.user)}"
    what = {"app open": "an app open", "results": "a result list"}.get(it.what, f"a {it.what}")
    yield f"{_ordinal(number)} arrival: {what} {whose} at {run.when(it.event.time)}."
    moves = "starts" if not before else "stays" if before[-1] == it.watermark else "moves"
    moves = f"The watermark {whose} {moves} {'to' if moves == 'moves' else 'at'}"
    late = "" if it.late_by is None else f": the event is late by {duration_text(it.late_by)}"
    yield f"{moves} {run.when(it.watermark)}{late}."
    closing = _listed([run.words(session) for session in it.closes])
    yield f"It closes {closing}." if closing else "Nothing closes."
    if number == len(run.arrivals):
        ending = _listed([f"{run.words(it)} of user {plain(it.user)}" for it in run.at_end])
        yield f"Then the input ends, which closes {ending}." if ending else "Then the input ends."


def _ordinal(n: int) -> str:
    teen = n % 100 in (11, 12, 13)
    return f"{n}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _listed(parts: list[str]) -> str:
    """The parts with commas and an "and"; of many, the first, and how many more."""
    if len(parts) > MOST_TOLD:
        parts = [*parts[:MOST_TOLD], f"{len(parts) - MOST_TOLD} more"]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def describe(run: Run, users: list[str], state: Run) -> Iterator[str]:
    """A line for the whole, then one for each user shown."""
    if not run.arrivals:
        yield "No events."
        return
    day = date_text(run.arrivals[0].event.time)
    done = f"{len(state.arrivals)} of {quantity(len(run.arrivals), 'arrival')}"
    yield f"Event time (UTC) by arrival, from {day}, one panel a user, after {done}."
    for user in users:
        own = [it for it in state.arrivals if it.user == user]
        lates = [
            f"arrival {it.number} at {run.when(it.event.time)} is late by "
            f"{duration_text(it.late_by)}"
            for it in own
            if it.late_by is not None
        ]
        closes = [
            f"{run.words(session)} closes at arrival {it.number}"
            for it in own
            for session in it.closes
        ]
        closes += [f"{run.words(it)} closes at the end" for it in state.at_end if it.user == user]
        parts = [f"{quantity(len(own) - len(lates), 'event')} on time"]
        parts += filter(None, [_listed(lates), _listed(closes)])
        parts += [f"the watermark is at {run.when(it.watermark)}" for it in own[-1:]]
        yield f"user {plain(user)}: {'; '.join(parts)}."


def drawing(run: Run, states: list[int], title: str | None) -> Drawing:
    weight = Counter(it.user for it in run.arrivals)
    busiest = {user for user, _ in weight.most_common(MOST_PANELS)}
    users = [user for user in weight if user in busiest]
    notes = []
    if hidden := len(weight) - len(users):
        rest = len(run.arrivals) - sum(weight[user] for user in users)
        notes = [
            f"Shown are the {len(users)} users with the most events; left out: "
            f"{quantity(hidden, 'user')} with {quantity(rest, 'event')}."
        ]
    state = run.until(max(states, default=0))
    if title is None and run.arrivals:
        n = sum(it.late_by is not None for it in state.arrivals)
        late = quantity(n, "late event") if n else "no late events"
        done, of = len(state.arrivals), quantity(len(run.arrivals), "arrival")
        title = f"{late[0].upper()}{late[1:]} in {of}"
        title = title if state is run else f"After {done} of {of}: {late}"
    title = "No events" if title is None else plain(title)
    with style():
        figure, remarks = _draw(run, users, states, title, notes)
    told = [*describe(run, users, state), *remarks]
    if len(states) > 1:
        told += [" ".join(sentences(run, number)) for number in states]
    return Drawing(figure, title, "\n".join(told), run_table(state))


def _draw(
    run: Run, users: list[str], states: list[int], title: str, notes: list[str]
) -> tuple[Figure, list[str]]:
    """The figure, with `notes` and more of its own below it, and what there is to say of it."""
    if not run.arrivals or not states:
        figure, axes = page(title, [], notes, 60, 72)
        axes.set(xticks=[], yticks=[])
        middle = (WIDTH - 60 - RIGHT) / 2
        axes.text(middle, 36, "no events", ha="center", va="center", font=TEXT)
        return figure, notes
    columns = min(2, len(states))
    height = max(120.0, 260 / len(users)) if columns == 1 else max(100.0, 130 / len(users))
    headed = columns > 1 or len(users) > 1
    pitch = height + (24 if headed else 10)
    cell = len(users) * pitch + 28  # and room for the numbers
    scale = _scale(run, users, height)
    times, labels, rest = ticks(scale)
    stride = -(-13 * len(times) // int(height))  # a line of text needs 13 points
    marks = list(zip(times, labels, strict=True))[::stride]
    left = max([44.0, *(text_width(label, SMALL) + 20 for label in labels)])
    width = (WIDTH - RIGHT - columns * left) / columns
    depth = 16 + -(-len(states) // columns) * cell - 28
    if any(it.watermark < scale.start for it in run.arrivals if it.user in users):
        notes = [*notes, "Where no line is drawn, the watermark lies below the picture."]
    figure, axes = page(title, _legend(run), notes, left, depth)
    axes.axis("off")
    axes.text(MARGIN - left, 8, ", ".join(filter(None, ["event time (UTC)", rest])), **_NOTE)
    unlabelled = 0
    for i, state in enumerate(states):
        x, bottom = i % columns * (width + left), 16 + i // columns * cell
        edge = x + width + (RIGHT - MARGIN if columns == 1 else 8)
        for user in users:
            bottom += pitch
            panel = _Panel(axes, run, user, scale, _Box(x, bottom - height, x + width, bottom))
            names = [f"user {plain(user)}"] * (len(users) > 1)
            names += [f"after arrival {state}"] * (columns > 1)
            heading = fit(drawable(", ".join(names), STRONG), width, STRONG)
            axes.text(x, bottom - height - 6, heading, font=STRONG)
            panel.draw_grid(marks, numbered=user == users[-1])
            unlabelled += panel.draw(state, edge)
        if i + columns >= len(states):
            what = "arrival, one event a step"
            axes.text(x + width / 2, bottom + 26, what, ha="center", va="top", **_NOTE)
    if unlabelled:
        notes = [*notes, f"Left out for lack of room: {quantity(unlabelled, 'label')}."]
    return figure, notes


def _scale(run: Run, users: list[str], height: float) -> Scale:
    """The time axis that all panels share, with room for a bar at both ends, and words above."""
    own = [it for it in run.arrivals if it.user in users]
    lowest = min(it.watermark for it in own)
    start = min(it.event.time for it in own)
    end = max(max(it.event.time, it.watermark) for it in own)
    # A long wait would press the events together at the top.
    start = min(start, max(lowest, start - (end - start) / 3) if end > start else lowest)
    point = (end - start) / (height - 42) or timedelta(seconds=0.1)
    return Scale(start - 16 * point, end + 26 * point, height)


def _legend(run: Run) -> list[Line2D | Patch]:
    """A handle for each kind of thing in the whole run, so that stepping moves nothing."""
    there = {it.look for it in run.arrivals}
    handles: list[Line2D | Patch] = [
        Line2D([], [], label=what, **look | {"markersize": min(look["markersize"], 11)})
        for what, look in LOOKS.items()
        if what in there
    ]
    handles.append(Patch(label="session, once closed", **SESSION_LOOK))
    # Under a live clock it is more than that: time that passed counts as well.
    newest: dict[str, datetime] = {}
    name = f"watermark = newest − wait ({duration_text(run.wait)})"
    for it in run.arrivals:
        newest[it.user] = max(newest.get(it.user, it.event.time), it.event.time)
        if it.watermark != newest[it.user] - run.wait:
            name = "watermark"
    return [*handles, Line2D([], [], label=name, **_LINE)]


class _Box(NamedTuple):
    """A rectangle in points, y from the top."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "_Box") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


class _Label(NamedTuple):
    """Words that appear at an arrival, and the left ends where they could stand, best first."""

    arrival: int
    text: str
    look: dict[str, Any]
    width: float
    places: list[tuple[float, float]]


class _Panel:
    """One user's arrivals in a box; where anything stands depends on the whole run alone."""

    def __init__(self, axes: Axes, run: Run, user: str, scale: Scale, box: _Box) -> None:
        self.axes, self.run, self.scale, self.box = axes, run, scale, box
        self.own = [it for it in run.arrivals if it.user == user]
        self.step = (box.right - box.left) / len(run.arrivals)
        self.size = min(11.0, max(3.0, 0.8 * self.step))  # of the largest marker
        closed = [(session, it.number) for it in self.own for session in it.closes]
        closed += [(session, run.end) for session in run.at_end if session.user == user]
        self.bars = self._bars(sorted(closed, key=lambda pair: pair[0].id))

    def x(self, arrival: int) -> float:
        """The middle of its step; for the end of the input, the right edge."""
        return min(self.box.left + (arrival - 0.5) * self.step, self.box.right)

    def y(self, time: datetime) -> float:
        return self.box.bottom - self.scale.x(time)

    def _bars(self, closed: list[tuple[Session, int]]) -> list[tuple[int, int, _Box]]:
        """The arrival that closed each session, its id, and its bar, which meets no other bar."""
        first: dict[int, int] = {}
        for it in self.own:
            if it.late_by is None:
                first.setdefault(id(it.event), it.number)
        sessions = [session for session, _ in closed]
        between = [self.y(a.end) - self.y(b.start) for a, b in pairwise(sessions)]
        air = min([7.0, *(points / 2 for points in between)])
        bars = []
        for session, number in closed:
            left = self.x(min(first[id(event)] for event in session.events))
            left -= min(7.0, self.step / 2)
            top, bottom = self.y(session.end) - air, self.y(session.start) + air
            bars.append((number, session.id, _Box(left, top, self.x(number), bottom)))
        return bars

    def draw_grid(self, marks: list[tuple[float, str]], numbered: bool) -> None:
        """Lines at round times and, as far as there is room, at arrivals, with their names."""
        left, top, right, bottom = self.box
        levels = [bottom - up for up, _ in marks]
        for y, (_, label) in zip(levels, marks, strict=True):
            self.axes.text(left - 6, y, label, ha="right", va="center_baseline", **_NOTE)
        last = self.run.end - 1
        room = text_width(str(last), SMALL) + 8
        round_numbers = (tens * n for tens in (1, 10, 100, 1000) for n in (1, 2, 5))
        stride = next((n for n in round_numbers if n * self.step >= room), last)
        numbers = range(stride, last + 1, stride)
        for n in numbers if numbered else ():
            self.axes.text(self.x(n), bottom + 6, str(n), ha="center", va="top", **_NOTE)
        self.axes.hlines([*levels, bottom], left, right, **_GRID)
        self.axes.vlines([self.x(n) for n in numbers], bottom, top, **_GRID)

    def draw(self, state: int, edge: float) -> int:
        """Draw what was there after `state` arrivals, its words as far as `edge`.

        The number of labels that found no room comes back.
        """
        floor = self.box.bottom
        for number, _, bar in self.bars:
            if number <= state:
                size = bar.right - bar.left, bar.bottom - bar.top
                self.axes.add_patch(Rectangle((bar.left, bar.top), *size, zorder=1, **SESSION_LOOK))
        seen = [it for it in self.own if it.number <= state]
        if seen:
            xs = [*(self.x(it.number) for it in seen), self.x(state) + self.step / 2]
            xs[-1] = min(xs[-1], self.box.right)
            ys = [self.y(it.watermark) for it in [*seen, seen[-1]]]
            tint = [min(y, floor) for y in ys]
            self.axes.fill_between(xs, tint, floor, step="post", zorder=2, **_TINT)
            line = [y if y <= floor else nan for y in ys]
            self.axes.plot(xs, line, drawstyle="steps-post", zorder=3, **_LINE)
        for what, look in LOOKS.items():
            alike = [it for it in seen if it.look == what]
            if alike:
                look = look | {"markersize": min(look["markersize"], self.size)}
                places = [(self.x(it.number), self.y(it.event.time)) for it in alike]
                self.axes.plot(*zip(*places, strict=True), zorder=4, clip_on=False, **look)
        labels = [label for label in self._labels() if label.arrival <= state]
        placed = [(label, place) for label, place in self._placed(edge) if label.arrival <= state]
        for label, (x, y) in placed:
            self.axes.text(x, y, label.text, va="center_baseline", zorder=5, **label.look)
        return len(labels) - len(placed)

    def _labels(self) -> list[_Label]:
        """What is late and what closes, in words, with the places where they could stand."""
        labels = []
        for it in self.own:
            if it.late_by is not None:
                text = f"late by {duration_text(it.late_by)}"
                x, y, width = self.x(it.number), self.y(it.event.time), _wide(text, STRONG)
                beside = [(x + 9, y), (x - 9 - width, y)]
                lefts = (x - width / 2, x - width, x)
                around = [(left, y + down) for down in (15, -15) for left in lefts]
                labels.append(_Label(it.number, text, _LATE, width, beside + around))
        for number, session, bar in self.bars:
            text = f"session {session} closes"
            text += " at the end" if number == self.run.end else ""
            width, middle = _wide(text, SMALL), (bar.top + bar.bottom) / 2
            right = [(bar.right + 6, y) for y in (middle, bar.top + 7, bar.bottom - 7)]
            ends = [(x, y) for y in (bar.top - 9, bar.bottom + 9) for x in _ends(bar, width)]
            inside = [(bar.right - width - 6, y) for y in (middle, bar.top + 9, bar.bottom - 9)]
            labels.append(_Label(number, text, _CLOSE, width, right + ends + inside))
        return labels

    def _placed(self, edge: float) -> list[tuple[_Label, tuple[float, float]]]:
        """The labels that find room, and where, clear of markers, lines and each other."""
        half = self.size / 2 + 1
        taken = []
        for it in self.own:
            x, y = self.x(it.number), self.y(it.event.time)
            taken.append(_Box(x - half, y - half, x + half, y + half))
        stops = [self.x(it.number) for it in self.own[1:]] + [self.box.right]
        levels = [self.y(it.watermark) for it in self.own]
        for i, (it, stop) in enumerate(zip(self.own, stops, strict=True)):
            taken.append(_Box(self.x(it.number), levels[i] - 2, stop, levels[i] + 2))
            if i:
                x = self.x(it.number)
                taken.append(_Box(x - 2, levels[i], x + 2, levels[i - 1]))
        for _, _, bar in self.bars:
            taken += [bar._replace(bottom=bar.top + 1), bar._replace(top=bar.bottom - 1)]
            taken += [bar._replace(right=bar.left + 1), bar._replace(left=bar.right - 1)]
        labels = self._labels()
        placed = []
        for label in labels[:: len(labels) // MOST_LABELS + 1]:
            for x, y in label.places:
                box = _Box(x - 2, y - 6.5, x + label.width + 2, y + 6.5)
                inside = self.box.left <= box.left and box.right <= edge
                inside = inside and self.box.top - 2 <= box.top and box.bottom <= self.box.bottom
                if inside and not any(box.meets(other) for other in taken):
                    taken.append(box)
                    placed.append((label, (x, y)))
                    break
        return placed


def _wide(text: str, font: FontProperties) -> float:
    """The room for a text: a raster's pixels can widen it by a tenth."""
    return 1.1 * text_width(text, font)


def _ends(bar: _Box, width: float) -> tuple[float, float]:
    """Where words begin that end at the bar's right end, or begin at its left."""
    return bar.right - width - 2, bar.left + 2
