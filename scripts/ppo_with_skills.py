"""Trains PPO of rejax on a task with the stored skills of one agent as further actions, and without.

Both arms learn for the same number of environment steps, those inside skills counted, from the same seeds. What is
told is the success of the learners' own episodes, which explore, in each tenth of the budget, as means over the
learners with 95% intervals. The policy never takes a skill whose precondition does not hold, unless told to learn
that. Rewards inside a skill are discounted with the learner's discount; PPO of rejax does not know that a skill takes
longer than an action. Source: Schulman et al. 2017, "Proximal policy optimization algorithms".
"""

import argparse
import pathlib
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from procmem_jax.envs.foreign.peers import import_peer
from procmem_jax.experiments.statistics.intervals import mean_interval
from procmem_jax.experiments.storage.files import write_json
from procmem_jax.experiments.storage.versions import versions
from procmem_jax.experiments.text_tables import interval_text, markdown_table
from procmem_jax.export import as_gymnax
from procmem_jax.records import check_count

SETTINGS = {
    "num_envs": 32,
    "num_steps": 64,
    "num_epochs": 4,
    "num_minibatches": 8,
    "learning_rate": 1e-3,
    "max_grad_norm": 0.5,
    "ent_coef": 0.05,
    "gamma": 0.99,
}
CHUNK = 8  # updates of all learners in one call
PARTS = 10  # of the budget, told one by one


class Counted:
    """A gymnax environment of five values that counts in its state, across resets: steps, episodes, successes.

    Behind its observation stands which actions can begin, `[A + K]`, for `strip_mask`.
    """

    def __init__(self, env: Any):
        self.env = env
        self.action_space, self.default_params = env.action_space, env.default_params

    def observation_space(self, params: Any) -> Any:
        """Returns the space of observation and mask."""
        inner = self.env.observation_space(params)
        return type(inner)(-jnp.inf, jnp.inf, (inner.shape[0] + self.env.num_actions,), inner.dtype)

    def reset(self, key: jax.Array, params: Any) -> tuple:
        """Returns (observation and mask, state)."""
        obs, state = self.env.reset(key, params)
        return self._with_mask(obs, state, params), (state, jnp.zeros(3, jnp.int32))

    def step(self, key: jax.Array, state: tuple, action: jax.Array, params: Any) -> tuple:
        """Returns (observation and mask, state, reward, done, info)."""
        obs, inner, reward, done, info = self.env.step(key, state[0], action, params)
        more = jnp.stack([jnp.asarray(info.get("duration", 1)), done, info["terminated"]]).astype(jnp.int32)
        return self._with_mask(obs, inner, params), (inner, state[1] + more), reward, done, info

    def _with_mask(self, obs: jax.Array, state: Any, params: Any) -> jax.Array:
        plain = not hasattr(self.env, "action_mask")
        mask = jnp.ones(self.env.num_actions) if plain else self.env.action_mask(state, params).astype(jnp.float32)
        return jnp.concatenate([obs, mask])


def strip_mask(learner: Any, *, masked: bool) -> Any:
    """Returns the learner with networks that do not see the mask and, if `masked`, never take what cannot begin.

    Source: Huang & Ontanon 2022, "A closer look at invalid action masking in policy gradient algorithms".
    """
    num_actions, actor, critic = learner.actor.action_dim, learner.actor, learner.critic

    class Policy(type(actor)):
        def _action_dist(self, obs: jax.Array) -> Any:
            whole = super()._action_dist(obs[:, :-num_actions])
            allowed = (obs[:, -num_actions:] > 0) | (not masked)
            return type(whole)(logits=jnp.where(allowed, whole.logits, -1e9))

    class Critic(type(critic)):
        def __call__(self, obs: jax.Array) -> jax.Array:
            return super().__call__(obs[:, :-num_actions])

    sizes = {"hidden_layer_sizes": actor.hidden_layer_sizes, "activation": actor.activation}
    return learner.replace(actor=Policy(num_actions, **sizes), critic=Critic(**sizes))


def learn(task: str, skills: pathlib.Path | None, seeds: range, num_steps: int, *, masked: bool) -> np.ndarray:
    """Returns the steps, episodes and successes of each learner after each update, `[U, S, 3]`, from zeros on."""
    with_skills = {} if skills is None else {"skills": skills, "discount": SETTINGS["gamma"]}
    env, params = as_gymnax(task, five_values=True, **with_skills)
    learner = import_peer("rejax").get_algo("ppo").create(env=Counted(env), env_params=params, **SETTINGS)
    learner = strip_mask(learner, masked=masked)

    def update(state: Any, _: None) -> tuple:
        state = jax.vmap(learner.train_iteration)(state)
        return state, jnp.sum(state.env_state[1], axis=1)

    advance = jax.jit(lambda state: jax.lax.scan(update, state, length=CHUNK), donate_argnums=0)
    state = jax.jit(jax.vmap(learner.init_state))(jax.vmap(jax.random.key)(jnp.asarray(seeds, jnp.uint32)))
    rows = [np.zeros((1, len(seeds), 3), np.int64)]
    title = "with skills" if skills else "without"
    with tqdm(total=num_steps, unit=" steps", unit_scale=True, desc=title, disable=None, file=sys.stderr) as bar:
        while rows[-1][-1, :, 0].min() < num_steps:
            state, counts = advance(state)
            rows.append(np.asarray(counts, np.int64))
            bar.update(min(num_steps, rows[-1][-1, :, 0].min()) - bar.n)
    return np.concatenate(rows)


def success_by_part(counts: np.ndarray, num_steps: int) -> np.ndarray:
    """Returns the success of each learner's episodes that ended in each part of the budget, `[S, PARTS]`."""
    ends = np.linspace(0, num_steps, PARTS + 1)
    told = []
    for learner in np.swapaxes(counts, 0, 1):
        episodes, successes = (np.diff(np.interp(ends, learner[:, 0], learner[:, column])) for column in (1, 2))
        told.append(successes / np.maximum(episodes, 1e-9))
    return np.stack(told)


def main(arguments: list[str] | None = None) -> None:
    """Trains both arms, prints the table and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda message: parser.exit(2, f"ppo_with_skills: error: {' '.join(str(message).split())}\n")
    parser.add_argument("--task", default="doorkey-8", help="tutorial-N, random-N or doorkey-N")
    parser.add_argument("--skills", type=pathlib.Path, required=True, help="exported library of one agent")
    parser.add_argument("--seeds", type=int, default=16, help="independent learners")
    parser.add_argument("--seed", type=int, default=1000, help="of the first learner")
    parser.add_argument("--steps", type=int, default=1_000_000, help="budget of each learner, environment steps")
    parser.add_argument("--no-mask", action="store_true", help="let the policy take what cannot begin: it costs a step")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="JSON file of the result; must not exist")
    options = parser.parse_args(arguments)
    try:
        for name, most in (("seeds", 2**16), ("steps", 2**30)):
            check_count(name, getattr(options, name), 1, most)
        check_count("seed", options.seed, 0, 2**32 - options.seeds)
        if options.out.exists():
            parser.error(f"out={options.out} exists; give the name of a new file")
        seeds, success = range(options.seed, options.seed + options.seeds), {}
        for arm, skills in (("with skills", options.skills), ("without", None)):
            success[arm] = success_by_part(
                learn(options.task, skills, seeds, options.steps, masked=not options.no_mask), options.steps
            )
        about = {"task": options.task, "skills": str(options.skills), "seeds": list(seeds), "steps": options.steps}
        about |= {"masked": not options.no_mask}
        about |= {"settings": SETTINGS, "versions": versions(), "success": {k: v.tolist() for k, v in success.items()}}
        write_json(options.out, about)
    except (OSError, TypeError, ValueError) as error:
        parser.error(error)
    print(f"{options.task}, PPO of rejax, {options.seeds} learners: success in %, by environment steps")
    print(table_of(success, options.steps))


def table_of(success: dict[str, np.ndarray], num_steps: int) -> str:
    """Returns a row for each part of the budget, a column for each arm."""
    columns = {"up to step": ">", **dict.fromkeys(success, ">")}
    cells = [[interval_text(row, 1, 100.0) for row in np.transpose(mean_interval(arm))] for arm in success.values()]
    ends = [f"{num_steps * part / PARTS:,.0f}" for part in range(1, PARTS + 1)]
    return markdown_table(columns, zip(ends, *cells, strict=True))


if __name__ == "__main__":
    main()
