"""Calling what a learner wrote: not for ever, and whatever it raises."""

import ast
import ctypes
import dis
import inspect
import io
import linecache
import re
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
    """Not an Exception, so that the `except Exception` of a learner doesn't swallow it."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what `call` returns, or raise TimeUp in it once it has run for `seconds`.

    Only between two steps of Python: neither a sleep nor a loop inside a C function is stopped.
    """
    # Raised in this very thread, which need not be the main one, by an exception of our own: so
    # the KeyboardInterrupt of a user stays theirs. Works without signals, as Windows must.
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
        raise_in(thread, None)  # one that is still on its way must not hit whatever runs next


@dataclass(frozen=True)
class Raised:
    """What a call gave that returned nothing."""

    error: BaseException


def call(function: Callable[..., Any], args: list[Any]) -> tuple[Any, str]:
    """What the function returns, or Raised, and what it prints."""
    with redirect_stdout(io.StringIO()) as printed:
        try:
            result = function(*args)
        except (KeyboardInterrupt, TimeUp):
            raise
        except BaseException as error:  # sys.exit() among them
            result = Raised(error)
    return result, printed.getvalue()


def agree(same: Callable[[Any, Any], bool], result: Any, other: Any) -> bool:
    """Whether two calls gave the same, or raised the same kind of error."""
    if isinstance(result, Raised) and isinstance(other, Raised):
        return type(result.error) is type(other.error)
    if isinstance(result, Raised) or isinstance(other, Raised):
        return False
    return holds(same, result, other)


def untouched(answer: Any) -> bool:
    """Whether `answer` is `...`, holds one, or is a function that does nothing at all."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list | tuple):
        return any(item is ... for item in answer)
    if isinstance(answer, FunctionType):
        return _steps(answer) == _steps(_nothing)
    return answer is ...


def _nothing() -> None: ...


def _steps(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    """What a function does: the same for `...`, `pass`, a docstring and `return None`."""
    return [(step.opname, step.argval) for step in dis.get_instructions(function)]


def takes(signature: inspect.Signature, names: list[str]) -> bool:
    """Whether a function of this signature can be called with that many arguments."""
    try:
        signature.bind(*names)
    except TypeError:
        return False
    return True


def where(answer: Any, error: BaseException) -> Iterable[tuple[str, str]]:
    """The learner's line that failed: the last one that shares the globals of their function."""
    theirs = getattr(answer, "__globals__", None)
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals is theirs
    ]
    for file, line in frames[-1:]:
        yield f"line {line}", linecache.getline(file, line).strip() or "(its text is not at hand)"


def in_words(error: BaseException) -> str:
    """The type of an error and its message."""
    return plain(": ".join(filter(None, [type(error).__name__, str(error)])))


def printed_lines(printed: str) -> Iterable[tuple[str, str]]:
    """The beginning of what was printed, if anything was."""
    if printed:
        lines = printed.rstrip("\n").split("\n", MOST)
        yield "printed", "\n".join(map(plain, lines[:MOST])) + ("\n…" if lines[MOST:] else "")


def with_imports(function: Callable[..., Any]) -> str:
    """A function's source, below what it imports, so that it runs wherever it is pasted."""
    text = inspect.getsource(function)
    used = set(re.findall(r"\w+", text))
    imports = []
    for node in ast.parse(inspect.getsource(inspect.getmodule(function) or function)).body:
        if isinstance(node, ast.ImportFrom):
            node.names = [alias for alias in node.names if alias.name in used]
            imports += [f"{ast.unparse(node)}\n"] if node.names else []
    return "".join(imports) + ("\n" if imports else "") + text
