"""The answers in tests/answers get the verdicts and the words that they deserve."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from mutants import mutants
from wording import Like

from searchlogs import exercises
from searchlogs.exercises._core import Exercise, Task

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
    if isinstance(exercise, Task):
        return list(exercise.mistakes.values())
    return [mistake.diagnosis for mistake in getattr(exercise, "mistakes", ())]


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
