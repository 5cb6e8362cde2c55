"""Sessions as tables: one row per session, totals over many, and confidence intervals.

pandas is loaded when a function is called, so that nobody else waits for it. The engine is loaded
by `summary` alone: the other functions take any table of sessions, also one made without Bytewax.
"""

from collections.abc import Iterable
from dataclasses import asdict, fields
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from searchlogs.events import check_list
from searchlogs.metrics import RATES, Counts, count, rate, ratio

if TYPE_CHECKING:
    import pandas as pd

    from searchlogs.sessions import Session


def summary(sessions: "Iterable[Session]") -> "pd.DataFrame":
    """Tabulate sessions, including those without a search.

    Returns:
        One row per session, in the order given: `user` (string), `session` (int64), `start` and
        `end` (datetime64[us, UTC]), `events` (int64), the fields of Counts (int64, the last two
        float64), and the rates by their names in RATES (Float64, NA if undefined).

    Raises:
        TypeError: `sessions` can't be iterated, or one of them is no Session.
        ModuleNotFoundError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError:
        needed = "a summary needs pandas: pip install 'searchlogs[course]'"
        raise ModuleNotFoundError(needed, name="pandas") from None

    from searchlogs.sessions import check_session

    rows = []
    for index, session in enumerate(check_list(sessions, "sessions")):
        check_session(session, f"sessions[{index}]")
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


def totals(table: "pd.DataFrame") -> "pd.DataFrame":
    """Put the two totals of every rate next to each other: they differ, so say which you mean.

    Sessions without a search contribute to neither.

    Args:
        table: A `summary`.

    Returns:
        One row per rate, with its name as the index, and two columns (Float64): `ratio_of_sums`,
        in which a long session weighs more, and `mean_of_ratios`, in which every session where the
        rate is defined weighs the same.

    Raises:
        TypeError: `table` is no table of sessions.
    """
    import pandas as pd

    _check_table(table)
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
    table: "pd.DataFrame", rate: str = "ctr", level: float = 0.95
) -> tuple[float, float] | None:
    """Return a rate's confidence interval, its ratio of sums, for users like these.

    The clicks of one person depend on each other, so the user is what varies: the variance of the
    ratio is linearized over the users' sums (delta method), as in Deng, Knoblich and Lu, "Applying
    the delta method in metric analytics", KDD 2018, doi:10.1145/3219819.3219919. It is an
    approximation for many users, some dozens at least; with few, an end can pass 0 or 1.

    Args:
        table: A `summary`, or any table with the columns `user`, `searches` and the rate's two
            counts in RATES.
        rate: Name of the rate in RATES.
        level: Share of such intervals that contain the true rate, between 0 and 1.

    Returns:
        The low and the high end. None if the rate is undefined, or the same for every user:
        nothing shows then how much it varies.

    Raises:
        TypeError: `table` is no table of sessions.
        ValueError: `level` is not between 0 and 1, or `rate` is no name in RATES.

    >>> import pandas as pd
    >>> columns = {"user": ["1", "2", "3"], "searches": [1, 1, 2], "searches_clicked": [1, 0, 1]}
    >>> low, high = interval(pd.DataFrame(columns))
    >>> round(low, 3), round(high, 3)
    (0.076, 0.924)
    """
    if not 0 < level < 1:
        raise ValueError(f"level: expected a number between 0 and 1; found {level!r}")
    if rate not in RATES:
        raise ValueError(f"rate: expected one of {', '.join(RATES)}; found {rate!r}")
    _check_table(table)
    part, whole = RATES[rate]
    searched = table[table["searches"] > 0]
    users = searched.groupby("user")[[part, whole]].sum().astype("float64")
    users = users[users[whole] > 0]
    total = users[whole].sum()
    # Multiplied by the total first: counts stay whole, and equal users differ by exactly 0.
    residuals = (users[part] * total - users[part].sum() * users[whole]) / total
    squares = (residuals**2).sum()
    if not squares:
        return None
    number = len(users)
    error = sqrt(number / (number - 1) * squares) / total
    middle = users[part].sum() / total
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    return float(middle - reach), float(middle + reach)


def _check_table(table: "pd.DataFrame") -> None:
    if "searches" not in getattr(table, "columns", ()):
        kind = type(table).__name__
        raise TypeError(
            f"table: expected one that summary makes, with a column 'searches'; found a {kind}"
        )
