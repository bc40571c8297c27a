"""Part `retrieval`: top-k of cosines, beside the bare product and one read of the libraries."""

from collections.abc import Iterator

from benchmarks.measure import Options
from benchmarks.retrieval import QUICK_PER_AGENT, QUICK_SHARED, run_per_agent, run_shared

COLUMNS = ("name", "queries", "capacity", "size", "k", "ns a query")
SHARED = (((8192, 65536, 64), (1, 10)),)
PER_AGENT = ((2**17, 64, 64),)


def run(options: Options) -> Iterator[dict]:
    """Yields a row for each way of searching."""
    shared, per_agent = (QUICK_SHARED, QUICK_PER_AGENT) if options.quick else (SHARED, PER_AGENT)
    for shape, ks in shared:
        yield from map(_told, run_shared(shape, ks, options)[0])
    for shape in per_agent:
        yield from map(_told, run_per_agent(shape, options)[0])


def _told(row: dict) -> dict:
    return {"k": "", **row, "ns a query": round(row["median"] * 1e9, 2)}
