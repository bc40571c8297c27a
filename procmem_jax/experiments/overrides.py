"""Fields of config and params by their bare names: listing, reading from text, replacing."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax.numpy as jnp

from procmem_jax.agents.settings import Config, Params

_TRUTH = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


@dataclasses.dataclass(frozen=True)
class Setting:
    """One field of config or params.

    Attributes:
        name: its bare name, unique across all records.
        value: what it is set to.
        kind: "int", "float", "bool" or "str".
        static: whether another value means another compiled program.
        help: a line on what it does.
        record: the name of the record within config or params.
    """

    name: str
    value: Any
    kind: str
    static: bool
    help: str
    record: str


def list_settings(config: Config, params: Params) -> list[Setting]:
    """Returns every field that can be overridden, in the order of the records."""
    return [setting for whole in (config, params) for setting in _settings_of(whole)]


def _settings_of(whole: Config | Params) -> Iterator[Setting]:
    for record_field in dataclasses.fields(whole):
        record = getattr(whole, record_field.name)
        fields = dataclasses.fields(record) if dataclasses.is_dataclass(record) else ()
        for field in fields:
            if "static" not in field.metadata:  # a foreign world's own
                continue
            static = field.metadata["static"]
            kind = type(field.default).__name__ if static else _kind_of(field.metadata["dtype"])
            value = getattr(record, field.name)
            yield Setting(field.name, value, kind, static, field.metadata["help"], record_field.name)


def _kind_of(dtype: Any) -> str:
    if dtype == jnp.bool_:
        return "bool"
    return "int" if jnp.issubdtype(dtype, jnp.integer) else "float"


def parse_assignments(assignments: Iterable[str]) -> dict[str, str]:
    """Returns {name: text} of arguments of the form NAME=VALUE.

    Raises:
        ValueError: an argument has another form, or a name comes twice.
    """
    parsed: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name or not text:
            raise ValueError(f"--set {assignment!r} is not NAME=VALUE; write for instance capacity=64")
        if name in parsed:
            raise ValueError(f"--set names {name} twice; give it once")
        parsed[name] = text
    return parsed


def apply_overrides(config: Config, params: Params, overrides: Mapping[str, Any]) -> tuple[Config, Params]:
    """Returns (config, params) with the named fields replaced by values, or by what their text says.

    Raises:
        TypeError, ValueError: a name is unknown, or a value of the wrong kind or out of bounds.
    """
    known = {setting.name: setting for setting in list_settings(config, params)}
    for name, value in overrides.items():
        if name not in known:
            raise ValueError(f"setting {name!r} is unknown; choose from {', '.join(sorted(known))}")
        setting = known[name]
        value = _parse_value(setting, value) if isinstance(value, str) else _coerce(setting, value)
        if setting.static:
            config = _replace_field(config, setting, value)
        else:
            params = _replace_field(params, setting, value)
    return config, params


def _replace_field(whole, setting: Setting, value: Any):
    record = dataclasses.replace(getattr(whole, setting.record), **{setting.name: value})
    return dataclasses.replace(whole, **{setting.record: record})


def _parse_value(setting: Setting, text: str) -> Any:
    try:
        if setting.kind == "bool":
            return _TRUTH[text.lower()]
        return {"int": int, "float": float, "str": str}[setting.kind](text)
    except (ValueError, KeyError):
        wanted = {"int": "a whole number", "float": "a number", "bool": "true or false"}[setting.kind]
        raise ValueError(f"{setting.name}={text} is not {wanted}; give {wanted}") from None


def _coerce(setting: Setting, value: Any) -> Any:
    accepted = {"int": int, "float": (int, float), "bool": bool, "str": str}[setting.kind]
    if not isinstance(value, accepted) or (isinstance(value, bool) and setting.kind != "bool"):
        raise TypeError(f"{setting.name}={value!r} is a {type(value).__name__}; give a {setting.kind}")
    return float(value) if setting.kind == "float" else value
