"""Optional exercises that ask for a dataflow: count by the hour, join clicks to searches."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.operators.windowing import TumblingWindower, count_window
from bytewax.outputs import Sink
from bytewax.testing import TestingSource

from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.exercises import _wrong_further as wrong
from searchlogs.exercises._core import at
from searchlogs.exercises._flow_cases import FlowCase
from searchlogs.exercises._flows import FlowTask
from searchlogs.exercises.dataflows import event_groups, hour
from searchlogs.sessions import replay_clock, user_event
from searchlogs.simulate import client_events, simulate

MINUTE = timedelta(minutes=1)


def searches_by_hour(source: Source[Event], sink: Sink[Any], wait: timedelta) -> Dataflow:
    """Assemble a flow that counts each user's searches by the hour, and keeps the late ones."""
    flow = Dataflow("searches_by_hour")
    events = op.input("inp", flow, source)
    searches = op.filter("searches", events, lambda event: isinstance(event, Search))
    length, begin = timedelta(hours=1), datetime(2024, 1, 1, tzinfo=UTC)
    hours = TumblingWindower(length=length, align_to=begin)
    clock = replay_clock(wait)
    window = count_window("count", searches, clock, hours, lambda search: str(search.user))

    def with_start(item: tuple[str, tuple[int, int]]) -> tuple[str, datetime, int]:
        user, (number, count) = item
        return user, begin + number * length, count

    op.output("out", op.map("with_start", window.down, with_start), sink)
    op.output("late_out", window.late, sink)
    return flow


def counts_and_late(rows: Iterable[Any]) -> list[Any]:
    """Return the events that a row holds, or the parts of a row that holds none.

    A row of fewer than three parts is neither a count nor a search, whatever it says.
    """
    found: list[Any] = []
    for row in rows:
        events, parts = event_groups([row]), flat_row(row)
        found.append(events[0] if events else parts if parts[2:] else "neither count nor search")
    return found


def flat_row(row: Any) -> tuple[Any, ...]:
    """Return the parts of a row, however they are nested, with the user as text.

    >>> flat_row((1, (1, "dogs", "rover")))
    ('1', 'dogs', 'rover')
    """
    user, *rest = _parts(row) or [None]
    if len(rest) == 3 and str(user) == str(rest[0]):  # The key stands before a whole row.
        del rest[0]
    return str(user), *rest


def _parts(row: Any) -> list[Any]:
    """Return the parts of a row in their order."""
    if isinstance(row, tuple | list):
        return [part for one in row for part in _parts(one)]
    return [row]


def searches(*arrivals: tuple[int | str, float]) -> tuple[Search, ...]:
    """Return searches from pairs of user and second."""
    return tuple(Search(user, "dogs", at(second)) for user, second in arrivals)


STALL = TestingSource.PAUSE(timedelta(milliseconds=60))
LATE = searches((1, 0), (1, 4000), (1, 3000), (1, 3950), (2, 3600), (2, 7300), (2, 5000))
BESIDE = (
    AppOpen(1, at(3400)),
    Search(1, "dogs", at(3500)),
    Results(1, ("rover",), at(3501)),
    ClickResult(1, "rover", at(3650)),
    Search(1, "cats", at(3580)),
    Search(2, "cats", at(3599)),
    ClickResult(2, "kathy", at(3599.5)),
    Search(1, "toys", at(3700)),
)


hourly_beside = FlowTask(
    name="hourly_beside",
    solve=searches_by_hour,
    hints=(
        "Four steps in a row: filter, window, map, output. Which window counts, and through which "
        "stream do late searches leave?",
        "`count_window` takes the clock, the windower, and a function that gives the key. It "
        "answers with `(user, (number, count))`.",
        "A window of fixed length has a number. Window 0 begins at `align_to`, and window 3 begins "
        "three lengths later.",
    ),
    notice="The same searches, two ways to cut them: an hour answers *when was it busy?*, a "
    "session *did this visit succeed?* Both windows need a clock, and both have a stream for what "
    "is late.",
    because="A search that is late has missed its hour: that count is already out. Kept in the "
    "sink, it can be added later. `window.meta` would have given each window's start as well.",
    read_rows=counts_and_late,
    cases=lambda: (
        FlowCase("searches of one user", searches((1, 0), (1, 1800), (1, 3599), (1, 3600),
                 (1, 7300)), settings=(MINUTE,)),
        FlowCase("searches among other events", BESIDE, settings=(MINUTE,)),
        FlowCase("three events at a time", BESIDE, batch=3, settings=(MINUTE,)),
        FlowCase("a late search", LATE, settings=(MINUTE,)),
        FlowCase("a user called like another", searches((1, 0), ("1", 1), (2, 3600)),
                 settings=(MINUTE,)),
        FlowCase("a long wait", LATE, settings=(60 * MINUTE,)),
        FlowCase("a machine that stalls",
                 (*searches((1, 0), (1, 1)), STALL, *searches((1, 0.99), (1, 3))),
                 settings=(MINUTE / 2000,)),
        FlowCase("a kill after the second search", LATE, stored=2, settings=(MINUTE,)),
        FlowCase("a simulated log", hour(4, 5, 150), batch=7, settings=(MINUTE / 6,)),
        FlowCase("no events", (), settings=(MINUTE,)),
    ),
    mistakes={
        wrong.late_lost: (
            "The late searches don't reach the sink. Connect that stream of the window, too."
        ),
        wrong.late_said: (
            "Something arrives for each late search, but not the search itself. Pass it on."
        ),
        wrong.all_counted: (
            "Every event is counted here. Keep the searches alone, before the window."
        ),
        wrong.filtered_after: (
            "Other events go into the window, so they move its clock. Filter before the window."
        ),
        wrong.by_pause: (
            "These windows end with a pause, as sessions do. Which windower has a fixed length?"
        ),
        wrong.overlapping: (
            "These windows overlap, so each search is counted twice. Hours that follow one "
            "another are tumbling windows."
        ),
        wrong.half_past: (
            "These hours begin at half past. Align the windows to 2024-01-01 00:00."
        ),
        wrong.numbered: (
            "The rows hold the number of each window. Work out its start: number × length after "
            "`align_to`."
        ),
        wrong.first_search: (
            "The rows hold the time of the first search. The window's start is the full hour "
            "before it."
        ),
        wrong.users_together: (
            "All users share one window here. The key is the user, as text."
        ),
        wrong.hour_in_key: (
            "The counts come at the end of the input, and no search is ever late. A live stream "
            "has no end: let a window decide when an hour is complete."
        ),
        wrong.clock_alive: (
            "This clock also counts the time that reading takes. On a machine that stalls it loses "
            "punctual searches. Take `replay_clock`."
        ),
        wrong.without_wait: (
            "The clock doesn't wait here, so searches that come slightly out of order are late. "
            "Pass it `wait`."
        ),
        wrong.always_a_minute: (
            "The wait is always a minute here. Pass the clock `wait`."
        ),
    },
)  # fmt: skip


def clicks_with_queries(source: Source[Event], sink: Sink[Any]) -> Dataflow:
    """Assemble a flow that joins each click to the search that showed its item, as it passes."""
    flow = Dataflow("clicks_with_queries")
    keyed = op.map("user_event", op.input("inp", flow, source), user_event)

    def join(
        state: tuple[str | None, dict[str, str | None]] | None, event: Event
    ) -> tuple[Any, list[Any]]:
        query, shown = state or (None, {})
        rows: list[Any] = []
        match event:
            case Search():
                query = event.query
            case Results():
                shown = {**shown, **dict.fromkeys(event.items, query)}
            case ClickResult():
                rows = [(str(event.user), shown.get(event.item), event.item)]
        return (query, shown), rows

    joined = op.stateful_flat_map("join", keyed, join)
    op.output("out", op.key_rm("row", joined), sink)
    return flow


def shop(*words: str) -> tuple[Event, ...]:
    """Return events from words such as "1 ? dogs", "1 : fido rover" and "1 ! rover"."""
    events: list[Event] = []
    for second, line in enumerate(words):
        user, sign, *rest = line.split()
        match sign:
            case "?":
                events.append(Search(user, rest[0], at(second)))
            case ":":
                events.append(Results(user, tuple(rest), at(second)))
            case "!":
                events.append(ClickResult(user, rest[0], at(second)))
            case _:
                events.append(AppOpen(user, at(second)))
    return tuple(events)


def in_order() -> tuple[FlowCase, ...]:
    """Return logs on which the flow and `metrics.attribute` agree: one session per user."""
    return (
        FlowCase("the tutorial's seven events", tuple(client_events())),
        FlowCase("three events at a time", tuple(client_events()), batch=3),
        FlowCase("somebody who goes back", shop(
            "4 ? dogs", "4 : fido rover", "4 ? puppies", "4 : rex bella", "4 ! rover", "4 ! bella",
        )),
        FlowCase("an orphan", shop("4 app", "4 ! news", "4 ? dogs", "4 : fido", "4 ! news")),
        FlowCase("two users side by side", shop(
            "1 ? dogs", "2 ? cats", "1 : rover nap", "2 : kathy nap", "1 ! nap", "2 ! nap",
            "2 ! rover",
        )),
        FlowCase("an item that two searches showed", shop(
            "1 ? dogs", "1 : nap rover", "1 ! nap", "1 ? beds", "1 : den nap", "1 ! nap", "1 ! nap",
            "1 ! rover",
        )),
        FlowCase("a second page", shop(
            "1 ? dogs", "1 : fido", "1 : rover", "1 ! fido", "1 ? none", "1 :", "1 ! rover",
        )),
        FlowCase("a kill after the fifth event", shop(
            "1 ? dogs", "1 : fido rover", "1 ! fido", "1 ? cats", "1 : kathy", "1 ! rover",
            "1 ! kathy",
        ), stored=5),
        FlowCase("a simulated log", tuple(simulate(4, 9, seed=2))[:120], batch=10),
        FlowCase("no events", ()),
    )  # fmt: skip


join_clicks = FlowTask(
    name="join_clicks",
    solve=clicks_with_queries,
    hints=(
        "What must a step remember of a user, so that it can say at once which search a click "
        "belongs to?",
        "Keep two things per user: the latest query, and a dictionary from each item to the query "
        "that showed it last.",
        "`op.stateful_flat_map` is `stateful_map` for a function that returns the new state and a "
        "list of rows: one for a click, none for other events.",
    ),
    notice="For a log in order this is what attribution gives. They differ where results stand "
    "behind the click: the stream has answered by then, and attribution waits for the whole "
    "session.",
    because="Later results overwrite earlier ones in the dictionary, so an item belongs to the "
    "latest search that showed it. The dictionary grows for as long as the user is there. A flow "
    "that runs for months would forget it after a pause, as a session does.",
    prompt=True,
    read_rows=lambda rows: [flat_row(row) for row in rows],
    cases=lambda: (
        *in_order(),
        FlowCase("results that come after the click", shop(
            "1 ? dogs", "1 ! fido", "1 : fido", "1 ! fido",
        )),
        FlowCase("a log out of order", hour(4, 13, 120), batch=20),
    ),
    mistakes={
        wrong.latest_search: (
            "Each click goes to the search just before it. It belongs to the latest search that "
            "*showed* its item."
        ),
        wrong.latest_if_unknown: (
            "A click on an item that nothing showed goes to the latest search here. It is an "
            "orphan: its query is None."
        ),
        wrong.latest_results: (
            "Only the latest results are kept, so a click on an earlier result looks like an "
            "orphan. Keep what each search showed."
        ),
        wrong.latest_search_kept: (
            "Only the latest search is kept, so whoever goes back to an earlier one looks like an "
            "orphan. Keep what each search showed."
        ),
        wrong.first_to_show: (
            "An item that two searches showed goes to the first of them. It belongs to the latest."
        ),
        wrong.clicked_once: (
            "The second click on an item finds no search. Don't remove what was clicked."
        ),
        wrong.all_users: (
            "All users share one state, so one user's click goes to another's search. The key is "
            "the user."
        ),
        wrong.orphans_lost: (
            "Clicks that belong to no search are missing. Give them a row as well, with None for "
            "the query."
        ),
        wrong.row_each: (
            "Searches and results give rows too. Only a click gives one."
        ),
        wrong.item_first: (
            "Query and item have changed places: the row is user, query, item."
        ),
        wrong.engine_join: (
            "`op.join` keeps the last item of each side, knows nothing of results, and forgets "
            "both when it answers. Write the step with a state of your own."
        ),
        wrong.after_the_session: (
            "These rows come when a session is over. They also know results that came after the "
            "click. Answer each click as it passes, with what was shown by then."
        ),
    },
)  # fmt: skip
