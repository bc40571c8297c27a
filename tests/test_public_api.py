"""The public names, listed so that a change is seen."""

import procmem_jax

PUBLIC = """
AdaptedState AgentConfig AgentInputs AgentParams AgentState Config EpisodeMetrics GridWorld GridWorldConfig
GridWorldParams GridWorldState Insertion Layout LibraryConfig Params Percept ProceduralAgent ProjectedPercept
Retrieved SavedLibraries Skill SkillLibrary Streams TrainResult Trajectory WarmStart as_arrays cosine_top_k
embedding_rule empty execute_skill explore export_libraries extract_skill import_libraries insert make_experiment
make_warm_start normalize open_streams record_outcome render_rgb render_text retrieve run_episode run_key skill_name
summary train Range SweepSpec make_sweep summarize_sweep sweep sweep_tables with_memory as_gymnasium as_gymnax
register_gymnasium RetrievedSkills Utility make_skill
""".split()


def test_public_names():
    assert sorted(procmem_jax.__all__) == sorted(PUBLIC)
    assert all(getattr(procmem_jax, name).__doc__ for name in PUBLIC)
