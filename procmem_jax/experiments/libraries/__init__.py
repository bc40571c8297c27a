"""Saved skill libraries: files, tables, groups, and warm starts from them."""
