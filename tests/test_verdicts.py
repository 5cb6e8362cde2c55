"""Answers are judged by what they hold, told no more than is so, and stopped if they run away."""

import functools
import json
import os
import re
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from wording import Like

from searchlogs import exercises
from searchlogs.events import AppOpen, Event, Search
from searchlogs.exercises import _progress, _run
from searchlogs.exercises._core import GUESS, Case, Exercise, Mistake, Question, Task, at
from searchlogs.exercises._difference import first_difference
from searchlogs.exercises._values import alike, tidy
from searchlogs.exercises.session_windows import my_sessions, same_sessions


def positive(numbers: list[int]) -> list[float]:
    """Return the positive numbers."""
    return [float(number) for number in numbers if number > 0]


def _all_of_them(numbers: list[int]) -> list[float]:
    return [float(number) for number in numbers]


def _none_of_them(numbers: list[int]) -> list[float]:
    return []


TASK = Task(
    name="positive",
    solve=positive,
    hints=("Look at `0`.", "It is *not* positive."),
    notice="Zero is none.",
    because="Zero is neither.",
    seconds=0.3,
    cases=lambda: (
        Case("two", ([1, 2],)),
        Case("a zero", ([0, 3],)),
        Case("below zero", ([-1, 4],)),
        Case("a list of five", ([5, 6, 0, -7, 8],)),
    ),
    mistakes={_all_of_them: "Every number is taken.", _none_of_them: "Nothing is taken."},
)


def three() -> list[int]:
    """Return three numbers."""
    return [1, 2, 3]


QUESTION = Question(
    name="three",
    solve=three,
    hints=("One.", "Two."),
    notice="That is it.",
    expects="three numbers",
    mistakes=(Mistake([3, 2, 1], "Turn it round."),),
    seconds=0.3,
)


# What is right in another type.


@pytest.mark.parametrize(
    "answer",
    [
        lambda numbers: (float(n) for n in numbers if n > 0),
        lambda numbers: filter(lambda n: n > 0, numbers),
        lambda numbers: map(float, filter(lambda n: n > 0, numbers)),
        lambda numbers: np.array([n for n in numbers if n > 0]),
        lambda numbers: pd.Series(numbers)[lambda s: s > 0],
        lambda numbers: deque(n for n in numbers if n > 0),
        lambda numbers: [Fraction(n) for n in numbers if n > 0],
        lambda numbers: [Decimal(n) for n in numbers if n > 0],
        lambda numbers: [np.float64(n) for n in numbers if n > 0],
        lambda numbers: {n: None for n in numbers if n > 0}.keys(),
    ],
)
def test_a_right_result_of_another_type_is_right(answer: Callable[..., Any]) -> None:
    verdict = TASK.check(answer)
    assert verdict.state == "right", verdict


def test_an_iterator_is_judged_by_its_content() -> None:
    right = TASK.check(lambda numbers: iter(positive(numbers)))
    assert right.state == "right" and "only once" in right.words
    assert "only once" not in TASK.check(positive).words
    assert TASK.check(lambda numbers: map(float, numbers)).words == "Every number is taken."


def test_iterators_inside_a_result_are_read_in_time() -> None:
    def mine(events: list[Event], gap: Any) -> Any:
        own = groupby(sorted(events, key=lambda one: str(one.user)), lambda one: str(one.user))
        return (session for _, of_user in own for session in my_sessions(list(of_user), gap))

    assert exercises.sort_and_split.check(mine).state == "right"
    assert tidy(groupby("aab")) == [("a", ["a", "a"]), ("b", ["b"])]


@pytest.mark.parametrize("answer", [np.array([1, 2, 3]), pd.Series([1, 2, 3]), range(1, 4)])
def test_a_right_value_of_another_type_is_right(answer: Any) -> None:
    assert QUESTION.check(answer).state == "right"


def test_a_value_that_is_an_iterator() -> None:
    right = QUESTION.check(accumulate([1, 1, 1]))
    assert right.state == "right" and "only once" in right.words
    wrong = QUESTION.check(iter([3, 2, 1]))
    assert wrong.words == "Turn it round." and dict(wrong.facts)["yours"] == "[3, 2, 1]"


def test_durations_of_numpy_are_durations() -> None:
    assert exercises.choose_a_gap.check(np.timedelta64(120, "s")).state == "right"
    assert tidy(np.array([1500], "m8[ns]")) == [(at(0.000001) - at(0)) * 1]


@pytest.mark.parametrize(
    ("given", "expected", "same"),
    [
        (14.697999954223633, 14.698, True),  # The difference of two timestamps.
        (14.6981, 14.698, False),
        (3e-7, 0.0, True),
        (1e-5, 0.0, False),
        (0.00010001, 0.0001, True),
        (0.0001009, 0.0001, False),  # Within a microsecond, but no rate for that.
        (float("inf"), float("inf"), True),
        (float("nan"), 1.0, False),
    ],
)
def test_numbers_are_compared_to_a_microsecond(given: float, expected: float, same: bool) -> None:
    assert alike(given, expected) is same


def test_differences_of_timestamps_are_right() -> None:
    def mine(events: list[Event]) -> dict[str, list[float]]:
        times: dict[str, list[float]] = {}
        for event in events:
            times.setdefault(str(event.user), []).append(event.time.timestamp())
        return {user: [b - a for a, b in pairwise(sorted(own))] for user, own in times.items()}

    assert exercises.pauses_per_user.check(mine).state == "right"


def no_rate(numbers: list[int]) -> None:
    """Return that there is none."""


def test_nan_is_not_none() -> None:
    task = replace(TASK, solve=no_rate, cases=lambda: (Case("nobody", ([],)),))
    verdict = task.check(lambda numbers: float("nan"))
    assert verdict.state == "wrong" and verdict.words.startswith("This is nan")


def test_a_warning_of_an_answer_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def mine(numbers: list[int]) -> list[int]:
        warnings.warn("mean of empty slice", RuntimeWarning, stacklevel=1)
        print("seen", file=sys.stderr)
        return []

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        verdict = TASK.check(mine)
    assert capsys.readouterr() == ("", "") and not shown
    assert dict(verdict.facts)["printed"] == "seen"


# What is said, and when.


def test_a_diagnosis_is_asserted_if_it_holds_on_every_case_and_else_offered() -> None:
    assert TASK.check(lambda numbers: list(numbers)).words == "Every number is taken."
    verdict = TASK.check(lambda numbers: [n for n in numbers if n != -1])
    assert verdict.words == f"{GUESS}Every number is taken."
    assert verdict.words.startswith("On this case, ")
    assert "Compare the two" in TASK.check(lambda numbers: [n + 1 for n in numbers]).words


def test_a_guess_explains_most_of_what_is_wrong() -> None:
    both = replace(
        TASK, mistakes={_none_of_them: "Nothing.", lambda n: [] if n == [1, 2] else n: "x"}
    )
    verdict = both.check(lambda numbers: [] if numbers == [1, 2] else [99])
    assert verdict.words.startswith(GUESS)
    assert both.check(lambda numbers: [] if len(numbers) < 5 else [99]).words == f"{GUESS}Nothing."


def test_a_function_that_remembers_is_told_so() -> None:
    def mine(numbers: list[int], seen: list[float] = []) -> list[float]:  # noqa: B006
        seen += positive(numbers)
        return seen

    verdict = TASK.check(mine)
    assert verdict.state == "wrong" and verdict.case == "a zero"
    assert verdict.words == Like("another result…default argument")


def test_a_function_that_is_right_only_the_first_time_is_not_right() -> None:
    seen: list[Any] = []

    def mine(numbers: list[int]) -> list[float]:
        seen.append(1)
        return positive(numbers) if len(seen) <= 4 else []

    verdict = TASK.check(mine)
    assert verdict.state == "wrong" and "another result" in verdict.words


def test_a_right_answer_may_remember() -> None:
    kept = functools.lru_cache(lambda numbers: positive(numbers))
    assert TASK.check(lambda numbers: kept(tuple(numbers))).state == "right"


def test_cases_are_not_spoilt() -> None:
    def mine(events: list[Event], gap: Any) -> list[Any]:
        for event in events:
            object.__setattr__(event, "time", at(0))
        return []

    assert exercises.sort_and_split.check(mine).state == "wrong"
    assert exercises.sort_and_split.check(my_sessions).state == "right"


def test_a_verdict_says_how_many_cases_are_right_and_how_to_run_the_first_that_is_not() -> None:
    verdict = TASK.check(_all_of_them)
    assert "1 of 4 cases right" in verdict.headline
    assert dict(verdict.facts)["to run it"] == "_all_of_them(*exercises.positive.case(2))"
    assert TASK.case(2) == [[0, 3]] and TASK.case(2)[0] is not TASK.case(2)[0]


@pytest.mark.parametrize("number", [0, 5, -1, "two", None])
def test_a_case_that_does_not_exist(number: Any) -> None:
    with pytest.raises(ValueError, match="from 1 to 4"):
        TASK.case(number)


@pytest.mark.parametrize(
    ("given", "expected", "place", "parts"),
    [
        ([1, 2], [1, 3], "item 2", (2, 3)),
        ([[1]], [[1, 2]], "item 1: 1 item, 2 expected", ([1], [1, 2])),
        ([1], [1, 2], "item 2 (1 item, 2 expected)", ("nothing", 2)),
        ({"a": [1]}, {"a": [2]}, "key 'a', item 1", (1, 2)),
        ({}, {"a": 1}, "key 'a'", ("nothing", 1)),
        ({"a": 1, "b": 2}, {"a": 1}, "key 'b'", (2, "nothing")),
        (3, 4, "", (3, 4)),
        ([AppOpen(1, at(0))], [AppOpen(1, at(1))], "item 1, its time", None),
    ],
)
def test_the_first_difference(given: Any, expected: Any, place: str, parts: Any) -> None:
    where, mine, right = first_difference(given, expected)
    assert where == place
    if parts:
        assert (
            tuple(one if isinstance(one, int | list) else repr(one) for one in (mine, right))
            == parts
        )


def test_the_first_difference_of_what_has_no_order() -> None:
    one, two, other = ([AppOpen(user, at(second)) for second in (0, 1)] for user in (1, 2, 3))
    where, mine, right = first_difference([other[:1], one, two], [one, two, other], same_sessions)
    assert where == "item 1: 1 event, 2 expected"
    assert (mine, right) == (other[:1], other)


def test_a_value_with_parts_says_which_is_wrong_and_not_what_is_right() -> None:
    answer = {"searches": 3, "searches clicked": 1, "never searched": "ada"}
    facts = dict(exercises.reading_a_timeline.check(answer).facts)
    assert facts["where"] == "'never searched' is wrong; the other two are right"
    assert "'eve'" not in repr(facts)
    assert "where" not in dict(exercises.late_events.check([7, 8]).facts)


EVERY: list[Exercise] = [
    value for name in exercises.__all__ if isinstance(value := getattr(exercises, name), Exercise)
]


@pytest.mark.parametrize("exercise", EVERY, ids=lambda exercise: exercise.name)
def test_a_verdict_fits_on_a_screen(exercise: Exercise) -> None:
    """Lines are counted as a window of 100 columns breaks them."""
    long = [AppOpen(user, at(second)) for user in range(9) for second in range(30)]
    answers: list[Any] = [long, [long] * 20, {n: long for n in range(20)}, "x" * 5_000]
    if isinstance(exercise, Task):
        values = answers
        answers = [lambda *args, value=value: print("a\n" * 50) or value for value in values]
        answers += exercise.mistakes
    for answer in answers:
        lines = repr(exercise.check(answer)).splitlines()
        assert sum(1 + len(line) // 100 for line in lines) <= 18
        assert len(lines) <= 15


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda: TASK.check(lambda numbers: numbers.sort()), "Is a `return` missing"),
        (lambda: QUESTION.check(None), "The answer is None"),
        (
            lambda: QUESTION.check("[1, 2]"),
            "This is text, and a list is expected. Remove the quotes",
        ),
        (lambda: TASK.check("x"), "this is text"),
    ],
)
def test_words_fit_what_was_given(check: Callable[[], Any], words: str) -> None:
    assert words in check().words


def test_quotes_around_what_is_no_value_stay() -> None:
    assert "quotes" not in QUESTION.check("one two").words


def test_an_async_function_is_told_and_python_does_not_warn() -> None:
    async def mine(numbers: list[int]) -> list[float]:
        return positive(numbers)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "Remove the `async`" in TASK.check(mine).words


class Fails:
    """A callable object that fails."""

    def __call__(self, numbers: list[int]) -> list[int]:
        raise KeyError("mine")


def _fails_with(offset: int, numbers: list[int]) -> list[int]:
    raise KeyError(offset)


@pytest.mark.parametrize("answer", [Fails(), functools.partial(_fails_with, 3), Fails().__call__])
def test_callables_that_fail_show_their_line(answer: Any) -> None:
    verdict = TASK.check(answer)
    assert verdict.state == "broken"
    line = next(text for name, text in verdict.facts if name.startswith("line "))
    assert line.startswith("raise KeyError")


# What runs away.

WORK = "for i in range(1000): i + 1"
LOOPS = {
    "continue": f"while True:\n        try:\n            {WORK}\n        except: continue",
    "print": f"while True:\n        try:\n            {WORK}\n        except BaseException as e:\n"
    "            print(e)",
    "finally": "try:\n        while True: pass\n    finally:\n        while True: pass",
    "twice": f"while True:\n        try:\n            while True:\n                try:\n"
    f"                    {WORK}\n                except: continue\n        except: continue",
    "suppress": f"while True:\n        with suppress(BaseException):\n            {WORK}",
    "generator": "while True: yield 1",
    "sleep": "while True: time.sleep(0.01)",
}


def learner(body: str) -> Callable[..., Any]:
    """Return a function as a notebook's cell makes one."""
    names: dict[str, Any] = {"__name__": "__main__"}
    head = "import time\nfrom contextlib import suppress\ndef mine(numbers):\n    "
    exec(compile(head + body, "<cell>", "exec"), names)
    function: Callable[..., Any] = names["mine"]
    return function


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_swallows_the_stop_is_stopped(loop: str) -> None:
    tracing, out = sys.gettrace(), sys.stdout
    verdict = TASK.check(learner(LOOPS[loop]))
    assert verdict.state == "broken" and "so it was stopped" in verdict.words
    assert (sys.gettrace(), sys.stdout) == (tracing, out)
    assert sys.exc_info() == (None, None, None)
    assert TASK.check(positive).state == "right"


def test_a_wait_is_named_beside_the_loop() -> None:
    assert TASK.check(learner("time.sleep(0.2)\n    return [1.0, 2.0]")).words == Like("loop…sleep")


@pytest.mark.skipif(not _run.resident(), reason="the system does not say what a process needs")
@pytest.mark.parametrize("swallow", [False, True])
def test_an_answer_that_grows_is_stopped(swallow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run, "MEMORY", 50 * 2**20)
    grow = "for i in range(100): kept.append('a' * 10_000 + str(i))"
    if swallow:
        grow = f"try:\n            {grow}\n        except: pass"
    mine = learner(f"kept = []\n    while True:\n        {grow}")
    before = _run.resident()
    assert "memory" in replace(TASK, seconds=30).check(mine).words
    assert _run.resident() < before + 400 * 2**20


def test_an_answer_that_prints_without_end_is_stopped() -> None:
    verdict = replace(TASK, seconds=30).check(learner("while True: print('a' * 1000)"))
    assert verdict.state == "broken" and "`print`" in verdict.words


def test_an_endless_iterator_is_stopped() -> None:
    assert "stopped" in QUESTION.check(iter(int, 1)).words


@pytest.mark.parametrize("line", ["input()", "input('Go on? ')", "breakpoint()"])
def test_nobody_is_waited_for(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    verdict = TASK.check(learner(line))
    assert verdict.state == "broken" and "waits for a person" in verdict.words
    assert f"`{line.split('(')[0]}()`" in verdict.words
    assert capsys.readouterr().out == ""


def test_what_an_answer_changes_is_put_back(tmp_path: Path) -> None:
    before = os.getcwd()
    TASK.check(learner(f"import os, sys\n    os.chdir({str(tmp_path)!r})\n    sys.stdout = None"))
    assert os.getcwd() == before and sys.stdout is not None and callable(input)


def test_a_wrong_answer_that_hangs_when_called_again_keeps_its_verdict() -> None:
    calls: list[int] = []

    def mine(numbers: list[int]) -> list[float]:
        calls.append(1)
        while len(calls) > 4:
            pass
        return [99.0]

    begun = time.monotonic()
    verdict = TASK.check(mine)
    assert verdict.state == "wrong" and "0 of 4" in verdict.headline
    assert time.monotonic() - begun < 30


# Hints, and what is done.


def test_hints_and_solution_are_folded_into_each_other() -> None:
    html = TASK.check(_all_of_them)._repr_mimebundle_()["text/html"]
    assert re.findall(r"<summary>(.*?)</summary>", html) == [
        "Hint 1 of 2",
        "Hint 2 of 2",
        "Solution",
    ]
    assert html.count("<details>") == html.count("</details>") == 3
    assert "open" not in html and "<em>not</em>" in html and "<script" not in html
    assert "numbers if number &gt; 0]" in html and "Zero is neither." in html
    assert "<details" not in TASK.check(...)._repr_mimebundle_()["text/html"]
    # A notebook that is not trusted drops styles that name a variable.
    assert "var(" not in html and re.search("border-left: 4px solid #[0-9a-f]{6}", html)
    assert "Zero is neither." in TASK.solution().text


def test_a_hint_can_be_asked_for_by_its_number() -> None:
    assert TASK.hint(2).text == TASK.hint(2).text == Like("Hint 2 of 2")
    with pytest.raises(ValueError, match="from 1 to 2"):
        TASK.hint(3)
    TASK.hints_given = 0


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Begin the course anew, in an empty folder."""
    path = tmp_path / ".searchlogs-progress.json"
    monkeypatch.setattr(_progress, "FILE", path)
    monkeypatch.setattr(_progress, "_done", set())
    monkeypatch.setattr(_progress, "_problems", {})
    return path


def test_progress_is_kept_when_an_answer_is_right(file: Path) -> None:
    exercises.hello.check(...)
    exercises.hello.check(2)
    exercises.progress()
    assert not file.exists()
    verdict = exercises.hello.check(3)
    assert json.loads(file.read_text()) == {"done": ["hello"]}
    assert "done" not in repr(verdict)
    assert os.listdir(file.parent) == [file.name]


def test_progress_can_be_read_out(file: Path) -> None:
    file.write_text(json.dumps({"done": ["hello", "own_event", "mean_rate", "of an old course"]}))
    shown = exercises.progress()
    bundle = shown._repr_mimebundle_()
    first, *rows = repr(shown).splitlines()
    assert re.fullmatch(r"3 of \d+ done; next: reading_a_timeline in 01", first)
    assert rows[0].split() == ["00", "1", "of", "1", "done"]
    assert "next: reading_a_timeline" in rows[1]
    assert first in bundle["text/html"] and bundle["text/plain"] == repr(shown)


def test_progress_of_two_notebooks_is_kept(file: Path) -> None:
    file.write_text(json.dumps({"done": ["mean_rate"]}))
    _progress.record("hello")
    assert json.loads(file.read_text())["done"] == ["hello", "mean_rate"]


@pytest.mark.parametrize("text", ["{", "[]", '{"done": 3}', "null", "\udcff"])
def test_a_broken_file_starts_over_and_says_so(file: Path, text: str) -> None:
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert "starts over" in repr(exercises.progress())
    _progress.record("hello")
    assert json.loads(file.read_text())["done"] == ["hello"]


def test_a_folder_that_cannot_be_written_is_said(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "FILE", file / "no folder" / "here.json")
    assert exercises.hello.check(3).state == "right"
    shown = repr(exercises.progress())
    assert shown.startswith("1 of") and "until the kernel restarts" in shown


def test_all_done_names_no_next_one(file: Path) -> None:
    every = [exercise.name for exercise in EVERY]
    file.write_text(json.dumps({"done": every}))
    assert exercises.progress().line == f"{len(every)} of {len(every)} done"


def test_each_exercise_is_counted_in_the_notebook_that_asks_for_it() -> None:
    notebooks = exercises.progress().notebooks
    assert sorted(name for names in notebooks.values() for name in names) == sorted(
        exercise.name for exercise in EVERY
    )
    for number, names in notebooks.items():
        (path,) = (Path(__file__).parent.parent / "notebooks").glob(f"{number}-*.ipynb")
        text = path.read_text(encoding="utf-8")
        assert [name for name in names if f"exercises.{name}.check(" not in text] == []


def test_events_are_still_events() -> None:
    """A search in a result is left as it is."""
    event = Search(1, "dogs", at(0))
    assert tidy([event])[0] is event
