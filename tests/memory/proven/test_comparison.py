"""Which arm is next: against a few lines of plain Python, by hand, and in worlds that are out to harm."""

import math
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.memory.proven.comparison import choose_arm, count_episode, no_episodes, worst_cost

BUDGET, WINDOW, EPISODES, AGENTS = 0.5, 32, 500, 64
choose = jax.jit(lambda known: choose_arm(known, BUDGET))


@jax.jit
def after(known, used, total):
    """The comparison after an episode, (arm, again) of the next."""
    known = count_episode(known, used, total, WINDOW)
    used, again = choose_arm(known, BUDGET)
    return known, used, again


class Plain:
    """The same in plain Python, with lists of returns."""

    def __init__(self):
        self.without, self.trial, self.everything, self.mean = [], [], [], 0.0

    def add(self, used, total):
        self.everything.append(total)
        if not used:
            self.without.append(total)
            return
        self.trial.append(total)
        self.mean += (total - self.mean) / min(len(self.trial), WINDOW)

    def next(self):
        low, high, episodes = min(self.everything), max(self.everything), len(self.everything)
        if low == high:
            return len(self.trial) <= len(self.without)
        if not self.trial or self.passes(low, high, episodes):
            return True
        if math.log2(episodes) % 1 == 0:
            self.trial, self.mean = [], 0.0
            return True
        return False

    def passes(self, low, high, episodes):
        if not self.without:
            return False
        p = (np.mean(self.without) - low) / (high - low)
        q = min(1.0, (self.mean - low) / (high - low) + BUDGET / len(self.trial))
        if q <= p:
            return False
        parts = [(a, b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0]
        divergence = sum(a * math.log(a / b) if b else math.inf for a, b in parts)
        return len(self.without) * min(divergence, 1.0) >= math.log(episodes + 1)


@pytest.mark.parametrize(("chance_without", "chance_with"), [(0.1, 0.9), (0.6, 0.3), (0.5, 0.5), (0.03, 0.0), (1, 1)])
def test_as_in_plain_python(chance_without, chance_with):
    coins, plain, known, used = random.Random(3), Plain(), no_episodes(), False
    for _ in range(200):
        total = coins.random() + 0.5 if coins.random() < (chance_with if used else chance_without) else 0.0
        plain.add(used, total)
        known, arm = begin_next(known, used, total)
        used = plain.next()
        assert bool(arm) == used
        assert int(known.with_count) == len(plain.trial)


def state_of(**changes):
    values = {"episodes": 11, "without_count": 6, "without_mean": 0.5, "with_count": 5, "with_mean": 0.75}
    values |= {"lowest": 0.0, "highest": 1.0, **changes}
    reals = ("without_mean", "with_mean", "lowest", "highest")
    return no_episodes().__class__(
        **{name: jnp.asarray(value, jnp.float32 if name in reals else jnp.int32) for name, value in values.items()}
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # 0.75 + 0.5 / 5 = 0.85; kl(0.5, 0.85) = 0.337: times 6 it is 2.02, below ln 12 = 2.48; times 8 above ln 14
        ({}, (False, False)),
        ({"without_count": 8, "episodes": 13}, (True, False)),
        ({"with_mean": 1.0}, (True, False)),  # at the highest return, and the mean without is not: kl is 1, times 6
        ({"with_mean": 1.0, "without_count": 2}, (False, False)),
        ({"with_mean": 1.0, "without_mean": 1.0}, (False, False)),  # no better
        ({"episodes": 16}, (True, True)),  # doubled: a new trial
        ({"episodes": 16, "with_mean": 1.0}, (True, False)),  # needs none
        ({"with_count": 0}, (True, False)),
        ({"highest": 0.0, "with_count": 6}, (True, False)),  # all returns are equal: they take turns
        ({"highest": 0.0, "with_count": 7}, (False, False)),
        ({"highest": math.inf}, (False, False)),
        ({"without_mean": math.nan, "highest": math.nan}, (True, False)),
    ],
)
def test_by_hand(changes, expected):
    assert tuple(map(bool, choose(state_of(**changes)))) == expected


def test_an_episode_is_counted_by_hand():
    known = count_episode(state_of(), jnp.bool_(True), jnp.float32(3.0), 4)
    assert [float(value) for value in vars(known).values()] == [12, 6, 0.5, 6, 0.75 + 2.25 / 4, 0, 3]
    known = count_episode(state_of(), jnp.bool_(False), jnp.float32(-3.0), 4)
    assert [float(value) for value in vars(known).values()] == [12, 7, 0, 5, 0.75, -3, 1]


def begin_next(known, used, total):
    """(comparison, arm) after an episode."""
    known, chosen, again = after(known, used, total)
    return known.__class__(**{**vars(known), "with_count": jnp.where(again, 0, known.with_count)}), chosen


@jax.jit
def arms_by_chance(chance_without, chance_with, late):
    """Which episodes are with, `[A, E]`: returns are 1 or 0, with these chances; before `late` 0 with."""

    def episode(carry, now):
        known, used = carry
        chance = jnp.where(used, jnp.where(now[0] < late, 0.0, chance_with), chance_without)
        return begin_next(known, used, (now[1] < chance).astype(jnp.float32)), used

    def life(words):
        return jax.lax.scan(episode, (no_episodes(), jnp.bool_(False)), (jnp.arange(EPISODES), words))[1]

    return jax.vmap(life)(jax.random.uniform(jax.random.key(0), (AGENTS, EPISODES)))


def greedy(t, known):
    """Returns without are 0.6; with the least is returned of which the next episode is with, too."""
    candidates = jnp.linspace(0.0, 1.0, 101)
    kept = jax.vmap(lambda total: after(known, jnp.bool_(True), total)[1])(candidates)
    return 0.6, jnp.where(jnp.any(kept), candidates[jnp.argmax(kept)], 0.0)


SURE = {
    "always worst": lambda t, known: (1.0, 0.0),
    "a little worse": lambda t, known: (0.6, jnp.where(t % 2 == 0, 0.5, 0.55)),
    "good, then bad": lambda t, known: (0.6, jnp.where(t < 60, 1.0, 0.0)),
    "good every other time": lambda t, known: (0.6, jnp.where(t % 2 == 0, 0.9, 0.0)),
    "good in new trials": lambda t, known: (0.6, jnp.where(known.with_count < 2, 1.0, 0.2)),
    "greedy": greedy,
}


@jax.jit
def cost_of(number, bounds):
    """What 500 episodes lose in a world without chance."""

    def episode(carry, t):
        known, used = carry
        worlds = [lambda *now, world=world: jnp.asarray(world(*now), jnp.float32) for world in SURE.values()]
        returns = jax.lax.switch(number, worlds, t, known)
        total = returns[used.astype(jnp.int32)]
        return begin_next(known, used, total), jnp.where(used, returns[0] - total, 0.0)

    return jnp.sum(jax.lax.scan(episode, (no_episodes(*bounds), jnp.bool_(False)), jnp.arange(EPISODES))[1])


@pytest.mark.parametrize("bounds", [(math.inf, -math.inf), (0.0, 1.0)], ids=["as seen", "as given"])
@pytest.mark.parametrize("name", SURE)
def test_what_it_can_cost_where_the_mean_without_is_plain(name, bounds):
    """The bound holds in each; the worst of them uses up a third of it."""
    cost = cost_of(list(SURE).index(name), bounds)
    assert cost <= worst_cost(EPISODES, BUDGET, WINDOW)


@pytest.mark.parametrize(("chance_without", "chance_with"), [(0.5, 0.45), (0.5, 0.3), (0.9, 0.5), (0.05, 0.0)])
def test_what_it_costs_where_chance_rules(chance_without, chance_with):
    """On average, in ranges: all episodes, and the last 100 of them."""
    used = arms_by_chance(chance_without, chance_with, 0)
    assert (chance_without - chance_with) * used.mean() < 0.02
    assert (chance_without - chance_with) * used[:, -100:].mean() < 0.01


@pytest.mark.parametrize(("chance_without", "chance_with"), [(0.03, 1.0), (0.3, 0.9)])
def test_what_it_costs_where_the_memory_helps(chance_without, chance_with):
    used = arms_by_chance(chance_without, chance_with, 0)
    assert used.mean() > 0.95 and used[:, -100:].mean() > 0.97


def test_a_memory_that_gets_good_late_is_used_soon():
    used = arms_by_chance(0.2, 1.0, 100)
    assert used[:, 50:100].mean() < 0.15 and used[:, 260:].mean() > 0.95
