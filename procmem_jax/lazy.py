"""Names of a package that are imported when they are first asked for (PEP 562)."""

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    package: str, names: Mapping[str, str], modules: str = "", moved: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Returns a package's `__getattr__`, `__dir__` and `__all__`.

    Args:
        package: its `__name__`.
        names: by module within the package, the public names that come from it, with spaces between.
        modules: those within the package that are reached as its attributes, likewise.
        moved: by the full name of another package, the public names that are there now. They are still reached from
            here, each time with a DeprecationWarning; neither `__dir__` nor `__all__` tells them.
    """
    homes = {name: module for module, listed in names.items() for name in listed.split()}
    left = {name: room for room, listed in (moved or {}).items() for name in listed.split()}

    def get(name: str) -> Any:
        if name in modules.split():
            return importlib.import_module(f"{package}.{name}")
        if name in left:
            warnings.warn(f"{package}.{name} is {left[name]}.{name} now", DeprecationWarning, stacklevel=2)
            return getattr(importlib.import_module(left[name]), name)
        if name not in homes:
            asked = () if name.startswith("_") else modules.split()  # what tools look for is in none
            rooms = [room for room in asked if name in dir(get(room))]
            where = f"; it is {package}.{rooms[0]}.{name}" if rooms else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}{where}")
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)  # so that this happens once
        return value

    return get, lambda: sorted({*vars(sys.modules[package]), *homes, *modules.split()}), [*homes]
