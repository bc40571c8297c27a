"""Training, tasks, presets, results and statistics: plain Python around jitted chunks."""
