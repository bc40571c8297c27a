"""Any environment as a world: what the memory needs and the environment does not keep is kept beside its state."""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.percept import Percept
from procmem_jax.records import state_record


class RawEnvironment(Protocol):
    """An environment that never resets itself inside `step`."""

    def reset(self, key: jax.Array, params: Any) -> tuple[Any, Any]:
        """Returns (observation, state)."""

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: Any) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info)."""


@state_record
class AdaptedState:
    """A foreign environment in the middle of an episode.

    Attributes:
        env: its own state.
        obs: its last observation.
        rewarded: `()` bool, whether a positive reward came in this episode.
        step: `()` int32, steps since the episode began.
    """

    env: Any
    obs: Any
    rewarded: jax.Array
    step: jax.Array


PerceiveFunction = Callable[[Any, AdaptedState, Any], Percept]


@dataclasses.dataclass(frozen=True)
class AdaptedWorld:
    """A foreign environment as a `World`. Hashable; two of the same environment object and function are equal.

    Attributes:
        env: the environment, hashable.
        percept_of: (observation, `AdaptedState`, params) -> `Percept`; the last predicate means success.
        num_actions: actions are the integers below it.
        predicate_names: P names.
        context_size: C.
        max_steps: steps after which an episode is truncated, whatever the environment's own limit.
        same_start: whether all episodes of an agent begin with the same random words.
        params_shapes: of the environment's params, as `shapes_of` gives them.
    """

    env: RawEnvironment
    percept_of: PerceiveFunction
    num_actions: int
    predicate_names: tuple[str, ...]
    context_size: int
    max_steps: int
    same_start: bool
    params_shapes: tuple

    draws_layout = True

    def example_params(self) -> Any:
        """See `World`."""
        treedef, leaves = self.params_shapes
        return jax.tree.unflatten(treedef, [np.zeros(shape, dtype) for shape, dtype in leaves])

    def check_params(self, params: Any) -> None:
        """See `World`."""
        if shapes_of(params) != self.params_shapes:
            raise ValueError("params.world differs in shape from those the memory was made for; use with_memory again")

    def time_limit(self, params: Any) -> jax.Array:
        """See `World`."""
        del params
        return np.int32(self.max_steps)

    def shortest_episode(self, params: Any) -> jax.Array:
        """See `World`."""
        del params
        return jnp.ones((), jnp.int32)

    def layout_number(self, episode: jax.Array, params: Any) -> jax.Array:
        """See `World`."""
        del params
        return jnp.zeros_like(episode) if self.same_start else episode

    def draw_layout(self, words: tuple[jax.Array, jax.Array] | None, params: Any) -> tuple[jax.Array, jax.Array]:
        """Returns the words themselves: they make the key of a reset."""
        del params
        return words

    def begin(self, layout: tuple[jax.Array, jax.Array], params: Any) -> AdaptedState:
        """See `World`."""
        obs, env = self.env.reset(_key(layout), params)
        return _strong(AdaptedState(env, obs, jnp.zeros((), jnp.bool_), jnp.zeros((), jnp.int32)))

    def step_from_words(
        self, words: tuple[jax.Array, jax.Array], state: AdaptedState, action: jax.Array, params: Any
    ) -> tuple[AdaptedState, jax.Array, jax.Array, jax.Array, dict]:
        """See `World`."""
        obs, env, reward, terminated, truncated, info = self.env.step(_key(words), state.env, action, params)
        reward = jnp.asarray(reward).astype(jnp.float32)
        terminated = jnp.asarray(terminated).astype(jnp.bool_)
        step = state.step + 1
        truncated = (jnp.asarray(truncated).astype(jnp.bool_) | (step >= self.max_steps)) & ~terminated
        new = AdaptedState(env, obs, state.rewarded | (reward > 0), step)
        return _strong(new), reward, terminated, truncated, info

    def observe(self, state: AdaptedState, params: Any) -> Any:
        """See `World`."""
        del params
        return state.obs

    def perceive(self, obs: Any, state: AdaptedState, params: Any) -> Percept:
        """See `World`."""
        return self.percept_of(obs, state, params)

    def scripted_action(self, state: AdaptedState, params: Any) -> jax.Array:
        """See `World`: there is no script."""
        del state, params
        return jnp.full((), -1, jnp.int32)


def shapes_of(params: Any) -> tuple:
    """Returns the structure of a pytree of numbers, hashable: (tree, ((shape, dtype), ...))."""
    leaves, treedef = jax.tree.flatten(params)
    return treedef, tuple((np.shape(leaf), str(_canonical(leaf))) for leaf in leaves)


def strict_params(params: Any) -> Any:
    """Returns `params` with every number as a NumPy array of an explicit dtype."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, _canonical(leaf)), params)


def _canonical(leaf: Any) -> np.dtype:
    return jax.dtypes.canonicalize_dtype(np.result_type(leaf))


def _key(words: tuple[jax.Array, jax.Array]) -> jax.Array:
    return jax.random.wrap_key_data(jnp.stack(words), impl="threefry2x32")


def _strong(tree: Any) -> Any:
    """Returns `tree` with arrays of explicit dtypes: a state that grows from the literal 0 is none in a loop."""

    def strong(leaf):
        if jax.dtypes.issubdtype(getattr(leaf, "dtype", None), jax.dtypes.prng_key):
            return leaf
        leaf = jnp.asarray(leaf)
        return jax.lax.convert_element_type(leaf, leaf.dtype)

    return jax.tree.map(strong, tree)
