"""The grid against the plain world, its time limit, its rewards, and the same answer however it is called."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.worlds import draw_layouts, layout_numbers, make_layout, make_state, plain_world
from procmem_jax.envs.grid.actions import MOVE_LEFT, MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams
from procmem_jax.records import as_arrays
from quick import quick_first

NUM_STEPS = 10_000
SIZES = {"tutorial": (4, 5, 8, 13), "random": (3, 5, 8, 16)}
REWARDS = ((-0.1, 1.0, 2.0, 10.0), (-0.25, 0.5, 3.0, 7.0), (0.0, -1.0, 0.125, 1.0), (-1.0, 0.0, 0.0, 100.0))
# Key, door and box of each size's tutorial layout: the tutorial's, others, on one cell, on the start.
OBJECTS = ((2, 2, 3, 3, 1, 3), (4, 0, 0, 4, 2, 2), (6, 1, 6, 1, 0, 0), (0, 0, 0, 12, 5, 5))
REWARD_NAMES = ("step_reward", "key_reward", "door_reward", "goal_reward")
OBJECT_NAMES = ("key_x", "key_y", "door_x", "door_y", "box_x", "box_y")


def make_world(layout="random"):
    return GridWorld(layout)


def stacked_params(kind):
    """The params of four worlds that differ in everything."""
    lanes = []
    for index, size in enumerate(SIZES[kind]):
        objects = dict(zip(OBJECT_NAMES, OBJECTS[index], strict=True)) if kind == "tutorial" else {}
        rewards = dict(zip(REWARD_NAMES, REWARDS[index], strict=True))
        changes = {"max_steps": (50, 60, 0, 120)[index], "door_pays_again": index % 2 == 0}
        lanes.append(as_arrays(GridWorldParams(size=size, **changes, **rewards, **objects)))
    return jax.tree.map(lambda *numbers: jnp.stack(numbers), *lanes)


def walk(world, params, words, random_actions, follow_script):
    """Plays one world through `words` (`[T, 2]`), half by its script; resets as soon as an episode ends."""

    def tick(state, inputs):
        words, random_action, follow = inputs
        scripted = world.scripted_action(world.observe(state, params))
        action = jnp.where(follow & (scripted >= 0), scripted, random_action)
        new, reward, terminated, truncated, _ = world.step_from_words((words[0], words[1]), state, action, params)
        fresh = world.reset_from_words((words[0], words[1]), params)
        after = jax.tree.map(lambda old, first: jnp.where(terminated | truncated, first, old), new, fresh)
        return after, (action, new, reward, terminated, truncated, world.observe(new, params))

    first = world.reset_from_words((words[0, 0], words[0, 1]), params)
    return jax.lax.scan(tick, first, (words, random_actions, follow_script))[1]


@functools.cache
def play_many(kind):
    """The transitions of all sizes of one kind of layout, `[4, NUM_STEPS]`, from one compilation."""
    world = make_world(kind)
    rng = np.random.default_rng(7)
    words = rng.integers(0, 2**32, (4, NUM_STEPS, 2), dtype=np.uint32)
    random_actions = rng.integers(0, 6, (4, NUM_STEPS), dtype=np.int32)
    # Stretches by the script reach the goal, stretches at random the time limit.
    follow_script = np.repeat(rng.random((4, NUM_STEPS // 100)) < 0.5, 100, axis=1)
    chex.clear_trace_counter()  # it counts by name
    traced_once = chex.assert_max_traces(lambda *inputs: walk(world, *inputs), n=1)
    played = jax.jit(jax.vmap(traced_once))(stacked_params(kind), words, random_actions, follow_script)
    return jax.tree.map(np.asarray, played)


def plain_observation(world, numbers):
    """The observation that the tutorial gives of `world`, and the box."""
    cells = (*world.key, *world.door, *world.goal, *numbers[8:])
    return [world.x, world.y, *cells, world.has_key, world.door_open, (world.x, world.y) == world.goal]


@pytest.mark.parametrize("lane", quick_first(range(4)))
@pytest.mark.parametrize("kind", ("tutorial", "random"))
def test_every_field_of_10_000_transitions_matches_the_plain_world(kind, lane):
    actions, states, rewards, terminated, truncated, observations = take(play_many(kind), lane)
    params = jax.tree.map(lambda x: x[lane].item(), stacked_params(kind))
    size, numbers = SIZES[kind][lane], layout_numbers(states.layout)
    fields = {"rewards": REWARDS[lane], "door_pays_again": params.door_pays_again}
    world, step, seen = None, 0, {"goal": 0, "limit": 0, "door": 0}
    for t in range(NUM_STEPS):
        if world is None:
            world, step = plain_world(size, numbers[t], **fields), 0
        reward, done = world.step(int(actions[t]))
        step += 1
        limit = params.max_steps > 0 and step >= params.max_steps and not done
        actual = (states.x[t], states.y[t], states.has_key[t], states.door_open[t], states.step[t])
        assert actual == (*world.state(), step), t
        assert rewards[t] == np.float32(reward), t
        assert (terminated[t], truncated[t]) == (done, limit), t
        assert observations[t].tolist() == plain_observation(world, numbers[t].tolist()), t
        seen["goal"] += done
        seen["limit"] += limit
        seen["door"] += world.door_open and not done
        if done or limit:
            world = None
    door_on_goal = kind == "tutorial" and size == 4
    assert seen["goal"] > 5 and (seen["door"] > 20 or door_on_goal), seen
    assert seen["limit"] > 5 or params.max_steps == 0, seen


def test_a_walk_leaves_its_layout_alone_and_draws_another_for_the_next_episode():
    _, states, _, terminated, truncated, _ = play_many("random")
    numbers, ended = layout_numbers(states.layout), terminated | truncated
    changes = np.any(numbers[:, 1:] != numbers[:, :-1], axis=-1)
    assert not np.any(changes & ~ended[:, :-1])
    assert np.sum(changes) > 0.9 * np.sum(ended[:, :-1])


# Time limit and rewards, by hand


def grid(size=5, *, step=0, cell=(0, 0), has_key=False, door_open=False, **changes):
    """A world with start (0, 0), key (1, 0), door (2, 0), goal (3, 0), box (0, 1): (world, params, state)."""
    world = make_world()
    state = make_state(*cell, has_key, door_open, make_layout([0, 0, 1, 0, 2, 0, 3, 0, 0, 1]), step)
    return world, as_arrays(world.default_params(size=size, **changes)), state


@functools.cache
def jitted_step():
    return jax.jit(make_world().step)


def play(actions, **changes):
    """(reward, terminated, truncated) of each action in that world."""
    _, params, state = grid(**changes)
    rows = []
    for action in actions:
        _, state, reward, terminated, truncated, _ = jitted_step()(jax.random.key(0), state, jnp.int32(action), params)
        rows.append((round(float(reward), 6), bool(terminated), bool(truncated)))
    return rows


def test_the_shortest_episode_pays_what_is_promised():
    path = [MOVE_RIGHT, PICKUP_KEY, MOVE_RIGHT, OPEN_DOOR, MOVE_RIGHT]
    rows = play(path, step_reward=-0.5, key_reward=3.0, door_reward=4.0, goal_reward=20.0)
    assert rows == [(r, r == 20.0, False) for r in (-0.5, 3.0, -0.5, 4.0, 20.0)]


def test_the_goal_with_a_closed_door_is_no_goal():
    assert play([MOVE_RIGHT], cell=(2, 0), has_key=True) == [(-0.1, False, False)]


def test_truncated_exactly_at_the_limit_and_for_every_step_after():
    rows = play([MOVE_UP] * 9, max_steps=7)
    assert [truncated for _, _, truncated in rows] == [False] * 6 + [True] * 3
    assert not any(terminated for _, terminated, _ in rows)


def test_success_at_the_limit_is_terminated_and_not_truncated():
    late = {"cell": (2, 0), "has_key": True, "door_open": True, "step": 6, "max_steps": 7}
    assert play([MOVE_RIGHT], **late) == [(10.0, True, False)]
    assert play([MOVE_LEFT], **late) == [(-0.1, False, True)]


def test_no_limit_with_zero():
    assert play([MOVE_UP], step=2**30, max_steps=0) == [(-0.1, False, False)]


@pytest.mark.parametrize(("again", "second"), ((False, -0.1), (True, 2.0)))
def test_opening_an_open_door_pays_only_if_asked(again, second):
    rows = play([OPEN_DOOR, OPEN_DOOR], cell=(2, 0), has_key=True, door_pays_again=again)
    assert [reward for reward, _, _ in rows] == [2.0, second]


def test_taking_the_key_twice_pays_once():
    assert [reward for reward, _, _ in play([PICKUP_KEY] * 2, cell=(1, 0))] == [1.0, -0.1]


@pytest.mark.parametrize("action", (-1, 6, 7, 127, -128, 2**31 - 1))
@pytest.mark.parametrize("cell", ((1, 0), (2, 0)))
def test_an_unknown_action_costs_a_step_and_does_nothing(action, cell):
    world, params, state = grid(cell=cell, has_key=cell == (2, 0))
    _, new, reward, terminated, truncated, _ = jitted_step()(jax.random.key(0), state, jnp.int32(action), params)
    assert (new.x, new.y, new.has_key, new.door_open, new.step) == (*cell, cell == (2, 0), False, 1)
    chex.assert_trees_all_equal(new.layout, state.layout)
    assert reward == np.float32(-0.1) and not terminated and not truncated


# The same answer however it is called


def random_batch(count=40):
    """(params, states, actions) of `count` worlds of three sizes, in any state."""
    rng = np.random.default_rng(3)
    sizes = rng.choice([3, 5, 16], count)
    numbers = np.concatenate([draw_layouts(rng, size, 1) for size in sizes])
    cells = rng.integers(0, 2**30, (2, count)) % sizes
    states = make_state(*cells, *rng.integers(0, 2, (2, count)), make_layout(numbers), rng.integers(0, 99, count))
    params = as_arrays(GridWorldParams(size=sizes, max_steps=rng.integers(0, 99, count)))
    params = jax.tree.map(lambda x: jnp.broadcast_to(x, (count,)), params)
    return params, states, jnp.asarray(rng.integers(0, 6, count), jnp.int32)


def take(tree, index):
    return jax.tree.map(lambda x: x[index], tree)


def test_vmap_equals_a_loop_equals_no_jit():
    params, states, actions = random_batch()
    keys = jax.random.split(jax.random.key(1), actions.shape[0])
    batch = jax.jit(jax.vmap(make_world().step))(keys, states, actions, params)
    examples = states, actions, params
    for index in range(actions.shape[0]):
        chex.assert_trees_all_equal(jitted_step()(keys[index], *take(examples, index)), take(batch, index))
    for index in range(6):
        unjitted = make_world().step(keys[index], *take(examples, index))
        chex.assert_trees_all_equal_shapes_and_dtypes(unjitted, take(batch, index))
        chex.assert_trees_all_equal(unjitted, take(batch, index))


def test_step_and_reset_are_traced_once_for_all_params():
    chex.clear_trace_counter()
    world = make_world()
    reset = jax.jit(chex.assert_max_traces(world.reset, n=1))
    step = jax.jit(chex.assert_max_traces(world.step, n=1))
    params, _, actions = random_batch(8)
    for index in range(8):
        one = take(params, index)
        _, state = reset(jax.random.key(index), one)
        for _ in range(2):
            _, state, _, _, _, _ = step(jax.random.key(index), state, actions[index], one)
        assert state.step == 2


@pytest.mark.parametrize("kind", ("tutorial", "random"))
def test_reset_and_step_with_keys_equal_the_words_kernel(kind):
    world = make_world(kind)
    for seed, size in enumerate((4, 5, 16)):
        params = world.default_params(size=size, max_steps=1)
        key = jax.random.key(seed)
        words = jax.random.bits(key, (2,), jnp.uint32)
        obs, state = world.reset(key, params)
        chex.assert_trees_all_equal(state, world.reset_from_words((words[0], words[1]), params))
        np.testing.assert_array_equal(obs, world.observe(state, params))
        obs, *rest = world.step(key, state, jnp.int32(MOVE_UP), params)
        expected = world.step_from_words((words[0], words[1]), state, jnp.int32(MOVE_UP), params)
        chex.assert_trees_all_equal(tuple(rest), expected)
        np.testing.assert_array_equal(obs, world.observe(expected[0], params))


def test_plain_python_params_do_as_well_as_arrays():
    for kind in ("tutorial", "random"):
        world = make_world(kind)
        params = world.default_params(size=5, max_steps=3)
        _, state = world.reset(jax.random.key(0), params)
        result = world.step(jax.random.key(0), state, jnp.int32(MOVE_UP), params)
        expected = world.step(jax.random.key(0), state, jnp.int32(MOVE_UP), as_arrays(params))
        chex.assert_trees_all_equal_shapes_and_dtypes(result, expected)
        chex.assert_trees_all_equal(result, expected)


# Params


def test_default_params_follow_the_size():
    world = make_world()
    assert (world.default_params().size, world.default_params().max_steps) == (5, 100)
    assert world.default_params(size=16).max_steps == 1024
    assert world.default_params(size=3).max_steps == 36
    assert world.default_params(size=np.array([3, 5])).max_steps.tolist() == [36, 100]
    assert world.default_params(size=3, max_steps=0).max_steps == 0


@pytest.mark.parametrize(
    ("kind", "changes", "text"),
    (
        ("random", {"size": 65}, "size=65 is above 64; give at most 64"),
        ("random", {"size": 2}, "size=2 is below 3; give at least 3"),
        ("random", {"size": np.array([5, 99])}, "size=99 is above 64; give at most 64"),
        ("random", {"size": 4.5}, "size=4.5 is not a whole number; give one"),
        ("random", {"max_steps": -1}, "max_steps=-1 is below 0; give at least 0"),
        ("random", {"goal_reward": float("nan")}, "goal_reward=nan is not a finite number; give a finite one"),
        ("tutorial", {"size": 3}, "size=3 is below 4: the tutorial's door stands at (3, 3); use size 4 or more"),
        ("tutorial", {"size": 5, "key_x": 5}, "key_x=5 is above 4; give at most 4"),
    ),
)
def test_params_that_make_no_world(kind, changes, text):
    with pytest.raises(ValueError) as caught:
        make_world(kind).default_params(**changes)
    assert str(caught.value) == text


def test_what_stands_off_the_tutorial_layout_matters_to_it_only():
    assert make_world("random").default_params(size=3, door_x=9).size == 3


def test_a_config_checks_itself():
    with pytest.raises(ValueError, match="layout='maze' is unknown; choose from tutorial, random"):
        GridWorld("maze")
    with pytest.raises(TypeError, match="layout=7 is a int; give a str"):
        GridWorld(7)


@pytest.mark.parametrize(("layout", "size"), [("random", 3), ("random", 5), ("doorkey", 5)])
def test_no_episode_stays_below_the_shortest(layout, size):
    world = make_world(layout)
    words = np.random.default_rng(size).integers(0, 2**32, (2, 20_000), dtype=np.uint32)
    params = as_arrays(world.default_params(size=size, max_steps=0))
    begin = jax.vmap(lambda first, second: world.optimal_steps(world.reset_from_words((first, second), params)))
    assert jax.jit(begin)(*words).min() == world.shortest_episode(params) == 5
    assert world.shortest_episode(as_arrays(world.default_params(size=size, max_steps=2))) == 2
