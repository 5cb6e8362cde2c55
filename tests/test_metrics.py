from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import count as numbers
from math import sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import counted, joined

from searchlogs import metrics
from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.metrics import RATES, Counts, attribute, count, rate
from searchlogs.sessions import Session
from searchlogs.simulate import simulate
from searchlogs.tables import interval, summary, totals

START = datetime(2024, 1, 1, tzinfo=UTC)


def session(*events: Event) -> Session:
    """The session of `events`."""
    return Session("1", 0, events)


def rates_of(one: Session) -> dict[str, float | None]:
    return {name: rate(name, count(one)) for name in RATES}


clock = numbers()


def now() -> datetime:
    return START + timedelta(seconds=next(clock))


def search(query: str = "dogs", query_id: str | None = None) -> Search:
    return Search(1, query, now(), query_id)


def results(*items: str, query_id: str | None = None) -> Results:
    return Results(1, items, now(), query_id)


def click(item: str, query_id: str | None = None, position: int | None = None) -> ClickResult:
    return ClickResult(1, item, now(), query_id, position)


def owners(*events: Event) -> list[int | None]:
    """For each click, the number of the search that it belongs to."""
    attribution = attribute(session(*events))
    owner = {
        id(click): number
        for number, impression in enumerate(attribution.impressions)
        for click in impression.clicks
    }
    return [owner.get(id(event)) for event in events if isinstance(event, ClickResult)]


def test_a_click_belongs_to_the_latest_search_that_showed_its_item() -> None:
    assert owners(search(), results("a", "b"), search(), results("b"), click("a"), click("b")) == [
        0,
        1,
    ]


def test_a_click_on_nothing_shown_belongs_to_the_latest_search_without_results() -> None:
    assert owners(search(), search(), results("a"), click("z")) == [0]
    assert owners(search(), results("a"), click("z")) == [None]


def test_a_search_that_found_nothing_has_logged_its_results() -> None:
    assert owners(search(), results(), click("a")) == [None]


def test_a_click_before_any_search_is_an_orphan() -> None:
    assert owners(click("a"), search(), results("a")) == [None]


def test_the_query_id_decides_over_the_item_and_the_order() -> None:
    assert owners(
        search(query_id="q"), results("b"), search(), results("a"), click("a", query_id="q")
    ) == [0]
    assert owners(click("a", query_id="q"), search(query_id="q")) == [0]


def test_an_absent_query_falls_back_to_searches_without_an_id() -> None:
    assert owners(search(), results("a"), click("a", query_id="absent")) == [0]
    assert owners(search(), click("a", query_id="absent")) == [0]
    assert owners(search(), search(query_id="q"), click("a", query_id="absent")) == [0]


def test_a_click_of_an_absent_query_is_no_click_of_another_one() -> None:
    shown = search(query_id="q"), results("a", query_id="q"), click("a", query_id="absent")
    assert owners(*shown) == owners(search(query_id="q"), click("a", query_id="absent")) == [None]
    counts = count(session(*shown))
    assert (counts.orphan_clicks, counts.absent_query_clicks) == (1, 1)
    assert count(session(click("a"))).absent_query_clicks == 0


def test_results_of_an_absent_query_are_of_a_search_without_an_id() -> None:
    events = search(), results("a", query_id="absent"), click("a", query_id="absent")
    assert owners(*events) == [0]
    (impression,) = attribute(session(search(query_id="q"), results("a", query_id="p"))).impressions
    assert impression.items is None


def test_search_records_with_one_query_id_are_one_search() -> None:
    page = search(query_id="q"), results("a", query_id="q"), search("cats", query_id="q")
    events = *page, results("b"), click("b", query_id="q"), search()
    first, second = attribute(session(*events)).impressions
    assert (first.search.query, first.items, first.requests) == ("dogs", ("a", "b"), 2)
    assert (first.ranks, second.requests) == ([2], 1)
    assert (session(*events).searches, count(session(*events)).requests) == (2, 3)


def test_a_search_stands_at_each_of_its_records() -> None:
    """The latest earlier search is that of the latest record, a further page or not."""
    again = search(query_id="q"), search("cats"), search(query_id="q")
    assert owners(*again, click("a")) == [0]
    assert owners(*again[:2], click("a")) == [1]
    assert owners(*again, results("a"), click("a")) == [0]


def test_results_behind_the_click_count_for_their_earlier_search() -> None:
    assert owners(search(query_id="q"), search(), click("a"), results("a", query_id="q")) == [0]


def test_pages_of_results_follow_each_other() -> None:
    attribution = attribute(session(search(), results("a", "b"), results("c"), click("c")))
    (impression,) = attribution.impressions
    assert impression.items == ("a", "b", "c")
    assert impression.ranks == [3]


def test_a_logged_position_decides_over_the_items() -> None:
    attribution = attribute(session(search(), results("a"), click("a", position=7), click("a")))
    assert attribution.impressions[0].ranks == [7, 1]


ids = st.sampled_from([None, None, "q", "r", ""])
items = st.sampled_from("abc")
any_event = st.one_of(
    st.builds(lambda: AppOpen(1, START)),
    st.builds(lambda id: Search(1, "dogs", START, id), ids),
    st.builds(
        lambda items, id: Results(1, tuple(items), START, id), st.lists(items, max_size=3), ids
    ),
    st.builds(lambda item, id: ClickResult(1, item, START, id), items, ids),
)


@settings(max_examples=1_000)
@given(st.lists(any_event, min_size=1, max_size=12))
def test_attribution_is_the_oracles(events: list[Event]) -> None:
    search_of, clicks = joined(session(*events))
    numbers: dict[int | None, int | None] = {None: None}
    numbers |= {place: number for number, place in enumerate(dict.fromkeys(search_of.values()))}
    assert owners(*events) == [numbers[search] for search in clicks.values()]
    requests = [impression.requests for impression in attribute(session(*events)).impressions]
    assert requests == list(Counter(search_of.values()).values())


@given(st.lists(any_event, min_size=1, max_size=12))
def test_counts_are_the_oracles(events: list[Event]) -> None:
    counts = count(session(*events))
    expected = counted(session(*events))
    assert {name: getattr(counts, name) for name in expected} == expected


@given(st.lists(any_event, min_size=1, max_size=12))
def test_counts_and_rates_hang_together(events: list[Event]) -> None:
    counts = count(session(*events))
    assert counts.searches == session(*events).searches
    assert counts.searches == counts.searches_clicked + counts.searches_abandoned
    attributed = counts.clicks - counts.orphan_clicks
    assert counts.searches_clicked <= attributed
    assert counts.clicks_ranked <= attributed
    rates = rates_of(session(*events))
    if counts.searches == 0:
        assert set(rates.values()) == {None}
    else:
        assert rates["ctr"] is not None and 0 <= rates["ctr"] <= 1
        assert rates["abandonment"] == pytest.approx(1 - rates["ctr"])
        assert rates["session_ctr"] == float(rates["ctr"] > 0)


def test_the_two_rates_with_names_of_their_own_are_those_of_the_table() -> None:
    sessions, _ = find_sessions(simulate(users=10, sessions=30, seed=1), timedelta(minutes=30))
    for one in [*sessions, session(AppOpen(1, START), click("a"))]:
        assert metrics.clicks_per_search(one) == rate("clicks_per_search", count(one))
        assert metrics.click_through_rate(one) == rate("ctr", count(one))
    assert {metrics.click_through_rate(one) for one in sessions} > {None, 0.0, 1.0}


@pytest.mark.parametrize("name", RATES)
def test_without_a_search_no_rate_is_defined(name: str) -> None:
    assert rate(name, count(session(AppOpen(1, START), click("a")))) is None


def test_the_first_three_results_are_the_top() -> None:
    third = (search(), results(*"abcd"), click("c"))
    fourth = (search(), results(*"wxyz"), click("z"))
    assert rate("ctr_at_3", count(session(*third, *fourth))) == 0.5
    assert rate("ctr_at_3", count(session(*fourth))) == 0.0


def busy_session() -> Session:
    """Five searches, in which no two counts are the same by chance: work them out by hand."""
    second = iter(range(100))

    def at() -> datetime:
        return START + timedelta(seconds=next(second))

    return Session(
        "7",
        3,
        (
            ClickResult(7, "news", at()),  # second 0, of no search
            Search(7, "first", at()),  # second 1, clicked at ranks 4 and 2
            Results(7, ("a", "b", "c", "d"), at()),
            ClickResult(7, "d", at()),  # second 3
            ClickResult(7, "b", at()),
            Search(7, "second", at()),  # second 5, no results logged, clicked at a rank unknown
            ClickResult(7, "elsewhere", at()),  # second 6
            Search(7, "third", at()),  # second 7, clicked at rank 5
            Results(7, ("v", "w", "x", "y", "z"), at()),
            ClickResult(7, "z", at()),  # second 9
            Search(7, "fourth", at()),  # found nothing
            Results(7, (), at()),
            Search(7, "fifth", at()),  # abandoned
            Results(7, ("q",), at()),
        ),
    )


def test_every_count_by_hand() -> None:
    assert count(busy_session()) == Counts(
        requests=5,
        sessions=1,
        sessions_clicked=1,
        searches=5,
        clicks=5,
        orphan_clicks=1,
        absent_query_clicks=0,
        searches_clicked=3,
        searches_abandoned=2,
        searches_answered=4,
        searches_empty=1,
        searches_clicked_top=1,
        searches_ranked=2,
        clicks_ranked=3,
        position_sum=11,
        reciprocal_sum=1 / 2 + 1 / 5,
        seconds_sum=2 + 1 + 2,
    )


def test_every_rate_by_hand() -> None:
    assert rates_of(busy_session()) == {
        "clicks_per_search": 1.0,
        "ctr": 3 / 5,
        "abandonment": 2 / 5,
        "zero_result_rate": 1 / 4,
        "ctr_at_3": 1 / 5,
        "mean_click_position": 11 / 3,
        "reciprocal_rank": (1 / 2 + 1 / 5) / 2,
        "seconds_to_first_click": 5 / 3,
        "session_ctr": 1.0,
        "searches_per_session": 5.0,
    }


def test_a_row_of_the_summary() -> None:
    one = busy_session()
    row = summary([one]).iloc[0].to_dict()
    assert (row["user"], row["session"], row["events"]) == ("7", 3, 14)
    assert (row["start"], row["end"]) == (one.start, one.end)
    assert {name: row[name] for name in asdict(count(one))} == asdict(count(one))
    assert {name: row[name] for name in RATES} == rates_of(one)
    assert str(summary([one]).dtypes["reciprocal_sum"]) == "float64"


def test_a_session_without_a_search_contributes_to_no_rate() -> None:
    searched = session(search(), results("a"), click("a"), search(), results("b"))
    opened = session(AppOpen(1, now()), click("a"), click("b"))
    table = summary([searched, opened])
    assert list(table["ctr"].isna()) == [False, True]
    assert table.loc[1, "clicks"] == 2
    pd.testing.assert_frame_equal(totals(table), totals(summary([searched])))


def test_summary_has_the_stated_dtypes_even_when_empty() -> None:
    full = summary([metrics.example()]).dtypes
    pd.testing.assert_series_equal(full, summary([]).dtypes)
    assert str(full["user"]) == "string"
    assert str(full["start"]) == str(full["end"]) == "datetime64[us, UTC]"
    assert str(full["searches"]) == "int64"
    assert str(full["seconds_sum"]) == str(full["reciprocal_sum"]) == "float64"
    assert {str(full[name]) for name in RATES} == {"Float64"}


def test_totals_of_nothing_are_undefined() -> None:
    assert totals(summary([])).isna().all(axis=None)


def test_the_two_numbers_of_a_day_differ() -> None:
    one = session(search(), results("a"), click("a"))
    three = session(search(), results("a"), search(), results("a"), search(), results("a"))
    ctr = totals(summary([one, three])).loc["ctr"]
    assert (ctr["ratio_of_sums"], ctr["mean_of_ratios"]) == (0.25, 0.5)


def test_a_summary_is_of_sessions() -> None:
    with pytest.raises(TypeError, match=r"sessions\[0\]: .*a Session; .*list"):
        summary(find_sessions([search()]))  # type: ignore[arg-type]


def test_a_session_has_events() -> None:
    with pytest.raises(ValueError, match="Session: user '1', id 0, has no events"):
        session()


def by_user(*counts: tuple[int, int]) -> pd.DataFrame:
    """One row per user: searches, and those of them that were clicked."""
    table = pd.DataFrame(counts, columns=["searches", "searches_clicked"])
    return table.assign(user=[str(number) for number in range(len(table))])


def test_with_a_search_each_the_interval_is_the_binomial_one() -> None:
    low, high = interval(by_user(*[(1, 1)] * 30, *[(1, 0)] * 70)) or (0, 0)
    # The sample's variance divides by one less than the number of users.
    assert (high - low) / 2 == pytest.approx(1.959964 * sqrt(0.3 * 0.7 / 99), rel=1e-6)
    assert (low + high) / 2 == pytest.approx(0.3)


@pytest.mark.parametrize("rate", ["ctr", "clicks_per_search", "mean_click_position", "session_ctr"])
def test_the_interval_is_what_drawing_users_anew_gives(rate: str) -> None:
    events = simulate(200, 600, seed=11)
    table = summary(find_sessions(events, gap=timedelta(minutes=30))[0])
    part, whole = RATES[rate]
    searched = table[table["searches"] > 0]
    users = searched.groupby("user")[[part, whole]].sum().to_numpy()
    drawn = users[np.random.default_rng(0).integers(len(users), size=(4000, len(users)))].sum(1)
    ends = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    low, high = interval(table, rate) or (0, 0)
    assert abs(np.array([low, high]) - ends).max() < 0.06 * (high - low)
    middle = totals(table).loc[rate, "ratio_of_sums"]
    assert (low + high) / 2 == pytest.approx(middle)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    chance = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        searches = chance.integers(1, 9, size=80)
        # Some people click on everything: a binomial interval would be too short.
        clicked = chance.binomial(searches, chance.beta(0.5, 0.5, size=80))
        low, high = interval(by_user(*zip(searches, clicked, strict=True)), level=0.9) or (0, 0)
        hits += low < 0.5 < high
    assert 0.86 < hits / 400 < 0.94


def test_the_same_log_twice_is_no_more_users() -> None:
    table = by_user((3, 1), (1, 1), (4, 0), (2, 2))
    assert interval(pd.concat([table, table])) == pytest.approx(interval(table))


@pytest.mark.parametrize(
    "table",
    [
        by_user(),
        by_user((3, 1)),
        by_user((0, 0), (3, 1)),
        by_user((3, 1), (3, 1), (6, 2)),
        by_user((1, 1), (2, 2)),
    ],
)
def test_where_nothing_varies_there_is_no_interval(table: pd.DataFrame) -> None:
    assert interval(table) is None


def test_a_session_without_a_search_does_not_narrow_an_interval() -> None:
    table = by_user((3, 1), (1, 1), (4, 0))
    assert interval(by_user((3, 1), (1, 1), (4, 0), (0, 0), (0, 0))) == interval(table)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_is_a_share(level: float) -> None:
    with pytest.raises(ValueError, match=r"level: .*between 0 and 1"):
        interval(by_user((3, 1), (1, 1)), level=level)
