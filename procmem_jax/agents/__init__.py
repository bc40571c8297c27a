"""Exploration and the procedural agent, which ties an environment and a memory together."""

from procmem_jax.agents.exploration import (
    EpsilonPolicy,
    ExplorationPolicy,
    RandomPolicy,
    ScriptedPolicy,
    TapePolicy,
    make_tape,
)
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.q_learning import QLearning
from procmem_jax.agents.settings import Config, Params, check_params
from procmem_jax.agents.states import AgentInputs, AgentState, EpisodeMetrics, Transition
from procmem_jax.agents.verbs import Trajectory, execute_skill, explore, extract_skill, run_episode
