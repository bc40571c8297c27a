"""What is there twice, or was seen first, is a sample, and other things are told from it if no mission names a kind."""

import jax.numpy as jnp
import pytest

from envs.foreign.grid_percept.test_percept import Walker
from procmem_jax import make_experiment, run_key, train

WITH_K, WITH_B, WITH_R = 1 - 4 / 64, 1 - 2 / 64, 1.0


def ahead(walker, *pose, **more):
    return float(walker.see(*pose, **more).context[-1])


def test_another_thing_than_the_first_is_told_from_it_already_two_cells_ahead():
    walker = Walker("#####\n#K.B#\n#...#\n#####", size=3, things=("key",))
    assert ahead(walker, 2, 1, 0) == WITH_K
    assert ahead(walker, 2, 3, 0) == -WITH_B
    assert ahead(walker, 1, 2, 1) == -WITH_B and ahead(walker, 1, 2, 3) == WITH_K
    walker.grid[1, 1] = walker.grid[1, 2]  # a free cell
    assert ahead(walker, 1, 1, 1) == -WITH_B / 2
    alone = Walker("#####\n#K.B#\n#...#\n#####", size=3, things=("key",))
    assert [ahead(alone, 2, 3, 0), ahead(alone, 2, 1, 0)] == [WITH_B, -WITH_K]  # the other one was first


def test_one_that_is_like_the_sample_is_not_told_two_cells_ahead():
    walker = Walker("######\n#K..K#\n######", size=3, things=("key",))
    assert ahead(walker, 1, 2, 3) == WITH_K
    assert ahead(walker, 1, 2, 1) == 0.0 and ahead(walker, 1, 3, 1) == WITH_K


@pytest.mark.parametrize("twice", ["K", "B"])
def test_what_is_there_twice_is_the_sample_whatever_was_seen_first(twice):
    other = {"K": "B", "B": "K"}[twice]
    walker = Walker(f"#######\n#{other}.{twice}.{twice}#\n#.....#\n#######", size=3, things=("key",))
    signs = {"first": ahead(walker, 2, 1, 0)}
    assert signs["first"] > 0
    assert ahead(walker, 2, 3, 0) < 0  # not like the first
    assert ahead(walker, 2, 5, 0) > 0  # now there are two
    assert ahead(walker, 2, 1, 0) < 0


def test_a_mission_that_names_a_kind_is_all_that_counts():
    yellow_key, any_yellow = jnp.array([5, 4]), jnp.array([0, 4])
    walker = Walker("#####\n#R.B#\n#...#\n#####", size=3, things=("key",))
    assert ahead(walker, 2, 1, 0, mission=yellow_key) == -WITH_R
    walker.grid[1, 1] = walker.grid[1, 2]
    assert ahead(walker, 1, 1, 1) == 0.0
    named = Walker("#####\n#K.B#\n#...#\n#####", size=3, things=("key",))
    assert [ahead(named, 2, 1, 0, mission=any_yellow), ahead(named, 2, 3, 0)] == [WITH_K, -WITH_B]
    named.grid[1, 1] = named.grid[1, 2]
    assert ahead(named, 1, 1, 1) == -WITH_B / 2 and ahead(named, 2, 1, 1) == 0.0
    sent = Walker("#####\n#K.B#\n#...#\n#####", size=3, things=("key",))
    assert [ahead(sent, 2, 3, 0, mission=yellow_key), ahead(sent, 2, 1, 0)] == [-WITH_B, WITH_K]


def test_what_was_never_seen_is_no_sample():
    rows = ["#######", "#.K.B.#", "#.....#", "#.....#", "#...{}.#", "#######"]
    contexts = []
    for hidden in ".KBR":
        walker = Walker("\n".join(rows).replace("{}", hidden), size=3, things=("key",))
        contexts.append([ahead(walker, 2, 2, 0), ahead(walker, 2, 4, 0), *walker.notes.grid.sample.tolist()])
    assert contexts == [[WITH_K, -WITH_B, 5, 4]] * 4


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("xland:MiniGrid-MemoryS8", 0.75), ("navix:Navix-MemoryS7-v0", 0.85)])
def test_the_way_is_chosen_by_what_was_seen(name, least, lenient):
    pytest.importorskip({"xland": "xminigrid", "navix": "navix"}[name.partition(":")[0]])
    success = {use: train(run_key(0), *make_experiment(name, use_skills=use), 24, 80).metrics.success for use in (0, 1)}
    assert success[0].mean() < 0.6 and success[1][:, -20:].mean() > least
