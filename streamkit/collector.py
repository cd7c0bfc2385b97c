"""Python's garbage collector, told to leave alone what lives as long as the worker."""

import gc


def calm_collector() -> None:
    """Keep the collector from walking through all that lives (50 ms for a side table of 100,000 rows)."""
    gc.unfreeze()  # what a worker before this one has left
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
