"""Answers to the exercises, one file for each file in `searchlogs/exercises`.

Each file holds up to three names; `tests/test_answers.py` runs them.

- `RIGHT`, by the name of the exercise: answers that are right, in forms that people choose.
- `WRONG`, by the name of the exercise: pairs of a wrong answer and a fragment of its verdict, in
  which `…` stands for any text. A diagnosis is asserted, unless the fragment begins with `?`:
  then it is offered, as a guess. An empty fragment takes any words that are not a diagnosis.
- `EQUIVALENT`, by the name of the exercise: mutants of its solution that give the same results,
  each with the reason. A test names the mutants that it found.
"""
