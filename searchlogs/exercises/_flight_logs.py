"""Small logs of flights on which the capstone's answers are checked."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal

from searchlogs.exercises._core import Case
from searchlogs.exercises._flow_cases import FlowCase
from searchlogs.exercises.flights import Report

BEHIND = {"LGA": 5, "BOS": 5, "ORD": 6}
"""How many hours an airport's clocks are behind UTC in winter."""
SPRING = datetime(2013, 3, 10, 7, tzinfo=UTC)
"""When the clocks of New York and Boston go forward."""
HOUR = timedelta(hours=1)
Reports = tuple[Report, ...]


def local(time: str, airport: str) -> datetime:
    """Return a moment of March 2013, such as "08 13:05" in UTC, on an airport's clocks."""
    moment = datetime.strptime(f"2013-03-{time}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    return moment.astimezone(timezone((moment >= SPRING) * HOUR - BEHIND[airport] * HOUR))


def report(
    kind: Literal["departure", "arrival", "cancellation"],
    aircraft: str | None,
    time: str,
    late: int = 0,
    flight: str = "US 2142",
    to: str = "BOS",
) -> Report:
    """Return the report of what should have happened at `time`, in UTC, and came minutes `late`."""
    scheduled = local(time, to if kind == "arrival" else "LGA")
    happened = None if kind == "cancellation" else scheduled + timedelta(minutes=late)
    carrier, number = flight.split()
    return Report(kind, aircraft, carrier, int(number), "LGA", to, scheduled, happened)


def flown(aircraft: str, leaves: str, lands: str, late: int = 0, **more: Any) -> Reports:
    """Return the two reports of a flight, in the order of the log: first that it has landed."""
    arrival = report("arrival", aircraft, lands, late, **more)
    return arrival, report("departure", aircraft, leaves, late, **more)


MORNING = flown("N963UW", "07 12:53", "07 14:44", flight="US 2118")
NOON = flown("N963UW", "07 16:58", "07 18:10", flight="US 2126")
EVENING = flown("N963UW", "07 23:55", "08 05:12", flight="US 2142")


def single_reports() -> tuple[Case, ...]:
    """Return one report per case."""
    found: dict[str, Report] = {
        "a departure": report("departure", "N963UW", "07 12:53"),
        "the arrival of the same flight": report("arrival", "N963UW", "07 14:44"),
        "another aircraft": report("departure", "N945UW", "07 12:53", flight="B6 361"),
        "an aircraft in January": report("departure", "N181PQ", "01 12:53", flight="9E 3525"),
        "the same in March": report("departure", "N181PQ", "07 12:53", flight="EV 4322"),
        "a cancellation": report("cancellation", "N963UW", "08 12:53"),
        "a cancellation of no aircraft": report("cancellation", None, "08 13:00"),
    }
    return tuple(Case(name, (one,)) for name, one in found.items())


def waits() -> tuple[Case, ...]:
    """Return logs that need different waits."""
    diverted = (
        *flown("N963UW", "07 13:00", "07 14:30"),
        *flown("N945UW", "07 15:00", "07 17:00"),
        report("departure", "N177US", "07 12:30", to="ORD"),
    )
    two_airlines = (
        *flown("N963UW", "07 12:00", "07 14:30"),
        *flown("N585JB", "07 15:00", "07 20:00", flight="B6 361"),
        report("departure", "N177US", "07 13:00", flight="US 2126"),
    )
    unreported = (
        report("arrival", "N963UW", "07 20:00", flight="US 2142"),
        report("departure", "N963UW", "07 18:00", flight="US 2142"),
        report("departure", "N963UW", "07 14:00", flight="US 2126"),
    )
    cancelled = (
        report("cancellation", "N963UW", "07 03:00"),
        *MORNING,
        report("cancellation", None, "07 02:00"),
    )
    worse = (
        *MORNING,
        report("arrival", "N963UW", "07 18:10", late=90),
        report("departure", "N963UW", "07 16:58", late=20),
    )
    logs: dict[str, Reports] = {
        "one flight": MORNING,
        "two flights of one aircraft": (*MORNING, *NOON),
        "an aircraft that was diverted": diverted,
        "two airlines": two_airlines,
        "a landing that nobody reported": unreported,
        "two cancellations": cancelled,
        "a flight to Chicago": flown("N963UW", "07 12:53", "07 15:40", to="ORD"),
        "the night in which the clocks change": flown("N585JB", "10 04:06", "10 07:03"),
        "a late departure": flown("N963UW", "07 12:53", "07 14:44", late=150),
        "a flight that lost time in the air": worse,
        "no reports": (),
    }
    return tuple(Case(name, (list(log),)) for name, log in logs.items())


def flows() -> tuple[FlowCase, ...]:
    """Return the logs that flows are run on, each with a gap and a wait."""
    usual = (9 * HOUR, 12 * HOUR)
    cancelled = (
        report("cancellation", None, "07 12:00"),
        *MORNING,
        report("cancellation", "N963UW", "07 16:00"),
        *flown("N945UW", "07 16:00", "07 19:00", to="ORD", flight="US 2118"),
    )
    handed_on = (
        *flown("N181PQ", "07 12:00", "07 13:00", flight="9E 3525"),
        *flown("N181PQ", "07 15:00", "07 17:00", flight="EV 4322"),
    )
    next_day = flown("N963UW", "08 12:00", "08 13:00", flight="US 2118")
    exact = flown("N963UW", "07 23:44", "08 00:40", flight="US 2142")
    delayed = flown("N963UW", "07 16:58", "07 18:10", late=300, flight="US 2126")
    changing = (
        *flown("N585JB", "10 04:06", "10 07:03", flight="B6 361"),
        *flown("N585JB", "10 15:55", "10 17:00", flight="B6 363"),
    )
    # The flight took three hours, and by the clocks of Boston four.
    spring = (HOUR * 3.5, 12 * HOUR)
    logs: dict[str, tuple[Reports, tuple[timedelta, timedelta], int]] = {
        "two flights of one aircraft": ((*MORNING, *NOON), usual, 1),
        "a night between two flights": ((*MORNING, *next_day), usual, 1),
        "two cancellations": (cancelled, usual, 2),
        "a wait shorter than a flight": ((*MORNING, *EVENING), (9 * HOUR, HOUR), 1),
        "an aircraft with two airlines": (handed_on, usual, 2),
        "a pause exactly as long as the gap": ((*MORNING, *exact), usual, 4),
        "the night in which the clocks change": (changing, spring, 3),
        "a delay of five hours": ((*MORNING, *delayed), (3 * HOUR, 12 * HOUR), 1),
    }
    killed = FlowCase("a kill after the fourth report", (*cancelled, *NOON), 1, 4, settings=usual)
    cases = [FlowCase(name, log, size, settings=set) for name, (log, set, size) in logs.items()]
    return (*cases, killed)


def days() -> tuple[Case, ...]:
    """Return days to rate."""

    def day(*arguments: Any, **named: Any) -> Reports:
        return flown(*arguments, **named)[::-1]

    first = (
        *day("N963UW", "07 12:53", "07 14:44"),
        *day("N963UW", "07 16:58", "07 18:10", late=30),
        *day("N963UW", "07 20:00", "07 21:10", late=150),
    )
    punctual = day("N945UW", "07 12:53", "07 14:44", late=-6)
    fifteen = day("N945UW", "08 12:53", "08 14:44", late=15)
    fourteen = day("N177US", "08 12:53", "08 14:44", late=14)
    early = day("N181PQ", "08 13:00", "08 14:44", late=-20, flight="9E 3525")
    midnight = day("N181PQ", "09 04:50", "09 06:00", late=20, flight="EV 4322")
    caught_up = (
        report("departure", "N177US", "09 12:00", late=25),
        report("arrival", "N177US", "09 14:00", late=3),
    )
    landed = (report("arrival", "N963UW", "09 14:00", late=-10),)
    many = tuple(
        day(f"N{100 + n % 11}US", f"08 {n % 24:02}:10", f"08 {n % 24:02}:55", late=7 * n % 41 - 9)
        for n in range(60)
    )
    logs: dict[str, tuple[Reports, ...]] = {
        "two aircraft": (first, punctual),
        "a delay of exactly 15 minutes": (punctual, fifteen, fourteen),
        "a plane that left early": (first, early, fifteen),
        "a flight past midnight": (early, midnight, punctual),
        "a delay made good in the air": (caught_up, first, fourteen),
        "a day that begins with a landing": (landed, first, punctual),
        "a day without any delay": (punctual, fourteen),
        "one aircraft": (first,),
        "no departures": (landed,),
        "eleven aircraft": many,
    }
    return tuple(Case(name, (list(found),)) for name, found in logs.items())
