"""Widgets: figures that follow a slider, or a flow that runs."""

from datetime import timedelta
from math import inf
from time import monotonic
from typing import Any

from ipywidgets import Image, Label, VBox

from searchlogs.events import Event
from searchlogs.figures.page import quantity
from searchlogs.figures.timeline import timeline
from searchlogs.sessions import Session


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
