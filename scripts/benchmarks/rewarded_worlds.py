"""Worlds of other packages as tasks `benchmarks.rewarded_worlds:NAME`, whose success is a positive reward."""

from procmem_jax import with_memory


def frozen_lake():
    """Returns gymnax's FrozenLake of 4 x 4 cells, without slipping."""
    from gymnax.environments.misc.frozen_lake import FrozenLake

    return with_memory(FrozenLake(is_slippery=False), success="rewarded")


def meta_maze():
    """Returns gymnax's MetaMaze, in which the agent is taken elsewhere when it finds the goal."""
    import gymnax

    return with_memory(gymnax.make("MetaMaze-misc")[0], success="rewarded")


def jumanji_maze():
    """Returns Jumanji's Maze of 10 x 10 cells, another in each episode."""
    import jumanji

    return with_memory(jumanji.make("Maze-v0"), success="rewarded")
