"""Addresses of logs and outputs: paths of files, and objects in stores such as S3.

A store's address is one that pyarrow reads: `s3://bucket/key`, `gs://bucket/key`, or
`abfs://container@account.dfs.core.windows.net/key`. Characters such as ? are percent-encoded.

Settings come from where pyarrow looks for them. For S3 these are AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_PROFILE, AWS_REGION and AWS_ENDPOINT_URL; for Google
GOOGLE_APPLICATION_CREDENTIALS; for Azure AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.
Other settings are options in the address: `s3://bucket/key?endpoint_override=host:port&scheme=http`
for another server that speaks S3, and `gs://anonymous@bucket/key` for a public bucket. A public
bucket of S3 needs no setting outside Amazon's machines.
"""

import errno
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import quote, unquote

S3 = ("bucket", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
GOOGLE = ("bucket", "GOOGLE_APPLICATION_CREDENTIALS")
AZURE = ("container", "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET")

SCHEMES = {"s3": S3, "gs": GOOGLE, "gcs": GOOGLE, "abfs": AZURE, "abfss": AZURE}
"""What holds a store's objects and which variables hold its credentials, by the scheme."""

SECRETS = ("client_secret", "sig")
"""Options of addresses that hold a secret."""

BLOCK = 1 << 20
"""Bytes of an object that are read at a time."""

PARQUET_BLOCKS = 10
"""Blocks of a Parquet file that are kept: one for each column, as they are read by turns."""

PATIENCE = "retry_limit_seconds=30"
"""Option for Google's client, which else tries for 15 minutes to reach a server."""


@dataclass(frozen=True)
class Address:
    """The address of an object in a store, or of a folder of objects, in the words of a path."""

    root: str
    """The scheme and the bucket: `s3://bucket`."""
    key: PurePosixPath
    options: str = ""
    """The options and the question mark before them."""

    def __str__(self) -> str:
        key = re.sub("[%?#]", lambda found: quote(found[0]), str(self.key)) if self.name else ""
        return f"{self.root}/{key}{self.options}"

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.name

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self.key.stem

    @property
    def suffix(self) -> str:
        """The ending of the name."""
        return self.key.suffix

    @property
    def parent(self) -> "Address":
        """The folder that it is in."""
        return replace(self, key=self.key.parent)

    def with_name(self, name: str) -> "Address":
        """Return the address of another object in the same folder."""
        return replace(self, key=self.key.with_name(name))

    def with_suffix(self, suffix: str) -> "Address":
        """Return the address whose name has another ending."""
        return replace(self, key=self.key.with_suffix(suffix))

    def absolute(self) -> "Address":
        """Return the address itself, which is the same everywhere."""
        return self

    def resolve(self) -> "Address":
        """Return the address itself, as stores have no links."""
        return self

    def exists(self) -> bool:
        """Return whether there is such an object or folder."""
        return self._kind() != "NotFound"

    def is_dir(self) -> bool:
        """Return whether it is a folder: the beginning of other keys."""
        return self._kind() == "Directory"

    def is_file(self) -> bool:
        """Return whether there is such an object."""
        return self._kind() == "File"

    def check_bucket(self) -> None:
        """Raise an OSError that says what is wrong unless the bucket exists."""
        if not replace(self, key=PurePosixPath()).is_dir():
            scheme, _, bucket = self.root.partition("://")
            reason = f"the {SCHEMES[scheme][0]} {bucket} does not exist"
            raise FileNotFoundError(errno.ENOENT, reason, str(self))

    def check_file(self) -> None:
        """Raise an OSError that says what is wrong unless there is such an object."""
        if not self.is_file():
            self.check_bucket()
            reason = f"{self.root} has no object or folder {self.key}"
            if "*" in str(self.key):
                reason += "; patterns of names are for files of this machine, so give the folder"
            raise FileNotFoundError(errno.ENOENT, reason, str(self))

    def size(self) -> int:
        """Return the size of the object, in bytes."""
        return int(self._info().size)

    def files(self) -> "list[Address]":
        """Return the objects in a folder and in those below it, by key."""
        from pyarrow.fs import FileSelector

        with self.in_words() as (system, path):
            infos = system.get_file_info(FileSelector(path, recursive=True))
        inside = len(f"{path}/") if path else 0
        keys = (self.key / info.path[inside:] for info in infos if info.type.name == "File")
        return [replace(self, key=key) for key in sorted(keys)]

    def put(self, file: Path) -> None:
        """Make a file an object, which appears whole or not at all.

        An interrupt waits until the file is there: closing a stream that was interrupted would
        complete the object with what it has until then, so that Arrow copies without Python.
        """
        from pyarrow.fs import LocalFileSystem, copy_files

        with self.in_words() as (system, path):
            copy_files(str(file), path, LocalFileSystem(), system, use_threads=False)
        if self.size() != file.stat().st_size:
            self.remove()
            raise OSError(errno.EIO, "the store does not have all bytes of the output", str(self))

    def remove(self) -> None:
        """Remove the object if it exists. A folder that is then empty may be left."""
        if self.is_file():
            with self.in_words() as (system, path):
                system.delete_file(path)

    def _kind(self) -> str:
        return str(self._info().type.name)

    def _info(self) -> Any:
        with self.in_words() as (system, path):
            return system.get_file_info(path)

    @contextmanager
    def in_words(self) -> Iterator[tuple[Any, str]]:
        """Yield the file system and the path in it; raise its errors in words, with a number."""
        import pyarrow as pa

        try:
            system, path = _file_system(self.root, self.options)
            yield system, "/".join(filter(None, (path, str(self.key) if self.name else "")))
        except pa.ArrowInvalid as error:
            raise ValueError(f"{self}: not an address of a store: {_line(error)}") from None
        except ValueError as error:  # a file that the server closed
            if "closed file" not in str(error):
                raise
            raise OSError(errno.EIO, "the store closed the connection", str(self)) from None
        except OSError as error:
            if error.errno is not None and not isinstance(error, FileNotFoundError):
                raise  # of a file on this machine
            raise _in_words(error, self) from None


@cache
def _file_system(root: str, options: str) -> tuple[Any, str]:
    """Return pyarrow's file system for a bucket, and the bucket's path in it."""
    from pyarrow.fs import FileSystem

    if root.startswith(("gs:", "gcs:")) and "retry_limit_seconds" not in options:
        options += f"{'&' if options else '?'}{PATIENCE}"
    system, path = FileSystem.from_uri(root + options)
    return system, path.rstrip("/")


REFUSED = re.compile(
    "ACCESS_DENIED|INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|InvalidAccessKeyId|Expired_?Token"
    "|PERMISSION_DENIED|UNAUTHENTICATED|OAuth2|AuthenticationFailed|AuthorizationFailure"
    "|Forbidden|Credential|HTTP status 40[13]",
    re.IGNORECASE,
)
"""What a store says if it does not accept the credentials."""

UNREACHED = re.compile(
    "NETWORK_CONNECTION|curlCode|CURL error|Could not (connect|resolve)|get a new connection"
)
"""What a client says if it cannot reach a store."""

NO_BUCKET = re.compile("NO_SUCH_BUCKET|Bucket '.*' not found|ContainerNotFound")
"""What a store says if it has no such bucket."""


def _in_words(error: OSError, address: Address) -> OSError:
    """Return the error of a store in one sentence that says which part of the address is wrong."""
    scheme, _, bucket = address.root.partition("://")
    holder, variables = SCHEMES[scheme]
    said, name = _line(error), str(address)
    if isinstance(error, FileNotFoundError):
        reason = f"{address.root} has no object {address.key}"
        return FileNotFoundError(errno.ENOENT, reason, name)
    if NO_BUCKET.search(said):
        reason = f"the {holder} {bucket} does not exist"
        return FileNotFoundError(errno.ENOENT, reason, name)
    if found := REFUSED.search(said):
        reason = f"the credentials are missing or not accepted ({found[0]}); set {variables}"
        return PermissionError(errno.EACCES, reason, name)
    if UNREACHED.search(said):
        which = re.search("endpoint_override=([^&]+)", address.options)
        where = unquote(which[1]) if which else os.environ.get("AWS_ENDPOINT_URL", "the store")
        where = where if scheme == "s3" or which else "the store"
        reason = f"{where} cannot be reached; check the endpoint, the region and the network"
        return ConnectionError(errno.EHOSTUNREACH, reason, name)
    return OSError(errno.EIO, f"the store failed: {said[:300]}", name)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


Place: TypeAlias = Path | Address
"""Where a log or an output is: a file or a folder of this machine, or of a store."""


def place(text: str) -> Place:
    """Return what an address or a path stands for.

    Raises:
        ValueError: The address has another scheme, no bucket, or a secret in it.

    >>> place("s3://logs/2024/january.csv.gz").name
    'january.csv.gz'
    >>> place("https://example.org/log.csv")
    Traceback (most recent call last):
    ...
    ValueError: https://example.org/log.csv: web addresses are not read; download the file, or \
read it by a query with --sql and DuckDB's httpfs
    """
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://([^/?#]*)([^?]*)(.*)", text, re.DOTALL)
    if match is None:
        return Path(text)
    scheme, bucket, key, options = match.groups()
    if scheme.lower() in ("http", "https"):
        raise ValueError(
            f"{text}: web addresses are not read; download the file, or read it by a query "
            "with --sql and DuckDB's httpfs"
        )
    if scheme not in SCHEMES:
        raise ValueError(
            f"{text}: unknown scheme {scheme}; expected s3://, gs:// or abfs://, or a path"
        )
    holder, variables = SCHEMES[scheme]
    if not bucket:
        raise ValueError(f"{text}: no {holder} in the address; expected {scheme}://{holder}/key")
    user, at, _ = bucket.rpartition("@")
    is_secret = ":" in user or (scheme == "s3" and at)
    if is_secret or re.search(rf"[?&]({'|'.join(SECRETS)})=", options):
        shown = f"{scheme}://…{key}"
        raise ValueError(
            f"{shown}: secrets in an address are seen by others; remove them and set {variables}"
        )
    return Address(f"{scheme}://{bucket}", PurePosixPath(unquote(key).strip("/")), options)


def on_this_machine(text: str) -> Path:
    """Return the path that a text stands for.

    Raises:
        ValueError: It is the address of a store.
    """
    found = place(text)
    if isinstance(found, Address):
        raise ValueError(f"{found}: expected a path on this machine, not the address of a store")
    return found


def files_in(folder: str) -> list[tuple[Place, tuple[str, ...]]]:
    """Return the files in a folder and in those below it, by name, and the parts of their names.

    Returns:
        Pairs: where a file is, and the names of the folders that lead to it and its own.
    """
    found = place(folder)
    if isinstance(found, Address):
        return [(file, file.key.relative_to(found.key).parts) for file in found.files()]
    files = sorted(file for file in found.rglob("*") if not file.is_dir())
    return [(file, file.relative_to(found).parts) for file in files]


def open_place(path: str, blocks: int = 1) -> BinaryIO:
    """Open a file, or an object, for reading from any position.

    Args:
        path: A path or an address.
        blocks: Number of an object's blocks of BLOCK bytes to keep in memory.

    Raises:
        OSError: It cannot be read; the error has a number, and so is not taken for a broken log.
    """
    found = place(path)
    if isinstance(found, Address):
        return io.BufferedReader(_Object(found, blocks), 1 << 16)
    return found.open("rb")


def size_of(path: str) -> int:
    """Return the size of a file or an object, in bytes."""
    found = place(path)
    return found.size() if isinstance(found, Address) else os.path.getsize(found)


def size_read(path: str, file: BinaryIO) -> int:
    """Return the size of a file that has been read to its end.

    Raises:
        OSError: An object has been replaced meanwhile, so that what was read is of two.
    """
    raw = getattr(file, "raw", None)
    if not isinstance(raw, _Object):
        return os.path.getsize(path)
    raw.check()
    return raw.length


class _Object(io.RawIOBase):
    """The bytes of an object, which are read block by block.

    Args:
        address: Its address.
        blocks: Number of blocks to keep, those that were used last.
    """

    def __init__(self, address: Address, blocks: int) -> None:
        self.address, self.blocks = address, blocks
        self.file, self.length, self.version = self._open()
        self.position = 0
        self.kept: dict[int, bytes] = {}

    def _open(self) -> tuple[Any, int, dict[str, bytes]]:
        """Return the object as pyarrow opens it, its size, and what tells it from another."""
        with self.address.in_words() as (system, path):
            file = system.open_input_file(path)
            return file, int(file.size()), _version(file)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.length}[whence]
        self.position = max(0, start + offset)
        return self.position

    def readinto(self, buffer: Any) -> int:
        number, start = divmod(self.position, BLOCK)
        if self.position >= self.length:
            return 0
        data = memoryview(self._block(number))[start : start + len(buffer)]
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)

    def _block(self, number: int) -> bytes:
        block = self.kept.pop(number, None)
        if block is None:
            size = min(BLOCK, self.length - number * BLOCK)
            with self.address.in_words():
                if self.file.closed:  # by Google's server, which does not wait for slow readers
                    self.check()
                block = self.file.read_at(size, number * BLOCK)
            if len(block) < size:
                raise self._replaced()
            while len(self.kept) >= self.blocks:
                del self.kept[next(iter(self.kept))]
        self.kept[number] = block
        return block

    def check(self) -> None:
        """Open the object again, and raise an OSError if it is no longer the one it was."""
        self.file, *now = self._open()
        if now != [self.length, self.version]:
            raise self._replaced()

    def _replaced(self) -> OSError:
        reason = "the object was replaced while it was read; run again"
        return OSError(errno.ESTALE, reason, str(self.address))


def _version(file: Any) -> dict[str, bytes]:
    """Return what a store says of an object that another one of its size does not have."""
    names = ("etag", "generation", "last-modified")
    return {name: value for name, value in file.metadata().items() if name.lower() in names}
