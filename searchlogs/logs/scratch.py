"""Blocks of bytes that wait on the disk, for what is too large to be sorted in memory."""

from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import TypeAlias

Place: TypeAlias = tuple[int, int]
"""Where a block begins, and its size in bytes."""


class Scratch:
    """A file without a name, which is gone when it is closed, even by a kill."""

    def __init__(self, folder: Path | None) -> None:
        """Make the file in a folder; None: the system's for temporary files."""
        self._folder = folder
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115
        self._end = 0

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def put(self, block: bytes | memoryview) -> Place:
        """Append a block, and return where it is.

        Raises:
            OSError: The disk is full; the error names the folder.
        """
        begin = self._end
        try:
            self._file.seek(begin)
            self._end += self._file.write(block)
            self._file.flush()
        except OSError as error:  # the file itself has no name
            error.filename = str(self._folder or gettempdir())
            raise
        return begin, self._end - begin

    def get(self, place: Place) -> bytes:
        """Return a block."""
        begin, size = place
        self._file.seek(begin)
        return self._file.read(size)
