"""Part `card`: what the card itself can do, the ceilings that all else is held against."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp

from benchmarks.measure import Contender, Options, measure
from benchmarks.retrieval import PASSED_BYTES, one_pass, timed_program

COLUMNS = ("what", "value", "unit")
SIDE, QUICK_SIDE = 8192, 256


def run(options: Options) -> Iterator[dict]:
    """Yields its memory, the speed of a copy in place (bytes read and written), and float32 products by precision."""
    stats = jax.local_devices()[0].memory_stats() or {}
    yield {"what": "memory that jax may use", "value": round(stats.get("bytes_limit", 0) / 2**30, 1), "unit": "GiB"}
    moved = PASSED_BYTES if options.quick else 16 * PASSED_BYTES
    contenders = [Contender("one pass over memory", {"bytes": moved}, lambda: one_pass(moved, 2 * moved))]
    side = QUICK_SIDE if options.quick else SIDE
    for precision in ("default", "highest"):
        contenders.append(Contender(f"product, precision {precision}", {"side": side}, _product(side, precision)))
    for row in measure(contenders, options):
        scale, unit = (1e9, "GB/s") if "bytes" in row else (1e12, "TFLOP/s")
        yield {"what": row["name"], "value": round(row["units_per_second"] / scale, 2), "unit": unit, **row}


def _product(side: int, precision: str):
    def build():
        left, right = jax.random.normal(jax.random.key(0), (2, side, side), jnp.float32)
        return timed_program(lambda a, b: jnp.dot(a, b, precision=precision), left, right, units=2 * side**3)

    return build
