"""What all figures share: one style, the same bytes each time, and a description in words."""

import io
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from html import escape
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import (
    MICROSECONDLY,
    MINUTELY,
    SECONDLY,
    YEARLY,
    AutoDateLocator,
    ConciseDateFormatter,
    date2num,
    num2date,
)
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.textpath import text_to_path

from searchlogs.figures.film import few_colours
from searchlogs.figures.scripted import picture

# The set of Okabe and Ito, which colour-blind readers can tell apart.
COLOURS = {
    "app open": "#6b7280",
    "search": "#0072b2",
    "results": "#56b4e9",
    "click": "#d55e00",
    "session": "#f0e442",
    "gap": "#b4bac4",
    "watermark": "#009e73",
    "late": "#cc79a7",
    "ink": "#1f2937",
    "note": "#6b7280",
    "grid": "#e5e7eb",
}
"""The colour of each kind of thing, the same in all figures."""

DARK = {
    "#ffffff": "#111827",
    COLOURS["ink"]: "#e5e7eb",
    COLOURS["note"]: "#9ca3af",
    COLOURS["grid"]: "#374151",
    COLOURS["gap"]: "#6b7280",
    COLOURS["search"]: "#4aa8e0",
    COLOURS["results"]: "#9bd5f7",
    COLOURS["click"]: "#ff8a3d",
    COLOURS["watermark"]: "#2fd0a5",
    "#a3447c": "#e08bbd",  # text on late events
    "#c3e3f6": "#1e4b66",  # hatched bars
    "#f8f2a1": "#57511a",  # sessions
    "#d9cd3f": "#a89d2c",
    COLOURS["session"]: "#8d861f",
    "#f6d3bd": "#7a3a12",  # bars of what is late
}
"""What colours become in a dark theme, which the SVG follows by itself."""

EDGE: dict[str, Any] = {"edgecolor": COLOURS["ink"], "linewidth": 0.9}
HATCHED: dict[str, Any] = {"facecolor": "#c3e3f6", "hatch": "////", **EDGE}
DASHED: dict[str, Any] = {"facecolor": "white", "linestyle": (0, (3, 2)), **EDGE}
LINE: dict[str, Any] = {"color": COLOURS["ink"], "linewidth": 2}
STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib
    "font.size": 11,
    "text.parse_math": False,  # a query may hold dollar signs
    "text.color": COLOURS["ink"],
    "hatch.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.edgecolor": COLOURS["grid"],
    "axes.grid": True,
    "axes.grid.axis": "x",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": COLOURS["grid"],
    "legend.frameon": False,
    "legend.borderpad": 0.2,
    "legend.borderaxespad": 0,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.6,
    "xtick.major.size": 0,
    "xtick.major.pad": 6,
    "xtick.labelcolor": COLOURS["note"],
    "ytick.major.size": 0,
    "ytick.major.pad": 6,
    "ytick.labelcolor": COLOURS["ink"],
    "svg.hashsalt": "searchlogs",
    "svg.fonttype": "none",  # text stays text: a fifth of the size
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the course's style, whatever the user's matplotlib settings, and leave them alone.

    Use it as a context manager, around drawing and around saving.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)  # type: ignore[arg-type]
        yield


@dataclass(frozen=True, eq=False, repr=False)
class Drawing:
    """A figure that Jupyter shows, with what it shows in words and as a table."""

    figure: Figure
    title: str
    """The finding, also the SVG's title."""
    description: str
    """What the figure shows, for screen readers; lines of text."""
    data: pd.DataFrame
    """What is drawn; the function that drew it documents the columns."""

    def __repr__(self) -> str:
        return f"{self.title}\n{self.description}"

    def svg(self) -> str:
        """Return the figure as SVG, the same bytes every time, with a title and a description."""
        buffer = io.StringIO()
        nothing = dict.fromkeys(["Creator", "Date", "Format", "Type"])
        with style():
            self.figure.savefig(buffer, format="svg", metadata=nothing)
        text = buffer.getvalue()
        # Nobody sees less than a hundredth of a point; further digits only take space.
        text = re.sub(r'\b(?:[dxy]="|translate\()[^")]*', _rounded, text[text.index("<svg") :])
        text = re.sub(r'(<text [^>]*?)font-family: [^;"]*; ', r"\1", text)
        text = re.sub(r'(<text [^>]*) transform="rotate\(-0 [^"]*"|<g id="\w*"/>', r"\1", text)
        text = text.replace("</style>", f"{FONTS}{_dark_rules()}</style>", 1)
        words = f"<title>{escape(self.title)}</title>\n<desc>{escape(self.description)}</desc>"
        opening, rest = text.split(">", 1)
        # Whoever shows it decides on the size.
        opening = re.sub(r' (?:width|height)="[^"]*"', "", opening)
        return f'{opening} role="img">\n{words}{rest}'

    def png(self, dpi: int = 144) -> bytes:
        """Return the figure as PNG, by default with two pixels per point."""
        buffer = io.BytesIO()
        with style():
            self.figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        (picture,) = few_colours([buffer.getvalue()])
        small = io.BytesIO()
        picture.save(small, format="png", optimize=True)
        return small.getvalue()

    def _repr_html_(self) -> str:
        """Return the figure as a picture whose alternative text is the title and description."""
        # Of a plain SVG or PNG, JupyterLab and nbconvert give screen readers nothing.
        return picture(repr(self), self.png(), self.svg())


@cache
def _dark_rules() -> str:
    """Return the CSS that changes the colours in a dark theme."""
    rules = "".join(
        # The ground of a hatched area has its colour in an attribute.
        f'[fill="{light}"],[style*="fill: {light}"]{{fill:{dark}!important}}'
        f'[style*="stroke: {light}"]{{stroke:{dark}!important}}'
        for light, dark in DARK.items()
    )
    return f"@media (prefers-color-scheme: dark){{{rules}}}"


def _rounded(match: re.Match[str]) -> str:
    """Return an attribute with its numbers rounded to hundredths."""
    return re.sub(r"-?\d+\.\d+", lambda n: f"{float(n[0]):.2f}".rstrip("0").rstrip("."), match[0])


FONTS = "text{font-family:'DejaVu Sans',Verdana,sans-serif}"
"""The SVG's fonts, in CSS; Verdana's widths are nearly those of DejaVu Sans."""

WIDTH = 540.0
"""Width of every figure, in points, as are all lengths here; 720 pixels on a page."""
MARGIN = 10.0
RIGHT = 34.0
"""Space to the right of the axes: half a tick label."""


def _font(
    size: float, weight: str = "normal", style: Literal["normal", "italic"] = "normal"
) -> FontProperties:
    # Every property, because those not given here come from the user's settings.
    return FontProperties(
        family="DejaVu Sans",
        style=style,
        variant="normal",
        weight=weight,
        stretch="normal",
        size=size,
    )


# In a cell 448 pixels wide, that of a window of 900, the smallest type is 9 pixels high.
TITLE, TEXT, SMALL = _font(13, "bold"), _font(11.5), _font(11)
STRONG, QUERY = _font(11, "bold"), _font(11, style="italic")


def page(
    title: str, legend: list[Line2D | Patch], notes: list[str], left: float, depth: float
) -> tuple[Figure, Axes]:
    """Return a figure with a title, a legend, notes, and empty axes between them.

    Args:
        title: The finding; it is wrapped, and cut off after three lines.
        legend: The legend's handles, which stand below the title.
        notes: Lines of text below the axes.
        left: Space to the left of the axes, in points.
        depth: Height of the axes, in points.

    Returns:
        The figure and its axes. Both axes count points, y from the top.
    """
    headline = _lines(drawable(title, TITLE), TITLE)[:3]
    notes = [line for note in notes for line in _lines(note, SMALL)]
    columns = _columns([str(handle.get_label()) for handle in legend])
    rows = -(-len(legend) // columns)
    above = 22 + 18 * len(headline) + 18 * rows
    below = 50 + 15 * len(notes)
    height = above + depth + below
    figure = Figure(figsize=(WIDTH / 72, height / 72), facecolor="white")
    edge = MARGIN / WIDTH
    for i, line in enumerate(headline):
        line = fit(line, WIDTH - 2 * MARGIN, TITLE)
        figure.text(edge, 1 - (22 + 18 * i) / height, line, font=TITLE)
    for i, note in enumerate(reversed(notes)):
        y = (9 + 15 * i) / height
        figure.text(edge, y, note, font=SMALL, color=COLOURS["note"])
    if legend:
        figure.legend(
            handles=legend,
            loc="upper left",
            bbox_to_anchor=(edge, 1 - (15 + 18 * len(headline)) / height),
            ncols=columns,
            prop=SMALL,
        )
    width = WIDTH - left - RIGHT
    box = (left / WIDTH, below / height, width / WIDTH, depth / height)
    return figure, figure.add_axes(box, xlim=(0, width), ylim=(depth, 0))


def _lines(text: str, font: FontProperties) -> list[str]:
    """Return the text in lines that are as wide as the figure at most, unless a word is wider."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, font) <= WIDTH - 2 * MARGIN:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _columns(labels: list[str]) -> int:
    """Return the largest number of columns in which a legend's labels have room."""
    widths = [text_width(label, SMALL) + 46 for label in labels]
    for columns in range(len(labels), 1, -1):
        rows, longer = divmod(len(labels), columns)  # the first columns have one row more
        ends = [rows * n + min(n, longer) for n in range(columns + 1)]
        if sum(max(widths[a:b]) for a, b in pairwise(ends)) <= WIDTH - 2 * MARGIN:
            return columns
    return 1


class Scale(NamedTuple):
    """A time axis from `start` to `end`, `width` points long."""

    start: datetime
    end: datetime
    width: float

    def x(self, time: datetime) -> float:
        """Return the position of a time, in points from the start of the axis."""
        return (time - self.start) / (self.end - self.start) * self.width


def time_scale(start: datetime, end: datetime, width: float) -> Scale:
    """Return a time axis of `width` points from `start` to `end`, with some space around them."""
    air = (end - start) / 25 or timedelta(seconds=3)
    return Scale(start - air, end + air, width)


def ticks(scale: Scale, zone: tzinfo = UTC) -> tuple[list[float], list[str], str]:
    """Return where round times of a zone stand on the axis, and their labels.

    Returns:
        Three values: the positions, in points; the labels; the date or the year that the labels
        leave out, or an empty string.
    """
    # Times with seconds take more room than others.
    most = dict.fromkeys(range(YEARLY, MICROSECONDLY), 8) | {SECONDLY: 7, MICROSECONDLY: 6}
    locator = AutoDateLocator(tz=zone, minticks=3, maxticks=most)
    locator.intervald |= {SECONDLY: [1, 2, 5, 10, 15, 30], MINUTELY: [1, 2, 5, 10, 15, 30]}
    day = "%d %B %Y"
    formatter = ConciseDateFormatter(
        locator,
        tz=zone,
        formats=["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%H:%M:%S.%f"],
        zero_formats=["", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M:%S.%f"],
        offset_formats=["", "%Y", "%Y", day, day, day],
    )
    ends = scale.start.astimezone(zone), scale.end.astimezone(zone)
    times = [num2date(number) for number in locator.tick_values(*ends)]
    times = [time for time in times if scale.start <= time <= scale.end]
    labels = formatter.format_ticks([date2num(time) for time in times])
    return [scale.x(time) for time in times], labels, formatter.get_offset().lstrip("0")


def draw_time(axes: Axes, scale: Scale) -> None:
    """Draw the grid and the labels of event time."""
    marks, labels, rest = ticks(scale)
    axes.set_xticks(marks, labels, font=SMALL)
    y = axes.get_ylim()[0] + 26
    label = ", ".join(filter(None, ["event time (UTC)", rest]))
    axes.text(scale.width / 2, y, label, ha="center", va="top", font=SMALL, color=COLOURS["note"])


class Label(NamedTuple):
    """A text that begins at `x`."""

    x: float
    text: str
    font: FontProperties


SHORT, LONG = 40.0, 180.0
"""Least width that a label is shortened to, and largest width of a label."""


def place(labels: list[Label], width: float) -> list[Label]:
    """Return the labels of one line that have room, shortened so that no two touch.

    Args:
        labels: Labels in order of their x.
        width: Length of the line, in points.

    Returns:
        The labels that have room; the last one may have moved to the left.
    """
    starts: list[Label] = []
    for label in labels:
        if not starts or label.x >= starts[-1].x + min(text_width(*starts[-1][1:]), SHORT) + 8:
            starts.append(label)
    placed: list[Label] = []
    free = 0.0
    for (x, text, font), after in zip(starts, [*starts[1:], None], strict=False):
        end = after.x - 8 if after else width
        if not after:  # at the right end there is often more room before the label than behind it
            x = max(free, min(x, end - min(text_width(text, font), 2 * SHORT)))
        if end - x >= min(text_width(text, font), SHORT):
            placed.append(Label(x, fit(text, min(end - x, LONG), font), font))
            free = x + text_width(*placed[-1][1:]) + 8
    return placed


def fit(text: str, width: float, font: FontProperties) -> str:
    """Return the text, cut off with an ellipsis if it is wider than `width` points."""
    if text_width(text, font) <= width:
        return text
    lengths = range(1, len(text))
    fitting = bisect_right(lengths, width, key=lambda n: text_width(text[:n].rstrip() + "…", font))
    return text[:fitting].rstrip() + "…"


@lru_cache(10_000)
def text_width(text: str, font: FontProperties) -> float:
    """Return the width of a text, in points."""
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


INVISIBLE = ("Cf", "Mn", "Me")
"""Unicode categories of characters that are dropped: format characters and loose accents."""
SUBSTITUTE = "□"


def plain(text: str) -> str:
    """Return at most 100 characters of a text, on one line, all of them visible and valid XML."""
    text = " ".join(text[:1000].split())
    text = text if len(text) <= 100 else text[:99] + "…"
    text = unicodedata.normalize("NFC", text)
    # Loose accents can pile up to any height, and direction marks turn labels around.
    visible = (c for c in text if unicodedata.category(c) not in INVISIBLE)
    return "".join(c if c.isprintable() else SUBSTITUTE for c in visible)


def drawable(text: str, font: FontProperties) -> str:
    """Return the text with a box in place of each character that the font lacks."""
    return "".join(c if ord(c) in _glyphs(font) else SUBSTITUTE for c in text)


@cache
def _glyphs(font: FontProperties) -> frozenset[int]:
    return frozenset(get_font(findfont(font)).get_charmap())


def date_text(time: datetime) -> str:
    """Return the day, such as "1 January 2024"."""
    return f"{time:%d %B %Y}".lstrip("0")


def clock_text(time: datetime) -> str:
    """Return the time of day, with as many decimals as it needs.

    >>> clock_text(datetime(2024, 1, 1, 0, 0, 5, 200_000))
    '00:00:05.2'
    """
    clock = f"{time:%H:%M:%S.%f}"
    return clock.rstrip("0") if time.microsecond else clock[:8]


def duration_text(length: timedelta) -> str:
    """Return a duration in its largest whole unit.

    >>> duration_text(timedelta(minutes=90)), duration_text(timedelta(seconds=0.5))
    ('90 min', '0.5 s')
    """
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if length and not length % timedelta(seconds=unit):
            return f"{length // timedelta(seconds=unit)} {name}"
    return f"{length.total_seconds():,.6f}".rstrip("0").rstrip(".") + " s"


MAX_LISTED = 5
"""Most things of one kind that a description lists one by one."""


def quantity(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one.

    >>> quantity(2, "search"), quantity(1, "click"), quantity(3, "query")
    ('2 searches', '1 click', '3 queries')
    """
    plural = {"search": "searches", "query": "queries"}
    return f"{n:,} {noun if n == 1 else plural.get(noun, noun + 's')}"
