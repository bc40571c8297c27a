"""The public names, listed so that a change is seen."""

import ast
import pathlib

import pytest

import procmem_jax

PUBLIC = """
Config DefaultMemory EpsilonPolicy ExplorationPolicy GridWorld Memory Params Percept ProvenMemory QLearning RandomPolicy
Range ScriptedPolicy TrainResult TutorialMemory check_environment dense make_experiment make_sweep open_run
register_preset register_task run_key sweep train use_all_cores with_memory
""".split()
ROOMS = {
    "memory": """
        Choice DefaultMemory DefaultMemoryParams DefaultMemoryState Insertion LibraryConfig Memory ProvenMemory
        Retrieved RetrievedSkills Running Situation Skill SkillLibrary Step TutorialMemory TutorialMemoryParams Utility
        applicable cosine_top_k direction_embedding empty insert least_expected_cost least_used lowest_rate lru
        make_skill no_skill normalize oldest random_applicable record_outcome retrieve skill_name store
        success_rates summary
    """,
    "envs": """
        AdaptedEnvironment AdaptedState Environment GridEncoding GridPercept GridSight GridWorld GridWorldParams
        GridWorldState Layout ProjectedPercept Survey from_brax from_jumanji from_navix from_pgx from_stoa from_xland
        make_task render_rgb render_text
    """,
    "agents": """
        Adaptive AgentInputs AgentState Config EpisodeMetrics EpsilonPolicy ExplorationPolicy Frontier
        LeastTried NearestUntried Params Persistent ProceduralAgent QLearning RandomPolicy ScriptedPolicy
        TapePolicy Trajectory Transition check_params execute_skill explore extract_skill make_tape
        random_action run_episode
    """,
    "experiments": """
        MergedLibraries Progress Range SavedLibraries StoredSkill SweepSpec TrainResult WarmStart embedding_rule
        export_libraries import_libraries libraries_at make_experiment make_sweep make_warm_start merge_libraries
        optimal_steps read_skills
        register_preset register_task save_result summarize_sweep sweep sweep_tables train with_memory
    """,
    "export": "as_gymnasium as_gymnax register_gymnasium",
}


@pytest.mark.parametrize("room", ROOMS)
def test_names_of_the_rooms(room):
    tree = ast.parse(pathlib.Path(getattr(procmem_jax, room).__file__).read_text(encoding="utf-8"))
    offered = {name.asname for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names}
    assert offered - {None} == set(ROOMS[room].split())
    assert all(getattr(getattr(procmem_jax, room), name).__doc__ for name in ROOMS[room].split())


@pytest.mark.parametrize("room", ROOMS)
def test_no_name_of_a_room_is_one_of_its_files(room):
    """Python sets a package's attribute to the module that it imports from there, over any name of the same letters."""
    folder = pathlib.Path(getattr(procmem_jax, room).__file__).parent
    assert not {path.stem for path in folder.iterdir()} & set(ROOMS[room].split())


@pytest.mark.parametrize("name", ROOMS["export"].split())
def test_names_that_moved_are_still_there_and_say_where_they_are_now(name):
    with pytest.warns(
        DeprecationWarning, match=rf"procmem_jax\.envs\.{name} is procmem_jax\.export\.{name} now"
    ) as told:
        assert getattr(procmem_jax.envs, name) is getattr(procmem_jax.export, name)
    assert [warning.filename for warning in told] == [__file__]  # of the caller
    with pytest.warns(DeprecationWarning):  # each time
        exec(f"from procmem_jax.envs import {name}")
    assert name not in dir(procmem_jax.envs) + procmem_jax.envs.__all__


def test_public_names():
    assert sorted(procmem_jax.__all__) == sorted(PUBLIC)
    assert all(getattr(procmem_jax, name).__doc__ for name in PUBLIC)


def test_rooms_and_names_are_there_and_nothing_else():
    for room in ("agents", "envs", "experiments", "export", "figures", "memory"):
        assert getattr(procmem_jax, room).__name__ == f"procmem_jax.{room}"
        assert room in dir(procmem_jax)
    assert set(PUBLIC) <= set(dir(procmem_jax))
    with pytest.raises(AttributeError, match="module 'procmem_jax' has no attribute 'nothing'"):
        procmem_jax.nothing  # noqa: B018
    with pytest.raises(AttributeError, match="it is procmem_jax.memory.empty"):
        procmem_jax.empty  # noqa: B018
    with pytest.raises(AttributeError, match="it is procmem_jax.export.as_gymnax"):  # and not where it was
        procmem_jax.as_gymnax  # noqa: B018
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
    named = {name: module for module, names in procmem_jax._NAMES.items() for name in names.split()}
    assert seen == named
