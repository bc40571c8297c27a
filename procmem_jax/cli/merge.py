"""The command `procmem merge`."""

import dataclasses
import pathlib

from procmem_jax.cli.parsing.options import SweepFolder


@dataclasses.dataclass(frozen=True)
class Merge:
    """Make one sweep of its shards.

    Attributes:
        out: the folder that all shards were given.
    """

    out: SweepFolder

    def run(self) -> None:
        """Merges and tells what came of it."""
        from procmem_jax.cli.sweep import tell_results
        from procmem_jax.experiments.sweeps.merge import merge_shards

        tell_results(merge_shards(pathlib.Path(self.out)))
