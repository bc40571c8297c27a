"""Work over the slots of a library that looks, on a CPU, at as few of them as hold all skills of a batch.

Libraries fill from the lowest slot on, and most are far from full. Under `vmap` a branch that depends on the example is
taken both ways, so one size is chosen for a whole batch, over all its axes: the smallest that holds the last used slot
of each. Results do not depend on it, only the time does. A GPU, whose host would have to wait to be told the size,
looks at all slots. Loops run likewise as often as a whole batch needs. `.readme/speed.md` tells what it brings.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from procmem_jax.memory.slots import least

_LEAST, _MULTIPLE = 64, 32  # slots
_MOST_SIZES = 3


def prefix_sizes(capacity: int) -> tuple[int, ...]:
    """Returns the numbers of slots of which one is looked at, ascending, the last `capacity`, in about equal ratios."""
    ratio = (capacity / _LEAST) ** (1 / (_MOST_SIZES - 1))
    rounded = {-(-int(_LEAST * ratio**step) // _MULTIPLE) * _MULTIPLE for step in range(_MOST_SIZES - 1)}
    return (*sorted(size for size in rounded if size < capacity and capacity > _LEAST), capacity)


def over_used_slots(
    function: Callable[..., Any], used: jax.Array, columns: Any, *others: Any, most_sizes: int = _MOST_SIZES
) -> Any:
    """Returns `function(columns, *others)`, worked out from the first slots alone where these are all that is used.

    Args:
        function: static, of one example; it must return the same, bit for bit, without slots that are not `used`.
        used: `[N]` bool, the slots with a skill.
        columns: arrays `[..., N]`.
        others: arrays of any shapes.
        most_sizes: static; each of them is one branch to compile.
    """
    sizes = prefix_sizes(used.shape[0])[-most_sizes:]

    def of_first(size, columns, *others):
        return function(jax.tree.map(lambda column: column[..., :size], columns), *others)

    end = -least(jnp.where(used, -jnp.arange(1, used.shape[0] + 1, dtype=jnp.float32), 0.0))
    level = sum((end > size).astype(jnp.int32) for size in sizes[:-1])
    return least_that_serves(level, [functools.partial(of_first, size) for size in sizes], columns, *others)


def least_that_serves(level: jax.Array | int, functions: Sequence[Callable[..., Any]], *arguments: Any) -> Any:
    """Returns `functions[-1](*arguments)`, on a CPU by that function of the least number that serves a whole batch.

    Args:
        level: `()` int32, the number of the first function that returns the same as the last, bit for bit; all
            further ones must, too.
        functions: static, of one example.
        arguments: arrays of any shapes.
    """
    if len(functions) == 1:
        return functions[0](*arguments)
    functions = tuple(jax.jit(function) for function in functions)  # so that each is traced once

    def of_least(level, *arguments):
        return jax.lax.switch(_greatest_of_batch(level), functions, *arguments)

    def of_last(level, *arguments):
        del level
        return functions[-1](*arguments)

    return jax.lax.platform_dependent(level, *arguments, cpu=of_least, default=of_last)


def times_that_serve(number: jax.Array, most: int) -> jax.Array:
    """Returns `most`, `()` int32, on a CPU the greatest `number` of a batch: so often must a loop run for all of it.

    Args:
        number: `()` int32, at most `most`: how often it must run for one example.
        most: static.
    """
    return jax.lax.platform_dependent(number, cpu=_greatest_of_batch, default=lambda _: jnp.full((), most, jnp.int32))


@custom_vmap
def _greatest_of_batch(number: jax.Array) -> jax.Array:
    """Returns `number`, `()`; under `vmap` the greatest of the batch, over all its axes, and one for all.

    What branches by it goes one way for a whole batch, where by the examples' own numbers it would go all ways.
    """
    return number


@_greatest_of_batch.def_vmap
def _of_batch(axis_size, in_batched, number):
    del axis_size
    return _greatest_of_batch(jnp.max(number, axis=0) if in_batched[0] else number), False
