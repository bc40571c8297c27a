"""Environments: our key/door/goal grid, those of other packages in our terms, and ours in theirs."""
