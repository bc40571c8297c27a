"""The README and its pages: all code runs, prints what it says, and all that they name is there."""

import importlib
import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest

import procmem_jax
from command_line import one_device_each, out_of
from peer_rules import peer_rules
from procmem_jax.experiments.overrides import list_settings
from procmem_jax.experiments.runs.stored import identity_of, read_config
from readme_pages import (
    FILE_MARK,
    PAGES,
    README,
    ROOT,
    Chain,
    blocks_of,
    chains_of,
    own_file,
    prose_of,
    same_but_for_digits,
    slug,
    spans_of,
)

PACKAGE = ROOT / "procmem_jax"
CHAINS = {f"{page.stem}: {chain.heading}": chain for page in PAGES for chain in chains_of(page)}
SLOW_CHAINS = {
    "README: The default memory in your own loop",
    "own-loop: Your own loop",
    "own-parts: A task",
    "README: An environment of your own",
    "reports: Reports",
    "environments: Any environment can have a memory",
    "environments: Suites of other packages",
    "environments: Skills for other learners",
    "sweeps: Sweeps",
}
# Commands that take long are run with fewer agents, episodes and seeds, all with the same, which compile alike.
SMALL = {"--agents": "16", "--episodes": "4", "--seeds": "4"}
COUNTS = {"train": ("--agents", "--episodes"), "sweep": ("--seeds", "--episodes"), "eval": ("--episodes",)}
PEERS = ("brax", "gymnax", "gymnasium", "jumanji", "navix", "pgx", "stoa", "xminigrid")


def text_of(page: pathlib.Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """The current folder, with the reader's own file in it."""
    (tmp_path / "mine.py").write_text(own_file())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("mine", None)


def slow_if(is_slow, name):
    return pytest.param(name, marks=pytest.mark.slow) if is_slow else name


def test_the_code_is_found():
    assert len(CHAINS) >= 8
    assert SLOW_CHAINS <= set(CHAINS)
    assert own_file().count(FILE_MARK) == 5


@pytest.mark.parametrize("name", [slow_if(name in SLOW_CHAINS, name) for name in CHAINS])
def test_python_code_runs_and_prints_what_it_says(name, folder, capsys):
    chain: Chain = CHAINS[name]
    for peer in re.findall(r"(?:^import |\bas_)(\w+)", "".join(chain.blocks), flags=re.MULTILINE):
        if peer in PEERS:
            pytest.importorskip(peer)
    names: dict = {}
    with peer_rules():
        for block in chain.blocks:
            exec(compile(block, str(chain.page), "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    if name == "sweeps: Sweeps":
        assert len(printed) == 6 and printed[0].startswith("capacity  8, novelty 0.0: ")
        return
    pairs = list(zip(printed, chain.printed, strict=True))
    assert [line for line, said in pairs if not same_but_for_digits(line, said)] == []


@pytest.mark.slow
@pytest.mark.parametrize("part", ["a memory and a policy", "parts of the default memory"])
def test_parts_of_the_readers_own_do_not_see_their_batch(part, folder):
    mine = importlib.import_module("mine")
    if part == "a memory and a policy":
        task, objects = "mine:make_meadow", {"memory": mine.LastWay(), "explorer": mine.Network()}
    else:
        parts = {"embed": mine.cells, "choose": mine.nearest, "evict": mine.least_successful}
        task, objects = "random-5", {"memory": procmem_jax.DefaultMemory(capacity=12, **parts)}
    with peer_rules():
        config, params = procmem_jax.make_experiment(task, **objects)
        key = procmem_jax.run_key(3)
        many = procmem_jax.train(key, config, params, 70, 12)
        few = procmem_jax.train(key, config, params, 3, 12, first_agent=41)
    of_few = jax.tree.map(lambda column: column[41:44], (many.metrics, many.libraries))
    jax.tree.map(np.testing.assert_array_equal, of_few, (few.metrics, few.libraries))


def lines_of_code(block: str) -> int:
    return sum(bool(line.strip()) and not line.startswith("# ") for line in block.splitlines())


def test_examples_are_short():
    first, loop, environment = (chain.blocks[0] for chain in chains_of(README))
    assert lines_of_code(first) <= 15
    assert lines_of_code(loop) <= 30
    assert lines_of_code(environment) <= 25
    for block in blocks_of(text_of(README.parent / ".readme/own-parts.md"), "python"):
        assert lines_of_code(block) <= 25, block
    [catch] = [
        block for block in blocks_of(text_of(README.parent / ".readme/environments.md"), "python") if FILE_MARK in block
    ]
    assert lines_of_code(catch) <= 15


def test_the_readme_is_short():
    assert len(text_of(README).splitlines()) <= 190


def calls_in(block: str, folder: pathlib.Path) -> list[list[str]]:
    """The arguments of every `procmem` in a block, as a shell reads them."""
    recorder = folder / "bin/procmem"
    recorder.parent.mkdir(exist_ok=True)
    recorder.write_text(
        f"#!{sys.executable}\nimport shlex, sys\nopen('calls', 'a').write(shlex.join(sys.argv[1:]) + '\\n')\n"
    )
    recorder.chmod(0o755)
    (folder / "calls").write_text("")
    environment = {
        **os.environ,
        "PATH": f"{recorder.parent}{os.pathsep}{os.environ['PATH']}",
        "SLURM_ARRAY_TASK_ID": "1",
    }
    subprocess.run(["bash", "-eu", "-c", block], cwd=folder, env=environment, check=True, timeout=60)
    return [shlex.split(line) for line in (folder / "calls").read_text().splitlines()]


def made_small(arguments: list[str]) -> list[str]:
    """The same command with few agents, episodes and seeds."""
    kept, counts = [], COUNTS.get(arguments[0], ())
    for index, word in enumerate(arguments):
        if word not in counts and (not index or arguments[index - 1] not in counts):
            kept.append(word)
    quiet = ["--quiet"] if arguments[0] in ("train", "sweep", "eval", "replay", "report") else []
    return [*kept, *(word for name in counts for word in (name, SMALL[name])), *quiet]


PAGES_WITH_COMMANDS = [page.stem for page in PAGES if "procmem" in "".join(blocks_of(text_of(page), "bash"))]


@pytest.mark.slow
@pytest.mark.parametrize("stem", PAGES_WITH_COMMANDS)
def test_commands_run(stem, folder, capsys):
    [page] = [page for page in PAGES if page.stem == stem]
    for settings in blocks_of(text_of(page), "toml"):
        (folder / "sweep.toml").write_text(settings)
    ran = 0
    for block in blocks_of(text_of(page), "bash"):
        if "bash scripts/" in block or "--distributed" in block:
            continue  # tested elsewhere: the scripts by their own tests, two processes below
        for arguments in calls_in(block, folder):
            for word, peer in {"xland:": "xminigrid", "make_catch": "gymnax"}.items():
                if any(word in argument for argument in arguments):
                    pytest.importorskip(peer)
            with peer_rules():
                out_of(capsys, *made_small(arguments))
            ran += 1
    assert ran > 0


def test_commands_are_made_small():
    assert made_small(shlex.split("train --agents 64 --task x --episodes 9 --out a")) == shlex.split(
        "train --task x --out a --agents 16 --episodes 4 --quiet"
    )
    assert made_small(["library", "show", "runs/x"]) == ["library", "show", "runs/x"]


def named_commands() -> list[str]:
    """Every `procmem ...` in the prose."""
    return sorted({span for page in PAGES for span in spans_of(text_of(page)) if re.match(r"procmem [a-z]", span)})


@pytest.mark.parametrize("span", named_commands())
def test_commands_in_the_prose_have_these_options(span, capsys):
    words = span.split()[1:]
    subcommand = words[1:2] if words[0] == "library" else []
    known = re.findall(r"--[\w-]+", out_of(capsys, words[0], *subcommand, "--help"))
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= set(known)


def test_scripts_are_there_with_their_options():
    everything = "\n".join(text_of(page) for page in PAGES)
    found = re.findall(r"(?:python|bash)\s+scripts/([\w.]+)([^`#\n]*(?:\n[^`\n]+)?)(?=`|#|\n)", everything)
    assert {
        "demo.sh",
        "test.sh",
        "benchmark.py",
        "never_hurts.py",
        "peers_study.py",
        "ppo.py",
        "ppo_with_skills.py",
    } <= {name for name, _ in found}
    benchmarks = {path.stem: text_of(path) for path in (ROOT / "scripts" / "benchmarks").glob("*.py")}
    for name, rest in found:
        source = text_of(ROOT / "scripts" / name)
        called = re.findall(r"from benchmarks import (\w+)", source)
        source += "".join(benchmarks[module] for module in called)
        assert [option for option in re.findall(r"--[\w-]+", rest) if option not in source] == [], name


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)]+)\)", prose_of(text_of(page))):
            path, _, anchor = target.partition("#")
            file = page.parent / path if path else page
            assert file.exists(), f"{page.name}: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", prose_of(text_of(file)), flags=re.MULTILINE)
                assert anchor in map(slug, headings), f"{page.name}: {target}"


def test_every_page_is_linked_from_the_readme():
    assert {f".readme/{page.name}" for page in PAGES[1:]} <= set(re.findall(r"\]\(([^)#]+)", text_of(README)))


def test_every_picture_is_shown_with_its_command_beside_it():
    shown = set()
    for page in PAGES:
        paragraphs = text_of(page).split("\n\n")
        for index, paragraph in enumerate(paragraphs):
            for picture in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", paragraph):
                around = "\n".join(paragraphs[max(index - 1, 0) : index + 2])
                assert re.search(r"procmem (study|replay|library plot)|python scripts/", around), picture
                shown.add((page.parent / picture).resolve())
    assert shown == {path for path in (ROOT / ".readme").iterdir() if path.suffix in (".png", ".gif")}


def test_names_are_where_the_pages_say():
    for page in PAGES:
        text = re.sub(r"^\| `pm\..*? \| ", "", text_of(page), flags=re.MULTILINE)  # what had that name before
        for name in set(re.findall(r"\bpm((?:\.\w+)+)", text)):
            found = procmem_jax
            for part in name.split(".")[1:]:
                found = getattr(found, part)


def test_old_names_are_in_the_rooms_that_the_table_says():
    rows = re.findall(
        r"^\| (`pm\..*?) \| `pm\.(\w+)\.\w+` and so on", text_of(ROOT / ".readme/changes.md"), re.MULTILINE
    )
    assert len(rows) >= 4
    for before, room in rows:
        for name in re.findall(r"`pm\.(\w+)`", before):
            assert not hasattr(procmem_jax, name) or name in procmem_jax.__all__, name
            assert hasattr(getattr(procmem_jax, room), name), name


def test_the_mechanisms_of_the_default_memory_are_where_the_table_says():
    first_part = text_of(ROOT / ".readme/default-memory.md").partition("\n## ")[0]
    rows = re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", first_part, flags=re.MULTILINE)
    known = {setting.name for setting in list_settings(*procmem_jax.make_experiment())}
    assert len(rows) > 10
    for _, files, switches in rows[2:]:
        assert all((PACKAGE / name).is_file() for name in re.findall(r"`([^`]+)`", files)), files
        assert set(re.findall(r"`([^`]+)`", switches)) <= known


def test_the_folder_tree_is_the_package():
    [tree] = [
        block for block in blocks_of(text_of(ROOT / ".readme/folders.md"), "") if block.startswith("procmem_jax/")
    ]
    named, path = set(), []
    for indent, name in re.findall(r"^( *)(\w+)/ ", tree, flags=re.MULTILINE):
        path = [*path[: len(indent) // 2], name]
        named.add("/".join(path))
    folders = {f"procmem_jax/{file.parent.relative_to(PACKAGE)}".rstrip("/.") for file in PACKAGE.rglob("__init__.py")}
    assert named == {*folders, "scripts", "tests"}


@pytest.mark.slow
def test_two_processes_leave_what_one_leaves(tmp_path):
    page = text_of(ROOT / ".readme/sweeps.md")
    *_, settings = blocks_of(page, "toml")
    [together] = [block for block in blocks_of(page, "bash") if "--process-id" in block]
    # The page's own port may be taken, if only by another run of this test.
    with socket.socket() as found:
        found.bind(("localhost", 0))
        together, number = re.subn(r"localhost:\d+", f"localhost:{found.getsockname()[1]}", together)
    assert number == 1
    (tmp_path / "sweep.toml").write_text(settings)
    bin_folder = pathlib.Path(sys.executable).parent
    where = {"cwd": tmp_path, "env": one_device_each() | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}}
    alone = "procmem sweep --config sweep.toml --out runs/one"
    for script in (together, alone):
        done = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True, timeout=300, **where)
        assert done.returncode == 0, done.stderr
    names = ["summary.parquet", "parts/episodes-00000.parquet", "parts/runs-00000.parquet"]
    for name in names:
        assert (tmp_path / "runs/two" / name).read_bytes() == (tmp_path / "runs/one" / name).read_bytes(), name
    two, one = (identity_of(read_config(tmp_path / "runs" / name)) for name in ("two", "one"))
    assert two == one
