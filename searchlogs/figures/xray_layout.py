"""How an X-ray is laid out: a row for each step, a lane for each stream, lines of text."""

from collections.abc import Iterator
from typing import NamedTuple

from searchlogs.figures.trace import Moment, Step, Trace

MOST_LINES = 8
"""Most lines of what a step keeps, or of what reached a sink, that are shown."""


class Row(NamedTuple):
    """Where a step stands in the picture."""

    step: Step
    lane: int
    """Its column, from 0 at the left."""
    lines: int
    """Lines of text below its name: as many as it ever needs, so that nothing jumps."""


class Edge(NamedTuple):
    """A stream between two steps."""

    stream: str
    port: str
    """Name of the port that it leaves by."""
    start: int
    """The row of the step that gives its items."""
    end: int
    """The row of the step that reads them."""
    lane: int = 0
    """The column in which it runs."""


class Line(NamedTuple):
    """A line of text below a step's name."""

    look: str
    """One of "given", "kept", "rows" and "none"."""
    label: str
    text: str
    is_new: bool = False


class Layout(NamedTuple):
    """What all pictures of a trace have in common."""

    moments: tuple[Moment, ...]
    rows: tuple[Row, ...]
    edges: tuple[Edge, ...]
    frames: tuple[tuple[tuple[Line, ...], ...], ...]
    """For each moment the lines below each step."""


def lay_out(traced: Trace) -> Layout:
    """Lay out a trace: the longest way down is straight, and nothing jumps later on."""
    steps = traced.steps
    frames = tuple(zip(*(list(_lines(step, traced.moments)) for step in steps), strict=True))
    depths = [max(len(frame[i]) for frame in frames) for i in range(len(steps))]
    lanes, edges = routes(steps)
    return Layout(traced.moments, tuple(map(Row, steps, lanes, depths)), edges, frames)


def routes(steps: tuple[Step, ...]) -> tuple[list[int], tuple[Edge, ...]]:
    """Return the column of each step, and the streams between them with theirs."""
    edges = tuple(_edges(steps))
    lanes = _lanes(len(steps), edges)
    return lanes, tuple(_routes(lanes, edges))


def _lines(step: Step, moments: tuple[Moment, ...]) -> Iterator[tuple[Line, ...]]:
    """Yield the lines below a step's name, moment by moment."""
    rows: list[str] = []
    for moment in moments:
        if step.kind == "output":
            new = [item for stream in step.ups for item in moment.passed.get(stream, [])]
            rows += new
            old = len(rows) - len(new)
            lines = [Line("rows", "", text, i >= old) for i, text in enumerate(rows)]
            yield tuple(_at_most(lines[-MOST_LINES:], len(lines)))
            continue
        lines = [
            Line("given", port if len(step.downs) > 1 else "", item, True)
            for port, stream in step.downs
            for item in moment.passed.get(stream, [])
        ]
        reads = step.kind == "input" or any(moment.passed.get(stream) for stream in step.ups)
        if not lines:
            lines = [Line("none", "", "gives nothing" if reads else "")]
        kept = [
            Line("kept", f"key {key}, {what}", text)
            for key, own in moment.kept.get(step.name, {}).items()
            for what, text in own
        ]
        yield (*_at_most(lines[:MOST_LINES], len(lines)), *_at_most(kept[:MOST_LINES], len(kept)))


def _at_most(lines: list[Line], count: int) -> list[Line]:
    """Return lines, with their number in place of one if there were more."""
    if count > len(lines):
        lines = [*lines[:-1], Line("none", "", f"… {count} in all")]
    return lines


def _edges(steps: tuple[Step, ...]) -> Iterator[Edge]:
    """Yield the streams between steps; one that two steps read is there twice."""
    origin = {
        stream: (number, port) for number, step in enumerate(steps) for port, stream in step.downs
    }
    for end, step in enumerate(steps):
        for stream in step.ups:
            if stream in origin:
                start, port = origin[stream]
                is_main = len(steps[start].downs) == 1
                yield Edge(stream, "" if is_main else port, start, end)


def _lanes(count: int, edges: tuple[Edge, ...]) -> list[int]:
    """Return the column of each step: the longest way down is straight, all else steps aside."""
    depth = [0] * count
    for edge in reversed(edges):
        depth[edge.start] = max(depth[edge.start], depth[edge.end] + 1)
    heir: dict[int, int] = {}
    for edge in edges:
        rival = heir.get(edge.start)
        if rival is None or depth[edge.end] > depth[rival]:
            heir[edge.start] = edge.end
    taken: list[set[int]] = []  # rows that a node or a line takes, by lane
    lanes: list[int] = []
    for row in range(count):
        starts = [edge.start for edge in edges if edge.end == row]
        first = min(starts, default=row)
        inherited = [lanes[start] for start in starts if heir[start] == row]
        lane = inherited[0] if inherited else 0
        rows = set(range(first + 1, row + 1))
        while not inherited and lane < len(taken) and taken[lane] & (rows or {row}):
            lane += 1
        if lane == len(taken):
            taken.append(set())
        ends = [edge.end for edge in edges if edge.start == row and heir[row] == edge.end]
        taken[lane] |= rows | {row} | set(range(row, max(ends, default=row)))
        lanes.append(lane)
    return lanes


def _routes(lanes: list[int], edges: tuple[Edge, ...]) -> Iterator[Edge]:
    """Yield the edges with their lanes: that of the end, or the next that runs through no step."""
    for edge in edges:
        between = lanes[edge.start + 1 : edge.end]
        lane = lanes[edge.end]
        while lane in between:
            lane += 1
        yield edge._replace(lane=lane)
