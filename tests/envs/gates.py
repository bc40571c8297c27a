"""A corridor that is not ours, in which few actions are legal: depending on the cell and a hidden twist."""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax import Percept

LENGTH, NUM_ACTIONS = 5, 6


def legal_at(place, twist):
    """In a cell one action leads on, one back, one nowhere; the others are illegal."""
    numbers = jnp.arange(NUM_ACTIONS, dtype=jnp.int32)
    offset = (numbers - place - twist) % NUM_ACTIONS
    return (offset == 0) | (offset == 1) | (offset == 3)


@dataclasses.dataclass(frozen=True)
class Gates:
    """An illegal action is counted in the state, and costs 100."""

    tells: bool = True
    num_actions = NUM_ACTIONS
    default_params = None

    def __post_init__(self):
        if self.tells:
            object.__setattr__(self, "legal_actions", _told)

    def reset(self, key, params):
        place, twist = jax.random.randint(key, (2,), 0, 2)
        return place, {"place": place, "twist": twist, "illegal": jnp.int32(0)}

    def step(self, key, state, action, params):
        place, twist = state["place"], state["twist"]
        legal = legal_at(place, twist)[action]
        offset = (action - place - twist) % NUM_ACTIONS
        move = jnp.where(offset == 0, 1, jnp.where(offset == 3, -1, 0))
        place = jnp.clip(place + jnp.where(legal, move, 0), 0, LENGTH)
        done = place == LENGTH
        state = {"place": place, "twist": twist, "illegal": state["illegal"] + (~legal).astype(jnp.int32)}
        return place, state, done.astype(jnp.float32) - 100.0 * (~legal).astype(jnp.float32), done, False, {}


def _told(obs, state, params):
    return legal_at(state["place"], state["twist"])


def perceive(obs, state, params):
    """The offset to the end; the twist stays hidden."""
    return Percept(state.rewarded[None], (LENGTH - obs).astype(jnp.float32)[None], obs.astype(jnp.uint32))
