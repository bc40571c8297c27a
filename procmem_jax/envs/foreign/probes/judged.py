"""What is to be said of an environment that was played at random."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from procmem_jax.envs.foreign.probes.findings import Finding
from procmem_jax.envs.foreign.probes.seen import Element

LEAST_CONTEXT, MOST_CONTEXT = 1.0, 64.0  # where contexts tell most (see `direction_embedding`)
_FEW = 0.01  # this share of steps may be odd
_FEWEST_STEPS = 30  # to judge by


def judged(seen: dict[str, np.ndarray], watched: Sequence[Element], environment: Any) -> Iterator[Finding]:
    """Yields what the steps that were seen give reason to say.

    Args:
        seen: `[T, A, ...]` each, of `Look`.
        watched: the elements that were.
        environment: what was played.
    """
    yield from _resets(seen, watched)
    yield from _numbers(seen)
    yield from _clock(seen, watched)
    yield from _facts(seen, environment.predicate_names)
    yield from _success(seen, environment)
    yield from _contexts(seen["context"])


def _resets(seen: dict[str, np.ndarray], watched: Sequence[Element]) -> Iterator[Finding]:
    start, (before, after) = seen["start"], np.moveaxis(seen["whole"], 2, 0)
    what = "it resets itself inside `step`: after the end of an episode the state is that of a new one"
    remedy = "give the environment without its automatic reset, so that the last state of an episode is seen"
    starts = set(before[start].tolist())
    for ended in (seen["ended"], seen["ended"] & ~seen["cut"]):
        last = set(after[ended].tolist())
        counter = _counter_that_goes_back(seen, ended)
        if counter is not None:
            yield Finding("error", f"{what} ({watched[counter].name} counts steps, and begins anew)", remedy)
        elif len(last) > 1 and last <= starts:
            yield Finding("error", what, remedy)
        elif last and last <= starts:
            same = "the state at the end of an episode is the one at its start"
            yield Finding("warning", same, f"if it resets itself, {remedy}")
        else:
            continue
        break
    if "honoured" in seen and not seen["honoured"].all():
        yield Finding(
            "error",
            "a wrapper is not honoured: its own `step` gives other rewards, ends or observations than the agent meets",
            "give an object with `reset` and a `step` of six values that does what the wrapper does",
        )
    if start.sum() > 1 and len(starts) == 1:
        yield Finding(
            "note",
            f"all {int(start.sum())} episodes begin alike, though the keys of their resets differ",
            "if they should differ, let `reset` use its key; if not, nothing is to be done",
        )


def _counter_that_goes_back(seen: dict[str, np.ndarray], ended: np.ndarray) -> int | None:
    """Returns the element that grows by one in each step, and is at its start again where an episode has ended."""
    first, later = (seen["values"][:, :, index, 1:] for index in (0, 1))
    on = ~seen["ended"]
    if on.sum() < _FEWEST_STEPS or not ended.any():
        return None
    counts = np.all(later[on] == first[on] + 1, axis=0)
    found = counts & np.all(later[ended] == first[seen["start"]][:1], axis=0)
    return int(np.argmax(found)) if found.any() else None


def _numbers(seen: dict[str, np.ndarray]) -> Iterator[Finding]:
    if not np.isfinite(seen["reward"]).all():
        yield Finding("error", "rewards are not finite", "give finite rewards")
    if not np.isfinite(seen["context"]).all():
        yield Finding("error", "contexts are not finite", "let perceive give finite numbers")
    if not seen["finite"].all():
        yield Finding(
            "warning",
            "observations hold numbers that are not finite",
            "give finite ones, or a perceive that skips them",
        )


def repeats(prints: np.ndarray, start: np.ndarray) -> float:
    """Returns the share of steps whose state was met before in the episode; `prints`, `start` are `[T, A]`."""
    met, episodes = 0, np.cumsum(start, axis=0)
    for lane in range(prints.shape[1]):
        pairs = np.stack([episodes[:, lane], prints[:, lane]], axis=1)
        met += len(pairs) - len(np.unique(pairs, axis=0))
    return met / prints.size


def _clock(seen: dict[str, np.ndarray], watched: Sequence[Element]) -> Iterator[Finding]:
    start = seen["start"]
    if repeats(seen["fingerprint"].astype(np.int64), start) or start.size < 2 * max(start.sum(), _FEWEST_STEPS):
        return
    shares = [repeats(seen["frozen"][:, :, index].astype(np.int64), start) for index in range(1, len(watched) + 1)]
    grows = np.diff(seen["values"][:, :, 0, 1:], axis=0)[~start[1:]]  # within an episode
    one_way = np.all(grows > 0, axis=0) | np.all(grows < 0, axis=0) | [element.place is None for element in watched]
    shares = one_way * np.asarray(shares)
    if len(shares) and max(shares) > 2 * _FEW:
        name = watched[int(np.argmax(shares))].name
        yield Finding(
            "warning",
            f"no state comes twice in an episode, but {max(shares):.0%} do without {name}: a clock in the fingerprint",
            f"if {name} only tells the time, leave it out of the fingerprint: loops are cut out where states repeat",
        )
    else:
        yield Finding(
            "note",
            "no state comes twice in an episode, so that loops are not cut out of what is learned",
            "if states do repeat, let the fingerprint tell only what decides what actions do, more coarsely",
        )


def _facts(seen: dict[str, np.ndarray], names: Sequence[str]) -> Iterator[Finding]:
    held = seen["predicates"].reshape(-1, len(names))
    for name in np.asarray(names)[held.all(axis=0)]:
        yield Finding("warning", f"{name} always holds", "leave it out of perceive: nothing can be learned to reach it")
    for name in np.asarray(names[:-1])[~held[:, :-1].any(axis=0)]:
        yield Finding(
            "note", f"{name} never holds", "if random play should reach it, look at perceive; else add facts on the way"
        )


def _success(seen: dict[str, np.ndarray], environment: Any) -> Iterator[Finding]:
    reached, what = (seen["succeeded"] & seen["ended"]).any(), "success"
    if not environment.has_success:
        remedy = 'give with_memory a success, such as success="terminated"'
        yield Finding("note", "nothing says what success is: results tell returns only", remedy)
        reached, what = seen["predicates"][..., -1].any(), f"{environment.predicate_names[-1]!r}"
    if not reached:
        yield Finding(
            "warning",
            f"{what} never came in {seen['start'].size} random steps",
            "a memory learns from the first time on: give facts on the way, a better explorer, or an easier start",
        )


def _contexts(context: np.ndarray) -> Iterator[Finding]:
    size = np.abs(context)
    between = "let perceive give whole numbers from 1 to 64 in magnitude, and 0 for nothing"
    if (size > MOST_CONTEXT).mean() > _FEW:
        yield Finding("warning", f"contexts reach {size.max():g}, above {MOST_CONTEXT:g} they hardly differ", between)
    if ((size > 0) & (size < LEAST_CONTEXT)).mean() > _FEW:
        yield Finding("warning", "contexts between 0 and 1 count as 1", between)
    if np.all(context == context[0, 0, 0]):
        yield Finding("warning", "the context is the same in all states", "let perceive tell where the agent is")
