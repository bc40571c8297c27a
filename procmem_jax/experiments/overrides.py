"""Settings by their bare names: which ones a run reads, reading them from text, replacing them."""

import dataclasses
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from procmem_jax.agents.settings import Config, Params
from procmem_jax.experiments.setting_names import unknown_setting
from procmem_jax.near_misses import choose_from
from procmem_jax.records import function_text

_TRUTH = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting that a run reads.

    Attributes:
        name: its bare name, unique across all records.
        value: what it is set to; of a function its name.
        kind: "int", "float", "bool", "str" or "function".
        static: whether another value means another compiled program.
        help: a line on what it does.
        path: the fields that lead to it, from the config or the params.
        functions: by name, those that the command line offers.
    """

    name: str
    value: Any
    kind: str
    static: bool
    help: str
    path: tuple[str, ...]
    functions: Mapping[str, Any]


def list_settings(config: Config, params: Params) -> list[Setting]:
    """Returns every setting that the environment, memory and exploration policy of a run read, in this order.

    With the memory off, nothing reads its settings.

    Raises:
        ValueError: two settings have one name.
    """
    settings = [setting for whole in (config, params) for setting in _settings_of(whole, config)]
    paths: dict[str, str] = {}
    for setting in settings:
        path = ".".join(setting.path)
        if setting.name in paths:
            raise ValueError(
                f"setting {setting.name!r} means both {paths[setting.name]} and {path}; rename one, by the name= of "
                "its setting or param"
            )
        paths[setting.name] = path
    return settings


def _settings_of(whole: Config | Params, config: Config) -> Iterator[Setting]:
    for field in dataclasses.fields(whole):
        if field.name == "memory" and not config.use_skills:
            continue
        if field.metadata:
            yield _setting(field, getattr(whole, field.name), (field.name,))
        else:
            yield from settings_in(getattr(whole, field.name), (field.name,))


def settings_in(record: Any, path: tuple[str, ...] = ()) -> Iterator[Setting]:
    """Yields the settings of a record, and of the records that are its values."""
    for field in dataclasses.fields(record) if dataclasses.is_dataclass(record) else ():
        if "static" in field.metadata:  # others are a foreign environment's own
            value = getattr(record, field.name)
            yield _setting(field, value, (*path, field.name))
            if field.metadata.get("functions"):
                yield from settings_in(value, (*path, field.name))


def _setting(field: dataclasses.Field, value: Any, path: tuple[str, ...]) -> Setting:
    metadata = field.metadata
    functions = metadata.get("functions") or {}
    if functions:
        kind, value = "function", _function_name(value, functions)
    elif metadata["static"]:
        kind = type(field.default).__name__
    else:
        kind = _kind_of(metadata["dtype"])
        value = _plain_number(value, kind)
    return Setting(metadata["name"] or field.name, value, kind, metadata["static"], metadata["help"], path, functions)


def _function_name(function: Any, functions: Mapping[str, Any]) -> str:
    """Returns the name of a function; of an object with settings, which are told apart from it, that of its class."""
    for name, known in functions.items():
        if dataclasses.is_dataclass(known) and type(known) is type(function):
            return name
    return function_text(function, functions)


def _kind_of(dtype: Any) -> str:
    if dtype == jnp.bool_:
        return "bool"
    return "int" if jnp.issubdtype(dtype, jnp.integer) else "float"


def _plain_number(value: Any, kind: str) -> Any:
    """Returns a number as Python's own, the shortest that makes the same float32; arrays of many stay as they are."""
    if np.shape(value) != ():
        return value
    if kind == "float":
        return value if isinstance(value, float) else float(str(np.asarray(value)))
    return {"int": int, "bool": bool}[kind](value)


def apply_overrides(
    config: Config, params: Params, overrides: Mapping[str, Any], readers: Mapping[str, str] | None = None
) -> tuple[Config, Params]:
    """Returns (config, params) with the named settings replaced by values, or by what their text says.

    Args:
        config, params: of a run.
        overrides: by name.
        readers: of settings that this run does not read, who does; for the error.

    Raises:
        TypeError, ValueError: nothing reads a setting, or a value is of the wrong kind or out of bounds.
    """
    # What decides which settings there are comes first, the outermost before others: it may bring its own along.
    depths = {
        setting.name: len(setting.path) for setting in list_settings(config, params) if setting.kind == "function"
    }
    least = min((depths[name] for name in overrides if name in depths), default=0)
    deciding = {name for name, depth in depths.items() if depth == least} | {"use_skills"}
    first = {name: value for name, value in overrides.items() if name in deciding}
    rest = {name: value for name, value in overrides.items() if name not in deciding}
    if not first:
        return _apply(config, params, rest, readers)
    changed, params = _apply(config, params, first, readers)
    if type(changed.memory.default_params()) is not type(config.memory.default_params()):
        params = dataclasses.replace(params, memory=changed.memory.default_params())
    return apply_overrides(changed, params, rest, readers)


def _apply(
    config: Config, params: Params, overrides: Mapping[str, Any], readers: Mapping[str, str] | None
) -> tuple[Config, Params]:
    known = {setting.name: setting for setting in list_settings(config, params)}
    changes: tuple[dict, dict] = ({}, {})
    for name, value in overrides.items():
        if name not in known:
            switched_on = dataclasses.replace(config, use_skills=True)
            if name in {setting.name for setting in list_settings(switched_on, params)}:
                raise ValueError(
                    f"setting {name!r} is not read here: the memory reads it, which is off; leave it out, or switch "
                    "the memory on"
                )
            raise ValueError(_not_read(name, known, readers or {}))
        setting = known[name]
        value = _parse_value(setting, value) if isinstance(value, str) else _coerce(setting, value)
        _put(changes[0 if setting.static else 1], setting.path, value)
    return _replace(config, changes[0]), _replace(params, changes[1])


def _not_read(name: str, known: Mapping[str, Setting], readers: Mapping[str, str]) -> str:
    if name in readers:
        return f"setting {name!r} is not read here: {readers[name]} reads it; leave it out, or run that"
    return unknown_setting(name, [*known, *readers], known)


def _put(changes: dict, path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        changes = changes.setdefault(name, {})
    changes[path[-1]] = value


def _replace(record: Any, changes: Mapping[str, Any]) -> Any:
    """Returns `record` with all changes at once: a record checks itself, and may not allow each change alone."""
    if not changes:
        return record
    new = {name: _replace(getattr(record, name), value) if isinstance(value, dict) else value
           for name, value in changes.items()}  # fmt: skip
    return dataclasses.replace(record, **new)


def _parse_value(setting: Setting, text: str) -> Any:
    if setting.kind == "function":
        return _function_of(setting, text)
    try:
        if setting.kind == "bool":
            return _TRUTH[text.lower()]
        return {"int": int, "float": float, "str": str}[setting.kind](text)
    except (ValueError, KeyError):
        wanted = {"int": "a whole number", "float": "a number", "bool": "true or false"}[setting.kind]
        raise ValueError(f"{setting.name}={text} is not {wanted}; give {wanted}") from None


def _function_of(setting: Setting, text: str) -> Any:
    if text in setting.functions:
        return setting.functions[text]
    if ":" in text:
        found = import_object(text, setting.name)
        return found() if isinstance(found, type) else found
    known = choose_from(text, setting.functions)
    raise ValueError(f"{setting.name}={text!r} is unknown; {known}, or give package.module:function")


def import_object(text: str, what: str) -> Any:
    """Returns what `package.module:name` names; modules in the current folder are found.

    Args:
        text: such a text.
        what: it is to be, for the error.

    Raises:
        ValueError: it cannot be imported; the message says what is missing.
    """
    module_name, _, name = text.partition(":")
    if not all(part.isidentifier() for part in module_name.split(".")) or not name:
        raise ValueError(f"{what}={text} is not of the form package.module:name; write it so")
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:  # the folder of a script is there instead
        sys.path.insert(0, here)
    try:
        found = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise ValueError(
            f"{what}={text}: {module_name} cannot be imported ({error}); install it, or run where its file lies"
        ) from None
    except AttributeError:
        raise ValueError(f"{what}={text}: the module {module_name} has no {name}; give a name that it has") from None
    return found


def _coerce(setting: Setting, value: Any) -> Any:
    if setting.kind == "function":
        return value
    if isinstance(value, np.generic):  # the shortest number that makes the same float32, not that of all its bits
        value = float(str(value)) if isinstance(value, np.floating) else value.item()
    accepted = {"int": int, "float": (int, float), "bool": bool, "str": str}[setting.kind]
    if not isinstance(value, accepted) or (isinstance(value, bool) and setting.kind != "bool"):
        raise TypeError(f"{setting.name}={value!r} is a {type(value).__name__}; give a {setting.kind}")
    return float(value) if setting.kind == "float" else value
