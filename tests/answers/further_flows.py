"""Answers to the exercises in `further_flows`."""

from answers._flows import BEGIN, Bodies, Told, between, right, wrong

HOURS = "win.TumblingWindower(timedelta(hours=1), datetime(2024, 1, 1, tzinfo=UTC))"
ROW = "lambda p: (p[0], datetime(2024, 1, 1, p[1][0], tzinfo=UTC), p[1][1])"


def counted(
    clock: str = "replay_clock(wait)", hours: str = HOURS, row: str = ROW, late: str = "window.late"
) -> str:
    """A flow's body: searches are filtered, counted by the window, and late ones kept."""
    return between(f"""
        found = op.filter("f", events, lambda e: isinstance(e, Search))
        window = win.count_window("w", found, {clock}, {hours}, lambda e: str(e.user))
        counts = op.map("row", window.down, {row})
        out = op.merge("all", counts, {late})""")


JOIN = """
def step(state, e):
    query, shown = state or (None, {{}})
    if isinstance(e, Search):
        return (e.query, shown), []
    if isinstance(e, Results):
        return (query, {{**shown, **{{item: query for item in e.items}}}}), []
    if isinstance(e, ClickResult):
        return (query, shown), [{}]
    return (query, shown), []
out = op.stateful_flat_map("j", op.key_on("k", events, lambda e: {}), step)
"""
ANSWER = "(shown.get(e.item), e.item)"
USER = "str(e.user)"
# A step that keeps a list of searches, each with what it showed; `{}` finds the query.
LISTED = """
def step(searches, e):
    searches = searches or []
    query = None
    if isinstance(e, Search):
        searches = [*searches, (e.query, [])]
    elif isinstance(e, Results) and searches:
        searches[-1][1].extend(e.items)
    elif isinstance(e, ClickResult):
        query = {}
    return searches, (e.user, query, e.item) if isinstance(e, ClickResult) else None
answers = op.stateful_map("j", op.key_on("k", events, lambda e: str(e.user)), step)
out = op.filter_map("rows", answers, lambda pair: pair[1])
"""
LATEST = "next((q for q, items in searches[::-1] if e.item in items), None)"

RIGHT_BODIES: Bodies = {
    "hourly_beside": (
        counted(),
        counted(row="lambda p: (p[0], (datetime(2024, 1, 1, p[1][0], tzinfo=UTC), p[1][1]))"),
        counted(row="lambda p: [int(p[0]), datetime(2024, 1, 1, p[1][0], tzinfo=UTC), p[1][1]]"),
        counted(
            hours="win.TumblingWindower(length=timedelta(minutes=60), "
            "align_to=datetime(2024, 1, 1, 12, tzinfo=UTC))",
            row="lambda p: (p[0], datetime(2024, 1, 1, 12, tzinfo=UTC) "
            "+ timedelta(hours=p[1][0]), p[1][1])",
        ),
        counted(late='op.map("late", window.late, lambda p: ("late", p[1][1]))'),
        between(f"""
            found = op.filter("f", events, lambda e: isinstance(e, Search))
            window = collect_window("w", op.map("k", found, user_event),
                                    replay_clock(wait), {HOURS})
            def row(item):
                user, (_, own) = item
                start = own[0].time.replace(minute=0, second=0, microsecond=0)
                return user, (user, start, len(own))
            op.output("late_out", op.map("l", window.late, lambda p: p[1][1]), sink)
            out = op.map("row", window.down, row)"""),
        between(f"""
            found = op.filter_map("f", events, lambda e: e if type(e) is Search else None)
            window = fold_window("w", op.key_on("k", found, lambda e: str(e.user)),
                                 replay_clock(wait), {HOURS}, int, lambda n, e: n + 1,
                                 lambda a, b: a + b)
            def by_window(pair):
                return f"{{pair[0]}} {{pair[1][0]}}", pair[1][1]
            counts = op.map("c", window.down, by_window)
            starts = op.map("s", window.meta, by_window)
            def row(pair):
                key, (count, meta) = pair
                return key.split()[0], meta.open_time, count
            op.output("late_out", window.late, sink)
            out = op.map("row", op.join("j", counts, starts), row)"""),
        between(f"""
            clock = EventClock(lambda e: e.time, wait, now_getter=lambda: datetime(
                               2000, 1, 1, tzinfo=UTC), to_system_utc=lambda _: None)
            found = op.filter("f", events, lambda e: isinstance(e, Search))
            window = win.count_window("w", found, clock, {HOURS}, lambda e: f"{{e.user}}")
            op.output("late_out", window.late, sink)
            out = op.map("row", window.down, {ROW})"""),
        between("""
            zero = datetime(2024, 1, 1, tzinfo=UTC)
            class Hours(StatefulBatchLogic):
                def __init__(self, state):
                    self.newest, self.counts = state or (zero, Counter())
                def on_batch(self, searches):
                    rows = []
                    for e in searches:
                        self.newest = max(self.newest, e.time)
                        if e.time < self.newest - wait:
                            rows.append(e)
                        else:
                            self.counts[(e.time - zero) // timedelta(hours=1)] += 1
                    return rows, False
                def on_eof(self):
                    return [(zero + n * timedelta(hours=1), count)
                            for n, count in self.counts.items()], True
                def snapshot(self):
                    return self.newest, Counter(self.counts)
            found = op.filter("f", events, lambda e: isinstance(e, Search))
            keyed = op.key_on("k", found, lambda e: str(e.user))
            out = op.stateful_batch("hours", keyed, Hours)"""),
    ),
    "join_clicks": (
        between(JOIN.format(ANSWER, USER)),
        between(JOIN.format("(e.user, shown.get(e.item), e.item)", USER)),
        between(JOIN.format("[shown.get(e.item), e.item]", 'repr(str(e.user)).strip("\'")')),
        between(LISTED.format(LATEST)),
        between("""
            def step(state, e):
                state = state or {"query": None}
                if isinstance(e, Search):
                    state["query"] = e.query
                for item in getattr(e, "items", ()):
                    state[("item", item)] = state["query"]
                return state, (state.get(("item", getattr(e, "item", None))), e)
            def row(pair):
                user, (query, e) = pair
                return (user, query, e.item) if isinstance(e, ClickResult) else None
            answers = op.stateful_map("j", op.key_on("k", events, lambda e: str(e.user)), step)
            out = op.filter_map("rows", answers, row)"""),
        between("""
            class Join(StatefulBatchLogic):
                def __init__(self, state):
                    self.seen = state or []
                def on_batch(self, events):
                    rows = []
                    for e in events:
                        if isinstance(e, ClickResult):
                            rows.append((self.query(e.item), e.item))
                        else:
                            self.seen.append(e)
                    return rows, False
                def query(self, item):
                    shown = False
                    for e in reversed(self.seen):
                        if shown and isinstance(e, Search):
                            return e.query
                        shown = shown or isinstance(e, Results) and item in e.items
                    return None
                def snapshot(self):
                    return list(self.seen)
            out = op.stateful_batch("j", op.key_on("k", events, lambda e: str(e.user)), Join)"""),
        between("""
            class Join(StatefulLogic):
                def __init__(self, state):
                    self.query, self.shown = state or (None, {})
                def on_item(self, e):
                    match e:
                        case Search(query=query):
                            self.query = query
                        case Results(items=items):
                            self.shown.update((item, self.query) for item in items)
                        case ClickResult(item=item):
                            return [(e.user, self.shown.get(item), item)], False
                    return [], False
                def snapshot(self):
                    return self.query, dict(self.shown)
            rows = op.stateful("j", op.key_on("k", events, lambda e: str(e.user)), Join)
            out = op.key_rm("value", rows)"""),
        between("""
            def step(states, e):
                states = states or {}
                query, shown = states.get(str(e.user), (None, {}))
                if isinstance(e, Search):
                    query = e.query
                if isinstance(e, Results):
                    shown = shown | dict.fromkeys(e.items, query)
                states[str(e.user)] = query, shown
                if isinstance(e, ClickResult):
                    return states, [(e.user, shown.get(e.item), e.item)]
                return states, []
            rows = op.stateful_flat_map("j", op.key_on("k", events, lambda e: "all"), step)
            out = op.key_rm("value", rows)"""),
        BEGIN
        + JOIN.format(ANSWER, USER).replace(
            "events, lambda", "op.redistribute('r', events), lambda"
        )
        + '\nop.inspect("look", out, lambda step, row: seen.append(row))\n'
        'op.output("out", out, sink)\nreturn flow',
    ),
}

WRONG_BODIES: Told = {
    "hourly_beside": (
        (counted(late="counts").replace('op.merge("all", counts, counts)', "counts"),
         "late searches don't reach"),
        (counted(late='op.map("l", window.late, lambda p: (p[0], 1))'), "not the search itself"),
        (counted().replace("isinstance(e, Search)", "True"), "Every event is counted"),
        (between(f"""
            window = fold_window("w", op.map("k", events, user_event), replay_clock(wait), {HOURS},
                                 int, lambda n, e: n + isinstance(e, Search), lambda a, b: a + b)
            op.output("late_out", window.late, sink)
            out = op.map("row", window.down, {ROW})"""), "Filter before the window"),
        (between(f"""
            window = fold_window("w", op.map("k", events, user_event), replay_clock(wait), {HOURS},
                                 int, lambda n, e: n + isinstance(e, Search), lambda a, b: a + b)
            op.output("late_out", window.late, sink)
            rows = op.filter("some", window.down, lambda p: p[1][1] > 0)
            out = op.map("row", rows, {ROW})"""), "?Filter before the window"),
        (between("""
            found = op.filter("f", events, lambda e: isinstance(e, Search))
            window = collect_window("w", op.map("k", found, user_event), replay_clock(wait),
                                    SessionWindower(timedelta(hours=1)))
            op.output("late_out", window.late, sink)
            out = op.map("row", window.down,
                         lambda p: (p[0], p[1][1][0].time, len(p[1][1])))"""), "end with a pause"),
        (counted(hours="win.SlidingWindower(timedelta(hours=1), timedelta(minutes=30), "
                 "datetime(2024, 1, 1, tzinfo=UTC))",
                 row="lambda p: (p[0], datetime(2024, 1, 1, tzinfo=UTC) "
                 "+ p[1][0] * timedelta(minutes=30), p[1][1])"), "overlap"),
        (counted(row="lambda p: p"), "number of each window"),
        (counted(hours=HOURS.replace("1, 1, tz", "1, 1, 0, 30, tz"),
                 row="lambda p: (p[0], datetime(2024, 1, 1, 0, 30, tzinfo=UTC) "
                 "+ p[1][0] * timedelta(hours=1), p[1][1])"), "half past"),
        (between(f"""
            found = op.filter("f", events, lambda e: isinstance(e, Search))
            window = collect_window("w", op.map("k", found, user_event), replay_clock(wait),
                                    {HOURS})
            op.output("late_out", window.late, sink)
            out = op.map("row", window.down,
                         lambda p: (p[0], p[1][1][0].time, len(p[1][1])))"""),
         "time of the first search"),
        (counted().replace("lambda e: str(e.user)", 'lambda e: "all"'), "share one window"),
        (counted().replace("str(e.user)", "e.user"), "key…`int`"),
        (counted(hours=HOURS.replace(", tzinfo=UTC", "")), "time zone"),
        (between("""
            found = op.filter("f", events, lambda e: isinstance(e, Search))
            counts = op.count_final("c", found, lambda e: f"{e.user} {e.time.hour}")
            def row(pair):
                user, number = pair[0].split()
                return user, datetime(2024, 1, 1, int(number), tzinfo=UTC), pair[1]
            out = op.map("row", counts, row)"""), "end of the input"),
        (counted(clock="live_clock(wait)"), "punctual searches are late"),
        (counted(clock="EventClock(lambda e: e.time, wait)"), "punctual searches are late"),
        (counted(clock='replay_clock("0s")'), "doesn't wait"),
        (counted(clock='replay_clock("1m")'), "always a minute"),
        (counted(row=ROW.replace("tzinfo=UTC", "")), ""),
        (counted().replace("window.late", "window"), ""),
        (counted().replace("window.down", "window"), "several streams"),
        (counted(late="window.late, window.late"), ""),
    ),
    "join_clicks": (
        (between(LISTED.format("searches[-1][0] if searches else None")), "search just before"),
        (between(LISTED.format(LATEST.replace("searches[::-1]", "searches[-1:]"))),
         "Only the latest search"),
        (between(LISTED.format(LATEST.replace("searches[::-1]", "searches"))),
         "It belongs to the latest"),
        (between(JOIN.format("(shown.get(e.item, query), e.item)", USER)), "orphan…None"),
        (between(JOIN.replace("**shown, ", "").format(ANSWER, USER)), "latest results are kept"),
        (between(JOIN.replace("{{**shown, **{{item: query for item in e.items}}}}",
                              "{{**dict.fromkeys(e.items, query), **shown}}")
                 .format(ANSWER, USER)), "It belongs to the latest"),
        (between(JOIN.format("(shown.pop(e.item, None), e.item)", USER)), "second click"),
        (between(JOIN.format("(e.user, shown.get(e.item), e.item)", '"all"')
                 + 'out = op.key_rm("rm", out)'), "All users share"),
        (between(JOIN.format(ANSWER, USER) + """
out = op.filter("known", out, lambda pair: pair[1][0] is not None)"""),
         "belong to no search are missing"),
        (between(LISTED.format(LATEST).replace("pair[1]", 'pair[1] or (pair[0], None)')),
         "Only a click"),
        (between(JOIN.format("(e.item, shown.get(e.item))", USER)), "changed places"),
        (between("""
            keyed = op.key_on("k", events, lambda e: str(e.user))
            queries = op.filter_map_value("q", keyed, lambda e: getattr(e, "query", None))
            items = op.filter_map_value("i", keyed, lambda e: getattr(e, "item", None))
            out = op.join("j", queries, items)"""), "`op.join` keeps"),
        (between("""
            keyed = op.key_on("k", events, lambda e: str(e.user))
            queries = op.filter_map_value("q", keyed, lambda e: getattr(e, "query", None))
            items = op.filter_map_value("i", keyed, lambda e: getattr(e, "item", None))
            out = op.join("j", queries, items, emit_mode="running")"""), ""),
        (between("""
            from searchlogs.metrics import attribute
            def rows(session):
                found = attribute(session)
                return [*[(session.user, one.search.query, click.item)
                          for one in found.impressions for click in one.clicks],
                        *[(session.user, None, click.item) for click in found.orphans]]
            window = session_window("w", events, replay_clock("1d"), timedelta(days=1))
            out = op.flat_map("rows", window.down, rows)"""), "when a session is over"),
        (between("""
            def rows(pair):
                shown, query, found = {}, None, []
                for e in pair[1]:
                    query = getattr(e, "query", query)
                    shown.update(dict.fromkeys(getattr(e, "items", ()), query))
                    if isinstance(e, ClickResult):
                        found.append((e.user, shown.get(e.item), e.item))
                return found
            keyed = op.key_on("k", events, lambda e: str(e.user))
            every = op.fold_final("all", keyed, list, lambda kept, e: [*kept, e])
            out = op.flat_map("rows", every, rows)"""), "held back…as it passes"),
        (between("""
            shown, queries = {}, {}
            def row(e):
                if isinstance(e, Search):
                    queries[str(e.user)] = e.query
                if isinstance(e, Results):
                    shown.update({(str(e.user), i): queries.get(str(e.user)) for i in e.items})
                if isinstance(e, ClickResult):
                    return e.user, shown.get((str(e.user), e.item)), e.item
                return None
            out = op.filter_map("row", events, row)"""), "until it is killed"),
        (between(JOIN.format(ANSWER, "e.user")), "key…`int`"),
        (between(JOIN.format('(shown.get(e.item, "orphan"), e.item)', USER)), ""),
        (between(JOIN.format("shown.get(e.item)", USER)), ""),
    ),
}  # fmt: skip

RIGHT = right(RIGHT_BODIES)
WRONG = wrong(WRONG_BODIES)
