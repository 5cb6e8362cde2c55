"""A report as an HTML page: no script, nothing from the network, a log's text only as text."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from searchlogs.figures.page import Drawing, plain
from searchlogs.figures.scripted import NARROWEST, PIXELS

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser may load and run: the page's own pictures and style, and no script."""

STYLE = f"""
:root {{ --ink: #1f2937; --note: #5b6472; --line: #d7dbe0; --soft: #f3f5f7; --ground: #ffffff;
  color-scheme: light dark; }}
@media screen and (prefers-color-scheme: dark) {{
  :root {{ --ink: #e5e7eb; --note: #a3abb8; --line: #374151; --soft: #1b2433;
    --ground: #111827; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: anywhere; }}
main {{ max-width: {PIXELS + 40}px; margin: 0 auto; padding: 28px 20px 48px; }}
h1 {{ font-size: 1.7rem; line-height: 1.25; margin: 0 0 4px; }}
h2 {{ font-size: 1.2rem; line-height: 1.3; margin: 44px 0 8px; padding-top: 14px;
  border-top: 1px solid var(--line); }}
p {{ margin: 8px 0; }}
.note {{ color: var(--note); font-size: 0.9rem; }}
.cards {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(124px, 1fr)); gap: 8px;
  margin: 20px 0 12px; padding: 0; list-style: none; }}
.cards li {{ background: var(--soft); border: 1px solid var(--line); border-radius: 8px;
  padding: 10px 12px; }}
.cards b {{ display: block; font-size: 1.5rem; line-height: 1.3; }}
.cards span {{ display: block; color: var(--note); font-size: 0.85rem; line-height: 1.35; }}
.scroll {{ overflow-x: auto; margin: 12px 0; }}
figure img {{ display: block; width: {PIXELS}px; max-width: 100%; min-width: {NARROWEST}px;
  height: auto; }}
figure {{ margin: 0; }}
table {{ border-collapse: collapse; font-size: 0.92rem; font-variant-numeric: tabular-nums; }}
caption {{ text-align: left; white-space: nowrap; color: var(--note); padding-bottom: 4px; }}
th, td {{ padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top; white-space: nowrap; }}
th:first-child {{ text-align: left; font-weight: normal; white-space: normal; min-width: 8em; }}
thead th {{ color: var(--note); font-weight: normal; vertical-align: bottom; }}
summary {{ cursor: pointer; color: var(--note); }}
footer {{ margin-top: 44px; padding-top: 12px; border-top: 1px solid var(--line); }}
@media print {{
  main {{ max-width: none; padding: 0; }}
  .scroll {{ overflow: visible; }}
  figure img {{ min-width: 0; }}
  section > h2 {{ break-after: avoid; }}
  figure, .cards, tr {{ break-inside: avoid; }}
  details::details-content {{ content-visibility: visible; block-size: auto; }}
}}
"""


def document(title: str, body: Iterable[str]) -> str:
    """Return a page.

    Args:
        title: Its title, as text.
        body: Its parts, as HTML.
    """
    parts = "\n".join(body)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{text(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{parts}
</main>
</body>
</html>
"""


def text(value: object) -> str:
    """Return text as HTML: on one line, without characters that nobody sees, and shortened.

    >>> text("<img src=x onerror=alert(1)>")
    '&lt;img src=x onerror=alert(1)&gt;'
    """
    return escape(plain(str(value)))


def section(heading: str, *parts: str) -> str:
    """Return a section; its heading is text, its parts are HTML."""
    return f"<section>\n<h2>{escape(heading)}</h2>\n" + "\n".join(parts) + "\n</section>"


def paragraph(words: str, note: bool = False) -> str:
    """Return a paragraph of text; a note is less prominent."""
    look = ' class="note"' if note else ""
    words = words.replace(" %", "\u00a0%")  # a line never begins with the sign
    return f"<p{look}>{escape(words)}</p>"


def cards(numbers: Iterable[tuple[str, str, str]]) -> str:
    """Return numbers that stand out, each with its name and a remark, all three as text."""
    items = "".join(
        f"<li><span>{escape(name)}</span><b>{escape(number)}</b><span>{escape(remark)}</span></li>"
        for name, number, remark in numbers
    )
    return f'<ul class="cards">{items}</ul>'


def figure(drawing: Drawing) -> str:
    """Return a figure, with what it shows in words. On a phone it scrolls in its box."""
    data = b64encode(drawing.svg().encode()).decode()
    words = escape(repr(drawing))
    image = f'<img alt="{words}" src="data:image/svg+xml;base64,{data}">'
    return f"<figure>{_box(image, drawing.title)}</figure>"


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table whose cells are text; the first of each row names it."""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row"><bdi>{text(name)}</bdi></th>'
        + "".join(f"<td>{text(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    head = f"<thead><tr>{head}</tr></thead>" if columns else ""
    whole = f"<table><caption>{escape(caption)}</caption>{head}<tbody>{body}</tbody></table>"
    return _box(whole, caption)


def unfolded(summary: str, content: str) -> str:
    """Return HTML that a reader unfolds below a line of text."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def _box(content: str, name: str) -> str:
    """Return HTML in a box that scrolls by itself, by keyboard too."""
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{text(name)}">{content}</div>'
    )
