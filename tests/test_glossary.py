"""Every word of the course is explained once, and every formula gives what the package gives."""

import doctest
import re
from pathlib import Path

import nbformat
import pytest

from searchlogs.metrics import RATES

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
GLOSSARY = (NOTEBOOKS / "glossary.md").read_text(encoding="utf-8")
METRICS = (NOTEBOOKS / "metrics.md").read_text(encoding="utf-8")
ENTRIES: list[tuple[str, str]] = re.findall(
    r"^### (.+)\n\n((?:(?!^##).*\n)+)", GLOSSARY, re.MULTILINE
)
"""Each term with its text."""
ENGINES = ("Flink", "Beam", "Kafka Streams", "Spark")
WITHOUT_ENGINES = ("Search logs", "Numbers", "People")
"""Sections of words that stream engines do not have."""
ELSEWHERE = "Words that you meet elsewhere"
"""The section of words that no notebook introduces."""


def section(page: str, heading: str) -> str:
    return page.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def shown(name: str) -> str:
    """What a notebook says, in its cells and beside its figures."""
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    texts = [cell.source for cell in cells]
    for cell in cells:
        texts += [one.get("data", {}).get("text/plain", "") for one in cell.get("outputs", [])]
    return "\n".join(texts).lower().replace("*", "")


def rows(page: str, heading: str, first: int = 0) -> list[list[str]]:
    """The cells of one of a section's tables, without its heading."""
    tables = re.findall(r"(?:^\|.*\n)+", section(page, heading), re.MULTILINE)
    lines = tables[first].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def by_hand(text: str) -> float:
    """What a calculation in words gives; it holds numbers and signs only."""
    assert re.fullmatch(r"[\d.()+÷× −]+", text), text
    return float(eval(text.replace("÷", "/").replace("×", "*").replace("−", "-")))


def test_each_term_is_explained_once() -> None:
    terms = [term for term, _ in ENTRIES]
    assert len(terms) == len(re.findall(r"^### ", GLOSSARY, re.MULTILINE)) > 50
    assert sorted(set(terms)) == sorted(terms)
    # So a heading has the same anchor in JupyterLab and on code hosting sites.
    assert all(re.fullmatch(r"[a-z][a-z -]*", term) for term in terms)


@pytest.mark.parametrize(("term", "text"), ENTRIES, ids=[term for term, _ in ENTRIES])
def test_a_term_is_used_where_it_is_said_to_be_introduced(term: str, text: str) -> None:
    introduced = re.findall(r"Introduced in \[(\d\d)\]\((\S+)\.ipynb\)", text)
    if f"### {term}\n" in section(GLOSSARY, ELSEWHERE):
        assert not introduced
        return
    [(number, name)] = introduced
    assert name.startswith(number)
    words = re.sub("[ -]", r"[\\s_-]+", term)
    assert re.search(words, shown(name)), f"{name} does not say {term}"


def test_a_term_of_stream_processing_has_the_names_of_four_engines() -> None:
    parts = re.split(r"^## (.+)\n", GLOSSARY, flags=re.MULTILINE)
    named = 0
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        if heading in WITHOUT_ENGINES:
            continue
        for term, entry in ENTRIES:
            if f"### {term}\n" in text:
                elsewhere = entry.split("Elsewhere: ")[1]
                assert all(engine in elsewhere for engine in ENGINES), term
                named += 1
    assert named > 30


def test_the_page_of_metrics_runs() -> None:
    failed, attempted = doctest.testfile(
        str(NOTEBOOKS / "metrics.md"), module_relative=False, encoding="utf-8"
    )
    assert failed == 0 and attempted > 10


def test_every_rate_has_a_formula_and_is_worked_out_by_hand() -> None:
    table = rows(METRICS, "Rates")
    assert [row[0].strip("`") for row in table] == list(RATES)
    printed = dict(re.findall(r"^(\w+) +([\d.]+)$", section(METRICS, "Rates"), re.MULTILINE))
    for name, _, calculation, result in table:
        assert round(by_hand(calculation), 3) == float(result), name
        assert printed[name.strip("`")] == result


def test_the_counts_add_up() -> None:
    for what, *users, total in rows(METRICS, "Counts"):
        assert sum(map(by_hand, users)) == float(total), what


def test_the_averages_and_the_interval_are_worked_out_by_hand() -> None:
    for name, calculation, result in rows(METRICS, "Two averages"):
        assert round(by_hand(calculation), 3) == float(result), name
    clicked, searches, _, squares = [
        [by_hand(cell) for cell in row[1:]] for row in rows(METRICS, "Interval")
    ]
    *parts, total = searches
    rate = clicked[-1] / total
    found = [(c - rate * n) ** 2 for c, n in zip(clicked, parts, strict=False)]
    assert squares == pytest.approx([*found, sum(found)])
    error = (len(parts) / (len(parts) - 1) * squares[-1]) ** 0.5 / total
    assert round(error, 3) == 0.183 and "0.183" in section(METRICS, "Interval")
