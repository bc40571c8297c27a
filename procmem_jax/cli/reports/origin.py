"""What is to be known of stored results before they are believed."""

import pathlib
from collections.abc import Mapping

from procmem_jax.cli.reports.progress import warn
from procmem_jax.experiments.runs.stored import has_sums, read_config
from procmem_jax.experiments.storage.versions import newer_versions


def tell_origin(folder: pathlib.Path) -> None:
    """Warns of a folder of results that newer versions made, or of whose bits nothing is known."""
    config = read_config(folder)
    tell_versions(str(folder), config.get("versions"))
    if not has_sums(config):
        warn(f"{folder} is of an earlier version, which kept no sha256: nothing is known about its bits")


def tell_versions(what: str, made_with: Mapping[str, str] | None) -> None:
    """Warns of what newer versions have made."""
    newer = newer_versions(made_with) if isinstance(made_with, dict) else ""
    if newer:
        warn(f"{what} was made with {newer}: it may hold what is read differently here")
