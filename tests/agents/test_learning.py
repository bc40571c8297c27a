"""What the default memory is for, on small worlds: it learns, and it traps nobody."""

import numpy as np
import pytest

from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.training.train import train
from procmem_jax.streams import run_key


def play(task, num_agents, num_episodes, **settings):
    """(success, steps, steps over the fewest possible), each `[A, E]`."""
    config, params = make_experiment(task, **settings)
    metrics = train(run_key(1700), config, params, num_agents, num_episodes).metrics
    optimum = optimal_steps(run_key(1700), config, params, num_agents, num_episodes)
    return metrics.success, metrics.steps, metrics.steps / optimum


@pytest.mark.slow
def test_a_random_world_is_learned_with_memory_and_not_without():
    success, steps, ratio = play("random-5", 64, 150)
    assert success[:, -20:].mean() > 0.95
    assert np.mean(ratio[:, -20:]) < 1.6
    assert success[:, :3].mean() < 0.3  # it had to be learned
    without, plain_steps, _ = play("random-5", 64, 30, use_skills=False)
    assert without.mean() < 0.1
    assert steps[:, -20:].mean() < 0.3 * plain_steps.mean()


@pytest.mark.slow
def test_nobody_is_trapped_where_the_script_is_good_enough():
    """On tutorial-4 the tutorial's own memory traps every agent after its first skill."""
    success, steps, _ = play("tutorial-4", 64, 40, explorer="scripted")
    assert success.all()
    assert steps[:, -20:].mean() <= steps[:, 0].mean()
