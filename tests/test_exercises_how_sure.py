"""What the exercises of notebook 08 teach is what the package does."""

import json
from datetime import timedelta
from functools import cache
from math import isclose
from pathlib import Path

import pandas as pd

from searchlogs import exercises
from searchlogs.dataflow import find_sessions
from searchlogs.events import ClickResult, Event, Search
from searchlogs.simulate import simulate
from searchlogs.tables import interval, summary, totals

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "08-how-sure.ipynb"
HALF_HOUR = timedelta(minutes=30)


def statement(title: str) -> str:
    """Return the statement of an exercise in the notebook."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells]
    (found,) = [text for text in texts if text.startswith(f"## Exercise: {title}")]
    return found


@cache
def day(seed: int) -> list[Event]:
    """Return a day of the shop."""
    return list(simulate(300, 900, seed=seed, duration=timedelta(hours=24), query_ids=True))


def cut(events: list[Event], gap: timedelta = HALF_HOUR) -> pd.DataFrame:
    """Return the sessions of a day as a table."""
    return summary(find_sessions(events, gap)[0])


def column(events: list[Event], tap: int = 0, gap: timedelta = HALF_HOUR) -> list[str]:
    """Return a day's column of the table in the statement."""
    asked = [e for e in events if isinstance(e, Search) and e.query == "opening hours"]
    table = cut(events, gap)
    others = cut([event for event in events if event not in asked], gap) if asked else table
    sums = table[["searches", "clicks", "orphan_clicks"]].sum()
    counts = [tap, len(table), sums["searches"], len(asked), sums["clicks"], sums["orphan_clicks"]]
    ctr, without = (totals(one).loc["ctr", "ratio_of_sums"] for one in (table, others))
    rates = [ctr, *(interval(table) or ()), without]
    return [f"{count:,}" for count in counts] + [f"{100 * rate:.1f} %" for rate in rates]


def test_the_days_of_the_dashboard_have_the_causes_that_are_asked_for() -> None:
    sunday = column(day(5))
    renamed = [isinstance(e, ClickResult) and int(e.user) % 4 == 0 for e in day(17)]
    lost = [event for event, one in zip(day(17), renamed, strict=True) if not one]
    users = sorted({event.user for event in day(15)})
    first = day(15)[0].time
    answered = [
        Search(
            users[7 * n % len(users)], "opening hours", first + n * timedelta(minutes=4), f"o{n}"
        )
        for n in range(330)
    ]
    columns = [
        sunday,
        column(lost, tap=sum(renamed)),
        column(day(22)),
        column(day(16), gap=timedelta(seconds=20)),
        column(sorted(day(15) + answered, key=lambda event: event.time)),
    ]
    lines = statement("find out why").splitlines()
    rows = [line.strip("| ").split(" | ")[1:] for line in lines if line.startswith("|")][2:]
    assert [list(row) for row in zip(*columns, strict=True)] == rows
    # Only the noise holds the rate of the day before.
    holds = [low <= sunday[6] <= high for *_, low, high, _ in columns[1:]]
    assert holds == [cause == "noise" for cause in exercises.why_it_fell.solve()]


def test_the_statements_on_an_interval_are_as_true_as_they_are_said_to_be() -> None:
    def width(table: pd.DataFrame) -> float:
        low, high = interval(table) or (0, 0)
        return high - low

    days = [cut(day(seed)) for seed in range(4)]
    users = days[0].groupby("user")[["searches_clicked", "searches"]].sum()
    own = users["searches_clicked"] / users["searches"]
    one = own.between(*(interval(days[0]) or ())).mean() > 0.9
    more_users = [day.assign(user=f"{n}-" + day["user"]) for n, day in enumerate(days)]
    two = isclose(width(pd.concat(more_users)), sum(map(width, days)) / 4 / 2, rel_tol=0.1)
    three = width(pd.concat([days[0], days[0]])) < 0.95 * width(days[0])
    true = exercises.read_an_interval.solve()
    assert [one, two, three] == [number in true for number in (1, 2, 3)]
