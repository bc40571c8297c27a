"""`procmem replay` and `procmem library plot`, run in this process."""

import pathlib
import shutil

import pytest
from PIL import Image

from command_line import out_of, run
from experiments.replay_runs import NUM_EPISODES, change_row, make_run, stored_row
from experiments.sealing import reseal
from procmem_jax.experiments.libraries.files import export_libraries
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.replays import lives
from procmem_jax.experiments.runs.results import read_libraries


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("replay") / "run", "tutorial")


@pytest.fixture(autouse=True)
def in_a_folder_with_a_run(finished, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROCMEM_TRACEBACK", raising=False)
    monkeypatch.setattr(lives, "_CHUNK_TICKS", 16)  # the program of `test_replay`
    shutil.copytree(finished, "run")


def files():
    return sorted(str(path) for path in pathlib.Path().rglob("*") if path.is_file())


def num_frames(path):
    with Image.open(path) as gif:
        return gif.n_frames


@pytest.mark.slow
def test_a_gif_of_the_last_episode(capsys):
    before = files()
    steps, agent = min((stored_row(pathlib.Path("run"), agent, NUM_EPISODES - 1)["steps"], agent) for agent in range(3))
    out = out_of(capsys, "replay", "run", "--agent", str(agent), "--quiet")
    ending = out.splitlines()[0].removeprefix(f"Agent {agent}, episode 11: {steps} steps, ")
    endings = ("goal reached (terminated)", "gave up (step_budget)")
    assert ending in [f"{words}; it meets the stored row." for words in endings]
    assert out.splitlines()[1] == f"run/replay-{agent}-11.gif: {steps + 1} frames"
    assert num_frames(f"run/replay-{agent}-11.gif") == steps + 1
    assert files() == sorted([*before, f"run/replay-{agent}-11.gif"])


@pytest.mark.slow
def test_another_episode_file_and_speed(capsys):
    steps = stored_row(pathlib.Path("run"), 0, 1)["steps"]
    options = ["--episode", "-11", "--out", "mine.gif", "--fps", "10", "--every", "3", "--quiet"]
    out = out_of(capsys, "replay", "run", *options)
    assert out.splitlines()[0].startswith(f"Agent 0, episode 1: {steps} steps, ")
    assert num_frames("mine.gif") == len(range(0, steps, 3)) + 1
    with Image.open("mine.gif") as gif:
        assert gif.info["duration"] == 100


def test_text_frames(capsys):
    before = files()
    out = out_of(capsys, "replay", "run", "--agent", "1", "--episode", "0", "--text", "--quiet")
    steps = stored_row(pathlib.Path("run"), 1, 0)["steps"]
    *frames, last = out.split("\n\n")
    assert [frame.split("  ")[0] for frame in frames] == [f"step {number} of {steps}" for number in range(steps + 1)]
    assert frames[0].splitlines()[1:] == [". . . . G", ". b . D .", ". . k . .", ". . . . .", "A . . . ."]
    assert last.startswith(f"Agent 1, episode 0: {steps} steps, ")
    assert files() == before


def test_a_figure_of_a_library(capsys):
    assert out_of(capsys, "library", "plot", "run", "--agent", "1") == "run/library-1.png\n"
    assert out_of(capsys, "library", "plot", "run", "--out", "mine.pdf") == "mine.pdf\n"
    out_of(capsys, "library", "export", "run", "skills.json")
    assert out_of(capsys, "library", "plot", "skills.json", "--agent", "1") == "library-1.png\n"
    assert pathlib.Path("run/library-1.png").read_bytes()[:4] == b"\x89PNG"
    assert pathlib.Path("mine.pdf").read_bytes()[:4] == b"%PDF"


BAD = [
    ("replay", "RUN"),
    ("replay nowhere", "nowhere holds no finished run (config.json is missing)"),
    ("replay run --agent 3", "agent=3 is above 2"),
    ("replay run --agent -1", "agent=-1 is below 0"),
    ("replay run --agent many", "--agent"),
    ("replay run --episode 12", "episode=12 is above 11"),
    ("replay run --episode -13", "episode=-13 is below -12"),
    ("replay run --fps 0", "fps=0 is below 1"),
    ("replay run --fps 51", "fps=51 is above 50"),
    ("replay run --every 0", "every=0 is below 1"),
    ("replay run --out mine.png", "out=mine.png does not end in .gif"),
    ("replay run --out mine.gif --text", "text prints the frames and out=mine.gif draws them"),
    ("replay run --out nowhere/mine.gif", "out=nowhere/mine.gif: there is no folder nowhere; make it first"),
    ("replay run --warm-start run", "was started without one; leave it out"),
    ("replay warm", "warm was started with libraries of which it keeps the sha256 only"),
    ("replay warm --warm-start nowhere.npz", "nowhere.npz: cannot be read"),
    ("replay changed --quiet", "changed: the replay of agent 0 does not meet its record (episode 3: steps 77 stored"),
    ("library plot", "RUN"),
    ("library plot nowhere", "nowhere holds no finished run"),
    ("library plot run --agent 3", "agent=3 has no library here; choose from 0 to 2"),
    ("library plot run --out mine.txt", "mine.txt: suffix '.txt' is unknown; choose from .png, .pdf, .svg"),
    ("library plot run --out nowhere/mine.png", "nowhere"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "text"), BAD, ids=[arguments for arguments, _ in BAD])
def test_bad_input_is_one_line_and_status_2(capsys, arguments, text):
    if " warm" in arguments:
        shutil.copytree("run", "warm")
        reseal(pathlib.Path("warm"), warm_start="0123")
    if " changed" in arguments:
        change_row(pathlib.Path(shutil.copytree("run", "changed")), 0, 3, steps=77)
    before = files()
    status, out, err = run(capsys, *arguments.split())
    assert (status, out) == (2, "")
    assert err.startswith("procmem: error: ") and err.count("\n") == 1 and err.endswith("\n")
    assert text in err
    assert files() == before


def test_the_file_of_a_warm_start_is_compared(capsys):
    config, _ = make_experiment("tutorial-5", "tutorial")
    libraries = read_libraries(pathlib.Path("run/libraries.npz"))
    export_libraries("a.npz", libraries, config.library, embedding="tutorial codes per_agent")
    reseal(pathlib.Path("run"), warm_start="0123")
    status, out, err = run(capsys, "replay", "run", "--warm-start", "a.npz")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "--warm-start=a.npz holds libraries of sha256 " in err
