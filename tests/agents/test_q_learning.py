"""Q-learning: its table's rows, its choice and its update by hand, against plain NumPy, and that it learns."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.worlds import layout_numbers
from plain_tutorial import PlainWorld
from procmem_jax.agents import q_learning, rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.q_learning import QLearning, QLearningParams
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.training.train import train
from procmem_jax.memory.protocol import Step
from procmem_jax.percept import Percept
from procmem_jax.records import as_arrays
from procmem_jax.streams import draw_words, open_streams, run_key

STREAMS = open_streams(run_key(21))
LEARNER = QLearning(max_size=3, num_actions=6)
YES, NO = jnp.ones((), jnp.bool_), jnp.zeros((), jnp.bool_)


@pytest.mark.parametrize(("num_facts", "max_size"), ((0, 3), (0, 6), (6, 5)))
def test_every_situation_has_a_row_of_its_own(num_facts, max_size):
    reach = range(1 - max_size, max_size)
    situations = np.array(list(itertools.product(reach, reach, *[(0, 1)] * (num_facts + 3))))
    context = jnp.asarray(situations[:, : 2 + num_facts], jnp.float32)
    percepts = Percept(jnp.asarray(situations[:, -3:], jnp.bool_), context, jnp.zeros(len(situations), jnp.uint32))
    index = np.asarray(jax.jit(jax.vmap(lambda percept: q_learning.situation_index(percept, max_size)))(percepts))
    assert sorted(index.tolist()) == list(range(q_learning.num_situations(3, 2 + num_facts, max_size)))
    assert index.dtype == np.int32


def table(rows):
    return q_learning.QTable(jnp.asarray(rows, jnp.float32))


def situation(number):
    """Number 0 or 1: the target as far to the left and below as can be, and whether a predicate is true."""
    percept = Percept(jnp.asarray([bool(number)]), jnp.full((2,), -2.0), jnp.uint32(0))
    assert q_learning.situation_index(percept, LEARNER.max_size) == number
    return percept


def choices(values, coins, **changes):
    """How often each action is chosen over many words, for each of `coins`."""
    words = jnp.asarray(np.random.default_rng(0).integers(0, 2**32, 6000, dtype=np.uint32))
    params = as_arrays(QLearningParams(**changes))
    here, values = situation(1), table([[0] * 6, values])
    choose = jax.jit(jax.vmap(lambda word: LEARNER.decide(values, here, word, params), out_axes=(None, 0, 0)))
    counts = []
    for coin in coins:  # its bits in every word
        table_after, acts, actions = choose((words & ~jnp.uint32(254)) | jnp.uint32(int(128 * coin) << 1))
        assert acts.all() and (table_after.values == values.values).all()
        counts.append(np.bincount(actions, minlength=6))
    return counts


def test_the_best_action_is_chosen_and_ties_are_broken_at_random():
    (greedy,) = choices([0, 1, -1, 3, 2, 0], [0.5])
    assert greedy.tolist() == [0, 0, 0, 6000, 0, 0]
    (all_equal,) = choices([2, 2, 2, 2, 2, 2], [0.5])
    assert np.abs(all_equal - 1000).max() < 150
    (tied,) = choices([0, 5, 5, -1, 5, 0], [0.5])
    assert tied[[0, 3, 5]].sum() == 0 and tied[[1, 2, 4]].min() > 500


def test_with_probability_epsilon_a_random_one():
    counts = choices([0, 1, -1, 3, 2, 0], [0.0, 0.24, 0.25, 0.99], q_epsilon=0.25)
    assert [count.tolist() == [0, 0, 0, 6000, 0, 0] for count in counts] == [False, False, True, True]
    assert np.abs(counts[0] - 1000).max() < 150


def learned(**changes):
    """The table [[1, 2], [3, 5]] after action 1 in situation 0 led to situation 1 with reward 4."""
    taken = {"action": jnp.int32(1), "terminated": NO, "enabled": YES} | changes
    params = as_arrays(QLearningParams(learning_rate=0.5, discount=0.9))
    step = Step(situation(0), situation(1), taken["action"], jnp.float32(4), taken["terminated"], NO)
    values = LEARNER.observe(table([[1, 2], [3, 5]]), step, params, taken["enabled"]).values
    return values.tolist()


def test_an_update_by_hand():
    assert learned() == [[1, pytest.approx(2 + 0.5 * (4 + 0.9 * 5 - 2))], [3, 5]]
    assert learned(action=jnp.int32(0)) == [[pytest.approx(1 + 0.5 * (4 + 0.9 * 5 - 1)), 2], [3, 5]]
    assert learned(terminated=YES) == [[1, pytest.approx(2 + 0.5 * (4 - 2))], [3, 5]]
    assert learned(enabled=NO) == [[1, 2], [3, 5]]


def test_a_new_table_is_as_good_as_promised():
    values = LEARNER.begin(situation(0), as_arrays(QLearningParams(initial_value=2.5))).values
    assert values.shape == (q_learning.num_situations(1, 2, 3), 6) == (50, 6) and values.dtype == jnp.float32
    assert np.all(values == 2.5)


class PlainLearner:
    """One agent in plain Python with a dict of values in float32, in a world made for each episode."""

    def __init__(self, params, begin_world, max_steps):
        self.params, self.begin_world, self.max_steps = params, begin_world, max_steps
        self.values, self.episode, self.steps, self.world = {}, 0, 0, begin_world(0)

    def situation(self):
        """What the agent knows, and its values."""
        world = self.world
        target = world.key if not world.has_key else world.goal if world.door_open else world.door
        done = world.door_open and (world.x, world.y) == world.goal
        key = (target[0] - world.x, target[1] - world.y, world.has_key, world.door_open, done)
        return self.values.setdefault(key, np.full(6, self.params.initial_value, np.float32))

    def tick(self, word):
        """One step; returns (action, x, y, has_key, door_open)."""
        values, any_action = self.situation(), word * 6 >> 32
        best = max(range(6), key=lambda action: (values[action], -((action + any_action) % 6)))
        action = any_action if (word >> 1 & 127) / 128 < np.float32(self.params.q_epsilon) else best
        reward, done = self.world.step(action)
        self.steps += 1
        future = np.float32(0) if done else self.situation().max()
        rate, discount = np.float32(self.params.learning_rate), np.float32(self.params.discount)
        values[action] += rate * (np.float32(reward) + discount * future - values[action])
        report = (action, *self.world.state())
        if done or self.steps >= self.max_steps:
            self.episode, self.steps = self.episode + 1, 0
            self.world = self.begin_world(self.episode)
        return report


def test_it_does_what_plain_numpy_does():
    """Rate and discount 1/2 make all products exact, so that no fused rounding can tell the two apart."""
    num_agents, num_ticks = 60, 600
    overrides = {"learning_rate": 0.5, "discount": 0.5, "q_epsilon": 0.25, "step_reward": -0.125, "max_steps": 40}
    config, params = make_experiment("random-4", "q-learning", overrides=overrides)
    agent, arrays = ProceduralAgent(config), as_arrays(params)
    numbers = jnp.arange(num_agents, dtype=jnp.uint32)
    inputs = jax.jit(jax.vmap(lambda number: agent.make_inputs(number, 10**6)))(numbers)
    state = rollout.begin_agents(agent, arrays, STREAMS, inputs, num_recorded=4)
    state, transitions = rollout.record_ticks(agent, arrays, STREAMS, inputs, state, num_ticks=num_ticks)
    world, episodes = transitions.env_state, int(state.episode.max()) + 1
    rows = np.stack([transitions.action, world.x, world.y, world.has_key, world.door_open], axis=-1)
    reset = jax.jit(
        jax.vmap(jax.vmap(lambda *words: agent.environment.reset_from_words(words, arrays.environment).layout))
    )
    layouts = layout_numbers(reset(*draw_words(STREAMS.episode, jnp.arange(episodes)[:, None], numbers[None, :])))
    words = np.asarray(draw_words(STREAMS.tick, jnp.arange(num_ticks)[:, None], numbers[None, :])[0])

    def begin_world(index, episode):
        start, key, door, goal, _ = (tuple(pair) for pair in layouts[episode, index].reshape(5, 2).tolist())
        rewards = (-0.125, 1.0, 2.0, 10.0)
        return PlainWorld(4, start, key, door, goal, rewards, door_pays_again=False)

    for index in range(num_agents):
        plain = PlainLearner(params.memory, lambda episode, index=index: begin_world(index, episode), 40)
        expected = [plain.tick(word) for word in words[:, index].tolist()]
        assert rows[:, index].tolist() == [list(row) for row in expected], index
        assert state.episode[index] == plain.episode
        table = np.asarray(state.memory.values[index])
        changed = table[(table != 1.0).any(axis=-1)]
        known = np.array([values for values in plain.values.values() if (values != 1.0).any()])
        assert sorted(changed.tolist()) == sorted(known.tolist()), index


@pytest.mark.slow
def test_it_learns_a_small_world():
    config, params = make_experiment("random-3", "q-learning")
    result = train(run_key(1500), config, params, 64, 300)
    success, steps = result.metrics.success, result.metrics.steps
    assert success[:, -50:].mean() > 0.95
    assert success[:, :5].mean() < 0.6
    assert steps[:, -50:].mean() < 0.5 * steps[:, :5].mean()
    assert not result.metrics.skills.any() and not result.metrics.skill_uses.any()
