"""What the engine does with each item of a flow: what every step gives, and what it keeps."""

import copy
import io
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Operator, Stream
from bytewax.inputs import AbortExecution, DynamicSource, FixedPartitionedSource
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import TestingSource

from searchlogs.dataflow import check_flow, run
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.figures.elements import LABELS
from searchlogs.figures.page import clock_text, duration_text, plain, quantity
from searchlogs.sessions import Late, Session

MOST_ITEMS = 60
"""Largest number of items of each input that are followed."""

SHOWN = 4
"""Most items of a list that are shown one by one."""


class Step(NamedTuple):
    """A step that the flow's author wrote; the steps inside it are not shown."""

    name: str
    kind: str
    """Name of its operator, such as "stateful_map"."""
    ups: tuple[str, ...]
    """The streams that it reads, by their ids."""
    downs: tuple[tuple[str, str], ...]
    """Port and id of each stream that leaves it."""


Kept: TypeAlias = tuple[str, str]
"""Name and text of a thing that a step keeps for a key, such as ("watermark", "00:00:05")."""


class Moment(NamedTuple):
    """What happened because one item arrived, or because the input ended."""

    title: str
    passed: dict[str, list[str]]
    """The items on each stream, as text, by the stream's id."""
    kept: dict[str, dict[str, list[Kept]]]
    """What each step that keeps state keeps afterwards for each key."""


@dataclass(frozen=True)
class Trace:
    """A run of a flow, item by item."""

    steps: tuple[Step, ...]
    moments: tuple[Moment, ...]
    """One per item, in the order of their arrival, and one for the end of the input."""


def trace(flow: Dataflow) -> Trace:
    """Run a copy of a flow on its own input, one item at a time, and note what happens.

    Every stream is tapped, and every step that keeps state is asked for it after each item. Sinks
    get nothing: what would have reached them is noted instead.

    Args:
        flow: A flow whose input ends; at most MOST_ITEMS items of each input are followed.

    Raises:
        TypeError: `flow` is no Dataflow.
        ValueError: The flow has no input.
    """
    steps = steps_of(flow)
    kinds = {step.kind for step in steps}
    if "input" not in kinds:
        raise ValueError(f"flow: expected a step 'input'; found {sorted(kinds) or 'no steps'}")
    watch = _Watch(flow)
    for stream in {id for step in steps for _, id in step.downs}:
        watch.tap(stream)
    # The engine runs its steps in an order of its own, but each item that leaves a step carries
    # the epoch of its input. With one epoch per item, the epoch identifies the item.
    with redirect_stdout(io.StringIO()):  # what the flow's own steps print
        run(watch.copied, epoch_interval=timedelta(0))
    inputs = [id for step in steps if step.kind == "input" for _, id in step.downs]
    return Trace(steps, tuple(watch.moments(inputs)))


def steps_of(flow: Dataflow) -> tuple[Step, ...]:
    """Return the steps that a flow was assembled from, in that order.

    Raises:
        TypeError: `flow` is no Dataflow.
    """
    check_flow(flow)
    return tuple(map(_step, flow.substeps))


def _step(step: Operator) -> Step:
    name = type(step).__name__
    ups = [id for port in step.ups_names for id in getattr(step, port).stream_ids.values()]
    downs = []
    for port in step.dwn_names:
        for branch, id in getattr(step, port).stream_ids.items():
            downs.append((port if branch == "stream" else str(branch), id))
    return Step(step.step_name, name, tuple(ups), tuple(downs))


class _Watch:
    """Notes of a run, taken in whatever order the engine runs its steps."""

    def __init__(self, flow: Dataflow) -> None:
        self.has_more = False
        self.seen: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        """Epoch and item, by stream."""
        self.states: list[tuple[int | None, str, str, list[Kept]]] = []
        """Epoch, step, key, and what the step keeps for the key after it; None: after the end."""
        self.copied = Dataflow(flow.flow_id)
        (self.scope,) = self.copied._get_scopes()
        for step in flow.substeps:
            self.copied.substeps.extend(self._copies(step))

    def tap(self, stream: str) -> None:
        """Note each item of a stream."""
        seen = self.seen[stream]
        op.inspect_debug(
            "xray_" + stream.replace(".", "_"),
            Stream(stream, self.scope),
            lambda step, item, epoch, worker: seen.append((epoch, item)),
        )

    def _copies(self, step: Any) -> Iterator[Operator]:
        """Yield copies of a step whose source, sink or state is watched, also inside of it."""
        inside = [copied for one in step.substeps for copied in self._copies(one)]
        changes: dict[str, Any] = {"substeps": inside}
        match type(step).__name__:
            case "input":
                changes["source"] = TestingSource(self._items(step.source))
            case "output":
                changes["sink"] = _NoSink()
            case "stateful_batch":
                # The step is told of no key and no epoch: values bring them along.
                scratch = Dataflow(step.step_id.replace(".", "_"))
                (scope,) = scratch._get_scopes()
                up: Stream[Any] = Stream(step.up.stream_id, scope)
                tagged = op.map("xray_tag", up, _tagged)
                dated = op.inspect_debug("xray_date", tagged, _date)
                yield from scratch.substeps
                changes["up"] = replace(step.up, stream_id=dated.stream_id)
                changes["builder"] = self._watched(step)
        copied = copy.copy(step)
        for name, value in changes.items():
            object.__setattr__(copied, name, value)
        yield copied

    def _items(self, source: Any) -> list[Any]:
        """Return the first items of a source."""
        if isinstance(source, FixedPartitionedSource):
            parts: list[Any] = [source.build_part("", part, None) for part in source.list_parts()]
        elif isinstance(source, DynamicSource):
            parts = [source.build("", 0, 1)]
        else:
            raise TypeError(f"source: expected a source of Bytewax; found {type(source).__name__}")
        found = (item for part in parts for item in _drain(part))
        items = list(islice(found, MOST_ITEMS))
        self.has_more |= any(True for _ in found)
        return items

    def _end(self) -> str:
        """Return the title of the last moment."""
        more = f" here: only its first {MOST_ITEMS} items are followed." if self.has_more else "."
        return f"The input ends{more}"

    def _watched(self, step: Any) -> Callable[[Any], StatefulBatchLogic[Any, Any, Any]]:
        """Return a builder whose logic notes after each batch what it keeps."""
        name = step.step_id.split(".")[1]
        return lambda state: _WatchedLogic(step.builder(state), name, self.states)

    def moments(self, inputs: Iterable[str]) -> Iterator[Moment]:
        """Yield the moments of the run in order."""
        arrived: dict[int, list[str]] = defaultdict(list)
        for stream in inputs:
            for when, item in self.seen[stream]:
                arrived[when].append(item_text(item))
        passed: dict[int | None, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for stream, items in self.seen.items():
            for when, item in items:
                passed[when if when in arrived else None][stream].append(item_text(item))
        kept: dict[str, dict[str, list[Kept]]] = defaultdict(dict)
        epochs: list[int | None] = [*sorted(arrived), None]
        for epoch in epochs:
            for noted, step, key, lines in self.states:
                if (noted if noted in arrived else None) == epoch:
                    kept[step][key] = lines
            yield Moment(
                self._end() if epoch is None else " and ".join(arrived[epoch]),
                dict(passed[epoch]),
                {step: {k: v for k, v in sorted(keys.items()) if v} for step, keys in kept.items()},
            )


@dataclass
class _Tagged:
    """A value on its way to a step that keeps state."""

    key: str
    value: Any
    epoch: int = 0


def _tagged(item: Any) -> Any:
    """Tag the value of a pair; what is no pair goes on, and the engine says what is wrong."""
    if isinstance(item, tuple) and len(item) == 2:
        return item[0], _Tagged(*item)
    return item


def _date(step_id: str, item: Any, epoch: int, worker: int) -> None:
    """Note the epoch on a tagged value."""
    if isinstance(item, tuple) and isinstance(item[1], _Tagged):
        item[1].epoch = epoch


class _WatchedLogic(StatefulBatchLogic[Any, Any, Any]):
    """A step's own logic for one key; what it keeps is noted after each call."""

    def __init__(self, logic: Any, step: str, notes: list[Any]) -> None:
        self.logic, self.step, self.notes = logic, step, notes
        self.key, self.epoch = "", 0

    def on_batch(self, values: list[_Tagged]) -> tuple[Iterable[Any], bool]:
        self.key, self.epoch = values[-1].key, values[-1].epoch
        return self._noted(self.epoch, self.logic.on_batch([tagged.value for tagged in values]))

    def on_notify(self) -> tuple[Iterable[Any], bool]:
        return self._noted(self.epoch, self.logic.on_notify())

    def on_eof(self) -> tuple[Iterable[Any], bool]:
        return self._noted(None, self.logic.on_eof())

    def _noted(
        self, epoch: int | None, result: tuple[Iterable[Any], bool]
    ) -> tuple[list[Any], bool]:
        items, is_complete = list(result[0]), result[1]
        lines = [] if is_complete else list(_kept(self.logic))
        self.notes.append((epoch, self.step, self.key, lines))
        return items, is_complete

    def notify_at(self) -> datetime | None:
        at: datetime | None = self.logic.notify_at()
        return at

    def snapshot(self) -> Any:
        return self.logic.snapshot()


def _kept(logic: Any) -> Iterator[tuple[str, str]]:
    """Yield name and text of each thing that a step keeps for a key."""
    # A snapshot is all that other logics show; a window's has no names.
    if not hasattr(logic, "windower"):
        yield "state", item_text(getattr(logic.snapshot(), "state", logic.snapshot()))
        return
    mark = logic._last_watermark
    at_end = mark.year == datetime.max.year  # the end of the input lets all time pass
    yield "watermark", "past everything" if at_end else clock_text(mark)
    for number, window in sorted(logic.logics.items()):
        yield f"window {number}", item_text(window.snapshot())
    if logic.queue:
        yield "waiting", item_text([value for value, _ in logic.queue])


def _drain(part: Any) -> Iterator[Any]:
    """Yield the items of a source's partition; an abort, which tests put in, ends nothing."""
    while True:
        try:
            yield from part.next_batch()
        except AbortExecution:
            continue
        except StopIteration:
            return


class _NoSink(DynamicSink[Any]):
    """A sink that drops everything."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Any:
        return _NoPartition()


class _NoPartition(StatelessSinkPartition[Any]):
    def write_batch(self, items: list[Any]) -> None:
        return None


def item_text(item: Any) -> str:
    """Return an item as one line: events by what they say, sessions by what they hold.

    >>> from searchlogs.simulate import client_events
    >>> item_text(client_events()[2])
    "user 1: click 'rover' 00:00:07"
    >>> item_text(("1", client_events()[2]))
    "('1', click 'rover' 00:00:07)"
    """
    if isinstance(item, Event):
        return plain(f"user {item.user}: {_text(item)}")
    return plain(_text(item))


def _text(item: Any) -> str:
    match item:
        case AppOpen() | Search() | Results() | ClickResult():
            what = getattr(item, "query", None) or getattr(item, "item", None)
            words = (
                f"{len(item.items)} results" if isinstance(item, Results) else LABELS[type(item)]
            )
            return f"{words} {f'{what!r} ' if what else ''}{clock_text(item.time)}"
        case Session():
            times = f"{clock_text(item.start)} to {clock_text(item.end)}"
            return (
                f"session {item.id} of {item.user}: {quantity(len(item.events), 'event')}, {times}"
            )
        case Late():
            return f"{_text(item.event)}, late by {duration_text(item.late_by)}"
        case datetime():
            return clock_text(item)
        case timedelta():
            return duration_text(item)
        case list() | tuple() | deque():
            shown = [_text(one) for one in islice(item, SHOWN)]
            shown += [f"… {len(item)} in all"] if len(item) > SHOWN else []
            left, right = "()" if isinstance(item, tuple) else "[]"
            return f"{left}{', '.join(shown)}{right}"
        case dict():
            return "{" + ", ".join(f"{_text(k)}: {_text(v)}" for k, v in item.items()) + "}"
    if type(item).__name__ == "_Arrival":  # how `session_window` carries an event
        return _text(item.event)
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(item))
