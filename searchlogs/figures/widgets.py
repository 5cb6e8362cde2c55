"""The watermark at work: what the engine makes of each arrival, as a table and as a picture."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from html import escape
from math import inf
from time import monotonic
from typing import Any

import pandas as pd
from ipywidgets import HTML, Button, HBox, Image, IntSlider, Label, SelectionSlider, VBox

from searchlogs.dataflow import GAP, WAIT, find_sessions
from searchlogs.events import Event
from searchlogs.figures.observe import MakeClock, watch
from searchlogs.figures.page import Drawing, duration_text, quantity
from searchlogs.figures.timeline import timeline
from searchlogs.figures.watermark import drawing, sentences
from searchlogs.sessions import Session, replay_clock
from searchlogs.tables import summary, totals


def steps(
    events: Iterable[Event],
    gap: timedelta = GAP,
    wait: timedelta = WAIT,
    clock: MakeClock = replay_clock,
    *,
    at: Sequence[int] = (3, 5, 7, 9),
    title: str | None = None,
) -> Drawing:
    """Draw `watermark_plot` after each of the arrivals `at` that there are, in two columns.

    The other arguments, and what is raised, are those of `watermark_plot`; the drawing's `data`
    ends with the latest of these arrivals.
    """
    run = watch(events, gap, wait, clock)
    return drawing(run, [number for number in at if 0 <= number < run.end], title)


class Stepper:
    """A slider over the arrivals, with Back and Next; below it, what just happened."""

    def __init__(
        self,
        events: Iterable[Event],
        gap: timedelta = GAP,
        wait: timedelta = WAIT,
        clock: MakeClock = replay_clock,
    ) -> None:
        self.run = watch(events, gap, wait, clock)
        last = len(self.run.arrivals)
        first = min(1, last)
        self.arrival = IntSlider(min=first, max=last, value=first, description="arrival")
        self.back, self.next = Button(description="Back"), Button(description="Next")
        self.words = HTML()  # a Label would cut a long sentence off
        self.picture = Image(format="png", layout={"max_width": "100%"})
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
        self.told = " ".join(sentences(self.run, now)) or "No events."
        self.words.value = escape(self.told)
        state = self.run.end if now == last else now
        self.picture.value = drawing(self.run, [state], None).png(dpi=90)

    def __repr__(self) -> str:
        return f"A slider over the arrivals, while a kernel runs. {self.told}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {**self.box._repr_mimebundle_(), "text/plain": repr(self)}


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
        sessions, late = find_sessions(self.events, gap, wait)
        ctr: Any = totals(summary(sessions)).at["ctr", "ratio_of_sums"]
        found = [
            quantity(len(sessions), "session"),
            "no CTR" if pd.isna(ctr) else f"CTR {ctr:.2f}",
            quantity(len(late), "late event"),
        ]
        self.numbers.value = ", ".join(found)
        title = f"Gap {duration_text(gap)}, wait {duration_text(wait)}: {self.numbers.value}"
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
    labelled = [(duration_text(option), option) for option in options]
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
        self.numbers.value = f"{quantity(events, 'event')}, {quantity(sessions, 'session')}"
        drawing = timeline(self.events, self.sessions, gap=self.gap, title=self.numbers.value)
        self.picture.value = drawing.png(dpi=90)
        self._drawn = monotonic()

    def __repr__(self) -> str:
        return "A timeline that grows while the flow below runs."

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {**self.box._repr_mimebundle_(), "text/plain": repr(self)}
