"""Stored skills as options: action sequences that another learner may choose, and where each may begin."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.library import SkillLibrary, holds, success_rates
from procmem_jax.memory.settings import LibraryConfig


@dataclasses.dataclass(frozen=True)
class Options:
    """K skills of one library, in the order of their slots; hashable, static under `jit`.

    Source: Sutton, Precup & Singh 1999, "Between MDPs and semi-MDPs". The initiation set is the skill's precondition,
    the policy its actions one after another; it ends after the last.

    Attributes:
        slots: of the library, K of them.
        actions: of each skill, 1 to L.
        pre_mask, pre_value: `[P]` of each skill, which predicates its precondition asks about, and what it wants
            of them.
    """

    slots: tuple[int, ...]
    actions: tuple[tuple[int, ...], ...]
    pre_mask: tuple[tuple[bool, ...], ...]
    pre_value: tuple[tuple[bool, ...], ...]

    def initiable(self, predicates: jax.Array) -> jax.Array:
        """Returns which options may begin, `[K]` bool: where the memory itself calls the skill applicable.

        Args:
            predicates: `[P]` bool, what holds now.
        """
        return holds(jnp.asarray(self.pre_mask).T, jnp.asarray(self.pre_value).T, predicates)


def make_options(library: SkillLibrary) -> Options:
    """Returns the skills of a library that are not retired: success rate at least the default memory's `retire_rate`.

    Args:
        library: one example, concrete.

    Raises:
        ValueError: the library is of several agents, or offers no skill.
    """
    library = jax.tree.map(np.asarray, library)
    if library.skill_ids.ndim != 1:
        raise ValueError(f"skills are the libraries of {len(library.skill_ids)} agents; give that of one agent")
    rates = np.asarray(success_rates(library, LibraryConfig()))
    slots = np.flatnonzero(library.used & (rates >= DefaultMemoryParams().retire_rate)).tolist()
    if not slots:
        raise ValueError("skills hold none that is not retired; use a library that has learned some")
    return Options(
        slots=tuple(slots),
        actions=tuple(tuple(library.actions[slot, : library.lengths[slot]].tolist()) for slot in slots),
        pre_mask=tuple(tuple(library.pre_mask[slot].tolist()) for slot in slots),
        pre_value=tuple(tuple(library.pre_value[slot].tolist()) for slot in slots),
    )
