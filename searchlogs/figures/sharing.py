"""How many users share each query: what may be published, and what would name somebody."""

from typing import Any

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from searchlogs.figures.page import (
    COLOURS,
    EDGE,
    HATCHED,
    LINE,
    MARGIN,
    TEXT,
    Drawing,
    drawable,
    fit,
    page,
    plain,
    quantity,
    style,
    text_width,
)

MOST_QUERIES = 14
"""Most queries that are drawn."""
_PITCH = 22.0
_SHARED: dict[str, Any] = {"facecolor": COLOURS["search"], **EDGE}
_LIMIT: dict[str, Any] = LINE | {"color": COLOURS["click"], "linestyle": "--"}


def sharing_plot(users: "pd.Series[int]", least: int, title: str) -> Drawing:
    """Draw how many users each query has, the fewest last, and the least number for a row.

    Args:
        users: Number of different users, by query. Of more than 14 queries, those with the fewest
            users are shown, and a note says what is left out.
        least: Least number of users of a query that may be published.
        title: The finding.

    Returns:
        A drawing whose `data` has one row per bar, from the top: `query` (string), `users` (int64)
        and `published` (bool).

    Raises:
        ValueError: There is no query.
    """
    if users.empty:
        raise ValueError("users: expected at least one query; found none")
    table = pd.DataFrame({"query": users.index.astype("string"), "users": users.to_numpy()})
    table = table.sort_values(["users", "query"], ascending=[False, True], ignore_index=True)
    table = table.astype({"users": "int64"}).assign(published=lambda rows: rows["users"] >= least)
    left_out, shown = table[:-MOST_QUERIES], table[-MOST_QUERIES:].reset_index(drop=True)
    notes = []
    if len(left_out):
        few, many = left_out["users"].min(), left_out["users"].max()
        notes = [f"Not drawn: {quantity(len(left_out), 'query')} with {few:,} to {many:,} users."]
    with style():
        legend: list[Line2D | Patch] = [
            Patch(label="a row of its own", **_SHARED),
            Patch(label="summed up with the other rare ones", **HATCHED),
            Line2D([], [], label=f"least number of users: {least:,}", **_LIMIT),
        ]
        names = [fit(drawable(plain(query), TEXT), 200, TEXT) for query in shown["query"]]
        left = max(text_width(name, TEXT) for name in names) + 2 * MARGIN
        depth = _PITCH * len(shown)
        figure, axes = page(title, legend, notes, left, depth)
        axes.grid(False)
        axes.set_xlim(0, 1.1 * max(least, shown["users"].max()))
        for row, (number, published) in enumerate(
            zip(shown["users"], shown["published"], strict=True)
        ):
            y = _PITCH * (row + 0.5)
            axes.barh(y, number, height=14, **(_SHARED if published else HATCHED))
            axes.annotate(
                f"{number:,}", (number, y), (5, 0), textcoords="offset points", va="center"
            )
        axes.plot([least, least], [0, depth], zorder=0, **_LIMIT)
        axes.set_yticks([_PITCH * (row + 0.5) for row in range(len(shown))], names, font=TEXT)
        axes.set_xticks([])  # each bar has its number behind it
        axes.set_xlabel("different users", color=COLOURS["note"])
    texts = "; ".join(f"{name}: {n:,}" for name, n in zip(names, shown["users"], strict=True))
    rare = int((~table["published"]).sum())
    words = f"{quantity(len(table), 'query')}, {rare:,} with fewer than {least:,} users. {texts}."
    return Drawing(figure, plain(title), "\n".join([words, *notes]), shown)
