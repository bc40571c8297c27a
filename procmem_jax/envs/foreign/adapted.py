"""A foreign environment as a world of ours: what the memory needs and it does not keep is kept beside it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.foreign.keys import keys_to_words, make_key, words_to_keys
from procmem_jax.percept import Percept
from procmem_jax.records import check_count, check_settings, setting, state_record

_PERCEPT_KINDS = {"predicates": ("bool", 1), "context": ("float32", 1), "fingerprint": ("uint32", 0)}


class RawEnvironment(Protocol):
    """An environment that never resets itself inside `step`; hashable.

    With a method `picture(state, params)`, which returns `[H, W, 3]` uint8 on the host, its episodes can be drawn.
    """

    def reset(self, key: jax.Array, params: Any) -> tuple[Any, Any]:
        """Returns (observation, state)."""

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: Any) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info)."""


@state_record
class AdaptedState:
    """A foreign environment in the middle of an episode, as a `perceive` function gets it.

    Attributes:
        env: its own state.
        rewarded: `()` bool, whether a positive reward came in this episode.
        terminated: `()` bool, whether the episode has ended otherwise than by a time limit.
        step: `()` int32, steps since the episode began.
        notes: what its `take_notes(obs, state, notes, params)`, if it has one, noted in this episode, else None.
    """

    env: Any
    rewarded: jax.Array
    terminated: jax.Array
    step: jax.Array
    notes: Any = None


@state_record
class PerceivedState:
    """An `AdaptedState`, its keys as numbers, and what the memory may know of it, found once per step."""

    adapted: AdaptedState
    percept: Percept


PerceiveFunction = Callable[[Any, AdaptedState, Any], Percept]


@dataclasses.dataclass(frozen=True)
class AdaptedWorld:
    """A foreign environment as a `World`. Hashable; two of the same environment object and function are equal.

    Attributes:
        env: the environment.
        perceive: (observation, `AdaptedState`, params) -> `Percept`; the last predicate means success.
        action_names: of the actions 0, 1, ...
        predicate_names: P names.
        context_size: C.
        params_shapes: of the environment's params, as `shapes_of` gives them.
    """

    env: RawEnvironment
    perceive: PerceiveFunction
    action_names: tuple[str, ...]
    predicate_names: tuple[str, ...]
    context_size: int
    params_shapes: tuple
    episode_limit: int = setting(
        100, "steps after which an episode is truncated, if the environment does not end it sooner", minimum=1,
        maximum=2**30,
    )  # fmt: skip
    same_start: bool = setting(False, "all episodes of an agent begin alike")

    draws_layout = True
    costly_reset = True

    def __post_init__(self):
        check_settings(self)

    @property
    def num_actions(self) -> int:
        """The number of actions."""
        return len(self.action_names)

    def example_params(self) -> Any:
        """See `World`."""
        treedef, leaves = self.params_shapes
        return jax.tree.unflatten(treedef, [np.zeros(shape, dtype) for shape, dtype in leaves])

    def check_params(self, params: Any) -> None:
        """See `World`."""
        treedef, leaves = shapes_of(params)
        if treedef != self.params_shapes[0] or [dtype for _, dtype in leaves] != [d for _, d in self.params_shapes[1]]:
            raise ValueError("params.world differs in form from those the memory was made for; use with_memory again")

    def time_limit(self, params: Any) -> int:
        """See `World`."""
        del params
        return self.episode_limit

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

    def begin(self, layout: tuple[jax.Array, jax.Array], params: Any) -> PerceivedState:
        """See `World`."""
        obs, env = self.env.reset(make_key(layout), params)
        no = jnp.zeros((), jnp.bool_)
        return self._perceived(obs, AdaptedState(env, no, no, jnp.zeros((), jnp.int32)), None, params)

    def step_from_words(
        self, words: tuple[jax.Array, jax.Array], state: PerceivedState, action: jax.Array, params: Any
    ) -> tuple[PerceivedState, jax.Array, jax.Array, jax.Array, dict]:
        """See `World`."""
        old = words_to_keys(state.adapted)
        obs, env, reward, terminated, truncated, info = self.env.step(make_key(words), old.env, action, params)
        reward = jnp.asarray(reward).astype(jnp.float32)
        terminated = jnp.asarray(terminated).astype(jnp.bool_)
        step = old.step + 1
        truncated = (jnp.asarray(truncated).astype(jnp.bool_) | (step >= self.episode_limit)) & ~terminated
        new = AdaptedState(env, old.rewarded | (reward > 0), terminated, step)
        return self._perceived(obs, new, old.notes, params), reward, terminated, truncated, info

    def _perceived(self, obs: Any, state: AdaptedState, notes: Any, params: Any) -> PerceivedState:
        """Returns `state` with what `perceive` notes and tells of it; `notes` are those of the step before."""
        take_notes = getattr(self.perceive, "take_notes", None)
        if take_notes is not None:
            state = dataclasses.replace(state, notes=take_notes(obs, state, notes, params))
        return _strong(keys_to_words(PerceivedState(state, self.perceive(obs, state, params))))

    def perceive_state(self, state: PerceivedState, params: Any) -> Percept:
        """See `World`."""
        del params
        return state.percept

    @property
    def has_picture(self) -> bool:
        """Whether the environment can be drawn."""
        return hasattr(self.env, "picture")

    def picture(self, state: PerceivedState, params: Any) -> np.ndarray:
        """Returns the environment's own picture of one state (NumPy arrays), `[H, W, 3]` uint8; on the host."""
        return np.asarray(self.env.picture(words_to_keys(state.adapted).env, params))

    def scripted_action(self, state: PerceivedState, params: Any) -> jax.Array:
        """See `World`: there is no script."""
        del state, params
        return jnp.full((), -1, jnp.int32)


def adapt(
    env: RawEnvironment,
    perceive: PerceiveFunction,
    params: Any,
    *,
    action_names: Sequence[str],
    predicate_names: Sequence[str] | None,
    episode_limit: int,
    same_start: bool = False,
) -> tuple[AdaptedWorld, Any]:
    """Returns (world, its params with explicit dtypes), the sizes found by tracing, without running anything.

    Args: see `AdaptedWorld`; without `predicate_names` the predicates are numbered.

    Raises:
        TypeError: what `perceive` gives is no percept.
        ValueError: the number of names is wrong.
    """
    check_count("number of actions", len(action_names), 2, 127)
    params = jax.tree.map(lambda leaf: np.asarray(leaf, _canonical(leaf)), params)
    shapes = shapes_of(params)
    world = AdaptedWorld(env, perceive, tuple(action_names), (), 0, shapes, episode_limit, same_start)
    predicates, context = _percept_sizes(world, params)
    names = [f"predicate_{i}" for i in range(predicates)] if predicate_names is None else predicate_names
    if len(names) != predicates:
        raise ValueError(f"predicate_names has {len(names)} names, perceive gives {predicates} predicates; name each")
    return dataclasses.replace(world, predicate_names=tuple(names), context_size=context), params


def _percept_sizes(world: AdaptedWorld, params: Any) -> tuple[int, int]:
    word = jax.ShapeDtypeStruct((), "uint32")
    percept = jax.eval_shape(lambda words: world.begin(words, params).percept, (word, word))
    for name, (dtype, rank) in _PERCEPT_KINDS.items():
        leaf = getattr(percept, name, None)
        if leaf is None or str(leaf.dtype) != dtype or leaf.ndim != rank:
            given = "nothing" if leaf is None else f"{leaf.dtype}{list(leaf.shape)}"
            raise TypeError(f"perceive gives {given} as {name}; give {dtype} of {rank} dimension{'s' * (rank != 1)}")
    return percept.predicates.shape[0], percept.context.shape[0]


def shapes_of(params: Any) -> tuple:
    """Returns the structure of a pytree of numbers, hashable: (tree, ((shape, dtype), ...))."""
    leaves, treedef = jax.tree.flatten(params)
    return treedef, tuple((np.shape(leaf), str(_canonical(leaf))) for leaf in leaves)


def _canonical(leaf: Any) -> np.dtype:
    return jax.dtypes.canonicalize_dtype(np.result_type(leaf))


def _strong(tree: Any) -> Any:
    """Returns `tree` with arrays of explicit dtypes: a state that grows from the literal 0 is none in a loop."""

    def strong(leaf):
        leaf = jnp.asarray(leaf)
        return jax.lax.convert_element_type(leaf, leaf.dtype)

    return jax.tree.map(strong, tree)
