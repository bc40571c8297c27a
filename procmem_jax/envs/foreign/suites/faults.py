"""Faults of other packages that change what is measured there, by the versions that have them."""

import functools
import importlib.metadata
import warnings
from typing import NamedTuple

from packaging.specifiers import SpecifierSet


class Fault(NamedTuple):
    """What is wrong in some versions of a package, as its own issues tell.

    Attributes:
        versions: that have it, as in a requirement.
        what: is wrong, in words.
        worlds: it is in those environments whose name contains this.
        source: where it was told or mended.
    """

    versions: str
    what: str
    worlds: str
    source: str


# By the module of a package.
FAULTS = {
    "navix": (
        Fault("<0.8.10", "no door can be passed", "KeyCorridor", "epignatelli/navix#98"),
        Fault(">=0.8.10,<0.9.5", "the locked door is open from the start", "KeyCorridor", "epignatelli/navix#141"),
        Fault("<0.9.4", "some layouts cannot be solved", "Crossing", "epignatelli/navix#136"),
        Fault("<0.9.2", "a thing that was picked up is still seen", "", "epignatelli/navix#145"),
    ),
}


def faults_of(package: str, version: str, world: str) -> list[str]:
    """Returns the known faults of an environment, a line each; `world` is its name, or that of its class."""
    return [
        f"{fault.what} ({fault.source}; in {package} {fault.versions})"
        for fault in FAULTS.get(package, ())
        if fault.worlds in world and SpecifierSet(fault.versions).contains(version, prereleases=True)
    ]


def warn_of_faults(kind: type) -> None:
    """Warns, once for each of a package's classes, of the known faults that it has in the installed version.

    Args:
        kind: the class of an environment, its package's or one that inherits from it.
    """
    for cls in kind.__mro__:
        package = cls.__module__.partition(".")[0]
        if package in FAULTS:
            return _warn(package, cls.__name__)


@functools.cache
def _warn(package: str, world: str) -> None:
    version = importlib.metadata.version(package)
    found = faults_of(package, version, world)
    if found:
        text = f"{world} of {package} {version} has known faults: {'; '.join(found)}; upgrade {package}"
        warnings.warn(text, stacklevel=4)
