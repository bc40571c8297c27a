"""Games of Pgx: ours is player 0, a policy answers for the others inside `step`.

Source: Koyamada et al. 2023, "Pgx: hardware-accelerated parallel game simulators for reinforcement learning".
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.envs.foreign.suites.layers import NamedByInside, check_layers
from procmem_jax.records import state_record

_OURS = 0  # Pgx draws which player moves first
# (key, observation of the player who moves, legal actions `[A]` bool) -> action.
OpponentPolicy = Callable[[jax.Array, Any, jax.Array], jax.Array]


def random_legal(key: jax.Array, observation: Any, legal: jax.Array) -> jax.Array:
    """Returns one of the `legal` actions `[A]` bool, all with equal chances, `()` int32."""
    del observation
    reached = jnp.cumsum(legal, dtype=jnp.int32)
    return jnp.argmax(reached > jax.random.randint(key, (), 0, reached[-1])).astype(jnp.int32)


@state_record
class MatchState:
    """A game for more than one, where it is our move or the game is over.

    Attributes:
        game: Pgx's own state; its `rewards` are those of all moves since our last, `[players]`.
        owed: `()` float32, what we got before our first move, counted with it.
    """

    game: Any
    owed: jax.Array


@dataclasses.dataclass(frozen=True)
class RawPgx(NamedByInside):
    """A game of Pgx as a `RawEnvironment`: one step is our move and all that is played until ours is the next.

    An illegal action ends the game with Pgx's penalty. The state of a game for one is Pgx's own, else a `MatchState`.

    Attributes:
        env: the game.
        num_actions: A.
        opponent: plays all other players, always.
    """

    env: Any
    num_actions: int
    opponent: OpponentPolicy = random_legal

    never_resets = True

    def reset(self, key: jax.Array, params: None) -> tuple[Any, Any]:
        """Returns (our observation, state), where it is our move."""
        del params
        if self.env.num_players == 1:
            state = self.env.init(key)
            return state.observation, state
        for_game, for_answers = jax.random.split(key)
        game = self._answered(for_answers, self.env.init(for_game))
        return self._observation(game), MatchState(game, game.rewards[_OURS])

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: None) -> tuple:
        """Returns (our observation, state, our reward, terminated, truncated, info)."""
        del params
        if self.env.num_players == 1:
            state = self.env.step(state, action, key)
            return state.observation, state, state.rewards[0], state.terminated, state.truncated, {}
        for_game, for_answers = jax.random.split(key)
        game = self._answered(for_answers, self.env.step(state.game, action, for_game))
        reward = game.rewards[_OURS] + state.owed
        new = MatchState(game, jnp.zeros_like(state.owed))
        return self._observation(game), new, reward, game.terminated, game.truncated, {}

    def legal_actions(self, obs: Any, state: Any, params: None) -> jax.Array:
        """Returns which actions are legal, `[A]` bool."""
        del obs, params
        return getattr(state, "game", state).legal_action_mask

    def _answered(self, key: jax.Array, game: Any) -> Any:
        """Returns the game where we move or it is over, its `rewards` those of all moves since `game` began."""

        def goes_on(carry):
            _, game = carry
            return (game.current_player != _OURS) & ~game.terminated & ~game.truncated

        def answer(carry):
            key, game = carry
            key, for_choice, for_game = jax.random.split(key, 3)
            action = self.opponent(for_choice, game.observation, game.legal_action_mask)
            new = self.env.step(game, action, for_game)
            return key, new.replace(rewards=game.rewards + new.rewards)

        return jax.lax.while_loop(goes_on, answer, (key, game))[1]

    def _observation(self, game: Any) -> Any:
        # The game's own is that of the next player, at its end often another than ours.
        return self.env._observe(game, jnp.asarray(_OURS, game.current_player.dtype))


def from_pgx(env: Any, opponent: OpponentPolicy | None = None) -> RawPgx:
    """Returns a game of Pgx as `with_memory` takes it; the return of an episode is our player's.

    Args:
        env: a game for any number of players; ours moves first or later as the game draws it.
        opponent: (key, observation, legal actions `[A]` bool) -> action, for all others; by default one of the legal
            actions, all with equal chances. Pass the same function object again to reuse compiled programs.

    Raises:
        TypeError: it is no game of Pgx.
        ValueError: a wrapper resets it.
    """
    check_layers(env, "from_pgx", ("init", "step", "num_players", "_observe"))
    state = jax.eval_shape(env.init, jax.random.key(0))
    return RawPgx(env, state.legal_action_mask.shape[0], opponent or random_legal)
