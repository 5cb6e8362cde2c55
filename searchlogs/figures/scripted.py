"""Outputs as HTML: pictures that say what they show, and scripts that bring them to life."""

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

PIXELS = 720
"""Width at which a picture is shown if its cell has the room; in a narrower one it shrinks."""
NARROWEST = 440
"""Width in pixels below which its type would be hard to read; on a phone it is scrolled instead."""


def picture(words: str, png: bytes, svg: str = "") -> str:
    """Return HTML that shows a picture, and gives screen readers its words.

    Args:
        words: What the picture shows.
        png: The picture, animated or not. JupyterLab shows it until a notebook is trusted, and so
            do sites that allow no SVG.
        svg: The same picture, shown in its place wherever it can be.
    """
    source = f'<source srcset="{_link("svg+xml", svg.encode())}">' if svg else ""
    look = f'style="max-width: 100%; min-width: {NARROWEST}px; height: auto"'
    image = f'<img alt="{escape(words)}" width="{PIXELS}" {look} src="{_link("png", png)}">'
    return f'<div style="overflow-x: auto"><picture>{source}{image}</picture></div>'


def _link(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(data).decode()}"


def scripted(name: str, data: Any, still: str = "") -> str:
    """Return HTML with an element that the script `name`.js of this folder fills from the data.

    The same data give the same bytes. Two outputs of the same data are both filled.

    Args:
        name: Name of the script, which is a function of a mark and the data. It returns a function
            that fills the element it is given; `data-name` of the element holds the mark.
        data: What the script draws; anything that JSON can hold.
        still: HTML that stands in the element where no script runs.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    mark = sha256(text.encode()).hexdigest()[:12]
    start, script = (
        files("searchlogs.figures").joinpath(f"{one}.js").read_text(encoding="utf-8").strip()
        for one in ("start", name)
    )
    element = f'<div data-{name}="{mark}">{still}</div>'
    return f'{element}<script>({start})("{name}",{script})("{mark}",{text})</script>'
