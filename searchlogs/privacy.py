"""The people behind the log: pseudonyms for users, and a table by query that names nobody.

In 2006 AOL published 20 million searches of 650,000 people, with numbers in place of their names.
Journalists found one of them by what she had searched for (Barbaro and Zeller, "A face is exposed
for AOL searcher no. 4417749", The New York Times, 9 August 2006). So a pseudonym is not enough to
publish a log: what people type tells who they are. A number that many people share is safer.
"""

import hmac
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from searchlogs.events import AppOpen, Event

LEAST_USERS = 10
"""A query of fewer users is not told by itself."""

LEAST_KEY = 32
"""The shortest key, in bytes: as long as what SHA-256 gives."""

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


def load_key(path: Path) -> bytes:
    """Read a key file; make one, of random bytes and for its owner alone, where there is none.

    Who has the key can find out each pseudonym's user. Raises a ValueError where others may read
    the file, or where it is too short to be a key.
    """
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with open(descriptor, "w") as file:
                file.write(secrets.token_hex(LEAST_KEY) + "\n")
        except OSError as error:
            path.unlink()  # on a full disk: half a key would be refused for ever
            error.filename = str(path)
            raise
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ValueError(f"{path}: others than its owner may read this key; chmod 600 mends that")
    key = path.read_bytes().strip()
    if len(key) < LEAST_KEY:
        raise ValueError(f"{path}: a key must have {LEAST_KEY} bytes or more; this has {len(key)}")
    return key


def pseudonymiser(key: bytes) -> Callable[[Event], Event]:
    """A function that replaces an event's user, and the query_id that leads back to them.

    A pseudonym is the HMAC-SHA-256 (RFC 2104) of the user, in hexadecimal: the same for the same
    key, and nothing without it, not even to try out users with.

    >>> from searchlogs.simulate import client_events
    >>> pseudonymiser(b"k" * 32)(client_events()[0]).user[:8]
    '707db812'
    """

    @lru_cache(maxsize=100_000)
    def pseudonym(text: str) -> str:
        return hmac.digest(key, text.encode(), "sha256").hex()

    def pseudonymise(event: Event) -> Event:
        user = pseudonym(str(event.user))
        if isinstance(event, AppOpen) or event.query_id is None:
            return replace(event, user=user)
        return replace(event, user=user, query_id=pseudonym(event.query_id))

    return pseudonymise


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
