"""The package as a stranger installs it: alone, or with one extra, and as an index shows it."""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = "Scripts" if sys.platform == "win32" else "bin"
LOG = """\
{"event": "search", "user": 1, "query": "dogs", "time": "2024-01-01T00:00:05Z"}
{"event": "click", "user": 1, "item": "a", "time": "2024-01-01T00:00:06Z"}
"""
TABLE = """
import pyarrow as pa, searchlogs
log = {"event": ["search", "click"], "user": [1, 1], "time": ["2024-01-01T00:00:05Z"] * 2}
log |= {"query": ["dogs", None], "item": [None, "a"]}
print(searchlogs.sessionize(pa.table(log)).sessions.to_pylist()[0]["ctr"])
"""

pytestmark = pytest.mark.slow


class Installed:
    """An environment with the wheel, and a folder outside of the source tree."""

    def __init__(self, folder: Path, python: str | Path, *install: str) -> None:
        self.folder = folder
        self.python = folder / "venv" / BIN / "python"
        self.run("uv", "venv", "--quiet", "--python", python, folder / "venv")
        # In the project's folder, since its date says which versions exist.
        command = ("uv", "pip", "install", "--quiet", "--python", self.python, *install)
        self.run(*command, cwd=ROOT)
        (folder / "log.jsonl").write_text(LOG, encoding="utf-8")

    def run(self, *command: str | Path, cwd: Path | None = None) -> str:
        done = subprocess.run(command, capture_output=True, text=True, cwd=cwd or self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def code(self, text: str) -> str:
        return self.run(self.python, "-c", text).strip()

    def searchlogs(self, *arguments: str) -> str:
        return self.run(self.python, "-m", "searchlogs", *arguments)

    def failure(self, *arguments: str) -> str:
        """Return the last line on the error stream of a command that must fail."""
        command = [self.python, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder)
        assert done.returncode
        return done.stderr.splitlines()[-1]

    def sessions(self) -> list[dict[str, object]]:
        lines = (self.folder / "sessions.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the wheel, and the source archive that it was built from."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(["uv", "build", "--quiet", "--out-dir", folder], cwd=ROOT, check=True)
    (wheel,), (archive,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, archive


def test_an_index_shows_the_readme_with_links_that_lead_somewhere(
    built: tuple[Path, Path],
) -> None:
    command = [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *built]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout.count("PASSED")) == (0, 2), done.stdout
    with zipfile.ZipFile(built[0]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        page = wheel.read(name).decode()
    links = re.findall(r'\]\(([^)#][^)]*)\)|(?:src|href|srcset)="([^"]+)', page)
    assert {link for pair in links for link in pair if link and "://" not in link} == set()
    (place,) = re.findall(r"/gh/([^/]+/[^/]+)/HEAD", page)
    assert f"(https://github.com/{place}/blob/HEAD/notebooks/00-start-here.ipynb)" in page
    assert f"(https://github.com/{place}/raw/HEAD/notebooks/xray.png)" in page


def test_the_source_archive_holds_what_git_holds(built: tuple[Path, Path]) -> None:
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(git, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        pytest.skip("not in a clone")
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names - {"PKG-INFO"} == {
        name for name in done.stdout.splitlines() if (ROOT / name).exists()
    }


OLDEST_AND_NEWEST = pytest.mark.parametrize("resolution", ["highest", "lowest-direct"])


@OLDEST_AND_NEWEST
def test_alone_it_runs_a_log(built: tuple[Path, Path], tmp_path: Path, resolution: str) -> None:
    it = Installed(tmp_path, sys.executable, f"--resolution={resolution}", str(built[0]))
    it.searchlogs("simulate", "--users", "9", "--out", "events.jsonl")
    it.searchlogs("run", "events.jsonl", "--out", "many.parquet", "--recovery", "state")
    it.searchlogs("run", "log.jsonl", "--out", "sessions.jsonl")
    assert [session["ctr"] for session in it.sessions()] == [1.0]
    assert it.code(TABLE) == "1.0"
    assert "('2', 2.0)" in it.run(it.python, "-m", "bytewax.run", "searchlogs.dataflow:flow")
    absent = ["pandas", "matplotlib", "duckdb", "jupyterlab", "IPython", "confluent_kafka"]
    spec = "from importlib.util import find_spec"
    assert it.code(f"{spec}; print([name for name in {absent} if find_spec(name)])") == "[]"

    run = ("-m", "searchlogs", "run", "--out", "more.jsonl")
    assert "pip install 'searchlogs[sql]'" in it.failure(*run, "--sql", "select 1")
    assert "pip install 'searchlogs[sql]'" in it.failure(*run, "log.jsonl", "--queries", "q.csv")
    code = {
        "import searchlogs.figures.timeline": "course",
        "import searchlogs.tables; searchlogs.tables.summary([])": "course",
        "import searchlogs.live.topics": "kafka",
    }
    for text, extra in code.items():
        assert it.failure("-c", text).endswith(f"pip install 'searchlogs[{extra}]'"), text


@OLDEST_AND_NEWEST
def test_with_sql_it_runs_a_query(
    built: tuple[Path, Path], tmp_path: Path, resolution: str
) -> None:
    it = Installed(tmp_path, sys.executable, f"--resolution={resolution}", f"{built[0]}[sql]")
    query = "select event, \"user\", time, query, item from read_json('log.jsonl')"
    outputs = ("--out", "sessions.jsonl", "--queries", "queries.csv")
    it.searchlogs("run", "--sql", query, "--zone", "UTC", *outputs)
    assert [session["ctr"] for session in it.sessions()] == [1.0]


def test_with_kafka_it_reads_topics(built: tuple[Path, Path], tmp_path: Path) -> None:
    it = Installed(tmp_path, sys.executable, f"{built[0]}[kafka]")
    it.code("import searchlogs.live.topics")


def test_with_the_course_the_machine_is_ready(built: tuple[Path, Path], tmp_path: Path) -> None:
    it = Installed(tmp_path, sys.executable, f"{built[0]}[course]")
    assert "FAIL" not in it.searchlogs()


@pytest.mark.parametrize("version", ["3.13", "3.14"])
def test_without_the_engine_it_makes_sessions_of_a_table(
    built: tuple[Path, Path], tmp_path: Path, version: str
) -> None:
    bash = shutil.which("bash") or pytest.skip("no bash to look for Python with")
    find = [bash, ".ci/find-python", version]
    found = subprocess.run(find, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    if not found:
        pytest.skip(f"no Python {version} on this machine")
    it = Installed(tmp_path, found, str(built[0]))
    assert it.code(TABLE) == "1.0"
    it.searchlogs("simulate", "--users", "9", "--out", "events.jsonl")
    sentence = it.failure("-m", "searchlogs", "run", "log.jsonl", "--out", "s.jsonl")
    assert "bytewax" in sentence and "3.11 and 3.12" in sentence
