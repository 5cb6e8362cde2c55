"""What a check and a hint give: shown as HTML by Jupyter, as text by everything else."""

from dataclasses import dataclass
from html import escape
from typing import Literal

from searchlogs.exercises._values import inline

State = Literal["not attempted", "wrong", "right", "broken"]
# A colour only repeats what the sign and the word already show. It is none of the theme's, since
# a notebook that is not trusted yet drops their names.
SIGNS: dict[State, tuple[str, str]] = {
    "not attempted": ("○", "#9e9e9e"),
    "wrong": ("✗", "#f57c00"),
    "right": ("✓", "#388e3c"),
    "broken": ("⚠", "#d32f2f"),
}
PRE = '<pre style="background: none">'
"""The theme stripes the rows of a table."""


@dataclass(frozen=True)
class Verdict:
    """The result of a check; Jupyter shows it as HTML, everything else as text."""

    state: State
    words: str
    case: str = ""
    """Name of the case that failed; empty if the verdict is about no single case."""
    facts: tuple[tuple[str, str], ...] = ()
    """Name and text of what was given, what came out, and what was expected."""
    score: str = ""
    """How many cases were right, in words."""
    folded: str = ""
    """HTML below the words: the hints and the solution, closed until they are clicked."""

    @property
    def headline(self) -> str:
        """Return the state in words, with the case if there is one."""
        first = self.state.capitalize() + (f", for {self.case}" if self.case else "") + "."
        return f"{first} {self.score}".rstrip()

    def __repr__(self) -> str:
        width = max((len(name) for name, _ in self.facts), default=0)
        lines = [f"{SIGNS[self.state][0]} {self.headline}"]
        for name, text in self.facts:
            first, *rest = text.split("\n")
            lines.append(f"    {name:{width}}  {first}".rstrip())
            lines += [f"    {'':{width}}  {line}".rstrip() for line in rest]
        return "\n".join([*lines, self.words])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        sign, colour = SIGNS[self.state]
        left = 'style="text-align: left; vertical-align: top"'
        rows = "".join(
            f"<tr><th {left}>{escape(name)}</th><td {left}>{PRE}{escape(text)}</pre></td></tr>"
            for name, text in self.facts
        )
        html = (
            f'<div style="border-left: 4px solid {colour}; padding-left: 1em">'
            f"<p><strong>{sign} {escape(self.headline)}</strong></p>"
            + (f"<table>{rows}</table>" if rows else "")
            + f"<p>{inline(self.words)}</p>{self.folded}</div>"
        )
        return {"text/plain": repr(self), "text/html": html}


@dataclass(frozen=True)
class Page:
    """A text in Markdown; Jupyter renders it, everything else shows its source."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        style = "border-left: 4px solid #1976d2; padding-left: 1em"
        # Markdown is read inside HTML if blank lines set it apart.
        framed = f'<div style="{style}">\n\n{self.text}\n\n</div>'
        return {"text/plain": self.text, "text/markdown": framed}


def fold(hints: tuple[str, ...], code: str, because: str) -> str:
    """Return hints and solution as HTML, each inside the one before it and opened by a click.

    JupyterLab keeps these elements in notebooks that are not trusted, and so do exports.
    """
    reason = f"<p>{inline(because)}</p>" if because else ""
    html = (
        f"<details><summary>Solution</summary>{PRE}{escape(code, quote=False)}</pre>"
        f"{reason}</details>"
    )
    for number, hint in reversed(list(enumerate(hints, 1))):
        summary = f"<summary>Hint {number} of {len(hints)}</summary>"
        html = f"<details>{summary}<p>{inline(hint)}</p>{html}</details>"
    return html
