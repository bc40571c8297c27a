"""Skills as further actions of a grid for other people's learners: each runs to its end within one step."""

import dataclasses
import numbers
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments.libraries.options import options_for
from procmem_jax.memory.options import Options
from procmem_jax.records import check_range, state_record

WAIT = -1  # an action that costs a step and does nothing


@state_record
class Outcome:
    """What one choice of a learner led to.

    Attributes:
        reward: `()` float32, the discounted sum of what its steps paid.
        terminated, truncated: `()` bool, of the last step.
        executed_action: `()` int32, of the last step.
        duration: `()` int32, primitive steps taken.
        initiable: `()` bool, whether the choice could begin.
    """

    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    executed_action: jax.Array
    duration: jax.Array
    initiable: jax.Array


# (state, steps of the choice so far, action) -> (state, reward, terminated, truncated, executed action)
PrimitiveStep = Callable[[Any, jax.Array, jax.Array], tuple[Any, jax.Array, jax.Array, jax.Array, jax.Array]]


@dataclasses.dataclass(frozen=True)
class Choices:
    """A learner's actions: the world's own as options of one step, and behind them skills; static under `jit`.

    Attributes:
        world: in which they are.
        skills: K of them.
        discount: of the rewards inside an option, per primitive step.

    Raises:
        TypeError, ValueError: the discount is no number from 0 to 1.
    """

    world: GridWorld
    skills: Options
    discount: float

    def __post_init__(self):
        if isinstance(self.discount, bool) or not isinstance(self.discount, numbers.Real):
            raise TypeError(f"discount={self.discount!r} is a {type(self.discount).__name__}; give a number")
        check_range("discount", float(self.discount), 0.0, 1.0)

    @property
    def num_actions(self) -> int:
        """The number of actions and skills together, A + K."""
        return self.world.num_actions + len(self.skills.actions)

    def action_mask(self, state: Any, params: Any) -> jax.Array:
        """Returns which choices can begin in a state of the world, `[A + K]` bool."""
        predicates = self.world.perceive_state(state, params).predicates
        return jnp.concatenate([jnp.ones(self.world.num_actions, jnp.bool_), self.skills.initiable(predicates)])

    def carry_out(self, step: PrimitiveStep, state: Any, choice: jax.Array, mask: jax.Array) -> tuple[Any, Outcome]:
        """Returns (state, outcome) after the choice has run to its end, or to that of the episode (one example).

        A choice that cannot begin, or is none of 0 to A + K - 1, costs one step, in which nothing is done.

        Args:
            step: of the world.
            state: what `step` changes.
            choice: `()` int32.
            mask: `[A + K]` bool, of `action_mask`.
        """
        rows = [(action,) for action in range(self.world.num_actions)] + list(self.skills.actions)
        longest = max(map(len, rows))
        table = jnp.asarray([row + (WAIT,) * (longest - len(row)) for row in rows], jnp.int32)
        known = (choice >= 0) & (choice < len(rows))
        place = jnp.where(known, choice, 0)
        initiable = known & mask[place]
        actions = jnp.where(initiable, table[place], WAIT)
        length = jnp.where(initiable, jnp.asarray([len(row) for row in rows], jnp.int32)[place], 1)

        def goes_on(carry) -> jax.Array:
            _, so_far, _ = carry
            return (so_far.duration < length) & ~(so_far.terminated | so_far.truncated)

        def move(carry):
            state, so_far, weight = carry
            state, reward, *ends, executed = step(state, so_far.duration, actions[so_far.duration])
            reward = so_far.reward + weight * reward
            outcome = Outcome(reward, *ends, executed.astype(jnp.int32), so_far.duration + 1, initiable)
            return state, outcome, weight * jnp.float32(self.discount)

        zero, no, weight = jnp.zeros((), jnp.int32), jnp.zeros((), jnp.bool_), jnp.ones((), jnp.float32)
        begin = Outcome(jnp.zeros((), jnp.float32), no, no, zero, zero, initiable)
        state, outcome, _ = jax.lax.while_loop(goes_on, move, (state, begin, weight))
        return state, outcome


def make_choices(skills: Any, discount: float | None, world: GridWorld) -> Choices | None:
    """Returns the choices that a caller's `skills` add to a world, None if these are None.

    Args:
        skills: path of an exported library of one agent, `SavedLibraries` or a `SkillLibrary`.
        discount: of `Choices`; None: 1.
        world: static.

    Raises:
        TypeError, ValueError: the skills cannot be read or do not fit the world, or there is a discount without them.
    """
    if skills is None:
        if discount is not None:
            raise ValueError(f"discount={discount} is of the rewards inside skills; give skills too, or leave it out")
        return None
    return Choices(world, options_for(skills, world), 1.0 if discount is None else discount)
