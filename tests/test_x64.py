"""With `JAX_ENABLE_X64` set, nothing changes: every number has an explicit type."""

import dataclasses
import hashlib
import json
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.agents.exploration import EpsilonParams, EpsilonPolicy
from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.training.train import train
from procmem_jax.streams import draw_words, open_streams, run_key
from tutorial.cases import load_case, replay_cases

SCRIPTS = pathlib.Path(__file__).parents[1] / "scripts"
ORACLE = sorted((pathlib.Path(__file__).parent / "data" / "oracle").glob("*.json"))


@dataclasses.dataclass(frozen=True)
class AlwaysLeft:
    """What the policy asks of an environment with a script."""

    num_actions = 6
    has_script = True

    def scripted_action(self, observation):
        return jnp.int32(2)


def results():
    """Replays, runs and optima, every bit and type of them."""
    found = {"x64": bool(jax.config.jax_enable_x64), "cases": replay_cases([load_case(path) for path in ORACLE])}
    config, params = make_experiment("random-5", "tutorial", explorer="scripted")
    result = train(run_key(5), config, params, 16, 8)
    found["steps"] = result.metrics.steps.tolist()
    words = draw_words(open_streams(run_key(5)).tick, np.arange(1000), np.uint32(2**32 - 1))[0]
    policy, epsilon = EpsilonPolicy(AlwaysLeft()), EpsilonParams(jnp.float32(0.3))
    actions = jax.jit(jax.vmap(lambda word: policy.act((), None, None, word, epsilon)[1]))(words)
    optimum = optimal_steps(run_key(5), config, params, 16, 8)
    leaves = jax.tree.leaves((result.metrics, result.libraries, optimum, actions))
    found["bits"] = [f"{leaf.dtype} {hashlib.sha256(np.ascontiguousarray(leaf)).hexdigest()}" for leaf in leaves]
    return found


@pytest.mark.slow
def test_64_bit_mode_changes_nothing():
    environment = {**os.environ, "JAX_ENABLE_X64": "1", "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(
        [sys.executable, "-P", __file__], capture_output=True, text=True, timeout=300, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    there, here = json.loads(done.stdout), results()
    assert (there.pop("x64"), here.pop("x64")) == (True, False)
    assert there.keys() == here.keys()
    for name in here:
        assert there[name] == here[name], name


if __name__ == "__main__":
    print(json.dumps(results()))
