"""The exercises of notebook 01: write an event, read a timeline, give a key."""

from datetime import UTC, datetime
from operator import eq
from typing import Any

from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.exercises._core import Case, Mistake, Question, Task, at
from searchlogs.exercises._parts import says
from searchlogs.exercises._values import alike
from searchlogs.simulate import simulate


def red_shoes() -> Search:
    """Return what user 3 did, at half past nine UTC."""
    # Half past ten in Berlin is half past nine in UTC.
    return Search(user=3, query="red shoes", time=datetime(2024, 1, 1, 9, 30, tzinfo=UTC))


def same_search(given: Any, expected: Search) -> bool:
    """Return whether two searches are equal, whether the user is 3 or "3", with or without id."""
    parts = [(str(one.user), one.query, one.time) for one in (given, expected)]
    return isinstance(given, Search) and parts[0] == parts[1]


def _holds_it(given: Any) -> bool:
    """Return whether a list or tuple holds the right search, and nothing else."""
    return (
        isinstance(given, list | tuple) and len(given) == 1 and same_search(given[0], red_shoes())
    )


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
    because="Berlin is an hour ahead of UTC, so half past ten there is half past nine in UTC.",
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
            (Search(3, "red shoes", datetime(2024, 1, 1, 9, 30, tzinfo=UTC)),),
            "The event is right, but it is inside a list or a tuple. A comma at the end of the "
            "line makes a tuple: remove the comma, or the brackets.",
            _holds_it,
        ),
        Mistake(
            [Search(3, "red shoes", datetime(2024, 1, 1, 10, 30, tzinfo=UTC))],
            "This is a list or a tuple with events in it. One event is expected: remove the "
            "brackets, or the comma at the end of the line.",
            lambda event: len(event) > 0 and all(isinstance(part, Event) for part in event),
        ),
        Mistake(
            {"user": 3, "query": "red shoes", "time": "2024-01-01 09:30:00"},
            "This only describes an event. Make one: `Search(user=…, query=…, time=…)`.",
            lambda event: isinstance(event, dict | tuple | list | str),
        ),
        Mistake(
            Search,
            "This is the class itself. Call it with the user, the query and the time: "
            "`Search(user=…, query=…, time=…)`.",
            lambda event: isinstance(event, type),
        ),
        Mistake(
            Search(3, "red shoes", datetime(2024, 1, 1, 21, 30, tzinfo=UTC)),
            "The phone showed half past ten in the *morning*. Python counts the hours from 0 "
            "to 23.",
            lambda event: event.time.astimezone(UTC).hour in (21, 22),
        ),
        Mistake(
            Search(3, "red shoes", datetime(2024, 1, 2, 9, 30, tzinfo=UTC)),
            "The date is another one. `datetime` takes the year, then the month, then the day.",
            lambda event: event.time.astimezone(UTC).date() != red_shoes().time.date(),
        ),
        Mistake(
            Search("user 3", "red shoes", datetime(2024, 1, 1, 9, 30, tzinfo=UTC)),
            'The user is `3`, or `"3"`, and nothing more: any other text is a different user.',
            lambda event: isinstance(event.user, str) and event.user != "3",
        ),
        Mistake(
            Search(7, "red shoes", datetime(2024, 1, 1, 9, 30, tzinfo=UTC)),
            "This is the event of another user. Who searched for red shoes?",
            lambda event: str(event.user) != "3",
        ),
        Mistake(
            Search(3, "Red Shoes", datetime(2024, 1, 1, 9, 30, tzinfo=UTC)),
            "The query must be exactly what the user typed, letter by letter: *red shoes*.",
            lambda event: event.query != "red shoes",
        ),
    ),
)


story: tuple[Event, ...] = (
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
)
"""Events of three users, for a timeline."""


def read_the_story() -> dict[str, object]:
    """Return what the timeline shows."""
    from searchlogs.exercises import story

    return {
        "searches": sum(isinstance(event, Search) for event in story),
        "searches clicked": 1,  # ada's; both of her clicks came after it
        "never searched": "eve",
    }


def same_reading(given: Any, expected: dict[str, object]) -> bool:
    """Return whether two readings are equal; a user may be named as in the picture: "user eve"."""
    never = given["never searched"]
    if isinstance(never, str):
        never = never.strip().casefold().removeprefix("user").strip()
    return alike({**given, "never searched": never}, expected)


reading_a_timeline = Question(
    name="reading_a_timeline",
    hints=(
        "A marker's shape shows the kind of event. Which shape is a search?",
        "Clicks are triangles. Whose row are they in, and how many searches are in that row?",
        "Each row begins with its user's name. Look for the row without a circle. The name is "
        "text, so put it in quotes.",
    ),
    solve=read_the_story,
    because="There are three circles: one in ada's row and two in bob's. All clicks are ada's, "
    "and came after her one search. eve's row has no circle.",
    notice="Two clicks, but only one search that was clicked: notebook 05 comes back to the "
    "difference between these two numbers. And eve is a visitor too, though she never searched.",
    expects="two whole numbers and a name",
    mistakes=(
        Mistake(
            {"searches": 10, "searches clicked": 1, "never searched": "eve"},
            "`searches`: you counted every marker. Only circles are searches.",
            says("searches", len(story)),
        ),
        Mistake(
            {"searches": 6, "searches clicked": 1, "never searched": "eve"},
            "`searches`: you counted the squares too. They are results, which the engine showed.",
            says("searches", 6),
        ),
        Mistake(
            {"searches": 2, "searches clicked": 1, "never searched": "eve"},
            "`searches`: that is the number of users who searched. One of them did so twice.",
            says("searches", 2),
        ),
        Mistake(
            {"searches": 3, "searches clicked": 2, "never searched": "eve"},
            "`searches clicked`: that is the number of clicks. Both came after the same search.",
            says("searches clicked", 2),
        ),
        Mistake(
            {"searches": 3, "searches clicked": 1, "never searched": "bob"},
            "`never searched`: bob searched twice and never clicked. Who has no circle at all?",
            lambda answer: "bob" in answer["never searched"],
        ),
        Mistake(
            {"searches": 3, "searches clicked": 1, "never searched": "ada"},
            "`never searched`: ada's row has a circle, between her opening the app and her "
            "results. Who has no circle at all?",
            lambda answer: "ada" in answer["never searched"],
        ),
        Mistake(
            {"searches": "3", "searches clicked": "1", "never searched": "eve"},
            'Numbers need no quotes: `2` is a number, and `"2"` is text.',
            lambda answer: (
                isinstance(answer["searches"], str) or isinstance(answer["searches clicked"], str)
            ),
        ),
        Mistake(
            {"searches": 3, "never searched": "eve"},
            "The dictionary has other keys than in the starter. Leave the three names on the left "
            "as they were, and write your values on the right.",
            lambda answer: answer.keys() != read_the_story().keys(),
        ),
    ),
    same=same_reading,
)


def count_twice() -> dict[str, object]:
    """Return the searches from nine to ten by either time, and which count doesn't change."""
    # Minutes after nine: when each search happened, and when it arrived.
    searches = [(10, 10), (40, 72), (50, 72), (65, 72), (80, 80)]
    return {
        "by time happened": sum(happened < 60 for happened, _ in searches),
        "by time arrived": sum(arrived < 60 for _, arrived in searches),
        "stays the same": "happened",  # a tunnel delays the report, and not the search
    }


def same_counts(given: Any, expected: dict[str, object]) -> bool:
    """Return whether two answers are equal, however the word is written."""
    word = given["stays the same"]
    if isinstance(word, str):
        word = word.strip().casefold().removeprefix("by time").strip()
    return alike({**given, "stays the same": word}, expected)


two_times = Question(
    name="two_times",
    hints=(
        "Go through one column of the table at a time. Which of its times are from 09:00 up to, "
        "but not including, 10:00?",
        "Suppose that there were no tunnel. Which of the two columns would look different?",
    ),
    solve=count_twice,
    because="The searches of 09:10, 09:40 and 09:50 happened before ten, but only the first of "
    "them arrived before ten. An antenna changes when a search is reported, not when it "
    "is made.",
    notice="Counted by arrival, the tunnel looks like an hour in which few people searched, and "
    "then an hour in which many did. What people do is counted by the time at which it happened.",
    expects="two whole numbers, and one of the two words",
    same=same_counts,
    mistakes=(
        Mistake(
            {"by time happened": 1, "by time arrived": 3, "stays the same": "happened"},
            "The two numbers are the wrong way round. Count the first column for the time at which "
            "the searches happened, and the second for the time at which they arrived.",
            lambda answer: (answer["by time happened"], answer["by time arrived"]) == (1, 3),
        ),
        Mistake(
            {"by time happened": 4, "by time arrived": 1, "stays the same": "happened"},
            "`by time happened`: the search of 10:05 belongs to the hour from ten to eleven.",
            says("by time happened", 4),
        ),
        Mistake(
            {"by time happened": 5, "by time arrived": 1, "stays the same": "happened"},
            "`by time happened`: those are all searches. Which happened before 10:00?",
            says("by time happened", 5),
        ),
        Mistake(
            {"by time happened": 3, "by time arrived": 4, "stays the same": "happened"},
            "`by time arrived`: that is the hour from ten to eleven, in which the tunnel's "
            "searches arrived. How many arrived before 10:00?",
            says("by time arrived", 4),
        ),
        Mistake(
            {"by time happened": 3, "by time arrived": 3, "stays the same": "happened"},
            "`by time arrived`: that is the count by the time at which the searches happened. Two "
            "of them arrived after ten.",
            says("by time arrived", 3),
        ),
        Mistake(
            {"by time happened": 3, "by time arrived": 1, "stays the same": "arrived"},
            "`stays the same`: with a good connection the searches arrive at once, so the times of "
            "arrival change. When did people search?",
            lambda answer: "arriv" in answer["stays the same"].casefold(),
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


def _by_query(event: Any) -> tuple[str, Event]:
    return event.query, event


def _by_kind(event: Event) -> tuple[str, Event]:
    return type(event).__name__, event


def _not_unpacked(event: Event) -> list[object]:
    return [str(event.user), event]


def _lower_case(event: Event) -> tuple[str, Event]:
    return str(event.user).lower(), event


def _number(event: Event) -> tuple[int, Event]:
    return int(event.user), event


def _user_alone(event: Event) -> object:
    return event.user


def _quoted(event: Event) -> tuple[str, Event]:
    return "event.user", event


def _whole_event(event: Event) -> tuple[str, Event]:
    return str(event), event


def _as_code(event: Event) -> tuple[str, Event]:
    return repr(event.user), event


def _with_a_word(event: Event) -> tuple[str, Event]:
    return f"user {event.user}", event


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
        Case("another user, whose name has a capital", (AppOpen("Anna", at(10)),)),
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
        _lower_case: (
            "Upper case became lower case, so that anna and Anna have one key, and two people "
            "share a session. Change nothing but the type: `str(…)` alone."
        ),
        _number: (
            "A key must be a text, and this one is a number. Nor is every user a number: "
            '`int("anna")` fails. `str(…)` turns both kinds into text.'
        ),
        _user_alone: (
            "This is only the user. Return two things: the user as a text, `str(…)`, then a comma "
            "and the event."
        ),
        _quoted: (
            "The key is the text `event.user` itself, the same for every event, so that all users "
            "share a session. Without the quotes it is the event's user."
        ),
        _whole_event: (
            "The key is the whole event as a text, so no two events would meet. Use the user "
            "alone as the key."
        ),
        _as_code: (
            '`repr` puts text into quotes, so that 7 and "7" get two different keys. `str` '
            "doesn't."
        ),
        _with_a_word: (
            "The key should be the user and nothing more. The same user's events in another "
            "stream, with the plain user as their key, would never meet these."
        ),
    },
    # Not `alike`: Bytewax does not accept a list as a pair.
    same=eq,
)
