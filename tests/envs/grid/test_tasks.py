"""Tasks by name."""

import pytest

from procmem_jax.envs.grid.task_names import TASK_FAMILIES, Task, parse_task
from procmem_jax.envs.grid.tasks import make_task
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("tutorial-4", Task("tutorial", 4, 50)),
        ("tutorial-64", Task("tutorial", 64, 50)),
        ("random-3", Task("random", 3, 36)),
        ("random-5", Task("random", 5, 100)),
        ("random-64", Task("random", 64, 4 * 64 * 64)),
    ],
)
def test_known_tasks(name, task):
    assert parse_task(name) == task
    assert task.name == name


UNKNOWN = [
    "",
    "random",
    "random-",
    "random-x",
    "random--5",
    "random-5.0",
    "-5",
    "maze-5",
    "Random-5",
    "random-5 ",
    "random-05",
]
UNKNOWN += ["random-5\n", "tutorial_5", "random-9999999999", "random-\u0665"]  # the last is an Arabic five


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_tasks_list_the_known(name):
    known = r"(did you mean [a-z]+-N\? C|c)hoose from .*tutorial-N.*random-N"
    with pytest.raises(ValueError, match=rf"task='.*' is unknown; {known}"):
        parse_task(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "tutorial-3",
            r"task='tutorial-3': N=3 is outside 4 to 64 \(the tutorial's door stands at \(3, 3\)\); choose N",
        ),
        ("tutorial-65", "N=65 is outside 4 to 64; choose N in that range"),
        ("random-2", "N=2 is outside 3 to 64; choose"),
        ("random-0", "N=0 is outside 3 to 64"),
        ("random-65", "N=65 is outside 3 to 64"),
        ("random-999999999", "N=999999999 is outside 3 to 64"),
    ],
)
def test_sizes_out_of_range(name, text):
    with pytest.raises(ValueError, match=text):
        parse_task(name)


@pytest.mark.parametrize("family", TASK_FAMILIES)
def test_every_size_of_every_family(family):
    smallest, largest, _ = TASK_FAMILIES[family]
    assert [parse_task(f"{family}-{size}").size for size in range(smallest, largest + 1)] == list(
        range(smallest, largest + 1)
    )


@pytest.mark.parametrize(
    ("task", "changes", "layout", "params"),
    [
        ("random-5", {}, "random", {"size": 5, "max_steps": 100}),
        ("random-5", {"size": 8}, "random", {"size": 8, "max_steps": 256}),
        ("random-8", {"size": 5, "sticky": 0.5}, "random", {"size": 5, "max_steps": 100, "sticky": 0.5}),
        ("tutorial-5", {"size": 6}, "tutorial", {"size": 6, "max_steps": 50}),
        ("tutorial-5", {"max_steps": 7}, "tutorial", {"size": 5, "max_steps": 7}),
        (GridWorld("doorkey"), {}, "doorkey", {"size": 5, "max_steps": 100}),
        (GridWorld("doorkey"), {"size": 9}, "doorkey", {"size": 9, "max_steps": 324}),
    ],
)
def test_the_world_of_a_task(task, changes, layout, params):
    assert make_task(task, **changes) == (GridWorld(layout), GridWorldParams(**params))


@pytest.mark.parametrize(
    ("task", "changes", "error", "text"),
    [
        (5, {}, TypeError, "task=5 is a int; give a name such as 'random-5' or a GridWorld"),
        ("random-5", {"speed": 1}, TypeError, "setting 'speed' is unknown; choose from size, max_steps, "),
        ("random-5", {"sticky": 2.0}, ValueError, "sticky=2.0 is above 1.0"),
        ("doorkey-8", {"size": 20}, ValueError, "size of a doorkey world=20 is above 16"),
        (GridWorld("random"), {"size": 65}, ValueError, "size=65 is above 64"),
    ],
)
def test_worlds_that_are_refused(task, changes, error, text):
    with pytest.raises(error, match=text):
        make_task(task, **changes)
