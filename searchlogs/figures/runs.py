"""Runs of the engine beside each other: the watermark's picture, small, to compare."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from searchlogs.figures.elements import SESSION_LOOK, event_handles
from searchlogs.figures.observe import Run
from searchlogs.figures.page import (
    MARGIN,
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
_HEIGHT, _BETWEEN, _ABOVE = 120.0, 24.0, 34.0
"""Height of a panel, space between two panels, and space above them, in points."""


class _Case(NamedTuple):
    """A panel: what happened to one user in one run."""

    name: str
    run: Run
    user: str


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
        figure = _draw(cases, plain(title))
    lines = [f"Event time (UTC) by arrival, {date_text(cases[0].run.arrivals[0].event.time)}."]
    lines += map(_sentence, cases)
    return Drawing(figure, plain(title), "\n".join(lines), pd.concat(tables, ignore_index=True))


def _cases(runs: Mapping[str, Run]) -> Iterator[_Case]:
    for name, run in runs.items():
        users = list(dict.fromkeys(it.user for it in run.arrivals))
        for user in users:
            whose = [f"user {plain(user)}"] * (len(users) > 1)
            yield _Case(", ".join(filter(None, [plain(name), *whose])), run, user)


def _draw(cases: list[_Case], title: str) -> Figure:
    scale = _scale(cases)
    times, labels, date = ticks(scale)
    stride = -(-13 * len(times) // int(_HEIGHT))  # a line of text needs 13 points
    marks = list(zip(times, labels, strict=True))[::stride]
    left = max([44.0, *(text_width(label, SMALL) + 20 for label in labels)])
    width = (WIDTH - RIGHT - left + _BETWEEN) / len(cases) - _BETWEEN
    handles: list[Line2D | Patch] = event_handles(
        {it.look for case in cases for it in case.run.arrivals}
    )
    handles.append(Patch(label="session, once closed", **SESSION_LOOK))
    handles.append(Line2D([], [], label="watermark", **WATERMARK_LOOK))
    figure, axes = page(title, handles, [], left, _ABOVE + _HEIGHT)
    axes.axis("off")
    axes.text(MARGIN - left, 8, ", ".join(filter(None, ["event time (UTC)", date])), **NOTE)
    for number, case in enumerate(cases):
        start = number * (width + _BETWEEN)
        box = Box(start, _ABOVE, start + width, _ABOVE + _HEIGHT)
        panel = Panel(axes, case.run, case.user, scale, box)
        axes.text(start, _ABOVE - 8, fit(drawable(case.name, STRONG), width, STRONG), font=STRONG)
        panel.draw_grid([(up, "" if number else label) for up, label in marks], numbered=True)
        panel.draw(case.run.end, box.right + 8)
        axes.text(start + width / 2, box.bottom + 26, "arrival", ha="center", va="top", **NOTE)
    return figure


def _scale(cases: list[_Case]) -> Scale:
    """Return the axis of all panels, with room for bars at both ends, and labels above."""
    own = [it for case in cases for it in case.run.arrivals if it.user == case.user]
    start = min(min(it.event.time, it.watermark) for it in own)
    end = max(max(it.event.time, it.watermark) for it in own)
    point = (end - start) / (_HEIGHT - 52) or timedelta(seconds=0.1)
    return Scale(start - 26 * point, end + 26 * point, _HEIGHT)


def _sentence(case: _Case) -> str:
    """Return what happened in a panel."""
    run = case.run
    own = [it for it in run.arrivals if it.user == case.user]
    lates = [
        f"{run.when(it.event.time)} is late by {duration_text(it.late_by)}"
        for it in own
        if it.late_by is not None
    ]
    sessions = [session for it in own for session in it.closes]
    sessions += [session for session in run.at_end if session.user == case.user]
    parts = [f"{quantity(len(own), 'event')}, {len(lates)} late", *lates]
    parts += map(run.session_text, sessions)
    parts.append(f"the watermark ends at {run.when(own[-1].watermark)}")
    return f"{case.name or f'user {plain(case.user)}'}: {'; '.join(parts)}."
