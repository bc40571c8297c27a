"""What an agent knows of its memory's worth: kept with the skills, followed where it learns nothing, else made anew."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow.parquet as pq
import pytest

import procmem_jax as pm
from agents.own_parts import LastWay
from envs.corridor import NAMES, Corridor, perceive
from procmem_jax import DefaultMemory, ProvenMemory, register_task, run_key, train, with_memory
from procmem_jax.experiments.libraries.files import read_saved, write_saved
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.warm_start import make_warm_start
from procmem_jax.experiments.runs.evaluate import evaluate_run
from procmem_jax.experiments.runs.results import read_libraries
from procmem_jax.memory.protocol import NoParams, Step
from procmem_jax.memory.proven.comparison import Comparison, as_numbers, from_numbers, is_better, no_episodes

HERE = pm.Percept(jnp.zeros(2, jnp.bool_), jnp.zeros(1), jnp.uint32(0))
YES, NO = jnp.ones((), jnp.bool_), jnp.zeros((), jnp.bool_)
LONG = 64  # episodes


def known_of(with_mean, without_mean, with_count=20):
    """What an agent knows after 20 episodes without and as many with."""
    returns = jnp.float32(without_mean), jnp.int32(with_count), jnp.float32(with_mean)
    return Comparison(jnp.int32(20 + with_count), jnp.int32(20), *returns, jnp.float32(0), jnp.float32(1))


def skilled(memory, worth=None):
    """A library with one skill, such as a run leaves it."""
    library = memory.library(memory.begin(HERE, NoParams()))
    library = dataclasses.replace(library, skill_ids=library.skill_ids.at[0].set(0), worth=worth)
    return dataclasses.replace(library, next_id=jnp.int32(1), lengths=library.lengths.at[0].set(1))


def arms_of(memory, worths):
    """Which of many episodes are with the memory, how many are known of then, and the worth then; from each worth."""

    def live(state, total):
        used = state.used
        state = memory.observe(state, Step(HERE, HERE, jnp.int32(0), total, NO, NO), NoParams(), YES)
        return memory.enter(state, HERE, YES, NoParams()), used

    def live_on(worth):
        state = memory.with_library(memory.begin(HERE, NoParams()), skilled(LastWay(), worth))
        state, arms = jax.lax.scan(live, state, jnp.where(jnp.arange(LONG) % 3 > 0, 1.0, 0.0))
        return arms, state.known.episodes, memory.library(state).worth

    return jax.device_get(jax.jit(jax.vmap(live_on))(jnp.stack(worths)))


def test_what_is_known_comes_back_from_its_numbers():
    for known in (no_episodes(), no_episodes(-1.0, 2.0), known_of(0.25, -3.0)):
        back = from_numbers(as_numbers(known))
        assert jax.tree.map(lambda leaf: (leaf.dtype, float(leaf)), back) == jax.tree.map(
            lambda leaf: (leaf.dtype, float(leaf)), known
        )
    assert not is_better(no_episodes()) and math.isinf(no_episodes().lowest)


def test_a_decision_is_for_what_paid_more():
    assert is_better(known_of(1.0, 0.5)) and not is_better(known_of(0.5, 1.0)) and not is_better(known_of(0.5, 0.5))
    assert not is_better(known_of(0.0, -1.0, with_count=0))  # the mean of none is no reason


GOOD, BAD = known_of(1.0, 0.0), known_of(0.0, 1.0)


def test_frozen_it_acts_as_was_decided():
    """To the end, whatever the episodes return; without an earlier judgement it judges anew."""
    worths = as_numbers(GOOD), as_numbers(BAD), jnp.zeros(7)
    arms, known, kept = arms_of(ProvenMemory(LastWay()).frozen(), worths)
    assert arms[0].all() and not arms[1].any() and arms[2, 0] and not arms[2].all()
    assert known.tolist() == [40, 40, LONG]
    np.testing.assert_array_equal(kept[:2], worths[:2])


def test_while_it_learns_it_judges_anew():
    """With skills that were found to be worth nothing it begins, and goes on with trials."""
    arms, known, _ = arms_of(ProvenMemory(LastWay()), (as_numbers(BAD), jnp.zeros(7)))
    assert arms[0, 0] and not arms[0].all() and known.tolist() == [LONG, LONG]
    np.testing.assert_array_equal(*arms)


def test_skills_that_are_put_back_after_each_step_take_nothing_else_back():
    """As the agent does with a memory that cannot be told to learn nothing."""
    memory = ProvenMemory(LastWay()).frozen()
    assert memory.frozen() is None and memory == ProvenMemory(LastWay(), judges=False)
    assert ProvenMemory(window=4).frozen().frozen() == ProvenMemory(DefaultMemory(learn=False), window=4, judges=False)
    for worth, episodes in ((None, 3), (as_numbers(GOOD), 40)):
        state = memory.with_library(memory.begin(HERE, NoParams()), skilled(LastWay(), worth))
        for _ in range(3):
            new = memory.enter(state, HERE, YES, NoParams())
            state = memory.with_library(new, memory.library(state))
        assert int(state.known.episodes) == episodes and bool(state.held) == (worth is not None)


def test_the_worth_is_in_the_file_of_a_run_alone(tmp_path):
    """No export, and no warm start, has it; but for it a file is as it was."""
    memory = ProvenMemory(LastWay())
    worth = np.asarray([as_numbers(BAD), as_numbers(no_episodes())])
    one = skilled(LastWay())
    libraries = jax.tree.map(lambda leaf: np.stack([np.asarray(leaf)] * 2), one)
    libraries = dataclasses.replace(libraries, worth=worth)
    config, _ = with_memory(Corridor(), perceive, max_steps=9, predicate_names=NAMES, memory=memory)
    names = ("embedding", NAMES, config.environment.action_names, (0, 1), {})
    saved = SavedLibraries(libraries, config.library, *names)
    plain = SavedLibraries(dataclasses.replace(libraries, worth=None), LastWay().library_config(2, 1), *names)
    assert saved.libraries.worth is None and saved.config == plain.config and saved.sha256 == plain.sha256
    for name, given, number in (("run", saved, worth), ("export", saved, None), ("plain", plain, None)):
        write_saved(tmp_path / f"{name}.npz", given, worth=number)
    assert (tmp_path / "export.npz").read_bytes() == (tmp_path / "plain.npz").read_bytes()
    np.testing.assert_array_equal(read_libraries(tmp_path / "run.npz").worth, worth)
    assert read_libraries(tmp_path / "export.npz").worth is None
    assert read_saved(tmp_path / "run.npz").libraries.worth is None
    warm = dataclasses.replace(saved, embedding=memory.embedding_name(1))
    assert make_warm_start(warm, config, 2).libraries.worth is None


@dataclasses.dataclass(frozen=True)
class GoesLeft(LastWay):
    """It has skills, but goes left for ever."""

    def decide(self, state, percept, word, params):
        return state, YES, jnp.int32(0)


@pytest.mark.slow
@pytest.mark.parametrize("inner", [GoesLeft(), LastWay()])
def test_eval_acts_as_was_decided_at_the_end_of_training(inner, tmp_path):
    """An agent whose memory harms is without it from the first episode, another with it to the last."""
    options = {"max_steps": 60, "predicate_names": NAMES, "memory": ProvenMemory(inner)}
    register_task("judged", lambda: with_memory(Corridor(), perceive, **options))
    result = train(run_key(5), *pm.make_experiment("judged"), 16, 80)
    folder = result.save(tmp_path / "run", task="judged")
    better = np.asarray(jax.vmap(lambda worth: is_better(from_numbers(worth)))(result.libraries.worth))
    assert (better.sum() == 0) if inner == GoesLeft() else (better.sum() > 8)
    _, out = evaluate_run(folder, 40, 6)
    acted = np.asarray(pq.read_table(out / "episodes.parquet")["skill_steps"]).reshape(16, 40) > 0
    assert not acted[~better].any() and acted[better].all()
