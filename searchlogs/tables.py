"""Sessions as tables: one row per session, totals over many, and how sure a total is."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from math import sqrt
from statistics import NormalDist

import pandas as pd

from searchlogs.metrics import RATES, Counts, count, rate, ratio
from searchlogs.sessions import Session


def summary(sessions: Iterable[Session]) -> pd.DataFrame:
    """Tabulate sessions, those without a search too, their rates NA.

    One row a session, in the order given. Columns: `user` (string), `session` (int64), `start` and
    `end` (datetime64[us, UTC]), `events` (int64), the fields of Counts (int64, the last two
    float64), the names of RATES (Float64, NA where undefined). Raises a TypeError for anything
    that is not a Session.
    """
    rows = []
    for index, session in enumerate(sessions):
        if not isinstance(session, Session):
            kind = type(session).__name__
            raise TypeError(f"sessions[{index}] must be a Session; got a {kind}")
        counts = count(session)
        rows.append(
            {
                "user": session.user,
                "session": session.id,
                "start": session.start,
                "end": session.end,
                "events": len(session.events),
                **asdict(counts),
                **{name: rate(name, counts) for name in RATES},
            }
        )
    time = "datetime64[us, UTC]"
    dtypes = {"user": "string", "session": "int64", "start": time, "end": time, "events": "int64"}
    dtypes |= {field.name: "int64" for field in fields(Counts)}
    dtypes |= {"reciprocal_sum": "float64", "seconds_sum": "float64"}
    dtypes |= dict.fromkeys(RATES, "Float64")
    return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)


def totals(table: pd.DataFrame) -> pd.DataFrame:
    """Put a day's two numbers beside each other, for every rate: they differ, so say which.

    `table` is a `summary`; sessions without a search contribute to neither number. One row a rate,
    its name as the index; columns `ratio_of_sums`, in which a long session weighs more, and
    `mean_of_ratios`, in which every session where the rate is defined weighs the same (Float64).
    """
    searched = table[table["searches"] > 0]
    rows = {
        name: {
            "ratio_of_sums": ratio(searched[part].sum(), searched[whole].sum()),
            "mean_of_ratios": searched[name].mean(),
        }
        for name, (part, whole) in RATES.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").astype("Float64").rename_axis("rate")


def interval(
    table: pd.DataFrame, rate: str = "ctr", level: float = 0.95
) -> tuple[float, float] | None:
    """Confidence interval of a rate, its ratio of sums, for users like these: low and high end.

    `table` is a `summary`, or any with the columns `user`, `searches` and the two counts of the
    rate in RATES. The clicks of one person depend on each other, so what varies is the user: the
    variance of the ratio is linearized over their sums (delta method), as in Deng, Knoblich and Lu,
    "Applying the delta method in metric analytics", KDD 2018, doi:10.1145/3219819.3219919. It is
    an approximation for many users, some dozens at least; with few, an end can pass 0 or 1.

    None where the rate is undefined, or the same for every user: then nothing says how it varies.
    Raises a ValueError where `level` isn't between 0 and 1.

    >>> columns = {"user": ["1", "2", "3"], "searches": [1, 1, 2], "searches_clicked": [1, 0, 1]}
    >>> low, high = interval(pd.DataFrame(columns))
    >>> round(low, 3), round(high, 3)
    (0.076, 0.924)
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1; got {level!r}")
    part, whole = RATES[rate]
    searched = table[table["searches"] > 0]
    users = searched.groupby("user")[[part, whole]].sum().astype("float64")
    users = users[users[whole] > 0]
    total = users[whole].sum()
    # Both sides times the total, so that counts stay whole and equal users differ by exactly 0.
    residuals = (users[part] * total - users[part].sum() * users[whole]) / total
    squares = (residuals**2).sum()
    if not squares:
        return None
    number = len(users)
    error = sqrt(number / (number - 1) * squares) / total
    middle = users[part].sum() / total
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    return float(middle - reach), float(middle + reach)
