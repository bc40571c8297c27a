"""Adapters whose package is missing, or too old, say what to install."""

import sys
import types

import pytest

from procmem_jax.export import gymnasium_env as single
from procmem_jax.export import gymnasium_vector_env as vector
from procmem_jax.export import gymnax_env as gymnax_adapter
from procmem_jax.export.gymnasium_ids import register_gymnasium

CACHES = (gymnax_adapter._classes, single._env_class, vector.vector_env_class)


@pytest.fixture
def no_peers(monkeypatch):
    """As if neither package were installed, whether they are or not."""
    for name in ("gymnasium", "gymnax"):
        monkeypatch.setitem(sys.modules, name, None)
    for cache in CACHES:
        cache.cache_clear()
    yield
    for cache in CACHES:
        cache.cache_clear()


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("gymnax", lambda: gymnax_adapter.as_gymnax("random-5")),
        ("gymnasium", lambda: single.as_gymnasium("random-5")),
        ("gymnasium", lambda: single.as_gymnasium("random-5", num_envs=2)),
        ("gymnasium", lambda: single.GridWorldEnv),
        ("gymnasium", lambda: vector.GridWorldVectorEnv),
        ("gymnasium", register_gymnasium),
    ],
)
def test_adapters_say_what_is_missing(no_peers, name, call):
    with pytest.raises(ValueError, match=rf"needs the package {name}.*pip install 'procmem-jax\[{name}\]'"):
        call()


def test_a_gymnax_that_is_too_old(no_peers, monkeypatch):
    environment = types.SimpleNamespace(Environment=object)
    old = types.SimpleNamespace(environments=types.SimpleNamespace(environment=environment))
    monkeypatch.setitem(sys.modules, "gymnax", old)
    with pytest.raises(ValueError, match="needs gymnax 1.0 or later; install it"):
        gymnax_adapter.as_gymnax("random-5")


@pytest.mark.parametrize("module", (single, vector))
def test_other_names_are_unknown_as_ever(module):
    with pytest.raises(AttributeError, match="has no attribute 'GridWorldEnvironment'"):
        _ = module.GridWorldEnvironment
