"""The test tiers: what each runs, and which real parts it must have started to count as run."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.components import components


@dataclass(frozen=True)
class Tier:
    """One or more pytest runs at the same time.

    Attributes:
        name: what the user types.
        lanes: for each run, the folders to collect, relative to the repository. Lanes run side by
            side, each on a stack of its own; the longest comes first, because it is the one that is shown.
        marker: pytest's `-m` expression.
        minutes: the aim on two cores with warm downloads; printed beside the time it took, never asserted.
        parts: components that must have become ready at least once during the run.
    """

    name: str
    lanes: tuple[tuple[str, ...], ...]
    marker: str
    minutes: int
    parts: frozenset[str] = frozenset()


UNIT = Tier("unit", (("tests/unit", "tests/contract", "tests/behaviour"),), "not integration and not e2e", 5)
INTEGRATION = Tier(
    "integration",
    (("tests/integration",), ("tests/behaviour",)),
    "integration",
    12,
    frozenset({"kafka", "registry", "postgres", "connect", "seaweedfs", "flink", "opensearch"}),
)
# One lane: its starts keep both cores busy by themselves.
END_TO_END = Tier("e2e", (("tests/e2e",),), "e2e", 12, frozenset(components()))
FAULTS = Tier(
    "faults",
    (("tests/faults",),),
    "faults",
    10,
    frozenset(
        {
            *("kafka", "registry", "seaweedfs", "postgres", "connect", "opensearch"),
            *("flink", "flink_taskmanager", "windows"),
            *(
                "ingest_gateway",
                "refiner",
                "enricher",
                "fraud_scorer",
                "lake_sink",
                "search_sink",
                "live_views",
            ),
        }
    ),
)
TIERS = (UNIT, INTEGRATION, END_TO_END, FAULTS)


@dataclass(frozen=True)
class Counts:
    """Test outcomes as pytest's JUnit report has them."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


def counts(report: Path) -> Counts:
    """Reads a JUnit XML report; a missing one counts as one failure (pytest died before writing it)."""
    if not report.exists():
        return Counts(failed=1)
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314  pytest wrote it a moment ago
    total = Counts()
    for suite in suites:
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        total += Counts(int(suite.get("tests", 0)) - failed - skipped, failed, skipped)
    return total


def verdict(tier: Tier, exit_codes: Iterable[int], result: Counts, started: Iterable[str]) -> Sequence[str]:
    """Why the tier did not pass, one line per reason; empty when it did.

    Args:
        tier: what was run.
        exit_codes: pytest's, one for each lane.
        result: what the lanes' reports counted together.
        started: components that the run's fixtures saw ready.
    """
    reasons = []
    if ended := [str(code) for code in exit_codes if code]:
        reasons.append(f"pytest ended with {', '.join(ended)}: {result.failed} failed")
    if result.passed == 0:
        reasons.append("no test passed, so nothing was shown")
    if missing := sorted(tier.parts - set(started)):
        reasons.append(f"these real parts were never started: {', '.join(missing)}")
    return reasons
