"""The summary of a run, in lines for a person."""

from collections.abc import Iterator
from datetime import timedelta

from searchlogs.command.job import Job
from searchlogs.command.late import LEAP
from searchlogs.command.publish import Summary
from searchlogs.durations import LONGEST, format_duration
from searchlogs.events import shorten
from searchlogs.logs.log import OUTPUT
from searchlogs.logs.tally import Tally
from searchlogs.metrics import ratio


def report(job: Job, summary: Summary) -> Iterator[str]:
    """Yield the lines of a run's summary."""
    tally = summary.tally
    ignored = ", ".join(f"{kind} {number:,}" for kind, number in sorted(tally.ignored.items()))
    yield (
        f"records   {tally.records:,} = {tally.gave_events:,} gave events "
        f"+ {tally.rejected:,} rejected + {sum(tally.ignored.values()):,} ignored"
        f" + {tally.duplicates:,} duplicates + {tally.framing:,} framing"
    )
    if tally.ignored:
        yield f"          ignored: {ignored}"
    yield (
        f"events    {tally.events:,} = {summary.session_events:,} in {summary.sessions:,} sessions "
        f"+ {summary.late:,} late"
    )
    yield from _notes(job, tally)
    if passed_over := job.log.passed_over:
        more = ["…"] * (len(passed_over) > MAX_LISTED)
        some = ", ".join([*passed_over[:MAX_LISTED], *more])
        kinds = "hidden or of no format"
        if any(path.endswith(f" ({OUTPUT})") for path in passed_over):
            kinds = "hidden, of no format or of earlier runs"
        yield f"files     {len(passed_over):,} passed over, {kinds}: {some}"
    if tally.first is not None and tally.last is not None:
        first, last = (time.isoformat(" ", "seconds") for time in (tally.first, tally.last))
        yield f"time      {first} to {last}"
    alone = f"{summary.sessions - summary.sessions_searched:,} without"
    out = job.outputs.sessions
    where = f", {alone} → {out}" if job.outputs.every_session else f" → {out}; {alone}"
    yield f"sessions  {summary.sessions_searched:,} with a search{where}"
    yield _searches(summary)
    ctr = ratio(summary.searches_clicked, summary.searches)
    yield f"CTR       {_number(ctr)} of all searches; mean of sessions {_number(summary.mean_ctr)}"
    yield (
        f"          {_number(ratio(summary.clicks_searched, summary.searches))} clicks per search; "
        f"{_number(ratio(summary.sessions_clicked, summary.sessions_searched))} of sessions clicked"
    )
    if summary.apostrophes:
        yield f"cells     {summary.apostrophes:,} with an apostrophe for spreadsheets"
    if summary.late_by:
        yield from _late(job, summary, *summary.late_by)
    if tally.rejected:
        yield f"rejects   {tally.rejected:,} → {job.outputs.paths['rejects']}"
        for reason, number in summary.reasons[:MAX_LISTED]:
            yield f"          {number:,} × {reason}"
        if len(summary.reasons) > MAX_LISTED:
            yield f"          other reasons: {len(summary.reasons) - MAX_LISTED:,}"


MAX_LISTED = 5
"""Most reasons of rejects, and most files passed over, that are listed."""


def _notes(job: Job, tally: Tally) -> Iterator[str]:
    """Yield what is to be known of how the log was read."""
    if tally.lines > tally.records:
        quoted = {format for _, format in job.log.files} == {"csv"}
        why = "quoted cells span lines" if quoted else "some span lines"
        yield f"lines     {tally.lines:,} in {tally.records:,} records: {why}"
    if tally.activity:
        kinds = ", ".join(f"{kind} {number:,}" for kind, number in sorted(tally.activity.items()))
        yield f"activity  {sum(tally.activity.values()):,} that keep sessions open: {kinds}"
    if tally.unread:
        values = (
            f"{field} on {number:,} {kind} record{'s' * (number > 1)}"
            for (kind, _, field), number in sorted(
                (name.partition("."), number) for name, number in tally.unread.items()
            )
        )
        yield f"unread    {', '.join(values)}"
    for ours, found in tally.mapped.items():
        if not found:
            yield f"mapped    {job.log.log.border.theirs(ours)!r} ({ours}) is in no record"


def _searches(summary: Summary) -> str:
    """Return the line about searches and clicks."""
    requests = f" in {summary.requests:,} requests" * (summary.requests > summary.searches)
    absent = summary.absent_query_clicks
    foreign = f" ({absent:,} of them name a query that is not there)" * (absent > 0)
    outside = summary.clicks - summary.clicks_searched
    alone = f", {outside:,} in sessions without a search" * (outside > 0)
    return (
        f"searches  {summary.searches:,}{requests}, {summary.searches_clicked:,} of them clicked; "
        f"clicks {summary.clicks:,}, {summary.orphan_clicks:,} of them orphans{foreign}{alone}"
    )


def _late(job: Job, summary: Summary, half_by: timedelta, all_by: timedelta) -> Iterator[str]:
    """Yield how many events were late, why, and what would keep them."""
    path = job.outputs.paths["late"]
    yield f"late      {summary.late:,}, {summary.late_share:.2%} of events → {path}"
    half, every = _wait(job, half_by), _wait(job, all_by)
    if half is None:
        yield f"          no wait of up to {format_duration(LONGEST)} would have saved half of them"
    else:
        rest = f"no wait of up to {format_duration(LONGEST)}" if every is None else every
        yield f"          a wait of {half} would have saved half of them, {rest} all"
    # Where many are late and these explain few of them, the log has no order: any event is ahead.
    few = 2 * sum(leap.late for leap in summary.leaps) < summary.late
    for leap in () if few and summary.late_share > job.max_late else summary.leaps:
        yield (
            f"          {leap.late:,} because user {shorten(leap.user)} was at {leap.time}: "
            f"if that is wrong, --ahead {format_duration(LEAP)} sets such events aside"
        )
    if summary.late_share > job.max_late:
        wait = "" if every is None else f", or wait for all of them (--wait {every})"
        sort = "sort the log by time (--sort)"
        yield f"          more than --max-late {job.max_late:g}: {sort}{wait}"


def _wait(job: Job, late_by: timedelta) -> str | None:
    """Return the wait that would have kept an event, as text; None if it is longer than allowed.

    It is rounded up to whole seconds if it is longer than one.
    """
    wait = job.windowing.wait + late_by
    second = timedelta(seconds=1)
    wait = -(-wait // second) * second if wait > second else wait
    return None if wait > LONGEST else format_duration(wait)


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
