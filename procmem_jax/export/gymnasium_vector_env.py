"""Many grids as one Gymnasium `VectorEnv`, stepped by one compiled program."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from procmem_jax.envs.foreign.peers import import_peer
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.export.autoreset import DISABLED, NEXT_STEP, SAME_STEP, advance_batch, begin_batch, reset_batch
from procmem_jax.export.gymnasium_interface import (
    METADATA,
    check_options,
    check_render_mode,
    class_of_peer,
    draw,
    make_program,
    make_spaces,
    reset_needed,
)
from procmem_jax.export.seeded_episodes import SeededState, seed_words
from procmem_jax.records import check_count


class _GridWorldVectorEnv:
    """Grids behind Gymnasium's interface for vectors: environment i is what `GridWorldEnv` is with the seed of i.

    `reset(seed=s)` seeds them with s, s + 1, ..., a list gives each its own. `metadata["autoreset_mode"]` says what
    follows the end of an episode, by Gymnasium's rules (https://farama.org/Vector-Autoreset-Mode):

    - NextStep: the next step ignores the environment's action, begins its next episode and tells its first
      observation with a reward of 0.
    - SameStep: the step that ends an episode begins the next one and tells its first observation; the last one is in
      `infos["final_obs"]`, its info in `infos["final_info"]`.
    - Disabled: the caller resets, with a mask in `options["reset_mask"]`, before the next step.
    """

    metadata = METADATA

    def __init__(
        self,
        num_envs: int = 1,
        task: str | GridWorld = "random-5",
        render_mode: str | None = None,
        autoreset_mode: Any = NEXT_STEP,
        max_episode_steps: int | None = None,
        skills: Any = None,
        discount: float | None = None,
        **changes,
    ):
        """Makes the environments; they begin with the first `reset`.

        Args:
            num_envs: how many.
            task: a name such as "random-5", or a grid.
            render_mode: "rgb_array", "ansi" or None.
            autoreset_mode: a `gymnasium.vector.AutoresetMode` or its value.
            max_episode_steps: the time limit, as `gymnasium.make_vec` names it; by default that of the task.
            skills, discount: further actions, as `as_gymnax` takes them.
            changes: fields of `GridWorldParams`, such as `size` or `sticky`.

        Raises:
            TypeError, ValueError: the task or a setting is unknown, a number out of bounds, or skills do not fit.
        """
        check_count("num_envs", num_envs, 1, 2**30)
        vector = import_peer("gymnasium").vector
        mode = vector.AutoresetMode(autoreset_mode)
        if max_episode_steps is not None:
            changes = {**changes, "max_steps": max_episode_steps}
        self.metadata = {**METADATA, "autoreset_mode": mode}
        self.render_mode = check_render_mode(render_mode)
        self.num_envs = num_envs
        self._mode = mode.value
        self._world, self._params, self._choices = make_program(task, changes, skills, discount)
        self.single_observation_space, self.single_action_space = make_spaces(self._world, self._params, self._choices)
        self.observation_space = vector.utils.batch_space(self.single_observation_space, num_envs)
        self.action_space = vector.utils.batch_space(self.single_action_space, num_envs)
        self._state: SeededState | None = None

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict | None = None
    ) -> tuple[np.ndarray, dict]:
        """Returns (observations `[num_envs, 13]`, infos) of the seeds' first episodes, or of the next ones.

        Args:
            seed: of environment 0, the others counting on, or one for each, None for one that goes on.
            options: `reset_mask`, `[num_envs]` bool, names those to reset; by default all.

        Raises:
            ResetNeeded: the first reset has a mask.
            TypeError, ValueError: seeds, options or the mask are none.
        """
        check_options(options, ("reset_mask",))
        mask = _check_mask((options or {}).get("reset_mask"), self.num_envs)
        seeds = _spread(seed, self.num_envs)
        super().reset(seed=seed if isinstance(seed, int) else None)
        if self._state is None:
            if not mask.all():
                raise reset_needed("a masked reset")
            drawn = self.np_random.integers(2**32, size=self.num_envs).tolist()
            seeds = [new if given is None else given for given, new in zip(seeds, drawn, strict=True)]
        words = np.stack([seed_words(0 if given is None else given) for given in seeds])
        seeded = np.array([given is not None for given in seeds])
        program = (self._params, self._world, self._choices)
        if self._state is None:
            self._state, told = begin_batch(words, *program)
        else:
            self._state, told = reset_batch(self._state, words, seeded, mask, *program)
        (obs, now), infos = jax.tree.map(np.array, told), {}
        for name, values in now.items():
            _add_info(infos, name, values, mask)
        return obs, infos

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict]:
        """Returns (observations, rewards, terminations, truncations, infos), arrays over the environments.

        Raises:
            ResetNeeded: there was no reset yet, or in the mode Disabled none after the end of an episode.
            ValueError: the actions are not so many of the space.
        """
        if self._state is None or (self._mode == DISABLED and np.any(self._state.ended)):
            raise reset_needed("step")
        actions = _check_actions(actions, self.num_envs, int(self.single_action_space.n))
        program = (self._params, self._world, self._choices, self._mode)
        self._state, told = advance_batch(self._state, actions, *program)
        obs, rewards, terminations, truncations, info, stepped, final_obs, now = jax.tree.map(np.array, told)
        infos: dict = {}
        if self._mode == SAME_STEP:
            ended = terminations | truncations
            _add_final(infos, final_obs, info, ended)
            stepped = stepped & ~ended
        for name, values in info.items():
            _add_info(infos, name, now.get(name, values), stepped | (name in now))
        return obs, rewards, terminations, truncations, infos

    def render(self) -> tuple[Any, ...] | None:
        """Returns a picture of each environment, or None without a render mode.

        Raises:
            ResetNeeded: there was no reset yet.
        """
        if self._state is None:
            raise reset_needed("render")
        if self.render_mode is None:
            return None
        states = jax.device_get(self._state)
        singles = (jax.tree.map(lambda leaf, i=i: leaf[i], states) for i in range(self.num_envs))
        return tuple(draw(single, self._params, self._world, self.render_mode) for single in singles)


def _spread(seed: int | Sequence[int | None] | None, num_envs: int) -> list[int | None]:
    """Returns a seed, or None, for each environment."""
    if seed is None:
        return [None] * num_envs
    if not isinstance(seed, (Sequence, np.ndarray)):
        seed_words(seed)  # checks that it is a number
        return [int(seed) + i for i in range(num_envs)]
    if len(seed) != num_envs:
        raise ValueError(f"seed has {len(seed)} entries for num_envs={num_envs}; give one for each, or one number")
    return list(seed)


def _check_mask(mask: Any, num_envs: int) -> np.ndarray:
    if mask is None:
        return np.ones(num_envs, np.bool_)
    mask = np.asarray(mask)
    if mask.dtype != np.bool_ or mask.shape != (num_envs,) or not mask.any():
        raise ValueError(f"reset_mask is {mask.dtype}{list(mask.shape)}; give bool[{num_envs}] with at least one True")
    return mask


def _check_actions(actions: Any, num_envs: int, num_actions: int) -> np.ndarray:
    actions = np.asarray(actions)
    if actions.shape != (num_envs,) or not np.issubdtype(actions.dtype, np.integer):
        raise ValueError(f"actions are {actions.dtype}{list(actions.shape)}; give {num_envs} whole numbers")
    if actions.min() < 0 or actions.max() >= num_actions:
        raise ValueError(f"actions from {actions.min()} to {actions.max()} are not all of 0 to {num_actions - 1}")
    return actions.astype(np.int32)


def _add_info(infos: dict, name: str, values: np.ndarray, mask: np.ndarray) -> None:
    """Adds the values of those in `mask`, and the mask, as Gymnasium's vector environments do."""
    if mask.any():
        values = values.astype(np.int64) if values.dtype == np.int32 else values
        infos[name] = np.where(mask.reshape(-1, *[1] * (values.ndim - 1)), values, np.zeros((), values.dtype))
        infos[f"_{name}"] = mask


def _add_final(infos: dict, final_obs: np.ndarray, info: dict[str, np.ndarray], ended: np.ndarray) -> None:
    """Adds what the last step of the episodes that `ended` told."""
    if ended.any():
        rows = np.full(len(ended), None, dtype=object)
        for i in np.flatnonzero(ended):
            rows[i] = final_obs[i]
        final_info: dict = {}
        for name, values in info.items():
            _add_info(final_info, name, values, ended)
        infos |= {"final_obs": rows, "_final_obs": ended, "final_info": final_info, "_final_info": ended.copy()}


@functools.cache
def vector_env_class() -> type:
    """Returns `GridWorldVectorEnv`.

    Raises:
        ValueError: Gymnasium is missing.
    """
    base = import_peer("gymnasium").vector.VectorEnv
    return class_of_peer(__name__, "GridWorldVectorEnv", _GridWorldVectorEnv, base)


def __getattr__(name: str) -> type:
    """Returns the class that Gymnasium's registry and pickles ask this module for."""
    if name == "GridWorldVectorEnv":
        return vector_env_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
