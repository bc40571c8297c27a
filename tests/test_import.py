"""What importing does (nothing), and which room may import which."""

import ast
import json
import pathlib
import subprocess
import sys

import pytest

import procmem_jax

PACKAGE = pathlib.Path(procmem_jax.__file__).parent
MODULES = {
    ".".join(("procmem_jax", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
BASE = {"records", "streams"}
MAY_IMPORT = {
    "records": set(),
    "streams": {"records"},
    "envs": {"envs", *BASE},
    "memory": {"memory", *BASE},
    "agents": {"agents", "envs", "memory", *BASE},
    "experiments": {"experiments", "agents", "envs", "memory", *BASE},
    "figures": {"figures", "experiments", "agents", "envs", "memory", *BASE},
    "commands": {"experiments", "figures", "agents", "envs", "memory", *BASE},
    "library_commands": {"experiments", "figures"},
    "replay_commands": {"experiments", "figures", *BASE},
    "sweep_commands": {"experiments", "figures"},
    "cli": {"commands", "library_commands", "replay_commands", "sweep_commands"},
    "__main__": {"cli"},
}
KNOWS_THE_VERSION = {"procmem_jax.cli", "procmem_jax.experiments.versions"}

PROBE = """
import json, os, sys
before = dict(os.environ)
import jax
values = {name: repr(value) for name, value in jax.config.values.items()}
{imports}
from jax._src import xla_bridge
after = {name: repr(value) for name, value in jax.config.values.items()}
print(json.dumps({
    "backends": xla_bridge.backends_are_initialized(),
    "changed": [name for name in after if values.get(name) != after[name]],
    "environment": dict(os.environ) == before,
    "matplotlib": any(name.split(".")[0] == "matplotlib" for name in sys.modules),
    "peers": [name for name in ("gymnax", "gymnasium", "navix", "xminigrid", "faiss") if name in sys.modules],
}))
"""


def probe(imports):
    """What the probe finds in a fresh process with these import statements."""
    code = PROBE.replace("{imports}", imports)
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_importing_does_nothing():
    nothing = {"backends": False, "changed": [], "environment": True, "matplotlib": False, "peers": []}
    assert probe("\n".join(f"import {name}" for name in MODULES if not name.endswith("__main__"))) == nothing


def test_the_probe_sees_what_it_looks_for():
    found = probe("jax.config.update('jax_enable_x64', True); jax.numpy.zeros(1); import matplotlib")
    assert found["backends"] and found["matplotlib"]
    assert found["changed"] == ["jax_enable_x64"]


def imported_by(path):
    """The names of all modules of this package that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "procmem_jax"}


def room_of(name):
    return name.split(".")[1] if "." in name else ""


@pytest.mark.parametrize("module", [name for name in MODULES if name != "procmem_jax"])
def test_imports_run_one_way(module):
    imported = imported_by(MODULES[module])
    if module in KNOWS_THE_VERSION:
        imported -= {"procmem_jax"}
    assert {room_of(name) for name in imported} <= MAY_IMPORT[room_of(module)]


def test_every_room_is_there():
    assert {room_of(name) for name in MODULES} == {"", *MAY_IMPORT}
    assert sum(len(imported_by(path)) for path in MODULES.values()) > 50


@pytest.mark.parametrize("module", MODULES)
def test_matplotlib_and_peers_are_imported_inside_functions(module):
    peers = {"matplotlib", "gymnax", "gymnasium", "minigrid", "navix", "xminigrid", "faiss", "PIL"}
    for node in ast.parse(MODULES[module].read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            assert not peers & {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] not in peers
