"""Errors of the engine in one sentence: what the flow did, and what to do about it."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

from searchlogs.exercises._values import quietly

MESSAGES: tuple[tuple[str, str], ...] = (
    (
        r"step '(?:[^'.]+\.)*([^'.]+)' already exists",
        "Two steps are called `{0}`. Give each step a name of its own. In a loop, make the name "
        'from the loop\'s variable: `f"count_{{kind}}"`.',
    ),
    (r"'step_id' can't contain any periods", "The name of a step can't contain a period."),
    (r"flow ID can't contain a period", "The name of a flow can't contain a period."),
    (
        r"`key` .* in step '(?:[^'.]+\.)*([^'.]+)' must be a `str`; got a <class '([^']+)'>",
        "The key in step `{0}` is of class `{1}`. A key must be text: put it into `str(…)`.",
    ),
    (
        r'step "[^".]+\.([^".]+)[^"]*" requires `str` keys .* got a `(\w+)`',
        "The key that arrives at step `{0}` is of class `{1}`. A key must be text: put it into "
        "`str(…)`.",
    ),
    (
        r'step "[^".]+\.([^".]+)[^"]*" requires `\(key, value\)` 2-tuple .* got a `(\w+)`',
        "Step `{0}` takes pairs of a key and a value, and it was given a `{1}`. "
        "`op.key_on` makes such pairs.",
    ),
    (
        r"`mapper` .* in step '(?:[^'.]+\.)*([^'.]+)' must be a 2-tuple of `\(updated_state",
        "The function of step `{0}` must return a pair: the new state, and the value to pass on.",
    ),
    (
        r"`predicate` .* in step '(?:[^'.]+\.)*([^'.]+)' must be a `bool`",
        "The function of step `{0}` must return True or False.",
    ),
    (
        r"argument must be a `Stream`; got a <class '[^']*(?:WindowOut|SessionOut|BranchOut)'>",
        "This step gives several streams in one object. Pass on one of them, such as `.down`.",
    ),
    (
        r"argument must be a `(?:Keyed)?Stream`; got a <class '(?:\w+\.)*(\w+)'>",
        "A step was given a `{0}` in place of a stream. Pass on what an earlier step returned.",
    ),
    (
        r"operator '(\w+)' called incorrectly",
        "`op.{0}` was called with other arguments than it takes. Each step takes its name first, "
        "then a stream.",
    ),
    (
        r"at least one output",
        'The flow has no output. End it with `op.output("out", stream, sink)`.',
    ),
    (
        r"at least one input",
        'The flow has no input. Begin it with `op.input("inp", flow, source)`.',
    ),
    (
        r"sink must subclass",
        "The last argument of `op.output` is no sink. Pass the sink as it is.",
    ),
    (
        r"source must subclass",
        "The last argument of `op.input` is no source. Pass `source` as it is.",
    ),
    (
        r"offset-naive and offset-aware",
        "A time without a time zone met one that has one. Events are in UTC: make times with "
        "`tzinfo=UTC`, and keep the zone of those that you get.",
    ),
    (
        r"write\(\) argument must be str, not (\w+)",
        "`FileSink` writes text, and it was given a value of class `{0}`. Pass it pairs of a key "
        "and a text.",
    ),
    (
        r"cannot pickle '([^']+)' object",
        "The state holds a `{0}`, which can't be stored. Keep numbers, text, lists or dictionaries "
        "in it.",
    ),
    (
        r"'NoneType' and '\w+'|'NoneType' object (?:is not|has no)",
        "Something is None here. The first time a key is seen, its state is None: begin there.",
    ),
)
"""Patterns of messages, each with the sentence that explains it."""


def engine_words(error: BaseException) -> str:
    """Return what an error that the engine raised means, or an empty text."""
    message = quietly(str, error) or ""
    if type(error).__name__ == "PanicException":
        return "The engine stopped with an error of its own. Its message may say what it met."
    if isinstance(error, SystemExit):
        return "This ends the whole program. Raise an error, such as a ValueError."
    for pattern, sentence in MESSAGES:
        if found := re.search(pattern, message, re.DOTALL):
            return sentence.format(*found.groups())
    return ""


def late_binding(answer: Callable[..., Any]) -> str:
    """Return what is wrong with a lambda that reads its loop's variable, or an empty text.

    >>> late_binding(lambda source, sink: None)
    ''
    """
    source = quietly(inspect.getsource, answer)
    tree = quietly(ast.parse, textwrap.dedent(source)) if source else None
    for loop in ast.walk(tree) if tree else ():
        if isinstance(loop, ast.For):
            names = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
            for function in (node for part in loop.body for node in ast.walk(part)):
                if isinstance(function, ast.Lambda | ast.FunctionDef):
                    for name in sorted(names & _read_by(function)):
                        return (
                            f"A function made in the loop reads `{name}` only when the flow runs, "
                            f"and by then `{name}` has its last value in all of them. Bind it: "
                            f"`lambda event, {name}={name}: …`."
                        )
    return ""


def _read_by(function: ast.Lambda | ast.FunctionDef) -> set[str]:
    """Return the names that a function's body reads and that are no parameters of it."""
    arguments = function.args
    own = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    body = function.body if isinstance(function.body, list) else [function.body]
    names = [node for part in body for node in ast.walk(part) if isinstance(node, ast.Name)]
    return {node.id for node in names if isinstance(node.ctx, ast.Load)} - own
