"""The sections of a report that look at single events: each states which, and how."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

import pandas as pd
import pyarrow.compute as pc

from searchlogs.columnar.sessionizer import sessionize_batches
from searchlogs.command.report_data import LogRead
from searchlogs.command.report_page import figure, paragraph, section, table, unfolded
from searchlogs.command.report_sections import part_of, percent
from searchlogs.dataflow import find_sessions
from searchlogs.durations import LONGEST, Windowing
from searchlogs.events import EARLIEST, Event, Search
from searchlogs.figures.charts import curve, pause_histogram
from searchlogs.figures.page import Drawing, date_text, duration_text, quantity
from searchlogs.figures.timeline import timeline
from searchlogs.logs.arrays import MICROSECOND
from searchlogs.logs.rows import search_rows
from searchlogs.metrics import ratio
from searchlogs.sessions import Late, Session
from searchlogs.tables import interval


@dataclass(frozen=True)
class Sampled:
    """The events of some users, one by one, and what follows from them."""

    log: LogRead
    windowing: Windowing
    least_users: int
    """Fewest users of a query that is shown."""

    @cached_property
    def events(self) -> list[Event]:
        """The events, in arrival order."""
        return self.log.sample.events()

    @cached_property
    def found(self) -> tuple[list[Session], list[Late]]:
        """Their sessions and late events."""
        return find_sessions(self.events, self.windowing.gap, self.windowing.wait)

    @cached_property
    def searches(self) -> pd.DataFrame:
        """One row per search: `user`, `query`, `searches` (1), `searches_clicked`, `results`."""
        rows = [
            (row["user"], row["query"], 1, int(bool(row["clicked"])), row["results"])
            for session in self.found[0]
            for row in search_rows(session)
        ]
        columns = ["user", "query", "searches", "searches_clicked", "results"]
        return pd.DataFrame(rows, columns=columns).astype({"results": "Int64"})

    @cached_property
    def common(self) -> set[str]:
        """The queries of enough users."""
        askers = self.searches.groupby("query")["user"].nunique()
        return set(askers[askers >= self.least_users].index)

    @property
    def note(self) -> str:
        """How the users were chosen."""
        sample = self.log.sample
        if sample.one_in == 1:
            return ""
        return (
            f"Of this log, one user in {sample.one_in:,} was looked at here, chosen by a checksum "
            f"of the user's id: {len(sample):,} events."
        )


MOST_USERS, FEWEST, MOST = 5, 3, 15
"""Most users of the timeline, and the number of events that those who are preferred have."""


def users(sampled: Sampled) -> str:
    """Show a few users' sessions in the busiest stretch of time."""
    stretch = max(4 * sampled.windowing.gap, timedelta(minutes=1))
    bins = Counter((session.start - EARLIEST) // stretch for session in sampled.found[0])
    busiest = min(bins, key=lambda number: (-bins[number], number))
    own: dict[str, list[Session]] = {}
    for session in sampled.found[0]:
        if (session.start - EARLIEST) // stretch == busiest:
            own.setdefault(session.user, []).append(session)
    begin = EARLIEST + busiest * stretch
    how = (
        f"The log was divided into stretches of {duration_text(stretch)}; in the one from "
        f"{date_text(begin)} {begin:%H:%M} (UTC) most sessions began. Of its users, those with a "
        f"search, {FEWEST} to {MOST} events and the most sessions are shown. They show how "
        "sessions were cut, and are not typical users."
    )
    private = (
        f"Users have letters in place of ids. A query of fewer than "
        f"{quantity(sampled.least_users, 'user')} is shown as “{RARE}”."
    )
    if sampled.log.tally.activity:
        private += " Other actions that keep a session open are drawn as app opens."
    title = f"in the busiest {duration_text(stretch)}"
    return section(
        "A few users",
        paragraph(
            "Each bar is a session, with its click-through rate. The hatched tail is the gap: an "
            "event within it would have continued the session."
        ),
        figure(_timeline(sampled, {user: own[user] for user in _choose(own)}, title)),
        paragraph(how, note=True),
        paragraph(f"{private} {sampled.note}".strip(), note=True),
    )


def _choose(own: dict[str, list[Session]]) -> list[str]:
    """Return the users to show, by the start of their first session."""

    def rank(user: str) -> tuple[bool, int, int, str]:
        number = sum(len(session.events) for session in own[user])
        has_search = any(session.searches for session in own[user])
        is_clear = has_search and FEWEST <= number <= MOST
        return not is_clear, -len(own[user]), number, user

    chosen = sorted(own, key=rank)[:MOST_USERS]
    return sorted(chosen, key=lambda user: (own[user][0].start, user))


def _timeline(sampled: Sampled, own: dict[str, list[Session]], when: str) -> Drawing:
    """Draw sessions and the late events between them, with letters for users."""
    names = dict(zip(own, "ABCDE", strict=False))
    bars = [
        replace(
            session,
            user=names[user],
            events=tuple(_hidden(event, names, sampled.common) for event in session.events),
        )
        for user, sessions in own.items()
        for session in sessions
    ]
    late = [
        Late(names[one.user], _hidden(one.event, names, sampled.common), one.late_by)
        for one in sampled.found[1]
        if one.user in own and own[one.user][0].start <= one.event.time <= own[one.user][-1].end
    ]
    title = f"{quantity(len(own), 'user')} {when}: {quantity(len(bars), 'session')}"
    events = [event for session in bars for event in session.events]
    return timeline(events, bars, gap=sampled.windowing.gap, late=late, title=title)


RARE = "(rare query)"
"""What stands for a query that few people made."""


def _hidden(event: Event, names: dict[str, str], common: set[str]) -> Event:
    """Return an event without its user's id, and without a rare query."""
    if isinstance(event, Search) and event.query not in common:
        event = replace(event, query=RARE)
    return replace(event, user=names[str(event.user)])


def pauses(sampled: Sampled) -> str:
    """Show how long the pauses are, with the gap drawn in."""
    gap, seconds = sampled.windowing.gap // MICROSECOND, sampled.windowing.gap.total_seconds()
    rows = [(str(event.user), (event.time - EARLIEST) // MICROSECOND) for event in sampled.events]
    frame = pd.DataFrame(rows, columns=["user", "time"]).sort_values(["user", "time"])
    steps = frame.groupby("user")["time"].diff().dropna()
    heading = "Pauses between events"
    if steps.empty:
        return section(heading, paragraph("No user has two events, so there are no pauses."))
    above, near = (steps > gap).mean(), steps.between(gap / 2, 2 * gap).mean()
    name = duration_text(sampled.windowing.gap)
    title = f"{percent(above)} of the pauses are longer than the gap of {name}"
    drawing = pause_histogram(sampled.events, title, (seconds, "gap") if gap else None)
    words = (
        "A pause longer than the gap ends a session. "
        f"{percent(near)} of the pauses are between half and twice the gap: the fewer they are, "
        "the less depends on where exactly the gap is."
    )
    notes = [paragraph(sampled.note, note=True)] if sampled.note else []
    return section(heading, paragraph(words), figure(drawing), *notes)


FAMILIAR = (1, 2, 5, 10, 20, 60, 120, 300, 600, 1200, 3600, 7200, 14400, 28800, 86400, 172800)
"""Gaps to cut the sessions with again, in seconds; those that are far from the report's are not."""

FAR = 20
"""The factor from which on a gap is far."""


def gaps(sampled: Sampled) -> str:
    """Show the CTR that other gaps would give."""
    gap = sampled.windowing.gap
    others = {timedelta(seconds=number) for number in FAMILIAR}
    others = {other for other in others if gap / FAR <= other <= FAR * gap}
    rows: list[tuple[timedelta, int, float]] = []
    for other in sorted(others | {gap / 2, gap, 2 * gap}):
        if timedelta(0) < other <= LONGEST:
            cut, _ = sessionize_batches(sampled.log.sample.batches, other, sampled.windowing.wait)
            searched = cut.filter(pc.greater(cut["searches"], 0))
            counts = [pc.sum(searched[name]).as_py() for name in ("searches_clicked", "searches")]
            rows.append((other, len(searched), ratio(*(count or 0 for count in counts)) or 0))
    heading = "Click-through rate against the gap"
    if not rows:
        return section(heading, paragraph("With a gap of 0, there is nothing to compare."))
    values = pd.Series([ctr for *_, ctr in rows], [other.total_seconds() for other, *_ in rows])
    near = [ctr for other, _, ctr in rows if gap / 2 <= other <= 2 * gap]
    moved = max(near, default=0) - min(near, default=0)
    title = "From half the gap to twice the gap, the CTR moves by "
    title += f"{100 * moved:.1f} percentage points"
    line = (gap.total_seconds(), "gap of this report")
    drawing = curve(values, title, "gap", "CTR", reference=line)
    words = (
        "The same log, cut into sessions with other gaps. With a short gap, sessions end between a "
        "search and its click, and the click is lost to it. If the curve is flat around the gap, "
        "the CTR does not depend on this choice."
    )
    cells = [(_gap(other), f"{number:,}", percent(ctr)) for other, number, ctr in rows]
    columns = ["Gap", "Sessions with a search", "CTR"]
    notes = [paragraph(sampled.note, note=True)] if sampled.note else []
    listed = unfolded("The gaps as a table", table(heading, columns, cells))
    return section(heading, paragraph(words), figure(drawing), listed, *notes)


def _gap(length: timedelta) -> str:
    """Return a duration with three digits, in its largest unit."""
    seconds = length.total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


MOST_QUERIES = 10
"""Most queries that are listed."""


def queries(sampled: Sampled) -> str:
    """List the queries that lose the most clicks compared with what is usual."""
    searches = sampled.searches
    answered = searches[searches["results"].fillna(1) > 0]
    usual = ratio(int(answered["searches_clicked"].sum()), len(answered)) or 0
    rows = []
    for query, part in searches[searches["query"].isin(sampled.common)].groupby("query"):
        number, clicked = len(part), int(part["searches_clicked"].sum())
        missing = number * usual - clicked
        if missing > 0:
            rows.append((missing, str(query), part))
    rows.sort(key=lambda row: (-row[0], row[1]))
    low = [row for row in rows[: 10 * MOST_QUERIES] if _highest(row[2]) < usual][:MOST_QUERIES]
    heading = "Queries worth mending"
    how = (
        f"Only queries of at least {quantity(sampled.least_users, 'user')} are looked at "
        f"({part_of(len(sampled.common), searches['query'].nunique(), 'query')}), so that none "
        "points to a person. A query is listed if its whole 95 % interval is below the usual CTR; "
        "about one query in forty is listed by chance. Some searches succeed without a click, "
        f"because the results page holds the answer. {sampled.note}"
    )
    if not low:
        words = "No query is clicked less often than usual by more than chance explains."
        return section(heading, paragraph(words), paragraph(how.strip(), note=True))
    words = (
        f"Usually, {percent(usual)} of the searches that find something get a click. These queries "
        "get clearly fewer. They are sorted by the searches that would get a click if the query "
        "did as well as usual."
    )
    cells = [_query_cells(missing, query, part) for missing, query, part in low]
    columns = ["Query", "Missing clicks", "Searches", "CTR", "Found nothing", "Users"]
    listed = table("Searches with too few clicks, by query", columns, cells)
    return section(heading, paragraph(words), listed, paragraph(how.strip(), note=True))


def _highest(part: pd.DataFrame) -> float:
    """Return the high end of the interval of a query's CTR."""
    ends = interval(part)
    if ends is not None:
        return ends[1]
    # All users are alike. If none clicked, the exact end for as many tosses as there are users.
    if part["searches_clicked"].any():
        return 1.0
    users: int = part["user"].nunique()
    return float(1 - 0.025 ** (1 / users))


def _query_cells(missing: float, query: str, part: pd.DataFrame) -> Sequence[str]:
    empty, answered = int((part["results"] == 0).sum()), int(part["results"].notna().sum())
    return (
        query,
        f"{missing:,.0f}",
        f"{len(part):,}",
        percent(part["searches_clicked"].mean()),
        percent(empty / answered) if answered else "not logged",
        f"{part['user'].nunique():,}",
    )
