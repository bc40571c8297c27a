"""Skills in groups: by what they achieve and when, most used first."""

import dataclasses

import pytest

from experiments.handmade_libraries import CONFIG, EMBEDDING, changed, handmade_libraries
from procmem_jax.envs.grid.actions import ACTION_NAMES
from procmem_jax.envs.grid.world import PREDICATE_NAMES
from procmem_jax.experiments.libraries.groups import group_skills
from procmem_jax.experiments.libraries.saved import SavedLibraries


def saved(libraries=None, config=CONFIG):
    libraries = handmade_libraries() if libraries is None else libraries
    return SavedLibraries(libraries, config, EMBEDDING, PREDICATE_NAMES, ACTION_NAMES, (0, 1), {})


def told(group):
    return [(one.slot, one.actions, one.uses, one.successes, one.failures, one.rate) for one in group.skills]


def test_groups_by_hand():
    key, navigate = group_skills(saved(changed(handmade_libraries(), "use_counts", (0, 0), 0)), 0)
    assert (key.label, key.name, key.when, key.uses) == (0, "acquire_key", "not has_key, door_open", 0)
    assert (navigate.label, navigate.name, navigate.when, navigate.uses) == (-1, "navigate", "always", 12)
    assert told(key) == [(0, (1, 3, 4), 0, 4, 1, None)]  # never used: no rate
    assert told(navigate) == [(2, (5,), 12, 12, 0, pytest.approx(13 / 14))]


def test_rates_are_those_of_the_memory():
    assert group_skills(saved(), 0)[0].skills[0].rate == pytest.approx(5 / 7)
    tutorial = dataclasses.replace(CONFIG, counting="tutorial")
    libraries = changed(handmade_libraries(), "success_counts", (0, 0), 15)
    key, navigate = group_skills(saved(libraries, tutorial), 0)
    assert (key.skills[0].successes, key.skills[0].rate) == (15, 1.0)  # 15 / 5, cut


def test_one_group_most_used_first():
    libraries = handmade_libraries()
    for name in ("labels", "pre_mask", "pre_value"):
        libraries = changed(libraries, name, (0, 2), getattr(libraries, name)[0, 0])
    [group] = group_skills(saved(libraries), 0)
    assert [(skill.slot, skill.uses) for skill in group.skills] == [(2, 12), (0, 5)]
    [group] = group_skills(saved(changed(libraries, "use_counts", (0, 2), 5)), 0)
    assert [skill.slot for skill in group.skills] == [0, 2]  # equally used: by slot


def test_no_skills_or_no_agent():
    with pytest.raises(ValueError, match="agent=1 has no skills to draw; choose another agent, or train it longer"):
        group_skills(saved(), 1)
    with pytest.raises(ValueError, match="agent=2 has no library here; choose from 0 to 1"):
        group_skills(saved(), 2)
