"""Suite `train`: agent steps of whole training runs, beside the plain-Python loop of the tutorial's agent."""

import dataclasses

from benchmarks import plain
from benchmarks.measure import Built, Contender, Options, measure, ratio
from procmem_jax import make_experiment, run_key, train
from procmem_jax.agents.settings import Config, Params
from procmem_jax.experiments.training.runtime import use_all_cores

COLUMNS = ("name", "capacity", "agents", "episodes")
UNIT = "agent steps"
SEED = 0


@dataclasses.dataclass(frozen=True)
class Case:
    """A training run; `target` is how many times the rate of what it is held against it should reach."""

    task: str
    preset: str
    agents: int
    episodes: int
    capacity: int | None = None
    target: float | None = None
    use_skills: bool = True

    def resized(self, agents: int, episodes: int) -> "Case":
        """Returns the same run with other numbers of agents and episodes."""
        return dataclasses.replace(self, agents=agents, episodes=episodes)

    def experiment(self) -> tuple[Config, Params]:
        """Returns the run's config and params."""
        overrides = {} if self.capacity is None else {"capacity": self.capacity}
        return make_experiment(self.task, self.preset, use_skills=self.use_skills, overrides=overrides)

    def contender(self) -> Contender:
        """Returns the run to be timed, without its compilation."""
        config, params = self.experiment()

        def run() -> tuple[float, float]:
            result = train(run_key(SEED), config, params, self.agents, self.episodes)
            return float(result.metrics.steps.sum(dtype="int64")), result.run_seconds

        def build() -> Built:
            return Built(run, train(run_key(SEED), config, params, self.agents, self.episodes).compile_seconds)

        sizes = {"capacity": config.library.capacity, "agents": self.agents, "episodes": self.episodes}
        return Contender(f"{self.preset if self.use_skills else 'no memory'} on {self.task}", sizes, build)


CASES = (
    Case("tutorial-5", "tutorial", 16384, plain.EPISODES, target=100),
    Case("random-5", "default", 8192, 100, capacity=64, target=40),
    Case("random-5", "default", 2048, 100),
    Case("random-5", "default", 2048, 100, capacity=256),
    Case("tutorial-5", "default", 2048, 100),
    Case("random-8", "default", 2048, 100),
    Case("doorkey-8", "default", 2048, 100),
    Case("shifting-8", "default", 2048, 100),
    Case("random-8", "q-learning", 2048, 100),
)
QUICK_CASES = (Case("tutorial-5", "tutorial", 64, 5, target=100), Case("random-5", "default", 64, 5, target=40))


def run(options: Options) -> tuple[list[dict], list[dict]]:
    """Returns (rows, ratios)."""
    use_all_cores()
    cases = QUICK_CASES if options.quick else CASES
    loop = plain.training_contenders()
    timed = measure([*(case.contender() for case in cases), *loop], options)
    ratios = []
    if loop:
        for case, row in zip(cases, timed, strict=False):
            label = f"{row['name']}, capacity {row['capacity']}, over plain Python"
            ratios.append(ratio(label, row, timed[-1], case.target))
    return timed, ratios
