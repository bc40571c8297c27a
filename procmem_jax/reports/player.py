"""A replayed episode that plays in the page: a picture for each step, in words too."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from procmem_jax.envs.foreign.peer_names import is_peer
from procmem_jax.experiments.replays.replay import Replay, replay_episode
from procmem_jax.figures.episode_frames import action_words, draw_frames, skill_detail
from procmem_jax.figures.picture_scene import check_drawable
from procmem_jax.reports.html import Html, element, joined
from procmem_jax.reports.runs import RunFiles

_MOST_FRAMES = 150
_MOST_BYTES = 2_500_000  # of all pictures together
_COLOURS = 128
_LONGEST_LIFE = 2_000_000  # steps before the episode, minutes to live again


def own_code_in(stored: Mapping[str, Any]) -> list[str]:
    """Returns what a stored config names that must be imported from a user's own code to make its experiment again."""
    found = []
    task, memory, explorer = (str(stored.get(name, "")) for name in ("task", "memory", "explorer"))
    if ":" in task and not is_peer(task):
        found.append(f"task {task}")
    found += [f"memory {memory}"] if ":" in memory else []
    found += [f"explorer {explorer}"] if ":" in explorer else []
    settings = stored.get("settings", {})
    return found + [f"{name} {value}" for name, value in settings.items() if isinstance(value, str) and ":" in value]


def replay_player(run: RunFiles, agent: int, episode: int, on_progress=None) -> tuple[Html, dict | None]:
    """Returns (an episode that plays, what the page's program must know of it), or why there is none, and None.

    Args:
        run: a finished one; nothing that it names of a user's own is imported.
        agent: its number.
        episode: its number from 0; negative numbers count from the end.
        on_progress: as for `replay_episode`.
    """
    try:
        _check_replayable(run, agent, episode)
        replay = replay_episode(run.folder, agent, episode, check_config=check_drawable, on_progress=on_progress)
        numbers, pictures = _pictures(replay)
    except Exception as error:  # another package's world may raise anything; the page is worth having without it
        return element("p", f"No replay: {error}"), None
    words = [_frame_words(replay, number) for number in numbers]
    return _player(replay, pictures[0], words), {"pictures": pictures, "words": words}


def _check_replayable(run: RunFiles, agent: int, episode: int) -> None:
    """Raises a ValueError that says why a run is not replayed here."""
    own = own_code_in(run.stored)
    if own:
        raise ValueError(f"this run needs code of its user's own ({', '.join(own)}), which a report does not import.")
    if run.stored.get("warm_start"):
        raise ValueError("this run was started with libraries that its folder does not keep; see `procmem replay`.")
    num_agents, num_episodes = run.metrics.steps.shape
    if not (0 <= agent < num_agents and -num_episodes <= episode < num_episodes):
        return  # the replay says what is wrong
    lived = int(run.env_steps[agent, episode])
    if lived > _LONGEST_LIFE:
        raise ValueError(f"the agent lives {lived:,} steps until then, too many to live again for a page.")


def _pictures(replay: Replay) -> tuple[list[int], list[str]]:
    """Returns (numbers of the frames that are shown, their pictures as addresses)."""
    count = len(replay.frames)
    numbers = np.unique(np.linspace(0, count - 1, min(count, _MOST_FRAMES)).round().astype(int)).tolist()
    pictures = [_address(image) for image in draw_frames(replay, numbers)]
    while sum(map(len, pictures)) > _MOST_BYTES and len(pictures) > 2:
        numbers, pictures = [*numbers[:-1:2], numbers[-1]], [*pictures[:-1:2], pictures[-1]]
    return numbers, pictures


def _address(image: np.ndarray) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).quantize(_COLOURS, dither=Image.Dither.NONE).save(file, format="PNG", optimize=True)
    return picture_address(file.getvalue())


def picture_address(png: bytes) -> str:
    """Returns the address that holds a PNG file itself."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _frame_words(replay: Replay, number: int) -> str:
    frame = replay.frames[number]
    parts = [f"step {frame.step} of {len(replay.frames) - 1}", frame.doing, skill_detail(frame)]
    parts += [action_words(replay, number), f"return {frame.episode_return:+.1f}"]
    return "; ".join(part for part in parts if part)


def _player(replay: Replay, first: str, words: list[str]) -> Html:
    def button(action: str, text: str, label: str) -> Html:
        return element("button", text, type="button", data_action=action, aria_label=label)

    controls = element(
        "div", button("back", "◀", "step back"), button("play", "Play", "play"), button("step", "▶", "step forward"),
        element("label", "step ", element("input", type="range", min=0, max=len(words) - 1, value=0, step=1)),
        class_="controls", role="group", aria_label="replay",
    )  # fmt: skip
    picture = element("img", src=first, alt=words[0], width=400, height=475)
    which = f"Agent {replay.agent}, episode {replay.episode} (from 0), lived again; it meets the stored row. "
    caption = element("figcaption", which, "Each frame names the running skill and draws where it leads.")
    steps = element("ol", *(element("li", line) for line in words))
    told = element("details", element("summary", "The episode in words"), steps)
    readout = element("output", words[0], aria_live="polite")
    return joined(element("figure", caption, picture, controls, readout, id="player", class_="player"), told)
