"""Environments in the form that a memory needs: without resets of their own, with numbered actions, hashable."""
