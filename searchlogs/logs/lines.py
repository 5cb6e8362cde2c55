"""Lines of a text file, compressed or not, however broken it is; and a writer of them."""

import codecs
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

from searchlogs.logs.border import BadRecord, Outcome
from searchlogs.logs.stores import place
from searchlogs.logs.words import COMPRESSED

MAX_LINE = 1 << 20
"""Longest line that is read, in bytes, so that a broken log cannot fill the memory."""

PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
"""Compressions, by the first bytes of a file."""

MAGIC = {**PACKED, b"PAR1": "parquet"}
"""Formats whose files are no lines, by their first bytes."""

UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
"""Encodings that are not UTF-8, by the byte-order mark."""

UTF_32_LE = b"\xff\xfe\0\0"
"""A byte-order mark that begins like one of UTF-16."""

LONGEST = 4
"""Bytes at the beginning of a file that tell all of these apart."""


class Text(io.BufferedReader):
    """Bytes of a text file, decompressed and in UTF-8; their source may be in UTF-16."""

    from_utf_16 = False


def text_of(path: str, file: BinaryIO) -> Text:
    """Return a file's bytes as text in UTF-8.

    Compression and UTF-16 are recognised by the first bytes. The ending of the name decides only
    if these are neither text nor known: then the file is a broken one.

    Args:
        path: The file's name, or `-`.
        file: The file, at its beginning.
    """
    text = _begun(Text(file))  # type: ignore[arg-type]
    compression = _compression(path, text.peek())
    if compression is not None:
        text = Text(_Unpacked(text, compression))
    try:
        text = _begun(text)
        head = text.peek()
    except OSError as error:
        if error.errno is not None:
            raise
        return text  # whoever reads it meets the error again
    encoding = UTF_16.get(head[:2])
    if encoding is None or head.startswith(UTF_32_LE):
        return text
    decoded = Text(_Decoded(text, encoding))
    decoded.from_utf_16 = True
    return decoded


def _begun(text: Text) -> Text:
    """Return a text whose first bytes are there to be seen; a pipe may give them one by one."""
    if len(text.peek()) >= LONGEST:
        return text
    return Text(Replayed(text.read(LONGEST), text))


def _compression(path: str, head: bytes) -> str | None:
    for magic, compression in PACKED.items():
        if head.startswith(magic):
            return compression
    return None if _is_text(head) else COMPRESSED.get(place(path).suffix)


def _is_text(head: bytes) -> bool:
    if head[:2] in UTF_16:
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head


class _Unpacked(io.RawIOBase):
    """Bytes of a compressed file, up to the last one before it breaks off.

    Arrow gives nothing of a read that meets the break, so the file is then read again up to there,
    and on byte by byte. (A block that is complete but wrong stays unread. Python's gzip module
    would give its bytes before it compares the checksum, and reads no zstd.) Standard input cannot
    be read again, so that it ends with the last read before the break.
    """

    def __init__(self, file: BinaryIO, compression: str) -> None:
        self.file = file
        self.compression = compression
        self.given = 0
        self.again = False
        self.error: OSError | None = None
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
        if self.error is not None:
            raise self.error  # Arrow would give an empty end
        try:
            data = self._read(len(buffer))
        except OSError as error:
            self.error = error
            raise
        self.given += len(data)
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        try:
            return self._read_bytes(size) if self.again else self.streams[-1].read(size)
        except OSError as error:
            if self.again or error.errno is not None or not self.file.seekable():
                raise
            self.again = True
            self._reopen()
            return self._read_bytes(size)

    def _read_bytes(self, size: int) -> bytes:
        """Read byte by byte; a break is met again by the next read, if there are bytes before."""
        data = bytearray()
        try:
            while len(data) < size and (byte := self.streams[-1].read(1)):
                data += byte
        except OSError as error:
            if not data:
                raise
            self.error = error
        return bytes(data)

    def _reopen(self) -> None:
        self.file.seek(0)
        self._open()
        left = self.given
        while left:
            left -= len(self.streams[-1].read(min(left, MAX_LINE)))


class _Decoded(io.RawIOBase):
    """Text in UTF-16 as UTF-8, without its byte-order mark.

    Whatever is no text becomes bytes that are no UTF-8, for `why_not_utf_16` to find: half a
    surrogate pair those of its code, and half a character at the end 0xff.
    """

    def __init__(self, file: Text, encoding: str) -> None:
        file.read(2)
        self.file = file
        self.decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self.left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.left:
            data = self.file.read1(len(buffer))
            if data:
                self.left = self.decoder.decode(data).encode("utf-8", "surrogatepass")
            elif self.decoder.getstate()[0]:
                self.decoder.reset()
                self.left = b"\xff"
            else:
                return 0
        data, self.left = self.left[: len(buffer)], self.left[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


class Replayed(io.RawIOBase):
    """A stream to which what has been read of it is given back."""

    def __init__(self, head: bytes, stream: Text) -> None:
        """Begin with what has been read, and go on with the stream."""
        self.head, self.stream = head, stream

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, and return the number of bytes."""
        data = self.head[: len(buffer)] if self.head else self.stream.read1(len(buffer))
        self.head = self.head[len(data) :]
        buffer[: len(data)] = data
        return len(data)


def why_not_utf_16(raw: bytes) -> BadRecord | None:
    """Return why bytes that were decoded from UTF-16 are no text, or None if they are."""
    if b"\xff" in raw:
        return BadRecord(None, "the file is truncated here: half a character of UTF-16")
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        number = len(raw[: error.start].decode()) + 1
        return BadRecord(None, f"not valid UTF-16: half a surrogate pair, at character {number}")
    return None


Line: TypeAlias = tuple[int, bytes, BadRecord | None]
"""A line's number, from 1, its bytes with the line end, and why it cannot be read."""

Parsed: TypeAlias = tuple[int, bytes, Outcome, int]
"""Number of a record's first line (or row), from 1, its bytes, what it gave, and its line ends."""


def read_lines(stream: BinaryIO, first: int = 1) -> Iterator[Line]:
    """Return the lines of a file. A line that cannot be read costs no other.

    Args:
        stream: The file.
        first: Number of the line at which the stream is.

    Raises:
        OSError: The disk cannot be read.
    """
    from_utf_16 = getattr(stream, "from_utf_16", False)
    number = first - 1
    while True:
        number += 1
        raw = rest = b""
        size = 0
        try:
            while not rest.endswith(b"\n") and (rest := stream.readline(MAX_LINE + 1)):
                raw = raw or rest
                size += len(rest)
        except OSError as error:
            yield number, raw, truncated(error, number > 1)
            return
        if not raw:
            return
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
            if bad := not_lines(raw):
                yield number, raw, bad
                return
        if size > MAX_LINE:
            reason = f"expected a line of at most {MAX_LINE:,} bytes; found {size:,}"
            yield number, raw, BadRecord(None, reason)
        else:
            yield number, raw, why_not_utf_16(raw) if from_utf_16 else None


def truncated(error: OSError, began: bool) -> BadRecord:
    """Return the reason for a file that cannot be read on.

    Args:
        error: The error that was met.
        began: Whether some of the file has been read.

    Raises:
        OSError: The disk cannot be read.
    """
    if error.errno is not None:
        raise error  # the disk is broken, not the file
    what = "the file is truncated here" if began else "could not be decompressed"
    return BadRecord(None, f"{what}: {error}")


def not_lines(head: bytes | bytearray) -> BadRecord | None:
    """Return why a file that begins so is no text, or None if it may be."""
    for magic, kind in MAGIC.items():
        if head.startswith(magic):
            why = "inside a compressed one" if magic in PACKED else "by another name or --format"
            return BadRecord(None, f"this is a {kind} file {why}")
    return None


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
