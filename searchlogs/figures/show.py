"""Source code, for a notebook to show from the package itself."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CodeBlock:
    """A block of Python, which JupyterLab renders and other places show as text."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.text}\n```"


def show_code(thing: type | Callable[..., Any]) -> CodeBlock:
    """Return the source of a class or a function, as it runs."""
    return CodeBlock(inspect.getsource(thing).rstrip())
