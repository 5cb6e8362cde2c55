"""The package's structure: which folder may import which, what is loaded, how long things get."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loading import WITHOUT, loaded
from wording import Like

HOUSE = Path(__file__).parents[1] / "searchlogs"
FILES = sorted(HOUSE.rglob("*.py"))
CORE = ("events", "durations", "simulate", "sessions", "metrics", "dataflow", "tables")
MAY_IMPORT = {
    "": {""},
    "logs": {"", "logs"},
    "columnar": {"", "logs", "columnar"},
    "live": {"", "logs", "live"},
    "figures": {"", "figures"},
    "command": {"", "logs", "columnar", "live", "figures", "command", "exercises"},
    "exercises": {"", "logs", "columnar", "live", "figures", "command", "exercises"},
}
"""For each folder ("" is the core), the folders that its modules may import."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def module_name(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


PATHS = {module_name(path): path for path in FILES}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in PATHS.items()}


def folder(module: str) -> str:
    """Return the folder that a module is in; "" for the core's."""
    path = PATHS[module].relative_to(HOUSE)
    return path.parts[0] if len(path.parts) > 1 else ""


def is_for_types(node: ast.AST) -> bool:
    """Return whether a statement is not run, and only tells types."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(node: ast.AST, inside_functions: bool) -> Iterator[str]:
    """Find what a tree imports, by its full name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, f"a relative import in line {child.lineno}"
            for alias in child.names:
                inner = f"{child.module}.{alias.name}"
                yield inner if inner in PATHS else str(child.module)
        elif inside_functions or not (isinstance(child, Function) or is_for_types(child)):
            yield from imports(child, inside_functions)


def imported(module: str, inside_functions: bool = True) -> set[str]:
    """Return the package's own modules that a module imports."""
    found = set(imports(TREES[module], inside_functions))
    own = {name for name in found if name.split(".")[0] == "searchlogs"}
    assert own <= set(PATHS), f"{module} imports {own - set(PATHS)}"
    return own


@pytest.mark.parametrize("module", CORE)
def test_the_core_loads_no_folder_and_nothing_heavy(module: str) -> None:
    found = loaded(f"import searchlogs.{module}")
    assert f"searchlogs.{module}" in found
    own = [name for name in found if name.startswith("searchlogs.")]
    assert {name.split(".")[1] for name in own} <= set(CORE)
    heavy = {"pandas", "pyarrow", "pydantic_core", "numpy", "matplotlib"}
    if module not in ("sessions", "dataflow"):
        heavy.add("bytewax")
    assert not heavy & set(found)


def test_tables_load_pandas_when_they_are_made() -> None:
    assert "pandas" in loaded("from searchlogs.tables import summary; summary([])")


ENGINE = ("sessions", "dataflow", "columnar.operator", "live.clocks", "figures.windows")
"""Modules that need the engine, one of each folder's."""


@pytest.mark.parametrize("module", ENGINE)
def test_what_needs_the_engine_says_where_it_runs(module: str) -> None:
    loaded(
        f"try: import searchlogs.{module}\n"
        "except ModuleNotFoundError as error: found = error\n"
        "assert found.name == 'bytewax'\n"
        "assert 'not installed' in str(found) and 'Python 3.11 and 3.12' in str(found)",
        missing=("bytewax",),
    )


def test_a_run_says_so_in_one_line(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("{}")
    out = tmp_path / "sessions.csv"
    code = WITHOUT.format(missing=("bytewax",)) + (
        "from searchlogs.command.cli import main\n"
        f"sys.exit(main(['run', {str(log)!r}, '--out', {str(out)!r}]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (2, "")
    assert [Like("bytewax…not installed…Python 3.11 and 3.12")] == run.stderr.splitlines()


SELDOM = {
    *("pandas", "polars", "duckdb", "matplotlib", "IPython", "confluent_kafka", "numpy.ma"),
    *("pydantic", "tqdm", "filelock", "pyarrow.dataset"),
    *(f"searchlogs.{folder}" for folder in ("figures", "exercises", "live")),
}
"""Modules that an ordinary run of the command does without."""
UNUSED = {
    "--help": {*SELDOM, "numpy", "pyarrow", "bytewax", "pydantic_core", "importlib.metadata"},
    "run --help": {*SELDOM, "numpy", "pyarrow", "bytewax", "pydantic_core"},
    "--version": {*SELDOM, "numpy", "pyarrow", "bytewax", "pydantic_core"},
    "simulate --out LOG --force": {*SELDOM, "numpy", "pyarrow", "bytewax"},
    "run LOG --out SESSIONS.parquet": SELDOM,
    "run LOG --out SESSIONS.csv --sort --engine events": SELDOM,
}
"""For each command line, the modules that would only delay it."""


@pytest.mark.parametrize(("line", "unused"), UNUSED.items())
def test_the_command_loads_what_it_uses(line: str, unused: set[str], tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"event": "search", "user": 1, "query": "dogs", "time": "2024-01-01T00:00Z"}\n')
    line = line.replace("LOG", str(log)).replace("SESSIONS", str(tmp_path / "sessions"))
    found = loaded(
        "from searchlogs.command.cli import main\n"
        f"try: assert main({line.split()}) == 0\n"
        "except SystemExit as end: assert not end.code"
    )
    assert "searchlogs.command.cli" in found
    assert sorted(unused & set(found)) == []


def test_the_core_is_what_stands_at_the_top() -> None:
    assert {path.stem for path in HOUSE.glob("*.py")} == {*CORE, "__init__", "__main__"}
    assert {folder(module) for module in PATHS} == set(MAY_IMPORT)


def may_import(module: str, other: str) -> bool:
    if module == "searchlogs.__main__":
        return folder(other) in ("", "command")
    if folder(module) == "figures" and other == "searchlogs.live.clocks":
        return True
    return folder(other) in MAY_IMPORT[folder(module)]


def test_a_folder_imports_what_it_may() -> None:
    wrong = [
        f"{module} imports {other}"
        for module in PATHS
        # The package itself may name what a folder holds, if it loads it only when it is asked for.
        for other in imported(module, inside_functions=module != "searchlogs")
        if not may_import(module, other)
    ]
    assert wrong == []


def test_no_imports_go_in_a_circle() -> None:
    # A folder's __init__ loads what it names only when it is asked for.
    faces = {module for module, path in PATHS.items() if path.name == "__init__.py"}
    direct = {module: imported(module) - faces for module in PATHS}

    def reached(module: str) -> set[str]:
        found: set[str] = set()
        coming = list(direct[module])
        while coming:
            other = coming.pop()
            if other not in found:
                found.add(other)
                coming += direct[other]
        return found

    assert [module for module in PATHS if module in reached(module)] == []


def functions() -> Iterator[tuple[str, Function]]:
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield module, node


def has_reason(module: str, function: Function, words: str) -> bool:
    """Return whether a comment that begins with the words is directly above or below a def."""
    lines = [line.strip() for line in PATHS[module].read_text(encoding="utf-8").splitlines()]
    begin = min(node.lineno for node in [function, *function.decorator_list])
    above = begin - 1
    while lines[above - 1].startswith("#"):
        above -= 1
    near = lines[above : begin - 1] + lines[function.lineno : function.body[0].lineno - 1]
    return any(line.startswith(f"# {words} because ") for line in near)


def length(function: Function) -> int:
    """Count a function's lines, without its docstring and its decorators."""
    docstring = 0
    if ast.get_docstring(function) is not None:
        docstring = (function.body[0].end_lineno or 0) - function.body[0].lineno + 1
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def parameters(function: Function) -> int:
    asked = function.args
    named = [*asked.posonlyargs, *asked.args, *asked.kwonlyargs, asked.vararg, asked.kwarg]
    return sum(one is not None and one.arg not in ("self", "cls") for one in named)


def test_modules_are_short() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {str(path): count for path, count in lines.items() if count > 450} == {}


def test_functions_are_short_or_say_why_not() -> None:
    long = [
        f"{module}.{function.name}: {length(function)} lines"
        for module, function in functions()
        if length(function) > 50 and not has_reason(module, function, "Long")
    ]
    assert long == []


def test_functions_have_few_parameters_or_say_why_not() -> None:
    many = [
        f"{module}.{function.name}: {parameters(function)} parameters"
        for module, function in functions()
        if parameters(function) > 6 and not has_reason(module, function, "Many parameters")
    ]
    assert many == []
