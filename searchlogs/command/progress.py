"""How far a run is, shown on a terminal."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from searchlogs.logs.log import OpenLog
from searchlogs.logs.stores import size_of
from searchlogs.logs.words import STDIN

if TYPE_CHECKING:
    from searchlogs.logs.flow import Watch


@contextmanager
def show_progress(log: OpenLog, quiet: bool = False) -> Iterator["Watch"]:
    """Show on a terminal how far a run is, unless it is to be quiet; show nothing elsewhere."""
    if quiet or not os.isatty(2):
        yield lambda more_bytes, more_events, more_sessions: None
        return
    from tqdm import tqdm

    size = sum(size_of(path) for path, _ in log.files if path != STDIN)
    events = sessions = 0
    # The engine's own file descriptor 2 is kept quiet meanwhile.
    with (
        open(os.dup(2), "w", encoding="utf-8") as terminal,
        tqdm(total=size or None, unit="B", unit_scale=True, file=terminal) as bar,
    ):

        def show() -> None:
            seconds = bar.format_dict["elapsed"]
            speed = f"{events / seconds:,.0f}" if seconds else "?"
            bar.set_postfix_str(f"{speed} events/s, {sessions:,} sessions", refresh=False)

        def watch(more_bytes: int, more_events: int, more_sessions: int) -> None:
            nonlocal events, sessions
            events += more_events
            sessions += more_sessions
            if more_bytes or more_events:
                show()
                bar.update(more_bytes)

        yield watch
        show()  # with the sessions that closed at the end
