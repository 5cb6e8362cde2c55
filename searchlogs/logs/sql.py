"""A query as a log: DuckDB runs it, and each row of its result is a record."""

import json
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from searchlogs.events import shorten
from searchlogs.logs.border import Border, columns_of, duplicate_column, missing_column
from searchlogs.logs.parquet import ROWS
from searchlogs.logs.words import printable

if TYPE_CHECKING:
    import duckdb

MEMORY = "1GB"
"""Memory that DuckDB may take, unless the query sets `memory_limit`."""

WRITING = {"COPY", "EXPORT"}
"""Statements that write files."""

READ_ONLY = re.compile(r"\bread_only\b(?!\W*(false|0|off|no)\b)", re.IGNORECASE)
"""What keeps an attached database as it is."""

BEFORE = """
set timezone = 'UTC';
create temp macro "user"() as error('no column is called user; as in: select uid as user');
"""
"""Statements before a query. Without a column of this name, `user` is DuckDB's own user."""


class QueryFailed(ValueError):
    """A query that gives no rows; its message is what DuckDB says, in one line."""


@dataclass
class Query:
    """A query, whose columns are a log's fields. The last of several statements gives the rows.

    It runs in memory, or in a database that is only read. Nothing is downloaded unless it asks for
    that, and times without a zone are not those of the machine.

    Args:
        text: The query.
        name: Its name, for rejects.
        database: The database file; None for one in memory.

    >>> Query("select 'app_open' as event, 7 as user, now() as time").schema.names
    ['event', 'user', 'time']
    """

    text: str
    name: str = "query"
    database: Path | None = None
    _begun: pa.RecordBatchReader | None = field(default=None, init=False, repr=False, compare=False)
    """The result, if only its schema has been asked for yet."""

    def check(self, border: Border) -> None:
        """Raise QueryFailed if the query is wrong, or its columns are not those of events."""
        columns = self.schema.names
        bad = missing_column(border, columns) or duplicate_column(border, columns)
        if bad is not None:
            raise QueryFailed(f"{self.name}: {bad.field}: {bad.reason}")

    @property
    def schema(self) -> pa.Schema:
        """Columns of the rows.

        Raises:
            QueryFailed: The query is wrong, or its data is missing.
        """
        self._begun = self._begun or self._run()
        return self._begun.schema

    def batches(self, border: Border) -> Iterator[tuple[list[str], pa.RecordBatch]]:
        """Run the query, and yield its rows as they come.

        Returns:
            Pairs: the names of all columns, and a batch of those that the border needs.

        Raises:
            QueryFailed: The query is wrong, or fails on a row.
        """
        reader, self._begun = self._begun or self._run(), None
        names = reader.schema.names
        wanted = set().union(*map(columns_of, border.names))
        with reader, self._in_words():
            for batch in reader:
                places = [place for place, name in enumerate(names) if name in wanted]
                yield names, batch.select(places)

    @property
    def is_ordered(self) -> bool:
        """Whether the rows have an order: the last statement ends in `order by`."""
        connection, statements = self._parsed()
        with connection, self._in_words():
            ask = "select json_serialize_sql($query)"
            (tree,) = connection.execute(ask, {"query": statements[-1].query}).fetchone() or ()
        nodes = [one["node"] for one in json.loads(tree).get("statements", [])]
        return any(part["type"] == "ORDER_MODIFIER" for node in nodes for part in node["modifiers"])

    def _run(self) -> pa.RecordBatchReader:
        """Begin to run the query. DuckDB is not stopped by an interrupt unless it is told."""
        connection, statements = self._parsed()

        def run() -> pa.RecordBatchReader:
            for statement in statements[:-1]:
                connection.execute(statement).fetchall()
            return connection.sql(statements[-1]).to_arrow_reader(ROWS)

        with _released(connection), self._in_words(), ThreadPoolExecutor(1) as thread:
            try:
                return thread.submit(run).result()
            except KeyboardInterrupt:
                connection.interrupt()
                raise

    def _parsed(self) -> tuple["duckdb.DuckDBPyConnection", list[Any]]:
        """Return a connection, and the statements of the query."""
        connection = self._connected()
        with _released(connection):
            return connection, self._statements(connection)

    def _connected(self) -> "duckdb.DuckDBPyConnection":
        """Return a connection to the database, which is only read, or to one in memory."""
        try:
            import duckdb
        except ImportError:
            raise QueryFailed("--sql needs DuckDB: pip install 'searchlogs[sql]'") from None
        settings: dict[str, Any] = {
            "memory_limit": MEMORY,
            "temp_directory": tempfile.gettempdir(),
            "autoinstall_known_extensions": False,
        }
        with self._in_words():
            return duckdb.connect(self.database or ":memory:", self.database is not None, settings)

    def _statements(self, connection: "duckdb.DuckDBPyConnection") -> list[Any]:
        """Prepare the connection, and return the query's statements if they only read."""
        with self._in_words():
            connection.execute(BEFORE)
            # It is off in a notebook without ipywidgets, where DuckDB refuses any value for it.
            shown = connection.execute("select current_setting('enable_progress_bar')").fetchall()
            if shown != [(False,)]:
                connection.execute("set enable_progress_bar = false")
            statements = connection.extract_statements(self.text)
        kinds = [statement.type.name for statement in statements]
        if not kinds or kinds[-1] not in ("SELECT", "MULTI") or not WRITING.isdisjoint(kinds):
            found = ", ".join(kind.lower() for kind in kinds) or "no statement"
            raise QueryFailed(
                f"{self.name}: expected statements that read, the last a select; found {found}"
            )
        for statement in statements:
            if statement.type.name == "ATTACH" and not READ_ONLY.search(statement.query):
                raise QueryFailed(
                    f"{self.name}: a query only reads; expected (read_only) after attach and its "
                    f"file; found {shorten(statement.query.strip())}"
                )
        return statements

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Raise what DuckDB reports, by itself or through Arrow, as QueryFailed in one line."""
        import duckdb

        try:
            yield
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split()).rstrip(" ^")  # which would point at a line
            raise QueryFailed(f"{self.name}: {printable(reason)}") from None


@contextmanager
def _released(connection: "duckdb.DuckDBPyConnection") -> Iterator[None]:
    """Close a connection if the block fails: the error's frames would keep the database's lock."""
    try:
        yield
    except BaseException:
        connection.close()
        raise
