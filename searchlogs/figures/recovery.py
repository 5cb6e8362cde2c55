"""A run that is killed and resumed: which records are read, and which lines written, again."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from searchlogs.figures.page import (
    COLOURS,
    DASHED,
    EDGE,
    HATCHED,
    LINE,
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
_FIRST, _SECOND = 22.0, 112.0  # y of the rows of each run
READ: dict[str, Any] = {"facecolor": COLOURS["results"], **EDGE}
AGAIN = HATCHED
COMPARED: dict[str, Any] = EDGE | {"facecolor": "white", "edgecolor": COLOURS["gap"]}
KEPT: dict[str, Any] = {"facecolor": COLOURS["session"], **EDGE}
CUT = DASHED
SNAPSHOT: dict[str, Any] = LINE | {"color": COLOURS["watermark"]}
KILL: dict[str, Any] = LINE | {"color": COLOURS["click"]}


def epochs_plot(written: Sequence[int], *, every: int, killed: int, title: str) -> Drawing:
    """Draw a run that is killed, and the run that resumes it.

    Args:
        written: Number of lines in the output before the first record, after each record, and
            after the end of the log.
        every: Number of records from one snapshot to the next.
        killed: Number of records that the first run has read when it is killed.
        title: The finding.

    Returns:
        A drawing whose `data` has one row per record and one for the end. Columns: `record`, its
        number or "end"; `first_run`, "read" or empty; `lines`, the number of lines written then;
        `fate`, what the resume does with those lines: "kept", "cut off" or empty; `resume`:
        "compared", "read again" or "read".

    Raises:
        ValueError: `written` does not begin at 0, or falls, or holds no record; `every` is below
            1; or `killed` is not the number of a record.
    """
    records = len(written) - 2
    if records < 1 or written[0] != 0 or list(written) != sorted(written):
        raise ValueError(f"written: expected counts from 0 that never fall; found {written}")
    if every < 1:
        raise ValueError(f"every: expected at least 1; found {every}")
    if not 1 <= killed <= records:
        raise ValueError(f"killed: expected a number from 1 to {records}; found {killed}")
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
    return Drawing(figure, plain(title), _describe(table, every, stored, killed), table)


def _table(written: Sequence[int], stored: int, killed: int) -> pd.DataFrame:
    """Return the drawing's data; the last snapshot was made after `stored` records."""
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


def _describe(table: pd.DataFrame, every: int, stored: int, killed: int) -> str:
    """Return both runs as text."""
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
        """Draw both runs."""
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
        text: dict[str, Any] = {"font": SMALL, "color": COLOURS["ink"], "va": "center"}
        self.axes.text(x + 6, _FIRST + 12, "kill -9", **text)
        self.axes.text(x + 6, _FIRST + 42, "what was in memory is gone", **text)

    def record(self, i: int, y: float, name: str, look: dict[str, Any]) -> None:
        """Draw a record as a box with its name."""
        self.axes.add_patch(Rectangle((i * self.step + 2, y), self.step - 4, 24, **look))
        bare = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
        box: dict[str, Any] = {"bbox": bare} if "hatch" in look else {}
        self.axes.text(
            (i + 0.5) * self.step, y + 12, name, ha="center", va="center", font=SMALL, **box
        )

    def lines(self, i: int, y: float, number: int, look: dict[str, Any]) -> None:
        """Draw the lines that a record leads to, below it."""
        wide = min(13.0, (self.step - 6) / max(1, number))
        start = (i + 0.5) * self.step - number * wide / 2
        for n in range(number):
            self.axes.add_patch(Rectangle((start + n * wide + 1, y + 35), wide - 2, 14, **look))

    def mark(self, after: int, y: float, look: dict[str, Any]) -> float:
        """Draw a vertical line after a record; return its x."""
        x = after * self.step
        self.axes.plot([x, x], [y - 7, y + 55], **look)
        return x
