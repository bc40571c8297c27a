"""Environments with illegal actions: exploration, skills and the verbs take legal ones only."""

import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import Corridor
from envs.corridor import perceive as perceive_corridor
from envs.gates import NUM_ACTIONS, Gates, legal_at, perceive
from procmem_jax import DefaultMemory, QLearning, RandomPolicy, TutorialMemory, run_key, train, with_memory
from procmem_jax.agents.counting import LeastTried
from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.rollout import record_ticks
from procmem_jax.agents.verbs import execute_skill, explore
from procmem_jax.envs.foreign.probes.play import play
from procmem_jax.envs.legal import is_legal, random_legal_action
from procmem_jax.memory.handmade import make_skill
from procmem_jax.memory.insertion import insert
from procmem_jax.memory.protocol import Memory
from procmem_jax.percept import Percept
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams, scale_word

WORDS = np.random.default_rng(0).integers(0, 2**32, 6000, np.uint32)


def drawn(choose, legal):
    """How often each action is chosen, over many words."""
    actions = jax.jit(jax.vmap(lambda word: choose(word, legal)))(WORDS)
    return np.bincount(actions, minlength=legal.shape[0])


def assert_uniform(counts, allowed):
    wanted = len(WORDS) / len(allowed)
    assert np.flatnonzero(counts).tolist() == sorted(allowed)
    assert np.abs(counts[allowed] - wanted).max() < 5 * np.sqrt(wanted)


@pytest.mark.parametrize("num_actions", [1, 128, 129])
def test_the_lot_among_few_and_among_many(num_actions):
    legal = np.arange(num_actions) % 3 == 0
    chosen = jax.vmap(random_legal_action, (0, None))(jnp.asarray(WORDS), jnp.asarray(legal))
    ranks, _ = scale_word(jnp.asarray(WORDS), legal.sum())
    np.testing.assert_array_equal(chosen, np.flatnonzero(legal)[ranks])


def test_by_hand():
    legal = jnp.array([False, True, False, True])
    chosen = [int(random_legal_action(jnp.uint32(word), legal)) for word in (0, 2**31 - 1, 2**31, 2**32 - 1)]
    assert chosen == [1, 1, 3, 3]
    assert [bool(is_legal(jnp.int32(action), legal)) for action in (-1, 0, 1, 3, 4)] == [
        False,
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("allowed", [[2], [0, 3, 4], [*range(0, 7, 2)], [*range(7)]])
def test_random_actions_are_uniform_among_the_legal(allowed):
    legal = jnp.zeros(7, bool).at[np.array(allowed)].set(True)
    policies = [RandomPolicy(7), Stubborn()]
    for policy in policies[: 1 + (1 not in allowed)]:  # the stubborn one would take what it wants
        acts = functools.partial(policy.act_legally, (), None, None)
        assert_uniform(drawn(lambda word, legal, acts=acts: acts(word, None, legal)[1], legal), allowed)


def test_a_random_policy_of_few_actions_keeps_to_them_where_it_can():
    acts = functools.partial(RandomPolicy(3).act_legally, (), None, None)
    for allowed, wanted in (([0, 2, 5], [0, 2]), ([4, 5], [4, 5])):
        legal = jnp.zeros(6, bool).at[np.array(allowed)].set(True)
        assert_uniform(drawn(lambda word, legal: acts(word, None, legal)[1], legal), wanted)


@dataclasses.dataclass(frozen=True)
class Stubborn(ExplorationPolicy):
    """Always wants the same action, legal or not."""

    def act(self, state, percept, observation, word, params):
        return state, jnp.int32(1)


@dataclasses.dataclass(frozen=True)
class Wilful(Memory):
    """Always acts, by actions that need not even exist."""

    has_skills = False

    def begin(self, percept, params):
        return jnp.int32(0)

    def decide(self, state, percept, word, params):
        return state, jnp.ones((), jnp.bool_), state - 1

    def observe(self, state, step, params, enabled):
        return (state + 1) % 9


def make(env=None, **changes):
    return with_memory(Gates() if env is None else env, perceive, max_steps=40, **changes)


def started(config, params, num_agents):
    agent, params, streams = ProceduralAgent(config), as_arrays(params), open_streams(run_key(0))
    ids = jnp.arange(num_agents, dtype=jnp.uint32)
    inputs = jax.vmap(agent.make_inputs, in_axes=(0, None))(ids, jnp.int32(100))
    return agent, params, streams, inputs, jax.vmap(lambda one: agent.begin(params, streams, one, 1))(inputs)


def lived(config, params, num_ticks=200, num_agents=4):
    """The transitions `[T, A]` of agents."""
    agent, params, streams, inputs, state = started(config, params, num_agents)
    state = jax.tree.map(jnp.copy, state)  # given away; a part of it may be there twice
    return record_ticks(agent, params, streams, inputs, state, num_ticks=num_ticks)[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"use_skills": False},
        {"use_skills": False, "exploration": Stubborn()},
        {"use_skills": False, "exploration": LeastTried(16)},
        {"memory": Wilful()},
    ],
    ids=("random", "stubborn", "least tried", "wilful"),
)
def test_no_illegal_action_is_taken(changes):
    seen = lived(*make(**changes))
    assert (seen.env_state.adapted.env["illegal"] == 0).all()
    assert len(np.unique(seen.action)) == NUM_ACTIONS


@pytest.mark.slow
def test_a_mask_that_allows_all_changes_no_bit():
    def everything(obs, state, params):
        return jnp.ones(4, jnp.bool_)

    given = {"max_steps": 20, "use_skills": False}
    masked, plain = (
        lived(*with_memory(Corridor(), perceive_corridor, **given, **more))
        for more in ({"legal_actions": everything}, {})
    )
    unmasked = dataclasses.replace(masked.env_state, legal=None)
    chex.assert_trees_all_equal(dataclasses.replace(masked, env_state=unmasked), plain)


def test_where_nothing_is_legal_anything_is_done():
    config, params = make(use_skills=False, legal_actions=lambda obs, state, params: jnp.zeros(NUM_ACTIONS, bool))
    agent, params, _, _, state = started(config, params, 1)
    assert agent.legal_actions(params, jax.tree.map(lambda leaf: leaf[0], state)).tolist() == [True] * NUM_ACTIONS


def test_a_probe_plays_legal_actions():
    environment = make()[0].environment
    assert not play(environment, None, lambda played, params: played.after.adapted.env["illegal"]).any()


def test_whose_word_counts():
    def first_only(obs, state, params):
        return (jnp.arange(NUM_ACTIONS) == 0) & (state.step >= 0) & (state.env["twist"] < 2)

    assert not make(Gates(tells=False))[0].environment.has_legal_actions
    told, given = make()[0].environment, make(legal_actions=first_only)[0].environment
    assert told.has_legal_actions and given.has_legal_actions
    state = told.begin((jnp.uint32(0), jnp.uint32(1)), None)
    env = state.adapted.env
    assert told.legal_actions(state, None).tolist() == legal_at(env["place"], env["twist"]).tolist()
    state = given.begin((jnp.uint32(0), jnp.uint32(1)), None)
    assert given.legal_actions(state, None).tolist() == [True] + [False] * 5


def test_an_environment_may_tell_nothing():
    env = Gates()
    object.__setattr__(env, "legal_actions", lambda obs, state, params: None)
    assert not make(env)[0].environment.has_legal_actions


@pytest.mark.parametrize(
    ("answer", "given"),
    [(jnp.ones(5, bool), r"bool\[5\]"), (jnp.ones(6), r"float32\[6\]"), (jnp.bool_(True), r"bool\[\]")],
)
def test_what_is_no_mask_is_refused(answer, given):
    with pytest.raises(TypeError, match=f"^legal_actions gives {given}; give bool.6., one truth for each action$"):
        make(legal_actions=lambda obs, state, params: answer)


@pytest.mark.parametrize("memory", [TutorialMemory(), QLearning()])
def test_memories_that_know_no_masks_refuse_them(memory):
    class Grid:
        is_grid, has_legal_actions, num_actions, predicate_names, context_size = True, True, 6, ("goal",), 2

    class Sizes:
        size = 5

    with pytest.raises(ValueError, match="takes any action, this environment has illegal ones; use the default memory"):
        memory.check(Grid, Sizes, memory.default_params())


def skilled():
    """One agent of the default memory with one skill, which is legal for two steps and no further; and its parts."""
    config, params = make(
        memory=DefaultMemory(capacity=2, max_skill_length=4, interruption=False), overrides={"novelty": 0.0}
    )
    agent, params, streams, inputs, state = started(config, params, 1)
    inputs, state = jax.tree.map(lambda leaf: leaf[0], (inputs, state))
    env = state.env_state.adapted.env
    first = int(env["place"] + env["twist"]) % NUM_ACTIONS
    here = state.memory
    beyond = (first + 4) % NUM_ACTIONS  # illegal after two steps on: neither on, back nor nowhere
    skill = make_skill([first, first + 1, beyond, first + 3], here.query, config=config.library, achieves={0: True})
    library, _ = insert(here.library, skill, config.library)
    state = dataclasses.replace(state, memory=agent.memory.with_library(here, library))
    return agent, params, streams, inputs, state


def test_the_default_memory_drops_what_it_runs():
    memory, percept = DefaultMemory(capacity=2), Percept(jnp.array([False]), jnp.array([0.0]), jnp.uint32(0))
    idle = memory.begin(percept, memory.default_params())
    busy = dataclasses.replace(idle, running=jnp.int32(1))
    ends = {(True, True): (-1, 1), (True, False): (1, -1), (False, True): (-1, -1), (False, False): (-1, -1)}
    for (runs, now), wanted in ends.items():
        after = memory.break_off(busy if runs else idle, jnp.bool_(now))
        assert (after.running, after.dropped) == wanted


@pytest.mark.slow
def test_a_skill_breaks_off_as_a_failure_where_its_next_action_is_illegal():
    agent, params, streams, inputs, state = skilled()
    tick = jax.jit(lambda now: agent.tick(params, streams, inputs, now))
    in_skill = []
    for _ in range(3):
        before, (state, seen) = state, tick(state)
        in_skill.append(bool(seen.memory_acts))
        assert is_legal(seen.action, before.env_state.legal)
    library = state.memory.library
    assert in_skill == [True, True, False] and seen.running.slot == -1
    assert (library.use_counts[0], library.failure_counts[0], library.success_counts[0]) == (1, 1, 0)
    assert state.memory.failures == 1


@pytest.mark.slow
def test_the_verbs_take_legal_actions_only():
    agent, params, streams, inputs, state = skilled()
    after, trajectory, reward, success = execute_skill(agent, params, streams, inputs, state, jnp.int32(0))
    assert trajectory.length == 2 and reward >= 0 and not success
    assert after.memory.library.failure_counts[0] == 1
    _, trajectory, _ = explore(agent, params, streams, inputs, state, max_steps=15)
    assert (trajectory.rewards >= 0).all()


@pytest.mark.slow
def test_a_run_learns_by_legal_actions_only():
    sizes = {"capacity": 8, "max_skill_length": 4, "history_length": 4}
    trained = train(run_key(0), *make(overrides=sizes), 16, 60)
    assert (trained.metrics.episode_return >= 0).all() and trained.metrics.skill_steps.sum() > 100
    assert trained.libraries.failure_counts.sum() > 0  # the hidden twist makes what was learned illegal
    assert trained.metrics.steps[:, -20:].mean() < trained.metrics.steps[:, :5].mean()
    untold = train(run_key(0), *make(Gates(tells=False), overrides=sizes), 16, 3)
    assert (untold.metrics.episode_return < 0).any()


@pytest.mark.slow
def test_a_game_of_pgx_is_played_by_its_rules():
    pgx = pytest.importorskip("pgx")
    seen = lived(*with_memory(pgx.make("connect_four"), max_steps=50, use_skills=False), num_ticks=64)
    before, action = seen.env_state.legal[:-1], seen.action[1:, :, None]
    goes_on = ~(seen.terminated | seen.truncated)[:-1]  # else the action was chosen after a reset
    legal = np.take_along_axis(np.asarray(before), np.asarray(action), axis=-1)[..., 0]
    assert goes_on.sum() > 100 and not before[goes_on].all() and legal[goes_on].all()
