"""The visual language of all figures: how each kind of event, a session and a gap look."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from math import inf
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path

from searchlogs.durations import check_duration
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.figures.page import COLOURS, Scale, duration_text, quantity
from searchlogs.metrics import click_through_rate
from searchlogs.sessions import Session

LABELS = {AppOpen: "app open", Search: "search", Results: "results", ClickResult: "click"}
"""What a legend calls each kind of event."""

_BAR = Path([(-0.22, -1), (0.22, -1), (0.22, 1), (-0.22, 1), (-0.22, -1)])
LOOKS: dict[str, dict[str, Any]] = {
    what: {
        "linestyle": "",
        "marker": marker,
        "markersize": size,
        "markerfacecolor": COLOURS[what],
        "markeredgecolor": "white",
        "markeredgewidth": 0.0 if marker is _BAR else 0.8,
    }
    for what, marker, size in (
        ("app open", _BAR, 14.0),
        ("search", "o", 9.0),
        ("results", "s", 8.0),
        ("click", "^", 8.5),
    )
}
"""The marker of each kind of event, on time or late, by its label."""
_HOLLOW = {"markerfacecolor": "white", "markeredgecolor": COLOURS["late"], "markeredgewidth": 1.5}
LOOKS |= {f"late {what}": look | _HOLLOW for what, look in LOOKS.items()}
SESSION_LOOK: dict[str, Any] = {"facecolor": "#f8f2a1", "edgecolor": "#d9cd3f"}
NO_SEARCH = "no search"
NO_SEARCH_LOOK: dict[str, Any] = {
    "facecolor": "white",
    "edgecolor": COLOURS["note"],
    "linestyle": ":",
}
GAP_LOOK: dict[str, Any] = {
    "facecolor": "none",
    "edgecolor": COLOURS["gap"],
    "hatch": "////",
    "linewidth": 0,
}
_BARS = ("session", "gap")


class Element(NamedTuple):
    """An event, a session or a gap in a figure."""

    user: str
    what: str
    """A key of LOOKS, "session" or "gap"."""
    start: datetime
    end: datetime
    label: str | None = None


def event_element(event: Event, late_by: timedelta | None = None) -> Element:
    """Return the element of an event, a late one if `late_by` is given."""
    what = next(name for kind, name in LABELS.items() if isinstance(event, kind))
    label = str(event.query) if isinstance(event, Search) else None
    if late_by is not None:
        what, label = f"late {what}", f"late by {duration_text(late_by)}"
    return Element(str(event.user), what, event.time, event.time, label)


def session_elements(sessions: list[Session], gap: timedelta | str | None) -> Iterator[Element]:
    """Yield the element of each session, and after it that of its gap unless there is none.

    Raises:
        TypeError: `gap` is neither a duration nor None.
        ValueError: `gap` is not from 0 to 366 days.
    """
    tail = check_duration("gap", gap) if gap is not None else timedelta(0)
    for session in sessions:
        yield Element(session.user, "session", session.start, session.end, ctr_text(session))
        if tail:
            end = session.end + tail
            yield Element(session.user, "gap", session.end, end, duration_text(tail))


def ctr_text(session: Session) -> str:
    """Return the label of a session: its click-through rate, if it has a search."""
    rate = click_through_rate(session)
    return NO_SEARCH if rate is None else f"CTR {round(rate, 2)}"


def busiest(events: Mapping[str, int], most: int) -> tuple[list[str], list[str]]:
    """Choose the users to show.

    Args:
        events: Number of events per user, in the order in which the users first appear.
        most: Largest number of users to show.

    Returns:
        The users with the most events, in the order of `events`, and a note on the users left
        out: a list that is empty if there are none.
    """
    chosen = set(sorted(events, key=lambda user: -events[user])[:most])
    users = [user for user in events if user in chosen]
    hidden = len(events) - len(users)
    rest = sum(events.values()) - sum(events[user] for user in users)
    note = (
        f"Shown are the {len(users)} users with the most events; left out: "
        f"{quantity(hidden, 'user')} with {quantity(rest, 'event')}."
    )
    return users, [note] if hidden else []


class Marker(NamedTuple):
    """An event's marker, in points on the axes; `what` is a key of LOOKS."""

    what: str
    x: float
    y: float


def place_markers(
    elements: list[Element], scale: Scale, middle: Mapping[str, float], height: float
) -> tuple[list[Marker], float]:
    """Place the events' markers.

    A user's markers lie on one line. If two of different kinds would overlap, each kind of all
    users has a line of its own.

    Args:
        elements: What is drawn; sessions and gaps are skipped.
        scale: The time axis.
        middle: The y of each user's row, in points.
        height: Height of a row's bar, in points.

    Returns:
        The markers, and the largest size that a marker may have, in points.
    """
    points = [
        Marker(element.what, scale.x(element.start), middle[element.user])
        for element in elements
        if element.what not in _BARS
    ]
    points.sort(key=lambda point: (point.y, point.x))
    if not any(a.y == b.y and a.what != b.what and b.x - a.x < 8 for a, b in pairwise(points)):
        return points, inf
    lane = {kind: (i - 1.5) * height / 4.2 for i, kind in enumerate(LABELS.values())}
    spread = [p._replace(y=p.y + lane[p.what.removeprefix("late ")]) for p in points]
    return spread, height / 4


def draw_markers(axes: Axes, markers: list[Marker], most: float) -> None:
    """Draw markers, none larger than `most` points."""
    for zorder, what in enumerate(LOOKS, start=3):
        own = [marker for marker in markers if marker.what == what]
        if own:
            xs, ys = [marker.x for marker in own], [marker.y for marker in own]
            look = LOOKS[what] | {"markersize": min(LOOKS[what]["markersize"], most)}
            axes.plot(xs, ys, clip_on=False, zorder=zorder, **look)


def event_handles(kinds: Collection[str]) -> list[Line2D | Patch]:
    """Return a legend's handles for the kinds of events, keys of LOOKS, that a figure has."""
    return [
        Line2D([], [], label=what, **look | {"markersize": min(look["markersize"], 11)})
        for what, look in LOOKS.items()
        if what in kinds
    ]


def legend_handles(elements: list[Element]) -> list[Line2D | Patch]:
    """Return a legend's handles for the kinds of elements that a figure has, and no others."""
    labels = {(element.what, element.label) for element in elements if element.what in _BARS}
    handles = event_handles({element.what for element in elements})
    if any(what == "session" and label != NO_SEARCH for what, label in labels):
        handles.append(Patch(label="session", **SESSION_LOOK))
    if ("session", NO_SEARCH) in labels:
        handles.append(Patch(label="session without a search", **NO_SEARCH_LOOK))
    handles += [Patch(label=f"gap, {text}", **GAP_LOOK) for what, text in labels if what == "gap"]
    return handles
