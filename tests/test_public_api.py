"""The public names, listed so that a change is seen."""

import procmem_jax

PUBLIC = """
AgentConfig AgentInputs AgentParams AgentState Config EpisodeMetrics GridWorld GridWorldConfig GridWorldParams
GridWorldState Insertion Layout LibraryConfig Params Percept ProceduralAgent Retrieved Skill SkillLibrary Streams
TrainResult Trajectory as_arrays cosine_top_k empty execute_skill explore extract_skill insert make_experiment
normalize open_streams record_outcome render_rgb render_text retrieve run_episode run_key skill_name summary train
""".split()


def test_public_names():
    assert sorted(procmem_jax.__all__) == sorted(PUBLIC)
    assert all(getattr(procmem_jax, name).__doc__ for name in PUBLIC)
