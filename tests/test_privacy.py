"""Nobody is named: in no output, no reject, no state, and in no row of a table by query."""

import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchlogs.command import cli as commands
from searchlogs.command.queries import QUERIES, query_table
from searchlogs.events import EARLIEST, AppOpen, ClickResult, Search
from searchlogs.logs.pseudonyms import LEAST_KEY, load_key, pseudonymiser
from searchlogs.logs.schemas import SEARCHES

KEY = b"0123456789abcdef0123456789abcdef"


def by_hand(key: bytes, text: str) -> str:
    """HMAC-SHA-256 as RFC 2104 writes it, for keys of at most 64 bytes."""
    block = key.ljust(64, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C))
    digest = hashlib.sha256(inner + text.encode()).digest()
    return hashlib.sha256(outer + digest).hexdigest()


def test_a_pseudonym_is_the_hmac_of_the_user() -> None:
    hide = pseudonymiser(KEY)
    for user in (7, "7", "ä"):
        assert hide(AppOpen(user, EARLIEST)).user == by_hand(KEY, str(user))
    other = pseudonymiser(KEY[::-1])
    assert other(AppOpen(7, EARLIEST)).user != hide(AppOpen(7, EARLIEST)).user


def test_the_query_id_that_leads_back_is_hidden_and_still_joins() -> None:
    hide = pseudonymiser(KEY)
    search = hide(Search(7, "dogs", EARLIEST, query_id="7-1"))
    click = hide(ClickResult(7, "fido", EARLIEST, query_id="7-1", position=2))
    assert isinstance(search, Search) and isinstance(click, ClickResult)
    assert search.query_id == click.query_id == by_hand(KEY, "7-1")
    assert (search.query, click.item, click.position) == ("dogs", "fido", 2)
    unnamed = hide(Search(7, "dogs", EARLIEST))
    assert isinstance(unnamed, Search) and unnamed.query_id is None


@pytest.mark.skipif(os.name != "posix", reason="permissions of files are another matter there")
def test_a_key_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    before = os.umask(0)
    try:
        key = load_key(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(key.decode())) == LEAST_KEY
    assert load_key(path) == key != load_key(tmp_path / "another")
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(ValueError, match=r"its owner may read this key.* chmod 600"):
            load_key(path)


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for content in (b"", b"\n" * 99, b"secret", b"k" * (LEAST_KEY - 1) + b"\n"):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(ValueError, match="key of 32 bytes or more"):
            load_key(path)
    path.write_bytes(b"k" * LEAST_KEY)
    assert load_key(path) == b"k" * LEAST_KEY


@pytest.mark.skipif(os.name != "posix", reason="the size of files is limited in another way there")
def test_no_half_key_stays_on_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "key"
    code = "import resource; from pathlib import Path\n"
    code += "from searchlogs.logs.pseudonyms import load_key\n"
    code += f"resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9)); load_key(Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.endswith(f"File too large: {str(path)!r}\n")
    assert not path.exists()


Say = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Say:
    monkeypatch.chdir(tmp_path)

    def say(line: str) -> tuple[int, str, str]:
        status = commands.main(line.split())
        return status, *capfd.readouterr()

    return say


USER = "ann@example.com"
SECRET = "555-1234"


def write_log() -> None:
    """Events of a user, one of them late; and rejects of every sort that quote them."""
    at = "2024-01-01T12:{:02}:00Z".format
    event = {"event": "search", "user": USER, "query": "dogs", "query_id": f"{USER}-1"}
    records: list[object] = [
        {**event, "time": at(0)},
        {**event, "time": at(30), "event": "click", "item": "fido"},
        {**event, "time": at(1)},
        {**event, "time": SECRET},
        {**event, "time": 5551234},
        {**event, "time": f"{SECRET[:3]}1-01-01"},
        {**event, "time": "1905-05-05T05:55:12.340Z"},
        {**event, "time": at(0), "event": SECRET},
        {**event, "time": at(0), "event": {USER: SECRET}},
        {**event, "time": at(0), "query": [SECRET]},
        {**event, "time": at(0), "user": [USER]},
        {**event, "time": at(0), "query_id": {USER: 1}},
        [USER],
        USER,
    ]
    lines = [json.dumps(record) for record in records]
    lines += [f'{{"{USER}": 1, "{USER}": 2}}', f'{{"user": "{USER}"', f"{USER}\t\0", "{"]
    Path("log.jsonl").write_text("\n".join(lines))
    Path("log.csv").write_text(
        f'{USER},{SECRET}\n{USER},{SECRET}\n"{USER}\n{USER}"x\n{USER},{SECRET},3\n'
    )


def test_no_output_and_no_state_names_anybody(say: Say) -> None:
    write_log()
    outputs = "--out s.csv --searches f.jsonl --queries q.parquet --least-users 1"
    status, out, err = say(
        f"run log.jsonl {outputs} --pseudonymise key --recovery state --snapshots 0s"
    )
    assert (status, err) == (1, "")
    assert "+ 15 rejected\n" in out and "3 = 2 in 1 session + 1 late" in out
    status, more, err = say("run log.csv --out t.csv --pseudonymise key")
    assert (status, err) == (1, "")
    said = (out + more).encode()
    written = [path for path in Path().rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"s.csv", "f.jsonl", "q.parquet", "s.late.jsonl"}
    for path in written:
        if path.name not in ("log.jsonl", "log.csv", "key"):
            said += path.read_bytes()
    for secret in (
        USER,
        "ann@",
        SECRET,
        "5551234",
        "5551-",
        "1905-",
        "1905, ",
        Path("key").read_text()[:64],
    ):
        assert secret.encode() not in said, secret
    name = by_hand(load_key(Path("key")), USER)
    assert Path("s.csv").read_text().splitlines()[1].startswith(f"{name},0,")
    (late,) = map(json.loads, Path("s.late.jsonl").read_text().splitlines())
    assert late["user"] == late["event"]["user"] == name
    rejects = [json.loads(line) for line in Path("s.rejects.jsonl").read_text().splitlines()]
    assert {reject["raw"] for reject in rejects} == {"withheld"}
    assert all(reject["reason"] for reject in rejects)


def test_another_key_is_another_run(say: Say) -> None:
    write_log()
    command = "run log.jsonl --out s.csv --force --recovery state --pseudonymise"
    assert say(f"{command} key")[0] == 1
    status, _, err = say(f"{command} other")
    assert (status, "a run with another key" in err) == (2, True)
    assert by_hand(load_key(Path("key")), "") not in err


def test_sessions_are_those_of_the_users(say: Say) -> None:
    assert say("simulate --users 20 --seed 3 --out log.jsonl")[0] == 0
    assert say("run log.jsonl --out named.jsonl")[0] == 0
    assert say("run log.jsonl --out hidden.jsonl --pseudonymise key")[0] == 0
    named, hidden = (
        [json.loads(line) for line in Path(f"{name}.jsonl").read_text().splitlines()]
        for name in ("named", "hidden")
    )
    key = load_key(Path("key"))
    renamed = [{**row, "user": by_hand(key, row["user"])} for row in named]
    assert hidden == sorted(renamed, key=lambda row: (row["user"], row["session"]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--pseudonymise .", "Is a directory"),
        ("--pseudonymise short", "32 bytes"),
        ("--queries q.csv --least-users 0", "least_users: expected 1 or more; found 0"),
        ("--queries q.xls", "ends in .jsonl, .csv, .parquet"),
    ],
)
def test_refused(say: Say, options: str, words: str) -> None:
    write_log()
    Path("short").write_text("short")
    Path("short").chmod(0o600)
    status, out, err = say(f"run log.jsonl --out s.csv {options}")
    assert (status, out) == (2, "")
    assert err.startswith("searchlogs: ") and words in err and err.count("\n") == 1


def searches(rows: list[tuple[str, str, int | None, int]]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"user": user, "query": query, "results": results, "clicked": ["x"] * clicks}
            for user, query, results, clicks in rows
        ],
        SEARCHES,
    )


ROW = st.tuples(
    st.sampled_from("abcd"), st.sampled_from("pqrst"), st.sampled_from([None, 0, 3]),
    st.integers(0, 2),
)  # fmt: skip


@given(st.lists(ROW), st.integers(1, 5))
def test_by_query_against_dicts(rows: list[tuple[str, str, int | None, int]], least: int) -> None:
    users = defaultdict(set)
    for user, query, _, _ in rows:
        users[query].add(user)
    sums: dict[str | None, list[tuple[str, str, int | None, int]]] = defaultdict(list)
    for row in rows:
        sums[row[1] if len(users[row[1]]) >= least else None].append(row)
    expected = [
        {
            "query": name,
            "queries": len({query for _, query, _, _ in group}),
            "users": len({user for user, _, _, _ in group}),
            "searches": len(group),
            "searches_clicked": sum(clicks > 0 for *_, clicks in group),
            "searches_answered": sum(results is not None for _, _, results, _ in group),
            "searches_empty": sum(results == 0 for _, _, results, _ in group),
        }
        for name, group in sums.items()
    ]
    expected = [row for row in expected if int(str(row["users"])) >= least]
    expected.sort(key=lambda row: (row["query"] is None, -int(str(row["searches"])), row["query"]))
    table = query_table(searches(rows), least)
    assert table.schema == QUERIES
    assert table.to_pylist() == expected


def test_few_people_are_not_told_of_even_together() -> None:
    rows = [(str(user), "dogs", 3, 1) for user in range(10)]
    assert query_table(searches([*rows, ("0", "my name", 0, 0)])).num_rows == 1
    more = [(str(user), f"query of {user}", 0, 0) for user in range(10)]
    table = query_table(searches([*rows, *more]))
    assert table["query"].to_pylist() == ["dogs", None]
    assert table["queries"].to_pylist() == [1, 10]


def test_too_little_memory_for_the_queries_is_said_with_the_folder(tmp_path: Path) -> None:
    size = 100_000
    columns = {name: pa.nulls(size, SEARCHES.field(name).type) for name in SEARCHES.names}
    columns["query"] = pa.array([f"query {number % 50_000}" for number in range(size)])
    columns["user"] = pa.array([f"user {number}" for number in range(size)])
    with pytest.raises(OSError, match="emory") as no_room:
        query_table(pa.table(columns, SEARCHES), 3, tmp_path, memory=1 << 22)
    assert no_room.value.filename == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
