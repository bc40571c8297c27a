"""Tasks of other packages by name."""

import sys

import pytest

from procmem_jax import make_experiment
from procmem_jax.envs.foreign.peers import PEERS, make_peer


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="task='xland:Nope' is unknown; choose from xland:MiniGrid-DoorKey-5x5, "):
        make_experiment("xland:Nope")


def test_a_missing_package_is_told_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "xminigrid", None)
    make_peer.cache_clear()
    with pytest.raises(ValueError, match=r"needs the package xminigrid .*pip install 'procmem-jax\[xminigrid\]'"):
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


def test_what_the_grid_alone_knows_is_refused():
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
