"""What a notebook says that you'll learn is asked for by an exercise in it."""

import json
import re
from pathlib import Path

import pytest

from searchlogs import exercises
from searchlogs.exercises._core import Exercise

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))

OUTCOMES: dict[str, dict[str, tuple[str, ...]]] = {
    "00-start-here": {
        "what this course is about": ("hello",),
        "how to work with it": ("hello",),
    },
    "01-data-model": {
        "what an event holds": ("own_event",),
        "why its time is not the time at which it arrives": ("two_times",),
        "what a key is for": ("key_by_user",),
        "to read the pictures of all later notebooks": ("reading_a_timeline",),
    },
    "02-simulated-events": {
        "how to make events for a test": ("make_a_log",),
        "what a seed is for": ("what_changed",),
        "how a log can show you where its sessions end": (
            "predict_sessions",
            "pauses_per_user",
            "choose_a_gap",
        ),
    },
    "03-keep-state": {
        "how a step keeps a state for each key": ("pause_before", "count_by_kind"),
        "which memory survives a kill": ("after_a_resume", "count_by_kind"),
        "what a session window is made of": ("app_visits",),
        "where windows of fixed length begin and end": ("count_by_hour",),
    },
    "04-session-windows": {
        "what a key, a clock and a windower do": ("smallest_gap", "late_events", "sort_and_split"),
        "what leaves a window, and when": ("connect_late", "when_it_closes"),
        "how to choose a gap": ("friday_to_monday",),
        "what a wrong one does to the click-through rate": ("friday_to_monday",),
    },
    "05-click-through-rate": {
        "three meanings of one abbreviation": ("three_meanings", "bounded_rate"),
        "which click belongs to which search": ("attribute_a_click",),
        "why undefined is not 0": ("bounded_rate", "mean_rate"),
        "why a day has two averages": ("two_averages", "mean_rate"),
    },
    "06-time": {
        "which events are late, and why, with a watermark per user and with a shared one": (
            "watermarks",
            "late_by_rule",
            "late_when_shared",
        ),
        "which of two clocks you need": ("same_twice", "lost_to_the_stall"),
        "what a wait costs": ("choose_a_wait",),
        "how to put late events back": ("put_back",),
    },
    "07-your-own-logs": {
        "what a real log looks like": ("foreign_log",),
        "how to see that no line was lost": ("check_the_sum",),
        "how to read a log with other field names": ("foreign_log",),
    },
    "08-how-sure": {
        "how sure a rate is": ("clustered_error", "read_an_interval"),
        "which differences are noise": ("read_an_interval", "why_it_fell"),
        "which queries are worth fixing": ("worth_mending",),
        "what a click can't tell": ("why_it_fell",),
    },
    "09-killed-and-resumed": {
        "what a kill loses and what starting over doubles": ("after_a_kill",),
        "which three parts make each line come out once": ("three_parts", "survive_a_kill"),
        "what a resume refuses": ("go_on",),
    },
    "10-people-behind-the-log": {
        "why a pseudonym doesn't make anybody anonymous": ("find_the_person",),
        "how to publish only what many people have in common": ("publish_queries",),
    },
    "11-what-costs": {
        "what an event costs, and what a user costs": ("wake_ups",),
    },
    "12-scale-out": {
        "how sessions are cut with columns, batch by batch": ("session_starts", "join_halves"),
        "which worker gets which user, and how one busy user holds up all workers": (
            "skewed_work",
        ),
        "where the limits are": ("how_far",),
    },
    "13-capstone": {
        "how to choose a key, a gap and a wait for data that nobody has described to you": (
            "whose_day",
            "working_day",
            "long_enough",
        ),
        "how to write, from an empty cell, a dataflow that loses nothing": ("both_sums",),
        "how to say which rate you mean, and how sure it is": ("on_time",),
    },
}
"""For each notebook, its stated outcomes in their order, each with the exercises that ask for it.

Where two outcomes are in one sentence, what stands between them is a comma or a word such as *and*.
"""

BETWEEN = re.compile(r"(?:[\s,;.:]|\b(?:and|that|also|you'll|learn)\b)*", re.IGNORECASE)
"""What may stand between two outcomes."""


def cells(notebook: Path) -> list[str]:
    """Return the sources of a notebook's cells."""
    return ["".join(cell["source"]) for cell in json.loads(notebook.read_text("utf-8"))["cells"]]


def stated(notebook: Path) -> str:
    """Return what a notebook says that you'll learn."""
    (found,) = re.findall(r"\*\*What you'll learn\*\*: (.+)", cells(notebook)[0])
    return str(found)


every_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


@every_notebook
def test_each_outcome_is_in_the_list(notebook: Path) -> None:
    rest = stated(notebook)
    for outcome in OUTCOMES.get(notebook.stem, {}):
        before, found, rest = rest.partition(outcome)
        assert found, f"{outcome!r} is not, or no longer, among the outcomes"
        assert BETWEEN.fullmatch(before), f"{before!r} is in no list"
    assert BETWEEN.fullmatch(rest), f"{rest!r} is in no list"


@every_notebook
def test_each_outcome_has_an_exercise_in_its_notebook(notebook: Path) -> None:
    for outcome, names in OUTCOMES.get(notebook.stem, {}).items():
        assert names, f"{outcome!r}: name an exercise that asks for it, or remove the outcome"
        for name in names:
            assert isinstance(getattr(exercises, name), Exercise)
            assert any(f"exercises.{name}.check(" in source for source in cells(notebook))
