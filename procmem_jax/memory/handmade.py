"""A skill made by hand, from what one would say of it."""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.memory.checks import all_met, as_checked, is_traced
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import NO_LABEL, Skill, checked_skill

Predicate = int | str  # its index, or its name


def make_skill(
    actions: jax.Array | Sequence[int],
    embedding: jax.Array | Sequence[float],
    *,
    config: LibraryConfig,
    requires: Mapping[Predicate, bool] | None = None,
    achieves: Mapping[Predicate, bool] | None = None,
    name: Predicate | None = None,
    predicate_names: Sequence[str] | None = None,
    successes: jax.Array | int = 0,
    episode: jax.Array | int | None = None,
    tick: jax.Array | int | None = None,
) -> Skill:
    """Returns a skill made by hand, ready for `insert`, which refuses it if what is traced turns out wrong.

    Args:
        actions: 1 to L whole numbers from 0 to `config.largest_action`; how many is the skill's length.
        embedding: `[D]` floats of any length but all finite.
        config: static, of the library that it is for.
        requires: what must hold where the skill begins, by predicate; what is not named may be either.
        achieves: what holds where it has succeeded, likewise.
        name: the predicate that the skill is named after.
        predicate_names: those of the environment, P of them, so that predicates can be given by name.
        successes: `()` integer, the successes that it starts with.
        episode, tick: `()` integers, when it was learned.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: one is of another shape or, where that is known, out of bounds.
    """
    names = _checked_names(predicate_names, config.num_predicates)
    pre_mask, pre_value = _condition("requires", requires, names)
    post_mask, post_value = _condition("achieves", achieves, names)
    actions, length = _padded(actions, config.max_skill_length)
    embedding = as_checked("embedding", embedding, "real numbers", embedding_size=config.embedding_size)
    if not is_traced(embedding):
        all_met("embedding", embedding, np.isfinite(embedding), "is not finite", "give finite numbers")
    skill = Skill(
        embedding=embedding,
        actions=actions,
        length=np.int8(length),
        pre_mask=pre_mask,
        pre_value=pre_value,
        post_mask=post_mask,
        post_value=post_value,
        label=np.int8(NO_LABEL if name is None else _index_of("name", name, names)),
        successes=successes,
        episode=episode,
        tick=tick,
    )
    checked, _ = checked_skill(skill, config)
    # What is traced stays as it came, so that `insert` can still see what is wrong with it.
    traced = {field: value for field, value in vars(skill).items() if is_traced(value)}
    return dataclasses.replace(checked, **traced)


def _padded(actions: jax.Array | Sequence[int], longest: int) -> tuple[np.ndarray | jax.Array, int]:
    """Returns (the actions `[L]`, how many they are)."""
    actions = actions if is_traced(actions) else np.asarray(actions)
    if actions.ndim != 1 or not 1 <= actions.shape[0] <= longest:
        raise ValueError(
            f"actions has shape {actions.shape}, not one axis of 1 to max_skill_length={longest}; give as many actions"
        )
    pad = jnp.pad if is_traced(actions) else np.pad
    return pad(actions, (0, longest - actions.shape[0])), actions.shape[0]


def _checked_names(names: Sequence[str] | None, num_predicates: int) -> tuple[str | None, ...]:
    """Returns P names, None for each if there are none."""
    if names is None:
        return (None,) * num_predicates
    names = tuple(names)
    if len(names) != num_predicates or len(set(names)) < len(names):
        raise ValueError(
            f"predicate_names={list(names)} are not num_predicates={num_predicates} different names; give one for each "
            "predicate"
        )
    return names


def _condition(
    argument: str, wanted: Mapping[Predicate, bool] | None, names: tuple[str | None, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (mask, value), `[P]` bool each."""
    mask, value = np.zeros((2, len(names)), np.bool_)
    if wanted is not None and not isinstance(wanted, Mapping):
        raise TypeError(f"{argument}={wanted!r} is a {type(wanted).__name__}; give a dict from predicates to bools")
    for predicate, truth in (wanted or {}).items():
        index = _index_of(argument, predicate, names)
        if not isinstance(truth, (bool, np.bool_)):
            raise TypeError(f"{argument}[{predicate!r}]={truth!r} is a {type(truth).__name__}; give True or False")
        if mask[index]:
            raise ValueError(f"{argument} has predicate {index} twice; give it once, by index or by name")
        mask[index], value[index] = True, truth
    return mask, value


def _index_of(argument: str, predicate: Predicate, names: tuple[str | None, ...]) -> int:
    """Returns the index of a predicate given by index or name."""
    if isinstance(predicate, str):
        if predicate in names:
            return names.index(predicate)
        known = [name for name in names if name is not None]
        remedy = f"choose from {', '.join(known)}" if known else "give its index, or predicate_names"
        raise ValueError(f"{argument} has predicate {predicate!r}, which is unknown; {remedy}")
    if isinstance(predicate, bool) or not isinstance(predicate, (int, np.integer)):
        kind = type(predicate).__name__
        raise TypeError(f"{argument} has predicate {predicate!r}, a {kind}; give its index or its name")
    if not 0 <= predicate < len(names):
        raise ValueError(f"{argument} has predicate {predicate}, outside 0 to {len(names) - 1}; give its index")
    return int(predicate)
