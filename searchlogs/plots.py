"""Figures: who did what when, drawn the same on every machine, and told in words as well."""

import base64
import io
import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from html import escape
from itertools import pairwise
from math import inf
from textwrap import wrap
from typing import Any, Literal, NamedTuple, TypeVar

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import text_to_path

from searchlogs.events import EARLIEST, AppOpen, ClickResult, Event, Results, Search, check_event
from searchlogs.metrics import click_through_rate
from searchlogs.sessions import Late, Session, check_duration

# The set of Okabe and Ito, which colour-blind readers can tell apart: one colour a thing.
COLOURS = {
    "app open": "#6b7280",
    "search": "#0072b2",
    "results": "#56b4e9",
    "click": "#d55e00",
    "session": "#f0e442",
    "gap": "#b4bac4",
    "watermark": "#009e73",
    "late": "#cc79a7",
    "ink": "#1f2937",
    "note": "#6b7280",
    "grid": "#e5e7eb",
}

_BAR = Path([(-0.22, -1), (0.22, -1), (0.22, 1), (-0.22, 1), (-0.22, -1)])
KINDS = {AppOpen: "app open", Search: "search", Results: "results", ClickResult: "click"}
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

STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib
    "text.parse_math": False,  # a query may hold dollar signs
    "text.color": COLOURS["ink"],
    "hatch.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.edgecolor": COLOURS["grid"],
    "axes.grid": True,
    "axes.grid.axis": "x",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": COLOURS["grid"],
    "legend.frameon": False,
    "legend.borderpad": 0.2,
    "legend.borderaxespad": 0,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.6,
    "xtick.major.size": 0,
    "xtick.major.pad": 6,
    "xtick.labelcolor": COLOURS["note"],
    "ytick.major.size": 0,
    "ytick.major.pad": 6,
    "ytick.labelcolor": COLOURS["ink"],
    "svg.hashsalt": "searchlogs",
    "svg.fonttype": "path",
}

T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class Drawing:
    """A figure that Jupyter shows, what it shows in words, and what it shows as a table."""

    figure: Figure
    title: str
    description: str
    data: pd.DataFrame

    def __repr__(self) -> str:
        return f"{self.title}\n{self.description}"

    def svg(self) -> str:
        """The figure as SVG, the same bytes every time, with a title and a description."""
        buffer = io.StringIO()
        nothing = dict.fromkeys(["Creator", "Date", "Format", "Type"])
        with style():
            self.figure.savefig(buffer, format="svg", metadata=nothing)
        text = buffer.getvalue()
        # Hundredths of a point are too fine to see; the digits behind them only take space.
        text = re.sub(r'\b(?:[dxy]="|translate\()[^")]*', _rounded, text[text.index("<svg") :])
        words = f"<title>{escape(self.title)}</title>\n<desc>{escape(self.description)}</desc>"
        opening, rest = text.split(">", 1)
        return f'{opening} role="img">\n{words}{rest}'

    def png(self) -> bytes:
        """The figure as PNG, twice as fine as a page is wide."""
        buffer = io.BytesIO()
        with style():
            self.figure.savefig(buffer, format="png", dpi=180, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {
            "image/svg+xml": self.svg(),
            "image/png": base64.b64encode(self.png()).decode(),
            "text/plain": repr(self),
        }


def _hundredths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _rounded(match: re.Match[str]) -> str:
    return re.sub(r"-?\d+\.\d+", _hundredths, match[0])


@contextmanager
def style() -> Iterator[None]:
    """Draw and save inside: nobody's settings change our figures, nor ours anybody's."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)  # type: ignore[arg-type]
        yield


def timeline(
    events: Iterable[Event],
    sessions: Iterable[Session] = (),
    *,
    gap: timedelta | None = None,
    late: Iterable[Late] = (),
    title: str | None = None,
) -> Drawing:
    """Draw events in event time, a row for each user, in the order in which users first appear.

    `sessions` become bars, each with its click-through rate, and behind it a hatched tail as long
    as `gap`, the gap that they were cut with, where it is given. Events in `late` are drawn hollow,
    whether or not `events` holds them too. `title` states the finding; by default, it counts.
    Of more than 12 users, the 12 with the most events are shown, and what is left out is said.

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
            f"{_count(hidden, 'user')} with {_count(rest, 'event')}."
        )
    if title is None:
        counts = [(len(users), "user"), (len(bars), "session")]
        counts += [] if bars else [(len(points), "event")]
        counts += [(len(lates), "late event")]
        title = ", ".join(_count(n, what) for n, what in counts if n) or "No events"
    with style():
        figure, remarks = _draw(drawn, shown, _plain(title), notes)
    description = "\n".join([*_describe(drawn, shown, bars), *notes, *remarks])
    return Drawing(figure, _plain(title), description, _table(drawn))


# --- What there is to draw ---


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
    what = next(name for kind, name in KINDS.items() if isinstance(event, kind))
    label = str(event.query) if isinstance(event, Search) else None
    if late_by is not None:
        what, label = f"late {what}", f"late by {_duration(late_by)}"
    return _Thing(str(event.user), what, event.time, event.time, label)


def _bars(sessions: list[Session], gap: timedelta | None) -> Iterator[_Thing]:
    tail = check_duration("gap", gap) if gap is not None else timedelta(0)
    for session in sessions:
        yield _Thing(session.user, "session", session.start, session.end, _ctr(session))
        if tail:
            yield _Thing(session.user, "gap", session.end, session.end + tail, _duration(tail))


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


# --- The figure: all lengths are in points ---

WIDTH = 720.0
MARGIN = 10.0
RIGHT = 34.0  # of the axes, for half a tick label
MOST_ROWS = 12
MOST_MARKERS = 1200
CROWD = 300  # markers; more of them are drawn smaller, and let each other shine through


def _font(
    size: float, weight: str = "normal", style: Literal["normal", "italic"] = "normal"
) -> FontProperties:
    # All of it, for what is not said here is taken from the user's settings.
    return FontProperties(
        family="DejaVu Sans",
        style=style,
        variant="normal",
        weight=weight,
        stretch="normal",
        size=size,
    )


TITLE, TEXT, SMALL = _font(13, "bold"), _font(10.5), _font(9)
STRONG, QUERY = _font(9, "bold"), _font(9, style="italic")


class _Label(NamedTuple):
    x: float
    text: str
    font: FontProperties


def _draw(
    things: list[_Thing], rows: dict[str, int], title: str, notes: list[str]
) -> tuple[Figure, list[str]]:
    """The figure with `notes` under it, and what else its description has to say."""
    pitch, bar = (72.0, 32.0) if len(rows) <= 5 else (58.0, 26.0)
    names = [_fit(_drawable(f"user {_plain(user)}", TEXT), 110, TEXT) for user in rows]
    left = max([60.0, *(_width(name, TEXT) + MARGIN + 8 for name in names)])
    scale = _scale(things, WIDTH - left - RIGHT)
    middle = {user: (row + 0.5) * pitch for user, row in rows.items()}
    markers, most = _markers(things, scale, middle, bar)
    kept = _thinned(markers)
    remarks = []
    if len(kept) < len(markers):
        remarks.append(
            f"{len(markers):,} events are drawn as {len(kept):,} markers, "
            "one for those of a kind that lie on top of each other."
        )

    figure, axes = _page(title, _legend(things), notes + remarks, left, max(1, len(rows)) * pitch)
    _draw_time(axes, scale, bool(things))
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
        placed = _place([query for query in queries if query.text], scale.width)
        for x, text, font in placed:
            axes.text(x, y + bar / 2 + 3, text, font=font, color=COLOURS["search"], va="top")
        unlabelled["query"] += sum(bool(_plain(search.label or "")) for search in searches) - len(
            placed
        )

    if missing := [_count(n, what) for what, n in unlabelled.items() if n]:
        remarks.append(f"Without a label, for lack of room: {', '.join(missing)}.")
    return figure, remarks


def _page(
    title: str, legend: list[Line2D | Patch], notes: list[str], left: float, depth: float
) -> tuple[Figure, Axes]:
    """Empty axes, `left` from the edge and `depth` deep, whose y counts points from the top.

    Above them stand the title and the legend, below them the notes.
    """
    headline = wrap(_drawable(title, TITLE), 80)[:3]
    wide = sum(_width(str(handle.get_label()), SMALL) + 40 for handle in legend) > WIDTH - 20
    above = 40 + 18 * len(headline) + (18 if wide else 0)
    below = 54 + 14 * len(notes)
    height = above + depth + below
    figure = Figure(figsize=(WIDTH / 72, height / 72), facecolor="white")
    edge = MARGIN / WIDTH
    for i, line in enumerate(headline):
        line = _fit(line, WIDTH - 2 * MARGIN, TITLE)
        figure.text(edge, 1 - (22 + 18 * i) / height, line, font=TITLE)
    for i, note in enumerate(reversed(notes)):
        y = (9 + 14 * i) / height
        figure.text(edge, y, note, font=SMALL, color=COLOURS["note"])
    figure.legend(
        handles=legend,
        loc="upper left",
        bbox_to_anchor=(edge, 1 - (15 + 18 * len(headline)) / height),
        ncols=max(1, -(-len(legend) // (1 + wide))),
        prop=SMALL,
    )
    width = WIDTH - left - RIGHT
    box = (left / WIDTH, below / height, width / WIDTH, depth / height)
    return figure, figure.add_axes(box, xlim=(0, width), ylim=(depth, 0))


def _draw_time(axes: Axes, scale: "_Scale", filled: bool) -> None:
    """The time axis and its grid, or the words "no events"."""
    middle, bottom = scale.width / 2, axes.get_ylim()[0]
    if not filled:
        axes.set_xticks([])
        axes.text(middle, bottom / 2, "no events", ha="center", va="center", font=TEXT)
        return
    ticks, common = _ticks(scale)
    axes.set_xticks([scale.x(time) for time, _ in ticks], [label for _, label in ticks], font=SMALL)
    y = bottom + (36 if any("\n" in label for _, label in ticks) else 24)
    label = ", ".join(["event time (UTC)", *common])
    axes.text(middle, y, label, ha="center", va="top", font=SMALL, color=COLOURS["note"])


def _draw_bars(axes: Axes, things: list[_Thing], scale: "_Scale", y: float, height: float) -> int:
    """One user's sessions and gaps; the number of sessions without room for a label comes back."""
    top = y - height / 2
    for gap in (thing for thing in things if thing.what == "gap"):
        start, end = scale.x(gap.start), scale.x(gap.end)
        axes.add_patch(Rectangle((start, top), end - start, height, zorder=1, **GAP_LOOK))
    unlabelled = 0
    sessions = [thing for thing in things if thing.what == "session"]
    for before, bar, after in zip([None, *sessions], sessions, [*sessions[1:], None], strict=False):
        # A bar reaches a little beyond its events, unless it would meet its neighbour.
        start, end = scale.x(bar.start), scale.x(bar.end)
        left = max(start - 7, (scale.x(before.end) + start) / 2 if before else -inf)
        right = min(end + 7, (scale.x(after.start) + end) / 2 if after else inf)
        searched = bar.label != NO_SEARCH
        look = SESSION_LOOK if searched else NO_SEARCH_LOOK
        axes.add_patch(Rectangle((left, top), right - left, height, zorder=2, **look))
        font, colour = (STRONG, COLOURS["ink"]) if searched else (SMALL, COLOURS["note"])
        limit = scale.x(after.start) - 7 if after else scale.width + RIGHT
        if left + 1 + _width(str(bar.label), font) <= limit - 4:
            axes.text(left + 1, top - 4, str(bar.label), font=font, color=colour)
        else:
            unlabelled += 1
    return unlabelled


class _Marker(NamedTuple):
    what: str
    x: float
    y: float


def _markers(
    things: list[_Thing], scale: "_Scale", middle: dict[str, float], height: float
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
    lane = {kind: (i - 1.5) * height / 4.2 for i, kind in enumerate(KINDS.values())}
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


# --- Labels ---


def _query(x: float, search: _Thing) -> _Label:
    """A query in italics, unless it is in a script that leans on none, such as Arabic."""
    text = _plain(search.label or "")
    font = QUERY if _drawable(text, QUERY) == _drawable(text, SMALL) else SMALL
    return _Label(x, _drawable(text, font), font)


def _place(labels: list[_Label], width: float) -> list[_Label]:
    """Those labels of one line that find room, touching neither each other nor the end.

    Each is shortened where the next one begins, or where it gets long.
    """
    starts: list[_Label] = []
    for label in labels:
        if not starts or label.x >= starts[-1].x + min(_width(*starts[-1][1:]), SHORT) + 8:
            starts.append(label)
    placed: list[_Label] = []
    free = 0.0
    for (x, text, font), after in zip(starts, [*starts[1:], None], strict=False):
        end = after.x - 8 if after else width
        if not after:  # at the right end there is often more room before it than behind
            x = max(free, min(x, end - min(_width(text, font), 2 * SHORT)))
        if end - x >= min(_width(text, font), SHORT):
            placed.append(_Label(x, _fit(text, min(end - x, LONG), font), font))
            free = x + _width(*placed[-1][1:]) + 8
    return placed


SHORT, LONG = 40.0, 180.0  # no label is shortened to less than the one, or longer than the other


def _fit(text: str, width: float, font: FontProperties) -> str:
    """As much of the text as fits, with an ellipsis where that is not all."""
    if _width(text, font) <= width:
        return text
    lengths = range(1, len(text))
    fitting = bisect_right(lengths, width, key=lambda n: _width(text[:n].rstrip() + "…", font))
    return text[:fitting].rstrip() + "…"


@lru_cache(10_000)
def _width(text: str, font: FontProperties) -> float:
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


def _plain(text: str) -> str:
    """The text on one line, its first 100 characters, without any that XML forbids or that hide."""
    text = " ".join(text[:1000].split())
    text = text if len(text) <= 100 else text[:99] + "…"
    # Accents that stand alone can pile up to any height, and direction marks turn labels around.
    seen = (c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) not in UNSEEN)
    return "".join(c if c.isprintable() else SUBSTITUTE for c in seen)


UNSEEN = ("Cf", "Mn", "Me")
SUBSTITUTE = "□"


def _drawable(text: str, font: FontProperties) -> str:
    return "".join(c if ord(c) in _glyphs(font) else SUBSTITUTE for c in text)


@cache
def _glyphs(font: FontProperties) -> frozenset[int]:
    return frozenset(get_font(findfont(font)).get_charmap())


# --- Time ---


class _Scale(NamedTuple):
    """The time axis, from `start` to `end` over `width`."""

    start: datetime
    end: datetime
    width: float

    def x(self, time: datetime) -> float:
        return (time - self.start) / (self.end - self.start) * self.width


def _scale(things: list[_Thing], width: float) -> _Scale:
    """A time axis that holds all things, with some air around them."""
    start = min((thing.start for thing in things), default=EARLIEST)
    end = max((thing.end for thing in things), default=EARLIEST)
    air = (end - start) / 25 or timedelta(seconds=3)
    return _Scale(start - air, end + air, width)


SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
STEPS: list[timedelta | int] = [  # between ticks; an int is a number of months
    *(
        timedelta(microseconds=n * 10**k // 2)
        for k in range(6)
        for n in (2, 4, 5, 10)
        if k or n != 5
    ),
    *(n * SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in (1, 2, 4, 7, 14)),
    *(1, 2, 3, 6, 12, 24, 60, 120, 240, 600),
]
MONTHS = ["", "January", "February", "March", "April", "May", "June", "July", "August"]
MONTHS += ["September", "October", "November", "December"]
MONDAY = datetime(1900, 1, 1, tzinfo=UTC)


def _ticks(scale: _Scale) -> tuple[list[tuple[datetime, str]], list[str]]:
    """Round times with labels, and the date or the year that all of them have in common."""
    times: list[datetime] = []
    for step in STEPS:
        length = step if isinstance(step, timedelta) else step * 30 * DAY
        room = length / (scale.end - scale.start) * scale.width
        if room < scale.width / 12:
            continue
        times = [time for time in _times(scale, step) if scale.start <= time <= scale.end]
        words = [_tick_words(time, step) for time in times]
        whole = len({context for _, context in words}) == 1
        widest = max((_width(w, SMALL) for pair in words for w in pair[: 2 - whole]), default=0)
        if widest + 10 <= room:
            break
    if whole:
        common = _date(times[0]) if length < DAY else words[0][1]
        labels = [word for word, _ in words]
    else:
        common = ""
        news = [a != b for (_, a), (_, b) in pairwise([("", ""), *words])]
        labels = [
            f"{word}\n{context}" if new else word
            for (word, context), new in zip(words, news, strict=True)
        ]
    # Half of a label may stand out on the right, but not more than there is room.
    ticks = [
        (t, label)
        for t, label in zip(times, labels, strict=True)
        if scale.x(t) + widest / 2 < scale.width + RIGHT
    ]
    return ticks, [common] if common else []


def _times(scale: _Scale, step: timedelta | int) -> Iterator[datetime]:
    if isinstance(step, timedelta):
        time = MONDAY + (scale.start - MONDAY) // step * step
        while time <= scale.end:
            yield time
            time += step
    else:
        month = (scale.start.year * 12 + scale.start.month - 1) // step * step
        while month // 12 <= scale.end.year:
            yield datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
            month += step


def _tick_words(time: datetime, step: timedelta | int) -> tuple[str, str]:
    """What a tick says, and what it is part of, which is said where it changes."""
    month = MONTHS[time.month][:3]
    if isinstance(step, int):
        return (month, str(time.year)) if step < 12 else (str(time.year), "")
    if step >= DAY:
        return f"{time.day} {month}", str(time.year)
    if step >= MINUTE:
        clock = f"{time:%H:%M}"
    elif step >= SECOND:
        clock = f"{time:%H:%M:%S}"
    else:
        digits = len(f"{step / SECOND:f}".rstrip("0")) - 2
        clock = f"{time:%H:%M:%S.%f}"[: 9 + digits]
    return clock, f"{time.day} {month} {time.year}"


def _date(time: datetime) -> str:
    return f"{time.day} {MONTHS[time.month]} {time.year}"


def _clock(time: datetime) -> str:
    clock = f"{time:%H:%M:%S.%f}"
    return clock.rstrip("0") if time.microsecond else clock[:8]


def _duration(length: timedelta) -> str:
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if length >= unit and not length % unit:
            return f"{length // unit} {name}"
    return f"{length / SECOND:,.6f}".rstrip("0").rstrip(".") + " s"


# --- The same in words ---


def _describe(things: list[_Thing], users: Iterable[str], sessions: list[Session]) -> list[str]:
    """A line for the whole, then one for each user."""
    if not things:
        return ["No events."]
    first = min(thing.start for thing in things)
    last = max(thing.end for thing in things if thing.what != "gap")
    one_day, short = first.date() == last.date(), last - first < 10 * MINUTE

    def when(time: datetime) -> str:
        clock = _clock(time) if short else f"{time:%H:%M:%S}"
        return clock if one_day else f"{time.day} {MONTHS[time.month][:3]} {time.year} {clock}"

    span = f"{_date(first)}, {_clock(first)} to {when(last)}"
    lines = [f"{span if one_day else f'{when(first)} to {when(last)}'} (UTC), one row a user."]
    for user in users:
        own = [thing for thing in things if thing.user == user]
        theirs = sorted((s for s in sessions if s.user == user), key=lambda s: s.start)
        parts = []
        if len(theirs) > MOST_TOLD:
            searches, clicks = sum(s.searches for s in theirs), sum(s.clicks for s in theirs)
            parts = [
                f"{len(theirs)} sessions from {when(theirs[0].start)} to {when(theirs[-1].end)}, "
                f"{_count(searches, 'search')}, {_count(clicks, 'click')}"
            ]
        elif theirs:
            parts = [
                f"session {s.id} from {when(s.start)} to {when(s.end)}, "
                f"{_count(s.searches, 'search')}, {_count(s.clicks, 'click')}, {_ctr(s)}"
                for s in theirs
            ]
        else:
            kinds = Counter(thing.what for thing in own if "late" not in thing.what)
            parts = (
                [
                    ", ".join(
                        _count(n, what.replace("results", "result list"))
                        for what, n in kinds.items()
                    )
                ]
                if kinds
                else []
            )
        lates = [thing for thing in own if thing.what.startswith("late")]
        if len(lates) > MOST_TOLD:
            parts.append(_count(len(lates), "late event"))
        else:
            parts += [f"{t.what} at {when(t.start)}, {t.label}" for t in lates]
        lines.append(f"user {_plain(user)}: {'; '.join(parts)}.")
    return lines


MOST_TOLD = 5


def _count(n: int, what: str) -> str:
    """A number with its noun.

    >>> _count(2, "search"), _count(1, "click"), _count(3, "query")
    ('2 searches', '1 click', '3 queries')
    """
    plural = {"search": "searches", "query": "queries"}
    return f"{n:,} {what if n == 1 else plural.get(what, what + 's')}"
