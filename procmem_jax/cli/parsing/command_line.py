"""Reading the arguments of one command, and telling in one line what is wrong with them."""

import contextlib
import dataclasses
import io
import os
import re
from collections.abc import Sequence
from typing import TypeVar

import tyro

from procmem_jax.cli.parsing.errors import option_name
from procmem_jax.cli.parsing.near_misses import check_command
from procmem_jax.cli.parsing.repeated import join_repeated
from procmem_jax.near_misses import near_miss

Command = TypeVar("Command")

_FRAME = "─│╭╮╰╯ "
_OPTION = re.compile(r"--[\w-]+")
_PATHS = ("out", "run_folder", "source", "file", "config", "warm_start", "compilation_cache")


def parse(command: type[Command], program: str, arguments: Sequence[str]) -> Command:
    """Returns the `command` that the arguments make; where they ask for help, prints it and exits with status 0.

    Args:
        command: a dataclass, whose fields are the options; if it has subcommands, `SUBCOMMANDS` are their names.
        program: the words that come before the arguments, such as "procmem train".
        arguments: of the command alone.

    Raises:
        ValueError: they cannot be read; one line, with the option that was perhaps meant, and the way to help.
    """
    arguments = join_repeated(arguments)
    subcommands = getattr(command, "SUBCOMMANDS", ())
    if subcommands and arguments and not arguments[0].startswith("-"):
        check_command(arguments[0], subcommands, program)
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return _with_paths(tyro.cli(command, prog=program, args=arguments))
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
    words = arguments[:1] if arguments and arguments[0] in subcommands else []
    see = f"see `{' '.join([program, *words])} --help`"
    known = _known_options(command, words)
    unknown = _unknown_options(arguments, known)
    if not unknown:
        raise ValueError(f"{_first_message(complaint.getvalue())}; {see}")
    meant = near_miss(unknown[0].strip("-"), [name.strip("-") for name in known])  # all begin alike
    message = f"Unrecognized options: {', '.join(unknown)}"
    raise ValueError(f"{message}; did you mean --{meant}? ({see})" if meant else f"{message}; {see}")


def _with_paths(command: Command) -> Command:
    """Returns the command with its paths as `plain_path` has them, in subcommands too."""
    changes = {}
    for field in dataclasses.fields(command):
        value = getattr(command, field.name)
        if dataclasses.is_dataclass(value):
            changes[field.name] = _with_paths(value)
        elif field.name in _PATHS and value:
            changes[field.name] = plain_path(value)
    return dataclasses.replace(command, **changes)


def plain_path(text: str) -> str:
    """Returns a path with "~" as the home folder."""
    return os.path.expanduser(text)


def _known_options(command: type, words: list[str]) -> list[str]:
    """Returns the options that the help names, of a command or of the subcommand that `words` name."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        tyro.cli(command, args=[*words, "--help"])
    return _OPTION.findall(shown.getvalue())


def _unknown_options(arguments: Sequence[str], known: Sequence[str]) -> list[str]:
    """Returns the options that there are not.

    Tyro says it too, but not where something else is wrong besides, as where an unknown option hides a missing folder.
    """
    given = [argument.partition("=")[0] for argument in arguments if argument.startswith("--") and argument != "--"]
    return [option for option in given if option_name(option) not in known]


def _first_message(box: str) -> str:
    """Returns the first message of a boxed complaint, on one line, without the title.

    Tyro draws lines where stdout is UTF-8. Elsewhere the title stands above a rule of hyphens, and there is no frame.
    """
    paragraphs: list[list[str]] = [[]]
    for line in box.splitlines():
        text = line.strip(_FRAME)
        if line.startswith("╭") or not text.strip("-"):
            paragraphs.append([])
        else:
            paragraphs[-1].append(text)
    texts = [" ".join(lines) for lines in paragraphs if lines]
    texts = texts if "╭" in box else texts[1:] or texts
    return texts[0] if texts else "the command line cannot be read"
