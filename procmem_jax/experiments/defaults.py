"""Numbers that hold when nothing else is said: the library's, which the command line shows without jax."""

CHECKPOINT_SECONDS = 60.0  # between two checkpoints of a run
REPORT_SEED = 1000  # settings are tuned on seeds below it, and studies are reported from it up
