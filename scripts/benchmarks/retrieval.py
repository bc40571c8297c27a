"""Suite `retrieval`: top-k of cosines, beside FAISS, the bare matrix product and the speed of memory."""

import functools
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp

from benchmarks.measure import Built, Contender, Options, compiled, measure, ratio, repeated
from procmem_jax.memory import cosine_top_k, normalize
from procmem_jax.memory.similarity import cosine_similarity_of_columns, masked_top_k

COLUMNS = ("name", "queries", "capacity", "size", "k")
UNIT = "queries"
SHARED = (((8192, 1024, 64), (1, 4, 10, 32)), ((1024, 65536, 64), (1, 10)))
QUICK_SHARED = (((64, 128, 8), (1, 4)),)
PER_AGENT = ((8192, 64, 8), (8192, 64, 64))
QUICK_PER_AGENT = ((64, 16, 8),)
MASKED_TARGET = 1 / 1.5  # of the bare matrix product's rate, for K up to 4
PER_AGENT_TARGET = 0.5  # of the rate of reading every library once
PASSED_BYTES = 2**28
CHILD = pathlib.Path(__file__).parent / "faiss_child.py"


def unit_vectors(seed: int, *shape: int) -> jax.Array:
    """Returns `shape` float32, unit length along the last axis."""
    return normalize(jax.random.normal(jax.random.key(seed), shape, jnp.float32))


def timed_program(function, *arguments, units: int, **facts) -> Built:
    """Returns `function` compiled, run over and over on the same arguments."""
    program, seconds = compiled(function, *arguments)

    def run(count: int) -> None:
        for _ in range(count):
            out = program(*arguments)
        jax.block_until_ready(out)

    return repeated(run, units, seconds, **facts)


def shared(shape: tuple[int, int, int], k: int, masked: bool) -> Built:
    """Returns our top-k of B queries against one library."""
    queries, embeddings = unit_vectors(0, shape[0], shape[2]), unit_vectors(1, shape[1], shape[2])
    search = functools.partial(cosine_top_k, k=k, normalized=True)
    if not masked:
        return timed_program(search, queries, embeddings, units=shape[0])
    mask = jax.random.bernoulli(jax.random.key(2), 0.5, (shape[0], shape[1]))
    return timed_program(search, queries, embeddings, mask, units=shape[0])


def matrix_product(shape: tuple[int, int, int]) -> Built:
    """Returns the bare product of the queries and the library."""
    queries, embeddings = unit_vectors(0, shape[0], shape[2]), unit_vectors(1, shape[1], shape[2])
    return timed_program(lambda q, e: jnp.dot(q, e.T), queries, embeddings, units=shape[0])


def per_agent(shape: tuple[int, int, int], in_columns: bool) -> Built:
    """Returns our top-1 for a query each of A agents, in a library each: `[A, N, D]`, or `[A, D, N]` in columns."""
    agents, capacity, size = shape
    queries, embeddings = unit_vectors(0, agents, size), unit_vectors(1, agents, capacity, size)
    mask = jnp.ones((agents, capacity), bool)
    if not in_columns:
        search = jax.vmap(functools.partial(cosine_top_k, k=1, normalized=True))
        return timed_program(search, queries, embeddings, mask, units=agents)

    def search_columns(query, keys, mask):
        return masked_top_k(cosine_similarity_of_columns(query, keys), mask, 1)

    return timed_program(jax.vmap(search_columns), queries, embeddings.swapaxes(1, 2), mask, units=agents)


def one_pass(num_bytes: int, units: float) -> Built:
    """Returns a pass over `num_bytes` of memory, read and written in place, that is `units` of work."""
    block = jnp.ones(num_bytes // 4, jnp.float32)
    program, seconds = compiled(lambda x: x + 1, block, donate=(0,))

    def run(count: int, held=[block]) -> None:  # noqa: B006  what a call leaves is what the next begins with
        for _ in range(count):
            held[0] = program(held[0])
        held[0].block_until_ready()

    return repeated(run, units, seconds)


def one_read(shape: tuple[int, int, int]) -> Built:
    """Returns a pass over much memory in units of one agent's library read once."""
    library_bytes = shape[1] * shape[2] * 4
    return one_pass(PASSED_BYTES, 2 * PASSED_BYTES / library_bytes)


def faiss(shape: tuple[int, int, int], k: int) -> Built:
    """Returns FAISS's flat index in a process of its own, with as many threads as there are cores."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    work = {"queries": shape[0], "capacity": shape[1], "size": shape[2], "k": k, "threads": threads}
    child = subprocess.Popen(
        [sys.executable, CHILD, json.dumps(work)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def run() -> tuple[float, float]:
        child.stdin.write("search\n")
        child.stdin.flush()
        answer = json.loads(child.stdout.readline())
        return answer["queries"], answer["seconds"]

    return Built(run, facts={"threads": threads})


def contenders_of(shape: tuple[int, int, int], ks: tuple[int, ...]) -> dict:
    """Returns {(name, k): contender} for one shared library."""
    sizes = {"queries": shape[0], "capacity": shape[1], "size": shape[2]}
    found = {("matrix product", 0): Contender("matrix product", sizes, lambda: matrix_product(shape))}
    for k in ks:
        makers = {
            "procmem shared": lambda k=k: shared(shape, k, False),
            "procmem shared, masked": lambda k=k: shared(shape, k, True),
        }
        if importlib.util.find_spec("faiss") is not None:
            makers["FAISS flat"] = lambda k=k: faiss(shape, k)
        for name, make in makers.items():
            found[name, k] = Contender(name, {**sizes, "k": k}, make)
    return found


def run_shared(shape: tuple[int, int, int], ks: tuple[int, ...], options: Options) -> tuple[list[dict], list[dict]]:
    """Returns (rows, ratios) of one shared library."""
    contenders = contenders_of(shape, ks)
    rows = dict(zip(contenders, measure(list(contenders.values()), options), strict=True))
    ratios = []
    for k in ks:
        where = f"K={k}, {shape[1]:,} slots"
        if ("FAISS flat", k) in rows:
            target = 1 if k == 1 or (k == 10 and shape[1] == 1024) else None
            ratios.append(ratio(f"{where}: over FAISS", rows["procmem shared", k], rows["FAISS flat", k], target))
        target = MASKED_TARGET if k <= 4 and shape[1] == 1024 else None
        label = f"{where}: masked over the matrix product"
        ratios.append(ratio(label, rows["procmem shared, masked", k], rows["matrix product", 0], target))
    return list(rows.values()), ratios


def run_per_agent(shape: tuple[int, int, int], options: Options) -> tuple[list[dict], list[dict]]:
    """Returns (rows, ratios) of libraries of their own."""
    sizes = {"queries": shape[0], "capacity": shape[1], "size": shape[2], "k": 1}
    contenders = [
        Contender("procmem per agent, rows", sizes, lambda: per_agent(shape, False)),
        Contender("procmem per agent, columns", sizes, lambda: per_agent(shape, True)),
        Contender("one read of the library", sizes, lambda: one_read(shape)),
    ]
    *ours, read = measure(contenders, options)
    best = min(ours, key=lambda row: row["median"])
    label = f"per agent, {shape[1]} slots, D={shape[2]}: over one read"
    return [*ours, read], [ratio(label, best, read, PER_AGENT_TARGET)]


def run(options: Options) -> tuple[list[dict], list[dict]]:
    """Returns (rows, ratios)."""
    rows, ratios = [], []
    results = [run_shared(shape, ks, options) for shape, ks in (QUICK_SHARED if options.quick else SHARED)]
    results += [run_per_agent(shape, options) for shape in (QUICK_PER_AGENT if options.quick else PER_AGENT)]
    for some_rows, some_ratios in results:
        rows += some_rows
        ratios += some_ratios
    return rows, ratios
