"""Saved skill libraries: files, groups, and warm starts from them."""
