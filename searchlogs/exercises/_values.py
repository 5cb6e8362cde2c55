"""Comparing and showing values of any kind."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import escape
from itertools import islice, takewhile
from math import isclose
from types import FunctionType, GeneratorType
from typing import Any, TypeVar

from searchlogs.events import AppOpen, ClickResult, Results, Search
from searchlogs.sessions import Session

T = TypeVar("T")

MOST = 10
"""Largest number of items of a list, or of printed lines, that a verdict shows."""


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
        return isclose(given, expected)
    return bool(given == expected)


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
    return quietly(_show, value, 0) or kind(value)


def _show(value: Any, depth: int) -> str:
    """Return a value as text; `depth` counts the lists around it."""

    def show(part: Any) -> str:
        return quietly(_show, part, depth + 1) or kind(part)

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
            pairs = [f"{show(key)}: {show(item)}" for key, item in islice(value.items(), MOST)]
            return _brackets("{}", pairs, len(value))
        case list():
            return _brackets("[]", list(map(show, value[:MOST])), len(value))
        case tuple():
            items = list(map(show, value[:MOST]))
            return f"({items[0]},)" if len(value) == 1 else _brackets("()", items, len(value))
        case set() | frozenset() if value:  # Sorted, because a set has no order.
            return _brackets("{}", sorted(map(show, value))[:MOST], len(value))
    return plain(repr(value))


def _brackets(pair: str, items: list[str], count: int) -> str:
    """Return items between two brackets: on one line if they fit, else one item per line."""
    if count > len(items):
        items = [*items, f"… and {count - len(items)} more"]
    line = ", ".join(items)
    if len(line) <= 80 and "\n" not in line:
        return pair[0] + line + pair[1]
    lines = [f"  {item},\n".replace("\n  ", "\n    ") for item in items]
    return f"{pair[0]}\n{''.join(lines)}{pair[1]}"


def plain(text: str) -> str:
    """Return at most 200 characters of a text, without addresses, which differ in each run."""
    text = re.sub(r" at 0x[0-9A-Fa-f]+", "", text)
    return text if len(text) <= 200 else text[:199] + "…"


def where_they_differ(given: Any, expected: Any) -> tuple[str, str]:
    """Return both values as text; long lists begin at their first difference."""
    if isinstance(given, list) and isinstance(expected, list) and len(expected) > 6:
        pairs = zip(given, expected, strict=False)
        equal = len(list(takewhile(lambda pair: holds(alike, *pair), pairs)))
        skipped = f"{equal} as expected, then " if equal else ""
        count = f"{len(given)} items: {skipped}", f"{len(expected)} items: {skipped}"
        return count[0] + show(given[equal:]), count[1] + show(expected[equal:])
    return show(given), show(expected)


def about_kind(given: Any, expected: Any) -> str:
    """Return what a value of the wrong type usually means, or an empty text."""
    if given is None:
        return "Nothing was returned. Is a `return` missing? Printing a value does not return it."
    if isinstance(given, GeneratorType):
        return "A function with `yield` gives a generator. Collect the values and return them."
    if isinstance(given, FunctionType):
        return "This is a function. Call it: its result is the answer."
    if expected is None or isinstance(given, type(expected)):
        return ""
    if isinstance(given, int | float) and isinstance(expected, int | float):
        return ""
    quotes = " Remove the quotes." if isinstance(given, str) else ""
    return f"This is {kind(given)}, and {kind(expected)} is expected.{quotes}"


def kind(value: object) -> str:
    """Return the name of a value's class, after its article."""
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def inline(words: str) -> str:
    """Return a text as HTML, rendering `code` and *emphasis*."""
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words, quote=False))
    return re.sub(r"\*(\w[^*]*)\*", r"<em>\1</em>", html)
