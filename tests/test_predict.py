"""Questions that ask for a guess: what they say without one, with one, and in the notebooks."""

import ast
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat import NotebookNode
from wording import Like

from searchlogs.exercises import predict
from searchlogs.exercises._predict import Prediction
from searchlogs.figures.charts import bars, curve

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SLOW = ("07-your-own-logs", "09-killed-and-resumed", "11-what-costs", "12-scale-out")


def html(prediction: Prediction) -> str:
    return prediction._repr_mimebundle_()["text/html"]


def never() -> Any:
    raise AssertionError("the result was computed before there was a guess")


def test_without_a_guess_nothing_is_computed() -> None:
    prediction = predict(..., never, says="Why.")
    assert repr(prediction) == Like("Your number first…`...`")
    assert "<code>...</code>" in html(prediction)
    assert "Why." not in repr(prediction) + html(prediction)
    assert repr(predict(..., never, says="Why.", choices="ab")) == Like("Your letter first…quotes")


@pytest.mark.parametrize(
    "guess", [3, 0.5, -1, 10**400, Fraction(1, 3), Decimal("0.1"), np.int64(3), np.float64(0.5)]
)
def test_any_number_is_a_guess(guess: Any) -> None:
    text = repr(predict(guess, lambda: 2, says="Why."))
    assert text == f"Your guess: {guess}\nWhat came out: 2\nWhy."


@pytest.mark.parametrize(
    ("guess", "words"),
    [
        ("3", "text, '3'…number…without quotes"),
        ("three", "text, 'three'…number"),
        (None, "None…number"),
        (True, "True…number"),
        ([3], "a list…number"),
        (float("nan"), "nan…number"),
        (float("inf"), "inf…number"),
        (1j, "a complex…number"),
        (len, "number"),
    ],
)
def test_another_kind_of_guess_is_told_what_is_asked(guess: Any, words: str) -> None:
    text = repr(predict(guess, never, says="Why."))
    assert text == Like(words)
    assert "\n" not in text


def test_a_letter_is_a_guess_where_there_are_choices() -> None:
    for guess in ("b", "B", " b "):
        assert repr(predict(guess, lambda: "came", "Why.", choices="abc")) == Like(
            "guess: b\n…came"
        )
    for wrong in ("d", "ab", "", 2, None, ["a"]):
        text = repr(predict(wrong, never, "Why.", choices="abc"))
        assert text == Like("one letter…a, b or c")
        assert "\n" not in text


def test_what_is_printed_is_shown_before_what_is_returned(capsys: Any) -> None:
    prediction = predict(1, lambda: print("one\ntwo") or 3, says="Why.")  # type: ignore[func-returns-value]
    assert repr(prediction) == "Your guess: 1\nWhat came out:\none\ntwo\n3\nWhy."
    assert html(prediction).index("one\ntwo</pre>") < html(prediction).index("3</pre>")
    assert capsys.readouterr().out == ""
    assert "nothing" in repr(predict(1, lambda: None, says="Why."))


def test_an_error_of_the_result_is_not_hidden() -> None:
    with pytest.raises(AssertionError, match="computed"):
        predict(1, never, says="Why.")


def test_html_is_escaped() -> None:
    wild = "<script>alert('&')</script>"
    prediction = predict(1, lambda: print(wild) or wild, says=wild)  # type: ignore[func-returns-value]
    assert "<script" not in html(prediction)
    assert html(prediction).count("&lt;script&gt;") == 3
    assert "<script" not in html(predict(wild, never, says="Why."))
    assert "<b>" not in html(predict(1, lambda: pd.DataFrame({"<b>": ["<b>"]}), says="Why."))


def test_a_table_is_shown_as_one() -> None:
    prediction = predict(1, lambda: pd.DataFrame({"late": [7]}, index=["us"]), says="Why.")
    assert "<td>7</td>" in html(prediction)
    assert repr(prediction) == Like("late\nus     7\nWhy.")


def test_a_drawing_is_shown_with_its_words() -> None:
    drawing = bars(pd.Series({"a <b>": 1.0}), 'A "title"', unit="events")
    prediction = predict(1, lambda: drawing, says="Why.")
    assert drawing.html() in html(prediction)
    assert 'alt="A &quot;title&quot;\n' in html(prediction)
    assert repr(prediction) == Like('guess: 1\n…A "title"\nBars, events…Why.')


def test_a_guess_is_drawn_into_a_curve() -> None:
    values = pd.Series({1: 0.0, 60: 0.5})
    plain = curve(values, "Rises", x="gap", y="CTR")
    guessed = curve(values, "Rises", x="gap", y="CTR", guess=(10, 0.9))
    assert "your guess: 0.9 at 10 s" in guessed.description.lower()
    assert "guess" not in plain.description
    (axes,) = guessed.figure.axes
    assert (axes.lines[-1].get_xdata()[0], axes.lines[-1].get_ydata()[0]) == (10, 0.9)
    assert axes.get_ylim()[1] > 0.9


def code_cells(notebook: Path) -> list[NotebookNode]:
    cells = nbformat.read(notebook, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def asks(cell: NotebookNode) -> bool:
    return "predict(" in cell.source


def test_questions_are_found() -> None:
    """The tests below would pass if there were none."""
    found = {path.stem: sum(map(asks, code_cells(path))) for path in NOTEBOOKS}
    assert sum(found.values()) >= 20
    assert {name for name, number in found.items() if not number} == {"13-capstone"}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_stored_question_shows_no_answer(notebook: Path) -> None:
    for cell in filter(asks, code_cells(notebook)):
        assert cell.source.count("guess = ...\n") == 1
        (output,) = cell.outputs
        assert output.data["text/plain"] == Like("○ Your … first: …`...`")
        assert set(output.data) == {"text/plain", "text/html"}


def run_with_a_guess(notebook: Path) -> None:
    """Run a notebook's cells up to its last question, each question with and without a guess."""
    cells = code_cells(notebook)
    last = max((number for number, cell in enumerate(cells) if asks(cell)), default=-1)
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells[: last + 1]:
        exec(compile(cell.source, cell.id, "exec"), names)
        if asks(cell):
            guess: Any = "b" if "choices=" in cell.source else 3
            tree = ast.parse(cell.source.replace("guess = ...\n", f"guess = {guess!r}\n"))
            assert isinstance(tree.body[-1], ast.Expr)
            exec(compile(ast.Module(tree.body[:-1], []), cell.id, "exec"), names)
            shown = eval(compile(ast.Expression(tree.body[-1].value), cell.id, "eval"), names)
            assert isinstance(shown, Prediction)
            first, second, *rest = repr(shown).splitlines()
            assert first == f"Your guess: {guess}"
            assert second == Like("What came out:")
            assert rest and shown.words in repr(shown)
            assert "nothing" not in second
            assert "Your guess: " in html(shown)


# A cell may leave a file to Python to close, as notebooks do.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "notebook",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.stem in SLOW else [], id=path.stem)
        for path in NOTEBOOKS
    ],
)
def test_a_question_answers_a_guess(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(notebook.parent)
    run_with_a_guess(notebook)
