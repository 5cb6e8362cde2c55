"""What a notebook shows of an error: the learner's line, one sentence, and what to run first."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

from searchlogs import exercises
from searchlogs.figures.errors import COURSE_FILES

SETUP = """\
from datetime import datetime, timedelta
import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource
from searchlogs import sessionize
from searchlogs.columnar.flow import columnar_flow
from searchlogs.columnar.sessionizer import Sessionizer, sessionize_batches
from searchlogs.dataflow import ctr_flow, find_sessions, run
from searchlogs.events import ClickResult, Results, Search
from searchlogs.figures.attribution import attribution
from searchlogs.figures.observe import observe
from searchlogs.figures.stepper import Stepper
from searchlogs.figures.timeline import timeline
from searchlogs.figures.watermark import watermark_plot
from searchlogs.figures.xray import xray
from searchlogs.live.clocks import live_clock
from searchlogs.live.limits import limit_future
from searchlogs.live.play import Play
from searchlogs.logs.flow import log_flow
from searchlogs.metrics import calc_ctr, click_through_rate
from searchlogs.sessions import replay_clock, session_window, user_event
from searchlogs.simulate import client_events, simulate
from searchlogs.tables import interval, summary, totals
events = client_events()
sessions, late = find_sessions(events)
source, sink = TestingSource(events), TestingSink([])
stream = op.input("inp", Dataflow("flow"), source)
"""

REFUSED = {
    "find_sessions(events, gap=30)": "TypeError: gap: 30 what?",
    "find_sessions(events, wait=1.5)": "TypeError: wait: 1.5 what?",
    "find_sessions(events, gap='30')": "ValueError: gap: expected a duration such as 10s",
    "find_sessions(events, gap=-timedelta(1))": "ValueError: gap: expected a duration from 0",
    "find_sessions(3)": "TypeError: events: expected a list; found 3",
    "find_sessions([3])": "TypeError: events[0]: expected an AppOpen",
    "find_sessions(events, clock=replay_clock('1m'))": "TypeError: clock: expected what makes a",
    "ctr_flow(source, sink, clock=live_clock('1m'))": "TypeError: clock: expected what makes a",
    "ctr_flow(source, sink, gap=30)": "TypeError: gap: 30 what?",
    "ctr_flow(source, sink, wait=1)": "TypeError: wait: 1 what?",
    "session_window('a', stream, replay_clock('1m'), 30)": "TypeError: gap: 30 what?",
    "session_window('b', stream, replay_clock, '1m')": "TypeError: clock: expected a clock",
    "replay_clock(1)": "TypeError: wait: 1 what?",
    "replay_clock('1m', time=3)": "TypeError: time: expected a function",
    "session_window('f', events, replay_clock('1m'), '1m')": "TypeError: 'up' argument must be",
    "live_clock(1)": "TypeError: wait: 1 what?",
    "limit_future('c', stream, 1)": "TypeError: bound: 1 what?",
    "run(ctr_flow)": "TypeError: flow: expected a Dataflow; found function; call it",
    "xray(ctr_flow)": "TypeError: flow: expected a Dataflow; found function; call it",
    "simulate(users=0)": "ValueError: users: expected a whole number",
    "simulate(duration=6)": "TypeError: duration: 6 what?",
    "simulate(disorder=5)": "TypeError: disorder: 5 what?",
    "Play(events, speed=0)": "ValueError: speed: expected a number over 0",
    "Search(1, 'dogs', 'now')": "TypeError: Search: time: expected a datetime",
    "Results(1, 'fido', datetime(2024, 1, 1))": "TypeError: Results: items: expected a tuple",
    "user_event(3)": "TypeError: an item of the stream: expected an AppOpen",
    "calc_ctr(events)": "TypeError: session: expected a Session; found [",
    "click_through_rate(sessions)": "TypeError: session: expected a Session; found [",
    "summary(events)": "TypeError: sessions[0]: expected a Session",
    "summary(sessions[0])": "TypeError: sessions: expected a list; found Session(",
    "totals(sessions)": "TypeError: table: expected one that summary makes",
    "interval(summary(sessions), 'click')": "ValueError: rate: expected one of clicks_per_search",
    "timeline(sessions)": "TypeError: events[0]: expected an AppOpen",
    "timeline(events, sessions, gap=30)": "TypeError: gap: 30 what?",
    "attribution(sessions, 'One')": "TypeError: session: expected a Session",
    "observe(events, gap=30)": "TypeError: gap: 30 what?",
    "watermark_plot(events, wait=1)": "TypeError: wait: 1 what?",
    "Stepper(events, gap=30)": "TypeError: gap: 30 what?",
    "log_flow('no.jsonl', 'out.jsonl', gap=30)": "TypeError: gap: 30 what?",
    "log_flow('no.jsonl', 'out.jsonl')": "FileNotFoundError: [Errno 2] No such file",
    "columnar_flow('no.parquet', 'out.arrows', wait=1)": "TypeError: wait: 1 what?",
    "sessionize_batches([], gap=30)": "TypeError: gap: 30 what?",
    "Sessionizer(gap='30m', wait=1)": "TypeError: wait: 1 what?",
    "sessionize(summary(sessions), gap=30)": "TypeError: gap: 30 what?",
    "sessionize(summary(sessions))": "ValueError: event: no such column; found the columns user",
    "sessionize(events)": "TypeError: data: expected a table that speaks Arrow",
}
"""Cells with a wrong argument, and how what they say begins."""

AS_TEXT = (
    "find_sessions(events, gap='30m', wait='1m')",
    "find_sessions(events, wait='1m', clock=lambda wait: replay_clock(2 * wait))",
    "ctr_flow(source, sink, gap='30m', wait='1m')",
    "session_window('d', stream, live_clock('1m'), '30m')",
    "limit_future('e', stream, '1h')",
    "list(simulate(4, 4, duration='6h', disorder='5s'))",
    "timeline(events, sessions, gap='10s')",
    "observe(events, gap='30m', wait='1m')",
    "watermark_plot(events, gap='30m', wait='1m')",
    "Stepper(events, gap='30m', wait='1m').words",
    "Sessionizer(gap='30m', wait='1m')",
)
"""Cells that give a duration as text."""

OWN = {
    "def clicks(events):\n    return events.clicks\nclicks(3)": 2,
    "def clock(wait):\n    return 1 / 0\nfind_sessions(events, clock=clock)": 2,
    """\
own = Dataflow("own")
items = op.map("own", op.input("inp", own, source), lambda event: event.name)
op.output("out", items, sink)
run(own)""": 2,
    """\
own = Dataflow("own")
items = op.map("rate", op.input("inp", own, source), lambda event: click_through_rate(event))
op.output("out", items, sink)
run(own)""": 2,
    "try:\n    clicks(3)\nexcept AttributeError as error:\n    raise OSError('own') from error": 3,
    "print(*map(replay_clock, [1]))": 1,
}
"""Cells in which the learner's own code is at fault, and how many frames are theirs."""

UNEXPECTED = "find_sessions(events, clock=len)"
FIRST = "# The afternoon\nafternoon = simulate(users=40)\nhour = 3"
MISSING_NAME = "len(list(afternoon))"
OF_ITSELF = "tomorrow = tomorrow + 1"
TYPO = "len(list(afternon))"
NO_STEP = "op.map(stream, str)"
MISSING_FILE = "open('shop.ubi.ndjson.gz')"
OTHER_FILE = "open('mine.csv')"
CELLS = [
    *REFUSED,
    *AS_TEXT,
    *OWN,
    UNEXPECTED,
    MISSING_NAME,
    OF_ITSELF,
    TYPO,
    NO_STEP,
    MISSING_FILE,
    OTHER_FILE,
    "find_sessions(events, gap=40)",
    "%tb",
]

Shown = dict[str, str]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Run the cells in a kernel as JupyterLab starts it; return what each one shows as text."""
    path = tmp_path_factory.mktemp("notebook") / "lesson.ipynb"
    notebook = new_notebook()
    notebook.cells = [new_code_cell(cell) for cell in [SETUP, *CELLS]]
    skipped = [new_markdown_cell("# Lesson\n\n## A busy afternoon\n"), new_code_cell(FIRST)]
    saved = new_notebook(cells=[*skipped, *notebook.cells])
    path.write_text(writes(saved), encoding="utf-8")
    client = NotebookClient(
        notebook,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute(env={**os.environ, "MPLBACKEND": "agg", "JPY_SESSION_NAME": str(path)})
    assert not notebook.cells[0].outputs, notebook.cells[0].outputs
    return {cell.source: "".join(map(as_text, cell.outputs)) for cell in notebook.cells[1:]}


def as_text(output: Any) -> str:
    lines = output.get("traceback", [output.get("text", "")])
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines))


def frames(text: str) -> list[str]:
    """Return the first lines of a traceback's frames."""
    return re.findall(r"^(?:Cell In|File ).*", text, re.MULTILINE)


@pytest.mark.parametrize("cell", REFUSED)
def test_a_wrong_argument_shows_the_line_that_gave_it_and_a_sentence(
    cell: str, shown: Shown
) -> None:
    assert len(frames(shown[cell])) == 1, shown[cell]
    last = shown[cell].strip().splitlines()[-1]
    assert last.startswith(REFUSED[cell])
    assert "During handling" not in shown[cell]


@pytest.mark.parametrize("cell", AS_TEXT)
def test_a_duration_may_be_text_wherever_one_is_taken(cell: str, shown: Shown) -> None:
    assert "Traceback" not in shown[cell], shown[cell]


@pytest.mark.parametrize("cell", OWN)
def test_an_error_in_the_learners_own_code_keeps_the_learners_frames(
    cell: str, shown: Shown
) -> None:
    found = frames(shown[cell])
    assert len(found) == OWN[cell], shown[cell]
    assert [frame for frame in found if not frame.startswith("Cell In")] == []


def test_an_error_that_nobody_expected_keeps_all_frames(shown: Shown) -> None:
    assert "in _make_clock(" in frames(shown[UNEXPECTED])[-1]


def test_all_frames_can_be_asked_for(shown: Shown) -> None:
    assert "in to_timedelta" in frames(shown["%tb"])[-1]


def test_a_missing_name_is_looked_up_in_the_notebook(shown: Shown) -> None:
    text = shown[MISSING_NAME]
    assert "NameError: name 'afternoon' is not defined" in text
    assert "under 'A busy afternoon' that begins with 'afternoon = simulate(users=40)'" in text
    assert "Run it first" in text


@pytest.mark.parametrize("cell", [TYPO, OF_ITSELF, OTHER_FILE])
def test_nothing_is_said_where_nothing_is_known(cell: str, shown: Shown) -> None:
    last = shown[cell].strip().splitlines()[-1]
    assert last.startswith(("NameError", "FileNotFoundError"))


def test_an_operator_without_a_name_is_told_apart(shown: Shown) -> None:
    assert len(frames(shown[NO_STEP])) == 1
    assert "missing a required argument: 'mapper'" in shown[NO_STEP]
    assert "takes the name of its step first" in shown[NO_STEP]


def test_a_missing_file_of_the_course_is_said_where_to_find(shown: Shown) -> None:
    assert "FileNotFoundError" in shown[MISSING_FILE]
    assert "copy it from the project's folder notebooks/" in shown[MISSING_FILE]


def test_the_files_of_the_course_are_known_by_name() -> None:
    notebooks = Path(__file__).parents[1] / "notebooks"
    files = {path.name for path in notebooks.iterdir() if path.suffix in (".csv", ".gz")}
    assert files == COURSE_FILES


def test_a_hint_has_a_frame_in_jupyter_and_none_as_text() -> None:
    shown = exercises.hello.hint(1)._repr_mimebundle_()
    assert shown["text/plain"].startswith("**Hint 1 of")
    assert f">\n\n{shown['text/plain']}\n\n</div>" in shown["text/markdown"]
