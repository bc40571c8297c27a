"""Colours of what agents do, the same in every picture; colour-blind readers tell them apart (Okabe & Ito 2008)."""

from procmem_jax.memory.skills import NO_LABEL

_BY_LABEL = ("#D55E00", "#8E4585", "#009E73", "#B8860B", "#0072B2")  # has_key, door_open, goal_reached; more worlds
_NO_LABEL = "#2C7FB8"
EXPLORING = "#6E6E6E"
OTHER = "#0072B2"  # a memory without skills
ENDED = "#222222"


def skill_colour(label: int) -> str:
    """Returns the colour of skills named by the predicate `label`, -1 for none."""
    return _NO_LABEL if label == NO_LABEL else _BY_LABEL[label % len(_BY_LABEL)]


def all_colours() -> list[str]:
    """Returns every colour that this module gives."""
    return [*_BY_LABEL, _NO_LABEL, EXPLORING, OTHER, ENDED]
