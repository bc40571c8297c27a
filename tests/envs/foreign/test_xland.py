"""XLand-MiniGrid: steps as its own, what is perceived on a drawn grid, shortest ways, and that the memory helps."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.shortest_door_key import shortest_episodes, shortest_steps
from peer_rules import peer_rules
from procmem_jax import make_experiment, run_key, train
from procmem_jax.envs.foreign.peers import make_peer
from procmem_jax.envs.foreign.xland import XLandPercept
from quick import quick_first

xminigrid = pytest.importorskip("xminigrid")
pytestmark = pytest.mark.usefixtures("lenient")

TASK = "xland:MiniGrid-DoorKey-5x5"
TILES = {"#": 2, ".": 1, "K": 7, "D": 8, "C": 9, "O": 10, "G": 6}
ROOMS = """
#######
#...#.#
#.K.D.#
#...#.#
#...#G#
#...#.#
#######
"""


def draw(picture):
    return np.array([[TILES[tile] for tile in row] for row in picture.split()], np.uint8)


class Drawn:
    """An agent in a drawn grid: (row, column), heading 0 up, 1 right, 2 down, 3 left."""

    def __init__(self, picture=ROOMS, position=(3, 1), heading=0, pocket=0):
        env, params = xminigrid.make("MiniGrid-DoorKey-8x8", view_size=7)
        self.world = make_peer(TASK)[0]
        timestep = env.reset(params, jax.random.key(0))
        tiles = draw(picture)
        grid = jnp.stack([jnp.asarray(tiles), jnp.full(tiles.shape, 5, jnp.uint8)], axis=-1)
        agent = timestep.state.agent.replace(
            position=jnp.array(position), direction=jnp.array(heading), pocket=jnp.array([pocket, 5], jnp.uint8)
        )
        self.timestep = timestep.replace(state=timestep.state.replace(grid=grid, agent=agent))
        self.env, self.params = env, params.replace(height=tiles.shape[0], width=tiles.shape[1])
        self.notes = None

    def percept(self):
        from xminigrid.core.observation import transparent_field_of_view as look

        from procmem_jax.envs import AdaptedState

        no, perceive = jnp.zeros((), jnp.bool_), XLandPercept()
        state = AdaptedState(self.timestep, no, no, jnp.zeros((), jnp.int32))
        obs = look(self.timestep.state.grid, self.timestep.state.agent, 7, 7)
        self.notes = perceive.take_notes(obs, state, self.notes, None)
        return perceive(obs, dataclasses.replace(state, notes=self.notes), None)

    def act(self, action):
        self.timestep = self.env.step(self.params, self.timestep, jnp.int32(action))
        return self.percept()


@pytest.mark.parametrize(
    ("position", "heading", "offset", "blocked"),
    quick_first(
        [  # blocked: ahead, right, left, ahead on the right, ahead on the left
            ((4, 2), 0, (2, 0), (0, 0, 0, 0, 0)),
            ((4, 2), 1, (0, -2), (0, 0, 0, 0, 0)),
            ((4, 2), 2, (0, 0), (0, 0, 0, 0, 0)),  # the key is behind, and was never seen
            ((4, 2), 3, (0, 2), (0, 0, 0, 0, 0)),
            ((2, 3), 3, (1, 0), (1, 0, 0, 0, 0)),  # the key is in the way
            ((2, 1), 1, (1, 0), (1, 0, 0, 0, 0)),
            ((1, 1), 0, (0, 0), (1, 0, 1, 1, 1)),
            ((1, 1), 1, (1, 1), (0, 0, 1, 1, 1)),
            ((3, 3), 1, (0, 0), (1, 0, 0, 1, 1)),
        ]
    ),
)
def test_the_context_is_egocentric(position, heading, offset, blocked):
    percept = Drawn(position=position, heading=heading).percept()
    assert percept.context.tolist() == [*offset, *blocked]
    assert percept.predicates.tolist() == [False, False, False]


@pytest.mark.slow
def test_what_was_seen_is_remembered_as_the_agent_turns_and_walks():
    agent = Drawn(position=(4, 2), heading=0)
    assert agent.percept().context.tolist()[:2] == [2, 0]
    assert agent.act(1).context.tolist()[:2] == [0, -2]  # turned to the right
    assert agent.act(1).context.tolist()[:2] == [-2, 0]  # now it is behind
    assert agent.act(0).context.tolist()[:2] == [-3, 0]
    assert agent.act(1).context.tolist()[:2] == [0, 3]
    assert Drawn(position=(5, 2), heading=2).percept().context.tolist()[:2] == [0, 0]


@pytest.mark.slow
def test_a_key_put_down_elsewhere_is_looked_for_there():
    agent = Drawn(ROOMS.replace("K", "."), position=(4, 2), heading=1, pocket=7)
    agent.percept()
    assert agent.act(4).context.tolist()[:2] == [1, 0]  # it lies ahead
    assert agent.act(2).context.tolist()[:2] == [0, 1]


def test_the_target_is_the_next_thing():
    with_key = ROOMS.replace("K", ".")
    at_door = Drawn(with_key, position=(2, 3), heading=1, pocket=7)
    assert at_door.percept().context.tolist()[:3] == [1, 0, 1]
    assert at_door.percept().predicates.tolist() == [True, False, False]
    opened = at_door.act(5)
    assert opened.predicates.tolist() == [True, True, False]
    assert opened.context.tolist()[:3] == [2, 2, 0]  # the goal, seen past the wall
    dropped = Drawn(with_key.replace("D", "O"), position=(3, 1), heading=0)
    assert dropped.percept().predicates.tolist() == [True, True, False]  # the key is needed no more
    shut = Drawn(with_key.replace("D", "C"), position=(2, 3), heading=1, pocket=7)
    assert shut.percept().predicates.tolist() == [True, False, False]


@pytest.mark.slow
def test_fingerprints_tell_all_that_matters_apart():
    cases = [
        *(Drawn(position=position, heading=heading) for position in ((3, 1), (3, 2), (4, 1)) for heading in range(4)),
        Drawn(ROOMS.replace("K", "."), pocket=7),
        Drawn(ROOMS.replace("K", ".").replace("D", "O"), pocket=7),
        Drawn(ROOMS.replace("K.", ".K")),
        Drawn(ROOMS.replace("K", ".")),
    ]
    assert len({int(case.percept().fingerprint) for case in cases}) == len(cases)
    assert int(Drawn().percept().fingerprint) == int(Drawn().percept().fingerprint)


@pytest.mark.slow
def test_steps_are_its_own_without_a_reset():
    world, _ = make_peer(TASK)
    env, params = xminigrid.make("MiniGrid-DoorKey-5x5")
    words = (jnp.uint32(1), jnp.uint32(2))
    state = jax.jit(lambda: world.begin(words, None))()
    timestep = state.adapted.env
    ours = jax.jit(lambda state, action: world.step_from_words(words, state, action, None))
    theirs = jax.jit(lambda timestep, action: env.step(params, timestep, action))
    actions = np.random.default_rng(0).integers(0, 6, 251)
    for number, action in enumerate(actions):
        state, reward, terminated, truncated, _ = ours(state, action)
        timestep = theirs(timestep, action)
        unkeyed = [one.replace(state=one.state.replace(key=None)) for one in (state.adapted.env, timestep)]
        jax.tree.map(np.testing.assert_array_equal, *unkeyed)
        assert float(reward) == float(timestep.reward) and bool(terminated) == (float(timestep.discount) == 0)
        assert bool(truncated) == (number >= 249)
    assert int(state.adapted.env.state.step_num) == 251  # it went on


def test_its_picture():
    """Where the agent stands there is red, and the picture is its own package's."""
    world, params = make_peer(TASK)
    env, env_params = xminigrid.make("MiniGrid-DoorKey-5x5", render_mode="rgb_array")
    state = jax.device_get(jax.jit(lambda: world.begin((jnp.uint32(1), jnp.uint32(2)), None))())
    picture = world.picture(state, params)
    np.testing.assert_array_equal(picture, env.render(env_params, state.adapted.env))
    row, column = state.adapted.env.state.agent.position
    assert picture.shape == (160, 160, 3) and picture[32 * row + 16, 32 * column + 16].argmax() == 0


def test_shortest_ways_by_hand():
    grid = draw(ROOMS)
    # forward, right (or left), take, forward twice, right ... each step counted on paper
    assert shortest_steps(grid, (2, 1), 1) == 1 + 2 + 1 + 2 + 1 + 2
    assert shortest_steps(grid, (2, 1), 3) == 2 + 1 + 2 + 1 + 2 + 1 + 2
    with pytest.raises(ValueError, match="cannot be reached"):
        shortest_steps(draw(ROOMS.replace("D", "#")), (2, 1), 1)


@pytest.fixture(scope="module")
def runs():
    with peer_rules():
        return {
            use: train(run_key(1000), *make_experiment(TASK, use_skills=use), 24, 50).metrics for use in (False, True)
        }


@pytest.mark.slow
def test_the_memory_helps(runs):
    without, with_it = (runs[use] for use in (False, True))
    assert with_it.success[:, -20:].mean() > 0.95
    assert without.success[:, -20:].mean() < 0.25
    assert with_it.steps[:, -20:].mean() < 0.2 * without.steps[:, -20:].mean()


@pytest.mark.slow
def test_no_episode_is_shorter_than_the_shortest_way(runs):
    config, params = make_experiment(TASK)
    agents, episodes = jnp.arange(24, dtype=jnp.uint32), jnp.arange(30, 50, dtype=jnp.int32)
    shortest = shortest_episodes(run_key(1000), config, params, agents, episodes)
    assert (runs[True].steps[:, 30:] >= shortest).all()
    assert (runs[True].steps[:, 30:] == shortest).mean() > 0.2
