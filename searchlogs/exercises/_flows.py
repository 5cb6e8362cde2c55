"""Exercises whose answer assembles a dataflow: the check runs it, and kills and resumes it."""

import dis
import inspect
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource

from searchlogs.dataflow import run
from searchlogs.exercises._core import Exercise, Verdict
from searchlogs.exercises._flow_errors import engine_words, late_binding
from searchlogs.exercises._run import (
    Raised,
    TimeUp,
    call,
    describe_error,
    failing_line,
    takes,
    within,
)
from searchlogs.exercises._values import alike, holds, kind, plain, quietly, show

SLIPS = (NameError, AttributeError, ImportError, TypeError)
"""Errors that nobody raises to say that a sum does not hold."""


class NoFlow(Exception):
    """The answer returned something else than a flow."""


class _Source(TestingSource[Any]):
    """A TestingSource that notes whether a flow reads it."""

    used = False

    def list_parts(self) -> list[str]:
        self.used = True
        return super().list_parts()  # type: ignore[no-any-return, no-untyped-call]


class _Sink(TestingSink[Any]):
    """A TestingSink that notes whether a flow writes to it."""

    used = False

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Any:
        self.used = True
        return super().build(step_id, worker_index, worker_count)


@dataclass(frozen=True)
class Ran:
    """What came out of a flow."""

    rows: list[Any]
    at_kill: int
    """Number of rows that were out when the flow was killed."""
    read: bool
    """Whether the flow read its source."""
    wrote: bool
    """Whether the flow wrote to its sink."""


@dataclass(frozen=True)
class FlowCase:
    """A log to run a flow on; a flow that is killed is built again and resumed."""

    name: str
    """What is special about the log."""
    items: tuple[Any, ...]
    """What the source gives."""
    batch: int = 1
    """How many items the source gives at once."""
    stored: int | None = None
    """Number of items before the last snapshot; None if the flow is not killed."""
    killed: int | None = None
    """Number of items after which it is killed; None if that is at the snapshot."""
    settings: tuple[Any, ...] = ()
    """Further arguments of the function."""
    to_file: bool = False
    """Whether the flow is given a path to write to, and not a sink."""

    def __repr__(self) -> str:
        words = f"{len(self.items)} items, {self.batch} at a time"
        if self.stored is None:
            return words
        return (
            f"{words}; a snapshot after item {self.stored}, killed after item "
            f"{self.killed or self.stored}, and resumed"
        )

    def run(self, answer: Callable[..., Dataflow]) -> list[Any]:
        """Run a flow on this log.

        Args:
            answer: A function that assembles the flow; it is called again for each resume.

        Returns:
            The rows, or the lines of the file.

        Raises:
            Exception: Whatever a step of the flow raises.
        """
        return self.outcome(answer).rows

    def outcome(self, answer: Callable[..., Dataflow]) -> Ran:
        """Run a flow on this log, and say what came out and when."""
        with _folder() as folder:
            rows: list[Any] = []
            source, sink = _Source(self._marked(), self.batch), _Sink(rows)
            path = folder / "lines.txt"
            state = None
            if self.stored is not None:
                (folder / "state").mkdir()
                init_db_dir(folder / "state", 1)
                state = RecoveryConfig(folder / "state")
            at_kill = 0
            # A snapshot after every batch up to the last; from there on none before the end.
            kills = 0 if state is None else 1 + (self.killed not in (None, self.stored))
            for number in range(kills + 1):
                flow = answer(source, path if self.to_file else sink, *self.settings)
                if not isinstance(flow, Dataflow):
                    raise NoFlow(flow)
                every = timedelta(hours=number and 1)
                run(flow, recovery=state, epoch_interval=every if state else None)
                if self.to_file:
                    rows[:] = path.read_text().splitlines() if path.exists() else []
                if number < kills:
                    at_kill = len(rows)
            return Ran(rows, at_kill, source.used, path.exists() if self.to_file else sink.used)

    def _marked(self) -> list[Any]:
        """Return the items, and among them where the flow is killed."""
        places = {self.stored, self.killed} - {None}
        items: list[Any] = []
        for number, item in enumerate(self.items, 1):
            items += [item, *(TestingSource.ABORT() for place in places if place == number)]
        return items


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder, and remove it again."""
    folder = Path(mkdtemp(prefix="searchlogs-exercise-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
            return Verdict("wrong", words, facts=(("yours", show(answer)),))
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
        except TimeUp:
            words = f"The flow was still running after {self.seconds:g} seconds, so it was stopped."
            words += " Look for a loop that never ends, or a step that waits."
            number = tried[-1] - 1
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
        facts = [*self._given(number), *_first_lines(printed)]
        count = f"{len(found) - len(wrong)} of {len(found)} logs"
        again = f"exercises.{self.name}.case({number + 1}).run({_name(answer)})"
        end = [("right", count), ("run it", again)]
        if isinstance(outcome, Raised):
            error = outcome.error
            facts += failing_line(answer, error)
            facts += [*end, ("error", quietly(describe_error, error) or type(error).__name__)]
            words = self._words(answer, outcomes, wrong, repeats)
            words = words or "Your code raised an error. Its message often says what is wrong."
            return Verdict("broken", words, case.name, tuple(facts))
        facts += [*self._compared(outcome, right), *end]
        words = self._words(answer, outcomes, wrong, repeats)
        words = words or f"Compare the two. Still stuck? `exercises.{self.name}.hint()`"
        return Verdict("wrong", words, case.name, tuple(facts))

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
        items = [f"  {_brief(item)}" for item in case.items[:3]]
        items += [f"  … and {len(case.items) - 3} more"] if case.items[3:] else []
        return (("given", "\n".join([f"{case!r}", *items])),)

    def _compared(self, outcome: Ran, right: Ran | Raised) -> list[tuple[str, str]]:
        """Describe the first difference between what came out and what should have."""
        if isinstance(right, Raised):
            return [("yours", f"{len(outcome.rows)} rows"), ("expected", "an error, as it stops")]
        extra, missing = self._differ(outcome, right)
        if not extra and not missing:
            words = f"rows out when it was killed, {len(right.rows)} at the end"
            return [
                ("yours", f"{outcome.at_kill} {words}"),
                ("expected", f"{right.at_kill} {words}"),
            ]
        yours, expected = f"{len(outcome.rows)} rows", f"{len(right.rows)} rows"
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
            return f"On this case, it looks like this: {self.mistakes[fitting[0]]}"
        return ""

    def _makes(self, slip: Callable[..., Any], outcomes: list[Any], number: int) -> bool:
        """Return whether a wrong flow gives the same as the answer for a log."""
        theirs, given = self._mistaken(slip, number), outcomes[number]
        if isinstance(theirs, Ran) and isinstance(given, Ran):
            # Rows that say nothing tell two slips apart.
            return len(theirs.rows) == len(given.rows) and self._agree(given, theirs)
        return self._agree(given, theirs)

    def _unconnected(self, ran: Ran) -> str:
        """Return which end of the flow is not connected."""
        if not ran.read:
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
                        "The rows are right, but they come too late: when the flow was killed, "
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
    text = re.sub(r"\s*\n\s*", " ", show(value))
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
