"""Exercises: how an answer is checked, and what is said about it."""

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any

from searchlogs.exercises import _progress
from searchlogs.exercises._difference import facts_of_difference, wrong_parts
from searchlogs.exercises._run import (
    Raised,
    Stopped,
    about_stop,
    agree,
    call,
    describe_error,
    failing_line,
    forget_stop,
    printed_lines,
    takes,
    untouched,
    with_imports,
    within,
)
from searchlogs.exercises._values import (
    about_kind,
    about_nothing,
    alike,
    brief,
    holds,
    kind,
    plain,
    quietly,
    reads_once,
    show,
    tidy,
)
from searchlogs.exercises._verdict import Page, Verdict, fold

GUESS = "On this case, it looks like this: "
"""Begins a diagnosis that agrees with the answer on the case shown, but not on every case."""
LINES = 11
"""Largest number of lines of facts, so that a verdict fits on a screen."""


def at(second: float) -> datetime:
    """Return the given second of 1 January 2024, in UTC."""
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


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
    because: str = ""
    """The reasoning behind the solution, if its source does not show it; shown below it."""
    hints_given: int = field(default=0, init=False)

    def __repr__(self) -> str:
        return f"Exercise {self.name}: .check(answer), .hint(), .solution()"

    def check(self, answer: Any) -> Verdict:
        """Judge an answer, and say what is probably wrong with one that is not right.

        An exercise whose answer is right is noted as done, for `exercises.progress()`.

        Args:
            answer: A value or a function, as the exercise asks; anything else is judged too.

        Returns:
            A verdict. It also holds what the answer printed, so that the cell prints nothing.

        Raises:
            KeyboardInterrupt: If the user interrupts the check. Nothing else is raised.
        """
        if untouched(answer):
            return self._not_attempted()
        verdict = self._judge(answer)
        forget_stop()
        if verdict.state == "right":
            _progress.record(self.name)
        elif verdict.state != "not attempted":
            folded = fold(self.hints, with_imports(self.solve), self.because)
            verdict = replace(verdict, folded=folded)
        return verdict

    def hint(self, number: int | None = None) -> Page:
        """Return a hint.

        Args:
            number: Which one, from 1; if None, the next one, and after the last that one again.

        Raises:
            ValueError: If there is no hint with this number.
        """
        last = len(self.hints)
        if number is None:
            number = min(self.hints_given + 1, last)
        elif number not in range(1, last + 1):
            raise ValueError(f"hint: expected a number from 1 to {last}; found {number!r}")
        self.hints_given = number
        after = f"That was the last hint. `exercises.{self.name}.solution()` shows an answer."
        hint = f"**Hint {number} of {last}.** {self.hints[number - 1]}"
        return Page(hint if number < last else f"{hint}\n\n{after}")

    def solution(self) -> Page:
        """Return a right answer as source code that can be pasted into a cell."""
        code = f"```python\n{with_imports(self.solve)}```"
        return Page(f"{code}\n\n{self.because}" if self.because else code)

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


ONCE = (
    "Your answer is an iterator, which can be read only once: `list(…)` makes a list of it that "
    "can be read again."
)
"""Said about a right answer that is an iterator."""


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
    seconds: float = 3.0
    """How long reading an answer that is an iterator may take, in seconds."""

    @cached_property
    def _expected(self) -> Any:
        """Return the right answer."""
        return self.solve()

    def _judge(self, answer: Any) -> Verdict:
        expected = self._expected
        try:
            value, printed = within(self.seconds, lambda: call(tidy, [answer, expected]))
        except Stopped as stop:
            words = about_stop(stop, self.seconds)
            return Verdict("broken", words, facts=(("yours", kind(answer)),))
        if isinstance(value, Raised):
            shown = (("yours", kind(answer)), ("error", describe_error(value.error)))
            return Verdict("broken", "Reading your answer raised an error.", facts=shown)
        if holds(self.same, value, expected):
            once = f" {ONCE}" if reads_once(answer) else ""
            return Verdict("right", self.notice + once)
        yours = brief(value if reads_once(answer) else answer, 3)
        facts = [*printed_lines(printed), ("yours", yours)]
        came_out = quietly(self.outcome, value) if self.outcome else None
        if came_out:
            facts.append(("came out", "\n".join(map(plain, came_out.split("\n")[:4]))))
        parts = quietly(wrong_parts, value, expected, self.same)
        if parts:
            facts.append(("where", parts))
        facts.append(("expected", self.expects))
        words = about_nothing(value, expected, called=False)
        for mistake in () if words else self.mistakes:
            fits = mistake.fits or partial(self.same, mistake.example)
            if holds(fits, value):
                return Verdict("wrong", mistake.diagnosis, facts=tuple(facts))
        words = words or about_kind(answer, expected)
        words = words or f"Not this one. `exercises.{self.name}.hint()`"
        return Verdict("wrong", words, facts=tuple(facts))


@dataclass(frozen=True)
class Case:
    """Arguments to call an answer with; the name says what is special about them."""

    name: str
    args: tuple[Any, ...]

    def fresh(self) -> list[Any]:
        """Return copies of the arguments, which an answer may change."""
        return [copy.deepcopy(arg) for arg in self.args]


@dataclass(frozen=True)
class _Outcome:
    """What an answer gave for a case."""

    value: Any
    """The result in plain types, or Raised."""
    printed: str
    right: bool
    once: bool
    """Whether the result is an iterator."""


@dataclass(kw_only=True, eq=False, repr=False)
class Task(Exercise):
    """An exercise whose answer is a function, which is called for each case; `solve` is one.

    A wrong answer makes the mistake that gives the same results as the answer does on all cases.
    One that does so on the case that is shown is offered as a guess.
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

    def case(self, number: int) -> list[Any]:
        """Return the arguments of a case, to call a function with: `mine(*task.case(2))`.

        Args:
            number: Its number in a verdict, from 1.

        Raises:
            ValueError: If there is no case with this number.
        """
        last = len(self._known)
        if number not in range(1, last + 1):
            raise ValueError(f"case: expected a number from 1 to {last}; found {number!r}")
        return self._known[number - 1][0].fresh()

    @cached_property
    def _known(self) -> list[tuple[Case, Any]]:
        """Return the cases, each with its expected result."""
        expect = self.reference or self.solve
        return [(case, expect(*case.fresh())) for case in self.cases()]

    @cached_property
    def _mistaken(self) -> list[tuple[str, list[Any]]]:
        """Return the diagnoses, each with the results of its wrong function for all cases."""
        return [
            (words, [self._ask(wrong, case, right)[0] for case, right in self._known])
            for wrong, words in self.mistakes.items()
        ]

    def _ask(self, answer: Any, case: Case, right: Any) -> tuple[Any, str, bool]:
        """Return a function's tidied result, what it printed, and whether it can be read once."""
        once = False

        def ask(*args: Any) -> Any:
            nonlocal once
            result = answer(*args)
            once = reads_once(result)
            if inspect.iscoroutine(result):
                result.close()  # Else Python warns that nobody waited for it.
            return tidy(result, right)

        value, printed = call(ask, case.fresh())
        return value, printed, once

    def _judge(self, answer: Any) -> Verdict:
        if not callable(answer):
            words = f"A function is expected, and this is {kind(answer)}. "
            words += "Hand over the function itself, without calling it: `check(my_function)`."
            return Verdict("wrong", words, facts=(("yours", brief(answer, 3)),))
        names = list(inspect.signature(self.solve).parameters)
        signature = quietly(inspect.signature, answer)  # A few builtins have none.
        if signature and not takes(signature, names):
            words = f"It will be called with {' and '.join(f'`{name}`' for name in names)}. "
            words += "Leave the line with `def` as it was in the starter."
            return Verdict("broken", words, facts=(("your parameters", plain(str(signature))),))
        known = self._known  # Worked out before the clock starts.
        outcomes: list[_Outcome] = []
        try:
            within(self.seconds, lambda: self._try(answer, outcomes))
        except Stopped as stop:
            # The line is not shown: where the time runs out differs from run to run.
            number = min(len(outcomes), len(known) - 1)
            words = about_stop(stop, self.seconds)
            facts = self._around(answer, number, ())
            return Verdict("broken", words, known[number][0].name, facts)
        failed = [number for number, outcome in enumerate(outcomes) if not outcome.right]
        if failed and outcomes[failed[0]].value is ...:
            return self._not_attempted()
        try:
            return within(self.seconds, lambda: self._told(answer, outcomes, failed))
        except Stopped:  # It took its time, or never ends when it is called once more.
            number = failed[0] if failed else 0
            words = f"Compare the two. Still stuck? `exercises.{self.name}.hint()`"
            facts = self._around(answer, number, ())
            return Verdict("wrong", words, known[number][0].name, facts, self._score(failed))

    def _try(self, answer: Any, outcomes: list[_Outcome]) -> None:
        """Call an answer for each case, and add what it gave."""
        for case, right in self._known:
            value, printed, once = self._ask(answer, case, right)
            is_right = not isinstance(value, Raised) and holds(self.same, value, right)
            outcomes.append(_Outcome(value, printed, is_right, once))

    def _told(self, answer: Any, outcomes: list[_Outcome], failed: list[int]) -> Verdict:
        """Return the verdict on what an answer gave for all cases."""
        number = failed[0] if failed else 0
        again = self._changed(answer, outcomes, range(number + 1 if failed else 1))
        if not failed and not again:
            once = f" {ONCE}" if outcomes[0].once else ""
            return Verdict("right", f"{self.notice} (Checked on {len(outcomes)} cases.){once}")
        case, right = self._known[number]
        outcome = outcomes[number]
        printed = tuple(printed_lines(outcome.printed))
        if isinstance(outcome.value, Raised):
            error = outcome.value.error
            shown = [*printed, *failing_line(answer, error)]
            shown.append(("error", quietly(describe_error, error) or type(error).__name__))
            verdict = Verdict(
                "broken", "Your code raised an error. Its message often says what is wrong."
            )
        else:
            value = again[1] if again and not failed else outcome.value
            shown = [*facts_of_difference(value, right, self.same), *printed]
            verdict = Verdict(
                "wrong", f"Compare the two. Still stuck? `exercises.{self.name}.hint()`"
            )
        if again:
            where = self._known[again[0]][0].name
            words = (
                f"Called again for {where}, your function gave another result. Does it keep "
                "something from one call to the next, in a default argument such as `[]`, or in a "
                "list or a variable outside it?"
            )
        else:
            words = self._diagnose(outcomes, failed)
        facts = self._around(answer, number, tuple(shown))
        words = words or verdict.words
        return replace(verdict, words=words, case=case.name, facts=facts, score=self._score(failed))

    def _changed(
        self, answer: Any, outcomes: list[_Outcome], numbers: range
    ) -> tuple[int, Any] | None:
        """Call an answer again; return the first case whose result is another, and the result."""
        for number in numbers:
            value = self._ask(answer, *self._known[number])[0]
            before = outcomes[number].value
            if not agree(alike, value, before) and not (
                isinstance(value, Raised) == isinstance(before, Raised)
                and show(value) == show(before)
            ):
                return number, value
        return None

    def _diagnose(self, outcomes: list[_Outcome], failed: list[int]) -> str:
        """Return what is wrong: as a fact if that holds on all cases, else as a guess."""
        given = [outcome.value for outcome in outcomes]
        tables = [
            (
                words,
                [
                    agree(self.same, mine, theirs)
                    for mine, theirs in zip(given, results, strict=True)
                ],
            )
            for words, results in self._mistaken
        ]
        for words, agrees in tables:
            if all(agrees):
                return words
        shown, right = given[failed[0]], self._known[failed[0]][1]
        nothing = about_nothing(shown, right, called=True)
        if nothing:
            return nothing
        # The best guess explains most of the failed cases, and then most of the others.
        guesses = [
            (sum(agrees[i] for i in failed), sum(agrees), -place, words)
            for place, (words, agrees) in enumerate(tables)
            if agrees[failed[0]]
        ]
        if guesses:
            return GUESS + max(guesses)[-1]
        return "" if isinstance(shown, Raised) else about_kind(shown, right)

    def _score(self, failed: list[int]) -> str:
        """Return how many cases were right, in words."""
        return f"{len(self._known) - len(failed)} of {len(self._known)} cases right."

    def _around(
        self, answer: Any, number: int, shown: tuple[tuple[str, str], ...]
    ) -> tuple[tuple[str, str], ...]:
        """Return facts about a case, between its arguments and the call that runs it."""
        name = quietly(getattr, answer, "__name__", "")
        if not isinstance(name, str) or not name.isidentifier():
            name = self.solve.__name__
        run = ("to run it", f"{name}(*exercises.{self.name}.case({number + 1}))")
        left = LINES - 1 - sum(text.count("\n") + 1 for _, text in shown)
        return (("given", self._given(self._known[number][0], left)), *shown, run)

    def _given(self, case: Case, lines: int) -> str:
        """Describe the arguments of a case."""
        names = list(inspect.signature(self.solve).parameters)
        if len(names) == 1:
            return brief(case.args[0], lines)
        texts: list[str] = []
        for name, arg in zip(names, case.args, strict=True):
            used = sum(text.count("\n") + 1 for text in texts)
            texts.append(
                f"{name} = {brief(arg, max(1, lines - used - (len(names) - len(texts) - 1)))}"
            )
        return "\n".join(texts)
