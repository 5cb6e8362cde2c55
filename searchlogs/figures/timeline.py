"""The course's figures: who did what when, and what came of it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from math import inf
from typing import Any, NamedTuple, TypeVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.path import Path

from searchlogs.durations import check_duration
from searchlogs.events import EARLIEST, AppOpen, ClickResult, Event, Results, Search, check_event
from searchlogs.figures.page import (
    COLOURS,
    MARGIN,
    QUERY,
    RIGHT,
    SMALL,
    STRONG,
    TEXT,
    WIDTH,
    Drawing,
    Label,
    Scale,
    clock_words,
    count_words,
    date_words,
    draw_time,
    drawable,
    duration_words,
    fit,
    page,
    place,
    plain,
    style,
    text_width,
    time_scale,
)
from searchlogs.metrics import click_through_rate
from searchlogs.sessions import Late, Session

_BAR = Path([(-0.22, -1), (0.22, -1), (0.22, 1), (-0.22, 1), (-0.22, -1)])
LABELS = {AppOpen: "app open", Search: "search", Results: "results", ClickResult: "click"}
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
BARS = ("session", "gap")
MOST_ROWS = 12
MOST_MARKERS = 1200
CROWD = 300  # markers; more of them are drawn smaller, and let each other shine through
MOST_TOLD = 5
T = TypeVar("T")


def timeline(
    events: Iterable[Event],
    sessions: Iterable[Session] = (),
    *,
    gap: timedelta | None = None,
    late: Iterable[Late] = (),
    title: str | None = None,
    row: str = "user",
) -> Drawing:
    """Draw events in event time, a row for each user, in the order in which users first appear.

    `sessions` become bars, each with its click-through rate, and behind it a hatched tail as long
    as `gap`, the gap that they were cut with, where it is given. Events in `late` are drawn hollow,
    whether or not `events` holds them too. `title` states the finding; by default, it counts.
    Of more than 12 users, the 12 with the most events are shown, and what is left out is said.
    `row` is the word before each user, where something else than people stands in for them.

    The drawing's `data` has one row a thing, by figure row from the top, then by start: `user`
    (string); `what`: "session", "gap", "app open", "search", "results", "click", or "late " and one
    of the last four (string); `start` and `end` (datetime64[us, UTC]; equal for an event); `label`
    (string, NA without one; a query is whole here, even where the figure shortens it).

    Raises a TypeError where something is not an event, a Session, a Late or a timedelta.
    """
    bars = _checked(sessions, Session, "sessions")
    lates = _checked(late, Late, "late")
    points = _events(events, lates)
    things = [*_bars(bars, gap), *points]
    users = list(dict.fromkeys(thing.user for thing in [*points, *things]))
    weight = Counter(thing.user for thing in points)
    busiest = sorted(users, key=lambda user: -weight[user])[:MOST_ROWS]
    shown = {user: row for row, user in enumerate(u for u in users if u in set(busiest))}
    drawn = sorted(
        (thing for thing in things if thing.user in shown),
        key=lambda thing: (shown[thing.user], thing.start),
    )

    notes = []
    if hidden := len(users) - len(shown):
        rest = len(points) - sum(weight[user] for user in shown)
        notes.append(
            f"Shown are the {len(shown)} users with the most events; left out: "
            f"{count_words(hidden, 'user')} with {count_words(rest, 'event')}."
        )
    if title is None:
        counts = [(len(users), row), (len(bars), "session")]
        counts += [] if bars else [(len(points), "event")]
        counts += [(len(lates), "late event")]
        title = ", ".join(count_words(n, what) for n, what in counts if n) or "No events"
    with style():
        figure, remarks = _draw(drawn, shown, row, plain(title), notes)
    description = "\n".join([*_describe(drawn, shown, row, bars), *notes, *remarks])
    return Drawing(figure, plain(title), description, _table(drawn))


class _Thing(NamedTuple):
    """Something to draw: a row of `Drawing.data`."""

    user: str
    what: str
    start: datetime
    end: datetime
    label: str | None = None


def _checked(values: Iterable[T], kind: type[T], name: str) -> list[T]:
    """A list of `values`; a TypeError unless each is a `kind`."""
    checked = list(values)
    for i, value in enumerate(checked):
        if not isinstance(value, kind):
            raise TypeError(f"{name}[{i}] must be a {kind.__name__}; got a {type(value).__name__}")
    return checked


def _events(events: Iterable[Event], lates: list[Late]) -> list[_Thing]:
    """Each event once, in the order given: late ones as such, wherever they stand."""
    late_by: dict[str, list[timedelta]] = {}  # by repr, since a strange query may not be hashable
    for item in lates:
        late_by.setdefault(repr(item.event), []).append(item.late_by)
    things = []
    for i, event in enumerate(events):
        check_event(event, f"events[{i}]")
        if late_by and (waiting := late_by.get(repr(event))):
            things.append(_point(event, waiting.pop(0)))
        else:
            things.append(_point(event))
    for item in lates:
        things += [_point(item.event, by) for by in late_by.pop(repr(item.event), [])]
    return things


def _point(event: Event, late_by: timedelta | None = None) -> _Thing:
    what = next(name for kind, name in LABELS.items() if isinstance(event, kind))
    label = str(event.query) if isinstance(event, Search) else None
    if late_by is not None:
        what, label = f"late {what}", f"late by {duration_words(late_by)}"
    return _Thing(str(event.user), what, event.time, event.time, label)


def _bars(sessions: list[Session], gap: timedelta | None) -> Iterator[_Thing]:
    tail = check_duration("gap", gap) if gap is not None else timedelta(0)
    for session in sessions:
        yield _Thing(session.user, "session", session.start, session.end, _ctr(session))
        if tail:
            yield _Thing(session.user, "gap", session.end, session.end + tail, duration_words(tail))


def _ctr(session: Session) -> str:
    rate = click_through_rate(session)
    return NO_SEARCH if rate is None else f"CTR {round(rate, 2)}"


def _table(things: list[_Thing]) -> pd.DataFrame:
    # Arrow strings are UTF-8, which half of a surrogate pair has no place in.
    rows = [
        (_utf8(thing.user), *thing[1:4], None if thing.label is None else _utf8(thing.label))
        for thing in things
    ]
    time = "datetime64[us, UTC]"
    dtypes = {"user": "string", "what": "string", "start": time, "end": time, "label": "string"}
    return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _draw(
    things: list[_Thing], rows: dict[str, int], row_word: str, title: str, notes: list[str]
) -> tuple[Figure, list[str]]:
    """The figure with `notes` under it, and what else its description has to say."""
    pitch, bar = (72.0, 32.0) if len(rows) <= 5 else (58.0, 26.0)
    names = [fit(drawable(f"{row_word} {plain(user)}", TEXT), 110, TEXT) for user in rows]
    left = max([60.0, *(text_width(name, TEXT) + MARGIN + 8 for name in names)])
    start = min((thing.start for thing in things), default=EARLIEST)
    end = max((thing.end for thing in things), default=EARLIEST)
    scale = time_scale(start, end, WIDTH - left - RIGHT)
    middle = {user: (row + 0.5) * pitch for user, row in rows.items()}
    markers, most = _markers(things, scale, middle, bar)
    kept = _thinned(markers)
    remarks = []
    if len(kept) < len(markers):
        remarks.append(
            f"{len(markers):,} events are drawn as {len(kept):,} markers, "
            "one for those of a kind that lie on top of each other."
        )

    figure, axes = page(title, _legend(things), notes + remarks, left, max(1, len(rows)) * pitch)
    if things:
        draw_time(axes, scale)
    else:
        axes.set_xticks([])
        middle_x = scale.width / 2
        axes.text(middle_x, pitch / 2, "no events", ha="center", va="center", font=TEXT)
    axes.set_yticks(list(middle.values()), names, font=TEXT)
    crowd = len(kept) > CROWD
    _draw_markers(axes, kept, most * 0.75 if crowd else most)
    unlabelled: Counter[str] = Counter()
    for user, y in middle.items():
        own = [thing for thing in things if thing.user == user]
        unlabelled["session"] += _draw_bars(axes, own, scale, y, bar)
        searches = [thing for thing in own if thing.what == "search"]
        queries = (
            [] if crowd else [_query(scale.x(search.start) - 4, search) for search in searches]
        )
        placed = place([query for query in queries if query.text], scale.width)
        for x, text, font in placed:
            axes.text(x, y + bar / 2 + 3, text, font=font, color=COLOURS["search"], va="top")
        unlabelled["query"] += sum(bool(plain(search.label or "")) for search in searches) - len(
            placed
        )

    if missing := [count_words(n, what) for what, n in unlabelled.items() if n]:
        remarks.append(f"Without a label, for lack of room: {', '.join(missing)}.")
    return figure, remarks


def _draw_bars(axes: Axes, things: list[_Thing], scale: Scale, y: float, height: float) -> int:
    """One user's sessions and gaps; the number of sessions without room for a label comes back."""
    top = y - height / 2
    for gap in (thing for thing in things if thing.what == "gap"):
        start, end = scale.x(gap.start), scale.x(gap.end)
        axes.add_artist(Rectangle((start, top), end - start, height, zorder=1, **GAP_LOOK))
    unlabelled = 0
    sessions = [thing for thing in things if thing.what == "session"]
    for before, bar, after in zip([None, *sessions], sessions, [*sessions[1:], None], strict=False):
        # A bar reaches a little beyond its events, unless it would meet its neighbour.
        start, end = scale.x(bar.start), scale.x(bar.end)
        left = max(start - 7, (scale.x(before.end) + start) / 2 if before else -inf)
        right = min(end + 7, (scale.x(after.start) + end) / 2 if after else inf)
        searched = bar.label != NO_SEARCH
        look = SESSION_LOOK if searched else NO_SEARCH_LOOK
        axes.add_artist(Rectangle((left, top), right - left, height, zorder=2, **look))
        font, colour = (STRONG, COLOURS["ink"]) if searched else (SMALL, COLOURS["note"])
        limit = scale.x(after.start) - 7 if after else scale.width + RIGHT
        if left + 1 + text_width(str(bar.label), font) <= limit - 4:
            axes.text(left + 1, top - 4, str(bar.label), font=font, color=colour)
        else:
            unlabelled += 1
    return unlabelled


class _Marker(NamedTuple):
    what: str
    x: float
    y: float


def _markers(
    things: list[_Thing], scale: Scale, middle: dict[str, float], height: float
) -> tuple[list[_Marker], float]:
    """A marker for each event, and how big one may be.

    A user's markers lie on one line, or where those of two kinds would overlap, on a line a kind.
    """
    points = [
        _Marker(thing.what, scale.x(thing.start), middle[thing.user])
        for thing in things
        if thing.what not in BARS
    ]
    points.sort(key=lambda point: (point.y, point.x))
    if not any(a.y == b.y and a.what != b.what and b.x - a.x < 8 for a, b in pairwise(points)):
        return points, inf
    lane = {kind: (i - 1.5) * height / 4.2 for i, kind in enumerate(LABELS.values())}
    spread = [p._replace(y=p.y + lane[p.what.removeprefix("late ")]) for p in points]
    return spread, height / 4


def _thinned(markers: list[_Marker]) -> list[_Marker]:
    """All markers, or if they are too many, one for each kind and stretch of time."""
    kept, stretch = markers, 1.0
    while len(kept) > MOST_MARKERS:
        cells = {(what, y, x // stretch): _Marker(what, x, y) for what, x, y in markers}
        kept, stretch = list(cells.values()), stretch * 2
    return kept


def _draw_markers(axes: Axes, markers: list[_Marker], most: float) -> None:
    for zorder, what in enumerate(LOOKS, start=3):
        own = [marker for marker in markers if marker.what == what]
        if own:
            xs, ys = [marker.x for marker in own], [marker.y for marker in own]
            look = LOOKS[what] | {"markersize": min(LOOKS[what]["markersize"], most)}
            axes.plot(xs, ys, clip_on=False, zorder=zorder, **look)


def _legend(things: list[_Thing]) -> list[Line2D | Patch]:
    """A handle for each kind of thing that is there, and for nothing else."""
    there = {thing.what for thing in things}
    labels = {(thing.what, thing.label) for thing in things if thing.what in BARS}
    handles: list[Line2D | Patch] = [
        Line2D([], [], label=what, **look | {"markersize": min(look["markersize"], 11)})
        for what, look in LOOKS.items()
        if what in there
    ]
    if any(what == "session" and label != NO_SEARCH for what, label in labels):
        handles.append(Patch(label="session", **SESSION_LOOK))
    if ("session", NO_SEARCH) in labels:
        handles.append(Patch(label="session without a search", **NO_SEARCH_LOOK))
    handles += [Patch(label=f"gap, {text}", **GAP_LOOK) for what, text in labels if what == "gap"]
    return handles


def _query(x: float, search: _Thing) -> Label:
    """A query in italics, unless it is in a script that leans on none, such as Arabic."""
    text = plain(search.label or "")
    font = QUERY if drawable(text, QUERY) == drawable(text, SMALL) else SMALL
    return Label(x, drawable(text, font), font)


def _describe(
    things: list[_Thing], users: Iterable[str], row: str, sessions: list[Session]
) -> list[str]:
    """A line for the whole, then one for each user."""
    if not things:
        return ["No events."]
    first = min(thing.start for thing in things)
    last = max(thing.end for thing in things if thing.what != "gap")
    one_day, short = first.date() == last.date(), last - first < timedelta(minutes=10)

    def when(time: datetime) -> str:
        clock = clock_words(time) if short else f"{time:%H:%M:%S}"
        return clock if one_day else f"{date_words(time)} {clock}"

    span = f"{date_words(first)}, {clock_words(first)} to {when(last)}"
    lines = [f"{span if one_day else f'{when(first)} to {when(last)}'} (UTC), one row a {row}."]
    for user in users:
        own = [thing for thing in things if thing.user == user]
        theirs = sorted((s for s in sessions if s.user == user), key=lambda s: s.start)
        parts = []
        if len(theirs) > MOST_TOLD:
            searches, clicks = sum(s.searches for s in theirs), sum(s.clicks for s in theirs)
            parts = [
                f"{len(theirs)} sessions from {when(theirs[0].start)} to {when(theirs[-1].end)}, "
                f"{count_words(searches, 'search')}, {count_words(clicks, 'click')}"
            ]
        elif theirs:
            parts = [
                f"session {s.id} from {when(s.start)} to {when(s.end)}, "
                f"{count_words(s.searches, 'search')}, {count_words(s.clicks, 'click')}, {_ctr(s)}"
                for s in theirs
            ]
        else:
            kinds = Counter(thing.what for thing in own if "late" not in thing.what)
            parts = (
                [
                    ", ".join(
                        count_words(n, what.replace("results", "result list"))
                        for what, n in kinds.items()
                    )
                ]
                if kinds
                else []
            )
        lates = [thing for thing in own if thing.what.startswith("late")]
        if len(lates) > MOST_TOLD:
            parts.append(count_words(len(lates), "late event"))
        else:
            parts += [f"{t.what} at {when(t.start)}, {t.label}" for t in lates]
        lines.append(f"{row} {plain(user)}: {'; '.join(parts)}.")
    return lines
