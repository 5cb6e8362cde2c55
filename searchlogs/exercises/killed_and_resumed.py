"""The exercises of notebook 09: what a kill leaves, and what a resume does."""

from zlib import crc32

from searchlogs.exercises._core import Case, Mistake, Question, Task
from searchlogs.exercises._words import are_texts, not_among, other_word, same_words
from searchlogs.exercises._wrong_sources import SOURCES


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
    because="The last snapshot is at record 700, where the output held 51 lines. The 7 lines "
    "after it are cut off, and written once more.",
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
            "That is where the run was killed. But what its steps had in memory there is gone: the "
            "state is that of the last snapshot, so the source must go back to it as well.",
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
            ["701", "7", "90"],
            "These are texts. Give numbers: remove the quotes.",
            are_texts,
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


def forgotten() -> list[str]:
    """Return which part each of the engines forgets."""
    # Engine 1 loses what was open at the snapshot, engine 2 writes two whole lines again, and
    # engine 3 has searches twice in one session.
    return ["state", "output", "source"]


three_parts = Question(
    name="three_parts",
    hints=(
        "Compare each output with the right one: what is missing, what is there twice, and is it "
        "twice as a line or twice within a session?",
        "A search that is twice within a session went through the flow twice. A line that is there "
        "twice was written twice. A session that is missing was known to nobody.",
    ),
    solve=forgotten,
    expects="a list of three words, one for each engine",
    same=same_words,
    notice="Each part that is missing leaves a trace of its own: a loss, a line twice, or a search "
    "twice within a session. The last is the hardest to notice, because eight lines are there.",
    mistakes=(
        Mistake(
            ["state", "output"],
            "Three words are expected, one for each engine.",
            lambda given: len(given) != 3,
        ),
        Mistake(
            ["window", "output", "source"],
            "Each answer is one of `source`, `state` and `output`.",
            not_among("source", "state", "output"),
        ),
        Mistake(
            ["output", "state", "source"],
            "Engine 1: two sessions are missing, the two that were open at the snapshot. Which "
            "part knew them?",
            other_word(0, "state"),
        ),
        Mistake(
            ["state", "source", "output"],
            "Engine 2: two lines are there twice, and all of them are right. They were written "
            "between the snapshot and the kill. Which part goes back to the snapshot so that this "
            "doesn't happen?",
            other_word(1, "output"),
        ),
        Mistake(
            ["state", "output", "state"],
            "Engine 3: seconds 32 and 35 are there twice *within a session*, so these searches "
            "went through the flow twice. Which part sent them again?",
            other_word(2, "source"),
        ),
    ),
)


def lines_left(lines: list[str], count: int, checksum: int) -> list[str] | str:
    """Return the lines that are left to read, or "another log"."""
    had_read = lines[:count]
    if len(had_read) < count or crc32("".join(had_read).encode()) != checksum:
        return "another log"
    return lines[count:]


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
    mistakes=SOURCES,
)
