"""The command `procmem`, run in this process: its commands, lists and errors, whatever the command."""

import contextlib
import dataclasses
import inspect
import os
import pathlib
import subprocess
import sys

import pytest

import procmem_jax
from command_line import contents, out_of, run
from procmem_jax import cli
from procmem_jax.cli.main import COMMANDS, find_command, main
from procmem_jax.envs.foreign.probes.findings import Finding, Report
from procmem_jax.experiments import checking
from procmem_jax.experiments.runs import folders as runs

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


def test_version(capsys):
    assert out_of(capsys, "--version") == f"procmem {procmem_jax.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_the_overview_names_every_command_and_what_it_is_for(capsys, arguments):
    lines = [line.strip() for line in out_of(capsys, *arguments).splitlines()]
    assert lines[0].startswith("usage: procmem ")
    for name, (_, help) in COMMANDS.items():
        assert f"{name:<7}  {help}" in lines


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_what_the_table_says(capsys, name):
    command = find_command(name)
    assert inspect.getdoc(command).splitlines()[0] == COMMANDS[name][1]
    words = " ".join(out_of(capsys, name, "--help").split())
    assert words.startswith(f"usage: procmem {name} [-h]") and COMMANDS[name][1] in words
    for field in dataclasses.fields(command):
        if field.default is not dataclasses.MISSING and field.name not in ("settings", "name", "folder", "what"):
            assert f"--{field.name.replace('_', '-')}" in words


def test_every_file_of_a_command_is_in_the_table():
    files = {path.stem for path in pathlib.Path(inspect.getfile(find_command)).parent.glob("*.py")}
    assert files - {"__init__", "main"} == {where.partition(":")[0] for where, _ in COMMANDS.values()}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("tran", "tran is no command; did you mean train? (see `procmem --help`)"),
        ("--hepl", "--hepl is no command; did you mean --help? (see `procmem --help`)"),
        ("frobnicate", f"frobnicate is no command; choose from {', '.join(COMMANDS)}; see `procmem --help`"),
        ("--quiet train", f"--quiet is no command; choose from {', '.join(COMMANDS)}; see `procmem --help`"),
        ("--version 2", f"--version is no command; choose from {', '.join(COMMANDS)}; see `procmem --help`"),
        ("library shw", "shw is no command; did you mean show? (see `procmem library --help`)"),
        ("library frob", "frob is no command; choose from show, export, merge, plot; see `procmem library --help`"),
        ("train --agent 3", "Unrecognized options: --agent; did you mean --agents? (see `procmem train --help`)"),
        ("train --agent=3", "Unrecognized options: --agent; did you mean --agents? (see `procmem train --help`)"),
        (
            "train --no-skils",
            "Unrecognized options: --no-skils; did you mean --no-skills? (see `procmem train",
        ),
        ("sweep --gird a=1", "Unrecognized options: --gird; did you mean --grid? (see `procmem sweep --help`)"),
        ("train --unknown", "Unrecognized options: --unknown; see `procmem train --help`"),
        ("train --compilation_cach x", "Unrecognized options: --compilation_cach; did you mean --compilation-cache?"),
        ("plot --outt x", "Unrecognized options: --outt; did you mean --out? (see `procmem plot --help`)"),
        ("library show run --agnt 1", "Unrecognized options: --agnt; did you mean --agent? (see `procmem library show"),
        ("train extra", "Unrecognized options: extra; see `procmem train --help`"),
        ("library show", "Missing from procmem library show: RUN folder of a finished run, or an exported file"),
    ],
)
def test_near_misses(capsys, arguments, error):
    status, out, err = run(capsys, *arguments.split())
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"procmem: error: {error}")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_an_error_is_as_short_wherever_it_is_told(encoding):
    """Tyro's boxes are of other characters where the output is not UTF-8."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-P", "-m", "procmem_jax", "train", "--agent", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    text = "Unrecognized options: --agent; did you mean --agents? (see `procmem train --help`)"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"procmem: error: {text}\n")


def test_a_shell_completes_commands_and_options(capsys):
    script = out_of(capsys, "--completion")
    ask = "COMP_WORDS=(procmem {}); COMP_CWORD={}; _procmem; echo ${{COMPREPLY[@]}}"
    procmem = f"procmem() {{ '{sys.executable}' -P -m procmem_jax \"$@\"; }}; {script}"
    for words, place, found in (("tr", 1, "train"), ("plot --o", 2, "--out")):
        done = subprocess.run(["bash", "-c", procmem + ask.format(words, place)], capture_output=True, text=True)
        assert (done.stdout, done.stderr) == (f"{found}\n", "")


def test_lists_are_as_wide_as_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    for arguments in (["presets"], ["presets", "tutorial"], ["tasks"]):
        lines = out_of(capsys, *arguments).splitlines()
        assert 60 < max(map(len, (line for line in lines if line.startswith(" ")))) <= 90


def test_presets_and_tasks(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert "tutorial" in out_of(capsys, "presets")
    listed = out_of(capsys, "presets", "tutorial", "--task", "tutorial-6")
    rows = {line.split()[0]: line.split() for line in listed.splitlines()[2:]}
    assert rows["capacity"][1:4] == ["16", "int", "static"]
    assert rows["merge_threshold"][1:4] == ["0.9", "float", "traced"]
    assert rows["size"][1:4] == ["6", "int", "traced"]
    assert all(len(row) > 4 for row in rows.values())  # a line of help each
    tasks = out_of(capsys, "tasks")
    assert "tutorial-N   N 4 to 64" in tasks and "random-N     N 3 to 64" in tasks


def test_a_check_of_a_task(capsys, monkeypatch):
    faulty = Report((Finding("error", "it is wrong", "mend it"),), 512, 1, 99.0)
    for report, status in ((faulty, 1), (Report((), 512, 1, 99.0), 0)):
        monkeypatch.setattr(checking, "check_environment", lambda config, params, report=report: report)
        for json in ([], ["--json"]):
            with pytest.raises(SystemExit) if status else contextlib.nullcontext() as stop:
                main(["tasks", "check", "random-5", *json])
            assert stop is None or stop.value.code == status
            printed = capsys.readouterr().out
            assert printed == f"{report}\n" if not json else '"steps_per_second": 99.0' in printed


BAD = [
    ("tasks check", "tasks check is unknown; did you mean check? Choose from xland, navix,"),
    ("tasks chek random-5", "tasks chek random-5 is unknown; did you mean check?"),
    ("tasks gymnx", "tasks gymnx is unknown; did you mean gymnax?"),
    ("train --task xland:", "task='xland:' names no environment; `procmem tasks xland` lists"),
    ("tasks check rnadom-5", "task='rnadom-5' is unknown; did you mean random-N"),
    ("train --agents 0", "--agents=0 is below 1"),
    ("train --agents -1", "--agents=-1 is below 1"),
    ("train --agents 1.5", "--agents"),
    ("train --agents many", "--agents"),
    ("train --agents 2147483648", "--agents=2147483648 is above"),
    ("train --agents 2000000000 --episodes 1000", "2000000000 agents x 1000 episodes need about"),
    ("train --episodes 0", "--episodes=0 is below 1"),
    ("train --episodes -7", "--episodes=-7 is below 1"),
    ("train --seed -1", "--seed=-1 is"),
    ("train --seed 4294967296", "--seed=4294967296 is"),
    ("train --seed one", "--seed"),
    ("train --task tutorial-3", "task='tutorial-3': N=3 is outside 4 to 64"),
    ("train --task random-2", "N=2 is outside 3 to 64"),
    ("train --task maze-5", "task='maze-5' is unknown; choose from"),
    ("train --task", "--task"),
    ("train --preset voyager", "preset='voyager' is unknown; choose from"),
    ("train --explorer greedy", "explorer='greedy' is unknown; choose from scripted, random, epsilon:P with"),
    ("train --explorer epsilon:1.5", "explorer='epsilon:1.5' is unknown"),
    ("train --explorer epsilon:nan", "explorer='epsilon:nan' is unknown"),
    ("train --set capacity", "--set 'capacity' is not NAME=VALUE"),
    ("train --set capacity=0", "capacity=0 is below 1"),
    ("train --set capacity=-4", "capacity=-4 is below 1"),
    ("train --set capacity=x", "capacity=x is not a whole number"),
    ("train --set capacity=4 capacity=5", "--set names capacity twice"),
    ("train --set capacity=4 --set capacity=5", "--set names capacity twice"),
    ("train --seed 3 --seed 4", "--seed is given twice; give it once"),
    ("train --skills --no-skills", "--skills is given twice; give it once"),
    ("train --set capacty=4", "setting 'capacty' is unknown; did you mean capacity? Choose from"),
    ("train --set merge_threshold=1.5", "merge_threshold=1.5 is above 1.0"),
    ("train --set merge_threshold=-1.01", "merge_threshold=-1.01 is below -1.0"),
    ("train --set merge_threshold=nan", "merge_threshold=nan is not a finite number"),
    ("train --set goal_reward=nan", "goal_reward=nan is not a finite number"),
    ("train --set step_reward=inf", "step_reward=inf is not a finite number"),
    ("train --set eviction=newest", "eviction='newest' is unknown; choose from lru"),
    ("train --set explorer=tape", "setting 'explorer' is unknown; choose from"),
    ("train --set max_size=4", "setting 'max_size' is not read here: preset tutorial reads it"),
    ("train --set learning_rate=0.5", "setting 'learning_rate' is not read here: preset q-learning reads it"),
    ("train --no-skills --set capacity=8", "setting 'capacity' is not read here: the memory reads it, which is off"),
    ("train --preset tutorial --set suffixes=false", "setting 'suffixes' is not read here: preset default reads it"),
    ("train --memory nowhere:Memory", "memory=nowhere:Memory: nowhere cannot be imported"),
    ("train --task nowhere:make", "task=nowhere:make: nowhere cannot be imported"),
    ("train --task rnadom-5", "task='rnadom-5' is unknown; did you mean random-N? Choose from"),
    ("train --preset defalt", "preset='defalt' is unknown; did you mean default? Choose from"),
    ("train --preset tutorial --set step_budget=0", "max_steps=0 and step_budget=0 let an episode last for ever"),
    ("train --preset tutorial --set num_predicates=5", "setting 'num_predicates' is unknown"),
    ("train --preset tutorial --task tutorial-4 --set size=3", "size=3 is below 4"),
    ("train --preset tutorial --task tutorial-4 --set key_x=4", "key_x=4 is above 3"),
    ("train --out file", "out=file is not a folder"),
    ("train --out file/below", "file/below"),
    ("train --out foreign", "out=foreign holds files that are not of a run"),
    ("train --unknown", "Unrecognized options: --unknown"),
    ("plot", "RUN"),
    ("plot nowhere", "nowhere holds no finished run (config.json is missing)"),
    ("plot file", "file holds no finished run"),
    ("plot foreign", "foreign holds no finished run"),
    ("presets voyager", "preset='voyager' is unknown; choose from"),
    ("presets tutorial --task maze", "task='maze' is unknown"),
    ("tasks more", "more"),
    ("trian", "trian"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "text"), BAD, ids=[arguments or "nothing" for arguments, _ in BAD])
def test_bad_input_is_one_line_and_status_2(capsys, tmp_path, monkeypatch, arguments, text):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("mine")
    monkeypatch.setattr(runs, "train", None)  # whoever gets that far fails otherwise
    status, out, err = run(capsys, *arguments.split())
    assert (status, out) == (2, "")
    assert err.startswith("procmem: error: ")
    assert err.count("\n") == 1 and err.endswith("\n")
    assert text in err
    assert sorted(os.listdir(tmp_path)) == ["file", "foreign"]
    assert contents(tmp_path / "foreign") == {"thesis.tex": b"mine"}
    assert (tmp_path / "file").read_text() == "mine"


def test_a_traceback_for_developers(monkeypatch):
    monkeypatch.setenv("PROCMEM_TRACEBACK", "1")
    with pytest.raises(ValueError, match="num_agents=0"):
        cli.main(["train", "--agents", "0"])


def test_as_a_program():
    """In processes of its own: output, one line of error, and quiet when nobody reads the output any more."""
    module = [sys.executable, "-P", "-m", "procmem_jax"]
    script = [os.path.join(os.path.dirname(sys.executable), "procmem")]
    done = subprocess.run([*module, "tasks"], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "random-N" in done.stdout
    done = subprocess.run([*script, "train", "--agents", "0"], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "procmem: error: --agents=0 is below 1; give at least 1\n"
    reader, writer = os.pipe()
    os.close(reader)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run([*script, "tasks"], stdout=writer, stderr=subprocess.PIPE, env=buffered, timeout=120)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
