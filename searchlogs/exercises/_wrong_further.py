"""Wrong dataflows, as people write them: those that the exercises in `further_flows` know."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import (
    SessionWindower,
    SlidingWindower,
    TumblingWindower,
    collect_window,
)

from searchlogs.events import ClickResult, Results, Search
from searchlogs.exercises._wrong_flows import Flow, _begin
from searchlogs.live.clocks import live_clock
from searchlogs.metrics import attribute
from searchlogs.sessions import Session, replay_clock, session_window

HOUR = timedelta(hours=1)
MIDNIGHT = datetime(2024, 1, 1, tzinfo=UTC)
HOURS = TumblingWindower(length=HOUR, align_to=MIDNIGHT)


def _is_search(event: Any) -> bool:
    return isinstance(event, Search)


def _user(event: Any) -> str:
    return str(event.user)


def _start(user: str, number: int, events: Sequence[Any]) -> Any:
    return user, MIDNIGHT + number * HOUR, len(events)


def _first(user: str, number: int, events: Sequence[Any]) -> Any:
    return user, min(event.time for event in events), len(events)


# Many parameters because each is a part that people get wrong, given by name.
def _hourly(
    keep: Callable[[Any], bool] = _is_search,
    key: Callable[[Any], str] = _user,
    clock: Callable[[timedelta], Any] = replay_clock,
    windower: Any = HOURS,
    row: Callable[[str, int, Sequence[Any]], Any] = _start,
    late: Callable[[Any], Any] | None = lambda item: item,
) -> Flow:
    """Return a flow with a row for each window, and what `late` makes of each late event."""

    def assemble(source: Any, sink: Any, wait: timedelta) -> Dataflow:
        flow, events = _begin(source)
        keyed = op.key_on("key", op.filter("keep", events, keep), key)
        window = collect_window("window", keyed, clock(wait), windower)
        rows = op.map("row", window.down, lambda item: row(item[0], *item[1]))
        op.output("out", rows, sink)
        if late:
            op.output("late_out", op.map("late", window.late, late), sink)
        return flow

    return assemble


late_lost = _hourly(late=None)
late_said = _hourly(late=lambda item: (item[0], "late"))
all_counted = _hourly(keep=lambda event: True)
filtered_after = _hourly(
    keep=lambda event: True,
    row=lambda user, number, events: _start(user, number, [*filter(_is_search, events)]),
)
by_pause = _hourly(windower=SessionWindower(HOUR), row=_first)
overlapping = _hourly(
    windower=SlidingWindower(HOUR, offset=HOUR / 2, align_to=MIDNIGHT),
    row=lambda user, number, events: (user, MIDNIGHT + number * HOUR / 2, len(events)),
)
half_past = _hourly(
    windower=TumblingWindower(length=HOUR, align_to=MIDNIGHT + HOUR / 2),
    row=lambda user, number, events: (user, MIDNIGHT + (number + 0.5) * HOUR, len(events)),
)
numbered = _hourly(row=lambda user, number, events: (user, number, len(events)))
first_search = _hourly(row=_first)
users_together = _hourly(key=lambda event: "all")
clock_alive = _hourly(clock=live_clock)
without_wait = _hourly(clock=lambda wait: replay_clock(timedelta(0)))
always_a_minute = _hourly(clock=lambda wait: replay_clock("1m"))


def hour_in_key(source: Any, sink: Any, wait: timedelta) -> Dataflow:
    def by_hour(search: Any) -> str:
        return f"{search.time:%Y-%m-%dT%H}:00+00:00 {search.user}"

    def row(item: tuple[str, int]) -> Any:
        begin, _, user = item[0].partition(" ")
        return user, datetime.fromisoformat(begin), item[1]

    flow, events = _begin(source)
    counts = op.count_final("count", op.filter("keep", events, _is_search), by_hour)
    op.output("out", op.map("row", counts, row), sink)
    return flow


Shown = list[tuple[str, set[str]]]
"""What a step knows of a user: each query, with the items that it showed, in order."""
Owner = Callable[[Shown, str], str | None]


def _latest(shown: Shown, item: str) -> str | None:
    return next((query for query, items in reversed(shown) if item in items), None)


def _just_before(shown: Shown, item: str) -> str | None:
    return shown[-1][0] if shown else None


def _removed(shown: Shown, item: str) -> str | None:
    query = _latest(shown, item)
    for _, items in shown:
        items.discard(item)
    return query


def _row(event: Any, query: str | None) -> list[Any]:
    return [(event.user, query, event.item)] if isinstance(event, ClickResult) else []


def _joined(
    owner: Owner = _latest,
    row: Callable[[Any, str | None], list[Any]] = _row,
    key: Callable[[Any], str] = _user,
) -> Flow:
    """Return a flow whose step finds a click's query by `owner` in what it knows of a user."""

    def step(shown: Shown | None, event: Any) -> tuple[Shown, list[Any]]:
        shown = shown or []
        query = None
        if isinstance(event, Search):
            shown.append((event.query, set()))
        elif isinstance(event, Results) and shown:
            shown[-1][1].update(event.items)
        elif isinstance(event, ClickResult):
            query = owner(shown, event.item)
        return shown, row(event, query)

    def assemble(source: Any, sink: Any) -> Dataflow:
        flow, events = _begin(source)
        rows = op.stateful_flat_map("join", op.key_on("key", events, key), step)
        op.output("out", op.key_rm("row", rows), sink)
        return flow

    return assemble


latest_search = _joined(_just_before)
latest_if_unknown = _joined(lambda shown, item: _latest(shown, item) or _just_before(shown, item))
latest_search_kept = _joined(lambda shown, item: _latest(shown[-1:], item))
clicked_once = _joined(_removed)
all_users = _joined(key=lambda event: "all")
orphans_lost = _joined(row=lambda event, query: _row(event, query) if query else [])
row_each = _joined(row=lambda event, query: _row(event, query) or [(event.user, None)])
item_first = _joined(row=lambda event, query: [(u, i, q) for u, q, i in _row(event, query)])


def _kept(keep: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]) -> Flow:
    """Return a flow whose step makes its dictionary by `keep` of the old one and new results."""

    def step(state: tuple[Any, dict[str, Any]] | None, event: Any) -> tuple[Any, list[Any]]:
        query, shown = state or (None, {})
        query = getattr(event, "query", query)
        if isinstance(event, Results):
            shown = keep(shown, dict.fromkeys(event.items, query))
        return (query, shown), _row(event, shown.get(getattr(event, "item", "")))

    def assemble(source: Any, sink: Any) -> Dataflow:
        flow, events = _begin(source)
        rows = op.stateful_flat_map("join", op.key_on("key", events, _user), step)
        op.output("out", op.key_rm("row", rows), sink)
        return flow

    return assemble


latest_results = _kept(lambda shown, new: new)
first_to_show = _kept(lambda shown, new: {**new, **shown})


def engine_join(source: Any, sink: Any) -> Dataflow:
    flow, events = _begin(source)
    keyed = op.key_on("user", events, _user)
    queries = op.filter_map_value("query", keyed, lambda event: getattr(event, "query", None))
    items = op.filter_map_value("item", keyed, lambda event: getattr(event, "item", None))
    op.output("out", op.join("join", queries, items), sink)
    return flow


def after_the_session(source: Any, sink: Any) -> Dataflow:
    def rows(session: Session) -> list[Any]:
        found = attribute(session)
        pairs = [(one.search.query, click) for one in found.impressions for click in one.clicks]
        pairs += [(None, click) for click in found.orphans]  # type: ignore[misc]
        return [(session.user, query, click.item) for query, click in pairs]

    flow, events = _begin(source)
    sessions = session_window("window", events, replay_clock("1h"), timedelta(hours=10))
    op.output("out", op.flat_map("rows", sessions.down, rows), sink)
    return flow
