"""What the project's papers say: versions, dates, links, commands, forms."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from datetime import date
from importlib.resources import files

import pytest
import yaml
from jsonschema.validators import validator_for
from test_project import NOTEBOOKS, PROJECT, ROOT, prose

import searchlogs

GITHUB = ROOT / ".github"
PAPERS = [ROOT / "CHANGELOG.md", *GITHUB.glob("*.md"), ROOT / "notebooks" / "LICENSE.md"]
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
SCHEMAS = {
    "citation-file-format": [ROOT / "CITATION.cff"],
    "dependabot": [GITHUB / "dependabot.yml"],
    "github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    "github-issue-forms": FORMS,
}
"""For each schema that check-jsonschema has built in, the files that it describes."""
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
COMMANDS = re.findall(r"^\| `([^`]+)` \|", prose(GITHUB / "CONTRIBUTING.md"), re.MULTILINE)


def test_the_top_holds_what_a_visitor_looks_for() -> None:
    """Other papers go into .github, where they are found as well."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no clone")
    names = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in names if not name.startswith(".")} == {
        "CHANGELOG.md",
        "CITATION.cff",
        "LICENSE",
        "README.md",
        "environment.yml",
        "notebooks",
        "pyproject.toml",
        "searchlogs",
        "tests",
    }


def test_there_is_one_version_and_one_date() -> None:
    headings = re.findall(r"^## (\S+)(?: - (\S+))?$", prose(ROOT / "CHANGELOG.md"), re.MULTILINE)
    releases = [heading for heading in headings if heading[0] != "Unreleased"]
    assert releases[0] == (CITATION["version"], CITATION["date-released"])
    assert CITATION["version"] == PROJECT["project"]["version"] == searchlogs.__version__
    days = [date.fromisoformat(day) for _, day in releases]
    assert days == sorted(days, reverse=True)
    assert headings[: len(headings) - len(releases)] in ([], [("Unreleased", "")])


def test_the_project_has_one_address() -> None:
    """It stands in pyproject.toml and in the README, and nowhere else."""
    urls = PROJECT["project"]["urls"]
    (address,) = {"/".join(url.split("/")[3:5]) for url in urls.values()}
    assert f"mybinder.org/v2/gh/{address}/" in prose(ROOT / "README.md")
    for paper in (*PAPERS, *FORMS, ROOT / "CITATION.cff"):
        elsewhere = f"github.com/{address}" in paper.read_text(encoding="utf-8")
        assert not elsewhere, f"{paper.name} names the address"


@pytest.mark.parametrize("schema", SCHEMAS)
def test_forms_are_what_they_are_read_as(schema: str) -> None:
    vendor = files("check_jsonschema.builtin_schemas") / "vendor"
    described = json.loads((vendor / f"{schema}.json").read_text(encoding="utf-8"))
    validator = validator_for(described)(described)
    for path in SCHEMAS[schema]:
        validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_there_is_a_form_for_each_kind_of_issue() -> None:
    assert [form.stem for form in FORMS] == ["idea", "notebook", "wrong-number"]
    for form in FORMS:
        fields = [part for part in yaml.safe_load(form.read_text("utf-8"))["body"] if "id" in part]
        assert len({field["id"] for field in fields}) == len(fields)
        assert any(field.get("validations", {}).get("required") for field in fields)


def test_contributors_need_ten_commands() -> None:
    assert len(COMMANDS) == 10


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_for_contributors_exists(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program != "uv":
        assert (ROOT / program).stat().st_mode & 0o111 or sys.platform == "win32"
        return
    if arguments[0] == "sync":
        assert arguments[1:] == ["--all-extras", "--all-groups"]
        return
    run, tool, *rest = arguments
    assert run == "run"
    assert shutil.which(tool, path=sysconfig.get_path("scripts")), f"{tool} is not installed"
    for word in rest:
        assert "/" not in word or (ROOT / word).exists(), f"there is no {word}"
    if "-m" in rest:
        markers = PROJECT["tool"]["pytest"]["ini_options"]["markers"]
        assert rest[rest.index("-m") + 1] in [marker.split(":")[0] for marker in markers]


def test_every_data_file_has_a_licence() -> None:
    table = prose(ROOT / "notebooks" / "LICENSE.md")
    data = [
        path.name
        for path in (ROOT / "notebooks").iterdir()
        if path.suffix in {".csv", ".gz", ".parquet", ".jsonl"}
    ]
    assert data and [name for name in data if f"`{name}`" not in table] == []


def test_the_dev_container_opens_the_first_notebook() -> None:
    """Its schema is not among those that check-jsonschema has built in."""
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    container = json.loads(text)
    assert set(container) == {"name", "image", "postCreateCommand", "customizations"}
    image, _, python = container["image"].partition(":")
    assert image == "python"
    assert f"python={python}" in (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert container["postCreateCommand"] == "pip install uv && uv sync"
    customizations = container["customizations"]
    assert set(customizations) == {"codespaces", "vscode"}
    (first,) = customizations["codespaces"]["openFiles"]
    assert ROOT / first == NOTEBOOKS[0]
    assert set(customizations["vscode"]) == {"extensions", "settings"}
    interpreter = customizations["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert interpreter == "${containerWorkspaceFolder}/.venv/bin/python"


def test_the_newest_engine_is_tried_but_holds_nothing_up() -> None:
    workflow = yaml.safe_load((GITHUB / "workflows" / "engine.yml").read_text(encoding="utf-8"))
    assert set(workflow[True]) == {"schedule", "workflow_dispatch"}  # YAML reads "on" as true
    (job,) = workflow["jobs"].values()
    engines = [spec.split(">=")[0] for spec in job["strategy"]["matrix"]["engine"]]
    assert engines == ["bytewax", "bytewax-fork"]
    assert job["steps"][-1]["run"].startswith("uv run --no-sync pytest ")
    for name in re.findall(r"--deselect (\S+)", job["steps"][-1]["run"]):
        file, _, test = name.partition("::")
        source = (ROOT / file).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in source
