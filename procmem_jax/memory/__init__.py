"""Masked similarity, the skill library, embeddings and extraction. Knows no environment."""
