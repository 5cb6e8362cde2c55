"""A table by query that names nobody."""

import pyarrow as pa

from searchlogs.command.options import LEAST_USERS

QUERIES = pa.schema(
    {
        "query": pa.string(),
        "queries": pa.int64(),
        "users": pa.int64(),
        "searches": pa.int64(),
        "searches_clicked": pa.int64(),
        "searches_answered": pa.int64(),
        "searches_empty": pa.int64(),
    }
)
"""A row a query, the most searched first; last one row, its query null, for all the rare ones."""


def query_table(searches: pa.Table, least_users: int = LEAST_USERS) -> pa.Table:
    """Sum up searches by query, as QUERIES; queries of fewer than `least_users` users in one row.

    `searches` is a table such as results.SEARCHES. Where even all rare queries together have fewer
    users, their row is left out: then it would tell of a few people.
    """
    import duckdb  # here, as it takes long to load and few runs ask for this table

    with duckdb.connect() as connection:
        table = connection.sql(_BY_QUERY, params={"least": least_users}).to_arrow_table()
    return table.cast(QUERIES)


_BY_QUERY = """
SELECT
    CASE WHEN askers >= $least THEN typed END AS query,
    count(DISTINCT typed) AS queries,
    count(DISTINCT "user") AS users,
    count(*) AS searches,
    count(*) FILTER (len(clicked) > 0) AS searches_clicked,
    count(results) AS searches_answered,
    count(*) FILTER (results = 0) AS searches_empty
FROM (
    SELECT * RENAME (query AS typed),
        count(DISTINCT "user") OVER (PARTITION BY query) AS askers
    FROM searches
)
GROUP BY 1
HAVING users >= $least
ORDER BY min(askers) < $least, searches DESC, 1
"""
