"""The default memory without an agent: in a user's own loop, in a user's own world."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import procmem_jax as pm
from procmem_jax.memory.library import EMPTY

LENGTH = 7  # of a corridor: a switch at its left end lights a lamp, which is then to be reached at its right end
LEFT, RIGHT, PRESS = range(3)


def perceive(place, lit, done):
    target = jnp.where(lit, LENGTH - 1, 0)
    fingerprint = (place + LENGTH * lit.astype(jnp.int32)).astype(jnp.uint32)
    return pm.Percept(jnp.stack([lit, done]), (target - place).astype(jnp.float32)[None], fingerprint)


def begin(memory, params):
    place, lit = jnp.int32(3), jnp.bool_(False)
    return place, lit, jnp.int32(0), memory.begin(perceive(place, lit, lit), params)


def tick(memory, params, key, carry, number):
    place, lit, episode, state = carry
    here = perceive(place, lit, jnp.bool_(False))
    word, other = jax.random.bits(jax.random.fold_in(key, number), (2,))
    state, acts, action = memory.decide(state, here, word, params)
    action = jnp.where(acts, action, (other % 3).astype(jnp.int32))  # a policy of one's own
    to = jnp.clip(place + jnp.where(action == LEFT, -1, jnp.where(action == RIGHT, 1, 0)), 0, LENGTH - 1)
    now_lit = lit | ((action == PRESS) & (place == 0))
    done = now_lit & (to == LENGTH - 1)
    after, reward = perceive(to, now_lit, done), done.astype(jnp.float32)
    step = pm.memory.Step(here, after, action, reward, done, jnp.bool_(False), episode, number)
    state = memory.observe(state, step, params, True)
    place, lit = jnp.where(done, 3, to), now_lit & ~done
    state = memory.enter(state, perceive(place, lit, jnp.bool_(False)), done, params)
    due = (number + 1) % memory.period == 0
    state = jax.lax.cond(due, lambda state: memory.consolidate(state, params, True), lambda state: state, state)
    return (place, lit, episode + done.astype(jnp.int32), state), (
        done,
        action,
        acts,
        here.predicates,
        after.predicates,
    )


def live(memory, key, num_ticks=1500):
    """(final state, what was seen of each tick) of one agent."""
    params, numbers = memory.default_params(), jnp.arange(num_ticks, dtype=jnp.int32)
    start = begin(memory, params)
    (*_, state), seen = jax.lax.scan(lambda *now: tick(memory, params, key, *now), start, numbers)
    return state, seen


NUM_AGENTS = 16


@functools.cache
def lives(**settings):
    """Those of many agents: (final states `[A, ...]`, what was seen, `[A, T]` each)."""
    keys = jax.random.split(pm.run_key(0), NUM_AGENTS)
    program = jax.jit(jax.vmap(lambda key: live(pm.DefaultMemory(capacity=16, **settings), key)))
    return jax.tree.map(np.asarray, program(keys))


def episode_lengths(done):
    """Of the episodes that one agent finished, in order."""
    return np.diff(np.flatnonzero(done), prepend=-1)


@pytest.mark.slow
def test_it_learns():
    """Twelve steps are the fewest; so many are hard to come by at random."""
    state, (done, _, acts, *_) = lives()
    lengths = [episode_lengths(row) for row in done]
    assert min(len(row) for row in lengths) > 40
    late = np.mean([row[-10:].mean() for row in lengths])
    assert late < 14 and np.mean([row[:1].mean() for row in lengths]) > 3 * late
    assert acts[:, -200:].mean() > 0.9
    _, (plain_done, *_) = lives(learn=False)
    assert plain_done.sum() < 0.3 * done.sum()
    assert (state.num_uses > 100).all()


def test_every_skill_knows_when_it_was_learned():
    """In the tick of that number what it is for came true, by its last action, in the episode of that number."""
    state, (done, action, _, before, after) = lives()
    library, num_checked = state.library, 0
    for agent in range(NUM_AGENTS):
        assert (library.learned_tick[agent] == -1).tolist() == (library.skill_ids[agent] == EMPTY).tolist()
        assert (library.learned_episode[agent] == -1).tolist() == (library.skill_ids[agent] == EMPTY).tolist()
        for slot in np.flatnonzero(library.skill_ids[agent] != EMPTY):
            now, episode = library.learned_tick[agent, slot], library.learned_episode[agent, slot]
            assert episode == done[agent, :now].sum()  # the first is number 0
            assert before[agent, now].tolist() == library.pre_value[agent, slot].tolist()
            changed = before[agent, now] != after[agent, now]
            assert changed.tolist() == library.post_mask[agent, slot].tolist()
            assert after[agent, now, library.labels[agent, slot]]
            length = library.lengths[agent, slot]
            assert library.actions[agent, slot, length - 1] == action[agent, now]
            num_checked += 1
    assert num_checked > 2 * NUM_AGENTS
    assert np.unique(library.learned_episode).tolist() == [-1, 0, 1]


def test_an_agent_is_the_same_alone():
    state, seen = lives()
    key = jax.random.split(pm.run_key(0), NUM_AGENTS)[3]
    alone = jax.jit(lambda key: live(pm.DefaultMemory(capacity=16), key))(key)
    chex.assert_trees_all_equal(alone, jax.tree.map(lambda leaf: leaf[3], (state, seen)))
