"""A few hundred random steps in an environment, ours or a foreign one."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.envs.foreign.adapted import AdaptedState
from procmem_jax.envs.legal import legal_actions_in, random_legal_action
from procmem_jax.envs.protocol import Environment, EnvState
from procmem_jax.percept import Percept
from procmem_jax.streams import draw_words, open_streams, run_key, scale_word

NUM_LANES, NUM_STEPS = 8, 64


@dataclasses.dataclass(frozen=True)
class Played:
    """One step of random play.

    Attributes:
        start: `()` bool, whether it is the first of its episode.
        before, after: the states around it, with their observations.
        action, words: what the step was given, `()` int32 and two `()` uint32.
        reward, terminated, truncated: what came.
    """

    start: jax.Array
    before: EnvState
    after: EnvState
    action: jax.Array
    words: tuple[jax.Array, jax.Array]
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array


def _play(
    environment: Environment,
    params: Any,
    show: Callable[[Played, Any], Any],
    *,
    num_lanes: int = NUM_LANES,
    num_steps: int = NUM_STEPS,
) -> Any:
    """Returns what `show` tells of each step of uniformly random play, `[T, A, ...]`; the same in every call.

    Where the environment tells which actions are legal, no other is played.

    Args:
        environment: static.
        params: its own.
        show: static, (`Played` of one lane, params) -> pytree of arrays.
        num_lanes, num_steps: static, A episodes beside each other, each begun anew where it ends, and T.
    """
    environment = environment.with_observations()
    streams, lanes = open_streams(run_key(0)), jnp.arange(num_lanes, dtype=jnp.uint32)

    def starts_of(number):
        words = draw_words(streams.episode, environment.layout_number(number, params), lanes)
        return jax.vmap(lambda words: begin_episode(environment, words, params))(words)

    def begin(ended, state, number):
        starts = starts_of(number)
        return jax.tree.map(lambda new, old: jnp.where(_along(ended, new), new, old), starts, state)

    def tick(carry, now):
        ended, state, number = carry
        # Behind a condition, since a reset may take as long as many steps; here alone, since it takes long to compile.
        state = jax.lax.cond(jnp.any(ended), begin, lambda ended, state, number: state, ended, state, number)
        words = draw_words(streams.tick, now, lanes)
        action, rest = scale_word(words[0], environment.num_actions)
        legal = jax.vmap(lambda state: legal_actions_in(environment, state, params))(state)
        action = action if legal is None else jax.vmap(random_legal_action)(words[0], legal)
        words = (rest, words[1])
        step = jax.vmap(environment.step_from_words, ((0, 0), 0, 0, None))
        after, *came, _ = step(words, state, action, params)
        shown = jax.vmap(lambda *parts: show(Played(*parts), params))(ended, state, after, action, words, *came)
        _, terminated, truncated = came
        ended = terminated | truncated
        return (ended, after, number + ended.astype(jnp.int32)), shown

    number = jnp.zeros(num_lanes, jnp.int32)
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(starts_of, number))
    carry = (jnp.ones(num_lanes, jnp.bool_), blank, number)
    return jax.lax.scan(tick, carry, jnp.arange(num_steps, dtype=jnp.int32))[1]


def begin_episode(environment: Environment, words: tuple[jax.Array, jax.Array], params: Any) -> EnvState:
    """Returns the first state of an episode that is drawn by two random words."""
    layout = environment.draw_layout(words if environment.draws_layout else None, params)
    return environment.begin(layout, params)


_STATIC = ("environment", "show", "num_lanes", "num_steps")
play_at_speed = jax.jit(_play, static_argnames=_STATIC)
# A few hundred steps take no time, but compiling does: without its optimisations, half of it.
_UNOPTIMISED = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
play = jax.jit(_play, static_argnames=_STATIC, compiler_options=_UNOPTIMISED)


def _along(mask: jax.Array, like: jax.Array) -> jax.Array:
    return mask.reshape(mask.shape + (1,) * (like.ndim - mask.ndim))


def no_percept(obs: Any, state: AdaptedState, params: Any) -> Percept:
    """Returns a percept that tells nothing, for play that needs none."""
    del obs, state, params
    return Percept(jnp.zeros(1, jnp.bool_), jnp.zeros(1, jnp.float32), jnp.zeros((), jnp.uint32))
