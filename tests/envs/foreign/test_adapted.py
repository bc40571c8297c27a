"""Foreign worlds: steps and limits, what is kept beside them, the same answer everywhere, and a memory that helps."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import LENGTH, NAMES, Corridor, perceive
from experiments.stopping import Stop, stopper
from procmem_jax import Percept, run_key, train, with_memory
from procmem_jax.agents import ProceduralAgent, rollout
from procmem_jax.agents.exploration import ScriptedPolicy
from procmem_jax.envs.foreign.adapted import adapt, shapes_of
from procmem_jax.experiments.storage.saving import Saver
from procmem_jax.memory import TutorialMemory
from procmem_jax.streams import open_streams
from quick import quick_first

ACTIONS = ("left", "right", "press", "pull")
WORDS = (jnp.uint32(3), jnp.uint32(5))


def make(**changes):
    settings = {"action_names": ACTIONS, "predicate_names": NAMES, "episode_limit": 40, **changes}
    return adapt(Corridor(), perceive, None, **settings)[0]


@pytest.fixture(scope="module")
def experiment():
    return with_memory(Corridor(), perceive, max_steps=60, predicate_names=NAMES)


def walk(world, actions):
    state = world.begin(WORDS, None)
    ends = []
    for action in actions:
        state, reward, terminated, truncated, _ = world.step_from_words(WORDS, state, jnp.int32(action), None)
        ends.append((float(reward), bool(terminated), bool(truncated)))
    return state, ends


def test_sizes_are_found_without_running_anything():
    world = make()
    assert (world.num_actions, world.context_size, world.predicate_names) == (4, 1, NAMES)
    assert hash(world) == hash(make()) and world == make()


def test_an_episode_by_hand():
    world = make()
    start = int(world.begin(WORDS, None).adapted.env["place"])
    state, ends = walk(world, [0] * start + [2] + [1] * (LENGTH - 1))
    assert ends[-1] == (1.0, True, False) and not any(end for _, *end in ends[:-1] for end in end)
    assert state.percept.predicates.tolist() == [True, True]
    assert int(state.adapted.step) == start + LENGTH and bool(state.adapted.terminated)
    before, _ = walk(world, [0] * start + [2])
    assert before.percept.predicates.tolist() == [True, False]
    assert before.percept.context.tolist() == [LENGTH - 1.0]


def test_the_limit_truncates_unless_the_episode_ends_by_itself():
    start = int(make().begin(WORDS, None).adapted.env["place"])
    way = [0] * start + [2] + [1] * (LENGTH - 1)
    assert walk(make(episode_limit=3), [0, 0, 0])[1] == [(0.0, False, False)] * 2 + [(0.0, False, True)]
    assert walk(make(episode_limit=len(way)), way)[1][-1] == (1.0, True, False)


def test_a_reward_is_remembered_until_the_episode_ends():
    @dataclasses.dataclass(frozen=True)
    class Paying(Corridor):
        def step(self, key, state, action, params):
            return (*super().step(key, state, action, params)[:2], jnp.where(action == 3, 2, -1), False, False, {})

    world, _ = adapt(Paying(), perceive, None, action_names=ACTIONS, predicate_names=NAMES, episode_limit=9)
    found = [walk(world, actions)[0].percept.predicates[1] for actions in ([0], [3], [3, 0, 0])]
    assert [bool(one) for one in found] == [False, True, True]


def test_all_arrays_have_dtypes_of_their_own():
    """A literal in a foreign state would make a loop over its steps impossible."""
    world = make()
    start = jax.eval_shape(lambda: world.begin(WORDS, None))
    after = jax.eval_shape(lambda state: world.step_from_words(WORDS, state, jnp.int32(0), None)[0], start)
    assert jax.tree.map(lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype), start, after)
    assert not any(leaf.weak_type for leaf in jax.tree.leaves((start, after)))


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("predicates", jnp.zeros(2, jnp.int32), r"int32\[2\] as predicates; give bool of 1 dimension$"),
        ("context", jnp.zeros((), jnp.float32), r"float32\[\] as context; give float32 of 1 dimension$"),
        ("fingerprint", jnp.zeros(1, jnp.uint32), r"uint32\[1\] as fingerprint; give uint32 of 0 dimensions$"),
    ],
)
def test_a_percept_of_another_form_is_refused(field, value, text):
    def odd(obs, state, params):
        return dataclasses.replace(perceive(obs, state, params), **{field: value})

    with pytest.raises(TypeError, match=text):
        with_memory(Corridor(), odd, max_steps=9)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="predicate_names has 1 names, perceive gives 2 predicates"):
        make(predicate_names=("one",))
    with pytest.raises(ValueError, match="number of actions=1 is below 2"):
        make(action_names=("one",))
    with pytest.raises(ValueError, match="max_steps=0 is below 1"):
        with_memory(Corridor(), perceive, max_steps=0)
    with pytest.raises(ValueError, match="max_steps is unknown"):
        with_memory(Corridor(), perceive)
    with pytest.raises(TypeError, match="perceive gives nothing as predicates"):
        with_memory(Corridor(), lambda obs, state, params: obs, max_steps=9)
    config, params = with_memory(Corridor(), perceive, max_steps=9)
    other = dataclasses.replace(params, environment={"slip": 0.5})
    with pytest.raises(ValueError, match=r"params\.environment differs in form"):
        train(run_key(0), config, other, 1, 1)
    for changes, text in (
        ({"memory": TutorialMemory()}, "knows the grid only"),
        ({"exploration": ScriptedPolicy()}, "no script"),
    ):
        changed = dataclasses.replace(config, **changes)
        with pytest.raises(ValueError, match=text):
            train(run_key(0), changed, changed.default_params(params.environment), 1, 1)


def test_an_environment_that_does_not_tell_its_actions():
    class Silent(Corridor):
        num_actions = None

    with pytest.raises(ValueError, match="num_actions is unknown"):
        with_memory(Silent(), perceive, max_steps=9)
    assert with_memory(Silent(), perceive, max_steps=9, num_actions=4)[0].environment.action_names[3] == "action_3"


def test_params_get_dtypes():
    _, params = adapt(
        Corridor(), perceive, {"slip": 0.5, "cells": 3}, action_names=ACTIONS, predicate_names=None, episode_limit=9
    )
    assert {name: str(leaf.dtype) for name, leaf in params.items()} == {"slip": "float32", "cells": "int32"}
    assert shapes_of(params) == shapes_of({"slip": 1.5, "cells": 7})


@pytest.mark.slow
def test_the_memory_helps(experiment):
    config, params = experiment
    with_it = train(run_key(0), config, params, 32, 40).metrics
    off = dataclasses.replace(config, use_skills=False)
    without = train(run_key(0), off, params, 32, 40).metrics
    assert without.success[:, -10:].mean() < 0.5
    assert with_it.success[:, -10:].mean() > 0.95
    assert with_it.steps[:, -10:].mean() < 0.4 * without.steps[:, -10:].mean()


@pytest.mark.parametrize("same_start", quick_first((False, True)))
def test_one_start_for_all_episodes(same_start):
    """The agents differ, an agent's episodes do only if they may."""
    config, params = with_memory(Corridor(), perceive, max_steps=60, same_start=same_start)
    agent, streams = ProceduralAgent(config), open_streams(run_key(0))

    def first_place(number, episode):
        layout = agent.draw_layout(params, streams, agent.make_inputs(number, 9), episode)
        return agent.environment.begin(layout, params.environment).adapted.env["place"]

    places = jax.vmap(jax.vmap(first_place, (None, 0)), (0, None))(jnp.arange(9, dtype=jnp.uint32), jnp.arange(9))
    assert len(set(places[:, 0].tolist())) > 2
    assert bool((places == places[:, :1]).all()) == same_start


@pytest.mark.slow
def test_the_same_answer_alone_in_chunks_and_tick_by_tick(experiment):
    config, params = experiment
    whole = train(run_key(4), config, params, 20, 12)
    alone = train(run_key(4), config, params, 1, 12, first_agent=7)
    for ours, theirs in zip(jax.tree.leaves(whole.metrics), jax.tree.leaves(alone.metrics), strict=True):
        np.testing.assert_array_equal(ours[7], theirs[0])
    for ours, theirs in zip(jax.tree.leaves(whole.libraries), jax.tree.leaves(alone.libraries), strict=True):
        np.testing.assert_array_equal(ours[7], theirs[0])


@pytest.mark.slow
def test_a_stopped_run_goes_on_where_it_was(experiment, tmp_path):
    def play(**options):
        return train(run_key(4), *experiment, 20, 12, chunk_ticks=32, **options)

    def saver():
        return Saver(tmp_path, {"run": 1}, every=0, on_warning=pytest.fail)

    with pytest.raises(Stop):
        play(saver=saver(), on_progress=stopper(3))
    resumed, whole = play(saver=saver()), play()
    jax.tree.map(np.testing.assert_array_equal, resumed.metrics, whole.metrics)
    jax.tree.map(np.testing.assert_array_equal, resumed.libraries, whole.libraries)


@pytest.mark.slow
def test_few_resets_equal_resets_for_all(experiment):
    """Blocks reset only those lanes whose episode has ended; single ticks reset every one."""
    config, params = experiment
    agent, streams = ProceduralAgent(config), open_streams(run_key(2))
    inputs = jax.vmap(agent.make_inputs, in_axes=(0, None))(jnp.arange(32, dtype=jnp.uint32), 5)
    state = rollout.begin_agents(agent, params, streams, inputs, num_recorded=5)
    ticks = 12 * agent.block_ticks

    @jax.jit
    def one_by_one(state):
        def tick(number, state):
            state = jax.vmap(agent.tick, in_axes=(None, None, 0, 0))(params, streams, inputs, state)[0]
            due = (number + 1) % agent.period == 0
            served = jax.vmap(agent.consolidate, in_axes=(None, 0, 0))(params, inputs, state)
            return jax.tree.map(lambda new, old: jnp.where(due, new, old), served, state)

        return jax.lax.fori_loop(0, ticks, tick, state)

    expected = one_by_one(state)
    assert int(expected.episode.max()) == 5 and int(expected.episode.min()) < 5
    found = rollout.run_ticks(agent, params, streams, inputs, state, jnp.int32(ticks // agent.block_ticks))
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_notes_of_a_perceive_function_last_for_an_episode():
    class Counting:
        """Notes how often the agent has been at the left end."""

        def take_notes(self, obs, state, notes, params):
            before = jnp.zeros((), jnp.int32) if notes is None else notes
            return before + (obs == 0).astype(jnp.int32)

        def __call__(self, obs, state, params):
            seen = jnp.stack([state.notes >= 2, state.rewarded])
            return Percept(seen, jnp.zeros(1, jnp.float32), obs.astype(jnp.uint32))

    world, _ = adapt(Corridor(), Counting(), None, action_names=ACTIONS, predicate_names=None, episode_limit=40)
    start = int(make().begin(WORDS, None).adapted.env["place"])
    counts = [int(walk(world, [0] * n)[0].adapted.notes) for n in (0, start, start + 3)]
    assert counts == [0, 1, 4]
    assert bool(walk(world, [0] * (start + 1))[0].percept.predicates[0])
    assert int(world.begin(WORDS, None).adapted.notes) == 0


@pytest.mark.slow
def test_two_devices_give_what_one_gives(experiment):
    config, params = experiment
    one = train(run_key(4), config, params, 20, 6, devices=jax.devices()[:1])
    two = train(run_key(4), config, params, 20, 6, devices=jax.devices()[:2])
    jax.tree.map(np.testing.assert_array_equal, (one.metrics, one.libraries), (two.metrics, two.libraries))


def test_it_lowers_for_a_gpu(experiment):
    config, params = experiment
    agent, streams = ProceduralAgent(config), open_streams(run_key(2))
    inputs = jax.vmap(agent.make_inputs, in_axes=(0, None))(jnp.arange(16, dtype=jnp.uint32), 5)

    def run(params, streams, inputs):
        state = rollout.begin_agents(agent, params, streams, inputs, num_recorded=5)
        return rollout.run_ticks(agent, params, streams, inputs, state, jnp.int32(3)).metrics

    exported = jax.export.export(jax.jit(run), platforms=["cuda"])(params, streams, inputs)
    assert exported.platforms == ("cuda",) and "xla_ffi_python_cpu" not in exported.mlir_module()
