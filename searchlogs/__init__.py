"""Learn stream processing on search logs: sessions and what was clicked in them, with Bytewax.

Engineers who hold a table call `sessionize`. What is named here is loaded when it is asked for.
"""

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from searchlogs.columnar.table import sessionize

    __version__: str

__all__ = ["__version__", "sessionize"]


def __getattr__(name: str) -> Any:
    """Load the function, or look up the version: both take a while."""
    if name == "sessionize":
        from searchlogs.columnar.table import sessionize

        return sessionize
    if name == "__version__":
        from importlib.metadata import version

        return version("searchlogs")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _MissingEngine:
    """The last place where Python looks for Bytewax, which many modules import."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "bytewax":
            python = ".".join(map(str, sys.version_info[:2]))
            raise ModuleNotFoundError(
                "bytewax, which runs dataflows, is not installed: it has wheels for Python 3.11 "
                f"and 3.12, and this is Python {python} (searchlogs.sessionize works without it)",
                name=name,
            )


sys.meta_path.append(_MissingEngine())


def _explain_errors() -> None:
    from searchlogs.figures.errors import install

    install()


if "IPython" in sys.modules:  # a notebook
    with suppress(ModuleNotFoundError):  # without the course's packages, errors are shown as usual
        _explain_errors()
