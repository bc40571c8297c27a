"""An experiment in words and numbers that a JSON file can hold, and the same experiment made of them again."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from procmem_jax.agents.exploration import name_of_policy
from procmem_jax.agents.q_learning import QLearning
from procmem_jax.agents.settings import Config, Params
from procmem_jax.experiments.any_environment import OUTCOME_SWITCHES
from procmem_jax.experiments.overrides import list_settings
from procmem_jax.experiments.preset_names import DEFAULT_PRESET, PRESETS
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.protocol import Memory
from procmem_jax.memory.proven.memory import ProvenMemory
from procmem_jax.memory.tutorial.memory import TutorialMemory
from procmem_jax.records import function_text

_MEMORIES = {"default": DefaultMemory, "proven": ProvenMemory, "tutorial": TutorialMemory, "q-learning": QLearning}
# How a config of format 1 names its memories.
_OLD_MEMORIES = {"default": "default", "tutorial": "tutorial", "q_learning": "q-learning"}


def name_of_memory(memory: Memory) -> str:
    """Returns the name of a memory of ours, else where its class can be imported from."""
    for name, known in _MEMORIES.items():
        if type(memory) is known:
            return name
    return f"{type(memory).__module__}:{type(memory).__qualname__}"


def describe_experiment(config: Config, params: Params) -> dict[str, Any]:
    """Returns what decides the results of an experiment beside its task, ready for JSON: equal for equal ones.

    Numbers without a name, such as the weights of a network, are there as their sha256; fields of a memory or policy
    that are no settings, and not what they are by default, as text.
    """
    described = {
        "memory": name_of_memory(config.memory),
        "explorer": name_of_policy(config.exploration),
        "settings": {setting.name: setting.value for setting in list_settings(config, params)},
    }
    unnamed, fields = list(_unnamed(params)), dict(_unnamed_fields(config))
    numbers = {"other_numbers": _digest(unnamed)} if unnamed else {}
    return {**described, **numbers, **({"other_fields": fields} if fields else {})}


def _unnamed(params: Any) -> Iterator[np.ndarray]:
    """Yields the numbers of a record that are no settings."""
    if not dataclasses.is_dataclass(params):
        yield from (np.asarray(leaf) for leaf in jax.tree.leaves(params))
        return
    for field in dataclasses.fields(params):
        if "static" not in field.metadata:
            yield from _unnamed(getattr(params, field.name))


def _unnamed_fields(config: Config) -> Iterator[tuple[str, str]]:
    """Yields (path, text) of what is no setting in the memory and the policy, and not as it is by default.

    What follows from the environment alone, "derived" in a field's metadata, is not told. Of the environment, which its
    task makes, it yields what counts as success, if that was given.
    """
    success = getattr(config.environment, "success", None)
    if success is not None:
        yield "environment.success", function_text(success, {}) if callable(success) else success
    if config.use_skills:
        yield from _unnamed_fields_in(config.memory, "memory")
    yield from _unnamed_fields_in(config.exploration, "exploration")


def _unnamed_fields_in(record: Any, path: str) -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(record) if dataclasses.is_dataclass(record) else ():
        value, where = getattr(record, field.name), f"{path}.{field.name}"
        if field.metadata.get("functions"):
            yield from _unnamed_fields_in(value, where)
        elif not {"static", "derived"} & set(field.metadata) and value != field.default:
            yield where, function_text(value, {}) if callable(value) else repr(value)


def _digest(arrays: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def remake_experiment(stored: Mapping[str, Any]) -> tuple[Config, Params]:
    """Returns (config, params) of a stored experiment, of its `task`, `preset` and what `describe_experiment` told.

    Raises:
        KeyError, TypeError: something is missing or of another kind.
        ValueError: it cannot be made here, or is not what it was; the message says why.
    """
    if stored["format"] not in (1, 2):
        raise ValueError(f"format {stored['format']} is of a newer version of this package; install that")
    is_old = stored["format"] == 1
    stored = _from_format_1(stored) if is_old else stored
    settings = dict(stored["settings"])
    # A preset that was registered elsewhere is not needed: what it was made of is told here.
    preset = stored["preset"] if stored["preset"] in PRESETS else DEFAULT_PRESET
    chosen = {"use_skills": settings.pop("use_skills")}
    config, params = make_experiment(stored["task"], preset)
    if name_of_memory(config.memory) != stored["memory"]:
        known = _MEMORIES.get(stored["memory"])
        chosen["memory"] = stored["memory"] if known is None else known()
    if name_of_policy(config.exploration) != stored["explorer"]:
        chosen["explorer"] = "epsilon:0" if stored["explorer"] == "epsilon" else stored["explorer"]
    config, params = make_experiment(stored["task"], preset, **chosen)
    here = {setting.name: setting.value for setting in list_settings(config, params)}
    if "count_failures" in settings:  # a default memory, which had none of these when configs did not tell of them
        settings = dict.fromkeys(OUTCOME_SWITCHES, False) | {"forgiven_failures": 0} | settings
    if is_old:
        settings = {name: value for name, value in settings.items() if name in here}
    differing = {name: value for name, value in settings.items() if here.get(name) != value}
    config, params = make_experiment(stored["task"], preset, **chosen, overrides=differing)
    if not is_old:
        _check_the_rest(stored, describe_experiment(config, params))
    return config, params


def _check_the_rest(stored: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Raises a ValueError if what has no name is not what it was."""
    if found.get("other_numbers") != stored.get("other_numbers"):
        raise ValueError(f"task={stored['task']} makes other numbers now than when this was run; restore what it was")
    was, here = stored.get("other_fields", {}), found.get("other_fields", {})
    for name in {**was, **here}:
        if was.get(name) != here.get(name):
            raise ValueError(
                f"{name} was {was.get(name, 'its default')} when this was run, and is {here.get(name, 'its default')} "
                "here; restore it, or make it a setting (records.setting), which is stored"
            )


def _from_format_1(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a config of format 1 as one of today; it named all settings, also those that nothing read."""
    settings = dict(stored["settings"])
    policy, memory = settings.pop("explorer"), _OLD_MEMORIES[settings.pop("memory")]
    return {**stored, "settings": settings, "explorer": policy, "memory": memory}
