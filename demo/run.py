"""The demo from start to end: prepare, send, show, and stop in order."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from demo import past, setup
from demo.alone import alone, undisturbed
from demo.decisions import DecisionWatch
from demo.page import Moment
from demo.platform import Platform
from demo.probe import Probe
from demo.progress import Steps
from demo.sender import LiveSender
from local import preflight, supervise
from local.components import choose, components
from local.errors import RuntimeProblem
from local.stack import Stack
from local.starting import Report
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
    """One run. Use as `with demo.running(): ...`; what it started is stopped behind it, whatever happens."""

    def __init__(self, options: Options, steps: Steps) -> None:
        self.options = options
        self.platform = Platform(options.stack)
        self.sender = LiveSender(self.platform, options.rate, flaws=options.flaws)
        self.probe = Probe(self.platform)
        self.watch = DecisionWatch(self.platform, flaws=options.flaws)
        self._steps = steps
        self._began = time.monotonic()
        self._began_ms = time.time_ns() // 1_000_000
        self._ran_before: set[str] = set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start everything and send; inside, decisions flow. Then stop the senders, and the parts in order.

        Parts that ran before are used and run on. Raises RuntimeProblem when the options cannot work (nothing
        was touched then), a part does not start or no decision comes.
        """
        chosen = self._chosen()
        with alone(self.options.stack):
            self._ran_before = supervise.running(self.options.stack)
            self._check(chosen)
            try:
                self._start()
                self._await_first_decision()
                yield
            finally:
                self._end()

    def _check(self, chosen: set[str]) -> None:
        """Raise RuntimeProblem for what can be known to fail before the first part starts."""
        first = not self._history_is_there()
        if missing := sorted({*DECIDING, *(PAST if first else ())} - chosen):
            raise RuntimeProblem(
                "kapstan",
                f"a demo needs {', '.join(missing)}",
                remedy="do not name that, nor what it needs, in --without",
            )
        if first and (early := sorted(self._ran_before & {service for service, _, _ in past.TRANSFORMS})):
            raise RuntimeProblem(
                "kapstan",
                f"{', '.join(early)} runs already, and would take the history out of order",
                remedy="`kapstan down`, then start the demo again: from then on both can run",
            )
        known = components()
        preflight.check(self.options.stack, [known[name] for name in known if name in self._new(chosen)])

    def _history_is_there(self) -> bool:
        file = self.platform.scenario_file
        return file.is_file() and past.DECIDED in Scenario.of(file, self._began_ms).finished

    def _new(self, names: set[str]) -> set[str]:
        return names - self._ran_before

    def _end(self) -> None:
        """Stop senders, readers and parts; each is stopped although another one's end fails."""
        # A second Ctrl-C would leave parts running; stopping has deadlines of its own.
        with undisturbed(), ExitStack() as ends:
            ends.callback(self._stop_parts)
            for each in (self.watch, self.probe, self.sender):
                ends.callback(each.stop)

    def _stop_parts(self) -> None:
        try:
            title = "Stopping what was started" if self._ran_before else "Stopping"
            with self._steps.step(title) as bar:
                self._stop_started(lambda name, said: bar(None, f"{name} {said}"))
        except OSError:  # a terminal that was closed cannot be written to; the parts must stop all the same
            self._stop_started(lambda _name, _said: None)

    def _stop_started(self, report: Report) -> None:
        stack = self.options.stack
        if self._ran_before:
            supervise.stop_all(stack, self._new(supervise.running(stack)), report=report)
        else:
            supervise.down(stack, report=report)

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
            problem=self.sender.ended()
            or self.sender.report.get("problem")
            or self.watch.problem
            or reading.problem,
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
                checked=True,  # all of them at once, by _check
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
                if self.watch.ended or time.monotonic() > deadline:
                    raise self._no_decision()
                time.sleep(0.05)

    def _no_decision(self) -> RuntimeProblem:
        return RuntimeProblem(
            "fraud_scorer",
            f"no decision on live traffic was read within {FIRST_DECISION_WITHIN_S:.0f} s; "
            f"the reader says: {self.watch.problem or 'nothing'}; "
            f"the senders say: {self.sender.report or 'nothing'}",
            log=self.options.stack.log("fraud_scorer"),
            remedy="`kapstan status` shows which part is not ready; its log says why",
        )
