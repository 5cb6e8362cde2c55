"""What Binder would build from this repository, and whether the course runs in it."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_badge_opens_a_notebook_of_a_place_that_is_stated_once() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (place, path) = re.fullmatch(
        r"\[binder\]: https://mybinder\.org/v2/gh/([\w.-]+/[\w.-]+)/HEAD\?urlpath=lab/tree/(.*)",
        readme.splitlines()[-1],
    ).groups()  # type: ignore[union-attr]
    assert ROOT / path == min((ROOT / "notebooks").glob("*.ipynb"))
    assert readme.count("][binder]") == 1
    assert f"`{place}`" in readme if place == "OWNER/NAME" else "OWNER/NAME" not in readme


@pytest.mark.slow
def test_repo2docker_picks_environment_yml() -> None:
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    plan = done.stdout + done.stderr
    assert "Building conda environment for python=3.12\n" in plan
    (install,) = re.finditer(r'env update -p \$\{NB_PYTHON_PREFIX\} --file "(.*)"', plan)
    assert install[1] == "environment.yml"
    # The package is installed from here, so it has to be there.
    assert plan.index(" src/ ${REPO_DIR}/\n") < install.start()


@pytest.mark.slow
def test_notebook_00_runs_where_only_environment_yml_was_installed(tmp_path: Path) -> None:
    """As on Binder: Python 3.12, and the pip section. On top come nbval and pytest, to compare."""
    bash = shutil.which("bash") or pytest.skip("no bash to look for Python 3.12 with")
    found = subprocess.run(
        [bash, ".ci/find-python", "3.12"], capture_output=True, text=True, cwd=ROOT
    )
    if found.returncode:
        pytest.skip("no Python 3.12 on this machine")
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (pins,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    tools = PROJECT["dependency-groups"]["dev"]
    tools = [pin for pin in tools if pin.split("==")[0] in ("nbval", "pytest")]
    assert len(tools) == 2

    # A clone, since installing "-e ." must not depend on what else lies in the folder.
    clone = tmp_path / "clone"
    for name in ("searchlogs", "notebooks"):
        shutil.copytree(
            ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb*")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, capture_output=True, text=True, cwd=clone)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("uv", "venv", "--quiet", "--python", found.stdout.strip(), tmp_path / "venv")
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run("uv", "pip", "install", "--quiet", "--python", python, *" ".join(pins).split())
    installed = run("uv", "pip", "list", "--python", python, "--format", "freeze")
    names = {line.split("==")[0] for line in installed.splitlines()}
    assert "jupyterlab" in names
    # No developer's tool, however it would get there.
    assert names.isdisjoint({"hypothesis", "mypy", "playwright", "pytest", "ruff", "sphinx"})
    run(python, "-m", "searchlogs")
    run("uv", "pip", "install", "--quiet", "--python", python, *tools)
    (clone / "pytest.ini").write_text("[pytest]", encoding="utf-8")
    notebook = "notebooks/00-start-here.ipynb"
    out = run(python, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", notebook)
    assert re.search(r"^\d+ passed", out, re.MULTILINE), out
