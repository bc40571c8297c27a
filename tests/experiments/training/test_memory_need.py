"""Estimates of memory, and refusals of what cannot fit."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.training import memory_need
from procmem_jax.experiments.training.memory_need import check_memory, device_bytes, host_bytes, tree_bytes
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams, run_key

CONFIG, PARAMS = make_experiment("random-5", "tutorial")
GIB = 2**30


def test_bytes_of_a_tree():
    tree = {"a": np.zeros((3, 4), np.float32), "b": (jnp.zeros(5, jnp.int8), jax.ShapeDtypeStruct((2,), jnp.bool_))}
    assert tree_bytes(tree) == 48 + 5 + 2


def begin(config, params, lanes, num_episodes):
    """(inputs, state) of agents at the start of their lives, as shapes."""
    agent = ProceduralAgent(config)
    inputs = jax.vmap(lambda number: agent.make_inputs(number, num_episodes))(jnp.arange(lanes, dtype=jnp.uint32))
    start = functools.partial(rollout.begin_agents, agent, num_recorded=num_episodes)
    return inputs, jax.eval_shape(start, as_arrays(params), open_streams(run_key(0)), inputs)


def test_the_device_estimate_holds_the_state_three_times():
    inputs, state = begin(CONFIG, PARAMS, 32, 16)
    assert device_bytes(CONFIG, PARAMS, 32, 16) == 3 * tree_bytes(state) + tree_bytes(inputs)
    assert device_bytes(CONFIG, PARAMS, 32, 7) == device_bytes(CONFIG, PARAMS, 32, 16)  # the program has room for 16


def test_the_estimates_grow_with_what_they_should():
    lanes, episodes = 64, 10
    base = device_bytes(CONFIG, PARAMS, lanes, episodes)
    assert device_bytes(CONFIG, PARAMS, 2 * lanes, episodes) == 2 * base
    more_episodes = device_bytes(CONFIG, PARAMS, lanes, 17) - base
    assert more_episodes == 3 * lanes * (32 - 16) * (5 * 4 + 2)  # five numbers, success and end an agent and episode
    wide = make_experiment("random-5", "tutorial", overrides={"capacity": 64})[0]
    assert device_bytes(wide, PARAMS, lanes, episodes) > 2 * base
    without = make_experiment("random-5", "tutorial", use_skills=False)[0]
    assert device_bytes(without, PARAMS, lanes, episodes) < base / 2
    assert host_bytes(without, 100, episodes) < host_bytes(CONFIG, 100, episodes)
    assert host_bytes(CONFIG, 200, episodes) == 2 * host_bytes(CONFIG, 100, episodes)


def test_memory_does_not_grow_with_the_number_of_steps():
    """The longest episode is a traced number, so it is no array's shape; and ticks leave all shapes as they are."""
    config, longer = make_experiment("random-5", "tutorial", overrides={"step_budget": 2**30, "max_steps": 2**30})
    assert config == CONFIG
    inputs, state = begin(CONFIG, PARAMS, 16, 2)
    assert begin(config, longer, 16, 2)[1] == state
    run = functools.partial(rollout.run_ticks, ProceduralAgent(config))
    later = jax.eval_shape(run, as_arrays(longer), open_streams(run_key(0)), inputs, state, jnp.int32(10**6))
    assert later == state


def test_an_impossible_run_is_refused_with_its_figures(monkeypatch):
    monkeypatch.setattr(memory_need, "available_host_bytes", lambda: 2 * GIB)
    check_memory(CONFIG, PARAMS, 10_000, 100, 1024)
    text = r"1000000 agents x 100 episodes need about \d+\.\d GiB, this computer has 2\.0 GiB free; use fewer agents"
    with pytest.raises(ValueError, match=text):
        check_memory(CONFIG, PARAMS, 1_000_000, 100, 1024)
    with pytest.raises(ValueError, match=r"10 agents x 1000000000 episodes need about"):
        check_memory(CONFIG, PARAMS, 10, 10**9, 16)
    huge = dataclasses.replace(CONFIG, memory=dataclasses.replace(CONFIG.memory, capacity=65536, embedding_size=1024))
    with pytest.raises(ValueError, match="16 agents x 1 episodes need about"):
        check_memory(huge, PARAMS, 16, 1, 16)


def test_unknown_memory_refuses_nothing(monkeypatch):
    monkeypatch.setattr(memory_need, "available_host_bytes", lambda: None)
    assert check_memory(CONFIG, PARAMS, 2**31 - 1, 10**6, 1024) is None


def test_this_computers_memory_is_plausible(monkeypatch, tmp_path):
    assert 2**26 < memory_need.available_host_bytes() < 2**50

    def no_file(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(memory_need, "open", no_file, raising=False)
    assert 2**26 < memory_need.available_host_bytes() < 2**50
    monkeypatch.setattr(memory_need.os, "sysconf", lambda name: -1 if name == "SC_PHYS_PAGES" else no_file())
    assert memory_need.available_host_bytes() is None


class FakeDevice:
    platform, device_kind = "gpu", "Fake GPU"

    def __init__(self, free):
        self._free = free

    def memory_stats(self):
        return {"bytes_limit": self._free + GIB, "bytes_in_use": GIB}


def test_a_devices_memory_is_looked_at_by_itself(monkeypatch):
    need = device_bytes(CONFIG, PARAMS, 1024, 100)
    monkeypatch.setattr(memory_need.jax, "devices", lambda: [FakeDevice(need)])
    check_memory(CONFIG, PARAMS, 1024, 100, 1024)
    monkeypatch.setattr(memory_need.jax, "devices", lambda: [FakeDevice(need - 1)])
    with pytest.raises(ValueError, match=r"a batch need about .* GiB, Fake GPU has .* GiB free"):
        check_memory(CONFIG, PARAMS, 1024, 100, 1024)


def test_a_gpu_is_given_as_many_lanes_as_fit(monkeypatch):
    """Of a run large enough; a processor is given what suits it, however much memory there is."""
    many = 2**17
    enough = 2 * device_bytes(CONFIG, PARAMS, many, 100)
    for free, lanes in ((enough, many), (enough - 2, many // 2), (enough // 8, many // 8)):
        monkeypatch.setattr(memory_need.jax, "local_devices", lambda free=free: [FakeDevice(free)])
        assert memory_need.usual_lanes(CONFIG, PARAMS, 10**6, 100, [FakeDevice(free)]) == lanes
        assert memory_need.usual_lanes(CONFIG, PARAMS, 40, 100, [FakeDevice(free)]) == 48
    monkeypatch.undo()
    assert memory_need.usual_lanes(CONFIG, PARAMS, 10**6, 100, jax.local_devices()[:1]) == 512


def test_a_core_is_given_as_many_lanes_as_its_cache_holds():
    """Three MiB of 13,015 bytes each are 241 lanes, a multiple of 16 of them 240; never under 128 or over 512."""
    config, params = make_experiment("random-8")
    assert memory_need.agent_bytes(config, params, 100) == 13015
    many = (10**6, 100)
    assert memory_need.usual_lanes(config, params, *many, jax.local_devices()[:1]) == 240
    assert memory_need.usual_lanes(config, params, *many, 3 * jax.local_devices()[:1]) == 720
    large = make_experiment("random-8", overrides={"capacity": 512})
    assert memory_need.usual_lanes(*large, *many, jax.local_devices()[:1]) == 128
    assert memory_need.usual_lanes(config, params, 100, 100, jax.local_devices()[:1]) == 112


def test_the_record_of_episodes_is_no_part_of_an_agents_bytes():
    inputs, state = begin(CONFIG, PARAMS, 1, 16)
    assert memory_need.agent_bytes(CONFIG, PARAMS, 16) == tree_bytes(state) - tree_bytes(state.metrics)
