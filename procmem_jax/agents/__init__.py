"""Exploration and the procedural agent, which ties an environment and a memory together."""

from procmem_jax.agents.counting import LeastTried as LeastTried
from procmem_jax.agents.counting import NearestUntried as NearestUntried
from procmem_jax.agents.exploration import EpsilonPolicy as EpsilonPolicy
from procmem_jax.agents.exploration import RandomPolicy as RandomPolicy
from procmem_jax.agents.exploration import ScriptedPolicy as ScriptedPolicy
from procmem_jax.agents.exploration import TapePolicy as TapePolicy
from procmem_jax.agents.exploration import make_tape as make_tape
from procmem_jax.agents.frontier import Frontier as Frontier
from procmem_jax.agents.persistent import Adaptive as Adaptive
from procmem_jax.agents.persistent import Persistent as Persistent
from procmem_jax.agents.policy import ExplorationPolicy as ExplorationPolicy
from procmem_jax.agents.policy import random_action as random_action
from procmem_jax.agents.procedural import ProceduralAgent as ProceduralAgent
from procmem_jax.agents.q_learning import QLearning as QLearning
from procmem_jax.agents.settings import Config as Config
from procmem_jax.agents.settings import Params as Params
from procmem_jax.agents.settings import check_params as check_params
from procmem_jax.agents.states import AgentInputs as AgentInputs
from procmem_jax.agents.states import AgentState as AgentState
from procmem_jax.agents.states import EpisodeMetrics as EpisodeMetrics
from procmem_jax.agents.states import Transition as Transition
from procmem_jax.agents.verbs import Trajectory as Trajectory
from procmem_jax.agents.verbs import execute_skill as execute_skill
from procmem_jax.agents.verbs import explore as explore
from procmem_jax.agents.verbs import extract_skill as extract_skill
from procmem_jax.agents.verbs import run_episode as run_episode
