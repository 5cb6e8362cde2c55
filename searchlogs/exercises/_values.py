"""Comparing and showing values, whatever they are."""

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
"""How many items of a list, and how many printed lines, a verdict shows."""


def alike(given: Any, expected: Any) -> bool:
    """Equal; but a tuple may stand for a list, and a float may be off in its last digits.

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
    """What the function returns; None where something that a learner made raises in it."""
    try:
        return function(*args)
    except Exception:
        return None


def holds(predicate: Callable[..., Any], *args: Any) -> bool:
    """Whether the predicate is true; False where something that a learner made raises in it."""
    try:
        return bool(predicate(*args))
    except Exception:
        return False


def show(value: Any) -> str:
    """A value as a learner reads it, the same on every machine: events short, lists cut.

    >>> show([Search(1, "dogs", datetime.fromisoformat("2024-01-01T00:00:05Z")), 0.5, None])
    "[Search(1, 'dogs', 00:00:05), 0.5, None]"
    """
    return quietly(_show, value, 0) or kind(value)


def _show(value: Any, depth: int) -> str:
    def show(part: Any) -> str:
        return quietly(_show, part, depth + 1) or kind(part)

    if depth > 4:  # a list may hold itself
        return "…"
    match value:
        case Session():
            return f"Session of user {value.user}: {show(list(value.events))}"
        case AppOpen():
            return f"AppOpen({value.user!r}, {show(value.time)})"
        case Search():
            return f"Search({value.user!r}, {show(value.query)}, {show(value.time)})"
        case ClickResult():
            return f"ClickResult({value.user!r}, {show(value.item)}, {show(value.time)})"
        case Results():
            return f"Results({value.user!r}, {show(value.items)}, {show(value.time)})"
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
        case set() | frozenset() if value:  # has no order of its own, and must always look the same
            return _brackets("{}", sorted(map(show, value))[:MOST], len(value))
    return plain(repr(value))


def _brackets(pair: str, items: list[str], count: int) -> str:
    if count > len(items):
        items = [*items, f"… and {count - len(items)} more"]
    line = ", ".join(items)
    if len(line) <= 80 and "\n" not in line:
        return pair[0] + line + pair[1]
    lines = [f"  {item},\n".replace("\n  ", "\n    ") for item in items]
    return f"{pair[0]}\n{''.join(lines)}{pair[1]}"


def plain(text: str) -> str:
    """At most 200 characters of a text, without the addresses that differ at each run."""
    text = re.sub(r" at 0x[0-9A-Fa-f]+", "", text)
    return text if len(text) <= 200 else text[:199] + "…"


def where_they_differ(given: Any, expected: Any) -> tuple[str, str]:
    """Both as text; of long lists, only from the first difference on."""
    if isinstance(given, list) and isinstance(expected, list) and len(expected) > 6:
        pairs = zip(given, expected, strict=False)
        equal = len(list(takewhile(lambda pair: holds(alike, *pair), pairs)))
        skipped = f"{equal} as expected, then " if equal else ""
        count = f"{len(given)} items: {skipped}", f"{len(expected)} items: {skipped}"
        return count[0] + show(given[equal:]), count[1] + show(expected[equal:])
    return show(given), show(expected)


def about_kind(given: Any, expected: Any) -> str:
    """What a value of another kind than expected usually means; empty where there's no telling."""
    if given is None:
        return "Nothing was returned. Is a `return` missing? To print a value is not to return it."
    if isinstance(given, GeneratorType):
        return "A function with `yield` gives a generator. Gather the values and return them."
    if isinstance(given, FunctionType):
        return "This is a function. Call it: its result is the answer."
    if expected is None or isinstance(given, type(expected)):
        return ""
    if isinstance(given, int | float) and isinstance(expected, int | float):
        return ""
    quotes = " Leave the quotes away." if isinstance(given, str) else ""
    return f"This is {kind(given)}, and {kind(expected)} is expected.{quotes}"


def kind(value: object) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def inline(words: str) -> str:
    """Our own words as HTML, with their `code` and *emphasis*."""
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words, quote=False))
    return re.sub(r"\*(\w[^*]*)\*", r"<em>\1</em>", html)
