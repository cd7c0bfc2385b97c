"""The seeds of the short set: one or more of every family, on the parts that decisions depend on."""

SEEDS = (21, 14, 1, 67, 18, 3, 73, 134, 300, 13)
