"""Timelines that move: one follows two sliders, one a flow that runs."""

from collections.abc import Iterable
from datetime import timedelta
from math import inf
from time import monotonic
from typing import Any

import pandas as pd
from ipywidgets import Image, Label, SelectionSlider, VBox

from searchlogs.dataflow import sessionize
from searchlogs.drawing import count_words, duration_words
from searchlogs.events import Event
from searchlogs.metrics import summary, totals
from searchlogs.plots import timeline
from searchlogs.sessions import GAP, WAIT, Session

GAPS = [timedelta(seconds=n) for n in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)]
WAITS = [timedelta(seconds=n) for n in (0, 1, 2, 5, 10, 20, 30, 60, 120, 300)]


class Explorer:
    """Sliders for `gap` and `wait`; below them, what they make of the events."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = list(events)
        self.gap = _slider("gap", GAPS, GAP)
        self.wait = _slider("wait", WAITS, WAIT)
        self.numbers = Label()
        self.picture = Image(format="png", layout={"max_width": "100%"})
        self.box = VBox([self.gap, self.wait, self.numbers, self.picture])
        for slider in (self.gap, self.wait):
            slider.observe(self._follow, names="value")
        self._follow()

    def _follow(self, change: object = None) -> None:
        gap, wait = self.gap.value, self.wait.value
        sessions, late = sessionize(self.events, gap, wait)
        ctr: Any = totals(summary(sessions)).at["ctr", "ratio_of_sums"]
        found = [
            count_words(len(sessions), "session"),
            "no CTR" if pd.isna(ctr) else f"CTR {ctr:.2f}",
            count_words(len(late), "late event"),
        ]
        self.numbers.value = ", ".join(found)
        title = f"Gap {duration_words(gap)}, wait {duration_words(wait)}: {self.numbers.value}"
        # Coarser than a figure that stays: it is drawn again with every move of a slider.
        self.picture.value = timeline(self.events, sessions, gap=gap, late=late, title=title).png(
            dpi=90
        )

    def __repr__(self) -> str:
        return f"Sliders for gap and wait, while a kernel runs. {self.numbers.value}."

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        # The box's own text would list every option of every slider, and bytes of the picture.
        return {**self.box._repr_mimebundle_(), "text/plain": repr(self)}


def _slider(name: str, options: list[timedelta], value: timedelta) -> SelectionSlider:
    labelled = [(duration_words(option), option) for option in options]
    wide = {"width": "60%"}
    return SelectionSlider(options=labelled, value=value, description=name, layout=wide)


class LiveTimeline:
    """A timeline that grows while a flow runs: give its methods to `op.inspect`."""

    def __init__(self, gap: timedelta, every: float = 0.3) -> None:
        """Draw again `every` so many seconds at most, since drawing takes time from the flow."""
        self.gap, self.every = gap, every
        self.events: list[Event] = []
        self.sessions: list[Session] = []
        self.numbers = Label()
        self.picture = Image(format="png", layout={"max_width": "100%"})
        self.box = VBox([self.numbers, self.picture])
        self._drawn = -inf

    def clear(self) -> None:
        """Forget what came in an earlier run."""
        self.events.clear()
        self.sessions.clear()

    def arrive(self, step_id: str, event: Event) -> None:
        """Show an event that arrives."""
        self.events.append(event)
        self._grow()

    def close(self, step_id: str, session: Session) -> None:
        """Show a session that closes."""
        self.sessions.append(session)
        self._grow()

    def _grow(self) -> None:
        if monotonic() - self._drawn >= self.every:
            self.draw()

    def draw(self) -> None:
        """Show what has come so far."""
        events, sessions = len(self.events), len(self.sessions)
        self.numbers.value = f"{count_words(events, 'event')}, {count_words(sessions, 'session')}"
        drawing = timeline(self.events, self.sessions, gap=self.gap, title=self.numbers.value)
        self.picture.value = drawing.png(dpi=90)
        self._drawn = monotonic()

    def __repr__(self) -> str:
        return "A timeline that grows while the flow below runs."

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {**self.box._repr_mimebundle_(), "text/plain": repr(self)}
