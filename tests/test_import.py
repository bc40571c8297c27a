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
BASE = {"records", "streams", "percept", "computed_once", "fixed_order", "near_misses", "lazy"}
MAY_IMPORT = {
    "records": {"near_misses"},
    "lazy": set(),
    "near_misses": set(),
    "computed_once": set(),
    "fixed_order": {"computed_once"},
    "streams": {"records"},
    "percept": {"records"},
    "envs": {"envs", *BASE},
    "memory": {"memory", *BASE},
    "agents": {"agents", "envs", "memory", *BASE},
    "experiments": {"experiments", "agents", "envs", "memory", *BASE},
    "export": {"export", "experiments", "agents", "envs", "memory", *BASE},
    "figures": {"figures", "experiments", "agents", "envs", "memory", *BASE},
    "reports": {"reports", "figures", "experiments", "agents", "envs", "memory", *BASE},
    "cli": {"cli", "reports", "figures", "experiments", "agents", "envs", "memory", *BASE},
    "__main__": {"cli"},
}
# Inside a room: files and folders in the order in which they may import each other, the later ones the earlier.
ORDER = {
    "envs": "protocol legal returns grid foreign export".split(),  # its `export` is a former place
    "memory": (
        "slots naming checks shared_retrieval eviction similarity settings skills handmade library insertion retrieval "
        "protocol tutorial default options proven"
    ).split(),
    "agents": (
        "policy counting frontier persistent exploration q_learning states settings procedural groups recording blocks "
        "rollout verbs"
    ).split(),
    "reports": (
        "html words runs comparison listing curves skills player run_part sweep_part study_part page opened"
    ).split(),
    "experiments": (
        "defaults preset_names task_registry setting_names text_tables signals processes statistics optimum overrides "
        "any_environment checking tasks presets descriptions storage libraries training runs replays sweeps study"
    ).split(),
    "export": (
        "options seeded_episodes gymnasium_interface autoreset gymnasium_vector_env gymnasium_env gymnax_env "
        "gymnasium_ids gymnasium_plugin"
    ).split(),
}
KNOWS_THE_VERSION = {"procmem_jax.cli.main", "procmem_jax.experiments.storage.versions"}
HEAVY = ("jax", "numpy", "scipy", "matplotlib", "pyarrow", "tyro", "tqdm")

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
    "peers": sorted(set("brax faiss gymnasium gymnax jumanji navix pgx stoa xminigrid".split()) & set(sys.modules)),
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


def heavy_after(code):
    """Which of the heavy packages are imported after `code`, in a fresh process; what it prints is left out."""
    probe = f"import sys\n{code}\nprint(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-P", "-c", probe], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stderr.split()


def test_importing_the_package_imports_nothing_heavy():
    assert heavy_after("import procmem_jax; procmem_jax.__version__; dir(procmem_jax)") == []
    assert heavy_after("import procmem_jax; procmem_jax.envs, procmem_jax.experiments, procmem_jax.export") == []
    assert "jax" in heavy_after("from procmem_jax import train")


@pytest.mark.parametrize(
    ("arguments", "packages"),
    [
        ((), []),
        (("--help",), []),
        (("--version",), []),
        (("tran",), []),
        (("tasks",), ["tyro"]),
        (("presets",), ["tyro"]),
        (("train", "--help"), ["tyro"]),
        (("train", "--agent", "3"), ["tyro"]),
        (("train", "--task", "rnadom-5"), ["tyro"]),
        (("train", "--preset", "defalt"), ["tyro"]),
        (("train", "--set", "capcity=8"), ["tyro"]),
        (("sweep", "--task", "rnadom-5"), ["tyro"]),
        (("sweep", "--grid", "capcity=8,16"), ["tyro"]),
        (("library", "shw"), ["tyro"]),
        (("replay", "run", "--out", "mine.png"), ["tyro"]),
    ],
    ids=" ".join,
)
def test_what_needs_no_jax_does_not_wait_for_it(arguments, packages):
    """Nor for typeguard, which tyro asks about types that it does not know, and which takes as long as tyro itself."""
    code = f"""
import contextlib, io
from procmem_jax.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
    main({arguments})
assert "typeguard" not in sys.modules
"""
    assert heavy_after(code) == packages


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


def place_of(name, room):
    """Where a module, or a name imported from one, is in the order of its room; the room itself is nowhere."""
    part = name.split(".")[2:3]
    return ORDER[room].index(part[0]) if part else None


@pytest.mark.parametrize("room", ORDER)
def test_a_room_is_ordered(room):
    own = {name for name in MODULES if room_of(name) == room and name.count(".") > 1}
    assert {name.split(".")[2] for name in own} == set(ORDER[room]), f"ORDER[{room!r}] names other files and folders"
    backward = [
        f"{name} imports {imported}"
        for name in sorted(own)
        for imported in sorted(imported_by(MODULES[name]))
        if room_of(imported) == room and imported.count(".") > 1 and place_of(imported, room) > place_of(name, room)
    ]
    assert backward == []


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("procmem_jax.cli.")])
def test_the_command_line_is_ordered(module):
    """Reading knows no report, reports know no command; of other commands, one knows only the sweep's."""
    part = module.split(".")[2]
    may = {"parsing": {"parsing"}, "reports": {"reports"}, "merge": {"parsing", "reports", "sweep"}}
    known = {name.split(".")[2] for name in imported_by(MODULES[module]) if name.startswith("procmem_jax.cli.")}
    assert known <= may.get(part, {"parsing", "reports"})


@pytest.mark.parametrize("module", MODULES)
def test_matplotlib_and_peers_are_imported_inside_functions(module):
    peers = {"matplotlib", "gymnasium", "minigrid", "faiss", "PIL"}
    peers |= {"brax", "gymnax", "jumanji", "navix", "pgx", "stoa", "xminigrid"}
    for node in ast.parse(MODULES[module].read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            assert not peers & {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] not in peers
