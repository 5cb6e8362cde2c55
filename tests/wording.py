"""Messages compared by their parts, so that the words between can be changed."""

import re


class Like:
    """Equal to any text that holds the parts, which … separates, in their order.

    >>> Like("missing…columns a, b") == "missing; found the columns a, b"
    True
    """

    def __init__(self, parts: str) -> None:
        self.parts = parts

    def __eq__(self, other: object) -> bool:
        pattern = ".*".join(map(re.escape, self.parts.split("…")))
        return isinstance(other, str) and re.search(pattern, other, re.DOTALL) is not None

    def __repr__(self) -> str:
        return f"Like({self.parts!r})"
