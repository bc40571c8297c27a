"""What a check looks at in each step of random play."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from procmem_jax.envs.foreign.door_key import hash_of
from procmem_jax.envs.foreign.forms.actions import TabledActions
from procmem_jax.envs.foreign.forms.by_content import HashableEnvironment
from procmem_jax.envs.foreign.forms.layers import inner_layers, is_gymnax
from procmem_jax.envs.foreign.forms.steady import name_of
from procmem_jax.envs.foreign.keys import KeyWords, make_key, words_to_keys
from procmem_jax.envs.foreign.probes.play import Played, begin_episode
from procmem_jax.envs.protocol import Environment, EnvState

_LONGEST_WATCHED, _MOST_WATCHED = 32, 64


class Element(NamedTuple):
    """One number of a state or observation that is watched by itself; a key's two words are one.

    Attributes:
        name: what a user calls it.
        leaf: its place among the leaves of `parts_of`.
        place: its place in that leaf; None for all of it.
    """

    name: str
    leaf: int
    place: int | None


@dataclasses.dataclass(frozen=True)
class Look:
    """What `play` is to show for a check. Hashable.

    Attributes:
        environment: with observations.
        watched: elements.
        wrapper: an environment in wrappers whose own step is played beside, None for none.
    """

    environment: Environment
    watched: tuple[Element, ...]
    wrapper: Any = None

    def __call__(self, played: Played, params: Any) -> dict[str, Any]:
        """Returns what was seen of one step, a dict of arrays."""
        before, after = played.before, played.after
        percept, later = (self.environment.perceive_state(state, params) for state in (before, after))
        seen = {
            "start": played.start,
            "reward": jnp.asarray(played.reward, jnp.float32),
            "ended": played.terminated | played.truncated,
            "cut": played.truncated & self._at_our_limit(after),
            "predicates": jnp.stack([percept.predicates, later.predicates]),
            "context": jnp.stack([percept.context, later.context]),
            "fingerprint": percept.fingerprint,
            "finite": jnp.stack([self._finite(state, params) for state in (before, after)]),
            "whole": jnp.stack([_digest(_own(state)) for state in (before, after)]),
            "values": jnp.stack([self._values(state, params) for state in (before, after)]),
            "frozen": self._frozen(before, params),
            "succeeded": self.environment.succeeded(after, params),
        }
        if self.wrapper is not None:
            seen["honoured"] = _honoured(self.wrapper, played, params)
        return seen

    def _at_our_limit(self, state: EnvState) -> jax.Array:
        """Returns whether this package ends the episode here, if the environment does not."""
        limit = getattr(self.environment, "episode_limit", None)
        return jnp.zeros((), jnp.bool_) if limit is None else state.adapted.step >= limit

    def _finite(self, state: EnvState, params: Any) -> jax.Array:
        leaves = jax.tree.leaves(parts_of(self.environment, state, params)[0])
        finite = [jnp.all(jnp.isfinite(leaf)) for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.inexact)]
        return jnp.stack([jnp.ones((), jnp.bool_), *finite])

    def _values(self, state: EnvState, params: Any) -> jax.Array:
        leaves = jax.tree.leaves(parts_of(self.environment, state, params))
        values = [jnp.ravel(leaves[element.leaf])[element.place or 0] for element in self.watched]
        return jnp.stack([jnp.zeros((), jnp.float32), *(value.real.astype(jnp.float32) for value in values)])

    def _frozen(self, state: EnvState, params: Any) -> jax.Array:
        """Returns the fingerprint with each watched element set to 0, `[K + 1]` uint32, the first with none."""
        leaves, form = jax.tree.flatten(parts_of(self.environment, state, params))

        def without(number):
            changed = list(leaves)
            for index, element in enumerate(self.watched):
                leaf = changed[element.leaf]
                here = jnp.arange(leaf.size).reshape(leaf.shape) == element.place if element.place is not None else True
                changed[element.leaf] = jnp.where((number == index + 1) & here, jnp.zeros_like(leaf), leaf)
            observation, rest = jax.tree.unflatten(form, changed)
            return _fingerprint(self.environment, observation, rest, params)

        return jax.vmap(without)(jnp.arange(len(self.watched) + 1, dtype=jnp.int32))


def look_at(environment: Environment, params: Any) -> Look:
    """Returns what to show of the environment: small numbers of its states and observations are watched one by one."""
    environment, word = environment.with_observations(), jax.ShapeDtypeStruct((), "uint32")
    state = jax.eval_shape(lambda words: begin_episode(environment, words, params), (word, word))
    parts = jax.eval_shape(lambda state: parts_of(environment, state, params), state)
    watched = []
    for number, (path, leaf) in enumerate(jax.tree.leaves_with_path(parts)):
        name = name_of(path)
        if leaf.dtype == jnp.uint32 and leaf.shape == (2,):
            watched.append(Element(name, number, None))
        elif leaf.ndim <= 1 and leaf.size <= _LONGEST_WATCHED:
            places = range(leaf.size)
            watched.extend(Element(f"{name}[{place}]" if leaf.ndim else name, number, place) for place in places)
    return Look(environment, tuple(watched[:_MOST_WATCHED]), _wrapper_in(environment))


def parts_of(environment: Environment, state: EnvState, params: Any) -> tuple[Any, Any]:
    """Returns (observation, all else that a percept is made of), keys as words."""
    return environment.observe_state(state, params), getattr(state, "adapted", state)


def _own(state: EnvState) -> Any:
    return state.adapted.env if hasattr(state, "adapted") else state


def _fingerprint(environment: Environment, observation: Any, rest: Any, params: Any) -> jax.Array:
    if not hasattr(environment, "perceive"):
        return environment.perceive_state(rest, params).fingerprint
    return environment.perceive(words_to_keys(observation), words_to_keys(rest), params).fingerprint


def _digest(tree: Any) -> jax.Array:
    """Returns a hash of all arrays but keys, `()` uint32."""
    digest = jnp.zeros((), jnp.uint32)
    for leaf in jax.tree.leaves(tree, is_leaf=lambda leaf: isinstance(leaf, KeyWords)):
        if isinstance(leaf, KeyWords) or (leaf.dtype == jnp.uint32 and leaf.shape == (2,)):
            continue
        if jnp.issubdtype(leaf.dtype, jnp.inexact):
            leaf = jax.lax.bitcast_convert_type(leaf.real.astype(jnp.float32), jnp.uint32)
        digest = digest * jnp.uint32(0x9E3779B1) + hash_of(leaf.astype(jnp.uint32))
    return digest


def _wrapper_in(environment: Environment) -> Any:
    """Returns the gymnax environment that adapters hold, if it is one in wrappers and takes the actions as they are."""
    held = getattr(environment, "env", None)
    while held is not None and not is_gymnax(held):
        if isinstance(held, TabledActions):
            return None
        held = held.value if isinstance(held, HashableEnvironment) else getattr(held, "env", None)
    return held if held is not None and inner_layers(held) else None


def _honoured(wrapper: Any, played: Played, params: Any) -> jax.Array:
    """Returns whether reward, end and (unless it is the end) observation are those of the wrapper's own step."""
    state = words_to_keys(played.before.adapted).env
    try:
        observation, _, reward, *ends, _ = wrapper.step(make_key(played.words), state, played.action, params)
    except (AttributeError, TypeError):  # it is not given its own state
        return jnp.zeros((), jnp.bool_)
    done = jnp.asarray(ends[0]) | jnp.asarray(ends[-1])
    pairs = zip(jax.tree.leaves(observation), jax.tree.leaves(words_to_keys(played.after.observation)), strict=True)
    same = [jnp.asarray(reward).astype(jnp.float32) == played.reward]
    same += [done | _all_equal(own, met) for own, met in pairs]
    return jnp.all(jnp.stack(same)) & (~done | played.terminated | played.truncated)


def _all_equal(own: jax.Array, met: jax.Array) -> jax.Array:
    if jax.dtypes.issubdtype(met.dtype, jax.dtypes.prng_key):
        return jnp.ones((), jnp.bool_)
    return jnp.all((own == met) | ((own != own) & (met != met)))
