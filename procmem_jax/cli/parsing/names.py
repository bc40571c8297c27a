"""Whether names exist, asked before jax is imported, which takes a second: a misspelt name is told at once."""

import re

from procmem_jax.experiments.preset_names import check_preset
from procmem_jax.experiments.task_registry import check_task


def check_names(task: str, preset: str) -> None:
    """Raises a ValueError for a task or a preset that there is not."""
    check_preset(preset)
    check_task(task)


def default_folder(*words: str | int) -> str:
    """Returns the folder of a run that is not told another; no system and no copying tool takes its name apart."""
    return "runs/" + "-".join(re.sub(r"[^\w.-]+", "-", str(word)) for word in words)
