"""Comparing and showing values of any kind."""

import re
from ast import literal_eval
from collections import deque
from collections.abc import Callable, Iterator, KeysView, Mapping, ValuesView
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from html import escape
from inspect import isasyncgen, iscoroutine
from itertools import islice
from types import FunctionType
from typing import Any, TypeVar

from searchlogs.events import AppOpen, ClickResult, Results, Search
from searchlogs.sessions import Session

T = TypeVar("T")

MOST = 10
"""Largest number of items of a list that are shown."""


def alike(given: Any, expected: Any) -> bool:
    """Return whether two values are equal, up to list or tuple and a float's last digits.

    >>> alike((1, 0.1 + 0.2), [1, 0.3])
    True
    """
    if isinstance(expected, list | tuple) and isinstance(given, list | tuple):
        return len(given) == len(expected) and all(map(alike, given, expected))
    if isinstance(expected, dict) and isinstance(given, dict):
        return given.keys() == expected.keys() and all(
            alike(given[key], value) for key, value in expected.items()
        )
    if isinstance(expected, float) and isinstance(given, int | float):
        return given == expected or abs(given - expected) <= _tolerance(expected)
    return bool(given == expected)


def _tolerance(expected: float) -> float:
    """Return how far a number may be from the expected one.

    Times hold microseconds, and differences of their timestamps are off by a quarter of one. A
    microsecond would be much for a small rate: there, it is a ten-thousandth of the rate.
    """
    if expected == 0:
        return 1e-6
    return max(1e-9 * abs(expected), min(1e-6, 1e-4 * abs(expected)))


def tidy(value: Any, expected: Any = None, around: tuple[int, ...] = ()) -> Any:
    """Return a learner's value in plain types, as a copy: iterators are read to their end.

    Args:
        value: Any value; what cannot be converted stays as it is.
        expected: The value that it is compared with; if it is a dictionary, so is a Series.
        around: The identities of what `value` stands in, since a list may contain itself.

    >>> tidy(map(str, range(2))), tidy((Fraction(1, 4), deque([1])))
    (['0', '1'], (0.25, [1]))
    """
    if id(value) in around:
        return value
    around = (*around, id(value))
    if isinstance(value, Fraction | Decimal):
        return float(value)
    if isinstance(expected, dict) and hasattr(type(value), "to_dict"):
        value = value.to_dict()
    for name in ("tolist", "to_pylist", "to_list"):  # numpy and pandas, pyarrow, Polars
        if hasattr(type(value), name):
            if getattr(getattr(value, "dtype", None), "kind", "") in ("m", "M"):
                # Those of nanoseconds would become numbers.
                value = value.astype(f"{value.dtype.kind}8[us]")
            value = getattr(value, name)()
            break
    if isinstance(value, Mapping):
        return {key: tidy(item, None, around) for key, item in value.items()}
    if type(value) is tuple:
        return tuple(tidy(item, None, around) for item in value)
    if isinstance(value, list | deque | range | KeysView | ValuesView | Iterator):
        # A loop, because a stop reaches no comprehension of an endless C iterator.
        items = []
        for item in value:
            items.append(tidy(item, None, around))
        return items
    return value


def reads_once(value: Any) -> bool:
    """Return whether a value is an iterator, which is empty after it was read."""
    return isinstance(value, Iterator)


def quietly(function: Callable[..., T], *args: Any) -> T | None:
    """Return a function's result, or None if something that a learner made raises an error."""
    try:
        return function(*args)
    except Exception:
        return None


def holds(predicate: Callable[..., Any], *args: Any) -> bool:
    """Return whether a predicate holds; an error in something that a learner made is False."""
    try:
        return bool(predicate(*args))
    except Exception:
        return False


def show(value: Any) -> str:
    """Return a value as short text that is the same on every machine.

    >>> show([Search(1, "dogs", datetime.fromisoformat("2024-01-01T00:00:05Z")), 0.5, None])
    "[Search(1, 'dogs', 00:00:05), 0.5, None]"
    """
    return quietly(_show, value, 0, MOST) or kind(value)


def brief(value: Any, lines: int) -> str:
    """Return a value as short text of at most so many lines."""
    for most in (MOST, 7, 5, 4, 3, 2, 1):
        text = quietly(_show, value, 0, most) or kind(value)
        if text.count("\n") < lines:
            return text
    shown = text.split("\n")[:lines]
    return "\n".join([*shown[:-1], shown[-1] + " …"])


def _show(value: Any, depth: int, most: int) -> str:
    """Return a value as text; `depth` counts the lists around it."""

    def show(part: Any) -> str:
        return quietly(_show, part, depth + 1, most) or kind(part)

    if depth > 4:  # A list may contain itself.
        return "…"
    match value:
        case Session():
            return f"Session of user {value.user}: {show(list(value.events))}"
        case AppOpen() | Search() | Results() | ClickResult():
            fields = ("user", "query", "items", "item", "time")
            parts = [show(getattr(value, name)) for name in fields if hasattr(value, name)]
            return f"{type(value).__name__}({', '.join(parts)})"
        case datetime():
            time = f"{value:%H:%M:%S}"
            if value.microsecond:
                time += f".{value.microsecond:06}".rstrip("0")
            return time if f"{value:%Y-%m-%d}" == "2024-01-01" else f"{value:%Y-%m-%d} {time}"
        case timedelta():
            return str(value)
        case dict():
            pairs = [f"{show(key)}: {show(item)}" for key, item in islice(value.items(), most)]
            return _brackets("{}", pairs, len(value))
        case list():
            return _brackets("[]", list(map(show, value[:most])), len(value))
        case tuple():
            items = list(map(show, value[:most]))
            return f"({items[0]},)" if len(value) == 1 else _brackets("()", items, len(value))
        case set() | frozenset() if value:  # Sorted, because a set has no order.
            return _brackets("{}", sorted(map(show, value))[:most], len(value))
    return plain(repr(value))


def _brackets(pair: str, items: list[str], count: int) -> str:
    """Return items between two brackets: on one line if they fit, else one item per line."""
    if count > len(items):
        items = [*items, f"… and {count - len(items)} more"]
    line = ", ".join(items)
    if len(line) <= 80 and "\n" not in line:
        return pair[0] + line + pair[1]
    lines = [f"  {item}".replace("\n", "\n  ") + ",\n" for item in items]
    return f"{pair[0]}\n{''.join(lines)}{pair[1]}"


def plain(text: str) -> str:
    """Return at most 200 characters of a text, without addresses, which differ in each run."""
    text = re.sub(r" at 0x[0-9A-Fa-f]+", "", text)
    return text if len(text) <= 200 else text[:199] + "…"


def about_nothing(given: Any, expected: Any, called: bool) -> str:
    """Return what it means that a value is nothing that could be right, or an empty text.

    Args:
        given: The value.
        expected: The right value.
        called: Whether a function returned it.
    """
    if given is None and called:
        return (
            "Nothing was returned. Is a `return` missing? Printing a value does not return it, and "
            "`.sort()` returns None."
        )
    if given is None:
        return "The answer is None: `print(…)` and `.sort()` return nothing. Is it what you meant?"
    if iscoroutine(given) or isasyncgen(given):
        return "A function with `async def` gives no result when it is called. Remove the `async`."
    if isinstance(given, FunctionType):
        return "This is a function. Call it: its result is the answer."
    if isinstance(given, float) and given != given and expected is None:
        return (
            "This is nan, and None is expected. nan is a number, and spoils every sum that it "
            "enters; None says that there is no number."
        )
    return ""


def about_kind(given: Any, expected: Any) -> str:
    """Return what a value of the wrong type usually means, or an empty text."""
    if expected is None or isinstance(given, type(expected)):
        return ""
    if isinstance(given, int | float) and isinstance(expected, int | float):
        return ""
    bare = quietly(literal_eval, given) if isinstance(given, str) else None
    quotes = " Remove the quotes." if isinstance(bare, type(expected)) else ""
    return f"This is {kind(given)}, and {kind(expected)} is expected.{quotes}"


def kind(value: object) -> str:
    """Return the name of a value's class, after its article."""
    if value is None or isinstance(value, str):
        return "None" if value is None else "text"
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def inline(words: str) -> str:
    """Return a text as HTML, rendering `code` and *emphasis*."""
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words, quote=False))
    return re.sub(r"\*(\w[^*]*)\*", r"<em>\1</em>", html)
