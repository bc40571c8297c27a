"""What a sweep is: its settings, its seeds, and the shares that separate processes may take of it."""

import dataclasses

from procmem_jax.agents.groups import check_groups
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.settings import Config, Params, check_params
from procmem_jax.experiments.descriptions import describe_experiment
from procmem_jax.records import check_count
from procmem_jax.streams import run_key

FORMAT = 2


@dataclasses.dataclass(frozen=True)
class SweptSetting:
    """One setting of a sweep.

    Attributes:
        values: of the swept names.
        config, params: what the task, the preset, what is fixed and these values make.
    """

    values: dict[str, int | float | bool | str]
    config: Config
    params: Params


@dataclasses.dataclass(frozen=True)
class SweepSpec:
    """One sweep: everything that its results depend on.

    Attributes:
        task, preset: their names.
        settings: G of them.
        num_seeds: S, agents 0 to S - 1 of the run `seed` in every setting.
        num_episodes: E, of each run.
        seed: of the run key.
        every: of every so many episodes the last is kept.
        summary_only: whether no episodes are kept at all.
    """

    task: str
    preset: str
    settings: tuple[SweptSetting, ...]
    num_seeds: int
    num_episodes: int
    seed: int = 0
    every: int = 1
    summary_only: bool = False

    @property
    def num_rows(self) -> int:
        """Runs of the whole sweep."""
        return len(self.settings) * self.num_seeds

    @property
    def swept(self) -> tuple[str, ...]:
        """The swept names."""
        return tuple(self.settings[0].values)

    @property
    def num_programs(self) -> int:
        """Programs that have to be compiled: one for each combination of static settings."""
        return len({setting.config for setting in self.settings})

    def bounds(self, shard: "Shard | None") -> tuple[int, int]:
        """Returns (the first row, the one behind the last) of a shard, or of all; no group is divided."""
        if shard is None:
            return 0, self.num_rows
        unit = max(ProceduralAgent(setting.config).group_size for setting in self.settings)
        return shard.bounds(self.num_rows, unit)

    def identity(self) -> dict:
        """Returns what decides the results, ready for JSON: equal for equal sweeps."""
        first = self.settings[0]
        described = describe_experiment(first.config, first.params)
        fixed = {name: value for name, value in described.pop("settings").items() if name not in first.values}
        return {
            "format": FORMAT,
            "kind": "sweep",
            "task": self.task,
            "preset": self.preset,
            "seed": self.seed,
            "seeds": self.num_seeds,
            "episodes": self.num_episodes,
            "every": self.every,
            "summary_only": self.summary_only,
            "swept": list(self.swept),
            **described,
            "fixed": fixed,
            "settings": [setting.values for setting in self.settings],
        }

    def check(self) -> None:
        """Raises a TypeError or ValueError if the sweep is impossible."""
        run_key(self.seed)
        for name, count in (("seeds", self.num_seeds), ("episodes", self.num_episodes), ("every", self.every)):
            check_count(name, count, 1, 2**31 - 1)
        if not self.settings:
            raise ValueError("the sweep has no settings; give at least one")
        for setting in self.settings:
            check_params(setting.config, setting.params)
            check_groups(setting.config, {"seeds": self.num_seeds})


@dataclasses.dataclass(frozen=True)
class Shard:
    """A share of a sweep's rows.

    Attributes:
        index: from 1.
        count: how many there are.
    """

    index: int
    count: int

    @property
    def name(self) -> str:
        """The folder's name."""
        return f"{self.index}-of-{self.count}"

    def bounds(self, num_rows: int, unit: int = 1) -> tuple[int, int]:
        """Returns (the first row, the one behind the last), multiples of `unit`, as `num_rows` must be."""
        units = num_rows // unit
        return units * (self.index - 1) // self.count * unit, units * self.index // self.count * unit
