"""The names of the settings of our own parts, by preset.

Nothing here needs jax, so that the command line can tell a wrong name at once. A test holds them against the settings.
"""

from collections.abc import Iterable

from procmem_jax.experiments.task_registry import is_ours
from procmem_jax.near_misses import choose_from

_GRID = (
    "box_x box_y door_pays_again door_reward door_x door_y goal_reward key_reward key_x key_y layout max_steps "
    "shift_every size step_reward sticky"
)
_AGENT = "step_budget use_skills"
_MEMORY = "capacity embedding_size eviction learn max_skill_length merge_threshold"
_DEFAULT = (
    f"{_GRID} {_AGENT} {_MEMORY} admission caution choice consolidation_interval count_failures deaths_teach "
    "distance_cost embedding forgiven_failures group_size history_length interruption keep_better loop_erasure "
    "match_tolerance mismatch_cost novel_only novelty progress relevance retire_rate retreat_steps segmentation "
    "suffixes undone values grace"
)
SETTINGS = {
    "default": _DEFAULT,
    "proven": f"{_DEFAULT} budget highest_return inner_memory lowest_return window",
    "tutorial": f"{_GRID} {_AGENT} {_MEMORY} code_tables counting max_size min_success_steps",
    "q-learning": f"{_GRID} {_AGENT} discount initial_value learning_rate max_size q_epsilon",
}
_EXPLORERS = "epsilon longest per_episode table_rows uniform wandering"
_ALL = frozenset(" ".join([*SETTINGS.values(), _EXPLORERS]).split())


def check_setting_names(task: str, preset: str, names: Iterable[str]) -> None:
    """Raises a ValueError for a name that no part of ours has; tasks and presets of others may have any."""
    if preset not in SETTINGS or not is_ours(task):
        return
    for name in names:
        if name not in _ALL:
            raise ValueError(unknown_setting(name, _ALL, SETTINGS[preset].split()))


def unknown_setting(name: str, known: Iterable[str], offered: Iterable[str]) -> str:
    """Returns the message for a setting that there is not; `known` may be meant, `offered` are to choose from."""
    return f"setting {name!r} is unknown; {choose_from(name, sorted(known), among=', '.join(sorted(offered)))}"
