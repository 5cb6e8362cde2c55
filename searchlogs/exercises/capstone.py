"""The exercises of notebook 13: key, gap, wait, a flow with both sums, and a rate of flights."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import SessionWindower, collect_window

from searchlogs.exercises import _flight_logs as logs
from searchlogs.exercises import _wrong_flights as wrong
from searchlogs.exercises._core import Mistake, Question, Task
from searchlogs.exercises._flows import FlowTask
from searchlogs.exercises._parts import duration
from searchlogs.exercises._values import alike
from searchlogs.exercises._verdict import Verdict
from searchlogs.exercises.flights import Report, read_rows
from searchlogs.sessions import replay_clock
from searchlogs.tables import interval

HOUR = timedelta(hours=1)


def my_key(report: Report) -> str | None:
    """Return the key of a report, or None if it has none."""
    return report.aircraft


@dataclass(kw_only=True, eq=False, repr=False)
class _Closed(Task):
    """A task whose verdict does not show the key that is expected: one look would be enough."""

    def _judge(self, answer: Any) -> Verdict:
        verdict = super()._judge(answer)
        hidden = "another key, as text"
        facts = [
            (name, hidden if name == "expected" and text != "None" else text)
            for name, text in verdict.facts
        ]
        return replace(verdict, facts=tuple(facts))


whose_day = _Closed(
    name="whose_day",
    hints=(
        "Look at the four rows of the picture again. In which of them does one bar lead to the "
        "next, so that a delay can be handed on?",
        "A key is one text for each of those whose day you follow. Airports and airlines are "
        "hundreds of flights at a time.",
        "What does the log hold where nobody knows the answer? Look at some cancellations. Text "
        "made of nothing would put strangers into one day.",
    ),
    solve=my_key,
    notice="An aircraft can't leave before it has come in, so it carries its delay along. Its "
    "number stays when the airline changes. A flight without one belongs to nobody's day, and "
    "still has to be counted.",
    cases=logs.single_reports,
    mistakes={
        lambda report: str(report.aircraft): (
            "Where no aircraft is known, this makes the text `None`, and all such reports become "
            "the day of one aircraft called None. Return None itself."
        ),
        lambda report: report.aircraft or "": (
            "Where no aircraft is known, the key is empty text: all such reports become the day of "
            "one aircraft without a name. Return None."
        ),
        lambda report: report.aircraft or "unknown": (
            "Where no aircraft is known, the reports share one key, as if they were the day of one "
            "aircraft. Return None."
        ),
        lambda report: f"{report.carrier} {report.aircraft}": (
            "The airline is in the key. One aircraft flew for 9E in January and for EV in March, "
            "and this makes two of it."
        ),
        lambda report: report.carrier: (
            "This is the airline: dozens of flights at a time, whose days run into one another. "
            "Which row of the picture explains the delay?"
        ),
        lambda report: str(report.flight): (
            "This is the flight's number. It comes once a day, and Thursday's flight hands nothing "
            "on to Friday's. Other airlines use the number too."
        ),
        lambda report: report.flight: (
            "This is the flight's number. It comes once a day, and Thursday's flight hands nothing "
            "on to Friday's. And a key must be text."
        ),
        lambda report: f"{report.carrier} {report.flight}": (
            "Airline and number name a flight, which comes once a day. What is late in the evening "
            "because it was late at noon?"
        ),
        lambda report: report.origin: (
            "This is the airport, where hundreds of flights meet. Its day never pauses."
        ),
        lambda report: report.dest: (
            "This is where the flight goes. Whoever flies there next day is somebody else."
        ),
        lambda report: report.kind: (
            "This is the kind of report. All departures would be the day of one."
        ),
        lambda report: f"{report.aircraft} {report.scheduled:%d}": (
            "The day is in the key. A flight past midnight would be cut in two, by the calendar "
            "and not by a pause. Where a day ends is the gap's work, in station 2."
        ),
        lambda report: (report.aircraft, report): (
            "This is a pair of key and report. Return the key alone; `op.key_on` makes the pair."
        ),
    },
)


SHORTEST, LONGEST = timedelta(hours=7, minutes=5), timedelta(hours=11, minutes=17)
"""The shortest and the longest gap, in whole minutes, that keep both promises on this week."""


def my_gap() -> timedelta:
    """Return a gap in the middle of the valley."""
    return timedelta(hours=9)


def _between(low: float, high: float) -> Any:
    """Return a predicate: is a duration over `low` hours, and at most `high`?"""
    return lambda given: low * HOUR < duration(given) <= high * HOUR


working_day = Question(
    name="working_day",
    hints=(
        "Draw the pauses under your key. To the left are flights and the turns between them, to "
        "the right are nights. Where is the valley?",
        "Try some gaps with `effect`. A shorter gap cuts more flights in the air, a longer one "
        "joins more days. Between which gaps are both promises kept?",
    ),
    solve=my_gap,
    expects="a timedelta that keeps both promises",
    same=lambda given, expected: SHORTEST <= duration(given) <= LONGEST,
    notice="Any gap in this valley can be defended. None is without fault: flights to Honolulu "
    "take over ten hours, longer than some nights. Say so beside your number, with the counts.",
    mistakes=(
        Mistake(
            timedelta(minutes=30),
            "That is the gap of search logs. Here a step is a flight, which takes hours: this cuts "
            "every one in the air.",
            _between(-1, 0.65),
        ),
        Mistake(
            timedelta(hours=4),
            "This is shorter than many flights: more than one in 200 leaves in one session and "
            "lands in the next.",
            lambda given: timedelta(0) <= duration(given) < SHORTEST,
        ),
        Mistake(
            timedelta(days=1),
            "This is a calendar's day, and not a pause. A plane that flies each day at eight "
            "pauses less than that, so its whole week becomes one day.",
            lambda given: duration(given) == timedelta(days=1),
        ),
        Mistake(
            timedelta(hours=14),
            "This is longer than many nights: more than one session in 20 lasts over 20 hours, "
            "because the plane slept in between.",
            lambda given: duration(given) > LONGEST,
        ),
        Mistake(
            9,
            "A number alone has no unit. Write it as a timedelta, such as `timedelta(hours=1)`.",
            lambda given: isinstance(given, int | float) and not isinstance(given, bool),
        ),
        Mistake(
            -HOUR,
            "A pause can't be shorter than nothing.",
            lambda given: given < timedelta(0),
        ),
    ),
)


def my_wait(reports: list[Report]) -> timedelta:
    """Return the shortest wait at which no report of what happened is late."""
    newest: dict[str | None, datetime] = {}
    wait = timedelta(0)
    for report in reports:
        if report.time is not None:
            seen = newest.get(report.aircraft, report.time)
            newest[report.aircraft] = max(seen, report.time)
            wait = max(wait, newest[report.aircraft] - report.time)
    return wait


long_enough = Task(
    name="long_enough",
    hints=(
        "An event is late if it is older than the newest of its key so far − wait. How far behind "
        "that newest is the event that is furthest behind?",
        "Go through the reports once, in their order, with a dictionary: the newest time so far, "
        "by key.",
        "Times with different offsets can be compared and subtracted as they are. What is None "
        "never happened, so it can't be late.",
    ),
    solve=my_wait,
    notice="On this week that is the longest flight, since a departure is reported with the "
    "landing. In a replay a long wait costs memory only. Live, it is how long each day stays open.",
    cases=logs.waits,
    mistakes={
        wrong.of_all_aircraft: (
            "Here one aircraft's reports make another's late. The watermark belongs to the key: "
            "keep the newest time of each aircraft."
        ),
        wrong.of_each_carrier: (
            "The newest time is that of the airline here. Your key in station 1 is another."
        ),
        wrong.of_each_flight: (
            "The newest time is that of the flight's number here. Your key in station 1 is another."
        ),
        wrong.on_wall_clocks: (
            "The offsets are gone, so the clocks of two cities are compared as if they were one. "
            "Subtract the times as they are."
        ),
        wrong.of_the_schedule: (
            "This goes by the schedule. What counts is when things happened: `time`."
        ),
        wrong.from_the_neighbour: (
            "This compares each report with the one before it. The watermark remembers the newest "
            "of all so far."
        ),
        wrong.from_the_first: (
            "This is the time from an aircraft's first event to its last, whatever their order. "
            "Only what comes after something newer can be late."
        ),
        wrong.of_the_flights: (
            "This is the longest flight. It may be the wait too, but nothing makes it so: "
            "a report can be behind for other reasons. Go by the rule for late events."
        ),
        lambda reports: my_wait(reports).total_seconds() / 3600: (
            "These are hours as a number. Return the timedelta itself."
        ),
        lambda reports: my_wait(reports) + timedelta(microseconds=1): (
            "A moment too long: an event that stands exactly on the watermark is not late."
        ),
        lambda reports: my_wait(reports[::-1]): (
            "The reports are read from the end. They arrived in the order of the list."
        ),
    },
)


def my_flow(source: Any, sink: Any, gap: timedelta, wait: timedelta) -> Dataflow:
    """Assemble a flow from reports to rows: days, late reports, and the rest."""
    flow = Dataflow("flights")
    reports = op.input("reports", flow, source)
    ways = op.branch(
        "happened",
        reports,
        lambda report: report.time is not None and report.aircraft is not None,
    )
    keyed = op.key_on("aircraft", ways.trues, lambda report: report.aircraft)
    clock = replay_clock(wait, attrgetter("time"))
    windows = collect_window("day", keyed, clock, SessionWindower(gap))
    days = op.map("day_row", windows.down, lambda pair: ("day", pair[1][1]))
    late = op.map("late_row", windows.late, lambda pair: ("late", pair[1][1]))
    rest = op.map("rest_row", ways.falses, lambda report: ("rest", report))
    op.output("out", op.merge("rows", days, late, rest), sink)
    return flow


both_sums = FlowTask(
    name="both_sums",
    solve=my_flow,
    hints=(
        "Three ways out: what never happened goes to the rest, before the key. `op.branch` "
        "has `trues` and `falses`. The window has `down` and `late`.",
        "`replay_clock` takes the wait, and a function that gives a report's time. "
        "`collect_window` takes the name "
        "of the step, the keyed stream, the clock and the windower, and gives pairs of a key and "
        "a pair of number and value.",
        "Give each of the three streams its word with `op.map`, and write all three to the sink: "
        "by three `op.output` with names of their own, or one behind `op.merge`.",
    ),
    notice="Every report is in exactly one row, so both sums hold: reports = events + rest, and "
    "events = in days + late. Now run it on the week, and add them up.",
    read_rows=read_rows,
    cases=logs.flows,
    mistakes={
        wrong.late_unread: (
            "Late reports are lost: the window puts out another stream, `late`. Write them to the "
            'sink, too, with the word "late".'
        ),
        wrong.all_enter: (
            "A report without a time came to the clock. What never happened is no event: let it "
            "leave for the rest before the window."
        ),
        wrong.rest_unread: (
            "What never happened is lost. It is no event, but it is a report: write it to the sink "
            'with the word "rest", or the first sum fails.'
        ),
        wrong.days_alone: (
            "Only the days come out. Late reports, and those of what never happened, are lost: "
            "write them to the sink too, or neither sum holds."
        ),
        wrong.without_arrivals: (
            "Arrivals are among the rest here. They happened, and an aircraft's day lasts until it "
            "has landed."
        ),
        wrong.by_carrier: "The key is the airline here. Which is yours, from station 1?",
        wrong.by_flight: "The key is the flight here. Which is yours, from station 1?",
        wrong.by_carrier_too: (
            "The airline is in the key, so an aircraft that changes its airline is two."
        ),
        wrong.swapped: (
            "Gap and wait are swapped: the gap goes to the windower, the wait to the clock."
        ),
        wrong.without_wait: (
            "More is late than should be. The clock must know the `wait` that the function gets."
        ),
        wrong.by_schedule: (
            "The clock reads the schedule. What counts is when things happened: `time`."
        ),
        wrong.cancelled_too: (
            "Cancelled flights are in the days, at the time of their schedule. They never "
            "happened: write them to the rest."
        ),
        wrong.by_wall_clock: (
            "The offsets are gone, so clocks of two cities are compared as if they were one. Leave "
            "the times as they are."
        ),
        wrong.by_calendar: (
            "The calendar cuts the days here, also in the middle of a flight. Use a windower that "
            "cuts at pauses."
        ),
        wrong.without_words: (
            "The rows have no word. Each is a pair of what it is and what it holds, such as "
            '`("rest", report)`.'
        ),
        wrong.late_among_the_rest: (
            'Late reports have the word "rest". They did happen, and belong to the other sum: '
            'their word is "late".'
        ),
    },
)  # fmt: skip


def my_rate(days: list[tuple[Report, ...]]) -> tuple[float, float | None, float | None] | None:
    """Return the share of departures on time, and the ends of its 95 % interval over aircraft."""
    import pandas as pd

    rows = []
    for day in days:
        for report in day:
            if report.kind == "departure" and report.time is not None:
                late = report.time - report.scheduled
                rows.append((report.aircraft, 1, int(late < timedelta(minutes=15))))
    if not rows:
        return None
    table = pd.DataFrame(rows, columns=["user", "searches", "searches_clicked"])
    low, high = interval(table) or (None, None)
    return float(table["searches_clicked"].mean()), low, high


def _close(given: Any, expected: Any) -> bool:
    """Return whether numbers agree up to a ten-thousandth: 1.96 is as good as 1.95996."""
    if isinstance(expected, tuple):
        return len(given) == len(expected) and all(map(_close, given, expected))
    if isinstance(expected, float):
        return bool(abs(given - expected) < 1e-4)
    return alike(given, expected)


on_time = Task(
    name="on_time",
    hints=(
        "Say it as a sentence first: of which reports, the share of which? Then count both, over "
        "all days together.",
        "`interval` takes a table of searches. Here a departure stands for a search, one that left "
        "on time for a searched one with a click, and your key for the user.",
        "An early plane has a negative delay. A `timedelta` can be compared with another one; its "
        "`seconds` alone leave out the sign.",
    ),
    solve=my_rate,
    same=_close,
    notice="For the week it should be 0.709, from 0.696 to 0.722. The interval answers for other "
    "aircraft in this same week. It knows nothing of other weeks, other weather, or the 519 "
    "flights that never left: say so beside it.",
    cases=logs.days,
    mistakes={
        wrong.fifteen_too: (
            "Exactly 15 minutes late counts as on time here. On time is *less than* 15 minutes."
        ),
        wrong.early_is_late: "A plane that leaves early is on time: only lateness counts.",
        wrong.seconds_of_a_negative: (
            "An early plane counts as late here. Was `.seconds` used? For 6 minutes early it is "
            "86,040: compare timedeltas."
        ),
        wrong.not_a_minute_late: (
            "Only planes without any delay count as on time here. The border is 15 minutes."
        ),
        wrong.arrivals: "This is the share of arrivals on time. The question is about departures.",
        wrong.both_ends: "Arrivals are counted too. The question is about departures alone.",
        wrong.each_day_alone: (
            "The rate is right, the interval isn't: each day counts as an aircraft of its own. "
            "Days of one aircraft depend on each other."
        ),
        wrong.each_carrier: (
            "The rate is right, the interval isn't: it is over airlines here. Which is your key?"
        ),
        wrong.as_coins: (
            "The rate is right. The interval takes each departure for a toss of a coin, and a late "
            "aircraft is often late again: let aircraft vary."
        ),
        wrong.mean_of_days: (
            "This is the mean of the days' own rates, where a day with one departure weighs as "
            "much as one with five. `interval` is that of the ratio of sums: take both from there."
        ),
        wrong.the_rate_alone: (
            "This is the rate alone. Without its ends nobody knows how sure it is: return all "
            "three."
        ),
        wrong.low_first: "The three numbers are in another order: rate, low end, high end.",
        wrong.nothing_is_zero: (
            "Without a departure no rate is defined. 0 would claim that all were late: return None."
        ),
    },
)  # fmt: skip
