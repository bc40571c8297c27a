"""The command `procmem tasks`."""

import dataclasses

from procmem_jax.cli.parsing.options import Json
from procmem_jax.cli.reports.as_json import print_json
from procmem_jax.cli.reports.streams import wrapped
from procmem_jax.envs.foreign.peer_names import PEERS
from procmem_jax.envs.grid.task_names import TASK_FAMILIES


@dataclasses.dataclass(frozen=True)
class Tasks:
    """List the tasks.

    Attributes:
        json: print an object instead.
    """

    json: Json = False

    def run(self) -> None:
        """Prints the list."""
        if self.json:
            bounds = ("smallest", "largest", "help")
            ours = {name: dict(zip(bounds, what, strict=True)) for name, what in TASK_FAMILIES.items()}
            shown = ("extra", "limit", "help")
            peers = {name: {field: getattr(peer, field) for field in shown} for name, peer in PEERS.items()}
            print_json({"families": ours, "of_other_packages": peers})
            return
        for family, (smallest, largest, what) in TASK_FAMILIES.items():
            print(wrapped(f"{family + '-N':<12} ", f"N {smallest} to {largest}: {what}"))
        print("\nWorlds of other packages (default memory, random explorer; --set same_start=true fixes the layout):")
        for name, peer in PEERS.items():
            print(wrapped(f"{name:<30} ", f"{peer.help}; {peer.limit} steps (needs the extra {peer.extra})"))
