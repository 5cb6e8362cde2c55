"""A rate per group with its confidence interval, against the rate of all."""

import pandas as pd
from matplotlib.ticker import MaxNLocator

from searchlogs.figures.charts import DEPTH
from searchlogs.figures.page import COLOURS, SMALL, STRONG, Drawing, page, plain, style


def intervals(rates: pd.DataFrame, whole: float, title: str, x: str) -> Drawing:
    """Draw a rate per group as a dot with its interval, and the rate of all as a dashed line.

    Args:
        rates: One row per group, in order, with the columns `ctr`, `low` and `high`; the index
            holds numbers, such as hours.
        whole: The rate of all groups together.
        title: The finding.
        x: What the index holds.

    Returns:
        A drawing whose `data` has one row per group: `group`, `ctr`, `low`, `high` (float64), and
        `contains` (bool): whether the interval contains the rate of all.

    Raises:
        ValueError: There are no groups.
    """
    if rates.empty:
        raise ValueError("rates: expected at least one row; found none")
    table = rates[["ctr", "low", "high"]].astype("float64").rename_axis("group").reset_index()
    table["contains"] = (table["low"] <= whole) & (whole <= table["high"])
    note = f"Dot: the CTR. Line: its interval. Dashed: the CTR of all, {_percent(whole)}."
    with style():
        figure, axes = page(title, [], [note], 60, DEPTH)
        axes.grid(True, axis="both")
        axes.set_xlim(table["group"].min() - 0.6, table["group"].max() + 0.6)
        shown = table["group"][:: -(-len(table) // 8)]
        axes.set_xticks(shown, [f"{mark:g}" for mark in shown], font=SMALL)
        bottom, top = table["low"].min() - 0.05, table["high"].max() + 0.05
        axes.set_ylim(bottom, top)
        marks = [mark for mark in MaxNLocator(5).tick_values(bottom, top) if bottom <= mark <= top]
        axes.set_yticks(marks, [f"{100 * mark:.0f} %" for mark in marks])
        axes.axhline(whole, color=COLOURS["ink"], linestyle="--", linewidth=1)
        axes.vlines(table["group"], table["low"], table["high"], color=COLOURS["search"])
        axes.plot(table["group"], table["ctr"], "o", color=COLOURS["search"])
        # Beyond the end of its interval, so that a label does not cross its neighbours' lines.
        for row, end, away, side in (
            (table["ctr"].argmin(), "low", -5, "top"),
            (table["ctr"].argmax(), "high", 5, "bottom"),
        ):
            axes.annotate(
                f"CTR {_percent(table['ctr'].iloc[row])}",
                (table["group"].iloc[row], table[end].iloc[row]),
                (0, away),
                textcoords="offset points",
                ha="center",
                va=side,
                font=STRONG,
            )
        axes.set_xlabel(x, font=SMALL, color=COLOURS["note"])
    texts = [
        f"{group:g}: {_percent(ctr)} ({100 * low:.1f} to {_percent(high)})"
        for group, ctr, low, high in table[["group", "ctr", "low", "high"]].to_numpy("float64")
    ]
    description = f"CTR by {x}, with its interval. {'; '.join(texts)}. All: {_percent(whole)}."
    return Drawing(figure, plain(title), description, table)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
