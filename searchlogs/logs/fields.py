"""Fields of records: their names, and the types of their values."""

from typing import Annotated, Any, TypeAlias

import jiter
from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr

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

Text: TypeAlias = Annotated[StrictStr, Field(min_length=1)]
Name: TypeAlias = Text | Annotated[StrictInt, Field(ge=-MAX_USER, le=MAX_USER)]
Id: TypeAlias = Text | Annotated[StrictInt, AfterValidator(str)]
# Only a limit makes pydantic look into a text, where half a surrogate pair is none.
Query: TypeAlias = Annotated[StrictStr, Field(min_length=0)]
TYPES: dict[str, Any] = {
    "user": Name,
    "query": Query,
    "items": Annotated[tuple[Id, ...], BeforeValidator(parsed)],
    "item": Id,
    "query_id": Id,
}
"""Type of each field, as pydantic reads it; those of times and positions depend on the log."""

NAME = "non-empty text or a whole number"
EXPECTED = {
    "user": NAME,
    "query": "text",
    "items": "a list of texts or whole numbers, best first (a JSON array in CSV)",
    "item": NAME,
    "query_id": NAME,
}
"""Values that each field takes, for messages."""


def position_type(first: int) -> Any:
    """Return the type of positions, which become such as count from 1.

    Args:
        first: Position of the topmost result in the log, 0 or 1.
    """
    last = MAX_POSITION - 1 + first
    checked = Annotated[int, Field(ge=first, le=last), BeforeValidator(_no_bool)]
    return checked if first else Annotated[checked, AfterValidator(lambda position: position + 1)]


def expected_position(first: int, found: object) -> str:
    """Return why a position was refused, in a log whose topmost one is `first`."""
    expected = f"a whole number from {first} (the top) to {MAX_POSITION - 1 + first:,}"
    # A log that counts from 0 shows it by the clicks on its topmost results.
    if first and found in (0, "0") and found is not False:
        expected += " (set --first-position 0 if the log counts from 0)"
    return f"expected {expected}; found {shorten(found)}"
