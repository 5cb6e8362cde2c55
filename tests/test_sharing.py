"""The figure of how many users share each query."""

import pandas as pd
import pytest
from figures import assert_readable
from wording import Like

from searchlogs.figures.sharing import MOST_QUERIES, sharing_plot

USERS = pd.Series({"knee": 1, "beds": 105, "lamp": 9, "mats": 10})


def test_a_query_of_exactly_the_least_number_is_published() -> None:
    drawing = sharing_plot(USERS, 10, "Two are rare")
    assert drawing.data.to_dict("list") == {
        "query": ["beds", "mats", "lamp", "knee"],
        "users": [105, 10, 9, 1],
        "published": [True, True, False, False],
    }
    assert repr(drawing) == Like("Two are rare\n4 queries, 2 with fewer than 10 users. beds: 105")
    assert "Not drawn" not in repr(drawing)
    assert_readable(drawing)


def test_of_many_queries_those_with_the_fewest_users_are_drawn() -> None:
    users = pd.Series({f"query {n:02}": n for n in range(1, MOST_QUERIES + 4)})
    drawing = sharing_plot(users, 3, "Two are rare")
    assert list(drawing.data["users"]) == list(range(MOST_QUERIES, 0, -1))
    assert repr(drawing) == Like(
        f"2 with fewer than 3 users…Not drawn: 3 queries with {MOST_QUERIES + 1} to"
    )
    assert_readable(drawing)


def test_the_limit_is_in_the_picture_even_if_nobody_reaches_it() -> None:
    drawing = sharing_plot(USERS[["knee"]], 50, "All are rare")
    assert not drawing.data["published"].any()
    (axes,) = drawing.figure.axes
    assert axes.get_xlim()[1] > 50
    with pytest.raises(ValueError, match=r"^users: .*at least one query"):
        sharing_plot(USERS[:0], 10, "No")
