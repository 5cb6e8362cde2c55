"""Lines of a text file, compressed or not, however broken it is; and a writer of them."""

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

from searchlogs.logs.border import BadRecord, Outcome
from searchlogs.logs.words import COMPRESSED

MAX_LINE = 1 << 20
"""Longest line that is read, in bytes, so that a broken log cannot fill the memory."""

MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PAR1": "parquet"}
"""Formats whose files are no lines, by their first bytes."""


def unpacked(path: str, file: BinaryIO) -> BinaryIO:
    """Return a file's bytes, decompressed if the ending of its name says so."""
    compression = COMPRESSED.get(Path(path).suffix)
    if compression is None:
        return file
    return io.BufferedReader(_Unpacked(file, compression))


class _Unpacked(io.RawIOBase):
    """Bytes of a compressed file, up to the last one before it breaks off.

    Arrow gives nothing of a read that meets the break, so the file is then read again up to there,
    and on byte by byte. (A block that is complete but wrong stays unread. Python's gzip module
    would give its bytes before it compares the checksum, and reads no zstd.)
    """

    def __init__(self, file: BinaryIO, compression: str) -> None:
        self.file = file
        self.compression = compression
        self.given = 0
        self.broken = False
        self.streams: list[Any] = []
        self._open()

    def _open(self) -> None:
        import pyarrow as pa  # takes longer to load than most logs to read

        # The earlier stream is kept, as it would close the file when it is collected.
        self.streams.append(
            pa.CompressedInputStream(pa.PythonFile(self.file, "r"), self.compression)
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.streams[-1].read(1 if self.broken else len(buffer))
        except OSError as error:
            if self.broken or error.errno is not None:
                raise
            self.broken = True
            self._reopen()
            data = self.streams[-1].read(1)
        self.given += len(data)
        buffer[: len(data)] = data
        return len(data)

    def _reopen(self) -> None:
        self.file.seek(0)
        self._open()
        left = self.given
        while left:
            left -= len(self.streams[-1].read(min(left, MAX_LINE)))


Line: TypeAlias = tuple[int, bytes, BadRecord | None]
"""A line's number, from 1, its bytes with the line end, and why it cannot be read."""

Parsed: TypeAlias = tuple[int, bytes, Outcome]
"""Number of a record's first line (or row), from 1, its bytes, and what it gave."""


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """Return the lines of a file. A line that cannot be read costs no other.

    Raises:
        OSError: The disk cannot be read.
    """
    number = 0
    while True:
        number += 1
        raw = rest = b""
        size = 0
        try:
            while not rest.endswith(b"\n") and (rest := stream.readline(MAX_LINE + 1)):
                raw = raw or rest
                size += len(rest)
        except OSError as error:
            if error.errno is not None:
                raise  # the disk is broken, not the file
            what = "the file is truncated here" if number > 1 else "could not be decompressed"
            yield number, raw, BadRecord(None, f"{what}: {error}")
            return
        if not raw:
            return
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
            if kind := next((kind for magic, kind in MAGIC.items() if raw.startswith(magic)), None):
                reason = f"this is a {kind} file, but the ending of its name says otherwise"
                yield number, raw, BadRecord(None, reason)
                return
        if size > MAX_LINE:
            reason = f"expected a line of at most {MAX_LINE:,} bytes; found {size:,}"
            yield number, raw, BadRecord(None, reason)
        else:
            yield number, raw, None


T = TypeVar("T")


def write_text(lines: Iterable[str], file: BinaryIO, path: Path) -> None:
    """Write lines, which bring their ends, and compress them if the ending of the name says so."""
    compression = COMPRESSED.get(path.suffix)
    if compression is None:
        file.writelines(line.encode() for line in lines)
        return
    import pyarrow as pa

    # Arrow's gzip has no time and no name in its header, so that the same lines are the same bytes.
    with pa.CompressedOutputStream(pa.PythonFile(file, "w"), compression) as stream:
        for line in lines:
            stream.write(line.encode())


def batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Return the things in lists of `size`, of which only the last may be shorter."""
    things = iter(things)
    while batch := list(islice(things, size)):
        yield batch
