"""One step of an environment traced before anything is compiled: what cannot be played shows, in one line."""

import dataclasses
from typing import Any

import jax
import numpy as np

from procmem_jax.envs.foreign.forms.steady import check_steady
from procmem_jax.envs.foreign.keys import make_key
from procmem_jax.records import canonical_dtype


@dataclasses.dataclass(frozen=True)
class RawKeys:
    """A `RawEnvironment` that wants keys as two numbers, as `jax.random.PRNGKey` gives them.

    Attributes:
        env: the environment.
    """

    env: Any

    never_resets = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.env, name)

    def reset(self, key: jax.Array, params: Any) -> tuple[Any, Any]:
        """Returns (observation, state)."""
        return self.env.reset(jax.random.key_data(key), params)

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: Any) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info)."""
        return self.env.step(jax.random.key_data(key), state, action, params)


def traceable(env: Any, params: Any) -> Any:
    """Returns a `RawEnvironment`, given keys as two numbers if it can be traced with them only.

    Raises:
        ValueError: it decides shapes or branches in Python by its params, or its step gives no six values of which
            reward, terminated and truncated are single.
        TypeError: a step gives arrays of other shapes or dtypes than a reset.
        Exception: whatever it raises itself.
    """
    params = jax.tree.map(lambda leaf: np.asarray(leaf, canonical_dtype(leaf)), params)
    try:
        start, after = _trace(env, params)
    except Exception:
        if _can_be_traced(RawKeys(env), params):
            return traceable(RawKeys(env), params)
        if _can_be_traced(env, params, params_traced=False):
            text = "the environment decides shapes or branches in Python by its params, which are traced"
            raise ValueError(f"{text}; make these attributes of the environment") from None
        raise
    check_steady(start, after)
    return env


def _can_be_traced(env: Any, params: Any, params_traced: bool = True) -> bool:
    try:
        _trace(env, params, params_traced)
    except Exception:
        return False
    return True


def _trace(env: Any, params: Any, params_traced: bool = True) -> tuple[Any, Any]:
    """Returns the shapes of what a reset gives, and of what a step from there gives: (observation, state) each."""

    def play(words, action, traced):
        key, given = make_key(words), traced if params_traced else params
        start = env.reset(key, given)
        return start, env.step(key, start[1], action, given)

    word, action = jax.ShapeDtypeStruct((), "uint32"), jax.ShapeDtypeStruct((), "int32")
    start, result = jax.eval_shape(play, (word, word), action, params)
    if not isinstance(result, tuple) or len(result) != 6:
        raise ValueError("step gives no six values; give (observation, state, reward, terminated, truncated, info)")
    for name, value in zip(("reward", "terminated", "truncated"), result[2:5], strict=True):
        if np.size(value) != 1:
            raise ValueError(f"step gives {name} of shape {list(value.shape)}; give one number for one environment")
    return start, result[:2]
