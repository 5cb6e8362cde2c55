"""Logs and outputs in object stores, on a local server that speaks S3."""

import errno
import gzip
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import FileSelector, FileSystem, FileType
from wording import Like

from searchlogs.command.cli import main
from searchlogs.logs import stores
from searchlogs.logs.formats import write_log
from searchlogs.logs.log import Log
from searchlogs.logs.records import read_log
from searchlogs.logs.stores import Address, on_this_machine, open_place, place, size_read
from searchlogs.simulate import client_events, simulate

EVENTS = list(simulate(users=30, sessions=90, seed=5))


class Server:
    """A local server with a bucket called logs."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.system, _ = FileSystem.from_uri(self.uri("") + "&allow_bucket_creation=true")
        self.system.create_dir("logs")

    def uri(self, key: str, bucket: str = "logs") -> str:
        return f"s3://{bucket}/{key}?endpoint_override={self.host}&scheme=http"

    def put(self, key: str, data: bytes) -> str:
        with self.system.open_output_stream(f"logs/{key}", compression=None) as stream:
            stream.write(data)
        return self.uri(key)

    def get(self, key: str) -> bytes:
        with self.system.open_input_file(f"logs/{key}") as stream:
            return bytes(stream.read())

    def keys(self, folder: str) -> set[str]:
        found = self.system.get_file_info(FileSelector(f"logs/{folder}", allow_not_found=True))
        return {info.base_name for info in found if info.type == FileType.File}

    def ask_for_credentials(self, after: int) -> None:
        """Answer some more requests of any user, and then only those of users who are known."""
        url = f"http://{self.host}/moto-api/reset-auth"
        kind = {"Content-Type": "text/plain"}
        with urllib.request.urlopen(urllib.request.Request(url, str(after).encode(), kind)):
            pass


# They start a server that speaks S3, and wait for one that does not answer.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", "someone")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        code = (
            "from moto.server import ThreadedMotoServer as Server\n"
            "server = Server('127.0.0.1', 0, verbose=False)\n"
            "server.start()\n"
            "print(*server.get_host_and_port(), sep=':', flush=True)\n"
            "input()\n"
        )
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        quiet = {"stderr": subprocess.DEVNULL, "text": True}
        with subprocess.Popen([sys.executable, "-c", code], **pipes, **quiet) as process:
            assert process.stdout is not None
            try:
                yield Server(process.stdout.readline().strip())
            finally:
                process.kill()


def local(folder: Path, name: str = "log.jsonl") -> Path:
    path = folder / name
    write_log(EVENTS, path)
    return path


def run(*arguments: object) -> int:
    return main(["run", *map(str, arguments)])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the message, which is one line."""
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    return text


@pytest.mark.parametrize(
    "name", ["log.jsonl", "log.csv", "log.tsv.gz", "log.jsonl.zst", "log.parquet"]
)
@pytest.mark.parametrize("engine", ["columnar", "events"])
def test_a_log_in_a_store_gives_what_the_same_file_gives(
    name: str, engine: str, server: Server, tmp_path: Path
) -> None:
    log = local(tmp_path, name)
    uri = server.put(f"same/{engine}/{name}", log.read_bytes())
    for source, out in ((log, "a"), (uri, "b")):
        status = run(source, "--engine", engine, "--out", tmp_path / f"{out}.parquet")
        assert status in (0, 1)
    for ending in ("parquet", "late.jsonl", "rejects.jsonl"):
        one, other = ((tmp_path / f"{out}.{ending}").read_bytes() for out in "ab")
        assert one == other
    assert pq.read_table(tmp_path / "b.parquet").num_rows > 50


def test_a_folder_and_several_addresses_are_merged(server: Server, tmp_path: Path) -> None:
    (tmp_path / "folder/inner").mkdir(parents=True)
    for number, key in enumerate(("a.jsonl", "inner/b c%.csv", "inner/é?#.parquet")):
        write_log(EVENTS[number::3], tmp_path / "folder" / key)
        server.put(f"folder/{key}", (tmp_path / "folder" / key).read_bytes())
    for key in (".hidden.jsonl", "_SUCCESS", "note.txt"):
        (tmp_path / "folder" / key).write_bytes(b"x")
        server.put(f"folder/{key}", b"x")
    here, there = Log((str(tmp_path / "folder"),)).open(), Log((server.uri("folder/"),)).open()
    assert [format for _, format in there.files] == ["jsonl", "csv", "parquet"]
    assert [place(path).name for path, _ in there.files] == ["a.jsonl", "b c%.csv", "é?#.parquet"]
    assert len(there.passed_over) == len(here.passed_over) == 3
    one, other = ([read.outcome for read in read_log(opened)] for opened in (here, there))
    assert one == other
    assert len(one) == len(EVENTS) + 1  # and a header
    two = [path for path, _ in there.files]
    again = [read.outcome for read in read_log(Log((two[0], *two[1:])).open())]
    assert again == other


def test_a_whole_bucket_is_a_folder(server: Server) -> None:
    server.put("bucket.csv", b"event,user,time\n")
    assert server.uri("bucket.csv") in [path for path, _ in Log((server.uri(""),)).open().files]


def test_outputs_of_runs_in_a_store_are_no_logs(server: Server, tmp_path: Path) -> None:
    uri = server.put("runs/log.jsonl", local(tmp_path).read_bytes())
    for name in ("sessions.jsonl", "week.parquet"):
        assert run(uri, "--out", server.uri(f"runs/{name}")) in (0, 1)
    opened = Log((server.uri("runs"),)).open()
    assert [path for path, _ in opened.files] == [uri]
    assert len(opened.passed_over) == 6


def test_outputs_go_to_a_store_with_what_lies_beside_them(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = local(tmp_path)
    log.write_bytes(log.read_bytes() + b"not a record\n")

    def write(to: Callable[[str], object]) -> None:
        names = ("--out", "s.csv"), ("--searches", "e.parquet"), ("--queries", "q.jsonl")
        options = [one for option, name in names for one in (option, to(name))]
        assert run(log, *options, "--max-late", 1) == 1

    write(lambda name: tmp_path / name)
    write(lambda name: server.uri(f"out/{name}"))
    assert server.uri("out/s.csv") in capsys.readouterr().out
    written = {"s.csv", "s.late.jsonl", "s.rejects.jsonl", "e.parquet", "q.jsonl"}
    assert server.keys("out") == written
    for name in written:
        assert server.get(f"out/{name}") == (tmp_path / name).read_bytes()
    assert run(log, "--out", server.uri("out/s.csv")) == 2
    assert said(capsys) == Like("s.csv…already exists; --force")
    assert run(log, "--out", server.uri("out/s.csv"), "--force", "--max-rejects", 1) in (0, 1)


def test_a_log_is_simulated_into_a_store(server: Server, tmp_path: Path) -> None:
    for out in (tmp_path / "log.csv.gz", server.uri("made/log.csv.gz")):
        assert main(["simulate", "--users", "3", "--out", str(out)]) == 0
    assert server.get("made/log.csv.gz") == (tmp_path / "log.csv.gz").read_bytes()


@pytest.mark.parametrize("error", [OSError(errno.EIO, "gone"), KeyboardInterrupt()])
def test_a_run_that_cannot_put_all_leaves_nothing(
    error: BaseException, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Address.put
    tried = []

    def broken(self: Address, file: Path) -> None:
        tried.append(self.name)
        put(self, file)
        if self.name == "s.jsonl":
            raise error

    monkeypatch.setattr(Address, "put", broken)
    assert run(local(tmp_path), "--out", server.uri("broken/s.jsonl")) in (2, 130)
    assert tried == ["s.rejects.jsonl", "s.late.jsonl", "s.jsonl"]
    assert server.keys("broken") == set()


def test_what_cannot_be_overwritten_is_kept(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["s.jsonl", "s.rejects.jsonl"]
    for name in names:
        server.put(f"kept/{name}", b"earlier")

    def broken(self: Address, file: Path) -> None:
        raise OSError(errno.EIO, "gone", str(self))

    monkeypatch.setattr(Address, "put", broken)
    assert run(local(tmp_path), "--out", server.uri("kept/s.jsonl"), "--force") == 2
    assert [server.get(f"kept/{name}") for name in names] == [b"earlier"] * 2


def test_an_object_that_lacks_bytes_is_no_output(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.fs

    def short(source: str, path: str, _: object, system: Any, **options: object) -> None:
        with system.open_output_stream(path) as stream:
            stream.write(Path(source).read_bytes()[:-1])

    monkeypatch.setattr(pyarrow.fs, "copy_files", short)
    file = tmp_path / "file"
    file.write_bytes(b"all of it")
    with pytest.raises(OSError, match="all bytes"):
        place(server.uri("short/file")).put(file)  # type: ignore[union-attr]
    assert server.keys("short") == set()


def test_a_file_that_is_put_only_in_part_is_no_object(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(12 << 20))  # two parts of an upload
    address = place(server.uri("part/file"))
    assert isinstance(address, Address)
    try:
        server.ask_for_credentials(2)  # after the upload was begun and one part of it was sent
        with pytest.raises(PermissionError, match="credentials"):
            address.put(file)
    finally:
        server.ask_for_credentials(10**9)
    assert server.keys("part") == set()
    address.put(file)
    assert server.get("part/file") == file.read_bytes()


def test_two_outputs_of_one_name_are_two_objects(server: Server, tmp_path: Path) -> None:
    options = ["--searches", server.uri("two/b/s.jsonl"), "--max-late", 1]
    assert run(local(tmp_path), "--out", server.uri("two/a/s.jsonl"), *options) == 0
    assert b'"session": 0, "start"' in server.get("two/a/s.jsonl")[:100]
    assert b'"session": 0, "search"' in server.get("two/b/s.jsonl")[:100]


def test_a_run_is_resumed_over_a_log_in_a_store(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = local(tmp_path).read_bytes()
    uri = server.put("again/log.jsonl", data)
    state = tmp_path / "state"
    options = [uri, "--recovery", state, "--out", tmp_path / "s.jsonl"]
    assert run(*options) in (0, 1)
    once = (tmp_path / "s.jsonl").read_bytes()
    assert run(*options) in (0, 1)
    assert (tmp_path / "s.jsonl").read_bytes() == once
    assert json.loads((state / "settings.json").read_text())["log"] == [uri]
    capsys.readouterr()
    server.put("again/log.jsonl", data[:-200])
    assert run(*options) == 2
    assert said(capsys) == Like("log.jsonl?…records…to start over")


def test_a_run_that_is_resumed_writes_to_no_store(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    assert run(local(tmp_path), "--recovery", state, "--out", server.uri("no/s.jsonl")) == 2
    assert said(capsys) == Like("no/s.jsonl?…--recovery…on this machine")
    assert not state.exists()


UNREACHABLE = "?endpoint_override=127.0.0.1:1&scheme=http"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://example.org/log.csv", "example.org/log.csv…web addresses…download…--sql"),
        ("hdfs://host/log.csv", "unknown scheme hdfs; expected s3://, gs:// or abfs://"),
        ("s3:///log.csv", "no bucket in the address; expected s3://bucket/key"),
        ("abfs:///log.csv", "no container in the address"),
        ("abfs://container/log.csv", "not an address of a store…account name"),
        ("s3://logs/log.csv?endpoint=x", "not an address of a store…'endpoint'"),
        (f"s3://logs/log.csv{UNREACHABLE}", "127.0.0.1:1 cannot be reached"),
        (
            f"gs://anonymous@logs/log.csv{UNREACHABLE}&retry_limit_seconds=1",
            "127.0.0.1:1 cannot be reached",
        ),
    ],
)
@pytest.mark.parametrize("use", ["log", "out"])
def test_a_wrong_address_says_which_part_is_wrong(
    address: str, words: str, use: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # pyarrow tries three times to reach a server of S3, which takes six seconds.
    if use == "out" and UNREACHABLE in address:
        pytest.skip("like a log's")
    log, out = (address, tmp_path / "s.jsonl") if use == "log" else (local(tmp_path), address)
    assert run(log, "--out", out) == 2
    assert said(capsys) == Like(words)


@pytest.mark.parametrize(
    "address",
    [
        "s3://me:hunter2@logs/log.csv",
        "abfs://:hunter2@account.dfs.core.windows.net/container/log.csv",
        "abfs://c@account.dfs.core.windows.net/log.csv?client_secret=hunter2",
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(ValueError, match="secrets") as raised:
        place(address)
    assert "hunter2" not in str(raised.value)


def test_what_a_store_does_not_have_is_named(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "s.jsonl"
    assert run(server.uri("no/log.csv"), "--out", out) == 2
    assert said(capsys) == Like("s3://logs has no object or folder no/log.csv")
    assert run(server.uri("log.csv", "absent"), "--out", out) == 2
    assert said(capsys) == Like("the bucket absent does not exist")
    assert run(local(tmp_path), "--out", server.uri("s.jsonl", "absent")) == 2
    assert said(capsys) == Like("the bucket absent does not exist")
    server.put("empty/note.txt", b"x")
    assert run(server.uri("empty"), "--out", out) == 2
    assert said(capsys) == Like("no log in this folder")


def test_credentials_that_are_not_accepted_are_named(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = server.put("closed/log.jsonl", local(tmp_path).read_bytes())
    out = tmp_path / "s.jsonl"
    try:
        server.ask_for_credentials(0)
        assert run(uri, "--out", out) == 2
        assert said(capsys) == Like("credentials…not accepted…AWS_ACCESS_KEY_ID")
        server.ask_for_credentials(3)  # so that reading has begun
        assert run(uri, "--out", out) == 2
        assert said(capsys) == Like("credentials…not accepted")
    finally:
        server.ask_for_credentials(10**9)
    assert [*tmp_path.iterdir()] == [tmp_path / "log.jsonl"]


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "log.parquet"])
def test_a_store_that_fails_is_no_broken_log(
    name: str,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A reject would say that the log is truncated, and the run would be published."""
    uri = server.put(f"fails/{name}", local(tmp_path, name).read_bytes())
    monkeypatch.setattr(stores, "BLOCK", 1 << 10)
    block = stores._Object._block

    def fail(self: Any, number: int) -> bytes:
        if number > 0:
            with self.address.in_words():
                raise OSError("AWS Error NETWORK_CONNECTION during GetObject operation")
        return block(self, number)

    monkeypatch.setattr(stores._Object, "_block", fail)
    for engine in ("columnar", "events"):
        assert run(uri, "--engine", engine, "--out", tmp_path / "s.jsonl") == 2
        assert said(capsys) == Like(f"{name}?…{server.host} cannot be reached")
    assert not (tmp_path / "s.jsonl").exists()


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
@pytest.mark.parametrize("engine", ["columnar", "events"])
def test_an_object_that_is_replaced_while_it_is_read_fails_the_run(
    format: str,
    engine: str,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = f"replaced/{engine}.{format}"
    data = local(tmp_path, f"log.{format}").read_bytes()
    uri = server.put(key, data)
    check = stores._Object.check

    def replaced(self: stores._Object) -> None:
        server.put(key, data[:-1] + b" ")
        check(self)

    monkeypatch.setattr(stores._Object, "check", replaced)
    assert run(uri, "--engine", engine, "--out", tmp_path / "s.jsonl") == 2
    assert said(capsys) == Like(f"{engine}.{format}?…was replaced while it was read")


def test_an_object_whose_connection_was_closed_is_opened_again(server: Server) -> None:
    """As by Google's servers, whose client then raises a ValueError."""
    uri = server.put("closed.bin", b"0123456789")
    with open_place(uri) as file:
        raw: Any = file.raw  # type: ignore[attr-defined]
        raw.file.close()
        assert file.read(3) == b"012"
        raw.kept.clear()
        server.put("closed.bin", b"9876543210")
        raw.file.close()
        raw.seek(0)
        with pytest.raises(OSError, match="replaced"):
            raw.readinto(bytearray(3))
    address = place(uri)
    assert isinstance(address, Address)
    with pytest.raises(OSError, match="closed the connection"), address.in_words():
        raw.file.close()
        raw.file.read(1)


def test_an_object_that_is_removed_while_it_is_read_is_a_failure(server: Server) -> None:
    with open_place(server.put("removed.bin", b"0123456789")) as file:
        server.system.delete_file("logs/removed.bin")
        with pytest.raises(OSError, match=r"store failed.*removed\.bin") as raised:
            file.read(1)
        assert raised.value.errno == errno.EIO


def test_bytes_are_read_from_any_position(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 10
    uri = server.put("bytes", data)
    monkeypatch.setattr(stores, "BLOCK", 100)
    with open_place(uri, 2) as file:
        for start, size in ((0, 5), (95, 10), (2_500, 100), (0, -1), (99, 1), (2_560, 1)):
            file.seek(start)
            assert file.read(size) == (data[start:] if size < 0 else data[start : start + size])
            assert file.tell() == min(start + size, len(data)) if size > 0 else len(data)
        assert size_read(uri, file) == len(data)
        assert len(file.raw.kept) == 2  # type: ignore[attr-defined]


def test_a_broken_packed_object_is_read_as_far_as_the_file(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.gz"
    write_log(client_events(), path)
    data = gzip.compress(gzip.decompress(path.read_bytes()) * 500)[:-300]
    path.write_bytes(data)
    uri = server.put("cut/log.jsonl.gz", data)
    one, other = (list(read_log(Log((source,)).open())) for source in (str(path), uri))
    assert [str(read.outcome) for read in one] == [str(read.outcome) for read in other]
    assert "truncated" in str(other[-1].outcome)


def test_only_paths_of_this_machine_are_folders_and_keys(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert on_this_machine("state") == Path("state")
    for option in ("--recovery", "--pseudonymise"):
        with pytest.raises(SystemExit) as stopped:
            run(local(tmp_path), "--out", tmp_path / "s.csv", option, "s3://logs/state")
        assert stopped.value.code == 2
        assert capsys.readouterr().err == Like("expected a path on this machine")


@pytest.mark.parametrize(
    "text", ["s3://b", "s3://b/a b/é.csv", "gs://anonymous@b/%3F%25%23.csv", "abfs://c@a/x?y=1"]
)
def test_an_address_reads_as_it_is_shown(text: str) -> None:
    found = place(text)
    assert isinstance(found, Address)
    assert place(str(found)) == found
    assert str(found).rstrip("/") == text


def test_a_path_is_no_address() -> None:
    for text in ("log.csv", "./s3:/x", "C:\\logs\\x.csv", "s3:x", "-"):
        assert place(text) == Path(text)


def test_reads_of_parquet_by_turns_ask_for_no_block_twice(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({name: [f"{name}{n}" for n in range(3_000)] for name in "abcd"})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="none", use_dictionary=False)
    uri = server.put("turns.parquet", sink.getvalue().to_pybytes())
    monkeypatch.setattr(stores, "BLOCK", 1 << 14)
    asked = []
    block = stores._Object._block

    def count(self: Any, number: int) -> bytes:
        if number not in self.kept:
            asked.append(number)
        return block(self, number)

    monkeypatch.setattr(stores._Object, "_block", count)
    with open_place(uri, stores.PARQUET_BLOCKS) as file:
        batches = pq.ParquetFile(file, pre_buffer=False, buffer_size=1 << 10).iter_batches(100)
        assert pa.Table.from_batches(batches) == table
    assert len(asked) == len({*asked})


def test_a_packed_output_goes_to_a_store(server: Server, tmp_path: Path) -> None:
    log = local(tmp_path)
    for out in (tmp_path / "s.csv.gz", server.uri("packed/s.csv.gz")):
        assert run(log, "--out", out, "--max-late", 1) == 0
    assert server.get("packed/s.csv.gz") == (tmp_path / "s.csv.gz").read_bytes()
    assert server.keys("packed") == {"s.csv.gz", "s.late.jsonl", "s.rejects.jsonl"}


def test_a_log_in_a_store_goes_to_standard_output_and_into_a_report(
    server: Server, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    log = local(tmp_path)
    uri = server.put("flow/log.jsonl", log.read_bytes())
    options = ["--report", tmp_path / "r.html", "--max-late", 1]
    assert run(uri, "--out", tmp_path / "s.jsonl", *options) == 0
    assert "from s.jsonl and log.jsonl, with" in (tmp_path / "r.html").read_text("utf-8")
    capsysbinary.readouterr()
    assert run(uri, "--out", "-", "--max-late", 1) == 0
    assert capsysbinary.readouterr().out == (tmp_path / "s.jsonl").read_bytes()


def test_what_works_only_on_this_machine_says_so(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = ["--report", tmp_path / "r.html"]
    assert run(local(tmp_path), "--out", server.uri("mine/s.jsonl"), *report) == 2
    assert said(capsys) == Like("--report: expected --out on this machine…mine/s.jsonl")
    assert run(server.uri("mine/*.jsonl"), "--out", tmp_path / "s.jsonl") == 2
    assert said(capsys) == Like("mine/*.jsonl; patterns of names…give the folder")
