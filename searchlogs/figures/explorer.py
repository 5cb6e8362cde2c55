"""The explorer: gap and wait as lines to drag, and the sessions and the CTR that they make."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from searchlogs.dataflow import GAP, WAIT, find_sessions
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search, check_events
from searchlogs.figures.charts import pause_histogram
from searchlogs.figures.elements import event_element
from searchlogs.figures.page import Drawing, duration_text, quantity
from searchlogs.figures.scripted import scripted
from searchlogs.figures.timeline import timeline
from searchlogs.metrics import count

SECOND = timedelta(seconds=1)
GAPS = [n * SECOND for n in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)]
"""Gaps that the line can be dragged to."""
WAITS = [n * SECOND for n in (0, 1, 2, 5, 10, 20, 30, 60, 120, 300)]
"""Waits likewise."""

MOST_USERS = 6
"""Most users with a row of their own, those with the most events."""

KINDS = (AppOpen, Search, Results, ClickResult)


class Explorer:
    """The pauses between events, the CTR by gap, and a timeline, which follow two lines.

    A script in the cell's own output finds the sessions from the events, so that nothing has to
    run: it works the next day, and in a page that was exported. Without scripts the timeline of the
    tutorial's gap and wait is there.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        """Take the events.

        Args:
            events: The events, in the order of their arrival; some hundreds at most.

        Raises:
            TypeError: One of them is no event.
        """
        self.events = check_events(events)

    def __repr__(self) -> str:
        return f"Lines to drag, for gap and wait, where scripts run.\n{self.picture()!r}"

    def picture(self) -> Drawing:
        """Draw the timeline that the tutorial's gap and wait give."""
        sessions, late = find_sessions(self.events, GAP, WAIT)
        counts = [count(session) for session in sessions]
        searches = sum(one.searches for one in counts)
        clicked = sum(one.searches_clicked for one in counts)
        title = f"Gap {duration_text(GAP)}, wait {duration_text(WAIT)}: "
        title += f"{quantity(len(sessions), 'session')}, "
        title += f"CTR {clicked / searches:.2f}, " if searches else "no CTR, "
        title += quantity(len(late), "late event")
        return timeline(self.events, sessions, gap=GAP, late=late, title=title)

    def html(self) -> str:
        """Return the explorer as HTML with a script of its own, in which the picture stands."""
        return scripted("explorer", self._data(), self.picture().html())

    def _repr_html_(self) -> str:
        return self.html()

    def _data(self) -> dict[str, Any]:
        """Return what the script needs: numbers for users, ids and items, times in microseconds."""
        busy = Counter(str(event.user) for event in self.events)
        users = [user for user, _ in busy.most_common()]
        numbers: dict[Any, int] = {}

        def number(value: str | None) -> int:
            return -1 if value is None else numbers.setdefault(value, len(numbers))

        first = min((event.time for event in self.events), default=None)
        rows = []
        for event in self.events:
            items: Any = [number(item) for item in getattr(event, "items", ())]
            if isinstance(event, ClickResult):
                items = number(event.item)
            rows.append(
                (
                    users.index(str(event.user)),
                    KINDS.index(type(event)),
                    (event.time - first) // timedelta(microseconds=1) if first else 0,
                    number(getattr(event, "query_id", None)),
                    items,
                    event_element(event).label or "",
                )
            )
        bars = pause_histogram(self.events, "").data
        bars = bars[bars["pauses"] > 0]
        longest = max([2 * 3600.0, *bars["up_to"]])
        return {
            "events": rows,
            "users": users,
            "rows": MOST_USERS,
            "bars": [
                [int(1e6 * over), int(1e6 * up_to), int(pauses)]
                for over, up_to, pauses in zip(
                    bars["over"], bars["up_to"], bars["pauses"], strict=True
                )
            ],
            "longest": int(1e6 * longest),
            "gaps": [gap // timedelta(microseconds=1) for gap in GAPS],
            "waits": [wait // timedelta(microseconds=1) for wait in WAITS],
            "gap": GAP // timedelta(microseconds=1),
            "wait": WAIT // timedelta(microseconds=1),
        }
