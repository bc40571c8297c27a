"""What a study compares: the arms, the tasks, and which suite runs which arm for how long."""

import dataclasses

from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.runs.folders import RunSpec
from procmem_jax.near_misses import choose_from

NO_MEMORY, DEFAULT, ORACLE = "no memory", "default", "oracle"
Setting = tuple[str, str | int | float | bool]
_ABLATION_EPISODES = 300  # compared with the same episodes of the default memory


@dataclasses.dataclass(frozen=True)
class Arm:
    """One kind of agent.

    Attributes:
        name: in tables and figures.
        preset: its preset.
        use_skills: False: the memory is off.
        explorer: as for `make_experiment`.
        settings: what differs from the preset, (name, value) each.
        max_episodes: it runs no longer than that, to save time; None: as many episodes as the task has. Its first
            episodes are the same however many follow, so that it can be compared with those of a longer arm.
        is_ablation: whether it is the default memory with one mechanism off.
    """

    name: str
    preset: str = "default"
    use_skills: bool = True
    explorer: str = "random"
    settings: tuple[Setting, ...] = ()
    max_episodes: int | None = None
    is_ablation: bool = False


def _without(name: str, setting: str, value: str | float | bool) -> Arm:
    return Arm(name, settings=((setting, value),), max_episodes=_ABLATION_EPISODES, is_ablation=True)


_ARMS = (
    Arm(NO_MEMORY, use_skills=False),
    # It does not get better, and its episodes are long.
    Arm("random retrieval", settings=(("choice", "random"),), max_episodes=200),
    Arm("tutorial memory", preset="tutorial"),
    Arm(DEFAULT),
    Arm("capacity 64", settings=(("capacity", 64),)),
    Arm("Q-learning", preset="q-learning"),
    Arm(ORACLE, use_skills=False, explorer="scripted"),
    _without("no suffixes", "suffixes", False),
    _without("no loop erasure", "loop_erasure", False),
    _without("no keep-better", "keep_better", False),
    _without("no admission", "admission", False),
    _without("failures not counted", "count_failures", False),
    _without("learns from skills too", "novel_only", False),
    _without("segments end at success", "segmentation", "success"),
    _without("no generalisation", "match_tolerance", 1e-4),
    _without("no interruption", "interruption", False),
    _without("no novelty", "novelty", 0.0),
    _without("no retreat", "retreat_steps", 0),
    _without("no retirement", "retire_rate", 0.0),
)
ARMS = {arm.name: arm for arm in _ARMS}
MAIN_ARMS = tuple(arm.name for arm in _ARMS if not arm.is_ablation)
ABLATIONS = tuple(arm.name for arm in _ARMS if arm.is_ablation)


@dataclasses.dataclass(frozen=True)
class StudyTask:
    """A task of a study and the arms that run on it.

    Attributes:
        name: in tables and figures.
        task: the name that `parse_task` reads.
        num_episodes: E.
        arms: names in `ARMS`, the first of them no memory.
        settings: of the world, (name, value) each.
    """

    name: str
    task: str
    num_episodes: int
    arms: tuple[str, ...]
    settings: tuple[Setting, ...] = ()


@dataclasses.dataclass(frozen=True)
class Suite:
    """Tasks that are studied together.

    Attributes:
        num_agents: of each arm, unless said otherwise.
        tasks: in the order of the tables.
    """

    num_agents: int
    tasks: tuple[StudyTask, ...]


_FEW_ARMS = (NO_MEMORY, "random retrieval", "tutorial memory", DEFAULT, "Q-learning")
_ALL_ARMS = tuple(ARMS)
SUITES = {
    "quick": Suite(64, (StudyTask("tutorial-5", "tutorial-5", 100, _FEW_ARMS),
                        StudyTask("random-5", "random-5", 300, _FEW_ARMS))),
    "full": Suite(
        128,
        (
            StudyTask("tutorial-5", "tutorial-5", 100, _ALL_ARMS),
            StudyTask("random-5", "random-5", 300, _ALL_ARMS),
            StudyTask("random-5, long", "random-5", 2000, (NO_MEMORY, DEFAULT, "capacity 64", "Q-learning", ORACLE)),
            StudyTask("random-8", "random-8", 500, _ALL_ARMS),
            StudyTask("doorkey-8", "doorkey-8", 1000, _ALL_ARMS),
            StudyTask("shifting-8", "shifting-8", 450, _ALL_ARMS, (("shift_every", 50),)),
            StudyTask("random-8, sticky 0.1", "random-8", 500, _ALL_ARMS, (("sticky", 0.1),)),
        ),
    ),
}  # fmt: skip


def suite_by_name(name: str) -> Suite:
    """Returns the suite called `name`.

    Raises:
        ValueError: there is none; the message lists them.
    """
    if name not in SUITES:
        raise ValueError(f"suite={name!r} is unknown; {choose_from(name, SUITES)}")
    return SUITES[name]


@dataclasses.dataclass(frozen=True)
class Cell:
    """One arm on one task."""

    task: StudyTask
    arm: Arm

    @property
    def num_episodes(self) -> int:
        """E of this arm on this task."""
        return min(self.task.num_episodes, self.arm.max_episodes or self.task.num_episodes)

    @property
    def folder_name(self) -> str:
        """Name of the folder of its run."""
        return "--".join(name.replace(",", "").replace(" ", "-") for name in (self.task.name, self.arm.name))

    def spec(self, num_agents: int, seed: int) -> RunSpec:
        """Returns the run; agents of equal seed and number meet equal layouts in every arm of a task."""
        config, params = make_experiment(
            self.task.task,
            self.arm.preset,
            explorer=self.arm.explorer,
            use_skills=self.arm.use_skills,
            overrides=dict(self.task.settings + self.arm.settings),
        )
        return RunSpec(self.task.task, self.arm.preset, config, params, num_agents, self.num_episodes, seed)

    def command(self, num_agents: int, seed: int) -> str:
        """Returns the command that runs this cell alone."""
        parts = ["procmem train", f"--task {self.task.task}", f"--preset {self.arm.preset}"]
        parts += [f"--explorer {self.arm.explorer}", f"--agents {num_agents}", f"--episodes {self.num_episodes}"]
        parts += [f"--seed {seed}"] + ([] if self.arm.use_skills else ["--no-skills"])
        settings = self.task.settings + self.arm.settings
        if settings:
            parts.append("--set " + " ".join(f"{name}={str(value).lower()}" for name, value in settings))
        return " ".join(parts)


def list_cells(suite: Suite) -> list[Cell]:
    """Returns the cells of a suite, task by task."""
    return [Cell(task, ARMS[name]) for task in suite.tasks for name in task.arms]
