"""Misspelt commands, and what was perhaps meant."""

from collections.abc import Iterable

from procmem_jax.near_misses import near_miss


def check_command(name: str, commands: Iterable[str], program: str) -> None:
    """Raises a ValueError if there is no such command; it names the one that was perhaps meant, or all.

    Args:
        name: what was given.
        commands: all.
        program: the words that come before, "procmem" or "procmem library".
    """
    commands = list(commands)
    if name in commands:
        return
    see = f"see `{program} --help`"
    meant = near_miss(name, [*commands, "--help", "--version", "--completion"] if name.startswith("-") else commands)
    if meant is None or meant == name:
        raise ValueError(f"{name} is no command; choose from {', '.join(commands)}; {see}")
    raise ValueError(f"{name} is no command; did you mean {meant}? ({see})")
