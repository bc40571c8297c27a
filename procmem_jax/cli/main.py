"""The command `procmem`: find the subcommand, let it read its arguments and run, and tell of errors in one line."""

import importlib
import os
import signal
import sys
from collections.abc import Sequence

import procmem_jax
from procmem_jax.cli.parsing.errors import error_line, is_expected
from procmem_jax.cli.parsing.near_misses import check_command
from procmem_jax.cli.reports.colour import RED, coloured
from procmem_jax.cli.reports.streams import unfailing_streams
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
    "library": ("library:Library", "Show, export, merge or draw the skills that agents have learned."),
    "presets": ("presets:Presets", "List the presets, or all settings of one."),
    "tasks": ("tasks:Tasks", "List the tasks or those of another package, or check one."),
}
_COMPLETION = """\
_procmem() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words="{commands}"
  if [ "$COMP_CWORD" -gt 1 ]; then
    words=$(procmem "${{COMP_WORDS[1]}}" --help 2>/dev/null | grep -oE -e '--[a-z][a-z-]*' | sort -u)
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _procmem procmem"""
_STORING = ("train", "eval", "sweep", "merge", "study", "plot", "replay", "report")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line `arguments` (by default the program's own) and exits with status 0, 2 on bad input.

    Results that are stored are not lost for a word that cannot be told: where stdout fails, that is one warning.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # Files are drawn whatever it says, and matplotlib refuses to be imported where it does not know the name.
    os.environ.pop("MPLBACKEND", None)
    with unfailing_streams() as (stdout, _):
        status = _status_of(arguments)
        stdout.flush()
        if stdout.error is not None and not isinstance(stdout.error, BrokenPipeError):  # who reads may stop reading
            is_lost = status == 0 and is_told_only(arguments)
            print(f"procmem: {_error() if is_lost else 'warning'}: stdout: {stdout.error}", file=sys.stderr)
            status = 2 if is_lost else status
    if status:
        raise SystemExit(status)


def is_told_only(arguments: Sequence[str]) -> bool:
    """Whether all that a command does is to print."""
    return not arguments or arguments[0] not in _STORING or "--help" in arguments or "-h" in arguments


def _status_of(arguments: list[str]) -> int:
    try:
        with signals.watched():
            _run(arguments)
            if signals.asked() is not None:
                raise signals.Interrupted(signals.asked(), "all that was asked for is done")
    except SystemExit as stop:  # tyro's, after help
        return stop.code or 0
    except signals.Interrupted as stop:
        if stop.left:
            print(f"procmem: stopped by {signal.Signals(stop.number).name}: {stop.left}", file=sys.stderr)
        return 128 + stop.number
    except KeyboardInterrupt:
        print("procmem: interrupted; nothing half-written was left, give the command again to go on", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("PROCMEM_TRACEBACK") or not is_expected(error):
            raise
        print(f"procmem: {_error()}: {error_line(error, arguments)}", file=sys.stderr)
        return 2
    return 0


def _error() -> str:
    return coloured("error", RED, sys.stderr)


def _run(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
    elif arguments == ["--completion"]:
        print(_COMPLETION.format(commands=" ".join(COMMANDS)))
    elif arguments == ["--version"]:
        print(f"procmem {procmem_jax.__version__}")
    else:
        name, *rest = arguments
        command = find_command(name)
        # Imported here, since tyro alone takes longer than the overview.
        from procmem_jax.cli.parsing.command_line import parse
        from procmem_jax.experiments.training.address_space import check_address_space

        parsed = parse(command, f"procmem {name}", rest)
        if name in _STORING:
            check_address_space()
        parsed.run()


def overview() -> str:
    """Returns the usage, and the commands with what each is for."""
    width = max(map(len, COMMANDS))
    return "\n".join(
        [
            "usage: procmem [-h] [--version] [--completion] COMMAND ...",
            "",
            "Procedural memory as arrays: agents that extract, retrieve and reuse skills.",
            "",
            "commands:",
            *(f"  {name:<{width}}  {help}" for name, (_, help) in COMMANDS.items()),
            "",
            "options:",
            "  -h, --help    show this help message and exit",
            "  --version     show the version and exit",
            '  --completion  show what completes commands and options in bash: eval "$(procmem --completion)"',
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
