"""Other contents of a finished run's folder, made to look as if the run had left them."""

import pathlib

from procmem_jax.experiments.runs.stored import read_config
from procmem_jax.experiments.storage.checksums import OWN_SUM, SUMS, hash_files, write_vouching


def _config(folder: pathlib.Path) -> dict:
    return {name: value for name, value in read_config(folder).items() if name not in (SUMS, OWN_SUM)}


def reseal(folder: pathlib.Path, **changes) -> None:
    """Writes the sums of the files as they are now, and a config with `changes`."""
    sums = hash_files(folder, read_config(folder)[SUMS])
    write_vouching(folder / "config.json", {**_config(folder), **changes}, sums)


def unseal(folder: pathlib.Path) -> None:
    """Makes the run an unfinished one, as it is just before its end."""
    write_vouching(folder / "config.json", _config(folder), {})
