"""Tasks of other packages by name."""

import sys

import numpy as np
import pytest

from procmem_jax import DefaultMemory, RandomPolicy, make_experiment, run_key, train, with_memory
from procmem_jax.agents.frontier import Frontier
from procmem_jax.agents.persistent import Adaptive
from procmem_jax.envs.foreign.peer_names import PACKAGES, PEERS, check_peer
from procmem_jax.envs.foreign.peers import MissingPackageError, describe_peer, import_peer, make_peer, registered
from procmem_jax.envs.foreign.projected import ProjectedPercept
from procmem_jax.memory.default.choice import least_cost_to_news, least_expected_cost

MODULES = {prefix: package.module for prefix, package in PACKAGES.items()}
SOME = {
    "gymnax:Catch-bsuite": (3, "ProjectedPercept"),
    "gymnax:FourRooms-misc": (4, "perceive_four_rooms"),
    "xland:XLand-MiniGrid-R1-9x9": (6, "GridPercept"),
    "xland:MiniGrid-DoorKey-8x8": (6, "XLandPercept"),
    "navix:Navix-Empty-5x5-v0": (7, "GridPercept"),
    "navix:Navix-KeyCorridorS3R1-v0": (7, "GridPercept"),
    "navix:Navix-DoorKey-5x5-v0": (7, "NavixPercept"),
    "jumanji:Snake-v1": (4, "ProjectedPercept"),
    "pgx:tic_tac_toe": (9, "ProjectedPercept"),
}


@pytest.mark.parametrize(("task", "near"), [("xland:MiniGrid-DorKey-5x5", "DoorKey-5x5"), ("gymnax:Cach", "Catch")])
def test_unknown_names_are_told_with_a_near_one(task, near):
    pytest.importorskip(MODULES[task.partition(":")[0]])
    with pytest.raises(ValueError, match=f"task='{task}' is unknown; did you mean .*{near}.*of `procmem tasks "):
        make_experiment(task)


@pytest.mark.parametrize("name", SOME)
def test_what_a_package_registers_is_described(name, lenient):
    prefix = name.partition(":")[0]
    pytest.importorskip(MODULES[prefix])
    assert name in registered(prefix)
    told = describe_peer(name)
    assert (told["actions"], told["percept"]) == SOME[name] and told["limit"] > 0


@pytest.mark.parametrize("name", ["xland:MiniGrid-Unlock@grid", "navix:Navix-DoorKey-5x5-v0@grid"])
def test_the_grid_percept_is_asked_for_by_name(name, lenient):
    pytest.importorskip(MODULES[name.partition(":")[0]])
    assert describe_peer(name)["percept"] == "GridPercept"
    assert describe_peer(name.removesuffix("@grid"))["percept"] != "GridPercept"
    assert make_peer(name)[0].predicate_names[-1] == "rewarded"


PROJECTED = ["xland:MiniGrid-Unlock", "xland:MiniGrid-Empty-5x5", "navix:Navix-DoorKey-5x5-v0", "gymnax:FourRooms-misc"]


@pytest.mark.parametrize("name", PROJECTED)
def test_the_percept_that_knows_nothing_is_asked_for_by_name(name, lenient):
    pytest.importorskip(MODULES[name.partition(":")[0]])
    asked = f"{name}@projected"
    assert describe_peer(asked)["percept"] == "ProjectedPercept" != describe_peer(name)["percept"]
    config, params = make_experiment(asked)
    assert isinstance(config.environment.perceive, ProjectedPercept) and config.exploration == Adaptive()
    # None of the settings that a world has by its name.
    assert config.memory == DefaultMemory(progress=True, deaths_teach=True, caution=True, success_is_last=False)
    assert (train(run_key(0), config, params, 4, 2).metrics.steps > 0).all()


def test_it_sees_what_an_agent_sees_in_worlds_like_minigrid(lenient):
    pytest.importorskip("xminigrid")
    metrics = []
    env, env_params = import_peer("xminigrid").make("MiniGrid-DoorKey-5x5")
    for config, params in (
        make_experiment("xland:MiniGrid-DoorKey-5x5@projected"),
        with_memory(env, env_params=env_params, success="rewarded"),
    ):
        metrics.append(train(run_key(0), config, params, 8, 10).metrics)
    np.testing.assert_array_equal(metrics[0].steps, metrics[1].steps)
    assert metrics[0].success.any()


@pytest.mark.parametrize("name", ["xland:MiniGrid-Empty-5x5", "navix:Navix-Empty-5x5-v0"])
def test_a_world_with_a_map_is_explored_to_its_frontier(name, lenient):
    pytest.importorskip(MODULES[name.partition(":")[0]])
    config, params = make_experiment(name)
    assert config.exploration == Frontier() and config.memory.choose is least_cost_to_news
    assert (config.memory.values, config.memory.capacity, float(params.memory.retire_rate)) == (False, 128, 0.4)
    config, params = make_experiment(name, explorer="random")
    assert config.exploration == RandomPolicy() and config.memory.choose is least_expected_cost
    assert (config.memory.values, config.memory.capacity, float(params.memory.retire_rate)) == (True, 512, 0.25)
    assert params.memory.forgiven_failures == 0
    metrics = {use: train(run_key(0), *make_experiment(name, use_skills=use), 8, 20).metrics for use in (False, True)}
    assert min(one.success[:, 5:].mean() for one in metrics.values()) > 0.9


def test_the_grid_percept_is_for_grids():
    with pytest.raises(ValueError, match="@grid is for worlds of xland and navix; leave it out"):
        check_peer("gymnax:Catch-bsuite@grid")
    check_peer("gymnax:Catch-bsuite@projected")


def test_unknown_percepts_are_told():
    with pytest.raises(ValueError, match="@gird is no percept; give @grid or @projected"):
        check_peer("xland:MiniGrid-Unlock@gird")


def test_what_cannot_be_played_is_described_in_one_line():
    pytest.importorskip("gymnax")
    told = describe_peer("gymnax:Pendulum-v1")["refused"]
    assert "continuous (Box)" in told and "\n" not in told


@pytest.mark.slow
@pytest.mark.parametrize("name", SOME)
def test_a_registered_environment_is_trained(name, lenient):
    pytest.importorskip(MODULES[name.partition(":")[0]])
    config, params = make_experiment(name, use_skills=False)
    assert (config, params) == make_experiment(name, use_skills=False)
    metrics = train(run_key(0), config, params, 4, 2).metrics
    assert (metrics.steps > 0).all() and np.isfinite(metrics.episode_return).all()


def test_a_missing_package_is_told_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "xminigrid", None)
    make_peer.cache_clear()
    with pytest.raises(
        MissingPackageError, match=r"needs the package xminigrid .*pip install 'procmem-jax\[xminigrid\]'"
    ):
        make_experiment("xland:MiniGrid-Unlock")


@pytest.mark.parametrize("name", PEERS)
def test_every_task_is_made_and_has_its_peers_own_limit(name, lenient):
    package = pytest.importorskip({"xland": "xminigrid"}.get(name.split(":")[0], name.split(":")[0]))
    config, params = make_experiment(name)
    ident, world = name.partition(":")[2], config.environment
    own = package.make(ident)
    own = own[1] if isinstance(own, tuple) else own
    limit = own.max_steps_in_episode if hasattr(own, "max_steps_in_episode") else own.max_steps
    assert PEERS[name].limit == limit == world.time_limit(params.environment)
    assert make_experiment(name)[0] == config and hash(config) == hash(make_experiment(name)[0])


def test_what_the_grid_alone_knows_is_refused(lenient):
    pytest.importorskip("gymnax")
    task = "gymnax:FourRooms-misc"
    with pytest.raises(ValueError, match="the tutorial's memory knows the grid only; use the default memory"):
        make_experiment(task, "tutorial")
    with pytest.raises(ValueError, match="explorer='scripted': this environment has no script; use explorer='ra"):
        make_experiment(task, explorer="scripted")
    with pytest.raises(ValueError, match="setting 'sticky' is not read here: the grid reads it"):
        make_experiment(task, overrides={"sticky": 0.1})
    config, params = make_experiment(task, overrides={"same_start": "true", "episode_limit": 9, "retreat_steps": 2})
    assert config.environment.same_start and config.environment.episode_limit == 9
    assert (config.library.max_skill_length, params.memory.retreat_steps) == (32, 2)
