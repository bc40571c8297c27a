"""A corridor that is not ours: a switch at its left end lights the lamp at its right end, where the episode ends."""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax import Percept

LENGTH = 9
NAMES = ("lamp", "at_lamp")


@dataclasses.dataclass(frozen=True)
class Corridor:
    """Actions: left, right, press, and pull, which switches the lamp off again. It keeps a key that nothing needs."""

    num_actions = 4
    default_params = None

    def reset(self, key, params):
        place = jax.random.randint(key, (), 2, LENGTH - 2)
        return place, {"place": place, "lamp": False, "key": jax.random.split(key)[0]}

    def step(self, key, state, action, params):
        move = jnp.where(action == 1, 1, jnp.where(action == 0, -1, 0))
        place = jnp.clip(state["place"] + move, 0, LENGTH - 1)
        pressed = (action == 2) & (place == 0)
        lamp = (state["lamp"] | pressed) & ~((action == 3) & (place == 0))
        done = lamp & (place == LENGTH - 1)
        state = {"place": place, "lamp": lamp, "key": jax.random.fold_in(state["key"], place)}
        return place, state, jnp.where(done, 1.0, 0.0), done, False, {}


def perceive(obs, state, params):
    """The offset to the switch, or to the lamp once it is lit."""
    lamp = jnp.asarray(state.env["lamp"])
    target = jnp.where(lamp, LENGTH - 1, 0)
    return Percept(
        predicates=jnp.stack([lamp, state.rewarded]),
        context=(target - obs).astype(jnp.float32)[None],
        fingerprint=(obs + 16 * lamp.astype(jnp.int32)).astype(jnp.uint32),
    )
