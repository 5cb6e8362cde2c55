"""The exercises of notebook 01: write an event, read a timeline, give a key."""

from datetime import UTC, datetime
from operator import eq
from typing import Any

from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.exercises._core import Case, Mistake, Question, Task, at
from searchlogs.simulate import simulate


def red_shoes() -> Search:
    """Return what user 3 did, at half past nine UTC."""
    # Half past ten in Berlin is half past nine in UTC.
    return Search(user=3, query="red shoes", time=datetime(2024, 1, 1, 9, 30, tzinfo=UTC))


def same_search(given: Any, expected: Search) -> bool:
    """Return whether two searches are equal, whether the user is 3 or "3", with or without id."""
    parts = [(str(one.user), one.query, one.time) for one in (given, expected)]
    return isinstance(given, Search) and parts[0] == parts[1]


own_event = Question(
    name="own_event",
    hints=(
        "Which of the four kinds is it? `visit[1]` above is of the same kind.",
        "*One hour ahead* means that Berlin's clocks show more than UTC. "
        "When it is 10:30 there, is it 9:30 or 11:30 in UTC?",
        "Build a time from year, month, day, hour and minute: "
        "`datetime(2023, 12, 31, 23, 59, tzinfo=UTC)` is a minute before the year 2024.",
    ),
    solve=red_shoes,
    notice="Who, what, when, and nothing else. The time says which time zone it is in. "
    "A time in another zone would also be right: an event converts it to UTC.",
    expects="a Search of user 3 with its query, at the right moment",
    same=same_search,
    mistakes=(
        Mistake(
            Search(3, "red shoes", datetime(2024, 1, 1, 10, 30, tzinfo=UTC)),
            "10:30 is what the phone in Berlin showed. In UTC it was another hour.",
            lambda event: event.time == datetime(2024, 1, 1, 10, 30, tzinfo=UTC),
        ),
        Mistake(
            Search(3, "red shoes", datetime(2024, 1, 1, 11, 30, tzinfo=UTC)),
            "The hour went the wrong way. Berlin is ahead, so UTC shows less than Berlin.",
            lambda event: event.time == datetime(2024, 1, 1, 11, 30, tzinfo=UTC),
        ),
        Mistake(
            ClickResult(3, "red shoes", datetime(2024, 1, 1, 9, 30, tzinfo=UTC)),
            "This is the wrong kind of event: somebody sent a query, so it is a Search.",
            lambda event: isinstance(event, AppOpen | Results | ClickResult),
        ),
        Mistake(
            {"user": 3, "query": "red shoes", "time": "2024-01-01 09:30:00"},
            "This only describes an event. Make one: `Search(user=…, query=…, time=…)`.",
            lambda event: isinstance(event, dict | tuple | list | str),
        ),
        Mistake(
            Search("user 3", "red shoes", datetime(2024, 1, 1, 9, 30, tzinfo=UTC)),
            'The user is `3`, or `"3"`, and nothing more: any other text is a different user.',
            lambda event: str(event.user) != "3",
        ),
        Mistake(
            Search(3, "Red Shoes", datetime(2024, 1, 1, 9, 30, tzinfo=UTC)),
            "The query must be exactly what the user typed, letter by letter: *red shoes*.",
            lambda event: event.query != "red shoes",
        ),
    ),
)


story: list[Event] = [
    AppOpen("ada", at(0)),
    Search("bob", "desk lamp", at(2)),
    Results("bob", ("bright", "small"), at(3)),
    Search("ada", "rain jacket", at(4)),
    Results("ada", ("dry", "light"), at(5)),
    AppOpen("eve", at(6)),
    ClickResult("ada", "light", at(8)),
    ClickResult("ada", "dry", at(11)),
    Search("bob", "led desk lamp", at(12)),
    Results("bob", ("bright",), at(13)),
]
"""Events of three users, for a timeline."""


def read_the_story() -> dict[str, object]:
    """Return what the timeline shows."""
    from searchlogs.exercises import story

    return {
        "searches": sum(isinstance(event, Search) for event in story),
        "searches clicked": 1,  # ada's; both of her clicks came after it
        "never searched": "eve",
    }


reading_a_timeline = Question(
    name="reading_a_timeline",
    hints=(
        "A marker's shape shows the kind of event. Which shape is a search?",
        "Clicks are triangles. Whose row are they in, and how many searches are in that row?",
        "The user without a search has a single marker, which stands for opening the app. "
        "Give their name in quotes.",
    ),
    solve=read_the_story,
    notice="Two clicks, but only one search that was clicked: notebook 04 comes back to the "
    "difference between these two numbers. And eve is a visitor too, though she never searched.",
    expects="two whole numbers and a name",
    mistakes=(
        Mistake(
            {"searches": 10, "searches clicked": 1, "never searched": "eve"},
            "`searches`: you counted every marker. Only circles are searches.",
            lambda answer: answer["searches"] == len(story),
        ),
        Mistake(
            {"searches": 6, "searches clicked": 1, "never searched": "eve"},
            "`searches`: you counted the squares too. They are results, which the engine showed.",
            lambda answer: answer["searches"] == 6,
        ),
        Mistake(
            {"searches": 2, "searches clicked": 1, "never searched": "eve"},
            "`searches`: that is the number of users who searched. One of them did so twice.",
            lambda answer: answer["searches"] == 2,
        ),
        Mistake(
            {"searches": 3, "searches clicked": 2, "never searched": "eve"},
            "`searches clicked`: that is the number of clicks. Both came after the same search.",
            lambda answer: answer["searches clicked"] == 2,
        ),
        Mistake(
            {"searches": 3, "searches clicked": 1, "never searched": "bob"},
            "`never searched`: bob searched twice and never clicked. Who has no circle at all?",
            lambda answer: answer["never searched"] == "bob",
        ),
    ),
)


def my_user_event(event: Event) -> tuple[str, Event]:
    """Return an event's key and the event."""
    return str(event.user), event


def _key_as_it_is(event: Event) -> tuple[object, Event]:
    return event.user, event


def _key_alone(event: Event) -> str:
    return str(event.user)


def _swapped(event: Event) -> tuple[Event, str]:
    return event, str(event.user)


def _by_query(event: Event) -> tuple[str, Event]:
    return getattr(event, "query", ""), event


def _by_kind(event: Event) -> tuple[str, Event]:
    return type(event).__name__, event


def _not_unpacked(event: Event) -> list[object]:
    return [str(event.user), event]


key_by_user = Task(
    name="key_by_user",
    hints=(
        "An event knows its user: `event.user`. Is that always a text?",
        "`str(7)` is `'7'`, and `str('7')` is `'7'` too.",
        "A function that returns a pair has a comma after `return`: `return 1, 2`.",
    ),
    solve=my_user_event,
    notice='1 and "1" have the same key now, so they are one user. From here on, events of '
    "different users never meet.",
    cases=lambda: (
        Case("a user with a number", (Search(1, "dogs", at(5)),)),
        Case("the same user, as a text", (Search("1", "dog beds", at(24)),)),
        Case("another kind of event", (ClickResult(2, "fluffy", at(7)),)),
        Case("a user with a name", (AppOpen("anna", at(9)),)),
        *(Case("a simulated event", (event,)) for event in simulate(5, 2, seed=1)),
    ),
    mistakes={
        _key_as_it_is: (
            "A key must be a text, but this one is whatever the log holds, which may be a number. "
            'Then 1 and "1" are two users, and Bytewax refuses the number. `str(…)` turns anything '
            "into text."
        ),
        _key_alone: (
            "This is only the key. The step must pass on the event as well, or it is lost: return "
            "both, with a comma between them."
        ),
        _swapped: "The right two in the wrong order: the key comes first, then the event.",
        _by_query: (
            "The key is the query, so strangers who search for the same thing would share a "
            "session, and a user's click would never meet their search. Use the user as the key."
        ),
        _by_kind: (
            "The key is the kind of event, so a click would never meet its search. Use the user as "
            "the key."
        ),
        _not_unpacked: (
            "These are the right two, but in a list. Bytewax expects a tuple: write a comma and "
            "no brackets."
        ),
    },
    # Not `alike`: Bytewax does not accept a list as a pair.
    same=eq,
)
