"""What learning brings, from success and steps per agent and episode: speed, path quality, transfer, forgetting."""

import dataclasses

import numpy as np

from procmem_jax.experiments.statistics.intervals import (
    CONFIDENCE,
    NUM_RESAMPLES,
    Interval,
    bootstrap_interval,
    check_same_shape,
    interquartile_mean,
    interval_of,
    resample_totals,
)


def steps_to_success(success: np.ndarray, env_steps: np.ndarray, *, threshold: float = 0.9, window: int = 20) -> float:
    """Returns the smallest mean `env_steps` over agents at which success has reached `threshold`, in steps an agent.

    Success is the share over all agents' last `window` episodes; no shorter window counts, so that the earliest answer
    is the mean `env_steps` at the end of episode number `window`. Infinite where it is never reached.

    Args:
        success: `[A, E]` bool.
        env_steps: `[A, E]` int, each agent's steps since it began, at the end of each episode (cumulative).
        threshold: share, (0, 1].
        window: episodes, at least 1.

    Raises:
        ValueError: the shapes differ or are not `[A, E]` with at least one of each, a number is out of range, or
            `env_steps` falls from one episode to the next.
    """
    success, env_steps = _check_curves(success, env_steps, threshold, window)
    totals = np.concatenate([success.sum(axis=0), env_steps.sum(axis=0)])[None]
    return float(_first_success(totals, len(success), threshold, window)[0])


def steps_to_success_interval(
    success: np.ndarray,
    env_steps: np.ndarray,
    *,
    seed: int,
    threshold: float = 0.9,
    window: int = 20,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Returns `steps_to_success` with its bootstrap interval over agents.

    Its high bound is infinite where more than the upper tail of the resamples never get there.

    Args:
        success, env_steps, threshold, window: as in `steps_to_success`.
        seed, num_resamples, confidence: as in `bootstrap_interval`.

    Raises:
        ValueError: as in those two.
    """
    success, env_steps = _check_curves(success, env_steps, threshold, window)
    rows = np.concatenate([success, env_steps], axis=1, dtype=np.float64)
    blocks = resample_totals(rows, seed=seed, num_resamples=num_resamples)
    resampled = np.concatenate([_first_success(totals, len(rows), threshold, window) for totals in blocks])
    return interval_of(_first_success(rows.sum(axis=0)[None], len(rows), threshold, window)[0], resampled, confidence)


def _first_success(totals: np.ndarray, num_agents: int, threshold: float, window: int) -> np.ndarray:
    """Returns `steps_to_success` of each row of `totals`, `[R]` float64.

    Args:
        totals: `[R, 2E]`, sums over agents, by episode: successes, then `env_steps`. Whole numbers below 2^53, whose
            sums are exact, so that a share equal to the threshold is found equal.
    """
    successes, steps = np.split(totals, 2, axis=1)
    num_episodes = successes.shape[1]
    if num_episodes < window:
        return np.full(len(totals), np.inf)
    sums = np.cumsum(np.pad(successes, ((0, 0), (1, 0))), axis=1)
    reached = (sums[:, window:] - sums[:, :-window]) / (num_agents * window) >= threshold
    first = window - 1 + np.argmax(reached, axis=1)
    steps_then = np.take_along_axis(steps, first[:, None], axis=1)[:, 0] / num_agents
    return np.where(reached.any(axis=1), steps_then, np.inf)


@dataclasses.dataclass(frozen=True)
class StepsOverOptimal:
    """Steps divided by the fewest possible, over (agent, episode) rows; 1 is a shortest path.

    interquartile_mean: with its bootstrap interval over agents.
    mean, percentile_90: beside it, for the tail which it leaves out.
    """

    interquartile_mean: Interval
    mean: float
    percentile_90: float


def steps_over_optimal(
    steps: np.ndarray,
    optimal: np.ndarray,
    *,
    seed: int,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> StepsOverOptimal:
    """Returns how much longer than a shortest path the episodes are; failures count at the steps they took.

    Args:
        steps: `[A, E]` steps.
        optimal: `[A, E]` steps, the fewest possible, at least 1.
        seed, num_resamples, confidence: as in `bootstrap_interval`.

    Raises:
        ValueError: the shapes differ or are not `[A, E]`, `optimal` is below 1 somewhere, or as in
            `bootstrap_interval`.
    """
    steps = _check_episodes(steps, "steps")
    check_same_shape("steps", steps, "optimal", optimal)
    optimal = np.asarray(optimal)
    if not (optimal >= 1).all():
        raise ValueError(
            f"optimal is below 1 or unknown in {int((~(optimal >= 1)).sum())} episodes; leave those agents out"
        )
    ratios = steps / optimal
    interval = bootstrap_interval(
        ratios, interquartile_mean, seed=seed, num_resamples=num_resamples, confidence=confidence
    )
    return StepsOverOptimal(interval, float(ratios.mean()), float(np.percentile(ratios, 90)))


def forward_transfer(
    success: np.ndarray,
    reference: np.ndarray,
    *,
    seed: int,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Returns how much of a fresh agent's failures on later layouts earlier layouts spare, with its bootstrap interval.

    Wołczyk et al. 2021, "Continual World", metrics, forward transfer: FT_i = (AUC_i - AUC_i^ref) / (1 - AUC_i^ref),
    where AUC_i is the mean over a task's training of its success over agents, ref a run on that task alone. Here the
    tasks are the layouts, AUC_i covers the first visit to layout i, and time is counted in episodes. As in the authors'
    program, agents are averaged before the ratio is taken (an agent whose reference never fails has none of its own),
    then the layouts are averaged. At most 1; 0: no transfer; negative: earlier layouts hurt.

    The paper averages over all tasks. Layout 0 is left out here: the agent meets it fresh, as its reference does. Where
    the reference of a layout never fails, there is nothing to gain: 0 if the agent never fails either, else -inf.

    Args:
        success: `[A, E]` bool, agents that meet layouts 0, 1, ... in turn, each for `shift_every` episodes; later
            visits are not looked at.
        reference: `[A, num_layouts, shift_every]` bool, the same agents (seed and number), fresh on each layout.
        seed, num_resamples, confidence: as in `bootstrap_interval`.

    Raises:
        ValueError: the shapes do not fit, there is a single layout, E ends before the last layout's first visit does,
            or as in `bootstrap_interval`.
    """
    success, reference = _check_episodes(success, "success"), np.asarray(reference)
    if reference.ndim != 3 or len(reference) != len(success) or reference.shape[1] < 2 or reference.size == 0:
        raise ValueError(
            f"reference has shape {reference.shape} for {len(success)} agents; "
            "give [agents, num_layouts, shift_every] with at least two layouts"
        )
    num_agents, num_layouts, shift_every = reference.shape
    if success.shape[1] < num_layouts * shift_every:
        raise ValueError(
            f"success has {success.shape[1]} episodes, below num_layouts * shift_every = {num_layouts * shift_every}; "
            "train for at least one visit to each layout"
        )
    visits = success[:, : num_layouts * shift_every].reshape(reference.shape)
    rows = np.concatenate([part[:, 1:].sum(axis=2) for part in (visits, reference)], axis=1)

    def transfer(totals: np.ndarray) -> np.ndarray:
        successes, expected = np.split(totals, 2, axis=1)
        gain, room = successes - expected, num_agents * shift_every - expected
        without_room = np.where(gain < 0, -np.inf, 0.0)
        return np.where(room > 0, gain / np.maximum(room, 1), without_room).mean(axis=1)

    blocks = resample_totals(rows, seed=seed, num_resamples=num_resamples)
    resampled = np.concatenate([transfer(totals) for totals in blocks])
    return interval_of(transfer(rows.sum(axis=0)[None])[0], resampled, confidence)


def forgetting(
    success: np.ndarray,
    shift_every: int,
    num_layouts: int,
    *,
    seed: int,
    num_episodes: int = 10,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Returns the success lost on a layout while away from it, in points, with its bootstrap interval over agents.

    Wołczyk et al. 2021, "Continual World", metrics, forgetting: F_i = p_i(end of training on i) - p_i(end of all
    training). The paper tests every task throughout; an agent here is seen only on the layout it is on. So success in
    the last `num_episodes` of the last visit but one to layout i stands for the first, success in the first
    `num_episodes` of the last visit for the second; averaged over layouts and agents, times 100. Negative: agents come
    back better than they left.

    What is learned anew within the first episodes of a visit hides some forgetting: fewer episodes show more of it,
    with more noise.

    Args:
        success: `[A, E]` bool, agents that meet the layouts in turn, again and again, each for `shift_every` episodes.
            Only visits with at least `num_episodes` episodes count, so that a run may stop within its last visit.
        shift_every: episodes.
        num_layouts: at least 1.
        num_episodes: at each end, 1 to `shift_every`.
        seed, num_resamples, confidence: as in `bootstrap_interval`.

    Raises:
        ValueError: `success` is not `[A, E]`, a layout has no second visit, a number is out of range, or as in
            `bootstrap_interval`.
    """
    success = _check_episodes(success, "success")
    if not 1 <= num_episodes <= shift_every:
        raise ValueError(f"num_episodes={num_episodes} is out of range; choose 1 to shift_every={shift_every}")
    if num_layouts < 1:
        raise ValueError(f"num_layouts={num_layouts} is out of range; choose at least 1")
    num_visits = (success.shape[1] - num_episodes) // shift_every + 1
    if num_visits < 2 * num_layouts:
        needed = (2 * num_layouts - 1) * shift_every + num_episodes
        raise ValueError(
            f"success has {success.shape[1]} episodes, below the {needed} of a second visit to each of {num_layouts} "
            "layouts; train longer or shift sooner"
        )
    starts = shift_every * np.arange(num_visits - num_layouts, num_visits)  # of each layout's last visit
    leaves = starts - (num_layouts - 1) * shift_every  # the episode after its last visit but one
    window = np.arange(num_episodes)
    before = success[:, (leaves[:, None] - num_episodes + window).reshape(-1)]
    after = success[:, (starts[:, None] + window).reshape(-1)]
    lost = before.sum(axis=1, dtype=np.int64) - after.sum(axis=1, dtype=np.int64)
    points = 100 * lost / (num_layouts * num_episodes)
    return bootstrap_interval(points, np.mean, seed=seed, num_resamples=num_resamples, confidence=confidence)


def _check_curves(
    success: np.ndarray, env_steps: np.ndarray, threshold: float, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the two as arrays; raises ValueError where `steps_to_success` says so."""
    success = _check_episodes(success, "success")
    check_same_shape("success", success, "env_steps", env_steps)
    env_steps = np.asarray(env_steps)
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold={threshold} is no share of success; choose a number above 0 and up to 1")
    if window < 1:
        raise ValueError(f"window={window} is out of range; choose at least 1 episode")
    if (env_steps[:, 1:] < env_steps[:, :-1]).any():
        raise ValueError("env_steps falls from one episode to the next; give each agent's cumulative steps")
    return success, env_steps


def _check_episodes(values: np.ndarray, name: str) -> np.ndarray:
    """Returns `values` as an array; raises ValueError unless it is `[A, E]` with at least one of each."""
    values = np.asarray(values)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"{name} has shape {values.shape}; give [agents, episodes], with at least one of each")
    return values
