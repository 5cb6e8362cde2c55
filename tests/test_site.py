"""The site: it builds without a warning, its links lead somewhere, and its pages are alive."""

import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PAGES = sorted(path.stem for path in NOTEBOOKS.glob("*") if path.suffix in (".ipynb", ".md"))
# The theme says so of a visitor who has not chosen yet.
USUAL = ("Got invalid theme mode", "[PST]: ")
# Formulas are set by a script from the network, which is closed here.
FORMULAS = ("tex-mml-chtml.js", "ERR_NAME_NOT_RESOLVED", "ERR_INTERNET_DISCONNECTED")

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    command += ["-d", folder / "doctrees", NOTEBOOKS, folder / "html"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


class Links(HTMLParser):
    """The links of a page and what can be linked to; pictures without words."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors = {""}
        self.mute: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.anchors.add(found.get("id", ""))
        if tag == "a":
            self.links.append(found.get("href", ""))
        if tag == "img" and not found.get("alt"):
            self.mute.append(found.get("src", "")[:80])


def test_every_page_is_there_and_every_link_leads_somewhere(site: Path) -> None:
    pages = {path: Links(path) for path in site.rglob("*.html")}
    assert {*PAGES} <= {path.stem for path in pages}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if not parts.scheme:
                target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
                assert target.exists(), (path.name, link)
                # Sources are no pages, and the top of each page has a name of the browser's own.
                if target in pages and parts.fragment != "top":
                    assert unquote(parts.fragment) in pages[target].anchors, (path.name, link)


def test_every_picture_has_words(site: Path) -> None:
    mute = {path.stem: Links(site / f"{path.stem}.html").mute for path in NOTEBOOKS.glob("*.ipynb")}
    assert not any(mute.values()), mute


@pytest.fixture(params=[(1280, "light"), (900, "dark"), (390, "light")], ids=str)
def context(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    width, scheme = request.param
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    yield context
    context.close()


def test_no_page_is_wider_than_its_window_or_says_an_error(
    site: Path, context: BrowserContext
) -> None:
    for name in ["index", *PAGES]:
        said: list[str] = []
        page = context.new_page()
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        strange = [one for one in said if not one.startswith(USUAL)]
        assert not [one for one in strange if not any(part in one for part in FORMULAS)], name
        page.close()


def test_the_explorer_is_alive(site: Path, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto((site / "06-time.html").as_uri())
    stepper = page.locator(".cell_output:has(button:text('Next'))").first
    before = stepper.inner_text()
    stepper.get_by_role("button", name="Next").click()
    assert stepper.inner_text() != before
    assert not page.locator("details").first.get_attribute("open")
    page.close()


def test_a_word_can_be_searched_for(site: Path, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto((site / "search.html").as_uri() + "?q=watermark")
    page.locator(".search li a").first.wait_for()
    assert "Let time pass" in page.locator(".search").inner_text()
    page.close()
