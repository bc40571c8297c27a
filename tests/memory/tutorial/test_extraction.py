"""The window of the last steps, and the skill that the end of an episode makes."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from plain_tutorial import PlainAgent, PlainWorld, scripted_choice
from procmem_jax.memory.naming import skill_name
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.tutorial.extraction import empty_window, last_window_skill, push

CONFIG = LibraryConfig(embedding_size=8, max_skill_length=5, num_predicates=3)
ACTION_CODES = [0.127, 0.904, 0.333, 0.058, 0.61, 0.999]
SIDE = 4
POSITION_CODES = [[(37 * x + 11 * y + 5) / 1000 for y in range(SIDE)] for x in range(SIDE)]
NAMES = ("has_key", "door_open", "goal_reached")


@functools.partial(jax.jit, static_argnames="config")
def extract(contexts, predicates, actions, end_predicates, config=CONFIG):
    """(window, skill) of an episode with these transitions, `[T, ...]`."""
    first = empty_window(config, contexts.shape[1])
    window, _ = jax.lax.scan(lambda window, step: (push(window, *step), None), first, (contexts, predicates, actions))
    return window, last_window_skill(window, end_predicates, jnp.array(ACTION_CODES, jnp.float32), config)


def extract_path(path, end):
    """(window, skill) of a plain path of (state, action) that ends in the predicates `end`."""
    contexts = np.array([[POSITION_CODES[x][y]] for (x, y, *_), _ in path], np.float32)
    predicates = np.array([[*flags, False] for (_, _, *flags), _ in path])
    actions = np.array([action for _, action in path], np.int32)
    return extract(contexts, predicates, actions, np.array(end))


def random_path(rng, length):
    """A path of states and actions (no world would do this), in which key and door may come at any time."""
    key, door = sorted(rng.integers(-2, length + 2, 2))
    path = [((int(rng.integers(SIDE)), int(rng.integers(SIDE)), t >= key, t >= door), int(rng.integers(6)))
            for t in range(length)]  # fmt: skip
    return path, (length >= key, length >= door, True)


@pytest.mark.parametrize("length", range(1, 10))
def test_a_skill_is_what_the_plain_agent_learns(length):
    rng, names = np.random.default_rng(length), set()
    for _ in range(12):
        path, end = random_path(rng, length)
        world = PlainWorld(SIDE)
        agent = PlainAgent(world, POSITION_CODES, ACTION_CODES, explore=scripted_choice)
        world.has_key, world.door_open = end[:2]
        agent.learn(path)
        (learned,) = agent.library
        window, skill = extract_path(path, end)
        steps = len(learned.actions)
        assert window.length == length
        assert skill.length == steps == min(length, 5)
        assert tuple(skill.actions.tolist()) == learned.actions + (0,) * (5 - steps)
        assert skill.pre_mask.tolist() == [True, True, False]
        assert skill.pre_value.tolist() == [learned.has_key, learned.door_open, False]
        assert skill_name(int(skill.label), int(skill.length), NAMES) == learned.name
        assert skill.successes == learned.success_count == 1
        np.testing.assert_allclose(skill.embedding, learned.export(8)["embedding"], atol=2e-6)
        names.add(learned.name)
    assert length == 1 or len(names) > 1


# (has_key, door_open) at the start of the window and at the end of the episode; the label; what was gained.
LABELS = (
    ((0, 0), (0, 0), -1, (0, 0)),
    ((0, 0), (1, 0), 0, (1, 0)),
    ((0, 0), (1, 1), 0, (1, 1)),  # the key comes before the door
    ((1, 0), (1, 1), 1, (0, 1)),
    ((1, 1), (1, 1), -1, (0, 0)),
    ((1, 0), (0, 0), -1, (0, 0)),  # a loss is no gain
)


@pytest.mark.parametrize(("start", "end", "label", "gained"), LABELS)
def test_labels_and_postconditions_by_hand(start, end, label, gained):
    path = [((0, 0, bool(start[0]), bool(start[1])), 3)] * 2
    _, skill = extract_path(path, (bool(end[0]), bool(end[1]), True))
    assert skill.label == label
    assert skill.post_mask.tolist() == [bool(gained[0]), bool(gained[1]), True]  # the goal is always new
    np.testing.assert_array_equal(skill.post_value, skill.post_mask)


def test_the_window_keeps_the_latest_transitions_in_order():
    path = [((t % SIDE, 0, False, False), t % 6) for t in range(8)]
    window, skill = extract_path(path, (False, False, True))
    assert window.actions.tolist() == skill.actions.tolist() == [3, 4, 5, 0, 1]
    np.testing.assert_allclose(window.contexts[:, 0], [POSITION_CODES[t % SIDE][0] for t in range(3, 8)])


def test_what_was_before_the_episode_does_not_count():
    # The same two steps in a fresh window and in one that has another episode's predicates and codes in its front.
    path = [((1, 2, False, False), 4), ((1, 3, False, False), 2)]
    _, fresh = extract_path(path, (True, False, True))
    window, _ = extract_path([((3, 3, True, True), 5)] * 7 + path, (True, False, True))
    stale = dataclasses.replace(window, length=jnp.int32(2))
    codes = jnp.array(ACTION_CODES, jnp.float32)
    skill = last_window_skill(stale, jnp.array([True, False, True]), codes, CONFIG)
    assert skill.length == 2
    for name in ("actions", "pre_value", "post_mask", "label", "embedding"):
        np.testing.assert_array_equal(getattr(skill, name), getattr(fresh, name), name)


def test_kinds_and_shapes_fit_a_library():
    window, skill = extract_path([((0, 0, False, False), 1)], (False, False, True))
    assert (skill.embedding.shape, skill.actions.shape, skill.pre_mask.shape) == ((8,), (5,), (3,))
    for name, kind in (("embedding", "float32"), ("actions", "int8"), ("length", "int8"), ("label", "int8")):
        assert str(getattr(skill, name).dtype) == kind
    assert str(skill.successes.dtype) == str(window.length.dtype) == "int32"


def test_vmap_equals_a_loop():
    rng = np.random.default_rng(0)
    episodes = [random_path(rng, 7) for _ in range(9)]
    contexts = np.array([[[POSITION_CODES[x][y]] for (x, y, *_), _ in path] for path, _ in episodes], np.float32)
    predicates = np.array([[[*flags, False] for (_, _, *flags), _ in path] for path, _ in episodes])
    actions = np.array([[action for _, action in path] for path, _ in episodes], np.int32)
    _, batch = jax.vmap(extract)(contexts, predicates, actions, np.array([end for _, end in episodes]))
    for index, (path, end) in enumerate(episodes):
        _, alone = extract_path(path, end)
        jax.tree.map(lambda one, all_, index=index: np.testing.assert_array_equal(one, all_[index]), alone, batch)
