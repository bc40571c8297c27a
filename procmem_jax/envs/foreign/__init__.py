"""Environments of other packages, made into ours: what a memory may know of them, and their keys."""
