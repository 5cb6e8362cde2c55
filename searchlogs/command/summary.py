"""The summary of a run, in lines for a person or as JSON for a machine."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

from searchlogs.command.job import Job
from searchlogs.command.late import LEAP
from searchlogs.command.outlets import STDOUT
from searchlogs.command.publish import Summary
from searchlogs.durations import LONGEST, format_duration
from searchlogs.events import shorten
from searchlogs.logs.log import OUTPUT
from searchlogs.logs.tally import Tally
from searchlogs.metrics import ratio


def report(job: Job, summary: Summary, is_kept: bool = True) -> Iterator[str]:
    """Yield the lines of a run's summary: what was found, the two sums, and what is to be known.

    Args:
        job: The run.
        summary: What it found.
        is_kept: Whether its outputs are kept; else the sessions went to standard output.
    """
    tally = summary.tally
    yield from _found(job, summary, is_kept)
    others = {
        "rejected": tally.rejected,
        "ignored": sum(tally.ignored.values()),
        "duplicates": tally.duplicates,
        "framing": tally.framing,
    }
    yield f"records   {tally.records:,} = {tally.gave_events:,} gave events{_more(others)}"
    if tally.ignored:
        kinds = ", ".join(f"{kind} {number:,}" for kind, number in sorted(tally.ignored.items()))
        yield f"          ignored: {kinds}"
    inside = f"{summary.session_events:,} in {_sessions(summary.sessions)}"
    yield f"events    {tally.events:,} = {inside}{_more({'late': summary.late})}"
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
    if summary.apostrophes:
        yield f"cells     {summary.apostrophes:,} with an apostrophe for spreadsheets"
    if summary.late_by:
        share = f"{summary.late_share:.2%} of events"
        yield f"late      {summary.late:,}, {share}{_where(job, 'late', is_kept)}"
        yield from _late(job, summary, *summary.late_by)
    if tally.rejected:
        yield f"rejects   {tally.rejected:,}{_where(job, 'rejects', is_kept)}"
        for reason, number in summary.reasons[:MAX_LISTED]:
            yield f"          {number:,} × {reason}"
        if len(summary.reasons) > MAX_LISTED:
            yield f"          other reasons: {len(summary.reasons) - MAX_LISTED:,}"
        event = job.log.log.border.theirs("event")
        if not tally.gave_events and summary.reasons[0][0].startswith(f"{event}: "):
            yield (
                "          none gave an event: --map and --kinds translate the log's words, and "
                "--format names its format"
            )


def to_json(job: Job, summary: Summary, is_kept: bool = True) -> str:
    """Return a run's summary as a JSON object; `run --help` documents its keys.

    Args:
        job: The run.
        summary: What it found.
        is_kept: Whether its outputs are kept; else the sessions went to standard output.
    """
    found = asdict(summary)
    tally = found.pop("tally")
    half_by, all_by = found.pop("late_by") or (None, None)
    del found["leaps"]
    found |= {
        "ctr": ratio(summary.searches_clicked, summary.searches),
        "clicks_per_search": ratio(summary.clicks_searched, summary.searches),
        "session_ctr": ratio(summary.sessions_clicked, summary.sessions_searched),
        "late_share": summary.late_share,
        "late_by_half": half_by and half_by.total_seconds(),
        "late_by_all": all_by and all_by.total_seconds(),
        "reasons": dict(summary.reasons),
        "unmapped": [name for name, found in tally.pop("mapped").items() if not found],
        "passed_over": job.log.passed_over,
        "outputs": job.outputs.paths if is_kept else {"sessions": STDOUT},
    }
    return json.dumps({**found, **tally}, default=_as_text)


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _found(job: Job, summary: Summary, is_kept: bool) -> Iterator[str]:
    """Yield what people ask first: the sessions, the searches, the click-through rate."""
    alone = summary.sessions - summary.sessions_searched
    without = f"{alone:,} without" if alone else ""
    where = _where(job, "sessions", is_kept)
    middle, end = (without, "") if job.outputs.every_session else ("", without)
    middle, end = f", {middle}" * bool(middle), f"; {end}" * bool(end)
    yield f"sessions  {summary.sessions_searched:,} with a search{middle}{where}{end}"
    yield _searches(summary)
    if not summary.searches:
        yield "CTR       undefined, as there is no search"
        return
    ctr = ratio(summary.searches_clicked, summary.searches)
    yield f"CTR       {_number(ctr)} of all searches; mean of sessions {_number(summary.mean_ctr)}"
    yield (
        f"          {_number(ratio(summary.clicks_searched, summary.searches))} clicks per search; "
        f"{_number(ratio(summary.sessions_clicked, summary.sessions_searched))} of sessions clicked"
    )


def _where(job: Job, what: str, is_kept: bool) -> str:
    """Return where an output is, to be added to a line."""
    if is_kept:
        return f" → {job.outputs.paths[what]}"
    return " → standard output" if what == "sessions" else " (kept only if --out names a file)"


def _more(counts: Mapping[str, int]) -> str:
    """Return the further terms of a sum that are not zero."""
    return "".join(f" + {number:,} {name}" for name, number in counts.items() if number)


def _sessions(number: int) -> str:
    return f"{number:,} session{'s' * (number != 1)}"


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
    clicked = f", {summary.searches_clicked:,} of them clicked" * (summary.searches > 0)
    line = f"searches  {summary.searches:,}{requests}{clicked}"
    if not summary.clicks:
        return line
    line += f"; clicks {summary.clicks:,}"
    return line + _orphans(summary) * (summary.orphan_clicks > 0)


def _orphans(summary: Summary) -> str:
    """Return how many clicks are orphans. In a session without a search, every click is one."""
    number, absent = summary.orphan_clicks, summary.absent_query_clicks
    foreign = f" ({absent:,} of them name a query that is not there)" * (absent > 0)
    outside = summary.clicks - summary.clicks_searched
    if number == 1:
        return f", 1 of them an orphan{foreign}" + ", in a session without a search" * outside
    some = "all" if outside == number else f"{outside:,} of these"
    sessions = "a session" if outside == 1 else "sessions"
    where = f", {some} in {sessions} without a search" * (outside > 0)
    return f", {number:,} of them orphans{foreign}{where}"


def _late(job: Job, summary: Summary, half_by: timedelta, all_by: timedelta) -> Iterator[str]:
    """Yield why events were late, and what would keep them."""
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
