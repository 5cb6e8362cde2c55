"""Answers to the exercises in `dataflows`."""

from typing import Any

import numpy as np
import pandas as pd

from answers._flows import BEGIN, END, Bodies, Told, between, right, wrong

WINDOW = """
keyed = op.map("user", events, user_event)
window = collect_window("w", keyed, {}, {})
"""
NB_WINDOW = WINDOW.format('replay_clock("1s")', "SessionWindower(timedelta(seconds=10))")
OWN_WINDOW = WINDOW.format("replay_clock(wait)", "SessionWindower(gap)")

RIGHT_BODIES: Bodies = {
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
        between("""
            counts = op.stateful_map("c", op.key_on("k", events, kind), number)
            out = op.map("lazy", counts, iter)"""),
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
        BEGIN + NB_WINDOW + 'for name in ("down", "late"):\n'
        '    op.output(f"out_{name}", getattr(window, name), sink)\nreturn flow',
        BEGIN + NB_WINDOW + 'for name in ("down", "late", "meta"):\n'
        '    op.output(f"out_{name}", getattr(window, name), sink)\nreturn flow',
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
}  # fmt: skip

WRONG_BODIES: Told = {
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
         "Is it the state"),
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
        (between('out = op.map("k", events, lambda e: print(e.user) or ("Search", 0))'), ""),
        (between('out = op.map("k", events, lambda e: e.kindly)'), ""),
        (between("""
            counts = op.stateful_map("c", op.key_on("k", events, kind), number)
            out = op.key_rm("value", counts)"""), "counts alone"),
        (between("""
            def one_more(n, event):
                n = (n or 0) + 1
                return n, (kind(event), n)
            out = op.key_rm("r", op.stateful_map("c", op.key_on("k", events, lambda e: "all"),
                                                 one_more))"""), "share one count"),
        (between("""
            keyed = op.key_on("k", events, lambda e: str(e.user))
            out = op.stateful_map("c", keyed, number)"""), "for each user"),
        (between("""
            keyed = op.key_on("k", events, kind)
            out = op.stateful_map("c", keyed, lambda n, e: ((n or 0) + 1, n or 0))"""),
         "one too low"),
        (between("""
            counts = op.stateful_map("c", op.key_on("k", events, kind), number)
            out = op.map("turn", counts, lambda pair: (pair[1], pair[0]))"""), "wrong way round"),
        (between("""
            keyed = op.key_on("k", events, kind)
            out = op.stateful_map("c", keyed, lambda n, e: ((n or 0) + 1, e))"""),
         "hold the events"),
        (between("""
            def one_more(row, event):
                row = row or [kind(event), 0]
                row[1] += 1
                return row, row  # one list, which changes before it is written
            keyed = op.key_on("k", events, kind)
            out = op.key_rm("row", op.stateful_map("c", keyed, one_more))"""),
         "several come at once"),
        (between('out = op.map("one", events, lambda e: (kind(e), 1))'), "Every count is 1"),
        (BEGIN + 'out = op.stateful_map("c", op.key_on("k", events, kind), number)\n'
         'op.output("out", out, sink)\nrun(flow)\nreturn flow', "Leave that to the check"),
        ('flow = Dataflow("m")\nevents = op.input("inp", flow, TestingSource(source))'
         + END.format("events"), "a source already"),
        (BEGIN + 'op.output("out", events, TestingSink(sink))\nreturn flow', "a sink already"),
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
         ""),
    ),
}  # fmt: skip

LOST: list[Any] = [
    [13, 14],
    [14, 13],
    (13, 14),
    {13, 14},
    frozenset({13, 14}),
    [13.0, 14.0],
    np.array([13, 14]),
    pd.Series([14, 13]),
    dict.fromkeys([13, 14]),
]
NOT_LOST: list[tuple[Any, str]] = [
    ([], "replay clock"),
    ([13, 14, 15], "exactly on the watermark"),
    ([13, 14, 16, 15], "10 + 5"),
    ([11], "before the stall"),
    ([11, 13, 14], "before the stall"),
    (2, "Which ones"),
    ([2], "Which ones"),
    ([13], ""),
    ([13, 14, 13], ""),
    ("13, 14", "list is expected"),
]

RIGHT: dict[str, list[Any]] = {**right(RIGHT_BODIES), "lost_to_the_stall": LOST}
WRONG: dict[str, list[tuple[Any, str]]] = {**wrong(WRONG_BODIES), "lost_to_the_stall": NOT_LOST}
