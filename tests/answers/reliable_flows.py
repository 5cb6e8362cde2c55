"""Answers to the exercises in `reliable_flows`."""

from answers._flows import BEGIN, Bodies, Told, between, right, wrong

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

RIGHT_BODIES: Bodies = {
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

WRONG_BODIES: Told = {
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
        (between(ADD + 'out = op.fold_final("s", keyed, int, lambda n, p: n + 1)'), "?the parts"),
        (between('out = op.count_final("s", events, lambda pair: pair[1])'), "key…`int`"),
        (between(CHECK + ADD + 'sums = op.fold_final("s", keyed, dict, lambda c, p: c)\n'
                 'out = op.map_value("c", sums, lambda c: check)'), "?Send the parts"),
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
open(path, "w").close()
def write(_, pair):
    with open(path, "a") as file:
        print(f"user {pair[0]}: {pair[1]}", file=file)
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

RIGHT = right(RIGHT_BODIES)
WRONG = wrong(WRONG_BODIES)
