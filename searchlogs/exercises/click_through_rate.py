"""The exercises of notebook 05: which click belongs where, a rate that is one, and its average."""

from datetime import timedelta
from functools import cache
from typing import Any

from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.exercises._core import Case, Mistake, Question, Task, at
from searchlogs.exercises._parts import says
from searchlogs.exercises._values import alike
from searchlogs.exercises._wrong_attributions import MISTAKES as ATTRIBUTIONS
from searchlogs.exercises._wrong_rates import MEANS, RATES
from searchlogs.metrics import attribute, click_through_rate, example
from searchlogs.sessions import Session
from searchlogs.simulate import client_events, simulate


def _session_of(*events: Event) -> Session:
    """Make a session of events of one user."""
    return Session(str(events[0].user), 0, events)


no_search = _session_of(AppOpen(5, at(0)), ClickResult(5, "news", at(2)))
no_click = _session_of(Search(6, "quiet parrots", at(0)), Results(6, (), at(1)))
two_clicks = _session_of(*client_events()[3:])
back_and_forth = _session_of(
    Search(4, "dogs", at(3)),
    Results(4, ("fido", "rover"), at(4)),
    Search(4, "puppies", at(10)),
    Results(4, ("rex", "rover"), at(11)),
    ClickResult(4, "fido", at(15)),
    ClickResult(4, "rover", at(18)),
)
with_an_orphan = _session_of(
    ClickResult(4, "rex", at(1)),
    Search(4, "puppies", at(3)),
    Results(4, ("rex", "bella"), at(4)),
    ClickResult(4, "news", at(8)),
    ClickResult(4, "bella", at(9)),
    Search(4, "cats", at(12)),
    Results(4, ("kathy",), at(13)),
)


dogs_again = _session_of(
    Search(4, "dogs", at(3)),
    Results(4, ("fido", "rover"), at(4)),
    Search(4, "cats", at(10)),
    Results(4, ("tom", "rover"), at(11)),
    Search(4, "dogs", at(15)),
    Results(4, ("rex", "rover"), at(16)),
    ClickResult(4, "rover", at(20)),
    ClickResult(4, "fido", at(24)),
)
two_of_three = _session_of(
    Search(8, "sofa", at(0)),
    Results(8, ("red sofa", "blue sofa"), at(1)),
    ClickResult(8, "blue sofa", at(5)),
    Search(8, "armchair", at(20)),
    Results(8, ("old chair",), at(21)),
    Search(8, "lamp", at(30)),
    Results(8, ("desk lamp", "floor lamp"), at(31)),
    ClickResult(8, "floor lamp", at(34)),
    ClickResult(8, "desk lamp", at(40)),
)


@cache
def simulated() -> tuple[Session, ...]:
    """Return the sessions of a simulated afternoon."""
    return tuple(find_sessions(simulate(8, 20, seed=5), gap=timedelta(minutes=30))[0])


def my_attribution(session: Session) -> list[str | None]:
    """Return for each click the query of its search, or None."""
    query = ""
    shown: list[tuple[str, tuple[str, ...]]] = []
    found: list[str | None] = []
    for event in session.events:
        if isinstance(event, Search):
            query = event.query
        elif isinstance(event, Results):
            shown.append((query, event.items))
        elif isinstance(event, ClickResult):
            holding = [asked for asked, items in shown if event.item in items]
            found.append(holding[-1] if holding else None)
    return found


attribute_a_click = Task(
    name="attribute_a_click",
    hints=(
        "Go through `session.events` once. `isinstance(event, Search)` tests the kind; "
        "remember what you have seen so far.",
        "At results, note them together with the query before them. At a click, look through "
        "your notes for its item.",
        "Look through the notes from the end, `reversed(notes)`, and stop at the first one "
        "that holds the item. If none does, the entry is None.",
    ),
    solve=my_attribution,
    notice="People go back to earlier results, and click on things that no search has shown. "
    "`metrics.attribute` has two more rules, for logs with a `query_id` or without "
    "results.",
    cases=lambda: (
        Case("the tutorial's user 2", (two_clicks,)),
        Case("somebody who goes back", (back_and_forth,)),
        Case("clicks that no earlier search has shown", (with_an_orphan,)),
        Case("somebody who searches for the same thing twice", (dogs_again,)),
        Case("a session in which nobody searched", (no_search,)),
        Case("a session without a click", (no_click,)),
        *(Case("a simulated session", (session,)) for session in simulated()),
    ),
    mistakes=ATTRIBUTIONS,
)


def evening() -> dict[str, float]:
    """Return three meanings of click-through rate for two sessions."""
    clicks_of_searches = [[3, 0], [0, 0]]  # for each session, the clicks of each of its searches
    clicks = [number for session in clicks_of_searches for number in session]
    return {
        "clicks_per_search": sum(clicks) / len(clicks),
        "ctr": sum(number > 0 for number in clicks) / len(clicks),
        "session_ctr": sum(any(session) for session in clicks_of_searches)
        / len(clicks_of_searches),
    }


three_meanings = Question(
    name="three_meanings",
    hints=(
        "What does each of the three divide by: searches, or sessions?",
        "Two of them divide by the number of searches. One of these two counts clicks, and the "
        "other counts searches that were clicked.",
    ),
    solve=evening,
    because="There were 3 clicks, 4 searches, of which 1 was clicked, and 2 sessions, of which 1 "
    "was clicked: 3 ÷ 4, 1 ÷ 4 and 1 ÷ 2.",
    notice="Three numbers from 0.25 to 0.75 for one evening, and each is called a click-through "
    "rate somewhere. When somebody tells you theirs, ask what was counted and divided by what.",
    expects="three numbers",
    mistakes=(
        Mistake(
            {"clicks_per_search": 75, "ctr": 25, "session_ctr": 50},
            "These are per cent. Give numbers as in the table above, where one click on each "
            "search is 1.0.",
            lambda answer: max(answer.values()) >= 25,
        ),
        Mistake(
            {"clicks_per_search": 0.75, "ctr": 0.75, "session_ctr": 0.5},
            "`ctr`: three clicks on one search make one search that was clicked. Count searches.",
            says("ctr", 0.75),
        ),
        Mistake(
            {"clicks_per_search": 0.75, "ctr": 0.5, "session_ctr": 0.5},
            "`ctr`: divide by all searches of the evening. There are four.",
            says("ctr", 0.5),
        ),
        Mistake(
            {"clicks_per_search": 0.25, "ctr": 0.25, "session_ctr": 0.5},
            "`clicks_per_search`: every click counts, also those on the same search.",
            says("clicks_per_search", 0.25),
        ),
        Mistake(
            {"clicks_per_search": 1.5, "ctr": 0.25, "session_ctr": 0.5},
            "`clicks_per_search`: this divides by the number of sessions, or leaves the second one "
            "out. Divide by all searches of the evening.",
            says("clicks_per_search", 1.5),
        ),
        Mistake(
            {"clicks_per_search": 0.75, "ctr": 0.25, "session_ctr": 0.25},
            "`session_ctr`: here a session counts, and not a search. How many of the sessions have "
            "a click?",
            says("session_ctr", 0.25, 0.75),
        ),
        Mistake(
            {"clicks_per_search": 0.75, "ctr": 0.25, "session_ctr": 1.0},
            "`session_ctr`: in the second session nothing was clicked.",
            says("session_ctr", 1),
        ),
    ),
)


def my_rate(session: Session) -> float | None:
    """Return the share of the searches that got at least one click."""
    searches = attribute(session).impressions
    if not searches:
        return None
    return sum(bool(search.clicks) for search in searches) / len(searches)


bounded_rate = Task(
    name="bounded_rate",
    hints=(
        "Count searches, never clicks: a search was clicked, or it wasn't.",
        "`search.clicks` is a tuple. An empty tuple counts as false.",
        "Count the searches that have clicks, and divide by the number of searches. Which session "
        "would make you divide by 0?",
    ),
    solve=my_rate,
    notice="A share of searches can't leave 0 to 1, however often somebody clicks. And if there "
    "is nothing to divide by, there is no rate.",
    cases=lambda: (
        Case("the tutorial's user 2", (two_clicks,)),
        Case("two searches, one of them clicked twice", (example(),)),
        Case("three searches, two of them clicked", (two_of_three,)),
        Case("a session in which nobody searched", (no_search,)),
        Case("a search without a click", (no_click,)),
        Case("a session with orphans", (with_an_orphan,)),
        *(Case("a simulated session", (session,)) for session in simulated()),
    ),
    mistakes=RATES,
)


def my_mean(sessions: list[Session]) -> float | None:
    """Return the mean of the rates that are defined."""
    rates = [click_through_rate(session) for session in sessions]
    defined = [rate for rate in rates if rate is not None]
    return sum(defined) / len(defined) if defined else None


mean_rate = Task(
    name="mean_rate",
    hints=(
        "What does `click_through_rate` return for a session without a search? "
        "And what for one whose searches nobody clicked?",
        "Make a list of the rates that are not None; a rate of 0.0 stays in it. The average "
        "is the sum of the list divided by its length.",
        "What is the length of a list that holds no rate, and what happens if you divide by it? "
        "Look at the list before you divide.",
    ),
    solve=my_mean,
    notice="0 and None are different things: one pulls the average down, the other does not count.",
    cases=lambda: (
        Case("two sessions that were clicked in full and by half", ([two_clicks, example()],)),
        Case("one of them with a rate of 0", ([two_clicks, no_click],)),
        Case("one of them without a search", ([two_clicks, no_search, example()],)),
        Case("two sessions of different length", ([back_and_forth, with_an_orphan, no_click],)),
        Case("no session with a search", ([no_search],)),
        Case("no sessions", ([],)),
        Case("a simulated afternoon", (list(simulated()),)),
    ),
    mistakes=MEANS,
)


def averages() -> dict[str, object]:
    """Return two averages of two sessions, and which of them a robot changes more."""
    sessions = [(1, 1), (1, 4)]  # searches clicked, searches
    robot = (0, 95)

    def ratio_of_sums(pairs: list[tuple[int, int]]) -> float:
        return sum(clicked for clicked, _ in pairs) / sum(searches for _, searches in pairs)

    def mean_of_ratios(pairs: list[tuple[int, int]]) -> float:
        return sum(clicked / searches for clicked, searches in pairs) / len(pairs)

    # With the robot one falls from 0.4 to 0.02, and the other from 0.625 to 0.417.
    falls = {
        average.__name__.replace("_", " "): average(sessions) - average([*sessions, robot])
        for average in (ratio_of_sums, mean_of_ratios)
    }
    return {
        "ratio of sums": ratio_of_sums(sessions),
        "mean of ratios": mean_of_ratios(sessions),
        "falls further": max(falls, key=lambda name: falls[name]),
    }


def same_averages(given: Any, expected: dict[str, object]) -> bool:
    """Return whether two answers are equal, however the words are written."""
    word = _plain(given["falls further"])
    return alike({**given, "falls further": word}, expected)


def _plain(words: str) -> str:
    """Return words in lower case, with spaces between them."""
    return " ".join(words.casefold().replace("_", " ").split())


two_averages = Question(
    name="two_averages",
    hints=(
        "For the ratio of sums, add up first and divide once. For the mean of ratios, divide "
        "first, once for each session.",
        "The robot has one session, and 95 searches. In which average is it one of three, and in "
        "which is it 95 of 100?",
        "The robot's rate is 0. Work out both averages again with it, and subtract.",
    ),
    solve=averages,
    because="1 + 1 of 1 + 4 searches were clicked: 2 ÷ 5. The sessions' own rates are 1 and 1 ÷ "
    "4, on average 5 ÷ 8. With the robot they are 2 ÷ 100 and 5 ÷ 12.",
    notice="In a ratio of sums whoever searches most weighs most, and a robot weighs most of all. "
    "In a mean of ratios it is one session among others, but so is a session with one search.",
    expects="two numbers, and the name of one of them",
    same=same_averages,
    mistakes=(
        Mistake(
            {"ratio of sums": 0.625, "mean of ratios": 0.4, "falls further": "ratio of sums"},
            "The two numbers are the wrong way round. A ratio of sums adds up first; a mean of "
            "ratios divides first.",
            lambda answer: (
                says("ratio of sums", 0.625)(answer) and says("mean of ratios", 0.4)(answer)
            ),
        ),
        Mistake(
            {"ratio of sums": 0.02, "mean of ratios": 0.417, "falls further": "ratio of sums"},
            "These are the averages *with* the robot. First give those of the two sessions alone.",
            lambda answer: (
                says("ratio of sums", 0.02)(answer)
                or abs(answer["mean of ratios"] - 1.25 / 3) < 0.001
            ),
        ),
        Mistake(
            {"ratio of sums": 0.5, "mean of ratios": 0.625, "falls further": "ratio of sums"},
            "`ratio of sums`: how many searches do the two sessions have together? Every one of "
            "them weighs the same.",
            says("ratio of sums", 0.5, 1, 0.25, 0.625),
        ),
        Mistake(
            {"ratio of sums": 0.4, "mean of ratios": 1.25, "falls further": "ratio of sums"},
            "`mean of ratios`: that is the sum of the two rates. Divide it by their number.",
            says("mean of ratios", 1.25),
        ),
        Mistake(
            {"ratio of sums": 0.4, "mean of ratios": 0.5, "falls further": "ratio of sums"},
            "`mean of ratios`: which rate has each session for itself? Their average weighs both "
            "the same.",
            says("mean of ratios", 0.5, 0.4),
        ),
        Mistake(
            {"ratio of sums": 0.4, "mean of ratios": 0.625, "falls further": "mean of ratios"},
            "`falls further`: in the mean of ratios the robot is one session of three. In the "
            "other average it is 95 searches of 100.",
            lambda answer: _plain(answer["falls further"]) == "mean of ratios",
        ),
    ),
)
