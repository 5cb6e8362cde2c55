"""The answers in tests/answers get the verdicts and the words that they deserve."""

import json
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource
from mutants import mutants
from wording import Like

from searchlogs import exercises
from searchlogs.dataflow import run
from searchlogs.events import AppOpen
from searchlogs.exercises._core import Exercise, Task, at
from searchlogs.sessions import replay_clock, session_window

FILES = {
    path.stem: import_module(f"answers.{path.stem}")
    for path in sorted((Path(__file__).parent / "answers").glob("[!_]*.py"))
}
ALL: dict[str, Exercise] = {
    name: value
    for name in exercises.__all__
    if isinstance(value := getattr(exercises, name), Exercise)
}
OFFER = "On this case"
"""Words with which a diagnosis begins that is offered, and not asserted."""


def answers(kind: str) -> list[Any]:
    """Return exercise and answer, as parameters, of all files."""
    params = []
    for file in FILES.values():
        for name, given in getattr(file, kind).items():
            for number, answer in enumerate(given):
                called = getattr(answer[0] if kind == "WRONG" else answer, "__name__", number)
                params.append(pytest.param(name, answer, id=f"{name}-{called}"))
    return params


def diagnoses(exercise: Exercise) -> list[str]:
    """Return the words that are written for mistakes of this exercise."""
    mistakes = getattr(exercise, "mistakes", ())
    if isinstance(mistakes, dict):
        return list(mistakes.values())
    return [mistake.diagnosis for mistake in mistakes]


@pytest.mark.parametrize("exercise", ALL)
def test_each_has_eight_right_answers_and_eight_wrong_ones(exercise: str) -> None:
    (file,) = [file for file, names in exercises._BY_FILE.items() if exercise in names]
    assert file in FILES, f"tests/answers/{file}.py is missing"
    assert len(FILES[file].RIGHT[exercise]) >= 8
    assert len(FILES[file].WRONG[exercise]) >= 8


def test_answers_are_those_to_exercises() -> None:
    for file, module in FILES.items():
        assert {*module.RIGHT, *module.WRONG} <= set(exercises._BY_FILE[file])


@pytest.mark.parametrize(("name", "answer"), answers("RIGHT"))
def test_a_right_answer_is_right(name: str, answer: Any) -> None:
    verdict = ALL[name].check(answer)
    assert verdict.state == "right", verdict
    assert ALL[name].notice in verdict.words


@pytest.mark.parametrize(("name", "answer"), answers("WRONG"))
def test_a_wrong_answer_is_told_what_is_wrong(name: str, answer: tuple[Any, str]) -> None:
    verdict = ALL[name].check(answer[0])
    assert verdict.state in ("wrong", "broken"), verdict
    fragment = answer[1].removeprefix("?").strip()
    assert verdict.words == Like(fragment), verdict
    assert verdict.words.startswith(OFFER) == answer[1].startswith("?"), verdict
    if not fragment:
        assert not any(words in verdict.words for words in diagnoses(ALL[name])), verdict


@pytest.mark.parametrize("name", [name for name in ALL if isinstance(ALL[name], Task)])
def test_no_mutant_of_a_solution_is_right(name: str) -> None:
    task = ALL[name]
    assert isinstance(task, Task)
    file = task.solve.__module__.rpartition(".")[2]
    equivalent = getattr(FILES.get(file), "EQUIVALENT", {}).get(name, {})
    impatient = replace(task, seconds=0.2)
    verdicts = {title: impatient.check(mutant) for title, mutant in mutants(task.solve)}
    survivors = {title for title, verdict in verdicts.items() if verdict.state == "right"}
    assert verdicts and survivors == set(equivalent)


def table_of(exercise: str) -> list[list[str]]:
    """Return the cells of the table in an exercise's statement, row by row."""
    sources = [
        "".join(cell["source"])
        for notebook in sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]
    ]
    (place,) = [i for i, one in enumerate(sources) if f"exercises.{exercise}.check(" in one]
    rows = [line for line in sources[place - 1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_engine_closes_each_session_at_the_arrival_of_the_exercise() -> None:
    _, _, users, seconds = table_of("when_it_closes")
    events = [
        AppOpen(int(user), at(int(second)))
        for user, second in zip(users[1:], seconds[1:], strict=True)
    ]
    events.append(AppOpen("nobody", at(0)))  # What closes after this one, the end has closed.
    heard: list[Any] = []
    flow = Dataflow("watch")
    stream = op.input("inp", flow, TestingSource(events))
    clock = replay_clock(timedelta(seconds=1))
    out = session_window("sessions", stream, clock, timedelta(seconds=10))
    op.inspect("arrive", stream, lambda _, event: heard.append(event))
    op.inspect("close", out.down, lambda _, session: heard.append((session.user, session.id)))
    op.output("end", out.late, TestingSink([]))
    run(flow)
    closes: dict[str, object] = {}
    for place, one in enumerate(heard):
        if isinstance(one, tuple):
            number = sum(isinstance(other, AppOpen) for other in heard[:place])
            closes["user {}, session {}".format(*one)] = "end" if number == len(events) else number
    expected = exercises.when_it_closes.solve()
    assert {name: closes[name] for name in expected} == expected


def test_the_two_counts_are_those_of_the_table() -> None:
    times = [(int(h[:2]) - 9) * 60 + int(h[3:]) for row in table_of("two_times")[2:] for h in row]
    assert {
        "by time happened": sum(0 <= minute < 60 for minute in times[0::2]),
        "by time arrived": sum(0 <= minute < 60 for minute in times[1::2]),
        "stays the same": "happened",
    } == exercises.two_times.solve()
