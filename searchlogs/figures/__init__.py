"""Everything that the notebooks draw."""

from importlib.util import find_spec

for _package in ("IPython", "matplotlib", "pandas", "PIL"):
    if find_spec(_package) is None:
        raise ModuleNotFoundError(
            f"figures need {_package}: pip install 'searchlogs[course]'", name=_package
        )
