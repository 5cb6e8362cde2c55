"""Runs of the engine, one panel per user: below each other, or small ones to compare."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import accumulate
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from searchlogs.figures.elements import SESSION_LOOK, event_handles
from searchlogs.figures.observe import Arrival, Run
from searchlogs.figures.page import (
    MARGIN,
    MAX_LISTED,
    RIGHT,
    SMALL,
    STRONG,
    WIDTH,
    Drawing,
    Scale,
    date_text,
    drawable,
    duration_text,
    fit,
    page,
    plain,
    quantity,
    style,
    text_width,
    ticks,
)
from searchlogs.figures.panel import NOTE, WATERMARK_LOOK, Box, Panel

MAX_CASES = 3
_HEIGHT, _BETWEEN = 120.0, 24.0
"""Height of a small panel, and the space between two, in points."""


class Case(NamedTuple):
    """A panel: what happened to one user in one run."""

    name: str
    """What stands above the panel, or nothing."""
    run: Run
    user: str

    @property
    def arrivals(self) -> list[Arrival]:
        """The user's arrivals."""
        return [it for it in self.run.arrivals if it.user == self.user]

    def sentence(self, state: int) -> str:
        """Return what happened up to a number of arrivals."""
        run = self.run
        own = [it for it in self.arrivals if it.number <= state]
        lates = [
            f"arrival {it.number} at {run.when(it.event.time)} is late by "
            f"{duration_text(it.late_by)}"
            for it in own
            if it.late_by is not None
        ]
        closes = [
            f"{run.session_text(session)} closes at arrival {it.number}"
            for it in own
            for session in it.closes
        ]
        ends = [one for one in run.until(state).at_end if one.user == self.user]
        closes += [f"{run.session_text(session)} closes at the end" for session in ends]
        parts = [f"{quantity(len(own) - len(lates), 'event')} on time"]
        parts += filter(None, [listed(lates), listed(closes)])
        parts += [f"the watermark is at {run.when(it.watermark)}" for it in own[-1:]]
        return f"{self.name or f'user {plain(self.user)}'}: {'; '.join(parts)}."


def listed(parts: list[str]) -> str:
    """Join the parts with commas and an "and"; of many, the first, and the number of the others."""
    if len(parts) > MAX_LISTED:
        parts = [*parts[:MAX_LISTED], f"{len(parts) - MAX_LISTED} more"]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def runs_plot(runs: Mapping[str, Run], title: str) -> Drawing:
    """Draw runs beside each other, one panel per user of each run, on one axis of event time.

    Args:
        runs: What `watch` returns, by the name that stands above; together, they need one to
            three panels.
        title: The finding.

    Returns:
        A drawing whose `data` holds the table of `observe` for each run, one below the other, with
        the run's name in a first column, `run` (string).

    Raises:
        ValueError: There is nothing to draw, or there are more than three panels.
    """
    cases = list(_cases(runs))
    if not 1 <= len(cases) <= MAX_CASES:
        raise ValueError(
            f"runs: expected 1 to {MAX_CASES} panels, one per user; found {len(cases)}"
        )
    tables = [run.table() for run in runs.values()]
    for name, table in zip(runs, tables, strict=True):
        table.insert(0, "run", pd.Series([name] * len(table), dtype="string"))
    with style():
        figure, remarks = draw_cases(cases, plain(title), [], _HEIGHT)
    lines = [f"Event time (UTC) by arrival, {date_text(cases[0].run.arrivals[0].event.time)}."]
    lines += [case.sentence(case.run.end) for case in cases] + remarks
    return Drawing(figure, plain(title), "\n".join(lines), pd.concat(tables, ignore_index=True))


def _cases(runs: Mapping[str, Run]) -> Iterator[Case]:
    for name, run in runs.items():
        users = list(dict.fromkeys(it.user for it in run.arrivals))
        for user in users:
            whose = [f"user {plain(user)}"] * (len(users) > 1)
            yield Case(", ".join(filter(None, [plain(name), *whose])), run, user)


def draw_cases(
    cases: list[Case], title: str, notes: list[str], height: float, state: int | None = None
) -> tuple[Figure, list[str]]:
    """Draw panels on one axis of event time.

    Args:
        cases: The panels, at least one.
        title: The finding.
        notes: Lines of text below the panels.
        height: Height of a panel, in points.
        state: Number of arrivals to show, with the panels, all of one run, below each other; None
            for whole runs, beside each other.

    Returns:
        The figure, and the notes with all that the description must add.
    """
    scale = _scale(cases, height)
    times, labels, date = ticks(scale)
    stride = -(-13 * len(times) // int(height))  # a line of text needs 13 points
    marks = list(zip(times, labels, strict=True))[::stride]
    left = max([36.0, *(text_width(label, SMALL) + 20 for label in labels)])
    if any(it.watermark < scale.start for case in cases for it in case.arrivals):
        notes = [*notes, "Where no line is drawn, the watermark lies below the picture."]
    beside = len(cases) if state is None else 1
    width = (WIDTH - RIGHT - left + _BETWEEN) / beside - _BETWEEN
    above = 24 if any(case.name for case in cases) else 10
    depth = 16 + len(cases) // beside * (above + height)
    figure, axes = page(title, _legend(cases), notes, left, depth)
    axes.axis("off")
    axes.text(MARGIN - left, 8, ", ".join(filter(None, ["event time (UTC)", date])), **NOTE)
    unlabelled = 0
    for number, case in enumerate(cases):
        row, column = divmod(number, beside)
        start, bottom = column * (width + _BETWEEN), 16 + (row + 1) * (above + height)
        panel = Panel(
            axes, case.run, case.user, scale, Box(start, bottom - height, start + width, bottom)
        )
        name = fit(drawable(case.name, STRONG), width, STRONG)
        axes.text(start, bottom - height - 6, name, font=STRONG)
        is_lowest = bottom == depth
        panel.draw_grid([(up, "" if column else label) for up, label in marks], is_lowest)
        beyond = RIGHT - MARGIN if beside == 1 else 8
        unlabelled += panel.draw(case.run.end if state is None else state, start + width + beyond)
        if is_lowest:
            axes.text(start + width / 2, bottom + 26, "arrival", ha="center", va="top", **NOTE)
    if unlabelled:
        notes = [*notes, f"Left out for lack of room: {quantity(unlabelled, 'label')}."]
    return figure, notes


def _scale(cases: list[Case], height: float) -> Scale:
    """Return the time axis of all panels, with room for bars at both ends, and labels above."""
    own = [it for case in cases for it in case.arrivals]
    lowest = min(it.watermark for it in own)
    start = min(it.event.time for it in own)
    end = max(max(it.event.time, it.watermark) for it in own)
    # A long wait would press the events together at the top.
    start = min(start, max(lowest, start - (end - start) / 3) if end > start else lowest)
    point = (end - start) / (height - 50) or timedelta(seconds=0.1)
    return Scale(start - 24 * point, end + 26 * point, height)


def _legend(cases: list[Case]) -> list[Line2D | Patch]:
    """Return a handle for each kind of thing in the whole runs, so that stepping moves nothing."""
    arrivals = [it for case in cases for it in case.run.arrivals]
    handles = event_handles({it.look for it in arrivals})
    handles.append(Patch(label="session, once closed", **SESSION_LOOK))
    return [*handles, Line2D([], [], label=_watermark_name(cases), **WATERMARK_LOOK)]


def _watermark_name(cases: list[Case]) -> str:
    """Return what the legend calls the watermark; its formula, if it holds for every arrival."""
    (wait, *others) = {case.run.wait for case in cases}
    for case in cases:
        newest = accumulate((it.event.time for it in case.arrivals), max)
        if others or [it.watermark + wait for it in case.arrivals] != list(newest):
            return "watermark"
    return f"watermark = newest − wait ({duration_text(wait)})"
