"""PPO, the baseline under scripts/: its formulas on hand-worked numbers, its learners' independence, its command."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ppo
from procmem_jax import run_key
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.streams import open_streams

SMALL = ppo.PPOConfig(hidden=8, rollout=512, epochs=2, minibatches=4)
NUM_UPDATES = 8  # as many as the command runs at once, so that one compiled program serves most tests
HANDLE = ppo.PPO(GridWorld("random"), SMALL)


def floats(*values):
    return jnp.asarray(values, jnp.float32)


def shared_inputs():
    key = run_key(3)
    return HANDLE.world.default_params(size=4), open_streams(key), jax.random.fold_in(key, ppo.LEARNING)


def begin(agents):
    shared = shared_inputs()
    numbers = jnp.asarray(agents, jnp.uint32)
    return shared, numbers, HANDLE.begin(shared, numbers)


@pytest.fixture(scope="module")
def trained():
    shared, numbers, first = begin([0, 1, 2])
    weights = jax.tree.map(np.asarray, first.weights)
    learners, seen = HANDLE.run(shared, numbers, first, num_updates=NUM_UPDATES)
    return weights, learners, seen


def plain_advantages(reward, value, next_value, terminated, ended, discount, trace):
    """The definition: a sum of discounted surprises up to the end of the episode, step by step."""
    advantages = []
    for start in range(len(reward)):
        total, weight = 0.0, 1.0
        for t in range(start, len(reward)):
            future = 0.0 if terminated[t] else next_value[t]
            total += weight * (reward[t] + discount * future - value[t])
            weight *= discount * trace
            if ended[t]:
                break
        advantages.append(total)
    return advantages


def test_advantages_by_hand():
    # Surprises, from the last: 1 - 0.5 = 0.5 (terminated); 0 + 0.5 * 4 - 1 = 1 (truncated); 2 + 0.5 * 1 - 3 = -0.5.
    # Advantages with discount * trace = 0.25: 0.5; 1 (nothing crosses the end); -0.5 + 0.25 * 1 = -0.25.
    advantages = ppo.advantages_of(
        floats(2, 0, 1),
        floats(3, 1, 0.5),
        floats(1, 4, 9),
        jnp.asarray([False, False, True]),
        jnp.asarray([False, True, True]),
        0.5,
        0.5,
    )
    np.testing.assert_allclose(advantages, [-0.25, 1.0, 0.5])


def test_advantages_against_the_definition():
    generator = np.random.default_rng(0)
    reward, value, next_value = generator.normal(size=(3, 200)).astype(np.float32)
    ended = generator.random(200) < 0.1
    terminated = ended & (generator.random(200) < 0.5)
    advantages = ppo.advantages_of(*map(jnp.asarray, (reward, value, next_value, terminated, ended)), 0.97, 0.9)
    expected = plain_advantages(reward, value, next_value, terminated, ended, 0.97, 0.9)
    np.testing.assert_allclose(advantages, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        (1.0, 2.0, -2.0, -2.0),
        (1.5, 2.0, -2.4, 0.0),  # clipped at 1.2: no more is gained
        (0.5, 2.0, -1.0, -1.0),
        (0.5, -2.0, 1.6, 0.0),  # clipped at 0.8
        (1.5, -2.0, 3.0, 3.0),
    ],
)
def test_clipped_loss_by_hand(ratio, advantage, loss, slope):
    value, gradient = jax.value_and_grad(ppo.clipped_loss)(jnp.log(floats(ratio))[0], floats(advantage)[0], 0.2)
    np.testing.assert_allclose([value, gradient], [loss, slope], rtol=1e-6)


def test_loss_of_a_minibatch_by_hand():
    # All weights 0: uniform over the 6 actions, value 0. Advantages 1 and 3 become -1 and 1 (spread 1), ratios are 1.
    weights = {
        name: [(jnp.zeros((5, width), jnp.float32), jnp.zeros(width, jnp.float32))]
        for name, width in (("policy", 6), ("value", 1))
    }
    features = jnp.ones((2, 5), jnp.float32)
    log_probability = jnp.full(2, -np.log(6.0), jnp.float32)
    step = ppo.Step(features, features, jnp.asarray([0, 4]), log_probability, *[None] * 4)
    loss = ppo.loss_of(weights, SMALL, step, floats(1, 3), floats(2, 4))
    expected = 0.0 + 0.5 * 0.5 * (4 + 16) / 2 - 0.03 * np.log(6.0)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_adam_by_hand():
    # The gradient (3, 4) has norm 5 and is cut to (0.3, 0.4). A first step of Adam moves by the rate, against the sign.
    zeros = {"w": floats(0, 0)}
    learner = ppo.Learner(None, None, None, zeros, zeros, zeros, jnp.zeros((), jnp.int32))
    after = ppo.descend(SMALL, learner, {"w": floats(3, 4)})
    np.testing.assert_allclose(after.mean["w"], [0.03, 0.04], rtol=1e-4)
    np.testing.assert_allclose(after.square["w"], [0.00009, 0.00016], rtol=1e-4)
    np.testing.assert_allclose(after.weights["w"], [-0.001, -0.001], rtol=1e-3)
    assert after.num_updates == 1


@pytest.mark.slow
def test_features_are_the_scaled_percept(trained):
    params = shared_inputs()[0]
    worlds = trained[1].world
    percept = jax.vmap(lambda world: HANDLE.world.perceive(None, world, params))(worlds)
    features = jax.vmap(lambda world: HANDLE.features(params, world))(worlds)
    expected = np.concatenate([percept.predicates, np.asarray(percept.context) / 3], axis=1)
    np.testing.assert_allclose(features, expected, rtol=1e-6)
    assert np.abs(expected).max() <= 1


def test_all_weights_change_and_stay_finite(trained):
    before, learners, _ = trained
    assert learners.tick.tolist() == [4096] * 3
    assert learners.num_updates.tolist() == [8 * 2 * 4] * 3
    for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(learners.weights), strict=True):
        assert np.isfinite(new).all()
        assert (np.asarray(new) != old).reshape(3, -1).any(axis=1).all()


def test_episodes_follow_one_another(trained):
    _, learners, (terminated, ended, steps) = trained
    assert terminated.shape == ended.shape == steps.shape == (3, 4096)
    assert learners.episode.tolist() == ended.sum(axis=1).tolist()
    assert not (terminated & ~ended).any()
    restarts = np.where(np.asarray(ended)[:, :-1], 1, np.asarray(steps)[:, :-1] + 1)
    np.testing.assert_array_equal(np.asarray(steps)[:, 1:], restarts)


@pytest.mark.slow
def test_a_learner_does_not_depend_on_the_others(trained):
    _, learners, seen = trained
    shared, numbers, alone = begin([1])
    alone, seen_alone = HANDLE.run(shared, numbers, alone, num_updates=NUM_UPDATES)
    for one, many in zip(jax.tree.leaves((alone, seen_alone)), jax.tree.leaves((learners, seen)), strict=True):
        np.testing.assert_allclose(one[0], many[1], rtol=1e-4, atol=1e-5)
    assert not np.allclose(learners.weights["policy"][0][0][0], learners.weights["policy"][0][0][1])


TINY = "--task random-4 --agents 3 --seed 7 --hidden 8 --rollout 512 --epochs 2 --minibatches 4".split()


def test_the_result_file(tmp_path, capsys):
    ppo.main([*TINY, "--steps", "1000", "--out", str(tmp_path / "new" / "result.json")])
    assert "not reached within 1,000 steps" in capsys.readouterr().out
    result = json.loads((tmp_path / "new" / "result.json").read_text())
    assert (result["task"], result["seed"], result["agents"]) == ("random-4", 7, [0, 1, 2])
    assert (result["budget_steps"], result["taken_steps"], result["steps_to_90"]) == (1000, 1000, None)
    assert result["columns"] == ["success", "steps", "env_steps"]
    assert result["common_episodes"] == min(map(len, result["episodes"])) >= 15  # of 64 steps at most
    assert result["config"] == dataclasses.asdict(SMALL)
    assert result["jax"] == jax.__version__ and result["device"]
    for rows in result["episodes"]:
        success, steps, env_steps = np.asarray(rows).T
        np.testing.assert_array_equal(np.cumsum(steps), env_steps)
        assert set(success.tolist()) <= {0, 1}
        assert 1000 - 64 < env_steps[-1] <= 1000
        assert (steps[success == 0] == 64).all()


@pytest.mark.parametrize("options", [[], ["--keep-going"]], ids=" ".join)
def test_it_stops_at_90_percent_unless_told(options, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(ppo, "steps_to_success", lambda success, env_steps: 123.0)
    ppo.main([*TINY, "--steps", "6000", *options, "--out", str(tmp_path / "result.json")])
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["steps_to_90"], result["taken_steps"]) == (123.0, 6000 if options else 4096)
    assert "90% success: 123\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--task", "maze-8"], "task='maze-8' is unknown"),
        (["--agents", "0"], "agents=0 is below 1"),
        (["--agents", "few"], "argument --agents: invalid int value: 'few'"),
        (["--steps", "0"], "steps=0 is below 1"),
        (["--seed", "-1"], "seed=-1 is below 0"),
        (["--rollout", "100"], "rollout=100 is no multiple of minibatches=16"),
        (["--learning-rate", "nan"], "learning_rate=nan is not a finite number"),
        (["--out", "."], "out=. exists"),
    ],
)
def test_errors_are_one_line_with_status_2(options, complaint, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        ppo.main(["--out", str(tmp_path / "result.json"), *options])
    captured = capsys.readouterr()
    assert stop.value.code == 2
    assert captured.out == ""
    assert captured.err.startswith("ppo: error: ") and captured.err.count("\n") == 1
    assert complaint in captured.err
    assert list(tmp_path.iterdir()) == []
