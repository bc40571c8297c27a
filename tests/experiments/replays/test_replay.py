"""A replayed episode is the one that the run has stored, step by step, and whatever is not so is told."""

import dataclasses
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.replay_runs import CASES, NUM_AGENTS, NUM_EPISODES, SEED, change_row, make_run, stored_row
from experiments.sealing import reseal
from procmem_jax.experiments.libraries.files import export_libraries
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.replays import lives
from procmem_jax.experiments.replays.replay import replay_episode
from procmem_jax.experiments.runs.libraries import load_warm_start
from procmem_jax.experiments.runs.results import read_libraries
from quick import quick_first

EPISODES = (0, 7, -1)
SLOW = ("default", "memory off", "walls", "q-learning")  # of which each costs seconds of compilation


@pytest.fixture(autouse=True)
def in_short_chunks(monkeypatch):
    monkeypatch.setattr(lives, "_CHUNK_TICKS", 16)  # lives are short here, and are to have many


@pytest.fixture(
    scope="module", params=[pytest.param(case, marks=[pytest.mark.slow] if case in SLOW else []) for case in CASES]
)
def run_folder(request, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("replay") / "run", request.param)


@pytest.fixture(scope="module")
def tutorial_run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("replay") / "run", "tutorial")


@pytest.fixture
def damaged(tutorial_run, tmp_path):
    """A copy of a run, to be damaged."""
    return shutil.copytree(tutorial_run, tmp_path / "run")


def assert_follows_the_rules(replay):
    """Every frame is what the world makes of the one before and its action, unless the action before stuck."""
    world, params = replay.config.environment, replay.params.environment
    step = jax.jit(lambda state, action: world.step_from_words(None, state, action, params)[:2])
    for before, after in zip(replay.frames, replay.frames[1:], strict=False):
        executed = int(after.env_state.last_action)
        assert executed == before.action or (params.sticky > 0 and executed == int(before.env_state.last_action))
        state, reward = step(jax.tree.map(jnp.asarray, before.env_state), jnp.int32(executed))
        jax.tree.map(np.testing.assert_array_equal, jax.device_get(state), after.env_state)
        assert after.reward == float(reward)


def test_the_replay_is_the_stored_episode(run_folder):
    for agent, episode in zip((0, NUM_AGENTS - 1, 1), EPISODES, strict=True):
        replay = replay_episode(run_folder, agent, episode)
        row = stored_row(run_folder, agent, episode % NUM_EPISODES)
        assert (replay.agent, replay.episode) == (agent, episode % NUM_EPISODES)
        frames, last = replay.frames[:-1], replay.frames[-1]
        assert len(frames) == row["steps"] and [frame.step for frame in replay.frames] == list(range(row["steps"] + 1))
        assert last.success == row["success"] and last.action == -1 and last.skill is None
        assert last.doing == ("goal reached" if row["success"] else last.doing)
        assert np.float32(last.episode_return) == pytest.approx(row["episode_return"], abs=1e-5)
        acted = [frame for frame in frames if frame.doing != "exploring"]
        assert len(acted) == row["skill_steps"]
        assert all(frame.skill.ahead[0] == frame.action for frame in acted if frame.skill)
        assert_follows_the_rules(replay)


def test_every_way_to_act_is_seen(run_folder):
    """Across the agents' last episodes something else than exploration acts, where there is a memory."""
    stored = json.loads((run_folder / "config.json").read_text())
    frames = [frame for agent in range(NUM_AGENTS) for frame in replay_episode(run_folder, agent).frames[:-1]]
    doing, skills = {frame.doing for frame in frames}, [frame.skill for frame in frames if frame.skill]
    if stored["preset"] == "q-learning":
        assert doing == {"Q-learning"} and not skills
    elif not stored["settings"]["use_skills"]:
        assert doing == {"exploring"} and not skills
    else:
        assert skills and all(skill.name == frame.doing for frame in frames if (skill := frame.skill))
        assert any(skill.done > 0 for skill in skills)


def test_the_skills_are_those_of_the_library(tutorial_run):
    """In the tutorial's memory a slot of a library that is not full keeps its skill."""
    libraries = read_libraries(tutorial_run / "libraries.npz")
    for agent in range(NUM_AGENTS):
        assert libraries.num_evictions[agent] == 0
        for frame in replay_episode(tutorial_run, agent).frames:
            if frame.skill:
                slot, rest = frame.skill.slot, (*frame.skill.ahead, *frame.skill.beyond)
                length = libraries.lengths[agent, slot]
                assert tuple(libraries.actions[agent, slot, frame.skill.done : length]) == rest
                assert libraries.labels[agent, slot] == frame.skill.label


def test_a_long_life_is_skipped_fast_to_the_same_frames(monkeypatch, tutorial_run):
    skipped = []
    skip = lives.Life.skip
    monkeypatch.setattr(lives.Life, "skip", lambda life, count: (skipped.append(count), skip(life, count)))
    slow = replay_episode(tutorial_run, 1, -1)
    assert not skipped
    monkeypatch.setattr(lives, "_LONG_LIFE", 10)
    monkeypatch.setattr(lives, "_FAST_CHUNKS", 2)
    fast = replay_episode(tutorial_run, 1, -1)
    assert len(skipped) > 1 and max(skipped) == 2
    assert len(slow.frames) == len(fast.frames)
    for one, other in zip(slow.frames, fast.frames, strict=True):
        jax.tree.map(np.testing.assert_array_equal, one.env_state, other.env_state)
        assert dataclasses.replace(one, env_state=None) == dataclasses.replace(other, env_state=None)


def test_progress_is_told(tutorial_run):
    told = []
    replay_episode(tutorial_run, 0, 4, on_progress=told.append)
    assert (told[0].phase, told[0].finished_episodes) == ("compiling", 0)
    assert {progress.total_episodes for progress in told} == {5} and told[-1].finished_episodes == 5


@pytest.mark.parametrize(
    ("episode", "values", "text"),
    quick_first(
        [
            (4, {"steps": 3}, "episode 4: steps 3 stored, "),
            (4, {"steps": 10_000}, "episode 4: steps 10000 stored, "),
            (0, {"steps": -5}, "episode 0: steps -5 stored, "),
            (5, {"success": False, "skills": 99}, "episode 5: success False stored, True replayed, skills 99 stored, "),
            (5, {"episode_return": np.float32(12.3) + np.float32(1e-6)}, "episode 5: episode_return 12.3"),
            (2, {"skill_uses": 77}, "episode 2: skill_uses 77 stored, "),
            (1, {"skill_steps": 77}, "episode 1: skill_steps 77 stored, "),
        ]
    ),
)
def test_a_row_that_is_not_met_is_told(damaged, episode, values, text):
    agent = next(a for a in range(NUM_AGENTS) if stored_row(damaged, a, 5)["success"])
    change_row(damaged, agent, episode, **values)
    with pytest.raises(ValueError, match=f"replay of agent {agent} does not meet its record") as caught:
        replay_episode(damaged, agent, 5)
    assert text in str(caught.value) and "config.json or episodes.parquet was changed" in str(caught.value)
    assert "\n" not in str(caught.value)
    replay_episode(damaged, (agent + 1) % NUM_AGENTS, 5)  # whose rows are as they were


def test_a_later_row_does_not_matter(damaged):
    change_row(damaged, 0, 6, steps=77)
    replay_episode(damaged, 0, 5)


def test_other_versions_are_named(damaged):
    config = json.loads((damaged / "config.json").read_text())
    reseal(damaged, versions=config["versions"] | {"jax": "0.9.9"})
    replay_episode(damaged, 0, 0)  # another version that gives the same is none to complain of
    change_row(damaged, 0, 0, steps=77)
    with pytest.raises(ValueError, match=rf"it was made with jax 0\.9\.9, here {jax.__version__}: replay it with"):
        replay_episode(damaged, 0, 0)


def test_another_seed_is_told(damaged):
    reseal(damaged, seed=SEED + 1)
    with pytest.raises(ValueError, match="does not meet its record"):
        for agent in range(NUM_AGENTS):
            replay_episode(damaged, agent, -1)


def test_a_warm_start_needs_its_file(tutorial_run, tmp_path):
    config, _ = make_experiment(*CASES["tutorial"][:2])
    libraries = read_libraries(tutorial_run / "libraries.npz")
    for name, given in (("a.npz", libraries), ("b.npz", dataclasses.replace(libraries, clock=libraries.clock + 1))):
        export_libraries(tmp_path / name, given, config.library, embedding="tutorial codes per_agent")
    warm_start = load_warm_start(tmp_path / "a.npz", config, NUM_AGENTS)
    folder = make_run(tmp_path / "warm", "tutorial", warm_start=warm_start, seed=SEED + 1)
    with pytest.raises(ValueError, match=f"sha256 only \\({warm_start.sha256}\\); give their file with --warm-start"):
        replay_episode(folder, 2)
    with pytest.raises(ValueError, match=r"b\.npz holds libraries of sha256 .* give the file that it was started with"):
        replay_episode(folder, 2, warm_start=tmp_path / "b.npz")
    first = replay_episode(folder, 2, 0, warm_start=tmp_path / "a.npz")
    assert len(first.frames) == stored_row(folder, 2, 0)["steps"] + 1
    assert any(frame.skill for frame in first.frames)  # learned before its first episode
    with pytest.raises(ValueError, match="was started without one; leave it out"):
        replay_episode(tutorial_run, 2, warm_start=tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("agent", "episode", "text"),
    [
        (NUM_AGENTS, 0, "agent=3 is above 2"),
        (-1, 0, "agent=-1 is below 0"),
        (0, NUM_EPISODES, "episode=12 is above 11"),
        (0, -NUM_EPISODES - 1, "episode=-13 is below -12"),
    ],
)
def test_no_such_episode(tutorial_run, agent, episode, text):
    with pytest.raises(ValueError, match=text):
        replay_episode(tutorial_run, agent, episode)


@pytest.mark.parametrize("name", ["config.json", "episodes.parquet"])
@pytest.mark.parametrize("damage", [b"", b"{}", None])
def test_damaged_or_missing_files(damaged, name, damage):
    if damage is None:
        (damaged / name).unlink()
    else:
        (damaged / name).write_bytes(damage)
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        replay_episode(damaged, 0)


@pytest.mark.parametrize("change", [{"agents": "four"}, {"episodes": None}, {"seed": -1}, {"episodes": 13}])
def test_a_config_that_fits_no_run(damaged, change):
    reseal(damaged, **change)
    with pytest.raises(ValueError, match=r"(config\.json: is not as|holds 12 episodes of agent 0, not each of its 13)"):
        replay_episode(damaged, 0)


def test_what_cannot_be_shown_is_refused_before_it_is_run(monkeypatch, tutorial_run):
    monkeypatch.setattr("procmem_jax.experiments.replays.replay.Life", None)

    def refuse(config):
        raise ValueError(f"no picture of {config.environment.layout}")

    with pytest.raises(ValueError, match="no picture of tutorial"):
        replay_episode(tutorial_run, 0, check_config=refuse)
