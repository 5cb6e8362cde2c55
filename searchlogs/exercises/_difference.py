"""Where an answer differs from the right one first."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from searchlogs.events import AppOpen, ClickResult, Results, Search
from searchlogs.exercises._values import alike, brief, holds, quietly, show
from searchlogs.sessions import Session

Same = Callable[[Any, Any], bool]
NOTHING = type("Nothing", (), {"__repr__": lambda self: "nothing"})()
"""Stands where one of two values has no part."""
EVENTS = AppOpen | Search | Results | ClickResult
NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def first_difference(given: Any, expected: Any, same: Same = alike) -> tuple[str, Any, Any]:
    """Return the place of the first difference, and what is there in both values.

    Args:
        given: A value; lists, tuples, dictionaries and sessions in it are compared by part.
        expected: The value that it should be.
        same: Whether a value, the first argument, is as good as another. If it takes lists in
            any order, so does the comparison.

    Returns:
        The place in words, empty if it is the whole value, and the two parts.

    >>> first_difference([1, [2, 3]], [1, [2, 4]])
    ('item 2, item 2', 3, 4)
    >>> first_difference([[1]], [[1, 2]])
    ('item 1: 1 item, 2 expected', [1], [1, 2])
    """
    found = quietly(_walk, given, expected, same)
    if found is None:
        return "", given, expected
    path, given, expected = found
    counts = ""
    if path and _are_lists(given, expected) and len(given) != len(expected):
        counts = f": {_count(given)}, {len(expected)} expected"
    return ", ".join(path) + counts, given, expected


def _are_lists(*values: Any) -> bool:
    """Return whether all values are lists or tuples."""
    return all(isinstance(value, list | tuple) for value in values)


def _walk(given: Any, expected: Any, same: Same) -> tuple[list[str], Any, Any] | None:
    """Return the path to the first difference and its two parts; None if there is no part."""
    if isinstance(given, Session) and isinstance(expected, Session):
        given, expected = list(given.events), list(expected.events)
    if isinstance(given, dict) and isinstance(expected, dict):
        return _in_dict(given, expected, same)
    if _are_lists(given, expected):
        if any_order(expected, same):
            return _in_any_order(given, expected, same)
        other = len(given) != len(expected)
        counts = f" ({_count(given)}, {len(expected)} expected)" if other else ""
        for number, (mine, right) in enumerate(zip(given, expected, strict=False), 1):
            if not holds(alike, mine, right):
                return _inside([f"item {number}{counts}"], mine, right)
        number = min(len(given), len(expected)) + 1
        place = [f"item {number}{counts}"]
        if len(given) < len(expected):
            return place, NOTHING, expected[number - 1]
        if len(given) > len(expected):
            return place, given[number - 1], NOTHING
    if type(given) is type(expected) and is_dataclass(given):
        differ = [
            f.name for f in fields(given) if getattr(given, f.name) != getattr(expected, f.name)
        ]
        return (["its " + " and ".join(differ)], given, expected) if differ else None
    return None


def _inside(place: list[str], given: Any, expected: Any) -> tuple[list[str], Any, Any]:
    """Go on inside two parts, unless their lengths differ: then both are shown."""
    if _are_lists(given, expected) and len(given) != len(expected):
        return place, given, expected
    deeper = quietly(_walk, given, expected, alike)
    return (place + deeper[0], *deeper[1:]) if deeper else (place, given, expected)


def _in_dict(given: Any, expected: Any, same: Same) -> tuple[list[str], Any, Any] | None:
    """Find the first key whose values differ; keys may be 1 and "1" where `same` takes both."""
    for key, right in expected.items():
        mine = key if key in given else next((k for k in given if str(k) == str(key)), None)
        if mine not in given:
            if not holds(same, {}, {key: right}):
                return [f"key {show(key)}"], NOTHING, right
        elif not holds(same, {mine: given[mine]}, {key: right}):
            return _inside([f"key {show(key)}"], given[mine], right)
    known = {str(key) for key in expected}
    for key, mine in given.items():
        if str(key) not in known and not holds(same, {key: mine}, {}):
            return [f"key {show(key)}"], mine, NOTHING
    return None


def any_order(expected: Any, same: Same) -> bool:
    """Return whether `same` takes the items of a list in any order."""
    turned = list(expected)[::-1]
    return turned != list(expected) and holds(same, turned, expected)


def _in_any_order(given: Any, expected: Any, same: Same) -> tuple[list[str], Any, Any] | None:
    """Find an item that has no equal on the other side, and the one that it may be."""
    missing = list(expected)
    unknown = []
    for number, mine in enumerate(given, 1):
        found = next((one for one in missing if holds(same, [mine], [one])), NOTHING)
        if found is NOTHING:
            unknown.append((number, mine))
        else:
            missing.remove(found)
    if not unknown:
        return (["one is missing"], NOTHING, missing[0]) if missing else None
    number, mine = unknown[0]
    if not missing:
        return [f"item {number}"], mine, NOTHING

    def shared(one: Any) -> int:
        return sum(part in mine for part in one) if isinstance(one, list | tuple) else 0

    return _inside(
        [f"item {number}"], mine, max(missing, key=lambda one: quietly(shared, one) or 0)
    )


def _count(items: Any) -> str:
    """Return the number of items in words."""
    name = "event" if items and all(isinstance(item, EVENTS) for item in items) else "item"
    return f"{len(items)} {name}" + ("" if len(items) == 1 else "s")


def wrong_parts(given: Any, expected: Any, same: Same) -> str:
    """Return which parts of a value are wrong, if some are right; the right ones stay unsaid.

    >>> wrong_parts({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "c": 4}, alike)
    "'c' is wrong; the other two are right"
    """
    changed: list[Any]
    if isinstance(given, dict) and isinstance(expected, dict):
        if given.keys() != expected.keys():
            return ""
        names = [show(key) for key in expected]
        changed = [expected | {key: given[key]} for key in expected]
    elif _are_lists(given, expected):
        if len(given) != len(expected) or any_order(expected, same):
            return ""
        names = [f"item {number}" for number in range(1, len(expected) + 1)]
        changed = [
            [*expected[:place], given[place], *expected[place + 1 :]]
            for place in range(len(expected))
        ]
    else:
        return ""
    wrong = [
        name for name, one in zip(names, changed, strict=True) if not holds(same, one, expected)
    ]
    right = len(names) - len(wrong)
    if not wrong or not right:
        return ""
    verb = "is" if len(wrong) == 1 else "are"
    count = NUMBERS[right] if right < len(NUMBERS) else str(right)
    others = "the other one is right" if right == 1 else f"the other {count} are right"
    return f"{' and '.join(wrong)} {verb} wrong; {others}"


def facts_of_difference(given: Any, expected: Any, same: Same) -> list[tuple[str, str]]:
    """Return the place of the first difference and the two parts, as a verdict shows them."""
    place, mine, right = first_difference(given, expected, same)
    texts = brief(mine, 3), brief(right, 3)
    if texts[0] == texts[1]:  # They differ in what is not shown.
        texts = brief(given, 3), brief(expected, 3)
    where = [("where", place)] if place else []
    return [*where, ("yours", texts[0]), ("expected", texts[1])]
