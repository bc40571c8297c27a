"""The command `procmem tasks`."""

import dataclasses

import tyro

from procmem_jax.cli.parsing.options import Json
from procmem_jax.cli.reports.as_json import print_json
from procmem_jax.cli.reports.streams import wrapped
from procmem_jax.envs.foreign.peer_names import PEERS
from procmem_jax.envs.grid.task_names import TASK_FAMILIES
from procmem_jax.experiments.task_registry import check_task


@dataclasses.dataclass(frozen=True)
class Tasks:
    """List the tasks, or check one.

    Attributes:
        what: `check`, to play a task at random and tell what is amiss (exit status 1 if results would be wrong).
        name: the task to check: one of these, or package.module:make_task.
        json: print an object instead.
    """

    what: tyro.conf.Positional[str] = ""
    name: tyro.conf.Positional[str] = ""
    json: Json = False

    def run(self) -> None:
        """Prints the list, or what was found."""
        if self.what:
            self._check()
            return
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

    def _check(self) -> None:
        if self.what != "check" or not self.name:
            raise ValueError(f"tasks {self.what} {self.name}".rstrip() + " is unknown; give `tasks check NAME`")
        check_task(self.name)

        from procmem_jax.experiments.checking import check_environment
        from procmem_jax.experiments.presets import make_experiment

        report = check_environment(*make_experiment(self.name))
        print_json(report.as_dict()) if self.json else print(report)
        if report.errors:
            raise SystemExit(1)
