"""The end of a measured run: stop the traffic, compare the stores, and count."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from demo.progress import Bar, Steps
from demo.run import Demo
from demo.summary import Summary

if TYPE_CHECKING:
    from audit.report import Report


CATCH_UP_S = 600.0
"""How long the stores may take: after a first start they have a month of history before them."""


def finish(demo: Demo, steps: Steps, audit: "Callable[[Bar, float], Report]") -> Summary:
    """Measure the run that `demo` is in the middle of; afterwards no traffic flows any more.

    Args:
        demo: the run.
        steps: shown what is being done.
        audit: compares the stores, given whom to tell how far it is and for how many seconds to wait until
            they have caught up with the log.
    """
    demo.sender.stop()
    demo.probe.stop()
    with steps.step("Comparing acknowledged events with the stores") as bar:
        found = audit(bar, CATCH_UP_S)
    reading = demo.probe.ask()
    p50_ms, p99_ms, p999_ms = demo.watch.seen.latencies.quantiles(0.5, 0.99, 0.999)
    rows = reading.lake
    return Summary(
        decisions=demo.watch.seen.live,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        p999_ms=p999_ms,
        lost=found.lost,
        doubled=found.doubled,
        repeats=found.repeats,
        late=None if rows is None else rows.late,
        start_seconds=demo.start_seconds,
        memory_mb=demo.probe.most_memory_mb,
        bronze_rows=None if rows is None else rows.bronze,
        window_rows=None if rows is None else rows.windows,
        search_documents=reading.documents,
    )
