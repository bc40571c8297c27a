"""Pgx: games for one as their own, games for more against a loop by hand, whose reward it is, and illegal moves."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import run_key, train, with_memory
from procmem_jax.envs import from_pgx
from procmem_jax.envs.foreign.suites.pgx import random_legal
from raw_loops import play_beside, same

pgx = pytest.importorskip("pgx")
tic_tac_toe = pytest.importorskip("pgx.tic_tac_toe")
pytestmark = pytest.mark.usefixtures("lenient")


def last_legal(key, observation, legal):
    return len(legal) - 1 - jnp.argmax(legal[::-1])


@pytest.mark.slow
@pytest.mark.parametrize("ident", ["2048", "minatar-breakout"])
def test_a_game_for_one_is_its_own_loop(ident):
    env = pgx.make(ident)

    def start(key):
        state = env.init(key)
        return state.observation, state

    def go(key, state, action):
        state = env.step(state, action, key)
        return state.observation, state, state.rewards[0], state.terminated, state.truncated

    play_beside(from_pgx(env), start, go, 300, legal_only=ident == "2048")


@functools.cache
def both_loops(ident, opponent):
    """The adapted game, and our player's view of it one move of the package at a time, without any loop of jax."""
    env = pgx.make(ident)
    raw = from_pgx(env, opponent)
    init, step, choose = jax.jit(env.init), jax.jit(env.step), jax.jit(opponent)
    observe = jax.jit(lambda state: env._observe(state, jnp.int32(0)))

    def answered(key, state, total):
        while int(state.current_player) != 0 and not (state.terminated or state.truncated):
            key, for_choice, for_game = jax.random.split(key, 3)
            state = step(state, choose(for_choice, state.observation, state.legal_action_mask), for_game)
            total += float(state.rewards[0])
        return state, total

    def start(key):
        for_game, for_answers = jax.random.split(key)
        state, owed = answered(for_answers, init(for_game), 0.0)
        return observe(state), state, owed

    def go(key, state, action):
        for_game, for_answers = jax.random.split(key)
        state = step(state, action, for_game)
        state, total = answered(for_answers, state, float(state.rewards[0]))
        return observe(state), state, total

    begin, move = jax.jit(lambda key: raw.reset(key, None)), jax.jit(lambda *given: raw.step(*given, None))
    return init, raw, (begin, move), (start, go)


def play_games(ident, num_games, opponent=random_legal, legal_only=True):
    """Asserts that games are those by hand; returns (who moved first, our return, moves) of each."""
    init, raw, (begin, move), (start, go) = both_loops(ident, opponent)
    found, rng = [], np.random.default_rng(0)
    for game in range(num_games):
        key = jax.random.key(game)
        (obs, state), (their_obs, their_state, owed) = begin(key), start(key)
        first, total, done = int(init(jax.random.split(key)[0]).current_player), 0.0, False
        for number in itertools.count(1):
            same((obs, state.game.replace(rewards=None)), (their_obs, their_state.replace(rewards=None)))
            if done:
                break
            legal = np.asarray(raw.legal_actions(obs, state, None))
            action = jnp.int32(rng.choice(np.flatnonzero(legal) if legal_only else len(legal)))
            key = jax.random.fold_in(key, number)
            obs, state, reward, terminated, truncated, _ = move(key, state, action)
            their_obs, their_state, total_by_hand = go(key, their_state, action)
            assert float(reward) == total_by_hand + owed
            assert (bool(terminated), bool(truncated)) == (bool(their_state.terminated), bool(their_state.truncated))
            owed, total, done = 0.0, total + float(reward), bool(terminated | truncated)
        found.append((first, total, number - 1))
    return found


def test_a_game_for_two_is_the_one_by_hand():
    games = play_games("tic_tac_toe", 20)
    assert {first for first, *_ in games} == {0, 1}
    assert {total for _, total, _ in games} >= {-1.0, 1.0}


@pytest.mark.slow
@pytest.mark.parametrize("ident", ["connect_four", "kuhn_poker", "leduc_holdem", "backgammon", "sparrow_mahjong"])
def test_other_games_are_those_by_hand(ident):
    """Players who move twice, games with chance, games for three, games that end before our first move."""
    assert len({total for _, total, _ in play_games(ident, 8)}) > 1


@pytest.mark.slow
def test_a_policy_of_the_users_own_answers():
    games = play_games("tic_tac_toe", 6, last_legal)
    assert games != play_games("tic_tac_toe", 6)


def test_an_illegal_move_loses():
    games = play_games("tic_tac_toe", 12, legal_only=False)
    assert min(moves for _, total, moves in games if total == -1) <= 2


class Toll(tic_tac_toe.TicTacToe):
    """Player 1 begins, all moves pay: n to who makes the n-th, and -n to the other; `length` moves."""

    def __init__(self, length):
        super().__init__()
        self.length = length

    def init(self, key):
        return super().init(key).replace(current_player=jnp.int32(1))

    def step(self, state, action, key=None):
        number, mover = state._step_count + 1, state.current_player
        pay = jnp.where(jnp.arange(2) == mover, 1.0, -1.0) * number
        pay, over = jnp.where(state.terminated, 0.0, pay), number >= self.length
        return state.replace(current_player=1 - mover, rewards=pay, terminated=over, _step_count=number)


@pytest.mark.parametrize(("length", "rewards"), [(1, [-1.0]), (4, [2 - 3 - 1.0, 4.0])])
def test_all_that_is_paid_between_two_moves_counts(length, rewards):
    """What is paid before our first move counts with it, also in a game that is over by then."""
    raw, found = from_pgx(Toll(length)), []
    _, state = raw.reset(jax.random.key(0), None)
    for number in range(len(rewards)):
        _, state, reward, terminated, *_ = raw.step(jax.random.key(1), state, jnp.int32(0), None)
        found.append(float(reward))
        assert bool(terminated) == (number == len(rewards) - 1)
    assert found == rewards


def test_the_opponent_draws_each_legal_action_alike():
    legal = jnp.asarray([False, True, False, True, True])
    drawn = jax.vmap(lambda key: random_legal(key, None, legal))(jax.random.split(jax.random.key(0), 3000))
    counts = np.bincount(drawn, minlength=5)
    assert counts[[0, 2]].sum() == 0 and abs(counts[[1, 3, 4]] - 1000).max() < 110


def test_what_is_known_and_what_is_refused():
    env = pgx.make("tic_tac_toe")
    raw = from_pgx(env)
    assert (raw.num_actions, raw) == (9, from_pgx(env))
    config, _ = with_memory(env, max_steps=9)
    assert config.environment.env == raw and config.environment.num_actions == 9
    with pytest.raises(ValueError, match="max_steps is unknown"):
        with_memory(env)
    with pytest.raises(TypeError, match="a dict has no init, step, num_players"):
        from_pgx({})


@pytest.mark.slow
def test_it_trains():
    config, params = with_memory(from_pgx(pgx.make("tic_tac_toe")), max_steps=9, use_skills=False)
    metrics = train(run_key(0), config, params, 4, 5).metrics
    assert metrics.steps.max() <= 5 and set(np.unique(metrics.episode_return)) <= {-1.0, 0.0, 1.0}
