"""The stepper: a run, arrival by arrival, with what just happened in words."""

from collections.abc import Iterable
from datetime import timedelta

from searchlogs.dataflow import GAP, WAIT
from searchlogs.events import Event
from searchlogs.figures.film import animate
from searchlogs.figures.observe import MakeClock, watch
from searchlogs.figures.page import Drawing
from searchlogs.figures.scripted import picture, scripted
from searchlogs.figures.watermark import arrival_sentences, draw_run
from searchlogs.sessions import replay_clock

DPI = 96
"""Resolution of the film: 720 pixels wide."""


class Stepper:
    """Pictures of a run to step through, and a film of them for where no script runs."""

    def __init__(
        self,
        events: Iterable[Event],
        gap: timedelta | str = GAP,
        wait: timedelta | str = WAIT,
        clock: MakeClock = replay_clock,
    ) -> None:
        """Run the events.

        The arguments, and the errors raised, are those of `observe`.
        """
        self.run = watch(events, gap, wait, clock)
        last = len(self.run.arrivals)
        self.words = [
            " ".join(arrival_sentences(self.run, number)) or "No events."
            for number in range(min(1, last), last + 1)
        ]

    def drawings(self) -> list[Drawing]:
        """Return the drawing after each arrival; the last one shows the end of the input."""
        last = len(self.run.arrivals)
        states = [*range(min(1, last), last), self.run.end]
        return [draw_run(self.run, [state], None) for state in states]

    def __repr__(self) -> str:
        return "\n".join(self.words)

    def html(self) -> str:
        """Return the pictures and the words as HTML with a script; without it, a film is there."""
        drawings = self.drawings()
        film = picture(repr(self), animate([one.png(DPI) for one in drawings]))
        pictures = [one.svg() for one in drawings]
        return scripted("stepper", list(zip(pictures, self.words, strict=True)), film)

    def _repr_html_(self) -> str:
        return self.html()
