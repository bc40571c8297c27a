"""The command as a function, for tests of its words."""

import os

from procmem_jax import cli

# A run of some seconds.
SMALL = "train --task random-3 --preset tutorial --agents 5 --episodes 3 --seed 7 --quiet".split()


def run(capsys, *arguments):
    """(exit status, stdout, stderr) of the command."""
    capsys.readouterr()
    try:
        cli.main(arguments)
        status = 0
    except SystemExit as stop:
        status = 0 if stop.code is None else stop.code
    return (status, *capsys.readouterr())


def out_of(capsys, *arguments):
    """Stdout of a command that must succeed without a word on stderr."""
    status, out, err = run(capsys, *arguments)
    assert (status, err) == (0, "")
    return out


def one_device_each():
    """The environment of processes that have one CPU device each, as users' have, and this one's other flags."""
    flags = [flag for flag in os.environ["XLA_FLAGS"].split() if "device_count" not in flag]
    return {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": " ".join(flags)}


def contents(folder):
    """The bytes of a folder's files, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
