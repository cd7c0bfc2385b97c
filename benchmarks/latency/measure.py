"""One measurement of latency on a stack of its own."""

import time
from collections.abc import Sequence
from typing import NamedTuple, Self

from demo.latency import Latencies
from demo.probe import lags
from demo.progress import Steps
from demo.run import Demo, Options
from local.errors import RuntimeProblem
from local.poll import until
from local.stack import Stack

DECIDING = {"enricher", "fraud_scorer"}
EMPTY_WITHIN_S = 120.0


class Load(NamedTuple):
    """Transactions per second, for how long they are measured, and how long they flow before."""

    rate: float
    seconds: float
    warm_up_s: float


class Quantiles(NamedTuple):
    """Latencies in milliseconds; None without any."""

    p50_ms: int | None
    p99_ms: int | None
    p999_ms: int | None

    @classmethod
    def of(cls, latencies: Latencies) -> Self:
        """The quantiles of what was measured."""
        p50, p99, p999 = latencies.quantiles(0.5, 0.99, 0.999)
        return cls(p50, p99, p999)


class Measured(NamedTuple):
    """What one run came to; backlogs in records of the decision path.

    `gateway` counts from the gateway having read the request, `due` from when the event was to be sent.
    """

    rate: float
    decisions: int
    gateway: Quantiles
    due: Quantiles
    backlog_at_start: int
    backlog_at_end: int
    sender_late_ms: int
    memory_mb: int

    def flat(self) -> dict[str, object]:
        """All figures by name, the quantiles of `due` with that prefix."""
        figures = {name: value for name, value in self._asdict().items() if name not in ("gateway", "due")}
        due = {f"due_{name}": value for name, value in self.due._asdict().items()}
        return figures | self.gateway._asdict() | due


def measure(stack: Stack, load: Load, without: Sequence[str], steps: Steps) -> Measured:
    """Start a stack, let everything catch up, load it, and measure; blocks, and stops the stack at the end.

    Raises RuntimeProblem when a part does not start or falls ever further behind.
    """
    options = Options(stack, load.rate, tuple(without), flaws=False, history_days=1)
    demo = Demo(options, steps)
    with demo.running():
        demo.probe.stop()  # its questions cost what is being measured
        with steps.step("Warming up") as bar:
            time.sleep(load.warm_up_s)
            if not until(lambda: _behind(demo, None) <= _allowed(load), EMPTY_WITHIN_S, every=1.0):
                raise _too_slow(demo, load)
            backlog_at_start = _behind(demo, DECIDING)
            bar(1.0, f"backlog {backlog_at_start}")
        with steps.step("Measuring"):
            demo.watch.seen.restart()
            time.sleep(load.seconds)
            seen = demo.watch.seen
            gateway, due = Quantiles.of(seen.latencies), Quantiles.of(seen.from_due)
            backlog_at_end = _behind(demo, DECIDING)
        reading = demo.probe.ask(lake=False)
        return Measured(
            load.rate,
            seen.live,
            gateway,
            due,
            backlog_at_start,
            backlog_at_end,
            demo.sender.report.get("most_late_ms", 0),
            reading.memory_mb,
        )


def _too_slow(demo: Demo, load: Load) -> RuntimeProblem:
    return RuntimeProblem(
        "kapstan",
        f"{_behind(demo, None)} records are still to be processed at {load.rate:g} transactions/s",
        remedy="this machine is too small for the rate, or busy; try a lower --rate",
    )


def _behind(demo: Demo, services: set[str] | None) -> int:
    running = {part.name for part in demo.probe.ask(lake=False).parts if part.pid}
    return sum(lags(demo.platform, running if services is None else services).values())


def _allowed(load: Load) -> int:
    """What may be under way between hops and behind sinks that commit every few seconds."""
    return int(30 * load.rate)
