"""A live run to watch: the kernel sends what the engine says, and the browser lets time pass."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from time import time
from types import TracebackType
from typing import Any, Protocol, Self

from bytewax.operators.windowing import Clock, ClockLogic
from IPython.display import DisplayHandle, display

from searchlogs.durations import check_duration
from searchlogs.events import EARLIEST, Event
from searchlogs.figures.elements import LABELS, ctr_text
from searchlogs.figures.live_film import film
from searchlogs.figures.live_record import Arrived, Closed, Record, late_text
from searchlogs.figures.page import plain
from searchlogs.figures.scripted import picture, scripted
from searchlogs.sessions import Late, Session, WrappedClockLogic

MICROSECOND = timedelta(microseconds=1)
REPLAY = 30.0
"""How long a run that was not paced is played back, in seconds."""
MAX_USERS = 8
"""Most users, each of whom has a row."""


class Played(Protocol):
    """What plays the events, as `searchlogs.live.play.Play` does."""

    events: list[Event]
    speed: float | None

    def now(self) -> datetime:
        """Return the time of the run."""

    def clock(self, wait: timedelta | str) -> Clock[Event, Any]:
        """Make a live clock in that time."""


class LiveView:
    """A picture of a flow that runs: now, each user's watermark, and the gaps that run out.

    Make the window's clock with `clock`, give `close` and `late` to `op.inspect` on what leaves
    the window, and run the flow within `with view:`. At a speed, the picture follows the run.
    Without one the run is over at once, and the picture plays it back. Where no script runs, there
    is a film of the run.
    """

    def __init__(self, play: Played, gap: timedelta | str) -> None:
        """Take what plays the events.

        Args:
            play: A play of some hundreds of events at most, of at most 8 users.
            gap: The gap that the sessions are cut with.

        Raises:
            TypeError, ValueError: `gap` is no duration from 0 to 366 days.
            ValueError: There are more than 8 users.
        """
        self.play = play
        self.record = Record(check_duration("gap", gap))
        self.wait = timedelta(0)
        self.users = list(dict.fromkeys(str(event.user) for event in play.events))
        if len(self.users) > MAX_USERS:
            raise ValueError(
                f"play: expected events of at most {MAX_USERS} users; found {len(self.users)}"
            )
        self._feed: DisplayHandle | None = None

    @property
    def start(self) -> datetime:
        """Where the time axis begins."""
        return min((event.time for event in self.play.events), default=EARLIEST)

    @property
    def end(self) -> datetime:
        """Where the time axis ends: when the last session closes."""
        last = max((event.time for event in self.play.events), default=EARLIEST)
        return last + self.record.gap + self.wait + MICROSECOND

    def clock(self, wait: timedelta | str) -> Clock[Event, Any]:
        """Make the play's clock, and note each arrival with the watermark that the clock gives."""
        self.wait = check_duration("wait", wait)
        return _NotingClock(self.play.clock(wait), self)

    def close(self, step_id: str, session: Session) -> None:
        """Note that a session closes."""
        self.record.closed.append(Closed(self.play.now(), session))
        self._send()

    def late(self, step_id: str, late: Late) -> None:
        """Note that an event is late."""
        self.record.mark_late(late)
        self._send()

    def arrive(self, event: Event, watermark: datetime) -> None:
        """Note that an event arrives."""
        self.record.arrived.append(Arrived(self.play.now(), event, watermark))
        self._send()

    def __enter__(self) -> Self:
        """Show the picture, which waits for the run."""
        self.record.clear()
        stage = {"text/html": self.stage(), "text/plain": "The run, to watch where scripts run."}
        display(stage, raw=True)
        self._feed = None
        # Without a speed nothing is updated: a comparison of outputs knows no updates.
        if self.play.speed is not None:
            feed = self._bundle(False, self.start)
            self._feed = display(feed, raw=True, display_id=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Give the picture the whole record, and the film for where no script runs."""
        ended = self.play.now() if kind else self.end
        if self._feed is not None:
            self._feed.update(self._bundle(True, ended), raw=True)
        else:
            display(self._bundle(True, ended), raw=True)
        self._feed = None

    def __repr__(self) -> str:
        return "\n".join(f"{at:%H:%M:%S} {text}." for at, text in self.record.facts())

    def _send(self) -> None:
        if self._feed is not None:
            self._feed.update(self._bundle(False, self.play.now()), raw=True)

    def _bundle(self, done: bool, now: datetime) -> dict[str, str]:
        words = repr(self) if done else "The record of the run."
        return {"text/html": self.feed(done, now), "text/plain": words}

    def stage(self) -> str:
        """Return the picture as HTML with a script of its own, which `feed` fills."""
        length = (self.end - self.start).total_seconds()
        data = {
            "users": [plain(user) for user in self.users],
            "start": self.start.timestamp(),
            "length": self._micros(self.end),
            "gap": self.record.gap // MICROSECOND,
            "wait": self.wait // MICROSECOND,
            "speed": self.play.speed or round(length / REPLAY, 1),
        }
        return scripted("live", data)

    def feed(self, done: bool, now: datetime) -> str:
        """Return the record so far, as HTML with a script that hands it to the picture above it.

        Once the run has ended, a film of it stands there for where no script runs.

        Args:
            done: Whether the run has ended.
            now: The time of the run.
        """
        kinds = list(LABELS)
        arrived = [
            (
                self._micros(one.at),
                self.users.index(one.user),
                kinds.index(type(one.event)),
                self._micros(one.event.time),
                self._micros(one.watermark),
                None if one.late_by is None else late_text(one.late_by),
            )
            for one in self.record.arrived
        ]
        closed = [
            (
                self._micros(at),
                self.users.index(session.user),
                self._micros(session.start),
                self._micros(session.end),
                ctr_text(session),
            )
            for at, session in self.record.closed
        ]
        data: dict[str, Any] = {"arrived": arrived, "closed": closed, "now": self._micros(now)}
        data["facts"] = [(self._micros(at), text) for at, text in self.record.facts()]
        # What is stored must be the same each time, so only what is sent meanwhile has a time.
        data |= {"whole": now == self.end} if done else {"sent": round(1000 * time())}
        still = ""
        if done and self.record.arrived:
            png = film(self.record, self.users, self.start, self.end, now)
            still = picture(repr(self), png)
        return scripted("live_feed", data, still)

    def _micros(self, instant: datetime) -> int:
        return (instant - self.start) // MICROSECOND


@dataclass(frozen=True)
class _NotingClock(Clock[Event, Any]):
    clock: Clock[Event, Any]
    view: LiveView

    def build(self, resume_state: Any) -> ClockLogic[Event, Any]:
        return _NotingLogic(self.clock.build(resume_state), self.view)


@dataclass(eq=False)
class _NotingLogic(WrappedClockLogic[Event]):
    view: LiveView

    def on_item(self, value: Event) -> tuple[datetime, datetime]:
        time, watermark = super().on_item(value)
        self.view.arrive(value, watermark)
        return time, watermark
