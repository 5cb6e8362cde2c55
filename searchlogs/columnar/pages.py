"""What is remembered of users between rounds: a page for some thousand users at a time.

A page's arrays have one cell per user, and fit into the processor's cache. The rows of a page are
few enough users to be put in order by counting.
"""

from dataclasses import dataclass

import numpy as np

from searchlogs.columnar.kernel import EMPTY, Arrays, Pieces, at, stable_order
from searchlogs.logs.arrays import Array, take
from searchlogs.logs.schemas import COUNTS

NEVER = -(1 << 62)
COLUMNS = {"user": np.uint16, "time": np.int64, "kind": np.uint8, "row": np.int64}
"""Types of the columns of rows that wait or are kept; the user is a place in the page.

`row` is a place among the rows that are held as they came, or -1.
"""


@dataclass(frozen=True)
class Page:
    """What is remembered of the users of one page. Arrays are replaced, never changed."""

    open: Array
    """One byte per user: the kind of the row as which the user's open session takes part in the
    next round, or 0 if no session is open. It holds all events so far up to the watermark."""
    span: Array
    """Two rows: start and end of each open session."""
    counts: Array
    """One row for each of COUNTS."""
    next_id: Array
    """Id of each user's next session that closes."""
    rows: Arrays
    """Rows that are kept, each user's by time: above the watermark, or of open sessions."""
    ended: Array
    """Each user's newest time at the end of an earlier input; empty if none has ended yet.

    All sessions have closed then, and what was late before is still late."""

    @classmethod
    def new(cls, users: int, keeps_rows: bool) -> "Page":
        """Make a page of so many users, of whom nothing is known."""
        return cls(
            open=np.zeros(users, np.uint8),
            span=np.zeros((2, users), np.int64),
            counts=np.zeros((len(COUNTS), users), np.uint32),
            next_id=np.zeros(users, np.uint32),
            rows={
                name: np.zeros(0, type)
                for name, type in COLUMNS.items()
                if keeps_rows or name != "row"
            },
            ended=EMPTY,
        )

    def __len__(self) -> int:
        """Return the number of rows that take part in each round."""
        return len(self.rows["user"]) + int(np.count_nonzero(self.open))

    def join(self, new: dict[str, list[Array]]) -> tuple[Arrays, Arrays]:
        """Return the rows of a round by user, each user's as they arrived.

        Args:
            new: The columns of the rows that arrived, part by part.

        Returns:
            The rows: for each user the open session as one row at its last time, then rows that
            were kept, then new ones. And `start` and COUNTS of the open sessions.
        """
        user = np.flatnonzero(self.open)
        carried = {name: take(row, user) for name, row in zip(COUNTS, self.counts, strict=True)}
        carried["start"] = take(self.span[0], user)
        first = {"user": user.astype(np.uint16), "time": take(self.span[1], user)}
        first["kind"] = take(self.open, user)
        kept = self.rows
        if "row" in new or "row" in kept:
            first["row"] = np.full(len(user), -1)
            kept = {"row": np.full(len(kept["user"]), -1)} | kept
        rows = {name: np.concatenate([first[name], kept[name], *new.get(name, ())])
                for name in first}  # fmt: skip
        return at(rows, stable_order(rows["user"])), carried

    def after(self, pieces: Pieces, eof: bool) -> "Page":
        """Return what is remembered after a round.

        Raises:
            OverflowError: An open session has 2³² events or more.
        """
        open, span, counts, ended = np.zeros_like(self.open), self.span, self.counts, self.ended
        if pieces.open:
            found = pieces.open
            if (most := found["events"].max(initial=0)) >> 32:
                raise OverflowError(f"a session can have less than 2³² events; found {most:,}")
            span, counts = span.copy(), counts.copy()
            user = found["user"].astype(np.intp)
            open[user] = found["kind"]
            for column, name in zip([*span, *counts], ("start", "end", *COUNTS), strict=True):
                column[user] = found[name]
        if eof:
            user, newest = pieces.newest
            ended = ended.copy() if len(ended) else np.full(len(open), NEVER)
            ended[user] = newest
        rows = {name: pieces.rest[name] for name in self.rows}
        return Page(open, span, counts, self.next_id.copy(), rows, ended)


@dataclass(frozen=True)
class Part:
    """Some rows that wait for a round, by page."""

    columns: Arrays
    """`user`, `time`, `kind`, and `row` if one of them is held."""
    ends: Array
    """Where the rows of each page end."""


class Waiting:
    """Rows that wait for a round, put by page as they arrive."""

    def __init__(self, page: int, parts: tuple[Part, ...] = ()) -> None:
        """Start with the parts of an earlier snapshot, for pages of `page` users, a power of 2."""
        self.page = page
        self.parts = parts
        self.size = sum(len(part.columns["user"]) for part in parts)

    def add(self, number: Array, rows: Arrays, pages: int) -> None:
        """Add rows of the users with these numbers, who are on so many pages."""
        columns = {"user": (number & (self.page - 1)).astype(np.uint16)} | rows
        ends = np.array([len(number)])
        if pages > 1:
            page = number >> (self.page.bit_length() - 1)
            page = page.astype(np.uint8 if pages <= 256 else np.uint16)
            order = stable_order(page)
            columns = at(columns, order)
            ends = np.searchsorted(take(page, order), np.arange(pages), "right")
        self.parts += (Part(columns, ends),)
        self.size += len(number)

    def of(self, page: int) -> dict[str, list[Array]]:
        """Return the columns of a page's rows, part by part, in the order in which they arrived."""
        found: list[Arrays] = []
        for part in self.parts:
            begin, end = (part.ends[i] if 0 <= i < len(part.ends) else 0 for i in (page - 1, page))
            if begin < end:
                found.append({name: column[begin:end] for name, column in part.columns.items()})
        if any("row" in columns for columns in found):
            for columns in found:
                columns.setdefault("row", np.full(len(columns["user"]), -1))
        return {name: [columns[name] for columns in found] for name in found[0]} if found else {}
