"""The study of retrieval: what it looks up and counts by hand, its worlds, and a tiny run."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import retrieval_study
from procmem_jax import make_experiment, run_key, train
from procmem_jax.envs.grid.layouts import make_layout
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.memory.library import empty
from retrieval.lies import lying_libraries
from retrieval.lives import Tick, live, uses_of
from retrieval.measures import bin_sums, calibration_error, measure, reliability, share_of_agents
from retrieval.worlds import OneSided, WithoutWalls, steps_to_next_fact

YES, NO = True, False


def test_uses_by_hand():
    """A whole run that ends well; one broken off for a first step; the other agent's, dropped after a loop."""
    ticks = Tick(
        episode=np.array([0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1]),
        active=np.array([YES] * 10 + [NO] * 2),
        runs=np.array([YES, YES, NO, YES, YES, NO, NO, YES, YES, NO, YES, NO]),
        starts=np.array([YES, NO, NO, YES, YES, NO, NO, YES, NO, NO, YES, NO]),
        whole=np.array([YES, YES, YES, YES, NO, NO, NO, YES, YES, YES, YES, YES]),
        rate=np.array([0.5, 0.6, 0.6, 0.7, 0.8, 0.8, 0, 0.9, 0.9, 0.9, 0.1, 0.1]),
        fulfilled=np.array([NO, YES, NO, NO, NO, YES, NO, NO, NO, YES, YES, NO]),
        nearer=np.array([NO, YES, NO, NO, YES, NO, NO, YES, YES, NO, NO, NO]),
        ends=np.array([NO, YES, NO, NO, YES, NO, NO, NO, NO, YES, YES, NO]),
        counted=np.array([0, 1, 0, 0, 1, 0, 0, 0, 0, -1, 1, 0], np.int8),
    )
    uses = uses_of(ticks, 2)
    assert uses.agent.tolist() == [0, 0, 0, 1]
    assert uses.episode.tolist() == [0, 1, 1, 0]
    assert uses.rate.tolist() == [0.5, 0.7, 0.8, 0.9]
    assert uses.whole.tolist() == [YES, YES, NO, YES]
    assert uses.kept.tolist() == [YES, NO, YES, NO]
    assert uses.ended.tolist() == [YES, NO, YES, YES]
    assert uses.counted.tolist() == [1, 0, 1, -1]
    assert share_of_agents(uses, uses.kept, 3)[0] == pytest.approx((2 / 3 + 0) / 2)  # the third agent used none
    none = uses_of(jax.tree.map(lambda column: column[5:7], ticks), 1)
    assert len(none.agent) == 0 and np.isnan(share_of_agents(none, none.kept, 1)).all()


def test_calibration_by_hand():
    """Two uses at 0.25, one of them well, and two at 1, both well: each is off by 0.25, and by 0."""
    uses = uses_of(
        Tick(
            episode=np.zeros(4, int),
            rate=np.array([0.25, 0.25, 1.0, 1.0]),
            nearer=np.array([YES, NO, YES, YES]),
            **{name: np.full(4, name != "whole") for name in ("active", "runs", "starts", "whole", "ends")},
            fulfilled=np.zeros(4, bool),
            counted=np.ones(4, np.int8),
        ),
        2,
    )
    sums = bin_sums(uses, uses.kept, 2)
    assert sums[0, :, 2].tolist() == [2, 0.5, 1] and sums[1, :, 9].tolist() == [2, 2, 2] and sums.sum() == 9.5
    assert calibration_error(sums) == (0.125, 0.0, 0.25)
    assert [(row["bin"], row["uses"], row["rate"], row["outcome"][0]) for row in reliability(sums)] == [
        (2, 2, 0.25, 0.5),
        (9, 2, 1.0, 1.0),
    ]
    assert np.isnan(calibration_error(np.zeros((2, 3, 10)))).all()


@pytest.mark.parametrize(
    ("grid", "x", "has_key", "door_open", "steps"),
    [
        (GridWorld("doorkey"), 0, NO, NO, 3 + 1),  # to (1, 2), and take the key
        (GridWorld("doorkey"), 0, YES, NO, 2 + 1),  # to (2, 0), and open the door of (3, 0)
        (GridWorld("doorkey"), 0, YES, YES, 3 + 5),  # through the door to (4, 4)
        (GridWorld("doorkey"), 4, YES, YES, 4),
        (GridWorld("random"), 0, YES, NO, 3 + 1),
        (GridWorld("random"), 0, YES, YES, 8),
    ],
)
def test_steps_to_the_next_fact(grid, x, has_key, door_open, steps):
    layout = make_layout([jnp.int32(number) for number in (0, 0, 1, 2, 3, 0, 4, 4, -1, -1)])
    facts = {"has_key": jnp.asarray(has_key), "door_open": jnp.asarray(door_open)}
    state = dataclasses.replace(grid.begin(layout, grid.default_params()), x=jnp.int8(x), **facts)
    assert int(steps_to_next_fact(grid, state)) == steps


def test_worlds_that_hold_something_out():
    sides, without = (GridWorld(), OneSided(), OneSided(leftwards=True)), WithoutWalls()
    params = without.default_params(size=8)

    @jax.jit
    def draw(words):
        state = without.reset_from_words(words, params)
        return [grid.draw_layout(words, params) for grid in sides], without.perceive_state(state, params).context

    layouts, context = draw((jnp.uint32(0x12345678), jnp.uint32(0x9ABCDEF0)))
    parts = [number for layout in layouts for number in jax.device_get(jax.tree.leaves(layout))]
    columns, rows = (np.reshape(parts, (3, 3))[:, :2, None] >> np.array([shift, shift + 16]) & 255 for shift in (0, 8))
    drawn, right, left = columns.reshape(3, 4).tolist()
    assert right == sorted(drawn) and left == right[::-1] and drawn not in (left, right)
    assert (rows == rows[0]).all()
    assert context.shape == (without.context_size,) == (GridWorld("doorkey").context_size,)
    assert context[2:].tolist() == [0] * 6 and context[:2].any()


def test_lies_are_skills_of_a_run():
    config, _ = make_experiment("random-8", overrides={"capacity": 4})
    libraries = lying_libraries(config, 8, 2, 3, 0)
    for name, shape in jax.eval_shape(lambda: empty(config.library)).known().items():
        told = getattr(libraries, name)
        assert (told.shape, told.dtype) == ((2, *shape.shape), shape.dtype)
    assert libraries.skill_ids.tolist() == [[0, 1, 2, -1]] * 2 and libraries.next_id.tolist() == [3, 3]
    np.testing.assert_allclose(np.linalg.norm(libraries.embeddings[:, :3], axis=-1), 1, rtol=1e-6)
    gained = libraries.post_value & ~libraries.pre_value
    assert (gained[:, :3].argmax(axis=-1) == libraries.labels[:, :3]).all() and gained[:, :3].sum() == 6
    assert (libraries.lengths[:, :3] > 0).all() and (libraries.actions[0] != libraries.actions[1]).any()


def test_what_is_of_use_in_learning_alone():
    """These are left out of frozen memories; every name is a setting of the memory."""
    config, _ = make_experiment("random-5")
    for name in retrieval_study.LEARNING_ONLY:
        assert hasattr(config.memory, name)


@pytest.mark.slow
def test_lives_are_those_of_train():
    config, params = make_experiment("random-4")
    lives = live(config, params, 3, 12, 5)
    trained = train(run_key(5), config, params, 3, 12)
    for name, column in trained.metrics.known().items():
        assert getattr(lives.metrics, name).tobytes() == np.asarray(column).tobytes(), name
    for name, column in trained.libraries.known().items():
        assert getattr(lives.libraries, name).tobytes() == np.asarray(column).tobytes(), name
    assert (
        np.bincount(lives.uses.agent[lives.uses.ended], minlength=3).tolist()
        == lives.metrics.skill_uses[:, -1].tolist()
    )
    wins = np.bincount(lives.uses.agent, lives.uses.counted > 0, 3)
    assert (lives.libraries.success_counts.sum(axis=1) <= wins).all() and wins.sum() > 0
    assert 0 < measure(lives, 5)["precision"][0] <= 1


@pytest.mark.slow
def test_a_tiny_run(tmp_path, capsys):
    out, figure = tmp_path / "rows" / "retrieval.json", tmp_path / "figures" / "retrieval.png"
    options = ["--quick", "--agents", "4", "--out", str(out), "--figure", str(figure)]
    retrieval_study.main(options)
    printed = capsys.readouterr().out
    assert printed.startswith("| world | arm | capacity | skills | precision, % |")
    assert figure.read_bytes().startswith(b"\x89PNG")
    found = json.loads(out.read_text())
    assert (found["agents"], found["seed"], [row["lies"] for row in found["lies"]]) == (4, 1000, [0, 4])
    retrieval_study.main(["--draw", *options])
    assert capsys.readouterr().out == printed
