"""How many bootstrap resamples the tests of statistics draw."""

FEW = 200  # where any number does
