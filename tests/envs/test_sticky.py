"""Sticky actions: the previous action is carried out again, with a probability, and never on the first step."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.envs.grid.actions import MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, MOVE_UP
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.records import as_arrays
from procmem_jax.streams import draw_words, open_streams, run_key

WORLD = GridWorld("random")
NUM_WORLDS, NUM_STEPS = 64, 200


@functools.cache
def program():
    """The jitted walk of many worlds: (chosen, executed, states before, states after), `[T, A]`."""

    def walk(agent, params, num_choices):
        def tick(state, number):
            words = draw_words(open_streams(run_key(8)).tick, number, agent)
            # Never the action executed last, so that every sticking shows.
            chosen = (state.last_action + 1 + number % num_choices) % 6
            new, _, _, _, info = WORLD.step_from_words((words[1], words[1]), state, chosen, params)
            return new, (chosen, info["executed_action"], state, new)

        first = WORLD.reset_from_words(draw_words(open_streams(run_key(8)).episode, 0, agent), params)
        return jax.lax.scan(tick, first, jnp.arange(NUM_STEPS, dtype=jnp.int32))[1]

    return jax.jit(jax.vmap(walk, in_axes=(0, None, None), out_axes=1))


def walk(sticky, num_choices=5):
    params = as_arrays(WORLD.default_params(size=9, sticky=sticky, max_steps=0))
    agents = jnp.arange(NUM_WORLDS, dtype=jnp.uint32)
    return jax.tree.map(np.asarray, program()(agents, params, jnp.int32(num_choices)))


def test_without_it_what_is_chosen_is_done():
    chosen, executed, _, after = walk(0.0)
    np.testing.assert_array_equal(chosen, executed)
    np.testing.assert_array_equal(after.last_action, executed)


def test_with_1_the_first_action_is_repeated_for_ever():
    chosen, executed, _, after = walk(1.0)
    np.testing.assert_array_equal(executed, np.broadcast_to(chosen[0], executed.shape))
    assert not np.any(chosen[1:] == executed[1:])
    np.testing.assert_array_equal(after.last_action, executed)


def test_the_bound_itself_does_not_stick():
    """So that no word at all sticks with 0."""
    for sticky, word, sticks in ((0.0, 0, False), (0.5, 2**31, False), (0.5, 2**31 - 1, True)):
        params = as_arrays(WORLD.default_params(size=9, sticky=sticky))
        state = WORLD.reset_from_words((jnp.uint32(0), jnp.uint32(0)), params)
        for action in (MOVE_UP, MOVE_RIGHT):
            state, *_, info = WORLD.step_from_words((jnp.uint32(word),) * 2, state, jnp.int32(action), params)
        assert (info["executed_action"] == MOVE_UP) == sticks


@pytest.mark.parametrize("sticky", (0.1, 0.25, 0.9))
def test_the_share_of_repetitions(sticky):
    chosen, executed, before, _ = walk(sticky)
    sticks = executed != chosen
    assert not sticks[0].any()
    np.testing.assert_array_equal(executed[sticks], before.last_action[sticks])
    count = sticks[1:].size
    error = (sticky * (1 - sticky) / count) ** 0.5
    assert sticks[1:].mean() == pytest.approx(sticky, abs=4 * error)
    # Repetitions come independently of one another.
    both = (sticks[1:-1] & sticks[2:]).mean()
    assert both == pytest.approx(sticky**2, abs=6 * error)


def test_the_executed_action_moves_the_agent():
    moves = {MOVE_UP: (0, 1), MOVE_DOWN: (0, -1), MOVE_LEFT: (-1, 0), MOVE_RIGHT: (1, 0)}
    _, executed, before, after = walk(0.5, num_choices=3)
    for index in np.ndindex(executed.shape):
        dx, dy = moves.get(int(executed[index]), (0, 0))
        cell = np.clip((int(before.x[index]) + dx, int(before.y[index]) + dy), 0, 8)
        assert (after.x[index], after.y[index]) == tuple(cell)


def test_never_on_the_first_step_of_any_episode():
    params = as_arrays(WORLD.default_params(size=9, sticky=1.0))
    for action in range(6):
        _, state = WORLD.reset(jax.random.key(action), params)
        _, _, _, _, _, info = WORLD.step(jax.random.key(0), state, jnp.int32(action), params)
        assert info["executed_action"] == action


def test_the_public_step_tells_what_it_did():
    params = as_arrays(WORLD.default_params(size=9, sticky=1.0))
    _, state = WORLD.reset(jax.random.key(0), params)
    for chosen in (MOVE_UP, MOVE_DOWN, MOVE_LEFT):
        _, state, _, _, _, info = WORLD.step(jax.random.key(1), state, jnp.int32(chosen), params)
        assert (info["executed_action"], state.last_action) == (MOVE_UP, MOVE_UP)


@pytest.mark.parametrize(("sticky", "text"), ((-0.1, "sticky=-0.1 is below 0.0"), (1.1, "sticky=1.1 is above 1.0")))
def test_a_probability_lies_between_0_and_1(sticky, text):
    with pytest.raises(ValueError, match=text):
        WORLD.default_params(sticky=sticky)
