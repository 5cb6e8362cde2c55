"""Which exercises are done: kept in a small file in the folder of the notebooks."""

import json
import os
from dataclasses import dataclass
from html import escape
from importlib import import_module
from pathlib import Path

FILE = Path(".searchlogs-progress.json")
"""The file, in the folder in which the kernel runs."""
NOTEBOOKS = {
    "start_here": "00",
    "data_model": "01",
    "simulated_events": "02",
    "keep_state": "03",
    "session_windows": "04",
    "click_through_rate": "05",
    "time": "06",
    "engines": "06",
    "your_own_logs": "07",
    "how_sure": "08",
    "killed_and_resumed": "09",
    "people_behind_the_log": "10",
    "what_costs": "11",
    "scale_out": "12",
    "capstone": "13",
}
"""The number of the notebook that each file of exercises belongs to."""
DATAFLOWS = {
    "count_by_kind": "03",
    "connect_late": "04",
    "same_twice": "06",
    "lost_to_the_stall": "06",
    "check_the_sum": "07",
    "survive_a_kill": "09",
    "hourly_beside": "03",
    "join_clicks": "05",
}
"""The same for exercises whose file holds those of several notebooks."""
_done: set[str] = set()
_problems: dict[str, str] = {}


@dataclass(frozen=True)
class Progress:
    """Which exercises of the course are done; Jupyter shows it as HTML, others as text."""

    notebooks: dict[str, list[str]]
    """Names of the exercises by the number of their notebook, in the course's order."""
    done: frozenset[str]
    """Names of the exercises whose last step was a right answer."""
    problems: tuple[str, ...] = ()
    """Sentences about the file, if it could not be read or written."""

    @property
    def line(self) -> str:
        """Return a line that a learner can read out."""
        every = [name for names in self.notebooks.values() for name in names]
        line = f"{len(self.done & set(every))} of {len(every)} done"
        for number, names in self.notebooks.items():
            for name in names:
                if name not in self.done:
                    return f"{line}; next: {name} in {number}"
        return line

    def _rows(self) -> list[tuple[str, str, str]]:
        """Return for each notebook its number, how many are done, and what comes next."""
        rows = []
        for number, names in self.notebooks.items():
            left = [name for name in names if name not in self.done]
            done = f"{len(names) - len(left)} of {len(names)} done"
            rows.append((number, done, f"next: {left[0]}" if left else ""))
        return rows

    def __repr__(self) -> str:
        rows = [f"    {number:4} {done}  {after}".rstrip() for number, done, after in self._rows()]
        return "\n".join([self.line, *rows, *self.problems])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        rows = "".join(
            "<tr>" + "".join(f'<td style="text-align: left">{escape(part)}</td>' for part in row)
            + "</tr>"
            for row in self._rows()
        )  # fmt: skip
        notes = "".join(f"<p>{escape(problem)}</p>" for problem in self.problems)
        html = f"<p><strong>{escape(self.line)}</strong></p><table>{rows}</table>{notes}"
        return {"text/plain": repr(self), "text/html": html}


def record(name: str) -> None:
    """Note that an exercise is done, in memory and in the file."""
    _done.add(name)
    _load()
    _save()


def progress() -> Progress:
    """Return what is done over the course, and what comes next."""
    # Here and not above: each exercise loads this module.
    from searchlogs.exercises import _BY_FILE

    _load()
    notebooks: dict[str, list[str]] = {number: [] for number in sorted({*NOTEBOOKS.values()})}
    for file, names in _BY_FILE.items():
        module = import_module(f"searchlogs.exercises.{file}")
        for name in names:
            if hasattr(getattr(module, name), "check"):  # else the data of an exercise
                notebooks[DATAFLOWS.get(name) or NOTEBOOKS[file]].append(name)
    return Progress(notebooks, frozenset(_done), tuple(_problems.values()))


def _load() -> None:
    """Add what the file holds; another notebook may have written it."""
    try:
        found = json.loads(FILE.read_text(encoding="utf-8"))["done"]
        _done.update(name for name in found if isinstance(name, str))
    except FileNotFoundError:
        pass
    except (OSError, ValueError, LookupError, TypeError) as error:
        _problems["read"] = (
            f"{FILE} could not be read ({type(error).__name__}), so the list starts over."
        )


def _save() -> None:
    """Write what is done; the file is replaced at once, so that it is never half written."""
    new = FILE.with_name(f"{FILE.name}.{os.getpid()}")
    try:
        new.write_text(json.dumps({"done": sorted(_done)}, indent=1) + "\n", encoding="utf-8")
        new.replace(FILE)
    except OSError:
        _problems["write"] = (
            f"{FILE} cannot be written here, so what is done is kept until the kernel restarts."
        )
    else:
        _problems.pop("write", None)
