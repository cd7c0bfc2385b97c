"""Runs one schedule on a stage and judges what came of it."""

import time
import xmlrpc.client
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil
import psycopg
from confluent_kafka import KafkaException

from local.errors import RuntimeProblem
from streamkit.errors import StreamkitError
from tests.faults.audience import Audience
from tests.faults.errors import NotShownError, SilentError, StageError
from tests.faults.faults import KINDS, Fault, fault_of
from tests.faults.results import FIGURES
from tests.faults.schedule import Schedule, moments
from tests.faults.stage import Stage, Traffic
from tests.faults.stages import STORES

FLOWS_S = 180.0
RESUMES_S = 180.0
SLOW_S = 10.0
MORE_TRAFFIC_S = 2.0
CATCHES_UP_S = 180.0

# What says that the stage, or a client of it, is broken, so that nothing can be said of the product.
BROKEN = (
    StageError,
    StreamkitError,
    RuntimeProblem,
    psutil.Error,
    KafkaException,
    psycopg.Error,
    xmlrpc.client.Fault,
    OSError,
)

PASSED, FAILED, ERROR = "passed", "failed", "error"


@dataclass(slots=True)
class Result:
    """What came of a schedule.

    Attributes:
        seed, steps: what was done.
        outcome: passed; failed, when a figure below is not 0; error, when nothing can be said of it.
        lost, doubled: by the audit, over all stores, and by the judges, of changes of the bank's rows.
        reordered, wrong_state: by the judges.
        crossed: decisions behind a later one of the same customer; no fault, see judge.py.
        acknowledged: events that the gateway took in it. compared: outputs that the judges looked at.
        resumed_after_s: from the last service's new start (for other parts: from when they served again) to
            the first decision on an event that came in after that.
        slow: whether that took more than 10 s though it was a single kill.
        phases: how many of its seconds went where.
        shown: what shows that each fault took place.
        problems: the first things found wrong, or why there is no result.
    """

    seed: int
    steps: list[dict[str, Any]]
    outcome: str = PASSED
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    wrong_state: int = 0
    crossed: int = 0
    acknowledged: int = 0
    compared: int = 0
    resumed_after_s: float | None = None
    slow: bool = False
    seconds: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return asdict(self)


def perform(schedule: Schedule, stage: Stage, traffic: Traffic, audience: Audience) -> Result:
    """Run a schedule from quiet to quiet; blocks. Never raises for what goes wrong on the stage."""
    result = Result(schedule.seed, schedule.to_json())
    begun = time.monotonic()
    phase = _Phases(result.phases)
    try:
        if spends(schedule):
            _refused(schedule, stage, traffic, audience, result)
        else:
            _befall(schedule, stage, traffic, audience, result, phase)
            _judge(stage, audience, result, phase)
    except SilentError as error:
        result.outcome, result.problems = FAILED, [*result.problems, str(error)]
    except NotShownError as error:
        result.outcome, result.problems = ERROR, [*result.problems, f"a fault did not take place: {error}"]
    except BROKEN as error:
        result.outcome, result.problems = ERROR, [*result.problems, f"{type(error).__name__}: {error}"]
    result.seconds = round(time.monotonic() - begun, 1)
    return result


def spends(schedule: Schedule) -> bool:
    """Whether nothing can be compared on a schedule's stage afterwards."""
    return any(kind.spends for kind in KINDS if kind.name in schedule.kinds)


def _flow(stage: Stage, traffic: Traffic, audience: Audience) -> None:
    stage.begun.clear()
    started = time.time()
    traffic.start()
    stage.until(lambda: audience.watch.decided_since(started) is not None, FLOWS_S, "no decision comes")


def _refused(schedule: Schedule, stage: Stage, traffic: Traffic, audience: Audience, result: Result) -> None:
    """Let a fault happen that only a refusal answers; SilentError when it is not refused."""
    _flow(stage, traffic, audience)
    faults = [fault_of(step) for step in schedule.steps]
    _unfold(schedule, faults, stage)
    result.shown = [fault.shown(stage) for fault in faults]


def _befall(
    schedule: Schedule,
    stage: Stage,
    traffic: Traffic,
    audience: Audience,
    result: Result,
    phase: "_Phases",
) -> None:
    """Let traffic flow, the faults happen and end, and decisions resume; then stop the traffic."""
    _flow(stage, traffic, audience)
    phase.ends("flow")
    faults = [fault_of(step) for step in schedule.steps]
    _unfold(schedule, faults, stage)
    phase.ends("faults")
    for name in stage.serving:
        stage.ready(name)
    result.resumed_after_s = _resumed(stage, audience)
    result.slow = schedule.single_kill and result.resumed_after_s > SLOW_S
    phase.ends("resume")
    time.sleep(MORE_TRAFFIC_S)
    result.acknowledged = traffic.stop()
    result.shown = [fault.shown(stage) for fault in faults]
    phase.ends("stop")


def _unfold(schedule: Schedule, faults: list[Fault], stage: Stage) -> None:
    """Begin and end each fault when it is due, or later, when one before took longer."""
    zero = time.monotonic()
    for moment in moments(schedule):
        time.sleep(max(0.0, zero + moment.at_s - time.monotonic()))
        if moment.begins:
            faults[moment.step].apply(stage)
        else:
            faults[moment.step].heal(stage)


def _resumed(stage: Stage, audience: Audience) -> float:
    """Wait for a decision on an event that came in after all parts had begun anew; returns the seconds."""
    since = max(stage.begun.values(), default=time.time())
    stage.until(lambda: audience.watch.decided_since(since) is not None, RESUMES_S, "decisions do not resume")
    return round((audience.watch.decided_since(since) or since) - since, 2)


class _Phases:
    """Notes how long each phase of a schedule took."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds
        self._since = time.monotonic()

    def ends(self, name: str) -> None:
        """What went on since the last call was this."""
        now = time.monotonic()
        self._seconds[name] = round(now - self._since, 1)
        self._since = now


def _judge(stage: Stage, audience: Audience, result: Result, phase: _Phases) -> None:
    report = audience.audit(CATCHES_UP_S)
    phase.ends("audit")
    found = audience.judge(CATCHES_UP_S)
    phase.ends("judge")
    result.lost = int(str(report["lost"])) + found.lost
    result.doubled = int(str(report["doubled"])) + found.doubled
    result.reordered, result.wrong_state = found.reordered, found.wrong_state
    result.compared, result.crossed = found.compared, found.crossed
    result.problems += found.examples
    for part in ("stores", "effects"):
        for each in report[part]:  # type: ignore[attr-defined]
            result.problems += each["examples"]
    result.problems += [f"behind: {text}" for text in report["behind"]]  # type: ignore[attr-defined]
    unanswered = [f"no answer: {text}" for text in report["unanswered"]]  # type: ignore[attr-defined]
    compared = {each["store"] for each in report["stores"] if each["expected"]}  # type: ignore[attr-defined]
    unanswered += [f"not compared: {store}" for store in sorted(STORES[stage.kind] - compared)]
    if unanswered:
        result.outcome, result.problems = ERROR, [*result.problems, *unanswered]
    elif not report["agrees"] or not result.compared or any(getattr(result, name) for name in FIGURES):
        result.outcome = FAILED
