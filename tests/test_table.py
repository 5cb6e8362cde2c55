"""Tables state a finding, and their numbers, times and marks read as people write them."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from playwright.sync_api import Page, expect
from test_browser import jupyterlab, keep_picture, page  # noqa: F401 (fixtures)
from wording import Like

from searchlogs.dataflow import find_sessions
from searchlogs.figures.table import FORMATS, MOST_ROWS, Table, show_table
from searchlogs.metrics import RATES
from searchlogs.simulate import client_events, simulate
from searchlogs.tables import summary, totals

START = datetime(2024, 1, 1, 12, tzinfo=UTC)


def cells(table: Table, name: str) -> list[str]:
    return next(column.cells for column in table.columns if column.name == name)


def column(values: Any, name: str = "x", **options: Any) -> list[str]:
    return cells(show_table(pd.DataFrame({name: values}), "", **options), name)


def test_every_rate_has_a_format() -> None:
    assert list(FORMATS) == list(RATES)


def test_a_summary_reads_well_as_text() -> None:
    columns = ["user", "start", "searches", "clicks_per_search", "ctr"]
    table = show_table(summary(find_sessions(client_events())[0])[columns], "A", mark={"user": 2})
    assert repr(table).splitlines() == [
        "A",
        "",
        "user  start     searches  clicks_per_search    ctr",
        "1     00:00:05         1                1.0  100 %",
        "2     00:00:05         1                2.0  100 %  ←",
    ]


def test_a_rate_is_shown_as_its_column_or_its_row_says() -> None:
    assert column([0.6123, 0.5, None], "ctr") == ["61.2 %", "50.0 %", "–"]
    assert column([0.5, 1.0], "ctr") == ["50 %", "100 %"]
    assert column([0.0003, 0.5], percent=["x"]) == ["< 0.1 %", "50.0 %"]
    table = show_table(totals(summary(find_sessions(simulate(40, 120, seed=7))[0])), "Rates")
    shown = dict(zip(cells(table, "rate"), cells(table, "ratio_of_sums"), strict=True))
    assert all(shown[name].endswith(" %") for name in ("ctr", "abandonment", "session_ctr"))
    assert re.fullmatch(r"\d\.\d\d", shown["clicks_per_search"])
    assert re.fullmatch(r"\d+\.\d s", shown["seconds_to_first_click"])


def test_numbers_have_separators_and_three_digits() -> None:
    assert column([1000000, 5]) == ["1,000,000", "5"]
    assert column([2386.0, None]) == ["2,386", "–"]
    assert column([222.0, 0.1194, 0.0]) == ["222", "0.119", "0"]
    assert column([1234567.5, float("inf")]) == ["1,234,568", "inf"]
    assert column([12345, 1], "user") == ["12345", "1"]


def test_times_are_as_short_as_they_can_be() -> None:
    seconds = [timedelta(seconds=s) for s in (0, 9.5)]
    assert column([START + s for s in seconds]) == ["12:00:00", "12:00:09"]
    assert column([START, START + timedelta(seconds=0.5)]) == ["12:00:00.000", "12:00:00.500"]
    days = [START, None, START + timedelta(days=1)]
    assert column(days) == ["2024-01-01 12:00:00", "–", "2024-01-02 12:00:00"]
    zoned = pd.Series([START]).dt.tz_convert("Europe/Vienna")
    assert column(zoned) == ["13:00:00 +0100"]


def test_durations_are_in_two_units() -> None:
    lengths = [0, 0.12, 75.000001, 3600, 3659, 86399.9, 90000, -1]
    texts = ["0 s", "0.12 s", "1 min 15 s", "1 h", "1 h 1 min", "24 h", "1 d 1 h", "−1 s"]
    assert column([timedelta(seconds=s) for s in lengths]) == texts


def test_other_values_are_words() -> None:
    values = [True, ("a", "b"), "two\nlines", "x" * 200, None]
    assert column(values) == ["yes", "a, b", "two lines", "x" * 99 + "…", "–"]


def test_an_index_is_shown_if_it_says_something() -> None:
    frame = pd.DataFrame({"n": [1, 2]}, index=[5, 6])
    assert [one.name for one in show_table(frame, "").columns] == ["n"]
    assert [one.name for one in show_table(frame.rename_axis("line"), "").columns] == ["line", "n"]
    named = frame.set_axis(["a", "b"])
    assert cells(show_table(named["n"], ""), "") == ["a", "b"]
    two = pd.concat({"flow": named, "SQL": named}, names=["from", "what"])
    assert cells(show_table(two, ""), "from") == ["flow", "flow", "SQL", "SQL"]
    assert cells(show_table(named.T, "", mark={"": "n"}), "b") == ["2"]


def test_decisive_rows_are_those_that_have_all_the_values() -> None:
    rows = [{"user": u, "late": late} for u, late in (("1", True), ("2", True), ("2", False))]
    assert show_table(rows, "").marked == [False] * 3
    assert show_table(rows, "", mark={"user": 2}).marked == [False, True, True]
    assert show_table(rows, "", mark={"user": "2", "late": True}).marked == [False, True, False]
    assert show_table(rows, "", mark={"user": ["1", "3"]}).marked == [True, False, False]


def test_a_long_table_shows_its_ends_and_what_is_decisive() -> None:
    table = show_table(pd.DataFrame({"n": range(MOST_ROWS)}), "")
    assert table.omitted == [0] * MOST_ROWS
    table = show_table(pd.DataFrame({"n": range(1000)}), "", mark={"n": 500})
    assert cells(table, "n") == [*map(str, [*range(6), 500, *range(994, 1000)])]
    assert repr(table).count("… 494 rows …") == 1 and "… 493 rows …" in repr(table)
    assert table._repr_html_().count("… 494 rows …") == 1


def test_a_wide_table_says_which_columns_it_leaves_out() -> None:
    sessions = summary(find_sessions(client_events())[0])
    table = show_table(sessions, "Two sessions")
    shown = [one.name for one in table.columns]
    assert shown == list(sessions.columns[: len(shown)])
    assert Like(
        f"Not shown: {sessions.shape[1] - len(shown)} columns ({sessions.columns[len(shown)]}"
    ) == (table.note)
    assert table.note in repr(table) and table.note in table._repr_html_()


def test_a_table_of_nothing_shows_its_caption() -> None:
    for rows in ([], pd.DataFrame({"time": pd.to_datetime([])}), summary([])):
        table = show_table(rows, "Nothing yet")
        assert repr(table).startswith("Nothing yet")
        assert "Nothing yet" in table._repr_html_()


@pytest.mark.parametrize("argument", [{"percent": ["y"]}, {"mark": {"y": 1}}])
def test_an_unknown_column_is_named_with_those_that_are_there(argument: Any) -> None:
    with pytest.raises(ValueError) as error:
        show_table([{"ctr": 1, "user": 2}], "", **argument)
    assert str(error.value) == Like(f"{next(iter(argument))}: …'y'…ctr, user")


def test_html_is_escaped_and_the_same_each_time() -> None:
    rows = [{"<u>&": "<script>alert(1)</script>"}]
    html = show_table(rows, "<i>", mark={"<u>&": 1})._repr_html_()
    assert "<script" not in html and "<i>" not in html and "<u>" not in html
    assert html == show_table(rows, "<i>", mark={"<u>&": 1})._repr_html_()
    assert "<style" not in html  # it would be dropped where the notebook isn't trusted


def wide_tables() -> list[Table]:
    reason = "truncated JSON: EOF while parsing an object, at byte 60"
    rates = {name: [0.6831, 0.5] for name in FORMATS if FORMATS[name].unit}
    afternoon = find_sessions(simulate(40, 120, seed=7), timedelta(minutes=30))[0]
    return [
        show_table([{"line": 2, "field": None, "reason": reason}], "A reason"),
        show_table([{"user": "f" * 64, "at": "2024-01-01T12:01:29.514Z"}], "A pseudonym"),
        show_table([dict.fromkeys("abc", "2013-03-04T06:10:00-05:00")], "Times with an offset"),
        show_table(pd.DataFrame(rates), "Five rates, the second row marked", mark={"ctr": 0.5}),
        show_table(summary(afternoon), "A caption that is longer than a line. " * 3),
    ]


@pytest.mark.slow
@pytest.mark.browser
def test_nothing_is_cut_off_in_a_narrow_window(
    page: Page,  # noqa: F811
    jupyterlab: dict[str, Any],  # noqa: F811
) -> None:
    """At 900 pixels with the list of files, before the notebook is trusted, in both themes."""
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    tables = wide_tables()
    for number, table in enumerate(tables):
        data = {"text/html": table._repr_html_(), "text/plain": repr(table)}
        output = nbformat.v4.new_output("execute_result", data, execution_count=1)
        notebook.cells.append(
            nbformat.v4.new_code_cell(f"# {number}", outputs=[output], execution_count=1)
        )
    nbformat.write(notebook, Path(jupyterlab["root_dir"]) / "tables.ipynb")
    page.set_viewport_size({"width": 900, "height": 1600})
    page.goto("lab/workspaces/tables/tree/tables.ipynb?reset")
    shown_tables = page.locator(".jp-OutputArea-output table")
    expect(shown_tables).to_have_count(len(tables))
    expect(page.locator(".jp-FileBrowser")).to_be_visible()
    keep_picture(page, "tables")
    for shown in shown_tables.all():
        room, width = shown.evaluate(
            "e => [e.closest('.jp-OutputArea-output').clientWidth, e.scrollWidth]"
        )
        assert width <= room, shown.inner_text()
        cut = shown.locator("th, td").evaluate_all(
            "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText)"
        )
        assert cut == []
    marked = page.locator("td", has=page.locator("b")).first
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        expect(page.locator("body")).to_have_attribute(
            "data-jp-theme-light", str(theme == "light").lower()
        )
        assert contrast(marked) >= 7


def contrast(cell: Any) -> float:
    """Return the contrast of a cell's text with the cell, which lets the page's colour through."""
    ink, paint, page_colour = cell.evaluate(
        """e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor,
                 getComputedStyle(e.closest('.jp-NotebookPanel-notebook')).backgroundColor]"""
    )
    numbers = [
        [float(n) for n in re.findall(r"[\d.]+", text)] for text in (ink, paint, page_colour)
    ]
    over, under = numbers[1], numbers[2]
    alpha = over[3]
    ground = [alpha * a + (1 - alpha) * b for a, b in zip(over, under, strict=False)]
    light, dark = sorted((luminance(numbers[0][:3]), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[float]) -> float:
    """Relative luminance as in WCAG 2."""
    parts = [c / 255 for c in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
