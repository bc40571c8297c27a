"""The public names, listed so that a change is seen."""

import ast
import pathlib

import pytest

import procmem_jax

PUBLIC = """
AdaptedState AgentConfig AgentInputs AgentParams AgentState Config EpisodeMetrics GridWorld GridWorldConfig
GridWorldParams GridWorldState Insertion Layout LibraryConfig Params Percept ProceduralAgent ProjectedPercept
Retrieved SavedLibraries Skill SkillLibrary Streams TrainResult Trajectory WarmStart as_arrays cosine_top_k
embedding_rule empty execute_skill explore export_libraries extract_skill import_libraries insert make_experiment
make_warm_start normalize open_streams record_outcome render_rgb render_text retrieve run_episode run_key skill_name
summary train Range SweepSpec make_sweep summarize_sweep sweep sweep_tables with_memory as_gymnasium as_gymnax
register_gymnasium
""".split()


def test_public_names():
    assert sorted(procmem_jax.__all__) == sorted(PUBLIC)
    assert all(getattr(procmem_jax, name).__doc__ for name in PUBLIC)


def test_rooms_and_names_are_there_and_nothing_else():
    for room in ("agents", "envs", "experiments", "figures", "memory"):
        assert getattr(procmem_jax, room).__name__ == f"procmem_jax.{room}"
        assert room in dir(procmem_jax)
    assert set(PUBLIC) <= set(dir(procmem_jax))
    with pytest.raises(AttributeError, match="module 'procmem_jax' has no attribute 'nothing'"):
        procmem_jax.nothing  # noqa: B018
    with pytest.raises(AttributeError, match="it is procmem_jax.memory.empty"):
        procmem_jax.empty  # noqa: B018
    with pytest.raises(ImportError):
        from procmem_jax import nothing  # noqa: F401


def test_type_checkers_see_the_names_where_they_come_from():
    tree = ast.parse(pathlib.Path(procmem_jax.__file__).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    seen = {}
    for node in block.body:
        for name in node.names:
            assert name.asname == name.name  # which says that it is published
            seen[name.name] = node.module.removeprefix("procmem_jax.")
    assert seen == procmem_jax._HOMES
