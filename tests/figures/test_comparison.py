"""The demonstration's figure: memory on and off, arm beside arm."""

import numpy as np
import pytest

from figures.ticks import colliding_ticks
from procmem_jax.figures.comparison import plot_arms


def arms(num_arms, num_agents, num_episodes):
    steps = np.random.default_rng(0).integers(8, 300, (num_agents, num_episodes))
    return {f"arm {number}": {"memory on": steps, "memory off": steps + 9} for number in range(num_arms)}


@pytest.mark.parametrize(("num_arms", "num_episodes"), [(2, 150), (5, 40), (1, 2000)])
def test_ticks_do_not_collide(tmp_path, figures, num_arms, num_episodes):
    plot_arms(tmp_path / "a.png", arms(num_arms, 4, num_episodes), "4 agents")
    assert colliding_ticks(figures[0]) == []


@pytest.mark.parametrize("num_agents", [1, 2])
def test_the_legend_is_below_and_names_what_is_drawn(tmp_path, figures, num_agents):
    assert plot_arms(tmp_path / "a.png", arms(2, num_agents, 3), "agents") == tmp_path / "a.png"
    [legend] = figures[0].legends
    band = ["95% interval over agents"] if num_agents > 1 else []
    assert [text.get_text() for text in legend.get_texts()] == ["memory on", "memory off", *band]
    for axes in figures[0].axes:
        assert axes.get_legend() is None
        assert len(axes.collections) == 2 * len(band)
