"""The demo from start to end: prepare, send, show, and stop in order."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from demo import past, setup
from demo.decisions import DecisionWatch
from demo.page import Moment
from demo.platform import Platform
from demo.probe import Probe
from demo.progress import Steps
from demo.sender import LiveSender
from local import supervise
from local.components import choose, components
from local.errors import RuntimeProblem
from local.stack import Stack
from payments.simulator import LOADED_DAYS
from traffic.scenario import Scenario

PAST = ("kafka", "registry", "postgres", "connect")
"""What the history needs."""

DECIDING = ("ingest_gateway", "enricher", "fraud_scorer")
"""What a decision needs; on a later start these come first, and traffic does not wait for the rest."""

FIRST_DECISION_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for.

    Attributes:
        stack: where.
        rate: transactions per second.
        without: parts to leave out.
        flaws: whether some events are sent twice, late or malformed.
        history_days: days of history that a stack which has none gets.
    """

    stack: Stack
    rate: float = 10.0
    without: tuple[str, ...] = ()
    flaws: bool = True
    history_days: int = LOADED_DAYS


class Demo:
    """One run. Use as `with demo.running(): ...`; the platform is stopped behind it, whatever happens."""

    def __init__(self, options: Options, steps: Steps) -> None:
        self.options = options
        self.platform = Platform(options.stack)
        self.sender = LiveSender(self.platform, options.rate, flaws=options.flaws)
        self.probe = Probe(self.platform)
        self.watch = DecisionWatch(self.platform, flaws=options.flaws)
        self._steps = steps
        self._began = time.monotonic()
        self._began_ms = time.time_ns() // 1_000_000

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start everything and send; inside, decisions flow. Then stop the senders, and the parts in order.

        Raises RuntimeProblem when a part does not start or no decision comes.
        """
        try:
            self._start()
            self._await_first_decision()
            yield
        finally:
            self.sender.stop()
            self.probe.stop()
            self.watch.stop()
            self._stop_parts()

    def _stop_parts(self) -> None:
        # A second Ctrl-C would leave parts running; stopping has deadlines of its own.
        before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            with self._steps.step("Stopping") as bar:
                supervise.down(self.options.stack, report=lambda name, said: bar(None, f"{name} {said}"))
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    @property
    def start_seconds(self) -> float | None:
        """From the command's start to the first live decision in a reader's hand."""
        first_ms = self.watch.seen.first_ms
        return None if first_ms is None else (first_ms - self._began_ms) / 1000

    def moment(self) -> Moment:
        """What there is to show now."""
        reading, seen = self.probe.reading, self.watch.seen
        p50_ms, p99_ms = seen.latencies.quantiles(0.5, 0.99)
        return Moment(
            seconds=time.monotonic() - self._began,
            rate=self.options.rate,
            parts=reading.parts,
            rates=reading.rates,
            lags=reading.lags,
            decisions=seen.live,
            p50_ms=p50_ms,
            p99_ms=p99_ms,
            sent=self.sender.report,
            alerts=tuple(seen.alerts),
            lake=reading.lake,
            documents=reading.documents,
            problem=self.sender.ended() or self.sender.report.get("problem") or self.watch.problem,
        )

    def _start(self) -> None:
        file, days = self.platform.scenario_file, self.options.history_days
        scenario = Scenario.of(file, self._began_ms, history_days=days)
        first = past.DECIDED not in scenario.finished
        if first:
            scenario = self._bring_in_the_past(scenario)
        self._up("Starting the decision path", DECIDING)
        self.watch.start()
        self.sender.start(scenario)
        self._up("Starting the other parts")
        if not first:
            # What was published last time is in force; this takes up what has been edited since.
            setup.publish_rules_and_model(self.platform, self._steps)
        self.probe.start()

    def _bring_in_the_past(self, scenario: Scenario) -> Scenario:
        """Load the history and decide on it before any service lives, so that it goes in event-time order."""
        self._up("Starting Kafka, the bank and its CDC", PAST)
        setup.apply_topics(self.platform, self._steps)
        setup.publish_rules_and_model(self.platform, self._steps)
        past.fill_bank(self.platform, scenario, self._steps)
        scenario = past.load_history(self.platform, scenario, self._steps)
        return past.decide_history(self.platform, scenario, self._steps)

    def _chosen(self) -> set[str]:
        return set(choose(components(), None, self.options.without))

    def _up(self, title: str, only: tuple[str, ...] | None = None) -> None:
        chosen = self._chosen()
        wanted = sorted(chosen if only is None else chosen & set(only))
        with self._steps.step(title) as bar:
            supervise.up(
                self.options.stack,
                only=wanted,
                without=self.options.without,
                report=lambda name, said: bar(None, f"{name} {said}"),
            )

    def _await_first_decision(self) -> None:
        deadline = time.monotonic() + FIRST_DECISION_WITHIN_S
        with self._steps.step("Waiting for the first decision"):
            while self.watch.seen.first_ms is None:
                if (ended := self.sender.ended()) is not None:
                    raise RuntimeProblem(
                        "traffic",
                        ended,
                        log=self.options.stack.log("traffic"),
                        remedy="read the log, then start the demo again",
                    )
                if time.monotonic() > deadline:
                    raise self._no_decision()
                time.sleep(0.05)

    def _no_decision(self) -> RuntimeProblem:
        return RuntimeProblem(
            "fraud_scorer",
            f"no decision on live traffic within {FIRST_DECISION_WITHIN_S:.0f} s; "
            f"the senders say: {self.sender.report or 'nothing'}",
            log=self.options.stack.log("fraud_scorer"),
            remedy="`kapstan status` shows which part is not ready; its log says why",
        )
