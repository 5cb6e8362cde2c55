"""Calling functions that learners wrote: with a time limit, whatever they raise."""

import ast
import ctypes
import dis
import inspect
import io
import linecache
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeVar

from searchlogs.exercises._values import MOST, holds, plain

T = TypeVar("T")


class TimeUp(BaseException):
    """The time limit has passed. Not an Exception, so that `except Exception` lets it through."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """Call a function and stop it when its time is over.

    Python code is stopped between two steps; a sleep or a loop inside a C function is not.

    Args:
        seconds: The time limit, in seconds.
        call: A function without arguments.

    Returns:
        What the function returns.

    Raises:
        TimeUp: If the function has not returned in time; it is raised inside the function.
    """
    # An exception of our own, raised in this thread, which need not be the main one: so a user's
    # KeyboardInterrupt keeps its meaning. It needs no signals, which Windows does not have.
    thread = ctypes.c_ulong(threading.get_ident())
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    lock = threading.Lock()
    over = False

    def stop() -> None:
        with lock:
            if not over:
                raise_in(thread, ctypes.py_object(TimeUp))

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        return call()
    finally:
        timer.cancel()
        with lock:
            over = True
        raise_in(thread, None)  # One that is still pending must not hit what runs next.


@dataclass(frozen=True)
class Raised:
    """The outcome of a call that raised an error."""

    error: BaseException


def call(function: Callable[..., Any], args: list[Any]) -> tuple[Any, str]:
    """Return a function's result, or Raised, and what the function printed."""
    with redirect_stdout(io.StringIO()) as printed:
        try:
            result = function(*args)
        except (KeyboardInterrupt, TimeUp):
            raise
        except BaseException as error:  # SystemExit is one.
            result = Raised(error)
    return result, printed.getvalue()


def agree(same: Callable[[Any, Any], bool], result: Any, other: Any) -> bool:
    """Return whether two calls gave the same result or raised the same class of error."""
    if isinstance(result, Raised) and isinstance(other, Raised):
        return type(result.error) is type(other.error)
    if isinstance(result, Raised) or isinstance(other, Raised):
        return False
    return holds(same, result, other)


def untouched(answer: Any) -> bool:
    """Return whether an answer is `...`, contains `...`, or is a function that does nothing."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list | tuple):
        return any(item is ... for item in answer)
    if isinstance(answer, FunctionType):
        return _steps(answer) == _steps(_nothing)
    return answer is ...


def _nothing() -> None: ...


def _steps(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    """Return a function's steps: equal for `...`, `pass`, a docstring and `return None`."""
    return [(step.opname, step.argval) for step in dis.get_instructions(function)]


def takes(signature: inspect.Signature, names: list[str]) -> bool:
    """Return whether a signature accepts these positional arguments."""
    try:
        signature.bind(*names)
    except TypeError:
        return False
    return True


def failing_line(answer: Any, error: BaseException) -> Iterable[tuple[str, str]]:
    """Yield number and text of the last line in the traceback that is in the learner's module."""
    theirs = getattr(answer, "__globals__", None)
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals is theirs
    ]
    for file, line in frames[-1:]:
        text = linecache.getline(file, line).strip()
        yield f"line {line}", text or "(its source is not available)"


def describe_error(error: BaseException) -> str:
    """Return an error's class and message."""
    return plain(": ".join(filter(None, [type(error).__name__, str(error)])))


def printed_lines(printed: str) -> Iterable[tuple[str, str]]:
    """Yield the first lines of what was printed, if anything was."""
    if printed:
        lines = printed.rstrip("\n").split("\n", MOST)
        yield "printed", "\n".join(map(plain, lines[:MOST])) + ("\n…" if lines[MOST:] else "")


def with_imports(function: Callable[..., Any]) -> str:
    """Return a function's source below the imports that it needs, so that it can be pasted."""
    text = inspect.getsource(function)
    used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    imports = []
    for node in ast.parse(inspect.getsource(inspect.getmodule(function) or function)).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [alias for alias in node.names if (alias.asname or alias.name) in used]
            imports += [f"{ast.unparse(node)}\n"] if node.names else []
    return "".join(imports) + ("\n" if imports else "") + text
