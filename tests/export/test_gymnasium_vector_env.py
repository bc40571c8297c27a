"""The vector environment: against Gymnasium's own vector of single ones, and its three kinds of reset by hand."""

import numpy as np
import pytest

from procmem_jax.envs.grid.actions import MOVE_LEFT, MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY
from procmem_jax.export import register_gymnasium
from procmem_jax.export.gymnasium_env import as_gymnasium
from quick import quick_first

gymnasium = pytest.importorskip("gymnasium")
AutoresetMode, SyncVectorEnv = gymnasium.vector.AutoresetMode, gymnasium.vector.SyncVectorEnv

WAY = [MOVE_UP, MOVE_RIGHT] * 2 + [PICKUP_KEY, MOVE_UP, MOVE_RIGHT, OPEN_DOOR, MOVE_UP, MOVE_RIGHT]
START = [0, 0, 2, 2, 3, 3, 4, 4, 1, 3, 0, 0, 0]
GOAL = [4, 4, 2, 2, 3, 3, 4, 4, 1, 3, 1, 1, 1]


def assert_same(ours, theirs):
    """The same arrays, in dictionaries, in rows of objects."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for name in theirs:
            assert_same(ours[name], theirs[name])
    elif theirs.dtype == object:
        assert ours.dtype == object
        for our, their in zip(ours, theirs, strict=True):
            assert (our is None) == (their is None)
            np.testing.assert_array_equal(our, their)
    else:
        np.testing.assert_array_equal(ours, theirs)
        assert np.can_cast(ours.dtype, theirs.dtype, "safe")


@pytest.mark.parametrize("mode", quick_first((AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP)))
@pytest.mark.parametrize(
    "task", ("random-4", *(pytest.param(task, marks=pytest.mark.slow) for task in ("doorkey-5", "shifting-4")))
)
def test_it_is_gymnasiums_vector_of_single_environments(task, mode):
    changes = {"sticky": 0.2, "max_steps": 13}
    ours = as_gymnasium(task, num_envs=5, autoreset_mode=mode, **changes)
    theirs = SyncVectorEnv([lambda: as_gymnasium(task, **changes)] * 5, autoreset_mode=mode)
    assert ours.observation_space == theirs.observation_space and ours.action_space == theirs.action_space
    assert ours.metadata == theirs.metadata
    rng, ends = np.random.default_rng(2), 0
    seeds = iter((3, None, [9, None, 1, None, 4], None))
    for step in range(120):
        if step % 40 == 0:
            seed = next(seeds)
            for our, their in zip(ours.reset(seed=seed), theirs.reset(seed=seed), strict=True):
                assert_same(our, their)
        actions = rng.integers(0, 6, 5)
        told, expected = ours.step(actions), theirs.step(actions)
        for our, their in zip(told, expected, strict=True):
            assert_same(our, their)
        ends += int((told[2] | told[3]).sum())
    assert ends >= 30


def play(env, actions):
    """Plays one action of each column for environment 0, MOVE_LEFT for environment 1: what both are told."""
    return [env.step(np.array([action, MOVE_LEFT])) for action in actions]


def test_next_step_by_hand():
    env = as_gymnasium("tutorial-5", num_envs=2)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    env.reset(seed=0)
    *_, (obs, reward, terminated, truncated, infos) = play(env, WAY)
    assert obs.tolist() == [GOAL, START]  # the true last observation
    assert (reward.tolist(), terminated.tolist(), truncated.tolist()) == (
        pytest.approx([10, -0.1]),
        [True, False],
        [False, False],
    )
    assert infos["executed_action"].tolist() == [MOVE_RIGHT, MOVE_LEFT] and infos.keys() == {
        "executed_action",
        "_executed_action",
    }
    (obs, reward, terminated, truncated, infos), after = play(env, [MOVE_UP, MOVE_UP])
    assert obs.tolist() == [START, START]  # the action did nothing
    assert (reward.tolist(), terminated.tolist(), truncated.tolist()) == (
        pytest.approx([0, -0.1]),
        [False, False],
        [False, False],
    )
    assert infos["_executed_action"].tolist() == [False, True]
    assert after[0].tolist() == [[0, 1, *START[2:]], START]


def test_same_step_by_hand():
    env = as_gymnasium("tutorial-5", num_envs=2, autoreset_mode="SameStep")
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    env.reset(seed=0)
    *before, (obs, reward, terminated, truncated, infos) = play(env, WAY)
    assert all(told[-1].keys() == {"executed_action", "_executed_action"} for told in before)
    assert obs.tolist() == [START, START]  # the first observation of the next episode
    assert (reward.tolist(), terminated.tolist(), truncated.tolist()) == (
        pytest.approx([10, -0.1]),
        [True, False],
        [False, False],
    )
    assert infos["final_obs"][0].tolist() == GOAL and infos["final_obs"][1] is None
    assert infos["_final_obs"].tolist() == infos["_final_info"].tolist() == [True, False]
    assert infos["final_info"]["executed_action"].tolist() == [MOVE_RIGHT, 0]
    assert infos["final_info"]["_executed_action"].tolist() == [True, False]
    assert infos["_executed_action"].tolist() == [False, True]
    assert play(env, [MOVE_UP])[0][0].tolist() == [[0, 1, *START[2:]], START]


@pytest.mark.slow
def test_disabled_by_hand():
    env = as_gymnasium("random-5", num_envs=3, autoreset_mode=AutoresetMode.DISABLED, max_steps=2)
    twin = as_gymnasium("random-5", max_steps=2)
    first = env.reset(seed=[4, 5, 6])[0]
    env.step(np.zeros(3, int))
    obs, _, _, truncated, infos = env.step(np.zeros(3, int))
    assert truncated.all() and infos.keys() == {"executed_action", "_executed_action"}
    with pytest.raises(gymnasium.error.ResetNeeded, match="step came before reset"):
        env.step(np.zeros(3, int))
    mask = np.array([True, False, False])
    masked, _ = env.reset(options={"reset_mask": mask})
    twin.reset(seed=4)
    np.testing.assert_array_equal(masked, [twin.reset()[0], *obs[1:]])
    again, _ = env.reset(seed=[4, 5, 6], options={"reset_mask": ~mask})
    np.testing.assert_array_equal(again, [masked[0], *first[1:]])
    assert not env.step(np.zeros(3, int))[3].any()


def test_statistics_of_gymnasium_count_the_episodes():
    wrappers = pytest.importorskip("gymnasium.wrappers.vector")
    env = wrappers.RecordEpisodeStatistics(as_gymnasium("tutorial-5", num_envs=2))
    env.reset(seed=0)
    for actions in (WAY, [MOVE_UP, *WAY]):  # the second time, the first action is the pause of the reset
        statistics = play(env, actions)[-1][-1]["episode"]
        assert statistics["l"][0] == 10
        assert statistics["r"][0] == pytest.approx(12.3)


def test_make_vec_makes_it():
    env_id = register_gymnasium()[-1]
    env = gymnasium.make_vec(env_id, num_envs=3, sticky=0.5, max_episode_steps=1)
    assert type(env).__name__ == "GridWorldVectorEnv" and env.num_envs == 3
    assert isinstance(env, gymnasium.vector.VectorEnv)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    env.reset(seed=0)
    assert env.step(env.action_space.sample())[3].tolist() == [True] * 3
    again = gymnasium.make_vec(env.spec)
    assert (again.num_envs, type(again)) == (3, type(env))
    assert isinstance(gymnasium.make_vec(env_id, 2, vectorization_mode="sync"), SyncVectorEnv)


def test_seeds_count_on_and_may_be_listed():
    env = as_gymnasium("random-16", num_envs=3)
    obs, _ = env.reset(seed=8)
    singles = [as_gymnasium("random-16").reset(seed=seed)[0] for seed in (8, 9, 10)]
    np.testing.assert_array_equal(obs, singles)
    np.testing.assert_array_equal(env.reset(seed=[10, 9, 8])[0], singles[::-1])
    np.testing.assert_array_equal(env.reset(seed=np.array([9, 8, 10]))[0], np.stack(singles)[[1, 0, 2]])
    unseeded = as_gymnasium("random-16", num_envs=3).reset()[0]
    assert len(np.unique(unseeded, axis=0)) == 3


def test_pictures_and_arrays_belong_to_the_caller():
    env = as_gymnasium("doorkey-5", num_envs=2, render_mode="rgb_array")
    obs, _ = env.reset(seed=3)
    frames = env.render()
    for i, frame in enumerate(frames):
        single = as_gymnasium("doorkey-5", render_mode="rgb_array")
        single.reset(seed=3 + i)
        np.testing.assert_array_equal(frame, single.render())
    assert len(frames) == 2 and frames[0].shape == (160, 160, 3)
    told = env.step(np.zeros(2, np.int64))
    assert all(array.flags.writeable for array in (obs, *told[:4], *told[4].values()))
    blind = as_gymnasium("doorkey-5", num_envs=2)
    blind.reset()
    assert blind.render() is None


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda env: env.step([0, 6]), ValueError, "actions from 0 to 6 are not all of 0 to 5"),
        (lambda env: env.step([0, 1, 2]), ValueError, r"actions are int64\[3\]; give 2 whole numbers"),
        (lambda env: env.step([0.0, 1.0]), ValueError, r"actions are float64\[2\]; give 2 whole numbers"),
        (lambda env: env.reset(seed=[1]), ValueError, "seed has 1 entries for num_envs=2"),
        (lambda env: env.reset(seed=[1, 1.5]), TypeError, "seed=1.5 is a float"),
        (lambda env: env.reset(seed=1.5), TypeError, "seed=1.5 is a float"),
        (lambda env: env.reset(seed=-1), ValueError, "seed=-1 is below 0"),
        (lambda env: env.reset(options={"mask": 1}), ValueError, "option 'mask' of reset is unknown; reset_mask"),
        (lambda env: env.reset(options={"reset_mask": np.zeros(2, bool)}), ValueError, "with at least one True"),
        (lambda env: env.reset(options={"reset_mask": np.ones(2)}), ValueError, r"reset_mask is float64\[2\]"),
        (lambda env: as_gymnasium("random-5", num_envs=0), ValueError, "num_envs=0 is below 1"),
        (
            lambda env: as_gymnasium("random-5", num_envs=2, autoreset_mode="Later"),
            ValueError,
            "'Later' is not a valid",
        ),
        (lambda env: as_gymnasium("random-5", num_envs=2, render_mode="human"), ValueError, "render_mode='human'"),
        (
            lambda env: as_gymnasium("random-5", num_envs=2).step([0, 0]),
            gymnasium.error.ResetNeeded,
            "step came before",
        ),
        (lambda env: as_gymnasium("random-5", num_envs=2).render(), gymnasium.error.ResetNeeded, "render came before"),
        (
            lambda env: as_gymnasium("random-5", num_envs=2).reset(options={"reset_mask": np.array([True, False])}),
            gymnasium.error.ResetNeeded,
            "a masked reset came before reset",
        ),
    ],
)
def test_what_is_refused(call, error, text):
    env = as_gymnasium("random-5", num_envs=2)
    env.reset(seed=0)
    with pytest.raises(error, match=text):
        call(env)
