"""Skills as further actions of the exported grids: against stepping the plain grid by hand."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from export.test_gymnasium_vector_env import assert_same
from procmem_jax import memory
from procmem_jax.envs.grid.actions import MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments import SavedLibraries, export_libraries, import_libraries
from procmem_jax.export.gymnasium_env import as_gymnasium
from procmem_jax.export.gymnax_env import as_gymnax
from procmem_jax.memory.options import make_options
from quick import quick_first

KEY = jax.random.key(0)
# On the tutorial's grid of 5 x 5: to the key at (2, 2), the door at (3, 3), past the goal at (4, 4).
TO_KEY, TO_DOOR = [MOVE_UP, MOVE_RIGHT] * 2 + [PICKUP_KEY], [MOVE_UP, MOVE_RIGHT, OPEN_DOOR]
PAST_GOAL = [MOVE_UP, MOVE_RIGHT, MOVE_UP, MOVE_UP, MOVE_UP]
FIND_KEY, FIND_DOOR, FIND_GOAL = 6, 7, 8
CONFIG = memory.LibraryConfig(capacity=6)
WANTED = [(TO_KEY, {0: False}), (TO_DOOR, {0: True, 1: False}), ([MOVE_UP], {}), (PAST_GOAL, {1: True})]


def library_of(wanted, **numbers):
    """A library of (actions, what they require), as NumPy arrays; no skill has been used."""
    config = memory.LibraryConfig(**{"capacity": 6, **numbers})
    library = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(lambda: memory.empty(config)))
    library.skill_ids[:] = -1
    for slot, (actions, requires) in enumerate(wanted):
        library.actions[slot, : len(actions)] = actions
        library.lengths[slot], library.skill_ids[slot], library.embeddings[slot, slot] = len(actions), slot, 1
        for predicate, value in requires.items():
            library.pre_mask[slot, predicate], library.pre_value[slot, predicate] = True, value
    library.next_id[...] = library.clock[...] = len(wanted)
    return library


LIBRARY = library_of(WANTED)
LIBRARY.failure_counts[2] = LIBRARY.use_counts[2] = 4  # slot 2 is retired: 0, 1 and 3 are offered


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("skills") / "skills.json"
    export_libraries(path, jax.tree.map(lambda leaf: leaf[None], LIBRARY), CONFIG, embedding="by hand")
    return path


def by_hand(world, params, state, actions, key):
    """The raw grid: (rewards, last state, terminated, truncated) of actions until the episode ends."""
    step, rewards = jax.jit(GridWorld.step, static_argnums=0), []
    for count, action in enumerate(actions):
        own = jax.random.fold_in(key, count) if count else key
        _, state, reward, terminated, truncated, _ = step(world, own, state, np.int32(action), params)
        rewards.append(float(reward))
        if terminated or truncated:
            break
    return rewards, state, bool(terminated), bool(truncated)


def test_the_options_are_what_is_not_retired_where_the_memory_calls_it_applicable():
    options = make_options(LIBRARY)
    assert options.slots == (0, 1, 3)
    assert options.actions == tuple(tuple(actions) for actions in (TO_KEY, TO_DOOR, PAST_GOAL))
    for predicates in np.ndindex(2, 2, 2):
        predicates = jnp.asarray(predicates, jnp.bool_)
        expected = memory.applicable(LIBRARY, predicates)[jnp.asarray(options.slots)]
        np.testing.assert_array_equal(options.initiable(predicates), expected)
    assert hash(options) == hash(make_options(jax.tree.map(np.asarray, LIBRARY)))


def test_an_episode_of_skills_by_hand():
    pytest.importorskip("gymnax")
    env, params = as_gymnax("tutorial-5", skills=LIBRARY, discount=0.5)
    obs, state = env.reset(KEY, params)
    assert env.num_actions == env.action_space(params).n == 9
    assert env.action_mask(state, params).tolist() == [True] * 7 + [False] * 2
    told = []
    for choice in (FIND_KEY, FIND_DOOR, FIND_GOAL):
        obs, state, reward, terminated, truncated, info = env.step(KEY, state, choice, params)
        assert bool(info["initiable"]) and bool(env.state_space(params).contains(state))
        told.append((float(reward), int(info["duration"]), int(state.time), bool(terminated), bool(truncated)))
    steps = -0.1 * (1 + 0.5 + 0.25 + 0.125)
    assert told == [
        (pytest.approx(steps + 0.0625), 5, 5, False, False),
        (pytest.approx(-0.15 + 0.25 * 2), 3, 8, False, False),
        (pytest.approx(-0.1 + 0.5 * 10), 2, 0, True, False),  # at the goal, in the middle of the skill
    ]
    np.testing.assert_array_equal(info["final_observation"], [4, 4, 2, 2, 3, 3, 4, 4, 1, 3, 1, 1, 1])
    np.testing.assert_array_equal(obs, [0, 0, 2, 2, 3, 3, 4, 4, 1, 3, 0, 0, 0])  # the next episode has begun
    assert info["action_mask"].tolist() == [True] * 7 + [False] * 2  # in the state of which `obs` is


def test_the_limit_counts_primitive_steps():
    pytest.importorskip("gymnax")
    env, params = as_gymnax("tutorial-5", skills=LIBRARY, max_steps=7)
    _, state = env.reset(KEY, params)
    _, state, reward, *ends, info = env.step(KEY, state, FIND_KEY, params)
    assert (float(reward), ends) == (pytest.approx(0.6), [False, False])
    _, _, reward, *ends, info = env.step(KEY, state, FIND_DOOR, params)
    assert (float(reward), ends, int(info["duration"])) == (pytest.approx(-0.2), [False, True], 2)


@pytest.mark.parametrize("choice", [FIND_GOAL, 9, -1])  # not applicable here, or none
def test_a_choice_that_cannot_begin_waits_one_step(choice):
    pytest.importorskip("gymnax")
    env, params = as_gymnax("tutorial-5", skills=LIBRARY)
    obs, state = env.reset(KEY, params)
    after, state, reward, terminated, truncated, info = env.step(KEY, state, choice, params)
    np.testing.assert_array_equal(after, obs)
    assert (float(reward), int(state.time), bool(terminated | truncated)) == (pytest.approx(-0.1), 1, False)
    assert (bool(info["initiable"]), int(info["duration"]), int(info["executed_action"])) == (False, 1, -1)
    assert bool(env.state_space(params).contains(state))


def noisy(num):
    """A noisy grid near its limit: (environment, params, keys, states, choices) of `num` lanes."""
    env, params = as_gymnax("random-4", skills=LIBRARY, discount=0.9, sticky=0.4, max_steps=40)
    keys, choices = jax.random.split(KEY, num), np.arange(num, dtype=np.int32) % 9
    _, states = jax.device_get(jax.vmap(env.reset, in_axes=(0, None))(keys, params))
    known = {"has_key": choices >= FIND_DOOR, "door_open": choices == FIND_GOAL}
    return env, params, keys, states.replace(**known, time=np.full(num, 37, np.int32)), choices


def lane_of(batch, lane):
    return jax.tree.map(lambda leaf: leaf[lane], batch)


def test_skills_under_noise_are_the_grid_stepped_by_hand_in_a_batch_too():
    pytest.importorskip("gymnax")
    env, params, keys, states, choices = noisy(18)
    batch = jax.device_get(jax.jit(jax.vmap(env.step_env, in_axes=(0, 0, 0, None)))(keys, states, choices, params))
    numbers, cut_short = env.world.default_params(size=4, sticky=0.4, max_steps=40), 0
    for lane, choice in enumerate(choices.tolist()):
        actions = [choice] if choice < 6 else (TO_KEY, TO_DOOR, PAST_GOAL)[choice - 6]
        rewards, last, *over = by_hand(env.world, numbers, lane_of(states, lane), actions, keys[lane])
        obs, state, reward, terminated, info = lane_of(batch, lane)
        np.testing.assert_array_equal(obs, env.world.observe(last, numbers))
        assert [bool(terminated), bool(env.is_truncated(state, params))] == over
        assert float(reward) == pytest.approx(sum(paid * 0.9**t for t, paid in enumerate(rewards)))
        assert (int(info["duration"]), bool(info["initiable"])) == (len(rewards), True)
        cut_short += len(rewards) < len(actions)
    assert cut_short >= 4


@pytest.mark.slow
def test_skills_alone_and_uncompiled_are_as_in_a_compiled_batch():
    pytest.importorskip("gymnax")
    env, params, keys, states, choices = noisy(9)
    batch = jax.jit(jax.vmap(env.step_env, in_axes=(0, 0, 0, None)))(keys, states, choices, params)
    for lane in (0, FIND_KEY, FIND_GOAL):
        with jax.disable_jit():
            alone = env.step_env(keys[lane], lane_of(states, lane), choices[lane], params)
        jax.tree.map(np.testing.assert_array_equal, alone, lane_of(batch, lane))


@pytest.mark.slow
@pytest.mark.parametrize("five_values", [False, True])
def test_the_grids_own_actions_are_as_without_skills(five_values):
    pytest.importorskip("gymnax")
    plain, params = as_gymnax("random-4", sticky=0.3, max_steps=9, five_values=five_values)
    env, _ = as_gymnax("random-4", sticky=0.3, max_steps=9, five_values=five_values, skills=LIBRARY)
    assert (
        env != plain
        and env == as_gymnax("random-4", sticky=0.3, max_steps=9, five_values=five_values, skills=LIBRARY)[0]
    )
    _, state = plain.reset(KEY, params)
    for tick in range(12):
        key, action = jax.random.fold_in(KEY, tick), jnp.int32(tick * 5 % 6)
        *expected, info = plain.step(key, state, action, params)
        *found, more = env.step(key, state, action, params)
        jax.tree.map(np.testing.assert_array_equal, (found, {name: more[name] for name in info}), (expected, info))
        state = expected[1]


@pytest.mark.parametrize("task", quick_first(["DoorKey-5", "Random-5"]))
def test_gymnasium_checks_an_id_with_skills(task, file):
    gymnasium = pytest.importorskip("gymnasium")
    from gymnasium.utils.env_checker import check_env

    from procmem_jax.export import register_gymnasium

    register_gymnasium()
    check_env(gymnasium.make(f"procmem/{task}-v0", skills=str(file), discount=0.9).unwrapped)


def test_gymnasium_by_hand(file):
    pytest.importorskip("gymnasium")
    env = as_gymnasium("tutorial-5", skills=file)
    _, info = env.reset(seed=0)
    assert env.action_space.n == 9 and info["action_mask"].tolist() == [1] * 7 + [0] * 2
    assert info["action_mask"].dtype == np.int8 and env.action_space.sample(info["action_mask"]) < 7
    twin = pickle.loads(pickle.dumps(env))
    obs, reward, terminated, truncated, info = env.step(FIND_KEY)
    assert obs.tolist() == [2, 2, 2, 2, 3, 3, 4, 4, 1, 3, 1, 0, 0]
    assert (reward, terminated, truncated) == (pytest.approx(0.6), False, False)
    mask = info.pop("action_mask")
    assert (info, mask.tolist()) == (
        {"executed_action": PICKUP_KEY, "duration": 5, "initiable": True},
        [1] * 6 + [0, 1, 0],
    )
    np.testing.assert_array_equal(twin.step(FIND_KEY)[0], obs)
    with pytest.raises(ValueError, match="action=9 is none of 0 to 8"):
        env.step(9)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_the_vector_is_gymnasiums_of_single_ones(mode):
    gymnasium = pytest.importorskip("gymnasium")
    changes = {"skills": LIBRARY, "sticky": 0.2, "max_steps": 8, "discount": 0.9}
    ours = as_gymnasium("random-4", num_envs=4, autoreset_mode=mode, **changes)
    mode = gymnasium.vector.AutoresetMode(mode)
    theirs = gymnasium.vector.SyncVectorEnv([lambda: as_gymnasium("random-4", **changes)] * 4, autoreset_mode=mode)
    assert ours.action_space == theirs.action_space
    rng, told, expected = np.random.default_rng(0), ours.reset(seed=3), theirs.reset(seed=3)
    for _ in range(25):
        for our, their in zip(told, expected, strict=True):
            assert_same(our, their)
        actions = rng.integers(0, 9, 4)
        told, expected = ours.step(actions), theirs.step(actions)


def several():
    """The same library for two agents."""
    libraries = jax.tree.map(lambda leaf: np.stack([leaf, leaf]), LIBRARY)
    world = GridWorld("random")
    names = (world.predicate_names, world.action_names)
    return SavedLibraries(libraries, CONFIG, "by hand", *names, (0, 1), {})


@pytest.mark.parametrize(
    ("skills", "error", "text"),
    [
        (several(), ValueError, "2 libraries are there; export one with --agent"),
        (several().libraries, ValueError, "skills are the libraries of 2 agents; give that of one"),
        (several().of_agent(1), None, ""),
        (library_of([]), ValueError, "skills hold none that is not retired"),
        (library_of([([6], {})]), ValueError, "skills take action 6, the world has 6; use a library of the same kind"),
        (library_of([([0], {})], num_predicates=4), ValueError, "skills ask about 4 predicates, the world has 3"),
        ("nowhere.json", ValueError, "^nowhere.json: cannot be read"),
        (7, TypeError, "skills=7 is a int; give the path"),
    ],
)
def test_what_is_refused(skills, error, text):
    pytest.importorskip("gymnasium")
    if error is None:
        assert as_gymnasium("random-5", skills=skills).action_space.n == 9
        return
    with pytest.raises(error, match=text) as caught:
        as_gymnasium("random-5", skills=skills)
    assert "\n" not in str(caught.value)


def test_names_and_discounts_that_do_not_fit(file):
    pytest.importorskip("gymnasium")
    other = {**vars(import_libraries(file)), "action_names": tuple("abcdef")}
    with pytest.raises(ValueError, match="action_names=a, b, .* differ from move_up, .* of the world; use"):
        as_gymnasium("random-5", skills=SavedLibraries(**other))
    with pytest.raises(ValueError, match="discount=0.9 is of the rewards inside skills"):
        as_gymnasium("random-5", discount=0.9)
    for discount, error in ((1.5, ValueError), ("a", TypeError)):
        with pytest.raises(error, match="discount="):
            as_gymnasium("random-5", skills=file, discount=discount)
