"""What reads the command line and the files it names; without jax, but for the ranges of a sweep."""
