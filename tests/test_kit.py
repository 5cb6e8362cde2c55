"""The kit for a room without network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from searchlogs.command import kit
from searchlogs.command.cli import main


def test_a_folder_that_exists_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").write_text("mine")
    assert main(["kit", str(tmp_path)]) == 2
    assert "already exists; choose another folder" in capsys.readouterr().err
    assert (tmp_path / "mine").read_text() == "mine"


def test_what_pip_says_is_passed_on_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = SimpleNamespace(returncode=1, stderr="WARNING: slow\nERROR: no such package\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: failed)
    monkeypatch.setattr(kit, "find_spec", bool)
    assert main(["kit", str(tmp_path / "kit")]) == 2
    assert "pip wheel failed: ERROR: no such package" in capsys.readouterr().err
    assert not (tmp_path / "kit").exists()


def test_neither_pip_nor_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match="with pip or uv"):
        kit.make_kit(tmp_path / "kit")


@pytest.mark.slow
def test_a_kit_installs_without_network_where_it_was_moved_to(tmp_path: Path) -> None:
    made, moved, home = (tmp_path / name for name in ("made", "moved", "home"))
    assert main(["kit", str(made), "--quiet"]) == 0
    made.rename(moved)
    home.mkdir()
    # Where a network namespace can be made, there is none; else what looks for one finds no index.
    nowhere = "http://127.0.0.1:9"
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    environment |= {"PIP_INDEX_URL": nowhere, "UV_INDEX_URL": nowhere}
    apart = ["unshare", "--net", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.run([*apart, "true"]).returncode:
        apart = []
    command = [*apart, "sh", "-c", 'ip link set lo up; exec "$@"', "sh"] if apart else []

    def run(*words: str) -> str:
        process = subprocess.run(
            [*command, *words], cwd=moved, env=environment, capture_output=True, text=True
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    python = getattr(sys, "_base_executable", sys.executable)
    lines = run(python, "install.py").splitlines()
    assert [line[:2] for line in lines[:-2]] == ["OK"] * 7
    begin = lines[-1].split()
    assert begin[1:] == ["-m", "jupyterlab", "notebooks/00-start-here.ipynb"]
    run(begin[0], "-m", "nbconvert", "--to", "notebook", "--execute", begin[3])
