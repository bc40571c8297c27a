"""A foreign environment in our terms: what the memory needs and it does not keep is kept beside it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.foreign.forms.actions import MOST_ACTIONS
from procmem_jax.envs.foreign.keys import keys_to_words, make_key, words_to_keys
from procmem_jax.envs.foreign.success import SuccessRule, success_function
from procmem_jax.envs.legal import check_legal_actions
from procmem_jax.envs.returns import add_reward
from procmem_jax.percept import Percept
from procmem_jax.records import (
    canonical_dtype,
    check_count,
    check_settings,
    function_text,
    setting,
    shapes_of,
    state_record,
)

_PERCEPT_KINDS = {"predicates": ("bool", 1), "context": ("float32", 1), "fingerprint": ("uint32", 0)}


class RawEnvironment(Protocol):
    """An environment that never resets itself inside `step`; hashable.

    With a method `legal_actions(obs, state, params)`, which returns `[A]` bool (or None), nothing else is done in it.
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
        episode_return: `()` float32, the rewards of this episode so far.
        return_error: `()` float32, what rounding has taken from them (see `add_reward`).
        truncated: `()` bool, whether the environment has cut the episode short itself; `episode_limit` does not count.
    """

    env: Any
    rewarded: jax.Array
    terminated: jax.Array
    step: jax.Array
    notes: Any = None
    episode_return: jax.Array | float = 0.0
    return_error: jax.Array | float = 0.0
    truncated: jax.Array | bool = False


@state_record
class PerceivedState:
    """An `AdaptedState`, its keys as numbers, and what the memory may know of it, found once per step.

    `observation` is None unless the exploration policy looks at it, `legal` unless the environment has illegal actions.
    """

    adapted: AdaptedState
    percept: Percept
    observation: Any = None
    legal: jax.Array | None = None


PerceiveFunction = Callable[[Any, AdaptedState, Any], Percept]
LegalActions = Callable[[Any, AdaptedState, Any], jax.Array]


@dataclasses.dataclass(frozen=True)
class AdaptedEnvironment:
    """A foreign environment as an `Environment`. Hashable; two of the same environment object and function are equal.

    Attributes:
        env: the environment.
        perceive: (observation, `AdaptedState`, params) -> `Percept`.
        action_names: of the actions 0, 1, ...
        predicate_names: P names.
        context_size: C.
        params_shapes: of the environment's params, as `shapes_of` gives them.
        keeps_observations: whether states hold the observation.
        success: what counts as success (see `success_function`); None: the last predicate does, unless `perceive` says
            by `tells_success = False` that it knows of none.
        legal: (observation, `AdaptedState`, params) -> `[A]` bool, which actions may be taken; by default what the
            environment tells.
        has_legal_actions: whether either tells that.
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
    keeps_observations: bool = False
    success: SuccessRule | None = None
    legal: LegalActions | None = None
    has_legal_actions: bool = False

    draws_layout = True
    costly_reset = True
    has_script = False

    def __post_init__(self):
        check_settings(self)

    @property
    def num_actions(self) -> int:
        """The number of actions."""
        return len(self.action_names)

    @property
    def has_success(self) -> bool:
        """See `Environment`."""
        return self.success is not None or getattr(self.perceive, "tells_success", True)

    @property
    def success_is_last(self) -> bool:
        """Whether the last predicate means success."""
        return self.success is None and self.has_success

    @property
    def num_surroundings(self) -> int:
        """How many coordinates at the end of a context tell what is around the agent, as far as `perceive` says."""
        return getattr(self.perceive, "num_surroundings", 0)

    @property
    def percept_name(self) -> str:
        """See `Environment`; of a percept that fits anything, and means something else in each, with what it is of."""
        perceive = self.perceive
        if not dataclasses.is_dataclass(perceive):
            return function_text(perceive, {})
        name = repr(perceive)
        if not getattr(perceive, "fits_anything", False):
            return name
        raw = getattr(self.env, "env", self.env)
        return f"{name} of {getattr(raw, 'name', None) or function_text(raw, {})}"

    def check_params(self, params: Any) -> None:
        """See `Environment`."""
        treedef, leaves = shapes_of(params)
        if treedef != self.params_shapes[0] or [dtype for _, dtype in leaves] != [d for _, d in self.params_shapes[1]]:
            raise ValueError("params.environment differs in form from what with_memory saw; use it again")

    def time_limit(self, params: Any) -> int:
        """See `Environment`."""
        del params
        return self.episode_limit

    def shortest_episode(self, params: Any) -> jax.Array:
        """See `Environment`."""
        del params
        return jnp.ones((), jnp.int32)

    def layout_number(self, episode: jax.Array, params: Any) -> jax.Array:
        """See `Environment`."""
        del params
        return jnp.zeros_like(episode) if self.same_start else episode

    def draw_layout(self, words: tuple[jax.Array, jax.Array] | None, params: Any) -> tuple[jax.Array, jax.Array]:
        """Returns the words themselves: they make the key of a reset."""
        del params
        return words

    def begin(self, layout: tuple[jax.Array, jax.Array], params: Any) -> PerceivedState:
        """See `Environment`."""
        obs, env = self.env.reset(make_key(layout), params)
        no, zero = jnp.zeros((), jnp.bool_), jnp.zeros((), jnp.float32)
        state = AdaptedState(env, no, no, jnp.zeros((), jnp.int32), None, zero, zero, no)
        return self._perceived(obs, state, None, params)

    def step_from_words(
        self, words: tuple[jax.Array, jax.Array], state: PerceivedState, action: jax.Array, params: Any
    ) -> tuple[PerceivedState, jax.Array, jax.Array, jax.Array, dict]:
        """See `Environment`."""
        old = words_to_keys(state.adapted)
        obs, env, reward, terminated, truncated, info = self.env.step(make_key(words), old.env, action, params)
        reward = jnp.asarray(reward).astype(jnp.float32).reshape(())
        terminated = jnp.asarray(terminated).astype(jnp.bool_).reshape(())
        step = old.step + 1
        cut = jnp.asarray(truncated).astype(jnp.bool_).reshape(()) & ~terminated
        truncated = cut | ((step >= self.episode_limit) & ~terminated)
        returned = add_reward(old.episode_return, old.return_error, reward)
        new = AdaptedState(env, old.rewarded | (reward > 0), terminated, step, None, *returned, cut)
        return self._perceived(obs, new, old.notes, params), reward, terminated, truncated, info

    def _perceived(self, obs: Any, state: AdaptedState, notes: Any, params: Any) -> PerceivedState:
        """Returns `state` with what `perceive` notes and tells of it; `notes` are those of the step before."""
        take_notes = getattr(self.perceive, "take_notes", None)
        if take_notes is not None:
            state = dataclasses.replace(state, notes=take_notes(obs, state, notes, params))
        kept = obs if self.keeps_observations else None
        legal = self._find_legal(obs, state, params) if self.has_legal_actions else None
        return _strong(keys_to_words(PerceivedState(state, self.perceive(obs, state, params), kept, legal)))

    def _find_legal(self, obs: Any, state: AdaptedState, params: Any) -> jax.Array | None:
        if self.legal is not None:
            return self.legal(obs, state, params)
        tells = getattr(self.env, "legal_actions", None)
        return tells(obs, state.env, params) if callable(tells) else None

    def legal_actions(self, state: PerceivedState, params: Any) -> jax.Array:
        """See `Environment`."""
        del params
        return state.legal

    def perceive_state(self, state: PerceivedState, params: Any) -> Percept:
        """See `Environment`."""
        del params
        return state.percept

    def succeeded(self, state: PerceivedState, params: Any) -> jax.Array:
        """See `Environment`."""
        del params
        if self.success is None:
            return state.percept.predicates[-1]
        return jnp.asarray(success_function(self.success)(words_to_keys(state.adapted)))

    def truncates(self, state: PerceivedState, params: Any) -> jax.Array:
        """See `Environment`."""
        del params
        return state.adapted.truncated

    @property
    def has_picture(self) -> bool:
        """Whether the environment can be drawn."""
        return hasattr(self.env, "picture")

    def picture(self, state: PerceivedState, params: Any) -> np.ndarray:
        """Returns the environment's own picture of one state (NumPy arrays), `[H, W, 3]` uint8; on the host."""
        return np.asarray(self.env.picture(words_to_keys(state.adapted).env, params))

    def with_observations(self) -> "AdaptedEnvironment":
        """See `Environment`."""
        return dataclasses.replace(self, keeps_observations=True)

    def observe_state(self, state: PerceivedState, params: Any) -> Any:
        """See `Environment`; keys in an observation are numbers."""
        del params
        return state.observation

    def survey(self, state: PerceivedState) -> Any:
        """Returns what `perceive` knows of the grid that the agent is in, from its notes."""
        return self.perceive.survey(state.adapted.notes)

    def survey_outline(self) -> Any:
        """Returns the shapes of `survey`."""
        treedef, leaves = self.params_shapes
        params = jax.tree.unflatten(treedef, [jax.ShapeDtypeStruct(*leaf) for leaf in leaves])
        word = jax.ShapeDtypeStruct((), "uint32")
        return jax.eval_shape(lambda words, params: self.survey(self.begin(words, params)), (word, word), params)


def adapt(
    env: RawEnvironment,
    perceive: PerceiveFunction,
    params: Any,
    *,
    action_names: Sequence[str],
    predicate_names: Sequence[str] | None,
    episode_limit: int,
    same_start: bool = False,
    success: SuccessRule | None = None,
    legal_actions: LegalActions | None = None,
) -> tuple[AdaptedEnvironment, Any]:
    """Returns (environment, its params with explicit dtypes), the sizes found by tracing, without running anything.

    Args: see `AdaptedEnvironment`; without `predicate_names` the predicates are numbered.

    Raises:
        TypeError: what `perceive` gives is no percept, what `success` gives no bool, or what tells the legal actions no
            `[A]` bool.
        ValueError: the number of names is wrong, or `success` is unknown.
    """
    check_count("number of actions", len(action_names), 2, MOST_ACTIONS)
    params = jax.tree.map(lambda leaf: np.asarray(leaf, canonical_dtype(leaf)), params)
    shapes = shapes_of(params)
    environment = AdaptedEnvironment(
        env,
        perceive,
        tuple(action_names),
        (),
        0,
        shapes,
        episode_limit,
        same_start,
        success=success,
        legal=legal_actions,
        has_legal_actions=True,
    )
    begun = _first_state(environment, params)
    if begun.legal is not None:
        check_legal_actions(begun.legal, len(action_names))
    predicates, context = _percept_sizes(begun.percept)
    _check_success(environment, begun, params)
    names = [f"predicate_{i}" for i in range(predicates)] if predicate_names is None else predicate_names
    if len(names) != predicates:
        raise ValueError(f"predicate_names has {len(names)} names, perceive gives {predicates} predicates; name each")
    sizes = {"predicate_names": tuple(names), "context_size": context}
    return dataclasses.replace(environment, **sizes, has_legal_actions=begun.legal is not None), params


def _first_state(environment: AdaptedEnvironment, params: Any) -> PerceivedState:
    word = jax.ShapeDtypeStruct((), "uint32")
    return jax.eval_shape(lambda words: environment.begin(words, params), (word, word))


def _percept_sizes(percept: Any) -> tuple[int, int]:
    for name, (dtype, rank) in _PERCEPT_KINDS.items():
        leaf = getattr(percept, name, None)
        if leaf is None or str(leaf.dtype) != dtype or leaf.ndim != rank:
            given = "nothing" if leaf is None else f"{leaf.dtype}{list(leaf.shape)}"
            raise TypeError(f"perceive gives {given} as {name}; give {dtype} of {rank} dimension{'s' * (rank != 1)}")
    return percept.predicates.shape[0], percept.context.shape[0]


def _check_success(environment: AdaptedEnvironment, begun: PerceivedState, params: Any) -> None:
    if environment.success is None:
        return
    found = jax.eval_shape(lambda state: environment.succeeded(state, params), begun)
    if str(found.dtype) != "bool" or found.shape:
        raise TypeError(f"success gives {found.dtype}{list(found.shape)}; give one bool")


def _strong(tree: Any) -> Any:
    """Returns `tree` with arrays of explicit dtypes: a state that grows from the literal 0 is none in a loop."""

    def strong(leaf):
        leaf = jnp.asarray(leaf)
        return jax.lax.convert_element_type(leaf, leaf.dtype)

    return jax.tree.map(strong, tree)
