"""What a check tells of environments with faults, and that it tells nothing of those without."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from peer_rules import peer_rules
from procmem_jax import Percept, check_environment, make_experiment, with_memory
from procmem_jax.envs import ProjectedPercept
from procmem_jax.envs.foreign.probes.check import look_for_faults
from procmem_jax.envs.foreign.probes.findings import Finding, Report, worst_first
from procmem_jax.envs.foreign.probes.judged import repeats
from procmem_jax.envs.foreign.probes.play import play

CELLS = 7


@dataclasses.dataclass(frozen=True)
class Walk:
    """A walk to the right end of a line; `faults` are what is wrong with it."""

    faults: tuple[str, ...] = ()
    num_actions = 2
    default_params = None

    def reset(self, key, params):
        place = jax.random.randint(key, (), 0, 4) * (0 if "starts alike" in self.faults else 1)
        return self.show(place), {"place": place, "time": jnp.zeros((), jnp.int32), "key": key}

    def step(self, key, state, action, params):
        place = jnp.clip(state["place"] + 2 * action - 1, 0, CELLS - 1)
        done = place == CELLS - 1
        reward = jnp.where(done, 1.0, jnp.where(place == 0, self._if("odd numbers", jnp.nan), 0.0))
        state = {"place": place, "time": state["time"] + 1, "key": key}
        if "resets itself" in self.faults:
            state = jax.tree.map(lambda new, old: jnp.where(done, new, old), self.reset(key, params)[1], state)
        if "no counter" in self.faults:
            state["time"] = jnp.zeros((), jnp.int32)
        return self.show(state["place"]), state, reward, done, False, {}

    def show(self, place):
        return {"place": place, "far": jnp.where(place == 1, self._if("odd numbers", jnp.inf), 0.0)}

    def _if(self, fault, value):
        return value if fault in self.faults else 0.0


def perceive(obs, state, params):
    place = state.env["place"]
    facts = jnp.stack([place > 2, state.rewarded])
    return Percept(facts, (CELLS - 1 - place)[None].astype(jnp.float32), place.astype(jnp.uint32))


def odd_facts(obs, state, params):
    place = state.env["place"]
    facts = jnp.stack([place >= 0, place > 90, state.rewarded])
    return Percept(facts, (100 * place)[None].astype(jnp.float32), place.astype(jnp.uint32))


def with_a_clock(obs, state, params):
    place, time = state.env["place"], state.env["time"]
    facts = jnp.stack([place > 2, jnp.zeros((), jnp.bool_)])
    return Percept(facts, (place.astype(jnp.float32) * 0.1)[None], (place + 16 * time).astype(jnp.uint32))


def with_its_key(obs, state, params):
    percept = perceive(obs, state, params)
    return dataclasses.replace(percept, fingerprint=jax.random.bits(state.env["key"]))


def told(env, percept=perceive, max_steps=40):
    config, params = with_memory(env, percept, max_steps=max_steps)
    report = look_for_faults(config.environment, params.environment)
    assert (report.steps, report.findings) == (512, worst_first(list(report.findings)))
    return [f"{finding.severity}: {finding.what}" for finding in report.findings]


def test_a_sound_environment():
    assert told(Walk()) == []


def test_one_that_resets_itself_and_gives_odd_numbers_and_facts():
    assert told(Walk(("resets itself", "odd numbers")), odd_facts) == [
        "error: it resets itself inside `step`: after the end of an episode the state is that of a new one "
        "(state.env['time'] counts steps, and begins anew)",
        "error: rewards are not finite",
        "warning: observations hold numbers that are not finite",
        "warning: predicate_0 always holds",
        "warning: contexts reach 500, above 64 they hardly differ",
        "note: predicate_1 never holds",
    ]


@pytest.mark.slow
def test_one_that_resets_itself_and_counts_nothing():
    assert told(Walk(("resets itself", "no counter"))) == [
        "error: it resets itself inside `step`: after the end of an episode the state is that of a new one"
    ]


def test_a_clock_success_that_never_comes_and_one_start():
    clock, success, small, alike = told(Walk(("starts alike",)), with_a_clock)
    assert clock.startswith("warning: no state comes twice in an episode, but ")
    assert clock.endswith("% do without state.env['time']: a clock in the fingerprint")
    assert success == "warning: success never came in 512 random steps"
    assert small == "warning: contexts between 0 and 1 count as 1"
    assert alike.startswith("note: all ") and alike.endswith(
        " episodes begin alike, though the keys of their resets differ"
    )


@pytest.mark.slow
def test_a_key_in_the_fingerprint():
    [clock] = told(Walk(), with_its_key)
    assert "% do without state.env['key']: a clock in the fingerprint" in clock


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"time": jnp.zeros((), jnp.float32)}, r"state\['time'\] is int32\[\] after a reset and float32\[\] after"),
        ({"place": jnp.zeros(2, jnp.int32)}, r"state\['place'\] is int32\[\] after a reset and int32\[2\] after a"),
        ({"more": jnp.zeros(())}, r"state\['more'\] is absent after a reset and float32\[\] after a step"),
    ],
)
def test_forms_that_change_are_told_by_with_memory_too(change, text):
    class Changing(Walk):
        def step(self, key, state, action, params):
            place, state, reward, *rest = super().step(key, state, action, params)
            return place, {**state, **change}, reward, *rest

    with pytest.raises(TypeError, match=text):
        with_memory(Changing(), lambda obs, state, params: perceive(Walk().show(0), state, params), max_steps=9)


class Line:
    """A gymnax environment: the walk."""

    default_params, num_actions = None, 2

    def reset_env(self, key, params):
        return Walk().reset(key, params)

    def step_env(self, key, state, action, params):
        return Walk().step(key, state, action, params)

    def reset(self, key, params):
        return self.reset_env(key, params)

    def step(self, key, state, action, params):
        obs, state, *came = self.step_env(key, state, action, params)
        fresh = self.reset_env(key, params)
        return *jax.tree.map(lambda new, old: jnp.where(came[1], new, old), fresh, (obs, state)), *came


class Doubled:
    """A wrapper that doubles rewards."""

    def __init__(self, env):
        self._env = env

    def reset(self, key, params):
        return self._env.reset(key, params)

    def step(self, key, state, action, params):
        obs, state, reward, *rest = self._env.step(key, state, action, params)
        return obs, state, 2 * reward, *rest


@dataclasses.dataclass(frozen=True)
class Bypass:
    """An adapter that plays what is in the wrapper, its rewards times `factor`."""

    env: Doubled
    factor: float
    num_actions = 2
    never_resets = True

    def reset(self, key, params):
        return Line().reset_env(key, params)

    def step(self, key, state, action, params):
        obs, state, reward, *rest = Line().step_env(key, state, action, params)
        return obs, state, self.factor * reward, *rest


@pytest.mark.slow
def test_where_nothing_says_what_success_is():
    percept = ProjectedPercept(resolution=1.0, num_features=2, seed=1)
    assert [line for line in told(Walk(("no counter",)), percept, 5) if "success" in line] == [
        "note: nothing says what success is: results tell returns only"
    ]


@pytest.mark.slow
def test_a_wrapper_that_is_not_honoured():
    [bypassed] = told(Bypass(Doubled(Line()), 1.0))
    assert bypassed.startswith("error: a wrapper is not honoured: its own `step` gives other rewards, ends or ")
    assert told(Bypass(Doubled(Line()), 2.0)) == []


def test_repeats_are_of_one_episode():
    prints = np.array([[1, 5], [2, 5], [1, 6], [2, 5]])
    start = np.array([[1, 1], [0, 0], [1, 0], [0, 0]], bool)
    assert repeats(prints, start) == 2 / 8  # 5 twice more in the second lane


def test_what_cannot_be_played_is_a_finding():
    report = check_environment(Walk(), perceive)
    assert str(report).startswith("error: max_steps is unknown: the environment's params do not tell; give it\n")
    assert report.errors[0].remedy == "give it" and report.steps_per_second is None


def test_a_report_in_words_and_numbers():
    findings = [Finding(severity, "this", "do that") for severity in ("note", "error", "warning")]
    report = Report(worst_first(findings), 512, 3, 12345.6)
    assert str(report).splitlines() == [
        "error: this; do that",
        "warning: this; do that",
        "note: this; do that",
        "512 random steps, 3 episodes ended; 12,346 steps per second",
    ]
    assert report.as_dict()["findings"][0] == {"severity": "error", "what": "this", "remedy": "do that"}
    assert str(Report((), 512, 0, 1.0)).startswith("nothing found\n")


def test_play_is_legal():
    def right(obs, state, params):
        return jnp.array([False, True])

    config, params = with_memory(Walk(), perceive, max_steps=40, legal_actions=right)
    actions = play(config.environment, params.environment, lambda played, params: played.action, num_steps=9)
    assert actions.shape == (9, 8) and bool(jnp.all(actions == 1))


@pytest.mark.slow
def test_environments_that_are_sound():
    gymnax = pytest.importorskip("gymnax")
    for made in (make_experiment("random-5"), make_experiment("doorkey-5"), (gymnax.make("Catch-bsuite")[0],)):
        with peer_rules():
            report = check_environment(*made)
        assert report.errors == () and report.steps_per_second > 100
