"""Events as log files: what `source.Log` reads, written."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import BinaryIO, TypeAlias, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from searchlogs.events import EARLIEST, AppOpen, ClickResult, Event, Results, Search, shorten
from searchlogs.files import COMPRESSED, FORMATS, format_of
from searchlogs.logs import FIELDS, KINDS

T = TypeVar("T")

WORDS = {event: kind for kind, event in KINDS.items()}

SCHEMA = pa.schema(
    {
        "event": pa.dictionary(pa.int8(), pa.string()),
        "user": pa.string(),
        "time": pa.timestamp("us", "UTC"),
        "query": pa.string(),
        "items": pa.list_(pa.string()),
        "item": pa.string(),
        "query_id": pa.string(),
        "position": pa.int64(),
    }
)
"""The columns of a Parquet log, the same for all: users are text."""

ROWS = 50_000
"""So many events are a row group of Parquet."""

BATCH = 1_000
"""So many records are a batch of UBI: first its queries, so that the file is in no time order."""

VISIT = timedelta(minutes=30)
"""A longer pause of a user begins a new `session_id` of UBI."""

HELD = 100_000
"""So many users' visits, and searches that wait for their results, UBI keeps in mind."""


def write_log(events: Iterable[Event], path: str | Path, format: str | None = None) -> int:
    """Write a log file that `source.Log` reads; return how many events it took.

    `format` is jsonl, csv, parquet or ubi; None goes by the file's name. Text is compressed where
    the name ends in .gz or .zst. The same events give the same bytes. The file gets its name, which
    another may have had, when it is complete: what breaks off leaves nothing. Memory doesn't grow
    with the log.

    CSV and Parquet hold users as text. UBI holds no results of their own: theirs go into the record
    of their search, and its time counts. For that they need its `query_id`, or to come before the
    user's next search; others become impressions, which are no results.

    Raises a ValueError for a name or a text that the format can't hold, and an OSError where there
    is no place for the file.

    >>> from tempfile import TemporaryDirectory
    >>> from searchlogs.simulate import client_events
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "events.csv")
    ...     write_log(client_events(), path)
    ...     print(path.read_text().splitlines()[1])
    7
    search,1,2024-01-01T00:00:05.000Z,dogs,,,,
    """
    path = Path(path)
    format = format or format_of(path)
    if format not in WRITERS:
        raise ValueError(
            f"{path}: a name must end in {', '.join(FORMATS)}, or one of these but .parquet and "
            f"{' or '.join(COMPRESSED)}; or format must be one of {', '.join(WRITERS)}"
        )
    if format == "parquet" and path.suffix in COMPRESSED:
        raise ValueError(f"{path}: Parquet is compressed inside; its name must not end so")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; the log needs a name in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}")
    taken = count()
    part = path.with_name(f"{path.name}.part")
    try:
        with open(part, "wb") as file:
            WRITERS[format]((event for event, _ in zip(events, taken, strict=False)), file, path)
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, UnicodeEncodeError):
            text = error.object[max(0, error.start - 20) : error.end]
            raise ValueError(f"{path}: UTF-8 can't hold the end of {shorten(text)}") from None
        raise
    return next(taken)


def event_record(event: Event) -> dict[str, object]:
    """An event in our own shape, as JSON can hold it: its kind, its fields, and none that is None.

    >>> from searchlogs.simulate import client_events
    >>> event_record(client_events()[2])
    {'event': 'click', 'user': 1, 'time': '2024-01-01T00:00:07.000Z', 'item': 'rover'}
    """
    record: dict[str, object] = {"event": WORDS[type(event)]}
    for name in FIELDS[1:]:
        value = getattr(event, name, None)
        if value is not None:
            record[name] = value
    record["time"] = _iso(event.time)
    if isinstance(event, Results):
        record["items"] = list(event.items)
    return record


def _iso(time: datetime) -> str:
    """As browsers write it: milliseconds always, so that all times of a log look alike."""
    precision = "microseconds" if time.microsecond % 1000 else "milliseconds"
    return time.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _write_text(lines: Iterable[str], file: BinaryIO, path: Path) -> None:
    compression = COMPRESSED.get(path.suffix)
    if compression is None:
        file.writelines(line.encode() for line in lines)
    else:
        # Its gzip has no time and no name in its header, so that the same lines are the same bytes.
        with pa.CompressedOutputStream(pa.PythonFile(file, "w"), compression) as stream:
            for line in lines:
                stream.write(line.encode())


def _write_jsonl(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    _write_text((_json(event_record(event)) + "\n" for event in events), file, path)


def _write_csv(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    name = path.with_suffix("") if path.suffix in COMPRESSED else path
    delimiter = "\t" if name.suffix == ".tsv" else ","
    _write_text(_csv_lines(events, delimiter), file, path)


def _csv_lines(events: Iterable[Event], delimiter: str) -> Iterator[str]:
    cells = io.StringIO()
    # Python 3.11 quotes a carriage return only where lines end in one.
    table = csv.DictWriter(cells, FIELDS, delimiter=delimiter, lineterminator="\r\n")
    table.writeheader()
    for event in events:
        yield _taken(cells)
        record = event_record(event)
        if isinstance(event, Results):
            record["items"] = _json(event.items)
        table.writerow(record)
    yield _taken(cells)


def _taken(cells: io.StringIO) -> str:
    row = cells.getvalue().removesuffix("\r\n")
    cells.seek(0)
    cells.truncate()
    if "\0" in row:
        raise ValueError(f"CSV can't hold a NUL character, JSON Lines can: {shorten(row)}")
    return row + "\n"


def _write_parquet(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    with pq.ParquetWriter(file, SCHEMA) as table:
        for batch in _batches(events, ROWS):
            rows = [
                {**event_record(event), "user": str(event.user), "time": event.time}
                for event in batch
            ]
            table.write_batch(pa.RecordBatch.from_pylist(rows, SCHEMA))


def _batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    things = iter(things)
    while batch := list(islice(things, size)):
        yield batch


def _write_ubi(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    _write_text(_bulk_lines(events), file, path)


UbiRecord: TypeAlias = dict[str, object]
QUERIES, EVENTS = "ubi_queries", "ubi_events"


def _bulk_lines(events: Iterable[Event]) -> Iterator[str]:
    """What the bulk API takes: before each record a line that says where it belongs."""
    for batch in _batches(_ubi_records(events), BATCH):
        for index in QUERIES, EVENTS:
            for where, record in batch:
                if where == index:
                    yield _json({"index": {"_index": index}}) + "\n" + _json(record) + "\n"


def _ubi_records(events: Iterable[Event]) -> Iterator[tuple[str, UbiRecord]]:
    """The records and their indices: those of a page as soon as its search and results are there.

    Without a `query_id`, results belong to the search of the same user before them.
    """
    waiting: dict[tuple[str, str | None], tuple[Search | Results, str]] = {}
    for event, session in _with_sessions(events):
        for action in _actions(event, session):
            yield EVENTS, action
        if not isinstance(event, Search | Results):
            continue
        key = str(event.user), event.query_id
        other, session_of_other = waiting.pop(key, (None, ""))
        search, results = (event, other) if isinstance(event, Search) else (other, event)
        if (
            isinstance(search, Search)
            and isinstance(results, Results)
            and (search.query_id is not None or search.time <= results.time)
        ):
            yield QUERIES, _query(search, results)
            continue
        if other is not None:
            yield from _alone(other, session_of_other)
        waiting[key] = event, session
        if len(waiting) > HELD:
            yield from _alone(*waiting.pop(next(iter(waiting))))
    for event, session in waiting.values():
        yield from _alone(event, session)


def _alone(event: Search | Results, session: str) -> Iterator[tuple[str, UbiRecord]]:
    """A search without results, or results without a search."""
    if isinstance(event, Search):
        yield QUERIES, _query(event, None)
    else:
        for position, item in enumerate(event.items, 1):
            yield EVENTS, _action("impression", "IMPRESSION", event, session, item, position)


def _with_sessions(events: Iterable[Event]) -> Iterator[tuple[Event, str]]:
    """Events with the id of their visit, which says its user and when it began."""
    visits: dict[str, tuple[datetime, datetime]] = {}  # first and last time of each user's
    for event in events:
        user, time = str(event.user), event.time
        first, last = visits.pop(user, (time, time))
        if time - last > VISIT:
            first = last = time
        visits[user] = first, max(last, time)
        if len(visits) > HELD:
            del visits[next(iter(visits))]
        yield event, f"{user}-{_iso(first)}"


def _query(search: Search, results: Results | None) -> UbiRecord:
    """As the plugin writes it, with the server's clock: the time a number of milliseconds."""
    query: UbiRecord = {"application": "searchlogs"}
    if search.query_id is not None:
        query["query_id"] = search.query_id
    query |= {"client_id": str(search.user), "user_query": search.query, "query_attributes": {}}
    if results is not None:
        query["query_response_hit_ids"] = results.items
        if search.query_id is not None:
            query["query_response_id"] = f"{search.query_id}-response"
    return {**query, "timestamp": _milliseconds(search.time)}


def _actions(event: Event, session: str) -> Iterator[UbiRecord]:
    """What the browser tells of an event: of these, only the click is one that counts."""
    match event:
        case AppOpen():
            yield _action("login", "INFO", event, session)
        case Search():
            told = _action("on_search", "QUERY", event, session)
            yield {**told, "message": event.query}
        case ClickResult():
            for name, type in ("product_hover", "INFO"), ("click", "CONVERSION"):
                yield _action(name, type, event, session, event.item, event.position)


def _action(
    name: str,
    message_type: str,
    event: Event,
    session: str,
    item: str | None = None,
    position: int | None = None,
) -> UbiRecord:
    """As browsers write it: the time is text."""
    action: UbiRecord = {"application": "searchlogs", "action_name": name}
    query_id = getattr(event, "query_id", None)
    if query_id is not None:
        action["query_id"] = query_id
    action |= {"session_id": session, "client_id": str(event.user), "timestamp": _iso(event.time)}
    action["message_type"] = message_type
    if item is not None:
        attributes: UbiRecord = {"object": {"object_id": item, "object_id_field": "item"}}
        if position is not None:
            attributes["position"] = {"ordinal": position}
        action["event_attributes"] = attributes
    return action


def _milliseconds(time: datetime) -> int | float:
    micros = (time - EARLIEST) // timedelta(microseconds=1)
    return micros / 1000 if micros % 1000 else micros // 1000


WRITERS: dict[str, Callable[[Iterable[Event], BinaryIO, Path], None]] = {
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "parquet": _write_parquet,
    "ubi": _write_ubi,
}
