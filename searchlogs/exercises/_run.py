"""Calling functions that learners wrote: within limits, whatever they raise."""

import _thread
import ast
import builtins
import ctypes
import dis
import inspect
import io
import linecache
import mmap
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic, sleep
from types import CodeType, FrameType, FunctionType
from typing import Any, TypeVar

from searchlogs.exercises._values import holds, plain, quietly

T = TypeVar("T")

MEMORY = 512 * 2**20
"""Largest growth of the process during a call, in bytes; watched on Linux alone."""
PRINTED = 1_000_000
"""Largest number of characters that a call may print."""
OFTEN = 0.02
"""Time between two looks at memory and clock, in seconds."""
AGAIN = 0.25
"""Time between two attempts to stop a call, in seconds."""
BORROWED = (
    (sys, "stdout"),
    (sys, "stderr"),
    (sys, "breakpointhook"),
    (builtins, "input"),
    (warnings, "showwarning"),
)
"""What a call replaces and gives back."""


TOOL = 4
"""Our number among the tools that watch code; the names of others are reserved."""
_STOPPING: list[CodeType] = []
"""Code that raises a stop at each line."""


class Stopped(BaseException):
    """A call was stopped. Not an Exception, so that `except Exception` lets it through."""

    def __init__(self, *words: object) -> None:
        super().__init__(*words)
        _raise_again(type(self))


class TimeUp(Stopped):
    """The time limit has passed."""


class TooMuchMemory(Stopped):
    """The process has grown by more than MEMORY."""


class TooMuchPrinted(Stopped):
    """More than PRINTED characters were printed."""


class Waits(Stopped):
    """The call waits for a person; the argument is the name of what does."""


def about_stop(stop: Stopped, seconds: float) -> str:
    """Return why a call was stopped, and what that usually means."""
    loop = "a loop that never ends"
    if isinstance(stop, TimeUp):
        return (
            f"It was still running after {seconds:g} seconds, so it was stopped. Usually this is "
            f"{loop}, or a wait such as `sleep`: does each turn bring the end nearer?"
        )
    if isinstance(stop, TooMuchMemory):
        return (
            "It needed more than 512 MB of memory, so it was stopped. Usually this is a list that "
            f"grows in {loop}."
        )
    if isinstance(stop, TooMuchPrinted):
        return (
            "It printed more than a million characters, so it was stopped. Usually this is a "
            f"`print` in {loop}."
        )
    return (
        f"`{stop}` waits for a person, but nobody can type during a check. Take it out, or call "
        "the function yourself in a cell of its own."
    )


def _raise_again(stop: type[Stopped]) -> None:
    """Raise a stop once more in the learner's code, at the next line of each frame.

    A stop that hits the inside of a `try` is swallowed by a bare `except`. An exception is made
    before its handler runs, in the same thread, and the next line is the first of the handler:
    no longer inside that `try`. If it is inside another one, the same happens there.
    """
    frame = sys._getframe(2)  # Whatever made the exception.
    learners = []
    while not (module := frame.f_globals.get("__name__", "")).startswith("searchlogs.exercises._"):
        # The frames of an engine that runs a learner's steps have to give back what they hold.
        if module.partition(".")[0] not in ("bytewax", "searchlogs"):
            learners.append(frame)
        if frame.f_back is None:
            return  # Nobody limits this call.
        frame = frame.f_back
    # Frames that begin later are left alone: they may be ours, and give back what is borrowed.
    if learners and sys.version_info >= (3, 12):
        _raise_at_lines(stop, learners)
    elif learners:

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            if event == "line":
                # An exception ends the tracing. One that is set in C, untraced, is not made before
                # a handler is found: then this begins again.
                sys.settrace(None)
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(stop))
                ctypes.pythonapi.PyErr_Restore(ctypes.py_object(stop), None, None)
            return trace

        sys.settrace(lambda frame, event, argument: None)
        for frame in learners:
            frame.f_trace = trace


def _raise_at_lines(stop: type[Stopped], learners: list[FrameType]) -> None:
    """Raise a stop at each line of these frames' code, until `_let_run`."""
    monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]

    def raise_stop(code: object, line: int) -> None:
        raise stop

    if monitoring.get_tool(TOOL) is None:
        monitoring.use_tool_id(TOOL, "searchlogs")
    monitoring.register_callback(TOOL, monitoring.events.LINE, raise_stop)
    for frame in learners:
        monitoring.set_local_events(TOOL, frame.f_code, monitoring.events.LINE)
        _STOPPING.append(frame.f_code)


def _let_run() -> None:
    """Undo `_raise_at_lines`."""
    while _STOPPING:
        sys.monitoring.set_local_events(TOOL, _STOPPING.pop(), 0)  # type: ignore[attr-defined, unused-ignore]


def forget_stop() -> None:
    """Leave no stop behind as the exception being handled; call it outside a handler.

    One that is raised at the line of a `continue` or `pass` skips the end of its handler. Python
    would show it above each later error, as what went before it.
    """
    if isinstance(sys.exc_info()[1], Stopped):
        ctypes.pythonapi.PyErr_SetHandledException(None)


def resident() -> int:
    """Return the memory of the process, in bytes; 0 where the system does not say."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except OSError:
        return 0


class _TakenBack(BaseException):
    """What takes the place of a stop that is no longer wanted."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """Call a function and stop it when it takes too long or too much memory.

    Python code is stopped between two steps; a sleep or a loop inside a C function is not.

    Args:
        seconds: The time limit, in seconds.
        call: A function without arguments.

    Returns:
        What the function returns.

    Raises:
        TimeUp: If the function has not returned in time; it is raised inside the function.
        TooMuchMemory: If the process grows by more than MEMORY; raised inside the function.
    """
    # An exception of our own, raised in this thread, which need not be the main one: so a user's
    # KeyboardInterrupt keeps its meaning. It needs no signals, which Windows does not have.
    thread = ctypes.c_ulong(threading.get_ident())
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    lock, begun = threading.Lock(), threading.Semaphore(0)
    over = asked = False

    def watch() -> None:
        nonlocal asked
        begun.release()
        end, most = monotonic() + seconds, resident() + MEMORY
        reason: type[Stopped] | None = None
        while not over:
            sleep(AGAIN if reason else max(0, min(OFTEN, end - monotonic())))
            reason = reason or (TooMuchMemory if resident() > most else None)
            reason = reason or (TimeUp if monotonic() >= end else None)
            with lock:
                if reason and not over:
                    asked = True
                    # Again and again, since a stop can be swallowed where it is raised again.
                    raise_in(thread, ctypes.py_object(reason))

    def take_back() -> None:
        """Let no stop that is still pending hit what runs next."""
        # Another exception takes its place, and is caught. If that place were only emptied, Python
        # would look into it again and again, and in 3.11 a traced call would never end.
        with lock, suppress(_TakenBack):
            while asked:
                raise_in(thread, ctypes.py_object(_TakenBack))

    lent, tracing, folder = _lent(), sys.gettrace(), os.getcwd()
    try:
        try:
            # Not a `Thread`: its start is Python code that waits, and must not be stopped.
            _thread.start_new_thread(watch, ())
            begun.acquire()  # Until it begins, it would be hit itself: Python 3.11 takes it for us.
            return call()
        finally:
            over = True
            take_back()
    finally:  # A stop may have hit the lines above.
        over = True
        take_back()
        sys.settrace(tracing)
        _let_run()
        _give_back(lent)
        with suppress(OSError):
            os.chdir(folder)


def _lent() -> list[tuple[Any, str, Any]]:
    """Return what a call may replace, as it is."""
    return [(owner, name, getattr(owner, name)) for owner, name in BORROWED]


def _give_back(lent: list[tuple[Any, str, Any]]) -> None:
    """Undo what a call has replaced."""
    for owner, name, value in lent:
        setattr(owner, name, value)


class _Printed(io.StringIO):
    """What is printed, up to a limit."""

    def write(self, text: str) -> int:
        if self.tell() + len(text) > PRINTED:
            raise TooMuchPrinted
        return super().write(text)


@contextmanager
def _apart() -> Iterator[io.StringIO]:
    """Keep what is printed, and refuse to wait for a person."""

    def refuse(name: str, *anything: object, **named: object) -> None:
        raise Waits(name)

    lent = _lent()
    sys.stdout = sys.stderr = printed = _Printed()
    setattr(sys, "breakpointhook", partial(refuse, "breakpoint()"))  # noqa: B010
    setattr(builtins, "input", partial(refuse, "input()"))  # noqa: B010
    warnings.showwarning = lambda *anything, **named: None
    try:
        yield printed
    finally:
        _give_back(lent)


@dataclass(frozen=True)
class Raised:
    """The outcome of a call that raised an error."""

    error: BaseException


def call(function: Callable[..., Any], args: list[Any]) -> tuple[Any, str]:
    """Return a function's result, or Raised, and what the function printed."""
    with _apart() as printed:
        try:
            result = function(*args)
        except (KeyboardInterrupt, Stopped):
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


def _globals_of(answer: Any) -> Any:
    """Return the names of the module in which a function, a class or a callable was written."""
    while isinstance(answer, partial):
        answer = answer.func
    answer = inspect.unwrap(answer)
    made: Any = type(answer)
    parts: tuple[Any, ...] = (answer, made.__call__, getattr(answer, "__init__", None))
    return next((part.__globals__ for part in parts if hasattr(part, "__globals__")), None)


def failing_line(answer: Any, error: BaseException) -> Iterable[tuple[str, str]]:
    """Yield number and text of the last line in the traceback that is in the learner's module."""
    theirs = quietly(_globals_of, answer)
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals is theirs
    ]
    for file, line in frames[-1:]:
        text = linecache.getline(file, line).strip()
        yield f"line {line}", plain(text) or "(its source is not available)"


def describe_error(error: BaseException) -> str:
    """Return an error's class and message."""
    return plain(": ".join(filter(None, [type(error).__name__, str(error)])))


def printed_lines(printed: str, most: int = 2) -> Iterable[tuple[str, str]]:
    """Yield the first lines of what was printed, if anything was."""
    if printed:
        lines = printed.rstrip("\n").split("\n", most)
        yield "printed", "\n".join(map(plain, lines[:most])) + ("\n…" if lines[most:] else "")


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
