"""The skills of a library as records."""

import jax
import pytest

from experiments.handmade_libraries import CONFIG, handmade_libraries
from procmem_jax.envs.grid.world import PREDICATE_NAMES
from procmem_jax.experiments.libraries.skills import StoredSkill, condition_text, read_skills


def test_every_field_by_hand():
    libraries = handmade_libraries()
    libraries.learned_episode[0, 0], libraries.learned_tick[0, 0] = 6, 210
    library = jax.tree.map(lambda leaf: leaf[0], libraries)
    key, navigate = read_skills(library, PREDICATE_NAMES, CONFIG)
    assert key == StoredSkill(
        slot=0,
        skill_id=7,
        name="acquire_key",
        label=0,
        actions=(1, 3, 4),
        requires={"has_key": False, "door_open": True},
        achieves={"has_key": True},
        uses=5,
        successes=4,
        failures=1,
        merges=2,
        created=3,
        last_used=9,
        episode=6,
        tick=210,
        rate=pytest.approx(5 / 7),
        reach=None,
        embedding=None,
    )
    assert key.embedding.tolist() == library.embeddings[0].tolist()
    assert (navigate.slot, navigate.skill_id, navigate.name, navigate.label) == (2, 5, "navigate_1_steps", -1)
    assert (navigate.actions, navigate.requires, navigate.achieves) == ((5,), {}, {})
    assert (navigate.episode, navigate.tick) == (-1, -1)  # unknown
    assert [skill.rate for skill in read_skills(library, PREDICATE_NAMES)] == [None, None]
    assert read_skills(jax.tree.map(lambda leaf: leaf[1], libraries), PREDICATE_NAMES, CONFIG) == []


def test_conditions_in_words():
    assert condition_text({"has_key": True, "door_open": False}, "always") == "has_key, not door_open"
    assert condition_text({}, "always") == "always"
