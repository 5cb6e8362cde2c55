"""A table by query that names nobody."""

import errno
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from searchlogs.command.job import LEAST_USERS

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
"""Columns of the table by query: one row per query, most searched first; last, the rare ones."""

MEMORY = 1 << 27
"""Bytes that DuckDB may hold in memory; all others wait on the disk."""


def query_table(
    searches: pa.Table | pa.RecordBatchReader,
    least_users: int = LEAST_USERS,
    folder: Path | None = None,
    memory: int = MEMORY,
) -> pa.Table:
    """Sum up searches by query, with the rare queries in one row.

    Args:
        searches: One row per search, with the columns of `schemas.SEARCHES`.
        least_users: Fewest users of a query that gets a row of its own.
        folder: Where temporary files go; None: the system's folder for them.
        memory: Bytes that DuckDB may hold in memory.

    Returns:
        A table with the columns of QUERIES. In the last row, whose query is null, are all queries
        of fewer users. If even together they have fewer, that row is left out: it would describe
        a few people.

    Raises:
        OSError: There is no room for the temporary files; the error names the folder.
    """
    import duckdb  # here, as it takes long to load and few runs want this table

    with TemporaryDirectory(prefix="duckdb-", dir=folder) as spill:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory}B",
            "temp_directory": spill,
            "threads": 1,  # each needs memory of its own, and all would wait for the rows
        }
        try:
            with duckdb.connect(config=config) as connection:
                table = connection.sql(_BY_QUERY, params={"least": least_users}).to_arrow_table()
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            why = str(error).splitlines()[0]
            raise OSError(errno.ENOSPC, why, str(Path(spill).parent)) from None
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
