"""Skills of a library as options for a world, checked to be of its kind."""

import os
from typing import Any

import jax

from procmem_jax.envs.protocol import Environment
from procmem_jax.experiments.libraries.files import import_libraries
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.warm_start import check_names
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.memory.options import Options, make_options


def options_for(skills: Any, world: Environment) -> Options:
    """Returns the skills of one agent as options for `world`.

    What their situations were compared by does not matter here, only what their actions and predicates mean.

    Args:
        skills: path of an exported file, `SavedLibraries` or a `SkillLibrary`, of one agent.
        world: in which they will run.

    Raises:
        TypeError: `skills` are none of these.
        ValueError: they are of several agents, of another kind of world, or cannot be read.
    """
    if isinstance(skills, (str, os.PathLike)):
        saved = import_libraries(skills)
        try:
            return options_for(saved, world)
        except ValueError as error:
            raise ValueError(f"{os.fspath(skills)}: {error}") from None
    if isinstance(skills, SavedLibraries):
        check_names(skills, world, "the world")
        if len(skills.agents) > 1:
            raise ValueError(
                f"{len(skills.agents)} libraries are there; export one with --agent, or give that of "
                "import_libraries(FILE).of_agent(I)"
            )
        return options_for(jax.tree.map(lambda array: array[0], skills.libraries), world)
    if not isinstance(skills, SkillLibrary):
        kind = type(skills).__name__
        raise TypeError(f"skills={skills!r} is a {kind}; give the path of an exported library, or a SkillLibrary")
    options = make_options(skills)
    _check_numbers(options, world)
    return options


def _check_numbers(options: Options, world: Environment) -> None:
    """Raises a ValueError for skills of other numbers of predicates or actions: a bare library has no names."""
    predicates, action = len(options.pre_mask[0]), max(map(max, options.actions))
    if predicates != len(world.predicate_names):
        raise ValueError(
            f"skills ask about {predicates} predicates, the world has {len(world.predicate_names)}; use a library of "
            "the same kind of world"
        )
    if action >= world.num_actions:
        raise ValueError(
            f"skills take action {action}, the world has {world.num_actions}; use a library of the same kind of world"
        )
