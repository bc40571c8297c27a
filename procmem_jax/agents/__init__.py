"""Exploration and the procedural agent, which ties a world and a memory together."""
