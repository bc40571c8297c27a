"""Dangers by hand: which actions are left out where, after how many deaths, and what is no death."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.puppet import NEXT_START, Puppet, percept
from memory.handmade import HAS_KEY, NOTHING
from procmem_jax import run_key, train, with_memory
from procmem_jax.memory.default.knowledge import dangers
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.protocol import Step
from procmem_jax.memory.proven.memory import ProvenMemory
from procmem_jax.percept import Percept

CAUTION = {"caution": True}
WORDS = jnp.arange(2048, dtype=jnp.uint32) * jnp.uint32(0x9E3779B1)
ALL = [True] * 4


def around(*cells):
    """A percept whose last coordinates are what is around; the state is another each time."""
    context = jnp.array([7, -7, *cells], jnp.float32)
    return Percept(jnp.array(NOTHING), context, jnp.uint32(100 + sum(cells)))


def step_of(before, action, *, died=False, over=False, reward=0.0, after=None):
    return Step(before, before if after is None else after, jnp.int32(action), jnp.float32(reward), jnp.bool_(died),
                jnp.bool_(over))  # fmt: skip


def lived(steps, num_surroundings):
    known, learn = dangers.no_dangers(num_surroundings), jax.jit(dangers.learn_dangers, static_argnums=2)
    for step in steps:
        known = learn(known, step, num_surroundings, jnp.bool_(True))
    return known


def usual(known, here, num_surroundings, num_actions=4):
    """What is safe in most steps, and the share of steps in which all is."""
    of_words = jax.vmap(lambda word: dangers.safe_actions(known, here, word, num_actions, num_surroundings))(WORDS)
    safe = np.asarray(of_words)
    return np.median(safe, axis=0).astype(bool).tolist(), safe.all(axis=1).mean()


def test_an_action_that_kills_beside_a_thing_is_left_out_beside_it_whatever_else_is_there():
    lava = [around(-1, x) for x in (0, 1, -1)]
    deaths = [step_of(here, 2, died=True) for here in lava]
    walks = [step_of(around(0, x), 2) for x in (0, 1, -1) for _ in range(9)] + [step_of(here, 1) for here in lava]
    assert usual(lived(deaths[:2] + walks, 2), around(-1, 5), 2) == (ALL, 1.0)
    known = lived(deaths + walks, 2)
    safe, daring = usual(known, around(-3, 5), 2)  # any negative number
    assert safe == [True, True, False, True]
    assert 0.002 < daring < 0.02  # 1/128
    assert usual(known, around(0, -1), 2) == (ALL, 1.0)


def test_what_all_things_together_say_counts_too():
    """Where each thing alone is harmless: walking into the corner kills, along either wall it does not."""
    corner, walls = around(1, 1), [around(1, 0), around(0, 1)]
    steps = [step_of(corner, 0, died=True)] * 3 + [step_of(wall, 0) for wall in walls for _ in range(9)]
    known = lived(steps, 2)
    assert usual(known, corner, 2)[0] == [False, True, True, True]
    assert usual(known, walls[0], 2)[0] == usual(known, around(2, 2), 2)[0] == ALL


def test_what_kills_before_a_predicate_holds_and_not_after_is_left_out_before():
    """As in RedBlueDoors: the blue door ends the episode unless the red one is open."""
    shut, opened = around(1, 2), dataclasses.replace(around(1, 2), predicates=jnp.array(HAS_KEY))
    known = lived([step_of(shut, 0, died=True)] * 3 + [step_of(opened, 0, reward=1.0, died=True)] * 3, 2)
    assert usual(known, shut, 2)[0] == [False, True, True, True]
    assert usual(known, opened, 2)[0] == ALL


def test_what_shares_one_of_two_hashes_with_a_death_is_not_taken_for_it():
    """Two surroundings whose first counts are in one place; the second ones tell them apart."""
    here = around(1, 1)
    place = [int(n) for n in dangers._places(here, jnp.int32(0), 2)[-2:]]
    others = (around(1, 1 + number / 4096) for number in range(1, 4096))
    twin = next(other for other in others if int(dangers._places(other, jnp.int32(0), 2)[-2]) == place[0])
    assert int(dangers._places(twin, jnp.int32(0), 2)[-1]) != place[1]
    walks = [step_of(around(1, 0), 0), step_of(around(0, 1), 0)] * 20
    known = lived([step_of(here, 0, died=True)] * 3 + walks, 2)
    assert usual(known, here, 2)[0] == [False, True, True, True] and usual(known, twin, 2)[0] == ALL
    known = lived([step_of(here, 0, died=True)] * 3 + [step_of(twin, 0)] * 9 + walks, 2)
    assert usual(known, here, 2)[0] == [False, True, True, True] and usual(known, twin, 2)[0] == ALL


def test_where_the_last_predicate_means_success_another_gain_saves_no_end():
    here, goal = percept((1, 2), (False, False)), percept((9, 9), (True, False))
    for last_only, after, is_safe in (
        (True, goal, False),
        (False, goal, True),
        (True, percept((9, 9), (True, True)), True),
    ):
        known = dangers.no_dangers(0)
        for _ in range(4):
            step = step_of(here, 0, died=True, after=after)
            known = dangers.learn_dangers(known, step, 0, jnp.bool_(True), success_is_last=last_only)
        assert usual(known, here, 0)[0][0] is is_safe


def test_without_surroundings_it_is_the_state_that_counts():
    here, there = percept((1, 2), NOTHING), percept((2, 1), NOTHING)
    known = lived([step_of(here, 3, died=True)] * 3, 0)
    assert usual(known, here, 0)[0] == [True, True, True, False]
    assert usual(known, there, 0)[0] == ALL


def test_an_action_that_does_not_kill_each_time_is_taken():
    here = percept((1, 2), NOTHING)
    seldom = [step_of(here, 0, died=True)] * 14
    assert usual(lived([*seldom, step_of(here, 0)], 0), here, 0)[0][0] is False  # 1 of 15
    assert usual(lived([*seldom, *[step_of(here, 0)] * 2], 0), here, 0)[0][0] is True  # 2 of 16, one in eight


GOAL = percept((9, 9), HAS_KEY)
NO_DEATHS = {
    "a limit": {"over": True},
    "a gain": {"died": True, "after": GOAL},
    "a reward": {"died": True, "reward": 0.5},
}


@pytest.mark.parametrize("end", NO_DEATHS.values(), ids=NO_DEATHS)
def test_what_is_no_death(end):
    here = percept((1, 2), NOTHING)
    assert usual(lived([step_of(here, 0, **end)] * 5, 0), here, 0) == (ALL, 1.0)


def test_where_steps_cost_something_only_a_dearer_end_is_a_death():
    """As in MountainCar, where each step costs 1, also the one to the goal."""
    here, there = percept((1, 2), NOTHING), percept((2, 2), NOTHING)
    walk = step_of(there, 1, reward=-1.0)
    for reward, is_death in ((-1.0, False), (0.0, False), (-100.0, True)):
        known = lived([walk, *[step_of(here, 0, died=True, reward=reward)] * 3], 0)
        assert usual(known, here, 0)[0][0] is not is_death
    last = step_of(there, 1, reward=-200.0, over=True)  # what the end of an episode costs is no step's price
    assert usual(lived([last, *[step_of(here, 0, died=True, reward=-100.0)] * 3], 0), here, 0)[0][0] is False


def test_counts_stop_before_they_overflow():
    here = percept((1, 2), NOTHING)
    for times in (1000, 1000 * 2**16 + 1000):  # survived each time, or never
        full = dangers.Dangers(jnp.full((1024,), times, jnp.int32), jnp.float32(0), jnp.bool_(times > 1000))
        after = dangers.learn_dangers(full, step_of(here, 0, died=True), 0, jnp.bool_(True))
        jax.tree.map(np.testing.assert_array_equal, after, full)
    unmoved = dangers.learn_dangers(dangers.no_dangers(0), step_of(here, 0, died=True), 0, jnp.bool_(False))
    jax.tree.map(np.testing.assert_array_equal, unmoved, dangers.no_dangers(0))


def test_agents_in_a_batch_leave_out_what_they_would_alone():
    """The batch goes one way for all, which is that of those whom something has killed often enough."""
    here, deaths = around(0, 1), [step_of(around(0, 1), 2, died=True)] * 3
    several = [lived(steps, 2) for steps in ([], deaths[:2], deaths)]
    assert [bool(known.any_deadly) for known in several] == [False, False, True]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *several)
    words = WORDS[:16]
    of_words = jax.vmap(dangers.safe_actions, (None, None, 0, None, None))
    got = jax.vmap(of_words, (0, None, None, None, None))(batch, here, words, 4, 2)
    alone = [[dangers.safe_actions(known, here, word, 4, 2) for word in words] for known in several]
    np.testing.assert_array_equal(got, np.asarray(alone))
    assert got[:2].all() and not got[2].all()


def test_numbers_tell_what_was_taken_what_killed_and_the_least_reward():
    """The order in which libraries on disk have them."""
    here = percept((1, 2), NOTHING)
    steps = [step_of(here, 0, reward=-2.0)] * 2 + [step_of(here, 0, died=True, reward=-9.0)] * 3
    taken, killed, least_reward = dangers.numbers_of(lived(steps, 0))
    assert [np.unique(numbers).tolist() for numbers in (taken, killed, least_reward)] == [[0, 5], [0, 3], [-2]]
    full = dangers.Dangers(jnp.full((1024,), 1000 * 2**16 + 1000, jnp.int32), jnp.float32(-0.1), jnp.bool_(True))
    jax.tree.map(np.testing.assert_array_equal, dangers.dangers_of(dangers.numbers_of(full)), full)


def test_the_memory_learns_from_each_step_that_counts():
    puppet = Puppet((4, 0), memory=CAUTION)
    here = percept((4, 0), NOTHING)
    for enabled in (True, False, True, True):
        assert puppet.memory.safe_actions(puppet.state, here, WORDS[5], 4).all()
        puppet.enter((4, 0), NOTHING, is_first=True)
        puppet.step((5, 0), 2, died=True, enabled=enabled)
        assert puppet.place == NEXT_START
    assert puppet.memory.safe_actions(puppet.state, here, WORDS[5], 4).tolist() == [True, True, False, True]
    proven = ProvenMemory(puppet.memory)
    state = proven.begin(here, proven.default_params())
    for used in (True, False):
        state = dataclasses.replace(state, inner=puppet.state, used=jnp.bool_(used))
        assert bool(proven.safe_actions(state, here, WORDS[5], 4)[2]) is not used
    assert DefaultMemory().safe_actions(Puppet((4, 0)).state, here, WORDS[5], 4) is None


@dataclasses.dataclass(frozen=True)
class Ridge:
    """Seven cells in a row; right leads to the goal at the end, left back, and off the ridge kills."""

    num_actions = 3
    default_params = None

    def reset(self, key, params):
        del params
        place = jax.random.randint(key, (), 0, 3)
        return place, place

    def step(self, key, state, action, params):
        del key, params
        place = jnp.clip(state + jnp.where(action == 1, 1, jnp.where(action == 2, -1, 0)), 0, 6)
        return place, place, jnp.where(place == 6, 1.0, 0.0), (place == 6) | (action == 0), False, {}


def perceive(obs, state, params):
    del params
    return Percept(state.rewarded[None], jnp.stack([6 - obs]).astype(jnp.float32), obs.astype(jnp.uint32))


def success(**settings):
    """Of exploration alone: hardly any skill is applied."""
    settings |= {"match_tolerance": 0.0, "retire_rate": 1.0}
    config, params = with_memory(Ridge(), perceive, max_steps=60, overrides=settings)
    return train(run_key(1000), config, params, num_agents=32, num_episodes=60).metrics.success[:, -20:].mean()


@pytest.mark.optimized
def test_an_agent_stops_falling_off():
    assert success(caution=False) < 0.3 and success() > 0.6
