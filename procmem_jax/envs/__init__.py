"""Worlds: pure reset and step over immutable state. Knows no memory."""
