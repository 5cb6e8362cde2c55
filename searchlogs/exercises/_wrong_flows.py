"""Wrong dataflows, as people write them: those that the exercises in `dataflows` know."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.connectors.files import FileSink
from bytewax.dataflow import Dataflow, Stream
from bytewax.operators.windowing import (
    SessionWindower,
    SystemClock,
    TumblingWindower,
    WindowOut,
    collect_window,
)

from searchlogs.events import EARLIEST
from searchlogs.live.clocks import live_clock
from searchlogs.sessions import replay_clock, user_event

Flow = Callable[..., Dataflow]
SECOND = timedelta(seconds=1)


def _begin(source: Any) -> tuple[Dataflow, Stream[Any]]:
    """Return a new flow and its input."""
    flow = Dataflow("wrong")
    return flow, op.input("inp", flow, source)


def _kind(event: Any) -> str:
    """Return an event's kind."""
    return type(event).__name__


def _numbered(before: int | None, item: Any) -> tuple[int, int]:
    """Return the new count twice: as the state, and to pass on."""
    now = (before or 0) + 1
    return now, now


def _counted(
    key: Callable[[Any], str] = _kind,
    step: Callable[[Any, Any], tuple[Any, Any]] = _numbered,
    row: Callable[[Any], Any] = lambda pair: pair,
) -> Flow:
    """Return a flow that counts by `key`, and whose rows are what `row` makes of each pair."""

    def assemble(source: Any, sink: Any) -> Dataflow:
        flow, events = _begin(source)
        counts = op.stateful_map("count", op.key_on("key", events, key), step)
        op.output("out", op.map("row", counts, row), sink)
        return flow

    return assemble


def count_at_the_end(source: Any, sink: Any) -> Dataflow:
    flow, events = _begin(source)
    op.output("out", op.count_final("count", events, _kind), sink)
    return flow


count_alone = _counted(row=lambda pair: pair[1])
count_all = _counted(
    key=lambda event: "all",
    step=lambda n, event: ((n or 0) + 1, (_kind(event), (n or 0) + 1)),
    row=lambda pair: pair[1],
)
count_users = _counted(key=lambda event: str(event.user))
count_before = _counted(step=lambda n, event: ((n or 0) + 1, n or 0))
count_reversed = _counted(row=lambda pair: pair[::-1])
count_event = _counted(step=lambda n, event: ((n or 0) + 1, event))
count_nothing = _counted(step=lambda n, event: (n, 1))


clock, windower = replay_clock(SECOND), SessionWindower(10 * SECOND)


def every_event(source: Any, sink: Any) -> Dataflow:
    # As in the starter of `connect_late`, which is compared with this by its code.
    flow = Dataflow("every_event")
    events = op.input("inp", flow, source)
    keyed = op.map("user_event", events, user_event)
    window = collect_window("window", keyed, clock, windower)
    op.output("out", window.down, sink)
    return flow


def _windowed(
    *outputs: Callable[[Stream[Any], WindowOut[Any, Any]], Any],
    clock: Callable[[timedelta], Any] = replay_clock,
    windower: Callable[[timedelta], Any] = SessionWindower,
    swapped: bool = False,
) -> Flow:
    """Return a flow whose outputs are the `outputs` of a window."""

    def assemble(
        source: Any, sink: Any, gap: timedelta = 10 * SECOND, wait: timedelta = SECOND
    ) -> Dataflow:
        flow, events = _begin(source)
        if swapped:
            gap, wait = wait, gap
        keyed = op.map("user_event", events, user_event)
        window = collect_window("window", keyed, clock(wait), windower(gap))
        for number, output in enumerate(outputs or (_down, _late)):
            op.output(f"out_{number}", output(events, window), sink)
        return flow

    return assemble


def _down(events: Stream[Any], window: WindowOut[Any, Any]) -> Any:
    return window.down


def _late(events: Stream[Any], window: WindowOut[Any, Any]) -> Any:
    return window.late


only_down = _windowed(_down)
down_and_meta = _windowed(_down, lambda events, window: window.meta)
late_alone = _windowed(_late)
long_wait = _windowed(clock=lambda wait: replay_clock(timedelta(days=1)))
events_too = _windowed(_down, _late, lambda events, window: events)
late_doubled = _windowed(_down, _late, _late)
late_counted = _windowed(
    _down, lambda events, window: op.map("brief", window.late, lambda item: (item[0], 1))
)

live = _windowed(clock=live_clock)
by_arrival = _windowed(clock=lambda wait: SystemClock())
fixed_length = _windowed(
    windower=lambda gap: TumblingWindower(length=max(gap, SECOND), align_to=EARLIEST)
)
swapped = _windowed(swapped=True)
no_wait = _windowed(clock=lambda wait: replay_clock(timedelta(0)))
gap_of_ten = _windowed(windower=lambda gap: SessionWindower(10 * SECOND))
without_late = _windowed(_down)


def _summed(check: Callable[[int, Counter[str]], Any]) -> Flow:
    """Return a flow whose one row is what `check` makes of the number read and the parts."""

    def add(parts: Counter[str], pair: tuple[str, Any]) -> Counter[str]:
        name, value = pair
        return parts + Counter({name: value if name == "read" else 1})

    def assemble(source: Any, sink: Any) -> Dataflow:
        flow, pairs = _begin(source)
        keyed = op.key_on("all", pairs, lambda pair: "all")
        sums = op.fold_final("sum", keyed, Counter, add)
        rows = op.map_value("check", sums, lambda parts: check(parts.pop("read", 0), parts))
        op.output("out", rows, sink)
        return flow

    return assemble


def _fail_unless(holds: bool, row: Any) -> Any:
    if not holds:
        raise ValueError("a record is missing")
    return row


sum_unchecked = _summed(lambda read, parts: parts)
sum_always_fails = _summed(lambda read, parts: _fail_unless(read < 0, parts))
sum_events_and_rejects = _summed(
    lambda read, parts: _fail_unless(parts["event"] + parts["rejected"] == read, parts)
)
sum_too_few_only = _summed(lambda read, parts: _fail_unless(parts.total() >= read, parts))
sum_said = _summed(lambda read, parts: parts if parts.total() == read else "a record is missing")
sum_alone = _summed(lambda read, parts: _fail_unless(parts.total() == read, parts.total()))


def sum_as_they_pass(source: Any, sink: Any) -> Dataflow:
    def add(parts: Counter[str] | None, pair: tuple[str, Any]) -> tuple[Any, Any]:
        name, value = pair
        parts = parts or Counter()
        if name == "read":
            return parts, _fail_unless(parts.total() == value, parts)
        return (now := parts + Counter([name])), now

    flow, pairs = _begin(source)
    keyed = op.key_on("all", pairs, lambda pair: "all")
    op.output("out", op.stateful_map("sum", keyed, add), sink)
    return flow


def _user(search: Any) -> str:
    return str(search.user)


def _line(pair: tuple[str, int]) -> tuple[str, str]:
    return pair[0], f"user {pair[0]}: {pair[1]}"


def _written(key: Callable[[Any], str] = _user, line: Callable[[Any], Any] = _line) -> Flow:
    """Return a flow that writes a line for each search to a file."""

    def assemble(source: Any, path: Path) -> Dataflow:
        flow, searches = _begin(source)
        counts = op.stateful_map("count", op.key_on("user", searches, key), _numbered)
        op.output("out", op.map("line", counts, line), FileSink(path))
        return flow

    return assemble


def _by_hand(rewritten: bool) -> Flow:
    """Return a flow that writes its file itself, and empties it at the start if so wanted."""

    def assemble(source: Any, path: Path) -> Dataflow:
        flow, searches = _begin(source)
        if rewritten:
            path.write_text("")

        def write(step: str, pair: tuple[str, int]) -> None:
            with path.open("a") as file:
                file.write(_line(pair)[1] + "\n")

        counts = op.stateful_map("count", op.key_on("user", searches, _user), _numbered)
        op.inspect("write", counts, write)
        return flow

    return assemble


file_rewritten = _by_hand(rewritten=True)
file_appended = _by_hand(rewritten=False)
one_count = _written(key=lambda search: "all")
bare_counts = _written(line=lambda pair: (pair[0], str(pair[1])))
key_twice = _written(line=lambda pair: (f"user {pair[0]}: {pair[1]}", str(pair[0])))


def counts_outside(source: Any, path: Path) -> Dataflow:
    flow, searches = _begin(source)
    counts: Counter[str] = Counter()

    def line(search: Any) -> tuple[str, str]:
        counts[_user(search)] += 1
        return _line((_user(search), counts[_user(search)]))

    op.output("out", op.map("line", searches, line), FileSink(path))
    return flow


def lines_at_the_end(source: Any, path: Path) -> Dataflow:
    flow, searches = _begin(source)
    counts = op.count_final("count", searches, _user)
    op.output("out", op.map("line", counts, _line), FileSink(path))
    return flow
