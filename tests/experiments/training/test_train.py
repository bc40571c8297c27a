"""Training: an agent's results depend on seed and number alone, one trace, the plain reference, bad arguments."""

import copy
import dataclasses
import functools

import jax
import numpy as np
import pytest

from procmem_jax.agents.exploration import EpsilonPolicy, TapePolicy
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.training import lane_programs
from procmem_jax.experiments.training.lanes import Lanes
from procmem_jax.experiments.training.train import Progress, train
from procmem_jax.streams import run_key
from quick import quick_first

KEY = run_key(11)
EPISODES = 8
LAST_NUMBER = 2**32 - 1
EXPERIMENTS = {
    "tutorial-6": make_experiment("tutorial-6", "tutorial", explorer="epsilon:0.3"),
    "random-5": make_experiment("random-5", "tutorial", explorer="scripted"),
}


def assert_same(result, reference, rows=slice(None)):
    """Metrics and final libraries of `result` are those rows of `reference`, bit for bit."""
    pairs = zip(
        jax.tree.leaves((result.metrics, result.libraries)),
        jax.tree.leaves((reference.metrics, reference.libraries)),
        strict=True,
    )
    for ours, theirs in pairs:
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs[rows])


@functools.cache
def run_reference(task):
    """(config, params, result of agents 0 to 1023 in one batch)."""
    config, params = EXPERIMENTS[task]
    return config, params, train(KEY, config, params, 1024, EPISODES)


@pytest.fixture(params=EXPERIMENTS)
def reference(request):
    return run_reference(request.param)


def test_the_reference_run_is_rich(reference):
    """Agents differ, learn and use skills: else the comparisons below would show little."""
    _, _, result = reference
    metrics = result.metrics
    assert len(np.unique(metrics.steps)) > 10
    assert len(np.unique(metrics.skill_uses[:, -1])) > 10
    assert metrics.skills.max() >= 2
    assert 0.05 < metrics.success.mean() < 1
    assert (metrics.skill_steps <= metrics.steps).all()
    assert np.isfinite(metrics.episode_return).all() and np.isfinite(result.libraries.embeddings).all()


@pytest.mark.parametrize(
    ("task", "first_agent", "num_agents", "changes"),
    quick_first(
        [
            ("tutorial-6", 0, 1, {}),
            ("tutorial-6", 1023, 1, {"chunk_ticks": 13}),
            ("tutorial-6", 0, 7, {"chunk_ticks": 1}),
            ("tutorial-6", 517, 7, {"chunk_ticks": 256}),
            ("tutorial-6", 0, 300, {"chunk_ticks": 300}),
            ("tutorial-6", 300, 300, {"lanes": 16, "chunk_ticks": 13}),
            pytest.param("tutorial-6", 5, 150, {"lanes": 64}, marks=pytest.mark.exhaustive),
            pytest.param("tutorial-6", 0, 1024, {"lanes": 64, "chunk_ticks": 1000}, marks=pytest.mark.exhaustive),
            ("random-5", 0, 1, {"chunk_ticks": 13}),
            ("random-5", 600, 7, {}),
            ("random-5", 700, 300, {"lanes": 5}),
            pytest.param("random-5", 0, 1024, {"chunk_ticks": 1}, marks=pytest.mark.exhaustive),
        ],
        optimized=True,
    ),
)
def test_results_depend_on_no_batch_chunk_or_lane(task, first_agent, num_agents, changes):
    config, params, whole = run_reference(task)
    result = train(KEY, config, params, num_agents, EPISODES, first_agent=first_agent, **changes)
    assert_same(result, whole, slice(first_agent, first_agent + num_agents))


@pytest.mark.parametrize("first_agent", quick_first([2**31, LAST_NUMBER - 20]))
def test_agent_numbers_reach_to_the_end_of_uint32(reference, first_agent):
    config, params, whole = reference
    result = train(KEY, config, params, 21, EPISODES, first_agent=first_agent, lanes=16)
    for index in (0, 17, 20):
        alone = train(KEY, config, params, 1, EPISODES, first_agent=first_agent + index)
        assert_same(alone, result, slice(index, index + 1))
    assert not np.array_equal(result.metrics.steps, whole.metrics.steps[:21])


def test_an_agent_has_the_same_first_episodes_whatever_their_number():
    config, params, whole = run_reference("random-5")
    result = train(KEY, config, params, 10, 3)
    jax.tree.map(
        lambda ours, theirs: np.testing.assert_array_equal(ours, theirs[:10, :3]), result.metrics, whole.metrics
    )


def test_another_seed_gives_other_results(reference):
    config, params, whole = reference
    result = train(run_key(12), config, params, 16, EPISODES)
    assert not np.array_equal(result.metrics.steps, whole.metrics.steps[:16])
    assert_same(train(run_key(12), config, params, 16, EPISODES), result)


@pytest.mark.slow
def test_epsilon_0_is_scripted_bit_for_bit():
    scripted = train(KEY, *EXPERIMENTS["random-5"], 16, EPISODES)
    config, params = make_experiment("random-5", "tutorial", explorer="epsilon:0")
    assert config.exploration == EpsilonPolicy()
    assert_same(train(KEY, config, params, 16, EPISODES), scripted)


def test_a_shape_is_traced_and_compiled_once(monkeypatch):
    traces = []
    advance = ProceduralAgent.advance

    def counted(self, *args):
        traces.append(self)
        return advance(self, *args)

    monkeypatch.setattr(ProceduralAgent, "advance", counted)
    config, params = make_experiment(
        "random-4", "tutorial", explorer="random", overrides={"capacity": 3}
    )  # no other test's
    builds = lane_programs.build_programs.cache_info().misses
    first = train(KEY, config, params, 5, 3)
    assert len(traces) == 1
    assert first.compile_seconds > 0.1
    _, other = make_experiment("random-4", "tutorial", explorer="random", overrides={"capacity": 3, "goal_reward": 5.0})
    second = train(run_key(99), config, other, 16, 3, first_agent=7, chunk_ticks=5)
    third = train(KEY, config, params, 40, 3, lanes=10)
    assert len(traces) == 1
    assert lane_programs.build_programs.cache_info().misses == builds + 1
    assert second.compile_seconds == third.compile_seconds == 0
    assert not np.array_equal(second.metrics.episode_return[:5], first.metrics.episode_return)


@pytest.mark.parametrize("chunk_ticks", [13, 256])  # less than an episode, and several at once
def test_episodes_are_reported_in_order_and_progress_to_the_end(chunk_ticks):
    config, params = EXPERIMENTS["random-5"]
    told, shown = [], []
    result = train(
        KEY, config, params, 40, EPISODES, lanes=16, chunk_ticks=chunk_ticks,
        on_progress=told.append, on_episode=lambda *report: shown.append(copy.deepcopy(report)),
    )  # fmt: skip
    assert [episode for episode, _ in shown] == list(range(EPISODES))
    for episode, metrics in shown:
        jax.tree.map(
            lambda ours, final, e=episode: np.testing.assert_array_equal(ours, final[:, e]), metrics, result.metrics
        )
    detail = "about 6 s (TutorialMemory, 16 agents at once)"
    assert told[0] == Progress("compiling", 0, 40 * EPISODES, detail)
    assert {progress.phase for progress in told[1:]} == {"running"}
    finished = [progress.finished_episodes for progress in told]
    assert finished == sorted(finished)
    assert finished[-1] == 40 * EPISODES
    assert result.run_seconds > 0
    assert result.agent_steps_per_second == pytest.approx(result.metrics.steps.sum() / result.run_seconds)


def test_a_run_stops_when_its_agents_are_done(monkeypatch):
    """However long a chunk is."""
    ticks = []
    advance = Lanes.advance
    monkeypatch.setattr(Lanes, "advance", lambda *given: ticks.append(given[2]) or advance(*given))
    config, params = EXPERIMENTS["random-5"]
    result = train(KEY, config, params, 40, EPISODES, lanes=16, chunk_ticks=2**31 - 1)
    expected = train(KEY, config, params, 40, EPISODES, lanes=16)
    jax.tree.map(np.testing.assert_array_equal, result.metrics, expected.metrics)
    assert 0 < sum(ticks) < 2 * 3 * (EPISODES * 200 + 512)


def test_memory_off_gives_empty_libraries():
    config, params = make_experiment("random-5", "tutorial", use_skills=False)
    result = train(KEY, config, params, 20, 2, lanes=16)
    assert result.libraries.embeddings.shape == (20, 16, 8)
    assert not result.libraries.used.any()
    assert not (result.metrics.skills.any() or result.metrics.skill_uses.any() or result.metrics.skill_steps.any())
    assert result.metrics.success.all()


# Bad arguments


def changed(task, part, **changes):
    """The experiment with other numbers in one part of its params; None: in the params themselves."""
    config, params = EXPERIMENTS[task]
    if part is not None:
        changes = {part: dataclasses.replace(getattr(params, part), **changes)}
    return config, dataclasses.replace(params, **changes)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"num_agents": 0}, ValueError, "num_agents=0 is below 1; give at least 1"),
        ({"num_agents": -5}, ValueError, "num_agents=-5 is below 1"),
        ({"num_agents": 2.0}, TypeError, "num_agents=2.0 is a float; give a whole number"),
        ({"num_agents": True}, TypeError, "num_agents=True is a bool"),
        ({"num_agents": 2**31}, ValueError, "num_agents=2147483648 is above 2147483647"),
        ({"num_episodes": 0}, ValueError, "num_episodes=0 is below 1"),
        ({"num_episodes": "3"}, TypeError, "num_episodes='3' is a str"),
        ({"lanes": 0}, ValueError, "lanes=0 is below 1"),
        ({"chunk_ticks": 0}, ValueError, "chunk_ticks=0 is below 1"),
        ({"chunk_ticks": 1.5}, TypeError, "chunk_ticks=1.5 is a float"),
        ({"first_agent": -1}, ValueError, "first_agent=-1 is below 0"),
        ({"first_agent": 2**32 - 1}, ValueError, "first_agent=4294967295 is above 4294967294"),
        ({"first_agent": 1.0}, TypeError, "first_agent=1.0 is a float"),
        ({"key": jax.random.key(0, impl="rbg")}, TypeError, "key must be one typed threefry2x32 key"),
        ({"key": jax.random.PRNGKey(0)}, TypeError, "key must be one typed threefry2x32 key"),
        ({"key": jax.random.split(KEY)}, TypeError, "key must be one typed threefry2x32 key"),
        ({"key": 0}, TypeError, "key must be one typed threefry2x32 key"),
        ({"num_agents": 2**31 - 1, "num_episodes": 10**6}, ValueError, r"agents x 1000000 episodes need about .* GiB"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_bad_arguments_are_named(changes, error, text):
    config, params = EXPERIMENTS["random-5"]
    arguments = {"key": KEY, "num_agents": 2, "num_episodes": 1} | changes
    with pytest.raises(error, match=text):
        train(config=config, params=params, **arguments)


def test_a_tape_must_be_given():
    config, params = EXPERIMENTS["random-5"]
    config = dataclasses.replace(config, exploration=TapePolicy())
    with pytest.raises(TypeError, match=r"params.exploration is a NoParams; give make_tape\(...\)"):
        train(KEY, config, params, 2, 1)


@pytest.mark.parametrize(
    ("experiment", "text"),
    [
        (changed("random-5", "environment", key_reward=float("nan")), "key_reward=nan is not a finite number"),
        (changed("random-5", "environment", goal_reward=np.float32("inf")), "goal_reward=inf is not a finite number"),
        (
            changed("random-5", "environment", size=6),
            "max_size=5 of the tutorial's memory is below size=6; raise max_size or lower size",
        ),
        (changed("random-5", "environment", size=2), "size=2 is below 3"),
        (changed("random-5", "environment", max_steps=-1), "max_steps=-1 is below 0"),
        (changed("random-5", "memory", merge_threshold=1.5), "merge_threshold=1.5 is above 1.0"),
        (changed("random-5", "memory", merge_threshold=-1.5), "merge_threshold=-1.5 is below -1.0"),
        (changed("tutorial-6", "exploration", epsilon=float("nan")), "epsilon=nan is not a finite number"),
        (changed("random-5", None, step_budget=0), "max_steps=0 and step_budget=0 let an episode last for ever"),
    ],
)
def test_bad_settings_are_named(experiment, text):
    with pytest.raises(ValueError, match=text):
        train(KEY, *experiment, 2, 1)


@pytest.mark.parametrize(
    ("config", "params", "text"),
    [
        (None, EXPERIMENTS["random-5"][1], "config=None is a NoneType; give a Config, as make_experiment does"),
        ({}, EXPERIMENTS["random-5"][1], "config={} is a dict; give a Config"),
        (EXPERIMENTS["random-5"][0], {"size": 5}, "params={'size': 5} is a dict; give a Params"),
    ],
)
def test_other_kinds_of_config_are_named(config, params, text):
    with pytest.raises(TypeError, match=text):
        train(KEY, config, params, 2, 2)


def test_params_of_many_are_refused():
    config, params = EXPERIMENTS["random-5"]
    many = jax.tree.map(lambda number: np.stack([np.asarray(number)] * 4), params)
    with pytest.raises(ValueError, match=r"params.environment.size has shape \[4\]; give one number for all agents"):
        train(KEY, config, many, 4, 2)


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap])
def test_training_cannot_be_traced(transform):
    config, params = EXPERIMENTS["random-5"]
    with pytest.raises(TypeError, match="training cannot be traced: .* call it outside of jit, vmap and grad"):
        transform(lambda key: train(key, config, params, 2, 2).metrics)(jax.random.split(KEY, 2))


@pytest.mark.parametrize("kind", quick_first([jax.sharding.AxisType.Auto, jax.sharding.AxisType.Explicit]))
def test_a_mesh_of_the_caller_is_no_matter(kind):
    config, params = make_experiment("random-5", "tutorial", use_skills=False)
    expected = train(KEY, config, params, 300, 2, lanes=256)
    mesh = jax.make_mesh((2,), ("x",), axis_types=(kind,))
    with jax.set_mesh(mesh):
        result = train(KEY, config, params, 300, 2, lanes=256)
        assert jax.sharding.get_mesh() == mesh
    jax.tree.map(np.testing.assert_array_equal, result.metrics, expected.metrics)
