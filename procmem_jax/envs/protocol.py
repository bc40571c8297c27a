"""What an agent asks of an environment, ours or a foreign one."""

from typing import Any, Protocol

import jax

from procmem_jax.percept import Percept

EnvState = Any  # a pytree; which one is the environment's own business
EnvParams = Any  # a pytree of numbers
Start = Any  # what an episode begins with: a layout, or random words; a small pytree
Words = tuple[jax.Array, jax.Array]


class Environment(Protocol):
    """An object without state, hashable, static under `jit`. All methods take one example; `vmap` them for batches.

    One in which not every action may be taken in every state has an attribute `has_legal_actions`, True, and a method
    `legal_actions(state, params)`, which returns `[A]` bool: nothing else is taken then, except where nothing is legal.

    Attributes:
        action_names: actions are the indices into it.
        predicate_names: P names.
        context_size: C, the length of a percept's context.
        percept_name: of what makes its percepts: libraries are of use where all names, C and this are the same.
        draws_layout: whether episodes begin differently.
        costly_reset: whether `begin` takes longer than a step, so that a batch had better do it for few.
        has_success: whether it says what success is, so that `succeeded` may be asked.
        has_script: whether `scripted_action(obs)` tells what a script would do, `()` int32, -1 for nothing.
    """

    action_names: tuple[str, ...]
    predicate_names: tuple[str, ...]
    context_size: int
    percept_name: str
    draws_layout: bool
    costly_reset: bool
    has_success: bool
    has_script: bool

    @property
    def num_actions(self) -> int:
        """The number of actions."""

    def check_params(self, params: EnvParams) -> None:
        """Raises a ValueError if the concrete `params` make no sense."""

    def time_limit(self, params: EnvParams) -> jax.Array:
        """Returns the steps after which an episode is truncated, 0 for never."""

    def shortest_episode(self, params: EnvParams) -> jax.Array:
        """Returns a number of steps that no episode stays below, `()` int32."""

    def layout_number(self, episode: jax.Array, params: EnvParams) -> jax.Array:
        """Returns the counter of the random words that `episode` begins with, `()` int32."""

    def draw_layout(self, words: Words | None, params: EnvParams) -> Start:
        """Returns what an episode begins with; `words` is None if nothing is drawn."""

    def begin(self, layout: Start, params: EnvParams) -> EnvState:
        """Returns the first state of an episode."""

    def step_from_words(
        self, words: Words, state: EnvState, action: jax.Array, params: EnvParams
    ) -> tuple[EnvState, jax.Array, jax.Array, jax.Array, dict]:
        """Returns (state, reward, terminated, truncated, info) of one raw transition, without a reset."""

    def perceive_state(self, state: EnvState, params: EnvParams) -> Percept:
        """Returns what a memory may know."""

    def succeeded(self, state: EnvState, params: EnvParams) -> jax.Array:
        """Returns whether an episode that ends in `state` is a success, `()` bool."""

    def truncates(self, state: EnvState, params: EnvParams) -> jax.Array:
        """Returns whether the environment cut the episode short itself, and not `time_limit`, `()` bool."""

    def with_observations(self) -> "Environment":
        """Returns the same environment, its states such that `observe_state` works."""

    def observe_state(self, state: EnvState, params: EnvParams) -> Any:
        """Returns the observation of a state, a pytree of arrays."""
