"""What is measured on a GPU: parts that each yield rows, in processes of their own with so many seconds each."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of the measurements.

    Attributes:
        module: in this folder; its `run(options)` yields rows, its `COLUMNS` are printed.
        seconds: after which it is stopped; what it has yielded by then is kept.
    """

    module: str
    seconds: int


PARTS = {
    "card": Part("card", 60),
    "same": Part("same", 150),
    "env": Part("environments", 120),
    "train": Part("training", 300),
    "retrieval": Part("retrieval", 60),
    "kernels": Part("kernels", 60),
    "sweep": Part("sweep", 120),
}
