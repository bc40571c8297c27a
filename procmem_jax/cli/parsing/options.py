"""Types of options that several commands have.

They are such that tyro can tell the kind of a default value by itself. For `str | None` and `tuple[str, ...]` it asks
typeguard, and importing that takes 0.15 s, as long as all the rest of reading a command line.
"""

from typing import Annotated, Optional

import tyro

MaybeText = Optional[str]  # noqa: UP045
MaybeInt = Optional[int]  # noqa: UP045
MaybeFloat = Optional[float]  # noqa: UP045
Assignments = Annotated[tuple, tyro.conf.arg(name="set", metavar="NAME=VALUE")]
Json = Annotated[bool, tyro.conf.FlagCreatePairsOff]  # what a command finds, as one JSON value for programs
RunFolder = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="folder of a finished run")]
SweepFolder = Annotated[
    tyro.conf.Positional[str], tyro.conf.arg(metavar="OUT", help="the folder that all shards were given")
]
