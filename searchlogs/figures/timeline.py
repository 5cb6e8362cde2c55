"""The course's main figure: events and sessions of each user, in event time."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from math import inf
from typing import NamedTuple, TypeVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from searchlogs.events import EARLIEST, Event, check_events, check_list
from searchlogs.figures.elements import (
    GAP_LOOK,
    NO_SEARCH,
    NO_SEARCH_LOOK,
    SESSION_LOOK,
    Element,
    Marker,
    busiest,
    ctr_text,
    draw_markers,
    event_element,
    legend_handles,
    place_markers,
    session_elements,
)
from searchlogs.figures.page import (
    COLOURS,
    MARGIN,
    MAX_LISTED,
    QUERY,
    RIGHT,
    SMALL,
    STRONG,
    TEXT,
    WIDTH,
    Drawing,
    Label,
    Scale,
    clock_text,
    date_text,
    draw_time,
    drawable,
    fit,
    page,
    place,
    plain,
    quantity,
    style,
    text_width,
    time_scale,
)
from searchlogs.sessions import Late, Session

MAX_ROWS = 12
FEW = 5
"""Most rows that have room for queries below the bars and labels above them."""
MAX_MARKERS = 1200
CROWD = 300
"""Number of markers above which they are drawn smaller, and queries are not labelled."""
T = TypeVar("T")


def timeline(
    events: Iterable[Event],
    sessions: Iterable[Session] = (),
    *,
    gap: timedelta | str | None = None,
    late: Iterable[Late] = (),
    title: str | None = None,
    row: str = "user",
) -> Drawing:
    """Draw events in event time, one row per user, in the order in which users first appear.

    Args:
        events: The events, in any order. Of more than 12 users, the 12 with the most events are
            shown, and a note counts what is left out.
        sessions: Sessions, drawn as bars labelled with their click-through rates.
        gap: The gap that the sessions were cut with; each bar gets a hatched tail of this length.
        late: Late events, drawn hollow, whether or not `events` holds them too.
        title: The finding; by default, a count of what is drawn.
        row: The word before each user, if a row is not a person.

    Returns:
        A drawing whose `data` has one row per event, session and gap, by figure row from the top,
        then by start. Columns: `user` (string); `what`, one of "session", "gap", "app open",
        "search", "results", "click", or "late " and one of the last four (string); `start` and
        `end` (datetime64[us, UTC]; equal for an event); `label` (string, NA without one; a query
        is whole here, even if the figure shortens it).

    Raises:
        TypeError: Something is not an event, a Session, a Late or a duration.
        ValueError: `gap` is not from 0 to 366 days.
    """
    bars = _checked(sessions, Session, "sessions")
    lates = _checked(late, Late, "late")
    points = _events(events, lates)
    elements = [*session_elements(bars, gap), *points]
    counts = Counter({element.user: 0 for element in [*points, *elements]})
    counts.update(point.user for point in points)
    users, notes = busiest(counts, MAX_ROWS)
    order = {user: number for number, user in enumerate(users)}
    shown = [element for element in elements if element.user in order]
    shown.sort(key=lambda element: (order[element.user], element.start))
    if title is None:
        totals = [(len(counts), row), (len(bars), "session")]
        totals += [] if bars else [(len(points), "event")]
        totals += [(len(lates), "late event")]
        title = ", ".join(quantity(n, what) for n, what in totals if n) or "No events"
    with style():
        figure, remarks = _draw(shown, _layout(shown, users, row), plain(title), notes)
    description = "\n".join([*_describe(shown, users, row, bars), *notes, *remarks])
    return Drawing(figure, plain(title), description, _table(shown))


def _checked(values: Iterable[T], kind: type[T], name: str) -> list[T]:
    """Return a list of `values`; raise a TypeError unless each is a `kind`."""
    checked = check_list(values, name)
    for i, value in enumerate(checked):
        if not isinstance(value, kind):
            found = type(value).__name__
            raise TypeError(f"{name}[{i}]: expected a {kind.__name__}; found a {found}")
    return checked


def _events(events: Iterable[Event], lates: list[Late]) -> list[Element]:
    """Return each event once, in the order given, the late ones marked as late."""
    late_by: dict[str, list[timedelta]] = {}  # by repr, since a strange query may not be hashable
    for item in lates:
        late_by.setdefault(repr(item.event), []).append(item.late_by)
    elements = []
    for event in check_events(events):
        if late_by and (waiting := late_by.get(repr(event))):
            elements.append(event_element(event, waiting.pop(0)))
        else:
            elements.append(event_element(event))
    for item in lates:
        elements += [event_element(item.event, by) for by in late_by.pop(repr(item.event), [])]
    return elements


def _table(elements: list[Element]) -> pd.DataFrame:
    """Return the drawing's data."""
    # Arrow strings are UTF-8, which has no place for half of a surrogate pair.
    rows = [
        (_utf8(it.user), it.what, it.start, it.end, None if it.label is None else _utf8(it.label))
        for it in elements
    ]
    time = "datetime64[us, UTC]"
    dtypes = {"user": "string", "what": "string", "start": time, "end": time, "label": "string"}
    return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


class _Layout(NamedTuple):
    """Where everything stands, in points."""

    middle: dict[str, float]
    """The y of each user's row."""
    names: list[str]
    left: float
    scale: Scale
    pitch: float
    """Height of a row."""
    bar: float
    """Height of a session's bar."""
    is_low: bool
    """Whether rows have only one line of text, above the bar."""


def _layout(elements: list[Element], users: list[str], row: str) -> _Layout:
    """Lay out one row per user, and a time axis that holds all elements."""
    low = len(users) > FEW
    pitch, bar, down = (31.0, 15.0, 22.0) if low else (64.0, 26.0, 32.0)
    names = [fit(drawable(f"{row} {plain(user)}", TEXT), 110, TEXT) for user in users]
    left = max([60.0, *(text_width(name, TEXT) + MARGIN + 8 for name in names)])
    start = min((element.start for element in elements), default=EARLIEST)
    end = max((element.end for element in elements), default=EARLIEST)
    middle = {user: number * pitch + down for number, user in enumerate(users)}
    scale = time_scale(start, end, WIDTH - left - RIGHT)
    return _Layout(middle, names, left, scale, pitch, bar, low)


def _draw(
    elements: list[Element], layout: _Layout, title: str, notes: list[str]
) -> tuple[Figure, list[str]]:
    """Return the figure with `notes` below it, and further remarks for its description."""
    # Without labels above and below, low rows have more room for markers.
    bare = layout.is_low and not any(element.what == "session" for element in elements)
    height = layout.pitch - 6 if bare else layout.bar
    markers, most = place_markers(elements, layout.scale, layout.middle, height)
    kept = _thinned(markers)
    remarks = []
    if len(kept) < len(markers):
        remarks.append(
            f"{len(markers):,} events are drawn as {len(kept):,} markers, "
            "one for those of a kind that lie on top of each other."
        )
    depth = max(1, len(layout.middle)) * layout.pitch
    figure, axes = page(title, legend_handles(elements), notes + remarks, layout.left, depth)
    if elements:
        draw_time(axes, layout.scale)
    else:
        axes.set_xticks([])
        middle_x = layout.scale.width / 2
        axes.text(middle_x, layout.pitch / 2, "no events", ha="center", va="center", font=TEXT)
    axes.set_yticks(list(layout.middle.values()), layout.names, font=TEXT)
    crowded = len(kept) > CROWD
    draw_markers(axes, kept, most * 0.75 if crowded else most)
    unlabelled: Counter[str] = Counter()
    for user in layout.middle:
        own = [element for element in elements if element.user == user]
        unlabelled["session"] += _draw_bars(axes, own, layout)
        unlabelled["query"] += _draw_queries(axes, own, layout, crowded)
    if missing := [quantity(n, what) for what, n in unlabelled.items() if n]:
        remarks.append(f"Without a label, for lack of room: {', '.join(missing)}.")
    return figure, remarks


def _thinned(markers: list[Marker]) -> list[Marker]:
    """Return all markers, or if they are too many, one for each kind and stretch of time."""
    kept, stretch = markers, 1.0
    while len(kept) > MAX_MARKERS:
        cells = {(what, y, x // stretch): Marker(what, x, y) for what, x, y in markers}
        kept, stretch = list(cells.values()), stretch * 2
    return kept


def _draw_bars(axes: Axes, elements: list[Element], layout: _Layout) -> int:
    """Draw one user's sessions and gaps; return how many sessions have no room for a label."""
    scale, height = layout.scale, layout.bar
    top = layout.middle[elements[0].user] - height / 2
    for gap in (element for element in elements if element.what == "gap"):
        start, end = scale.x(gap.start), scale.x(gap.end)
        axes.add_artist(Rectangle((start, top), end - start, height, zorder=1, **GAP_LOOK))
    sessions = [element for element in elements if element.what == "session"]
    crowd: list[float] = []  # where sessions begin that are too close for their labels
    unlabelled, free = 0, 0.0
    for before, bar, after in zip([None, *sessions], sessions, [*sessions[1:], None], strict=False):
        # A bar reaches a little beyond its events, unless it would meet its neighbour.
        start, end = scale.x(bar.start), scale.x(bar.end)
        left = max(start - 7, (scale.x(before.end) + start) / 2 if before else -inf)
        right = min(end + 7, (scale.x(after.start) + end) / 2 if after else inf)
        searched = bar.label != NO_SEARCH
        look = SESSION_LOOK if searched else NO_SEARCH_LOOK
        axes.add_artist(Rectangle((left, top), right - left, height, zorder=2, **look))
        crowd.append(left + 1)
        limit = (scale.x(after.start) - 7 if after else scale.width + RIGHT) - 4
        label, font = str(bar.label), STRONG if searched else SMALL
        if after and left + 1 + text_width(label, font) > limit:
            continue
        if len(crowd) > 1:
            label, font = quantity(len(crowd), "session"), SMALL
        x, width = crowd[0], text_width(label, font)
        if x + width > limit:  # there may be more room before it
            x = max(free, limit - width)
        if x + width <= limit:
            colour = COLOURS["ink"] if font is STRONG else COLOURS["note"]
            axes.text(x, top - 4, label, font=font, color=colour)
            free = x + width + 8
        else:
            unlabelled += len(crowd)
        crowd = []
    return unlabelled


def _draw_queries(axes: Axes, elements: list[Element], layout: _Layout, crowded: bool) -> int:
    """Draw one user's queries below the bars, or above in low rows; return how many lack room."""
    y = layout.middle[elements[0].user] + layout.bar / 2 + 3
    taken = layout.is_low and any(it.what == "session" for it in elements)
    if layout.is_low:
        y -= layout.bar + 17
    searches = [it for it in elements if it.what == "search" and plain(it.label or "")]
    if crowded or taken:
        return len(searches)
    queries = [_query(layout.scale.x(it.start) - 4, it) for it in searches]
    placed = place(queries, layout.scale.width)
    for x, text, font in placed:
        axes.text(x, y, text, font=font, color=COLOURS["search"], va="top")
    return len(searches) - len(placed)


def _query(x: float, search: Element) -> Label:
    """Return a query in italics, unless its script has none, as Arabic."""
    text = plain(search.label or "")
    font = QUERY if drawable(text, QUERY) == drawable(text, SMALL) else SMALL
    return Label(x, drawable(text, font), font)


class _Period(NamedTuple):
    """The time from the first event to the last one."""

    first: datetime
    last: datetime

    def when(self, time: datetime) -> str:
        """Return a time as precisely as the period needs."""
        short = self.last - self.first < timedelta(minutes=10)
        clock = clock_text(time) if short else f"{time:%H:%M:%S}"
        return clock if self.in_one_day() else f"{date_text(time)} {clock}"

    def in_one_day(self) -> bool:
        return self.first.date() == self.last.date()

    def __str__(self) -> str:
        begin = self.when(self.first)
        if self.in_one_day():
            begin = f"{date_text(self.first)}, {clock_text(self.first)}"
        return f"{begin} to {self.when(self.last)}"


def _describe(
    elements: list[Element], users: Iterable[str], row: str, sessions: list[Session]
) -> list[str]:
    """Return a line on the whole, then one for each user."""
    if not elements:
        return ["No events."]
    first = min(element.start for element in elements)
    last = max(element.end for element in elements if element.what != "gap")
    period = _Period(first, last)
    lines = [f"{period} (UTC), one row per {row}."]
    for user in users:
        own = [element for element in elements if element.user == user]
        theirs = sorted((s for s in sessions if s.user == user), key=lambda s: s.start)
        parts = _session_texts(theirs, period) if theirs else _event_texts(own)
        parts += _late_texts(own, period)
        lines.append(f"{row} {plain(user)}: {'; '.join(parts)}.")
    return lines


def _session_texts(sessions: list[Session], period: _Period) -> list[str]:
    """Describe one user's sessions one by one, or if they are many, together."""
    if len(sessions) > MAX_LISTED:
        searches, clicks = sum(s.searches for s in sessions), sum(s.clicks for s in sessions)
        start, end = period.when(sessions[0].start), period.when(sessions[-1].end)
        return [
            f"{len(sessions)} sessions from {start} to {end}, "
            f"{quantity(searches, 'search')}, {quantity(clicks, 'click')}"
        ]
    return [
        f"session {s.id} from {period.when(s.start)} to {period.when(s.end)}, "
        f"{quantity(s.searches, 'search')}, {quantity(s.clicks, 'click')}, {ctr_text(s)}"
        for s in sessions
    ]


def _event_texts(elements: list[Element]) -> list[str]:
    """Count one user's events that are on time, by kind; an empty list if there are none."""
    kinds = Counter(element.what for element in elements if "late" not in element.what)
    counts = [quantity(n, what.replace("results", "result list")) for what, n in kinds.items()]
    return [", ".join(counts)] if counts else []


def _late_texts(elements: list[Element], period: _Period) -> list[str]:
    """Describe one user's late events one by one, or if they are many, count them."""
    lates = [element for element in elements if element.what.startswith("late")]
    if len(lates) > MAX_LISTED:
        return [quantity(len(lates), "late event")]
    return [f"{late.what} at {period.when(late.start)}, {late.label}" for late in lates]
