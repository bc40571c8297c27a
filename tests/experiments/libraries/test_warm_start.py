"""Warm starts: whose skills an agent begins with, in what capacity, and which libraries cannot serve."""

import dataclasses
import functools
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.handmade_libraries import CONFIG, EMBEDDING, assert_same_bits, handmade_libraries
from procmem_jax.experiments.libraries.files import export_libraries
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.warm_start import embedding_rule, make_warm_start
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.runs.folders import RunSpec, check_folder, run_training
from procmem_jax.experiments.runs.libraries import load_warm_start
from procmem_jax.experiments.runs.results import read_libraries
from procmem_jax.experiments.training.train import train
from procmem_jax.memory.default.direction import direction_embedding
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.library import empty
from procmem_jax.records import setting
from procmem_jax.streams import run_key

SIZES = {"capacity": 3, "embedding_size": 4, "max_skill_length": 3}
NAMES = (
    ("has_key", "door_open", "goal_reached"),
    ("move_up", "move_down", "move_left", "move_right", "pickup_key", "open_door"),
)
RUN, PARAMS = make_experiment("random-3", "tutorial")


def experiment(task="random-3", preset="default", use_skills=True, **overrides):
    """The config of a run; by default one that the handmade libraries fit."""
    sizes = {} if preset == "q-learning" else SIZES
    config = make_experiment(task, preset, overrides=sizes | overrides)[0]
    return dataclasses.replace(config, use_skills=use_skills)


def saved_libraries(num_agents=2, **changes):
    saved = SavedLibraries(handmade_libraries(num_agents), CONFIG, EMBEDDING, *NAMES, tuple(range(num_agents)), {})
    return dataclasses.replace(saved, **changes)


def row(libraries, agent):
    return jax.tree.map(lambda array: array[agent : agent + 1], libraries)


@functools.cache
def learned():
    """What agents of `RUN` have learned."""
    return train(run_key(0), RUN, PARAMS, 4, 3).libraries


@pytest.fixture
def skills_file(tmp_path):
    path = tmp_path / "skills.npz"
    export_libraries(path, learned(), RUN.library, embedding=embedding_rule(RUN))
    return path


def test_one_library_goes_to_all_agents():
    warm = make_warm_start(saved_libraries().of_agent(0), experiment(), 3)
    for agent in range(3):
        assert_same_bits(row(warm.libraries, agent), handmade_libraries(1))


def test_each_agent_gets_its_own_library():
    warm = make_warm_start(saved_libraries(3), experiment(), 2)  # the third is left over
    assert_same_bits(warm.libraries, handmade_libraries(2))
    assert warm.sha256 == saved_libraries(3).sha256


@pytest.mark.parametrize("num_agents", [1, 2])
def test_more_slots_are_empty_ones(num_agents):
    config = experiment(capacity=5)
    libraries = make_warm_start(saved_libraries(num_agents), config, 2).libraries
    blank = jax.device_get(empty(config.library))
    assert libraries.known().keys() == blank.known().keys()
    for name, wanted in handmade_libraries(1).known().items():
        given, empty_slots = getattr(libraries, name), getattr(blank, name)
        if given.ndim == 1:
            assert given[0] == wanted[0], name
        else:
            np.testing.assert_array_equal(given[0, :3], wanted[0], err_msg=name)
            np.testing.assert_array_equal(given[0, 3:], empty_slots[3:], err_msg=name)
            assert given.shape == (2, *empty_slots.shape)
        assert given.dtype == empty_slots.dtype


def test_what_deaths_taught_goes_to_runs_in_which_they_teach():
    reach = np.full((2, 3), 0.5, np.float32)
    libraries = dataclasses.replace(handmade_libraries(2), reach=reach)
    saved = saved_libraries(libraries=libraries, config=dataclasses.replace(CONFIG, keeps_reach=True))
    given = make_warm_start(saved, experiment(capacity=4, deaths_teach=True), 2).libraries.reach
    np.testing.assert_array_equal(given, [[0.5, np.inf, 0.5, np.inf], [np.inf] * 4])
    assert_same_bits(make_warm_start(saved, experiment(deaths_teach=False), 2).libraries, handmade_libraries())
    assert np.isinf(make_warm_start(saved_libraries(), experiment(deaths_teach=True), 2).libraries.reach).all()


def test_another_eviction_rule_is_no_hindrance():
    make_warm_start(saved_libraries(), experiment(eviction="lru"), 2)


CODES = {"embedding": "tutorial codes per_agent"}
REFUSED = [
    ({}, {"capacity": 2}, "capacity=3 of the libraries exceeds 2 of the run; train with --set capacity=3 or more"),
    ({}, {"embedding_size": 8}, "embedding_size=4 of the libraries differs from 8 of the run; train with --set embe"),
    ({}, {"max_skill_length": 2}, "max_skill_length=3 of the libraries differs from 2 of the run; train with --set"),
    (CODES, {"preset": "tutorial"}, "counting=outcomes of the libraries differs from tutorial of the run; train with"),
    ({}, {"preset": "tutorial"}, "embedding='direction of 2 coordinates' of the libraries differs from 'tutorial co"),
    ({}, {"task": "doorkey-5", "embedding_size": 64}, "differs from 'direction of 8 coordinates' of the run; use"),
    (CODES, {}, "embedding='tutorial codes per_agent' of the libraries differs from 'direction of 2 coordinates'"),
    ({}, {"preset": "q-learning"}, "Q-learning has no skills, and so no libraries; use another memory"),
    ({}, {"use_skills": False}, "use_skills=False: without a memory there are no libraries; switch the memory on"),
    (
        {"predicate_names": ("has_key", "goal_reached", "door_open")},
        {},
        "predicate_names=has_key, goal_reached, door_open of the libraries differ from has_key, door_open, goal_re",
    ),
    (
        {"action_names": ("up", "down", "left", "right", "take", "open")},
        {},
        "action_names=up, down, left, right, take, open of the libraries differ from move_up",
    ),
    (
        {**CODES, "agents": (1, 0)},
        {"preset": "tutorial", "counting": "outcomes"},
        "code_tables=per_agent: agent 0 cannot read the embeddings of agent 1, whose codes are others; train both runs "
        "with --set code_tables=shared",
    ),
]


@pytest.mark.parametrize(("there", "here", "text"), REFUSED)
def test_libraries_that_cannot_serve_are_refused(there, here, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        make_warm_start(saved_libraries(**there), experiment(**here), 2)


@dataclasses.dataclass(frozen=True)
class Turned:
    """An embedding with a setting: two of them put the same situation in different places."""

    by: int = setting(0, "places to turn by")

    def __call__(self, context, size):
        return jnp.roll(direction_embedding(context, size), self.by)


def test_the_settings_of_an_embedding_are_part_of_its_name():
    one, other = (make_experiment("random-3", memory=DefaultMemory(embed=Turned(by)))[0] for by in (1, 2))
    assert embedding_rule(one) != embedding_rule(other)
    same = make_experiment("random-3", memory=DefaultMemory(embed=Turned(1)))[0]
    assert embedding_rule(one) == embedding_rule(same)
    assert embedding_rule(make_experiment("random-3")[0]) == EMBEDDING


def test_other_predicates_are_refused():
    config = dataclasses.replace(CONFIG, num_predicates=2)
    libraries = handmade_libraries()
    cut = {name: getattr(libraries, name)[..., :2] for name in ("pre_mask", "pre_value", "post_mask", "post_value")}
    changes = {"config": config, "libraries": dataclasses.replace(libraries, **cut)}
    saved = saved_libraries(**changes, predicate_names=("has_key", "door_open"))
    with pytest.raises(ValueError, match="predicate_names=has_key, door_open of the libraries differ"):
        make_warm_start(saved, experiment(), 2)


def test_too_few_libraries_are_refused():
    with pytest.raises(ValueError, match="agents=3 exceeds the 2 libraries of the file; train 2 agents or fewer, or"):
        make_warm_start(saved_libraries(), experiment(), 3)


def test_the_tutorials_codes_bind_a_library_to_its_agent():
    config = experiment(preset="tutorial", counting="outcomes")
    saved = saved_libraries(**CODES)
    make_warm_start(saved, config, 2)
    make_warm_start(saved.of_agent(0), config, 1)
    with pytest.raises(ValueError, match="agent 1 cannot read the embeddings of agent 0"):
        make_warm_start(saved.of_agent(0), config, 2)
    shared = experiment(preset="tutorial", counting="outcomes", code_tables="shared")
    make_warm_start(saved_libraries(embedding="tutorial codes shared").of_agent(1), shared, 2)


def test_an_error_names_the_file(skills_file):
    with pytest.raises(ValueError, match=r"skills\.npz does not fit this run: agents=5 exceeds the 4 libraries"):
        load_warm_start(skills_file, RUN, 5)


def spec_of(warm_start=None, seed=1):
    return RunSpec("random-3", "tutorial", RUN, PARAMS, 4, 3, seed, warm_start)


def test_agents_begin_with_these_skills(skills_file, tmp_path):
    spec, given = spec_of(load_warm_start(skills_file, RUN, 4)), learned()
    run_training(spec, tmp_path / "run", draw_figure=lambda folder, path: None)
    final = read_libraries(tmp_path / "run" / "libraries.npz")
    assert_same_bits(final, train(run_key(1), RUN, PARAMS, 4, 3, libraries=given).libraries)
    used = given.used
    assert used.any() and not final.num_evictions.any()
    for name in ("skill_ids", "embeddings", "actions", "created"):
        np.testing.assert_array_equal(getattr(final, name)[used], getattr(given, name)[used])
    assert (final.clock > given.clock).any()


def test_the_warm_start_is_part_of_the_runs_identity(skills_file, tmp_path):
    warm = load_warm_start(skills_file, RUN, 4)
    cold, warmed, otherwise = spec_of(), spec_of(warm), spec_of(dataclasses.replace(warm, sha256="0" * 64))
    assert warmed.identity() == {**cold.identity(), "warm_start": warm.sha256}
    for stored, wanted, text in (
        (cold, warmed, f"(warm_start: there None, here {warm.sha256})"),
        (warmed, cold, f"(warm_start: there {warm.sha256}, here None)"),
        (warmed, otherwise, f"(warm_start: there {warm.sha256}, here {'0' * 64})"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(stored.identity()))
        check_folder(tmp_path, stored)
        with pytest.raises(ValueError, match=re.escape(text)):
            check_folder(tmp_path, wanted)
