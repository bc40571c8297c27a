"""A replay written down by hand: a door in a wall, a skill that fetches the key, and a step that sticks."""

import dataclasses

import jax

from envs.worlds import make_layout, make_state
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.replays.frames import Frame, FrameSkill
from procmem_jax.experiments.replays.replay import Replay

# Start (0, 0), key (0, 1), door (3, 1), goal (4, 4), no box.
LAYOUT = make_layout([0, 0, 0, 1, 3, 1, 4, 4, -1, -1])


def handmade_replay() -> Replay:
    """Five frames: a skill as a whole, its second step, the first step of another, exploration, the end."""
    config, params = make_experiment("doorkey-5")
    fetch = FrameSkill("acquire_key", 0, 7, 0, (0, 4), ())
    then = FrameSkill("acquire_key", 0, 7, 1, (4,), ())
    opens = FrameSkill("open_door_sequence", 1, 9, 0, (3,), (3, 5))
    numbers = [(0, 0, False, 0), (0, 1, False, 0), (0, 1, True, 4), (1, 1, True, 3), (2, 1, True, 3)]
    rest = [
        ("acquire_key", fetch, 0, 0.0, 0.0),
        ("acquire_key", then, 4, -0.1, -0.1),
        ("open_door_sequence", opens, 3, 1.0, 0.9),
        ("exploring", None, 2, -0.1, 0.8),  # which is not carried out: the step before sticks
        ("time is up", None, -1, -0.1, 0.7, False, "max_steps"),
    ]
    frames = []
    for step, ((x, y, has_key, last), values) in enumerate(zip(numbers, rest, strict=True)):
        state = make_state(x, y, has_key, False, LAYOUT, step)
        world = jax.device_get(dataclasses.replace(state, last_action=last))
        frames.append(Frame(step, world, *values))
    return Replay("doorkey-5", "default", config, params, 3, 8, frames)
