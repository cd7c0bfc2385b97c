"""The engines compared: where each runs, and how much of the work it is given."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.environment import ensure


@dataclass(frozen=True, slots=True)
class Engine:
    """`part` is how much of the events it gets: a slow engine shows its rate on fewer."""

    name: str
    module: str
    part: float
    python: Callable[[], Path]


def _own() -> Path:
    return Path(sys.executable)


def _quix() -> Path:
    return ensure("bench-quix") / "bin" / "python"


ENGINES: Final = (
    Engine("kapstan", "benchmarks.transform.run_kapstan", 1.0, _own),
    Engine("quix", "benchmarks.transform.run_quix", 0.5, _quix),
    Engine("faust", "benchmarks.transform.run_faust", 0.1, _own),
)
