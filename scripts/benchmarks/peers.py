"""Other people's environments under random actions; those that are not installed are left out."""

import importlib.util
from collections.abc import Callable

import jax
import jax.numpy as jnp

from benchmarks.measure import Built, Contender, compiled, repeated

Carry = tuple
Begin = Callable[[jax.Array], Carry]
Step = Callable[[jax.Array, Carry], Carry]


def rollout(begin: Begin, step: Step, batch: int) -> Built:
    """Returns a compiled loop of random steps.

    Args:
        begin: key -> carry of the whole batch.
        step: (key, carry) -> carry. Observation and reward belong to it, or they would not be computed.
        batch: environments.
    """

    def run_steps(carry, key, count):
        return jax.lax.fori_loop(0, count, lambda i, carry: step(jax.random.fold_in(key, i), carry), carry)

    key = jax.random.key(0)
    carry = jax.jit(begin)(key)
    program, seconds = compiled(run_steps, carry, key, jnp.int32(0))
    return repeated(lambda count: jax.block_until_ready(program(carry, key, jnp.int32(count))), batch, seconds)


def gymnax_world(name: str, batch: int) -> Built:
    """Returns a gymnax environment, which resets itself."""
    import gymnax

    env, params = gymnax.make(name)

    def begin(key):
        obs, state = jax.vmap(env.reset, in_axes=(0, None))(jax.random.split(key, batch), params)
        return state, obs, jnp.zeros(batch)

    def step(key, carry):
        for_actions, for_worlds = jax.random.split(key)
        actions = jax.random.randint(for_actions, (batch,), 0, env.num_actions)
        keys = jax.random.split(for_worlds, batch)
        obs, state, reward, *_ = jax.vmap(env.step, in_axes=(0, 0, 0, None))(keys, carry[0], actions, params)
        return state, obs, carry[2] + reward

    return rollout(begin, step, batch)


def xland_world(name: str, batch: int) -> Built:
    """Returns an XLand-MiniGrid environment with its own automatic reset."""
    import xminigrid
    from xminigrid.wrappers import GymAutoResetWrapper

    env, params = xminigrid.make(name)
    env = GymAutoResetWrapper(env)

    def begin(key):
        return jax.vmap(env.reset, in_axes=(None, 0))(params, jax.random.split(key, batch)), jnp.zeros(batch)

    def step(key, carry):
        actions = jax.random.randint(key, (batch,), 0, env.num_actions(params))
        timestep = jax.vmap(env.step, in_axes=(None, 0, 0))(params, carry[0], actions)
        return timestep, carry[1] + timestep.reward

    return rollout(begin, step, batch)


def navix_world(name: str, batch: int) -> Built:
    """Returns a NAVIX environment, which resets itself."""
    import navix

    env = navix.make(name)

    def begin(key):
        return jax.vmap(env.reset)(jax.random.split(key, batch)), jnp.zeros(batch)

    def step(key, carry):
        actions = jax.random.randint(key, (batch,), 0, len(env.action_set))
        timestep = jax.vmap(env.step)(carry[0], actions)
        return timestep, carry[1] + timestep.reward

    return rollout(begin, step, batch)


def minigrid_world(name: str, batch: int) -> Built:
    """Returns a MiniGrid environment of Gymnasium, in Python, one at a time."""
    import gymnasium
    import minigrid  # noqa: F401  registers the environments

    env = gymnasium.make(name)
    env.reset(seed=0)
    env.action_space.seed(0)

    def run(count: int) -> None:
        for _ in range(count):
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()

    del batch
    return repeated(run, 1)


PEERS = (
    ("gymnax", "gymnax", "FourRooms-misc", gymnax_world),
    ("NAVIX", "navix", "Navix-DoorKey-5x5-v0", navix_world),
    ("XLand", "xminigrid", "MiniGrid-DoorKey-5x5", xland_world),
)


def environment_contenders(batch: int) -> list[Contender]:
    """Returns the peers that are installed, `batch` environments at once."""
    found = [
        Contender(f"{label} {name}", {"environments": batch}, lambda make=make, name=name: make(name, batch))
        for label, module, name, make in PEERS
        if importlib.util.find_spec(module) is not None
    ]
    if batch == 1 and importlib.util.find_spec("minigrid") is not None:
        name = "MiniGrid-DoorKey-5x5-v0"
        found.append(Contender(f"Gymnasium {name}", {"environments": 1}, lambda: minigrid_world(name, 1)))
    return found
