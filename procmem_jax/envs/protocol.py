"""What the agent asks of a world, ours or a foreign one."""

from typing import Any, Protocol

import jax

from procmem_jax.envs.grid.world import GridWorld, GridWorldConfig
from procmem_jax.percept import Percept

WorldState = Any  # a pytree; which one is the world's own business
WorldParams = Any  # a pytree of numbers
Start = Any  # what an episode begins with: a layout, or random words; a small pytree
Words = tuple[jax.Array, jax.Array]


class World(Protocol):
    """A handle without state, hashable, static under `jit`. All methods take one example; `vmap` them for batches.

    Attributes:
        action_names: actions are the indices into it.
        predicate_names: P names; the last predicate means success.
        context_size: C, the length of a percept's context.
        draws_layout: whether episodes begin differently.
        costly_reset: whether `begin` takes longer than a step, so that a batch had better do it for few.
    """

    action_names: tuple[str, ...]
    predicate_names: tuple[str, ...]
    context_size: int
    draws_layout: bool
    costly_reset: bool

    def example_params(self) -> WorldParams:
        """Returns numbers of the right shapes and dtypes."""

    def check_params(self, params: WorldParams) -> None:
        """Raises a ValueError if the concrete `params` make no sense."""

    def time_limit(self, params: WorldParams) -> jax.Array:
        """Returns the steps after which an episode is truncated, 0 for never."""

    def shortest_episode(self, params: WorldParams) -> jax.Array:
        """Returns a number of steps that no episode stays below, `()` int32."""

    def layout_number(self, episode: jax.Array, params: WorldParams) -> jax.Array:
        """Returns the counter of the random words that `episode` begins with, `()` int32."""

    def draw_layout(self, words: Words | None, params: WorldParams) -> Start:
        """Returns what an episode begins with; `words` is None if nothing is drawn."""

    def begin(self, layout: Start, params: WorldParams) -> WorldState:
        """Returns the first state of an episode."""

    def step_from_words(
        self, words: Words, state: WorldState, action: jax.Array, params: WorldParams
    ) -> tuple[WorldState, jax.Array, jax.Array, jax.Array, dict]:
        """Returns (state, reward, terminated, truncated, info) of one raw transition, without a reset."""

    def perceive_state(self, state: WorldState, params: WorldParams) -> Percept:
        """Returns what a memory may know."""

    def scripted_action(self, state: WorldState, params: WorldParams) -> jax.Array:
        """Returns the scripted explorer's action, `()` int32, -1 where it has none."""


def make_world(config: Any) -> World:
    """Returns the world of a config; a foreign world is its own."""
    return GridWorld(config) if isinstance(config, GridWorldConfig) else config
