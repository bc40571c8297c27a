"""`doorkey-N` beside MiniGrid's and XLand-MiniGrid's DoorKey: the same where their rules agree, and each difference."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.doorkey_minigrid import MiniGridPeer
from envs.doorkey_peers import (
    DOWN,
    FORWARD,
    LEFT,
    PICK_UP,
    PUT_DOWN,
    RIGHT,
    ROOM,
    TOGGLE,
    TURN_LEFT,
    TURN_RIGHT,
    UP,
    WAIT,
    Start,
    translate,
)
from envs.doorkey_xland import XLandPeer
from envs.worlds import layout_numbers, make_layout, make_state
from procmem_jax.envs.grid.actions import MOVE_LEFT, MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY
from procmem_jax.envs.grid.layouts import doorkey_layout
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.records import as_arrays
from quick import quick_first

WORLD = GridWorld("doorkey")
# Size 5: wall at x = 2 with the door at (2, 3); start (0, 0), key (1, 4), goal (4, 1).
LAYOUT = [0, 0, 1, 4, 2, 3, 4, 1, -1, -1]
_draw = jax.jit(jax.vmap(doorkey_layout, in_axes=(0, None)))


@functools.cache
def make_peer(kind):
    """The peer, made once; skips the test where its package is missing."""
    return kind()


@pytest.fixture(params=(MiniGridPeer, XLandPeer), ids=("minigrid", "xland"))
def peer(request):
    return make_peer(request.param)


def draw_layouts(seed, size, count):
    """Coordinates `[count, 10]`."""
    words = jnp.asarray(np.random.default_rng(seed).integers(0, 2**32, (count, 2), dtype=np.uint32))
    return layout_numbers(_draw((words[:, 0], words[:, 1]), jnp.int32(size)))


@functools.cache
def programs():
    """(step, script), jitted for batches."""

    def step(state, action, params):
        return WORLD.step_from_words(None, state, action, params)[:4]

    def script(state, params):
        return WORLD.scripted_action(WORLD.observe(state, params))

    return jax.jit(jax.vmap(step, in_axes=(0, 0, None))), jax.jit(jax.vmap(script, in_axes=(0, None)))


def read(state):
    """x, y, has_key, door_open, `[B, 4]` int."""
    return np.stack([state.x, state.y, state.has_key, state.door_open], axis=-1).astype(int)


def walk(seed, size, lanes=70, steps=60):
    """(layouts, actions `[B, T]`, states `[B, T + 1, 4]`, terminated `[B, T]`), now and then as the script would."""
    rng, params = np.random.default_rng(seed), as_arrays(WORLD.default_params(size=size))
    numbers = draw_layouts(seed, size, lanes)
    state = make_state(numbers[:, 0], numbers[:, 1], [False] * lanes, [False] * lanes, make_layout(numbers))
    scripted_share = np.resize((0.0, 0.4, 0.8), lanes)
    actions, states, terminated = [], [read(state)], []
    step, script = programs()
    for _ in range(steps):
        scripted, drawn = np.asarray(script(state, params)), rng.integers(0, 6, lanes)
        action = np.where((rng.random(lanes) < scripted_share) & (scripted >= 0), scripted, drawn)
        state, _, done, _ = step(state, jnp.asarray(action), params)
        actions.append(action)
        states.append(read(state))
        terminated.append(np.asarray(done))
    return numbers, *(np.stack(column, axis=1) for column in (actions, states, terminated))


def translate_walk(numbers, actions, states, terminated, heading):
    """(primitive actions, for each action until the end of the episode the index of the last one) of one lane."""
    primitives, ends = [WAIT], []
    states = [tuple(row) for row in states.tolist()]
    for index, action in enumerate(actions.tolist()):
        more, heading = translate(action, states[index], states[index + 1], heading, numbers.tolist())
        primitives += more
        ends.append(len(primitives) - 1)
        if terminated[index]:
            break
    return primitives, ends


def pad(lanes):
    width = max(map(len, lanes))
    return np.array([lane + [WAIT] * (width - len(lane)) for lane in lanes])


def expect(numbers, states, terminated):
    """What a peer should be like: its agent carries the key also on the cell of one that is not taken here."""
    on_key = np.all(states[..., :2] == np.asarray(numbers)[..., 2:4], axis=-1)
    x, y, has_key, door_open = np.moveaxis(states, -1, 0)
    return np.stack([x, y, has_key | on_key, door_open, terminated], axis=-1)


# Where the rules agree


@pytest.mark.parametrize("size", quick_first((5, *(pytest.param(size, marks=pytest.mark.slow) for size in (6, 8)))))
def test_walks_agree_after_every_action(peer, size):
    numbers, actions, states, terminated = walk(size, size)
    headings = np.random.default_rng(size).integers(0, 4, len(numbers)).tolist()
    lanes = [translate_walk(*lane) for lane in zip(numbers, actions, states, terminated, headings, strict=True)]
    starts = [Start(*row[:2], False, False, heading) for row, heading in zip(numbers.tolist(), headings, strict=True)]
    trace = peer.play(size, numbers, starts, pad([primitives for primitives, _ in lanes]))
    for lane, (_, ends) in enumerate(lanes):
        wanted = expect(numbers[lane], states[lane, 1 : len(ends) + 1], terminated[lane, : len(ends)])
        assert trace.states[lane, ends].tolist() == wanted.tolist(), (numbers[lane], actions[lane])
    assert_walks_cover(numbers, actions, states, terminated)


def assert_walks_cover(numbers, actions, states, terminated):
    """Each thing that a walk may meet was met, before the end of an episode."""
    before, after = states[:, :-1], states[:, 1:]
    alive = np.cumsum(terminated, axis=1) - terminated == 0
    key, door = numbers[:, None, 2:4], numbers[:, None, 4:6]
    on_key = np.all(before[..., :2] == key, axis=-1) & (before[..., 2] == 0)
    moved = np.any(before[..., :2] != after[..., :2], axis=-1)
    at_door = np.abs(before[..., :2] - door).sum(axis=-1) == 1
    into_door = at_door & (actions == MOVE_RIGHT) & (before[..., 0] < door[..., 0])
    opens = at_door & (actions == OPEN_DOOR)
    met = {
        "goal": terminated,
        "key taken": after[..., 2] > before[..., 2],
        "key walked over": on_key & moved,
        "bump with a key below": on_key & ~moved & (actions < PICKUP_KEY),
        "pickup beside the key": (np.abs(before[..., :2] - key).sum(-1) == 1) & (actions == PICKUP_KEY),
        "door shut, no key": into_door & (before[..., 2] == 0),
        "door shut, key": into_door & (before[..., 2] == 1) & (before[..., 3] == 0),
        "door walked through": (after[..., 0] > door[..., 0]) & (before[..., 0] == door[..., 0]),
        "back through the door": (after[..., 0] < door[..., 0]) & (before[..., 0] == door[..., 0]),
        "no key to open with": opens & (before[..., 2] == 0),
        "door opened": after[..., 3] > before[..., 3],
    }
    counts = {name: int(np.sum(mask & alive)) for name, mask in met.items()}
    assert min(counts.values()) > 0, counts


@pytest.mark.parametrize("numbers", quick_first((LAYOUT, [0, 2, 0, 3, 1, 3, 2, 3, -1, -1])))
def test_every_action_from_every_cell_and_heading_agrees(peer, numbers):
    """Also right of the closed door, where only the end on the goal differs."""
    rows = []
    for x, y, has_key, door_open in itertools.product(range(5), range(5), (0, 1), (0, 1)):
        stands = (x != numbers[4] or (y == numbers[5] and door_open)) and [x, y] != numbers[6:8]
        if stands:
            rows += [(x, y, has_key, door_open, *rest) for rest in itertools.product(range(6), range(4))]
    *columns, actions, headings = np.array(rows).T
    batch = make_layout(np.broadcast_to(np.array(numbers), (len(rows), 10)))
    before = make_state(*columns, batch)
    after, _, terminated, _ = programs()[0](before, jnp.asarray(actions), as_arrays(WORLD.default_params(size=5)))
    starts, lanes = [], []
    for (x, y, has_key, door_open, action, heading), new in zip(rows, read(after).tolist(), strict=True):
        primitives, _ = translate(action, (x, y, has_key, door_open), tuple(new), heading, numbers)
        starts.append(Start(x, y, bool(has_key) or [x, y] == numbers[2:4], bool(door_open), heading))
        lanes.append([WAIT, *primitives])
    trace = peer.play(5, [numbers] * len(rows), starts, pad(lanes))
    states = read(after)
    on_goal = np.all(states[:, :2] == numbers[6:8], axis=-1)
    wanted = expect(numbers, states, np.asarray(terminated) | (on_goal & (states[:, 3] == 0)))
    assert np.sum(terminated) > 0
    different = np.any(trace.states[:, -1] != wanted, axis=-1)
    assert not np.any(different), [(rows[i], trace.states[i, -1], wanted[i]) for i in np.flatnonzero(different)[:5]]


# Where they differ, in the order of the table of doorkey_peers.py


def ours(actions, cell, has_key=False, door_open=False):
    """(x, y, has_key, door_open, terminated) after each action in the world of `LAYOUT`."""
    state = jax.tree.map(lambda leaf: leaf[None], make_state(*cell, has_key, door_open, make_layout(LAYOUT)))
    rows = []
    for action in actions:
        state, _, terminated, _ = programs()[0](state, jnp.array([action]), as_arrays(WORLD.default_params(size=5)))
        rows.append((*read(state)[0].tolist(), int(terminated[0])))
    return rows


def theirs(peer, primitives, cell, heading, carries=False, door_open=False):
    """The same of a peer."""
    trace = peer.play(5, [LAYOUT], [Start(*cell, carries, door_open, heading)], [primitives])
    return [tuple(row) for row in trace.states[0].astype(int).tolist()]


def test_they_count_the_walls_in_n_and_start_at_5():
    grid, env = make_peer(XLandPeer).first.state.grid[..., 0], make_peer(MiniGridPeer).env
    wall = make_peer(XLandPeer).tiles.WALL
    for row, column in itertools.product(range(ROOM + 2), range(ROOM + 2)):
        if {0, ROOM + 1} & {row, column}:
            assert np.all(grid[:, row, column] == wall) and env.grid.get(column, row).type == "wall"
    gymnasium, xminigrid = pytest.importorskip("gymnasium"), pytest.importorskip("xminigrid")
    for names in (gymnasium.registry, xminigrid.registered_environments()):
        sizes = [name.split("-")[2].split("x") for name in names if name.startswith("MiniGrid-DoorKey-")]
        assert min(int(size) for size, _ in sizes) == 5
    with pytest.raises(ValueError, match="below 5"):
        WORLD.default_params(size=4)


def test_their_agent_turns_and_walks_forward(peer):
    assert ours([MOVE_RIGHT], (0, 0))[0][:2] == (1, 0)
    rows = theirs(peer, [TURN_RIGHT, FORWARD, TURN_RIGHT, TURN_RIGHT, FORWARD, TURN_LEFT, FORWARD], (0, 0), UP)
    assert [row[:2] for row in rows] == [(0, 0), (1, 0), (1, 0), (1, 0), (0, 0), (0, 0), (0, 0)]


def test_their_key_blocks_and_is_taken_from_beside_it(peer):
    rows = theirs(peer, [FORWARD, PICK_UP, FORWARD], (1, 3), UP)
    assert [row[:3] for row in rows] == [(1, 3, 0), (1, 3, 1), (1, 4, 1)]
    assert theirs(peer, [PICK_UP], (1, 3), LEFT)[0][2] == 0
    assert [row[:3] for row in ours([PICKUP_KEY, MOVE_UP, PICKUP_KEY], (1, 3))] == [(1, 3, 0), (1, 4, 0), (1, 4, 1)]


def test_their_key_can_be_put_down_where_ours_stays_in_hand(peer):
    rows = theirs(peer, [PUT_DOWN, FORWARD, PICK_UP, FORWARD], (0, 0), UP, carries=True)
    assert [row[:3] for row in rows] == [(0, 0, 0), (0, 0, 0), (0, 0, 1), (0, 1, 1)]
    assert all(row[2] == 1 for action in range(WORLD.num_actions) for row in ours([action], (0, 0), has_key=True))


def test_their_door_must_be_faced(peer):
    assert theirs(peer, [TOGGLE], (1, 3), UP, carries=True)[0][3] == 0
    assert theirs(peer, [TOGGLE], (1, 3), RIGHT, carries=True)[0][3] == 1
    assert [row[3] for row in ours([MOVE_UP, OPEN_DOOR], (1, 2), has_key=True)] == [0, 1]


def test_their_door_closes_again_and_then_opens_without_the_key(peer):
    primitives = [TOGGLE, FORWARD, TURN_LEFT, PUT_DOWN, TURN_RIGHT, TOGGLE, FORWARD]
    rows = theirs(peer, primitives, (1, 3), RIGHT, carries=True, door_open=True)
    assert [row[2:4] for row in rows] == [(1, 0), (1, 0), (1, 0), (0, 0), (0, 0), (0, 1), (0, 1)]
    assert [row[:2] for row in rows] == [(1, 3)] * 6 + [(2, 3)]
    assert [row[3] for row in ours([OPEN_DOOR] * 3, (1, 3), has_key=True)] == [1, 1, 1]


def test_their_goal_does_not_need_the_open_door(peer):
    to_goal = [TURN_LEFT, TURN_LEFT, TOGGLE, TURN_LEFT, FORWARD, FORWARD, TURN_LEFT, FORWARD]
    rows = theirs(peer, to_goal, (3, 3), RIGHT, carries=True, door_open=True)
    assert [row[3:] for row in rows] == [(1, 0)] * 2 + [(0, 0)] * 5 + [(0, 1)]
    assert ours([MOVE_RIGHT], (3, 1), has_key=True)[0] == (4, 1, 1, 0, 0)
    assert ours([MOVE_RIGHT], (3, 1), has_key=True, door_open=True)[0] == (4, 1, 1, 1, 1)


def test_on_the_goal_ours_ends_whatever_the_action_and_theirs_by_walking(peer):
    assert [row[4] for row in ours([PICKUP_KEY, OPEN_DOOR, MOVE_RIGHT], (4, 1), door_open=True)] == [1, 1, 1]
    in_vain = isinstance(peer, XLandPeer)
    rows = theirs(peer, [TURN_LEFT, TURN_RIGHT, PICK_UP, FORWARD], (4, 1), RIGHT, door_open=True)
    assert [row[4] for row in rows] == [0, 0, 0, in_vain]
    assert {row[:2] for row in rows} == {(4, 1)}


def test_where_their_layouts_stand(peer):
    drawn, numbers = peer.draw(256), draw_layouts(0, ROOM, 256)
    columns, rows = set(range(1, ROOM - 1)), set(range(ROOM))
    assert set(drawn.door[:, 0].tolist()) == columns == set(numbers[:, 4].tolist())
    assert set(drawn.door[:, 1].tolist()) == rows - {0}
    assert set(numbers[:, 5].tolist()) == rows
    assert np.all(drawn.goal == (ROOM - 1, 0))
    assert len({tuple(goal) for goal in numbers[:, 6:8].tolist()}) > 30
    assert np.all(numbers[:, 6] > numbers[:, 4])
    assert set(drawn.heading.tolist()) == {UP, RIGHT, DOWN, LEFT}
    for agent, key, door in ((drawn.agent, drawn.key, drawn.door), (numbers[:, :2], numbers[:, 2:4], numbers[:, 4:6])):
        assert np.all((agent[:, 0] < door[:, 0]) & (key[:, 0] < door[:, 0]) & np.any(agent != key, axis=1))
        assert set(agent[:, 1].tolist()) == set(key[:, 1].tolist()) == rows


def test_their_rewards_and_time_limit(peer):
    limit = 10 * (ROOM + 2) ** 2
    starts = [Start(3, 1, True, True, RIGHT, step) for step in (0, 9, limit - 1)]
    trace = peer.play(5, [LAYOUT] * 3, starts, [[FORWARD]] * 3)
    np.testing.assert_allclose(trace.rewards[:, 0], [1 - 0.9 / limit, 1 - 9 / limit, 0.1], rtol=1e-6)
    assert trace.states[:, 0, 4].tolist() == [1, 1, 1] and trace.truncated[:, 0].tolist() == [False, False, True]
    path = [FORWARD, PICK_UP, TURN_RIGHT, TOGGLE, FORWARD]
    trace = peer.play(5, [LAYOUT], [Start(1, 2, False, False, UP, limit - 5)], [path])
    assert trace.states[0, -1].astype(int).tolist() == [2, 3, 1, 1, 0]
    assert trace.rewards[0].tolist() == [0] * 5 and trace.truncated[0].tolist() == [False] * 4 + [True]


def test_our_rewards():
    before = make_state(
        [1, 1, 3, 3], [4, 3, 1, 1], [False, True, True, True], [False, False, True, True], make_layout([LAYOUT] * 4)
    )
    actions = jnp.array([PICKUP_KEY, OPEN_DOOR, MOVE_RIGHT, MOVE_LEFT])
    rewards = programs()[0](before, actions, as_arrays(WORLD.default_params(size=5)))[1]
    np.testing.assert_allclose(rewards, [1, 2, 10, -0.1], rtol=1e-6)


@pytest.mark.parametrize(("size", "limit"), ((5, 100), (8, 256)))
def test_our_time_limit_and_the_goal_on_the_last_step(size, limit):
    last, earlier = (
        make_state([3, 3], [1, 1], [True] * 2, [True] * 2, make_layout([LAYOUT] * 2), step=step)
        for step in (limit - 1, limit - 2)
    )
    actions, params = jnp.array([MOVE_RIGHT, MOVE_UP]), as_arrays(WORLD.default_params(size=size))
    for before, truncates in ((last, True), (earlier, False)):
        _, _, terminated, truncated = programs()[0](before, actions, params)
        assert terminated.tolist() == [True, False] and truncated.tolist() == [False, truncates]


def test_actions_outside_the_range():
    for action in (-1, 6, 99):
        assert ours([action], (1, 3), has_key=True) == [(1, 3, 1, 0, 0)]
    for action in (6, 99):
        assert theirs(make_peer(XLandPeer), [action], (1, 3), RIGHT, carries=True) == [(1, 3, 1, 1, 0)]
    with pytest.raises(ValueError, match="Unknown action"):
        make_peer(MiniGridPeer).env.step(7)


def test_their_views():
    assert make_peer(MiniGridPeer).env.gen_obs()["image"].shape == (7, 7, 3)
    assert make_peer(XLandPeer).first.observation.shape[1:] == (7, 7, 2)
    assert len(WORLD.observation_names) == 13
