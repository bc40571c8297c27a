"""The page in a browser, headless: no error, nothing loaded, charts and replay answer. Extra `browser`."""

import shutil

import pytest

from figures.handmade_replay import handmade_replay
from procmem_jax.reports import player
from procmem_jax.reports.page import Chosen, make_page
from reports.made_runs import made_run, made_study, made_sweep

pytestmark = pytest.mark.slow
SIZES = {"light": (1200, 900), "dark": (1200, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser():
    """Chromium: the system's, or the one that playwright has installed."""
    api = pytest.importorskip("playwright.sync_api")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with api.sync_playwright() as playwright:
        try:
            launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        except api.Error as error:
            pytest.skip(f"no browser starts ({str(error).splitlines()[0]})")
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A page with everything on it."""
    folder = tmp_path_factory.mktemp("browser")
    folders = [made_run(folder / "memory on"), made_run(folder / "memory off", 200, use_skills=False)]
    folders += [made_study(folder / "study"), made_sweep(folder / "sweep")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(player, "replay_episode", lambda *args, **kwargs: handmade_replay())
        (folder / "page.html").write_text(make_page(folders, Chosen()), encoding="utf-8")
    return folder / "page.html"


@pytest.fixture(params=SIZES)
def page(request, browser, page_file):
    """The page opened, offline; at its end nothing must have been complained about or asked for."""
    width, height = SIZES[request.param]
    scheme = "dark" if request.param == "dark" else "light"
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height}, offline=True)
    opened, complaints = context.new_page(), []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "request", lambda asked: None if asked.url.startswith(("file:", "data:")) else complaints.append(asked.url)
    )
    opened.goto(page_file.as_uri())
    yield opened
    assert complaints == []
    context.close()


def test_the_page_fits_and_every_section_is_seen(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for name in ("headline", "curves", "comparison", "settings", "library", "replay", "study-0-task-0", "sweep-0"):
        assert page.locator(f"#{name}").bounding_box()["height"] > 60
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(15, 19, 24)" if dark else "rgb(255, 255, 255)")
    for chart in page.locator("svg.chart").all():
        line = chart.locator("polyline").first.bounding_box()
        assert line["width"] > 100


def test_charts_answer_to_pointer_and_keys(page):
    chart, told = page.locator("#runs-success"), page.locator("#runs-success-out")
    box = chart.bounding_box()
    chart.hover(position={"x": box["width"] - 20, "y": box["height"] / 2})
    assert "memory on after" in told.inner_text() and "100.0%" in told.inner_text()
    assert chart.locator(".pointer circle").count() == 2
    chart.focus()
    page.keyboard.press("Home")
    assert "memory on after 40 steps: 0.0%" in told.inner_text()
    page.keyboard.press("ArrowRight")
    assert "memory on after 40 steps" not in told.inner_text()


def test_the_replay_plays(page):
    replay = page.locator("#player")
    picture, told, slider = (replay.locator(name) for name in ("img", "output", "input"))
    first = picture.get_attribute("src")
    replay.get_by_role("button", name="step forward").click()
    assert told.inner_text().startswith("step 1 of 4") and picture.get_attribute("src") != first
    assert picture.get_attribute("alt") == told.inner_text()
    replay.get_by_role("button", name="step back").click()
    assert picture.get_attribute("src") == first
    replay.get_by_role("button", name="play").click()
    replay.get_by_role("button", name="pause").wait_for()
    page.wait_for_function("document.querySelector('#player output').textContent.startsWith('step 4')", timeout=10_000)
    replay.get_by_role("button", name="play").wait_for()
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert told.inner_text().startswith("step 3 of 4")


def test_the_page_is_whole_without_its_program(browser, page_file):
    context = browser.new_context(java_script_enabled=False, offline=True)
    opened = context.new_page()
    opened.goto(page_file.as_uri())
    assert opened.locator("svg.chart").count() == 8 and opened.locator("#player img").is_visible()
    context.close()
