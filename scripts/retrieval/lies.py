"""Pools full of lies: skills that look like any others, and whose actions are drawn by lot."""

import dataclasses

import jax
import numpy as np

from procmem_jax.agents.settings import Config
from procmem_jax.memory.library import SkillLibrary, empty

_STAGES = np.tri(4, 3, -1, dtype=bool)  # nothing yet, the key, the open door, the goal: the facts of each


def lying_libraries(config: Config, size: int, num_agents: int, num_lies: int, seed: int) -> SkillLibrary:
    """Returns libraries `[A, N, ...]` with `num_lies` made-up skills each, the other slots empty.

    Each promises the next fact from offsets anywhere in a random grid of `size` cells a side, in 1 to L steps.
    """
    draw, memory, sizes = np.random.default_rng(seed), config.memory, config.library
    shape = (num_agents, num_lies)
    stage, lengths = draw.integers(0, 3, shape), draw.integers(1, sizes.max_skill_length + 1, shape)
    actions = draw.integers(0, config.environment.num_actions, (*shape, sizes.max_skill_length))
    contexts = draw.integers(1 - size, size, (*shape, config.environment.context_size)).astype(np.float32)
    embed = jax.jit(jax.vmap(jax.vmap(lambda context: memory.embed(context, sizes.embedding_size))))
    gained = _STAGES[stage + 1] & ~_STAGES[stage]
    told = {
        "embeddings": embed(contexts),
        "actions": np.where(np.arange(sizes.max_skill_length) < lengths[..., None], actions, 0),
        "lengths": lengths,
        "pre_mask": np.ones_like(gained),
        "pre_value": _STAGES[stage],
        "post_mask": gained,
        "post_value": gained,
        "labels": stage,
        "skill_ids": np.broadcast_to(np.arange(num_lies), shape),
    }
    blank = jax.device_get(empty(sizes))
    libraries = jax.tree.map(lambda column: np.repeat(np.asarray(column)[None], num_agents, axis=0), blank)
    for name, values in told.items():
        getattr(libraries, name)[:, :num_lies] = values
    return dataclasses.replace(libraries, next_id=np.full((num_agents,), num_lies, np.int32))
