"""What `scripts/benchmark.py` times: a suite a file."""
