"""A percept from a list of facts and offsets, for which nobody needs to write one by hand."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.envs.foreign.adapted import AdaptedState, PerceiveFunction
from procmem_jax.envs.foreign.projected import ProjectedPercept
from procmem_jax.percept import Percept
from procmem_jax.records import function_text

# (observation, AdaptedState, params) -> one bool, or for an offset numbers of any shape.
PartFunction = Callable[[Any, AdaptedState, Any], Any]
Facts = Sequence[tuple[str, PartFunction]]


@dataclasses.dataclass(frozen=True, repr=False)
class ListedPercept:
    """A `perceive` function made of named facts and offsets. Hashable; of the same functions, two are equal.

    Attributes:
        facts: (name, function) of each predicate; the last means success. Without any, those of `projected`.
        offsets: functions, whose numbers make up the context. Without any, that of `projected`.
        projected: what the fingerprint is of: the observation, rounded.
    """

    fits_anything = True

    facts: tuple[tuple[str, PartFunction], ...] = ()
    offsets: tuple[PartFunction, ...] = ()
    projected: ProjectedPercept = ProjectedPercept(resolution=None)

    def __repr__(self) -> str:
        facts = [f"{name}={function_text(function, {})}" for name, function in self.facts]
        offsets = [function_text(function, {}) for function in self.offsets]
        return f"ListedPercept({', '.join([*facts, *offsets, repr(self.projected)])})"

    @property
    def predicate_names(self) -> tuple[str, ...]:
        """P names."""
        return tuple(name for name, _ in self.facts) or self.projected.predicate_names

    @property
    def tells_success(self) -> bool:
        """Whether the last predicate means success."""
        return bool(self.facts)

    def __call__(self, obs: Any, state: AdaptedState, params: Any) -> Percept:
        """Returns the percept of one observation.

        Raises:
            TypeError: a fact gives something else than one bool, or an offset no numbers.
        """
        percept = self.projected(obs, state, params)
        if self.facts:
            facts = [_fact(name, function(obs, state, params)) for name, function in self.facts]
            percept = dataclasses.replace(percept, predicates=jnp.stack(facts))
        if self.offsets:
            offsets = [jnp.ravel(_numbers(part(obs, state, params))) for part in self.offsets]
            percept = dataclasses.replace(percept, context=jnp.concatenate(offsets))
        return percept


def as_percept(perceive: PerceiveFunction | Facts | None, offsets: Any = None) -> PerceiveFunction:
    """Returns the `perceive` function that `with_memory` is given in one of its forms.

    Args:
        perceive: a function, a list of (name, function), or None.
        offsets: None, a function or a list of functions.

    Raises:
        TypeError: a part is of another kind.
        ValueError: two facts have one name, or offsets are given beside a function `perceive`.
    """
    if callable(perceive):
        if offsets is not None:
            raise ValueError("offsets are given beside a function perceive, which makes the context; leave one out")
        return perceive
    if perceive is None and offsets is None:
        return ProjectedPercept(resolution=None)
    facts = tuple(_checked(fact) for fact in perceive or ())
    names = [name for name, _ in facts]
    if len(set(names)) < len(names):
        raise ValueError(f"facts {', '.join(names)} have one name twice; name each by itself")
    offsets = () if offsets is None else (offsets,) if callable(offsets) else tuple(offsets)
    for part in offsets:
        if not callable(part):
            raise TypeError(
                f"offset {part!r} is a {type(part).__name__}; give a function (obs, state, params) -> numbers"
            )
    return ListedPercept(facts, offsets)


def _checked(fact: Any) -> tuple[str, PartFunction]:
    if isinstance(fact, (tuple, list)) and len(fact) == 2 and isinstance(fact[0], str) and callable(fact[1]):
        return tuple(fact)
    raise TypeError(f"fact {fact!r} is no (name, function); give pairs, each function (obs, state, params) -> one bool")


def _fact(name: str, value: Any) -> jax.Array:
    value = jnp.asarray(value)
    if value.dtype != jnp.bool_ or value.shape:
        raise TypeError(f"fact {name!r} gives {value.dtype}{list(value.shape)}; give one bool")
    return value


def _numbers(value: Any) -> jax.Array:
    value = jnp.asarray(value)
    if not (jnp.issubdtype(value.dtype, jnp.number) or value.dtype == jnp.bool_) or jnp.iscomplexobj(value):
        raise TypeError(f"an offset gives {value.dtype}{list(value.shape)}; give real numbers")
    return value.astype(jnp.float32)
