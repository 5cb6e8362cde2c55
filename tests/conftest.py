"""How all tests run: the same everywhere, and on machines that are busy."""

import os
import platform
import re
import shutil
import sys
from base64 import b64decode
from collections.abc import Iterator
from html import unescape
from typing import TYPE_CHECKING

# Finds all fonts once, before the notebooks' kernels do at the same time: where that takes long,
# matplotlib says so on stderr, which nbval compares.
import matplotlib.font_manager  # noqa: F401
import pytest
from hypothesis import settings
from nbval.plugin import IPyNbFile

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True, scope="session")
def learners_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests solve out of the file in which learners' progress is kept."""
    from searchlogs.exercises import _progress

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_progress, "FILE", tmp_path_factory.mktemp("progress") / _progress.FILE)
        yield


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """The system's browser, without a window."""
    from playwright.sync_api import sync_playwright

    paths = [path for name in BROWSERS if (path := shutil.which(name))]
    if not paths:
        pytest.skip("no Chromium on this machine: install it to see pages in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=paths[0], args=FLAGS)
        yield browser
        browser.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let nbval compare pictures by their SVG, and where that has other bytes by their words.

    The bytes of a PNG depend on the libraries that compress it, those of an SVG on the machine:
    stored is the SVG of Linux on x86-64.
    """
    same = (sys.platform, platform.machine()) == ("linux", "x86_64")
    for notebook in {item.parent for item in items if isinstance(item.parent, IPyNbFile)}:
        if notebook.path.parent.name == "_teacher":  # test_exercises.py runs its solutions, too
            notebook.add_marker(pytest.mark.slow)
        patterns = notebook.sanitize_patterns
        patterns[r"data:image/png;base64,[\w+/=]+"] = "PNG"
        patterns[r"data:image/svg\+xml;base64,([\w+/=]+)"] = _decoded
        # The hash of a script's data would differ before the data do.
        patterns[r'(data-\w+=|\()"[0-9a-f]{12}"'] = "hash"
        if not same:
            patterns[r"(?s)<svg.*?svg>"] = "SVG"


def _decoded(link: re.Match[str]) -> str:
    return b64decode(link[1]).decode()


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Show where two pictures begin to differ; a diff of all their lines would take minutes."""
    if op != "==" or not (isinstance(left, str) and isinstance(right, str) and "<svg" in left):
        return None
    pairs = enumerate(zip(left, right, strict=False))
    start = next((n for n, (one, other) in pairs if one != other), min(len(left), len(right)))
    title = re.findall("<title>(.*?)<", left[: left.find("<", start) + 1])[-1:]
    # In the data of a script, a line end is written as two characters.
    line = len(re.split(r"\n|\\n", left[left.rfind("<svg", 0, start) : start]))
    parts = [repr(one[max(0, start - 40) : start + 60]) for one in (left, right)]
    where = (
        f"in line {line} of the SVG of {unescape(title[0])!r}" if title else "before the first SVG"
    )
    return [f"the first difference is {where}:", *parts]
