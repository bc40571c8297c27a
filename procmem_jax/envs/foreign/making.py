"""Any environment in our terms: whose it is, its actions, its limit, what a memory may know of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from procmem_jax.envs.foreign.adapted import AdaptedEnvironment, LegalActions, PerceiveFunction, adapt
from procmem_jax.envs.foreign.forms.actions import number_actions
from procmem_jax.envs.foreign.forms.by_content import hashable
from procmem_jax.envs.foreign.forms.limits import whole_limit
from procmem_jax.envs.foreign.forms.traced import traceable
from procmem_jax.envs.foreign.listed import Facts, PartFunction, as_percept
from procmem_jax.envs.foreign.probes.play import no_percept
from procmem_jax.envs.foreign.probes.ranges import is_open, probed
from procmem_jax.envs.foreign.recognised import recognise
from procmem_jax.envs.foreign.success import SuccessRule
from procmem_jax.records import check_count


class Outline(NamedTuple):
    """What is known of an environment without playing it: a `RawEnvironment`, its params, actions and limit (steps)."""

    env: Any
    params: Any
    action_names: Sequence[str]
    limit: int


def outline_of(
    env: Any,
    *,
    env_params: Any = None,
    max_steps: int | None = None,
    num_actions: int | None = None,
    actions: Any = None,
    action_names: Sequence[str] | None = None,
    usual_limit: int | None = None,
) -> Outline:
    """Returns what is known of an environment; arguments and errors are those of `with_memory`.

    `usual_limit` holds where neither `max_steps` nor the environment tells one.
    """
    raw, env_params, told_names, told_limit, space = recognise(env, env_params)
    raw = hashable(raw)
    if actions is not None or told_names is None:
        raw, told_names = number_actions(raw, space, actions)
    told_limit = whole_limit(told_limit) if max_steps is None else max_steps
    limit = usual_limit if told_limit is None else told_limit
    if limit is None:
        raise ValueError("max_steps is unknown: the environment's params do not tell; give it")
    check_count("max_steps", limit, 1, 2**30)
    return Outline(raw, env_params, _action_names(action_names, num_actions, told_names), int(limit))


def make_environment(
    outline: Outline,
    perceive: PerceiveFunction | Facts | None = None,
    *,
    offsets: PartFunction | Sequence[PartFunction] | None = None,
    success: SuccessRule | None = None,
    predicate_names: Sequence[str] | None = None,
    legal_actions: LegalActions | None = None,
    same_start: bool = False,
) -> tuple[AdaptedEnvironment, Any]:
    """Returns (environment, its params); all arguments but the outline, and errors, are those of `with_memory`."""
    perceive = as_percept(perceive, offsets)
    if predicate_names is None:
        predicate_names = getattr(perceive, "predicate_names", None)
    raw, params = traceable(outline.env, outline.params), outline.params
    limits = {"action_names": outline.action_names, "episode_limit": outline.limit, "same_start": same_start}
    limits["legal_actions"] = legal_actions
    if is_open(perceive):
        perceive = probed(perceive, *adapt(raw, no_percept, params, predicate_names=None, **limits))
    return adapt(raw, perceive, params, predicate_names=predicate_names, success=success, **limits)


def _action_names(given: Sequence[str] | None, count: int | None, told: Sequence[str] | None) -> Sequence[str]:
    """Returns a name for each action; `count` may leave out the last ones of those that the environment has."""
    number = count if told is None or count is not None else len(told)
    if given is not None and number is not None and len(given) != number:
        raise ValueError(f"action_names has {len(given)} names, the actions are {number}; name each")
    if told is not None and number > len(told):
        raise ValueError(f"num_actions={number} is above {len(told)}, which the environment has; give at most that")
    names = given if told is None or given is not None else told[:number]
    if names is None and number is None:
        raise ValueError("num_actions is unknown: the environment does not tell; give it")
    return [f"action_{i}" for i in range(number)] if names is None else names
