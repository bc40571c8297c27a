"""Plots, drawn from result files."""
