"""The README: its commands as a reader types them, and its size."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def typed() -> list[tuple[str, list[str]]]:
    """Return the commands of the package and of the engine, and what is printed below each."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    found = []
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *printed = part.splitlines()
            command = command.removeprefix("pip install uv && ")
            if re.match("uv run python -m (searchlogs|bytewax.run) ", command):
                found.append((command.removeprefix("uv run python "), printed))
    return found


def test_commands_do_what_the_page_shows(tmp_path: Path) -> None:
    commands = typed()
    assert len(commands) >= 3
    for command, printed in commands:
        words = shlex.split(command)
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr if done.returncode else "") == (0, ""), command
        if printed:
            assert [line.rstrip() for line in done.stdout.splitlines()] == printed, command


def test_the_readme_is_short_and_has_a_picture_first() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.index("![") < text.index("\n## ")
    words = re.sub(r"```.*?```|\]\([^)]*\)|[|\-$]", " ", text, flags=re.DOTALL).split()
    assert len(words) < 900


def test_nothing_runs_off_the_page() -> None:
    """A line of a console block that is wider than the README's column has to be scrolled."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\w+\n(.*?)```", text, re.DOTALL)
    assert max(len(line) for block in blocks for line in block.splitlines()) <= 108
