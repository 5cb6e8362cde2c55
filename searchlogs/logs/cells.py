"""Values of records whose types are not those of JSON, as Parquet has them."""

from decimal import Decimal
from typing import Any

EXACT = 1 << 53
"""Floats hold all whole numbers below this, and only some of those above."""

PLAIN = frozenset({str, int, bool, type(None)})
"""Types of values that are plain already."""


def plain(value: Any) -> Any:
    """Return a value as JSON would hold it, if that is clear; else as it is.

    Decimals and floats without a fraction become whole numbers, and bytes that are UTF-8 become
    text, likewise inside lists and objects. A float from EXACT on stays one, because another number
    may have been meant, and so do bytes that are not UTF-8.

    >>> from decimal import Decimal
    >>> plain([Decimal("7.00"), 7.0, b"seven", {"a": 7.5}, 1e16])
    [7, 7, 'seven', {'a': 7.5}, 1e+16]
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is float:
        return int(value) if value.is_integer() and abs(value) < EXACT else value
    if kind is Decimal:
        return int(value) if value == value.to_integral_value() else value
    if kind is bytes:
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    if kind is dict:
        return {name: plain(inner) for name, inner in value.items()}
    if kind is list:
        return [plain(inner) for inner in value]
    return value
