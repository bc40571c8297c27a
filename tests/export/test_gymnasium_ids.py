"""The ids in Gymnasium's registry: by a function, or by the name of a module before the id."""

import subprocess
import sys

import pytest

from procmem_jax.export import register_gymnasium
from quick import quick_first

gymnasium = pytest.importorskip("gymnasium")

PLUGIN = """
{imports}
import gymnasium
assert not any(name.startswith("procmem/") for name in gymnasium.registry)
env = gymnasium.make("procmem_jax.export.gymnasium_plugin:procmem/DoorKey-8-v0")
print(type(env.unwrapped).__name__, env.spec.kwargs["task"])
"""


def test_the_ids():
    ids = register_gymnasium()
    assert len(ids) == len(set(ids)) == 20
    assert {"procmem/Tutorial-5-v0", "procmem/Random-8-v0", "procmem/DoorKey-16-v0", "procmem/Shifting-6-v0"} < set(ids)
    assert register_gymnasium() == ids  # without a warning that they are there
    for env_id in ids:
        family, size = env_id.removeprefix("procmem/").removesuffix("-v0").split("-")
        assert gymnasium.spec(env_id).kwargs == {"task": f"{family.lower()}-{size}"}


def test_settings_are_keywords():
    register_gymnasium()
    env = gymnasium.make("procmem/Random-8-v0", size=12, max_steps=3)
    assert env.observation_space.high[0] == 11
    env.reset(seed=0)
    assert [env.step(0)[3] for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize("imports", quick_first(("", "import procmem_jax")))
def test_gymnasium_registers_them_by_itself(imports):
    code = PLUGIN.format(imports=imports)
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "GridWorldEnv doorkey-8\n"), done.stderr


def test_an_id_that_names_the_former_module(monkeypatch):
    former, now = "procmem_jax.envs.export.gymnasium_plugin", "procmem_jax.export.gymnasium_plugin"
    ids = register_gymnasium()
    for env_id in ids:
        monkeypatch.delitem(gymnasium.registry, env_id)
    for name in (former, now):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.warns(DeprecationWarning, match=f"{former} is {now} now"):
        env = gymnasium.make(f"{former}:procmem/DoorKey-8-v0")
    assert env.spec.kwargs["task"] == "doorkey-8" and set(ids) <= set(gymnasium.registry)
