"""Objects of a user's own: where they are found, and environments that have no numbers."""

import dataclasses
import sys

import jax.numpy as jnp
import pytest

import procmem_jax as pm
from procmem_jax.experiments.overrides import import_object

MODULE = """
import procmem_jax as pm

class Thrift(pm.Memory):
    pass

class Walk(pm.RandomPolicy):
    pass
"""


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """The current folder, which is not on the import path, as for a script."""
    (tmp_path / "found_here.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    yield
    sys.modules.pop("found_here", None)


@pytest.mark.parametrize(("text", "what"), [("found_here:Thrift", "memory"), ("found_here:Walk", "explorer")])
def test_whatever_is_named_is_looked_for_in_the_current_folder_too(folder, text, what):
    assert import_object(text, what).__name__ == text.partition(":")[2]


class Lamp:
    """Action 1 lights it. There are no numbers in it that one could set."""

    def reset(self, key, params):
        return jnp.zeros(1), jnp.zeros((), bool)

    def step(self, key, state, action, params):
        lit = action == 1
        return jnp.zeros(1), lit, lit.astype(jnp.float32), lit, False, {}


def test_an_environment_needs_no_numbers():
    def perceive(obs, state, params):
        return pm.Percept(state.rewarded[None], obs, jnp.uint32(0))

    config, params = pm.with_memory(Lamp(), perceive, max_steps=5, num_actions=2)
    assert params.environment is None
    assert config.default_params() == dataclasses.replace(params, memory=config.memory.default_params())
