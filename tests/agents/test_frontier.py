"""The frontier explorer in a small world written here in plain NumPy: rooms, a door, a key, a box."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import make_experiment
from procmem_jax.agents import frontier
from procmem_jax.agents.frontier import Frontier, FrontierParams
from procmem_jax.envs.foreign.grid_percept.survey import Survey
from procmem_jax.memory.protocol import Step
from procmem_jax.percept import Percept

AHEAD_OF = ((-1, 0), (0, 1), (1, 0), (0, -1))
NOTHING, WALL, DOOR, KEY, BOX = range(5)
ROOMS = """
#########
#...#...#
#.k.D.b.#
#...#...#
#########
"""
WAIT, LEFT, DROP, ONWARDS, TOGGLE, RIGHT, TAKE = range(7)
PERCEPT = Percept(jnp.zeros(1, jnp.bool_), jnp.zeros(1), jnp.uint32(0))
STEP = Step(PERCEPT, PERCEPT, jnp.int32(0), jnp.float32(0), *[jnp.bool_(False)] * 2, *[jnp.int32(0)] * 2)


class Rooms:
    """A grid of which an agent sees the cells at most two ahead and two aside. The door opens with the key in hand."""

    def __init__(self, picture=ROOMS, row=1, column=1, heading=2):
        self.cells = np.array([["#.Dkb".index(cell) for cell in line] for line in picture.split()])
        self.cells = np.array([WALL, NOTHING, DOOR, KEY, BOX])[self.cells]
        self.row, self.column, self.heading, self.carried = row, column, heading, NOTHING
        self.seen = np.zeros(self.cells.shape, bool)
        self.look()

    def look(self):
        rows, columns = np.indices(self.cells.shape)
        down, across = AHEAD_OF[self.heading]
        ahead = (rows - self.row) * down + (columns - self.column) * across
        aside = (rows - self.row) * across - (columns - self.column) * down
        self.seen |= (ahead >= 0) & (ahead <= 2) & (abs(aside) <= 2)

    def act(self, action):
        ahead = self.row + AHEAD_OF[self.heading][0], self.column + AHEAD_OF[self.heading][1]
        what = self.cells[ahead]
        self.heading = (self.heading + {RIGHT: 1, LEFT: 3}.get(action, 0)) % 4
        if action == ONWARDS and what == NOTHING:
            self.row, self.column = ahead
        elif action == TAKE and what in (KEY, BOX) and self.carried == NOTHING:
            self.cells[ahead], self.carried = NOTHING, what
        elif action == DROP and what == NOTHING and self.carried != NOTHING:
            self.cells[ahead], self.carried = self.carried, NOTHING
        elif action == TOGGLE and what == DOOR and self.carried == KEY:
            self.cells[ahead] = NOTHING
        self.look()

    def survey(self):
        known = np.where(self.seen, self.cells, WALL)
        things = np.isin(known, (DOOR, KEY, BOX))
        pose = (np.int32(number) for number in (self.row, self.column, self.heading))
        return Survey(*pose, known == NOTHING, ~self.seen, things, np.int32(self.carried))


POLICY = Frontier(7, (5, 9))


@functools.cache
def compiled(policy=POLICY):
    params = FrontierParams(wandering=0.1)
    everything = jnp.ones(7, jnp.bool_)

    def act(state, survey, word, legal=everything):
        return policy.act_legally(state, PERCEPT, survey, word, params, legal)

    observe = jax.jit(lambda state, ended: policy.observe(state, STEP, ended, params))
    return jax.jit(act), observe, policy.begin(params)


def explore(world, words, steps, state=None, until=lambda world: False, legal=None):
    """Returns (steps taken, state, actions) of exploring until something is so."""
    act, observe, fresh = compiled()
    state, actions = fresh if state is None else state, []
    while len(actions) < steps and not until(world):
        more = () if legal is None else (legal(world),)
        state, action = act(state, world.survey(), np.uint32(words.integers(2**32)), *more)
        actions.append(int(action))
        world.act(int(action))
        state = observe(state, jnp.bool_(False))
    return len(actions), state, actions


def opened_and_has_box(world):
    return world.carried == BOX


def test_takes_the_key_through_the_door_and_puts_it_down_for_the_box():
    taken, random_taken = [], []
    for seed in range(8):
        words = np.random.default_rng(seed)
        taken.append(explore(Rooms(), words, 1000, until=opened_and_has_box)[0])
        world, count = Rooms(), 0
        while not opened_and_has_box(world) and count < 1000:
            world.act(words.integers(7))
            count += 1
        random_taken.append(count)
    assert max(taken) < 400 and np.mean(taken) < 120, taken
    assert np.mean(random_taken) > 4 * np.mean(taken)


def test_a_second_episode_goes_straight_as_moves_are_known():
    words = np.random.default_rng(0)
    _, state, _ = explore(Rooms(), words, 1000, until=opened_and_has_box)
    moves = np.asarray(state.moves)
    assert list(moves.argmax(axis=1)) == [ONWARDS, RIGHT, LEFT, DROP]
    second = []
    for _ in range(8):
        state = compiled()[1](state, jnp.bool_(True))
        count, state, _ = explore(Rooms(), words, 1000, state, until=opened_and_has_box)
        second.append(count)
    assert np.mean(second) < 60, second


def test_all_of_an_empty_room_is_seen_soon():
    words = np.random.default_rng(1)
    room = "#########\n" + "#.......#\n" * 3 + "#########"
    _, state, _ = explore(Rooms(room), words, 60)
    seen = Rooms(room)
    state = compiled()[1](state, jnp.bool_(True))
    count, _, _ = explore(seen, words, 60, state, until=lambda world: world.seen[1:4, 1:8].all())
    assert count <= 15


def test_nothing_illegal_is_done_and_what_may_not_be_tried_counts_as_tried():
    words = np.random.default_rng(2)
    no_toggle = jnp.asarray(np.arange(7) != TOGGLE)
    _, _, actions = explore(Rooms(), words, 200, legal=lambda world: no_toggle)
    assert TOGGLE not in actions and TAKE in actions


def test_a_thing_put_down_where_nothing_is_left_is_not_taken_up_next():
    act, observe, state = compiled()
    world = Rooms(ROOMS.replace("D", "#"))
    words = np.random.default_rng(3)
    _, state, _ = explore(world, words, 100, state, until=lambda world: world.carried == KEY)
    _, state, _ = explore(world, words, 200, state, until=lambda world: world.carried == NOTHING)
    survey = world.survey()
    assert bool(state.gave_up)
    state, _ = act(state, survey, np.uint32(5 << 28))
    ahead = world.row + AHEAD_OF[world.heading][0], world.column + AHEAD_OF[world.heading][1]
    assert world.cells[ahead] == KEY and state.tried[(0, *ahead)] == 7


def test_moves_are_learned_only_of_its_own_actions():
    act, observe, state = compiled()
    world = Rooms()
    state, action = act(state, world.survey(), np.uint32(1))
    state = observe(observe(state, jnp.bool_(False)), jnp.bool_(False))  # another step came between
    world.act(RIGHT)
    state, _ = act(state, world.survey(), np.uint32(2))
    assert not np.asarray(state.moves).any()


def test_needs_a_percept_that_keeps_a_map():
    with pytest.raises(ValueError, match="explorer='frontier' needs a percept that keeps a map.*random"):
        make_experiment("random-5", explorer="frontier")


def test_each_of_a_batch_acts_as_it_does_alone():
    """Also where the ways of some are long and those of others short, as all of a batch search for as long as any."""
    act, _, state = compiled()
    words = np.random.default_rng(4)
    worlds, states = [Rooms() for _ in range(12)], []
    for number, world in enumerate(worlds):
        states.append(explore(world, words, 1 + 5 * number, state)[1])
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[world.survey() for world in worlds])
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    coins = words.integers(2**32, size=12).astype(np.uint32)
    found = jax.vmap(act)(together, stacked, coins)
    for number, world in enumerate(worlds):
        alone = act(states[number], world.survey(), coins[number])
        jax.tree.map(lambda one, many, n=number: np.testing.assert_array_equal(one, many[n]), alone, found)
    with jax.disable_jit():
        params = FrontierParams(wandering=0.1)
        plain = POLICY.act(states[3], PERCEPT, worlds[3].survey(), jnp.asarray(coins[3]), params)
    jax.tree.map(lambda one, many: np.testing.assert_array_equal(one, many[3]), plain, found)


def test_an_action_that_is_illegal_is_passed_over_so_that_all_is_tried_some_time():
    no_taking = jnp.asarray(np.arange(7) != TAKE)
    words, state = np.random.default_rng(5), compiled()[2]
    world, gave_up = Rooms(ROOMS.replace("D", "#")), False
    for _ in range(120):
        _, state, _ = explore(world, words, 1, state, legal=lambda world: no_taking)
        gave_up |= bool(state.gave_up)
    assert gave_up


def test_what_was_tried_counts_for_the_thing_in_hand_and_for_the_episode():
    state = dataclasses.replace(compiled()[2], tried=jnp.full((2, 5, 9), 7, jnp.int16), held=jnp.int32(KEY))
    state = dataclasses.replace(state, age=jnp.int32(3), carried=jnp.int32(KEY))
    world = Rooms()
    of_all = ((KEY, False, [7, 7]), (NOTHING, False, [7, 7]), (BOX, False, [7, 0]), (KEY, True, [0, 0]))
    for carried, ended, expected in of_all:
        world.carried = carried
        after = compiled()[1](state, jnp.bool_(ended))
        tried = frontier._still_tried(after, world.survey())
        assert tried[:, 0, 0].tolist() == expected
