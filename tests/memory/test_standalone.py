"""The memory is useful alone: a user's own loop, no agent and no environment of this package."""

import jax
import jax.numpy as jnp
import numpy as np

import procmem_jax as pm

# Start of the example for the README.
config = pm.memory.LibraryConfig(capacity=4, embedding_size=3, max_skill_length=2, num_predicates=1)
chances = jnp.array([0.3, 0.8, 0.0, 0.0])  # how often each skill works in this world: the library must find out


def toy_skill(direction, actions):
    return pm.memory.make_skill(actions, direction, config=config)  # asks for nothing, promises nothing


def attempt(library, key):
    best = pm.memory.retrieve(library, jnp.array([True]), config)  # the applicable skill of the highest success rate
    worked = jax.random.uniform(key) < chances[best.slots[0]]
    return pm.memory.record_outcome(library, best.slots[0], worked, skill_id=best.skill_ids[0]), worked


def learn(key):
    library = pm.memory.empty(config)
    library, _ = pm.memory.insert(library, toy_skill([1, 0, 0], [0, 1]), config)
    library, _ = pm.memory.insert(library, toy_skill([0, 1, 0], [3, 3]), config)
    return jax.lax.scan(attempt, library, jax.random.split(key, 100))


# End of the example.


def test_a_thousand_libraries_learn_which_skill_works():
    libraries, worked = jax.jit(jax.vmap(learn))(jax.random.split(jax.random.key(0), 1000))
    uses = np.asarray(libraries.use_counts)
    assert np.all(uses.sum(axis=1) == 100) and np.all(uses[:, 2:] == 0)
    assert np.mean(uses[:, 1] > 50) > 0.9, "most libraries use the better skill most of the time"
    assert np.mean(worked[:, 50:]) > 0.75, "in the end nearly as often as the better skill alone, 0.8"
    assert np.mean(worked[:, :2]) < 0.5, "at first it tries the other, 0.3"
    np.testing.assert_array_equal(libraries.success_counts.sum(axis=1), np.sum(worked, axis=1))
    rates = jax.vmap(lambda library: pm.memory.summary(library, config).mean_success_rate)(libraries)
    assert np.all((rates > 0) & (rates < 1))
    alone = jax.jit(learn)(jax.random.split(jax.random.key(0), 1000)[3])
    jax.tree.map(lambda one, many: np.testing.assert_array_equal(one, many[3]), alone, (libraries, worked))
