"""Each format gives the same sessions, and DuckDB, given the same file, finds them too.

DuckDB knows nothing of clocks, windows or keys: a lag and a running sum cut the sessions, and joins
say which click belongs to which search.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from oracle import oracle

from searchlogs.command.job import ENGINES, Job, Outputs
from searchlogs.command.run import run_job
from searchlogs.durations import Windowing
from searchlogs.events import AppOpen, Event, Results, Search
from searchlogs.logs.formats import write_log
from searchlogs.logs.log import Log
from searchlogs.logs.rows import session_row
from searchlogs.logs.ubi import Ubi
from searchlogs.sessions import Session
from searchlogs.simulate import simulate

GAPS = [
    *(timedelta(seconds=10), timedelta(seconds=60), timedelta(minutes=10), timedelta(minutes=30)),
]
WAIT = timedelta(minutes=1)

LOGS: dict[str, Callable[[], Iterable[Event]]] = {
    "plain": lambda: simulate(60, 250, seed=11),
    "late": lambda: simulate(
        60, 250, seed=12, disorder=timedelta(seconds=45), late_share=0.05, query_ids=True
    ),
    # Several search records have one id, some ids lead nowhere, and some events have none.
    "joined": lambda: (joined(event, number) for number, event in enumerate(LOGS["late"]())),
    # Searches go without results, and visits run into each other.
    "crowded": lambda: (
        replace(event, user=int(event.user) % 7)
        for number, event in enumerate(simulate(60, 250, seed=13, query_ids=True))
        if not (isinstance(event, Results) and number % 3 == 0)
    ),
}


def joined(event: Event, number: int) -> Event:
    """Give the event the id of another page of its search, an id that leads nowhere, or none."""
    if isinstance(event, AppOpen) or event.query_id is None:
        return event
    user, _, page = event.query_id.rpartition("-")
    ids = (event.query_id, event.query_id, f"{user}-{int(page) // 2}", "elsewhere", None)
    return replace(event, query_id=ids[number % 7 % 5])


def sessions_of(log: Log, gap: timedelta) -> list[dict[str, Any]]:
    """Every session that a run finds, whichever engine runs it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        found = []
        for engine in ENGINES:
            job = Job(
                log.open(),
                Outputs(folder / "s.parquet", every_session=True),
                Windowing(gap, WAIT),
                engine=engine,
            )
            run_job(job)
            found.append([path.read_bytes() for path in sorted(folder.iterdir())])
        assert found[0] == found[1] and len(found[0]) == 3
        return pq.read_table(folder / "s.parquet").to_pylist()


def by_oracle(events: list[Event], gap: timedelta) -> list[dict[str, Any]]:
    return [session_row(session) for session in oracle(events, gap, WAIT)[0]]


# Each format


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(LOGS["late"]())


@pytest.mark.parametrize(
    "name",
    [
        *("e.jsonl", "e.jsonl.gz", "e.ndjson.zst", "e.csv", "e.csv.gz", "e.tsv", "e.csv.zst"),
        "e.parquet",
    ],
)
def test_each_format_gives_the_same_sessions(
    tmp_path: Path, events: list[Event], name: str
) -> None:
    write_log(events, tmp_path / name)
    found = sessions_of(Log((str(tmp_path / name),)), GAPS[3])
    assert found == by_oracle(events, GAPS[3])
    assert len(found) > 200


def test_files_of_several_formats_give_the_same_sessions(
    tmp_path: Path, events: list[Event]
) -> None:
    """Each file holds the events of some users, so that merging keeps their order."""
    names = ["a.jsonl.gz", "b.csv", "c.parquet"]
    for number, name in enumerate(names):
        write_log((event for event in events if int(event.user) % 3 == number), tmp_path / name)
    found = sessions_of(Log((str(tmp_path),)), GAPS[3])
    assert found == by_oracle(events, GAPS[3])


@pytest.mark.parametrize("gap", GAPS)
def test_ubi_gives_the_sessions_of_what_it_can_hold(
    tmp_path: Path, events: list[Event], gap: timedelta
) -> None:
    """It has no app opens, results have the time of their search, and the log no order."""
    times = {event.query_id: event.time for event in events if isinstance(event, Search)}
    held = [
        replace(event, time=times[event.query_id]) if isinstance(event, Results) else event
        for event in events
        if not isinstance(event, AppOpen)
    ]
    held.sort(key=lambda event: event.time)
    write_log(events, tmp_path / "e.ndjson", "ubi")
    found = sessions_of(Log((str(tmp_path / "e.ndjson"),), Ubi(), "ubi"), gap)
    assert found == by_oracle(held, gap)
    assert len(found) > 200


# DuckDB

SQL = """
with raw as (
    select row_number() over () as arrival, event, user, time, items, item, query_id from {log}
),
punctual as (
    select * from raw
    qualify time >= max(time) over (partition by user order by arrival) - {wait}
),
stepped as (
    select *, coalesce(time - lag(time) over visit > {gap}, true) as begins
    from punctual window visit as (partition by user order by time, arrival)
),
placed as (
    select
        *,
        sum(begins::int) over visit - 1 as session,
        row_number() over visit as place
    from stepped window visit as (partition by user order by time, arrival)
),
searches as (
    select
        user, session, place, query_id,
        if(
            query_id is null, place, min(place) over (partition by user, session, query_id)
        ) as search
    from placed where event = 'search'
),
shown as (
    select
        page.user, page.session, page.items,
        coalesce(
            min(search.search) filter (search.query_id = page.query_id),
            arg_max(search.search, search.place) filter (
                search.place < page.place
                and (page.query_id is null or search.query_id is null)
            )
        ) as search
    from placed as page join searches as search using (user, session)
    where page.event = 'results'
    group by page.user, page.session, page.place, page.items
),
pages as (
    select user, session, search, flatten(list(items)) as items from shown group by all
),
clicks as (
    select
        click.user, click.session, click.query_id,
        coalesce(
            min(search.search) filter (search.query_id = click.query_id),
            arg_max(search.search, search.place) filter (
                search.place < click.place and list_contains(pages.items, click.item)
                and (click.query_id is null or search.query_id is null)
            ),
            arg_max(search.search, search.place) filter (
                search.place < click.place and pages.search is null
                and (click.query_id is null or search.query_id is null)
            )
        ) as search
    from placed as click
    left join searches as search using (user, session)
    left join pages
        on (pages.user, pages.session, pages.search) = (search.user, search.session, search.search)
    where click.event = 'click'
    group by click.user, click.session, click.place, click.query_id
),
clicked as (
    select
        user, session,
        count(distinct search) as searches_clicked,
        count(*) filter (search is null) as orphan_clicks,
        count(*) filter (search is null and query_id is not null) as absent_query_clicks
    from clicks group by all
),
searched as (
    select user, session, count(distinct search) as searches from searches group by all
)
select
    user::varchar as user,
    session::bigint as session,
    min(time) as start,
    max(time) as end,
    count(*) as events,
    count(*) filter (event = 'search') as requests,
    coalesce(any_value(searches), 0) as searches,
    count(*) filter (event = 'click') as clicks,
    coalesce(any_value(searches_clicked), 0) as searches_clicked,
    coalesce(any_value(orphan_clicks), 0) as orphan_clicks,
    coalesce(any_value(absent_query_clicks), 0) as absent_query_clicks,
    count(*) filter (event = 'click') / any_value(searches) as clicks_per_search,
    coalesce(any_value(searches_clicked), 0) / any_value(searches) as ctr
from placed left join clicked using (user, session) left join searched using (user, session)
group by user, session
order by user, session
"""
COLUMNS = {
    **{"event": "VARCHAR", "user": "VARCHAR", "time": "TIMESTAMPTZ", "items": "VARCHAR[]"},
    **{"item": "VARCHAR", "query_id": "VARCHAR"},
}
READERS = {
    "e.jsonl": "read_json('{path}', columns={columns}, format='newline_delimited')",
    "e.csv.gz": "(select * replace (items::json::varchar[] as items) from read_csv('{path}', "
    "all_varchar=true, types={{'time': 'TIMESTAMPTZ'}}))",
    "e.parquet": "read_parquet('{path}')",
}


def by_duckdb(path: Path, gap: timedelta) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        connection.sql("set timezone = 'UTC'")
        log = READERS[path.name].format(path=path, columns=json.dumps(COLUMNS))
        seconds = (f"interval {length.total_seconds():.0f} second" for length in (gap, WAIT))
        gap_, wait = seconds
        found = connection.sql(SQL.format(log=log, gap=gap_, wait=wait)).to_arrow_table()
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", LOGS)
def test_duckdb_finds_the_same(tmp_path: Path, kind: str, name: str, gap: timedelta) -> None:
    path = tmp_path / name
    write_log(LOGS[kind](), path)
    ours = sessions_of(Log((str(path),)), gap)
    theirs = by_duckdb(path, gap)
    assert ours == theirs
    assert len(ours) > 10
    assert sum(row["searches_clicked"] for row in ours) > 50


def test_the_logs_have_what_makes_it_hard() -> None:
    """Late events, orphans, searches that logged no results, and clicks on older pages."""
    sessions, late = oracle(list(LOGS["late"]()), GAPS[0], WAIT)
    assert len(late) > 10

    def total(sessions: list[Session], name: str) -> int:
        return sum(session_row(session)[name] for session in sessions)

    assert total(sessions, "orphan_clicks") > 100
    crowded = list(LOGS["crowded"]())
    long, _ = oracle(crowded, GAPS[3], WAIT)
    without_ids = [
        event if isinstance(event, AppOpen) else replace(event, query_id=None) for event in crowded
    ]
    other, _ = oracle(without_ids, GAPS[3], WAIT)
    assert total(long, "searches_clicked") != total(other, "searches_clicked")
    assert total(long, "orphan_clicks") < total(long, "clicks")
    several, _ = oracle(list(LOGS["joined"]()), GAPS[3], WAIT)
    assert total(several, "searches") + 10 <= total(several, "requests")
    assert 10 < total(several, "absent_query_clicks") < total(several, "orphan_clicks")
