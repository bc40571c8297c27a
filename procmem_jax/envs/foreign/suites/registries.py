"""Which environments other packages register, and how one is made by its name there."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Registry(NamedTuple):
    """What a package registers.

    Attributes:
        names: the package -> the names of its environments.
        make: (the package, a name) -> (environment, its params, None where it has none).
    """

    names: Callable[[Any], Sequence[str]]
    make: Callable[[Any, str], tuple[Any, Any]]


_CRAFTAX = ("Craftax-Symbolic-v1", "Craftax-Pixels-v1", "Craftax-Classic-Symbolic-v1", "Craftax-Classic-Pixels-v1")


def _make_craftax(package: Any, name: str) -> tuple[Any, Any]:
    env = importlib.import_module(f"{package.__name__}.craftax_env").make_craftax_env_from_name(name, auto_reset=False)
    return env, env.default_params


def _make_alone(package: Any, name: str) -> tuple[Any, None]:
    return package.make(name), None


# By the prefix of their tasks.
REGISTRIES = {
    "xland": Registry(lambda package: package.registered_environments(), lambda package, name: package.make(name)),
    "navix": Registry(lambda package: tuple(package.registry()), _make_alone),
    "gymnax": Registry(lambda package: package.registered_envs, lambda package, name: package.make(name)),
    "craftax": Registry(lambda package: _CRAFTAX, _make_craftax),
    "jumanji": Registry(lambda package: tuple(package.registered_environments()), _make_alone),
    "pgx": Registry(lambda package: package.available_envs(), _make_alone),
}
