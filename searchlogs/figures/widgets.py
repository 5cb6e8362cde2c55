"""Widgets: figures that follow a slider, or a flow that runs."""

from collections.abc import Iterable
from datetime import timedelta
from html import escape
from math import inf
from time import monotonic
from typing import Any

from ipywidgets import HTML, Button, HBox, Image, IntSlider, Label, VBox

from searchlogs.dataflow import GAP, WAIT
from searchlogs.events import Event
from searchlogs.figures.observe import MakeClock, watch
from searchlogs.figures.page import quantity
from searchlogs.figures.timeline import timeline
from searchlogs.figures.watermark import arrival_sentences, draw_run
from searchlogs.sessions import Session, replay_clock


class _Widget:
    """A widget in a box, plain text if no kernel runs, and in a comparison of outputs."""

    box: VBox

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        # The box's own text would list every option of every slider, and bytes of the picture.
        return {**self.box._repr_mimebundle_(), "text/plain": repr(self)}


def _picture() -> Image:
    """Return an empty picture, which is filled later."""
    return Image(format="png", layout={"max_width": "100%"})


DPI = 90
"""Resolution of pictures that are drawn again and again: coarser than those that stay."""


class Stepper(_Widget):
    """A slider over the arrivals of a run, with Back and Next; below it, what just happened."""

    def __init__(
        self,
        events: Iterable[Event],
        gap: timedelta = GAP,
        wait: timedelta = WAIT,
        clock: MakeClock = replay_clock,
    ) -> None:
        """Run the events and show the first arrival.

        The arguments, and the errors raised, are those of `observe`.
        """
        self.run = watch(events, gap, wait, clock)
        last = len(self.run.arrivals)
        first = min(1, last)
        self.arrival = IntSlider(min=first, max=last, value=first, description="arrival")
        self.back, self.next = Button(description="Back"), Button(description="Next")
        self.words = HTML()  # a Label would cut off a long sentence
        self.picture = _picture()
        controls = HBox([self.arrival, self.back, self.next])
        self.box = VBox([controls, self.words, self.picture])
        self.arrival.observe(self._follow, names="value")
        self.back.on_click(lambda _: self._move(-1))
        self.next.on_click(lambda _: self._move(1))
        self._follow()

    def _move(self, by: int) -> None:
        self.arrival.value += by  # the slider stops at its ends

    def _follow(self, change: object = None) -> None:
        now, last = self.arrival.value, self.arrival.max
        self.back.disabled, self.next.disabled = now == self.arrival.min, now == last
        self.text = " ".join(arrival_sentences(self.run, now)) or "No events."
        self.words.value = escape(self.text)
        state = self.run.end if now == last else now
        self.picture.value = draw_run(self.run, [state], None).png(DPI)

    def __repr__(self) -> str:
        return f"A slider over the arrivals, while a kernel runs. {self.text}"


class LiveTimeline(_Widget):
    """A timeline that grows while a flow runs: give `arrive` and `close` to `op.inspect`."""

    def __init__(self, gap: timedelta, every: float = 0.3) -> None:
        """Start with an empty figure.

        Args:
            gap: The gap that the sessions are cut with.
            every: Seconds between two drawings, since drawing takes time from the flow.
        """
        self.gap, self.every = gap, every
        self.events: list[Event] = []
        self.sessions: list[Session] = []
        self.numbers = Label()
        self.picture = _picture()
        self.box = VBox([self.numbers, self.picture])
        self._drawn = -inf

    def clear(self) -> None:
        """Forget the events and sessions of an earlier run."""
        self.events.clear()
        self.sessions.clear()

    def arrive(self, step_id: str, event: Event) -> None:
        """Add an event that arrives."""
        self.events.append(event)
        self._grow()

    def close(self, step_id: str, session: Session) -> None:
        """Add a session that closes."""
        self.sessions.append(session)
        self._grow()

    def _grow(self) -> None:
        if monotonic() - self._drawn >= self.every:
            self.draw()

    def draw(self) -> None:
        """Draw the events and sessions so far."""
        events, sessions = len(self.events), len(self.sessions)
        self.numbers.value = f"{quantity(events, 'event')}, {quantity(sessions, 'session')}"
        drawing = timeline(self.events, self.sessions, gap=self.gap, title=self.numbers.value)
        self.picture.value = drawing.png(DPI)
        self._drawn = monotonic()

    def __repr__(self) -> str:
        return "A timeline that grows while the flow below runs."
