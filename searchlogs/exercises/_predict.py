"""Questions that ask for a guess first: the result is computed, and shown, once there is one."""

from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from io import StringIO
from math import isfinite
from numbers import Real
from typing import Any

from searchlogs.exercises._values import inline, kind, quietly, show
from searchlogs.exercises._verdict import PRE


@dataclass(frozen=True)
class Prediction:
    """A guess beside what came out; Jupyter shows it as HTML, everything else as text."""

    words: str
    """What the result shows about the idea, or what to do if there is no guess yet."""
    guess: str = ""
    """The guess as text; empty if there is none yet."""
    printed: str = ""
    """What the result printed, without the last line break."""
    came: Any = None
    """What the result returned: None, a text, a figure, a table, or any other value."""

    def __repr__(self) -> str:
        if not self.guess:
            return f"○ {self.words}"
        came = [] if self.came is None else [_as_text(self.came)]
        lines = "\n".join([self.printed, *came] if self.printed else came)
        return f"Your guess: {self.guess}\nWhat came out:{_below(lines)}\n{self.words}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        if self.guess:
            came = "" if self.came is None else _as_html(self.came)
            printed = _pre(self.printed) if self.printed else ""
            inner = (
                f"<p><strong>Your guess: {escape(self.guess)}</strong></p>"
                f"<p>What came out:</p>{printed}{came}<p>{inline(self.words)}</p>"
            )
        else:
            inner = f"<p><strong>○ {inline(self.words)}</strong></p>"
        left = "border-left: 4px solid #1976d2; padding-left: 1em"
        return {"text/plain": repr(self), "text/html": f'<div style="{left}">{inner}</div>'}


def predict(guess: Any, result: Callable[[], Any], says: str, choices: str = "") -> Prediction:
    """Show a result beside the guess that a learner made before; nothing is graded.

    Args:
        guess: A number, or one of the letters in `choices`; `...` if there is no guess yet.
        result: Called only if there is a guess; what it prints and what it returns is shown.
        says: What the result shows about the idea, in one or two sentences.
        choices: The letters to choose from; if empty, a number is asked for.

    Returns:
        What to show. Without a guess, or with one of another kind, it says what is asked for.

    >>> predict(..., lambda: 2, "A pause must be longer than the gap.")
    ○ Your number first: put it in place of `...` and run the cell again.
    >>> predict(7, lambda: 2, "A pause must be longer than the gap.")
    Your guess: 7
    What came out: 2
    A pause must be longer than the gap.
    """
    if guess is ...:
        what = "letter" if choices else "number"
        quotes = ", in quotes," if choices else ""
        return Prediction(
            f"Your {what} first: put it{quotes} in place of `...` and run the cell again."
        )
    if choices:
        letter = guess.strip().lower() if isinstance(guess, str) else ""
        if len(letter) != 1 or letter not in choices:
            return Prediction(_no_choice(guess, choices))
        guess = letter
    elif not _is_number(guess):
        return Prediction(_no_number(guess))
    with redirect_stdout(StringIO()) as out:
        came = result()
    text = guess if isinstance(guess, str) else str(guess)
    return Prediction(says, text, out.getvalue().rstrip("\n"), came)


def _is_number(guess: Any) -> bool:
    """Return whether a guess is a finite real number; True and False are none."""
    if isinstance(guess, bool) or not isinstance(guess, Real | Decimal):
        return False
    return isinstance(guess, int) or bool(quietly(isfinite, guess))


def _no_choice(guess: Any, choices: str) -> str:
    """Return what to do about a guess that is none of the letters."""
    letters = f"{', '.join(choices[:-1])} or {choices[-1]}"
    found = show(guess) if isinstance(guess, str) else kind(guess)
    return f"Your guess is {found}, and one letter is needed here: {letters}, in quotes."


def _no_number(guess: Any) -> str:
    """Return what to do about a guess that is no number."""
    if isinstance(guess, str):
        cure = "Write it in digits, without quotes."
        return f"Your guess is text, {show(guess)}, and a number is needed here. {cure}"
    found = show(guess) if guess is None or isinstance(guess, bool | float) else kind(guess)
    return f"Your guess is {found}, and a number is needed here: one, in digits."


def _as_text(value: Any) -> str:
    """Return a value as text; figures and tables know how they read."""
    if isinstance(value, str):
        return value.rstrip("\n")
    return show(value) if _html_of(value) is None else repr(value)


def _below(lines: str) -> str:
    """Return text that follows a colon: on the same line if it is one line, else below it."""
    return f"\n{lines}" if "\n" in lines else f" {lines or 'nothing'}"


def _as_html(value: Any) -> str:
    """Return a value as HTML; figures and tables know how they look."""
    html = _html_of(value)
    return _pre(_as_text(value)) if html is None else html


def _html_of(value: Any) -> str | None:
    """Return what Jupyter shows of a figure or a table, and None of any other value."""
    method = getattr(type(value), "_repr_html_", None)
    return None if method is None else method(value)


def _pre(text: str) -> str:
    """Return text as HTML that keeps its lines."""
    return f"{PRE}{escape(text, quote=False)}</pre>"
