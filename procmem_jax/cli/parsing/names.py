"""Whether names exist, asked before jax is imported, which takes a second: a misspelt name is told at once."""

import re
from collections.abc import Iterable
from typing import Any

from procmem_jax.experiments.preset_names import check_preset
from procmem_jax.experiments.setting_names import check_setting_names
from procmem_jax.experiments.task_registry import check_task

_CODE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]")  # package.module:name; "epsilon:0.3" is none


def check_names(task: str, preset: str, settings: Iterable[str] = (), parts: Iterable[Any] = ()) -> None:
    """Raises a ValueError for a task, a preset or a setting that there is not.

    Args:
        task, preset: their names.
        settings: names too; not checked where one of the `parts` is a user's own, which may have any.
        parts: texts that may name one.
    """
    check_preset(preset)
    check_task(task)
    if not any(isinstance(part, str) and _CODE.match(part) for part in parts):
        check_setting_names(task, preset, settings)


def default_folder(*words: str | int) -> str:
    """Returns the folder of a run that is not told another; no system and no copying tool takes its name apart."""
    return "runs/" + "-".join(re.sub(r"[^\w.-]+", "-", str(word)) for word in words)
