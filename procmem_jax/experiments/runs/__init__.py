"""Training runs in folders: their files, evaluation, and what others read from them."""
