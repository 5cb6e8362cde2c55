"""Fields of records: their names, and the types of their values."""

import jiter
from pydantic_core import CoreSchema, core_schema

from searchlogs.events import FIELDS, shorten

MAPPED = (*FIELDS, "id")
"""Names of the fields that a log may call otherwise."""

OTHERS = "*"
"""Stands for all kinds that are not mapped."""


def parsed(value: object) -> object:
    """Return what a text holds as JSON; other values, and text that is not JSON, as they are."""
    if isinstance(value, str):
        try:
            return jiter.from_json(value.encode())
        except ValueError:
            pass
    return value


def _no_bool(value: object) -> object:
    """Return a value that is not a bool, which Python takes for a number."""
    if isinstance(value, bool):
        raise ValueError
    return value


MAX_POSITION = 1_000_000_000
"""Largest position. The mean of larger ones would not be exact."""

MAX_USER = 10**4300 - 1
"""Largest user that is a number: Python prints no whole number of more digits."""

_TEXT = core_schema.str_schema(strict=True, min_length=1)
_ID = core_schema.union_schema(
    [_TEXT, core_schema.no_info_after_validator_function(str, core_schema.int_schema(strict=True))]
)
TYPES: dict[str, CoreSchema] = {
    "user": core_schema.union_schema(
        [_TEXT, core_schema.int_schema(strict=True, ge=-MAX_USER, le=MAX_USER)]
    ),
    # Only a limit makes pydantic look into a text, where half a surrogate pair is none.
    "query": core_schema.str_schema(strict=True, min_length=0),
    "items": core_schema.no_info_before_validator_function(
        parsed, core_schema.tuple_variable_schema(_ID)
    ),
    "item": _ID,
    "query_id": _ID,
}
"""Type of each field, as pydantic's core reads it; those of times and positions depend on the log.

They are not written as annotations because pydantic itself takes longer to load than a small log.
"""

NAME = "non-empty text or a whole number"
EXPECTED = {
    "user": NAME,
    "query": "text",
    "items": "a list of texts or whole numbers, best first (a JSON array in CSV)",
    "item": NAME,
    "query_id": NAME,
}
"""Values that each field takes, for messages."""


def position_type(first: int) -> CoreSchema:
    """Return the type of positions, which become such as count from 1.

    Args:
        first: Position of the topmost result in the log, 0 or 1.
    """
    last = MAX_POSITION - 1 + first
    checked = core_schema.no_info_before_validator_function(
        _no_bool, core_schema.int_schema(ge=first, le=last)
    )
    if first:
        return checked
    return core_schema.no_info_after_validator_function(lambda position: position + 1, checked)


def expected_position(first: int, found: object) -> str:
    """Return why a position was refused, in a log whose topmost one is `first`."""
    expected = f"a whole number from {first} (the top) to {MAX_POSITION - 1 + first:,}"
    # A log that counts from 0 shows it by the clicks on its topmost results.
    if first and found in (0, "0") and found is not False:
        expected += " (set --first-position 0 if the log counts from 0)"
    return f"expected {expected}; found {shorten(found)}"
