"""A gymnax environment in its wrappers, as it steps without the automatic reset of its `step`.

An environment's own `step` plays `step_env`, then asks `reset_env` for what is to follow an end, and takes one or the
other. In a copy of it `reset_env` answers what `step_env` has just given, so that both are the same. All else is as
the environment and its wrappers do it: keys, information, what they change.
"""

import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.envs.foreign.forms.layers import attributes, inner_layers, is_of, is_own, layer_names, means_raw
from procmem_jax.envs.foreign.forms.limits import lift_limit

_LEAVE_OUT = "give the environment without it"


def split_end(env: Any, step_env: Callable, arguments: tuple, result: tuple) -> tuple:
    """Returns six values for a raw transition of five: its end as terminated or truncated.

    gymnax 1.0 tells the time limit by `is_truncated`. Elsewhere one flag means both, and an end is a termination if it
    comes with the limit lifted, too: so a goal at the last step is one.

    Args:
        env: the environment.
        step_env: its raw transition.
        arguments: (key, state, action, params) of the transition.
        result: what it gave.
    """
    if len(result) == 6:
        return result
    obs, state, reward, ended, info = result
    *before, params = arguments
    if hasattr(env, "is_truncated"):
        return obs, state, reward, ended, env.is_truncated(state, params), info
    lifted = lift_limit(params)
    if lifted is None:
        goal = True
    elif is_of(env, "craftax"):  # a second step is dear there, and its states do not hold whether they are the last
        goal = env.is_terminal(state, lifted)
    else:
        goal = step_env(*before, lifted)[3]
    ended, goal = jnp.asarray(ended, jnp.bool_), jnp.asarray(goal, jnp.bool_)
    return obs, state, reward, ended & goal, ended & ~goal, info


class _Trace(threading.local):
    """What an environment's own `step` has found so far, in the thread that traces it."""

    depth = 0
    stepped = None


class WithoutResets:
    """The steps of a gymnax environment, wrapped or not, none of which resets it.

    Args:
        env: the environment.

    Raises:
        ValueError: a wrapper holds the `step` of what it wraps as a function, which cannot be changed.
    """

    def __init__(self, env: Any):
        self.name = layer_names(env)
        self._plays_raw = means_raw(env, "step", "step_env")
        self._not_reached: dict[int, str] = {}
        self._reaches_environment = False
        self._env = self._copy(env, {})

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: Any) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info), by the outermost `step` or `step_env`.

        Raises:
            ValueError: a wrapper cannot be honoured, or its step is not gymnax's.
        """
        arguments = (key, state, action, params)
        try:
            result = (self._env.step_env if self._plays_raw else self._env.step)(*arguments)
        except Exception:
            self._check_reached()  # a state that is not its own is a wrapper's that was passed by
            raise
        if not isinstance(result, tuple) or len(result) not in (5, 6):
            raise ValueError(f"{self.name}: the outermost step gives no five or six values; {_LEAVE_OUT}")
        self._check_reached()
        if not self._reaches_environment:
            raise ValueError(f"{self.name}: the step of the environment inside is not played; {_LEAVE_OUT}")
        if self._plays_raw:
            return split_end(self._env, self._env.step_env, arguments, result)
        return result if len(result) == 6 else self._by_info(*result)

    def _check_reached(self) -> None:
        if self._reaches_environment and self._not_reached:
            passed = next(iter(self._not_reached.values()))
            raise ValueError(f"{self.name}: what is outside of {passed} does not play its step; {_LEAVE_OUT}")

    def _by_info(self, obs: Any, state: Any, reward: Any, ended: Any, info: Any) -> tuple:
        """Returns six values for the five of a wrapper, by the `info` of the environment inside."""
        if not {"terminated", "truncated"} <= set(info):
            raise ValueError(f"{self.name}: the info that tells a goal from a limit is lost in a wrapper; pass it on")
        ended, goal, limit = (jnp.asarray(flag, jnp.bool_) for flag in (ended, info["terminated"], info["truncated"]))
        return obs, state, reward, ended & ~(limit & ~goal), ended & limit & ~goal, info

    def _copy(self, env: Any, copies: dict[int, Any]) -> Any:
        """Returns `env` with copies of the environments in it, and steps that do not reset."""
        if id(env) in copies:
            return copies[id(env)]
        cls, held, inner = type(env), attributes(env), inner_layers(env)
        functions = [name for name in ("step", "step_env", "reset_env") if name in held]
        if functions:
            text = f"{self.name}: {cls.__name__} holds its {functions[0]} as an attribute, resets inside"
            raise ValueError(f"{text}; make it a method, or {_LEAVE_OUT}")
        if inner and (is_own(env, "step") or is_own(env, "step_env")):
            self._not_reached[id(env)] = cls.__name__
        # A copy equal to the environment would get its compiled steps.
        own = {"__eq__": object.__eq__, "__hash__": object.__hash__, "__slots__": (), "__module__": cls.__module__}
        methods = self._methods(env, cls)
        copied = object.__new__(type(cls)(cls.__name__, (cls,), {**own, **methods}))
        copies[id(env)] = copied
        for name, value in held.items():
            object.__setattr__(copied, name, self._copy(value, copies) if name in inner else value)
        return copied

    def _methods(self, env: Any, cls: type) -> dict[str, Callable]:
        """Returns those methods of a copy of `env` that differ."""
        trace, number = _Trace(), id(env)

        def step(copied, *args, **kwargs):
            self._not_reached.pop(number, None)
            trace.depth += 1
            try:
                return cls.step(copied, *args, **kwargs)
            finally:
                trace.depth -= 1
                trace.stepped = None

        def step_env(copied, key, state, action, params=None):
            self._not_reached.pop(number, None)
            self._reaches_environment = True
            arguments, raw = (key, state, action, params), cls.step_env.__get__(copied)
            result = raw(*arguments)
            if trace.depth and len(result) == 5 and not hasattr(copied, "is_truncated"):
                obs, state, reward, terminated, truncated, info = split_end(copied, raw, arguments, result)
                info = {**info, "terminated": terminated, "truncated": truncated}
                result = obs, state, reward, terminated | truncated, info
            if trace.depth:
                trace.stepped = result[:2]
            return result

        def reset(copied, *args, **kwargs):
            if trace.stepped is None:
                raise ValueError(f"{self.name}: a wrapper resets the environment inside its own step; {_LEAVE_OUT}")
            stepped, trace.stepped = trace.stepped, None
            return stepped

        changed = {"step": step} if is_own(env, "step") else {}
        if is_own(env, "step_env"):
            changed.update(step_env=step_env, reset_env=reset, reset=reset)
        return changed
