"""The commands and the code of the how-to pages, as a reader types them in a fresh folder."""

import os
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from test_topics import brokers, produce  # noqa: F401 (fixtures)

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
KAFKA = "how-to-kafka.md"
PAGES = sorted(NOTEBOOKS.glob("how-to-*.md"))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the pages' shell is POSIX")


def blocks(page: str, *languages: str) -> list[tuple[str, str]]:
    """Return the language and the text of each block of code on a page."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", (NOTEBOOKS / page).read_text("utf-8"), re.M | re.S)
    return [block for block in found if block[0] in languages]


def steps(page: str) -> list[tuple[str, str]]:
    """Return the commands of a page, each with what is printed below it."""
    text = "".join(block for _, block in blocks(page, "console"))
    parts = re.split(r"^\$ ", text.replace("\\\n", ""), flags=re.MULTILINE)[1:]
    return [(command, printed) for command, _, printed in (part.partition("\n") for part in parts)]


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )


def type_in(page: str, folder: Path) -> None:
    """Type a page's commands, and write the files that it shows by `cat` before they exist."""
    for command, printed in steps(page):
        name = command.removeprefix("cat ")
        if name != command and not (folder / name).exists():
            (folder / name).write_text(printed, encoding="utf-8")
        done = shell(command, folder)
        assert (done.returncode, done.stdout) == (0, printed), (command, done.stderr)


def test_there_are_few_short_pages_and_each_is_linked() -> None:
    assert 3 <= len(PAGES) <= 4
    logs, contents = ((NOTEBOOKS / name).read_text("utf-8") for name in ("own-logs.md", "index.md"))
    for page in PAGES:
        assert len(page.read_text(encoding="utf-8").splitlines()) < 60, page.name
        assert f"]({page.name})" in logs and f"\n{page.stem}\n" in contents


@pytest.mark.slow
def test_a_table(tmp_path: Path) -> None:
    both = blocks("how-to-table.md", "python", "text")
    code = "\n".join(block for language, block in both if language == "python")
    printed = "".join(block for language, block in both if language == "text")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == (printed, "")


@pytest.mark.slow
def test_people(tmp_path: Path) -> None:
    type_in("how-to-people.md", tmp_path)
    written = "".join(path.read_text() for path in tmp_path.glob("sessions.*"))
    assert len(written.splitlines()) == 4
    assert not re.search("ada|bob", written)


@pytest.mark.slow
def test_every_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    date = tmp_path / "bin" / "date"  # of its own, since a day may end during the test
    date.parent.mkdir()
    date.write_text("#!/bin/sh\necho 2024-01-03\n")
    date.chmod(0o755)
    monkeypatch.setenv("PATH", f"{date.parent}{os.pathsep}{os.environ['PATH']}")
    type_in("how-to-every-day.md", tmp_path)
    assert (tmp_path / "sessions-2024-01-03.parquet").exists()
    (log,) = (tmp_path / "logs").iterdir()
    text = log.read_text(encoding="utf-8")
    log.write_text(f"{text}{text.splitlines()[-1]}\n", encoding="utf-8")
    done = shell("sh nightly.sh", tmp_path)
    assert (done.returncode, "use another folder" in done.stderr) == (2, True), done.stderr


@pytest.mark.slow
def test_kafka(brokers: str, produce: Callable[..., str], tmp_path: Path) -> None:  # noqa: F811
    ((make, _), (start, _)), ((_, message),) = steps(KAFKA), blocks(KAFKA, "text")
    assert shell(make, tmp_path).returncode == 0
    topic = produce([("7", message.encode()), ("7", b"?")], 0)
    for shown, ours in {"broker1:9093,broker2:9093": brokers, "'events'": f"'{topic}'"}.items():
        assert shown in start
        start = start.replace(shown, ours)
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    process = subprocess.Popen(
        ["sh", "-c", f"exec {start}"], cwd=tmp_path, env={**os.environ, "PATH": path}
    )
    try:
        rejects, until = tmp_path / "sessions.rejects.jsonl", time.monotonic() + 60
        while not (rejects.exists() and rejects.read_text()):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        assert len(rejects.read_text().splitlines()) == 1
    finally:
        process.kill()
        process.wait()
