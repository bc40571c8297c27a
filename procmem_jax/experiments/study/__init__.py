"""The comparison of the default memory with its rivals and with itself less one mechanism."""
