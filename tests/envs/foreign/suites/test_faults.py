"""Versions of other packages that are known to play another game than they say."""

import dataclasses
import importlib.metadata
import types
import warnings

import pytest

from procmem_jax.envs.foreign.recognised import recognise
from procmem_jax.envs.foreign.suites import faults
from procmem_jax.envs.foreign.suites.faults import FAULTS, faults_of


@pytest.mark.parametrize(
    ("version", "world", "number"),
    [
        ("0.8.9", "KeyCorridor", 2),  # the doors, and what is carried
        ("0.8.10", "KeyCorridor", 2),  # the open door, and what is carried
        ("0.9.4", "KeyCorridor", 1),
        ("0.9.5", "KeyCorridor", 0),
        ("0.9.3", "Crossings", 1),
        ("0.9.3", "Navix-LavaCrossingS9N2-v0", 1),
        ("0.9.4", "Crossings", 0),
        ("0.9.3", "Empty", 0),
        ("0.9.1", "Empty", 1),
        ("4.0.0", "KeyCorridor", 0),
    ],
)
def test_the_faults_of_a_version(version, world, number):
    assert len(faults_of("navix", version, world)) == number
    assert faults_of("gymnax", version, world) == []


@pytest.fixture
def old_navix(monkeypatch):
    """An environment of a class of NAVIX, in a version that has a fault there."""
    monkeypatch.setattr(importlib.metadata, "version", lambda package: {"navix": "0.9.0"}[package])
    faults._warn.cache_clear()
    yield type("KeyCorridor", (), {"__module__": "navix.environments.key_corridor", "step": None})
    faults._warn.cache_clear()


@dataclasses.dataclass
class Wrapper:
    """A user's own around another's environment."""

    env: object
    step: None = None


@pytest.mark.parametrize(
    "make",
    [
        lambda cls: cls(),
        lambda cls: Wrapper(cls()),
        lambda cls: Wrapper(Wrapper(cls())),
        lambda cls: type("Mine", (cls,), {"__module__": "mine"})(),
    ],
)
def test_a_faulty_version_is_named_once(old_navix, make):
    with pytest.warns(UserWarning, match=r"KeyCorridor of navix 0\.9\.0 .*open from the start .*; upgrade navix"):
        _recognised(make(old_navix))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _recognised(old_navix())
        _recognised(types.SimpleNamespace(reset=None, step=None))


def _recognised(env):
    try:
        recognise(env)
    except TypeError as error:  # the class has nothing that NAVIX promises
        assert "from_navix" in str(error)


def test_each_fault_says_where_it_was_told():
    for package, known in FAULTS.items():
        assert all(fault.source.partition("#")[0].endswith(f"/{package}") for fault in known)
