"""The site: these notebooks as they stand, with the glossary and the reference of the package."""

import re
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
PLACE = REPOSITORY.removeprefix("https://github.com/")

project = PROJECT["name"]
version = release = PROJECT["version"]
author = copyright = "The searchlogs maintainers"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "_teacher", "**.ipynb_checkpoints"]

# A notebook's stored outputs are its tests: nothing is run here.
nb_execution_mode = "off"
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
# Browsers set MathML by themselves. The usual script would come from the network.
html_math_renderer = "mathml"

autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "sphinx_book_theme"
html_title = "searchlogs"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_use_index = False
html_theme_options = {
    "repository_url": REPOSITORY,
    "repository_branch": "HEAD",
    "path_to_docs": "notebooks",
    "use_repository_button": True,
    "use_source_button": True,
    "use_issues_button": True,
    "home_page_in_toc": True,
    "show_toc_level": 2,
}


def adapt_links(app: Sphinx, name: str, source: list[str]) -> None:
    """Let links that are written for JupyterLab and code hosting sites work here.

    Files above this folder are no pages of the site, and anchors have no capitals here.
    """
    source[0] = re.sub(r"\]\(\.\./(?=[^)])", f"]({REPOSITORY}/blob/HEAD/", source[0])
    source[0] = re.sub(r"(?<=\.ipynb#)[\w-]+", lambda anchor: anchor[0].lower(), source[0])


def add_launchers(app: Sphinx, page: str, template: str, context: dict[str, Any], _: Any) -> None:
    """Add a menu that opens the page's notebook, or the first one, where nothing is installed."""
    notebook = page if Path(app.srcdir, f"{page}.ipynb").exists() else "00-start-here"
    where = f"HEAD?urlpath=lab/tree/notebooks/{notebook}.ipynb"
    launchers = {
        "Binder": f"https://mybinder.org/v2/gh/{PLACE}/{where}",
        "Codespaces": f"https://codespaces.new/{PLACE}?quickstart=1",
    }
    buttons = [
        {"type": "link", "text": name, "tooltip": f"Open in {name}", "url": url}
        for name, url in launchers.items()
    ]
    menu = {"type": "group", "label": "launch-buttons", "icon": "fas fa-rocket"}
    context["header_buttons"].insert(0, menu | {"tooltip": "Open", "buttons": buttons})


def write_formula(translator: Any, node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML: in parts, where it has wide spaces, so that lines can break."""
    block = isinstance(node, nodes.math_block)
    for part in re.split(r"(?:\\qquad\s*)+", node.astext()):
        formula = convert(part, display="block" if block else "inline")
        # The library takes this sign for a name.
        formula = formula.replace("<mi>&#x000B1;</mi>", "<mo>&#x000B1;</mo>")
        translator.body.append(f'<div class="math">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register what happens to each page."""
    app.connect("source-read", adapt_links)
    # After the theme, which makes the list of buttons.
    app.connect("html-page-context", add_launchers, priority=600)
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))
