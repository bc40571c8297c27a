"""A check of an environment before it is trusted with hours: what random play shows, each with its remedy."""

from typing import Any

from procmem_jax.agents.settings import Config, Params
from procmem_jax.envs.foreign.adapted import PerceiveFunction
from procmem_jax.envs.foreign.listed import Facts
from procmem_jax.envs.foreign.probes.check import check_by_play
from procmem_jax.envs.foreign.probes.findings import Finding, Report
from procmem_jax.experiments.any_environment import with_memory


def check_environment(env: Any, perceive: PerceiveFunction | Facts | Params | None = None, **options: Any) -> Report:
    """Returns what 512 random steps show of an environment and its percept; print it.

    It tells of an environment that resets itself inside `step`, arrays that change their form, numbers that are not
    finite, a wrapper that is not honoured, resets whose keys do not matter, a clock in the fingerprint, facts that
    never or always hold, success that never comes, contexts out of range, and steps per second.

    Args:
        env, perceive, options: as for `with_memory`; or what that returns, a config and its params.
    """
    if isinstance(env, tuple) and len(env) == 2 and isinstance(env[0], Config):
        env, perceive = env
    try:
        if isinstance(env, Config):
            config, params = env, perceive
        else:
            config, params = with_memory(env, perceive, **options)
        return check_by_play(config.environment, params.environment)
    except (TypeError, ValueError) as error:
        what, _, remedy = (str(error).splitlines() or [type(error).__name__])[0].rpartition("; ")
        return Report((Finding("error", what or remedy, remedy if what else "mend this first"),))
