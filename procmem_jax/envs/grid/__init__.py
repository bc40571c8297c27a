"""The key/door/goal grid: layouts, transitions, the scripted explorer, pictures, tasks by name."""
