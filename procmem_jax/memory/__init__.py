"""Skill libraries and memories that use them; they know predicates and vectors, no environment."""
