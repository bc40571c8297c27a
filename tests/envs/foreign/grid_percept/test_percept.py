"""What the percept of any MiniGrid-like world knows, on views made by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import DefaultMemory, RandomPolicy, with_memory
from procmem_jax.agents.frontier import Frontier
from procmem_jax.envs import AdaptedState, GridEncoding, GridPercept, GridSight
from procmem_jax.envs.foreign.grid_percept.sights import cut_view
from procmem_jax.memory.default.choice import least_cost_to_news
from procmem_jax.memory.default.direction import direction_embedding
from procmem_jax.memory.proven.memory import ProvenMemory

# MiniGrid's cells: (object, colour, state).
CELLS = {
    **{"?": (0, 0, 0), ".": (1, 0, 0), "#": (2, 5, 0), "K": (5, 4, 0), "R": (5, 0, 0), "B": (6, 2, 0), "G": (8, 1, 0)},
    **{"L": (9, 0, 0), "D": (4, 4, 2), "C": (4, 4, 1), "O": (4, 4, 0), "X": (4, 0, 2), "@": (10, 0, 0)},
}
ROOMS = """
#########
#.K.#...#
#...D.G.#
#B..#...#
#########
"""


def cells_of(picture):
    return np.array([[CELLS[cell] for cell in row] for row in picture.split()], np.uint8)


def adapted(notes=None, rewarded=False):
    no = jnp.zeros((), jnp.bool_)
    return AdaptedState(None, jnp.asarray(rewarded), no, jnp.zeros((), jnp.int32), notes)


class Walker:
    """An agent put anywhere in a drawn grid, with a view of `size` x `size` cells; headings 0 up, then clockwise."""

    def __init__(self, picture=ROOMS, size=5, **settings):
        self.grid, self.size, self.notes = cells_of(picture), size, None
        self.percept = GridPercept(look=self._sight, **settings)

    def _sight(self, obs, state, params):
        view, pose, carried, mission = obs
        shape = self.grid.shape[:2]
        return GridSight(view, *pose, shape, carried=carried, mission=mission)

    def see(self, row, column, heading, carried=".", mission=None):
        pose = tuple(jnp.int32(part) for part in (row, column, heading))
        view = cut_view(jnp.asarray(self.grid), *pose, self.size)
        obs = (view, pose, jnp.asarray(CELLS[carried], jnp.uint8), mission)
        self.notes = self.percept.take_notes(obs, adapted(), self.notes, None)
        return self.percept(obs, adapted(self.notes), None)

    def offset(self, percept, thing):
        place = 2 * self.percept.things.index(thing)
        return tuple(percept.context[place : place + 2].astype(int).tolist())

    def facts(self, percept):
        return dict(zip(self.percept.predicate_names, percept.predicates.tolist(), strict=True))


def test_offsets_are_seen_from_the_agent_and_remembered():
    walker = Walker()
    at_start = walker.see(3, 2, 0)
    assert walker.offset(at_start, "key") == (2, 0)
    assert walker.offset(at_start, "object") == (0, -1)
    assert walker.offset(at_start, "goal") == (0, 0)  # out of sight
    turned = walker.see(3, 2, 2)  # now all of it is behind
    assert walker.offset(turned, "key") == (-2, 0) and walker.offset(turned, "object") == (0, 1)
    assert walker.offset(walker.see(3, 3, 3), "object") == (2, 0)
    alone = Walker()
    assert alone.offset(alone.see(3, 2, 2), "key") == (0, 0)


def test_the_nearest_is_the_same_whichever_way_one_looks():
    things, expected = ("key", "red key", "yellow key", "ball", "thing"), None
    for turn in range(4):
        walker = Walker("#####\n#R.K#\n#...#\n#B..#\n#####", things=things)
        walker.grid = np.rot90(walker.grid, -turn)
        context = walker.see(2, 2, turn).context.tolist()
        assert walker.offset(walker.see(2, 2, turn), "key") == (1, 1)  # of two as near, the one on the right
        expected = expected or context
        assert context == expected


def test_what_is_around():
    walker = Walker("#####\n#.L.#\n#D..#\n#.O.#\n#####", things=("key",))
    around = [walker.see(2, 2, heading).context[2:7].astype(int).tolist() for heading in range(4)]
    # ahead, right, left, ahead on the right, ahead on the left
    assert around == [[-1, 0, 1, 0, 0], [0, 0, -1, 0, 0], [0, 1, 0, 0, 0], [1, -1, 0, 0, 0]]
    assert walker.see(3, 3, 1).context[2:7].astype(int).tolist() == [1, 1, 0, 1, 1]


def test_what_thing_is_ahead():
    """A red key, the other one, a hazard, an open door, a wall; then with a mission that names the yellow key."""
    walker = Walker("#####\n#R.K#\n#L.O#\n#####", things=("key",))
    ahead = [float(walker.see(*pose).context[-1]) for pose in ((1, 2, 3), (1, 2, 1), (2, 2, 3), (2, 2, 1), (1, 2, 0))]
    assert ahead == [1.0, 4 / 64 - 1, 0, 0, 0]
    sent = Walker("#####\n#R.K#\n#L.O#\n#####", things=("key",))
    sent.see(1, 2, 3, mission=jnp.array([5, 4]))
    assert [float(sent.see(*pose).context[-1]) for pose in ((1, 2, 3), (1, 2, 1))] == [-1.0, 1 - 4 / 64]
    embedded = [direction_embedding(jnp.array([number]), 3) for number in (1.0, 1 - 4 / 64)]
    assert embedded[0].tolist() == embedded[1].tolist()


def test_a_survey_tells_what_is_free_unseen_and_to_be_tried():
    walker = Walker("#######\n#.K.G.#\n#.L.D.#\n#######", things=("key",))
    walker.see(1, 1, 1)
    survey = walker.percept.survey(walker.notes)
    assert (int(survey.row), int(survey.column), int(survey.heading), int(survey.carried)) == (1, 1, 1, 0)
    assert np.argwhere(survey.things).tolist() == [[1, 2], [1, 4], [2, 4]]
    assert not survey.free[2, 2] and survey.free[1, 3] and survey.free[1, 4] and not survey.free[2, 4]
    assert survey.unseen.any() and not (survey.unseen & survey.free).any()


def test_facts():
    facts = ("carrying key", "carrying object", "facing yellow door", "facing thing", "seen open door", "seen key")
    walker = Walker(facts=facts)
    assert walker.facts(walker.see(3, 2, 0)) == dict.fromkeys([*walker.percept.predicate_names], False) | {
        "seen_key": True
    }
    walker.grid[1, 2] = CELLS["."]
    at_door = walker.facts(walker.see(2, 3, 1, carried="K"))
    assert [name for name, fact in at_door.items() if fact] == [
        *("carrying_key", "facing_yellow_door", "facing_thing", "seen_key")
    ]
    walker.grid[2, 4] = CELLS["O"]
    opened = walker.facts(walker.see(2, 3, 1, carried="B"))
    assert opened["seen_open_door"] and opened["carrying_object"] and not opened["carrying_key"]
    away = walker.see(2, 3, 3, carried="B")
    assert walker.facts(away)["seen_open_door"] and not walker.facts(away)["facing_thing"]


def test_what_is_known_is_so_until_it_is_seen_otherwise():
    """By default the facts tell a door that was unlocked from one that was not found yet."""
    walker = Walker()

    def doors(*place):
        facts = walker.facts(walker.see(*place))
        return tuple(facts[f"{fact}_door"] for fact in ("seen_locked", "known_locked", "seen_open"))

    assert doors(3, 2, 3) == (False, False, False)
    assert doors(2, 3, 1) == doors(2, 3, 3) == (True, True, False)
    walker.grid[2, 4] = CELLS["O"]
    assert doors(2, 3, 3) == (True, True, False)  # behind one's back
    assert doors(2, 3, 1) == doors(2, 3, 3) == (True, False, True)


def test_a_locked_door_is_told_by_the_key_that_fits_and_a_thing_by_the_mission():
    rooms = ROOMS.replace("#B..#", "#B..X")
    walker = Walker(rooms, things=("locked door", "matching locked door", "mission thing"))
    assert [walker.offset(walker.see(2, 2, 1, carry), "matching locked door") for carry in ".KR"] == [
        *((0, 0), (2, 0), (2, 1))
    ]
    assert walker.offset(walker.see(2, 2, 1), "mission thing") == (0, 0)
    for mission, offset in (((5, 4), (0, -1)), ((0, 0), (2, 1)), ((6, 2), (0, 0)), ((0, -1), (0, 0))):
        told = Walker(rooms, things=("mission thing",))
        assert told.offset(told.see(2, 2, 1, mission=jnp.asarray(mission, jnp.int32)), "mission thing") == offset


def test_what_the_view_shows_as_unseen_stays_as_it_was_and_the_own_cell_is_not_looked_at():
    walker = Walker()
    walker.see(3, 2, 0)
    hidden = walker.grid.copy()
    walker.grid[1, 2] = 0
    assert walker.offset(walker.see(3, 2, 0), "key") == (2, 0)
    walker.grid = hidden
    walker.grid[3, 2] = CELLS["G"]  # a view shows there what is carried, or nothing
    assert walker.offset(walker.see(3, 2, 0), "goal") == (0, 0)


def test_fingerprints_tell_what_has_changed_not_what_is_known():
    walker = Walker()
    first = int(walker.see(3, 2, 0).fingerprint)
    turned = int(walker.see(3, 2, 1).fingerprint)
    assert int(walker.see(3, 2, 0).fingerprint) == first != turned  # more is known; nothing has changed
    key, door = walker.grid[1, 2].copy(), walker.grid[2, 4].copy()
    walker.grid[1, 2] = CELLS["."]
    taken = int(walker.see(3, 2, 0, carried="K").fingerprint)
    walker.see(2, 3, 1, carried="K")
    walker.grid[2, 4] = CELLS["O"]
    walker.see(2, 3, 1, carried="K")
    opened = int(walker.see(3, 2, 0, carried="K").fingerprint)
    assert len({first, turned, taken, opened}) == 4
    walker.grid[1, 2], walker.grid[2, 4] = key, door
    walker.see(2, 3, 1)
    assert int(walker.see(3, 2, 0).fingerprint) == first  # all is as it was
    assert len({int(walker.see(row, 2, way).fingerprint) for row in (1, 2, 3) for way in range(4)}) == 12


def test_a_pocket_holds_what_lay_ahead_before():
    walker = Walker()

    def look(obs, state, params):
        view, pose, pocket = obs
        return GridSight(view, *pose, walker.grid.shape[:2], pocket=pocket)

    percept, notes = GridPercept(look=look), None
    carried = []
    for heading, taken, pocket in ((0, False, -1), (0, True, 7), (1, True, 7), (0, True, -1)):
        pose = (jnp.int32(2), jnp.int32(2), jnp.int32(heading))
        walker.grid[1, 2] = CELLS["." if taken else "K"]
        obs = (cut_view(jnp.asarray(walker.grid), *pose, 5), pose, jnp.int32(pocket))
        notes = percept.take_notes(obs, adapted(), notes, None)
        carried.append(bool(percept(obs, adapted(notes), None).predicates[0]))
    assert carried == [False, True, True, False]


def test_an_encoding_of_ones_own():
    """Six numbers, two channels, doors told by the first."""
    own = GridEncoding(("unseen", "floor", "wall", "gem", "open door", "shut door"), ("none", "pearl"))
    walker = Walker(".", things=("gem", "pearl gem", "shut door"), facts=("seen pearl gem",), encoding=own)
    walker.grid = np.ones((5, 5, 2), np.uint8)
    walker.grid[0, 2], walker.grid[1, 1], walker.grid[2, 3] = (3, 0), (3, 1), (5, 0)
    pose = tuple(jnp.int32(part) for part in (2, 2, 0))
    obs = (cut_view(jnp.asarray(walker.grid), *pose, 5), pose, jnp.zeros((2,), jnp.uint8), None)
    notes = walker.percept.take_notes(obs, adapted(), None, None)
    percept = walker.percept(obs, adapted(notes), None)
    assert percept.context.astype(int).tolist() == [*(2, 0), *(1, -1), *(0, 1), *(0, 1, 0, 0, 1), 0]
    assert percept.predicates.tolist() == [True, False]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"things": ("kye",)}, "did you mean key"),
        ({"things": ("purple",)}, "names no kind"),
        ({"facts": ("has key",)}, "begins with none of carrying, facing, seen, known"),
        ({"facts": ("seen",)}, "names no kind"),
        ({"things": "key"}, "is no list of names"),
        ({"facts": (1,)}, "is no list of names"),
    ],
)
def test_names_that_are_none(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        GridPercept(**settings)


@pytest.mark.parametrize(
    "view", [np.zeros((4, 4, 3), int), np.zeros((5, 7, 3), int), np.zeros((5, 5, 4), int), np.zeros((5, 5, 3)), None]
)
def test_what_is_no_view(view):
    percept = GridPercept(look=lambda obs, state, params: GridSight(obs, 0, 0, 0, (5, 5)))
    with pytest.raises(TypeError, match="give integers"):
        percept.take_notes(view, adapted(), None, None)


def test_what_is_no_cell_and_no_encoding():
    cell = jnp.zeros((2,), jnp.uint8)
    percept = GridPercept(look=lambda obs, state, params: GridSight(obs, 0, 0, 0, (5, 5), carried=cell))
    with pytest.raises(TypeError, match=r"carried=\[2\]; give 3, as of a cell"):
        percept.take_notes(np.zeros((5, 5, 3), int), adapted(), None, None)
    for objects in (("floor", "unseen"), ("unseen", "wall"), ()):
        with pytest.raises(ValueError, match="name both"):
            GridEncoding(objects, ("red",))
    assert hash(GridEncoding(["unseen", "floor"], ["red"])) == hash(GridEncoding(("unseen", "floor"), ("red",)))


def test_a_package_that_is_not_known():
    with pytest.raises(TypeError, match=r"does not know the states builtins\.NoneType; give look=function"):
        GridPercept().take_notes(np.zeros((5, 5, 3), int), adapted(), None, None)


def test_equal_settings_are_one_percept():
    assert GridPercept() == GridPercept(things=list(GridPercept().things))
    assert hash(GridPercept(facts=["seen key"])) == hash(GridPercept(facts=("seen key",)))
    assert repr(GridPercept(things=("key",), facts=())) == "GridPercept(things=('key',), facts=())"
    assert GridPercept(facts=()).predicate_names == ("rewarded",)


class Corridor:
    """A world of a user's own: five cells, the goal at the end, a view of 3 x 3."""

    shape = (3, 7)

    def reset(self, key, params):
        return self._seen(jnp.int32(1))

    def step(self, key, state, action, params):
        column = jnp.clip(state + jnp.where(action == 1, 1, -1), 1, 5)
        done = column == 5
        return *self._seen(column), done.astype(jnp.float32), done, jnp.zeros((), jnp.bool_), {}

    def _seen(self, column):
        grid = jnp.asarray(cells_of("#######\n#....G#\n#######"))
        return cut_view(grid, jnp.int32(1), column, jnp.int32(1), 3), column


def look_in_corridor(obs, state, params):
    return GridSight(obs, jnp.int32(1), state.env, jnp.int32(1), Corridor.shape)


def in_corridor(**changes):
    percept = GridPercept(("goal",), ("seen goal",), look=look_in_corridor)
    return with_memory(Corridor(), percept, max_steps=20, num_actions=2, **changes)


def test_a_world_of_ones_own_with_a_memory():
    config, _ = in_corridor()
    world, words = config.environment, (jnp.uint32(0), jnp.uint32(0))
    assert world.predicate_names == ("seen_goal", "rewarded") and world.context_size == 8
    about = {"num_surroundings": 6, "success_is_last": True}
    seeking = DefaultMemory(deaths_teach=True, caution=True, progress=True, choose=least_cost_to_news, **about)
    assert config.memory == seeking and config.exploration == Frontier()
    config, _ = in_corridor(exploration=RandomPolicy())
    suited = DefaultMemory(512, deaths_teach=True, caution=True, values=True, relevance=True, undone=True, **about)
    assert config.memory == suited
    assert in_corridor(overrides={"capacity": 64})[0].memory == dataclasses.replace(seeking, capacity=64)
    assert in_corridor(memory=DefaultMemory())[0].memory == DefaultMemory(**about)
    assert in_corridor(memory=ProvenMemory())[0].memory == ProvenMemory(seeking)
    begin = jax.jit(lambda: world.begin(words, None))
    step = jax.jit(lambda state: world.step_from_words(words, state, jnp.int32(1), None)[0])
    state = begin()
    offsets = [state.percept.context[:2].tolist()]
    for _ in range(3):
        state = step(state)
        offsets.append(state.percept.context[:2].tolist())
    assert offsets == [[0, 0], [0, 0], [2, 0], [1, 0]]
    assert "look_in_corridor" in repr(config.environment.percept_name)
    again = begin()  # nothing of an episode is left in the next
    assert not np.any(dataclasses.asdict(again.adapted.notes)["met"])
