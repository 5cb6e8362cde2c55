"""Users of record batches as numbers."""

import numpy as np
import pyarrow as pa

from searchlogs.columnar.columns import as_text, plain_users
from searchlogs.logs.arrays import Array, from_numpy, one_array, take, to_numpy


class UserNumbers:
    """Number users in the order in which they are first seen.

    Whole numbers that don't lie far apart are looked up in a table. All other users are numbered by
    Arrow's hash table, which takes several times as long and is built anew for each call.
    """

    def __init__(self) -> None:
        """Start with an empty table."""
        self.low = 0
        self.places = np.zeros(0, np.int32)
        """The number of each user from `low` on, or -1."""

    def number(
        self, users: pa.ChunkedArray, columns: list[pa.Array], now: bool
    ) -> tuple[Array, pa.ChunkedArray] | None:
        """Give numbers to the users of some rows.

        Args:
            users: All users seen so far, in the order of their numbers.
            columns: The users of the rows, column after column.
            now: Whether to number them at any price.

        Returns:
            The number of each row's user, and all users, the new ones last. None if Arrow's table
            would hold more users than rows, and they need no numbers now.
        """
        types = [users.type, *(column.type for column in columns)]
        if all(pa.types.is_integer(type) and type != pa.uint64() for type in types):
            chunks = [plain_users(column) for column in columns]
            arrived = one_array(pa.chunked_array(chunks))
            if len(arrived) and self._covers(users, arrived):
                return self._by_place(users, to_numpy(arrived, np.int64))
        if sum(map(len, columns)) < len(users) and not now:
            return None
        chunks = [*users.chunks, *map(plain_users, columns)]
        if len({chunk.type for chunk in chunks}) > 1:
            chunks = [as_text(chunk) for chunk in chunks]
        encoded = pa.concat_arrays(chunks).dictionary_encode()
        number = to_numpy(encoded.indices, np.int32)[len(users) :]
        return number, pa.chunked_array([encoded.dictionary])

    def _by_place(self, users: pa.ChunkedArray, arrived: Array) -> tuple[Array, pa.ChunkedArray]:
        """Look users up in the table, and put new ones into it."""
        place = arrived - self.low if self.low else arrived
        number = take(self.places, place)
        if number.min() < 0:
            new = np.flatnonzero(number < 0)
            place = take(place, new)
            # All rows of a new user write into one place, and the last one stays there.
            rank = np.arange(len(new), dtype=np.int32)
            self.places[place] = rank
            once = place[take(self.places, place) == rank]
            self.places[once] = np.arange(len(users), len(users) + len(once))
            users = pa.chunked_array([*users.chunks, from_numpy(once + self.low)])
            number[new] = take(self.places, place)
        return number, users

    def _covers(self, users: pa.ChunkedArray, arrived: pa.Array) -> bool:
        """Return whether the table covers the users that have arrived, or can be made to."""
        new = to_numpy(arrived, np.int64)
        low, high = int(new.min()), int(new.max())
        if self.low <= low and high < self.low + len(self.places):
            return True
        known = to_numpy(pa.concat_arrays([pa.nulls(0, users.type), *users.chunks]), np.int64)
        low, high = min(low, int(known.min(initial=low))), max(high, int(known.max(initial=high)))
        if high - low >= 32 * (len(known) + len(new)):
            return False
        self.low = 0 if low >= 0 and high < 4 * (high - low) else low  # 0 saves a subtraction
        self.places = np.full(2 * (high - self.low + 1), -1, np.int32)
        self.places[known - self.low] = np.arange(len(known))
        return True
