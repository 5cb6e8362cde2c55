"""A panel of the watermark figure: one user's arrivals, the watermark, and what it closes."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from math import nan
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle

from searchlogs.figures.elements import LOOKS, SESSION_LOOK
from searchlogs.figures.observe import Arrival, Run
from searchlogs.figures.page import COLOURS, SMALL, STRONG, Scale, duration_text, text_width
from searchlogs.sessions import Session

MAX_LABELS = 60
WATERMARK_LOOK: dict[str, Any] = {
    "color": COLOURS["watermark"],
    "linestyle": "--",
    "linewidth": 1.8,
}
NOTE: dict[str, Any] = {"font": SMALL, "color": COLOURS["note"]}
_TINT: dict[str, Any] = {"color": COLOURS["watermark"], "alpha": 0.08, "linewidth": 0}
_GRID: dict[str, Any] = {"color": COLOURS["grid"], "linewidth": 0.8, "zorder": 0}
_LATE: dict[str, Any] = {"font": STRONG, "color": "#a3447c"}  # the marker's is too pale for text
_CLOSE: dict[str, Any] = {"font": SMALL, "color": COLOURS["ink"]}


class Box(NamedTuple):
    """A rectangle in points, y from the top."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Return whether two rectangles overlap."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


class _Bar(NamedTuple):
    """A session that closes at an arrival; its box meets no other bar."""

    arrival: int
    session: int
    box: Box


class _Label(NamedTuple):
    """A text that appears at an arrival."""

    arrival: int
    look: dict[str, Any]
    places: list[tuple[str, float, float]]
    """The text, or a shorter one, and where its left end could stand; best place first."""


class Panel:
    """One user's arrivals in a box; the whole run decides where anything stands."""

    def __init__(self, axes: Axes, run: Run, user: str, scale: Scale, box: Box) -> None:
        self.axes, self.run, self.scale, self.box = axes, run, scale, box
        self.own = [it for it in run.arrivals if it.user == user]
        self.step = (box.right - box.left) / len(run.arrivals)
        self.size = min(11.0, max(3.0, 0.8 * self.step))  # of the largest marker
        closed = [(session, it.number) for it in self.own for session in it.closes]
        closed += [(session, run.end) for session in run.at_end if session.user == user]
        self.bars = self._bars(sorted(closed, key=lambda pair: pair[0].id))
        self.labels = [*self._late_labels(), *self._closing_labels()]

    def x(self, arrival: int) -> float:
        """Return the middle of an arrival's step; for the end of the input, the right edge."""
        return min(self.box.left + (arrival - 0.5) * self.step, self.box.right)

    def y(self, time: datetime) -> float:
        """Return the height of an event time."""
        return self.box.bottom - self.scale.x(time)

    def _bars(self, closed: list[tuple[Session, int]]) -> list[_Bar]:
        """Return the bars of sessions, each given with the arrival that closed it."""
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
            bars.append(_Bar(number, session.id, Box(left, top, self.x(number), bottom)))
        return bars

    def draw_grid(self, marks: list[tuple[float, str]], numbered: bool) -> None:
        """Draw lines at round times and, as far as there is room, at arrivals.

        Args:
            marks: Height above the bottom, in points, and label of each round time.
            numbered: Whether the arrivals' numbers stand below the panel.
        """
        left, top, right, bottom = self.box
        levels = [bottom - up for up, _ in marks]
        for y, (_, label) in zip(levels, marks, strict=True):
            self.axes.text(left - 6, y, label, ha="right", va="center_baseline", **NOTE)
        last = self.run.end - 1
        room = text_width(str(last), SMALL) + 8
        round_numbers = (tens * n for tens in (1, 10, 100, 1000) for n in (1, 2, 5))
        stride = next((n for n in round_numbers if n * self.step >= room), last)
        numbers = range(stride, last + 1, stride)
        for n in numbers if numbered else ():
            self.axes.text(self.x(n), bottom + 6, str(n), ha="center", va="top", **NOTE)
        self.axes.hlines([*levels, bottom], left, right, **_GRID)
        self.axes.vlines([self.x(n) for n in numbers], bottom, top, **_GRID)

    def draw(self, state: int, edge: float) -> int:
        """Draw what is there after `state` arrivals.

        Args:
            state: Number of arrivals.
            edge: The x that no label goes beyond, in points.

        Returns:
            The number of labels without room.
        """
        for bar in self.bars:
            if bar.arrival <= state:
                left, top, right, bottom = bar.box
                size = right - left, bottom - top
                self.axes.add_patch(Rectangle((left, top), *size, zorder=1, **SESSION_LOOK))
        seen = [it for it in self.own if it.number <= state]
        if seen:
            self._draw_watermark(seen, state)
        for what, look in LOOKS.items():
            alike = [it for it in seen if it.look == what]
            if alike:
                look = look | {"markersize": min(look["markersize"], self.size)}
                places = [(self.x(it.number), self.y(it.event.time)) for it in alike]
                self.axes.plot(*zip(*places, strict=True), zorder=4, clip_on=False, **look)
        placed = [(label, place) for label, place in self._placed(edge) if label.arrival <= state]
        for label, (text, x, y) in placed:
            self.axes.text(x, y, text, va="center_baseline", zorder=5, **label.look)
        return sum(label.arrival <= state for label in self.labels) - len(placed)

    def _draw_watermark(self, seen: list[Arrival], state: int) -> None:
        """Draw the watermark's steps and the tint of what would be late."""
        floor = self.box.bottom
        xs = [*(self.x(it.number) for it in seen), self.x(state) + self.step / 2]
        xs[-1] = min(xs[-1], self.box.right)
        ys = [self.y(it.watermark) for it in [*seen, seen[-1]]]
        tint = [min(y, floor) for y in ys]
        self.axes.fill_between(xs, tint, floor, step="post", zorder=2, **_TINT)
        line = [y if y <= floor else nan for y in ys]
        self.axes.plot(xs, line, drawstyle="steps-post", zorder=3, **WATERMARK_LOOK)

    def _late_labels(self) -> Iterator[_Label]:
        for it in self.own:
            if it.late_by is not None:
                x, y = self.x(it.number), self.y(it.event.time)
                places = []
                for text in (f"late by {duration_text(it.late_by)}", duration_text(it.late_by)):
                    width = _room(text, STRONG)
                    lefts = (x - width / 2, x - width, x)
                    places += [(text, x + 9, y), (text, x - 9 - width, y)]
                    places += [(text, left, y + down) for down in (16, -16) for left in lefts]
                yield _Label(it.number, _LATE, places)

    def _closing_labels(self) -> Iterator[_Label]:
        """Yield a label for each bar that stands at its right end, where the session closes."""
        for number, session, box in self.bars:
            end = " at the end" if number == self.run.end else ""
            places = []
            for text in (f"session {session} closes{end}", f"closes{end}", "closes"):
                width = _room(text, SMALL)
                for y in ((box.top + box.bottom) / 2, box.top + 9, box.bottom - 9):
                    places.append((text, box.right + 6, y))
                for y in (box.top - 10, box.bottom + 10):
                    places.append((text, box.right - width - 5, y))
                for y in ((box.top + box.bottom) / 2, box.top + 10, box.bottom - 10):
                    places.append((text, box.right - width - 6, y))
            yield _Label(number, _CLOSE, places)

    def _placed(self, edge: float) -> list[tuple[_Label, tuple[str, float, float]]]:
        """Return the labels that have room, and where, clear of everything and of each other."""
        taken = self._obstacles()
        placed = []
        for label in self.labels[:: len(self.labels) // MAX_LABELS + 1]:
            for text, x, y in label.places:
                box = Box(x - 2, y - 7, x + _room(text, label.look["font"]) + 2, y + 7)
                inside = self.box.left <= box.left and box.right <= edge
                inside = inside and self.box.top - 2 <= box.top and box.bottom <= self.box.bottom
                if inside and not any(box.meets(other) for other in taken):
                    taken.append(box)
                    placed.append((label, (text, x, y)))
                    break
        return placed

    def _obstacles(self) -> list[Box]:
        """Return the boxes of all markers, of the watermark's line and of the bars' outlines."""
        half = self.size / 2 + 1
        taken = []
        for it in self.own:
            x, y = self.x(it.number), self.y(it.event.time)
            taken.append(Box(x - half, y - half, x + half, y + half))
        stops = [self.x(it.number) for it in self.own[1:]] + [self.box.right]
        levels = [self.y(it.watermark) for it in self.own]
        for i, (it, stop) in enumerate(zip(self.own, stops, strict=True)):
            x = self.x(it.number)
            taken.append(Box(x, levels[i] - 2, stop, levels[i] + 2))
            if i:
                taken.append(Box(x - 2, levels[i], x + 2, levels[i - 1]))
        for bar in self.bars:
            box = bar.box
            taken += [box._replace(bottom=box.top + 1), box._replace(top=box.bottom - 1)]
            taken += [box._replace(right=box.left + 1), box._replace(left=box.right - 1)]
        return taken


def _room(text: str, font: FontProperties) -> float:
    """Return the room that a text needs; drawn in pixels it can be a tenth wider."""
    return 1.1 * text_width(text, font)
