"""Source code, for a notebook to show from the package itself."""

import inspect
import re
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


_REFERENCE = re.compile(r'\n\n +(?:(?:Args|Returns|Raises):\n|>>> ).*?(?=\n +""")', re.DOTALL)
_ONE_LINE = re.compile(r'^( +"""[^\n]+)\n +"""$', re.MULTILINE)


def show_code(thing: type | Callable[..., Any]) -> CodeBlock:
    """Return the source of a class or a function, as it runs.

    What only a reference needs is left out of its docstrings: arguments, errors and examples.
    """
    source = _REFERENCE.sub("", inspect.getsource(thing).rstrip())
    return CodeBlock(_ONE_LINE.sub(r'\1"""', source))
