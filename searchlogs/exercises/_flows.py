"""Exercises whose answer assembles a dataflow, which the check runs."""

import dis
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from bytewax.dataflow import Dataflow

from searchlogs.exercises._core import GUESS, Exercise
from searchlogs.exercises._flow_cases import FlowCase, NoFlow, Ran
from searchlogs.exercises._flow_errors import engine_words, late_binding
from searchlogs.exercises._run import (
    Raised,
    Stopped,
    about_stop,
    call,
    describe_error,
    failing_line,
    takes,
    within,
)
from searchlogs.exercises._values import alike, brief, holds, kind, plain, quietly, show
from searchlogs.exercises._verdict import Verdict

SLIPS = (NameError, AttributeError, ImportError, TypeError)
"""Errors that nobody raises to say that a sum does not hold."""


@dataclass(kw_only=True, eq=False, repr=False)
class FlowTask(Exercise):
    """An exercise whose answer is a function that assembles a flow; `solve` is one.

    The flow is run on each log, and what comes out is compared with what comes out of `solve`: if
    that raises an error, the answer must too.
    """

    cases: Callable[[], tuple[FlowCase, ...]]
    """Makes the logs, small ones first; called at the first check."""
    mistakes: dict[Callable[..., Any], str]
    """Wrong flows as people write them, each with its diagnosis."""
    read_rows: Callable[[list[Any]], list[Any]] = list
    """What rows say, however they are written; compared in any order."""
    prompt: bool = False
    """Whether each row must be out before the next item is read, so before a kill."""
    given: Callable[..., Any] | None = None
    """The flow in the starter, if it holds one."""
    seconds: float = 5.0
    """How long all runs together may take, in seconds; most take less than half a second."""
    _seen: dict[tuple[Callable[..., Any], int], Ran | Raised] = field(
        default_factory=dict, init=False
    )

    def case(self, number: int) -> FlowCase:
        """Return a log, with its `items`, and `run`, which runs a flow on it.

        Args:
            number: Its number in a verdict, from 1.

        Raises:
            ValueError: There is no such number.
        """
        if number not in range(1, len(self._known) + 1):
            raise ValueError(
                f"case: expected a number from 1 to {len(self._known)}; found {number}"
            )
        return self._known[number - 1][0]

    @cached_property
    def _known(self) -> list[tuple[FlowCase, Ran | Raised]]:
        """Return the logs, each with what comes out of a right flow."""
        return [(case, call(case.outcome, [self.solve])[0]) for case in self.cases()]

    def _mistaken(self, wrong: Callable[..., Any], number: int) -> Ran | Raised:
        """Return what comes out of a wrong flow for a log; each is run once."""
        key = wrong, number
        if key not in self._seen:
            self._seen[key] = call(self._known[number][0].outcome, [wrong])[0]
        return self._seen[key]

    def _judge(self, answer: Any) -> Verdict:
        names = list(inspect.signature(self.solve).parameters)
        if not callable(answer):
            if isinstance(answer, Dataflow):
                words = "This is one flow, and the check needs a new one for each log. "
            else:
                words = f"A function is expected, and this is {kind(answer)}. "
            words += "Hand over the function itself, without calling it: `check(my_flow)`."
            return Verdict("wrong", words, facts=(("yours", brief(answer, 3)),))
        if self.given and _same_code(answer, self.given):
            words = "Add what is missing, and run the cell again. Stuck? "
            return Verdict("not attempted", f"{words}`exercises.{self.name}.hint()`")
        signature = quietly(inspect.signature, answer)
        if signature and not takes(signature, names):
            words = f"It will be called with {' and '.join(f'`{name}`' for name in names)}. "
            words += "Leave the line with `def` as it was in the starter."
            return Verdict("broken", words, facts=(("your parameters", plain(str(signature))),))
        known = self._known  # Worked out before the clock starts.
        tried: list[int] = []
        try:
            found = within(self.seconds, lambda: self._run_all(answer, tried))
        except Stopped as stop:
            number = tried[-1] - 1
            words = about_stop(stop, self.seconds)
            return Verdict("broken", words, known[number][0].name, self._given(number))
        return self._verdict(answer, *found)

    def _run_all(self, answer: Any, tried: list[int]) -> tuple[list[tuple[Any, str]], bool]:
        """Run a flow on each log, and on the first one again if something is wrong.

        Returns:
            For each log what came out, and what was printed; and whether the last run gave the
            same as the first.
        """
        found = []
        for case, _ in self._known:
            tried.append(len(tried) + 1)
            found.append(call(case.outcome, [answer]))
        if all(self._is_right(number, one) for number, (one, _) in enumerate(found)):
            return found, True
        again, _ = call(self._known[0][0].outcome, [answer])
        # Compared as text, since objects that learners make may lack equality.
        return found, _texts(again) == _texts(found[0][0])

    def _is_right(self, number: int, outcome: Ran | Raised) -> bool:
        """Return whether a flow did what it should on a log."""
        right = self._known[number][1]
        if isinstance(right, Raised) and isinstance(outcome, Raised):
            error = outcome.error
            own = isinstance(error, Exception) and not isinstance(error, (NoFlow, *SLIPS))
            return own and not engine_words(error)
        return self._agree(outcome, right)

    def _agree(self, one: Ran | Raised, other: Ran | Raised) -> bool:
        """Return whether the same came out of two runs."""
        if isinstance(one, Raised) or isinstance(other, Raised):
            same = isinstance(one, Raised) and isinstance(other, Raised)
            return same and type(one.error) is type(other.error)  # type: ignore[union-attr]
        if self.prompt and one.at_kill != other.at_kill:
            return False
        return not any(self._differ(one, other))

    def _differ(self, one: Ran, other: Ran) -> tuple[list[Any], list[Any]]:
        """Return the rows of each run that the other doesn't have."""
        left, right = (_readable(self.read_rows, ran.rows) for ran in (one, other))
        return _without(left, right), _without(right, left)

    def _verdict(self, answer: Any, found: list[tuple[Any, str]], repeats: bool) -> Verdict:
        """Return the verdict on what came out for each log."""
        outcomes = [outcome for outcome, _ in found]
        wrong = [n for n, one in enumerate(outcomes) if not self._is_right(n, one)]
        if not wrong:
            return Verdict("right", f"{self.notice} (Checked on {len(found)} logs.)")
        number = wrong[0]
        (case, right), (outcome, printed) = self._known[number], found[number]
        if isinstance(outcome, Raised) and isinstance(outcome.error, NoFlow):
            return self._no_flow(outcome.error.args[0])
        words = self._words(answer, outcomes, wrong, repeats)
        score = f"{len(found) - len(wrong)} of {len(found)} logs right."
        call = f"exercises.{self.name}.case({number + 1})"
        again = ("to run it", f"{call}.run({_name(answer)})")
        facts = [*self._given(number)]
        if isinstance(outcome, Raised):
            error = outcome.error
            facts += [*_first_lines(printed), *failing_line(answer, error)]
            facts.append(("error", quietly(describe_error, error) or type(error).__name__))
            words = words or "Your code raised an error. Its message often says what is wrong."
            return Verdict("broken", words, case.name, (*facts, again), score)
        facts += [*self._compared(outcome, right), *_first_lines(printed), again]
        unlike = "  # without the kill" if case.stored is not None else ""
        facts.append(("to see it", f"{call}.xray({_name(answer)}){unlike}"))
        words = words or f"Compare the two. Still stuck? `exercises.{self.name}.hint()`"
        return Verdict("wrong", words, case.name, tuple(facts), score)

    def _no_flow(self, returned: Any) -> Verdict:
        """Return the verdict on an answer that returned something else than a flow."""
        if returned is ...:
            return self._not_attempted()
        words = f"The function returned {kind(returned)}. End it with `return flow`."
        if returned is None:
            words = "The function returned nothing. End it with `return flow`."
        facts = (("yours", show(returned)), ("expected", "a Dataflow"))
        return Verdict("wrong", words, facts=facts)

    def _given(self, number: int) -> tuple[tuple[str, str], ...]:
        """Describe a log."""
        case = self._known[number][0]
        first, last = case.items[:2], case.items[max(2, len(case.items) - 1) :]
        between = len(case.items) - len(first) - len(last)
        items = [f"  {_brief(item)}" for item in first]
        items += [f"  … and {between} more"] if between else []
        items += [f"  {_brief(item)}" for item in last]
        return (("given", "\n".join([f"{case!r}", *items])),)

    def _compared(self, outcome: Ran, right: Ran | Raised) -> list[tuple[str, str]]:
        """Describe the first difference between what came out and what should have."""
        if isinstance(right, Raised):
            return [("yours", _rows(outcome)), ("expected", "an error that stops the flow")]
        extra, missing = self._differ(outcome, right)
        if not extra and not missing:
            words = f"rows out when it was killed, {len(right.rows)} at the end"
            return [
                ("yours", f"{outcome.at_kill} {words}"),
                ("expected", f"{right.at_kill} {words}"),
            ]
        yours, expected = _rows(outcome), _rows(right)
        if extra:
            yours += f"; not expected: {_brief(extra[0])}"
        if missing:
            expected += f"; missing: {_brief(missing[0])}"
        return [("yours", yours), ("expected", expected)]

    def _words(self, answer: Any, outcomes: list[Any], wrong: list[int], repeats: bool) -> str:
        """Return what is wrong with a flow, or an empty text if that is not known."""
        first = outcomes[wrong[0]]
        if isinstance(first, Raised) and (words := engine_words(first.error)):
            return words
        if isinstance(first, Ran) and (words := self._unconnected(first)):
            return words
        if not repeats:
            return (
                "The same log gives something else the second time: something outside the flow "
                "remembers the first run, such as a list or a dictionary. Keep the state in a step."
            )
        if words := late_binding(answer):
            return words
        # Those that differ on the log that is shown say nothing about it, and run no further.
        fitting = [slip for slip in self.mistakes if self._makes(slip, outcomes, wrong[0])]
        others = [number for number in range(len(outcomes)) if number != wrong[0]]
        for slip in fitting:
            if all(self._makes(slip, outcomes, number) for number in others):
                return self.mistakes[slip]
        if words := self._about_kills(outcomes, wrong):
            return words
        if fitting:
            return GUESS + self.mistakes[fitting[0]]
        return ""

    def _makes(self, slip: Callable[..., Any], outcomes: list[Any], number: int) -> bool:
        """Return whether a wrong flow gives the same as the answer for a log."""
        theirs, given = self._mistaken(slip, number), outcomes[number]
        if isinstance(theirs, Ran) and isinstance(given, Ran):
            # Rows that say nothing tell two slips apart.
            return len(theirs.rows) == len(given.rows) and self._agree(given, theirs)
        return self._agree(given, theirs)

    def _unconnected(self, ran: Ran) -> str:
        """Return which end of the flow is not connected, or whether it has been run already."""
        if ran.reads > 1:
            return "The function runs the flow as well as making it. Leave that to the check."
        if not ran.reads:
            return 'The flow never reads `source`. Begin it with `op.input("inp", flow, source)`.'
        if not ran.wrote:
            where = list(inspect.signature(self.solve).parameters)[1]
            sink = "sink" if where == "sink" else f"FileSink({where})"
            return f'Nothing goes to `{where}`. End with `op.output("out", stream, {sink})`.'
        return ""

    def _about_kills(self, outcomes: list[Any], wrong: list[int]) -> str:
        """Return what is wrong with a flow that is right unless it is killed or reads faster."""
        cases = [case for case, _ in self._known]
        if all(cases[number].stored is not None for number in wrong):
            first, right = outcomes[wrong[0]], self._known[wrong[0]][1]
            if isinstance(first, Ran) and isinstance(right, Ran):
                extra, missing = self._differ(first, right)
                if not extra and not missing:
                    return (
                        "The rows are right, but they are held back: when the flow was killed, "
                        "fewer were out than items had been read. Answer each item as it passes."
                    )
                if not missing:
                    return (
                        "Rows are there twice after the resume. Those written since the last "
                        "snapshot must be cut off, as only a sink that knows its length can."
                    )
            return (
                "It is right until it is killed. After the resume, something that it knew is gone: "
                "only the state of a step is stored in a snapshot, and no other variable."
            )
        if all(cases[number].batch > 1 for number in wrong):
            return (
                "It is right if the items come one at a time, and wrong if several come at once. "
                "The result must not depend on that."
            )
        return ""


def _same_code(answer: Any, given: Callable[..., Any]) -> bool:
    """Return whether a function is still the one in the starter."""

    # Not the bytes: they depend on whether `op` is imported in the same cell.
    def parts(function: Any) -> tuple[Any, ...]:
        code = function.__code__
        steps = sum(1 for _ in dis.get_instructions(code))
        return code.co_names, code.co_consts, code.co_varnames, steps

    return holds(lambda: parts(answer) == parts(given))


def _name(answer: Any) -> str:
    """Return what a learner calls their function."""
    name = getattr(answer, "__name__", "")
    return name if isinstance(name, str) and name.isidentifier() else "my_flow"


def _rows(ran: Ran) -> str:
    """Return how many rows came out, in words."""
    return f"{len(ran.rows)} row" + "s" * (len(ran.rows) != 1)


def _texts(outcome: Ran | Raised) -> list[str] | type[BaseException]:
    """Return what came out of a flow in a form that two runs can be compared by."""
    if isinstance(outcome, Raised):
        return type(outcome.error)
    return sorted(map(_brief, outcome.rows))


def _first_lines(printed: str) -> list[tuple[str, str]]:
    """Return the first lines of what was printed, if anything was."""
    lines = [plain(line) for line in printed.rstrip("\n").split("\n", 3)]
    return [("printed", "\n".join([*lines[:3], *(["…"] if lines[3:] else [])]))] if printed else []


def _brief(value: Any) -> str:
    """Return a value as text on one line."""
    text = re.sub(r",?\n *([\])}])", r"\1", show(value))
    text = re.sub(r"([\[({])\n *", r"\1", text)
    text = re.sub(r"\n *", " ", text)
    return text if len(text) <= 120 else text[:119] + "…"


def _readable(read_rows: Callable[[list[Any]], list[Any]], rows: list[Any]) -> list[Any]:
    """Return what rows say, or the rows themselves if they are of another form."""
    said = quietly(read_rows, rows)
    return rows if said is None else said


def _without(rows: list[Any], others: list[Any]) -> list[Any]:
    """Return the rows that are not among the others, each of which answers for one."""
    left = list(others)
    extra = []
    for row in rows:
        place = next((n for n, one in enumerate(left) if holds(partial(alike, row), one)), None)
        if place is None:
            extra.append(row)
        else:
            del left[place]
    return extra
