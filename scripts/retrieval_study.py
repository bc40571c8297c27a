"""Retrieval itself: do skills do what they promise, in pools of all sizes, with lies in them, in worlds of other kinds?

Of every use of a skill two things are recorded: the success rate that the choice went by, and whether it did what it
promises. A whole run does if its postcondition comes true while it runs; a first step (all that is taken of a skill out
of the situation it was made for) if it comes nearer to the next fact on a shortest way, which the study looks up in the
grid and the memory does not know.
"""

import argparse
import dataclasses
import functools
import pathlib
import sys
from collections.abc import Callable

from tqdm import tqdm

sys.path.insert(0, str(pathlib.Path(__file__).parent))  # which `python -P` leaves out

from procmem_jax import make_experiment
from procmem_jax.agents.settings import Config, Params
from procmem_jax.experiments.storage.files import read_json, write_json
from procmem_jax.experiments.study.arms import ABLATIONS, ARMS, DEFAULT
from procmem_jax.experiments.text_tables import interval_text, markdown_table
from procmem_jax.memory.library import SkillLibrary
from retrieval.figure import draw, usual_rows
from retrieval.lies import lying_libraries
from retrieval.lives import Lives, live
from retrieval.measures import measure
from retrieval.worlds import OneSided, WithoutWalls

CAPACITY = 128  # the preset's
PROGRESS = "progress on"
SETTINGS = {PROGRESS: {"progress": True}, **{name: dict(arm.settings) for name, arm in ARMS.items()}}
# What is of use in learning alone: without it a frozen memory is the default one, and runs its program.
LEARNING_ONLY = ("suffixes", "keep_better", "admission", "count_failures", "novel_only", "segmentation")
WORLDS = {
    "no-walls": WithoutWalls(),
    "rightwards": OneSided(),
    "leftwards": OneSided(leftwards=True),
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is run."""

    episodes: int = 150
    frozen_episodes: int = 20
    last: int = 20
    capacities: tuple[int, ...] = (8, 16, 32, 64, 128, 256, 512)
    pools: tuple[tuple[str, str], ...] = (("random-8", DEFAULT), ("random-8", "no admission"), ("doorkey-8", DEFAULT))
    lies: tuple[int, ...] = (0, 16, 64, 192)
    lied_to: tuple[str, ...] = (DEFAULT, PROGRESS, "failures not counted")
    lie_capacity: int = 256
    kinds: tuple[tuple[str, str], ...] = (
        ("random-5", "random-5"),
        ("random-5", "random-8"),
        ("random-5", "random-12"),
        ("random-5", "random-8 sticky"),
        ("doorkey-5", "doorkey-5"),
        ("doorkey-5", "doorkey-8"),
        ("doorkey-5", "doorkey-12"),
        ("doorkey-5", "no-walls-8"),
        ("no-walls-5", "no-walls-8"),
        ("no-walls-5", "doorkey-8"),
        ("rightwards-8", "rightwards-8"),
        ("rightwards-8", "leftwards-8"),
    )
    arms: tuple[str, ...] = (DEFAULT, *ABLATIONS, "random retrieval")
    arm_world: str = "random-8"
    arm_kind: tuple[str, str] = ("random-5", "random-12")


QUICK = Plan(
    episodes=2,
    frozen_episodes=1,
    last=2,
    capacities=(CAPACITY,),
    pools=(("random-4", DEFAULT),),
    lies=(0, 4),
    lied_to=(DEFAULT,),
    lie_capacity=CAPACITY,
    kinds=(("random-4", "random-5"),),
    arms=(DEFAULT, "no retirement"),  # of one program
    arm_world="random-4",
    arm_kind=("random-4", "random-5"),
)


def experiment(world: str, settings: dict) -> tuple[Config, Params]:
    """Returns (config, params) of the default memory in a world such as "random-8 sticky" or "no-walls-5"."""
    name, _, sticky = world.partition(" ")
    family, _, size = name.rpartition("-")
    noise = {"sticky": 0.1} if sticky else {}
    config, params = make_experiment(f"random-{size}" if family in WORLDS else name, overrides={**settings, **noise})
    return dataclasses.replace(config, environment=WORLDS.get(family, config.environment)), params


class Study:
    """The cells, each run once; what was learned is kept for those that start with it."""

    def __init__(self, plan: Plan, num_agents: int, seed: int, watch: Callable[[str], None]):
        self.plan, self._agents, self._seed, self._watch = plan, num_agents, seed, watch
        self._learned = functools.cache(self._learn)

    def _learn(self, world: str, arm: str, capacity: int) -> tuple[dict, SkillLibrary]:
        """Returns (measures, libraries) of agents that learn."""
        lives = self._live(world, {**SETTINGS[arm], "capacity": capacity}, self.plan.episodes, self._seed)
        return measure(lives, self.plan.last), lives.libraries

    def _live(self, world: str, settings: dict, episodes: int, seed: int, learns: bool = True, libraries=None) -> Lives:
        self._watch(f"{world} {settings}")
        config, params = experiment(world, settings)
        config = dataclasses.replace(config, learns=learns)
        return live(config, params, self._agents, episodes, seed, libraries=libraries)

    def pool(self) -> list[dict]:
        """Returns the rows of libraries of all sizes."""
        return [
            {"world": world, "arm": arm, "capacity": capacity, **self._learned(world, arm, capacity)[0]}
            for world, arm in self.plan.pools
            for capacity in self.plan.capacities
        ]

    def lies(self) -> list[dict]:
        """Returns the rows of agents that begin with lies."""
        return [
            {"world": self.plan.arm_world, "arm": arm, "lies": count, **self._lied_to(arm, count)}
            for arm in self.plan.lied_to
            for count in self.plan.lies
        ]

    def _lied_to(self, arm: str, count: int) -> dict:
        if not count:
            return self._learned(self.plan.arm_world, arm, self.plan.lie_capacity)[0]
        settings = {**SETTINGS[arm], "capacity": self.plan.lie_capacity}
        config, params = experiment(self.plan.arm_world, settings)
        libraries = lying_libraries(config, params.environment.size, self._agents, count, self._seed)
        lives = self._live(self.plan.arm_world, settings, self.plan.episodes, self._seed, libraries=libraries)
        return measure(lives, self.plan.last)

    def kinds(self) -> list[dict]:
        """Returns the rows of worlds that were not trained on."""
        return [{"learned": pair[0], "used": pair[1], **self._used(*pair, DEFAULT)} for pair in self.plan.kinds]

    def _used(self, learned: str, used: str, arm: str) -> dict:
        """Returns how frozen libraries do on fresh layouts of the world `used`."""
        settings = {name: value for name, value in SETTINGS[arm].items() if name not in LEARNING_ONLY}
        _, libraries = self._learned(learned, arm, CAPACITY)
        lives = self._live(used, settings, self.plan.frozen_episodes, self._seed + 1, False, libraries)
        return measure(lives, self.plan.frozen_episodes)

    def arms(self) -> list[dict]:
        """Returns the rows of the mechanisms, each off in turn."""
        return [
            {
                "arm": arm,
                **self._learned(self.plan.arm_world, arm, CAPACITY)[0],
                "elsewhere": self._used(*self.plan.arm_kind, arm),
            }
            for arm in self.plan.arms
        ]


def tables(found: dict) -> str:
    """Returns the tables of all parts, Markdown."""
    parts = [
        _table(found["pool"], ("world", "arm", "capacity"), ("skills", *_PRECISION, *_RESULT)),
        _table(found["lies"], ("arm", "lies"), (*_PRECISION, *_RESULT)),
        _reliability_table(usual_rows(found)),
        _table(found["kinds"], ("learned", "used"), ("in_skills", *_PRECISION, *_RESULT)),
        _table(found["arms"], ("arm",), (*_PRECISION, "error_counted", "error_kept", *_RESULT)),
        _table([{"arm": row["arm"], **row["elsewhere"]} for row in found["arms"]], ("arm",), (*_PRECISION, *_RESULT)),
    ]
    return "\n\n".join(parts)


_PRECISION = ("precision", "whole", "first")
_RESULT = ("success", "steps_over_shortest")
_PLAIN = {"steps_over_shortest": 2, "skills": 0}  # digits of what is no share


def _table(rows: list[dict], names: tuple[str, ...], measures: tuple[str, ...]) -> str:
    lines = [
        [*(str(row[name]) for name in names), *(_text(row[measure], measure) for measure in measures)] for row in rows
    ]
    headings = [name.replace("_", " ") + ("" if name in _PLAIN else ", %") for name in measures]
    return markdown_table(dict.fromkeys((*names, *headings), "<"), lines)


def _text(bounds: tuple, measure: str) -> str:
    if bounds[0] is None:
        return "-"
    return interval_text(bounds, _PLAIN.get(measure, 1), 1 if measure in _PLAIN else 100)


def _reliability_table(rows: list[dict]) -> str:
    lines = []
    for row in rows:
        for counted, kept in zip(row["reliability_counted"], row["reliability_kept"], strict=True):
            bins = f"{counted['bin'] / 10:.1f} to {(counted['bin'] + 1) / 10:.1f}"
            shares = [f"{counted['uses']:,}", f"{100 * counted['rate']:.1f}", _text(counted["outcome"], "counted")]
            lines.append([row["world"], bins, *shares, _text(kept["outcome"], "kept")])
        lines.append(
            [row["world"], "error", "", "", *(_text(row[f"error_{name}"], name) for name in ("counted", "kept"))]
        )
    return markdown_table(dict.fromkeys(("world", "rate", "uses", "mean rate, %", "counted, %", "kept, %"), "<"), lines)


def main(arguments: list[str] | None = None) -> None:
    """Runs all parts, writes them to a file, draws the figure, prints tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=128, help="of each cell (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1000, help="settings were tuned below 1000 (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="2 episodes of few cells, to see that everything works")
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("runs/retrieval.json"), help="file of the rows"
    )
    parser.add_argument(
        "--figure", type=pathlib.Path, default=pathlib.Path("runs/retrieval.png"), help="file of the figure"
    )
    parser.add_argument("--draw", action="store_true", help="only draw and print what the file of the rows holds")
    options = parser.parse_args(arguments)
    if not options.draw:
        plan = QUICK if options.quick else Plan()
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with tqdm(disable=None, file=sys.stderr, unit=" cells") as bar:

            def watch(cell: str) -> None:
                bar.update()
                bar.set_postfix_str(cell)

            study = Study(plan, options.agents, options.seed, watch)
            found = {"agents": options.agents, "seed": options.seed}
            for name, part in (
                ("pool", study.pool),
                ("lies", study.lies),
                ("kinds", study.kinds),
                ("arms", study.arms),
            ):
                found[name] = part()
                write_json(options.out, found)
    found = read_json(options.out)
    options.figure.parent.mkdir(parents=True, exist_ok=True)
    draw(options.figure, found)
    print(tables(found))


if __name__ == "__main__":
    main()
