"""Shortest ways in XLand-MiniGrid's DoorKey worlds, by breadth-first search in plain Python."""

from collections import deque

import jax
import numpy as np

from procmem_jax.agents import ProceduralAgent
from procmem_jax.envs.foreign.xland import XLAND_TILES
from procmem_jax.streams import open_streams

HEADINGS = ((-1, 0), (0, 1), (1, 0), (0, -1))


def shortest_steps(grid: np.ndarray, position: tuple[int, int], heading: int) -> int:
    """Returns the fewest steps to the goal.

    Args:
        grid: `[H, W]` tiles; one key, one locked door, one goal.
        position: (row, column) of the agent.
        heading: 0 up, 1 right, 2 down, 3 left.

    Raises:
        ValueError: the goal cannot be reached.
    """
    start = (*position, heading, False, False)
    queue, seen = deque([(start, 0)]), {start}
    while queue:
        state, steps = queue.popleft()
        if grid[state[:2]] == XLAND_TILES.goal:
            return steps
        for following in _following(grid, state):
            if following not in seen:
                seen.add(following)
                queue.append((following, steps + 1))
    raise ValueError("the goal cannot be reached; give a solvable grid")


def _following(grid: np.ndarray, state: tuple):
    row, column, heading, has_key, door_open = state
    yield row, column, (heading + 1) % 4, has_key, door_open
    yield row, column, (heading - 1) % 4, has_key, door_open
    ahead = row + HEADINGS[heading][0], column + HEADINGS[heading][1]
    tile = grid[ahead]
    is_key, is_door = tile == XLAND_TILES.key, tile in XLAND_TILES.shut_doors
    if is_key and not has_key:
        yield row, column, heading, True, door_open
    if is_door and has_key:
        yield row, column, heading, has_key, True
    if tile in XLAND_TILES.free or (is_key and has_key) or (is_door and door_open):
        yield *ahead, heading, has_key, door_open


def shortest_episodes(key: jax.Array, config, params, agents: jax.Array, episodes: jax.Array) -> np.ndarray:
    """Returns the fewest steps of the given agents' given episodes, `[A, E]`, their layouts drawn again.

    Args:
        key: of the run.
        config, params: of the run.
        agents: `[A]` uint32.
        episodes: `[E]` int32.
    """
    agent, streams = ProceduralAgent(config), open_streams(key)

    def first_state(number, episode):
        inputs = agent.make_inputs(number, 1)
        world = agent.environment.begin(agent.draw_layout(params, streams, inputs, episode), params.environment)
        state = world.adapted.env.state
        return state.grid[..., 0], state.agent.position, state.agent.direction

    of_agent = jax.vmap(first_state, in_axes=(None, 0))
    grids, positions, headings = jax.device_get(jax.jit(jax.vmap(of_agent, in_axes=(0, None)))(agents, episodes))
    found: dict[tuple, int] = {}

    def shortest(agent: int, episode: int) -> int:
        place = tuple(positions[agent, episode].tolist())
        case = (grids[agent, episode].tobytes(), place, int(headings[agent, episode]))
        if case not in found:
            found[case] = shortest_steps(grids[agent, episode], *case[1:])
        return found[case]

    return np.array([[shortest(a, e) for e in range(len(episodes))] for a in range(len(agents))])
