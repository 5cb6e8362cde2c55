"""The exercise of notebook 00, which teaches how exercises work."""

from datetime import UTC, datetime

from searchlogs.dataflow import find_sessions
from searchlogs.events import Search
from searchlogs.exercises._core import Mistake, Question
from searchlogs.sessions import Session
from searchlogs.simulate import client_events


def how_many_sessions() -> int:
    """Return the number of sessions once user 2 has come back."""
    back = Search(user=2, query="cats", time=datetime(2024, 1, 1, 0, 0, 30, tzinfo=UTC))
    sessions, _ = find_sessions([*client_events(), back])
    return len(sessions)


hello = Question(
    name="hello",
    hints=(
        "How long is user 2 silent between second 8 and second 30? Is that longer than the gap?",
        "A silence longer than the gap ends a session, and what comes after it begins a new one. "
        "User 1 does nothing new.",
    ),
    solve=how_many_sessions,
    notice="User 2 now has two sessions, since 22 seconds of silence are more than the gap. "
    "User 1 still has one: what others do never changes a user's sessions.",
    expects="a whole number of sessions",
    mistakes=(
        Mistake(
            2,
            "That is one session per user, as before. But user 2 is silent from second 8 to "
            "second 30, longer than the gap of 10 seconds. A user can have several sessions.",
        ),
        Mistake(
            1,
            "Users are not mixed: each has sessions of their own, even in the same seconds. "
            "So there are two sessions before anybody comes back.",
        ),
        Mistake(
            4,
            "User 1 gets no second session: they did not come back. "
            "Only a user's own events start and end that user's sessions.",
        ),
        Mistake(
            8,
            "That is the number of events. A session holds many events: all that a user did "
            "without a pause longer than the gap.",
            lambda answer: answer in (7, 8),
        ),
        Mistake(
            [Session("1", 0, tuple(client_events()[:3]))],
            "These are sessions, and their number is expected. `len(…)` counts the items of a "
            "list.",
            lambda answer: any(isinstance(item, Session | list) for item in answer),
        ),
    ),
)
