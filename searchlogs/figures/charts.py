"""Charts of numbers: bars, a histogram of pauses, a curve over durations."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from math import isnan, nan
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from searchlogs.events import Event
from searchlogs.figures.page import (
    COLOURS,
    HATCHED,
    LINE,
    MARGIN,
    SMALL,
    STRONG,
    TEXT,
    Drawing,
    drawable,
    duration_text,
    fit,
    page,
    plain,
    quantity,
    style,
    text_width,
)
from searchlogs.sessions import user_event

DEPTH = 190.0
"""Height of the axes, in points."""

VALLEY = 3
"""Fewest empty bars between two hills that make a valley."""

Reference = tuple[float, str]
"""Where a line stands for comparison, and its name."""


def bars(
    values: "pd.Series[float]", title: str, unit: str, reference: Reference | None = None
) -> Drawing:
    """Draw one bar per row, the last row on top, with its number behind it.

    Args:
        values: The numbers, by name; NA is labelled "undefined".
        title: The finding.
        unit: What the numbers count or measure.
        reference: A number to compare the bars with, and its name; drawn as a line.

    Returns:
        A drawing whose `data` has one row per bar, from the top: `name` (string) and `value`
        (float64).
    """
    lengths = values.astype("Float64").to_numpy("float64", na_value=nan)
    table = pd.DataFrame({"name": [plain(str(name)) for name in values.index], "value": lengths})
    table = table.astype({"name": "string"})[::-1].reset_index(drop=True)
    numbers = ["undefined" if isnan(value) else f"{value:,.6g}" for value in table["value"]]
    with style():
        names = [fit(drawable(name, TEXT), 230, TEXT) for name in table["name"]]
        left = max((text_width(name, TEXT) for name in names), default=0) + 2 * MARGIN
        depth = 26.0 * max(1, len(names))
        figure, axes = page(title, _legend(reference), [], left, depth)
        axes.grid(False)
        longest = max([*table["value"].dropna(), *([reference[0]] if reference else [])], default=1)
        axes.set_xlim(0, 1.18 * longest or 1)
        middle = [26 * row + 13 for row in range(len(names))]
        # A bar that is not zero is seen, however short it is.
        drawn = table["value"].where(table["value"] == 0, table["value"].clip(lower=longest / 250))
        axes.barh(middle, drawn, height=17, color=COLOURS["search"])
        if reference:
            axes.axvline(reference[0], **LINE)
        for y, value, number in zip(middle, table["value"], numbers, strict=True):
            axes.annotate(
                number,
                (0 if isnan(value) else value, y),
                (5, 0),
                textcoords="offset points",
                va="center",
                bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"},
            )
        axes.set_yticks(middle, names, font=TEXT)
        axes.set_xticks([])  # each bar has its number behind it
        _label(axes, unit)
    texts = "; ".join(f"{name}: {number}" for name, number in zip(names, numbers, strict=True))
    words = f"Bars, {unit}. {texts}."
    if reference:
        words += f" A line at {reference[0]:,.6g}: {reference[1]}."
    return Drawing(figure, plain(title), words, table)


def parts_plot(table: pd.DataFrame, title: str, unit: str) -> Drawing:
    """Draw one bar per row, made of two parts side by side, with their numbers in them.

    Args:
        table: Numbers from 0; each row is a bar, the first on top, and its two columns its parts.
        title: The finding.
        unit: What the numbers count or measure.

    Returns:
        A drawing whose `data` is the table, as float64.
    """
    table = table.astype("float64")
    looks = ({"color": COLOURS["search"]}, HATCHED)
    with style():
        names = [fit(drawable(plain(str(name)), TEXT), 200, TEXT) for name in table.index]
        left = max((text_width(name, TEXT) for name in names), default=0) + 2 * MARGIN
        legend: list[Line2D | Patch] = [
            Patch(label=plain(str(name)), **look)
            for name, look in zip(table.columns, looks, strict=True)
        ]
        figure, axes = page(title, legend, [], left, 40.0 * len(names))
        axes.grid(False)
        axes.set_xlim(0, table.sum(axis=1).max())
        middle = [40 * row + 20 for row in range(len(names))]
        begin = table.iloc[:, 0] * 0
        text: dict[str, Any] = {"ha": "center", "va": "center", "font": STRONG}
        back = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none"}
        for name, look in zip(table.columns, looks, strict=True):
            axes.barh(middle, table[name], left=begin, height=24, **look)
            begin += table[name]
        for y, (first, second) in zip(middle, table.to_numpy(), strict=True):
            axes.text(first / 2, y, f"{first:,.4g}", color="white", **text)
            axes.text(first + second / 2, y, f"{second:,.4g}", bbox=back, **text)
        axes.set_yticks(middle, names, font=TEXT)
        axes.set_xticks([])
        _label(axes, unit)
    texts = [
        f"{name}: " + ", ".join(f"{part} {number:,.4g}" for part, number in row.items())
        for name, row in zip(names, table.to_dict("records"), strict=True)
    ]
    return Drawing(figure, plain(title), f"Bars, {unit}. {'; '.join(texts)}.", table)


def _legend(reference: Reference | None) -> list[Line2D | Patch]:
    """Return the legend of a line for comparison."""
    return [Line2D([], [], label=reference[1], **LINE)] if reference else []


def pause_histogram(
    events: Iterable[Event], title: str, reference: Reference | None = None
) -> Drawing:
    """Draw how long the pauses are from each event of a user to their next, on a logarithmic axis.

    Args:
        events: The events, in any order.
        title: The finding.
        reference: A duration in seconds, such as the gap, and its name; drawn as a line.

    Returns:
        A drawing whose `data` has one row per bar: `over` and `up_to`, the pauses' lengths in
        seconds, and `pauses`, their number. Shorter and longer pauses than the axis has, equal
        times among them, are counted in the first and the last bar. If at least three empty bars
        lie between others, the widest such stretch is marked as a valley.
    """
    times: dict[str, list[float]] = {}
    for event in events:
        times.setdefault(user_event(event)[0], []).append(event.time.timestamp())
    pauses = [b - a for own in times.values() for a, b in pairwise(sorted(own))]
    edges = np.array([10 ** (tenth / 5) for tenth in range(-5, 31)])
    x = "pause from one event of a user to the next"
    return _histogram(pauses, edges, title, x, reference)


def hours_histogram(pauses: Iterable[timedelta], title: str, x: str) -> Drawing:
    """Draw how long pauses of hours and days are, on a logarithmic axis with narrow bars.

    Args:
        pauses: The pauses' lengths.
        title: The finding.
        x: What a pause is.

    Returns:
        A drawing whose `data` has the columns of that of `pause_histogram`. Pauses shorter than 20
        minutes and longer than nine days are counted in the first and the last bar.
    """
    edges = np.array([1200 * 2 ** (third / 3) for third in range(29)])
    return _histogram([pause.total_seconds() for pause in pauses], edges, title, x)


def _histogram(
    pauses: list[float],
    edges: "np.ndarray",
    title: str,
    x: str,
    reference: Reference | None = None,
) -> Drawing:
    """Draw the number of pauses between each two edges, in seconds."""
    counts, _ = np.histogram(np.clip(pauses, edges[0], edges[-1]), edges)
    valley = _valley(counts)
    table = pd.DataFrame({"over": edges[:-1], "up_to": edges[1:], "pauses": counts})
    used = table[table["pauses"] > 0]
    with style():
        figure, axes = page(title, _legend(reference), [], 60, DEPTH)
        _from_zero(axes, (1.12 if valley else 1) * max(1, counts.max()), integer=True)
        axes.bar(
            edges[:-1],
            counts,
            np.diff(edges),
            align="edge",
            color=COLOURS["search"],
            edgecolor="white",
        )
        _time_axis(axes, edges[0], max(used["up_to"].max(), 7200) if len(used) else 7200)
        _label(axes, x, "pauses")
        if reference:
            axes.axvline(reference[0], **LINE)
        if valley:
            _mark_valley(axes, edges, counts, valley)
    texts = [
        f"{pauses} from {_seconds(over)} to {_seconds(up_to)}"
        for over, up_to, pauses in zip(used["over"], used["up_to"], used["pauses"], strict=True)
    ]
    description = f"{len(pauses):,} pauses: {', '.join(texts) or 'none'}."
    if valley:
        start, end = (_seconds(edges[place]) for place in valley)
        description += f" Between two hills lies a valley without a pause, from {start} to {end}."
    if reference:
        description += f" A line at {_seconds(reference[0])}: {reference[1]}."
    return Drawing(figure, plain(title), description, table)


def _valley(counts: "np.ndarray") -> tuple[int, int] | None:
    """Return where the widest stretch of empty bars between others begins and ends, if any."""
    used = np.flatnonzero(counts)
    gaps = [(int(a) + 1, int(b)) for a, b in pairwise(used) if b - a > VALLEY]
    return max(gaps, key=lambda gap: gap[1] - gap[0], default=None)


def _mark_valley(
    axes: Axes, edges: "np.ndarray", counts: "np.ndarray", valley: tuple[int, int]
) -> None:
    """Shade the valley, and write above each hill how many pauses it holds."""
    start, end = valley
    axes.axvspan(edges[start], edges[end], color=COLOURS["grid"], linewidth=0, zorder=0)
    used = np.flatnonzero(counts)
    spans = ((used[0], start), (start, end), (end, used[-1] + 1))
    for first, last in spans:
        number = int(counts[first:last].sum())
        name = quantity(number, "pause") if number else "valley"
        middle = float(np.sqrt(edges[first] * edges[last]))
        height = max(counts[first:last]) or max(counts) / 2
        axes.text(middle, height, name, ha="center", va="bottom", font=STRONG)


def curve(
    values: "pd.Series[float]",
    title: str,
    x: str,
    y: str,
    guess: tuple[float, float] | None = None,
    reference: Reference | None = None,
) -> Drawing:
    """Draw values over durations, on a logarithmic axis.

    Args:
        values: The values; the index holds the durations, in seconds.
        title: The finding.
        x: Name of the horizontal axis.
        y: Name of the vertical axis.
        guess: Seconds and value of a learner's guess, drawn as a hollow diamond.
        reference: A duration in seconds, and its name; drawn as a line.

    Returns:
        A drawing whose `data` has one row per value: `seconds` and `value` (float64).
    """
    table = pd.DataFrame({"seconds": [*values.index], "value": [*values]}, dtype="float64")
    with style():
        figure, axes = page(title, _legend(reference), [], 60, DEPTH)
        axes.grid(True, axis="both")
        if reference:
            axes.axvline(reference[0], zorder=1, **LINE)
        top = max(table["value"].max(), guess[1] if guess else 0, 0) or 1
        _from_zero(axes, top)
        axes.plot(table["seconds"], table["value"], "o-", color=COLOURS["search"], clip_on=False)
        if guess:
            _guess(axes, guess, np.interp(guess[0], table["seconds"], table["value"]))
        _time_axis(axes, table["seconds"].min(), table["seconds"].max() * 1.3)
        _label(axes, x, y)
    texts = [
        f"{_seconds(seconds)}: {value:.3g}"
        for seconds, value in zip(table["seconds"], table["value"], strict=True)
    ]
    description = f"{y} by {x}. {'; '.join(texts)}."
    if guess:
        description += f" Your guess: {guess[1]:.3g} at {_seconds(guess[0])}."
    if reference:
        description += f" A line at {_seconds(reference[0])}: {reference[1]}."
    return Drawing(figure, plain(title), description, table)


def _guess(axes: Axes, guess: tuple[float, float], value: float) -> None:
    """Draw a guess beside a rising curve, its words on the side where the curve is not."""
    above = guess[1] > value
    point = (guess[0], max(guess[1], 0))
    axes.plot(*point, "D", color=COLOURS["ink"], markerfacecolor="white", markersize=9)
    axes.annotate(
        "your guess",
        point,
        (-10 if above else 10, 0),
        textcoords="offset points",
        ha="right" if above else "left",
        va="center",
    )


def _seconds(number: float) -> str:
    """Return a number of seconds in its largest unit, with three digits."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g} s"


def _time_axis(axes: Axes, first: float, last: float) -> None:
    """Make the horizontal axis logarithmic, for seconds, with marks at familiar durations."""
    known = [0.1, 1, 10, 60, 600, 3600, 6 * 3600, 86400, 7 * 86400]
    if first > 600:  # An axis of hours has room for more of them.
        known = [3600 * hours for hours in (0.5, 1, 2, 4, 8, 12, 24, 48, 96, 192)]
    ticks = [tick for tick in known if first <= tick <= last]
    axes.set_xscale("log")
    axes.set_xlim(first / 1.3, last)  # so that the first mark clears the corner
    labels = [duration_text(timedelta(seconds=tick)) for tick in ticks]
    axes.set_xticks(ticks, labels, font=SMALL)
    axes.minorticks_off()


def _from_zero(axes: Axes, highest: float, integer: bool = False) -> None:
    """Let the vertical axis begin at zero."""
    top = 1.1 * highest
    ticks = [tick for tick in MaxNLocator(5, integer=integer).tick_values(0, top) if tick <= top]
    axes.set_yticks(ticks)
    axes.set_ylim(0, top)


def _label(axes: Axes, x: str, y: str = "") -> None:
    """Name the axes."""
    axes.set_xlabel(x, font=SMALL, color=COLOURS["note"])
    axes.set_ylabel(y, font=SMALL, color=COLOURS["note"])
