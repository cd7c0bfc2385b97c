"""The seeds of the short set: every family and every kind of stage is met, those of one stage together.

What spends its stage comes last on it, and needs no more than the core of it.
"""

SEEDS = (
    *(14, 1, 67, 300, 13, 34, 73, 22),
    *(180, 434),
    *(25, 2),
    66,
)
