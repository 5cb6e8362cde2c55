"""Every command on a page: typed in a fresh clone, or listed here with what tests it."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from test_project import prose
from test_sql import LOGS

ROOT = Path(__file__).parents[1]
# The how-to pages are typed in a fresh folder, by test_how_to.py.
PAGES = [ROOT / "README.md", *sorted((ROOT / "notebooks").glob("*.md"))]
PAGES = [page for page in PAGES if not page.name.startswith("how-to-")]
PAGES += sorted((ROOT / "notebooks").glob("*.ipynb"))
PROGRAMS = r"(uv|pip|pipx|brew|conda|jupyter|python|python3\.12|cp|mkdir) .+"
"""What text between backticks begins with if it is a whole command."""
BROKER = (
    "test_topics.py::test_from_the_shell_sessions_close_by_themselves_and_no_stop_makes_events_late"
)
CONDA = "test_binder.py::test_notebook_00_runs_where_only_environment_yml_was_installed"
KIT = "test_kit.py::test_a_kit_installs_without_network_where_it_was_moved_to"
OTHER_WORDS = """\
uid,ts,action,q,doc
7,1704067205000,querySubmitted,dogs,
7,1704067207000,open,,fido
"""
"""The log of the command with --map."""
ELSEWHERE = {
    # Parts of commands.
    "uv run": "It runs what follows.",
    "python -m bytewax.run": "It runs the flow that follows.",
    "python -m searchlogs simulate": "It needs --out; notebook 07 has the whole command.",
    "python -m bytewax.recovery kept 8": "Notebook 09 has it with another number, and its folder.",
    # The suite.
    "pip install uv && uv run --group dev pytest": "This is it.",
    "uv run --group dev pytest tests/test_exercises.py tests/test_answers.py"
    " tests/test_outcomes.py tests/test_teaching.py": "Four files of it.",
    # They change the machine, or need what it may not have.
    "pipx install uv": "It is a system's package manager.",
    "brew install uv": "It is a system's package manager.",
    "uv cache clean": "It would empty the cache of whoever runs the tests.",
    "uv python install 3.12": "It puts a Python into the user's home.",
    "conda env create -f environment.yml": CONDA,
    "conda activate searchlogs": "It needs conda.",
    # With pip they take minutes. Other tests install the same with uv.
    "python3.12 -m venv .venv": "It needs a Python of this name.",
    "source .venv/bin/activate": "It changes only the shell.",
    "python -m pip install --upgrade pip": "It prepares the next one.",
    "pip install -e . --group course": CONDA,
    "pip install .": "test_install.py::test_alone_it_runs_a_log",
    "pip install '.[sql]'": "test_install.py::test_with_sql_it_runs_a_query",
    "pip install '.[kafka]'": "test_install.py::test_with_kafka_it_reads_topics",
    "pip install 'searchlogs[kafka]'": "test_install.py::test_with_kafka_it_reads_topics",
    "pip install '.[course]'": "test_install.py::test_with_the_course_the_machine_is_ready",
    # The kit.
    "uv run python -m searchlogs kit kit": KIT,
    "python install.py": KIT,
    # They measure, for minutes.
    "uv run --group dev python tests/bench/bench.py --fast --runs 3": "It measures.",
    "uv run python tests/bench/curves.py --long": "test_scale.py::test_the_curves",
    # They wait for each other.
    **dict.fromkeys(
        (
            "python -m bytewax.run"
            " \"searchlogs.live.workers:who_did_what('log.jsonl', 'shared')\""
            f'     -a "127.0.0.1:4001;127.0.0.1:4002" -i {number}'
            for number in range(2)
        ),
        "test_scale.py::test_two_processes_share_the_users_as_two_workers_do",
    ),
    # It needs a broker at this address.
    "python -m bytewax.run -r kept -s 10 -b 0    "
    " \"searchlogs.live.flow:topic_flow('broker:9092', 'events', 'sessions.jsonl')\"": BROKER,
}
"""For each command that isn't typed here, the test that runs it, or the reason why none does."""


def typed(page: Path) -> dict[str, list[str]]:
    """Return the commands of a page, in order, with the lines that are shown below each."""
    text = prose(page)
    blocks = re.findall(r"^```(?:console|sh|bash|shell)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    found = {}
    for block in blocks:
        start, *parts = re.split(r"^\$ ", block.replace("\\\n", ""), flags=re.MULTILINE)
        assert not start, f"{page.name}: a console block begins with {start!r}, not with $"
        for part in parts:
            command, *shown = part.splitlines()
            found[command] = shown
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for code in re.findall(r"`([^`\n]+)`", rest):
        if re.fullmatch(PROGRAMS, code) and "…" not in code:
            found.setdefault(code, [])
    return {command: shown for command, shown in found.items() if not command.startswith("cat ")}


COMMANDS = {page: typed(page) for page in PAGES}


def test_the_list_has_no_command_that_no_page_has() -> None:
    everywhere = {command for commands in COMMANDS.values() for command in commands}
    assert len(everywhere) > 40
    assert ELSEWHERE.keys() - everywhere == set()


def test_what_the_list_names_exists() -> None:
    for command, reason in ELSEWHERE.items():
        if "::" in reason:
            file, test = reason.split("::")
            source = (ROOT / "tests" / file).read_text(encoding="utf-8")
            assert f"def {test}(" in source, reason
        for word in shlex.split(command):
            if re.fullmatch(r"(tests|notebooks)/\S+", word):
                assert (ROOT / word).exists(), command


def typed_here(page: Path) -> list[str]:
    return [command for command in COMMANDS[page] if command not in ELSEWHERE]


class Clone:
    """A fresh clone, on a machine that has Python, pip and a shell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        # The files as they are now, and only those that a clone would have.
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True)
        if names.returncode:
            pytest.skip("this is no clone")
        for name in names.stdout.splitlines():
            if (ROOT / name).exists():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.folder / name)
        machine = folder / "machine"
        command = ["uv", "venv", "--quiet", "--seed", "--python", sys.executable, machine]
        subprocess.run(command, check=True)
        config, self.runtime = folder / "config", folder / "runtime"
        config.mkdir()
        settings = {"allow_root": True, "open_browser": False, "port": 0, "port_retries": 0}
        (config / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": settings}))
        kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        self.environment = kept | {"JUPYTER_CONFIG_DIR": str(config), "PIP_QUIET": "1"}
        self.environment |= {"JUPYTER_RUNTIME_DIR": str(self.runtime)}
        self.machine = f"{machine / 'bin'}{os.pathsep}{os.environ['PATH']}"
        self.own = set(self.folder.iterdir()) | {self.folder / ".venv", self.folder / "uv.lock"}

    def tidy(self) -> None:
        """Delete what a page's commands wrote, so that the next page's find a fresh clone."""
        for path in set(self.folder.iterdir()) - self.own:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def start(self, command: str) -> subprocess.Popen[str]:
        # Without uv, an environment must be active.
        active = "" if "uv run" in command else f"{self.folder / '.venv' / 'bin'}{os.pathsep}"
        return subprocess.Popen(
            command,
            shell=True,
            cwd=self.folder,
            env=self.environment | {"PATH": active + self.machine},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> list[str]:
        process = self.start(command)
        out, err = process.communicate()
        assert process.returncode == 0, f"{command}\n{out}{err}"
        return [line.rstrip() for line in out.splitlines()]

    def serve(self, command: str) -> None:
        """Start JupyterLab, open the page that it would open in a browser, and interrupt it."""
        shutil.rmtree(self.runtime, ignore_errors=True)
        process = self.start(command)
        assert process.stderr
        try:
            said = next((line for line in process.stderr if "is running at" in line), "")
            assert said, f"{command}: it ended"
            for line in process.stderr:
                if "file://" in line:
                    break
            (page,) = self.runtime.glob("jpserver-file-to-run-*-open.html")
            (address,) = set(re.findall(r'href="([^"]+)"', page.read_text()))
            assert f"/lab/tree/{Path(command).name}?token=" in address
            assert "<title>JupyterLab</title>" in opened(address)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=30)


def opened(address: str) -> str:
    """Return a page of a server that has said its address, and listens soon after."""
    for _ in range(100):
        try:
            with urlopen(address) as answer:
                return str(answer.read().decode())
        except URLError:
            sleep(0.1)
    raise TimeoutError(address)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("typed"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the pages show a shell of Linux and macOS")
@pytest.mark.parametrize("page", [page for page in PAGES if typed_here(page)], ids=lambda p: p.name)
def test_each_command_does_what_its_page_shows(clone: Clone, page: Path) -> None:
    clone.tidy()
    (clone.folder / "log.csv").write_text(OTHER_WORDS)
    for name, (log, _) in LOGS.items():
        (clone.folder / name).write_text(log)
    for name, query in re.findall(r"^\$ cat (\S+\.sql)\n(.*?)^\$ ", prose(page), re.M | re.S):
        (clone.folder / name).write_text(query)
    if not (clone.folder / ".venv").exists():
        clone.run("pip install --quiet uv && uv run python -c pass")
    for command in typed_here(page):
        if "jupyter lab" in command:
            clone.serve(command)
        else:
            shown = COMMANDS[page][command]
            printed = clone.run(command)
            assert not shown or printed == shown, command
