"""Libraries of many agents as one: worked by hand, and what holds of any."""

import dataclasses
import functools
import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.handmade_libraries import assert_same_bits
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments.libraries import merging
from procmem_jax.experiments.libraries.files import export_libraries, import_libraries
from procmem_jax.experiments.libraries.merging import merge_libraries
from procmem_jax.experiments.libraries.pooling import rates_of, rows_of
from procmem_jax.experiments.libraries.rules import check_origin
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.skills import read_skills
from procmem_jax.experiments.libraries.warm_start import make_warm_start
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.memory import library
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.library import empty
from procmem_jax.memory.settings import LibraryConfig

CONFIG = LibraryConfig(capacity=8, embedding_size=4, max_skill_length=3)
UP, DOWN, LEFT, RIGHT, TAKE, OPEN = range(6)
COUNTS = ("use_counts", "success_counts", "failure_counts", "merge_counts")


def skill(context, actions, ok=0, failed=0, **more):
    """A skill for a context of two numbers, which by default gets the key; `more` are columns of the library."""
    angles = [np.sign(x) * (np.pi / 2 + 0.125 * np.log2(max(abs(x), 1))) for x in context]
    effect = [True, False, False]
    given = {
        "embeddings": np.concatenate([np.cos(angles), np.sin(angles)]) / np.sqrt(2),
        "actions": list(actions) + [0] * (3 - len(actions)),
        "lengths": len(actions),
        "pre_mask": [True] * 3,
        "post_mask": effect,
        "post_value": effect,
        "labels": 0,
        "success_counts": ok,
        "failure_counts": failed,
        "use_counts": ok + failed,
    }
    return given | more


@functools.cache
def empty_library(config):
    return jax.device_get(empty(config))


@pytest.fixture(scope="module", autouse=True)
def empty_libraries_are_made_once():
    """Else making them is nearly all that these tests do."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (library, merging):
            patch.setattr(module, "empty", empty_library)
        yield


def saved_of(*agents, config=CONFIG, clock=100, **more):
    """Libraries of agents, each a list of skills."""
    blank = empty_library(config)
    libraries = jax.tree.map(lambda array: np.repeat(array[None], len(agents), axis=0), blank)
    for agent, skills in enumerate(agents):
        for slot, columns in enumerate(skills):
            for name, value in (columns | {"skill_ids": slot}).items():
                getattr(libraries, name)[agent, slot] = value
        libraries.clock[agent], libraries.next_id[agent] = clock, len(skills)
    names = (GridWorld.predicate_names, GridWorld.action_names)
    given = {"agents": tuple(range(len(agents))), "versions": {}} | more
    return SavedLibraries(libraries, config, "direction of 2 coordinates", *names, **given)


def skills_of(merged):
    one = jax.tree.map(lambda array: array[0], merged.saved.libraries)
    return read_skills(one, GridWorld.predicate_names, merged.saved.config)


def ways(merged):
    return [stored.actions for stored in skills_of(merged)]


def test_copies_are_joined_and_their_counts_added():
    first = skill((1, 1), [UP, RIGHT, TAKE], 6, 2, merge_counts=1, learned_episode=3, created=10, last_used=20)
    second = skill((1, 1), [UP, RIGHT, TAKE], 4, 0, merge_counts=2, learned_episode=7, created=30, last_used=90)
    merged = merge_libraries([saved_of([first], [second])])
    (stored,) = skills_of(merged)
    assert (stored.successes, stored.failures, stored.uses, stored.merges) == (10, 2, 12, 4)
    assert (stored.episode, stored.created, stored.last_used) == (7, 30, 90)  # of the copy with the higher rate
    assert (merged.num_agents, merged.num_skills, merged.num_joined, merged.conflicts) == (2, 2, 1, ())
    assert merged.saved.agents == (0,) and merged.saved.config == CONFIG


def test_of_equal_copies_the_same_one_is_kept_in_any_order():
    copies = [COVER | {"learned_episode": episode, "created": 9 - episode, "last_used": 9} for episode in range(3)]
    wanted = merge_libraries([saved_of(copies[:1], copies[1:2], copies[2:])]).saved.libraries
    for order in itertools.permutations(copies):
        assert_same_bits(merge_libraries([saved_of([one]) for one in order]).saved.libraries, wanted)


def test_copies_whose_situations_differ_a_little_are_joined_too():
    near = [skill((1, 500.0), [TAKE], 1), skill((1, 501.0), [TAKE], 5)]
    merged = merge_libraries([saved_of(near)])
    assert [stored.successes for stored in skills_of(merged)] == [6]
    np.testing.assert_array_equal(merged.saved.libraries.embeddings[0, 0], np.float32(near[1]["embeddings"]))


def test_ages_stay_as_they_were():
    young = saved_of([skill((1, 0), [RIGHT], 3, created=4, last_used=6)], clock=10)
    old = saved_of([skill((0, 1), [UP], 3, created=4, last_used=6)], clock=1000)
    merged = merge_libraries([young, old])
    found = {stored.actions: (1000 - stored.created, 1000 - stored.last_used) for stored in skills_of(merged)}
    assert found == {(RIGHT,): (6, 4), (UP,): (996, 994)}
    assert merged.saved.libraries.clock[0] == 1000


def test_the_better_of_two_ways_is_kept_and_the_conflict_told():
    # Three steps at a rate of 10/11 cost 3.3, two at 1/2 cost 4; the rates are those of all copies together.
    long, short = skill((1, 1), [UP, RIGHT, TAKE], 3), skill((1, 1), [RIGHT, TAKE])
    merged = merge_libraries([saved_of([long], [short], [long], [long])])
    assert ways(merged) == [(UP, RIGHT, TAKE)]
    (conflict,) = merged.conflicts
    assert (conflict.kept.actions, conflict.dropped.actions) == ((UP, RIGHT, TAKE), (RIGHT, TAKE))
    assert (conflict.kept.successes, conflict.opposite) == (9, False)


def test_of_opposite_effects_one_is_kept():
    lose = skill((1, 1), [TAKE], 1, post_value=[False] * 3, labels=-1)
    merged = merge_libraries([saved_of([lose], [skill((1, 1), [TAKE], 5)])])
    assert [stored.achieves for stored in skills_of(merged)] == [{"has_key": True}]
    assert merged.conflicts[0].opposite and merged.conflicts[0].dropped.achieves == {"has_key": False}


def test_other_effects_that_do_not_contradict_stay():
    other = skill((1, 1), [OPEN], 1, post_mask=[False, True, False], post_value=[False, True, False], labels=1)
    merged = merge_libraries([saved_of([other], [skill((1, 1), [TAKE], 5)])])
    assert ways(merged) == [(TAKE,), (OPEN,)] and merged.conflicts == ()


COVER = skill((1, 0), [RIGHT], 9)  # costs 1.1 at home, and at (2, 0) 8 * (0.0078 + 0.01) = 0.14 more over its rate
OTHERS = [
    (skill((2, 0), [RIGHT, RIGHT], 9), True),
    (skill((2, 0), [RIGHT, RIGHT], 9, pre_value=[False, True, False]), False),
    (skill((2, 0), [RIGHT, RIGHT], 9, pre_mask=[True, True, False]), False),
    (skill((2, 0), [OPEN, OPEN], 9, post_mask=[False, True, False], post_value=[False, True, False], labels=1), False),
    (skill((2, 0), [RIGHT], 9), False),  # as quick, and made for the place
    (skill((0, 2), [UP, UP], 9), False),  # another direction
    (skill((2, 0), [RIGHT, RIGHT], 0, 9), True),  # retired
    (skill((0, 2), [UP, UP], 0, 9), False),  # retired, and in another direction
]


@pytest.mark.parametrize(("other", "covered"), OTHERS)
def test_what_another_is_quicker_at_is_covered(other, covered):
    merged = merge_libraries([saved_of([other], [COVER])])
    assert (merged.num_covered, len(skills_of(merged))) == (int(covered), 1 if covered else 2)


def test_a_retired_skill_covers_nothing():
    retired = COVER | {"success_counts": 1, "failure_counts": 9, "use_counts": 10}
    assert ways(merge_libraries([saved_of([retired, OTHERS[0][0]])])) == [(RIGHT, RIGHT)]
    assert ways(merge_libraries([saved_of([retired, OTHERS[6][0]])])) == [(RIGHT,), (RIGHT, RIGHT)]


REACHING = dataclasses.replace(CONFIG, keeps_reach=True)


def test_where_a_copy_has_killed_none_reaches_any_more():
    deadly = saved_of([COVER | {"reach": 0.25}], [skill((1, 0), [RIGHT], 3) | {"reach": 0.125}], config=REACHING)
    for sources in itertools.permutations([deadly, saved_of([COVER])]):
        merged = merge_libraries(sources)
        assert [(stored.reach, stored.uses) for stored in skills_of(merged)] == [(0.125, 21)]
        assert merged.saved.config.keeps_reach


@pytest.mark.parametrize(("reach", "kept"), [(0.001, 2), (0.25, 1), (np.inf, 1)])
def test_a_skill_covers_nothing_beyond_its_reach(reach, kept):
    merged = merge_libraries([saved_of([COVER | {"reach": reach}, OTHERS[0][0] | {"reach": np.inf}], config=REACHING)])
    assert len(skills_of(merged)) == kept


def test_among_embeddings_of_another_rule_nothing_is_covered():
    saved = dataclasses.replace(saved_of([COVER, OTHERS[0][0]]), embedding="my:rule of 2 coordinates")
    assert merge_libraries([saved]).num_covered == 0


def test_what_does_not_fit_is_the_least_successful():
    used = [skill((1, 0), [RIGHT], 2), skill((0, 1), [UP, UP, UP], 8), skill((0, -1), [DOWN], 5)]
    merged = merge_libraries([saved_of(used, config=CONFIG)], capacity=2)
    assert (ways(merged), merged.num_left_out) == ([(UP, UP, UP), (DOWN,)], 1)
    assert merged.saved.libraries.num_evictions[0] == 1 and merged.saved.config.capacity == 2
    assert merged.saved.libraries.skill_ids[0].tolist() == [1, 0]
    small = saved_of(used[:1], config=dataclasses.replace(CONFIG, capacity=1))
    assert merge_libraries([small, saved_of(used)]).saved.config.capacity == 8


def test_counts_end_at_the_largest_number():
    often = skill((1, 0), [RIGHT], 2**31 - 1, merge_counts=2**31 - 1)
    (stored,) = skills_of(merge_libraries([saved_of([often], [often])]))
    assert stored.successes == stored.uses == stored.merges == 2**31 - 1


def test_under_the_tutorials_counting_a_copy_is_a_merge():
    config = dataclasses.replace(CONFIG, counting="tutorial")
    once = skill((1, 0), [RIGHT], use_counts=0, success_counts=1)  # a skill begins with a success
    merged = merge_libraries([saved_of([once], [once], [once], config=config)])
    assert [(stored.successes, stored.merges) for stored in skills_of(merged)] == [(3, 2)]
    check_origin(merged.saved.libraries, merged.saved.config, merged.saved.agents)


@pytest.mark.parametrize("counting", ["outcomes", "tutorial"])
def test_rates_are_those_of_the_memory(counting):
    config = dataclasses.replace(CONFIG, counting=counting)
    saved = saved_of([skill((1, k), [UP], k, 5 - k, merge_counts=5) for k in range(6)], config=config)
    one = jax.tree.map(lambda array: array[0], saved.libraries)
    rates = rates_of(rows_of([saved], config), config)
    np.testing.assert_allclose(rates, np.maximum(library.success_rates(one, config)[:6], 1e-6), rtol=1e-6)


def test_no_skills_are_no_error():
    merged = merge_libraries([saved_of([], [])])
    assert_same_bits(merged.saved.libraries, saved_of([]).libraries)


def test_what_is_merged_goes_to_a_file_and_starts_many_agents(tmp_path):
    saved = merge_libraries([saved_of([COVER], [OTHERS[5][0]])]).saved
    sizes = {"capacity": 12, "embedding_size": 4, "max_skill_length": 3}
    config = make_experiment("random-3", "default", overrides=sizes)[0]
    for suffix in ("json", "npz"):
        export_libraries(
            tmp_path / f"a.{suffix}", saved.libraries, saved.config, embedding=saved.embedding, agents=saved.agents
        )
        warm = make_warm_start(import_libraries(tmp_path / f"a.{suffix}"), config, 5)
        assert warm.libraries.used.sum(axis=1).tolist() == [2] * 5 and warm.sha256 == saved.sha256


def with_config(**changes):
    return saved_of([], config=dataclasses.replace(CONFIG, **changes))


OTHER_KINDS = [
    (saved_of([], percept="b"), "second: percept=b differs from a of first"),
    (dataclasses.replace(saved_of([]), embedding="mine"), "embedding=mine differs from direction of 2 coordinates of"),
    (dataclasses.replace(saved_of([]), action_names=tuple("abcdef")), "second: action_names=a, b, c, d, e, f differs"),
    (dataclasses.replace(saved_of([]), predicate_names=tuple("abc")), "predicate_names=a, b, c differs from has_key, "),
    (with_config(embedding_size=5), "embedding_size=5 differs from 4"),
    (with_config(max_skill_length=2), "max_skill_length=2 differs from 3"),
    (with_config(counting="tutorial"), "counting=tutorial differs from outcomes"),
    (saved_of([skill((1, 1), [UP], 5, use_counts=1)]), "second: no library is like this: successes are not above"),
]


@pytest.mark.parametrize(("other", "text"), OTHER_KINDS)
def test_what_does_not_belong_together_is_refused(other, text):
    with pytest.raises(ValueError, match=text) as caught:
        merge_libraries([saved_of([], percept="a"), other], names=["first", "second"])
    assert "\n" not in str(caught.value)


def test_the_percept_may_be_unknown_of_some():
    sources = [saved_of([]), saved_of([], percept="a"), saved_of([])]
    assert merge_libraries(sources).saved.percept == "a"
    with pytest.raises(ValueError, match="source 4: percept=b differs from a of source 2"):
        merge_libraries([*sources, saved_of([], percept="b")])


def test_nothing_and_codes_of_ones_own_are_refused():
    with pytest.raises(ValueError, match="no libraries were given"):
        merge_libraries([])
    own = dataclasses.replace(saved_of([], []), embedding="tutorial codes per_agent")
    with pytest.raises(ValueError, match="code_tables=per_agent: no agent can read"):
        merge_libraries([own])
    assert merge_libraries([own.of_agent(1), own.of_agent(1)]).saved.agents == (1,)


def test_wide_actions_stay_wide():
    wide = saved_of([skill((1, 0), [RIGHT])], config=dataclasses.replace(CONFIG, wide_actions=True))
    for sources in itertools.permutations([wide, saved_of([skill((1, 0), [RIGHT])])]):
        merged = merge_libraries(sources)
        assert merged.saved.libraries.actions.dtype == np.int16 and merged.num_joined == 1


CONTEXTS = st.tuples(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0, 500.0, 500.5, 501.0]), st.sampled_from([0.0, 1.0]))
EFFECTS = st.sampled_from([((1, 0, 0), (1, 0, 0), 0), ((1, 0, 0), (0, 0, 0), -1), ((1, 1, 0), (0, 1, 0), 1)])


few = settings(max_examples=15, deadline=None)


@st.composite
def skills(draw, counts):
    """Any skill of a few situations, ways and effects."""
    mask, value, label = draw(EFFECTS)
    created = draw(st.integers(0, 9))
    numbers = {"created": created, "last_used": created + draw(st.integers(0, 9)), "merge_counts": draw(counts)}
    return skill(
        draw(CONTEXTS),
        draw(st.lists(st.sampled_from([UP, RIGHT]), min_size=1, max_size=3)),
        draw(counts),
        draw(counts),
        pre_value=[draw(st.booleans()), False, False],
        post_mask=mask,
        post_value=value,
        labels=label,
        learned_episode=draw(st.integers(-1, 2)),
        **numbers,
    )


def agents(counts=None):
    counts = st.integers(0, 6) if counts is None else st.just(counts)
    return st.lists(st.lists(skills(counts), max_size=6), min_size=1, max_size=4)


@few
@given(agents(), st.integers(1, 9), st.randoms())
def test_the_order_of_agents_and_sources_does_not_matter(given_agents, capacity, random):
    clocks = [20 + 5 * number for number in range(len(given_agents))]
    sources = [saved_of(skills, clock=clock) for skills, clock in zip(given_agents, clocks, strict=True)]
    wanted = merge_libraries(sources, capacity=capacity)
    random.shuffle(sources)
    found = merge_libraries(sources, capacity=capacity)
    assert_same_bits(found.saved.libraries, wanted.saved.libraries)
    shuffled = [random.sample(skills, len(skills)) for skills in given_agents]
    random.shuffle(shuffled)
    one, other = (merge_libraries([saved_of(*part)], capacity=capacity) for part in (given_agents, shuffled))
    assert_same_bits(other.saved.libraries, one.saved.libraries)
    assert (other.num_joined, other.num_covered, other.conflicts) == (one.num_joined, one.num_covered, one.conflicts)


@few
@given(agents(), st.integers(1, 9))
def test_what_is_merged_is_sound_and_holds_no_two_alike(given_agents, capacity):
    merged = merge_libraries([saved_of(*given_agents)], capacity=capacity)
    saved = merged.saved
    check_origin(saved.libraries, saved.config, saved.agents)
    kept = skills_of(merged)
    lost = merged.num_joined + len(merged.conflicts) + merged.num_covered + merged.num_left_out
    assert len(kept) + lost == merged.num_skills == sum(map(len, given_agents))
    again = skills_of(merge_libraries([saved, saved]))  # better known, some may be covered, but there is nothing new
    assert {(stored.name, stored.actions) for stored in again} <= {(stored.name, stored.actions) for stored in kept}
    for one, other in itertools.combinations(kept, 2):
        same = one.embedding @ other.embedding > DefaultMemoryParams().merge_threshold
        shared = set(one.achieves) & set(other.achieves)
        opposite = any(one.achieves[name] != other.achieves[name] for name in shared)
        assert not (same and one.requires == other.requires and (opposite or one.achieves == other.achieves))


@few
@given(agents(counts=0))
def test_a_library_merged_with_itself_changes_nothing_but_counts(given_agents):
    # Of equal rates, so that twice the evidence makes none better than another.
    once = merge_libraries([saved_of(*given_agents)], capacity=24).saved.libraries
    twice = merge_libraries([saved_of(*given_agents), saved_of(*given_agents)], capacity=24).saved.libraries
    assert (twice.merge_counts >= once.merge_counts + once.used).all()
    assert_same_bits(dataclasses.replace(twice, merge_counts=once.merge_counts), once)
