"""A run that is killed and goes on: what is read again, and which lines are written again."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from searchlogs.figures.page import (
    COLOURS,
    EDGE,
    RIGHT,
    SMALL,
    TEXT,
    WIDTH,
    Drawing,
    page,
    plain,
    quantity,
    style,
)

LEFT, DEPTH = 112.0, 168.0
_FIRST, _SECOND = 22.0, 112.0  # where the rows of each run begin
READ: dict[str, Any] = {"facecolor": COLOURS["results"], **EDGE}
AGAIN: dict[str, Any] = {"facecolor": "#c3e3f6", "hatch": "////", **EDGE}
COMPARED: dict[str, Any] = {"facecolor": "white", "edgecolor": COLOURS["gap"], "linewidth": 0.9}
KEPT: dict[str, Any] = {"facecolor": COLOURS["session"], **EDGE}
CUT: dict[str, Any] = {"facecolor": "white", "linestyle": (0, (3, 2)), **EDGE}
SNAPSHOT: dict[str, Any] = {"color": COLOURS["watermark"], "linewidth": 2}
KILL: dict[str, Any] = {"color": COLOURS["click"], "linewidth": 2}


def epochs_plot(written: Sequence[int], *, every: int, killed: int, title: str) -> Drawing:
    """Draw a run that was killed once it had read `killed` records, and the run that goes on.

    `written` says how many lines are in the output before the first record, after it, and so on,
    and at the end of the log; a snapshot is made after every so many records. The drawing's `data`
    has a row a record, and one for the end: what the `first_run` did with it, how many of its
    `lines` were then written, and what became of them; what the `resume` did with it.

    Raises a ValueError where there is no such run.
    """
    records = len(written) - 2
    if records < 1 or written[0] != 0 or list(written) != sorted(written):
        raise ValueError(f"written must begin at 0 and never fall; got {written}")
    if every < 1 or not 1 <= killed <= records:
        raise ValueError(f"killed must be from 1 to {records}, every from 1; got {killed}, {every}")
    stored = killed // every * every
    table = _table(written, stored, killed)
    with style():
        legend: list[Line2D | Patch] = [
            Patch(label="read", **READ),
            Patch(label="read again", **AGAIN),
            Patch(label="only compared", **COMPARED),
            Patch(label="line of a session", **KEPT),
            Patch(label="line that the resume cuts off", **CUT),
            Line2D([], [], label="snapshot", **SNAPSHOT),
        ]
        figure, axes = page(title, legend, [], LEFT, DEPTH)
        axes.axis("off")
        _Rows(axes, table, every, stored, killed).draw()
    return Drawing(figure, plain(title), _words(table, every, stored, killed), table)


def _table(written: Sequence[int], stored: int, killed: int) -> pd.DataFrame:
    number = range(1, len(written))
    fates = ["kept" if n <= stored else "cut off" if n <= killed else "" for n in number]
    lines = [after - before for before, after in pairwise(written)]
    return pd.DataFrame(
        {
            "record": [*map(str, number[:-1]), "end"],
            "first_run": ["read" if n <= killed else "" for n in number],
            "lines": lines,
            "fate": [fate if n else "" for fate, n in zip(fates, lines, strict=True)],
            "resume": [
                "compared" if n <= stored else "read again" if n <= killed else "read"
                for n in number
            ],
        }
    )


def _words(table: pd.DataFrame, every: int, stored: int, killed: int) -> str:
    cut = int(table.loc[table["fate"] == "cut off", "lines"].sum())
    kept = int(table.loc[table["fate"] == "kept", "lines"].sum())
    return (
        f"{quantity(len(table) - 1, 'record')}, a snapshot after every {every}. The first run "
        f"is killed after record {killed}, with {quantity(kept + cut, 'line')} written. The "
        f"resume compares records up to {stored}, cuts off {quantity(cut, 'line')}, reads on "
        f"from record {stored + 1}, and ends with {quantity(int(table['lines'].sum()), 'line')}."
    )


class _Rows:
    """The four rows of the figure."""

    def __init__(
        self, axes: Axes, table: pd.DataFrame, every: int, stored: int, killed: int
    ) -> None:
        self.axes, self.table = axes, table
        self.every, self.stored, self.killed = every, stored, killed
        self.step = (WIDTH - LEFT - RIGHT) / len(table)

    def draw(self) -> None:
        for y, names in ((_FIRST, ("first run reads", "the file holds")),
                         (_SECOND, ("the resume reads", "the file holds"))):  # fmt: skip
            for row, name in enumerate(names):
                self.axes.text(-10, y + 12 + 30 * row, name, ha="right", va="center", font=TEXT)
        rows = zip(*(self.table[name] for name in ("record", "lines", "resume")), strict=True)
        for i, (record, number, resume) in enumerate(rows):
            if i < self.killed:
                self.record(i, _FIRST, record, READ)
                self.lines(i, _FIRST, number, KEPT if i < self.stored else CUT)
            look = {"compared": COMPARED, "read again": AGAIN, "read": READ}[resume]
            self.record(i, _SECOND, record, look)
            self.lines(i, _SECOND, number, KEPT)
        for n in range(self.every, len(self.table), self.every):
            self.mark(n, _FIRST if n <= self.killed else _SECOND, SNAPSHOT)
        if self.stored:
            self.mark(self.stored, _SECOND, SNAPSHOT)
        note: dict[str, Any] = {"font": SMALL, "color": COLOURS["note"]}
        middle = (WIDTH - LEFT - RIGHT) / 2
        self.axes.text(middle, DEPTH + 22, "records of the log, in order", ha="center", **note)
        x = self.mark(self.killed, _FIRST, KILL)
        said: dict[str, Any] = {"font": SMALL, "color": COLOURS["ink"], "va": "center"}
        self.axes.text(x + 6, _FIRST + 12, "kill -9", **said)
        self.axes.text(x + 6, _FIRST + 42, "what was in memory is gone", **said)

    def record(self, i: int, y: float, name: str, look: dict[str, Any]) -> None:
        self.axes.add_patch(Rectangle((i * self.step + 2, y), self.step - 4, 24, **look))
        bare = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
        box: dict[str, Any] = {"bbox": bare} if "hatch" in look else {}
        self.axes.text(
            (i + 0.5) * self.step, y + 12, name, ha="center", va="center", font=SMALL, **box
        )

    def lines(self, i: int, y: float, number: int, look: dict[str, Any]) -> None:
        wide = min(13.0, (self.step - 6) / max(1, number))
        start = (i + 0.5) * self.step - number * wide / 2
        for n in range(number):
            self.axes.add_patch(Rectangle((start + n * wide + 1, y + 35), wide - 2, 14, **look))

    def mark(self, after: int, y: float, look: dict[str, Any]) -> float:
        x = after * self.step
        self.axes.plot([x, x], [y - 7, y + 55], **look)
        return x
