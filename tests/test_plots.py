"""Figures are the same everywhere, say what they show, and nothing in them covers a word."""

import base64
import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from itertools import combinations, pairwise
from random import Random
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE
from figures import assert_readable, boxes, edges, overlap, svg
from matplotlib.colors import to_rgb
from oracle import oracle
from PIL import Image

from searchlogs.dataflow import GAP
from searchlogs.durations import LONGEST
from searchlogs.events import EARLIEST, LATEST, AppOpen, ClickResult, Event, Results, Search
from searchlogs.figures.elements import LOOKS
from searchlogs.figures.film import COLOUR_COUNT
from searchlogs.figures.page import COLOURS, DARK, FONTS, Drawing
from searchlogs.figures.scripted import PIXELS
from searchlogs.figures.timeline import timeline
from searchlogs.sessions import Late, Session
from searchlogs.simulate import client_events, simulate

HALF_HOUR = timedelta(minutes=30)


def at(seconds: float) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def cut(events: list[Event], gap: timedelta = GAP) -> list[Session]:
    """Sessions of events, none of them late."""
    return oracle(events, gap, LONGEST)[0]


def random_events(n: int, users: int, seconds: float) -> list[Event]:
    random = Random(n)
    queries = ["dogs", "cheap dog beds for large dogs", "q", "cat toys"]
    events: list[Event] = []
    for _ in range(n):
        user, time = random.randrange(users), at(random.random() * seconds)
        kinds: list[Event] = [
            AppOpen(user, time),
            Search(user, random.choice(queries), time),
            Results(user, ("a",), time),
            ClickResult(user, "a", time),
        ]
        events.append(random.choice(kinds))
    return events


HOSTILE = [
    "$x^2$ costs $5",
    "one $ only",
    "$\\bad{$ mathematics",
    "\\frac{1}{2} a_b^c \\",
    '<b>bold</b> & "co" ]]> -->',
    "dog 🐶 beds 👩‍💻",
    "שלום עולם dogs",
    "مرحبا بالعالم",
    "犬のベッド",
    "two\nlines\r\nand a\ttab",
    "\x00\x07control\x1b[31m\x85\u2028",
    "\ud800lone\udfff",
    "z" + "\u0301" * 50,
    "\u202ereversed\u2066",
    "\ufffe\uffff\U0010ffff\ue000",
    "x" * 10_000,
    "",
    "   ",
]
LATES = [
    Late("1", Results(1, ("fido", "rover", "buddy"), at(6)), timedelta(seconds=0.8)),
    Late("3", AppOpen(3, at(2)), timedelta(seconds=90)),
]


def hostile() -> Drawing:
    events: list[Event] = [
        Search(HOSTILE[::3][i % 5], query, at(9 * i)) for i, query in enumerate(HOSTILE)
    ]
    return timeline(events, cut(events), gap=GAP, title="\x00\ud800\u202e" + " ".join(HOSTILE))


def cut_and_drawn(events: list[Event], gap: timedelta = GAP) -> Drawing:
    return timeline(events, cut(events, gap), gap=gap)


DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "client": lambda: cut_and_drawn(client_events()),
    "close": lambda: cut_and_drawn(
        [Search(1, f"rather a long query, number {i}", at(i / 2)) for i in range(4)]
    ),
    "random": lambda: cut_and_drawn(random_events(200, 4, 120)),
    "random, no sessions": lambda: timeline(random_events(200, 4, 120)),
    "day": lambda: cut_and_drawn(list(simulate(8, 24, seed=3)), HALF_HOUR),
    "crowd": lambda: cut_and_drawn(list(simulate(40, 200, seed=3)), HALF_HOUR),
    "weeks": lambda: cut_and_drawn(list(simulate(5, 60, duration=timedelta(weeks=6))), HALF_HOUR),
    "late": lambda: timeline(client_events(), cut(client_events()), gap=GAP, late=LATES),
    "hostile": hostile,
    "empty": lambda: timeline([]),
    "one": lambda: timeline(client_events()[:1]),
    "equal times": lambda: timeline(
        [Search(1, "a", at(0)), Search(1, "b", at(0)), AppOpen(2, at(0))]
    ),
    "all of time": lambda: timeline([AppOpen(1, EARLIEST), Search(1, "dogs", LATEST)]),
    "edge": lambda: timeline([AppOpen(1, at(0)), Search(1, "a query at the right end", at(60))]),
    "long title": lambda: timeline(client_events(), title="A finding in many words. " * 20),
}


@cache
def drawn(name: str) -> Drawing:
    return DRAWINGS[name]()


@pytest.fixture(scope="module", params=DRAWINGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def drawing(name: str) -> Drawing:
    return drawn(name)


def axes_of(drawing: Drawing) -> Any:
    return drawing.figure.axes[0]


def ticks(drawing: Drawing) -> list[str]:
    return [label.get_text() for label in axes_of(drawing).get_xticklabels()]


def legend(drawing: Drawing) -> list[str]:
    return [text.get_text() for legend in drawing.figure.legends for text in legend.get_texts()]


def texts(drawing: Drawing) -> list[str]:
    return [text for text, _ in boxes(drawing)]


def test_no_text_touches_another_or_leaves_the_figure(drawing: Drawing) -> None:
    assert_readable(drawing)


def test_queries_stay_inside_the_axes_and_off_the_bars(drawing: Drawing) -> None:
    found = boxes(drawing)
    axes = axes_of(drawing)
    inside = {text.get_text() for text in axes.texts} - {"event time (UTC)"}
    bars = [edges(bar.get_window_extent()) for bar in axes.patches]
    for text, box in found:
        if text not in inside or text.startswith("event time"):
            continue
        for bar in bars:
            assert not overlap(edges(box), bar), text


def test_svg_is_well_formed_and_says_what_it_shows(drawing: Drawing) -> None:
    root = ET.fromstring(svg(drawing))
    assert root.get("role") == "img"
    assert [child.tag.rpartition("}")[2] for child in root][:2] == ["title", "desc"]
    assert root[0].text == (drawing.title or None)
    assert root[1].text == drawing.description
    svg(drawing).encode()
    repr(drawing).encode()


class Images(HTMLParser):
    """The attributes of all pictures in HTML, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("source", "img"):
            self.found.append(dict(attrs))


def test_bundle_is_a_picture_with_words() -> None:
    drawing = timeline(client_events(), title='"Quoted" & <tagged>')
    bundle = drawing._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    source, image = Images(bundle["text/html"]).found
    kind, data = source["srcset"].split(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data).decode() == svg(drawing)
    kind, data = image["src"].split(",")
    png = base64.b64decode(data)
    assert kind == "data:image/png;base64"
    assert png.startswith(b"\x89PNG") and b"Matplotlib" not in png
    assert int.from_bytes(png[16:20], "big") == 1080
    assert image["alt"] == repr(drawing) == f"{drawing.title}\n{drawing.description}"
    assert bundle["text/plain"] == repr(drawing)


def test_a_picture_is_never_wider_than_its_cell() -> None:
    (_, image) = Images(drawn("client").html()).found
    assert int(image["width"]) <= 860 and "max-width: 100%" in image["style"]
    assert "width=" not in svg(drawn("client")).split(">")[0]


def test_text_in_the_svg_is_text() -> None:
    saved = svg(drawn("client"))
    found = {node.text for node in ET.fromstring(saved).iter("{http://www.w3.org/2000/svg}text")}
    assert found == set(texts(drawn("client")))
    assert FONTS in saved and saved.count("font-family") == 1


def test_bytes_do_not_depend_on_anybodys_settings(name: str) -> None:
    first = svg(drawn(name))
    with plt.style.context("dark_background"), mpl.rc_context():
        mpl.rcParams.update(
            {
                "font.size": 20,
                "font.weight": "bold",
                "font.family": ["serif"],
                "svg.hashsalt": None,
                "svg.fonttype": "none",
                "text.parse_math": True,
                "savefig.bbox": "tight",
                "savefig.dpi": 30,
                "savefig.transparent": True,
                "timezone": "Asia/Kolkata",
                "axes.unicode_minus": False,
                "lines.linewidth": 9,
                "figure.constrained_layout.use": True,
            }
        )
        before = dict(mpl.rcParams)
        assert DRAWINGS[name]().svg() == first
        assert dict(mpl.rcParams) == before
    assert not plt.get_fignums()


def test_svg_is_white_small_and_undated() -> None:
    saved = svg(drawn("client"))
    assert len(saved) < 20_000
    assert "fill: #ffffff" in saved.split("</path>")[0]
    assert "<metadata" not in saved and "<dc:" not in saved


def test_hostile_texts_warn_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawing = hostile()
        drawing._repr_mimebundle_()
    words = " ".join(texts(drawing))
    assert "$x^2$ costs $5" in words and "two lines and" in words
    assert "dog □ beds" in words and "□□control□" in words
    assert "xxx…" in words
    assert "مرحبا بالعالم" in words
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\ud800-\udfff\ufffe]", svg(drawn("hostile")))
    assert drawing.data["label"].dropna().str.len().max() == 10_000


def test_labels_left_out_are_counted() -> None:
    drawing = drawn("close")
    labelled = sum(text.startswith("rather") for text in texts(drawing))
    assert 0 < labelled < 4
    assert f"for lack of room: {4 - labelled} queries." in drawing.description
    assert "lack of room" not in timeline(client_events()).description


def test_data_says_what_is_drawn() -> None:
    drawing = timeline(client_events(), cut(client_events()), gap=GAP, late=LATES)
    data = drawing.data
    assert {name: str(dtype) for name, dtype in data.dtypes.items()} == {
        "user": "string",
        "what": "string",
        "start": "datetime64[us, UTC]",
        "end": "datetime64[us, UTC]",
        "label": "string",
    }
    rows = [
        (user, what, (start - at(0)).total_seconds(), (end - at(0)).total_seconds(), label)
        for user, what, start, end, label in data.astype(object)
        .where(data.notna(), None)
        .itertuples(index=False)
    ]
    assert rows == [
        ("1", "session", 5, 7, "CTR 1.0"),
        ("1", "search", 5, 5, "dogs"),
        ("1", "late results", 6, 6, "late by 0.8 s"),
        ("1", "gap", 7, 17, "10 s"),
        ("1", "click", 7, 7, None),
        ("2", "session", 5, 8, "CTR 1.0"),
        ("2", "search", 5, 5, "cats"),
        ("2", "results", 6, 6, None),
        ("2", "click", 7, 7, None),
        ("2", "gap", 8, 18, "10 s"),
        ("2", "click", 8, 8, None),
        ("3", "late app open", 2, 2, "late by 90 s"),
    ]
    assert timeline([]).data.dtypes.equals(data.dtypes)


def test_every_thing_in_the_data_is_on_the_axes() -> None:
    drawing = timeline(client_events(), cut(client_events()), gap=GAP, late=LATES)
    axes = axes_of(drawing)
    what = drawing.data["what"].value_counts()
    assert len(axes.patches) == what["session"] + what["gap"]
    assert sum(len(line.get_xdata()) for line in axes.lines) == len(drawing.data) - len(
        axes.patches
    )


def test_time_runs_to_scale() -> None:
    """Bars, tails and markers stand where the ticks say that their times are."""
    drawing = timeline(client_events(), cut(client_events()), gap=GAP)
    axes = axes_of(drawing)
    seconds = [int(label[-2:]) for label in ticks(drawing)]
    assert len(seconds) >= 3

    def times(xs: Any) -> list[float]:
        return list(np.interp(xs, axes.get_xticks(), seconds))

    results = next(line for line in axes.lines if line.get_marker() == "s")
    assert times(results.get_xdata()) == pytest.approx([6, 6])
    sessions = [patch for patch in axes.patches if not patch.get_hatch()]
    assert len(sessions) == 2
    tails = [patch for patch in axes.patches if patch.get_hatch()]
    width = (axes.get_xticks()[1] - axes.get_xticks()[0]) / (seconds[1] - seconds[0])
    assert [patch.get_width() / width for patch in tails] == pytest.approx([10, 10])


def test_words_tell_the_same() -> None:
    drawing = timeline(client_events(), cut(client_events()), gap=GAP, late=LATES)
    assert drawing.title == "3 users, 2 sessions, 2 late events"
    assert drawing.description.splitlines() == [
        "1 January 2024, 00:00:02 to 00:00:08 (UTC), one row per user.",
        "user 1: session 0 from 00:00:05 to 00:00:07, 1 search, 1 click, CTR 1.0; "
        "late results at 00:00:06, late by 0.8 s.",
        "user 2: session 0 from 00:00:05 to 00:00:08, 1 search, 2 clicks, CTR 1.0.",
        "user 3: late app open at 00:00:02, late by 90 s.",
    ]
    alone = timeline(client_events())
    assert alone.title == "2 users, 7 events"
    assert "user 2: 1 search, 1 result list, 2 clicks." in alone.description


def test_a_session_without_a_search_has_no_rate() -> None:
    events: list[Event] = [AppOpen(3, at(28)), ClickResult(3, "z", at(30))]
    drawing = timeline(events, cut(events))
    assert "no search" in texts(drawing) and not any("CTR" in text for text in texts(drawing))
    assert legend(drawing) == ["app open", "click", "session without a search"]


def test_sessions_too_close_for_their_labels_are_counted() -> None:
    events: list[Event] = [AppOpen(1, at(0)), Search(1, "a", at(20)), AppOpen(1, at(40))]
    events += [Search(2, "a", at(0)), AppOpen(1, at(4000))]
    drawing = timeline(events, cut(events))
    found = texts(drawing)
    assert "3 sessions" in found
    assert [text for text in found if "search" in text and text != "search"] == [
        *("no search", "session without a search"),
    ]
    assert "lack of room" not in drawing.description


def test_twelve_rows_are_seen_at_once() -> None:
    """In a window 900 pixels high there are some 700 for a figure."""
    drawing = drawn("crowd")
    assert drawing.data["user"].nunique() == 12
    pixels = drawing.figure.get_figheight() / drawing.figure.get_figwidth() * PIXELS
    assert pixels < 700


def test_legend_lists_what_is_there() -> None:
    assert legend(timeline(client_events())) == ["search", "results", "click"]
    assert legend(timeline(client_events(), cut(client_events()), gap=GAP)) == [
        *("search", "results", "click", "session", "gap, 10 s"),
    ]
    assert legend(timeline([], late=LATES)) == ["late app open", "late results"]
    assert legend(timeline([])) == []
    long = timeline(client_events(), cut(client_events()), gap=timedelta(minutes=90))
    assert legend(long)[-1] == "gap, 90 min"


def test_legend_stands_above_the_data(drawing: Drawing) -> None:
    boxes(drawing)
    assert bool(drawing.figure.legends) == (drawing.data.size > 0)
    for legend in drawing.figure.legends:
        assert legend.get_window_extent().y0 >= axes_of(drawing).bbox.y1


def test_late_events_are_hollow_and_drawn_once() -> None:
    events = client_events()
    for given in (events, [event for event in events if event != LATES[0].event]):
        axes = axes_of(timeline(given, late=LATES))
        hollow = [line for line in axes.lines if line.get_markeredgecolor() == COLOURS["late"]]
        assert [line.get_markerfacecolor() for line in hollow] == ["white", "white"]
        assert sum(len(line.get_xdata()) for line in axes.lines) == 8
    twice = timeline([events[0], events[0]], late=[Late("1", events[0], GAP)])
    assert sorted(twice.data["what"]) == ["late search", "search"]


def test_nothing_to_draw_is_no_error() -> None:
    drawing = timeline([])
    assert drawing.title == "No events" and "no events" in texts(drawing)
    assert drawing.data.empty


@pytest.mark.parametrize(
    "span",
    [
        0.00001,
        0.001,
        0.037,
        0.5,
        1,
        7,
        10,
        61,
        299,
        3600,
        5e4,
        86_400,
        2e5,
        6e5,
        42 * 86_400,
        4e7,
        3e9,
    ],
)
@pytest.mark.parametrize("start", [0, 31_535_999.5])
def test_ticks_for_every_span(span: float, start: float) -> None:
    drawing = timeline([AppOpen(1, at(start)), AppOpen(1, at(start + span))])
    labels = ticks(drawing)
    assert 3 <= len(labels) <= 12, labels
    # An hour or a month comes again only behind the day or the year that it belongs to.
    assert all(a != b for a, b in pairwise(labels))
    assert len(set(labels)) > len(labels) / 2
    stated = " ".join(texts(drawing))
    assert re.search(r"\b(19|20|21)\d\d\b", stated), "the year stands somewhere"
    assert_readable(drawing)


def test_ticks_read_as_people_write_them() -> None:
    def label(*seconds: float) -> tuple[str, str]:
        drawing = timeline([AppOpen(1, at(s)) for s in seconds])
        axis = next(text for text in texts(drawing) if text.startswith("event time"))
        return ticks(drawing)[1], axis

    assert label(0, 45) == ("00:00:10", "event time (UTC), 1 January 2024")
    assert label(43_200, 46_800) == ("12:10", "event time (UTC), 1 January 2024")
    assert label(0, 42 * 86_400) == ("08 Jan", "event time (UTC), 2024")
    assert label(1, 1.001)[0] == "00:00:01.0005"


def test_busiest_users_are_shown_and_the_rest_is_said() -> None:
    events: list[Event] = [
        Search(user, "q", at(10 * i + user)) for user in range(40) for i in range(1 + user % 20)
    ]
    drawing = timeline(events, cut(events), gap=GAP)
    users = list(dict.fromkeys(drawing.data["user"]))
    assert users == [str(u) for u in (14, 15, 16, 17, 18, 19, 34, 35, 36, 37, 38, 39)]
    drawn = drawing.data["what"].eq("search").sum()
    said = f"left out: 28 users with {len(events) - drawn} events."
    assert any(said in text for text in texts(drawing)) and said in drawing.description
    assert drawing.title.startswith("40 users")


def test_many_events_stay_few_marks() -> None:
    drawing = timeline(random_events(5_000, 3, 86_400))
    marks = sum(len(line.get_xdata()) for line in axes_of(drawing).lines)
    assert marks <= 1200
    said = f"5,000 events are drawn as {marks:,} markers"
    assert any(said in text for text in texts(drawing)) and said in drawing.description
    assert len(drawing.svg()) < 300_000
    assert len(drawing.data) == 5_000


def test_users_1_and_text_1_are_one() -> None:
    assert timeline([AppOpen(1, at(0)), AppOpen("1", at(1))]).data["user"].nunique() == 1


def test_generators_will_do() -> None:
    events = client_events()
    drawing = timeline(iter(events), iter(cut(events)), late=iter(LATES))
    assert drawing.data["what"].eq("session").sum() == 2


def test_what_cannot_be_drawn_is_refused_by_its_place() -> None:
    events = client_events()
    with pytest.raises(TypeError, match=r"^events\[1\].*AppOpen"):
        timeline([events[0], {"user": 1}])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"^sessions\[0\].*Session.*tuple"):
        timeline(events, [("1", events)])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"^late\[0\].*Late.*Search"):
        timeline(events, late=[events[0]])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"^gap.*timedelta"):
        timeline(events, cut(events), gap=10)  # type: ignore[arg-type]


@pytest.mark.parametrize("vision", [None, "protanomaly", "deuteranomaly", "tritanomaly"])
def test_colours_differ_for_everybody(vision: str | None) -> None:
    """In the units of CAM02-UCS, where 1 is just noticeable; fully colour-blind eyes included."""

    def seen(thing: str) -> Any:
        colour = to_rgb(COLOURS[thing])
        eye = {"name": "sRGB1+CVD", "cvd_type": vision, "severity": 100}
        return cspace_convert(colour, eye, "sRGB1") if vision else colour

    things = ["app open", "search", "results", "click", "late", "watermark"]
    for one, other in combinations(things, 2):
        assert deltaE(seen(one), seen(other), input_space="sRGB1") > 10, (one, other)


def test_no_meaning_rests_on_colour_alone() -> None:
    kinds = [look for what, look in LOOKS.items() if not what.startswith("late")]
    assert len({str(look["marker"]) for look in kinds}) == len(kinds)
    for what, look in LOOKS.items():
        filled = look["markerfacecolor"] != "white"
        assert filled != what.startswith("late"), "late is hollow"


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(colour)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_each_colour_has_one_for_dark_themes_that_can_be_read(drawing: Drawing) -> None:
    used = set(re.findall(r"(?:fill|stroke)(?:: |=\")(#[0-9a-f]{6})", svg(drawing)))
    assert used - DARK.keys() <= {COLOURS["late"]}  # as it is, it suits both
    ground = luminance(DARK["#ffffff"])
    for colour in used & {COLOURS["ink"], COLOURS["note"], COLOURS["search"], "#a3447c"}:
        assert (luminance(DARK[colour]) + 0.05) / (ground + 0.05) >= 4.5
        assert f'[style*="fill: {colour}"]{{fill:{DARK[colour]}!important}}' in svg(drawing)


def test_a_png_keeps_its_most_frequent_colours() -> None:
    with Image.open(io.BytesIO(drawn("client").png())) as image:
        counts = image.convert("RGB").getcolors(1 << 24)
    colours = {colour for _, colour in counts}
    assert len(colours) <= COLOUR_COUNT
    assert {(255, 255, 255), (31, 41, 55), (248, 242, 161)} <= colours
