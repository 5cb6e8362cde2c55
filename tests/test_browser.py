"""The notebooks in JupyterLab, in a real browser, as a learner meets them.

Screenshots of all of them, in both themes, before and after a run, are kept under `artifacts/`.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import nbformat
import pytest
from dragging import drag
from playwright.sync_api import Browser, Locator, Page, expect

from searchlogs.figures.scripted import NARROWEST

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ROOT = Path(__file__).parent.parent
NOTEBOOKS = {
    path.stem: nbformat.read(path, as_version=4) for path in (ROOT / "notebooks").glob("*.ipynb")
}
ARTIFACTS = ROOT / "artifacts"
PATIENCE = 120_000
"""Milliseconds, for a kernel on a busy machine."""
expect.set_options(timeout=PATIENCE)

SETTINGS = {
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": True},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false"},
    # Otherwise a notebook is saved after two minutes, and the next test finds cells that have run.
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    # All cells are in the page, not only those in sight; and no empty space is below them.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "scrollPastEnd": False},
}


def open_notebook(page: Page, name: str) -> None:
    """Open a notebook, and wait until all its cells are in the page and a kernel is there."""
    page.goto(f"lab/workspaces/{name}/tree/{name}.ipynb?reset")
    expect(code_cells(page)).to_have_count(len(stored(name)))
    # While the kernel isn't connected, the page says idle, and running cells only empties them.
    page.wait_for_function(
        """() => {
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session?.kernel;
            return kernel?.connectionStatus === "connected" && kernel.status === "idle";
        }"""
    )
    page.set_viewport_size({"width": 1280, "height": 800})
    tall = page.locator(".jp-NotebookPanel-notebook .jp-WindowedPanel-outer")
    hidden = tall.evaluate("e => e.scrollHeight - e.clientHeight")
    page.set_viewport_size({"width": 1280, "height": 800 + hidden})


def run_all(page: Page) -> None:
    """Run → Run All Cells, to the end."""
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)")


def type_into_cell(cell: Locator, text: str) -> None:
    """Replace what the cell holds."""
    cell.locator(".cm-content").click()
    cell.page.keyboard.press("ControlOrMeta+A")
    cell.page.keyboard.insert_text(text)


def run_cell(cell: Locator) -> None:
    """Run a cell, to the end."""
    cell.locator(".cm-content").click()
    cell.page.evaluate("jupyterapp.commands.execute('notebook:run-cell').then(() => null)")


def code_cells(page: Page) -> Locator:
    return page.locator(".jp-Notebook .jp-CodeCell")


def cell_with(page: Page, name: str, text: str) -> Locator:
    """The last code cell that holds `text` in the notebook as it is stored."""
    numbers = [number for number, cell in enumerate(stored(name)) if text in cell.source]
    return code_cells(page).nth(numbers[-1])


def outputs_of(cell: Locator) -> Locator:
    return cell.locator(".jp-OutputArea-output")


def keep_picture(page: Page, name: str) -> None:
    """Keep a screenshot of the whole page, in the light and the dark theme."""
    ARTIFACTS.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        expect(page.locator("body")).to_have_attribute(
            "data-jp-theme-light", str(theme == "light").lower()
        )
        expect(page.locator("#jupyterlab-splash")).to_have_count(0)
        page.screenshot(path=ARTIFACTS / f"{name}-{theme}.png")
    page.emulate_media(color_scheme="light")


def stored_pages(name: str) -> list[str]:
    """The HTML outputs of a notebook in the repository."""
    return [
        output.get("data", {}).get("text/html", "")
        for cell in stored(name)
        for output in cell.outputs
    ]


def stored(name: str) -> list[Any]:
    """The code cells of a notebook in the repository."""
    return [cell for cell in NOTEBOOKS[name].cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def jupyterlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """JupyterLab on a copy of the notebooks, with nobody's settings; its address and token."""
    home = tmp_path_factory.mktemp("home")
    folder = home / "my-notebooks"
    shutil.copytree(ROOT / "notebooks", folder)
    config = home / "config" / "labconfig"
    config.mkdir(parents=True)
    (config / "default_setting_overrides.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    places = {f"JUPYTER_{what.upper()}_DIR": home / what for what in ("config", "data", "runtime")}
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")},
        **{key: str(place) for key, place in places.items()},
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "MPLCONFIGDIR": matplotlib.get_cachedir(),  # so that no font is looked for again
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--expose-app-in-browser", "--ServerApp.port=0", f"--ServerApp.root_dir={folder}"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
    try:
        yield _address(server, home)
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:  # its kernels are slow to end on a busy machine
            server.kill()
            server.wait()


def _address(server: "subprocess.Popen[bytes]", home: Path) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until and server.poll() is None:
        for path in (home / "runtime").glob("jpserver-*.json"):
            if text := path.read_text(encoding="utf-8"):
                return dict(json.loads(text))
        time.sleep(0.1)
    raise AssertionError((home / "log").read_text(encoding="utf-8"))


@pytest.fixture
def page(chromium: Browser, jupyterlab: dict[str, Any]) -> Iterator[Page]:
    context = chromium.new_context(
        base_url=jupyterlab["url"],
        extra_http_headers={"Authorization": f"token {jupyterlab['token']}"},
    )
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def test_jupyterlab_wants_the_token(chromium: Browser, jupyterlab: dict[str, Any]) -> None:
    assert jupyterlab["token"]
    page = chromium.new_page(base_url=jupyterlab["url"])
    page.goto("lab")
    assert "/login" in page.url
    page.close()


@pytest.mark.parametrize("name", sorted(NOTEBOOKS))
def test_a_notebook_shows_its_figures_and_runs(page: Page, name: str) -> None:
    cells = stored(name)
    pages = [page for page in stored_pages(name) if "<img" in page]
    still = [page for page in pages if "<script>" not in page]
    open_notebook(page, name)

    def all_figures_are_visible(figures: Locator, number: int, kind: str) -> None:
        expect(figures).to_have_count(number)
        for figure in figures.all():
            assert figure.evaluate("async e => (await e.decode(), e.naturalWidth)") > 0
            assert figure.evaluate("e => e.currentSrc").startswith(f"data:image/{kind}")
            page.wait_for_function("e => e.offsetWidth > 0", arg=figure.element_handle())
            width, room = figure.evaluate(
                "e => [e.offsetWidth, e.closest('.jp-OutputArea-output').offsetWidth]"
            )
            assert width <= min(room, 860), "the figure is cut off, or too large"
            words = figure.get_attribute("alt") or ""
            assert len(words) >= 20, "a screen reader finds no words"
            expect(figure).to_have_accessible_name(" ".join(words.split()))

    # Nobody has run it here, so it is not trusted: JupyterLab shows no SVG and no script.
    keep_picture(page, f"{name}-before")
    all_figures_are_visible(page.locator(".jp-OutputArea-output img"), len(pages), "png")

    run_all(page)
    prompts = [f"[{number}]:" for number in range(1, len(cells) + 1)]
    expect(page.locator(".jp-CodeCell .jp-InputArea-prompt")).to_have_text(prompts)
    meant = sum("raises-exception" in cell.metadata.get("tags", []) for cell in cells)
    errors = page.locator('[data-mime-type="application/vnd.jupyter.error"]')
    assert len(errors.all()) == meant, errors.all_inner_texts()
    keep_picture(page, f"{name}-after")
    # A script that runs takes the place of the picture in its element.
    all_figures_are_visible(page.locator("picture img"), len(still), "svg")


def set_guess(page: Page, name: str, text: str, *changes: tuple[str, str]) -> Locator:
    """Change the cell that holds `text`, run it, and return its outputs."""
    cell = cell_with(page, name, text)
    source = next(cell.source for cell in reversed(stored(name)) if text in cell.source)
    for old, new in changes:
        assert source.count(old) == 1
        source = source.replace(old, new)
    type_into_cell(cell, source)
    run_cell(cell)
    return outputs_of(cell)


def test_a_learner_guesses_and_changes_a_number(page: Page) -> None:
    """The last question of notebook 00, answered as its text says."""
    name, text = "00-start-here", "timedelta(seconds=1)"
    open_notebook(page, name)
    run_all(page)
    output = outputs_of(cell_with(page, name, text))
    expect(output).to_have_text(re.compile("^○ Your number first"))
    output = set_guess(page, name, text, ("guess = ...", "guess = 5"))
    expect(output).to_have_text(re.compile(r"^Your guess: 5\s*What came out:\s*2\s*Now try"))
    changes = [("guess = ...", "guess = 5"), ("seconds=1", "milliseconds=500")]
    output = set_guess(page, name, text, *changes)
    expect(output).to_have_text(re.compile(r"^Your guess: 5\s*What came out:\s*7\s*Now try"))


def test_a_guess_is_drawn_into_the_figure(page: Page) -> None:
    name, text = "02-simulated-events", "the other 30"
    open_notebook(page, name)
    run_all(page)
    output = outputs_of(cell_with(page, name, text))
    expect(output).to_have_text(re.compile("^○ Your number first"))
    output = set_guess(page, name, text, ("guess = ...", "guess = 30"))
    figure = output.get_by_role("img", name="your guess: busiest 8 30")
    expect(figure).to_be_visible()
    assert figure.evaluate("async e => (await e.decode(), e.naturalWidth)") > 0
    width, room = figure.evaluate("e => [e.offsetWidth, e.parentElement.offsetWidth]")
    assert 0 < width <= room, "the figure is cut off"
    keep_picture(page, "guess-in-a-figure")


def test_a_dragged_line_changes_the_picture(page: Page) -> None:
    name = "04-session-windows"
    open_notebook(page, name)
    cell = cell_with(page, name, "Explorer(hour)")
    still = cell.locator(".jp-OutputArea-output img")
    expect(still).to_be_visible()  # no script runs before the notebook is trusted
    run_all(page)
    expect(still).to_have_count(0)
    numbers = cell.locator(".numbers")
    expect(numbers).to_contain_text("CTR 0.1021 sessions")
    expect(numbers).to_contain_text("4 late events")
    drag(cell.get_by_role("slider", name="gap"), 400)
    expect(numbers).to_contain_text("5 sessions")
    keep_picture(page, "explorer-dragged")


def test_an_exercise_says_wrong_and_then_right(page: Page) -> None:
    name = "05-click-through-rate"
    open_notebook(page, name)
    cell = cell_with(page, name, "exercises.bounded_rate.check")
    for answer, verdict in (
        ("session.clicks / session.searches if session.searches else None", "Wrong"),
        ("click_through_rate(session)", "Right"),
    ):
        type_into_cell(
            cell,
            "from searchlogs import exercises\n"
            "from searchlogs.metrics import click_through_rate\n"
            f"my_rate = lambda session: {answer}\n"
            "exercises.bounded_rate.check(my_rate)",
        )
        run_cell(cell)
        expect(outputs_of(cell)).to_contain_text(verdict)
        keep_picture(page, f"exercise-{verdict.lower()}")


def test_next_steps_through_the_watermark_figure(page: Page) -> None:
    name = "06-time"
    open_notebook(page, name)
    cell = cell_with(page, name, "Stepper(nine)")
    picture = cell.locator(".jp-OutputArea-output img")
    expect(picture).to_be_visible()
    run_all(page)
    stepper = cell.locator("[data-stepper]")
    expect(stepper).to_contain_text("1st arrival")
    expect(picture).to_have_count(1)
    before = picture.get_attribute("src")
    for _ in range(4):
        stepper.get_by_role("button", name="Next").click()
    expect(stepper).to_contain_text("the event is late by 0.8 s")
    assert picture.get_attribute("src") != before
    stepper.get_by_role("button", name="Back").click()
    expect(stepper).to_contain_text("4th arrival")
    # JupyterLab uses the arrow keys itself, wherever it is not kept from it.
    stepper.get_by_role("slider").press("ArrowRight")
    expect(stepper).to_contain_text("the event is late by 0.8 s")
    stepper.get_by_role("slider").press("ArrowDown")
    expect(stepper).to_contain_text("4th arrival")


LIVE = "with view:"
"""What the cell of the live run holds."""


def start_live(page: Page, speed: int) -> Locator:
    """Run notebook 06 with a live run of a speed; return the cell, as soon as it is live."""
    name = "06-time"
    open_notebook(page, name)
    setting = cell_with(page, name, "SPEED = None")
    source = next(cell.source for cell in stored(name) if "SPEED = None" in cell.source)
    type_into_cell(setting, source.replace("SPEED = None", f"SPEED = {speed}"))
    page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
    cell = cell_with(page, name, LIVE)
    expect(cell.locator("[data-live]")).to_have_attribute("data-mode", "live")
    return cell


def assert_axis_is_steady(view: Locator) -> None:
    """Check that the axes follow the width of the page alone, which JupyterLab may change."""
    view.page.wait_for_function(
        """root => {
            const wide = Math.min(860, root.clientWidth);
            return root.querySelector("svg").getAttribute("viewBox") === `0 0 ${wide} 320`;
        }""",
        arg=view.element_handle(),
    )


def test_the_live_run_is_watched_to_its_end(page: Page) -> None:
    cell = start_live(page, 60)
    view = cell.locator("[data-live]")
    expect(view.locator(".note")).to_contain_text("interrupt the kernel")
    expect(view.locator(".said")).to_contain_text("open session")
    assert_axis_is_steady(view)
    begin = int(view.get_attribute("data-now") or 0)
    expect(view.locator(".said")).to_contain_text("(1 late)")
    expect(view).not_to_have_attribute("data-now", str(begin))
    assert int(view.get_attribute("data-now") or 0) > begin
    keep_picture(page, "live-during")
    expect(view).to_have_attribute("data-mode", "end")
    expect(view.locator(".said")).to_have_text(
        "12:08:33 · 31 events (1 late) · 0 open sessions, 6 closed"
    )
    expect(cell).to_contain_text("31 of 31 events, 6 sessions")
    assert_axis_is_steady(view)
    note = view.locator(".note")
    expect(note).to_contain_text(re.compile(r"From the engine to the screen: \d+ ms"))
    print(note.inner_text())
    expect(cell.locator(".jp-OutputArea-output img")).to_have_count(0)
    keep_picture(page, "live-over")


def test_the_live_run_stops_when_the_kernel_is_interrupted(page: Page) -> None:
    cell = start_live(page, 20)
    view = cell.locator("[data-live]")
    expect(view.locator(".said")).to_have_text(re.compile("[1-9] closed"))
    page.evaluate("() => { jupyterapp.commands.execute('kernelmenu:interrupt'); }")
    expect(cell).to_contain_text("stopped")
    expect(view.locator(".note")).to_contain_text("stopped at 12:0")
    expect(view.get_by_role("button", name="Play")).to_be_visible()


def test_the_live_run_is_there_the_next_day(page: Page) -> None:
    """The last of these tests, since it saves the notebook."""
    name = "06-time"
    open_notebook(page, name)
    cell = cell_with(page, name, LIVE)
    film, view = cell.locator(".jp-OutputArea-output img"), cell.locator("[data-live]")
    expect(film).to_be_visible()
    expect(view.locator(".said")).to_have_count(0)
    run_all(page)
    page.evaluate("jupyterapp.commands.execute('docmanager:save').then(() => null)")
    page.evaluate("jupyterapp.commands.execute('kernelmenu:shutdown').then(() => null)")
    open_notebook(page, name)
    expect(film).to_have_count(0)
    view.scroll_into_view_if_needed()
    expect(view).to_have_attribute("data-mode", "play")
    expect(view.locator(".note")).to_contain_text("The run is over")
    stepper = cell_with(page, name, "Stepper(nine)")
    expect(stepper.locator("picture")).to_have_count(0)
    expect(stepper).to_contain_text("1st arrival")
    keep_picture(page, "live-next-day")


NARROW = 448
"""Width of a figure in a window of 900 pixels, beside the file browser."""

LEGIBLE = 9
"""Smallest height of type in a figure of that width, in pixels."""


def test_the_type_in_every_figure_can_be_read_in_a_narrow_window(chromium: Browser) -> None:
    figures = [
        base64.b64decode(data).decode()
        for name in NOTEBOOKS
        for html in stored_pages(name)
        for data in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", html)
    ]
    assert len(figures) > 20
    page = chromium.new_page(viewport={"width": 900, "height": 900})
    for svg in figures:
        page.set_content(f'<div style="width: {NARROW}px">{svg}</div>')
        sizes = page.locator("svg text").evaluate_all(
            """all => all.map((e) => {
                const { a, b } = e.getScreenCTM(); // a text may be turned
                return parseFloat(getComputedStyle(e).fontSize) * Math.hypot(a, b);
            })"""
        )
        assert min(sizes) >= LEGIBLE, re.search("<title>(.*)</title>", svg)
    page.close()


def test_on_a_phone_a_figure_is_scrolled_and_not_shrunk(chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 375, "height": 800})
    figure = next(html for html in stored_pages("04-session-windows") if "<source" in html)
    page.set_content(f"<body>{figure}</body>")
    image = page.get_by_role("img")
    image.evaluate("async e => await e.decode()")
    assert image.evaluate("e => e.offsetWidth") == NARROWEST
    box = "e.closest('div')"
    assert image.evaluate(f"e => {box}.scrollWidth > {box}.offsetWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.close()
