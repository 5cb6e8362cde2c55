"""The summary of a run, in lines for a person."""

from collections.abc import Iterator
from datetime import timedelta

from searchlogs.command.job import Job
from searchlogs.command.publish import Summary
from searchlogs.durations import LONGEST, format_duration
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
        f"+ {len(summary.late_by):,} late"
    )
    if passed_over := job.log.passed_over:
        more = ["…"] * (len(passed_over) > MAX_LISTED)
        some = ", ".join([*passed_over[:MAX_LISTED], *more])
        yield f"files     {len(passed_over):,} passed over, hidden or of no format: {some}"
    if tally.first is not None and tally.last is not None:
        first, last = (time.isoformat(" ", "seconds") for time in (tally.first, tally.last))
        yield f"time      {first} to {last}"
    alone = f"{summary.sessions - summary.sessions_searched:,} without"
    out = job.outputs.sessions
    where = f", {alone} → {out}" if job.every_session else f" → {out}; {alone}"
    yield f"sessions  {summary.sessions_searched:,} with a search{where}"
    outside = summary.clicks - summary.clicks_searched
    yield (
        f"searches  {summary.searches:,}, {summary.searches_clicked:,} of them clicked; "
        f"clicks {summary.clicks:,}, {summary.orphan_clicks:,} of them orphans"
        f"{f', {outside:,} in sessions without a search' if outside else ''}"
    )
    ctr = ratio(summary.searches_clicked, summary.searches)
    yield f"CTR       {_number(ctr)} of all searches; mean of sessions {_number(summary.mean_ctr)}"
    yield (
        f"          {_number(ratio(summary.clicks_searched, summary.searches))} clicks per search; "
        f"{_number(ratio(summary.sessions_clicked, summary.sessions_searched))} of sessions clicked"
    )
    if summary.late_by:
        yield from _late(job, summary)
    if tally.rejected:
        yield f"rejects   {tally.rejected:,} → {job.outputs.paths['rejects']}"
        for reason, number in summary.reasons[:MAX_LISTED]:
            yield f"          {number:,} × {reason}"
        if len(summary.reasons) > MAX_LISTED:
            yield f"          other reasons: {len(summary.reasons) - MAX_LISTED:,}"


MAX_LISTED = 5
"""Most reasons of rejects, and most files passed over, that are listed."""


def _late(job: Job, summary: Summary) -> Iterator[str]:
    late = summary.late_by
    share = len(late) / summary.tally.events
    yield f"late      {len(late):,}, {share:.2%} of events → {job.outputs.paths['late']}"
    half, all_of_them = (
        _round_up(job.windowing.wait + late[index]) for index in ((len(late) - 1) // 2, -1)
    )
    yield f"          a wait of {half} would have saved half of them, {all_of_them} all"


def _round_up(wait: timedelta) -> str:
    """Return a wait as text, in whole seconds if it is longer than one."""
    if wait > LONGEST:
        return f"more than {format_duration(LONGEST)}, the longest,"
    second = timedelta(seconds=1)
    return format_duration(-(-wait // second) * second if wait > second else wait)


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
