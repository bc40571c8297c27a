"""Recorded cases of the tutorial and their replay."""
