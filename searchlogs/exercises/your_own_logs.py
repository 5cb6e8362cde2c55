"""The exercises of notebook 06: a log in other words, how sure a rate is, and what to mend."""

from collections import Counter
from collections.abc import Callable
from math import sqrt
from typing import Any

from searchlogs.exercises._core import Case, Mistake, Question, Task
from searchlogs.exercises._options import read_with, what_came_out
from searchlogs.logs.border import BadRecord, Ignored


def options() -> str:
    """Return options that read the log."""
    fields = "user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank"
    kinds = "search=querySubmitted,click=open"
    return f"--map {fields} --kinds {kinds} --time-unit s"


def reads_the_same(given: Any, expected: str) -> bool:
    """Return whether two texts of options read the log alike, however they are written."""
    return read_with(given) == read_with(expected)


def _gives(test: Callable[[list[Any]], bool]) -> Callable[[Any], bool]:
    """Return a predicate of options that tests what the lines give."""
    return lambda given: test(read_with(given))


def _unread(found: list[Any]) -> bool:
    """Return whether the kind of the lines, or their time, was not even understood."""
    return any(isinstance(one, BadRecord) and one.field in ("event", "action", "time", "ts")
               for one in found)  # fmt: skip


def _rejected(field: str | None, words: str = "") -> Callable[[Any], bool]:
    """Return a predicate: is a record rejected for this field, with these words in its reason?"""
    return _gives(
        lambda found: any(
            isinstance(one, BadRecord) and one.field == field and words in one.reason
            for one in found
        )
    )


foreign_log = Question(
    name="foreign_log",
    hints=(
        "You need three options: for the fields, for the kinds, and for the unit of the times. "
        "The table under *Bring your own log* has them.",
        "Both `--map` and `--kinds` take pairs: ours=theirs. Our fields are user, time, "
        "event, query, item and position; our kinds are search and click.",
        "A dot reaches a field inside another one: `a.b` is b inside a.",
    ),
    solve=options,
    expects="a text of options under which the three lines give a search, nothing, and a click",
    same=reads_the_same,
    outcome=what_came_out,
    notice="That is all that it takes to get from your logs to every number in this notebook. "
    "Nothing was guessed: a wrong unit or time zone would give wrong sessions without any "
    "warning.",
    mistakes=(
        Mistake(
            "--map user=uid, time=ts, event=action, query=q, item=doc.id, position=doc.rank "
            "--kinds search=querySubmitted,click=open --time-unit s",
            "A space ends an option's value. Write the pairs of `--map` and `--kinds` without "
            "spaces: `user=uid,time=ts`.",
            lambda given: (
                any(gap in given for gap in (", ", " ,", " =", "= "))
                and what_came_out(given).startswith("the command stops")
            ),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds querySubmitted=search,open=click --time-unit s",
            "A name that should be ours is unknown to the command. Each pair reads ours=theirs: "
            "first our name, then the log's.",
            lambda given: (
                any(words in what_came_out(given) for words in ("one of", "ours=theirs"))
                and what_came_out(given).startswith("the command stops")
            ),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank",
            "What the log calls `querySubmitted` is our `search`, and its `open` is our `click`. "
            "Use `--kinds` for this; all other kinds are then ignored.",
            _rejected("action", "one of"),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds search=querySubmitted,click=open,click=scroll --time-unit s",
            "The second line is read as one of our kinds, but scrolling is neither a search nor a "
            "click. A kind that `--kinds` doesn't name is ignored.",
            _gives(lambda found: not isinstance(found[1], Ignored) and not _unread(found)),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds search=querySubmitted,click=open",
            "A number alone has no unit: is it seconds, milliseconds or microseconds? Use "
            "`--time-unit`.",
            _rejected("ts", "without a unit"),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds search=querySubmitted,click=open --time-unit ms",
            "These are seconds: read in a smaller unit, they end up in January 1970, so the lines "
            "are rejected.",
            _rejected("ts", "is the unit another"),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank "
            "--kinds search=querySubmitted,click=open --time-unit seconds",
            "A unit has a short name here: `s`, `ms` or `us`.",
            lambda given: "--time-unit: invalid choice" in what_came_out(given),
        ),
        Mistake(
            ["--map", "user=uid", "--time-unit", "s"],
            "Give the options as one text, with a space between them.",
            lambda given: not isinstance(given, str),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc,position=doc.rank "
            "--kinds search=querySubmitted,click=open --time-unit s",
            "`doc` is a whole object. The item is the `id` inside it: `doc.id`.",
            _rejected("doc"),
        ),
        Mistake(
            "--map user=uid,time=ts,event=action,query=q,item=doc.id "
            "--kinds search=querySubmitted,click=open --time-unit s",
            "Nearly: only the click's position is missing. It is in the log, as `doc.rank`.",
            _gives(lambda found: found[2][0].item == "bed-3" and found[2][0].position is None),
        ),
        Mistake(
            "--kinds search=querySubmitted,click=open --time-unit s",
            "A field is missing, because the log uses another name for it. Use `--map`: "
            "`user=uid` and so on, separated by commas.",
            _gives(
                lambda found: any("missing" in str(getattr(one, "reason", "")) for one in found)
            ),
        ),
    ),
)


Users = list[tuple[int, int]]


def my_error(users: list[tuple[int, int]]) -> float | None:
    """Return the standard error of the click-through rate, or None for fewer than two users."""
    number = len(users)
    if number < 2:
        return None
    searches = sum(all_of_them for all_of_them, _ in users)
    ctr = sum(clicked for _, clicked in users) / searches
    squares = sum((clicked - ctr * own) ** 2 for own, clicked in users)
    return sqrt(number / (number - 1) * squares) / searches


def _as_if_independent(users: Users) -> float | None:
    if len(users) < 2:
        return None
    searches = sum(own for own, _ in users)
    ctr = sum(clicked for _, clicked in users) / searches
    return sqrt(ctr * (1 - ctr) / searches)


def _of_their_rates(users: Users) -> float | None:
    if len(users) < 2:
        return None
    rates = [clicked / own for own, clicked in users]
    mean = sum(rates) / len(rates)
    return sqrt(sum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1) / len(rates))


def _without_the_correction(users: Users) -> float | None:
    error = my_error(users)
    return error and error * sqrt((len(users) - 1) / len(users))


def _still_squared(users: Users) -> float | None:
    error = my_error(users)
    return error and error**2


def _not_per_search(users: Users) -> float | None:
    error = my_error(users)
    return error and error * sum(own for own, _ in users)


def _per_user(users: Users) -> float | None:
    error = my_error(users)
    return error and error * sum(own for own, _ in users) / len(users)


def _half_an_interval(users: Users) -> float | None:
    error = my_error(users)
    return error and 1.96 * error


def _squared_last(users: Users) -> float | None:
    return None if len(users) < 2 else 0.0


def _around_their_mean(users: Users) -> float | None:
    number = len(users)
    if number < 2:
        return None
    mean = sum(clicked / own for own, clicked in users) / number
    squares = sum((clicked - mean * own) ** 2 for own, clicked in users)
    return sqrt(number / (number - 1) * squares) / sum(own for own, _ in users)


def _sure_of_one(users: Users) -> float | None:
    return my_error(users) or 0.0


clustered_error = Task(
    name="clustered_error",
    hints=(
        "First the CTR: all clicked searches ÷ all searches. For users (4, 3) and (1, 0) that "
        "is 3 ÷ 5 = 0.6.",
        "By how much is each user above it? The first has 3 − 0.6 × 4 = 0.6, the second 0 − "
        "0.6 × 1 = −0.6. These differences always add up to 0, so square them first.",
        "Here the squares add up to 0.72; × 2 ÷ 1 gives 1.44, its root is 1.2, and 1.2 ÷ 5 "
        "searches = 0.24.",
    ),
    solve=my_error,
    notice="The CTR ± 1.96 of these is the 95 % interval that `tables.interval` gives. It "
    "depends on how much *users* differ, so a log that holds every line twice makes "
    "nobody surer.",
    cases=lambda: (
        Case("two users", ([(4, 3), (1, 0)],)),
        Case("three users", ([(2, 1), (2, 2), (6, 0)],)),
        Case("one user", ([(4, 3)],)),
        Case("nobody", ([],)),
        Case("two who are alike", ([(2, 1), (4, 2)],)),
        Case("a search each", ([(1, 1), (1, 0), (1, 0), (1, 1), (1, 1)],)),
        Case("forty users", ([(1 + n % 7, (n * n) % (2 + n % 7)) for n in range(40)],)),
    ),
    mistakes={
        _as_if_independent: (
            "This treats every search as if a different person had made it. The searches of one "
            "person depend on each other: ask of each *user* how far they are from what the CTR "
            "would have given them."
        ),
        _of_their_rates: (
            "This is the error of the mean of the users' own rates, in which all users weigh the "
            "same. The CTR is a ratio of sums, in which users who search more weigh more."
        ),
        _without_the_correction: (
            "Nearly: the factor users ÷ (users − 1) is missing. With few users it matters: the "
            "CTR was computed from these very users, so they are nearer to it than others would "
            "be."
        ),
        _still_squared: "This is the variance: take the square root.",
        _not_per_search: (
            "This is a number of searches, not a share: divide by all searches at the end."
        ),
        _per_user: (
            "The result was divided by the number of users. The CTR is a share of searches: "
            "divide by the number of searches of all users."
        ),
        _half_an_interval: (
            "This is half of a 95 % interval: 1.96 times the standard error. Leave the factor out."
        ),
        _squared_last: (
            "The error is always 0 here. The differences from the CTR add up to 0, so square each "
            "of them *before* you add them up."
        ),
        _around_their_mean: (
            "The differences are taken from the mean of the users' own rates. Take them from the "
            "CTR of all: clicked searches ÷ searches, both summed over all users."
        ),
        _sure_of_one: (
            "One user shows nothing about how much users differ. The error isn't 0, which would "
            "mean certainty: it is unknown, None."
        ),
    },
)


Searched = list[tuple[str, int | None, int]]


def my_list(searches: list[tuple[str, int | None, int]]) -> list[tuple[str, int]]:
    """Return the queries that found nothing, each with its number of searches."""
    empty: dict[str, int] = {}
    for query, results, _ in searches:
        if results == 0:
            empty[query] = empty.get(query, 0) + 1
    return sorted(empty.items(), key=lambda pair: (-pair[1], pair[0]))


def _counted(searches: Searched, test: Callable[[int | None, int], bool]) -> list[tuple[str, int]]:
    """Count the searches for each query whose results and clicks pass the test."""
    return my_list([(query, 0, n) for query, results, n in searches if test(results, n)])


def _unlogged_too(searches: Searched) -> list[tuple[str, int]]:
    return _counted(searches, lambda results, clicks: not results)


def _all_abandoned(searches: Searched) -> list[tuple[str, int]]:
    return _counted(searches, lambda results, clicks: clicks == 0)


def _all_of_the_query(searches: Searched) -> list[tuple[str, int]]:
    empty = {query for query, _ in my_list(searches)}
    return my_list([(query, 0, n) for query, _, n in searches if query in empty])


def _in_the_order_met(searches: Searched) -> list[tuple[str, int]]:
    order = list(dict.fromkeys(query for query, _, _ in searches))
    return sorted(my_list(searches), key=lambda pair: order.index(pair[0]))


def _most_common(searches: Searched) -> list[tuple[str, int]]:
    return Counter(query for query, results, _ in searches if results == 0).most_common()


def _all_reversed(searches: Searched) -> list[tuple[str, int]]:
    return sorted(my_list(searches), key=lambda pair: (pair[1], pair[0]), reverse=True)


def _by_name(searches: Searched) -> list[tuple[str, int]]:
    return sorted(my_list(searches))


def _never_found(searches: Searched) -> list[tuple[str, int]]:
    found = {query for query, results, _ in searches if results}
    return [pair for pair in my_list(searches) if pair[0] not in found]


def _sorted_in_place(searches: Searched) -> None:
    return my_list(searches).sort()


def _as_a_dictionary(searches: Searched) -> dict[str, int]:
    return dict(my_list(searches))


def _number_first(searches: Searched) -> list[tuple[int, str]]:
    return [(number, query) for query, number in my_list(searches)]


def _fewest_first(searches: Searched) -> list[tuple[str, int]]:
    return sorted(my_list(searches), key=lambda pair: (pair[1], pair[0]))


def _the_names_alone(searches: Searched) -> list[str]:
    return [query for query, _ in my_list(searches)]


worth_mending = Task(
    name="worth_mending",
    hints=(
        "Go through the searches once, with a dictionary that counts. Which searches count?",
        "`sorted(…, key=…)` can sort by two things at once: a key that is a tuple.",
        "A minus sign reverses the order of the numbers and leaves the names as they are: "
        "`(-number, name)`.",
    ),
    solve=my_list,
    notice="This list is the shortest way from a log to a better search: a synonym, a spelling, "
    "a product that people look for and you don't sell.",
    cases=lambda: (
        Case("two queries", ([("dgo beds", 0, 0), ("dog beds", 10, 1)],)),
        Case(
            "a query twice",
            ([("dgo beds", 0, 0), ("dgo beds", 0, 0), ("cat tosy", 0, 0)],),
        ),
        Case("a search that nobody clicked", ([("dog beds", 10, 0), ("dgo beds", 0, 0)],)),
        Case("results that nobody logged", ([("dog beds", None, 0), ("dgo beds", 0, 0)],)),
        Case(
            "a query that found something once",
            ([("sofa", 0, 0), ("sofa", 3, 1), ("sofa", 0, 0)],),
        ),
        Case("a before b, and more often", ([("b", 0, 0), ("a", 0, 0), ("a", 0, 0)],)),
        Case("b before a, because it is more often", ([("a", 0, 0), ("b", 0, 0), ("b", 0, 0)],)),
        Case("equally many", ([(query, 0, 0) for query in "bdacc"],)),
        Case("no searches", ([],)),
    ),
    mistakes={
        _unlogged_too: (
            "None is not 0: for these searches nobody logged what was found, and it may have been "
            "a lot. Test `results == 0`."
        ),
        _all_abandoned: (
            "These are the searches without a click. Most of them did find something, and the "
            "answer may have been among the results: select those that found nothing."
        ),
        _all_of_the_query: (
            "All searches for such a query were counted, even those that found something, perhaps "
            "on another day, or before an item was sold out. Count only those that found "
            "nothing."
        ),
        _in_the_order_met: (
            "These are the right pairs, but not sorted: most searches first, and equal numbers by "
            "name."
        ),
        _most_common: (
            "Queries with equal numbers stay in the order in which they were met, as "
            "`most_common()` leaves them. Sort those by name."
        ),
        _all_reversed: (
            "The order is reversed for the names as well: equal numbers go from z to a. "
            "`reverse=True` does that. Reverse the numbers alone: `-number`."
        ),
        _by_name: (
            "These are the right pairs, sorted by name alone. Most searches come first; the name "
            "decides only between equal numbers."
        ),
        _never_found: (
            "A query that found something at another time is missing. Decide for each *search*, "
            "not for each query: what found nothing once is worth mending too."
        ),
        _sorted_in_place: (
            "Nothing was returned. Is a `return` missing? A list's `.sort()` also gives None: it "
            "changes the list, and `sorted(…)` returns one."
        ),
        _as_a_dictionary: "A dictionary has these numbers. Return its pairs as a list, sorted.",
        _number_first: "The right pairs, turned around: the query comes first, then its number.",
        _fewest_first: (
            "These are the right pairs in the wrong order: most searches come first, and equal "
            "numbers go by name from a to z."
        ),
        _the_names_alone: (
            "These are the right queries without their numbers. Somebody with an hour to spare "
            "wants to know which query is worth it: return pairs."
        ),
    },
)
