"""What an exercise is, how an answer to it is checked, and in which words it is told."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from html import escape
from typing import Any, Literal

from searchlogs.exercises._run import (
    Raised,
    TimeUp,
    agree,
    call,
    in_words,
    printed_lines,
    takes,
    untouched,
    where,
    with_imports,
    within,
)
from searchlogs.exercises._values import (
    about_kind,
    alike,
    holds,
    inline,
    kind,
    plain,
    quietly,
    show,
    where_they_differ,
)

SECONDS = 3.0
"""How long an answer may take on all cases together; each needs a few milliseconds."""

State = Literal["not attempted", "wrong", "right", "broken"]
# The colours only repeat what sign and word say.
LOOKS: dict[State, tuple[str, str]] = {
    "not attempted": ("○", "var(--jp-border-color1, gray)"),
    "wrong": ("✗", "var(--jp-warn-color1, orange)"),
    "right": ("✓", "var(--jp-success-color1, green)"),
    "broken": ("⚠", "var(--jp-error-color1, red)"),
}


@dataclass(frozen=True)
class Verdict:
    """What a check found; Jupyter shows it as HTML, everything else as text."""

    state: State
    words: str
    case: str = ""
    """The case that it speaks of, where it speaks of one."""
    facts: tuple[tuple[str, str], ...] = ()
    """What was given, what came out, what was expected: name and text."""

    @property
    def headline(self) -> str:
        """The state in words, and the case."""
        return self.state.capitalize() + (f", for {self.case}" if self.case else "") + "."

    def __repr__(self) -> str:
        width = max((len(name) for name, _ in self.facts), default=0)
        lines = [f"{LOOKS[self.state][0]} {self.headline}"]
        for name, text in self.facts:
            first, *rest = text.split("\n")
            lines.append(f"    {name:{width}}  {first}".rstrip())
            lines += [f"    {'':{width}}  {line}".rstrip() for line in rest]
        return "\n".join([*lines, self.words])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        sign, colour = LOOKS[self.state]
        left = 'style="text-align: left; vertical-align: top"'
        pre = '<pre style="background: none">'  # the theme stripes the rows of a table
        rows = "".join(
            f"<tr><th {left}>{escape(name)}</th><td {left}>{pre}{escape(text)}</pre></td></tr>"
            for name, text in self.facts
        )
        html = (
            f'<div style="border-left: 4px solid {colour}; padding-left: 1em">'
            f"<p><strong>{sign} {escape(self.headline)}</strong></p>"
            + (f"<table>{rows}</table>" if rows else "")
            + f"<p>{inline(self.words)}</p></div>"
        )
        return {"text/plain": repr(self), "text/html": html}


@dataclass(frozen=True)
class Page:
    """A text in Markdown, which Jupyter renders; everything else shows it as it is."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/markdown": self.text}


@dataclass(kw_only=True, eq=False, repr=False)
class Exercise(ABC):
    """Something to try: `check` an answer, ask for a `hint`, look at the `solution`."""

    name: str
    """What `searchlogs.exercises` calls it."""
    title: str
    statement: str
    """What to do, in Markdown."""
    starter: str
    """The cell to start from; its last line checks the answer."""
    hints: tuple[str, ...]
    """From a nudge to nearly all of it."""
    solve: Callable[..., Any]
    notice: str
    """What to notice once the answer is right."""
    hints_given: int = field(default=0, init=False)

    def __repr__(self) -> str:
        return f"Exercise: {self.title}\n\n{self.statement}"

    def check(self, answer: Any) -> Verdict:
        """Say whether `answer` is right and, where it is not, what seems to have happened.

        Raises nothing but the KeyboardInterrupt of whoever interrupts it. What the answer prints
        is part of the verdict on a case, not of the cell's output.
        """
        if untouched(answer):
            return self._not_attempted()
        return self._judge(answer)

    def hint(self) -> Page:
        """Give the next hint; after the last, the last again."""
        self.hints_given = min(self.hints_given + 1, len(self.hints))
        number, last = self.hints_given, len(self.hints)
        after = f"That was the last hint. `exercises.{self.name}.solution()` shows an answer."
        hint = f"**Hint {number} of {last}.** {self.hints[number - 1]}"
        return Page(hint if number < last else f"{hint}\n\n{after}")

    def solution(self) -> Page:
        """Show an answer that is right, as it stands in the package."""
        return Page(f"```python\n{with_imports(self.solve)}```")

    def _not_attempted(self) -> Verdict:
        words = "Put your answer in place of `...` and run the cell again."
        return Verdict("not attempted", f"{words} Stuck? `exercises.{self.name}.hint()`")

    @abstractmethod
    def _judge(self, answer: Any) -> Verdict: ...


@dataclass(frozen=True)
class Mistake:
    """A wrong value that people give, and what it usually means."""

    example: Any
    says: str
    fits: Callable[[Any], bool] | None = None
    """Which other answers are the same mistake; None: those equal to the example."""


@dataclass(kw_only=True, eq=False, repr=False)
class Question(Exercise):
    """An exercise whose answer is a value; `solve` takes nothing and returns it."""

    expects: str
    """What kind of value is expected, without giving it away."""
    mistakes: tuple[Mistake, ...]
    same: Callable[[Any, Any], bool] = alike
    outcome: Callable[[Any], str] | None = None
    """What comes out of an answer, where that can be shown; may raise where nothing does."""

    @cached_property
    def _expected(self) -> Any:
        return self.solve()

    def _judge(self, answer: Any) -> Verdict:
        expected = self._expected
        if holds(self.same, answer, expected):
            return Verdict("right", self.notice)
        facts = [("yours", show(answer))]
        came_out = quietly(self.outcome, answer) if self.outcome else None
        if came_out:
            facts.append(("came out", came_out))
        facts.append(("expected", self.expects))
        for mistake in self.mistakes:
            fits = mistake.fits or partial(self.same, mistake.example)
            if holds(fits, answer):
                return Verdict("wrong", mistake.says, facts=tuple(facts))
        words = about_kind(answer, expected) or f"Not this one. `exercises.{self.name}.hint()`"
        return Verdict("wrong", words, facts=tuple(facts))


@dataclass(frozen=True)
class Case:
    """Arguments for which the answer is known; `says` what is special about them."""

    says: str
    args: tuple[Any, ...]

    def fresh(self) -> list[Any]:
        """Arguments that a function may spoil: its lists are copies, all else can't change."""
        return [list(arg) if isinstance(arg, list) else arg for arg in self.args]


@dataclass(kw_only=True, eq=False, repr=False)
class Task(Exercise):
    """An exercise whose answer is a function, called for each case; `solve` is one that is right.

    A mistake is a function as people write it, its docstring what to tell them. The mistake that
    an answer makes is the one that gives the same results wherever the answer is wrong.
    """

    cases: tuple[Case, ...]
    """Small ones, which can be read, before simulated ones."""
    mistakes: tuple[Callable[..., Any], ...]
    same: Callable[[Any, Any], bool] = alike
    reference: Callable[..., Any] | None = None
    """What gives the expected results; None: `solve`."""

    @cached_property
    def _expected(self) -> list[Any]:
        return [(self.reference or self.solve)(*case.fresh()) for case in self.cases]

    def _judge(self, answer: Any) -> Verdict:
        if not callable(answer):
            words = f"A function is expected, and this is {kind(answer)}. "
            words += "Hand over the function itself, without calling it: `check(my_function)`."
            return Verdict("wrong", words, facts=(("yours", show(answer)),))
        names = list(inspect.signature(self.solve).parameters)
        signature = quietly(inspect.signature, answer)  # a few builtins don't tell theirs
        if signature and not takes(signature, names):
            words = f"It will be called with {' and '.join(f'`{name}`' for name in names)}. "
            words += "Leave the line with `def` as it was in the starter."
            facts = (("your parameters", plain(str(signature))),)
            return Verdict("broken", words, facts=facts)
        expected = self._expected  # before the clock starts
        progress: list[Case] = []
        try:
            return within(SECONDS, lambda: self._try(answer, expected, progress))
        except TimeUp:
            case = progress[-1]
            # Not the line: which one it is in when time is up differs from run to run.
            words = f"It was still running after {SECONDS:g} seconds, so it was stopped. "
            words += "Usually that is a loop whose end never comes: does each turn bring it nearer?"
            return Verdict("broken", words, case.says, (("given", self._given(case)),))

    def _try(self, answer: Any, expected: list[Any], progress: list[Case]) -> Verdict:
        verdict: Verdict | None = None
        agreements: list[list[bool]] = []  # for each case: which mistakes give the same
        failed: list[int] = []
        for case, right in zip(self.cases, expected, strict=True):
            progress.append(case)
            result, printed = call(answer, case.fresh())
            # All said at once, since the next call may change what this one returned.
            agreements.append(
                [agree(self.same, result, call(slip, case.fresh())[0]) for slip in self.mistakes]
            )
            if isinstance(result, Raised):
                verdict = verdict or self._broken(answer, case, result.error, printed)
            elif holds(self.same, result, right):
                continue
            elif result is ...:
                return verdict or self._not_attempted()
            else:
                verdict = verdict or self._wrong(case, result, right, printed)
            failed.append(len(agreements) - 1)
        if verdict is None:
            return Verdict("right", f"{self.notice} (Checked on {len(self.cases)} cases.)")

        # Best is the mistake that explains the case that is told, then most of those that fail,
        # and then behaves like the answer on most of the others.
        def explains(number: int) -> tuple[bool, int, int]:
            column = [agrees[number] for agrees in agreements]
            return column[failed[0]], sum(column[i] for i in failed), sum(column)

        best = max(range(len(self.mistakes)), key=explains)
        if explains(best)[0]:
            words = " ".join((inspect.getdoc(self.mistakes[best]) or "").split())
            verdict = replace(verdict, words=words)
        return verdict

    def _wrong(self, case: Case, result: Any, right: Any, printed: str) -> Verdict:
        words = about_kind(result, right)
        words = words or f"Compare the two. Still stuck? `exercises.{self.name}.hint()`"
        yours, expected = where_they_differ(result, right)
        facts = [("given", self._given(case)), ("yours", yours), ("expected", expected)]
        return Verdict("wrong", words, case.says, (*facts, *printed_lines(printed)))

    def _broken(self, answer: Any, case: Case, error: BaseException, printed: str) -> Verdict:
        facts = [("given", self._given(case)), *printed_lines(printed), *where(answer, error)]
        facts.append(("error", quietly(in_words, error) or type(error).__name__))
        words = "Your code stopped with an error of its own. The message often says it all."
        return Verdict("broken", words, case.says, tuple(facts))

    def _given(self, case: Case) -> str:
        names = list(inspect.signature(self.solve).parameters)
        if len(names) == 1:
            return show(case.args[0])
        return "\n".join(
            f"{name} = {show(arg)}" for name, arg in zip(names, case.args, strict=True)
        )
