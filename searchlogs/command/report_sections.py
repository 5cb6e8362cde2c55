"""The sections of a report that the sessions suffice for, and what is in no session."""

import re
from collections.abc import Iterator

import pandas as pd

from searchlogs.command.report_data import LATE_GROUPS, LogRead, Losses, Sums
from searchlogs.command.report_page import cards, figure, paragraph, section, table, unfolded
from searchlogs.events import EARLIEST
from searchlogs.figures.intervals import intervals
from searchlogs.figures.page import date_text, quantity
from searchlogs.logs.arrays import MICROSECOND
from searchlogs.metrics import ratio
from searchlogs.tables import interval

FEW_USERS = 30
"""Number of users below which an interval is called rough."""


def percent(rate: float | None) -> str:
    """Return a rate as text.

    >>> percent(0.6124), percent(None)
    ('61.2 %', 'undefined')
    """
    return "undefined" if rate is None else f"{100 * rate:.1f} %"


def _range(ends: tuple[float, float]) -> str:
    """Return an interval of a rate as text."""
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
    between = interval(per_user)
    ends = f"95 % interval: {_range(between)}" if between else "no interval: users are alike"
    yield cards(
        [
            ("Click-through rate (CTR)", percent(ctr), ends),
            ("Searches", f"{counts['searches']:,}", f"{counts['searches_clicked']:,} with a click"),
            ("Sessions with a search", f"{counts['sessions']:,}", f"{percent(clicked)} clicked"),
            ("Users who searched", f"{users:,}", f"{counts['sessions'] / users:.2f} sessions each"),
            ("Clicks", f"{counts['clicks']:,}", f"{per_search:.2f} per search"),
        ]
    )
    of_none = f" {quantity(orphans, 'click')} in these sessions could be joined to no search."
    yield paragraph(
        "The CTR is the share of searches that got at least one click. Averaged over the sessions "
        f"instead, so that each session counts the same, it is {percent(sums.mean_ctr)}."
        + of_none
        * bool(orphans)
    )
    rough = f" With only {users:,} users, the interval is rough." if users < FEW_USERS else ""
    words = (
        "The interval says how far the CTR might be off by chance. It treats users, not searches, "
        f"as independent of each other.{rough}"
    )
    if between is None:
        words = "All users have the same CTR, so nothing shows how far it might be off by chance."
    yield paragraph(words, note=True)


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
        too_few = f"No hour has {quantity(least_users, 'user')} and clicks that differ between them"
        return section(heading, paragraph(f"{too_few}, so none is shown."))
    columns = ["users", "searches", "ctr", "low", "high"]
    rates = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    outside = rates[(rates["high"] < whole) | (rates["low"] > whole)]
    title = f"The CTR of all is outside the interval of {part_of(len(outside), len(rates), 'hour')}"
    if outside.empty:
        title = "The interval of every hour contains the CTR of all"
    low, high = rates["ctr"].idxmin(), rates["ctr"].idxmax()
    words = (
        f"The CTR ranges from {percent(rates['ctr'].min())} ({low}:00) to "
        f"{percent(rates['ctr'].max())} ({high}:00). Of 20 such intervals, about one misses the "
        "CTR of all by chance alone, so one or two that do mean little."
    )
    skipped = f" {quantity(left_out, 'hour')} with too few users left out." * bool(left_out)
    how = f"A session counts in the hour (UTC) in which it began, on whichever day.{skipped}"
    cells = [
        (f"{hour}:00", f"{users:,}", f"{searches:,}", percent(ctr), _range((low, high)))
        for hour, (users, searches, ctr, low, high) in rows.items()
    ]
    names = ["Hour (UTC)", "Users", "Searches", "CTR", "95 % interval"]
    return section(
        heading,
        paragraph(words),
        figure(intervals(rates, whole, title, "hour of the day (UTC)")),
        unfolded("The hours as a table", table(heading, names, cells)),
        paragraph(how, note=True),
    )


def part_of(part: int, whole: int, noun: str) -> str:
    """Return a part of so many things, as text."""
    return f"{part:,} of {quantity(whole, noun)}"


MOST_REASONS = 5
"""Most reasons of rejects that are listed."""


def losses(lost: Losses, log: LogRead | None) -> str:
    """Account for what is in no session: late events, rejects, and ignored records."""
    parts = []
    if log is not None:
        tally = log.tally
        sums = [
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
        cells = [(name, f"{number:,}") for name, number in sums]
        parts += [table("Every record and every event is accounted for", (), cells)]
    if lost.late is None or lost.reasons is None:
        parts += [paragraph("The files of late events and rejects are not next to the sessions.")]
        return section("What was late or rejected", *parts)
    late, rejected = lost.late.total(), lost.reasons.total()
    share = f", {100 * late / log.tally.events:.2f} % of all," if log and late else ""
    words = "No event was late, and every record could be read."
    if late or rejected:
        words = (
            f"{quantity(late, 'event')}{share} came too late for any session, and "
            f"{quantity(rejected, 'record')} could not be read. None of them is in the numbers "
            "above."
        )
    parts.insert(0, paragraph(words))
    if late:
        cells = [(name, f"{lost.late[name]:,}") for name in LATE_GROUPS if lost.late[name]]
        parts.append(table("Late events, by how late they were", (), cells))
    if rejected:
        most = lost.reasons.most_common(MOST_REASONS)
        cells = [(_without_options(reason), f"{number:,}") for reason, number in most]
        if (others := rejected - sum(number for _, number in most)) > 0:
            cells.append(("other reasons", f"{others:,}"))
        parts.append(table("Rejects by reason", (), cells))
    return section("What was late or rejected", *parts)


def _without_options(reason: str) -> str:
    """Return a reason without its advice, which is for the command."""
    return re.sub(r" \([^()]*--[^()]*\)", "", reason)


def period(sums: Sums) -> str:
    """Return the days from the first session to the last."""
    ends = (EARLIEST + micros * MICROSECOND for micros in (sums.first or 0, sums.last))
    return " to ".join(dict.fromkeys(map(date_text, ends)))
