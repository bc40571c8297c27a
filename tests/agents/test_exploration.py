"""Explorers: exact against the plain tape, and in distribution."""

import dataclasses
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from plain_tutorial import PlainWorld, Tape
from procmem_jax.agents.exploration import (
    SCRIPTED,
    EpsilonPolicy,
    RandomPolicy,
    ScriptedPolicy,
    TapePolicy,
    make_tape,
    play_tape,
)
from procmem_jax.agents.policy import random_action
from procmem_jax.records import as_arrays
from procmem_jax.streams import draw_words, open_streams, run_key

NUM_ACTIONS = 6
COUNT = 60_000


@pytest.fixture(scope="module")
def words():
    """Tick-stream words of 600 ticks of 100 agents."""
    ticks, agents = jnp.divmod(jnp.arange(COUNT, dtype=jnp.int32), 100)
    return draw_words(open_streams(run_key(1)).tick, ticks, agents.astype(jnp.uint32))[0]


@dataclasses.dataclass(frozen=True)
class Told:
    """A world that shows what its script says."""

    num_actions = NUM_ACTIONS

    def scripted_action(self, observation):
        return observation


POLICIES = {"random": RandomPolicy(), "scripted": ScriptedPolicy(), "epsilon": EpsilonPolicy()}


def actions_of(explorer, words, scripted, epsilon=None):
    policy = POLICIES[explorer].for_environment(Told())
    params = as_arrays(policy.default_params() if epsilon is None else policy.Params(epsilon))

    def choose(word, choice):
        state, action = policy.act((), None, choice if policy.uses_observation else None, word, params)
        assert state == () and (action.shape, action.dtype) == ((), jnp.int32)
        return action

    scripted = jnp.broadcast_to(jnp.asarray(scripted, jnp.int32), words.shape)
    return np.asarray(jax.jit(jax.vmap(choose))(words, scripted))


def uniform_p(actions):
    counts = np.bincount(actions, minlength=NUM_ACTIONS)
    assert counts.size == NUM_ACTIONS
    return scipy.stats.chisquare(counts).pvalue


def test_random_actions_are_uniform(words):
    actions = actions_of("random", words, 3)
    assert uniform_p(actions) > 0.01
    assert uniform_p(actions[::100]) > 0.01  # one agent, tick after tick
    np.testing.assert_array_equal(actions, jax.vmap(lambda word: random_action(word, NUM_ACTIONS))(words))
    pairs = actions[:-100] * NUM_ACTIONS + actions[100:]  # this tick's and the next one's of each agent
    assert scipy.stats.chisquare(np.bincount(pairs, minlength=36)).pvalue > 0.01


def test_scripted_takes_a_random_action_only_where_the_script_has_none(words):
    scripted = np.arange(COUNT) % 7 - 1
    actions = actions_of("scripted", words, scripted)
    np.testing.assert_array_equal(actions[scripted >= 0], scripted[scripted >= 0])
    assert uniform_p(actions[scripted == SCRIPTED]) > 0.01


def test_epsilon_0_is_scripted_and_epsilon_1_is_random(words):
    scripted = np.arange(COUNT) % 7 - 1
    np.testing.assert_array_equal(actions_of("epsilon", words, scripted, 0.0), actions_of("scripted", words, scripted))
    np.testing.assert_array_equal(actions_of("epsilon", words, scripted, 1.0), actions_of("random", words, scripted))


@pytest.mark.parametrize("epsilon", [0.1, 0.3, 0.75])
def test_epsilon_is_the_share_of_random_actions(words, epsilon):
    outside = 9  # a scripted choice that no random action can equal
    actions = actions_of("epsilon", words, outside, epsilon)
    num_random = int((actions != outside).sum())
    assert scipy.stats.binomtest(num_random, COUNT, epsilon).pvalue > 0.01
    assert uniform_p(actions[actions != outside]) > 0.01  # the coin and the action are drawn from one word


# Tape


def test_tape_is_padded_and_knows_the_next_action():
    tape = make_tape([-1, 2, -1, -1, 0], 7)
    assert tape.entries.tolist() == [-1, 2, -1, -1, 0, -1, -1]
    assert tape.next_action.tolist() == [1, 1, 4, 4, 4, 7, 7]
    assert (tape.entries.dtype, tape.next_action.dtype) == (jnp.int8, jnp.int32)


def test_too_long_a_tape_is_refused():
    with pytest.raises(ValueError, match="tape of 3 entries exceeds length=2; raise length"):
        make_tape([0, 1, 2], 2)
    for largest, dtype in ((127, jnp.int8), (128, jnp.int16), (32767, jnp.int16)):
        entries = make_tape([largest, -1], 3).entries
        assert entries.dtype == dtype and entries.tolist() == [largest, -1, -1]
    with pytest.raises(OverflowError):
        make_tape([32768], 2)


class Fixed(PlainWorld):
    """A world in which the script's choice is a given one."""

    def __init__(self, choice):
        super().__init__(8)
        self.x, self.y = (4, 4) if choice is None else (0, 0)
        self.has_key = self.door_open = choice is None


def test_play_tape_equals_the_plain_tape():
    rng = random.Random(0)
    policy = TapePolicy().for_environment(Told())
    play = jax.jit(lambda tape, index, scripted: policy.act(index, None, scripted, jnp.uint32(0), tape))
    for _ in range(20):
        entries = [rng.choice([-1, -1, rng.randrange(6)]) for _ in range(40)]
        plain, tape, index = Tape(entries), make_tape(entries, 45), policy.begin(make_tape(entries, 45))
        while True:
            world = Fixed(rng.choice([None, 3]))
            scripted = SCRIPTED if world.door_open else 3  # the script's first step in an empty world
            index, action = play(tape, index, jnp.int32(scripted))
            try:
                wanted = plain(world)
            except IndexError:
                assert index > 40
                break
            assert (int(action), int(index)) == (wanted, plain.used)


@pytest.mark.parametrize(("index", "scripted"), [(2, SCRIPTED), (2, 3), (1, SCRIPTED)])
def test_a_tape_that_ran_out_stays_out(index, scripted):
    tape = make_tape([1, SCRIPTED], 2)
    index = jnp.int32(index)
    for _ in range(3):
        action, index = play_tape(tape, index, jnp.int32(scripted))
        assert (int(action), int(index)) == (0, 3)
