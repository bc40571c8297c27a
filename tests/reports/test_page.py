"""The page of `procmem report`: whole, alone, and readable by programs that read aloud."""

import json
import sys

import numpy as np
import pytest

from command_line import out_of, run
from figures.handmade_replay import handmade_replay
from procmem_jax.agents.q_learning import QLearning
from procmem_jax.reports import player
from procmem_jax.reports.opened import open_run
from procmem_jax.reports.page import Chosen, make_page
from reports.made_runs import AGENTS, made_run, made_study, made_sweep
from reports.pages import assert_sound, read_page

HOSTILE = "</script><img src=x onerror=alert(1)><b>&\"'"
NO_REPLAY = Chosen(replay=False)


def sections_of(page):
    return [node.attributes["id"] for node in page.all("section")]


def page_of(*folders, chosen=NO_REPLAY):
    text = make_page(list(folders), chosen)
    page = read_page(text)
    assert_sound(page)
    assert len(text) < 5_000_000
    return page


def part(page, name):
    [found] = [node for node in page.all() if node.attributes.get("id") == name]
    return found


def data_of(page):
    return json.loads(part(page, "data").texts[0])


@pytest.fixture
def replayed(monkeypatch):
    """Replays that need no life: one that is written down by hand."""
    monkeypatch.setattr(player, "replay_episode", lambda *args, **kwargs: handmade_replay())


def test_a_run(tmp_path, replayed):
    page = page_of(made_run(tmp_path / "one"), chosen=Chosen())
    assert sections_of(page) == ["headline", "curves", "what", "settings", "library", "replay"]
    words = part(page, "headline").text
    for known in ("random-4, preset default: 4 agents x 50 episodes, seed 7", "100.0%", "[95% interval]", "1.10"):
        assert known in words
    assert {"task", "procmem_jax", "jax", "explorer"} <= {
        head.text for head in part(page, "what").all("th") if head.attributes["scope"] == "row"
    }
    [row] = [row for row in part(page, "settings").all("tr") if row.children[0].text == "capacity"]
    assert [cell.text for cell in row.children] == ["capacity", "one", "3", "128"]


def test_curves_are_drawn_and_told(tmp_path):
    page = page_of(made_run(tmp_path / "one"), made_run(tmp_path / "two", 200, use_skills=False))
    charts = [node for node in part(page, "curves").all("svg") if node.attributes["class"] == "chart"]
    known = data_of(page)["charts"]
    assert [chart.attributes["id"] for chart in charts] == list(known)
    assert len(charts) == 4 and all(chart.attributes["tabindex"] == "0" for chart in charts)
    for chart in charts:
        facts = known[chart.attributes["id"]]
        assert [series["name"] for series in facts["series"]] == ["one", "two"]
        lines = [node for node in chart.all("polyline")]
        for line, series in zip(lines, facts["series"], strict=True):
            drawn = np.asarray([point.split(",") for point in line.attributes["points"].split()], float)
            np.testing.assert_allclose(drawn, np.transpose([series["x"], series["y"]]))
            assert len(series["text"]) == len(series["steps"]) == len(series["x"]) > 20
            assert np.all(np.diff(series["x"]) >= 0)
    success = known["runs-success"]["series"][0]
    assert success["text"][0].startswith("0.0%") and success["text"][-1].startswith("100.0%")
    assert (success["y"][0], success["y"][-1]) == (known["runs-success"]["bottom"], known["runs-success"]["top"])


def test_several_runs_are_compared_with_the_first(tmp_path):
    folders = [made_run(tmp_path / "base", 200), made_run(tmp_path / "better", 8, stored={"explorer": "scripted"}),
               made_run(tmp_path / "stranger", stored={"seed": 8})]  # fmt: skip
    compared = part(page_of(*folders), "comparison")
    [table] = compared.all("table")
    cells = [cell.text for row in table.all("tr") for cell in row.children]
    assert "100.0% [100.0, 100.0]" in cells and "1.00 [1.00, 1.00]" in cells
    assert "explorer: scripted, there random" in compared.text
    assert "seed 8, " in compared.text


def test_a_library_without_skills_and_a_run_without_memory(tmp_path):
    folder = made_run(tmp_path / "one")
    assert (
        "Agent 1 has learned no skill." in part(page_of(folder, chosen=Chosen(agent=1, replay=False)), "library").text
    )
    drawn = part(page_of(folder), "library")
    assert len(list(drawn.all("svg"))) == 2 and "Agent 0: 2 skills of 3" in drawn.text
    assert "move down, move right, pickup key" in " ".join(node.text for node in drawn.all("title"))
    off = made_run(tmp_path / "off", use_skills=False)
    assert "No library" in part(page_of(off), "library").text
    without = made_run(tmp_path / "without", memory=QLearning(), stored={"memory": "mine:Table"})
    assert "No library" in part(page_of(without), "library").text


def test_a_replay_plays(tmp_path, replayed):
    page = page_of(made_run(tmp_path / "one"), chosen=Chosen())
    held = data_of(page)["replay"]
    frames = handmade_replay().frames
    assert len(held["pictures"]) == len(held["words"]) == len(frames)
    assert held["words"][0].startswith("step 0 of 4; acquire_key; slot 7: step 1 of 2")
    assert held["words"][-1].startswith("step 4 of 4; time is up")
    controls = part(page, "player")
    assert [button.attributes["aria-label"] for button in controls.all("button")] == [
        "step back",
        "play",
        "step forward",
    ]
    [slider] = controls.all("input")
    assert slider.attributes["max"] == "4"
    assert [line.text for line in part(page, "replay").all("li")] == held["words"]


def test_long_episodes_are_thinned_to_what_fits(monkeypatch):
    replay = handmade_replay()
    monkeypatch.setattr(
        player, "draw_frames", lambda replay, numbers: (np.full((4, 4, 3), n, np.uint8) for n in numbers)
    )
    monkeypatch.setattr(player, "_MOST_BYTES", 300)
    numbers, pictures = player._pictures(replay)
    assert numbers == [0, 4] and len(pictures) == 2
    monkeypatch.setattr(player, "_MOST_FRAMES", 3)
    monkeypatch.setattr(player, "_MOST_BYTES", 10**6)
    assert player._pictures(replay)[0] == [0, 2, 4]


@pytest.mark.parametrize(
    "said",
    [{"task": "hostile:make"}, {"memory": "hostile:Memory"}, {"explorer": "hostile:Policy"},
     {"settings": {"use_skills": True, "embedding": "hostile:embed"}}],
    ids=str,
)  # fmt: skip
def test_nothing_that_a_folder_names_is_imported(tmp_path, monkeypatch, said):
    (tmp_path / "hostile.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    page = page_of(made_run(tmp_path / "one", stored=said), chosen=Chosen())
    assert "hostile" not in sys.modules
    assert "needs code of its user's own" in part(page, "replay").text
    assert "100.0%" in part(page, "headline").text


@pytest.mark.parametrize("field", ["task", "preset", "memory", "explorer", "warm_start", "settings", "versions"])
def test_texts_of_a_folder_are_escaped(tmp_path, field):
    value = {HOSTILE: HOSTILE} if field == "versions" else HOSTILE
    if field == "settings":
        value = {"use_skills": True, HOSTILE: HOSTILE}
    folder = made_run(tmp_path / f"run {HOSTILE.replace('/', '')}", stored={field: value})
    page = page_of(folder)
    assert not [picture for picture in page.all("img") if picture.attributes["src"] == "x"]
    assert "onerror" in page.text and HOSTILE.replace("/", "") in next(page.all("h1")).text


def test_unknown_numbers_are_left_out(tmp_path):
    page = page_of(made_run(tmp_path / "one", agents=1, known=False))
    assert list(data_of(page)["charts"]) == ["runs-success", "runs-steps", "runs-skills", "runs-episode_return"]
    assert "nan" not in page.text and "[]" not in page.text


def test_nothing_is_drawn_outside_of_a_chart(tmp_path):
    page = page_of(made_run(tmp_path / "one"))
    for chart in part(page, "curves").all("svg"):
        if chart.attributes["class"] != "chart":
            continue
        bands = [node.attributes["d"].strip("MZ") for node in chart.all("path")]
        assert len(bands) == 1
        drawn = np.asarray([point.split(",") for point in bands[0].split()], float)
        facts = data_of(page)["charts"][chart.attributes["id"]]
        assert drawn[:, 1].min() >= facts["top"] and drawn[:, 1].max() <= facts["bottom"]


def test_a_sweep_and_a_study(tmp_path):
    page = page_of(made_sweep(tmp_path / "swept"), made_study(tmp_path / "studied"))
    assert sections_of(page) == ["study-0-task-0", "sweep-0"]
    assert len([node for node in page.all("svg") if node.attributes["class"] == "chart"]) == 4
    arms = [row.children[0].text for row in part(page, "study-0-task-0").all("tr")]
    assert {"no memory", "default", "no novelty"} <= set(arms)
    words = part(page, "study-0-task-0").text
    assert "0.5 [0.4, ∞]" not in words and "0 [0, ∞]" in words and "never" in words
    [picture] = part(page, "sweep-0").all("img")
    assert picture.attributes["src"].startswith("data:image/png") and "random-4" in picture.attributes["alt"]
    [table] = part(page, "sweep-0").all("table")
    assert [row.children[1].text for row in table.all("tr")] == ["capacity", "8", "64", "16"]


def test_the_command(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_run(tmp_path / "one")
    assert out_of(capsys, "report", "one", "--no-replay") == "one/report.html\n"
    assert out_of(capsys, "report", "one", "--no-replay", "--out", "mine.html") == "mine.html\n"
    assert (tmp_path / "mine.html").read_text() == (tmp_path / "one/report.html").read_text()
    before = sorted(path.name for path in tmp_path.rglob("*"))
    for arguments, text in {
        (): "no folder was given",
        ("nowhere",): "nowhere holds no finished run (config.json is missing)",
        ("one", "--agent", str(AGENTS)): f"agent={AGENTS} has no library here; choose from 0 to {AGENTS - 1}",
        ("one", "--out", "nowhere/a.html"): "out=nowhere/a.html: there is no folder nowhere",
    }.items():
        status, out, err = run(capsys, "report", *arguments, "--no-replay")
        assert (status, out, err.count("\n")) == (2, "", 1) and text in err
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["config.json", "summary.json", "episodes.parquet", "libraries.npz"])
@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\xfe"])
def test_a_damaged_file_is_named(tmp_path, name, damage):
    folder = made_run(tmp_path / "one")
    (folder / name).write_bytes(damage)
    with pytest.raises(ValueError, match=name):
        make_page([folder], NO_REPLAY)


def test_an_opened_run(tmp_path):
    run = open_run(made_run(tmp_path / "one"))
    assert run.metrics.steps.shape == (AGENTS, 50) and run.optimal_steps.max() == 5
    assert run.config.use_skills and run.params.environment.size == 4
    assert run.libraries.agents == tuple(range(AGENTS))
    assert run.headline["success"][0] == 1.0 and run.headline["episodes"] == 20
    assert len(repr(run)) < 200 and "random-4, preset default" in repr(run)
    assert len(run._repr_html_()) < 2000 and "100.0%" in run._repr_html_()
    assert run.report(replay=False) == tmp_path / "one/report.html"
    with pytest.raises(ValueError, match="holds no finished run"):
        open_run(tmp_path)
