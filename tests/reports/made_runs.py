"""Folders of finished runs, sweeps and studies that are written down, not run: reports read files alone."""

import dataclasses
import json
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from experiments.handmade_libraries import CONFIG, EMBEDDING, handmade_libraries
from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.envs.grid.actions import ACTION_NAMES
from procmem_jax.envs.grid.world import PREDICATE_NAMES
from procmem_jax.experiments.libraries.files import write_saved
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.runs.folders import NO_SKILLS, RunSpec
from procmem_jax.experiments.runs.results import write_episodes
from procmem_jax.experiments.storage.checksums import hash_files, write_vouching
from procmem_jax.experiments.storage.versions import versions

AGENTS, EPISODES, OPTIMAL = 4, 50, 5


def made_metrics(learned_after: int, agents: int = AGENTS, episodes: int = EPISODES) -> EpisodeMetrics:
    """Agents that succeed from an episode on, each some episodes after the one before."""
    success = np.arange(episodes)[None] >= learned_after + np.arange(agents)[:, None]
    steps = np.where(success, OPTIMAL + np.arange(agents)[:, None] % 2, 40).astype(np.int32)
    skills = np.cumsum(success, axis=1, dtype=np.int32)
    returns = np.where(success, 12.0, -4.0).astype(np.float32)
    end = np.where(success, 0, 2).astype(np.int8)
    return EpisodeMetrics(returns, steps, success, skills, skills, np.minimum(steps, skills), end)


def made_run(folder: pathlib.Path, learned_after: int = 8, *, agents: int = AGENTS, known: bool = True, stored=None,
             has_success: bool = True, **experiment) -> pathlib.Path:  # fmt: skip
    """The folder of a run; `stored` takes the place of what its config says, `experiment` goes to `make_experiment`."""
    folder.mkdir(parents=True)
    config, params = make_experiment("random-4", **experiment)
    spec = RunSpec("random-4", "default", config, params, agents, EPISODES, 7)
    said = {**spec.identity(), "versions": versions(), **(stored or {})}
    said["settings"] = {**said["settings"], "capacity": CONFIG.capacity}
    means = {"success": {"mean": [0.5, 1.0]}, "steps": {"mean": [40.0, 5.0]}}
    if not has_success:
        means = {"episode_return": {"mean": [1.5, 2.5]}, "steps": {"mean": [40.0, 5.0]}}
    (folder / "summary.json").write_text(json.dumps({"agent_steps_per_second": 12345.6, "episodes": means}))
    metrics = made_metrics(learned_after, agents)
    metrics = metrics if has_success else dataclasses.replace(metrics, success=None)
    write_episodes(folder / "episodes.parquet", metrics, np.full_like(metrics.steps, OPTIMAL) if known else None)
    has_skills = config.use_skills and config.memory.has_skills
    saved = SavedLibraries(
        handmade_libraries(agents),
        CONFIG,
        EMBEDDING if has_skills else NO_SKILLS,
        PREDICATE_NAMES,
        ACTION_NAMES,
        tuple(range(agents)),
        versions(),
    )
    write_saved(folder / "libraries.npz", saved)
    sums = hash_files(folder, ["episodes.parquet", "libraries.npz", "summary.json"])
    write_vouching(folder / "config.json", said, sums)
    return folder


def made_study(folder: pathlib.Path) -> pathlib.Path:
    """The folder of a study of one task and three arms."""
    bounds = {"value": 0.5, "low": 0.4, "high": 0.6}
    rows = []
    for name, learned_after in {"no memory": 200, "default": 4, "no novelty": 12}.items():
        made_run(folder / "runs" / f"random-4--{name.replace(' ', '-')}", learned_after)
        scores = {"success": bounds, "steps_over_optimal": bounds, "env_steps_to_90": {**bounds, "high": None}}
        scores |= {"negative_transfer": None, "probability_of_improvement": {**bounds, "value": None}}
        rows.append({"task": "random-4", "arm": name, "episodes": EPISODES, "skills": 3.0, **scores})
    said = {"study": "made", "agents": AGENTS, "seed": 7}
    (folder / "study_config.json").write_text(json.dumps(said))
    (folder / "study.json").write_text(json.dumps({**said, "versions": versions(), "rows": rows, "transfer": []}))
    return folder


def made_sweep(folder: pathlib.Path) -> pathlib.Path:
    """The folder of a sweep over one setting."""
    (folder / "parts").mkdir(parents=True)
    capacities = [8, 16, 64]
    said = {"format": 2, "kind": "sweep", "task": "random-4", "preset": "default", "versions": versions()}
    said |= {"seed": 0, "seeds": 8, "episodes": 20, "swept": ["capacity"], "settings": [{}] * 3}
    (folder / "config.json").write_text(json.dumps(said))
    (folder / "summary.json").write_text("{}")
    values = np.asarray([0.2, 0.9, 0.5])
    scores = {f"{score}_{end}": values + shift
              for score in ("success", "steps", "steps_over_optimal", "episode_return")
              for end, shift in (("iqm", 0.0), ("low", -0.05), ("high", 0.05))}  # fmt: skip
    pyarrow.parquet.write_table(pa.table({"capacity": capacities, "setting": range(3), **scores}),
                                folder / "summary.parquet")  # fmt: skip
    return folder
