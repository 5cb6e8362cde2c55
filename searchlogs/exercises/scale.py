"""The exercises of notebook 07: the boundary flag, two halves of a session, a busy worker."""

from numpy import diff, ones

from searchlogs.exercises._core import Case, Mistake, Question, Task

Flags = list[bool]


def starts(user: list[int], time: list[int], gap: int) -> list[bool]:
    begins = ones(len(user), bool)
    begins[1:] = (diff(user) != 0) | (diff(time) > gap)
    return begins.tolist()


def pauses_only(user: list[int], time: list[int], gap: int) -> Flags:
    """Only pauses are looked at here. Where the next user begins, there is a new session too,
    however short the pause, and even where the time runs back."""
    return [i == 0 or time[i] - time[i - 1] > gap for i in range(len(user))]


def users_only(user: list[int], time: list[int], gap: int) -> Flags:
    """Only users are looked at here. After a pause longer than the gap, a user's next session
    begins."""
    return [i == 0 or user[i] != user[i - 1] for i in range(len(user))]


def gap_is_a_pause(user: list[int], time: list[int], gap: int) -> Flags:
    """A pause of exactly the gap ends a session here. Two events exactly `gap` apart share one:
    the pause must be longer, `>`, and not `>=`."""
    return [
        i == 0 or user[i] != user[i - 1] or time[i] - time[i - 1] >= gap for i in range(len(user))
    ]


def either_way(user: list[int], time: list[int], gap: int) -> Flags:
    """Both conditions must hold here, another user *and* a long pause. One of them is enough: join
    them with `|`."""
    return [
        i == 0 or (user[i] != user[i - 1] and time[i] - time[i - 1] > gap) for i in range(len(user))
    ]


def flags_on_ends(user: list[int], time: list[int], gap: int) -> Flags:
    """The flags are on the *last* row of each session. They are wanted one row further, on the
    first: `begins[1:] = …`, and the very first row always has one."""
    return [*starts(user, time, gap)[1:], True] if user else []


def first_is_none(user: list[int], time: list[int], gap: int) -> Flags:
    """The first row of all has no flag. No row stands before it, so a session begins there."""
    return [i > 0 and flag for i, flag in enumerate(starts(user, time, gap))]


def differences_only(user: list[int], time: list[int], gap: int) -> Flags:
    """One flag is missing: n rows have n − 1 differences. The first row, which has none, begins
    a session."""
    return starts(user, time, gap)[1:]


def inside_out(user: list[int], time: list[int], gap: int) -> Flags:
    """It is the other way round: these flags say where a session goes on."""
    return [not flag for flag in starts(user, time, gap)]


session_starts = Task(
    name="session_starts",
    title="flag where sessions begin",
    statement="""\
Write a function that takes users, times and a gap, and returns a list of flags: `True` for each row
at which a session begins, else `False`. The users are numbers, the times seconds; the rows are
sorted by user, and those of a user by time. With numpy it needs no loop; one is right, too.""",
    starter="""\
from numpy import diff, ones

from searchlogs import exercises

def starts(user, time, gap):
    # diff(time) takes the differences; .tolist() makes a list of an array.
    ...

exercises.session_starts.check(starts)""",
    hints=(
        "A row begins a session for one of two reasons, both of them a difference to the row "
        "before it. `diff(user)` is not 0 where the user changes.",
        "n rows have n − 1 differences. Begin with `ones(len(user), bool)`, all of them flags, "
        "and set all but the first: `begins[1:] = …`, two conditions, each in parentheses, "
        "with `|` between them.",
    ),
    solve=starts,
    notice="Two differences and an *or*, for as many rows as you like at once: that is all the "
    "cutting there is.",
    cases=(
        Case("two users without a pause", ([1, 1, 2, 2], [5, 6, 6, 7], 10)),
        Case("one user with a pause", ([1, 1, 1], [0, 4, 20], 10)),
        Case("a pause of exactly the gap", ([1, 1, 1], [0, 10, 21], 10)),
        Case("a user who begins long after the one before", ([1, 2, 2], [0, 90, 95], 10)),
        Case("three users, a row each", ([1, 2, 3], [30, 20, 10], 10)),
        Case("a single row", ([7], [3], 10)),
        Case("no row at all", ([], [], 10)),
        Case("a gap of 0", ([1, 1, 1, 4], [2, 2, 3, 3], 0)),
    ),
    mistakes=(
        pauses_only,
        users_only,
        gap_is_a_pause,
        either_way,
        flags_on_ends,
        first_is_none,
        differences_only,
        inside_out,
    ),
)

Half = tuple[int, int, int, int]
"""Of a session: start, end, events, searches."""


def joined(
    before: tuple[int, int, int, int], after: tuple[int, int, int, int], gap: int
) -> list[tuple[int, int, int, int]]:
    start, end, events, searches = before
    if after[0] - end > gap:
        return [before, after]
    return [(start, after[1], events + after[2], searches + after[3])]


def never_joined(before: Half, after: Half, gap: int) -> list[Half]:
    """They are two sessions here, always. Where the pause between them is not longer than the gap,
    the batch boundary fell into the middle of one."""
    return [before, after]


def always_joined(before: Half, after: Half, gap: int) -> list[Half]:
    """They are one session here, always. But the user may have been away: compare the pause with
    the gap."""
    return [(before[0], after[1], before[2] + after[2], before[3] + after[3])]


def split_at_the_gap(before: Half, after: Half, gap: int) -> list[Half]:
    """A pause of exactly the gap ends no session: only a longer one does. At a batch boundary the
    rule is the same as everywhere else."""
    return [before, after] if after[0] - before[1] >= gap else always_joined(before, after, gap)


def row_counted(before: Half, after: Half, gap: int) -> list[Half]:
    """The events are one too many. The row as which the open session came stands for its events;
    it isn't one itself."""
    found = joined(before, after, gap)
    if len(found) == 2:
        return found
    start, end, events, searches = found[0]
    return [(start, end, events + 1, searches)]


def began_again(before: Half, after: Half, gap: int) -> list[Half]:
    """The session begins at the boundary here. It began in the batch before: that is what was
    carried over."""
    found = joined(before, after, gap)
    return found if len(found) == 2 else [(after[0], *found[0][1:])]


def ended_before(before: Half, after: Half, gap: int) -> list[Half]:
    """The session ends where the first batch left it. Its last event is one of the second batch."""
    found = joined(before, after, gap)
    return found if len(found) == 2 else [(found[0][0], before[1], *found[0][2:])]


def counts_forgotten(before: Half, after: Half, gap: int) -> list[Half]:
    """The counts are those of the second batch alone. Add those that were carried over."""
    found = joined(before, after, gap)
    return found if len(found) == 2 else [(before[0], *after[1:])]


def from_start_to_start(before: Half, after: Half, gap: int) -> list[Half]:
    """The pause is measured from the *start* of the first half. It is what lies between its end and
    the start of the second."""
    one = always_joined(before, after, gap)
    return [before, after] if after[0] - before[0] > gap else one


def one_of_one(before: Half, after: Half, gap: int) -> list[Half] | Half:
    """Nearly: return a list in any case, also where it holds a single session."""
    found = joined(before, after, gap)
    return found if len(found) == 2 else found[0]


join_halves = Task(
    name="join_halves",
    title="add up two halves",
    statement="""\
A user's session was open at the end of a batch. In the next batch, that user has events too. What
is known of either is a tuple: start, end, number of events, number of searches. The two times are
in seconds.

Write a function that takes both and the gap, and returns a list: of one tuple, where the two are
halves of the same session, else of both.""",
    starter="""\
from searchlogs import exercises

def joined(before, after, gap):
    # start, end, events, searches = before
    ...

exercises.join_halves.check(joined)""",
    hints=(
        "First decide whether there is one session or two. Which pause has to be compared with "
        "the gap? It lies between two events: the last one of `before`, the first one of `after`.",
        "Where it is one session, it has the start of the one half and the end of the other. "
        "The two numbers are sums.",
    ),
    solve=joined,
    notice="Four numbers are enough to go on with a session, however many events it had. That is "
    "why the state of a flow of columns is small.",
    cases=(
        Case("a boundary in the middle of a session", ((0, 22, 2, 1), (42, 42, 1, 0), 30)),
        Case("a long pause at the boundary", ((12, 26, 2, 1), (66, 70, 3, 1), 30)),
        Case("a pause of exactly the gap", ((5, 10, 4, 2), (40, 45, 2, 1), 30)),
        Case("a long first half", ((0, 500, 40, 9), (510, 520, 3, 1), 30)),
        Case("two events at the same time", ((7, 7, 1, 1), (7, 7, 1, 0), 30)),
        Case("a second longer than the gap", ((0, 10, 2, 0), (41, 90, 5, 2), 30)),
        Case("a gap of 0", ((3, 3, 1, 0), (4, 4, 1, 0), 0)),
    ),
    mistakes=(
        never_joined,
        always_joined,
        split_at_the_gap,
        row_counted,
        began_again,
        ended_before,
        counts_forgotten,
        from_start_to_start,
        one_of_one,
    ),
)


def busiest() -> list[int]:
    whole, one_user, speed = 20_000_000, 6_000_000, 1_000_000
    alone = whole // speed
    # The busy user is with one of the seven, which has its share of all others too.
    with_seven = (one_user + (whole - one_user) // 7) // speed
    # Whoever has the busy user has at least that.
    at_best = one_user // speed
    return [alone, with_seven, at_best]


skewed_work = Question(
    name="skewed_work",
    title="find where more workers don't help",
    statement="""\
A log has 20 million events. 6 million of them are one user's. The other 14 million are those of
very many users, all alike, so that every worker gets the same share of them. A worker does a
million events a minute, and all begin at the same time.

After how many minutes is the log done: with one worker, with seven, and with as many as you like?
Take the share of the others as nothing in the last case.""",
    starter="""\
from searchlogs import exercises

one, seven, any_number = ..., ..., ...
exercises.skewed_work.check([one, seven, any_number])""",
    hints=(
        "It is done when the last worker is done. Which of the seven is that, and how many events "
        "does it have?",
        "All events of a user are at the same worker. It has those, and its seventh of the other "
        "14 million.",
    ),
    solve=busiest,
    notice="Seven workers are 2.5 times as fast as one, and no number of them is more than 3.3 "
    "times as fast. To get further, you must split that user, or find out that it is a robot.",
    expects="a list of three whole numbers",
    mistakes=(
        Mistake(
            [20, 3, 0],
            "20 million by seven is nearly 3, if they could be shared out evenly. But all events "
            "of a user are at one worker, and one user has 6 million.",
            lambda given: list(given[:2]) == [20, 3] or 2.8 < given[1] < 2.9,
        ),
        Mistake(
            [20, 2, 6],
            "That is when the six workers are done that don't have the busy user. The log is done "
            "when the last of them is.",
            lambda given: list(given[:2]) == [20, 2],
        ),
        Mistake(
            [20, 6, 6],
            "The worker of the busy user isn't spared the others: of their 14 million it has its "
            "seventh.",
            lambda given: list(given[:2]) == [20, 6],
        ),
        Mistake(
            [20, 8, 0],
            "With many workers, each has hardly any of the *others*. But the busy user's events "
            "stay together, and one worker has to do them all.",
            lambda given: list(given[:2]) == [20, 8] and given[2] < 6,
        ),
        Mistake(
            [20, 8, 8],
            "Nearly: with seven, the busiest worker has a share of the others too. The more "
            "workers there are, the smaller that becomes.",
            lambda given: list(given[:2]) == [20, 8] and given[2] > 6,
        ),
        Mistake(
            [14, 8, 6],
            "A single worker does the whole log: the busy user and all the others.",
            lambda given: given[0] != 20,
        ),
    ),
)
