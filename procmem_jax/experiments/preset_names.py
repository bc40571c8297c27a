"""The names of presets, and what each is.

Nothing here needs jax, so that the command line can tell a wrong name at once.
"""

from procmem_jax.near_misses import choose_from

# Those of the user are added by `presets.register_preset`.
PRESETS = {
    "default": "a memory that never hurts and really helps: few, short, general skills that chain",
    "proven": "the default memory, used only where its episodes are seen to pay more than those without",
    "tutorial": "the tutorial's agent, every quirk included: failures do not count, a merge is a success, the budget "
    "of steps is looked at between skills only",
    "q-learning": "no skills: tabular Q-learning on the same percept, tuned on random-8",
}
DEFAULT_PRESET = "default"


def check_preset(name: str) -> None:
    """Raises a ValueError for a name that is not in `PRESETS`."""
    if name not in PRESETS:
        raise ValueError(f"preset={name!r} is unknown; {choose_from(name, PRESETS)} (see `procmem presets`)")
