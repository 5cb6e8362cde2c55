"""Tables that state a finding, with numbers as people read them and the decisive rows marked."""

import re
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from itertools import pairwise
from math import floor, isfinite, log10
from typing import Any, NamedTuple

import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from searchlogs.figures.page import MAX_LISTED, TITLE, plain, quantity, text_width

UNDEFINED = "–"
MOST_ROWS = 12
"""Rows of the longest table that is shown whole."""
ROOM = 448
"""Width of a cell's output where the window, with its list of files, is 900 pixels wide."""
PADDING = 13
"""Space to both sides of a cell's text, in pixels."""
LONG_WORD = 24
"""Characters of the longest word that is never broken."""
SMALLER = 11 / 13
"""Size of the type in a table that would else be too wide, in place of 13 pixels."""
MARK = "background-color: rgba(240, 228, 66, 0.3)"
"""Style of a decisive row: light enough for a dark theme as well."""


class NumberFormat(NamedTuple):
    """How the numbers of one kind are written."""

    scale: int
    """Factor by which a number is multiplied."""
    fewest: int
    """Decimals where more would all be zeros."""
    most: int
    """Decimals otherwise."""
    unit: str

    def decimals(self, values: Iterable[float]) -> int:
        """Return the number of decimals that the values share."""
        scaled = [value * self.scale for value in values]
        exact = all(abs(value - round(value, self.fewest)) < 1e-9 for value in scaled)
        return self.fewest if exact else self.most

    def text(self, value: float, decimals: int) -> str:
        """Return a number with its unit.

        >>> PERCENT.text(0.6123, 1), PERCENT.text(0.0001, 1)
        ('61.2 %', '< 0.1 %')
        """
        scaled = value * self.scale
        if 0 < scaled < 0.5 * 10**-decimals:
            return f"< {10**-decimals:.{decimals}f}{self.unit}"
        return f"{scaled:,.{decimals}f}{self.unit}"


PERCENT = NumberFormat(100, 0, 1, " %")
RATIO = NumberFormat(1, 1, 2, "")
SECONDS = NumberFormat(1, 0, 1, " s")
FORMATS = {
    "clicks_per_search": RATIO,
    "ctr": PERCENT,
    "abandonment": PERCENT,
    "zero_result_rate": PERCENT,
    "ctr_at_3": PERCENT,
    "mean_click_position": RATIO,
    "reciprocal_rank": RATIO,
    "seconds_to_first_click": SECONDS,
    "session_ctr": PERCENT,
    "searches_per_session": RATIO,
}
"""Format of each rate in `searchlogs.metrics.RATES`, for a column or a row of its name."""


class Column(NamedTuple):
    """A column as it is shown."""

    name: str
    cells: list[str]
    right: bool
    """Whether it is aligned to the right, as numbers are."""
    is_label: bool
    """Whether it belongs to the index."""

    @property
    def width(self) -> float:
        """The least width, in pixels: only text can be wrapped, at spaces and underscores."""
        cells = self.cells if self.right else [part for cell in self.cells for part in _parts(cell)]
        parts = [part if len(part) <= LONG_WORD else part[: LONG_WORD // 2] for part in cells]
        parts += self.name.replace("_", "_ ").split()
        # As wide as in the widest of the usual fonts, in bold, which one point a pixel gives.
        return max((text_width(part, TITLE) for part in parts), default=0) + PADDING


@dataclass(frozen=True)
class Table:
    """A table that Jupyter shows, and that reads well as text."""

    caption: str
    """The finding."""
    columns: list[Column]
    marked: list[bool]
    """For each row, whether it is decisive."""
    omitted: list[int]
    """For each row, the number of rows left out before it."""
    note: str
    """What else is left out."""

    def __repr__(self) -> str:
        widths = [max(map(len, (column.name, *column.cells))) for column in self.columns]
        lines = [self.caption, "", self._line([column.name for column in self.columns], widths)]
        for row, (marked, omitted) in enumerate(zip(self.marked, self.omitted, strict=True)):
            if omitted:
                lines.append(_omission(omitted))
            line = self._line([column.cells[row] for column in self.columns], widths)
            lines.append(f"{line.ljust(sum(widths) + 2 * len(widths) - 2)}  ←" if marked else line)
        return "\n".join([*lines, self.note] if self.note else lines)

    def _line(self, cells: list[str], widths: list[int]) -> str:
        aligned = [
            cell.rjust(width) if column.right else cell.ljust(width)
            for column, cell, width in zip(self.columns, cells, widths, strict=True)
        ]
        return "  ".join(aligned).rstrip()

    def _repr_html_(self) -> str:
        """Return HTML whose styles are attributes: a notebook that isn't trusted keeps only them.

        The caption is not the table's own, which would be wrapped to the width of the table.
        """
        small = sum(column.width for column in self.columns) > ROOM
        size = f"; font-size: {13 * SMALLER:g}px" if small else ""
        caption = f"<figcaption><b>{escape(self.caption)}</b></figcaption>"
        parts = ['<figure style="margin: 0">', caption]
        parts += [f'<table style="margin: 0.5em 0{size}">', "<thead>", "<tr>"]
        for column in self.columns:
            name = escape(column.name).replace("_", "_<wbr>")
            parts.append(f'<th scope="col" style="{_align(column)}">{name}</th>')
        parts += ["</tr>", "</thead>", "<tbody>"]
        for row, (marked, omitted) in enumerate(zip(self.marked, self.omitted, strict=True)):
            if omitted:
                words = f'style="text-align: left">{_omission(omitted)}'
                parts.append(f'<tr><td colspan="{len(self.columns)}" {words}</td></tr>')
            cells = "".join(_cell(column, column.cells[row], marked) for column in self.columns)
            parts.append(f"<tr>{cells}</tr>")
        parts += ["</tbody>", "</table>", escape(self.note), "</figure>"]
        return "\n".join(part for part in parts if part)


def show_table(
    rows: "pd.DataFrame | pd.Series[Any] | Iterable[Any]",
    caption: str,
    *,
    percent: Collection[str] = (),
    mark: Mapping[str, Any] | None = None,
) -> Table:
    """Show rows as a table under a caption that states what they show.

    Rates are percentages by their names in `FORMATS`, whether they name a column or a row. Times
    of one day come without the date. The index is shown if it has a name or holds text. A long
    table shows its first, last and marked rows, a wide one the columns that a window of 900 pixels
    has room for; both say what is left out.

    Args:
        rows: A DataFrame, a Series, or what makes a DataFrame, such as a list of dicts.
        caption: The finding.
        percent: Further columns of shares, which are shown as percentages.
        mark: The decisive rows: those that have each of these columns' values, or one of several
            values in a list. 2 and "2" are one value.

    Returns:
        The table, which a notebook shows at the end of a cell.

    Raises:
        ValueError: `percent` or `mark` names a column that is not there.

    >>> rows = [{"user": "1", "clicks": 1, "ctr": 0.5}, {"user": "2", "clicks": 1024, "ctr": None}]
    >>> show_table(rows, "User 2 never searched", mark={"user": 2})
    User 2 never searched
    <BLANKLINE>
    user  clicks   ctr
    1          1  50 %
    2      1,024     –  ←
    """
    rows = rows.to_frame() if isinstance(rows, pd.Series) else rows
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    series = _series(frame)
    mark = mark or {}
    for argument, names in (("percent", percent), ("mark", mark)):
        if unknown := [name for name in names if name not in [one.name for one in series]]:
            found = ", ".join(str(one.name) for one in series)
            raise ValueError(f"{argument}: no column is called {unknown[0]!r}; found {found}")
    marked = pd.Series(bool(mark), index=range(len(frame)))
    for one in series:
        if one.name in mark:
            marked &= _has(one, mark[str(one.name)])
    shown = _shown(marked)
    formats = FORMATS | dict.fromkeys(percent, PERCENT)
    series = [one.iloc[shown] for one in series]
    times = [one for one in series if is_datetime64_any_dtype(one)]
    one_day = len({time.date() for one in times for time in one.dropna()}) == 1
    labels = len(series) - frame.shape[1]
    row_names = series[0] if labels else pd.Series("", index=shown)
    columns = []
    for number, one in enumerate(series):
        format_ = formats.get(str(one.name))
        by_row = [format_ or formats.get(str(name)) for name in row_names]
        columns.append(_column(one, by_row, one_day, number < labels))
    kept = _fitting(columns)
    return Table(
        caption,
        columns[:kept],
        [bool(marked[row]) for row in shown],
        [after - before - 1 for before, after in pairwise([-1, *shown])],
        _note([column.name for column in columns[kept:]]),
    )


def _series(frame: pd.DataFrame) -> "list[pd.Series[Any]]":
    """Return the levels of the index that say something, and the columns, numbered alike."""
    index = frame.index
    levels = [index.get_level_values(level) for level in range(index.nlevels)]
    labels = [
        pd.Series(level, name=level.name or "")
        for level in levels
        if level.name or not is_numeric_dtype(level.dtype)
    ]
    columns = [frame.iloc[:, number] for number in range(frame.shape[1])]
    return [
        one.reset_index(drop=True).infer_objects().rename(_name(one.name))
        for one in (*labels, *columns)
    ]


def _name(name: Hashable) -> str:
    return " ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _has(values: "pd.Series[Any]", wanted: Any) -> "pd.Series[bool]":
    several = list(wanted) if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
    return values.isin(several) | values.astype(str).isin([str(one) for one in several])


def _shown(marked: "pd.Series[bool]") -> list[int]:
    """Return the numbers of the rows that are shown."""
    rows = list(range(len(marked)))
    if len(rows) <= MOST_ROWS:
        return rows
    decisive = [row for row in rows if marked[row]][:MOST_ROWS]
    return sorted({*rows[: MOST_ROWS // 2], *rows[-MOST_ROWS // 2 :], *decisive})


def _fitting(columns: list[Column]) -> int:
    """Return how many columns have room."""
    width = 0.0
    for number, column in enumerate(columns):
        width += column.width
        if width * SMALLER > ROOM and number:
            return number
    return len(columns)


def _note(missing: list[str]) -> str:
    if not missing:
        return ""
    names = ", ".join(missing[:MAX_LISTED]) + (", …" if len(missing) > MAX_LISTED else "")
    return f"Not shown: {quantity(len(missing), 'column')} ({names})"


def _omission(rows: int) -> str:
    return f"… {quantity(rows, 'row')} …"


def _column(
    values: "pd.Series[Any]", formats: list[NumberFormat | None], one_day: bool, is_label: bool
) -> Column:
    """Return a column's cells as text.

    Args:
        values: The column, with its name.
        formats: Each number's format; None for a number that is no rate.
        one_day: Whether all times of the table are of one day.
        is_label: Whether the column belongs to the index.
    """
    right = True
    known = values.dropna()
    if values.name == "user":  # a name, even where it is a number
        right, texts = False, [str(value) for value in known]
    elif is_datetime64_any_dtype(values):
        right, texts = False, _times(known, one_day)
    elif pd.api.types.is_timedelta64_dtype(values):
        texts = [_duration(value) for value in known]
    elif is_numeric_dtype(values) and not is_bool_dtype(values):
        kinds = [one for one, there in zip(formats, values.notna(), strict=True) if there]
        texts = _numbers([float(value) for value in known], kinds)
    else:
        right, texts = False, [_text(value) for value in known]
    defined = iter(texts)
    cells = [next(defined) if there else UNDEFINED for there in values.notna()]
    return Column(str(values.name), cells, right, is_label)


def _numbers(values: list[float], formats: list[NumberFormat | None]) -> list[str]:
    """Return numbers as text, those of one format with the same decimals."""
    decimals = {
        kind: kind.decimals(v for v, own in zip(values, formats, strict=True) if own == kind)
        for kind in formats
        if kind
    }
    whole = all(value == round(value) for value in values if isfinite(value))
    texts = []
    for value, kind in zip(values, formats, strict=True):
        if kind:
            texts.append(kind.text(value, decimals[kind]))
        elif whole or not value or not isfinite(value):
            texts.append(f"{value:,.0f}")
        else:  # three significant digits
            text = f"{value:,.{max(0, 2 - floor(log10(abs(value))))}f}"
            texts.append(text.rstrip("0").rstrip(".") if "." in text else text)
    return texts


def _times(times: "pd.Series[Any]", one_day: bool) -> list[str]:
    """Return times in whole seconds, or in milliseconds where else two would look the same."""
    exact = times.dt.floor("s").nunique() < times.nunique()
    zoned = times.dt.tz is not None and any(time.utcoffset() for time in times)
    texts = []
    for time in times:
        text = f"{time:%H:%M:%S}" if one_day else f"{time:%Y-%m-%d %H:%M:%S}"
        text += f".{time.microsecond // 1000:03}" if exact else ""
        texts.append(text + (f" {time:%z}" if zoned else ""))
    return texts


def _duration(value: timedelta) -> str:
    """Return a duration in its two largest units.

    >>> _duration(timedelta(seconds=84)), _duration(timedelta(seconds=1.5))
    ('1 min 24 s', '1.5 s')
    """
    seconds = abs(value.total_seconds())
    sign = "−" if value < timedelta(0) else ""
    for large, name, small, rest_name in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= large:
            number, rest = divmod(round(seconds / small), large // small)
            return f"{sign}{number:,} {name}" + (f" {rest} {rest_name}" if rest else "")
    return f"{sign}{round(seconds, 3):g} s"


def _text(value: Any) -> str:
    """Return any other value as text."""
    if is_bool_dtype(type(value)):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return plain(", ".join(map(str, value)))
    return _duration(value) if isinstance(value, timedelta) else plain(str(value))


def _parts(text: str) -> list[str]:
    """Return the parts of a text that stay on one line: words, and of long ones their parts.

    >>> _parts("at 2024-01-01T00:00:05 2013-03-04T06:10:00-05:00")
    ['at', '2024-01-01T00:00:05', '2013-', '03-', '04T06:10:00-', '05:00']
    """
    return [
        part
        for word in text.split()
        for part in ([word] if len(word) <= LONG_WORD else re.split("(?<=-)", word))
    ]


def _align(column: Column) -> str:
    return f"text-align: {'right' if column.right else 'left'}"


def _cell(column: Column, text: str, marked: bool) -> str:
    """Return one cell in HTML."""
    styles = [_align(column)]
    if column.right:
        styles.append("white-space: nowrap")
    elif any(len(part) > LONG_WORD for part in _parts(text)):
        styles.append("word-break: break-all")
    elif "-" in text and _parts(text) == [text]:
        styles.append("white-space: nowrap")
    if marked:
        styles.append(MARK)
    inner = f"<b>{escape(text)}</b>" if marked else escape(text)
    if column.is_label:
        style = "; ".join(["font-weight: normal", *styles])
        return f'<th scope="row" style="{style}">{inner}</th>'
    return f'<td style="{"; ".join(styles)}">{inner}</td>'
