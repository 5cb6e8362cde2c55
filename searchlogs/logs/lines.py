"""Lines of a file, packed or not, however broken it is."""

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

import pyarrow as pa

from searchlogs.logs.border import BadRecord, Outcome
from searchlogs.logs.words import COMPRESSED

MAX_LINE = 1 << 20
"""The longest line that is read, in bytes, so that a broken log can't fill the memory."""
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PAR1": "parquet"}


def unpacked(path: str, file: BinaryIO) -> BinaryIO:
    """The file's bytes, decompressed where its name says so."""
    compression = COMPRESSED.get(Path(path).suffix)
    if compression is None:
        return file
    return io.BufferedReader(_Unpacked(file, compression))


class _Unpacked(io.RawIOBase):
    """What a compressed file holds, up to the very byte where it breaks off.

    Arrow gives nothing of a read that meets the break, so this one is read again byte by byte. (A
    block that is whole but wrong stays unread.)
    """

    def __init__(self, file: BinaryIO, compression: str) -> None:
        self.file = file
        self.compression = compression
        self.given = 0
        self.broken = False
        self.streams: list[Any] = []
        self._open()

    def _open(self) -> None:
        # The streams before stay, for one that goes would close the file.
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
            self._again()
            data = self.streams[-1].read(1)
        self.given += len(data)
        buffer[: len(data)] = data
        return len(data)

    def _again(self) -> None:
        self.file.seek(0)
        self._open()
        left = self.given
        while left:
            left -= len(self.streams[-1].read(min(left, MAX_LINE)))


Line: TypeAlias = tuple[int, bytes, BadRecord | None]
Parsed: TypeAlias = tuple[int, bytes, Outcome]


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """The lines with their ends, numbered from 1, and what makes one unreadable."""
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
                raise  # the disk's, not the file's
            what = "is where the file breaks off" if number > 1 else "can't be decompressed"
            yield number, raw, BadRecord(None, f"{what}: {error}")
            return
        if not raw:
            return
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
            if kind := next((kind for magic, kind in MAGIC.items() if raw.startswith(magic)), None):
                yield number, raw, BadRecord(None, f"is {kind}, whatever the file's name says")
                return
        if size > MAX_LINE:
            why = BadRecord(None, f"is a line of {size:,} bytes; at most {MAX_LINE:,} are read")
            yield number, raw, why
        else:
            yield number, raw, None


T = TypeVar("T")


def write_text(lines: Iterable[str], file: BinaryIO, path: Path) -> None:
    compression = COMPRESSED.get(path.suffix)
    if compression is None:
        file.writelines(line.encode() for line in lines)
    else:
        # Its gzip has no time and no name in its header, so that the same lines are the same bytes.
        with pa.CompressedOutputStream(pa.PythonFile(file, "w"), compression) as stream:
            for line in lines:
                stream.write(line.encode())


def batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    things = iter(things)
    while batch := list(islice(things, size)):
        yield batch
