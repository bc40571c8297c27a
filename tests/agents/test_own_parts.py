"""A memory, parts of one, and policies of one's own: they train, and an agent is the same wherever it runs."""

import dataclasses
import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.own_parts import Counting, LastWay, Network, by_sign, newest, shortest
from envs.corridor import NAMES, Corridor, perceive
from procmem_jax import DefaultMemory, make_experiment, run_key, train, with_memory
from procmem_jax.agents import rollout
from procmem_jax.agents.policy import ExplorationPolicy, random_action
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.memory.library import EMPTY
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams
from quick import quick_first

NUM_AGENTS, NUM_EPISODES, SEED = 256, 4, 8  # so many that two devices share them
GRID = {"max_steps": 80}
OWN_PARTS = DefaultMemory(capacity=6, embed=by_sign, choose=shortest, evict=newest)
CASES = {
    "memory": lambda: make_experiment("random-3", memory=LastWay(), overrides=GRID),
    "parts": lambda: make_experiment("random-3", memory=OWN_PARTS, overrides=GRID),
    "network": lambda: make_experiment("random-3", explorer=Network(13, 6), overrides=GRID | {"capacity": 6}),
    "foreign network": lambda: in_corridor(Network(1, 4)),
    "counting": lambda: make_experiment("random-3", memory=LastWay(), explorer=Counting(), overrides=GRID),
}


def in_corridor(exploration, **changes):
    return with_memory(
        Corridor(), perceive, max_steps=100, predicate_names=NAMES, exploration=exploration,
        overrides={"capacity": 6}, **changes,
    )  # fmt: skip


def play(case, num_agents, **where):
    """(metrics, libraries) of a run."""
    result = train(run_key(SEED), *CASES[case](), num_agents, NUM_EPISODES, **where)
    return result.metrics, result.libraries


@functools.cache
def on_two_devices(case):
    assert len(jax.devices()) == 2  # below, all runs on the first
    return play(case, NUM_AGENTS, lanes=NUM_AGENTS, devices=jax.devices())


# The others compile as much again, and the README's own examples are run too.
QUICK = ("counting",)
SOME = [pytest.param(case, marks=[] if case in QUICK else [pytest.mark.slow]) for case in CASES]


@pytest.mark.parametrize("case", SOME)
def test_they_train(case):
    metrics, libraries = on_two_devices(case)
    assert libraries.skill_ids.shape == (NUM_AGENTS, {"memory": 3, "counting": 3}.get(case, 6))
    assert (libraries.skill_ids != EMPTY).sum() > NUM_AGENTS / 2
    assert (metrics.skill_steps > 0).any() and metrics.success.any()
    assert len(set(metrics.steps.sum(axis=1).tolist())) > 10  # agents are frozen while others go on


@pytest.mark.parametrize(
    ("num_agents", "first_agent", "where"),
    (
        (1, 200, {"lanes": 16, "chunk_ticks": 1}),
        (40, 7, {"lanes": 16, "chunk_ticks": 33}),  # lanes are refilled
    ),
    ids=("alone", "few lanes"),
)
@pytest.mark.parametrize("case", SOME)
def test_an_agent_is_the_same_wherever_it_runs(case, num_agents, first_agent, where):
    found = play(case, num_agents, first_agent=first_agent, **where)
    expected = jax.tree.map(lambda leaf: leaf[first_agent : first_agent + num_agents], on_two_devices(case))
    jax.tree.map(np.testing.assert_array_equal, found, expected)


@pytest.mark.slow
def test_parts_of_ones_own_make_a_difference():
    """`test_memory` tells them apart."""
    memory = DefaultMemory(capacity=OWN_PARTS.capacity)
    plain = train(run_key(SEED), *make_experiment("random-3", memory=memory, overrides=GRID), 16, NUM_EPISODES)
    metrics, _ = on_two_devices("parts")
    assert (plain.metrics.steps[:, 0] == metrics.steps[:16, 0]).any()  # before there are skills
    assert not np.array_equal(plain.metrics.steps, metrics.steps[:16])


@dataclasses.dataclass(frozen=True)
class Odd(ExplorationPolicy):
    """Takes what is no action."""

    kind: str

    def act(self, state, percept, observation, word, params):
        kinds = {"real": jnp.float32(1), "several": jnp.zeros(2, jnp.int32), "yes": jnp.bool_(True), "plain": 1}
        return state, kinds[self.kind]


@dataclasses.dataclass(frozen=True)
class OddMemory(LastWay):
    """Decides on what is no action."""

    def decide(self, state, percept, word, params):
        return state, jnp.bool_(True), jnp.float32(1)


@pytest.mark.slow
def test_what_is_no_action_is_refused():
    """Where the program is traced: else 1.7 would be 1 without a word."""
    for changes, text in (
        ({"explorer": Odd("real")}, r"Odd gives float32\[\] as the action; give one integer"),
        ({"explorer": Odd("several")}, r"Odd gives int32\[2\] as the action; give one integer"),
        ({"explorer": Odd("yes")}, r"Odd gives bool\[\] as the action; give one integer"),
        ({"memory": OddMemory()}, r"OddMemory gives float32\[\] as the action; give one integer"),
    ):
        with pytest.raises(TypeError, match=text):
            train(run_key(0), *make_experiment("random-3", **changes), 1, 1)
    config, params = make_experiment("random-3", explorer=Odd("plain"))
    agent = ProceduralAgent(config)
    state = types.SimpleNamespace(exploration=(), env_state=None)
    _, action = agent.explore(params, state, None, jnp.uint32(0))  # a number of Python's is one
    assert (action, action.dtype) == (1, jnp.int32)


# Tick by tick


def record(experiment, num_episodes, num_ticks):
    """(agent, params, states `[T + 1, A]`, transitions `[T, A]`) of agents that live for these numbers of episodes."""
    config, params = experiment
    agent, params, streams = ProceduralAgent(config), as_arrays(params), open_streams(run_key(SEED))
    assert agent.period == 1 and not agent.consolidates
    episodes = jnp.asarray(num_episodes, jnp.int32)
    inputs = jax.vmap(agent.make_inputs)(jnp.arange(len(num_episodes), dtype=jnp.uint32), episodes)
    first = rollout.begin_agents(agent, params, streams, inputs, num_recorded=max(num_episodes))

    def tick(state, _):
        state, transition = jax.vmap(lambda inputs, one: agent.tick(params, streams, inputs, one))(inputs, state)
        return state, (state, transition)

    _, (states, transitions) = jax.jit(lambda state: jax.lax.scan(tick, state, None, length=num_ticks))(first)
    states = jax.tree.map(lambda one, rest: np.concatenate([one[None], rest]), first, states)
    return agent, params, states, jax.tree.map(np.asarray, transitions)


@functools.cache
def recorded_counting():
    return record(CASES["counting"](), [1, 4, 2], 340)


@pytest.mark.slow
def test_a_frozen_agent_changes_no_more_though_its_memory_does_not_care():
    """`LastWay` looks at no `enabled`: neither its library nor the rest of its state moves, nor the policy's."""
    _, _, states, transitions = recorded_counting()
    lived = (states.memory, states.exploration, states.metrics, states.episode)
    for agent, num_episodes in enumerate((1, 4, 2)):
        [end] = np.flatnonzero(np.diff(states.episode[:, agent] == num_episodes)) + 1
        assert 0 < end < 330 and not transitions.active[end:, agent].any() and transitions.active[:end, agent].all()
        leaves = [leaf[end:, agent] for leaf in jax.tree.leaves(lived)]
        for leaf in leaves:
            np.testing.assert_array_equal(leaf, np.broadcast_to(leaf[0], leaf.shape))
        moved = np.abs(np.diff(states.memory.recent[:end, agent].astype(int), axis=0)).sum()
        assert moved > 10 and states.exploration.explored[end, agent] > 10
    assert (states.memory.library.skill_ids[-1] != EMPTY).any()


def test_a_policys_state_changes_only_where_it_may():
    """By `act` where no skill runs, by `observe` at every step, also an episode's last; never once it is frozen."""
    _, _, states, transitions = recorded_counting()
    assert (transitions.memory_acts & transitions.active).any() and (transitions.terminated).any()
    for agent in range(3):
        explored = in_episode = 0
        for tick in range(340):
            assert states.exploration.explored[tick, agent] == explored, (agent, tick)
            assert states.exploration.in_episode[tick, agent] == in_episode, (agent, tick)
            if not transitions.active[tick, agent]:
                continue
            explored += not transitions.memory_acts[tick, agent]
            ended = transitions.terminated[tick, agent] | transitions.truncated[tick, agent]
            in_episode = 0 if ended else in_episode + 1
            assert ended == (states.episode[tick + 1, agent] > states.episode[tick, agent])


def test_a_policys_state_decides_what_it_does():
    """Every fourth of its own actions is 1."""
    _, _, states, transitions = recorded_counting()
    own = transitions.active & ~transitions.memory_acts
    fourth = own & ((states.exploration.explored[:-1] + 1) % 4 == 0)
    assert fourth.sum() > 20 and (transitions.action[fourth] == 1).all()
    assert len(set(transitions.action[own & ~fourth].tolist())) == 6


def test_a_memory_that_cannot_be_told_not_to_learn_keeps_its_skills_as_they_are():
    """In evaluation, which does not learn: `LastWay` has no setting `learn`."""
    config, params = CASES["counting"]()
    _, _, states, transitions = record((dataclasses.replace(config, learns=False), params), [1, 4, 2], 340)
    assert (states.memory.library.skill_ids == EMPTY).all() and not states.memory.library.next_id.any()
    assert np.abs(np.diff(states.memory.recent.astype(int), axis=0)).sum() > 10  # the rest of its state goes on
    assert not transitions.memory_acts.any() and states.env_state.has_key.any()


@dataclasses.dataclass(frozen=True)
class Watching(ExplorationPolicy):
    """Keeps what it is shown."""

    shape: tuple[int, ...]
    num_actions: int

    uses_observation = True

    def begin(self, params):
        return jnp.zeros(self.shape, jnp.int32)

    def act(self, state, percept, observation, word, params):
        return observation, random_action(word, self.num_actions)


@pytest.mark.parametrize("where", quick_first(("grid", "foreign")))
def test_a_policy_sees_what_the_environment_shows(where):
    """Of the situation in which it acts, also in the first of an episode; through resets."""
    if where == "grid":
        experiment = make_experiment(
            "random-3", explorer=Watching((13,), 6), use_skills=False, overrides={"max_steps": 9}
        )
    else:
        experiment = with_memory(
            Corridor(), perceive, max_steps=9, exploration=Watching((), 4), use_skills=False, predicate_names=NAMES
        )
    agent, params, states, transitions = record(experiment, [4, 4], 30)
    assert (states.episode[-1] >= 3).all()
    if where == "grid":
        observe = jax.vmap(jax.vmap(lambda state: agent.environment.observe(state, params.environment)))
        expected = np.asarray(observe(jax.tree.map(lambda leaf: leaf[:-1], states.env_state)))
    else:
        expected = states.env_state.adapted.env["place"][:-1]
    assert len({tuple(row) for row in np.reshape(expected, (60, -1)).tolist()}) > 3
    np.testing.assert_array_equal(states.exploration[1:], expected)
