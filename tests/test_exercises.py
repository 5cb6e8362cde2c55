"""Right answers are right, wrong ones are told why, and no answer harms whoever checks it."""

import ast
import inspect
import json
import linecache
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from searchlogs import exercises
from searchlogs.dataflow import find_sessions
from searchlogs.events import EARLIEST, Search
from searchlogs.exercises import _run, _values, _wrong_rates
from searchlogs.exercises._core import Exercise, Question, Task, Verdict
from searchlogs.exercises._flows import FlowTask
from searchlogs.metrics import attribute, click_through_rate
from searchlogs.simulate import simulate
from searchlogs.tables import interval

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

ALL: list[Exercise] = [
    value for name in exercises.__all__ if isinstance(value := getattr(exercises, name), Exercise)
]

every_exercise = pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)


@cache
def cells(notebook: Path) -> list[tuple[str, str]]:
    """Return kind and source of a notebook's cells."""
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in found]


@cache
def sources() -> list[str]:
    """Return the sources of all notebooks' cells."""
    return [source for notebook in NOTEBOOKS for _, source in cells(notebook)]


def starter(exercise: Exercise) -> str:
    """Return the one cell of all notebooks that checks an answer to this exercise."""
    (found,) = [source for source in sources() if f"exercises.{exercise.name}.check(" in source]
    return found


def solved(exercise: Exercise) -> Any:
    """Return a right answer; one that takes a while is worked out once, by the exercise."""
    return exercise._expected if isinstance(exercise, Question) else exercise.solve


@cache
def verdicts(exercise: Exercise) -> list[Verdict]:
    """Return the verdicts on all mistakes of an exercise."""
    return [exercise.check(answer) for answer, _ in slips(exercise)]


def slips(exercise: Exercise) -> list[tuple[Any, str]]:
    """Return wrong answers, each with its diagnosis."""
    if isinstance(exercise, Task | FlowTask):
        return list(exercise.mistakes.items())
    assert isinstance(exercise, Question)
    return [(mistake.example, mistake.diagnosis) for mistake in exercise.mistakes]


def run(cell: str) -> Any:
    """Run a cell as a notebook does; return the value of its last line."""
    *body, last = ast.parse(cell).body
    assert isinstance(last, ast.Expr)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)


def define(source: str, name: str, file: str = "<cell>") -> Callable[..., Any]:
    """A function as a learner writes it in a cell, whose source the kernel keeps at hand."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, file, "exec"), names)
    function: Callable[..., Any] = names[name]
    return function


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    yield
    for exercise in ALL:
        exercise.hints_given = 0


FRESH = """
import sys
import bytewax.testing
import searchlogs.simulate

def refuse(*args, **named):
    raise AssertionError("a flow or a simulation was run")

bytewax.testing.run_main = bytewax.testing.cluster_main = searchlogs.simulate.simulate = refuse
from searchlogs import exercises
exercises.hello
print(*sys.modules)
for file in exercises._BY_FILE:
    __import__("searchlogs.exercises." + file)
print(*sys.modules)
"""


def test_an_exercise_loads_its_own_file_and_runs_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    hello, every = (line.split() for line in done.stdout.splitlines())
    files = [name for name in hello if re.match(r"searchlogs\.exercises\.[^_]", name)]
    assert files == ["searchlogs.exercises.start_here"]
    assert not {"pandas", "pyarrow", "pydantic_core", "matplotlib"} & set(hello)
    assert "searchlogs.exercises.your_own_logs" in every
    assert not [name for name in every if name.startswith("searchlogs.command")]
    assert not {"pandas", "matplotlib"} & set(every)


def test_a_wrong_name_is_told_similar_ones() -> None:
    with pytest.raises(AttributeError, match=r"'smalest_gap'.*smallest_gap"):
        _ = exercises.smalest_gap
    with pytest.raises(AttributeError, match="'nonsense'"):
        _ = exercises.nonsense
    assert set(exercises.__all__) <= set(dir(exercises))


def test_an_exercise_says_what_can_be_called() -> None:
    words = "Exercise smallest_gap: .check(answer), .hint(), .solution()"
    assert repr(exercises.smallest_gap) == words


@every_exercise
def test_each_is_in_the_notebook_of_its_file(exercise: Exercise) -> None:
    assert getattr(exercises, exercise.name) is exercise
    code = starter(exercise)
    assert f"exercises.{exercise.name}.check(" in code.splitlines()[-1]
    assert "from searchlogs import exercises" in code.splitlines()
    (notebook,) = [path for path in NOTEBOOKS if ("code", code) in cells(path)]
    file = exercise.solve.__module__.removeprefix("searchlogs.exercises.")
    own = notebook.stem.partition("-")[2].replace("-", "_")
    assert file in (own, "engines", "dataflows", "reliable_flows", "further_flows")
    place = cells(notebook).index(("code", code))
    statement = [source for kind, source in cells(notebook)[:place] if kind == "markdown"][-1]
    assert re.match(r"## Exercise: .+\n\n.+", statement)


@pytest.mark.parametrize("name", ["given_log", "slow_phones", "story"])
def test_the_data_of_an_exercise_is_in_a_notebook_and_the_same_each_time(name: str) -> None:
    assert any(f"exercises.{name}" in source for source in sources())
    assert getattr(exercises, name) is getattr(exercises, name)
    assert len(getattr(exercises, name)) >= 10
    assert isinstance(getattr(exercises, name), tuple)  # Nobody can spoil it in place.


@every_exercise
def test_the_solution_is_right(exercise: Exercise) -> None:
    verdict = exercise.check(solved(exercise))
    assert verdict.state == "right", verdict
    assert exercise.notice in verdict.words


@pytest.mark.parametrize(
    ("exercise", "cell"), [pytest.param(one, starter(one), id=one.name) for one in ALL]
)
def test_the_solution_that_is_shown_can_be_pasted(exercise: Exercise, cell: str) -> None:
    code = exercise.solution().text.removeprefix("```python\n").partition("```")[0]
    assert inspect.getsource(exercise.solve) in code
    call = exercise.solve.__name__ + ("()" if isinstance(exercise, Question) else "")
    verdict = run(
        f"{code}\nfrom searchlogs import exercises\nexercises.{exercise.name}.check({call})"
    )
    assert verdict.state == "right"
    if not isinstance(exercise, Question):  # It replaces the function of the starter.
        assert f"def {exercise.solve.__name__}({', '.join(parameters(exercise))}):" in cell


def parameters(exercise: Exercise) -> list[str]:
    return list(inspect.signature(exercise.solve).parameters)


@every_exercise
def test_the_starter_is_not_attempted(exercise: Exercise) -> None:
    verdict = run(starter(exercise))
    assert verdict.state == "not attempted"
    assert f"exercises.{exercise.name}.hint()" in repr(verdict)


@pytest.mark.parametrize(
    ("exercise", "number"),
    [
        pytest.param(exercise, number, id=f"{exercise.name}-{number}")
        for exercise in ALL
        if not isinstance(exercise, FlowTask)  # test_dataflow_exercises.py has them
        for number in range(len(slips(exercise)))
    ],
)
def test_a_mistake_is_named(exercise: Exercise, number: int) -> None:
    verdict, diagnosis = verdicts(exercise)[number], slips(exercise)[number][1]
    assert diagnosis and verdict.words == diagnosis
    assert diagnosis in repr(verdict)
    assert verdict.state in ("wrong", "broken")
    names = [name for name, _ in verdict.facts]
    if verdict.state == "wrong":
        around = ("given", "to run it") if isinstance(exercise, Task) else ()
        optional = {"came out", "where"}
        assert [name for name in names if name not in optional] == [
            *around[:1],
            "yours",
            "expected",
            *around[1:],
        ]
        facts = dict(verdict.facts)
        assert facts["yours"] != facts["expected"]
    else:
        assert names[0] == "given" and names[-2:] == ["error", "to run it"]


@every_exercise
def test_each_has_three_wrong_answers_with_words_of_their_own(exercise: Exercise) -> None:
    wrong = [verdict for verdict in verdicts(exercise) if verdict.state == "wrong"]
    assert len({verdict.words for verdict in wrong}) >= 3


@every_exercise
def test_a_second_look_is_the_same(exercise: Exercise) -> None:
    first, again = verdicts(exercise)[-1], exercise.check(slips(exercise)[-1][0])
    assert first._repr_mimebundle_() == again._repr_mimebundle_()


@every_exercise
def test_hints_do_not_give_the_solution(exercise: Exercise) -> None:
    assert 2 <= len(exercise.hints) <= 3
    lines = [line.strip() for line in inspect.getsource(exercise.solve).splitlines()[1:]]
    telling = [line for line in lines if len(line) > 12]
    assert telling or exercise.name == "key_by_user"
    for hint in exercise.hints:
        assert not [line for line in [*telling, *lines[-1:]] if line in hint]
    if isinstance(exercise, Question) and isinstance(solved(exercise), int):
        assert not any(re.search(rf"\b{solved(exercise)}\b", hint) for hint in exercise.hints)


def test_hints_come_one_after_another_and_the_last_stays() -> None:
    exercise = exercises.bounded_rate
    texts = [exercise.hint().text for _ in range(4)]
    assert [re.match(r"\*\*Hint (\d of \d)", text)[1] for text in texts] == [  # type: ignore[index]
        "1 of 3",
        "2 of 3",
        "3 of 3",
        "3 of 3",
    ]
    assert texts[2] == texts[3] and "exercises.bounded_rate.solution()" in texts[2]
    assert all(hint in text for hint, text in zip(exercise.hints, texts, strict=False))
    assert exercises.mean_rate.hint().text.startswith("**Hint 1 of 3.**")


@pytest.mark.parametrize(
    "body",
    [
        "...",
        "pass",
        "return None",
        "return ...",
        '"""My words."""',
        '"""My words."""\n    # not yet\n    ...',
    ],
)
def test_a_function_that_does_nothing_is_not_attempted(body: str) -> None:
    source = f"def mine(session):\n    {body}\n"
    assert exercises.bounded_rate.check(define(source, "mine")).state == "not attempted"


def test_a_function_that_returns_none_after_some_work_is_an_attempt() -> None:
    mine = define("def mine(session):\n    rate = session.clicks\n    print(rate)\n", "mine")
    verdict = exercises.bounded_rate.check(mine)
    assert verdict.state == "wrong"
    assert "`return` missing" in verdict.words
    assert dict(verdict.facts)["printed"] == "2"
    assert dict(verdict.facts)["yours"] == "None"


def test_a_dictionary_that_is_half_filled_is_not_attempted() -> None:
    answer = {"searches": 3, "searches clicked": ..., "never searched": "eve"}
    assert exercises.reading_a_timeline.check(answer).state == "not attempted"


class Hostile:
    """Raises an error in whatever is asked of it; called, it returns itself."""

    def __call__(self, *anything: object) -> "Hostile":
        return self

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]


def cyclic() -> list[Any]:
    mine: list[Any] = []
    mine += [mine, mine]
    return mine


STRANGE: list[Any] = [
    None,
    3.5,
    float("nan"),
    True,
    "2",
    "",
    b"2",
    [],
    (),
    {},
    {1, 2},
    set(),
    cyclic(),
    object(),
    Hostile(),
    Hostile,
    NotImplemented,
    np.arange(3),
    pd.NA,
    pd.DataFrame({"a": [1]}),
    timedelta(days=-1),
    timedelta.max,
    10**5000,
    "\ud800",
    len,
    print,
    dict,
    lambda: 3,
    lambda one: one,
    lambda one: cyclic(),
    lambda one: Hostile(),
    lambda one: np.arange(3),
    lambda one: (x for x in [one]),
    lambda *anything: object(),
    lambda *anything: anything[1000],
    lambda one, two, three: one,
    lambda **named: named,
    exercises,
    exercises.hello,
    Search(3, "red shoes", EARLIEST),
]


def survives(exercise: Exercise, answer: Any) -> None:
    verdict = exercise.check(answer)
    assert verdict.state in ("wrong", "broken")
    texts = verdict._repr_mimebundle_().values()
    assert all(text and " at 0x" not in text for text in texts)
    assert len(repr(verdict)) < 5_000


# One question that shows what comes of an answer, and one task whose results are lists.
@pytest.mark.parametrize("name", ["choose_a_gap", "attribute_a_click"])
@pytest.mark.parametrize("number", range(len(STRANGE)))
def test_whatever_is_given_nothing_raises(name: str, number: int) -> None:
    survives(getattr(exercises, name), STRANGE[number])


@every_exercise
def test_each_survives_an_answer_that_raises_errors(exercise: Exercise) -> None:
    survives(exercise, Hostile())


def test_a_called_function_is_recognised() -> None:
    verdict = exercises.bounded_rate.check(0.5)
    assert verdict.state == "wrong" and "a float" in verdict.words
    assert "without calling it" in verdict.words


def test_a_function_where_a_number_is_expected() -> None:
    verdict = exercises.hello.check(exercises.hello.solve)
    assert verdict.state == "wrong" and "Call it" in verdict.words


@pytest.mark.parametrize("head", ["def mine():", "def mine(session, other):"])
def test_other_parameters_are_told(head: str) -> None:
    verdict = exercises.bounded_rate.check(define(f"{head}\n    return 1\n", "mine"))
    assert verdict.state == "broken"
    assert "called with `session`" in verdict.words
    assert verdict.facts == (("your parameters", head[8:-1]),)


BROKEN = """\
def rate(clicks, searches):
    return clicks / searches

def mine(session):
    count = session.clicks + 1
    return rate(count, session.serches)
"""


def no_frames_of_ours(verdict: Verdict) -> bool:
    return not re.search(r"_core|_run|site-packages|Traceback|File ", repr(verdict))


def test_broken_shows_the_line_and_the_message() -> None:
    verdict = exercises.bounded_rate.check(define(BROKEN, "mine", "<cell 5>"))
    assert verdict.state == "broken"
    facts = dict(verdict.facts)
    assert facts["line 6"] == "return rate(count, session.serches)"
    assert facts["error"].startswith("AttributeError: 'Session' object has no attribute 'serches'")
    assert no_frames_of_ours(verdict)


def test_broken_in_a_helper_shows_the_helpers_line() -> None:
    source = BROKEN.replace("session.serches", "0 * session.searches")
    verdict = exercises.bounded_rate.check(define(source, "mine", "<cell 6>"))
    assert dict(verdict.facts)["line 2"] == "return clicks / searches"
    assert dict(verdict.facts)["error"] == "ZeroDivisionError: division by zero"


def test_broken_in_the_package_shows_the_line_that_called_it() -> None:
    source = "from searchlogs.metrics import attribute\ndef mine(session):\n    attribute(3)\n"
    verdict = exercises.bounded_rate.check(define(source, "mine", "<cell 7>"))
    assert dict(verdict.facts)["line 3"] == "attribute(3)"
    assert no_frames_of_ours(verdict)


def test_broken_without_source_still_has_its_line_and_message() -> None:
    names: dict[str, Any] = {}
    exec("def mine(session):\n    raise KeyError('dogs')", names)
    facts = dict(exercises.bounded_rate.check(names["mine"]).facts)
    assert "not available" in facts["line 2"]
    assert facts["error"] == "KeyError: 'dogs'"


@pytest.mark.parametrize(
    "error", ["SystemExit(3)", "RecursionError()", "GeneratorExit", "Odd('x')"]
)
def test_any_exception_is_broken(error: str) -> None:
    source = f"class Odd(BaseException): pass\ndef mine(session):\n    raise {error}\n"
    verdict = exercises.bounded_rate.check(define(source, "mine"))
    assert verdict.state == "broken"
    assert re.match(r"\w+", error)[0] in dict(verdict.facts)["error"]  # type: ignore[index]


def test_endless_recursion_is_broken() -> None:
    verdict = exercises.bounded_rate.check(
        define("def mine(session): return mine(session)", "mine")
    )
    assert verdict.state == "broken" and "RecursionError" in repr(verdict)


LOOP = "def mine(session):\n    seconds = 0\n    while seconds >= 0:\n        {body}\n"


def impatient() -> Task:
    """Return an exercise whose answers have a tenth of a second."""
    return replace(exercises.bounded_rate, seconds=0.1)


@pytest.mark.parametrize("body", ["seconds += 1", "print(seconds)"])
def test_an_endless_loop_is_stopped(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    begun = time.monotonic()
    verdict = impatient().check(define(LOOP.format(body=body), "mine"))
    assert time.monotonic() - begun < 5
    assert verdict.state == "broken"
    assert "still running after 0.1 seconds" in verdict.words and "loop" in verdict.words
    assert verdict.case == "the tutorial's user 2" and verdict.facts[0][0] == "given"
    assert exercises.bounded_rate.check(exercises.bounded_rate.solve).state == "right"
    assert capsys.readouterr().out == ""


def test_an_endless_loop_that_catches_exceptions_is_stopped() -> None:
    body = "try:\n            seconds += 1\n        except Exception:\n            seconds = 0"
    verdict = impatient().check(define(LOOP.format(body=body), "mine"))
    assert "still running" in verdict.words


def test_an_endless_loop_is_stopped_in_any_thread() -> None:
    """A notebook's subshell runs its cells outside the main thread."""
    found: list[Verdict] = []
    mine = define(LOOP.format(body="pass"), "mine")
    thread = threading.Thread(target=lambda: found.append(impatient().check(mine)))
    thread.start()
    thread.join(timeout=10)
    assert [verdict.state for verdict in found] == ["broken"]


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Let a timer's thread run as soon as it is due, and not 5 ms later."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("eager_threads")
def test_calls_that_end_just_when_their_time_is_over() -> None:
    """Stopped or not, and never hit later."""
    limit, ends = 0.001, {"in time": 0, "stopped": 0}
    for turn in range(1_000):
        end = time.perf_counter() + limit + (turn % 100 - 50) * 2e-5

        def spin(end: float = end) -> None:
            while time.perf_counter() < end:
                pass

        try:
            _run.within(limit, spin)
            ends["in time"] += 1
        except _run.TimeUp:
            ends["stopped"] += 1
        for _ in range(2_000):  # An interrupt that comes too late would be raised here.
            pass
        if turn >= 99 and all(ends.values()):
            break
    assert all(ends.values()), ends


def test_no_interrupt_arrives_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watcher that was already about to stop the call when the call returned."""
    begun, ended = threading.Event(), threading.Event()

    def held(seconds: float) -> None:
        begun.set()
        ended.wait(10)

    monkeypatch.setattr(_run, "sleep", held)
    assert _run.within(0, lambda: begun.wait(10)) is True
    ended.set()
    for _ in range(200_000):  # An interrupt would be raised here.
        pass


def test_a_call_begins_when_it_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that has not begun would be hit by the next stop, in Python 3.11."""
    start, order = _run._thread.start_new_thread, list[str]()

    def late(watch: Callable[[], None], nothing: tuple[()]) -> int:
        def begin() -> None:
            time.sleep(0.05)
            order.append("watched")
            watch()

        return start(begin, nothing)

    monkeypatch.setattr(_run._thread, "start_new_thread", late)
    _run.within(10, lambda: order.append("called"))
    assert order == ["watched", "called"]


ENDLESS = "within(0.1, lambda: [0 for _ in iter(int, 1)])"


@pytest.mark.parametrize("call", ["within(1, int)", ENDLESS])
def test_code_is_traced_after_a_call(call: str) -> None:
    """A debugger, or whatever else traces, in the kernel of a learner who has checked an answer."""
    code = (
        "import sys; from searchlogs.exercises._run import Stopped, within\n"
        f"try: {call}\nexcept Stopped: print('stopped')\n"
        "sys.settrace(lambda *anything: None); print((lambda: 7)())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.stdout.split()[-1] == b"7", done.stderr


def test_the_users_own_interrupt_passes() -> None:
    mine = define("def mine(session):\n    raise KeyboardInterrupt\n", "mine")
    with pytest.raises(KeyboardInterrupt):
        exercises.bounded_rate.check(mine)
    assert exercises.bounded_rate.check(exercises.bounded_rate.solve).state == "right"


def test_what_is_printed_is_shown_once_for_the_case_that_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = "def mine(session):\n    for i in range(30): print('line', i)\n    return 7\n"
    verdict = exercises.bounded_rate.check(define(source, "mine"))
    assert dict(verdict.facts)["printed"].splitlines() == ["line 0", "line 1", "…"]
    assert capsys.readouterr().out == ""


def test_a_case_survives_what_an_answer_does_to_it() -> None:
    source = "def mine(events, gap):\n    events.clear()\n    return []\n"
    first = exercises.sort_and_split.check(define(source, "mine"))
    assert len(exercises.sort_and_split._known[0][0].args[0]) == 2
    assert first == exercises.sort_and_split.check(define(source, "mine"))


def test_a_list_that_is_kept_between_calls_is_told_as_it_was() -> None:
    source = "kept = []\ndef mine(session):\n    kept.append(len(kept))\n    return kept\n"
    verdict = exercises.attribute_a_click.check(define(source, "mine"))
    assert dict(verdict.facts)["yours"] == "0"  # Its first item, and not that of a later call.
    assert "Called again" in verdict.words


def test_html_shows_what_a_learner_wrote_and_runs_nothing() -> None:
    source = "def mine(session):\n    print('<b>')\n    return [['<script>alert(1)', '&amp;']]\n"
    bundle = exercises.attribute_a_click.check(define(source, "mine"))._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "<script" not in bundle["text/html"] and "<b>" not in bundle["text/html"]
    assert "&lt;script&gt;alert(1)" in bundle["text/html"] and "&amp;amp;" in bundle["text/html"]
    assert "<script>alert(1)" in bundle["text/plain"]
    broken = (
        "class Odd(Exception): pass\ndef mine(session):\n    raise Odd('<script>')  # <script>\n"
    )
    html = exercises.bounded_rate.check(define(broken, "mine"))._repr_mimebundle_()["text/html"]
    assert "<script" not in html and html.count("&lt;script&gt;") == 3


def test_a_verdict_says_its_state_in_words_and_signs() -> None:
    task = exercises.bounded_rate
    verdicts = {
        "○ Not attempted.": task.check(...),
        "✗ Wrong, for the tutorial's user 2. 0 of 26 cases right.": task.check(lambda session: 7),
        "✓ Right.": task.check(task.solve),
        "⚠ Broken, for the tutorial's user 2. 0 of 26 cases right.": task.check(
            lambda session: 1 / 0
        ),
    }
    for headline, verdict in verdicts.items():
        bundle = verdict._repr_mimebundle_()
        assert bundle["text/plain"].splitlines()[0] == headline
        assert f"<strong>{headline.replace(chr(39), '&#x27;')}</strong>" in bundle["text/html"]
        assert not re.search(r"[ ;\"](color|background): (?!none)", bundle["text/html"])


def test_a_verdict_reads_well_as_text() -> None:
    mine = define(
        "def mine(session):\n    return my_rate(session) or 1 / session.searches * 0", "mine"
    )
    mine.__globals__["my_rate"] = exercises.bounded_rate.solve
    words = exercises.bounded_rate.mistakes[_wrong_rates._divides_by_zero]
    verdict = exercises.bounded_rate.check(mine)
    assert (
        repr(verdict)
        == f"""\
⚠ Broken, for a session in which nobody searched. 25 of 26 cases right.
    given      Session of user 5: [AppOpen(5, 00:00:00), ClickResult(5, 'news', 00:00:02)]
    line 2     return my_rate(session) or 1 / session.searches * 0
    error      ZeroDivisionError: division by zero
    to run it  mine(*exercises.bounded_rate.case(4))
{words}"""
    )


def test_emphasis_and_code_in_our_words_are_rendered() -> None:
    words = _values.inline("Ask `a < b`, of *each* one: 2 * 3 * 4.")
    assert words == "Ask <code>a &lt; b</code>, of <em>each</em> one: 2 * 3 * 4."


@pytest.mark.parametrize("seed", range(5))
def test_the_hand_written_solutions_agree_with_the_package(seed: int) -> None:
    events = list(simulate(10, 30, seed=seed, disorder=timedelta(seconds=30)))
    gap, wait = timedelta(minutes=30), timedelta(minutes=1)
    sessions, late = find_sessions(events, gap=gap, wait=wait)
    assert not late
    task = exercises.sort_and_split
    assert task.same(task.solve(events, gap), [list(session.events) for session in sessions])
    for session in sessions:
        owner = {
            id(click): impression.search.query
            for impression in attribute(session).impressions
            for click in impression.clicks
        }
        clicks = [event for event in session.events if hasattr(event, "item")]
        assert exercises.attribute_a_click.solve(session) == [owner.get(id(c)) for c in clicks]
        assert exercises.bounded_rate.solve(session) == click_through_rate(session)


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(27, "wrong"), (28, "right"), (600, "right"), (729, "right"), (730, "wrong")],
)
def test_any_gap_in_the_valley_is_right_and_gives_the_same(seconds: int, state: str) -> None:
    gap = timedelta(seconds=seconds)
    assert exercises.choose_a_gap.check(gap).state == state
    sessions, _ = find_sessions(exercises.given_log, gap=gap)
    assert (len(sessions) == 80) == (state == "right")


def test_the_engine_agrees_on_who_is_late() -> None:
    (statement,) = [one for one in sources() if one.startswith("## Exercise: say who is late\n")]
    arrived = [int(second) for second in re.findall(r"\d+", statement)][:8]
    assert arrived == [2, 5, 3, 10, 7, 6, 9, 8]
    events = [Search(1, "dogs", EARLIEST + timedelta(seconds=second)) for second in arrived]
    _, late = find_sessions(events, wait=timedelta(seconds=2))
    assert exercises.late_events.solve() == [one.event.time.second for one in late]


def test_the_engine_agrees_on_the_predictions() -> None:
    def sessions(seconds: list[int], gap: int) -> int:
        events = [Search(1, "dogs", EARLIEST + timedelta(seconds=second)) for second in seconds]
        whole_log = timedelta(minutes=1)
        return len(find_sessions(events, timedelta(seconds=gap), whole_log)[0])

    assert sessions([0, 10, 20, 28, 40, 57, 47], 10) == exercises.predict_sessions.solve()
    assert [sessions([3, 20, 8, 33, 41], gap) for gap in (12, 13)] == [2, 1]
    assert exercises.smallest_gap.solve() == 13


def test_the_story_is_what_its_solution_says() -> None:
    sessions, late = find_sessions(exercises.story)
    assert not late
    searches = sum(session.searches for session in sessions)
    clicked = sum(
        bool(impression.clicks)
        for session in sessions
        for impression in attribute(session).impressions
    )
    (never,) = {session.user for session in sessions if not session.searches}
    assert exercises.reading_a_timeline.solve() == {
        "searches": searches,
        "searches clicked": clicked,
        "never searched": never,
    }


def test_options_that_say_the_same_are_right() -> None:
    check = exercises.foreign_log.check
    again = "--time-unit=s --kinds click=open --kinds search=querySubmitted --map event=action "
    again += "--map user=uid,time=ts,query=q --map position=doc.rank,item=doc.id"
    assert check(again).state == "right"


@pytest.mark.parametrize(
    ("options", "beginning", "part"),
    [
        ("--map user", "the command stops: argument --map", "ours=theirs"),
        ("--time-unit hours", "the command stops: argument --time-unit", "'hours'"),
        ("--zone Mars", "the command stops: zone", "time zone"),
        ("--map 'user", "the command stops", "quotation"),
        ("", "rejected: event", "missing"),
        ("--kinds click=open", "rejected: event", "missing"),
        ("--map event=action --kinds click=open", "ignored: querySubmitted\nignored: scroll", ""),
    ],
)
def test_what_came_of_options_is_shown(options: str, beginning: str, part: str) -> None:
    facts = dict(exercises.foreign_log.check(options).facts)
    assert facts["came out"].startswith(beginning) and part in facts["came out"]


def test_help_is_no_answer_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert exercises.foreign_log.check("--help").state == "wrong"
    assert capsys.readouterr() == ("", "")


def test_the_hand_written_error_is_half_an_interval() -> None:
    users = [(1 + n % 5, (3 * n) % (2 + n % 5)) for n in range(50)]
    table = pd.DataFrame(users, columns=["searches", "searches_clicked"])
    low, high = interval(table.assign(user=table.index)) or (0, 0)
    assert exercises.clustered_error.solve(users) == pytest.approx((high - low) / 2 / 1.959964)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], ModuleType]:
    """Return the code blocks of the page for authors, and the file that they make."""
    page = (ROOT / "notebooks" / "writing-an-exercise.md").read_text(encoding="utf-8")
    assert len(page.split()) < 1_200
    question, task, *starters = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "pauses.py"
    file.write_text(f"{question}\n\n{task}", encoding="utf-8")
    spec = spec_from_file_location("pauses", file)
    assert spec and spec.loader
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pauses", module)
    spec.loader.exec_module(module)
    return starters, module


@pytest.mark.parametrize("number", [0, 1])
def test_the_page_for_authors_shows_exercises_that_work(
    number: int, written: tuple[list[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    starters, module = written
    made = [value for value in vars(module).values() if isinstance(value, Exercise)]
    assert [type(exercise) for exercise in made] == [Question, Task] and len(starters) == 2
    exercise, cell = made[number], starters[number]
    monkeypatch.setattr(exercises, exercise.name, exercise, raising=False)
    assert run(cell).state == "not attempted"
    test_the_solution_is_right(exercise)
    assert len(slips(exercise)) >= 3
    for place in range(len(slips(exercise))):
        test_a_mistake_is_named(exercise, place)
    test_hints_do_not_give_the_solution(exercise)
    test_the_solution_that_is_shown_can_be_pasted(exercise, cell)
