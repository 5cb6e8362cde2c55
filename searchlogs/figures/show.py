"""Source code and dataflow graphs, for a notebook to show from the package itself."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bytewax.dataflow import Dataflow
from bytewax.visualize import to_mermaid


@dataclass(frozen=True)
class CodeBlock:
    """A block of code or of Mermaid, which JupyterLab renders and other places show as text."""

    language: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return f"```{self.language}\n{self.text}\n```"


def source(thing: type | Callable[..., Any]) -> CodeBlock:
    """Return the source of a class or a function, as it runs."""
    return CodeBlock("python", inspect.getsource(thing).rstrip())


def graph(flow: Dataflow) -> CodeBlock:
    """Return the steps of a flow and the streams between them, as a Mermaid graph."""
    # Mermaid's own colours are too bright for a dark theme.
    return CodeBlock("mermaid", '%%{init: {"theme": "neutral"}}%%\n' + to_mermaid(flow))
