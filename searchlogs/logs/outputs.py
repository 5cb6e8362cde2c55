"""How the outputs of earlier runs are recognised, so that they are not read as logs."""

import csv
import json
from collections.abc import Iterable
from contextlib import suppress

from searchlogs.logs.stores import Place, open_place

LATE, REJECTS = "late", "rejects"
"""Words in the names of what every run leaves beside its sessions."""

BEGINNINGS = (
    ("user", "session", "start"),
    ("user", "session", "search"),
    ("query", "queries", "users"),
    ("user", "event", "late_by"),
    ("file", "line", "field"),
)
"""First three columns of the outputs: sessions, searches, queries, late events and rejects."""

BEGINNING = 1 << 16
"""Bytes of a text file that are searched for its first columns."""


def folders_of_runs(files: Iterable[Place]) -> set[Place]:
    """Return the folders in which a run has left its late events and rejects, beside its sessions.

    Args:
        files: All files of the folders.
    """
    late = f".{LATE}.jsonl"
    return {
        file.parent
        for file in files
        if file.name.endswith(late)
        and file.with_name(f"{file.name.removesuffix(late)}.{REJECTS}.jsonl").exists()
    }


def is_output(file: Place) -> bool:
    """Return whether a file holds an output of a run, by its first columns, or nothing at all.

    The name is not enough: a run can leave week.late.jsonl beside the log week.jsonl.
    """
    if file.suffix == ".parquet":
        return _columns_of_parquet(file)[:3] in BEGINNINGS
    from searchlogs.logs.lines import text_of  # loads pydantic, which a wrong path does without

    line = "no output"  # unless the file can be read, which whoever reads it as a log will see
    path = str(file)
    with suppress(OSError), open_place(path) as stream, text_of(path, stream) as text:
        line = text.readline(BEGINNING).decode(errors="replace")
    with suppress(ValueError, csv.Error):
        columns = json.loads(line) if line.startswith("{") else next(csv.reader([line]), [])
        return not line or tuple(columns)[:3] in BEGINNINGS
    return False


def _columns_of_parquet(file: Place) -> tuple[str, ...]:
    import pyarrow.parquet as pq

    from searchlogs.logs.parquet import UNREADABLE

    with open_place(str(file)) as stream:
        try:
            return tuple(pq.read_schema(stream).names)
        except UNREADABLE as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            return ()
