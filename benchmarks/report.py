"""What a benchmark prints last."""

import json
import sys
from collections.abc import Mapping


def show(figures: Mapping[str, float], *, as_json: bool) -> None:
    """Print the figures: one JSON line, or a table of a line each."""
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    width = max(map(len, figures), default=0) + 2
    for name, value in figures.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
        sys.stdout.write(f"{name:<{width}}{shown:>14}\n")
