"""An adapted environment beside its own package's loop, step by step."""

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.foreign.forms.actions import number_actions


def play_beside(raw, start, go, num_steps, *, actions=None, params=None, legal_only=False, seed=0):
    """Asserts that `raw` meets what its package does; returns how many episodes ended.

    Args:
        raw: a `RawEnvironment`, its actions to be numbered; an end is followed by a reset, as in training.
        start: key -> (observation, state), the package's own.
        go: (key, state, action) -> (observation, state, reward, terminated, truncated), likewise, from the same keys.
        num_steps: to play, with random actions.
        actions: a table of them, if they are not discrete.
        params: of the environment.
        legal_only: draw legal actions only.
        seed: of keys and actions.
    """
    raw, names = number_actions(raw, raw.action_space(params) if hasattr(raw, "action_space") else None, actions)
    begin, step = jax.jit(lambda key: raw.reset(key, params)), jax.jit(lambda *given: raw.step(*given, params))
    legal = jax.jit(lambda obs, state: raw.legal_actions(obs, state, params))
    start, go = jax.jit(start), jax.jit(go)
    rng, ends, ended = np.random.default_rng(seed), 0, True
    for number in range(num_steps):
        key = jax.random.fold_in(jax.random.key(seed), number)
        if ended:
            ours, theirs = begin(key), start(key)
            same(ours, theirs)
        action = jnp.int32(rng.choice(np.flatnonzero(legal(*ours)) if legal_only else len(names)))
        *ours, reward, terminated, truncated, _ = step(key, ours[1], action)
        *theirs, their_reward, their_end, their_cut = go(key, theirs[1], action)
        same(ours, theirs)
        assert float(reward) == float(their_reward)
        assert (bool(terminated), bool(truncated)) == (bool(their_end), bool(their_cut))
        ended = bool(terminated) or bool(truncated)
        ends += ended
    return ends


def same(one, other):
    """Asserts that two pytrees are equal, bit by bit, keys included."""

    def numbers(leaf):
        return jax.random.key_data(leaf) if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf

    jax.tree.map(lambda a, b: np.testing.assert_array_equal(numbers(a), numbers(b)), one, other)
