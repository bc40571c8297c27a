"""Command lines that nobody thought of, built from the options' own types: each is run, or refused in one line."""

import contextlib
import dataclasses
import functools
import inspect
import io
import pathlib
import typing

import jax
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tyro import _parsers

from procmem_jax import cli
from procmem_jax.cli.main import COMMANDS, find_command
from procmem_jax.experiments.runs import evaluate, folders
from procmem_jax.experiments.study import study
from procmem_jax.experiments.sweeps import folders as sweep_folders
from procmem_jax.experiments.sweeps import plan
from procmem_jax.experiments.training import runtime

NAMES = st.sampled_from(
    "random-5 random-2 tutorial-5 rnadom-5 xland:MiniGrid-DoorKey-5x5 gymnax:CartPole-v1 default tutorial defalt quick "
    "scripted epsilon:0.3 epsilon:2 mine:Memory json:loads 1/4 9/4 host:1234 host utf8-→ ~ a:b".split()
)
PLACES = st.sampled_from(["nowhere", "file", "foreign", "file/below", "loop", "sweep.toml", "", "~", "a:b", "x" * 300])
NUMBERS = st.one_of(
    st.sampled_from(["0", "1", "-1", "2", "1000", "2147483648", "4294967296", "9" * 30, "1.5", "x", "nan", ""]),
    st.integers(-3, 40).map(str),
)
SETTINGS = st.sampled_from("capacity novelty max_steps step_reward learn eviction layout size max_size capcity".split())
VALUES = st.one_of(NUMBERS, st.sampled_from(["true", "lru", "0.5", "1e38", "inf", "0:1", "1:9:log", "4,8", "a=b", "→"]))
ASSIGNED = st.one_of(st.builds("{}={}".format, SETTINGS, VALUES), st.text(max_size=6).filter(lambda t: "\0" not in t))
OF_THE_OPTIONS = {str: NAMES, int: NUMBERS, float: NUMBERS}
STOPS = [
    (folders, "run_training"),
    (sweep_folders, "run_sweep"),
    (plan, "plan_sweep"),
    (study, "run_study"),
    (evaluate, "evaluate_run"),
    (jax.distributed, "initialize"),
]


_make_parser = _parsers.ParserSpecification.from_callable_or_type
_parsers_made = {}


def parser_of(command, **given):
    """As tyro makes it, but once: that takes most of the time."""
    if given["intern_prefix"] or given["parent_classes"]:
        return _make_parser(command, **given)
    if command not in _parsers_made:
        _parsers_made[command] = _make_parser(command, **given)
    return _parsers_made[command]


@functools.cache
def commands():
    """(words, class, hints) of every command and subcommand."""
    found = []
    for name in COMMANDS:
        command = find_command(name)
        words = getattr(command, "SUBCOMMANDS", ())
        module = inspect.getmodule(command)
        found += [((name, word), getattr(module, word.capitalize())) for word in words] or [((name,), command)]
    return [(words, command, typing.get_type_hints(command, include_extras=True)) for words, command in found]


def kind_of(hint):
    """(type without None and notes, whether it has a place instead of a name) of an option."""
    notes = getattr(hint, "__metadata__", ())
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)] or [hint]
    return kinds[0], any("Positional" in repr(note) for note in notes)


@st.composite
def command_lines(draw):
    """Arguments of `procmem`: some of a command's options with values of their kind or of another."""
    words, command, hints = draw(st.sampled_from(commands()))
    line = list(words)
    for field in dataclasses.fields(command):
        kind, has_place = kind_of(hints[field.name])
        values = PLACES if has_place or field.name in ("out", "config", "warm_start") else OF_THE_OPTIONS.get(kind)
        if has_place:
            line += [draw(values)] if draw(st.integers(0, 9)) else []
        elif not draw(st.integers(0, 3)):
            option = "--set" if field.name == "settings" else f"--{field.name.replace('_', '-')}"
            if kind is bool:
                line.append(draw(st.sampled_from([option, f"--no-{option[2:]}"])))
            elif values is None:
                line += [option, *draw(st.lists(st.one_of(ASSIGNED, NUMBERS), max_size=3))]
            else:
                line += (
                    draw(st.sampled_from([[option, value], [f"{option}={value}"]])) if (value := draw(values)) else []
                )
    return line + draw(st.sampled_from([[]] * 9 + [["--help"], ["--agent"], ["more"], ["--", "--quiet"]]))


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty folder with a few traps, where nothing that takes long is done."""

    def stop(*given, **options):
        raise ValueError("not run")

    for module, name in STOPS:
        monkeypatch.setattr(module, name, stop)
    monkeypatch.setattr(_parsers.ParserSpecification, "from_callable_or_type", parser_of)
    monkeypatch.setattr(runtime, "use_compilation_cache", lambda folder: None)
    monkeypatch.setattr("sys.path", [*__import__("sys").path, str(tmp_path)])
    monkeypatch.delenv("PROCMEM_TRACEBACK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    pathlib.Path("file").write_text("mine")
    pathlib.Path("sweep.toml").write_text("seeds = 2\n[grid]\ncapacity = [4]\n")
    pathlib.Path("foreign").mkdir()
    pathlib.Path("foreign/thesis.tex").write_text("mine")
    pathlib.Path("loop").symlink_to("loop")
    return tmp_path


def contents(folder):
    return {str(path): path.read_text() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def check(folder, line):
    """Runs a command line; raises unless it ends with status 0, or with 2 and one line, and leaves all as it was."""
    before, out, err, status = contents(folder), io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main(line)
        except SystemExit as stop:
            status = stop.code
    lines = [text for text in err.getvalue().splitlines() if not text.startswith("procmem: warning: ")]
    assert status in (0, 2), (line, status)
    assert len(lines) == (status == 2) and all(text.startswith("procmem: error: ") for text in lines), (line, lines)
    assert contents(folder) == before, line


MANY = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@given(line=command_lines())
@settings(max_examples=500, derandomize=True, **MANY)
def test_command_lines(folder, line):
    check(folder, line)


@pytest.mark.slow
@given(line=command_lines())
@settings(max_examples=3_000, **MANY)
def test_many_command_lines(folder, line):
    check(folder, line)
