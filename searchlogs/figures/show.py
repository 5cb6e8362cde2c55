"""What a notebook shows of the package itself: its source, and the graph of a flow."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bytewax.dataflow import Dataflow
from bytewax.visualize import to_mermaid


@dataclass(frozen=True)
class Page:
    """A block of code or of Mermaid that JupyterLab renders, and that is plain text elsewhere."""

    language: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return f"```{self.language}\n{self.text}\n```"


def source(thing: type | Callable[..., Any]) -> Page:
    """The source of a class or a function, as it runs."""
    return Page("python", inspect.getsource(thing).rstrip())


def graph(flow: Dataflow) -> Page:
    """The steps of a flow and the streams between them, read off the flow object."""
    # Mermaid's own colours glare in a dark theme.
    return Page("mermaid", '%%{init: {"theme": "neutral"}}%%\n' + to_mermaid(flow))
