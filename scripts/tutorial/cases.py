"""Replays recorded cases of the tutorial's semantics: training runs with a taped explorer, and walks in the grid."""

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.agents import rollout
from procmem_jax.agents.exploration import TapePolicy, make_tape
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import AgentInputs, AgentState
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams
from procmem_jax.memory.naming import skill_name
from procmem_jax.memory.tutorial.embedding import CodeTables
from procmem_jax.memory.tutorial.memory import TutorialMemory
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams, run_key
from tutorial.case_files import check_training_case, check_walk

_CHUNK_TICKS = 256
_SMALLEST_TABLE = 4
_RECORDED_TRANSITIONS = 400
_DECIMALS = 6


def load_case(path: str | pathlib.Path) -> dict:
    """Returns the case in a JSON file, checked.

    Raises:
        ValueError: the file cannot be read, is not JSON, or is not a case of either kind.
    """
    try:
        case = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: cannot be read as JSON ({error}); give a case file") from None
    try:
        check = check_walk if isinstance(case, dict) and "rows" in case else check_training_case
        check(case)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return case


def replay_cases(cases: list[dict]) -> list[dict]:
    """Returns what each checked case's run gives, in order, shaped as the case's `expected` (or its `rows`).

    Training runs of one embedding size are run together, whatever their grid sizes and lengths.

    Raises:
        ValueError: a tape ran out.
    """
    results: list[dict | None] = [None] * len(cases)
    groups: dict[int, list[int]] = {}
    for index, case in enumerate(cases):
        if "rows" in case:
            results[index] = replay_walk(case)
        else:
            groups.setdefault(case["embedding_dim"], []).append(index)
    for indices in groups.values():
        for index, result in zip(indices, _replay_batch([cases[index] for index in indices]), strict=True):
            results[index] = result
    return [result for result in results if result is not None]


def replay_walk(case: dict) -> dict:
    """Returns {"rows": ...} of a walk with the actions of the case's rows, reset after each row that is done."""
    world = GridWorld("tutorial")
    params = as_arrays(world.default_params(size=case["size"], max_steps=0, door_pays_again=True))
    actions = np.asarray([row[0] for row in case["rows"]], np.int32)
    length = 1 << max(len(actions) - 1, 0).bit_length()  # few compiled lengths
    outcome = _walk(world, params, jnp.asarray(np.pad(actions, (0, length - len(actions)))))
    x, y, has_key, door_open, at_goal, reward, done = (np.asarray(column)[: len(actions)] for column in outcome)
    columns = [actions, x, y, has_key, door_open, at_goal]
    rows = [
        [*map(int, values), round(float(reward[t]), _DECIMALS), int(done[t])]
        for t, values in enumerate(zip(*columns, strict=True))
    ]
    return {"rows": rows}


def _walk(world: GridWorld, params: GridWorldParams, actions: jax.Array):
    first = world.reset_from_words(None, params)

    def step(state, action):
        state, reward, done, _, _ = world.step_from_words(None, state, action, params)
        at_goal = (state.x == state.layout.goal_x) & (state.y == state.layout.goal_y)
        row = (state.x, state.y, state.has_key, state.door_open, at_goal, reward, done)
        return jax.tree.map(lambda start, here: jnp.where(done, start, here), first, state), row

    return jax.lax.scan(step, first, actions)[1]


_walk = jax.jit(_walk, static_argnames="world")


def _replay_batch(cases: list[dict]) -> list[dict]:
    """Returns the results of training cases with one embedding size."""
    max_episodes = max(case["episodes"] for case in cases)
    tape_length = max(len(case["tape"]) for case in cases)
    largest = max(case["size"] for case in cases)
    memory = TutorialMemory(
        capacity=max_episodes, embedding_size=cases[0]["embedding_dim"], max_size=max(largest, _SMALLEST_TABLE)
    )
    agent = ProceduralAgent(Config(GridWorld("tutorial"), memory, TapePolicy()))
    params = _stack([as_arrays(_case_params(case, memory, tape_length)) for case in cases])
    inputs = _stack([_case_inputs(case, memory.max_size) for case in cases])
    streams = open_streams(run_key(0))
    state = rollout.begin_agents(agent, params, streams, inputs, num_recorded=max_episodes, batched_params=True)
    recorded = []
    fewest_left = True
    while fewest_left:
        state, transitions = rollout.record_ticks(
            agent, params, streams, inputs, state, num_ticks=_CHUNK_TICKS, batched_params=True
        )
        if len(recorded) * _CHUNK_TICKS < _RECORDED_TRANSITIONS:
            recorded.append(jax.device_get(transitions))
        fewest_left = bool(jnp.any(state.episode < inputs.num_episodes))
    final = jax.device_get(state)
    transitions = jax.tree.map(lambda *chunks: np.concatenate(chunks), *recorded)
    return [_result(case, index, final, transitions) for index, case in enumerate(cases)]


def _stack(records: list):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *records)


def _case_params(case: dict, memory: TutorialMemory, tape_length: int) -> Params:
    grid = GridWorldParams(size=case["size"], max_steps=0, door_pays_again=True)
    return Params(grid, memory.default_params(), make_tape(case["tape"], tape_length), step_budget=case["max_steps"])


def _case_inputs(case: dict, side: int) -> AgentInputs:
    position_codes = np.zeros((side, side), np.float32)
    position_codes[: case["size"], : case["size"]] = case["position_codes"]
    return AgentInputs(
        agent_id=jnp.zeros((), jnp.uint32),
        num_episodes=jnp.asarray(case["episodes"], jnp.int32),
        memory=CodeTables(jnp.asarray(position_codes), jnp.asarray(case["action_codes"], jnp.float32)),
    )


def _result(case: dict, index: int, final: AgentState, transitions) -> dict:
    """Returns the replayed run of the agent `index` in the form of the case's `expected`."""
    if final.exploration[index] > len(case["tape"]):
        raise ValueError(f"tape of {len(case['tape'])} entries ran out; give a longer tape")
    metrics = jax.tree.map(lambda column: column[index, : case["episodes"]], final.metrics)
    library = _library_rows(jax.tree.map(lambda leaf: leaf[index], final.memory.library))
    rates = [skill["success_count"] / max(skill["times_used"], 1) for skill in library]
    return {
        "per_episode": {
            "rewards": [round(float(value), _DECIMALS) for value in metrics.episode_return],
            "steps": metrics.steps.tolist(),
            "success": metrics.success.tolist(),
            "skills_learned": metrics.skills.tolist(),
            "skill_uses": metrics.skill_uses.tolist(),
        },
        "library": library,
        "stats": {
            "total_skills": len(library),
            "total_uses": sum(skill["times_used"] for skill in library),
            "avg_success_rate": sum(rates) / max(len(rates), 1),
        },
        "transitions": _transition_rows(jax.tree.map(lambda leaf: leaf[:, index], transitions)),
    }


def _library_rows(library) -> list[dict]:
    """Returns the skills of one library in the order in which they were stored."""
    slots = sorted(np.flatnonzero(library.used), key=lambda slot: library.skill_ids[slot])
    rows = []
    for slot in slots:
        length = int(library.lengths[slot])
        rows.append(
            {
                "name": skill_name(int(library.labels[slot]), length, GridWorld.predicate_names),
                "has_key": bool(library.pre_value[slot, 0]),
                "door_open": bool(library.pre_value[slot, 1]),
                "actions": library.actions[slot, :length].tolist(),
                "embedding": [round(float(value), _DECIMALS) for value in library.embeddings[slot]],
                "success_count": int(library.success_counts[slot]),
                "times_used": int(library.use_counts[slot]),
            }
        )
    return rows


def _transition_rows(transitions) -> list[list]:
    count = min(_RECORDED_TRANSITIONS, int(transitions.active.sum()))
    world = transitions.env_state
    return [
        [
            int(transitions.action[t]),
            [int(world.x[t]), int(world.y[t])],
            bool(world.has_key[t]),
            bool(world.door_open[t]),
            round(float(transitions.reward[t]), _DECIMALS),
            bool(transitions.terminated[t]),
        ]
        for t in range(count)
    ]
