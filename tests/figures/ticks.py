"""Whether the words along the axes of a figure can be read."""

import itertools


def colliding_ticks(figure):
    """Returns pairs of words at neighbouring ticks that touch each other."""
    figure.draw_without_rendering()
    found = []
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [
                tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high and tick.label1.get_text()
            ]
            ticks.sort(key=lambda tick: tick.get_loc())
            for one, other in itertools.pairwise(tick.label1 for tick in ticks if tick.label1.get_visible()):
                if one.get_window_extent().overlaps(other.get_window_extent()):
                    found.append((one.get_text(), other.get_text()))
    return found
