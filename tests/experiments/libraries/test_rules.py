"""What no memory leaves is refused from a file, with the skill and the field named."""

import dataclasses
import json
import zipfile

import numpy as np
import pytest

from experiments.handmade_libraries import CONFIG, EMBEDDING, changed, handmade_libraries
from procmem_jax.experiments.libraries import json as library_json
from procmem_jax.experiments.libraries import npz
from procmem_jax.experiments.libraries.files import export_libraries, import_libraries, read_saved, write_saved
from procmem_jax.experiments.libraries.saved import SavedLibraries

PREDICATES, ACTIONS = ("has_key", "door_open", "goal_reached"), ("up", "down", "left", "right", "take", "open")


def saved_of(libraries, config=CONFIG):
    return SavedLibraries(libraries, config, EMBEDDING, PREDICATES, ACTIONS, (0, 1), {})


BROKEN = [
    ("embeddings", (0, 2), [1e30, 0, 0, 0], "embeddings have length 1 (agent 0, slot 2: embeddings)"),
    ("embeddings", (0, 0), [0, 0, 0, 0], "embeddings have length 1 (agent 0, slot 0: embeddings)"),
    ("embeddings", (0, 0), [0.6, 0, 0, 0.7], "embeddings have length 1 (agent 0, slot 0: embeddings)"),
    ("clock", 1, -1, "clocks and counts are not negative (agent 1: clock=-1)"),
    ("num_evictions", 1, -5, "clocks and counts are not negative (agent 1: num_evictions=-5)"),
    ("next_id", 1, -5, "clocks and counts are not negative (agent 1: next_id=-5)"),
    ("created", (0, 2), -1, "created is from 0 to the clock (agent 0, slot 2: created=-1)"),
    ("created", (0, 2), 12, "created is from 0 to the clock (agent 0, slot 2: created=12)"),
    ("last_used", (0, 0), 2, "last_used is from created to the clock (agent 0, slot 0: last_used=2)"),
    ("last_used", (0, 0), 12, "last_used is from created to the clock (agent 0, slot 0: last_used=12)"),
    ("success_counts", (0, 0), 6, "successes are not above uses (agent 0, slot 0: success_counts=6)"),
    ("failure_counts", (0, 0), 6, "failures are not above uses (agent 0, slot 0: failure_counts=6)"),
    ("learned_episode", (0, 0), -2, "learned_episode is from -1 (agent 0, slot 0: learned_episode=-2)"),
    ("learned_tick", (0, 2), -9, "learned_tick is from -1 (agent 0, slot 2: learned_tick=-9)"),
]  # fmt: skip


@pytest.mark.parametrize("suffix", [".json", ".npz"])
@pytest.mark.parametrize(("field", "place", "value", "text"), BROKEN)
def test_what_no_memory_leaves_is_refused(tmp_path, suffix, field, place, value, text):
    libraries = changed(handmade_libraries(), field, place, value)
    path = tmp_path / f"skills{suffix}"
    write_saved(path, saved_of(libraries))  # as a run of a user's own memory does
    assert read_saved(path).libraries.used.sum() == 2
    with pytest.raises(ValueError) as caught:
        import_libraries(path)
    assert str(caught.value) == f"{path}: no library is like this: {text}; export it again"
    with pytest.raises(ValueError, match="no library is like this"):
        export_libraries(tmp_path / "b.json", libraries, CONFIG, embedding=EMBEDDING)


def test_a_merge_is_a_success_under_the_tutorials_counting(tmp_path):
    config = dataclasses.replace(CONFIG, counting="tutorial")
    libraries = changed(handmade_libraries(), "success_counts", (0, 0), 8)  # 5 uses, 2 merges, 1 to begin with
    write_saved(tmp_path / "a.npz", saved_of(libraries, config))
    assert import_libraries(tmp_path / "a.npz").libraries.success_counts[0, 0] == 8
    write_saved(tmp_path / "b.npz", saved_of(changed(libraries, "success_counts", (0, 0), 9), config))
    with pytest.raises(ValueError, match="successes are not above uses and merges .agent 0, slot 0: success_counts=9"):
        import_libraries(tmp_path / "b.npz")


@pytest.mark.parametrize("suffix", [".json", ".npz"])
@pytest.mark.parametrize("agent", [2**32, -1])
def test_a_number_that_no_agent_has_is_refused(tmp_path, suffix, agent):
    path = tmp_path / f"skills{suffix}"
    write_saved(path, saved_of(handmade_libraries()))
    if suffix == ".json":
        content = json.loads(path.read_text())
        content["agents"][1] = content["libraries"][1]["agent"] = agent
        path.write_text(json.dumps(content))
    else:
        with np.load(path) as stored:
            arrays = dict(stored)
        head = json.loads(str(arrays["header"])) | {"agents": [0, agent]}
        np.savez(path, **arrays | {"header": np.array(json.dumps(head))})
    with pytest.raises(ValueError, match=f"agents are not distinct numbers from 0 to 4294967295 .agent={agent}"):
        import_libraries(path)


@pytest.mark.parametrize(("number", "why"), [(-1, "format=-1 is not one of 1 to 4"), (0, "format=0 is not one")])
def test_a_format_that_there_never_was_is_refused(tmp_path, number, why):
    path = tmp_path / "skills.json"
    write_saved(path, saved_of(handmade_libraries()))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": number}))
    with pytest.raises(ValueError, match=why):
        import_libraries(path)


def test_a_bomb_is_refused_before_it_unpacks(tmp_path, monkeypatch):
    path = tmp_path / "skills.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("header.npy", "w") as member:
        member.write(bytes(1 << 21))
    monkeypatch.setattr(npz, "_HARMLESS_BYTES", 1 << 20)
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(ValueError, match=r"its [\d,]+ bytes would unpack to 2,097,152, over 20 times as many"):
        import_libraries(path)


def test_a_capacity_that_does_not_fit_is_refused_before_it_is_made(tmp_path, monkeypatch):
    path = tmp_path / "skills.json"
    write_saved(path, saved_of(handmade_libraries()))
    content = json.loads(path.read_text())
    content["config"]["capacity"] = 65536
    path.write_text(json.dumps(content))
    monkeypatch.setattr(library_json, "_MOST_BYTES", 1 << 20)
    monkeypatch.setattr(library_json.np, "repeat", None)
    with pytest.raises(ValueError, match=r"capacity=65536 for 2 agents takes [\d,]+ bytes"):
        import_libraries(path)


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_what_is_nested_too_deep_is_one_line(tmp_path, suffix):
    path, deep = tmp_path / f"skills{suffix}", "[" * 100_000 + "]" * 100_000
    if suffix == ".json":
        path.write_text(deep)
    else:
        np.savez(path, header=np.array(deep))
    with pytest.raises(ValueError, match=rf"skills\{suffix}: cannot be read as") as caught:
        import_libraries(path)
    assert "\n" not in str(caught.value)


def test_a_mark_at_the_beginning_of_a_file_does_not_matter(tmp_path):
    path = tmp_path / "skills.json"
    write_saved(path, saved_of(handmade_libraries()))
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert import_libraries(path).libraries.used.sum() == 2
