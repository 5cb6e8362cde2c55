"""The exercises of notebook 06b: what a resume does, a source that knows its log, rare queries."""

from zlib import crc32

from searchlogs.exercises._core import Case, Mistake, Question, Task


def after_the_kill() -> list[int]:
    """Return the first record read, the lines cut off, and the lines at the end."""
    stored = 730 // 100 * 100
    first_read = stored + 1
    cut_off = 58 - 51
    # What was cut off is written again, and all that follows.
    return [first_read, cut_off, 90]


after_a_kill = Question(
    name="after_a_kill",
    hints=(
        "Everything goes back to one and the same moment: the last snapshot. "
        "How many records had been read then?",
        "The output is cut to the length that it had at the snapshot. The lines that are cut "
        "off are written again, from the records that are read again.",
    ),
    solve=after_the_kill,
    notice="Source, state and output go back to the same moment, so the output does not show "
    "that the run was killed. The price is 30 records that are read again.",
    expects="a list of three whole numbers",
    mistakes=(
        Mistake(
            [700, 7, 90],
            "Nearly: record 700 was read before the snapshot, and is part of the state. If it "
            "were read again, it would count twice.",
        ),
        Mistake(
            [731, 0, 90],
            "The run would go on where it was killed. But what its steps had in memory there is "
            "gone: the state is that of the last snapshot, so the place in the log must be too.",
            lambda given: given[0] in (730, 731),
        ),
        Mistake(
            [1, 58, 90],
            "That is a run from the beginning. A snapshot avoids that: at the resume, the records "
            "before it do not go through the flow again.",
            lambda given: given[0] in (0, 1),
        ),
        Mistake(
            [601, 14, 90],
            "That goes back to the snapshot before the last. The last one is complete, and nearer.",
            lambda given: given[0] in (600, 601),
        ),
        Mistake(
            [701, 0, 97],
            "The records from 701 on write their lines again. The lines written since the "
            "snapshot must be cut off, or they would be there twice.",
            lambda given: given[0] == 701 and given[1] == 0,
        ),
        Mistake(
            [701, 51, 90],
            "The 51 lines that were there at the snapshot stay. Only the lines after it are cut "
            "off.",
        ),
        Mistake(
            [701, 30, 90],
            "30 *records* are read again, but lines are cut off: those that were written since the "
            "snapshot.",
            lambda given: list(given[:2]) == [701, 30],
        ),
        Mistake(
            [701, 7],
            "Three numbers are asked for: the first record, the lines cut off, and the lines at "
            "the end.",
            lambda given: len(given) != 3 and not isinstance(given, str),
        ),
        Mistake(
            [701, 7, 83],
            "The lines that are cut off are not lost: their records are read again, and write them "
            "once more.",
            lambda given: list(given[:2]) == [701, 7] and given[2] < 90,
        ),
        Mistake(
            [701, 7, 97],
            "Every line that is written a second time was cut off before. So the output ends up "
            "with as many lines as if nothing had happened.",
            lambda given: list(given[:2]) == [701, 7] and given[2] > 90,
        ),
    ),
)


Lines = list[str]


def lines_left(lines: list[str], count: int, checksum: int) -> list[str] | str:
    """Return the lines that are left to read, or "another log"."""
    had_read = lines[:count]
    if len(had_read) < count or crc32("".join(had_read).encode()) != checksum:
        return "another log"
    return lines[count:]


def _trusting(lines: Lines, count: int, checksum: int) -> Lines | str:
    return lines[count:]


def _whole_log(lines: Lines, count: int, checksum: int) -> Lines | str:
    return lines[count:] if crc32("".join(lines).encode()) == checksum else "another log"


def _from_the_start(lines: Lines, count: int, checksum: int) -> Lines | str:
    left = lines_left(lines, count, checksum)
    return left if isinstance(left, str) else lines


def _last_line_again(lines: Lines, count: int, checksum: int) -> Lines | str:
    left = lines_left(lines, count, checksum)
    return left if isinstance(left, str) else lines[max(0, count - 1) :]


def _one_skipped(lines: Lines, count: int, checksum: int) -> Lines | str:
    left = lines_left(lines, count, checksum)
    return left if isinstance(left, str) else lines[count + 1 :]


def _refused_all(lines: Lines, count: int, checksum: int) -> Lines | str:
    return "another log"


def _what_was_read(lines: Lines, count: int, checksum: int) -> Lines | str:
    left = lines_left(lines, count, checksum)
    return left if isinstance(left, str) else lines[:count]


def _in_one_text(lines: Lines, count: int, checksum: int) -> str:
    return "".join(lines_left(lines, count, checksum))


def _none_for_another(lines: Lines, count: int, checksum: int) -> Lines | None:
    left = lines_left(lines, count, checksum)
    return None if isinstance(left, str) else left


def _only_the_checksum(lines: Lines, count: int, checksum: int) -> Lines | str:
    same = crc32("".join(lines[:count]).encode()) == checksum
    return lines[count:] if same else "another log"


def _no_more_than_read(lines: Lines, count: int, checksum: int) -> Lines | str:
    return lines_left(lines, count, checksum) if len(lines) > count else "another log"


def _shorter_is_fine(lines: Lines, count: int, checksum: int) -> Lines | str:
    if len(lines) < count:
        return []
    return lines_left(lines, count, checksum)


def summed(*lines: str) -> int:
    """Return the checksum of lines."""
    return crc32("".join(lines).encode())


go_on = Task(
    name="go_on",
    hints=(
        "Only the first `count` lines had been read. Do they still have the same checksum?",
        "`lines[:count]` are the first lines, `lines[count:]` the rest. If the log has fewer "
        "than `count` lines, the first of these two lists is too short.",
        "An empty text changes no checksum. So a log that has lost one keeps its checksum: compare "
        "the *number* of lines as well.",
    ),
    solve=lines_left,
    notice="`LogSource` does the same with files. A resume reads the old lines once more to "
    "compare them; reading is cheap compared with what the steps do with each line.",
    cases=lambda: (
        Case("the same log", (["a\n", "b\n", "c\n"], 2, summed("a\n", "b\n"))),
        Case("a log that has changed", (["A\n", "b\n", "c\n"], 2, summed("a\n", "b\n"))),
        Case("two lines in another order", (["b\n", "a\n", "c\n"], 2, summed("a\n", "b\n"))),
        Case("a log that has shrunk", (["a\n"], 2, summed("a\n", "b\n"))),
        Case("a log that has lost an empty line", (["a\n"], 2, summed("a\n", ""))),
        Case("a log that was read to its end", (["a\n", "b\n"], 2, summed("a\n", "b\n"))),
        Case("a log of which nothing had been read", (["a\n", "b\n"], 0, summed())),
        Case("another log of the same length", (["x\n", "y\n", "z\n"], 3, summed("a\n"))),
    ),
    mistakes={
        _trusting: (
            "Only the number of lines is used, not their content. If an earlier line has changed, "
            "or another log has the same name, the result would be a mixture of two logs. "
            "Compare `checksum`."
        ),
        _whole_log: (
            "The checksum is computed over the whole log here, so a log that has grown is "
            "refused. Compute it over the first `count` lines alone: new lines at the end are "
            "what is left to read."
        ),
        _from_the_start: (
            "All lines are returned again. The first `count` of them have been through the flow: "
            "their effect is in its state."
        ),
        _last_line_again: (
            "There is one line too many: the last one that had been read is returned again. Lists "
            "count from 0, so the first line that is left is `lines[count]`."
        ),
        _one_skipped: (
            "One line is skipped, and lost. Lists count from 0, so the first line that is left is "
            "`lines[count]`."
        ),
        _refused_all: (
            "Every log is refused here, even the right one. Is the checksum that of the first "
            "`count` lines, joined with nothing between them?"
        ),
        _what_was_read: (
            "These are the lines that had been read. The others are left: they begin at "
            "`lines[count]`."
        ),
        _in_one_text: "The lines were joined into one text. Return the list of them.",
        _none_for_another: (
            'A log that is not the same gives None here. Return the text `"another log"`.'
        ),
        _only_the_checksum: (
            "Only the checksum is compared. An empty text changes no checksum, so a log that has "
            "lost one is accepted: compare the number of lines as well."
        ),
        _no_more_than_read: (
            "A log that was read to its end is refused. It is still the right log: nothing is "
            "left to read, so return an empty list."
        ),
        _shorter_is_fine: (
            "A log that has lost lines is accepted. What was read is no longer there, so it can't "
            "be compared: refuse such a log as well."
        ),
    },
)


Searches = list[tuple[str, str]]
Table = dict[str | None, int]


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


def _by_searches(searches: Searches, least: int) -> Table:
    queries = [query for _, query in searches]
    common = {query for query in queries if queries.count(query) >= least}
    table: Table = {}
    for query in queries:
        name = query if query in common else None
        table[name] = table.get(name, 0) + 1
    if table.get(None, 0) < least:
        table.pop(None, None)
    return table


def _more_than_least(searches: Searches, least: int) -> Table:
    return my_table(searches, least + 1)


def _without_rare(searches: Searches, least: int) -> Table:
    return {query: n for query, n in my_table(searches, least).items() if query is not None}


def _rare_of_few(searches: Searches, least: int) -> Table:
    table = my_table(searches, least)
    table.pop(None, None)
    rest = len(searches) - sum(table.values())
    return {**table, None: rest} if rest else table


def _rare_by_searches(searches: Searches, least: int) -> Table:
    table = _rare_of_few(searches, least)
    if table.get(None, 0) < least:
        table.pop(None, None)
    return table


def _rare_row_of_more(searches: Searches, least: int) -> Table:
    table = my_table(searches, least)
    rare = {user for user, query in searches if query not in table}
    if len(rare) <= least:
        table.pop(None, None)
    return table


def _rare_by_queries(searches: Searches, least: int) -> Table:
    table = _rare_of_few(searches, least)
    if len({query for _, query in searches if query not in table}) < least:
        table.pop(None, None)
    return table


def _always_two(searches: Searches, least: int) -> Table:
    return my_table(searches, 2)


def _none_in_quotes(searches: Searches, least: int) -> dict[str, int]:
    return {str(query): n for query, n in my_table(searches, least).items()}


def _always_a_row(searches: Searches, least: int) -> Table:
    return {None: 0} | my_table(searches, least)


def _pairs_of_it(searches: Searches, least: int) -> list[tuple[str | None, int]]:
    return list(my_table(searches, least).items())


def _nobody_summed(searches: Searches, least: int) -> Table:
    table: Table = {}
    for _, query in searches:
        table[query] = table.get(query, 0) + 1
    return table


def _its_users(searches: Searches, least: int) -> Table:
    table = my_table(searches, least)
    seen: dict[str | None, set[str]] = {name: set() for name in table}
    for user, query in searches:
        name = query if query in table else None
        if name in seen:
            seen[name].add(user)
    return {name: len(users) for name, users in seen.items()}


def pairs(*words: str) -> Searches:
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
    mistakes={
        _by_searches: (
            "A query counts as rare here by its number of *searches*. One person who asks for the "
            "same thing all day is still one person: count the query's different users, in a "
            "set."
        ),
        _more_than_least: (
            "A query with exactly `least` users is not rare: only one with fewer users is."
        ),
        _without_rare: (
            "The rare queries are missing, so the table no longer adds up. Sum them up under the "
            "key `None`."
        ),
        _rare_of_few: (
            "The row of the rare queries is in the table, although it comes from fewer than "
            "`least` users: it could identify them. Leave it out."
        ),
        _rare_row_of_more: (
            "The row of the rare queries is missing if exactly `least` users are behind it. They "
            "are enough: leave it out only if there are *fewer*."
        ),
        _rare_by_queries: (
            "Whether to keep the row of the rare queries is decided by the number of *queries* "
            "here. Count the different users behind them."
        ),
        _always_two: "This is right for 2 users, whatever `least` is. Use the parameter.",
        _none_in_quotes: (
            "The rare queries are summed up under the text `\"None\"`, which somebody might search "
            "for. Take the key `None`, without quotes."
        ),
        _always_a_row: (
            "The row of the rare queries is there even if there are none. Leave out an empty row: "
            "0 searches by 0 users."
        ),
        _pairs_of_it: "These are the pairs of the right dictionary: return the dictionary itself.",
        _rare_by_searches: (
            "Whether to keep the row of the rare queries is decided here by its number of "
            "searches. They may all come from one person: count the users of all rare queries "
            "together, each once."
        ),
        _nobody_summed: (
            "Every query is in the table, even the rare ones. What only a few people typed may "
            "reveal who they are."
        ),
        _its_users: (
            "These are the numbers of users. They decide whether a query is in the table; the "
            "table holds its number of searches."
        ),
    },
)  # fmt: skip
