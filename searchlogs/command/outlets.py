"""Where a command's output goes: files whose names are free, or standard output."""

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from searchlogs.logs.stores import Place

STDOUT = Path("-")
"""Path that stands for standard output."""


def check_free(paths: Iterable[Place], force: bool, before: str = "") -> None:
    """Check that files can be written.

    Args:
        paths: The files or objects; standard output is always free.
        force: Whether those that exist may be overwritten.
        before: A sentence to begin an error with.

    Raises:
        ValueError: One is a folder, or exists and must not be overwritten.
    """
    for path in paths:
        if path == STDOUT:
            continue
        if path.is_dir():
            raise ValueError(f"{path}: is a folder; expected the name of a file")
        if path.exists() and not force:
            raise ValueError(f"{before} {path}: already exists; --force overwrites it".lstrip())


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Open standard output for bytes, also in a notebook, whose own takes only text."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        held = io.BytesIO()
        yield held
        sys.stdout.write(held.getvalue().decode())


def say(*lines: str, to: TextIO | None = None) -> None:
    """Print lines to a stream, standard output if None, unless nobody reads it any more."""
    stream = to or sys.stdout
    try:
        print(*lines, sep="\n", file=stream, flush=True)
    except BrokenPipeError:  # as of head, which has read enough
        discard(stream)


def discard(stream: TextIO) -> None:
    """Print nothing to a stream from now on. Python flushes once more when it ends."""
    with suppress(OSError):  # a stream of a notebook has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
