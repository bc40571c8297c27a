"""What an agent does when no skill runs."""

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.records import state_record
from procmem_jax.streams import scale_word

SCRIPTED = -1  # the entry of a tape that stands for the scripted choice


@state_record
class Tape:
    """Recorded exploration: entry by entry, an action or the scripted choice.

    Attributes:
        entries: `[T]` int8, an action, or -1 for the scripted choice.
        next_action: `[T]` int32, the first index from here on whose entry is an action; T if there is none.
    """

    entries: jax.Array
    next_action: jax.Array


def make_tape(entries, length: int) -> Tape:
    """Returns the tape of a list of entries, padded with -1 to `length`.

    Raises:
        ValueError: there are more than `length` entries.
    """
    entries = np.asarray(entries, np.int8)
    if entries.size > length:
        raise ValueError(f"tape of {entries.size} entries exceeds length={length}; raise length")
    padded = np.full(length, SCRIPTED, np.int8)
    padded[: entries.size] = entries
    index = np.where(padded == SCRIPTED, length, np.arange(length))
    next_action = np.minimum.accumulate(index[::-1])[::-1].astype(np.int32)
    return Tape(jnp.asarray(padded), jnp.asarray(next_action))


def random_action(word: jax.Array, num_actions: int) -> jax.Array:
    """Returns a uniform action, `()` int32, from one random word."""
    return scale_word(word, num_actions)[0]


def explore(explorer: str, word: jax.Array, scripted: jax.Array, epsilon: jax.Array, num_actions: int) -> jax.Array:
    """Returns the action of an exploration policy, `()` int32.

    Args:
        explorer: static; "scripted", "random" or "epsilon".
        word: `()` uint32, a random word.
        scripted: `()` int32, the script's choice, -1 where it has none (a random action is taken).
        epsilon: `()` float32, the probability of a random action under "epsilon".
        num_actions: static.
    """
    action, leftover = scale_word(word, num_actions)
    if explorer == "random":
        return action
    takes_random = scripted == SCRIPTED
    if explorer == "epsilon":
        coin = (leftover >> 8).astype(jnp.float32) * 2.0**-24
        takes_random = takes_random | (coin < epsilon)
    return jnp.where(takes_random, action, scripted)


def play_tape(tape: Tape, index: jax.Array, scripted: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (action `()` int32, index of the next entry `()` int32) of a recorded explorer.

    An entry of -1 stands for the scripted choice. Where the script has none to offer, entries are consumed up to and
    including the next one that is an action, and that is taken. An index above T afterwards says that the tape ran out.

    Args:
        tape: one example.
        index: `()` int32, the next entry.
        scripted: `()` int32, the script's choice, -1 where it has none.
    """
    length = tape.entries.shape[0]
    here = jnp.minimum(index, length - 1)
    searching = (tape.entries[here] == SCRIPTED) & (scripted == SCRIPTED)
    found = jnp.where(searching, tape.next_action[here], here)
    entry = tape.entries[jnp.minimum(found, length - 1)].astype(jnp.int32)
    ran_out = (index >= length) | (found >= length)
    action = jnp.where(entry == SCRIPTED, scripted, entry)
    return jnp.where(ran_out, 0, action), jnp.where(ran_out, length + 1, found + 1)
