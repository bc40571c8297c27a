"""Names of a package that are imported when they are first asked for (PEP 562)."""

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, str], modules: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Returns a package's `__getattr__`, `__dir__` and `__all__`.

    Args:
        package: its `__name__`.
        homes: by public name, the module within the package that it comes from.
        modules: within the package, that are reached as its attributes.
    """
    modules = tuple(modules)

    def get(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        if name not in homes:
            asked = () if name.startswith("_") else modules  # what tools look for is in none
            rooms = [room for room in asked if name in getattr(get(room), "__all__", ())]
            where = f"; it is {package}.{rooms[0]}.{name}" if rooms else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}{where}")
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)  # so that this happens once
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes, *modules})

    return get, names, [*homes]
