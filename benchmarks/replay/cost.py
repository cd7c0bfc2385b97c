"""What a run costs, and how fast it is once it runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from demo.progress import Bar, Steps


@dataclass(frozen=True, slots=True)
class Cost:
    """So many records in so many seconds, and CPU-seconds of the process that did it.

    `steady` is the rate from the first records on, without the start of the process; None when nobody knows.
    """

    records: int
    seconds: float
    cpu_s: float
    steady: float | None = None

    @property
    def steady_per_s(self) -> float:
        """Records in a second once it runs, or of all that it took."""
        return self.steady or self.per_s

    @property
    def per_s(self) -> float:
        """Records in a second of all that it took."""
        return self.records / self.seconds

    @property
    def per_cpu_s(self) -> float:
        """Records in a second of CPU time."""
        return self.records / self.cpu_s


class Clocked:
    """Steps that note when which share was done."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._looks: list[tuple[float, float]] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Bar]:
        """Run a step, and look at its bar."""
        self._looks = []
        with self._steps.step(title) as bar:

            def both(share: float | None, detail: str = "") -> None:
                if share and (not self._looks or share > self._looks[-1][1]):
                    self._looks.append((time.monotonic(), share))
                bar(share, detail)

            yield both

    def steady(self, records: int) -> float | None:
        """Return the rate from the first look at which something was done; None when there was one alone."""
        if len(self._looks) <= 1:
            return None
        (began, first), (ended, last) = self._looks[0], self._looks[-1]
        return (last - first) * records / (ended - began)
