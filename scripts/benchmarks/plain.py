"""The plain-Python world and agent that ours are compared with: those of the tests."""

import importlib.util
import pathlib
import random
import time
from types import ModuleType

from benchmarks.measure import Built, Contender, repeated

PLAIN_TUTORIAL = pathlib.Path(__file__).parents[2] / "tests" / "plain_tutorial.py"
SIZE = 5
EPISODES = 100


def load_plain() -> ModuleType | None:
    """Returns the module of the plain agent, None where the tests do not lie beside the scripts."""
    if not PLAIN_TUTORIAL.exists():
        return None
    spec = importlib.util.spec_from_file_location("plain_tutorial", PLAIN_TUTORIAL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def environment_contenders() -> list[Contender]:
    """Returns the plain world under random actions, if there is one."""
    plain = load_plain()

    def build() -> Built:
        world, draw = plain.PlainWorld(SIZE), random.Random(0).randrange

        def run(count: int) -> None:
            total = 0.0
            for _ in range(count):
                reward, done = world.step(draw(6))
                total += reward
                if done:
                    world.reset()
                world.state()

        return repeated(run, 1)

    return [] if plain is None else [Contender("plain Python", {"environments": 1}, build)]


def training_contenders() -> list[Contender]:
    """Returns the plain agent learning on `tutorial-5` by the script, as the preset `tutorial` does, if it is there."""
    plain = load_plain()

    def build() -> Built:
        codes = [[0.1 * x + 0.01 * y for y in range(SIZE)] for x in range(SIZE)]
        tapes = [[plain.SCRIPTED] * 50 * EPISODES] * 8

        def run() -> tuple[float, float]:
            started, steps = time.perf_counter(), 0
            for tape in tapes:
                agent = plain.PlainAgent(
                    plain.PlainWorld(SIZE), codes, [0.1 * a for a in range(6)], explore=plain.Tape(tape)
                )
                steps += sum(agent.train(EPISODES)["per_episode"]["steps"])
            return steps, time.perf_counter() - started

        return Built(run)

    return [] if plain is None else [Contender("plain Python", {"agents": 1, "episodes": EPISODES}, build)]
