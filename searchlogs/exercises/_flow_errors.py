"""Errors of the engine in one sentence: what the flow did, and what to do about it."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
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
        r"'_Source'",
        "`source` is a source already. Pass it to `op.input` as it is.",
    ),
    (
        r"'_Sink'",
        "`sink` is a sink already. Pass it to `op.output` as it is.",
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
        "A file takes text, and it was given a value of class `{0}`. Pass `FileSink` pairs of a "
        "key and a text.",
    ),
    (
        r"cannot pickle '([^']+)' object",
        "The state holds a `{0}`, which can't be stored. Keep numbers, text, lists or dictionaries "
        "in it.",
    ),
    (
        r"'NoneType' and '\w+'|'NoneType' object (?:is not|has no)",
        "Something is None here. Is it the state? It is None the first time that a key is seen.",
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
    """Return what is wrong with a step's function that reads its loop's variable, or an empty text.

    >>> late_binding(lambda source, sink: None)
    ''
    """
    source = quietly(inspect.getsource, answer)
    tree = quietly(ast.parse, textwrap.dedent(source)) if source else None
    for targets, parts in _loops(tree) if tree else ():
        variables = {node.id for target in targets for node in _names(target)}
        for name in sorted(variables & set().union(*map(_read_by, _of_steps(parts)))):
            return (
                f"A step's function that is made in the loop reads `{name}` only when the flow "
                f"runs, and by then `{name}` has its last value in all of them. Bind it: "
                f"`lambda event, {name}={name}: …`."
            )
    return ""


def _loops(tree: ast.Module) -> Iterator[tuple[list[ast.expr], list[ast.AST]]]:
    """Yield targets and bodies of the loops that assemble a flow, not of those in its steps."""
    todo: list[ast.AST] = [part for node in tree.body for part in ast.iter_child_nodes(node)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.For):
            yield [node.target], list(node.body)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            yield [one.target for one in node.generators], [node.elt]
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            todo += ast.iter_child_nodes(node)


def _names(tree: ast.AST) -> list[ast.Name]:
    """Return the names in some code."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.Name)]


def _of_steps(parts: list[ast.AST]) -> list[ast.Lambda | ast.FunctionDef]:
    """Return the functions in a loop's body that are given to a step, after its name."""
    nodes = [node for part in parts for node in ast.walk(part)]
    given = [
        argument
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.args and isinstance(node.args[0], ast.JoinedStr | ast.Constant)
        for argument in node.args[1:]
    ]
    called = {argument.id for argument in given if isinstance(argument, ast.Name)}
    own = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name in called]
    return [argument for argument in given if isinstance(argument, ast.Lambda)] + own


def _read_by(function: ast.Lambda | ast.FunctionDef) -> set[str]:
    """Return the names that a function's body reads and that are no parameters of it."""
    arguments = function.args
    own = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    body = function.body if isinstance(function.body, list) else [function.body]
    read = [node for part in body for node in _names(part) if isinstance(node.ctx, ast.Load)]
    return {node.id for node in read} - own
