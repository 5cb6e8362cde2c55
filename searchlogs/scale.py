"""What happens to a flow that grows: keys that wake up, batches, workers, and figures of all three.

`who_did_what` is a flow whose output says which worker wrote it.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, cast

import bytewax.operators as op
import pandas as pd
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import Clock, ClockLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from searchlogs.drawing import (
    COLOURS,
    MARGIN,
    RIGHT,
    SMALL,
    STRONG,
    TEXT,
    WIDTH,
    Drawing,
    count_words,
    page,
    plain,
    style,
)
from searchlogs.events import Event, parse_duration
from searchlogs.results import session_row
from searchlogs.sessions import Session, replay_clock, session_window
from searchlogs.source import Log, LogSource

# How often a clock is asked


@dataclass(frozen=True)
class CountingClock(Clock[Any, Any]):
    """A clock that counts in `counts` how often it is told of an event, and how often woken up."""

    clock: Clock[Any, Any]
    counts: Counter[str]

    def build(self, resume_state: Any) -> ClockLogic[Any, Any]:
        self.counts["users"] += 1
        return _Counting(self.clock.build(resume_state), self.counts)


@dataclass(frozen=True)
class _Counting(ClockLogic[Any, Any]):
    logic: ClockLogic[Any, Any]
    counts: Counter[str]

    def before_batch(self) -> None:
        self.logic.before_batch()

    def on_item(self, value: Any) -> tuple[Any, Any]:
        self.counts["events"] += 1
        return self.logic.on_item(value)

    def on_notify(self) -> Any:
        self.counts["wake-ups"] += 1
        return self.logic.on_notify()

    def on_eof(self) -> Any:
        return self.logic.on_eof()

    def to_system_utc(self, timestamp: Any) -> Any:
        return self.logic.to_system_utc(timestamp)

    def snapshot(self) -> Any:
        return self.logic.snapshot()


# Which worker did what


def who_did_what(log: str, folder: str, gap: str = "30m", wait: str = "1m") -> Dataflow:
    """Assemble a flow from a log to its sessions, each written by the worker that found it.

    In `folder`, which must be there, worker 0 writes `worker-0.jsonl`, and so on: a line of JSON
    for each session. Late events and rejects are left out.

    Raises a ValueError or an OSError where there is no such log, or no such duration.
    """
    window, patience = parse_duration(gap), parse_duration(wait)
    source = Log((log,))
    source.files()  # what isn't there is told here, and not out of the engine
    flow = Dataflow("who_did_what")
    items = op.input("log", flow, LogSource(source))
    events = op.branch("is_event", items, _is_event)
    found = session_window("sessions", events.trues, replay_clock(patience), window)
    op.output("out", found.down, WorkerSink(Path(folder)))
    return flow


def _is_event(item: object) -> TypeGuard[Event]:
    return isinstance(item, Event)


@dataclass(frozen=True)
class WorkerSink(DynamicSink[Session]):
    """Each worker writes the sessions that are with it to a file of its own."""

    folder: Path

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_WorkerPart":
        return _WorkerPart(self.folder / f"worker-{worker_index}.jsonl")


class _WorkerPart(StatelessSinkPartition[Session]):
    def __init__(self, path: Path) -> None:
        self.file = path.open("w", encoding="utf-8")

    def write_batch(self, items: list[Session]) -> None:
        self.file.writelines(json.dumps(session_row(s), default=str) + "\n" for s in items)

    def close(self) -> None:
        self.file.close()


def read_workers(folder: Path) -> pd.DataFrame:
    """What `who_did_what` wrote: a row a session, and its `worker`; by user and session."""
    rows = [
        {"worker": int(path.stem.removeprefix("worker-")), **json.loads(line)}
        for path in sorted(Path(folder).glob("worker-*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    table = pd.DataFrame(rows)
    return table.sort_values(["user", "session"], ignore_index=True) if rows else table


# The curves

PATHS = {
    "tutorial": ("the tutorial's clock", COLOURS["click"], "o"),
    "events": ("replay clock", COLOURS["search"], "s"),
    "columnar": ("columns", COLOURS["watermark"], "^"),
}
"""The paths that are measured: each one's name, colour and marker."""

_DEPTH, _LEFT, _BETWEEN = 230.0, 60.0, 34.0


def curves_plot(table: pd.DataFrame, *, events: int, users: int, title: str) -> Drawing:
    """Draw seconds over events, at so many `users`, and over users, at so many `events`.

    `table` has a row a run: `path`, one of PATHS, `events`, `users` and `seconds`. The drawing's
    `data` has the rows that are drawn.

    Raises a ValueError where a path is none of PATHS, or nothing is left to draw.
    """
    unknown = set(table["path"]) - set(PATHS)
    if unknown:
        raise ValueError(f"path must be one of {', '.join(PATHS)}; got {sorted(unknown)}")
    halves = {"events": table[table["users"] == users], "users": table[table["events"] == events]}
    if any(half.empty for half in halves.values()):
        raise ValueError(f"no run with {users:,} users, or none with {events:,} events")
    seconds = pd.concat(halves.values())["seconds"]
    fixed = {"events": count_words(users, "user"), "users": count_words(events, "event")}
    with style():
        legend: list[Line2D | Patch] = [
            Line2D([], [], label=name, color=colour, marker=marker)
            for name, colour, marker in PATHS.values()
        ]
        figure, axes = page(title, legend, [], _LEFT, _DEPTH)
        box = axes.get_position()
        half = (box.width - _BETWEEN / WIDTH) / 2
        axes.set_position((box.x0, box.y0, half, box.height))
        right = figure.add_axes((box.x1 - half, box.y0, half, box.height))
        for (what, runs), one in zip(halves.items(), (axes, right), strict=True):
            _curves(one, runs, what, (seconds.min(), seconds.max()))
            one.set_xlabel(f"{what} ({fixed[what]})", font=SMALL, color=COLOURS["note"])
        right.set_yticklabels([])
    told = [
        f"{name}, by {what} at {fixed[what]}: {_pairs(runs[runs['path'] == path], what)}"
        for what, runs in halves.items()
        for path, (name, _, _) in PATHS.items()
    ]
    drawn = pd.concat(halves.values()).drop_duplicates().reset_index(drop=True)
    return Drawing(figure, plain(title), f"Seconds. {'; '.join(told)}.", drawn)


def _pairs(runs: pd.DataFrame, what: str) -> str:
    runs = runs.sort_values(what)
    pairs = zip(runs[what], runs["seconds"], strict=True)
    return ", ".join(f"{number:,} {seconds:.3g} s" for number, seconds in pairs)


def _curves(axes: Axes, runs: pd.DataFrame, what: str, seconds: tuple[float, float]) -> None:
    axes.grid(True, axis="both")
    axes.set(xscale="log", yscale="log")
    for path, (_, colour, marker) in PATHS.items():
        mine = runs[runs["path"] == path].sort_values(what)
        axes.plot(mine[what], mine["seconds"], color=colour, marker=marker, clip_on=False)
    decades = [10.0**power for power in range(-3, 5)]
    axes.set_xlim(runs[what].min() / 1.4, runs[what].max() * 1.4)
    axes.set_ylim(seconds[0] / 1.5, seconds[1] * 1.5)
    marks = [10**n for n in range(1, 10) if runs[what].min() <= 10**n <= runs[what].max()]
    axes.set_xticks(marks, [f"{mark:,}" for mark in marks], font=SMALL)
    shown = [mark for mark in decades if seconds[0] / 1.5 <= mark <= seconds[1] * 1.5]
    axes.set_yticks(shown, [f"{mark:g} s" for mark in shown], font=SMALL)
    axes.minorticks_off()


# A batch boundary

_ROW, _BAND = 26.0, 36.0
_EDGE: dict[str, Any] = {"edgecolor": COLOURS["ink"], "linewidth": 0.9}
_CLOSED: dict[str, Any] = {"facecolor": COLOURS["session"], **_EDGE}
_OPEN: dict[str, Any] = {"facecolor": "white", "hatch": "////", "linestyle": (0, (3, 2)), **_EDGE}
_LINE: dict[str, Any] = {"color": COLOURS["ink"], "linewidth": 2}


def boundary_plot(
    minutes: Mapping[str, Sequence[float]], *, cut: float, gap: float, title: str
) -> Drawing:
    """Draw users' sessions found in one batch, and in two, the second one from minute `cut` on.

    `minutes` says when each user's events are, in order. What is open at the end of the first batch
    stands in the second one as one row, at the time of its last event. The drawing's `data` has a
    row a session and batch: `batch`, `user`, `start`, `end`, `events`, and `state`,
    "closed" or "open".
    """
    rows: list[dict[str, Any]] = []
    carried: dict[str, _Span] = {}
    for user, times in minutes.items():
        spans = {"one batch": _spans([(t, t, 1) for t in times], gap)}
        spans["first batch"] = _spans([(t, t, 1) for t in times if t < cut], gap)
        carried |= {user: spans["first batch"][-1]} if spans["first batch"] else {}
        left = [(t, t, 1) for t in times if t >= cut]
        spans["second batch"] = _spans([*spans["first batch"][-1:], *left], gap)
        for batch, found in spans.items():
            for number, (start, end, count) in enumerate(found):
                last = batch == "first batch" and number == len(found) - 1
                row = {"batch": batch, "user": user, "start": start, "end": end, "events": count}
                rows.append(row | {"state": "open" if last else "closed"})
    table = pd.DataFrame(rows).sort_values(["batch", "user", "start"], ignore_index=True)
    order = {"one batch": 0, "first batch": 1, "second batch": 2}
    table = table.sort_values("batch", key=lambda b: b.map(order), kind="stable", ignore_index=True)
    with style():
        legend: list[Line2D | Patch] = [
            Line2D([], [], label="event", **_dot()),
            Patch(label="session", **_CLOSED),
            Patch(label="session still open", **_OPEN),
            Line2D([], [], label="open session, as one row", **_square()),
            Line2D([], [], label="batch boundary", **_LINE),
        ]
        depth = 3 * (_BAND + _ROW * len(minutes)) - 10
        figure, axes = page(title, legend, [], 112, depth)
        _draw_batches(axes, table, minutes, carried, cut, depth)
    return Drawing(figure, plain(title), _boundary_words(table, carried), table)


_Span = tuple[float, float, int]


def _spans(rows: Sequence[_Span], gap: float) -> list[_Span]:
    """Rows in order of time, joined where no pause is longer than the gap."""
    joined: list[_Span] = []
    for start, end, count in rows:
        if joined and start - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], end, joined[-1][2] + count)
        else:
            joined.append((start, end, count))
    return joined


def _dot() -> dict[str, Any]:
    return {"marker": "o", "linestyle": "", "color": COLOURS["search"], "markersize": 6}


def _square() -> dict[str, Any]:
    return {"marker": "s", "linestyle": "", "color": COLOURS["ink"], "markersize": 9}


def _draw_batches(
    axes: Axes,
    table: pd.DataFrame,
    minutes: Mapping[str, Sequence[float]],
    carried: Mapping[str, _Span],
    cut: float,
    depth: float,
) -> None:
    width = WIDTH - 112 - RIGHT
    low, high = min(map(min, minutes.values())), max(map(max, minutes.values()))
    scale = (width - 40) / (high - low)

    def x(minute: float) -> float:
        return 20 + (minute - low) * scale

    says = {
        "one batch": "In one batch",
        "first batch": "Two batches: the first one",
        "second batch": "Two batches: the second one",
    }
    for band, (batch, heading) in enumerate(says.items()):
        top = band * (_BAND + _ROW * len(minutes))
        axes.text(-10, top + 8, heading, ha="left", va="center", font=STRONG)
        axes.texts[-1].set_x(MARGIN - 112)
        for lane, (user, times) in enumerate(minutes.items()):
            y = top + 18 + _ROW * (lane + 0.5)
            axes.text(-10, y, f"user {user}", ha="right", va="center", font=TEXT)
            mine = table[(table["batch"] == batch) & (table["user"] == user)]
            for start, end, state in zip(mine["start"], mine["end"], mine["state"], strict=True):
                begin = x(start) - 10
                if batch == "second batch" and user in carried and start == carried[user][0]:
                    # What lies before the row that was carried over isn't there any more.
                    begin = x(carried[user][1]) - 10
                look = _OPEN if state == "open" else _CLOSED
                box = Rectangle((begin, y - 9), x(end) + 10 - begin, 18, **look)
                axes.add_patch(box)
            shown = {
                "one batch": times,
                "first batch": [t for t in times if t < cut],
                "second batch": [t for t in times if t >= cut],
            }[batch]
            axes.plot([x(t) for t in shown], [y] * len(shown), **_dot())
            if batch == "second batch" and user in carried:
                axes.plot([x(carried[user][1])], [y], **_square())
                start, _, count = carried[user]
                said = f"{count_words(count, 'event')} since minute {start:g}"
                at = x(carried[user][1]) - 18
                axes.text(at, y, said, ha="right", va="center", font=SMALL, color=COLOURS["note"])
        if batch != "one batch":
            ends = [top + 16, top + 20 + _ROW * len(minutes)]
            axes.plot([x(cut)] * 2, ends, zorder=0.9, **_LINE)
    marks = [mark for mark in range(int(low), int(high) + 1) if mark % 30 == 0]
    axes.set_xticks([x(mark) for mark in marks], [str(mark) for mark in marks], font=SMALL)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    note: dict[str, Any] = {"font": SMALL, "color": COLOURS["note"], "ha": "center", "va": "top"}
    axes.text(width / 2, depth + 24, "event time, in minutes", **note)


def _boundary_words(table: pd.DataFrame, carried: Mapping[str, _Span]) -> str:
    def told(batch: str) -> str:
        mine = table[table["batch"] == batch]
        rows = zip(mine["user"], mine["start"], mine["end"], mine["events"], mine["state"],
                   strict=True)  # fmt: skip
        return ", ".join(
            f"user {user}'s {start:g} to {end:g} of {count_words(count, 'event')}"
            + (" (open)" if state == "open" else "")
            for user, start, end, count, state in rows
        )

    return (
        f"Sessions, in minutes. In one batch: {told('one batch')}. The first of two batches: "
        f"{told('first batch')}. {count_words(len(carried), 'open session')} go into the second "
        f"one, each as one row. The second batch: {told('second batch')}."
    )


# Workers

Shares = Mapping[int, Sequence[int]]
"""For a number of workers, how many events each of them had."""


def workers_plot(logs: Mapping[str, Shares], *, title: str) -> Drawing:
    """Draw how many events each worker had: a panel a log, a group of bars a number of workers.

    The line across a group is where its bars would end if all had the same. The drawing's `data`
    has a row a group: `log`, `workers`, `busiest`, the events of the busiest worker, `speed_up`,
    all events by those, and `efficiency`, the speed-up by worker.
    """
    rows = [
        {"log": log, "workers": workers, "events": sum(each), "busiest": max(each)}
        for log, shares in logs.items()
        for workers, each in shares.items()
    ]
    table = pd.DataFrame(rows)
    table["speed_up"] = (table["events"] / table["busiest"]).round(2)
    table["efficiency"] = (table["events"] / table["busiest"] / table["workers"]).round(2)
    with style():
        legend: list[Line2D | Patch] = [
            Patch(label="events of a worker", facecolor=COLOURS["results"], **_EDGE),
            Patch(label="of the busiest one", facecolor="#c3e3f6", hatch="////", **_EDGE),
            Line2D([], [], label="if all had the same", **_LINE),
        ]
        figure, axes = page(title, legend, [], _LEFT, 190)
        box = axes.get_position()
        part = (box.width - _BETWEEN / WIDTH * (len(logs) - 1)) / len(logs)
        step = part + _BETWEEN / WIDTH
        for number, (log, shares) in enumerate(logs.items()):
            where = (box.x0 + number * step, box.y0, part, box.height)
            one = figure.add_axes(where) if number else axes
            one.set_position(where)
            _bars(one, shares, 1.1 * int(table["busiest"].max()), named=not number)
            one.set_xlabel(log, font=SMALL, color=COLOURS["note"])
    told = [
        f"{log}, {count_words(workers, 'worker')}: {', '.join(f'{n:,}' for n in each)}"
        for log, shares in logs.items()
        for workers, each in shares.items()
    ]
    return Drawing(figure, plain(title), f"Events of each worker. {'; '.join(told)}.", table)


def _bars(axes: Axes, shares: Shares, top: float, named: bool) -> None:
    axes.grid(False, axis="x")
    axes.grid(True, axis="y")
    left, marks = 0.0, []
    for workers, each in shares.items():
        for number, events in enumerate(each):
            busy = events == max(each)
            look = {"facecolor": "#c3e3f6", "hatch": "////"} if busy else {}
            kind = {"facecolor": COLOURS["results"], **look, **_EDGE}
            axes.add_patch(Rectangle((left + number, 0), 0.9, events, **cast(Any, kind)))
        mean = sum(each) / workers
        axes.plot([left - 0.2, left + workers + 0.1], [mean, mean], **_LINE)
        marks.append((left + workers / 2, count_words(workers, "worker")))
        left += workers + 1.5
    axes.set(xlim=(-0.6, left - 0.9), ylim=(0, top))
    axes.set_xticks([x for x, _ in marks], [words for _, words in marks], font=SMALL)
    heights = [mark for mark in axes.get_yticks() if 0 <= mark <= top]
    axes.set_yticks(heights, [f"{mark:,.0f}" if named else "" for mark in heights], font=SMALL)
