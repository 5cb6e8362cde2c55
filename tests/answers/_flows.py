"""Dataflows written as a learner writes them, in a cell."""

import inspect
import linecache
import textwrap
from collections.abc import Callable
from itertools import count
from typing import Any

from searchlogs import exercises

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
    parameters = ", ".join(inspect.signature(getattr(exercises, task).solve).parameters)
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


Bodies = dict[str, tuple[str, ...]]
Told = dict[str, tuple[tuple[str, str], ...]]


def right(bodies: Bodies) -> dict[str, list[Any]]:
    """Right answers, written."""
    return {name: [written(name, body) for body in found] for name, found in bodies.items()}


def wrong(bodies: Told) -> dict[str, list[tuple[Any, str]]]:
    """Wrong answers, written, each with a part of the words that it gets."""
    return {
        name: [(written(name, body), words) for body, words in found]
        for name, found in bodies.items()
    }
