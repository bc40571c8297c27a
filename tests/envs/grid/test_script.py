"""The scripted explorer against the plain one, in every state of several layouts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.worlds import all_cells, draw_layouts, layout_numbers, make_layout, make_state, plain_world
from plain_tutorial import TUTORIAL_TARGET, scripted_choice
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.records import as_arrays
from quick import quick_first

WORLDS = {kind: GridWorld(kind) for kind in ("tutorial", "random")}


def scripted_actions(kind, size, numbers):
    """The script's actions in all states of a grid, `[4 * size * size]`."""
    params = as_arrays(WORLDS[kind].default_params(size=size))

    def choose(x, y, has_key, door_open):
        state = make_state(x, y, has_key, door_open, make_layout(numbers))
        return WORLDS[kind].scripted_action(WORLDS[kind].observe(state, params))

    actions = jax.jit(jax.vmap(choose))(*all_cells(size).T)
    assert actions.dtype == jnp.int32
    return actions.tolist()


def plain_actions(size, numbers, final_target):
    world, actions = plain_world(size, numbers), []
    for x, y, has_key, door_open in all_cells(size).tolist():
        world.x, world.y, world.has_key, world.door_open = x, y, bool(has_key), bool(door_open)
        choice = scripted_choice(world, final_target)
        actions.append(-1 if choice is None else choice)
    return actions


@pytest.mark.parametrize(("key", "door"), (((2, 2), (3, 3)), ((3, 0), (0, 2))))
@pytest.mark.parametrize("size", (4, 5, 6, 8))
def test_on_the_tutorial_layout_the_script_ends_at_4_4(size, key, door):
    numbers = [0, 0, *key, *door, size - 1, size - 1, 1, 3]
    expected = plain_actions(size, numbers, TUTORIAL_TARGET)
    assert scripted_actions("tutorial", size, numbers) == expected
    assert (-1 in expected) == (size > 4)


@pytest.mark.parametrize("size", quick_first((3, 4, 5, 7)))
def test_on_other_layouts_the_script_ends_at_the_goal(size):
    seen = set()
    for numbers in draw_layouts(np.random.default_rng(size), size, 4):
        expected = plain_actions(size, numbers, None)
        assert scripted_actions("random", size, numbers) == expected
        seen.update(expected)
    assert seen == {-1, 0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("size", (3, 8, 16))
def test_on_other_layouts_the_script_is_a_shortest_path(size):
    world = WORLDS["random"]
    params = as_arrays(world.default_params(size=size))

    @jax.jit
    def play(words):
        def tick(state, _):
            action = world.scripted_action(world.observe(state, params))
            state, _, terminated, _, _ = world.step_from_words(words, state, action, params)
            return state, terminated

        first = world.reset_from_words(words, params)
        last, terminated = jax.lax.scan(tick, first, length=6 * size)
        return first.layout, world.optimal_steps(first), jnp.argmax(terminated) + 1, jnp.any(terminated)

    for seed in range(5):
        bits = jax.random.bits(jax.random.key(seed), (2,), jnp.uint32)
        layout, optimal, steps, reached = play((bits[0], bits[1]))
        assert reached and optimal == steps, layout_numbers(layout)
