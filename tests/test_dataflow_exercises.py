"""Dataflows that learners write: right ones in many forms, wrong ones with their words."""

import inspect
import linecache
import textwrap
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from bytewax.testing import TestingSink, TestingSource
from wording import Like

from searchlogs import exercises
from searchlogs.dataflow import find_sessions
from searchlogs.events import Event
from searchlogs.exercises._core import Verdict, at
from searchlogs.exercises._flow_errors import MESSAGES
from searchlogs.exercises._flows import FlowTask
from searchlogs.exercises.dataflows import ARRIVING, NOTEBOOK, event_groups, opens
from searchlogs.live.clocks import live_clock
from searchlogs.simulate import client_events

NAMES = ["count_by_kind", "connect_late", "same_twice", "check_the_sum", "survive_a_kill"]
TASKS: dict[str, FlowTask] = {name: getattr(exercises, name) for name in NAMES}

# What a notebook has imported by then.
IMPORTS = """
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import functools
import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.files import FileSink
from bytewax.connectors.stdio import StdOutSink
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic, StatefulLogic
from bytewax.operators.windowing import EventClock, SessionWindower, collect_window, fold_window
from bytewax.testing import TestingSink, TestingSource
from searchlogs.events import *
from searchlogs.events import AppOpen, ClickResult, Results, Search
from searchlogs.live.clocks import live_clock
from searchlogs.sessions import event_time, replay_clock, session_window, user_event

def kind(event):
    return type(event).__name__

def number(before, item):
    now = (before or 0) + 1
    return now, now

kept = Counter()
seen = []
"""
_cells = count(1)


def written(task: str, body: str) -> Callable[..., Any]:
    """A function as a learner writes it in a cell, whose source the kernel keeps at hand."""
    parameters = ", ".join(inspect.signature(TASKS[task].solve).parameters)
    source = textwrap.dedent(body).strip()
    if "def my_flow" not in source:
        source = f"def my_flow({parameters}):\n{textwrap.indent(source, '    ')}\n"
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(IMPORTS, names)
    file = f"<flow {next(_cells)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), names)
    answer: Callable[..., Any] = names["my_flow"]
    return answer


BEGIN = 'flow = Dataflow("mine")\nevents = op.input("inp", flow, source)\n'
END = '\nop.output("out", {}, sink)\nreturn flow\n'


def between(steps: str, last: str = "out") -> str:
    """A flow's body: `steps` between an input and an output."""
    return BEGIN + textwrap.dedent(steps).strip("\n") + END.format(last)


WINDOW = """
keyed = op.map("user", events, user_event)
window = collect_window("w", keyed, {}, {})
"""
NB_WINDOW = WINDOW.format('replay_clock("1s")', "SessionWindower(timedelta(seconds=10))")
OWN_WINDOW = WINDOW.format("replay_clock(wait)", "SessionWindower(gap)")
ADD = """
keyed = op.key_on("one", events, lambda pair: "one")
"""
CHECK = """
def check(parts):
    read = parts.pop("read", 0)
    if sum(parts.values()) != read:
        raise ValueError(f"{read} read")
    return parts
"""
LINES = """
keyed = op.key_on("user", events, lambda search: str(search.user))
counts = op.stateful_map("count", keyed, number)
"""
TO_FILE = '\nop.output("out", {}, FileSink(path))\nreturn flow\n'
LINE = 'lines = op.map("line", counts, lambda p: (p[0], f"user {p[0]}: {p[1]}"))'

RIGHT: dict[str, tuple[str, ...]] = {
    "count_by_kind": (
        between('out = op.stateful_map("c", op.key_on("k", events, kind), number)'),
        between("""
            pairs = op.map("k", events, lambda event: (kind(event), event))
            out = op.stateful_map("c", pairs, lambda n, event: ((n or 0) + 1, (n or 0) + 1))"""),
        between("""
            def one_more(n, event):
                n = 1 if n is None else n + 1
                return n, [(kind(event), n)]
            many = op.stateful_flat_map("c", op.key_on("k", events, kind), one_more)
            out = op.map("value", many, lambda pair: pair[1])"""),
        between("""
            class Count(StatefulBatchLogic):
                def __init__(self, n):
                    self.n = n or 0
                def on_batch(self, values):
                    first = self.n + 1
                    self.n += len(values)
                    return range(first, self.n + 1), False
                def snapshot(self):
                    return self.n
            out = op.stateful_batch("c", op.key_on("k", events, kind), Count)"""),
        between("""
            class Count(StatefulLogic):
                def __init__(self, n):
                    self.n = n or 0
                def on_item(self, value):
                    self.n += 1
                    return [self.n], False
                def snapshot(self):
                    return self.n
            out = op.stateful("c", op.key_on("k", events, kind), Count)"""),
        between("""
            streams = []
            for name in ("Search", "Results", "ClickResult", "AppOpen"):
                some = op.filter(f"is_{name}", events, lambda e, name=name: kind(e) == name)
                keyed = op.key_on(f"key_{name}", some, lambda e: kind(e))
                streams.append(op.stateful_map(f"count_{name}", keyed, number))
            out = op.merge("all", *streams)"""),
        between("""
            def both(counts, event):
                counts = counts or {}
                counts[kind(event)] = counts.get(kind(event), 0) + 1
                return counts, (kind(event), counts[kind(event)])
            all_in_one = op.key_on("all", events, lambda event: "all")
            pairs = op.stateful_map("c", all_in_one, both)
            out = op.key_rm("value", pairs)"""),
        between("""
            keyed = op.key_on("k", events, kind)
            out = op.map("list", op.stateful_map("c", keyed, number), list)"""),
        """
        def my_flow(source, sink, name="given"):
            class Build:
                def flow(self):
                    flow = Dataflow(name)
                    keyed = op.key_on("k", op.input("inp", flow, source), kind)
                    op.output("out", op.stateful_map("c", keyed, number), sink)
                    return flow
            return Build().flow()""",
    ),
    "connect_late": (
        BEGIN + NB_WINDOW + 'op.output("a", window.down, sink)\n'
        'op.output("b", window.late, sink)\nreturn flow',
        between(NB_WINDOW + 'out = op.merge("all", window.down, window.late)'),
        between(NB_WINDOW + 'late = op.map("l", window.late, lambda item: item[1][1])\n'
                'out = op.merge("all", window.down, late)'),
        between(NB_WINDOW + 'late = op.map("l", window.late, lambda item: ("late", item))\n'
                'out = op.merge("all", window.down, late)'),
        BEGIN + 'out = session_window("s", events, replay_clock("1s"), "10s")\n'
        'op.output("a", out.down, sink)\nop.output("b", out.late, sink)\nreturn flow',
        BEGIN + NB_WINDOW + 'for door in ("down", "late"):\n'
        '    op.output(f"out_{door}", getattr(window, door), sink)\nreturn flow',
        BEGIN + NB_WINDOW + 'for door in ("down", "late", "meta"):\n'
        '    op.output(f"out_{door}", getattr(window, door), sink)\nreturn flow',
        between("""
            keyed = op.key_on("user", events, lambda e: f"user {e.user}")
            clock = EventClock(lambda e: e.time, timedelta(seconds=1),
                               now_getter=lambda: datetime(2024, 1, 1, tzinfo=UTC),
                               to_system_utc=lambda _: None)
            window = fold_window("w", keyed, clock, SessionWindower(timedelta(seconds=10)),
                                 list, lambda kept, e: [*kept, e], lambda a, b: a + b)
            late = op.map_value("l", window.late, lambda item: {"late": item[1]})
            out = op.merge("all", window.down, late)"""),
        between(NB_WINDOW + 'both = op.merge("all", window.down, window.late)\n'
                'op.inspect("look", both, lambda step, item: seen.append(item))\n'
                'out = both'),
    ),
    "same_twice": (
        between(OWN_WINDOW + 'out = op.merge("all", window.down, window.late)'),
        BEGIN + OWN_WINDOW + 'op.output("a", window.down, sink)\n'
        'op.output("b", window.late, sink)\nreturn flow',
        BEGIN + 'out = session_window("s", events, replay_clock(wait), gap)\n'
        'op.output("a", out.down, sink)\nop.output("b", out.late, sink)\nreturn flow',
        between('out = session_window("s", events, replay_clock(wait), gap)\n'
                'out = op.merge("both", out.late, out.down)'),
        between("""
            clock = EventClock(event_time, wait, now_getter=lambda: datetime.min.replace(
                               tzinfo=UTC, year=2000), to_system_utc=lambda _: None)
            keyed = op.key_on("user", events, lambda e: str(e.user))
            window = collect_window("w", keyed, clock, SessionWindower(gap))
            out = op.merge("all", window.down, window.late)"""),
        between("""
            keyed = op.key_on("user", events, lambda e: repr(str(e.user)))
            window = fold_window("w", keyed, replay_clock(wait), SessionWindower(gap=gap),
                                 tuple, lambda kept, e: (*kept, e), lambda a, b: a + b)
            out = op.merge("all", window.down, window.late)"""),
        between("""
            keyed = op.key_on("user", events, lambda e: str(e.user))
            window = collect_window("w", keyed, replay_clock(wait), SessionWindower(gap), set)
            out = op.merge("all", window.down, window.late)"""),
        between("""
            class Cut(StatefulBatchLogic):
                def __init__(self, state):
                    self.newest, self.open = state or (None, [])
                def on_batch(self, events):
                    rows = []
                    for e in events:
                        self.newest = max(self.newest or e.time, e.time)
                        if e.time < self.newest - wait:
                            rows.append(e)
                        else:
                            self.open.append(e)
                    return rows, False
                def on_eof(self):
                    rows, part = [], []
                    for e in sorted(self.open, key=event_time):
                        if part and e.time - part[-1].time > gap:
                            rows.append(part)
                            part = []
                        part.append(e)
                    return [*rows, part], True
                def snapshot(self):
                    return self.newest, list(self.open)
            keyed = op.key_on("user", events, lambda e: str(e.user))
            out = op.stateful_batch("cut", keyed, Cut)"""),
    ),
    "check_the_sum": (
        between(CHECK + ADD + """
            def add(parts, pair):
                name, value = pair
                return {**parts, name: parts.get(name, 0) + (value if name == "read" else 1)}
            out = op.map_value("check", op.fold_final("sum", keyed, dict, add), check)"""
                .replace("\n            ", "\n")),
        between("""
            def add(parts, pair):
                parts = parts or Counter()
                if pair[0] == "read":
                    assert parts.total() == pair[1], "a record is missing"
                    return None, [dict(parts)]
                return parts + Counter([pair[0]]), []
            keyed = op.key_on("all", events, lambda pair: "")
            out = op.stateful_flat_map("sum", keyed, add)"""),
        between("""
            tens = op.flat_map("spread", events, lambda p: [p] if p[0] != "read" else
                               [("read", p[1])])
            keyed = op.key_on("all", tens, lambda pair: "all")
            whole = op.fold_final("sum", keyed, list, lambda kept, pair: [*kept, pair])
            def check(pairs):
                read = dict(pairs)["read"]
                parts = Counter(name for name, _ in pairs if name != "read")
                if sum(parts.values()) == read:
                    return parts
                raise RuntimeError("the sum does not hold")
            out = op.key_rm("rm", op.map_value("check", whole, check))"""),
        between("""
            class Lost(Exception):
                pass
            class Sum(StatefulBatchLogic):
                def __init__(self, state):
                    self.parts, self.read = state or ({}, 0)
                def on_batch(self, pairs):
                    for name, value in pairs:
                        if name == "read":
                            self.read += value
                        else:
                            self.parts[name] = self.parts.get(name, 0) + 1
                    return [], False
                def on_eof(self):
                    if sum(self.parts.values()) != self.read:
                        raise Lost(self.parts)
                    return [self.parts], True
                def snapshot(self):
                    return dict(self.parts), self.read
            out = op.stateful_batch("s", op.key_on("k", events, lambda p: "k"), Sum)"""),
        between(ADD + """
            def add(parts, pair):
                parts[pair[0]] += pair[1] if pair[0] == "read" else 1
                return parts
            def check(parts):
                if parts["read"] != parts["event"] + parts["rejected"] + parts["ignored"] + \\
                        parts["duplicate"] + parts["framing"]:
                    raise SystemError("lost")
                return parts
            out = op.map_value("check", op.fold_final("s", keyed, Counter, add), check)"""
                .replace("\n            ", "\n")),
        between("""
            def check(pairs):
                names = [name for name, _ in pairs[:-1]]
                if len(names) != pairs[-1][1]:
                    raise ArithmeticError(len(names))
                return {name: names.count(name) for name in
                        ("event", "rejected", "ignored", "duplicate", "framing")}
            keyed = op.key_on("all", events, lambda pair: "all")
            lists = op.map_value("list", keyed, lambda pair: [pair])
            whole = op.reduce_final("sum", lists, lambda a, b: a + b)
            out = op.map_value("check", whole, check)"""),
        between(CHECK + ADD + """
            names = ("event", "rejected", "ignored", "duplicate", "framing", "read")
            zero = dict.fromkeys(names, 0)
            def add(parts, pair):
                parts[pair[0]] += 1 if pair[0] != "read" else pair[1]
                return parts
            totals = op.fold_final("sum", keyed, lambda: dict(zero), add)
            out = op.map("value", op.map_value("check", totals, check), lambda pair: pair[1])"""
                .replace("\n            ", "\n")),
        between("""
            ones = op.map("ones", events, lambda p: ("x", (p[0], p[1] if p[0] == "read" else 1)))
            def add(parts, one):
                return {**parts, one[0]: parts.get(one[0], 0) + one[1]}
            totals = op.fold_final("sum", ones, lambda: {}, add)
            def verify(step, item):
                parts = dict(item[1])
                if parts.pop("read") != sum(parts.values()):
                    raise Exception("no")
            out = totals
            op.inspect("verify", totals, verify)"""),
    ),
    "survive_a_kill": (
        BEGIN + LINES + LINE + TO_FILE.format("lines"),
        BEGIN + LINES + 'lines = op.map_value("n", counts, str)\n'
        'lines = op.map("l", lines, lambda p: (p[0], "user " + p[0] + ": " + p[1]))'
        + TO_FILE.format("lines"),
        BEGIN + """
def count(n, search):
    n = (n or 0) + 1
    return n, f"user {search.user}: {n}"
keyed = op.key_on("user", events, lambda search: str(search.user))
lines = op.stateful_map("count", keyed, count)
""" + TO_FILE.format("lines"),
        BEGIN + """
def count(n, search):
    n = (n or 0) + 1
    return n, [f"user {search.user}: {n}"]
keyed = op.key_on("user", events, lambda search: f"u{search.user}")
lines = op.stateful_flat_map("count", keyed, count)
""" + TO_FILE.format("lines"),
        BEGIN + """
class Number(StatefulBatchLogic):
    def __init__(self, n):
        self.n = n or 0
    def on_batch(self, searches):
        lines = []
        for search in searches:
            self.n += 1
            lines.append(f"user {search.user}: {self.n}")
        return lines, False
    def snapshot(self):
        return self.n
keyed = op.key_on("user", events, lambda search: str(search.user))
lines = op.stateful_batch("count", keyed, Number)
""" + TO_FILE.format("lines"),
        BEGIN + """
def count(counts, search):
    counts = dict(counts or {})
    counts[search.user] = counts.get(search.user, 0) + 1
    return counts, f"user {search.user}: {counts[search.user]}"
keyed = op.key_on("all", events, lambda search: "all")
lines = op.stateful_map("count", keyed, count)
""" + TO_FILE.format("lines"),
        BEGIN + LINES + LINE + '\nop.output("out", lines, FileSink(str(path)))\nreturn flow',
        BEGIN + LINES + LINE
        + '\nop.inspect("see", lines, lambda *item: seen.append(item))' + TO_FILE.format("lines"),
        BEGIN + """
keyed = op.key_on("user", events, lambda search: str(search.user))
one = op.redistribute("spread", events)
keyed = op.key_on("by_user", one, lambda search: str(search.user))
counts = op.stateful_map("count", keyed, lambda n, _: ((n or 0) + 1,) * 2)
""" + LINE + TO_FILE.format("lines"),
    ),
}  # fmt: skip

WRONG: dict[str, tuple[tuple[str, str], ...]] = {
    "count_by_kind": (
        ("return Dataflow('empty')", "no input…op.input"),
        (BEGIN + "return flow", "no output…op.output"),
        (between('out = op.map("k", events, kind)').replace("return flow", ""), "`return flow`"),
        (between('out = op.map("k", op.map("k", events, kind), str)'), "Two steps…`k`"),
        (between('keyed = op.key_on("by_user", events, lambda e: e.user)\n'
                 'out = op.stateful_map("c", keyed, number)'),
         "key…`by_user`…`int`…str("),
        (between('out = op.stateful_map("c", op.map("k", events, lambda e: (e.user, e)), number)'),
         "key…`c`…`int`…str("),
        (between('out = op.stateful_map("c", events, number)'), "`c` takes pairs…`Search`"),
        (between('keyed = op.key_on("k", events, kind)\n'
                 'out = op.stateful_map("c", keyed, lambda n, e: (n or 0) + 1)'),
         "`c` must return a pair"),
        (between('keyed = op.key_on("k", events, kind)\n'
                 'out = op.stateful_map("c", keyed, lambda n, e: (n + 1, n))'),
         "state is None"),
        (between("""
            def add(event):
                kept[kind(event)] += 1
                return kind(event), kept[kind(event)]
            out = op.map("count", events, add)"""), "second time…outside the flow"),
        (between("""
            counts = Counter()
            def add(event):
                counts[kind(event)] += 1
                return kind(event), counts[kind(event)]
            out = op.map("count", events, add)"""), "until it is killed…state of a step"),
        (between("""
            streams = []
            for name in ("Search", "Results", "ClickResult", "AppOpen"):
                some = op.filter(f"is_{name}", events, lambda e: kind(e) == name)
                keyed = op.key_on(f"key_{name}", some, kind)
                streams.append(op.stateful_map(f"count_{name}", keyed, number))
            out = op.merge("all", *streams)"""), "`name`…last value…name=name"),
        (between('out = op.count_final("c", events, kind)'), "once, at the end"),
        (between("""
            pairs = op.fold_final("all", op.key_on("k", events, kind), list,
                                  lambda kept, e: [*kept, e])
            out = op.flat_map("f", pairs, lambda p: [(p[0], n + 1) for n in range(len(p[1]))])"""),
         "too late…as it passes"),
        (between('op.map("k", events, kind)', "kind"), "given a `function` in place of a stream"),
        (between('out = op.map(events, kind)'), "`op.map`…name first"),
        (between('out = op.stateful_map("c.d", op.key_on("k", events, kind), number)'), "period"),
        ('flow = Dataflow("m")\nevents = op.input("inp", flow, TestingSource([]))'
         + END.format("events"), "never reads `source`"),
        (BEGIN + 'op.output("out", events, StdOutSink())\nreturn flow', "Nothing goes to `sink`"),
        (between('out = op.map("k", events, lambda e: exit())'), "ends the whole program"),
        (between("""
            def numbers():
                n = 0
                while True:
                    n += 1
                    yield n
            def add(state, event):
                state = state or numbers()
                return state, next(state)
            out = op.stateful_map("c", op.key_on("k", events, kind), add)"""),
         "`generator`…can't be stored"),
        (between('out = op.map("k", events, lambda e: print(e.user) or ("Search", 0))'), "hint()"),
        (between('out = op.map("k", events, lambda e: e.kindly)'), "Its message often says"),
    ),
    "connect_late": (
        (between(NB_WINDOW, "window.down") + "    # still", "Connect `window.late`"),
        (between(NB_WINDOW, "window"), "several streams…`.down`"),
        (between('out = session_window("s", events, replay_clock("1s"), "10s")', "out.down"),
         "leads nowhere"),
        (between(NB_WINDOW + 'op.output("a", window.meta, sink)', "window.down"), "`meta`"),
        (between(NB_WINDOW, "window.late"), "Keep the output of `window.down`"),
        (between(NB_WINDOW.replace("1s", "1h"), "window.down"), "longer wait"),
        (between(NB_WINDOW + 'op.output("e", events, sink)\nop.output("l", window.late, sink)',
                 "window.down"), "twice"),
        (between(NB_WINDOW + 'op.output("out", window.late, sink)', "window.down"),
         "Two steps are called `out`"),
        (between(NB_WINDOW + 'late = op.map("t", window.late, lambda item: f"late: {item[0]}")\n'
                 'op.output("l", late, sink)', "window.down"), "not the event itself"),
        (between(NB_WINDOW + 'op.inspect("l", window.late, lambda _, item: seen.append(item))',
                 "window.down"), "Connect `window.late`"),
        (between(NB_WINDOW + 'op.output("l", window.late, sink)\nop.output("m", window.late, sink)',
                 "window.down"), "late event is there twice"),
        (between(NB_WINDOW.replace("user_event)", "lambda e: (e.user, e))"), "window.down"),
         "key…`int`"),
    ),
    "same_twice": (
        (between(WINDOW.format("live_clock(wait)", "SessionWindower(gap)")
                 + 'out = op.merge("all", window.down, window.late)'), "loses punctual events"),
        (between(WINDOW.format("EventClock(event_time, wait)", "SessionWindower(gap)")
                 + 'out = op.merge("all", window.down, window.late)'), "loses punctual events"),
        (between(WINDOW.format("win.SystemClock()", "SessionWindower(gap)"), "window.down"),
         "time of arrival"),
        (between(WINDOW.format("replay_clock(wait)", "win.TumblingWindower(length=gap, "
                 "align_to=datetime(1970, 1, 1, tzinfo=UTC))")
                 + 'out = op.merge("all", window.down, window.late)'), "fixed length"),
        (between(WINDOW.format("replay_clock(wait)", "win.TumblingWindower(length=gap, "
                 "align_to=datetime(2024, 1, 1))"), "window.down"), "time zone"),
        (between(WINDOW.format("replay_clock(gap)", "SessionWindower(wait)")
                 + 'out = op.merge("all", window.down, window.late)'), "changed places"),
        (between(WINDOW.format('replay_clock("0s")', "SessionWindower(gap)")
                 + 'out = op.merge("all", window.down, window.late)'), "doesn't wait"),
        (between(WINDOW.format("replay_clock(wait)", 'SessionWindower(timedelta(seconds=10))')
                 + 'out = op.merge("all", window.down, window.late)'), "always 10 seconds"),
        (between(OWN_WINDOW, "window.down"), "late events don't reach"),
        (between(WINDOW.format("EventClock(lambda e: e.time.replace(tzinfo=None), wait)",
                               "SessionWindower(gap)"), "window.down"), "time zone"),
        (between(OWN_WINDOW, "window"), "several streams"),
        (between(WINDOW.format("replay_clock", "SessionWindower(gap)"), "window.down"),
         "Its message often says"),
    ),
    "check_the_sum": (
        (between(ADD + 'out = op.fold_final("s", keyed, Counter, '
                 'lambda c, p: c + Counter([p[0]]))'),
         "raise an error"),
        (between(ADD + """
def add(c, p):
    return c + Counter({p[0]: p[1] if p[0] == "read" else 1})
out = op.fold_final("s", keyed, Counter, add)"""), "as if all were well…raise"),
        (between(CHECK + ADD + """
def add(c, p):
    return {**c, p[0]: c.get(p[0], 0) + 1}
out = op.map_value("c", op.fold_final("s", keyed, dict, add), check)"""), "no record is missing"),
        (between(ADD + """
def add(c, p):
    return c + Counter({p[0]: p[1] if p[0] == "read" else 1})
def check(c):
    if c["event"] + c["rejected"] != c["read"]:
        raise ValueError("lost")
    return c
out = op.map_value("c", op.fold_final("s", keyed, Counter, add), check)"""),
         "Only events and rejects"),
        (between(ADD + """
def add(c, p):
    return c + Counter({p[0]: p[1] if p[0] == "read" else 1})
def check(c):
    read = c.pop("read", 0)
    if c.total() < read:
        raise ValueError("lost")
    return c
out = op.map_value("c", op.fold_final("s", keyed, Counter, add), check)"""), "too large"),
        (between(ADD + """
def add(c, p):
    return c + Counter({p[0]: p[1] if p[0] == "read" else 1})
def check(c):
    read = c.pop("read", 0)
    return c if c.total() == read else print("lost") or "lost"
out = op.map_value("c", op.fold_final("s", keyed, Counter, add), check)"""), "raise an error"),
        (between("""
            parts = Counter()
            def add(pair):
                if pair[0] != "read":
                    parts[pair[0]] += 1
                    return []
                if parts.total() != pair[1]:
                    raise ValueError("lost")
                return [dict(parts)]
            out = op.flat_map("add", events, add)"""), "until it is killed"),
        (between("""
            def add(pair):
                if pair[0] != "read":
                    kept[pair[0]] += 1
                    return []
                if kept.total() != pair[1]:
                    raise ValueError("lost")
                return [dict(kept)]
            out = op.flat_map("add", events, add)"""), "second time…outside the flow"),
        (between(ADD + 'out = op.fold_final("s", keyed, int, lambda n, p: n + 1)'), "the parts"),
        (between('out = op.count_final("s", events, lambda pair: pair[1])'), "key…`int`"),
        (between(CHECK + ADD + 'sums = op.fold_final("s", keyed, dict, lambda c, p: c)\n'
                 'out = op.map_value("c", sums, lambda c: check)'), "looks as if…Send the parts"),
    ),
    "survive_a_kill": (
        (BEGIN + LINES + LINE + '\nop.output("out", lines, TestingSink(seen))\nreturn flow',
         "Nothing goes to `path`…FileSink(path)"),
        (BEGIN + LINES + """
def write(_, pair):
    with open(path, "a") as file:
        print(f"user {pair[0]}: {pair[1]}", file=file)
op.inspect("write", counts, write)
return flow""", "twice…`FileSink` can"),
        (BEGIN + LINES + """
file = open(path, "w")
def write(_, pair):
    print(f"user {pair[0]}: {pair[1]}", file=file, flush=True)
op.inspect("write", counts, write)
return flow""", "emptied at each start"),
        (BEGIN + """
counts = Counter()
def line(search):
    counts[search.user] += 1
    return str(search.user), f"user {search.user}: {counts[search.user]}"
lines = op.map("line", events, line)""" + TO_FILE.format("lines"), "begin again at 1"),
        (BEGIN + """
def line(search):
    kept[search.user] += 1
    return str(search.user), f"user {search.user}: {kept[search.user]}"
lines = op.map("line", events, line)""" + TO_FILE.format("lines"), "second time"),
        (BEGIN + LINES.replace("str(search.user)", '"all"')
         + 'lines = op.map("l", counts, lambda p: (p[0], f"user {p[0]}: {p[1]}"))'
         + TO_FILE.format("lines"), "share one count"),
        (BEGIN + LINES + TO_FILE.format("counts"), "`FileSink` writes text…`int`"),
        (BEGIN + LINES + 'lines = op.map("l", counts, lambda p: f"user {p[0]}: {p[1]}")'
         + TO_FILE.format("lines"), "pairs of a key and a value…`str`"),
        (BEGIN + LINES + 'lines = op.map_value("l", counts, str)' + TO_FILE.format("lines"),
         "counts alone"),
        (BEGIN + LINES.replace("str(search.user)", "search.user") + LINE + TO_FILE.format("lines"),
         "key…`int`"),
        (BEGIN + LINES + LINE + '\nop.output("out", lines, path)\nreturn flow', "no sink"),
        (BEGIN + LINES + LINE + '\nop.output("out", lines, FileSink(path))', "`return flow`"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "body"),
    [
        pytest.param(name, body, id=f"{name}-{n}")
        for name in NAMES
        for n, body in enumerate(RIGHT[name])
    ],
)
def test_a_right_flow_is_right(name: str, body: str, capfd: pytest.CaptureFixture[str]) -> None:
    verdict = TASKS[name].check(written(name, body))
    assert verdict.state == "right", verdict
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        pytest.param(name, *case, id=f"{name}-{n}")
        for name in NAMES
        for n, case in enumerate(WRONG[name])
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files left open
def test_a_wrong_flow_is_told_why(
    name: str, body: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    verdict = TASKS[name].check(written(name, body))
    assert verdict.state in ("wrong", "broken"), verdict
    assert verdict.words == Like(words), verdict
    fits_on_a_screen(verdict)
    assert capfd.readouterr() == ("", "")


def fits_on_a_screen(verdict: Verdict) -> None:
    text = repr(verdict)
    assert len(text.splitlines()) <= 15 and len(verdict.words) < 330
    assert " at 0x" not in text and "Traceback" not in text and "site-packages" not in text
    if verdict.state == "wrong":
        facts = dict(verdict.facts)
        assert facts["yours"] != facts["expected"]


@pytest.mark.parametrize(
    ("name", "number"), [(name, n) for name in NAMES for n in range(len(TASKS[name].mistakes))]
)
def test_a_mistake_is_named(name: str, number: int) -> None:
    slip, words = list(TASKS[name].mistakes.items())[number]
    verdict = TASKS[name].check(slip)
    assert verdict.words == words
    fits_on_a_screen(verdict)


@pytest.mark.parametrize("name", NAMES)
def test_a_second_look_is_the_same(name: str) -> None:
    slip = list(TASKS[name].mistakes)[-1]
    looks = [TASKS[name].check(slip)._repr_mimebundle_() for _ in range(2)]
    assert looks[0] == looks[1]
    assert "text/html" in looks[0] and "exercises." in looks[0]["text/plain"]


def test_every_sentence_about_the_engine_is_said() -> None:
    said = [TASKS[name].check(written(name, body)).words for name, body, _ in ENGINE]
    sentences = [sentence.split("{")[0][:12] for _, sentence in MESSAGES]
    assert [one for one in sentences if not any(one in words for words in said)] == []


ENGINE = [
    *[("count_by_kind", *case) for case in WRONG["count_by_kind"]],
    ("count_by_kind", 'flow = Dataflow("a.b")\nreturn flow', ""),
    ("count_by_kind", 'flow = Dataflow("a")\nop.input("i", flow, [1])\nreturn flow', ""),
    ("count_by_kind", between('out = op.filter("f", events, lambda e: 1)'), ""),
    ("count_by_kind", BEGIN + 'op.output("out", events, [])\nreturn flow', ""),
    ("same_twice", WRONG["same_twice"][9][0], ""),
    ("connect_late", WRONG["connect_late"][1][0], ""),
    *[("survive_a_kill", *WRONG["survive_a_kill"][n]) for n in (6, 7)],
]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "connect_late"])
@pytest.mark.parametrize("body", ["...", "pass", "return ..."])
def test_a_flow_that_is_not_begun_is_not_attempted(name: str, body: str) -> None:
    verdict = TASKS[name].check(written(name, body))
    assert verdict.state == "not attempted" and f"exercises.{name}.hint()" in verdict.words


STARTER = """
def my_flow(source, sink):
    flow = Dataflow("every_event")
    events = op.input("inp", flow, source)
    keyed = op.map("user_event", events, user_event)
    window = collect_window("window", keyed, clock, windower)
    op.output("out", window.down, sink)
    return flow
"""


def test_the_flow_that_is_given_is_not_attempted_until_it_changes() -> None:
    verdict = exercises.connect_late.check(written("connect_late", STARTER))
    assert verdict.state == "not attempted" and "Add what is missing" in verdict.words
    changed = STARTER.replace("window.down", "window.late")
    assert exercises.connect_late.check(written("connect_late", changed)).state == "broken"


def test_a_flow_in_place_of_the_function() -> None:
    answer = written("count_by_kind", RIGHT["count_by_kind"][0])
    verdict = exercises.count_by_kind.check(answer(TestingSource([]), TestingSink([])))
    assert verdict.state == "wrong"
    assert verdict.words == Like("one flow…without calling it")
    assert "a list" in exercises.count_by_kind.check([answer]).words


def test_other_parameters_are_told() -> None:
    answer = written("count_by_kind", "def my_flow(source):\n    return Dataflow(source)")
    verdict = exercises.count_by_kind.check(answer)
    assert verdict.state == "broken" and "`source` and `sink`" in verdict.words


def test_an_endless_step_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exercises.count_by_kind, "seconds", 0.5)
    body = between("""
        def wait(event):
            while True:
                pass
        out = op.map("wait", events, wait)""")
    verdict = exercises.count_by_kind.check(written("count_by_kind", body))
    assert verdict.state == "broken" and "still running" in verdict.words
    assert verdict.case == "the tutorial's seven events"
    monkeypatch.undo()
    assert exercises.count_by_kind.check(exercises.count_by_kind.solve).state == "right"


def test_the_users_own_interrupt_passes() -> None:
    body = between("""
        def stop(event):
            raise KeyboardInterrupt
        out = op.map("stop", events, stop)""")
    with pytest.raises(KeyboardInterrupt):
        exercises.count_by_kind.check(written("count_by_kind", body))


def test_the_failing_line_is_shown() -> None:
    body = between('out = op.map(\n    "k",\n    events,\n    lambda e: e.kindly,\n)')
    facts = dict(exercises.count_by_kind.check(written("count_by_kind", body)).facts)
    assert facts["line 7"] == "lambda e: e.kindly,"
    assert "no attribute 'kindly'" in facts["error"]


def test_a_case_can_be_run_by_oneself() -> None:
    answer = written("count_by_kind", WRONG["count_by_kind"][13][0])
    facts = dict(exercises.count_by_kind.check(answer).facts)
    assert facts["run it"] == "exercises.count_by_kind.case(4).run(my_flow)"
    case = exercises.count_by_kind.case(4)
    assert case.run(answer) == exercises.count_by_kind.case(4).run(answer)
    assert len(case.items) == 7 and "killed after item 4" in repr(case)
    for number in (0, 7, "1"):
        with pytest.raises(ValueError, match="from 1 to 6"):
            exercises.count_by_kind.case(number)


def test_counts_are_those_of_a_counter() -> None:
    rows = exercises.count_by_kind.case(2).run(exercises.count_by_kind.solve)
    last = {name: number for name, number in rows}
    assert last == Counter(type(event).__name__ for event in client_events())
    assert len(rows) == 7


@pytest.mark.parametrize("events", [NOTEBOOK, ARRIVING])
def test_the_window_is_that_of_the_package(events: tuple[Event, ...]) -> None:
    sessions, late = find_sessions(events)
    wanted = event_groups([*sessions, *late])
    tens = [case for case in exercises.connect_late.cases() if case.items == events]
    settings = (timedelta(seconds=10), timedelta(seconds=1))
    for case in tens or [replace(exercises.same_twice.case(2), settings=settings)]:
        task = exercises.connect_late if tens else exercises.same_twice
        found = event_groups(case.run(task.solve))
        assert sorted(map(repr, found)) == sorted(map(repr, wanted))


def test_the_live_clock_loses_what_the_solution_says() -> None:
    now = at(100)
    logic = live_clock("2s", lambda: now).build(None)
    late = []
    for second in (10, 12, 11, 13, 14, 16, 15):
        if second == 13:
            now += timedelta(seconds=5)
        logic.before_batch()
        (event,) = opens((1, second))
        time, watermark = logic.on_item(event)
        late += [second] if time < watermark else []
    assert late == exercises.lost_to_the_stall.solve()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([], "replay clock"),
        ([13, 14, 15], "exactly on the watermark"),
        ([13, 14, 15, 16], "10 + 5"),
        ([11, 13], "before the stall"),
        (2, "Which ones"),
        ([13], "hint()"),
        ([14, 13, 13], "hint()"),
        ("13, 14", "list is expected"),
    ],
)
def test_predictions_of_the_loss(answer: Any, words: str) -> None:
    verdict = exercises.lost_to_the_stall.check(answer)
    assert verdict.state == "wrong" and words in verdict.words


@pytest.mark.parametrize("answer", [[13, 14], (14, 13), {13, 14}])
def test_right_predictions_of_the_loss(answer: Any) -> None:
    assert exercises.lost_to_the_stall.check(answer).state == "right"
