"""The plain reference against the oracle files and against numbers worked out by hand."""

import itertools
import json
import random
from math import sqrt
from pathlib import Path

import pytest

from plain_tutorial import (
    MOVE_DOWN,
    MOVE_LEFT,
    MOVE_RIGHT,
    MOVE_UP,
    OPEN_DOOR,
    PICKUP_KEY,
    SCRIPTED,
    TUTORIAL_TARGET,
    PlainAgent,
    PlainSkill,
    PlainWorld,
    Tape,
    case_with_expected,
    cosine,
    random_case,
    random_walk,
    replay,
    scripted_choice,
)

ORACLE_FILES = sorted((Path(__file__).parent / "data" / "oracle").glob("*.json"))
TO_KEY = [MOVE_RIGHT, MOVE_RIGHT, MOVE_UP, MOVE_UP, PICKUP_KEY]
KEY_TO_DOOR = [MOVE_RIGHT, MOVE_UP, OPEN_DOOR]


def explore_by_script(world):
    return scripted_choice(world, TUTORIAL_TARGET)


def make_agent(size=5, explore=explore_by_script, **kwargs):
    """An agent whose codes are all different, and none of them zero."""
    position_codes = [[(1 + size * x + y) / 1000 for y in range(size)] for x in range(size)]
    action_codes = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    return PlainAgent(PlainWorld(size), position_codes, action_codes, explore=explore, **kwargs)


def play(world, actions):
    """The reward and done of each action."""
    return [world.step(action) for action in actions]


def assert_matches(actual, expected, where="case"):
    """Integers, booleans and texts exactly, floats to 1e-5, as the oracle's README asks."""
    if isinstance(expected, dict):
        assert set(actual) == set(expected), where
        for name in expected:
            assert_matches(actual[name], expected[name], f"{where}.{name}")
    elif isinstance(expected, list):
        assert len(actual) == len(expected), where
        for index, (left, right) in enumerate(zip(actual, expected, strict=True)):
            assert_matches(left, right, f"{where}[{index}]")
    elif isinstance(expected, float):
        assert actual == pytest.approx(expected, abs=1e-5), where
    else:
        assert type(actual) is type(expected), where
        assert actual == expected, where


# Oracle files


def test_all_oracle_files_are_here():
    kinds = [path.name.split("_")[0] for path in ORACLE_FILES]
    assert kinds == ["env"] * 4 + ["tutorial"] * 6


@pytest.mark.parametrize("path", ORACLE_FILES, ids=lambda path: path.stem)
def test_replay_gives_the_oracle(path):
    case = json.loads(path.read_text())
    expected = {"rows": case["rows"]} if "rows" in case else case["expected"]
    assert_matches(replay(case), expected)


# World


def test_walls_stop_the_agent_at_all_four_sides():
    world = PlainWorld(3, start=(1, 1))
    corners = []
    for action in (MOVE_UP, MOVE_RIGHT, MOVE_DOWN, MOVE_LEFT):
        assert play(world, [action] * 4) == [(-0.1, False)] * 4
        corners.append((world.x, world.y))
    assert corners == [(1, 2), (2, 2), (2, 0), (0, 0)]


def test_key_is_picked_once_and_only_where_it_lies():
    world = PlainWorld(5)
    assert play(world, [PICKUP_KEY]) == [(-0.1, False)]
    assert not world.has_key
    assert play(world, TO_KEY)[-1] == (1.0, False)
    assert play(world, [PICKUP_KEY]) == [(-0.1, False)]
    assert world.state() == (2, 2, True, False)


def test_door_needs_the_key_and_pays_at_every_opening():
    world = PlainWorld(5, start=(3, 3))
    assert play(world, [OPEN_DOOR]) == [(-0.1, False)]
    assert not world.door_open
    play(world, [MOVE_LEFT, MOVE_DOWN, PICKUP_KEY])
    assert play(world, [*KEY_TO_DOOR, OPEN_DOOR])[2:] == [(2.0, False), (2.0, False)]


def test_door_pays_once_where_that_is_asked():
    world = PlainWorld(5, door_pays_again=False)
    play(world, TO_KEY)
    assert play(world, [*KEY_TO_DOOR, OPEN_DOOR])[2:] == [(2.0, False), (-0.1, False)]


def test_goal_reward_replaces_the_doors():
    world = PlainWorld(4)  # the door is on the goal
    assert play(world, TO_KEY + KEY_TO_DOOR)[-2:] == [(-0.1, False), (10.0, True)]


def test_reset_undoes_everything():
    world = PlainWorld(5)
    play(world, TO_KEY + KEY_TO_DOOR)
    world.reset()
    assert world.state() == (0, 0, False, False)


def test_layout_and_rewards_can_be_set():
    world = PlainWorld(3, start=(2, 0), key=(2, 1), door=(1, 1), goal=(0, 1), rewards=(-1.0, 3.0, 5.0, 7.0))
    actions = [MOVE_UP, PICKUP_KEY, MOVE_LEFT, OPEN_DOOR, MOVE_LEFT]
    rewards = [-1.0, 3.0, -1.0, 5.0, 7.0]
    assert play(world, actions) == list(zip(rewards, [False] * 4 + [True], strict=True))


@pytest.mark.parametrize("action", [None, -1, 6])
def test_unknown_action_is_refused(action):
    with pytest.raises(ValueError, match=r"action=.* is unknown"):
        PlainWorld(5).step(action)


# Script


@pytest.mark.parametrize(
    ("state", "final_target", "choice"),
    [
        ((0, 4, False, False), (4, 4), MOVE_RIGHT),
        ((4, 0, False, False), (4, 4), MOVE_LEFT),
        ((2, 0, False, False), (4, 4), MOVE_UP),
        ((2, 4, False, False), (4, 4), MOVE_DOWN),
        ((2, 2, False, False), (4, 4), PICKUP_KEY),
        ((2, 4, True, False), (4, 4), MOVE_RIGHT),
        ((3, 4, True, False), (4, 4), MOVE_DOWN),
        ((3, 3, True, False), (4, 4), OPEN_DOOR),
        ((3, 5, True, True), (4, 4), MOVE_RIGHT),
        ((5, 3, True, True), (4, 4), MOVE_UP),
        ((4, 4, True, True), (4, 4), None),
        ((5, 4, True, True), (4, 4), None),
        ((5, 5, True, True), None, MOVE_LEFT),
        ((0, 5, True, True), None, MOVE_RIGHT),
        ((1, 5, True, True), None, MOVE_DOWN),
        ((1, 0, True, True), None, MOVE_UP),
    ],
)
def test_scripted_choice(state, final_target, choice):
    world = PlainWorld(6, goal=(1, 3))
    world.x, world.y, world.has_key, world.door_open = state
    assert scripted_choice(world, final_target) == choice


def test_script_solves_any_layout_by_the_shortest_way():
    rng = random.Random(0)
    for _ in range(100):
        size = rng.randint(3, 9)
        cells = rng.sample(list(itertools.product(range(size), repeat=2)), 4)
        world = PlainWorld(size, *cells)
        moves = sum(abs(a - c) + abs(b - d) for (a, b), (c, d) in itertools.pairwise(cells))
        results = [world.step(scripted_choice(world, None)) for _ in range(moves + 2)]
        assert [done for _, done in results] == [False] * (moves + 1) + [True]


# Tape


def at_last_resort():
    world = PlainWorld(8, start=(4, 4))
    world.has_key = world.door_open = True
    return world


def test_tape_gives_actions_and_scripted_choices():
    tape = Tape([MOVE_DOWN, SCRIPTED, OPEN_DOOR])
    assert [tape(PlainWorld(5)) for _ in range(3)] == [MOVE_DOWN, MOVE_RIGHT, OPEN_DOOR]
    assert tape.used == 3


def test_last_resort_takes_entries_up_to_the_next_action():
    tape = Tape([SCRIPTED, SCRIPTED, SCRIPTED, MOVE_LEFT, SCRIPTED, MOVE_UP, MOVE_DOWN])
    assert (tape(at_last_resort()), tape.used) == (MOVE_LEFT, 4)
    assert (tape(at_last_resort()), tape.used) == (MOVE_UP, 6)
    assert (tape(at_last_resort()), tape.used) == (MOVE_DOWN, 7)


@pytest.mark.parametrize("entries", [[], [SCRIPTED, SCRIPTED]])
def test_tape_that_runs_out_is_an_error(entries):
    with pytest.raises(IndexError, match=f"ran out after {len(entries)} entries"):
        Tape(entries)(at_last_resort())


# Embedding and retrieval


def test_embedding_by_hand():
    agent = make_agent(embedding_dim=5)
    assert agent.embed((2, 1, True, False)) == (12, 1000, 0)
    assert agent.embed((2, 1, True, False), (MOVE_RIGHT, OPEN_DOOR, MOVE_UP)) == (12, 1000, 0, 400, 600)
    skill = PlainSkill("", False, False, (MOVE_RIGHT, MOVE_UP), (300, 0, 0, 400))
    assert skill.export(6)["embedding"] == pytest.approx([0.6, 0, 0, 0.8, 0, 0], abs=1e-6)


def test_cosine_by_hand():
    assert cosine((3, 4), (4, 3)) == 0.96
    assert cosine((7, 0, 0), (7, 0, 0, 24)) == 0.28
    assert cosine((0, 0, 0), (1, 2, 3)) == 0.0
    assert cosine((1, 1, 0), (1, 0, 1)) == pytest.approx(1 / sqrt(4))


def test_reordered_actions_tie_exactly():
    rng = random.Random(1)
    for _ in range(1000):
        context = tuple(rng.randrange(1000) for _ in range(3))
        actions = [rng.randrange(1000) for _ in range(5)]
        shuffled = rng.sample(actions, 5)
        assert cosine(context, (*context, *actions)) == cosine(context, (*context, *shuffled))


def test_retrieval_is_among_applicable_skills_and_a_tie_goes_to_the_earliest():
    agent = make_agent()
    assert agent.retrieve() is None
    query = agent.embed(agent.world.state())
    for has_key, actions in [(True, ()), (False, (5, 5)), (False, (0, 1)), (False, (1, 0))]:
        vector = query + tuple(agent.action_codes[action] for action in actions)
        agent.library.append(PlainSkill("", has_key, False, actions, vector))
    assert agent.retrieve() is agent.library[2]  # the first would fit best, but for the key
    agent.world.has_key = True
    assert agent.retrieve() is agent.library[0]
    agent.world.door_open = True
    assert agent.retrieve() is None


@pytest.mark.parametrize(("merges", "threshold"), [(True, 0.96 - 1e-9), (False, 0.96)])
def test_a_skill_merges_with_the_first_stored_one_strictly_above_the_threshold(merges, threshold):
    agent = PlainAgent(PlainWorld(5), [[0.0] * 5] * 5, [0.003, 0.004, 0, 0, 0, 0], explore=explore_by_script,
                       merge_threshold=threshold)  # fmt: skip
    for vector in [(0, 0, 1), (0, 0, 0, 4, 3), (0, 0, 0, 4, 3)]:
        agent.library.append(PlainSkill("", False, False, (), vector))
    agent.learn([(agent.world.state(), MOVE_UP), (agent.world.state(), MOVE_DOWN)])  # (0, 0, 0, 3, 4)
    assert [skill.success_count for skill in agent.library] == ([1, 2, 1] if merges else [1, 1, 1, 1])


# Whole runs


def test_size_5_scripted_run_by_hand():
    result = make_agent().train(15)
    assert result["per_episode"] == {
        "rewards": [12.3] * 15,  # 7 moves at -0.1, the key 1, the door 2, the goal 10
        "steps": [10] * 15,
        "success": [True] * 15,
        "skills_learned": [1] * 15,
        "skill_uses": list(range(15)),
    }
    [skill] = result["library"]
    assert (skill["name"], skill["has_key"], skill["door_open"]) == ("open_door_sequence", True, False)
    assert skill["actions"] == [*KEY_TO_DOOR, MOVE_RIGHT, MOVE_UP]
    # Each later episode ends inside the skill (one success) and learns it again (another, by the merge).
    assert (skill["success_count"], skill["times_used"]) == (1 + 14 + 14, 14)
    assert result["stats"] == {"total_skills": 1, "total_uses": 14, "avg_success_rate": 29 / 14}
    assert len(result["transitions"]) == 150
    assert [row[0] for row in result["transitions"][:10]] == TO_KEY + [*KEY_TO_DOOR, MOVE_RIGHT, MOVE_UP]
    assert result["transitions"][4] == [PICKUP_KEY, [2, 2], True, False, 1.0, False]
    assert result["transitions"][9] == [MOVE_UP, [4, 4], True, True, 10.0, True]


def test_size_4_is_trapped_by_its_first_skill():
    result = make_agent(4).train(4)
    assert result["per_episode"]["steps"] == [8, 50, 50, 50]
    assert result["per_episode"]["rewards"] == [10.4, -5.0, -5.0, -5.0]  # 6 moves, key, goal
    assert result["per_episode"]["success"] == [True, False, False, False]
    [skill] = result["library"]
    assert (skill["name"], skill["success_count"], skill["times_used"]) == ("acquire_key", 1, 30)
    assert skill["actions"] == [MOVE_UP, PICKUP_KEY, MOVE_RIGHT, MOVE_UP, OPEN_DOOR]


def test_without_skills_they_are_learned_but_never_run():
    result = make_agent(4, use_skills=False).train(4)
    assert result["per_episode"]["steps"] == [8] * 4
    assert result["stats"] == {"total_skills": 1, "total_uses": 0, "avg_success_rate": 4.0}


@pytest.mark.parametrize("budget", [49, 50])
def test_budget_is_looked_at_only_between_skills(budget):
    agent = make_agent(explore=Tape([MOVE_DOWN] * 44 + TO_KEY), budget=budget)
    agent.library.append(PlainSkill("", True, False, (MOVE_DOWN,) * 5, (1,)))
    path, reward, success = agent.run_episode()
    assert len(path) == (49 if budget == 49 else 54)
    assert reward == pytest.approx(1 - 0.1 * (len(path) - 1))
    assert not success


def test_short_successes_teach_nothing():
    world = PlainWorld(5, start=(0, 0), key=(0, 0), door=(0, 0), goal=(0, 0))
    agent = PlainAgent(world, [[0.5] * 5] * 5, [0.5] * 6, explore=explore_by_script)
    assert agent.train(2)["per_episode"]["steps"] == [2, 2]
    assert agent.library == []


# Random cases


@pytest.mark.parametrize(("size", "embedding_dim", "noise"), [(4, 3, 0.0), (5, 8, 0.5), (8, 16, 0.0), (7, 5, 0.9)])
def test_random_case_replays_and_its_tape_is_cut(size, embedding_dim, noise):
    case = case_with_expected(random.Random(2), size, embedding_dim, 12, noise)
    assert case == case_with_expected(random.Random(2), size, embedding_dim, 12, noise)
    assert [len(column) for column in case["position_codes"]] == [size] * size
    assert len(case["expected"]["per_episode"]["steps"]) == 12
    used = len(case["tape"]) - 50
    assert_matches(replay(case | {"tape": case["tape"][:used]}), case["expected"])
    with pytest.raises(IndexError, match="ran out"):
        replay(case | {"tape": case["tape"][: used - 1]})
    assert json.loads(json.dumps(case)) == case


def test_random_case_has_the_fields_of_an_oracle_file():
    oracle = json.loads(ORACLE_FILES[-1].read_text())
    case = case_with_expected(random.Random(3), 5, 8, 5, 0.3)
    assert case.keys() == oracle.keys()
    assert case["expected"].keys() == oracle["expected"].keys()
    walk = json.loads(ORACLE_FILES[0].read_text())
    made = random_walk(random.Random(3), 5, 10)
    assert (made.keys(), made["columns"]) == (walk.keys(), walk["columns"])


def test_tape_length_is_exact_or_refused():
    assert len(random_case(random.Random(4), 5, 8, 5, 0.5, tape_length=300)["tape"]) == 300
    with pytest.raises(ValueError, match="tape_length=3 is below the"):
        random_case(random.Random(4), 5, 8, 5, 0.5, tape_length=3)


@pytest.mark.parametrize("size", [4, 5, 13])
def test_random_walk_replays_and_meets_every_event(size):
    walk = random_walk(random.Random(5), size, 600)
    assert replay(walk) == {"rows": walk["rows"]}
    assert {row[0] for row in walk["rows"]} == set(range(6))
    assert {1.0, -0.1, 10.0} <= {row[6] for row in walk["rows"]}
    assert sum(row[7] for row in walk["rows"]) >= 3
