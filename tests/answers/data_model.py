"""Answers to the exercises of notebook 01."""

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from functools import partial
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from searchlogs.events import AppOpen, ClickResult, Results, Search
from searchlogs.exercises.data_model import count_twice, read_the_story, red_shoes

BERLIN = ZoneInfo("Europe/Berlin")
TIME = datetime(2024, 1, 1, 9, 30, tzinfo=UTC)


def with_f_string(event: Any) -> Any:
    return f"{event.user}", event


def with_format(event: Any) -> Any:
    return "{}".format(event.user), event  # noqa: UP032


def with_percent(event: Any) -> Any:
    return "%s" % event.user, event  # noqa: UP031


def if_it_is_no_text(event: Any) -> Any:
    if isinstance(event.user, str):
        return event.user, event
    return str(event.user), event


def by_match(event: Any) -> Any:
    match event:
        case AppOpen(user=user) | Search(user=user):
            pass
        case Results(user=user) | ClickResult(user=user):
            pass
    return str(user), event


def through_a_list(event: Any) -> Any:
    pair = [str(event.user)]
    pair.append(event)
    return tuple(pair)


def by_attrgetter(event: Any) -> Any:
    return str(attrgetter("user")(event)), event


def with_numpy(event: Any) -> Any:
    return np.str_(event.user), event


def with_pandas(event: Any) -> Any:
    return pd.Series([event.user]).astype(str).iloc[0], event


def with_default(event: Any, kind: type = str) -> Any:
    return kind(event.user), event


class Keyed:
    def __init__(self, field: str) -> None:
        self.field = field

    def __call__(self, event: Any) -> Any:
        return str(getattr(event, self.field)), event


def as_it_is(event: Any) -> Any:
    return event.user, event


def key_alone(event: Any) -> Any:
    return str(event.user)


def user_alone(event: Any) -> Any:
    return event.user


def swapped(event: Any) -> Any:
    return event, str(event.user)


def in_a_list(event: Any) -> Any:
    return [str(event.user), event]


def by_query(event: Any) -> Any:
    return event.query, event


def by_query_if_there_is_one(event: Any) -> Any:
    return str(getattr(event, "query", None)), event


def by_kind(event: Any) -> Any:
    return event.__class__.__name__, event


def lower_case(event: Any) -> Any:
    return str(event.user).lower(), event


def case_folded(event: Any) -> Any:
    return f"{event.user}".casefold(), event


def number(event: Any) -> Any:
    return int(event.user), event


def quoted(event: Any) -> Any:
    return "event.user", event


def as_code(event: Any) -> Any:
    return repr(event.user), event


def whole_event(event: Any) -> Any:
    return str(event), event


def with_a_word(event: Any) -> Any:
    return "user " + str(event.user), event


def one_key_for_all(event: Any) -> Any:
    return "ALL", event


def time_for_event(event: Any) -> Any:
    return str(event.user), event.time


def printed(event: Any) -> Any:
    print(str(event.user), event)


def misspelt(event: Any) -> Any:
    return str(event.usr), event


def a_generator(event: Any) -> Any:
    yield str(event.user), event


def counts(happened: Any, arrived: Any, same: Any) -> dict[str, Any]:
    """Return an answer to `two_times`."""
    return {"by time happened": happened, "by time arrived": arrived, "stays the same": same}


RIGHT: dict[str, list[Any]] = {
    "own_event": [
        Search(3, "red shoes", TIME),
        Search(user="3", query="red shoes", time=TIME),
        Search(3, "red shoes", datetime(2024, 1, 1, 10, 30, tzinfo=BERLIN)),
        Search(3, "red shoes", datetime(2024, 1, 1, 10, 30, tzinfo=timezone(timedelta(hours=1)))),
        Search(3, "red shoes", datetime.fromisoformat("2024-01-01T09:30:00Z")),
        Search(3, "red shoes", pd.Timestamp("2024-01-01 09:30", tz="UTC").to_pydatetime()),
        Search(3, "red " + "shoes", datetime.fromtimestamp(1_704_101_400, UTC)),
        Search(3, "red shoes", TIME, query_id="q1"),
        red_shoes(),
    ],
    "reading_a_timeline": [
        {"searches": 3, "searches clicked": 1, "never searched": "eve"},
        {"searches": 3, "searches clicked": 1, "never searched": "user eve"},
        {"searches": 3, "searches clicked": 1, "never searched": "Eve"},
        {"searches": 3, "searches clicked": 1, "never searched": " eve "},
        {"never searched": "eve", "searches clicked": 1, "searches": 3},
        {"searches": 3.0, "searches clicked": True, "never searched": "eve"},
        {"searches": np.int64(3), "searches clicked": np.int64(1), "never searched": "eve"},
        dict(read_the_story()),
    ],
    "key_by_user": [
        with_f_string,
        with_format,
        with_percent,
        if_it_is_no_text,
        by_match,
        through_a_list,
        by_attrgetter,
        with_numpy,
        with_pandas,
        with_default,
        Keyed("user"),
        partial(with_default, kind=str),
        lambda event: (str(event.user), event),
    ],
    "two_times": [
        counts(3, 1, "happened"),
        counts(3, 1, "Happened"),
        counts(3, 1, " happened "),
        counts(3, 1, "by time happened"),
        counts(3.0, 1.0, "happened"),
        counts(np.int64(3), np.int64(1), "happened"),
        counts(Fraction(3), True, "happened"),
        count_twice(),
    ],
}

WRONG: dict[str, list[tuple[Any, str]]] = {
    "own_event": [
        (Search(3, "red shoes", datetime(2024, 1, 1, 10, 30, tzinfo=UTC)), "phone in Berlin"),
        (Search(3, "red shoes", datetime(2024, 1, 1, 11, 30, tzinfo=UTC)), "wrong way"),
        (Search(3, "red shoes", datetime(2024, 1, 1, 21, 30, tzinfo=UTC)), "in the *morning*"),
        (Search(3, "red shoes", datetime(2024, 1, 1, 22, 30, tzinfo=UTC)), "in the *morning*"),
        (Search(3, "red shoes", datetime(2023, 1, 1, 9, 30, tzinfo=UTC)), "The date is another"),
        (Search("user 3", "red shoes", TIME), "nothing more"),
        (Search(7, "red shoes", TIME), "another user"),
        (Search(3, "Red shoes", TIME), "letter by letter"),
        (Search(3, "*red shoes*", TIME), "letter by letter"),
        (ClickResult(3, "red shoes", TIME), "wrong kind of event"),
        (Results(3, ("red shoes",), TIME), "wrong kind of event"),
        ((Search(3, "red shoes", TIME),), "The event is right…tuple"),
        ([red_shoes()], "The event is right…tuple"),
        ([Search(7, "red shoes", TIME)], "One event is expected"),
        ({"user": 3, "query": "red shoes", "time": TIME}, "only describes an event"),
        ((3, "red shoes", TIME), "only describes an event"),
        ("Search(3, 'red shoes', 09:30)", "only describes an event"),
        ([], "only describes an event"),
        (Search, "This is the class"),
        (red_shoes, ""),
        (TIME, ""),
        (Search(3, "red shoes", datetime(2024, 1, 1, 9, tzinfo=UTC)), ""),
    ],
    "reading_a_timeline": [
        ({"searches": 10, "searches clicked": 1, "never searched": "eve"}, "every marker"),
        ({"searches": 6, "searches clicked": 1, "never searched": "eve"}, "the squares too"),
        ({"searches": 2, "searches clicked": 1, "never searched": "eve"}, "twice"),
        ({"searches": 3, "searches clicked": 2, "never searched": "eve"}, "the same search"),
        ({"searches": 3, "searches clicked": 1, "never searched": "bob"}, "bob searched twice"),
        ({"searches": 3, "searches clicked": 1, "never searched": "user bob"}, "bob searched"),
        ({"searches": 3, "searches clicked": 1, "never searched": "ada"}, "ada's row"),
        ({"searches": "3", "searches clicked": 1, "never searched": "eve"}, "no quotes"),
        ({"searches": 3, "clicked": 1, "never searched": "eve"}, "other keys"),
        ({"searches": 5, "searches clicked": 1, "never searched": "eve"}, ""),
        ({"searches": 3, "searches clicked": 3, "never searched": "eve"}, ""),
        ({"searches": 3, "searches clicked": 1, "never searched": "evelyn"}, ""),
        ({"searches": 3, "searches clicked": 1, "never searched": None}, ""),
        ((3, 1, "eve"), "tuple"),
    ],
    "key_by_user": [
        (as_it_is, "whatever the log holds"),
        (key_alone, "only the key"),
        (user_alone, "only the user"),
        (swapped, "wrong order"),
        (in_a_list, "in a list"),
        (by_query, "The key is the query"),
        (by_query_if_there_is_one, "?The key is the query"),
        (by_kind, "the kind of event"),
        (lower_case, "lower case"),
        (case_folded, "lower case"),
        (number, "Nor is every user a number"),
        (quoted, "Without the quotes"),
        (as_code, "`repr`"),
        (whole_event, "whole event as a text"),
        (with_a_word, "nothing more"),
        (one_key_for_all, ""),
        (time_for_event, ""),
        (printed, "`return` missing"),
        (misspelt, "raised an error"),
        (a_generator, ""),
    ],
    "two_times": [
        (counts(1, 3, "happened"), "the wrong way round"),
        (counts(4, 1, "happened"), "10:05"),
        (counts(5, 1, "happened"), "all searches"),
        (counts(3, 4, "happened"), "from ten to eleven"),
        (counts(3, 3, "happened"), "arrived after ten"),
        (counts(3, 1, "arrived"), "arrive at once"),
        (counts(3, 1, "Arrival"), "arrive at once"),
        (counts(4, 4, "arrived"), "10:05"),
        (counts(2, 1, "happened"), ""),
        (counts(3, 1, "both"), ""),
        (counts("3", "1", "happened"), ""),
        (3, "an int"),
    ],
}
