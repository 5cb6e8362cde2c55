"""The stepper: a run, arrival by arrival, with what just happened in words."""

import base64
from collections.abc import Iterable
from datetime import timedelta

from IPython.display import display

from searchlogs.dataflow import GAP, WAIT
from searchlogs.events import Event
from searchlogs.figures.film import animate
from searchlogs.figures.observe import MakeClock, watch
from searchlogs.figures.scripted import scripted
from searchlogs.figures.watermark import arrival_sentences, draw_run
from searchlogs.sessions import replay_clock

DPI = 90
"""Resolution of pictures of which there are many."""


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

    def pictures(self) -> list[bytes]:
        """Return the picture after each arrival as PNG; the last one shows the end of the input."""
        last = len(self.run.arrivals)
        states = [*range(min(1, last), last), self.run.end]
        return [draw_run(self.run, [state], None).png(DPI) for state in states]

    def __repr__(self) -> str:
        return "\n".join(self.words)

    def _ipython_display_(self) -> None:
        """Show the film, and the pictures to step through, which hide it."""
        film = base64.b64encode(animate(self.pictures())).decode()
        display({"image/png": film, "text/plain": repr(self)}, raw=True)
        html = {"text/html": self.html(), "text/plain": "The same, to step through."}
        display(html, raw=True)

    def html(self) -> str:
        """Return the pictures and the words as HTML with a script of its own."""
        pictures = [base64.b64encode(picture).decode() for picture in self.pictures()]
        sources = [f"data:image/png;base64,{picture}" for picture in pictures]
        return scripted("stepper", list(zip(sources, self.words, strict=True)))
