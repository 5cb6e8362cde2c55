"""The exercises of notebook 10: a person behind a pseudonym, and a table that names nobody."""

from typing import Any

from searchlogs.exercises._core import Case, Task
from searchlogs.exercises._wrong_suspects import SUSPECTS
from searchlogs.exercises._wrong_tables import TABLES


def my_table(searches: list[tuple[str, str]], least: int) -> dict[str | None, int]:
    """Return the number of searches per query, rare queries summed up under None."""
    users: dict[str, set[str]] = {}
    for user, query in searches:
        users.setdefault(query, set()).add(user)
    table: dict[str | None, int] = {}
    rare_users: set[str] = set()
    for user, query in searches:
        name = query if len(users[query]) >= least else None
        table[name] = table.get(name, 0) + 1
        if name is None:
            rare_users.add(user)
    if len(rare_users) < least:
        table.pop(None, None)
    return table


def pairs(*words: str) -> list[tuple[str, str]]:
    """Return pairs of user and query: "a cats" is user a, who searched for cats."""
    return [(word.split()[0], word.split()[1]) for word in words]


publish_queries = Task(
    name="publish_queries",
    hints=(
        "Go through the searches twice: first to find the users of each query, then to count.",
        "A dictionary of sets can hold the users of each query: a set has each of them once. "
        "It tells you under which key a search counts: its query, or `None`.",
        "Collect the users of all rare searches in one more set. If it has fewer than `least` "
        "members, remove the key `None` again.",
    ),
    solve=my_table,
    notice="`query_table` does the same in SQL. It hides what is rare. It doesn't hide what "
    "changed between two such tables, so don't publish one per day.",
    cases=lambda: (
        Case("a common query and two rare ones", (
            pairs("a cats", "b cats", "c cats", "a x", "b y"), 2)),
        Case("a query of two users, where three are needed", (
            pairs("a cats", "b cats", "c cats", "a x", "b x", "c y", "d z"), 3)),
        Case("one user who asks three times", (
            pairs("a cats", "b cats", "c x", "c x", "c x", "b y"), 2)),
        Case("a query with exactly as many users", (
            pairs("a cats", "b cats", "c cats", "a x", "b y", "c z"), 3)),
        Case("rare queries of one user alone", (
            pairs("a cats", "b cats", "a x", "a y", "a z"), 2)),
        Case("one rare search", (pairs("a cats", "b cats", "a x"), 2)),
        Case("a user with two rare queries", (
            pairs("a cats", "b cats", "c cats", "a x", "a y", "b z"), 3)),
        Case("a query that one user repeats", (
            pairs("a cats", "a cats", "b cats", "c cats", "a x", "b x", "c y"), 3)),
        Case("common queries alone", (pairs("a cats", "b cats", "a dogs", "b dogs"), 2)),
        Case("no searches", ([], 2)),
    ),
    mistakes=TABLES,
)  # fmt: skip


def what_else(searches: list[tuple[str, str]], known: frozenset[str]) -> set[str] | None:
    """Return the other queries of the one user with all known queries, or None."""
    queries_of: dict[str, set[str]] = {}
    for user, query in searches:
        queries_of.setdefault(user, set()).add(query)
    suspects = [queries for queries in queries_of.values() if queries >= known]
    if len(suspects) != 1:
        return None
    return suspects[0] - known


def same_queries(given: Any, expected: set[str] | None) -> bool:
    """Return whether two collections hold the same queries, in any order; None is only None."""
    if given is None or expected is None or isinstance(given, str):
        return given is expected
    return set(given) == expected


find_the_person = Task(
    name="find_the_person",
    hints=(
        "First collect the queries of each user: a dictionary of sets.",
        "With sets, `queries >= known` asks whether all known queries are among them, and "
        "`queries - known` is the rest.",
        "Put the sets that hold all known queries into a list. How long must it be, so that you "
        "can be sure whom you have found?",
    ),
    solve=what_else,
    notice="No name was needed, and nobody broke the pseudonym. If you know two things that a "
    "person searched for, you can read the rest. So a pseudonym makes nobody anonymous.",
    cases=lambda: (
        Case("one user who searched for both", (
            pairs("5e knee", "a7 beds", "5e plumber", "5e cake"), frozenset({"knee", "plumber"}))),
        Case("a user who searched for one of them", (
            pairs("5e knee", "5e cake", "a7 beds"), frozenset({"knee", "plumber"}))),
        Case("two users who searched for both", (
            pairs("5e knee", "5e plumber", "5e lawyer", "a7 plumber", "a7 knee", "a7 beds"),
            frozenset({"knee", "plumber"}))),
        Case("two users with one of them each", (
            pairs("5e knee", "5e lawyer", "a7 plumber"), frozenset({"knee", "plumber"}))),
        Case("a user who repeats one of them", (
            pairs("a7 knee", "a7 knee", "5e plumber", "5e knee", "5e cake", "5e knee"),
            frozenset({"knee", "plumber"}))),
        Case("one known query", (pairs("5e knee", "5e lawyer", "a7 beds"), frozenset({"knee"}))),
        Case("a user who searched for nothing else", (
            pairs("5e knee", "a7 beds", "5e plumber"), frozenset({"knee", "plumber"}))),
        Case("no searches", ([], frozenset({"knee"}))),
    ),
    mistakes=SUSPECTS,
    same=same_queries,
)  # fmt: skip
