"""The exercises of notebook 01: write an event, read a timeline, give a key."""

from datetime import UTC, datetime, timedelta
from operator import eq
from typing import Any

from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.exercises._core import Case, Mistake, Question, Task
from searchlogs.simulate import simulate


def at(second: int) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def red_shoes() -> Search:
    # Half past ten in Berlin is half past nine in UTC.
    return Search(user=3, query="red shoes", time=datetime(2024, 1, 1, 9, 30, tzinfo=UTC))


def same_search(given: Any, expected: Search) -> bool:
    """Equal, where the user may be 3 or "3"; an id of the query does no harm."""
    parts = [(str(one.user), one.query, one.time) for one in (given, expected)]
    return isinstance(given, Search) and parts[0] == parts[1]


own_event = Question(
    name="own_event",
    title="write an event of your own",
    statement="""\
On 1 January 2024, user 3 searched for *red shoes*. Their phone, in Berlin, showed half past ten
in the morning; Berlin is one hour ahead of UTC in winter. Write down what happened, with its
time in UTC.""",
    starter="""\
from datetime import UTC, datetime

from searchlogs import exercises
from searchlogs.events import Search

mine = ...
exercises.own_event.check(mine)""",
    hints=(
        "Which of the four kinds is it? `visit[1]` above is one of the same kind.",
        "*One hour ahead* means that Berlin's clocks show more than UTC. "
        "When it is 10:30 there, is it 9:30 or 11:30 in UTC?",
        "A time is made from year, month, day, hour and minute: "
        "`datetime(2023, 12, 31, 23, 59, tzinfo=UTC)` is a minute before the year 2024.",
    ),
    solve=red_shoes,
    notice="Who, what, when, and nothing else. The time says whose clock it means. "
    "A time in another zone would have done as well: an event turns it into UTC.",
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
            "The kind is another one: somebody sent a query, so it is a Search.",
            lambda event: isinstance(event, AppOpen | Results | ClickResult),
        ),
        Mistake(
            {"user": 3, "query": "red shoes", "time": "2024-01-01 09:30:00"},
            "This only describes an event. Make one: `Search(user=…, query=…, time=…)`.",
            lambda event: isinstance(event, dict | tuple | list | str),
        ),
        Mistake(
            Search("user 3", "red shoes", datetime(2024, 1, 1, 9, 30, tzinfo=UTC)),
            'The user is `3`, or `"3"`: the name alone, since every other text is somebody else.',
            lambda event: str(event.user) != "3",
        ),
        Mistake(
            Search(3, "Red Shoes", datetime(2024, 1, 1, 9, 30, tzinfo=UTC)),
            "The query is not what the user typed, letter by letter: *red shoes*.",
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
"""Three users, for a timeline to read."""


def read_the_story() -> dict[str, object]:
    from searchlogs.exercises import story

    return {
        "searches": sum(isinstance(event, Search) for event in story),
        "searches clicked": 1,  # ada's; both of her clicks came after it
        "never searched": "eve",
    }


reading_a_timeline = Question(
    name="reading_a_timeline",
    title="read a timeline",
    statement="""\
Here are three users. Read three things from the picture: how many searches there are, how many
of them got at least one click, and which user never searched.""",
    starter="""\
from searchlogs import exercises

answer = {
    "searches": ...,
    "searches clicked": ...,
    "never searched": ...,
}
exercises.reading_a_timeline.check(answer)""",
    hints=(
        "A marker's shape says what kind of event it is. Which shape is a search?",
        "Clicks are triangles. Whose row are they in, and how many searches are in that row?",
        "The user without a search has a single marker, of the kind that opens the app. "
        "Give their name in quotes.",
    ),
    solve=read_the_story,
    notice="Two clicks, but only one search that was clicked: the difference between these two "
    "numbers comes back in notebook 04. And eve is a visitor too, if one without a search.",
    expects="two whole numbers and a name",
    mistakes=(
        Mistake(
            {"searches": 10, "searches clicked": 1, "never searched": "eve"},
            "`searches`: that is every marker. Only circles are searches.",
            lambda answer: answer["searches"] == len(story),
        ),
        Mistake(
            {"searches": 6, "searches clicked": 1, "never searched": "eve"},
            "`searches`: squares are results, which the engine showed. Only circles are searches.",
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
    return str(event.user), event


def key_as_it_is(event: Event) -> tuple[object, Event]:
    """A key must be a text, and this one is what the log holds, perhaps a number. Then 1 and "1"
    are two users, and Bytewax refuses the number. `str(…)` makes a text of anything."""
    return event.user, event


def key_alone(event: Event) -> str:
    """This is only the key. The step must hand on the event as well, or it is gone: return the
    two of them, with a comma in between."""
    return str(event.user)


def swapped(event: Event) -> tuple[Event, str]:
    """The right two, in the wrong order: the key comes first, then the event."""
    return event, str(event.user)


def by_query(event: Event) -> tuple[str, Event]:
    """The key is the query, so strangers who search for the same thing would meet, and a user's
    click would never meet their search. Key by the user."""
    return getattr(event, "query", ""), event


def by_kind(event: Event) -> tuple[str, Event]:
    """The key is the kind of event, so a click would never meet its search. Key by the user."""
    return type(event).__name__, event


def not_unpacked(event: Event) -> list[object]:
    """The right two, in a list. Bytewax wants a pair, a tuple: write a comma, and no brackets."""
    return [str(event.user), event]


key_by_user = Task(
    name="key_by_user",
    title="write `user_event` yourself",
    statement="""\
Above you saw the step that gives an event its key. Write it from memory: a function that takes
an event and returns a pair, the user as a text and the event itself. You can leave out the check
of the kind.""",
    starter="""\
from searchlogs import exercises

def my_user_event(event):
    ...

exercises.key_by_user.check(my_user_event)""",
    hints=(
        "An event knows its user: `event.user`. Is that always a text?",
        "`str(7)` is `'7'`, and `str('7')` is `'7'` too.",
        "A function that returns a pair has a comma behind `return`: `return 1, 2`.",
    ),
    solve=my_user_event,
    notice='1 and "1" have the same key now, and so they are one user. From here on, events of '
    "different users never meet.",
    cases=(
        Case("a user with a number", (Search(1, "dogs", at(5)),)),
        Case("the same user, as a text", (Search("1", "dog beds", at(24)),)),
        Case("another kind of event", (ClickResult(2, "fluffy", at(7)),)),
        Case("a user with a name", (AppOpen("anna", at(9)),)),
        *(Case("a simulated event", (event,)) for event in simulate(5, 2, seed=1)),
    ),
    mistakes=(key_as_it_is, key_alone, swapped, by_query, by_kind, not_unpacked),
    # Strictly: Bytewax takes no list for a pair.
    same=eq,
)
