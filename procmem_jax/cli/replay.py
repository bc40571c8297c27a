"""The command `procmem replay`: one episode once more, to look at."""

import dataclasses
import pathlib

from procmem_jax.cli.parsing.options import MaybeInt, MaybeText, RunFolder

_FASTEST = 50  # frames a second; a GIF counts in hundredths of a second, and viewers slow down what is faster


@dataclasses.dataclass(frozen=True)
class Replay:
    """Live one agent's life again up to an episode, hold it against the stored rows, and draw the episode.

    Attributes:
        agent: its number.
        episode: its number; negative numbers count from the end; by default the last.
        skill: a slot of its library: the episode in which the skill there was learned.
        out: the GIF file; by default replay-AGENT-EPISODE.gif in the folder.
        fps: frames a second, 1 to 50.
        every: steps from one frame to the next; by default 1, more in episodes of over 600 steps.
        text: print the frames instead of drawing them.
        warm_start: the file that the run was started with, if it was; a run keeps only its sha256.
        quiet: no progress on stderr.
    """

    run_folder: RunFolder
    agent: int = 0
    episode: MaybeInt = None
    skill: MaybeInt = None
    out: MaybeText = None
    fps: int = 4
    every: MaybeInt = None
    text: bool = False
    warm_start: MaybeText = None
    quiet: bool = False

    def run(self) -> None:
        """Replays, and says where the picture is."""
        self._check_out()

        from procmem_jax.cli.reports.origin import tell_origin
        from procmem_jax.cli.reports.progress import ProgressBar
        from procmem_jax.experiments.replays.replay import replay_episode
        from procmem_jax.figures.picture_scene import check_drawable
        from procmem_jax.figures.replay import plot_replay
        from procmem_jax.figures.text_frames import text_frames
        from procmem_jax.records import check_count

        check_count("fps", self.fps, 1, _FASTEST)
        if self.every is not None:
            check_count("every", self.every, 1, 2**31 - 1)
        folder = pathlib.Path(self.run_folder)
        episode = self._episode(folder)
        with ProgressBar(0, show=not self.quiet) as bar:
            where = {"warm_start": self.warm_start, "on_progress": bar.on_progress}
            where |= {} if self.text else {"check_config": check_drawable}
            replay = replay_episode(folder, self.agent, episode, **where)
        tell_origin(folder)
        last = replay.frames[-1]
        what = f"Agent {replay.agent}, episode {replay.episode}: {last.step} steps, {last.doing} ({last.end})"
        met = f"{what}; it meets the stored row."
        if self.text:
            for text in text_frames(replay):
                print(f"{text}\n")
            print(met)
            return
        path = pathlib.Path(self.out or folder / f"replay-{replay.agent}-{replay.episode}.gif")
        count = plot_replay(replay, path, fps=self.fps, every=self.every)
        print(f"{met}\n{path}: {count} frames")

    def _episode(self, folder: pathlib.Path) -> int:
        if self.skill is None:
            return -1 if self.episode is None else self.episode
        if self.episode is not None:
            raise ValueError(f"skill={self.skill} says which episode, and so does episode={self.episode}; give one")

        from procmem_jax.experiments.runs.libraries import episode_of_skill

        return episode_of_skill(folder, self.agent, self.skill)

    def _check_out(self) -> None:
        """Raises a ValueError for a file that could not be written, before a long life is lived for it."""
        if self.out is None:
            return
        if self.text:
            raise ValueError(f"text prints the frames and out={self.out} draws them; give one of the two")
        path = pathlib.Path(self.out)
        if path.suffix != ".gif":
            raise ValueError(f"out={self.out} does not end in .gif; give another name")
        if not path.parent.is_dir():
            raise ValueError(f"out={self.out}: there is no folder {path.parent}; make it first")
