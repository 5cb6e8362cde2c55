"""Users of record batches as numbers."""

from typing import Any

import numpy as np
import pyarrow as pa

from searchlogs.columnar.kernel import Array, arrow, take, view


class UserNumbers:
    """Numbers for users: each one's place among all that were ever seen."""

    def __init__(self) -> None:
        self.low = 0
        self.places = np.zeros(0, np.int32)
        """The number of each user from `low` on, or -1, where users are whole numbers that don't
        lie far apart; else Arrow's hash table, several times slower, is made anew each time."""

    def number(
        self, users: pa.ChunkedArray, columns: list[pa.Array], now: bool
    ) -> tuple[Array, pa.ChunkedArray] | None:
        """The number of each row's user, and the users, to which new ones are added.

        None where it would cost more than the rows are worth, unless it is to be done `now`.
        """
        types = [users.type, *(column.type for column in columns)]
        if all(pa.types.is_integer(type) and type != pa.uint64() for type in types):
            chunks = [plain_users(column) for column in columns]
            arrived = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
            if len(arrived) and self._covers(users, arrived):
                return self._by_place(users, view(arrived, np.int64))
        if sum(map(len, columns)) < len(users) and not now:
            return None
        chunks = [*users.chunks, *map(plain_users, columns)]
        if len({chunk.type for chunk in chunks}) > 1:
            chunks = [texts(chunk) for chunk in chunks]
        encoded = pa.concat_arrays(chunks).dictionary_encode()
        number = view(encoded.indices, np.int32)[len(users) :]
        return number, pa.chunked_array([encoded.dictionary])

    def _by_place(self, users: pa.ChunkedArray, arrived: Array) -> tuple[Array, pa.ChunkedArray]:
        place = arrived - self.low if self.low else arrived
        number = take(self.places, place)
        if number.min() < 0:
            new = np.flatnonzero(number < 0)
            place = take(place, new)
            # Of the rows of a new user, the last one has the last word.
            rank = np.arange(len(new), dtype=np.int32)
            self.places[place] = rank
            first = place[take(self.places, place) == rank]
            self.places[first] = np.arange(len(users), len(users) + len(first))
            users = pa.chunked_array([*users.chunks, arrow(first + self.low)])
            number[new] = take(self.places, place)
        return number, users

    def _covers(self, users: pa.ChunkedArray, arrived: pa.Array) -> bool:
        """Whether the places are there, or could be made, from the lowest number to the highest."""
        new = view(arrived, np.int64)
        low, high = int(new.min()), int(new.max())
        if self.low <= low and high < self.low + len(self.places):
            return True
        known = view(pa.concat_arrays([pa.nulls(0, users.type), *users.chunks]), np.int64)
        low, high = min(low, int(known.min(initial=low))), max(high, int(known.max(initial=high)))
        if high - low >= 32 * (len(known) + len(new)):
            return False
        self.low = 0 if low >= 0 and high < 4 * (high - low) else low  # spares a subtraction
        self.places = np.full(2 * (high - self.low + 1), -1, np.int32)
        self.places[known - self.low] = np.arange(len(known))
        return True


def plain_users(column: pa.Array) -> pa.Array:
    """A column of users as int64 or string, without a hole."""
    if column.null_count:
        raise ValueError(f"user is missing in {column.null_count} rows")
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64() if column.type != pa.uint64() else pa.string())
    if pa.types.is_floating(column.type):
        raise TypeError(f"user must be text or a whole number; got {column.type}")
    return column.cast(pa.string())


def texts(column: Any) -> Any:
    return column.cast(pa.string())
