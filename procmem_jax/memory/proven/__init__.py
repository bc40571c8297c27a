"""A memory that proves itself: used only where its episodes pay more than those without, but for rare trials."""
