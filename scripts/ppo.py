"""Measures how many environment steps PPO takes to 90% success, each learner from one stream of experience.

A baseline for the memory: same percept (offsets over the size of the grid), layouts and rewards, one environment per
learner. Verdict: `steps_to_success` over the episodes that all learners have finished. Tuned on seeds 0 and 1, random-5
and random-8, 16 learners: rate 3e-4 to 2e-3, entropy 0.01 to 0.05, rollout 256 to 1024, epochs 4 to 16, discount 0.95
to 0.99, trace 0.9, reward scale 0.3. What counted on random-8: 56,000 steps with 4 epochs, 29,000 with 16, 21,000 with
normal instead of orthogonal weights; without `least_spread` 15 of 16 learners still failed after 200,000 (4 epochs).
Source: Schulman et al. 2017, "Proximal policy optimization algorithms"; Schulman et al. 2016 for the advantages.
"""

import argparse
import collections
import dataclasses
import functools
import json
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from procmem_jax.envs.grid.task_names import parse_task
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments.statistics.learning import steps_to_success
from procmem_jax.experiments.storage.files import write_whole
from procmem_jax.records import check_count, check_range
from procmem_jax.streams import draw_words, open_streams, run_key

LEARNING = 90  # number of the key of what only a gradient learner draws: first weights, order of the minibatches


@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """The learner's settings (static)."""

    hidden: int = 64  # units in each of two tanh layers, of policy and value alike
    rollout: int = 1024  # T, steps between two updates
    epochs: int = 16
    minibatches: int = 16
    learning_rate: float = 1e-3
    discount: float = 0.99
    trace: float = 0.95  # lambda of the generalised advantages
    clip: float = 0.2
    entropy: float = 0.03
    value_weight: float = 0.5
    max_norm: float = 0.5  # of the gradient
    reward_scale: float = 0.1
    least_spread: float = 0.3  # advantages are divided by no less: where all rewards are alike they are only noise

    def __post_init__(self):
        for field in dataclasses.fields(self):
            least, most = (1, 65536) if isinstance(field.default, int) else (0.0, 1.0)
            check_range(field.name, getattr(self, field.name), least, most)
        if self.rollout % self.minibatches:
            raise ValueError(f"rollout={self.rollout} is no multiple of minibatches={self.minibatches}; make it one")


# mean, square: Adam's running moments of each of the weights. steps: of the episode so far.
Learner = collections.namedtuple("Learner", "world episode tick weights mean square num_updates")
Step = collections.namedtuple("Step", "features following action log_probability reward terminated ended steps")


def begin_network(normals: jax.Array, sizes: tuple[int, ...], gain: float) -> list[tuple[jax.Array, jax.Array]]:
    """Returns layers of (weight, bias): weights of spread sqrt(2 / fan-in), the last gain / sqrt(fan-in); biases 0."""
    gains = [2**0.5] * (len(sizes) - 2) + [gain]
    weights = [x[:n, :m] * (g * n**-0.5) for x, n, m, g in zip(normals, sizes, sizes[1:], gains, strict=False)]
    return [(weight, jnp.zeros(weight.shape[1], jnp.float32)) for weight in weights]


def evaluate(weights: dict, features: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (log-probability of every action, value `()`) of one state, from two tanh perceptrons."""
    outputs = []
    for *inner, (last, bias) in (weights["policy"], weights["value"]):
        x = features
        for weight, shift in inner:
            x = jnp.tanh(x @ weight + shift)
        outputs.append(x @ last + bias)
    return jax.nn.log_softmax(outputs[0]), outputs[1][0]


def advantages_of(reward, value, next_value, terminated, ended, discount: float, trace: float) -> jax.Array:
    """Returns generalised advantages `[T]`; a truncated episode (ended, not terminated) keeps its `next_value`."""
    surprise = reward + discount * jnp.where(terminated, 0.0, next_value) - value

    def backwards(later, now):
        advantage = now[0] + discount * trace * jnp.where(now[1], 0.0, later)
        return advantage, advantage

    return jax.lax.scan(backwards, jnp.zeros((), jnp.float32), (surprise, ended), reverse=True)[1]


def clipped_loss(log_ratio: jax.Array, advantage: jax.Array, clip: float) -> jax.Array:
    """Returns the negative clipped objective (Schulman et al. 2017, equation 7), elementwise."""
    ratio = jnp.exp(log_ratio)
    return -jnp.minimum(ratio * advantage, jnp.clip(ratio, 1.0 - clip, 1.0 + clip) * advantage)


def loss_of(weights: dict, config: PPOConfig, step: Step, advantage: jax.Array, target: jax.Array) -> jax.Array:
    """Returns the loss of a minibatch (equation 9), `()`; arrays `[M, ...]`, `target`: of the value."""
    advantage = (advantage - jnp.mean(advantage)) / jnp.maximum(jnp.std(advantage), config.least_spread + 1e-8)
    log_probabilities, value = jax.vmap(functools.partial(evaluate, weights))(step.features)
    taken = jnp.take_along_axis(log_probabilities, step.action[:, None], axis=1)[:, 0]
    entropy = -jnp.sum(jnp.exp(log_probabilities) * log_probabilities, axis=1)
    policy = clipped_loss(taken - step.log_probability, advantage, config.clip)
    return jnp.mean(policy + config.value_weight * 0.5 * (value - target) ** 2 - config.entropy * entropy)


def descend(config: PPOConfig, learner: Learner, gradient: dict) -> Learner:
    """Returns `learner` after a step of Adam (Kingma & Ba 2015, algorithm 1) down the norm-clipped `gradient`."""
    norm = jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(gradient)))
    gradient = jax.tree.map(lambda g: g * jnp.minimum(1.0, config.max_norm / (norm + 1e-6)), gradient)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, learner.mean, gradient)
    square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g**2, learner.square, gradient)
    power = (learner.num_updates + 1).astype(jnp.float32)
    rate, unbias = config.learning_rate / (1.0 - 0.9**power), 1.0 / (1.0 - 0.999**power)
    weights = jax.tree.map(lambda w, m, s: w - rate * m / (jnp.sqrt(unbias * s) + 1e-5), learner.weights, mean, square)
    return learner._replace(weights=weights, mean=mean, square=square, num_updates=learner.num_updates + 1)


@dataclasses.dataclass(frozen=True)
class PPO:
    """Learners on one world; a handle, static under `jit`. `shared` is (params of the world, streams, learning key)."""

    world: GridWorld
    config: PPOConfig

    def features(self, params, state) -> jax.Array:
        """Returns what the networks see, `[P + C]` float32."""
        percept = self.world.perceive(self.world.observe(state, params), state, params)
        scale = jnp.where(jnp.arange(self.world.context_size) < 2, 1.0 / (params.size - 1), 1.0)
        return jnp.concatenate([percept.predicates.astype(jnp.float32), percept.context * scale])

    def reset(self, shared, agent: jax.Array, episode: jax.Array):
        """Returns the first state of an episode: what the memory's agent of that number meets there."""
        words = draw_words(shared[1].episode, self.world.layout_number(episode, shared[0]), agent)
        return self.world.reset_from_words(words, shared[0])

    @functools.partial(jax.jit, static_argnames="self")
    @functools.partial(jax.vmap, in_axes=(None, None, 0))
    def begin(self, shared, agent: jax.Array) -> Learner:
        """Returns the learners of these numbers `[A]` at the start of their lives, `[A, ...]`."""
        inner = (len(self.world.predicate_names) + self.world.context_size, self.config.hidden, self.config.hidden)
        key, widest = jax.random.fold_in(jax.random.fold_in(shared[2], agent), 0), max(*inner, self.world.num_actions)
        normals = jax.random.normal(key, (2, len(inner), widest, widest), jnp.float32)
        policy = begin_network(normals[0], (*inner, self.world.num_actions), 0.01)
        weights = {"policy": policy, "value": begin_network(normals[1], (*inner, 1), 1.0)}
        zeros, zero = jax.tree.map(jnp.zeros_like, weights), jnp.zeros((), jnp.int32)
        return Learner(self.reset(shared, agent, zero), zero, zero, weights, zeros, zeros, zero)

    def act(self, shared, agent: jax.Array, learner: Learner) -> tuple[Learner, Step]:
        """Returns (learner, step) after one step in its world; a finished episode is followed by the next at once."""
        params, streams, _ = shared
        words, features = draw_words(streams.tick, learner.tick, agent), self.features(params, learner.world)
        log_probabilities, _ = evaluate(learner.weights, features)
        coin = (words[0] >> 8).astype(jnp.float32) * 2.0**-24
        passed = jnp.sum(jnp.cumsum(jnp.exp(log_probabilities)) <= coin, dtype=jnp.int32)
        action, noise = jnp.minimum(passed, self.world.num_actions - 1), (words[1], words[1])
        new, reward, terminated, truncated, _ = self.world.step_from_words(noise, learner.world, action, params)
        ended, reward = terminated | truncated, self.config.reward_scale * reward
        then, log_probability = self.features(params, new), log_probabilities[action]
        step = Step(features, then, action, log_probability, reward, terminated, ended, new.step)
        learner = learner._replace(episode=learner.episode + ended.astype(jnp.int32), tick=learner.tick + 1)
        fresh = self.reset(shared, agent, learner.episode)
        return learner._replace(world=jax.tree.map(functools.partial(jnp.where, ended), fresh, new)), step

    def update(self, shared, agent: jax.Array, learner: Learner) -> tuple[Learner, tuple]:
        """Returns (learner, (terminated, ended, steps) `[T]` each) after a rollout and what is learned from it."""
        config, key = self.config, jax.random.fold_in(jax.random.fold_in(shared[2], agent), learner.tick + 1)
        learner, rollout = jax.lax.scan(lambda now, _: self.act(shared, agent, now), learner, length=config.rollout)
        values_of, outcome = jax.vmap(functools.partial(evaluate, learner.weights)), (rollout.terminated, rollout.ended)
        value, following = values_of(rollout.features)[1], values_of(rollout.following)[1]
        advantage = advantages_of(rollout.reward, value, following, *outcome, config.discount, config.trace)

        def learn(learner, rows):
            batch = jax.tree.map(lambda leaf: leaf[rows], (rollout, advantage, advantage + value))
            return descend(config, learner, jax.grad(loss_of)(learner.weights, config, *batch)), None

        order = jax.vmap(lambda k: jax.random.permutation(k, config.rollout))(jax.random.split(key, config.epochs))
        learner, _ = jax.lax.scan(learn, learner, order.reshape(config.epochs * config.minibatches, -1))
        return learner, (*outcome, rollout.steps)

    @functools.partial(jax.jit, static_argnames=("self", "num_updates"), donate_argnames="learners")
    def run(self, shared, agents: jax.Array, learners: Learner, *, num_updates: int) -> tuple[Learner, tuple]:
        """Returns (learners, (terminated, ended, steps) `[A, num_updates * T]` each) after `num_updates` more."""
        update = jax.vmap(functools.partial(self.update, shared))
        learners, seen = jax.lax.scan(lambda now, _: update(agents, now), learners, None, length=num_updates)
        return learners, jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1).reshape(len(agents), -1), seen)


def train(task: str, config: PPOConfig, seed: int, agents, num_steps: int, keep_going: bool = False) -> dict:
    """Returns what the file holds, of the learners numbered `agents`; stops at 90% success unless `keep_going`.

    An episode still running after `num_steps` does not count; env_steps: a learner's own, up to the episode's end.
    """
    check_count("steps", num_steps, 1, 2**30)
    parsed, numbers = parse_task(task), jnp.asarray(agents, jnp.uint32)
    ppo = PPO(GridWorld(parsed.family), config)
    params, key = ppo.world.default_params(size=parsed.size, max_steps=parsed.max_steps), run_key(seed)
    shared = (params, open_streams(key), jax.random.fold_in(key, LEARNING))
    learners, episodes, taken, common, reached = ppo.begin(shared, numbers), [[] for _ in agents], 0, 0, np.inf
    with tqdm(total=num_steps, unit=" steps", unit_scale=True, desc=task, disable=None, file=sys.stderr) as bar:
        while taken < num_steps and (keep_going or reached == np.inf):
            learners, seen = ppo.run(shared, numbers, learners, num_updates=max(1, 4096 // config.rollout))
            terminated, ended, steps = (np.asarray(leaf)[:, : num_steps - taken] for leaf in seen)
            for row, tick in zip(*np.nonzero(ended), strict=True):
                episodes[row].append((int(terminated[row, tick]), int(steps[row, tick]), taken + int(tick) + 1))
            taken += ended.shape[1]
            bar.update(ended.shape[1])
            common = min(map(len, episodes))
            if reached == np.inf and common:
                table = np.asarray([rows[:common] for rows in episodes])
                reached = steps_to_success(table[:, :, 0] > 0, table[:, :, 2])
    about = {"task": task, "seed": seed, "agents": list(agents), "budget_steps": num_steps, "taken_steps": taken}
    about |= {"config": dataclasses.asdict(config), "jax": jax.__version__, "device": jax.devices()[0].device_kind}
    about |= {"steps_to_90": None if reached == np.inf else reached, "common_episodes": common}
    return about | {"columns": ["success", "steps", "env_steps"], "episodes": episodes}


def main(arguments: list[str] | None = None) -> None:
    """Trains the learners, prints the verdict and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda message: parser.exit(2, f"ppo: error: {' '.join(str(message).split())}\n")
    parser.add_argument("--task", default="random-8", help="tutorial-N, random-N, doorkey-N or shifting-N")
    parser.add_argument("--agents", type=int, default=32, help="independent learners")
    parser.add_argument("--steps", type=int, default=1_000_000, help="budget of each learner, environment steps")
    parser.add_argument("--seed", type=int, default=0, help="0 to 4294967295")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="JSON file of the result; must not exist")
    parser.add_argument("--keep-going", action="store_true", help="use up the budget even after 90%% success")
    for name, default in dataclasses.asdict(PPOConfig()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=f"PPO: {default}")
    options = parser.parse_args(arguments)
    try:
        config = PPOConfig(**{field.name: getattr(options, field.name) for field in dataclasses.fields(PPOConfig)})
        check_count("agents", options.agents, 1, 2**20)
        if options.out.exists():
            parser.error(f"out={options.out} exists; give the name of a new file")
        options.out.parent.mkdir(parents=True, exist_ok=True)
        result = train(options.task, config, options.seed, range(options.agents), options.steps, options.keep_going)
        write_whole(options.out, lambda aside: aside.write_text(json.dumps(result) + "\n", encoding="utf-8"))
    except (OSError, TypeError, ValueError) as error:
        parser.error(error)
    reached = result["steps_to_90"]
    verdict = f"not reached within {options.steps:,} steps" if reached is None else f"{reached:,.0f}"
    print(f"{options.task}, PPO, {options.agents} learners: environment steps to 90% success: {verdict}")


if __name__ == "__main__":
    main()
