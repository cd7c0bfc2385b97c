"""The world's past: the bank's tables, their CDC, the loaded history, and the decisions over it."""

import psycopg

from demo.platform import Platform
from demo.progress import Bar, Steps
from local.components import components
from local.errors import RuntimeProblem
from local.places import repository
from local.postgres import connect
from local.supervisord import MARK
from local.watched import run_watched
from payments.simulator import history as simulated
from streamkit.clock import SystemClock
from streamkit.records import TopicPartition
from traffic import bank, history
from traffic.envelope import Envelope
from traffic.scenario import Scenario
from traffic.snapshot import wait_for_rows

LOADED, ENRICHED, DECIDED = "loaded", "enriched", "decided"
TRANSFORMS = (
    ("enricher", "payments.transactions.v1", ENRICHED),
    ("fraud_scorer", "payments.enriched.v1", DECIDED),
)
SNAPSHOT_WITHIN_S = 180.0
POLL_S = 0.5


def fill_bank(platform: Platform, scenario: Scenario, steps: Steps) -> None:
    """Copy the world into the bank's tables and wait until CDC has it all; at once when both is done.

    Raises RuntimeProblem when PostgreSQL refuses, RetryableError when CDC does not bring the rows in time.
    """
    with steps.step("Filling the bank's tables") as bar:
        try:
            with connect(platform.stack) as connection:
                rows = bank.fill(connection, scenario.world())
        except psycopg.Error as error:
            raise RuntimeProblem(
                "postgres",
                f"could not be filled: {error}",
                log=platform.stack.log("postgres"),
                remedy="read the log, then start the demo again",
            ) from error
        bar(1.0, f"{sum(rows.values())} rows")
    with steps.step("Waiting for the CDC snapshot") as bar:
        expected = {f"cdc.bank.{table}": count for table, count in rows.items()}
        wait_for_rows(
            platform.broker,
            expected,
            SystemClock(),
            SNAPSHOT_WITHIN_S,
            lambda done, total: bar(done / total, f"{done} of {total} rows"),
        )


def load_history(platform: Platform, scenario: Scenario, steps: Steps) -> Scenario:
    """Write the history into Kafka, as far as it is not there; returns the scenario as it then stands."""
    if LOADED in scenario.finished:
        return scenario
    world, end_ms = scenario.world(), scenario.history_end_ms
    begin_ms = world.start_ms(world.day_of(end_ms) - scenario.history_days + 1)
    envelopes = {
        topic: Envelope(platform.catalogue[topic], platform.codecs.schema_id(platform.catalogue[topic]))
        for topic in history.TOPICS
    }
    with steps.step(f"Loading {scenario.history_days} days of history") as bar:
        history.load(
            platform.broker,
            envelopes,
            simulated(world, end_ms, scenario.history_days),
            SystemClock(),
            lambda events, last_ms: bar((last_ms - begin_ms) / (end_ms - begin_ms), f"{events} events"),
        )
    return _finish(platform, scenario, LOADED)


def decide_history(platform: Platform, scenario: Scenario, steps: Steps) -> Scenario:
    """Let each transform take the history by event time, one after the other; returns the scenario after.

    Bounded and merged, because a feature of a terminal sees payments of all customers in the order in which
    they happened. Raises RuntimeProblem when a transform fails.
    """
    for service, topic, stage in TRANSFORMS:
        if stage not in scenario.finished:
            with steps.step(f"History through {service}") as bar:
                _run_bounded(platform, service, topic, bar)
            scenario = _finish(platform, scenario, stage)
    return scenario


def _finish(platform: Platform, scenario: Scenario, stage: str) -> Scenario:
    after = scenario.after(stage)
    after.keep(platform.scenario_file)
    return after


def _run_bounded(platform: Platform, service: str, topic: str, bar: Bar) -> None:
    stack, component = platform.stack, components()[service]
    environ = {**component.environment(stack), "KAPSTAN_HISTORY": "true"}
    environ |= {"PYTHONPATH": str(repository()), MARK: str(stack.home)}
    admin = platform.broker.admin()
    partitions = [TopicPartition(topic, p) for p in range(admin.topics([topic])[topic].partitions)]
    total = sum(admin.end_offsets(partitions, committed_only=True).values())

    def watch() -> None:
        done = sum(admin.group_offsets(service, partitions).values())
        bar(min(1.0, done / max(total, 1)), f"{done} of {total} records")

    status = run_watched(component.command(stack), environ, stack.log(service), watch, POLL_S)
    if status:
        raise RuntimeProblem(
            service,
            f"could not process the history (exit status {status})",
            log=stack.log(service),
            remedy="read the log, then start the demo again: it goes on from there",
        )
