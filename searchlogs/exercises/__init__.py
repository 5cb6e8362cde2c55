"""Exercises that check themselves: `.check(answer)`, `.hint()`, `.solution()`.

There is one file per notebook; `exercises.hello` loads the file that holds `hello`, and no other.
`exercises.progress()` shows which exercises are done, and which is next. `predict` is no exercise:
it asks for a guess, and then shows the result beside it.
"""

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from searchlogs.exercises._progress import Progress

_BY_FILE = {
    "start_here": ("hello",),
    "data_model": ("own_event", "reading_a_timeline", "story", "two_times", "key_by_user"),
    "simulated_events": (
        "predict_sessions",
        "pauses_per_user",
        "make_a_log",
        "what_changed",
        "given_log",
        "choose_a_gap",
    ),
    "keep_state": ("pause_before", "after_a_resume", "app_visits", "count_by_hour"),
    "session_windows": (
        "smallest_gap",
        "when_it_closes",
        "late_events",
        "friday_to_monday",
        "sort_and_split",
    ),
    "click_through_rate": (
        "three_meanings",
        "attribute_a_click",
        "bounded_rate",
        "mean_rate",
        "two_averages",
    ),
    "time": ("watermarks", "late_by_rule", "slow_phones", "choose_a_wait"),
    "engines": ("late_when_shared", "put_back"),
    "your_own_logs": ("foreign_log",),
    "how_sure": ("clustered_error", "worth_mending", "read_an_interval", "why_it_fell"),
    "killed_and_resumed": ("after_a_kill", "three_parts", "go_on"),
    "people_behind_the_log": ("find_the_person", "publish_queries"),
    "dataflows": (
        "count_by_kind",
        "connect_late",
        "same_twice",
        "lost_to_the_stall",
    ),
    "reliable_flows": ("check_the_sum", "survive_a_kill"),
    "further_flows": ("hourly_beside", "join_clicks"),
    "what_costs": ("wake_ups",),
    "scale_out": ("session_starts", "join_halves", "skewed_work", "how_far"),
    "capstone": ("whose_day", "working_day", "long_enough", "both_sums", "on_time"),
}
_FILES = {name: file for file, names in _BY_FILE.items() for name in names}

__all__ = sorted(_FILES)


def progress() -> "Progress":
    """Return which exercises are done over the whole course, and which is next."""
    return import_module(f"{__name__}._progress").progress()  # type: ignore[no-any-return]


def __dir__() -> list[str]:
    """List the exercises, the data that they are about, `predict` and `progress`."""
    return [*__all__, "predict", "progress"]


def __getattr__(name: str) -> Any:
    """Load an exercise, or the data of one, from the file of its notebook; or `predict`."""
    if name == "predict":
        return import_module(f"{__name__}._predict").predict
    if name not in _FILES:
        similar = ", ".join(get_close_matches(name, __all__)) or "none"
        raise AttributeError(f"no exercise is called {name!r}; similar names: {similar}")
    found = getattr(import_module(f"{__name__}.{_FILES[name]}"), name)
    # Data is a cached function in its file, so that importing the file makes none.
    return found() if callable(found) else found
