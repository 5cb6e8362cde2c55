"""Exercises that check themselves, one file a notebook: `.check(…)`, `.hint()`, `.solution()`."""

from searchlogs.exercises.click_through_rate import attribute_a_click, bounded_rate, mean_rate
from searchlogs.exercises.data_model import key_by_user, own_event, reading_a_timeline, story
from searchlogs.exercises.killed_and_resumed import after_a_kill, go_on, publish_queries
from searchlogs.exercises.scale import join_halves, session_starts, skewed_work
from searchlogs.exercises.session_windows import late_events, smallest_gap, sort_and_split
from searchlogs.exercises.simulated_events import (
    choose_a_gap,
    given_log,
    predict_sessions,
    steps_per_user,
)
from searchlogs.exercises.start_here import hello
from searchlogs.exercises.time import choose_a_wait, late_by_rule, slow_phones, watermarks
from searchlogs.exercises.your_own_logs import clustered_error, foreign_log, worth_mending

__all__ = [
    "after_a_kill",
    "attribute_a_click",
    "bounded_rate",
    "choose_a_gap",
    "choose_a_wait",
    "clustered_error",
    "foreign_log",
    "given_log",
    "go_on",
    "hello",
    "join_halves",
    "key_by_user",
    "late_by_rule",
    "late_events",
    "mean_rate",
    "own_event",
    "predict_sessions",
    "publish_queries",
    "reading_a_timeline",
    "session_starts",
    "skewed_work",
    "slow_phones",
    "smallest_gap",
    "sort_and_split",
    "steps_per_user",
    "story",
    "watermarks",
    "worth_mending",
]
