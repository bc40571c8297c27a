"""What is measured on a GPU: a module for each part, whose `run(options)` yields rows, `COLUMNS` of them printed."""
