"""The sections of a report: each makes HTML of what was found, and states how it was found."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import pandas as pd
import pyarrow.compute as pc

from searchlogs.columnar.sessionizer import sessionize_batches
from searchlogs.command.report_data import Losses, LogRead, Sums
from searchlogs.command.report_page import cards, figure, paragraph, section, table, unfolded
from searchlogs.dataflow import find_sessions
from searchlogs.durations import LONGEST, Windowing
from searchlogs.events import EARLIEST, Event, Search
from searchlogs.figures.charts import curve, pause_histogram
from searchlogs.figures.intervals import intervals
from searchlogs.figures.page import date_text, duration_text, quantity
from searchlogs.figures.timeline import timeline
from searchlogs.logs.arrays import MICROSECOND
from searchlogs.logs.rows import search_rows
from searchlogs.metrics import ratio
from searchlogs.sessions import Late, Session
from searchlogs.tables import interval

FEW_USERS = 30
"""Number of users below which an interval is called rough."""


def percent(rate: float | None) -> str:
    """Return a rate as text.

    >>> percent(0.6124), percent(None)
    ('61.2 %', 'undefined')
    """
    return "undefined" if rate is None else f"{100 * rate:.1f} %"


def _range(ends: tuple[float, float] | None) -> str:
    """Return an interval of a rate as text."""
    if ends is None:
        return "no interval"
    low, high = max(ends[0], 0), min(ends[1], 1)
    return f"{100 * low:.1f} to {percent(high)}"


def summary(sums: Sums) -> Iterator[str]:
    """Yield the numbers that people ask for first."""
    counts, per_user = sums.counts, sums.by_user_and_hour()
    users = per_user["user"].nunique()
    ctr = ratio(counts["searches_clicked"], counts["searches"])
    clicked = ratio(counts["sessions_clicked"], counts["sessions"])
    per_search = ratio(counts["clicks"], counts["searches"]) or 0
    orphans = counts["orphan_clicks"]
    ends = f"95 % interval: {_range(interval(per_user))}"
    yield cards(
        [
            ("Click-through rate (CTR)", percent(ctr), ends),
            ("Searches", f"{counts['searches']:,}", f"{counts['searches_clicked']:,} with a click"),
            ("Sessions with a search", f"{counts['sessions']:,}", f"{percent(clicked)} clicked"),
            ("Users who searched", f"{users:,}", f"{counts['sessions'] / users:.2f} sessions each"),
            ("Clicks", f"{counts['clicks']:,}", f"{per_search:.2f} per search"),
        ]
    )
    yield paragraph(
        "The CTR is the share of searches that got at least one click. Averaged over the sessions "
        f"instead, so that each session counts the same, it is {percent(sums.mean_ctr)}. "
        f"{quantity(orphans, 'click')} in these sessions {'belongs' if orphans == 1 else 'belong'} "
        "to no search."
    )
    rough = f" With only {users:,} users, the interval is rough." if users < FEW_USERS else ""
    yield paragraph(
        "The interval says how far the CTR might be off by chance. It treats users, not searches, "
        f"as independent of each other.{rough}",
        note=True,
    )


def hours(sums: Sums, least_users: int) -> str:
    """Show the CTR by hour of the day, with intervals."""
    whole = sums.counts["searches_clicked"] / sums.counts["searches"]
    rows, left_out = {}, 0
    for hour, part in sums.by_user_and_hour().groupby("hour"):
        ends = interval(part)
        if len(part) < least_users or ends is None:
            left_out += 1
            continue
        searches = int(part["searches"].sum())
        ctr = part["searches_clicked"].sum() / searches
        rows[hour] = (len(part), searches, ctr, *ends)
    heading = "Click-through rate by hour of the day"
    if not rows:
        too_few = f"No hour has {least_users:,} users and clicks that differ between them"
        return section(heading, paragraph(f"{too_few}, so none is shown."))
    columns = ["users", "searches", "ctr", "low", "high"]
    rates = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    outside = rates[(rates["high"] < whole) | (rates["low"] > whole)]
    title = f"{_these(len(outside), len(rates), 'hour')} differ from the CTR of all"
    if outside.empty:
        title = "No hour's CTR differs from that of all by more than chance explains"
    low, high = rates["ctr"].idxmin(), rates["ctr"].idxmax()
    words = (
        f"The CTR ranges from {percent(rates['ctr'].min())} ({low}:00) to "
        f"{percent(rates['ctr'].max())} ({high}:00). Of 20 such intervals, about one misses the "
        "CTR of all by chance alone."
    )
    skipped = f" {quantity(left_out, 'hour')} with too few users left out." * bool(left_out)
    how = f"A session counts in the hour (UTC) in which it began, on whichever day.{skipped}"
    cells = [
        (f"{row.Index}:00", f"{row.users:,}", f"{row.searches:,}", percent(row.ctr), ends)
        for row, ends in zip(
            rates.itertuples(),
            map(_range, zip(rates["low"], rates["high"], strict=True)),
            strict=True,
        )
    ]
    names = ["Hour (UTC)", "Users", "Searches", "CTR", "95 % interval"]
    return section(
        heading,
        paragraph(words),
        figure(intervals(rates, whole, title, "hour of the day (UTC)")),
        unfolded("The hours as a table", table(heading, names, cells)),
        paragraph(how, note=True),
    )


def _these(part: int, whole: int, noun: str) -> str:
    return f"{part:,} of {quantity(whole, noun)}"


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


MOST_ROWS, EVENTS_SHOWN = 5, (3, 15)
"""Most users of the timeline, and how many events those who are preferred have."""


def users(sampled: Sampled) -> str:
    """Show a few users' sessions in the busiest stretch of time."""
    stretch = max(4 * sampled.windowing.gap, timedelta(minutes=1))
    sessions, late = sampled.found
    bins = Counter((session.start - EARLIEST) // stretch for session in sessions)
    busiest = min(bins, key=lambda number: (-bins[number], number))
    own: dict[str, list[Session]] = {}
    for session in sessions:
        if (session.start - EARLIEST) // stretch == busiest:
            own.setdefault(session.user, []).append(session)

    def rank(user: str) -> tuple[bool, int, int, str]:
        number = sum(len(session.events) for session in own[user])
        least, most = EVENTS_SHOWN
        has_search = any(session.searches for session in own[user])
        return not (has_search and least <= number <= most), -len(own[user]), number, user

    chosen = sorted(own, key=rank)[:MOST_ROWS]
    chosen.sort(key=lambda user: (own[user][0].start, user))
    names = {user: letter for user, letter in zip(chosen, "ABCDE", strict=False)}
    bars = [_unnamed(session, names, sampled.common) for user in chosen for session in own[user]]
    ends = {user: (own[user][0].start, own[user][-1].end) for user in chosen}
    hollow = [
        replace(one, user=names[one.user], event=_hidden(one.event, names, sampled.common))
        for one in late
        if one.user in names and ends[one.user][0] <= one.event.time <= ends[one.user][1]
    ]
    drawing = timeline(
        [event for session in bars for event in session.events],
        bars,
        gap=sampled.windowing.gap,
        late=hollow,
        title=f"{quantity(len(names), 'user')} in the busiest {duration_text(stretch)}: "
        f"{quantity(len(bars), 'session')}",
    )
    begin = EARLIEST + busiest * stretch
    least, most = EVENTS_SHOWN
    how = (
        f"The log was divided into stretches of {duration_text(stretch)}; in the one from "
        f"{_moment(begin)} (UTC) most sessions began. Of its users, those with a search, {least} "
        f"to {most} events and the most sessions are shown. They show how sessions were cut, and "
        "are not typical users."
    )
    activity = (
        " Other actions that keep a session open are drawn as app opens."
        if sampled.log.tally.activity
        else ""
    )
    private = (
        f"Users have letters in place of ids. A query of fewer than {sampled.least_users:,} users "
        f"is shown as “{RARE}”.{activity} {sampled.note}"
    )
    return section(
        "A few users",
        paragraph(
            "Each bar is a session, with its click-through rate. The hatched tail is the gap: an "
            "event within it would have continued the session."
        ),
        figure(drawing),
        paragraph(how, note=True),
        paragraph(private.strip(), note=True),
    )


RARE = "(rare query)"
"""What stands for a query that few people made."""


def _unnamed(session: Session, names: dict[str, str], common: set[str]) -> Session:
    events = tuple(_hidden(event, names, common) for event in session.events)
    return replace(session, user=names[session.user], events=events)


def _hidden(event: Event, names: dict[str, str], common: set[str]) -> Event:
    """Return an event without its user's id, and without a rare query."""
    if isinstance(event, Search) and event.query not in common:
        event = replace(event, query=RARE)
    return replace(event, user=names[str(event.user)])


def pauses(sampled: Sampled) -> str:
    """Show how long the pauses are, with the gap drawn in."""
    gap = sampled.windowing.gap.total_seconds()
    frame = pd.DataFrame(
        {
            "user": [str(event.user) for event in sampled.events],
            "time": [event.time.timestamp() for event in sampled.events],
        }
    ).sort_values(["user", "time"])
    steps = frame.groupby("user")["time"].diff().dropna()
    heading = "Pauses between events"
    if steps.empty:
        return section(heading, paragraph("No user has two events, so there are no pauses."))
    above, near = (steps > gap).mean(), steps.between(gap / 2, 2 * gap).mean()
    name = duration_text(sampled.windowing.gap)
    title = f"{percent(above)} of the pauses are longer than the gap of {name}"
    drawing = pause_histogram(sampled.events, title, (gap, "gap") if gap else None)
    words = (
        "A pause longer than the gap ends a session. "
        f"{percent(near)} of the pauses are between half and twice the gap: the fewer they are, "
        "the less depends on where exactly the gap is."
    )
    notes = [paragraph(sampled.note, note=True)] if sampled.note else []
    return section(heading, paragraph(words), figure(drawing), *notes)


FACTORS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16)
"""Multiples of the gap that the sessions are cut with again."""


def gaps(sampled: Sampled) -> str:
    """Show the CTR that other gaps would give."""
    gap = sampled.windowing.gap
    rows: list[tuple[timedelta, int, float]] = []
    for factor in FACTORS:
        other = timedelta(seconds=round(factor * (gap or timedelta(seconds=1)).total_seconds(), 3))
        if other <= LONGEST:
            cut, _ = sessionize_batches(sampled.log.sample.batches, other, sampled.windowing.wait)
            searched = cut.filter(pc.greater(cut["searches"], 0))
            counts = [pc.sum(searched[name]).as_py() for name in ("searches_clicked", "searches")]
            rows.append((other, len(searched), ratio(*map(int, counts)) or 0))
    values = pd.Series([ctr for *_, ctr in rows], [other.total_seconds() for other, *_ in rows])
    near = [ctr for other, _, ctr in rows if gap / 2 <= other <= 2 * gap]
    moved = max(near, default=0) - min(near, default=0)
    title = "From half the gap to twice the gap, the CTR moves by "
    title += f"{100 * moved:.1f} percentage points"
    drawing = curve(values, title, "gap", "CTR", reference=(gap.total_seconds(), "gap of this report"))
    if not gap:
        drawing = curve(values, "The CTR by gap", "gap", "CTR")
    words = (
        "The same log, cut into sessions with other gaps. With a short gap, sessions end between a "
        "search and its click, and the click is lost to it. If the curve is flat around the gap, "
        "the CTR does not depend on this choice."
    )
    heading = "Click-through rate against the gap"
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
        f"Only queries of at least {sampled.least_users:,} users are looked at "
        f"({_these(len(sampled.common), searches['query'].nunique(), 'query')}), so that none "
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
    clicked: int = part["searches_clicked"].sum()
    return 1.0 if clicked else 1 - 0.025 ** (1 / part["user"].nunique())


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


MOST_REASONS = 5
"""Most reasons of rejects that are listed."""


def losses(lost: Losses, log: LogRead | None) -> str:
    """Account for what is in no session: late events, rejects, and ignored records."""
    parts = []
    if log is not None:
        tally = log.tally
        rows = [
            ("Records read", tally.records),
            ("… that gave events", tally.gave_events),
            ("… rejected", tally.rejected),
            ("… of other kinds, ignored", sum(tally.ignored.values())),
            ("… dropped as duplicates", tally.duplicates),
            ("… headers and empty lines", tally.framing),
            ("Events", tally.events),
            ("… in sessions", log.events),
            ("… late", tally.events - log.events),
        ]
        cells = [(name, f"{number:,}") for name, number in rows]
        parts += [table("Every record and every event is accounted for", (), cells)]
    if lost.late is None or lost.reasons is None:
        parts += [paragraph("The files of late events and rejects are not next to the sessions.")]
        return section("What was late or rejected", *parts)
    late, rejected = lost.late.total(), lost.reasons.total()
    share = f", {late / log.tally.events:.2%} of all," if log and late else ""
    parts.append(
        paragraph(
            f"{quantity(late, 'event')}{share} came too late for any session, and "
            f"{quantity(rejected, 'record')} could not be read. None of them is in the numbers "
            "above."
        )
    )
    if late:
        rows = [(f"{name} late", f"{number:,}") for name, number in sorted(lost.late.items())]
        parts.append(table("Late events", (), rows))
    if rejected:
        most = lost.reasons.most_common(MOST_REASONS)
        cells = [(reason, f"{number:,}") for reason, number in most]
        if (others := rejected - sum(number for _, number in most)) > 0:
            cells.append(("other reasons", f"{others:,}"))
        parts.append(table("Rejects by reason", (), cells))
    return section("What was late or rejected", *parts)


def period(sums: Sums) -> str:
    """Return the days from the first session to the last."""
    ends = (EARLIEST + micros * MICROSECOND for micros in (sums.first or 0, sums.last))
    return " to ".join(dict.fromkeys(map(date_text, ends)))


def _moment(time: datetime) -> str:
    return f"{date_text(time)} {time:%H:%M}"
