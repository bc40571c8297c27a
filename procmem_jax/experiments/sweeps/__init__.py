"""Many settings times many seeds: what is swept, how it runs, its tables and summary."""
