"""The command `procmem`: parse, call the library, print."""

import contextlib
import io
import os
import sys
from collections.abc import Sequence

import tyro

import procmem_jax
from procmem_jax.cli.commands import Eval, Plot, Presets, RunStudy, Tasks, Train
from procmem_jax.cli.library import Library
from procmem_jax.cli.replay import Replay
from procmem_jax.cli.sweep import Merge, Sweep

_COMMANDS = {
    "train": Train,
    "eval": Eval,
    "sweep": Sweep,
    "merge": Merge,
    "study": RunStudy,
    "plot": Plot,
    "replay": Replay,
    "library": Library,
    "presets": Presets,
    "tasks": Tasks,
}
_BOX_CHARACTERS = "─│╭╮╰╯ "


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line `arguments` (by default the program's own) and exits with status 0, 2 on bad input."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            _run(arguments)
        finally:
            sys.stdout.flush()  # a pipe closed at the other end is to show here, not when the interpreter ends
    except KeyboardInterrupt:
        print("procmem: interrupted; nothing half-written was left, give the command again to go on", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except (ValueError, TypeError, OSError) as error:
        if os.environ.get("PROCMEM_TRACEBACK"):
            raise
        print(f"procmem: error: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None


def _run(arguments: list[str]) -> None:
    if arguments == ["--version"]:
        print(f"procmem {procmem_jax.__version__}")
    else:
        _parse(arguments).run()


def _parse(arguments: list[str]):
    """Returns the command that `arguments` name; a parse error is cut to its first line, behind it the way to help."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.extras.subcommand_cli_from_dict(
                _COMMANDS,
                prog="procmem",
                description="Procedural memory as arrays: agents that extract, retrieve and reuse skills.",
                args=arguments,
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise ValueError(f"{_first_message(complaint.getvalue())}; see `procmem --help`") from None


def _first_message(box: str) -> str:
    """Returns the first message of a boxed complaint, on one line."""
    lines = []
    for line in box.splitlines():
        if line.startswith("╭"):
            continue
        text = line.strip(_BOX_CHARACTERS)
        if not text:
            break
        lines.append(text)
    return " ".join(lines) or "the command line cannot be read"
