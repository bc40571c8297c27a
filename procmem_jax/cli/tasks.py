"""The command `procmem tasks`."""

import dataclasses

import tyro

from procmem_jax.cli.parsing.options import Json
from procmem_jax.cli.reports.as_json import print_json
from procmem_jax.cli.reports.streams import wrapped
from procmem_jax.envs.foreign.peer_names import PACKAGES, PEERS
from procmem_jax.envs.grid.task_names import TASK_FAMILIES
from procmem_jax.experiments.task_registry import check_task
from procmem_jax.near_misses import choose_from


@dataclasses.dataclass(frozen=True)
class Tasks:
    """List the tasks or those of another package, or check one.

    Attributes:
        what: a package, such as gymnax, whose environments are to be listed; or `check`, to play a task at random and
            tell what is amiss (exit status 1 if results would be wrong).
        name: the task to check: one of these, or package.module:make_task.
        json: print an object instead.
    """

    what: tyro.conf.Positional[str] = ""
    name: tyro.conf.Positional[str] = ""
    json: Json = False

    def run(self) -> None:
        """Prints the list, or what was found."""
        if self.what in PACKAGES and not self.name:
            self._list_package()
            return
        if self.what:
            self._check()
            return
        if self.json:
            bounds = ("smallest", "largest", "help")
            ours = {name: dict(zip(bounds, what, strict=True)) for name, what in TASK_FAMILIES.items()}
            shown = ("extra", "limit", "help")
            peers = {name: {field: getattr(peer, field) for field in shown} for name, peer in PEERS.items()}
            packages = {prefix: package._asdict() for prefix, package in PACKAGES.items()}
            print_json({"families": ours, "of_other_packages": peers, "packages": packages})
            return
        for family, (smallest, largest, what) in TASK_FAMILIES.items():
            print(wrapped(f"{family + '-N':<12} ", f"N {smallest} to {largest}: {what}"))
        print("\nAll environments that these packages register (`procmem tasks gymnax` lists them):")
        for prefix, package in PACKAGES.items():
            print(wrapped(f"{prefix + ':ID':<12} ", f"{package.help} (needs the extra {package.module})"))
        print("\nOf these with a percept or settings of their own (--set same_start=true fixes the layout):")
        for name, peer in PEERS.items():
            print(wrapped(f"{name:<30} ", f"{peer.help}; {peer.limit} steps (needs the extra {peer.extra})"))

    def _list_package(self) -> None:
        from procmem_jax.envs.foreign.peers import describe_peer, registered

        rows = {name: describe_peer(name) for name in registered(self.what)}
        if self.json:
            print_json(rows)
            return
        width = max(map(len, rows))
        for name, row in rows.items():
            what = "{actions:,} actions, {limit:,} steps, {percept}".format(**row) if "limit" in row else row["refused"]
            print(wrapped(f"{name:<{width}} ", what))

    def _check(self) -> None:
        if self.what != "check" or not self.name:
            known = choose_from(self.what, [*PACKAGES, "check"], among=f"{', '.join(PACKAGES)}, or check NAME")
            raise ValueError(f"tasks {self.what} {self.name}".rstrip() + f" is unknown; {known}")
        check_task(self.name)

        from procmem_jax.experiments.checking import check_environment
        from procmem_jax.experiments.presets import make_experiment

        report = check_environment(*make_experiment(self.name))
        print_json(report.as_dict()) if self.json else print(report)
        if report.errors:
            raise SystemExit(1)
