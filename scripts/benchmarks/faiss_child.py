"""A process that times one FAISS search for every line on its input: beside jax's threads its times say nothing."""

import json
import sys
import time

import faiss
import numpy as np

SHORTEST = 0.3


def unit_vectors(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Returns `shape` float32, unit length along the last axis."""
    vectors = rng.standard_normal(shape, np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def main(work: dict) -> None:
    """Answers every line with the queries searched and the seconds that they took."""
    faiss.omp_set_num_threads(work["threads"])
    rng = np.random.default_rng(0)
    queries = unit_vectors(rng, work["queries"], work["size"])
    index = faiss.IndexFlatIP(work["size"])
    index.add(unit_vectors(rng, work["capacity"], work["size"]))
    started = time.perf_counter()
    index.search(queries, work["k"])
    count = max(1, round(SHORTEST / (time.perf_counter() - started)))
    for _ in sys.stdin:
        started = time.perf_counter()
        for _ in range(count):
            index.search(queries, work["k"])
        answer = {"queries": count * work["queries"], "seconds": time.perf_counter() - started}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
