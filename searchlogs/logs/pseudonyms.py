"""The people behind the log: pseudonyms for users, and a table by query that names nobody.

In 2006 AOL published 20 million searches of 650,000 people, with numbers in place of their names.
Journalists found one of them by what she had searched for (Barbaro and Zeller, "A face is exposed
for AOL searcher no. 4417749", The New York Times, 9 August 2006). So a pseudonym is not enough to
publish a log: what people type tells who they are. A number that many people share is safer.
"""

import hmac
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from searchlogs.events import AppOpen, Event

LEAST_KEY = 32
"""The shortest key, in bytes: as long as what SHA-256 gives."""


def load_key(path: Path) -> bytes:
    """Read a key file; make one, of random bytes and for its owner alone, where there is none.

    Who has the key can find out each pseudonym's user. Raises a ValueError where others may read
    the file, or where it is too short to be a key.
    """
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with open(descriptor, "w") as file:
                file.write(secrets.token_hex(LEAST_KEY) + "\n")
        except OSError as error:
            path.unlink()  # on a full disk: half a key would be refused for ever
            error.filename = str(path)
            raise
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ValueError(f"{path}: others than its owner may read this key; chmod 600 mends that")
    key = path.read_bytes().strip()
    if len(key) < LEAST_KEY:
        raise ValueError(f"{path}: a key must have {LEAST_KEY} bytes or more; this has {len(key)}")
    return key


def pseudonymiser(key: bytes) -> Callable[[Event], Event]:
    """A function that replaces an event's user, and the query_id that leads back to them.

    A pseudonym is the HMAC-SHA-256 (RFC 2104) of the user, in hexadecimal: the same for the same
    key, and nothing without it, not even to try out users with.

    >>> from searchlogs.simulate import client_events
    >>> pseudonymiser(b"k" * 32)(client_events()[0]).user[:8]
    '707db812'
    """

    @lru_cache(maxsize=100_000)
    def pseudonym(text: str) -> str:
        return hmac.digest(key, text.encode(), "sha256").hex()

    def pseudonymise(event: Event) -> Event:
        user = pseudonym(str(event.user))
        if isinstance(event, AppOpen) or event.query_id is None:
            return replace(event, user=user)
        return replace(event, user=user, query_id=pseudonym(event.query_id))

    return pseudonymise
