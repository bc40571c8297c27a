"""Libraries of more than 127 actions on their way through files, tables and runs."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.handmade_libraries import CONFIG, EMBEDDING, assert_same_bits, handmade_libraries
from procmem_jax import DefaultMemory, Percept, with_memory
from procmem_jax.cli.reports.library import library_table
from procmem_jax.experiments.libraries.files import export_libraries, import_libraries
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.warm_start import embedding_rule, make_warm_start
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.replays.replay import replay_episode
from procmem_jax.experiments.runs.folders import RunSpec, run_training
from procmem_jax.experiments.runs.libraries import libraries_of_run, load_warm_start
from procmem_jax.memory.library import empty

WIDE = dataclasses.replace(CONFIG, wide_actions=True)
NAMES = tuple(f"action_{number}" for number in range(300))


def wide_libraries():
    narrow = handmade_libraries()
    actions = narrow.actions.astype(np.int16)
    actions[0, 0, :2] = 299, 130
    return dataclasses.replace(narrow, actions=actions)


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_files_keep_the_width(tmp_path, suffix):
    given, path = wide_libraries(), tmp_path / f"skills{suffix}"
    export_libraries(path, given, WIDE, embedding=EMBEDDING, action_names=NAMES)
    saved = import_libraries(path)
    assert_same_bits(saved.libraries, given)
    assert saved.config == WIDE and "action_299 action_130" in library_table(saved, 0)
    with pytest.raises(ValueError, match=r"actions is int16\[2, 3, 3\], not int8"):
        export_libraries(tmp_path / f"no{suffix}", given, CONFIG, embedding=EMBEDDING, action_names=NAMES)


def test_files_of_few_actions_are_as_they_were(tmp_path):
    export_libraries(tmp_path / "skills.json", handmade_libraries(), CONFIG, embedding=EMBEDDING)
    content = json.loads((tmp_path / "skills.json").read_text())
    assert content["format"] == 2 and "wide_actions" not in content["config"]


@dataclasses.dataclass(frozen=True)
class Dial:
    """The right one of many buttons moves the dial on, any other leaves it; at 3 it is done."""

    num_actions: int = 300
    default_params = None

    def reset(self, key, params):
        return jnp.int32(0), jnp.int32(0)

    def step(self, key, state, action, params):
        state = state + (action >= self.num_actions - 40).astype(jnp.int32)
        done = state == 3
        return state, state, done.astype(jnp.float32), done, False, {}


def perceive(obs, state, params):
    return Percept(state.rewarded[None], obs.astype(jnp.float32)[None], obs.astype(jnp.uint32))


@pytest.mark.parametrize(("num_actions", "wide"), [(127, False), (128, True), (32767, True)])
def test_the_environment_decides_the_width(num_actions, wide):
    config, _ = with_memory(Dial(num_actions), perceive, max_steps=30)
    assert config.memory.wide_actions == wide
    assert config.library.action_dtype == (np.int16 if wide else np.int8)


def test_more_actions_than_two_bytes_hold_are_refused():
    with pytest.raises(ValueError, match="^number of actions=32768 is above 32767; give at most 32767$"):
        with_memory(Dial(2**15), perceive, max_steps=30)


def test_libraries_of_either_width_start_a_run_of_few_actions():
    """A memory may be wider than its environment needs."""
    memories = [DefaultMemory(capacity=3, wide_actions=wide) for wide in (True, False)]
    configs = [with_memory(Dial(127), perceive, max_steps=30, memory=memory)[0] for memory in memories]
    for ours, theirs in (configs, configs[::-1]):
        blank, environment = jax.device_get(empty(theirs.library)), theirs.environment
        names = environment.predicate_names, environment.action_names
        rows = jax.tree.map(lambda array: array[None], blank)
        saved = SavedLibraries(rows, theirs.library, embedding_rule(theirs), *names, (0,), {})
        assert make_warm_start(saved, ours, 2).libraries.actions.dtype == ours.library.action_dtype


def make_dial():
    """A task."""
    overrides = {"capacity": 4, "max_skill_length": 3, "history_length": 4}
    return with_memory(Dial(), perceive, max_steps=60, overrides=overrides)


@pytest.mark.slow
def test_a_run_with_300_actions_learns_the_large_ones_and_is_shown(tmp_path):
    task = f"{__name__}:make_dial"
    config, params = make_experiment(task)
    spec = RunSpec(task, "default", config, params, num_agents=4, num_episodes=30, seed=0)
    run_training(spec, tmp_path / "run", draw_figure=lambda folder, path: None)
    saved = libraries_of_run(tmp_path / "run")
    used = saved.libraries.skill_ids >= 0
    first = saved.libraries.actions[..., 0][used]
    assert used.any() and first.dtype == np.int16 and (first >= 260).all()
    assert "action_2" in library_table(saved, 0)
    frames = replay_episode(tmp_path / "run", agent=0, episode=29).frames
    assert any(frame.skill and frame.skill.ahead == (frame.action,) for frame in frames)
    assert load_warm_start(tmp_path / "run", config, 4).libraries.actions.dtype == np.int16
