"""JSON values in any layout: the elements of an array, or values one after the other.

A value is found by its braces, in bounded memory, and whoever asks for it parses it. So a value
that is broken inside costs no other. If its braces do not balance, the next value is looked for
where one would begin in such a layout: on a later line with the same indentation.
"""

import codecs
import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Literal, NamedTuple, TypeAlias

import jiter

from searchlogs.logs.border import BadRecord
from searchlogs.logs.lines import MAX_LINE, Replayed, Text, truncated, why_not_utf_16
from searchlogs.logs.words import KEEPING

Layout: TypeAlias = Literal["lines", "array", "values"]

CHUNK = 1 << 18
"""Bytes that are read at a time."""

LOOK = 1 << 16
"""Bytes at the beginning of a file in which a value over several lines shows its layout."""

_K = KEEPING.encode()
_STRING = rb'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*%s' % _K
STRING = re.compile(_STRING)
"""A string up to its closing quote; one that is broken, up to the line end."""

# Brackets are left to the parser, so that a bracket that is missing costs no other value.
TO_BRACE = re.compile(rb'(?:[^"{}]++|%s")*%s' % (_STRING, _K))
TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|%s")*%s' % (_STRING, _K))
"""What stands before the next brace (or bracket), or before a string that is not closed."""

SPACE = re.compile(rb"[ \t\r\n]*+")
GARBAGE = re.compile(rb"[^{\n]++")
GARBAGE_INSIDE = re.compile(rb'\}++|(?:[^"{}\[\],\n]++|%s"?)+%s' % (_STRING, _K))
"""What is no value, outside of an array and inside."""


class Piece(NamedTuple):
    """A value, or whatever stands in the place of one, and the separators behind it."""

    line: int
    """Number of the line in which it begins, from 1."""
    raw: bytes
    size: int
    """Number of bytes before the separators; 0 if there is nothing else."""
    bad: BadRecord | None
    """Why it is no record, if that is known without parsing it."""
    lines: int
    """Number of lines that end in it."""


def find_layout(stream: BinaryIO) -> tuple[Layout, Text]:
    """Find out how the records of a JSON file are laid out, by the beginning of it.

    Returns:
        The layout, and a stream that is still at the beginning:

        - array: the first byte is `[`;
        - values: the first value is good and shares its line, or one of the first goes over
          several lines;
        - lines: all else, broken files too.
    """
    text = stream if isinstance(stream, Text) else Text(stream)  # type: ignore[arg-type]
    head = bytearray()
    looked = 0
    try:
        seen = text.peek()
        layout = _layout(seen)
        if layout is not None:
            return layout, text
        while layout is None and len(head) <= MAX_LINE + CHUNK and (more := text.read1(LOOK)):
            head += more
            if len(head) >= 2 * looked:  # a packed file that breaks off comes byte by byte
                looked = len(head)
                layout = _layout(bytes(head))
    except OSError as error:
        truncated(error, bool(head))
        layout = None
    if layout is None:
        layout = _layout(bytes(head), whole=True)
    replayed = Text(Replayed(bytes(head), text), CHUNK)
    replayed.from_utf_16 = text.from_utf_16
    return layout or "lines", replayed


def _layout(head: bytes, whole: bool = False) -> Layout | None:
    """Return the layout of what begins so; None if more must be read to know."""
    unknown: Layout | None = "lines" if whole else None
    start = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    view = _Window(io.BytesIO(), head[_after(SPACE, head, start) :])
    if not view.data:
        return unknown
    if view.data[:1] != b"{":
        return "array" if view.data[:1] == b"[" else "lines"
    first = True
    # However much of the file is there: a pipe gives less of it at once than a disk.
    while view.at < LOOK and (byte := view.data[view.at : view.at + 1]) in (b"{", b""):
        if not byte:
            return unknown
        end = view.find_end(indent=None)
        value = view.data[view.at : view.at + end.size]
        if end.reason:
            return unknown if end.reason == "more" else "lines"
        if b"\n" in value:
            # One on a single line may come before: not every writer breaks those that are short.
            return "values" if _is_object(value) else "lines"
        view.at += end.size
        space = view.match(SPACE)
        if b"\n" not in view.data[view.at : view.at + space]:
            if not first:
                break
            return _after_first(view, value, space, unknown)
        first = False
        view.at += space
    return "lines"


def _after_first(
    view: "_Window", first: bytes, space: int, unknown: Layout | None
) -> Layout | None:
    """Return the layout by what follows the first value in its line."""
    view.at += space
    byte = view.data[view.at : view.at + 1]
    if byte != b"{":
        return "lines" if byte else unknown
    end = view.find_end(indent=None)
    if end.reason == "more":
        return "values" if unknown and _is_object(first) else unknown
    second = view.data[view.at : view.at + end.size]
    return "values" if _is_object(first) and not end.reason and _is_object(second) else "lines"


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(jiter.from_json(data), dict)
    except ValueError:
        return False


def _after(pattern: re.Pattern[bytes], data: bytes, start: int) -> int:
    found = pattern.match(data, start)
    assert found is not None  # it may be empty
    return found.end()


class _End(NamedTuple):
    """Where a value ends, as an offset from its beginning, and why it ends there if it is broken.

    Reasons are `more` (there must be more of it), `string` (a line ends in a string), `large`, and
    `prefix`: what comes before `size` cannot become JSON, whatever follows.
    """

    size: int
    reason: str = ""


class _Window:
    """The part of a stream from the current place on that is in memory."""

    def __init__(self, stream: Any, data: bytes = b"") -> None:
        self.stream, self.data, self.at = stream, data, 0
        self.line = 1
        self.in_line = False
        """Whether the last line has not ended yet."""
        self.bad: BadRecord | None = None
        """Why the stream cannot be read on."""

    def more(self) -> bool:
        """Read on; return whether there was more."""
        if self.bad is not None:
            return False
        chunk = b""
        try:
            chunk = self.stream.read1(CHUNK)
        except OSError as error:
            self.bad = truncated(error, True)
        self.data, self.at = self.data[self.at :] + chunk, 0
        return bool(chunk)

    def take(self, size: int) -> bytes:
        """Return the next bytes, and go past them."""
        raw = self.data[self.at : self.at + size]
        self.at += size
        self.line += raw.count(b"\n")
        self.in_line = not raw.endswith(b"\n") if raw else self.in_line
        return raw

    def match(self, pattern: re.Pattern[bytes]) -> int:
        """Return how many of the next bytes match, of at most about MAX_LINE."""
        while (size := _after(pattern, self.data, self.at) - self.at) == len(self.data) - self.at:
            if size > MAX_LINE or not self.more():
                break
        return size

    def find_end(self, indent: int | None) -> _End:
        """Find the end of the value that begins here.

        Args:
            indent: Indentation of its line, by which a later value is recognised if the braces of
                this one do not balance; None to look for none.
        """
        array = self.data[self.at : self.at + 1] == b"["
        skipped, opening, closing = (TO_BRACKET, b"{[", b"}]") if array else (TO_BRACE, b"{", b"}")
        place = depth = 0
        checked = 0  # bytes that may become JSON
        later: tuple[int, int] | None = None  # first line after them like ours, and its brace
        while True:
            place = _after(skipped, self.data, self.at + place) - self.at
            byte = self.data[self.at + place : self.at + place + 1]
            if byte in (b"", b'"'):
                end = _after(STRING, self.data, self.at + place) if byte else len(self.data)
                if end < len(self.data) and self.data[end:] != b"\\":
                    return self._broken(later, _End(end - self.at, "string"))
                if len(self.data) - self.at > MAX_LINE:
                    return self._broken(later, _End(place, "large"))
                if not self.more():
                    return self._broken(later, _End(len(self.data) - self.at, "more"))
                continue
            if byte in opening and depth and indent is not None:
                begin = self._line_like_ours(place, indent)
                later = later or ((begin, place) if begin else None)
                if later and begin > 2 * checked:  # so that all checks take as long as two
                    if not self._may_become_json(place):
                        return _End(later[0], "prefix")
                    checked, later = place, None
            depth += (byte in opening) - (byte in closing)
            place += 1
            if not depth:
                return _End(place)

    def _broken(self, later: tuple[int, int] | None, end: _End) -> _End:
        """Return where a value ends that breaks off, or that does so already before a line."""
        if later is None or self._may_become_json(later[1]):
            return end
        return _End(later[0], "prefix")

    def _may_become_json(self, brace: int) -> bool:
        """Return whether the bytes up to a brace are JSON that breaks off."""
        try:
            jiter.from_json(self.data[self.at : self.at + brace + 1])
        except ValueError as error:
            return str(error).startswith("EOF")
        return False

    def _line_like_ours(self, place: int, indent: int) -> int:
        """Return where the line before ends if a brace begins one like ours; else 0."""
        here = self.at + place
        end = self.data.rfind(b"\n", max(self.at, here - indent - MAX_INDENT), here)
        if end < 0:
            return 0
        before = self.data[end + 1 : here]
        spaces = len(before) - len(before.lstrip(b" \t"))
        like = not before.strip(b" \t,") and indent <= spaces <= indent + 1
        return end - self.at if like else 0

    def skip_large(self) -> Piece:
        """Go past a value of any size, of which only the beginning is kept."""
        line, kept = self.line, self.data[self.at : self.at + MAX_LINE]
        array = kept[:1] == b"["
        skipped, opening, closing = (TO_BRACKET, b"{[", b"}]") if array else (TO_BRACE, b"{", b"}")
        size = depth = 0
        while True:
            size += len(self.take(_after(skipped, self.data, self.at) - self.at))
            byte = self.data[self.at : self.at + 1]
            if byte == b'"':
                end = _after(STRING, self.data, self.at)
                if end < len(self.data) and self.data[end:] != b"\\":
                    break  # a line ends in a string
                # The quote stays, so that the next search begins in the string.
                size += end - self.at - 1
                self.data, self.at = b'"' + self.data[end:], 0
            if byte in (b"", b'"'):
                if not self.more():
                    self.data, self.at = b"", 0
                    break
                continue
            size += len(self.take(1))
            depth += (byte in opening) - (byte in closing)
            if not depth:
                break
        bad = BadRecord(None, f"expected a value of at most {MAX_LINE:,} bytes; found {size:,}")
        return Piece(line, kept, len(kept), bad, self.line - line)

    def skip_broken(self, size: int, indent: int, inside: bool) -> Piece:
        """Go past a value that is broken in its first `size` bytes, to where the next may begin."""
        begins = rb"\n(?=[ \t]{%d,%d}(?:,[ \t]*)?\{)" % (indent, indent + 1)
        ends = rb"|\n(?=[ \t]{0,%d}\])" % indent if inside else b""
        following = re.compile(begins + ends)
        line, kept = self.line, b""
        while True:
            found = following.search(self.data, self.at + size)
            # What may be the beginning of such a line must stay until the rest of it is there.
            here = found.end() if found else max(self.at + size, self.data.rfind(b"\n"))
            part = self.take(here - self.at)
            kept += part[: max(0, MAX_LINE - len(kept))]
            size = 0
            if found:
                break
            if len(self.data) - self.at > MAX_LINE:
                self.take(len(self.data) - self.at)
            if not self.more():
                kept += self.take(len(self.data) - self.at)
                break
        return Piece(line, kept, len(kept), self.bad, self.line - line)


MAX_INDENT = 64
"""Bytes between the indentation of a line and its first brace that are looked through."""


def read_values(stream: BinaryIO, layout: Layout) -> Iterator[Piece]:
    """Return the values of a JSON file, and what stands between them where a value should.

    Args:
        stream: The file.
        layout: Array or values. Of an array, only elements can be records.
    """
    last: Piece | None = None
    for piece in _pieces(stream, layout == "array"):
        if last is None or piece.size or piece.bad:
            if last is not None:
                yield last
            last = piece
        else:
            raw = last.raw + piece.raw if len(last.raw) < MAX_LINE else last.raw
            last = last._replace(raw=raw, lines=last.lines + piece.lines)
    if last is not None:
        yield last


# Long because it is one loop, whose branches share where they are in the array.
def _pieces(stream: BinaryIO, is_array: bool) -> Iterator[Piece]:
    """Return the values of a file, and the separators as pieces of no size."""
    window = _Window(stream)
    while len(window.data) < len(codecs.BOM_UTF8) and window.more():
        pass
    if window.data.startswith(codecs.BOM_UTF8):
        window.at = len(codecs.BOM_UTF8)
    from_utf_16 = getattr(stream, "from_utf_16", False)
    inside = 0  # line in which the array begins; 0 outside
    before = ""  # what stands before, inside of an array: [ , a value, or something broken
    indent = 0

    def piece(size: int, bad: BadRecord | None = None, is_value: bool = True) -> Piece:
        line = window.line
        raw = window.take(size)
        bad = bad or (why_not_utf_16(raw) if from_utf_16 and is_value else None)
        return Piece(line, raw, size if is_value else 0, bad, window.line - line)

    while True:
        spaces = _after(SPACE, window.data, window.at) - window.at
        if spaces:
            space = piece(spaces, is_value=False)
            newline = space.raw.rfind(b"\n")
            indent = len(space.raw) - newline - 1 if newline >= 0 else indent
            yield space
        byte = window.data[window.at : window.at + 1]
        if not byte:
            if window.more():
                continue
            break
        if is_array and not inside and byte == b"[":
            inside, before = window.line, "["
            yield piece(1, is_value=False)
        elif inside and byte in b",]":
            missing = before in ("[", ",") if byte == b"," else before == ","
            reason = f"expected an element before {byte.decode()!r}"
            yield piece(1, BadRecord(None, reason) if missing else None, is_value=missing)
            inside, before = (inside, ",") if byte == b"," else (0, "")
        elif byte in b"{[":
            if inside and before == "value":
                yield piece(0, BadRecord(None, "expected a comma before this element"))
                before = "no commas"  # said once
            end = window.find_end(indent)
            if end.reason == "large":
                yield window.skip_large()
                inside = inside if window.data else 0  # that it breaks off is said already
            elif end.reason == "more":
                yield piece(end.size, window.bad)
                inside, window.bad = 0, None  # said already
            elif end.reason:
                yield window.skip_broken(end.size, indent, bool(inside))
            else:
                yield piece(end.size, None if inside or not is_array else OUTSIDE)
            broken = end.reason or before == "no commas"
            before = "no commas" if broken else "value"
        else:
            yield piece(window.match(GARBAGE_INSIDE if inside else GARBAGE))
            before = "value"
    if window.in_line:
        yield Piece(window.line, b"", 0, None, 1)
    if window.bad is not None:
        yield piece(0, window.bad)
    elif inside:
        yield piece(0, BadRecord(None, f"expected ] to close the array of line {inside}"))


OUTSIDE = BadRecord(None, "expected nothing outside of the array")
