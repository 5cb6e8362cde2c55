"""Exercises: how an answer is checked, and how the verdict is shown."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from html import escape
from typing import Any, Literal

from searchlogs.exercises._run import (
    Raised,
    TimeUp,
    agree,
    call,
    describe_error,
    failing_line,
    printed_lines,
    takes,
    untouched,
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

State = Literal["not attempted", "wrong", "right", "broken"]
# A colour only repeats what the sign and the word already show.
SIGNS: dict[State, tuple[str, str]] = {
    "not attempted": ("○", "var(--jp-border-color1, gray)"),
    "wrong": ("✗", "var(--jp-warn-color1, orange)"),
    "right": ("✓", "var(--jp-success-color1, green)"),
    "broken": ("⚠", "var(--jp-error-color1, red)"),
}


def at(second: float) -> datetime:
    """Return the given second of 1 January 2024, in UTC."""
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


@dataclass(frozen=True)
class Verdict:
    """The result of a check; Jupyter shows it as HTML, everything else as text."""

    state: State
    words: str
    case: str = ""
    """Name of the case that failed; empty if the verdict is about no single case."""
    facts: tuple[tuple[str, str], ...] = ()
    """Name and text of what was given, what came out, and what was expected."""

    @property
    def headline(self) -> str:
        """Return the state in words, with the case if there is one."""
        return self.state.capitalize() + (f", for {self.case}" if self.case else "") + "."

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
    """A text in Markdown; Jupyter renders it, everything else shows its source."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/markdown": self.text}


@dataclass(kw_only=True, eq=False, repr=False)
class Exercise(ABC):
    """What a notebook's exercise cell calls; its statement and starter are in the notebook."""

    name: str
    """The exercise's name in `searchlogs.exercises`."""
    hints: tuple[str, ...]
    """Hints in the order in which they are given, the vaguest first."""
    solve: Callable[..., Any]
    """A right answer; `solution` shows its source."""
    notice: str
    """What is worth noticing once the answer is right."""
    hints_given: int = field(default=0, init=False)

    def __repr__(self) -> str:
        return f"Exercise {self.name}: .check(answer), .hint(), .solution()"

    def check(self, answer: Any) -> Verdict:
        """Judge an answer, and say what is probably wrong with one that is not right.

        Args:
            answer: A value or a function, as the exercise asks; anything else is judged too.

        Returns:
            A verdict. It also holds what the answer printed, so that the cell prints nothing.

        Raises:
            KeyboardInterrupt: If the user interrupts the check. Nothing else is raised.
        """
        if untouched(answer):
            return self._not_attempted()
        return self._judge(answer)

    def hint(self) -> Page:
        """Return the next hint; after the last one, return that one again."""
        self.hints_given = min(self.hints_given + 1, len(self.hints))
        number, last = self.hints_given, len(self.hints)
        after = f"That was the last hint. `exercises.{self.name}.solution()` shows an answer."
        hint = f"**Hint {number} of {last}.** {self.hints[number - 1]}"
        return Page(hint if number < last else f"{hint}\n\n{after}")

    def solution(self) -> Page:
        """Return a right answer as source code that can be pasted into a cell."""
        return Page(f"```python\n{with_imports(self.solve)}```")

    def _not_attempted(self) -> Verdict:
        """Return the verdict on a starter that nobody has changed."""
        words = "Put your answer in place of `...` and run the cell again."
        return Verdict("not attempted", f"{words} Stuck? `exercises.{self.name}.hint()`")

    @abstractmethod
    def _judge(self, answer: Any) -> Verdict:
        """Judge an answer that has been attempted."""


@dataclass(frozen=True)
class Mistake:
    """A wrong value that people give, and what it usually means."""

    example: Any
    diagnosis: str
    fits: Callable[[Any], bool] | None = None
    """Whether an answer is this mistake; if None, answers equal to the example are."""


@dataclass(kw_only=True, eq=False, repr=False)
class Question(Exercise):
    """An exercise whose answer is a value; `solve` takes no arguments and returns it."""

    expects: str
    """The kind of value that is expected, in words that do not give it away."""
    mistakes: tuple[Mistake, ...]
    """Common wrong answers; the first that fits is named."""
    same: Callable[[Any, Any], bool] = alike
    """Whether an answer, the first argument, is as good as the expected one."""
    outcome: Callable[[Any], str] | None = None
    """Describes what an answer leads to; may raise if the answer leads to nothing."""

    @cached_property
    def _expected(self) -> Any:
        """Return the right answer."""
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
                return Verdict("wrong", mistake.diagnosis, facts=tuple(facts))
        words = about_kind(answer, expected) or f"Not this one. `exercises.{self.name}.hint()`"
        return Verdict("wrong", words, facts=tuple(facts))


@dataclass(frozen=True)
class Case:
    """Arguments to call an answer with; the name says what is special about them."""

    name: str
    args: tuple[Any, ...]

    def fresh(self) -> list[Any]:
        """Return arguments that an answer may change: lists are copied, the rest is immutable."""
        return [list(arg) if isinstance(arg, list) else arg for arg in self.args]


@dataclass(kw_only=True, eq=False, repr=False)
class Task(Exercise):
    """An exercise whose answer is a function, which is called for each case; `solve` is one.

    A wrong answer makes the mistake that gives the same results as the answer does.
    """

    cases: Callable[[], tuple[Case, ...]]
    """Makes the cases, small ones before simulated ones; called at the first check."""
    mistakes: dict[Callable[..., Any], str]
    """Wrong functions as people write them, each with its diagnosis."""
    same: Callable[[Any, Any], bool] = alike
    """Whether a result, the first argument, is as good as the expected one."""
    reference: Callable[..., Any] | None = None
    """Gives the expected results; if None, `solve` does."""
    seconds: float = 3.0
    """How long an answer may take for all cases together, in seconds; most take milliseconds."""

    @cached_property
    def _known(self) -> list[tuple[Case, Any]]:
        """Return the cases, each with its expected result."""
        expect = self.reference or self.solve
        return [(case, expect(*case.fresh())) for case in self.cases()]

    def _judge(self, answer: Any) -> Verdict:
        if not callable(answer):
            words = f"A function is expected, and this is {kind(answer)}. "
            words += "Hand over the function itself, without calling it: `check(my_function)`."
            return Verdict("wrong", words, facts=(("yours", show(answer)),))
        names = list(inspect.signature(self.solve).parameters)
        signature = quietly(inspect.signature, answer)  # A few builtins have none.
        if signature and not takes(signature, names):
            words = f"It will be called with {' and '.join(f'`{name}`' for name in names)}. "
            words += "Leave the line with `def` as it was in the starter."
            facts = (("your parameters", plain(str(signature))),)
            return Verdict("broken", words, facts=facts)
        known = self._known  # Worked out before the clock starts.
        tried: list[Case] = []
        try:
            return within(self.seconds, lambda: self._try(answer, known, tried))
        except TimeUp:
            case = tried[-1]
            # The line is not shown: where the time runs out differs from run to run.
            words = f"It was still running after {self.seconds:g} seconds, so it was stopped. "
            words += "Usually this is a loop that never ends: does each turn bring its end nearer?"
            return Verdict("broken", words, case.name, (("given", self._given(case)),))

    def _try(self, answer: Any, known: list[tuple[Case, Any]], tried: list[Case]) -> Verdict:
        """Call an answer for each case, adding the case to `tried` first, and judge the results."""
        verdict: Verdict | None = None
        agreements: list[list[bool]] = []  # Per case: which mistakes give the same result.
        failed: list[int] = []
        for case, right in known:
            tried.append(case)
            result, printed = call(answer, case.fresh())
            # Compared right away, because the next call may change what this one returned.
            agreements.append(
                [agree(self.same, result, call(wrong, case.fresh())[0]) for wrong in self.mistakes]
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
            return Verdict("right", f"{self.notice} (Checked on {len(known)} cases.)")

        # The best mistake explains the case that is shown, then most of the failed cases, and
        # then agrees with the answer on most of the others.
        def explains(number: int) -> tuple[bool, int, int]:
            column = [agrees[number] for agrees in agreements]
            return column[failed[0]], sum(column[i] for i in failed), sum(column)

        best = max(range(len(self.mistakes)), key=explains)
        if explains(best)[0]:
            verdict = replace(verdict, words=list(self.mistakes.values())[best])
        return verdict

    def _wrong(self, case: Case, result: Any, right: Any, printed: str) -> Verdict:
        """Return the verdict on a wrong result."""
        words = about_kind(result, right)
        words = words or f"Compare the two. Still stuck? `exercises.{self.name}.hint()`"
        yours, expected = where_they_differ(result, right)
        facts = [("given", self._given(case)), ("yours", yours), ("expected", expected)]
        return Verdict("wrong", words, case.name, (*facts, *printed_lines(printed)))

    def _broken(self, answer: Any, case: Case, error: BaseException, printed: str) -> Verdict:
        """Return the verdict on an answer that raised an error."""
        line = failing_line(answer, error)
        facts = [("given", self._given(case)), *printed_lines(printed), *line]
        facts.append(("error", quietly(describe_error, error) or type(error).__name__))
        words = "Your code raised an error. Its message often says what is wrong."
        return Verdict("broken", words, case.name, tuple(facts))

    def _given(self, case: Case) -> str:
        """Describe the arguments of a case."""
        names = list(inspect.signature(self.solve).parameters)
        if len(names) == 1:
            return show(case.args[0])
        return "\n".join(
            f"{name} = {show(arg)}" for name, arg in zip(names, case.args, strict=True)
        )
