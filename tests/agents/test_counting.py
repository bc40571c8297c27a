"""Explorers with a table: tick by tick against plain Python, ties, legality, saturation, the same in any batch."""

import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import RandomPolicy, make_experiment, run_key, train
from procmem_jax.agents.counting import LeastTried, NearestUntried, Table, TableParams
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.verbs import explore
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.memory.protocol import Step
from procmem_jax.percept import Percept
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams

NUM_ACTIONS, NUM_ROWS = 3, 4
POLICIES = [LeastTried(4), LeastTried(4, per_episode=True), NearestUntried(4), NearestUntried(4, per_episode=True)]
NAMES = ["counts", "counts per episode", "nearest", "nearest per episode"]
RATES = {"active": 0.9, "terminated": 0.05, "truncated": 0.05, "gave_up": 0.05}
WORDS = np.random.default_rng(0).integers(0, 2**32, 6000, np.uint32)


def sized(policy):
    return dataclasses.replace(policy, num_actions=NUM_ACTIONS)


def seen(fingerprint):
    return Percept(jnp.zeros(1, bool), jnp.zeros(1), jnp.asarray(fingerprint, jnp.uint32))


def step_of(before, action, after, terminated=False, truncated=False):
    return Step(
        seen(before), seen(after), jnp.int32(action), jnp.float32(0), jnp.bool_(terminated), jnp.bool_(truncated)
    )


def act_legally(policy, state, params, word, legal):
    return policy.act_legally(state, seen(9), None, word, params, legal)[1]


class PlainTable:
    """The same in plain Python: what is known of each row."""

    def __init__(self, policy):
        self.policy, self.rows = policy, {}

    def row(self, fingerprint):
        place = (fingerprint * 0x9E3779B1) % 2**32 // (2**32 // NUM_ROWS)
        return self.rows.setdefault(place, [0] * NUM_ACTIONS)

    def least(self, fingerprint):
        row = self.row(fingerprint)
        return {action for action in range(NUM_ACTIONS) if row[action] == min(row)}

    def observe(self, before, action, after, over, ended):
        row, nearest = self.row(before), min(self.row(after))
        one_more = row[action] + 1
        if isinstance(self.policy, NearestUntried) and not over:
            one_more = max(row[action], nearest + 1)
        row[action] = min(one_more, 65535)
        if ended and self.policy.per_episode:
            self.rows.clear()


@pytest.mark.parametrize("policy", POLICIES, ids=NAMES)
def test_against_plain_python(policy):
    """A walk of which some steps are a skill's, and some those of a frozen agent; some states share a row."""
    policy, params, rng = sized(policy), as_arrays(TableParams()), np.random.default_rng(3)
    ticks = {"word": WORDS[:400], "skill": rng.integers(-3, NUM_ACTIONS, 400)}
    ticks |= {name: rng.random(400) < rate for name, rate in RATES.items()}

    def tick(carry, now):
        state, at = carry
        known, chosen = policy.act(state, seen(at), None, now["word"], params)
        action = jnp.where(now["skill"] >= 0, now["skill"], chosen).astype(jnp.int32)
        after = (at * 2 + action.astype(jnp.uint32)) % 7
        ended = now["terminated"] | now["truncated"] | now["gave_up"]
        step = step_of(at, action, after, now["terminated"], now["truncated"])
        state = policy.observe_if(now["active"], known, step, ended, params)
        return (state, jnp.where(ended, jnp.uint32(0), after)), (at, chosen, action, after)

    start = (policy.begin(None), jnp.uint32(0))
    (state, _), lived = jax.jit(lambda: jax.lax.scan(tick, start, ticks))()
    plain = PlainTable(policy)
    for number, (at, chosen, action, after) in enumerate(zip(*(column.tolist() for column in lived), strict=True)):
        now = {name: bool(ticks[name][number]) for name in RATES}
        assert chosen in plain.least(at), number
        if now["active"]:
            over = now["terminated"] or now["truncated"]
            plain.observe(at, action, after, over, over or now["gave_up"])
    for fingerprint in range(7):
        assert policy._read(state, jnp.uint32(fingerprint)).tolist() == plain.row(fingerprint)


def test_ties_are_broken_evenly_among_the_legal():
    policy, params = sized(LeastTried(1)), as_arrays(TableParams())
    state = Table(jnp.array([[2, 1, 1]], jnp.uint16), None)
    choose = jax.jit(jax.vmap(functools.partial(act_legally, policy, state, params), in_axes=(0, None)))
    for legal, wanted in (([1, 1, 1], {1, 2}), ([1, 1, 0], {1}), ([1, 0, 0], {0})):
        counts = np.bincount(choose(WORDS, np.array(legal, bool)), minlength=3)
        assert set(np.flatnonzero(counts)) == wanted
        assert np.abs(counts[list(wanted)] - len(WORDS) / len(wanted)).max() < 200


@pytest.mark.parametrize("uniform", [0.0, 0.25, 1.0])
def test_uniform_is_the_share_of_random_actions(uniform):
    policy, params = sized(LeastTried(1)), as_arrays(TableParams(uniform))
    state = Table(jnp.array([[0, 1, 1]], jnp.uint16), None)
    actions = jax.jit(jax.vmap(lambda word: policy.act(state, seen(0), None, word, params)[1]))(WORDS)
    counts = np.bincount(actions, minlength=3)
    assert np.abs(counts - len(WORDS) * np.array([1 - uniform * 2 / 3, uniform / 3, uniform / 3])).max() < 200
    if uniform == 1.0:
        drawn = [RandomPolicy(NUM_ACTIONS).act((), None, None, word, None)[1] for word in WORDS[:20]]
        assert actions[:20].tolist() == [int(action) for action in drawn]


@pytest.mark.parametrize("policy", [LeastTried(1), NearestUntried(1)])
def test_entries_stop_at_the_largest_number(policy):
    policy = sized(policy)
    state = Table(jnp.full((1, 3), 65535, jnp.uint16), None)
    for over in (False, True):
        state = policy.observe_if(jnp.bool_(True), state, step_of(0, 1, 0, over), jnp.bool_(False), None)
        assert state.rows.tolist() == [[65535] * 3]
    assert {int(policy.act(state, seen(0), None, word, TableParams())[1]) for word in WORDS[:30]} == {0, 1, 2}


def test_a_row_that_is_not_of_this_episode_is_empty_also_after_65536():
    policy = sized(LeastTried(1, per_episode=True))
    state = Table(jnp.array([[7, 7, 7, 3]], jnp.uint16), jnp.uint16(65535))
    assert policy._read(state, jnp.uint32(0)).tolist() == [0, 0, 0]
    state = policy.observe_if(jnp.bool_(True), state, step_of(0, 1, 0), jnp.bool_(True), None)
    assert (state.rows.tolist(), int(state.episode)) == ([[0, 1, 0, 65535]], 0)


@pytest.mark.parametrize("rows", [3, 1000])
def test_table_rows_are_a_power_of_two(rows):
    with pytest.raises(ValueError, match=f"table_rows={rows} is no power of two; give [0-9]+ or [0-9]+"):
        LeastTried(rows).check(GridWorld(), TableParams())


def test_the_verbs_count_too():
    config, params = make_experiment("random-4", explorer="least-tried", use_skills=False)
    agent, params, streams = ProceduralAgent(config), as_arrays(params), open_streams(run_key(0))
    inputs = agent.make_inputs(0, 2)
    state = agent.begin(params, streams, inputs, 2)
    state, trajectory, _ = explore(agent, params, streams, inputs, state, max_steps=9)
    assert int(state.exploration.rows.sum()) == int(trajectory.length) > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "use_skills"), [(LeastTried(64, per_episode=True), False), (NearestUntried(64), True)]
)
def test_the_same_alone_and_among_many(policy, use_skills):
    config, params = make_experiment("random-3", explorer=policy, use_skills=use_skills, overrides={"uniform": 0.1})
    many = train(run_key(5), config, params, 21, 8)
    few = train(run_key(5), config, params, 3, 8, first_agent=9)
    chex.assert_trees_all_equal(jax.tree.map(lambda column: column[9:12], many.metrics), few.metrics)
