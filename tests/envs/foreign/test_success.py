"""What counts as success in a foreign world, and that nothing does where nobody says."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import Corridor, perceive
from procmem_jax import run_key, train, with_memory
from procmem_jax.agents import ProceduralAgent
from procmem_jax.experiments.descriptions import describe_experiment
from procmem_jax.streams import open_streams

WORDS = (jnp.uint32(3), jnp.uint32(5))


@dataclasses.dataclass(frozen=True)
class Paying(Corridor):
    """Every step pays 0.1, a pull nothing; the fifth ends it."""

    def reset(self, key, params):
        return jnp.int32(0), {"steps": jnp.int32(0), "key": key}

    def step(self, key, state, action, params):
        steps = state["steps"] + 1
        state = {"steps": steps, "key": key}
        return steps, state, jnp.where(action == 3, 0.0, 0.1), steps == 5, False, {}


def fell_far(state):
    return state.episode_return < -9.0


def after(rule, actions, function=None):
    """Whether an episode of these actions is a success."""
    world = with_memory(Paying(), function, success=rule, max_steps=9)[0].environment
    state = world.begin(WORDS, None)
    for action in actions:
        state, *_ = world.step_from_words(WORDS, state, jnp.int32(action), None)
    return bool(world.succeeded(state, None))


@pytest.mark.parametrize(
    ("rule", "actions", "success"),
    [
        ("terminated", [0] * 4, False),
        ("terminated", [3] * 5, True),
        ("rewarded", [3] * 5, False),
        ("rewarded", [3, 0, 3], True),
        ("return>=0.5", [0] * 5, True),
        (" return >= 0.5 ", [0] * 4, False),
        ("return>0.5", [0] * 5, False),
        ("return>-1", [3], True),
        ("return>=1e-1", [3], False),
        (lambda state: jax.random.key_data(state.env["key"]).size == 2, [0], True),
        (lambda state: (state.step > 2) & (state.episode_return < 0.25), [0, 3, 0], True),
    ],
)
def test_rules(rule, actions, success):
    assert after(rule, actions) is success


def test_a_function_of_the_users_own_keeps_its_last_predicate_unless_success_is_given():
    def odd(obs, state, params):
        return dataclasses.replace(perceive(obs, fake(state), params), predicates=jnp.stack([obs > 1, obs == 2]))

    def fake(state):
        return dataclasses.replace(state, env={"lamp": False})

    assert after(None, [0, 0], odd) and not after(None, [0] * 5, odd)
    assert after("terminated", [0] * 5, odd)


def test_agents_keep_no_success_where_nobody_says():
    for rule, dtype in ((None, None), ("terminated", "bool")):
        config, params = with_memory(Paying(), max_steps=9, success=rule, use_skills=False)
        agent = ProceduralAgent(config)
        begin = jax.tree_util.Partial(agent.begin, params, open_streams(run_key(0)), agent.make_inputs(0, 2))
        success = jax.eval_shape(lambda begin=begin: begin(num_recorded=2)).metrics.success
        assert (None if success is None else str(success.dtype)) == dtype


@pytest.mark.slow
def test_where_nobody_says_there_is_no_success_and_learning_is_the_same():
    config, params = with_memory(Paying(), max_steps=9, use_skills=False)
    assert not config.environment.has_success
    silent = train(run_key(0), config, params, 3, 4)
    named = dataclasses.replace(config, environment=dataclasses.replace(config.environment, success="rewarded"))
    told = train(run_key(0), named, params, 3, 4)
    assert silent.metrics.success is None and told.metrics.success.all()
    rest = dataclasses.replace(told.metrics, success=None)
    jax.tree.map(np.testing.assert_array_equal, silent.metrics, rest)
    assert silent.summary()["episode_return"][0] == pytest.approx(silent.metrics.episode_return[:, -2:].mean())
    assert "success" not in silent.summary() and "success" not in repr(silent) and "return 0.3" in repr(silent)


@pytest.mark.slow
def test_the_return_is_summed_as_that_of_the_row():
    """A plain sum of a thousand rewards of 0.1 is 99.999046."""

    @dataclasses.dataclass(frozen=True)
    class Long(Paying):
        def step(self, key, state, action, params):
            return (*super().step(key, state, action, params)[:2], 0.1, False, False, {})

    config, params = with_memory(Long(), max_steps=1000, use_skills=False, success="return>=100")
    metrics = train(run_key(0), config, params, 1, 1).metrics
    assert metrics.success.all() and metrics.episode_return.tolist() == [[100.0]]


@pytest.mark.parametrize(
    "rule", ["succeeded", "return", "return>=", "return>=many", "return>=nan", "return==1", "", 195]
)
def test_unknown_rules_are_refused(rule):
    with pytest.raises(ValueError, match='success=.* is unknown; give "terminated", "rewarded", a return such as'):
        with_memory(Paying(), success=rule, max_steps=9)


@pytest.mark.parametrize(
    ("rule", "given"),
    [(lambda state: state.step, r"int32\[\]"), (lambda state: jnp.zeros(2, bool), r"bool\[2\]")],
)
def test_what_is_no_bool_is_refused(rule, given):
    with pytest.raises(TypeError, match=f"success gives {given}; give one bool"):
        with_memory(Paying(), success=rule, max_steps=9)


def test_a_run_remembers_what_counted_as_success():
    described = {}
    for rule in (None, "return>=0.5", fell_far):
        described[rule] = describe_experiment(*with_memory(Paying(), success=rule, max_steps=9)).get("other_fields")
    assert described == {
        None: None,
        "return>=0.5": {"environment.success": "return>=0.5"},
        fell_far: {"environment.success": f"{__name__}:fell_far"},
    }
