"""The command `procmem merge`."""

import dataclasses
import pathlib

from procmem_jax.cli.parsing.options import Json, SweepFolder


@dataclasses.dataclass(frozen=True)
class Merge:
    """Make one sweep of its shards.

    Attributes:
        out: the folder that all shards were given.
        json: print an object instead.
    """

    out: SweepFolder
    json: Json = False

    def run(self) -> None:
        """Merges and tells what came of it."""
        from procmem_jax.cli.reports.as_json import print_json
        from procmem_jax.cli.sweep import sweep_json, tell_results
        from procmem_jax.experiments.sweeps.merge import merge_shards

        merged = merge_shards(pathlib.Path(self.out))
        if self.json:
            print_json(sweep_json(merged))
        else:
            tell_results(merged)
