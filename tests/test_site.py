"""The site: it builds without a warning, its links lead somewhere, and its pages are alive."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from dragging import drag
from playwright.sync_api import Browser, BrowserContext
from test_explorer import HOUR, of_engine

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PAGES = sorted(path.stem for path in NOTEBOOKS.glob("*") if path.suffix in (".ipynb", ".md"))
# The theme says so of a visitor who has not chosen yet.
USUAL = ("Got invalid theme mode", "[PST]: ")

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


def test_each_page_fits_its_window_and_needs_no_network(
    site: Path, context: BrowserContext
) -> None:
    for name in ["index", *PAGES]:
        said: list[str] = []
        asked: list[str] = []
        page = context.new_page()
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        assert not [one for one in said if not one.startswith(USUAL)], name
        assert not [url for url in asked if not url.startswith(("file:", "data:"))], name
        # Answers are folded.
        assert page.locator(".bd-article details[open]").count() == 0, name
        page.close()


def test_formulas_are_set(site: Path, chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 900})
    page.goto((site / "metrics.html").as_uri())
    formulas = page.locator("div.math")
    assert formulas.count() == 7
    # A fraction is two lines high, and nothing is left of what was typed.
    assert (
        formulas.first.evaluate(
            "one => one.offsetHeight / parseFloat(getComputedStyle(one).fontSize)"
        )
        > 2
    )
    assert "\\" not in "".join(page.locator("math").all_text_contents())
    page.close()


def test_the_explorer_is_alive(site: Path, chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto((site / "04-session-windows.html").as_uri())
    root = page.locator("[data-explorer]")

    def shown() -> dict[str, int]:
        found = root.evaluate("root => ({...root.dataset})")
        gap, wait = (timedelta(microseconds=int(found[name])) for name in ("gap", "wait"))
        expected = of_engine(HOUR, gap, wait)
        assert {name: int(found[name]) for name in expected} == expected
        assert root.locator(".numbers").inner_text().startswith("CTR ")
        return expected

    before = shown()
    for name in ("gap", "wait"):
        drag(root.get_by_role("slider", name=name), 200)
        after = shown()
        assert after[name] > before[name]
        moved = "sessions" if name == "gap" else "late"
        assert after[moved] < before[moved]
        before = after
    page.close()


def test_a_stepper_is_alive(site: Path, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto((site / "06-time.html").as_uri())
    stepper = page.locator(".cell_output:has(button:text('Next'))").first
    before = stepper.inner_text()
    stepper.get_by_role("button", name="Next").click()
    assert stepper.inner_text() != before
    page.close()


def test_each_page_can_be_opened_where_nothing_is_installed(site: Path) -> None:
    readme = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    (binder,) = [line.removeprefix("[binder]: ") for line in readme.splitlines()[-1:]]
    repository = binder.split("/gh/")[1].split("/HEAD")[0]
    for name in ["index", *PAGES]:
        links = Links(site / f"{name}.html").links
        notebook = (NOTEBOOKS / f"{name}.ipynb").exists()
        own = f"notebooks/{name}.ipynb" if notebook else "notebooks/00-start-here.ipynb"
        assert binder.replace("notebooks/00-start-here.ipynb", own) in links, name
        assert f"https://codespaces.new/{repository}?quickstart=1" in links, name
        if notebook:
            source = f"https://github.com/{repository}/blob/HEAD/notebooks/{name}.ipynb"
            assert [link for link in links if link.startswith(source)], name


def test_a_word_can_be_searched_for(site: Path, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto((site / "search.html").as_uri() + "?q=watermark")
    page.locator(".search li a").first.wait_for()
    assert "Let time pass" in page.locator(".search").inner_text()
    page.close()
