"""Positions are found by how an observation is made and what moves in it, and by nothing else."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import run_key, train, with_memory
from procmem_jax.envs import AdaptedState, ProjectedPercept
from procmem_jax.envs.foreign.probes.positions import clocks_in, coordinates_of

STEPS, LANES = 12, 3


class Place(NamedTuple):
    row: jax.Array
    column: jax.Array


def played(make, seed=0):
    """Returns (the shapes of an observation, rows `[T, A, N]`, starts) of `make(step, lane, random numbers)`."""
    random = np.random.default_rng(seed)
    seen = [[make(step, lane, random) for lane in range(LANES)] for step in range(STEPS)]
    flat = [[np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(obs)]) for obs in row] for row in seen]
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(np.shape(leaf), np.asarray(leaf).dtype), seen[0][0])
    starts = np.zeros((STEPS, LANES), bool)
    starts[0] = True
    return shapes, np.asarray(flat, np.float64), starts


def maze(step, lane, random):
    goal = Place(np.int32(lane), np.int32(5))
    return {
        "a_goal": goal,
        "agent": Place(np.int32(random.integers(9)), np.int32(random.integers(9))),
        "carries": np.int32(random.integers(2)),
        "map": random.integers(0, 2, (3, 3)),
        "time": np.int32(step),
    }


def test_the_part_that_moves_is_the_agent_and_clocks_and_maps_are_left_out():
    # Flat, by name: the goal's row and column, the agent's, what it carries, nine cells, the time.
    assert coordinates_of(*played(maze)) == ((2, 0), (3, 1), (4, None))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda obs: obs["agent"], "one position alone"),
        (lambda obs: {**obs, "agent": np.float32([0.5, 1.5])}, "parts that are made otherwise"),
        (lambda obs: {**obs, "agent": obs["a_goal"]}, "nothing that moves"),
        (lambda obs: {**obs, "agent": Place(*(np.int32(x) for x in (9, 9)))}, "nothing that moves"),
        (
            lambda obs: {name: np.asarray(part, bool) for name, part in zip("ab", ([0, 1], [1, 0]), strict=True)},
            "flags",
        ),
        (lambda obs: np.concatenate([np.ravel(x) for x in jax.tree.leaves(obs)]), "one flat array"),
    ],
)
def test_without_two_alike_of_which_one_moves_there_are_no_coordinates(change, why):
    assert coordinates_of(*played(lambda *where: change(maze(*where)))) == (), why


def test_empty_parts_and_numbers_without_end_are_passed_over():
    def odd(*where):
        return {**maze(*where), "b_empty": (), "heat": np.float32([np.inf, np.nan, -np.inf])}

    assert coordinates_of(*played(odd))[:2] == ((2, 0), (3, 1))
    strange = {"a": np.float32([0, 1]), "b": np.float32([np.nan, np.inf])}
    assert coordinates_of(*played(lambda step, *_: {**strange, "a": np.float32([step, step])})) == ()


def test_positions_deeper_down_and_several_targets():
    def two_goals(step, lane, random):
        places = {
            name: random.integers(0, 9, 2) * (name == "me") + ord(name[-1]) * (name != "me") for name in ("me", "x")
        }
        return (np.ones(7), {"seen": {**places, "y": np.asarray([lane, lane])}})

    # Flat: seven ones, then "me", "x" and "y".
    assert coordinates_of(*played(two_goals)) == ((7, 9), (8, 10), (7, 11), (8, 12))


def test_clocks_change_by_the_same_in_every_step_within_episodes():
    rows = np.stack([np.arange(6) / 7, np.arange(6) % 4, np.arange(6) ** 2, np.full(6, 3.0)], axis=1)[:, None]
    starts = np.asarray([True, False, False, False, True, False])[:, None]
    assert clocks_in(rows, starts).tolist() == [True, True, False, False]


def test_coordinates_by_hand():
    percept = ProjectedPercept(resolution=(2.0, 4.0, 1.0), offset=(1.0, 0.0, 0.0), coordinates=((0, 2), (1, None)))
    no = jnp.zeros((), jnp.bool_)
    found = percept(jnp.float32([3.6, 0.3, -2.0]), AdaptedState(None, no, no, jnp.zeros((), jnp.int32)), None)
    assert found.context.tolist() == [-2.0 - 3.5, 0.25]  # 3.6 is 5 halves above 1, 0.3 one quarter


class Errand:
    """From the middle of a board of 5 x 5 cells to a cell that differs between episodes."""

    def reset(self, key, params):
        del params
        goal = jax.random.randint(key, (2,), 0, 5)
        state = {"place": jnp.full((2,), 2, jnp.int32), "goal": goal.astype(jnp.int32)}
        return dict(state), state

    def step(self, key, state, action, params):
        del key, params
        moves = jnp.asarray([[0, 1], [0, -1], [1, 0], [-1, 0]], jnp.int32)
        state = {**state, "place": jnp.clip(state["place"] + moves[action], 0, 4)}
        there = jnp.all(state["place"] == state["goal"])
        return dict(state), state, there.astype(jnp.float32), there, jnp.zeros((), jnp.bool_), {}


def test_an_environment_with_positions_is_learned_by_their_differences():
    config, params = with_memory(Errand(), max_steps=40, num_actions=4, success="rewarded")
    assert config.environment.perceive.coordinates == ((2, 0), (3, 1))  # the goal is named before the place
    result = train(run_key(3), config, params, 16, 60)
    late = result.metrics.steps[:, -20:].mean()
    shortest = np.mean([abs(row - 2) + abs(column - 2) for row in range(5) for column in range(5)])
    assert result.metrics.success[:, -20:].mean() > 0.98 and late < 2 * shortest + 3
