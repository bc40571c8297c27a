"""What `scripts/retrieval_study.py` is made of: worlds, lives whose uses of skills are told, lies, the figure."""
