"""The X-ray of a flow: its graph, and item by item what each step gives and keeps."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import chain

from bytewax.dataflow import Dataflow

from searchlogs.figures.scripted import picture, scripted
from searchlogs.figures.trace import trace
from searchlogs.figures.xray_film import film
from searchlogs.figures.xray_layout import Layout, lay_out


@dataclass(frozen=True)
class XRay:
    """A flow's run, as a picture that steps in JupyterLab, and as facts in words elsewhere."""

    layout: Layout

    def __repr__(self) -> str:
        return "\n".join(chain.from_iterable(map(self._facts, range(len(self.layout.frames)))))

    def _facts(self, number: int) -> Iterator[str]:
        """Yield what happened in one moment, in words."""
        _, rows, _, frames = self.layout
        yield f"{number + 1}. {self.layout.moments[number].title}"
        before = frames[number - 1] if number else [()] * len(rows)
        for row, lines, old in zip(rows, frames[number], before, strict=True):
            for line in lines:
                if line.is_new or (line.look == "kept" and line not in old):
                    words = ": ".join(filter(None, [row.step.name, line.label, line.text]))
                    yield f"   {words}"

    def html(self) -> str:
        """Return the picture that steps, as HTML with a script; without it, a film stands there."""
        moments, rows, edges, frames = self.layout
        data = {
            "rows": [
                {"name": row.step.name, "kind": row.step.kind, "lane": row.lane, "lines": row.lines}
                for row in rows
            ],
            "edges": [edge._asdict() for edge in edges],
            "frames": frames,
            "titles": [moment.title for moment in moments],
            "lit": [[edge.stream in moment.passed for edge in edges] for moment in moments],
        }
        words = f"<summary>The same in words</summary><pre>{escape(repr(self))}</pre>"
        what = "A film of the flow's run. The same in words stands below."
        still = picture(what, film(self.layout))
        return f"{scripted('xray', data, still)}<details>{words}</details>"

    def _repr_html_(self) -> str:
        return self.html()


def xray(flow: Dataflow) -> XRay:
    """Show how items move through a flow, one at a time.

    The flow's own operators run in the engine, on the flow's own input; nothing reaches its sinks.
    In JupyterLab the picture steps forwards and backwards, by buttons or by the arrow keys.

    Args:
        flow: A small flow whose input ends.

    Returns:
        The picture. Where no script runs it is a film.

    Raises:
        TypeError: `flow` is no Dataflow.
        ValueError: The flow has no input.
    """
    return XRay(lay_out(trace(flow)))
