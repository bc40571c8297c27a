"""Skills made by hand: what they hold, and one clear error for everything that is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.memory.handmade import make_skill
from procmem_jax.memory.insertion import insert
from procmem_jax.memory.library import empty
from procmem_jax.memory.settings import LibraryConfig

CONFIG = LibraryConfig(capacity=4, embedding_size=3, max_skill_length=4, num_predicates=3)
NAMES = ("has_key", "door_open", "goal")
EAST = [1.0, 0.0, 0.0]


def test_a_skill_of_everything():
    skill = make_skill(
        [3, 0, 5],
        [3, 4, 0],
        config=CONFIG,
        requires={0: True, "door_open": False},
        achieves={"goal": True},
        name="goal",
        predicate_names=NAMES,
        successes=2,
        episode=7,
        tick=90,
    )
    found = {name: np.asarray(getattr(skill, name)).tolist() for name in skill.__dataclass_fields__}
    assert found == {
        "embedding": [3, 4, 0],
        "actions": [3, 0, 5, 0],
        "length": 3,
        "pre_mask": [True, True, False],
        "pre_value": [True, False, False],
        "post_mask": [False, False, True],
        "post_value": [False, False, True],
        "label": 2,
        "successes": 2,
        "episode": 7,
        "tick": 90,
    }
    library, insertion = insert(empty(CONFIG), skill, CONFIG)
    assert insertion.slot == 0 and library.embeddings[0].tolist() == pytest.approx([0.6, 0.8, 0])
    kinds = {name: str(getattr(skill, name).dtype) for name in found}
    assert set(kinds.values()) == {"float32", "int8", "bool", "int32"}
    assert [kinds[name] for name in ("actions", "length", "label", "tick")] == ["int8", "int8", "int8", "int32"]


def test_a_skill_of_the_least():
    skill = make_skill((1,), EAST, config=CONFIG)
    assert (int(skill.length), int(skill.label), int(skill.successes), int(skill.tick)) == (1, -1, 0, -1)
    assert not any(np.any(mask) for mask in (skill.pre_mask, skill.pre_value, skill.post_mask, skill.post_value))
    assert make_skill([1], EAST, config=CONFIG, name=1).label == 1


def test_traced_parts():
    def stored(actions, embedding, successes):
        skill = make_skill(actions, embedding, config=CONFIG, achieves={2: True}, successes=successes)
        return insert(empty(CONFIG), skill, CONFIG)

    actions = np.array([[0, 1], [0, 128], [5, 6]])
    embeddings = np.float32([EAST, EAST, [np.nan, 0, 0]])
    library, insertion = jax.jit(jax.vmap(stored))(actions, embeddings, np.array([3, 3, 3]))
    assert insertion.slot.tolist() == [0, -1, -1]
    assert library.actions[0, 0].tolist() == [0, 1, 0, 0] and library.success_counts[0, 0] == 3
    with pytest.raises(ValueError, match="skill.actions=200"):  # known, though the rest is not
        jax.eval_shape(lambda x: stored([200], x, 0), jnp.ones(3))


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    (
        ({"actions": []}, ValueError, "actions has shape (0,), not one axis of 1 to max_skill_length=4; give as many"),
        ({"actions": [1] * 5}, ValueError, "actions has shape (5,), not one axis of 1 to max_skill_length=4; "),
        ({"actions": 3}, ValueError, "actions has shape (), not one axis of 1 to max_skill_length=4; "),
        ({"actions": [0, 200]}, ValueError, "skill.actions=200 is outside 0 to 127; give the indices of actions "),
        ({"actions": [-1]}, ValueError, "skill.actions=-1 is outside 0 to 127; give the indices of actions "),
        ({"actions": [1.0]}, TypeError, "skill.actions is of kind float64, not whole numbers; give whole numbers"),
        ({"embedding": [1.0]}, ValueError, "embedding has shape (1,), not (3,) (embedding_size=3); "),
        ({"embedding": [1.0, np.nan, 0]}, ValueError, "embedding=nan is not finite; give finite numbers"),
        ({"embedding": [True] * 3}, TypeError, "embedding is of kind bool, not real numbers; give real numbers"),
        ({"successes": -1}, ValueError, "skill.successes=-1 is outside 0 to 2147483647; give a value in that range"),
        ({"tick": 1.5}, TypeError, "skill.tick is of kind float64, not whole numbers; give whole numbers"),
        ({"requires": {3: True}}, ValueError, "requires has predicate 3, outside 0 to 2; give its index"),
        ({"requires": {-1: True}}, ValueError, "requires has predicate -1, outside 0 to 2; give its index"),
        ({"requires": {0: 1}}, TypeError, "requires[0]=1 is a int; give True or False"),
        ({"requires": {0.0: True}}, TypeError, "requires has predicate 0.0, a float; give its index or its name"),
        ({"requires": [0]}, TypeError, "requires=[0] is a list; give a dict from predicates to bools"),
        ({"achieves": {2: True, "goal": False}}, ValueError, "achieves has predicate 2 twice; give it once, by index"),
        (
            {"achieves": {"lamp": True}},
            ValueError,
            "achieves has predicate 'lamp', which is unknown; choose from has_key, door_open, goal",
        ),
        (
            {"name": "goal", "predicate_names": None},
            ValueError,
            "name has predicate 'goal', which is unknown; give its index, or predicate_names",
        ),
        ({"name": True}, TypeError, "name has predicate True, a bool; give its index or its name"),
        (
            {"predicate_names": ("a", "b")},
            ValueError,
            "predicate_names=['a', 'b'] are not num_predicates=3 different names; give one for each predicate",
        ),
        ({"predicate_names": ("a", "b", "a")}, ValueError, "predicate_names=['a', 'b', 'a'] are not num_predicates=3 "),
    ),
)
def test_wrong_arguments(changes, error, text):
    arguments = {"actions": [1, 2], "embedding": EAST, "config": CONFIG, "predicate_names": NAMES, **changes}
    with pytest.raises(error) as caught:
        make_skill(**arguments)
    assert str(caught.value).startswith(text)
