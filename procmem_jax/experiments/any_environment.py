"""A memory for any environment: one function says what it may know, the rest is as for the grid."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from procmem_jax.agents.exploration import RandomPolicy
from procmem_jax.agents.frontier import Frontier, keeps_map
from procmem_jax.agents.persistent import Adaptive
from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.agents.settings import Config, Params, check_params
from procmem_jax.envs.foreign.adapted import AdaptedEnvironment, LegalActions, PerceiveFunction
from procmem_jax.envs.foreign.grid_percept.percept import GridPercept
from procmem_jax.envs.foreign.listed import Facts, PartFunction
from procmem_jax.envs.foreign.making import make_environment, outline_of
from procmem_jax.envs.foreign.projected import ProjectedPercept, projected_in
from procmem_jax.envs.foreign.success import SuccessRule
from procmem_jax.experiments.overrides import apply_overrides, list_settings, settings_in
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.protocol import Memory

# Of the default memory, each off by itself.
OUTCOME_SWITCHES = ("deaths_teach", "caution", "progress", "values", "relevance", "undone")

# In worlds of others the first failure is enough for a retreat, and skills may fail more often, but where a skill is a
# guess, or exploring gets there.
_WARY = {"forgiven_failures": 0, "retire_rate": 0.25}
_SURE = {"retire_rate": 0.4}
_GRID_CAPACITY = 512  # slots; the libraries of a room with a door and a key are full with 128, and with 256


def with_memory(
    env: Any,
    perceive: PerceiveFunction | Facts | None = None,
    *,
    offsets: PartFunction | Sequence[PartFunction] | None = None,
    success: SuccessRule | None = None,
    max_steps: int | None = None,
    env_params: Any = None,
    num_actions: int | None = None,
    actions: Any = None,
    action_names: Sequence[str] | None = None,
    predicate_names: Sequence[str] | None = None,
    legal_actions: LegalActions | None = None,
    same_start: bool = False,
    use_skills: bool = True,
    memory: Memory | None = None,
    exploration: ExplorationPolicy | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[Config, Params]:
    """Returns (config, params) for `train`: by default the default memory in `env`, exploring by `suited_exploration`.

    Args:
        env: an environment of gymnax, Craftax, Jumanji, Pgx, XLand-MiniGrid, NAVIX, Brax or Stoa, wrapped or not, or an
            object that never resets itself, with `reset(key, params) -> (obs, state)` and `step(key, state, action,
            params) -> (obs, state, reward, terminated, truncated, info)`.
        perceive: (observation, `AdaptedState`, env_params) -> `Percept`, one example. Its last predicate means success,
            unless `success` is given; what happened earlier in the episode is in the state (`rewarded`), not to be
            guessed. Or a list of facts, (name, function of the same three) -> one bool, the last of which means
            success; the fingerprint is then of the observation. Pass the same function objects again to reuse compiled
            programs. By default a `ProjectedPercept`, which serves any environment whose observations hold numbers; a
            few hundred random steps, the same in every call, tell their range.
        offsets: a function or functions (observation, `AdaptedState`, env_params) -> numbers, which together are the
            context: where things are, in terms that transfer.
        success: what counts as success in results, where the last predicate does not tell or there is no `perceive`:
            "terminated" (the episode ended otherwise than by a limit), "rewarded" (a positive reward came),
            "return>=195" (or ">", any number), or a function of the `AdaptedState` at the end that returns one bool.
            The memory learns the same with any. With neither, results have no success, and tell returns.
        max_steps: steps after which an episode is truncated, if the environment does not end it sooner; by default
            `env_params.max_steps_in_episode`, which gymnax's have (Craftax: `max_timesteps`).
        env_params: by default `env.default_params`.
        num_actions: by default what `env.action_space(params)` or `env.num_actions` tells.
        actions: a table `[A, ...]` of values, an action a row, for a continuous space (or dicts, tuples of tables).
        action_names: by default numbers, or the values in the table.
        predicate_names: P names; by default `perceive.predicate_names`, else numbers.
        legal_actions: (observation, `AdaptedState`, env_params) -> `[A]` bool, which actions may be taken; no other is
            taken then, except where none may. By default what `env.legal_actions(obs, state, params)` tells, if it has
            such a method, else all.
        same_start: whether every episode of an agent begins as its first did (a fixed layout).
        use_skills: False switches the memory off.
        memory: by default a `DefaultMemory` with `outcome_settings`. One that is given stays as it is, but for a memory
            in it that was not given: `ProvenMemory()` guards the one that is the default here.
        exploration: by default `Frontier()` with a percept that keeps a map (a `GridPercept`), `Adaptive()` with the
            default one or a list of facts, else `RandomPolicy()`; a policy may look at the observations.
        overrides: values for settings by their names (see `procmem presets default`).

    Raises:
        TypeError, ValueError: the environment or function lacks something, or a setting is out of bounds.
    """
    outline = outline_of(
        env,
        env_params=env_params,
        max_steps=max_steps,
        num_actions=num_actions,
        actions=actions,
        action_names=action_names,
    )
    environment, env_params = make_environment(
        outline,
        perceive,
        offsets=offsets,
        success=success,
        predicate_names=predicate_names,
        legal_actions=legal_actions,
        same_start=same_start,
    )
    exploration = exploration or suited_exploration(environment)
    config = Config(environment, memory or DefaultMemory(), exploration, use_skills)
    made = config, config.default_params(env_params)
    settings = outcome_settings(environment, exploration)
    config, params = apply_suited(*made, settings, overrides or {}, is_given=memory is not None)
    config = dataclasses.replace(config, memory=config.memory.for_environment(config.environment, params.environment))
    check_params(config, params)
    return config, params


def suited_exploration(environment: Any) -> ExplorationPolicy:
    """Returns how agents explore unless something else is asked for.

    `Frontier` where the percept keeps a map, `Adaptive` where it knows nothing of its environment, else at random.
    """
    if keeps_map(environment):
        return Frontier()
    return RandomPolicy() if projected_in(getattr(environment, "perceive", None)) is None else Adaptive()


def outcome_settings(environment: Any, exploration: ExplorationPolicy) -> dict[str, Any]:
    """Returns the settings that the default memory has in an environment that is not ours, else {}.

    Agents may die there: skills are blamed for it, and what kills is kept off. Observations may hold a clock, which the
    default percept takes for part of the situation, so that each is new: then progress alone tells a success. A skill
    has to be sure there, since a projection of all numbers may take different situations for one, as differences of
    positions do not. With the grid percept it depends on the exploration. That to the frontier gets to the end by
    itself, so a skill has to be sure, and to lead to something new. With any other, values and relevance find the way
    through the stages of a task, which its facts tell; many situations are told apart, which take many skills.
    `.readme/default-memory.md` tells what each is worth.
    """
    if not isinstance(environment, AdaptedEnvironment):
        return {}
    projected, grid = (isinstance(environment.perceive, kind) for kind in (ProjectedPercept, GridPercept))
    seeks = isinstance(exploration, Frontier)
    lost = grid and not seeks
    settings = _WARY | dict(zip(OUTCOME_SWITCHES, (True, True, projected or seeks, lost, lost, lost), strict=True))
    if seeks or (projected and not environment.perceive.coordinates):
        settings |= _SURE
    if seeks:
        return {**settings, "choice": "news"}
    return {**settings, "capacity": _GRID_CAPACITY} if lost else settings


def apply_suited(
    config: Config,
    params: Params,
    settings: Mapping[str, Any],
    overrides: Mapping[str, Any],
    *,
    is_given: bool,
    readers: Mapping[str, str] | None = None,
) -> tuple[Config, Params]:
    """Returns (config, params) with `settings` in each default memory that nobody gave, and then with `overrides`.

    Args:
        config, params: of a run.
        settings: of the default memory, as the environment needs them.
        overrides: as for `apply_overrides`; what chooses a memory in another one comes before `settings`.
        is_given: whether a user gave the config's memory. One that is a setting of another is given unless it is the
            very object that stands there by default: so any memory around another has the one that is the default here.
        readers: as for `apply_overrides`.

    Raises:
        TypeError, ValueError: as `apply_overrides`.
    """
    memories = {
        setting.name
        for setting in list_settings(config, params)
        if any(isinstance(choice, Memory) for choice in setting.functions.values())
    }
    chosen = {name: value for name, value in overrides.items() if name in memories}
    config, params = apply_overrides(config, params, chosen, readers)
    own = {
        setting.name
        for memory in _not_given(config.memory, is_given)
        for record in (memory, memory.default_params())
        for setting in settings_in(record)
    }
    switched_on = dataclasses.replace(config, use_skills=True)
    own &= {setting.name for setting in list_settings(switched_on, params)}
    suited = {name: value for name, value in settings.items() if name in own}
    switched_on, params = apply_overrides(switched_on, params, suited)
    config = dataclasses.replace(config, memory=switched_on.memory)
    rest = {name: value for name, value in overrides.items() if name not in memories}
    return apply_overrides(config, params, rest, readers)


def _not_given(memory: Memory, is_given: bool) -> Iterator[DefaultMemory]:
    """Yields the default memories in `memory`, itself included, that no user gave."""
    if isinstance(memory, DefaultMemory) and not is_given:
        yield memory
    for field in dataclasses.fields(memory) if dataclasses.is_dataclass(memory) else ():
        inner = getattr(memory, field.name)
        if field.metadata.get("functions") and isinstance(inner, Memory):
            yield from _not_given(inner, inner is not field.default)
