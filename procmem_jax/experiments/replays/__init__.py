"""One agent of a finished run once more, with every step recorded."""
