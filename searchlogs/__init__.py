"""Learn stream processing on search logs: sessions and what was clicked in them, with Bytewax."""

import sys

__version__: str


def __getattr__(name: str) -> str:
    """Return the version when somebody asks for it: to look it up takes a while."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("searchlogs")


def _explain_errors() -> None:
    from searchlogs.figures.errors import install

    install()


if "IPython" in sys.modules:  # a notebook
    _explain_errors()
