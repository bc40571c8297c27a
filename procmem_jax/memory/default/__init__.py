"""The default memory: segments become short general skills, chosen by least expected cost."""
