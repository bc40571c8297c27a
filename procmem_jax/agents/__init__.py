"""Exploration and the procedural agent, which ties an environment and a memory together."""
