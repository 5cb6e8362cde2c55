"""Pseudonyms for users, and the key that makes them.

In 2006 AOL published 20 million searches of 650,000 people, with numbers in place of their names.
Journalists found one of them by what she had searched for (Barbaro and Zeller, "A face is exposed
for AOL searcher no. 4417749", The New York Times, 9 August 2006). So pseudonyms are not enough to
publish a log: what people type shows who they are. A number that many people share is safer, such
as a row of the table by query.
"""

import hmac
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from searchlogs.events import Event, trusted

LEAST_KEY = 32
"""Shortest key, in bytes: as long as a digest of SHA-256."""


def load_key(path: Path) -> bytes:
    """Read a key file, or make one that only its owner may read.

    Whoever has the key can find out the user behind each pseudonym.

    Args:
        path: The file. If it does not exist, it gets a random key.

    Returns:
        The key, of at least 32 bytes.

    Raises:
        ValueError: Others than the owner may read the file, or the key is too short.
        OSError: The file cannot be read or written.
    """
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with open(descriptor, "w") as file:
                file.write(secrets.token_hex(LEAST_KEY) + "\n")
        except OSError as error:
            path.unlink()  # half a key, left by a full disk, would be refused ever after
            error.filename = str(path)
            raise
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ValueError(f"{path}: others than its owner may read this key (run chmod 600 on it)")
    key = path.read_bytes().strip()
    if len(key) < LEAST_KEY:
        raise ValueError(f"{path}: expected a key of {LEAST_KEY} bytes or more; found {len(key)}")
    return key


def pseudonymiser(key: bytes) -> Callable[[Event], Event]:
    """Return a function that replaces an event's user, and the query_id that leads back to them.

    A pseudonym is the HMAC-SHA-256 (RFC 2104) of the user, in hexadecimal: always the same under
    one key. Without the key, nobody can find the user even by trying out names.

    >>> from searchlogs.simulate import client_events
    >>> pseudonymiser(b"k" * 32)(client_events()[0]).user[:8]
    '707db812'
    """

    @lru_cache(maxsize=100_000)
    def pseudonym(text: str) -> str:
        return hmac.digest(key, text.encode(), "sha256").hex()

    def pseudonymise(event: Event) -> Event:
        values = {name: getattr(event, name) for name in event.__slots__}
        values["user"] = pseudonym(str(event.user))
        if values.get("query_id") is not None:
            values["query_id"] = pseudonym(values["query_id"])
        return trusted(type(event), **values)

    return pseudonymise
