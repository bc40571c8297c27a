"""The command `procmem`: find the subcommand, let it read its arguments and run, and tell of errors in one line."""

import importlib
import os
import signal
import sys
from collections.abc import Sequence

import procmem_jax
from procmem_jax.cli.parsing.near_misses import check_command
from procmem_jax.experiments import signals

# Where each subcommand is, within this folder, and what it is for: the first line of its class. Its module, and what
# that needs, is imported when it is asked for, so that help and misspelt names need not wait for jax.
COMMANDS = {
    "train": ("train:Train", "Train many agents and store what they did and learned."),
    "eval": ("eval:Eval", "Run the agents of a finished run, libraries frozen, on fresh layouts."),
    "sweep": ("sweep:Sweep", "Run many settings times many seeds, in few compiled programs."),
    "merge": ("merge:Merge", "Make one sweep of its shards."),
    "study": (
        "study:Study",
        "Compare the default memory with none, with others and with itself less one mechanism, agent by agent.",
    ),
    "plot": ("plot:Plot", "Draw the figure of a finished run or sweep."),
    "replay": (
        "replay:Replay",
        "Live one agent's life again up to an episode, hold it against the stored rows, and draw the episode.",
    ),
    "runs": ("runs:Runs", "List the runs, sweeps and studies in a folder: what, when, done or not, and how it went."),
    "compare": (
        "compare:Compare",
        "Compare two runs of one task and seed, agent by agent: differences B less A, and which settings differ.",
    ),
    "report": ("report:Report", "Write a page about runs, sweeps or studies: one HTML file that needs no network."),
    "library": ("library:Library", "Show, export or draw the skills that agents have learned."),
    "presets": ("presets:Presets", "List the presets, or all settings of one."),
    "tasks": ("tasks:Tasks", "List the tasks."),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line `arguments` (by default the program's own) and exits with status 0, 2 on bad input."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            with signals.watched():
                _run(arguments)
                if signals.asked() is not None:
                    raise signals.Interrupted(signals.asked(), "all that was asked for is done")
        finally:
            sys.stdout.flush()  # a pipe closed at the other end is to show here, not when the interpreter ends
    except signals.Interrupted as stop:
        if stop.left:
            print(f"procmem: stopped by {signal.Signals(stop.number).name}: {stop.left}", file=sys.stderr)
        raise SystemExit(128 + stop.number) from None
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
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
    elif arguments == ["--version"]:
        print(f"procmem {procmem_jax.__version__}")
    else:
        name, *rest = arguments
        command = find_command(name)
        # Imported here, since tyro alone takes longer than the overview.
        from procmem_jax.cli.parsing.command_line import parse

        parse(command, f"procmem {name}", rest).run()


def overview() -> str:
    """Returns the usage, and the commands with what each is for."""
    width = max(map(len, COMMANDS))
    return "\n".join(
        [
            "usage: procmem [-h] [--version] COMMAND ...",
            "",
            "Procedural memory as arrays: agents that extract, retrieve and reuse skills.",
            "",
            "commands:",
            *(f"  {name:<{width}}  {help}" for name, (_, help) in COMMANDS.items()),
            "",
            "options:",
            "  -h, --help  show this help message and exit",
            "  --version   show the version and exit",
            "",
            "`procmem COMMAND --help` tells the options of a command.",
        ]
    )


def find_command(name: str) -> type:
    """Returns the class of a command: a dataclass, its fields the options, with a method `run`.

    Raises:
        ValueError: there is no such command.
    """
    check_command(name, COMMANDS, "procmem")
    module, _, kind = COMMANDS[name][0].partition(":")
    return getattr(importlib.import_module(f"procmem_jax.cli.{module}"), kind)
