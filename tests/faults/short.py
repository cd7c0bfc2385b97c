"""The seeds of the short set: one or more of every family; those that spend their stage come last."""

SEEDS = (21, 14, 1, 67, 18, 3, 73, 134, 300, 13, 34, 22, 2)
