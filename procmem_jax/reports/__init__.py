"""A page to look at, one HTML file about runs, sweeps and studies; and a run folder opened in Python."""
