"""Files of libraries: there and back bit for bit, readable, never half-written, and refused where damaged."""

import dataclasses
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.handmade_libraries import CONFIG, EMBEDDING, assert_same_bits, changed, handmade_libraries
from procmem_jax.experiments.libraries import files as library_files
from procmem_jax.experiments.libraries.files import export_libraries, import_libraries
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.storage.versions import versions
from procmem_jax.experiments.training.train import train
from procmem_jax.memory.library import empty, with_reach
from procmem_jax.streams import run_key

SUFFIXES = pytest.mark.parametrize("suffix", [".json", ".npz"])
PREDICATES = ("has_key", "door_open", "goal_reached")
ACTIONS = ("move_up", "move_down", "move_left", "move_right", "pickup_key", "open_door")


def export(path, libraries=None, **changes):
    export_libraries(path, libraries or handmade_libraries(), CONFIG, **({"embedding": EMBEDDING} | changes))
    return path


@SUFFIXES
def test_there_and_back_bit_for_bit(tmp_path, suffix):
    path, libraries = tmp_path / "deep" / f"skills{suffix}", handmade_libraries()
    export(path, libraries, agents=[3, 8])
    saved = import_libraries(str(path))
    assert_same_bits(saved.libraries, libraries)
    assert (saved.config, saved.embedding, saved.agents) == (CONFIG, EMBEDDING, (3, 8))
    assert (saved.predicate_names, saved.action_names, saved.versions) == (PREDICATES, ACTIONS, versions())
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@SUFFIXES
def test_what_agents_learned_comes_back_bit_for_bit(tmp_path, suffix):
    config, params = make_experiment("random-3", "tutorial")
    libraries = train(run_key(0), config, params, 4, 3).libraries
    assert libraries.used.any(axis=1).all()
    path = tmp_path / f"skills{suffix}"
    export_libraries(path, libraries, config.library, embedding="tutorial codes per_agent")
    saved = import_libraries(path)
    assert_same_bits(saved.libraries, libraries)
    assert (saved.config, saved.agents) == (dataclasses.replace(config.library, eviction="lru"), (0, 1, 2, 3))


def test_both_kinds_of_file_and_jax_arrays_have_one_digest(tmp_path):
    one, other = (
        export(tmp_path / "a.json"),
        export(tmp_path / "b.npz", jax.tree.map(jnp.asarray, handmade_libraries())),
    )
    assert import_libraries(one).sha256 == import_libraries(other).sha256
    third = export(tmp_path / "c.json", changed(handmade_libraries(), "embeddings", (0, 0, 1), 0.0))  # from -0.0
    assert import_libraries(third).sha256 != import_libraries(one).sha256


@SUFFIXES
def test_when_a_skill_was_learned_comes_back_and_is_not_in_the_digest(tmp_path, suffix):
    libraries = handmade_libraries()
    libraries.learned_episode[0, [0, 2]] = 6, 2
    libraries.learned_tick[0, [0, 2]] = 210, 31
    saved = import_libraries(export(tmp_path / f"skills{suffix}", libraries))
    assert_same_bits(saved.libraries, libraries)
    assert saved.sha256 == import_libraries(export(tmp_path / f"other{suffix}")).sha256


@SUFFIXES
def test_what_deaths_taught_comes_back(tmp_path, suffix):
    config = dataclasses.replace(CONFIG, keeps_reach=True)
    libraries = with_reach(handmade_libraries(), True)
    unmarked = {"config": config, "embedding": EMBEDDING}
    export_libraries(tmp_path / f"nothing{suffix}", libraries, **unmarked)  # nobody has died
    assert (tmp_path / f"nothing{suffix}").read_bytes() == export(tmp_path / f"off{suffix}").read_bytes()
    reach = np.full((2, 3), np.inf, np.float32)
    reach[0] = 0.1, 3.0, np.inf  # of which slot 1 is empty
    export_libraries(tmp_path / f"skills{suffix}", dataclasses.replace(libraries, reach=reach), **unmarked)
    saved = import_libraries(tmp_path / f"skills{suffix}")
    assert saved.config == config and saved.libraries.reach.tolist() == [
        [np.float32(0.1), np.inf, np.inf],
        [np.inf] * 3,
    ]
    assert_same_bits(with_reach(saved.libraries, False), handmade_libraries())
    assert (
        saved.sha256.startswith("4ad1a3ecb53a") and saved.sha256 != import_libraries(tmp_path / f"off{suffix}").sha256
    )
    assert saved.of_agent(1).libraries.reach is None and not saved.of_agent(1).config.keeps_reach
    libraries = dataclasses.replace(libraries, reach=np.full_like(reach, np.nan))
    with pytest.raises(ValueError, match="reach is a number"):
        export_libraries(tmp_path / f"nan{suffix}", libraries, **unmarked)


@SUFFIXES
def test_what_nothing_looks_at_is_not_kept(tmp_path, suffix):
    libraries = handmade_libraries()
    for field, place in (("actions", (0, 2, 1)), ("embeddings", (0, 1, 0)), ("use_counts", (1, 0))):
        libraries = changed(libraries, field, place, 3)
    for field, place in (("pre_value", (0, 0, 2)), ("post_value", (0, 2, 1)), ("pre_mask", (1, 1, 1))):
        libraries = changed(libraries, field, place, True)
    saved = import_libraries(export(tmp_path / f"skills{suffix}", libraries))
    assert_same_bits(saved.libraries, handmade_libraries())


def test_json_is_readable(tmp_path):
    text = export(tmp_path / "skills.json").read_text(encoding="utf-8")
    assert '  "predicate_names": ["has_key", "door_open", "goal_reached"],\n' in text
    skill = """\
        {
          "slot": 0,
          "name": "acquire_key",
          "precondition": {"has_key": false, "door_open": true},
          "postcondition": {"has_key": true},
          "actions": ["move_down", "move_right", "pickup_key"],
          "label": "has_key",
          "id": 7,
          "successes": 4,
          "failures": 1,
          "uses": 5,
          "merges": 2,
          "created": 3,
          "last_used": 9,
          "episode": -1,
          "tick": -1,
          "embedding": [0.6000000238418579, -0.0, 1.401298464324817e-45, 0.800000011920929]
        },
"""
    assert skill in text
    assert json.loads(text)["libraries"][1] == {"agent": 1, "clock": 0, "next_id": 0, "num_evictions": 0, "skills": []}


def test_a_library_of_one_agent():
    saved = SavedLibraries(handmade_libraries(), CONFIG, EMBEDDING, PREDICATES, ACTIONS, (3, 8), {})
    assert saved.of_agent(3).agents == (3,)
    assert_same_bits(saved.of_agent(3).libraries, handmade_libraries(1))
    assert not saved.of_agent(8).libraries.used.any()
    with pytest.raises(ValueError, match="agent=0 has no library here; choose from 3 to 8"):
        saved.of_agent(0)
    with pytest.raises(ValueError, match="agent=8 has no library here; choose from 3$"):
        saved.of_agent(3).of_agent(8)


@SUFFIXES
def test_an_existing_file_is_overwritten_only_on_demand(tmp_path, suffix):
    path = tmp_path / f"skills{suffix}"
    path.write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"skills\.(json|npz) exists; choose another name or --force"):
        export(path)
    assert path.read_bytes() == b"mine"
    export(path, overwrite=True)
    assert import_libraries(path).config == CONFIG
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    with pytest.raises(ValueError, match="exists; choose another name$"):
        export(folder, overwrite=True)


@SUFFIXES
def test_a_failure_leaves_the_old_file_and_no_other(monkeypatch, tmp_path, suffix):
    path = export(tmp_path / f"skills{suffix}")
    before = path.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        export(path, overwrite=True)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["skills.txt", "skills", "skills.JSON"])
def test_an_unknown_suffix_is_named(tmp_path, name):
    for attempt in (export, import_libraries):
        with pytest.raises(ValueError, match=r"suffix '[.a-zA-Z]*' is unknown; choose from \.json, \.npz"):
            attempt(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def refused(path, text):
    """Asserts that the file is refused in one line that names it."""
    with pytest.raises(ValueError, match=re.escape(text)) as caught:
        import_libraries(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@SUFFIXES
@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"\xff\xfe", b"PK\x03\x04", None])
def test_a_damaged_file_is_refused(tmp_path, suffix, damage):
    path = export(tmp_path / f"skills{suffix}")
    path.write_bytes(path.read_bytes()[:-200] if damage is None else damage)
    refused(path, "skills" + suffix)


def test_flipped_bits_in_an_npz_are_noticed(tmp_path):
    path = export(tmp_path / "skills.npz")
    content = bytearray(path.read_bytes())
    place = content.index(np.float32(0.8).tobytes())
    content[place] ^= 1
    path.write_bytes(content)
    refused(path, "skills.npz: cannot be read as libraries")


def test_a_missing_file_is_named(tmp_path):
    for suffix in (".json", ".npz"):
        refused(tmp_path / f"nowhere{suffix}", "cannot be read")


def test_the_libraries_file_of_a_run_of_format_1_is_told_from_an_exported_one(tmp_path):
    libraries = handmade_libraries()
    np.savez(tmp_path / "libraries.npz", **libraries.known())
    refused(tmp_path / "libraries.npz", "holds no exported libraries; make such a file with `procmem library export`")


@SUFFIXES
@pytest.mark.parametrize("number", [5, 10**6])
def test_a_later_format_is_refused(monkeypatch, tmp_path, suffix, number):
    monkeypatch.setattr(library_files, "_format_of", lambda config: number)
    path = export(tmp_path / f"skills{suffix}")
    monkeypatch.undo()
    refused(path, f"format={number} is above 4, the newest that procmem_jax")


def in_head(**changes):
    return lambda content: content | changes


def in_skill(**changes):
    def change(content):
        content["libraries"][0]["skills"][1] |= changes
        return content

    return change


def without(name):
    def change(content):
        del content["libraries"][0]["skills"][0][name]
        return content

    return change


DAMAGES = [
    (in_head(kind="recipes"), "holds no exported libraries"),
    (in_head(format="1"), "holds no exported libraries"),
    (in_head(format=True), "holds no exported libraries"),
    (in_head(config={"capacity": 3, "slots": 2}), "unexpected keyword argument 'slots'"),
    (in_head(config={"capacity": 0}), "capacity=0 is below 1"),
    (in_head(agents=[0, 2]), "agents are not those of the libraries"),
    (in_head(agents=[], libraries=[]), "agents are not distinct numbers from 0"),
    (in_head(embedding=4), "embedding=4 is a int; give a name"),
    (in_head(predicate_names=["has_key"]), "'door_open' is not among has_key"),
    (in_head(predicate_names=["has_key", "door_open"]), "2 predicate_names differ from num_predicates=3"),
    (in_head(action_names=[*ACTIONS, "move_up"]), "are not distinct texts"),
    (in_head(libraries=None), "TypeError"),
    (in_skill(slot=0), "slot=0 is taken twice or outside 0 to 2"),
    (in_skill(slot=-1), "slot=-1 is taken twice or outside 0 to 2"),
    (in_skill(slot=3), "slot=3 is taken twice or outside 0 to 2"),
    (in_skill(slot=1.5), "TypeError"),
    (in_skill(actions=["jump"]), "'jump' is not among move_up, move_down"),
    (in_skill(actions=[]), "lengths are from 1 to 3"),
    (in_skill(actions=["move_up"] * 4), "a skill of 4 actions is longer than max_skill_length=3"),
    (in_skill(label="rich"), "'rich' is not among has_key, door_open, goal_reached"),
    (in_skill(precondition={"rich": True}), "'rich' is not among has_key"),
    (in_skill(precondition={"has_key": "no"}), "precondition asks 'no' of has_key, not true or false"),
    (in_skill(postcondition=[]), "AttributeError"),
    (in_skill(id=7), "skill_ids never repeat"),
    (in_skill(id=9), "skill_ids are from 0 to next_id - 1"),
    (in_skill(id=-1), "id=-1 is below 0"),
    (in_skill(uses=-1), "counts are not negative"),
    (in_skill(uses=2**31), "uses=2147483648 has more than 32 bits (agent 0, slot 2)"),
    (in_skill(uses="12"), "uses='12' is not a whole number (agent 0, slot 2)"),
    (lambda content: in_skill(reach="0.5")(in_head(config=content["config"] | {"keeps_reach": True})(content)),
     "reach='0.5' is not a number (agent 0, slot 2)"),
    (in_skill(embedding=[1.0, 0.0]), "embedding of shape (2,) is not of 4 numbers (agent 0, slot 2)"),
    (in_skill(embedding=[1e39, 0.0, 0.0, 0.0]), "embeddings are finite numbers"),
    (in_skill(embedding=[float("nan"), 0.0, 0.0, 0.0]), "embeddings are finite numbers"),
    (without("uses"), "KeyError: 'uses'"),
    (without("embedding"), "KeyError: 'embedding'"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "text"), DAMAGES)
def test_json_that_makes_no_sense_is_refused(tmp_path, change, text):
    path = export(tmp_path / "skills.json")
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    refused(path, text)


@pytest.mark.parametrize(
    ("field", "place", "value", "text"),
    [
        ("actions", (0, 0, 1), 6, "actions are from 0 to 5"),
        ("actions", (0, 0, 1), -1, "actions are from 0 to 5"),
        ("lengths", (0, 0), 0, "lengths are from 1 to 3"),
        ("lengths", (0, 0), 4, "lengths are from 1 to 3"),
        ("labels", (0, 2), 3, "labels are from -1 to 2"),
        ("labels", (0, 2), -2, "labels are from -1 to 2"),
        ("embeddings", (0, 2, 0), np.inf, "embeddings are finite numbers"),
        ("failure_counts", (0, 2), -1, "counts are not negative"),
        ("skill_ids", (0, 2), -2, "skill_ids are from 0 to next_id - 1"),
        ("skill_ids", (0, 0), 5, "skill_ids never repeat"),
    ],
)
def test_values_that_no_library_can_hold_are_refused(tmp_path, field, place, value, text):
    libraries = changed(handmade_libraries(), field, place, value)
    with pytest.raises(ValueError, match=f"no library is like this: {text}"):
        export(tmp_path / "skills.npz", libraries)
    path = export(tmp_path / "skills.npz")
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(path, **arrays | {field: getattr(libraries, field)})
    refused(path, f"is damaged (ValueError: no library is like this: {text}")


def test_libraries_of_another_shape_are_refused(tmp_path):
    other = dataclasses.replace(CONFIG, capacity=4)
    with pytest.raises(ValueError, match=r"embeddings is float32\[2, 3, 4\], not float32\[2, 4, 4\]"):
        export_libraries(tmp_path / "a.npz", handmade_libraries(), other, embedding=EMBEDDING)
    with pytest.raises(ValueError, match=r"embeddings is float32\[3, 4\], not float32\[3, 3, 4\]"):
        export(tmp_path / "a.npz", empty(CONFIG))
    with pytest.raises(ValueError, match=r"embeddings is float32\[2, 3, 4\], not float32\[1, 3, 4\]"):
        export(tmp_path / "a.npz", agents=[0])
    with pytest.raises(ValueError, match="agents are not distinct numbers"):
        export(tmp_path / "a.npz", agents=[1, 1])
    assert list(tmp_path.iterdir()) == []
