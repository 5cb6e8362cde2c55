"""How all tests run: the same everywhere, and on machines that are busy."""

import os
import platform
import sys
from collections.abc import Iterator

# Finds all fonts once, before the notebooks' kernels do at the same time: where that takes long,
# matplotlib says so on stderr, which nbval compares.
import matplotlib.font_manager  # noqa: F401
import pytest
from hypothesis import settings
from nbval.plugin import IPyNbFile

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The bytes of a picture are those of Linux on x86-64; elsewhere, its words are compared."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        for notebook in {item.parent for item in items if isinstance(item.parent, IPyNbFile)}:
            notebook.sanitize_patterns[r"data:image/[\w+]+;base64,[\w+/=]+"] = "picture"
