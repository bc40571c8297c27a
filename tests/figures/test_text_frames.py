"""Frames as text, written down here."""

from figures.handmade_replay import handmade_replay
from procmem_jax.figures.text_frames import text_frames

FIRST = """\
step 0 of 4  reward +0.0  return +0.0  acquire_key (slot 7) ↑ k
. . . # G
. . . # .
. . . # .
k . . D .
A . . # ."""


def test_text_frames_by_hand():
    frames = list(text_frames(handmade_replay()))
    assert frames[0] == FIRST
    assert [frame.splitlines()[0] for frame in frames[1:]] == [
        "step 1 of 4  reward -0.1  return -0.1  acquire_key (slot 7) k",
        "step 2 of 4  reward +1.0  return +0.9  open_door_sequence (slot 9) → [→ d]",
        "step 3 of 4  reward -0.1  return +0.8  exploring ←",
        "step 4 of 4  reward -0.1  return +0.7  stuck: move_right  time is up (max_steps)",
    ]
    assert frames[4].splitlines()[4] == ". . A D ."
