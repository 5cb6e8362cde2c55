"""What sessions and late events are, in closed form: no engine, no state, no batches.

Under the replay clock an event is late when it is older than the newest of its user so far, itself
included, − wait. The sessions are the other events, sorted by time and split where a step is longer
than the gap.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from searchlogs.events import ClickResult, Event, Results, Search
from searchlogs.sessions import Late, Session


def oracle(
    events: Sequence[Event], gap: timedelta, wait: timedelta
) -> tuple[list[Session], list[Late]]:
    """Sessions by user and id, late events by user and then as they arrived."""
    sessions, late = [], []
    for user in sorted({str(event.user) for event in events}):
        arrived = [event for event in events if str(event.user) == user]
        punctual, newest = [], datetime.min.replace(tzinfo=arrived[0].time.tzinfo)
        for event in arrived:
            newest = max(newest, event.time)
            if event.time < newest - wait:
                late.append(Late(user, event, newest - wait - event.time))
            else:
                punctual.append(event)
        punctual.sort(key=lambda event: event.time)
        steps = [later.time - earlier.time for earlier, later in pairwise(punctual)]
        cuts = [0, *(i for i, step in enumerate(steps, 1) if step > gap), len(punctual)]
        for id, (first, end) in enumerate(pairwise(cuts)):
            sessions.append(Session(user, id, tuple(punctual[first:end])))
    return sessions, late


def joined(session: Session) -> tuple[dict[int, int], dict[int, int | None]]:
    """Join searches and clicks by looking back from each event, one at a time.

    Returns:
        The search of each search record and of each click, as places in `session.events`: a search
        stands for the place of its first record, None for an orphan.
    """
    events = session.events

    def id_of(place: int) -> str | None:
        return getattr(events[place], "query_id", None)

    search_of: dict[int, int] = {}
    for place, event in enumerate(events):
        if isinstance(event, Search):
            id = id_of(place)
            same = [p for p in search_of if id is not None and id_of(p) == id]
            search_of[place] = min(same, default=place)

    def named(place: int) -> list[int]:
        """Return the search that has the event's id, in a list of one or none."""
        id = id_of(place)
        return [s for s in search_of.values() if id is not None and id_of(s) == id][:1]

    def back(place: int) -> list[int]:
        """Return the searches that it may else belong to, the latest first."""
        before = [search_of[p] for p in sorted(search_of, reverse=True) if p < place]
        return [s for s in before if id_of(place) is None or id_of(s) is None]

    shown: dict[int, list[str]] = {}
    for place, event in enumerate(events):
        if isinstance(event, Results):
            for search in (named(place) or back(place))[:1]:
                shown.setdefault(search, []).extend(event.items)
    clicks: dict[int, int | None] = {}
    for place, event in enumerate(events):
        if isinstance(event, ClickResult):
            holders = [search for search in back(place) if event.item in shown.get(search, [])]
            silent = [search for search in back(place) if search not in shown]
            clicks[place] = next(iter(named(place) or holders or silent), None)
    return search_of, clicks


def counted(session: Session) -> dict[str, int]:
    """Count a session's searches and clicks, as rows of sessions have them."""
    search_of, clicks = joined(session)
    orphans = [session.events[place] for place, search in clicks.items() if search is None]
    return {
        "requests": len(search_of),
        "searches": len({*search_of.values()}),
        "clicks": len(clicks),
        "searches_clicked": len({*clicks.values()} - {None}),
        "orphan_clicks": len(orphans),
        "absent_query_clicks": sum(
            isinstance(orphan, ClickResult) and orphan.query_id is not None for orphan in orphans
        ),
    }
