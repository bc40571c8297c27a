"""Persistent and adaptive explorers: tick by tick against plain Python, durations, what is in vain, which kind pays."""

import dataclasses
import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import Corridor
from envs.corridor import perceive as perceive_corridor
from procmem_jax import RandomPolicy, make_experiment, run_key, train, with_memory
from procmem_jax.agents.persistent import Adaptive, Persistent, PersistentParams, Tally, _pays_more
from procmem_jax.envs.foreign.listed import ListedPercept
from procmem_jax.envs.foreign.projected import ProjectedPercept
from procmem_jax.memory.protocol import Step
from procmem_jax.percept import Percept
from procmem_jax.records import as_arrays
from quick import rest_exhaustive

NUM_ACTIONS = 4
WORDS = np.random.default_rng(0).integers(0, 2**32, 4000, np.uint32)
PARAMS = as_arrays(PersistentParams(12))


def seen(fingerprint):
    return Percept(jnp.zeros(1, bool), jnp.zeros(1), jnp.asarray(fingerprint, jnp.uint32))


def step_of(before, action, after, reward=0.0):
    return Step(seen(before), seen(after), jnp.int32(action), jnp.float32(reward), jnp.bool_(False), jnp.bool_(False))


def murmur(word):
    word = (word ^ word >> 16) * 0x85EBCA6B % 2**32
    word = (word ^ word >> 13) * 0xC2B2AE35 % 2**32
    return word ^ word >> 16


class Plain:
    """The same in plain Python."""

    def __init__(self):
        self.course, self.vain, self.at = None, set(), None

    def act(self, place, word, legal):
        if place != self.at:
            self.vain = set()
        elif self.course:
            self.vain.add(self.course[0])
        kept = self.course and self.course[1] > 0 and place != self.at and self.course[0] in legal
        if not kept:
            options = [action for action in legal if action not in self.vain] or legal
            duration = min((2**32 - 1) // max(murmur(word), 1), 12)
            self.course = [options[word * len(options) >> 32], duration]
        self.course[1] -= 1
        self.at = place
        return self.course[0]

    def observe(self, action, ended):
        if ended:
            self.vain = set()
        if ended or action != self.course[0]:
            self.course = None


def test_against_plain_python():
    """A walk among walls, some steps of which are a skill's and some the last of an episode; legal actions differ."""
    policy, rng = Persistent(NUM_ACTIONS), np.random.default_rng(3)
    legal = rng.random((1500, NUM_ACTIONS)) < 0.8
    legal[:, 2] |= ~legal.any(axis=1)
    leads = rng.integers(0, 9, (9, NUM_ACTIONS)).astype(np.uint32)
    leads[:, :2] = np.where(rng.random((9, 2)) < 0.6, np.arange(9)[:, None], leads[:, :2])  # walls
    ticks = {"word": WORDS[:1500], "skill": rng.integers(-12, NUM_ACTIONS, 1500), "legal": legal}
    ticks["ended"] = rng.random(1500) < 0.05

    def tick(carry, now):
        state, at = carry
        state, chosen = policy.act_legally(state, seen(at + 1), None, now["word"], PARAMS, now["legal"])
        action = jnp.where(now["skill"] >= 0, now["skill"], chosen).astype(jnp.int32)
        after = jnp.asarray(leads)[at, action]
        state = policy.observe(state, step_of(at, action, after), now["ended"], PARAMS)
        return (state, jnp.where(now["ended"], jnp.uint32(4), after)), (at, chosen, action)

    _, lived = jax.jit(lambda: jax.lax.scan(tick, (policy.begin(None), jnp.uint32(4)), ticks))()
    plain, kept = Plain(), 0
    for number, (at, chosen, action) in enumerate(zip(*(column.tolist() for column in lived), strict=True)):
        kept += bool(plain.course and plain.course[1] > 0)
        options = np.flatnonzero(legal[number]).tolist()
        assert chosen == plain.act(at, int(WORDS[number]), options), number
        plain.observe(action, bool(ticks["ended"][number]))
    assert kept > 100


def test_n_steps_or_more_with_probability_1_over_n():
    policy, params = Persistent(NUM_ACTIONS), as_arrays(PersistentParams(8))
    start = policy.begin(None)
    left = jax.vmap(lambda word: policy.act(start, seen(1), None, word, params)[0].left)(WORDS)
    steps = np.asarray(left) + 1
    for least in range(2, 9):
        assert np.mean(steps >= least) == pytest.approx(1 / least, abs=4 * math.sqrt(0.25 / WORDS.size))
    assert steps.max() == 8


def test_what_is_in_vain_is_not_done_again_before_all_else():
    policy, done = Persistent(NUM_ACTIONS), []
    state = policy.begin(None)
    for word in WORDS[:200]:
        state, action = policy.act(state, seen(7), None, word, PARAMS)
        state = policy.observe(state, step_of(7, action, 7), jnp.bool_(False), PARAMS)
        done.append(int(action))
    assert sorted(done[:NUM_ACTIONS]) == list(range(NUM_ACTIONS))
    assert set(done[NUM_ACTIONS:]) == set(range(NUM_ACTIONS))  # then any may come


def test_a_clock_is_no_change():
    percept = ProjectedPercept(resolution=1.0, clocks=(1,))
    policy, state, done = Persistent(NUM_ACTIONS, percept), Persistent(NUM_ACTIONS).begin(None), set()
    assert policy.uses_observation and not Persistent(NUM_ACTIONS).uses_observation
    for time in range(NUM_ACTIONS):
        observation = jnp.float32([3, time, 5])
        assert percept.hash_without_clocks(observation) == percept.hash_without_clocks(jnp.float32([3, 99, 5]))
        assert percept.hash_without_clocks(observation) != percept.hash_without_clocks(jnp.float32([4, time, 5]))
        state, action = policy.act(state, seen(time), observation, WORDS[time], PARAMS)
        done.add(int(action))
    assert done == set(range(NUM_ACTIONS))


class Ticking(Corridor):
    """The corridor, with the time in its observation."""

    def reset(self, key, params):
        place, state = super().reset(key, params)
        return jnp.stack([place, jnp.int32(0)]), (state, jnp.int32(0))

    def step(self, key, state, action, params):
        place, inner, *came = super().step(key, state[0], action, params)
        time = state[1] + 1
        return jnp.stack([place, time]), (inner, time), *came


@pytest.mark.parametrize("perceive", [None, [("right", lambda obs, state, params: obs[0] > 2)]])
def test_clocks_are_found_and_kept_from_the_explorer(perceive):
    config, _ = with_memory(Ticking(), perceive, max_steps=20)
    policy = config.exploration.for_environment(config.environment)
    assert isinstance(config.environment.perceive, ListedPercept) == (perceive is not None)
    assert (type(policy), policy.percept.clocks, policy.uses_observation) == (Adaptive, (1,), True)
    config, params = with_memory(Corridor(), max_steps=20)
    assert float(params.memory.retire_rate) == 0.4  # a projection is a guess
    assert config.exploration.for_environment(config.environment).percept is None
    assert with_memory(Corridor(), perceive_corridor, max_steps=20)[0].exploration == RandomPolicy()


class Keyed(Ticking):
    """The same, with a key in its observation."""

    def reset(self, key, params):
        observation, state = super().reset(key, params)
        return {"seen": observation, "key": key}, state

    def step(self, key, state, action, params):
        observation, *rest = super().step(key, state, action, params)
        return {"seen": observation, "key": key}, *rest


def test_keys_in_an_observation_are_no_part_of_what_is_seen():
    returns = []
    for env in (Ticking(), Keyed()):
        config, params = with_memory(env, max_steps=20, use_skills=False)
        assert config.environment.perceive.clocks == (1,)
        returns.append(train(run_key(2), config, params, 4, 12).metrics.steps.tolist())
    assert returns[0] == returns[1]


class PlainBandit:
    """Which kind of episode is next, in plain Python."""

    def __init__(self):
        self.returns = [], []

    def next(self):
        counts = [len(kind) for kind in self.returns]
        if not counts[1]:
            return True
        means = [sum(kind) / len(kind) for kind in self.returns]
        together = [*self.returns[0], *self.returns[1]]
        bounds = [
            mean + math.sqrt(2 * np.var(together) * math.log(len(together)) / count)
            for mean, count in zip(means, counts, strict=True)
        ]
        return counts[1] < counts[0] if bounds[0] == bounds[1] else bounds[1] > bounds[0]


def played(returns_of, num_episodes, steps=3):
    """The kind of each episode, of which the last step pays what `returns_of(kind, number)` says."""
    policy = Adaptive(NUM_ACTIONS)
    observe, state, kinds = jax.jit(policy.observe), policy.begin(None), []
    for number in range(num_episodes):
        kinds.append(bool(state.persists))
        for step in range(steps):
            ended = step == steps - 1
            reward = returns_of(kinds[-1], number) if ended else 0.0
            state = observe(state, step_of(0, 1, 2, reward), jnp.bool_(ended), None)
    return kinds, state


@pytest.mark.parametrize("pays", [0.0, 1.0, -3.0])
def test_which_kind_is_next_against_plain_python(pays):
    noise, plain = np.random.default_rng(5).normal(4, size=150).astype(np.float32), PlainBandit()
    kinds, state = played(lambda kind, number: noise[number] + pays * kind, 150)
    for number, kind in enumerate(kinds):
        assert kind == (plain.next() if number else False), number
        plain.returns[kind].append(float(noise[number] + pays * kind))
    assert state.tally.counts.tolist() == [len(kind) for kind in plain.returns]
    np.testing.assert_allclose(state.tally.squares, 150 * np.var([*plain.returns[0], *plain.returns[1]]), rtol=1e-4)


def test_where_nothing_is_paid_the_kinds_take_turns():
    kinds, _ = played(lambda kind, number: 0.0, 9)
    assert kinds == [False, True] * 4 + [False]


def test_the_kind_that_pays_less_is_left():
    noise = np.random.default_rng(1).normal(size=300).astype(np.float32)
    for better in (False, True):
        kinds, _ = played(lambda kind, number, better=better: noise[number] + (kind == better), 300)
        assert np.mean(np.asarray(kinds) == better) > 0.9


def test_bounds_by_hand():
    """16 episodes, their returns of variance 1: the bounds are 1 + sqrt(2 ln(16) / 8) and m + sqrt(2 ln(16) / 8)."""
    for mean, persists in ((1.01, True), (0.99, False)):
        tally = Tally(jnp.int32([8, 8]), jnp.float32([1, mean]), jnp.float32(1), jnp.float32(16))
        assert bool(_pays_more(tally)) == persists


def test_a_random_episode_is_what_the_random_explorer_does_and_a_persistent_one_what_the_persistent_does():
    adaptive, persistent, random = Adaptive(NUM_ACTIONS), Persistent(NUM_ACTIONS), RandomPolicy(NUM_ACTIONS)
    state, course = dataclasses.replace(adaptive.begin(None), persists=jnp.bool_(True)), persistent.begin(None)
    aimless, done = adaptive.begin(None), []
    for number, word in enumerate(WORDS[:60]):
        at = seen(number // 3)
        aimless, first = adaptive.act(aimless, at, None, word, PARAMS)
        assert first == random.act((), at, None, word, None)[1]
        state, second = adaptive.act(state, at, None, word, PARAMS)
        course, kept = persistent.act(course, at, None, word, PARAMS)
        assert second == kept
        done.append(first == second)
    assert not all(done)


@pytest.mark.parametrize("policy", [Persistent(), Adaptive()])
def test_no_more_steps_than_the_setting_says(policy):
    config, params = make_experiment("random-4", explorer=policy, overrides={"longest": 3})
    assert params.exploration.longest == 3
    with pytest.raises(ValueError, match="longest=0 .* 1"):
        make_experiment("random-4", explorer=policy, overrides={"longest": 0})
    with pytest.raises(ValueError, match="'longest' is not read here: the explorer persistent or adaptive reads it"):
        make_experiment("random-4", explorer="random", overrides={"longest": 3})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "use_skills"), rest_exhaustive([(Adaptive(), True), (Persistent(), True), (Adaptive(), False)])
)
def test_the_same_alone_and_among_many(policy, use_skills):
    config, params = with_memory(Ticking(), max_steps=20, exploration=policy, use_skills=use_skills)
    many = train(run_key(5), config, params, 21, 12)
    few = train(run_key(5), config, params, 3, 12, first_agent=9)
    chex.assert_trees_all_equal(jax.tree.map(lambda column: column[9:12], many.metrics), few.metrics)


def test_a_policy_knows_its_environment():
    config, _ = with_memory(Corridor(), max_steps=20)
    policy = Persistent().for_environment(config.environment)
    assert dataclasses.replace(policy, num_actions=0) == Persistent()
    assert policy.num_actions == config.environment.num_actions
