"""What sessions and late events are, in closed form: no engine, no state, no batches.

Under the replay clock an event is late when it is older than the newest of its user so far, itself
included, − wait. The sessions are the other events, sorted by time and split where a step is longer
than the gap.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from searchlogs.events import Event
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
