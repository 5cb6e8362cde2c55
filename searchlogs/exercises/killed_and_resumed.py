"""The exercises of notebook 06b: what a resume does, a source that knows its log, rare queries."""

from zlib import crc32

from searchlogs.exercises._core import Case, Mistake, Question, Task


def after_the_kill() -> list[int]:
    stored = 730 // 100 * 100
    first_read = stored + 1
    cut_off = 58 - 51
    # What was cut off is written again, and all that follows.
    return [first_read, cut_off, 90]


after_a_kill = Question(
    name="after_a_kill",
    title="predict a resume",
    statement="""\
A run makes a snapshot after every 100 records. It is killed when it has read 730. Its output then
holds 58 lines; at the last snapshot it held 51, at the one before that 44. An undisturbed run would
have written 90. Now it is resumed.

Give three numbers: the first record that goes through the flow, how many lines are cut off the
output, and how many there are at the end.""",
    starter="""\
from searchlogs import exercises

first_read, cut_off, at_the_end = ..., ..., ...
exercises.after_a_kill.check([first_read, cut_off, at_the_end])""",
    hints=(
        "Everything goes back to one and the same moment: the last snapshot. "
        "How many records had been read then?",
        "The output is cut to the length that it had at the snapshot. What is cut off is written "
        "again, by the records that are read again.",
    ),
    solve=after_the_kill,
    notice="Source, state and output go back to the same moment, so that nobody can tell from the "
    "output that there was a kill. It costs 30 records read again.",
    expects="a list of three whole numbers",
    mistakes=(
        Mistake(
            [700, 7, 90],
            "Nearly: record 700 was read before the snapshot, and the state knows of it. "
            "Read twice, it would count twice.",
        ),
        Mistake(
            [731, 0, 90],
            "The run would go on where it was killed. But what its steps had in memory there is "
            "gone: the state is that of the last snapshot, and so must be the place in the log.",
            lambda given: given[0] in (730, 731),
        ),
        Mistake(
            [1, 58, 90],
            "That is a run from the beginning. A snapshot saves it from that: at the resume, the "
            "records before it are not sent through the flow again.",
            lambda given: given[0] in (0, 1),
        ),
        Mistake(
            [601, 14, 90],
            "That goes back to the snapshot before the last. The last one is whole, and it is "
            "nearer.",
            lambda given: given[0] in (600, 601),
        ),
        Mistake(
            [701, 0, 97],
            "The records from 701 on write their lines again. Those that are there already, since "
            "the snapshot, must be cut off, or they stand there twice.",
            lambda given: given[0] == 701 and given[1] == 0,
        ),
        Mistake(
            [701, 51, 90],
            "51 lines were there at the snapshot: these stay. Cut off are those that came after "
            "it.",
        ),
        Mistake(
            [701, 7, 83],
            "The lines that are cut off are not lost: their records are read again, and write them "
            "once more.",
            lambda given: list(given[:2]) == [701, 7] and given[2] < 90,
        ),
        Mistake(
            [701, 7, 97],
            "As many lines are cut off as are written twice. So at the end there are as many as "
            "if nothing had happened.",
            lambda given: list(given[:2]) == [701, 7] and given[2] > 90,
        ),
    ),
)


Lines = list[str]


def lines_left(lines: list[str], count: int, checksum: int) -> list[str] | str:
    had_read = lines[:count]
    if len(had_read) < count or crc32("".join(had_read).encode()) != checksum:
        return "another log"
    return lines[count:]


def trusting(lines: Lines, count: int, checksum: int) -> Lines | str:
    """The number of lines is trusted, whatever they are. Where an earlier line has changed, or
    another log has the same name, half of the result would come from either. Compare `checksum`."""
    return lines[count:]


def whole_log(lines: Lines, count: int, checksum: int) -> Lines | str:
    """The checksum is taken of the whole log here, and so a log that has grown is refused. It is of
    the first `count` lines alone: new ones at the end are just what is left to read."""
    return lines[count:] if crc32("".join(lines).encode()) == checksum else "another log"


def from_the_start(lines: Lines, count: int, checksum: int) -> Lines | str:
    """All lines are handed out again. The first `count` of them have been through the flow: what
    they did is in its state."""
    left = lines_left(lines, count, checksum)
    return left if isinstance(left, str) else lines


def last_line_again(lines: Lines, count: int, checksum: int) -> Lines | str:
    """One line too many: the last one that had been read is handed out again. Lists count from 0,
    so the first line that is left is `lines[count]`."""
    left = lines_left(lines, count, checksum)
    return left if isinstance(left, str) else lines[max(0, count - 1) :]


def one_skipped(lines: Lines, count: int, checksum: int) -> Lines | str:
    """One line is skipped, and lost. Lists count from 0, so the first line that is left is
    `lines[count]`."""
    left = lines_left(lines, count, checksum)
    return left if isinstance(left, str) else lines[count + 1 :]


def nothing_is_another(lines: Lines, count: int, checksum: int) -> Lines | str:
    """Where nothing is left to read, the log is still the right one. Return the empty list."""
    return lines_left(lines, count, checksum) or "another log"


def refused_all(lines: Lines, count: int, checksum: int) -> Lines | str:
    """Every log is refused here, the right one too. Is the checksum that of the first `count`
    lines, joined with nothing between them?"""
    return "another log"


def shorter_is_fine(lines: Lines, count: int, checksum: int) -> Lines | str:
    """A log that has lost lines passes. What was read is no longer there, and so what came out of
    it can't be checked: refuse it as well."""
    if len(lines) < count:
        return []
    return lines_left(lines, count, checksum)


def summed(*lines: str) -> int:
    return crc32("".join(lines).encode())


go_on = Task(
    name="go_on",
    title="write a source that knows its log",
    statement="""\
What a source must store is small: how many lines it had read, and a checksum of them. Write a
function that takes the lines of a log (a list of texts), the count and the checksum, and returns
the list of the lines that are left to read; or the text `"another log"` where the lines that had
been read are no longer those. A log may have grown.""",
    starter="""\
from zlib import crc32

from searchlogs import exercises

def lines_left(lines, count, checksum):
    # The checksum of some lines is crc32("".join(some_lines).encode()).
    ...

exercises.go_on.check(lines_left)""",
    hints=(
        "Of the lines, only the first `count` had been read. Do they still have the checksum?",
        "`lines[:count]` are the first, `lines[count:]` the rest. If there are fewer than `count`, "
        "the first of these two is shorter than it should be.",
    ),
    solve=lines_left,
    notice="That is `LogSource`, but for the files. A resume reads the old lines once more to "
    "compare them; to read is cheap, next to what the steps do with each line.",
    cases=(
        Case("the same log", (["a\n", "b\n", "c\n"], 2, summed("a\n", "b\n"))),
        Case("a log that has changed", (["A\n", "b\n", "c\n"], 2, summed("a\n", "b\n"))),
        Case("two lines in another order", (["b\n", "a\n", "c\n"], 2, summed("a\n", "b\n"))),
        Case("a log that has shrunk", (["a\n"], 2, summed("a\n", "b\n"))),
        Case("a log that has lost an empty line", (["a\n"], 2, summed("a\n", ""))),
        Case("a log that was read to its end", (["a\n", "b\n"], 2, summed("a\n", "b\n"))),
        Case("a log of which nothing had been read", (["a\n", "b\n"], 0, summed())),
        Case("another log of the same length", (["x\n", "y\n", "z\n"], 3, summed("a\n"))),
    ),
    mistakes=(
        trusting,
        whole_log,
        from_the_start,
        last_line_again,
        one_skipped,
        nothing_is_another,
        refused_all,
        shorter_is_fine,
    ),
)


Searches = list[tuple[str, str]]
Table = dict[str | None, int]


def my_table(searches: list[tuple[str, str]], least: int) -> dict[str | None, int]:
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


def by_searches(searches: Searches, least: int) -> Table:
    """The *searches* for a query are counted to see if it is rare. One person who asks for the same
    thing all day is still one person: count its different users, in a set."""
    queries = [query for _, query in searches]
    common = {query for query in queries if queries.count(query) >= least}
    table: Table = {}
    for query in queries:
        name = query if query in common else None
        table[name] = table.get(name, 0) + 1
    if table.get(None, 0) < least:
        table.pop(None, None)
    return table


def more_than_least(searches: Searches, least: int) -> Table:
    """A query with exactly `least` users is not rare: only one with fewer is."""
    return my_table(searches, least + 1)


def without_rare(searches: Searches, least: int) -> Table:
    """The rare queries are gone altogether, and the table no longer adds up. Sum them up under the
    key `None`."""
    return {query: n for query, n in my_table(searches, least).items() if query is not None}


def rare_of_few(searches: Searches, least: int) -> Table:
    """All rare queries together have fewer than `least` users here, and their row is told all the
    same: then it speaks of a few people, as a rare query does. Leave it out."""
    table = my_table(searches, least)
    table.pop(None, None)
    rest = len(searches) - sum(table.values())
    return {**table, None: rest} if rest else table


def rare_by_searches(searches: Searches, least: int) -> Table:
    """Whether the row of the rare queries may be told is decided by its searches here. They may all
    be of one person: count the users of all of them together, each once."""
    table = rare_of_few(searches, least)
    if table.get(None, 0) < least:
        table.pop(None, None)
    return table


def nobody_summed(searches: Searches, least: int) -> Table:
    """Every query is told, the rare ones too. What only a few people typed may tell who they
    are."""
    table: Table = {}
    for _, query in searches:
        table[query] = table.get(query, 0) + 1
    return table


def its_users(searches: Searches, least: int) -> Table:
    """These are the users of each query. They decide whether it is told; the table is to hold its
    searches."""
    table = my_table(searches, least)
    seen: dict[str | None, set[str]] = {name: set() for name in table}
    for user, query in searches:
        name = query if query in table else None
        if name in seen:
            seen[name].add(user)
    return {name: len(users) for name, users in seen.items()}


def pairs(*words: str) -> Searches:
    """Users and queries: "a cats" is user a, who searched for cats."""
    return [(word.split()[0], word.split()[1]) for word in words]


publish_queries = Task(
    name="publish_queries",
    title="publish a table that names nobody",
    statement="""\
You are to publish how often each query was searched for. Write a function that takes searches, a
list of pairs of user and query, and the least number of users. It returns a dictionary: the
number of searches of each query that at least so many different users had. All rarer ones are
summed up under the key `None`; and where even they together have fewer users, leave them out.""",
    starter="""\
from searchlogs import exercises

def my_table(searches, least):
    ...

exercises.publish_queries.check(my_table)""",
    hints=(
        "Go through the searches twice: first to learn which users each query had, "
        "then to count.",
        "A dictionary of sets holds the users of each query: a set has each of them once. With "
        "it you know the name under which a search counts: its query, or `None`.",
        "Gather the users of all rare searches in one more set. If it is smaller than `least`, "
        "take the key `None` out again.",
    ),
    solve=my_table,
    notice="That is `query_table`, which does it in SQL. It hides what is rare. It doesn't hide "
    "what changed between two such tables, so don't publish one a day.",
    cases=(
        Case("a common query and two rare ones", (
            pairs("a cats", "b cats", "c cats", "a x", "b y"), 2)),
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
    mistakes=(
        by_searches,
        more_than_least,
        without_rare,
        rare_of_few,
        rare_by_searches,
        nobody_summed,
        its_users,
    ),
)  # fmt: skip
