"""A run that is killed and resumed: where it stood, what it wrote, and what is done again."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from searchlogs.events import Event
from searchlogs.figures.page import (
    COLOURS,
    DASHED,
    EDGE,
    HATCHED,
    LINE,
    MARGIN,
    RIGHT,
    SMALL,
    TEXT,
    WIDTH,
    Drawing,
    drawable,
    fit,
    page,
    plain,
    quantity,
    style,
    text_width,
    time_scale,
)
from searchlogs.sessions import Session

LEFT, DEPTH = 112.0, 232.0
_FIRST, _SECOND = 22.0, 144.0  # y of the rows of each run
_PARTS = ("source", "state", "output")
_ROW = 30.0  # from one part's row to the next
READ: dict[str, Any] = {"facecolor": COLOURS["results"], **EDGE}
AGAIN = HATCHED
COMPARED: dict[str, Any] = EDGE | {"facecolor": "white", "edgecolor": COLOURS["gap"]}
KEPT: dict[str, Any] = {"facecolor": COLOURS["session"], **EDGE}
HELD: dict[str, Any] = {"facecolor": "#f8f2a1", "hatch": "////", **EDGE}
WRONG: dict[str, Any] = {"facecolor": "#f6d3bd", "hatch": "xxxx", **EDGE}
CUT = DASHED
_POINT: dict[str, Any] = {
    "marker": "o", "linestyle": "none", "color": COLOURS["search"], "markersize": 8,
}  # fmt: skip
_AHEAD = _POINT | {"color": COLOURS["gap"]}
_PITCH = 66.0  # of the rows of users
SNAPSHOT: dict[str, Any] = LINE | {"color": COLOURS["watermark"]}
KILL: dict[str, Any] = LINE | {"color": COLOURS["click"]}


def epochs_plot(
    written: Sequence[int], held: Sequence[int], *, every: int, killed: int, title: str
) -> Drawing:
    """Draw source, state and output of a run that is killed, and of the run that resumes it.

    Args:
        written: Number of lines in the output before the first record, after each record, and
            after the end of the log.
        held: Number of open sessions in memory, at the same moments.
        every: Number of records from one snapshot to the next.
        killed: Number of records that the first run has read when it is killed.
        title: The finding.

    Returns:
        A drawing whose `data` has one row per record and one for the end. Columns: `record`, its
        number or "end"; `first_run`, "read" or empty; `open`, the number of open sessions after it;
        `lines`, the number of lines written then; `fate`, what the resume does with those lines:
        "kept", "cut off" or empty; `resume`: "compared", "read again" or "read".

    Raises:
        ValueError: `written` does not begin at 0, or falls, or holds no record; `held` is not as
            long; `every` is below 1; or `killed` is not the number of a record.
    """
    records = len(written) - 2
    if records < 1 or written[0] != 0 or list(written) != sorted(written):
        raise ValueError(f"written: expected counts from 0 that never fall; found {written}")
    if len(held) != len(written):
        raise ValueError(f"held: expected {len(written)} counts, as in written; found {len(held)}")
    if every < 1:
        raise ValueError(f"every: expected at least 1; found {every}")
    if not 1 <= killed <= records:
        raise ValueError(f"killed: expected a number from 1 to {records}; found {killed}")
    stored = killed // every * every
    table = _table(written, held, stored, killed)
    with style():
        legend: list[Line2D | Patch] = [
            Patch(label="read", **READ),
            Patch(label="read again", **AGAIN),
            Patch(label="only compared", **COMPARED),
            Patch(label="open session", **HELD),
            Patch(label="line of a session", **KEPT),
            Patch(label="line that the resume cuts off", **CUT),
            Line2D([], [], label="snapshot", **SNAPSHOT),
        ]
        figure, axes = page(title, legend, [], LEFT, DEPTH)
        axes.axis("off")
        _Rows(axes, table, every, stored, killed).draw()
    return Drawing(figure, plain(title), _describe(table, every, stored, killed), table)


def _table(written: Sequence[int], held: Sequence[int], stored: int, killed: int) -> pd.DataFrame:
    """Return the drawing's data; the last snapshot was made after `stored` records."""
    number = range(1, len(written))
    fates = ["kept" if n <= stored else "cut off" if n <= killed else "" for n in number]
    lines = [after - before for before, after in pairwise(written)]
    return pd.DataFrame(
        {
            "record": [*map(str, number[:-1]), "end"],
            "first_run": ["read" if n <= killed else "" for n in number],
            "open": held[1:],
            "lines": lines,
            "fate": [fate if n else "" for fate, n in zip(fates, lines, strict=True)],
            "resume": [
                "compared" if n <= stored else "read again" if n <= killed else "read"
                for n in number
            ],
        }
    )


def _describe(table: pd.DataFrame, every: int, stored: int, killed: int) -> str:
    """Return both runs as text."""
    cut = int(table.loc[table["fate"] == "cut off", "lines"].sum())
    kept = int(table.loc[table["fate"] == "kept", "lines"].sum())
    held, loaded = (table["open"][n - 1] if n else 0 for n in (killed, stored))
    return (
        f"{quantity(len(table) - 1, 'record')}, a snapshot after every {every}. The first run "
        f"is killed after record {killed}, with {quantity(held, 'open session')} "
        f"in memory and {quantity(kept + cut, 'line')} written. The resume compares records up to "
        f"{stored}, loads {quantity(loaded, 'open session')}, cuts off {quantity(cut, 'line')}, "
        f"reads on from record {stored + 1}, and ends with "
        f"{quantity(int(table['lines'].sum()), 'line')}."
    )


class _Rows:
    """The rows of both runs, one for each part."""

    def __init__(
        self, axes: Axes, table: pd.DataFrame, every: int, stored: int, killed: int
    ) -> None:
        self.axes, self.table = axes, table
        self.every, self.stored, self.killed = every, stored, killed
        self.step = (WIDTH - LEFT - RIGHT) / len(table)

    def draw(self) -> None:
        """Draw both runs."""
        for y, run in ((_FIRST, "first run"), (_SECOND, "resume")):
            for row, part in enumerate(_PARTS):
                name = f"{run}: {part}" if not row else part
                y_text = y + 12 + _ROW * row
                self.axes.text(-10, y_text, name, ha="right", va="center", font=TEXT)
        columns = ("record", "open", "lines", "resume")
        rows = zip(*(self.table[name] for name in columns), strict=True)
        for i, (record, held, number, resume) in enumerate(rows):
            if i < self.killed:
                self.record(i, _FIRST, record, READ)
                self.boxes(i, _FIRST + _ROW, held, HELD)
                self.boxes(i, _FIRST + 2 * _ROW, number, KEPT if i < self.stored else CUT)
            look = {"compared": COMPARED, "read again": AGAIN, "read": READ}[resume]
            self.record(i, _SECOND, record, look)
            if i >= self.stored - 1:  # What the snapshot holds is loaded; earlier states are not.
                self.boxes(i, _SECOND + _ROW, held, HELD)
            self.boxes(i, _SECOND + 2 * _ROW, number, KEPT)
        for n in range(self.every, len(self.table), self.every):
            self.mark(n, _FIRST if n <= self.killed else _SECOND, SNAPSHOT)
        if self.stored:
            self.mark(self.stored, _SECOND, SNAPSHOT)
        self.notes()

    def notes(self) -> None:
        """Draw the kill, with what it does to each part, and the name of the axis."""
        note: dict[str, Any] = {"font": SMALL, "color": COLOURS["note"]}
        middle = (WIDTH - LEFT - RIGHT) / 2
        self.axes.text(middle, DEPTH + 22, "records of the log, in order", ha="center", **note)
        x = self.mark(self.killed, _FIRST, KILL)
        text: dict[str, Any] = {"font": SMALL, "color": COLOURS["ink"], "va": "center"}
        for row, words in enumerate(("kill -9", "memory is gone", "the file stays")):
            self.axes.text(x + 6, _FIRST + 12 + _ROW * row, words, **text)

    def record(self, i: int, y: float, name: str, look: dict[str, Any]) -> None:
        """Draw a record as a box with its name."""
        self.axes.add_patch(Rectangle((i * self.step + 2, y), self.step - 4, 24, **look))
        bare = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
        box: dict[str, Any] = {"bbox": bare} if "hatch" in look else {}
        self.axes.text(
            (i + 0.5) * self.step, y + 12, name, ha="center", va="center", font=SMALL, **box
        )

    def boxes(self, i: int, y: float, number: int, look: dict[str, Any]) -> None:
        """Draw the sessions or the lines that belong to a record, below it."""
        wide = min(13.0, (self.step - 6) / max(1, number))
        start = (i + 0.5) * self.step - number * wide / 2
        for n in range(number):
            self.axes.add_patch(Rectangle((start + n * wide + 1, y + 5), wide - 2, 14, **look))

    def mark(self, after: int, y: float, look: dict[str, Any]) -> float:
        """Draw a vertical line after a record; return its x."""
        x = after * self.step
        self.axes.plot([x, x], [y - 7, y + 2 * _ROW + 25], **look)
        return x


def kill_plot(
    events: Sequence[Event],
    sessions: Sequence[Session],
    written: Sequence[Session],
    *,
    killed: int,
    title: str,
) -> Drawing:
    """Draw what a run had read, held in memory and written when it was killed.

    Args:
        events: The log, in order of time.
        sessions: The sessions of the events that were read.
        written: Those of the sessions that were in the output; the others were open.
        killed: Number of events that had been read.
        title: The finding.

    Returns:
        A drawing whose `data` has one row per event, in the order of the log. Columns: `user`
        (string), `time` (datetime64[us, UTC]) and `fate`: "written", "in memory" or "not read".

    Raises:
        ValueError: `events` are not in order of time, or `killed` leaves none on one side.
    """
    times = [event.time for event in events]
    if times != sorted(times):
        raise ValueError("events: expected them in order of time, since the kill is a moment")
    if not 1 <= killed < len(events):
        raise ValueError(f"killed: expected a number from 1 to {len(events) - 1}; found {killed}")
    fates = {id(event): "in memory" for event in events[:killed]}
    fates |= {id(event): "written" for session in written for event in session.events}
    rows = [(str(event.user), event.time, fates.get(id(event), "not read")) for event in events]
    data = pd.DataFrame(rows, columns=["user", "time", "fate"])
    data = data.astype({"user": "string", "time": "datetime64[us, UTC]", "fate": "string"})
    still_open = [session for session in sessions if session not in written]
    looks = [(session, KEPT) for session in written] + [(session, HELD) for session in still_open]
    with style():
        legend: list[Line2D | Patch] = [
            Patch(label="session that is written", **KEPT),
            Patch(label="open session, in memory", **HELD),
            Line2D([], [], label="search that was read", **_POINT),
            Line2D([], [], label="search not read yet", **_AHEAD),
            Line2D([], [], label="kill", **KILL),
        ]
        users = list(dict.fromkeys(str(event.user) for event in events))
        figure, axes = page(title, legend, [], 70, _PITCH * len(users))
        _draw_kill(axes, events, killed, looks, users)
    begun = "; ".join(f"user {one.user} from {one.start:%H:%M:%S}" for one in still_open)
    description = (
        f"{quantity(len(events), 'event')}, killed after event {killed}: "
        f"{quantity(len(written), 'session')} written, {len(still_open)} open "
        f"({begun or 'none'}), {quantity(len(events) - killed, 'event')} not read yet."
    )
    return Drawing(figure, plain(title), description, data)


def _draw_kill(
    axes: Axes,
    events: Sequence[Event],
    killed: int,
    looks: Sequence[tuple[Session, dict[str, Any]]],
    users: Sequence[str],
) -> None:
    """Draw sessions as bars, events as markers with their seconds, and the kill as a line."""
    times = [event.time for event in events]
    scale = time_scale(times[0], times[-1], WIDTH - 70 - RIGHT)
    axes.grid(False)
    axes.set_xticks([])  # each marker has its second beside it
    axes.set_xlabel("seconds since the first search", font=SMALL, color=COLOURS["note"])
    middle = {user: (number + 0.5) * _PITCH for number, user in enumerate(users)}
    axes.set_yticks([*middle.values()], [f"user {plain(user)}" for user in users], font=TEXT)
    for session, look in looks:
        start, end = scale.x(session.start) - 6, scale.x(session.end) + 6
        axes.add_patch(Rectangle((start, middle[session.user] - 15), end - start, 30, **look))
    # Between two events there may be no room for the line: seconds are written over it.
    box = {"boxstyle": "square,pad=0.25", "facecolor": "white", "edgecolor": "none"}
    free: dict[float, float] = {}
    for number, event in enumerate(events):
        x, y = scale.x(event.time), middle[str(event.user)]
        axes.plot(x, y, **(_POINT if number < killed else _AHEAD))
        second = f"{(event.time - times[0]).total_seconds():g}"
        half = text_width(second, SMALL) / 2 + 2
        side = 25 if x - half >= free.get(y, 0) else -25  # above, if there is no room below
        free[y] = x + half
        axes.text(x, y + side, second, ha="center", va="center", font=SMALL, bbox=box)
    x = scale.x(times[killed - 1] + (times[killed] - times[killed - 1]) / 2)
    axes.plot([x, x], [0, _PITCH * len(users)], zorder=1, **KILL)


def outputs_plot(right: Sequence[str], outputs: Mapping[str, Sequence[str]], title: str) -> Drawing:
    """Draw how often each line is in each output, beside the lines that should be there.

    Args:
        right: The lines that should be there, each of them once.
        outputs: The lines of each output, by its name.
        title: The finding.

    Returns:
        A drawing whose `data` has one row per line, the right ones first. Columns: `line`
        (string), `right` (bool), and for each output how often it has the line (int64).

    Raises:
        ValueError: `right` has a line twice, or there is no output.
    """
    if len(set(right)) < len(right) or not outputs:
        raise ValueError("right and outputs: expected each right line once, and an output")
    counts = {name: Counter(lines) for name, lines in outputs.items()}
    lines = list(dict.fromkeys([*right, *(line for own in outputs.values() for line in own)]))
    data = pd.DataFrame({"line": lines, "right": [line in right for line in lines]})
    data = data.astype({"line": "string"})
    data = data.assign(**{name: [count[line] for line in lines] for name, count in counts.items()})
    with style():
        legend: list[Line2D | Patch] = [
            Patch(label="line", **KEPT),
            Patch(label="missing line", **CUT),
            Patch(label="wrong line", **WRONG),
        ]
        names = [fit(drawable(plain(line), TEXT), 180, TEXT) for line in lines]
        left = max(text_width(name, TEXT) for name in names) + 2 * MARGIN
        figure, axes = page(title, legend, [], left, 44 + 24 * len(lines))
        axes.axis("off")
        for i, name in enumerate(names):
            axes.text(-MARGIN, 56 + 24 * i, name, ha="right", va="center", font=TEXT)
        wide = (WIDTH - left - RIGHT) / len(outputs)
        for column, (name, count) in enumerate(counts.items()):
            x, total = column * wide + 10, quantity(count.total(), "line")
            axes.text(x, 14, fit(plain(name), wide - 16, TEXT), va="center", font=TEXT)
            axes.text(x, 32, total, va="center", font=SMALL, color=COLOURS["note"])
            for i, line in enumerate(lines):
                _draw_count(axes, (x, 49 + 24 * i), _judge(count[line], line in right))
    told = [_tell(name, count, right) for name, count in counts.items()]
    return Drawing(figure, plain(title), "\n".join(told), data)


class _Count(NamedTuple):
    """How a number of equal lines is drawn."""

    boxes: int
    look: dict[str, Any]
    words: str


def _judge(number: int, right: bool) -> _Count:
    """Return how `number` equal lines are drawn, in an output that should have one or none."""
    if not right:
        return _Count(number, WRONG, "wrong" if number else "")
    if not number:
        return _Count(1, CUT, "missing")
    return _Count(number, KEPT, "twice" if number == 2 else f"{number} times" * (number > 2))


def _draw_count(axes: Axes, corner: tuple[float, float], count: _Count) -> None:
    """Draw equal lines as boxes, with what is wrong with them behind."""
    x, y = corner
    for n in range(count.boxes):
        axes.add_patch(Rectangle((x + 26 * n, y), 22, 14, **count.look))
    axes.text(x + 26 * count.boxes + 4, y + 7, count.words, va="center", font=SMALL)


def _tell(name: str, count: Counter[str], right: Sequence[str]) -> str:
    """Return in words what is wrong with one output."""
    found = {
        "more than once": [line for line in right if count[line] > 1],
        "missing": [line for line in right if not count[line]],
        "wrong": [line for line in count if line not in right],
    }
    parts = [f"{what}: {', '.join(lines)}" for what, lines in found.items() if lines]
    return f"{plain(name)}: {quantity(count.total(), 'line')}; {'; '.join(parts) or 'all right'}."
