"""The site: these notebooks as they stand, with the glossary and the reference of the package."""

import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT["urls"]["Repository"]

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

autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "sphinx_book_theme"
html_title = "searchlogs"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_use_index = False
html_theme_options = {
    "repository_url": REPOSITORY,
    "path_to_docs": "notebooks",
    "use_repository_button": True,
    "use_source_button": True,
    "use_issues_button": True,
    "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
    "home_page_in_toc": True,
    "show_toc_level": 2,
}


def adapt_links(app: Sphinx, name: str, source: list[str]) -> None:
    """Let links that are written for JupyterLab and code hosting sites work here.

    Files above this folder are no pages of the site, and anchors have no capitals here.
    """
    source[0] = re.sub(r"\]\(\.\./(?=[^)])", f"]({REPOSITORY}/blob/HEAD/", source[0])
    source[0] = re.sub(r"(?<=\.ipynb#)[\w-]+", lambda anchor: anchor[0].lower(), source[0])


def setup(app: Sphinx) -> None:
    """Register what happens to each page."""
    app.connect("source-read", adapt_links)
