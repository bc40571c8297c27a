"""The command `procmem presets`."""

import dataclasses

import tyro

from procmem_jax.cli.parsing.names import check_names
from procmem_jax.cli.parsing.options import Json
from procmem_jax.cli.reports.as_json import print_json
from procmem_jax.cli.reports.streams import wrapped
from procmem_jax.experiments.preset_names import PRESETS


@dataclasses.dataclass(frozen=True)
class Presets:
    """List the presets, or all settings of one.

    Attributes:
        name: a preset; without one, all are listed.
        task: the task for which the settings are shown.
        json: print an object instead.
    """

    name: tyro.conf.Positional[str] = ""
    task: str = "random-5"
    json: Json = False

    def run(self) -> None:
        """Prints the list."""
        if not self.name and self.json:
            print_json(PRESETS)
            return
        if not self.name:
            for name, what in PRESETS.items():
                print(wrapped(f"{name:<10} ", what))
            print("\n`procmem presets NAME` lists the settings of one, for --set NAME=VALUE.")
            return
        check_names(self.task, self.name)

        from procmem_jax.experiments.overrides import list_settings
        from procmem_jax.experiments.presets import make_experiment

        config, params = make_experiment(self.task, self.name)
        if self.json:
            shown = ("value", "kind", "static", "help")
            print_json({each.name: {field: getattr(each, field) for field in shown}
                        for each in list_settings(config, params)})  # fmt: skip
            return
        print(f"Preset {self.name}, task {self.task}. Static settings cost a compilation each, traced ones do not.\n")
        for setting in list_settings(config, params):
            kind = "static" if setting.static else "traced"
            print(wrapped(f"{setting.name:<18} {setting.value!s:<12} {setting.kind:<6} {kind:<7} ", setting.help))
