"""Whether names exist, asked before jax is imported, which takes a second: a misspelt name is told at once."""

from procmem_jax.envs.grid.task_names import is_foreign, parse_task
from procmem_jax.experiments.preset_names import check_preset


def check_names(task: str, preset: str) -> None:
    """Raises a ValueError for a task or a preset that there is not; a task of another package is left to it."""
    check_preset(preset)
    if not is_foreign(task):
        parse_task(task)
