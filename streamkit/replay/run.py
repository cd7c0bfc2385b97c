"""Runs a service's own spec over the span of a replay plan: the same code and loop, bounded, elsewhere."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from streamkit.broker import Broker
from streamkit.catalogue import Catalogue
from streamkit.clock import Clock, SystemClock
from streamkit.codecs import Codecs
from streamkit.config import ConfigError, WorkerSettings, variable
from streamkit.deadletters import UNLIMITED
from streamkit.errors import DeadLetterError, StopError
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.bounds import Bounded
from streamkit.loop.merge import EventTime
from streamkit.loop.side_reader import LiveSide, SideDriver
from streamkit.loop.status import LoopStatus
from streamkit.outputs import qualified
from streamkit.positions import Positions
from streamkit.read import read_to_end
from streamkit.records import Record
from streamkit.registry import RegistryClient
from streamkit.replay.as_of import AsOf, Timeline
from streamkit.replay.fed import FedBroker, Feed
from streamkit.replay.plan import ReplayPlan
from streamkit.replay.recorded import Recorded
from streamkit.replay.shared import shared
from streamkit.replay.side import RecordedSide
from streamkit.replay.span import ReadFrom, WrittenFrom
from streamkit.serde import AvroDecoder
from streamkit.sink import SinkSpec, run_sink
from streamkit.transform import TransformSpec, run_transform

_log = logging.getLogger(__name__)


def replay_transform(
    spec: TransformSpec,
    settings: WorkerSettings,
    *,
    status: LoopStatus | None = None,
    broker: Broker | None = None,
    clock: Clock | None = None,
) -> None:
    """Run a transform as the settings' plan says; blocks until its ends are reached.

    Started again after a kill it goes on from what was committed. Raises as `run_transform`, and StopError
    when what live did cannot be done again.
    """
    plan = load_plan(settings.replay_plan, spec.service)
    broker = broker if broker is not None else KafkaBroker(settings.bootstrap_servers)
    clock = clock or SystemClock()
    check_topics(plan, broker)
    spec = _with_replaced(_fixed(spec, plan, broker, clock), plan)
    event_time = event_times(settings) if plan.sides == "corrected" else None
    side = _side(spec, plan, broker, clock)
    if event_time is not None:
        spec = _as_of(spec, plan, broker, clock, event_time)
    with _fed(plan, settings, broker, clock) as reading:
        run_transform(
            replace(spec, step=WrittenFrom(spec.step, plan.starts)),
            settings,
            status=status,
            bounded=Bounded(plan.ends, event_time),
            side=side,
            broker=reading,
            clock=clock,
        )


def replay_sink(
    spec: SinkSpec,
    settings: WorkerSettings,
    *,
    status: LoopStatus | None = None,
    broker: Broker | None = None,
    clock: Clock | None = None,
) -> None:
    """Run a sink as the settings' plan says; blocks until its ends are reached. Raises as `run_sink`.

    With a plan that tails it goes on beyond them until it is stopped.
    """
    plan = load_plan(settings.replay_plan, spec.service)
    broker = broker if broker is not None else KafkaBroker(settings.bootstrap_servers)
    check_topics(plan, broker)
    run_sink(
        replace(
            spec, inputs=plan.inputs, destination=ReadFrom(spec.destination, plan.starts), trust_group=False
        ),
        settings,
        status=status,
        bounded=None if plan.tails else Bounded(plan.ends),
        broker=broker,
        clock=clock,
    )


def load_plan(path: Path | None, service: str) -> ReplayPlan:
    """Return the plan in a file; raises ConfigError when there is none, or it is another service's."""
    name = variable("replay_plan")
    try:
        plan = ReplayPlan.from_json(path.read_text(encoding="utf-8")) if path is not None else None
    except OSError as error:
        raise ConfigError(f"{name}: {path} cannot be read: {error.strerror}") from error
    if plan is None or plan.service != service:
        got = "not set" if plan is None else f"a plan for {plan.service}"
        raise ConfigError(f"{name}: {got}, expected a plan for {service}", hint="`kapstan replay` writes it")
    return plan


def check_topics(plan: ReplayPlan, broker: Broker) -> None:
    """Raise StopError when an input was deleted, or deleted and created again, since the plan was made."""
    found = broker.admin().topics(plan.inputs)
    if gone := sorted(set(plan.inputs) - set(found)):
        raise StopError(f"the input {', '.join(gone)} does not exist any more")
    # Merging compares the topics' ids.
    plan.ends.merge(Positions({}, {topic: info.topic_id for topic, info in found.items()}))


def _fixed(spec: TransformSpec, plan: ReplayPlan, broker: Broker, clock: Clock) -> TransformSpec:
    """Return the spec with the plan's inputs, and outputs that no longer follow a side input.

    It puts aside as many records as live did, which somebody has let go on behind them.
    """
    outputs = spec.outputs
    if spec.follow is not None:
        now = LiveSide(spec.side_inputs, broker, clock)
        try:
            now.start()
            outputs = spec.follow(now.view).outputs
        finally:
            now.close()
    return replace(
        spec,
        follow=None,
        inputs=plan.inputs,
        outputs=outputs,
        heartbeat_outputs={},
        dead_letter_limit=UNLIMITED,
    )


def event_times(settings: WorkerSettings) -> EventTime:
    """Return what tells the event time of a record of any topic of the catalogue (ms since the epoch).

    One that cannot be decoded has its ingest time: it will be refused.
    """
    catalogue = Catalogue.load(settings.schemas_dir)
    codecs = Codecs(catalogue, RegistryClient(settings.registry_url))
    decoders: dict[str, AvroDecoder] = {}

    def event_time(record: Record) -> int:
        topic = record.topic
        if topic not in decoders:
            decoders[topic] = codecs.decoder(topic)
        try:
            value = decoders[topic].decode(record.value or b"")[catalogue[topic].spec.event_time]
        except DeadLetterError:
            return record.timestamp_ms
        return int(value) if value is not None else record.timestamp_ms

    return event_time


def _with_replaced(spec: TransformSpec, plan: ReplayPlan) -> TransformSpec:
    """Return the spec with other topics in the place of side inputs' own."""
    sides = [replace(one, topic=plan.replaced.get(one.topic, one.topic)) for one in spec.side_inputs]
    return replace(spec, side_inputs=tuple(sides))


def _side(spec: TransformSpec, plan: ReplayPlan, broker: Broker, clock: Clock) -> SideDriver | None:
    if plan.sides != "recorded" or not spec.side_inputs:
        return None
    recorded = Recorded()
    for topic in sorted({*plan.outputs, spec.dead_letters}):
        recorded.take(read_to_end(broker, topic, clock), spec.service)
    recorded.seal()
    _log.info("%d records of live say at which side positions it was", len(recorded))
    inputs = shared(spec.side_inputs, views=sum(end > 0 for end in plan.ends.values()))
    return RecordedSide(inputs, broker, clock, recorded, plan.replaced)


def _as_of(
    spec: TransformSpec, plan: ReplayPlan, broker: Broker, clock: Clock, event_time: EventTime
) -> TransformSpec:
    """Return the spec whose step has its side inputs as of event time, so that the loop has none."""

    def timeline() -> Timeline:
        topics = sorted({one.topic for one in spec.side_inputs})
        records = (record for topic in topics for record in read_to_end(broker, topic, clock))
        return Timeline(records, event_time, frozenset(plan.replaced.values()))

    return replace(spec, side_inputs=(), step=AsOf(spec.step, spec.side_inputs, timeline, event_time))


@contextmanager
def _fed(plan: ReplayPlan, settings: WorkerSettings, broker: Broker, clock: Clock) -> Iterator[Broker]:
    """Give the broker to read from: with a plan that is fed, one whose input is what that replay wrote."""
    if not plan.fed:
        yield broker
        return
    (topic,) = plan.inputs
    there = qualified(plan.fed, topic)
    feed = Feed(settings.state_dir / "fed" / there, read_to_end(broker, there, clock))
    try:
        yield FedBroker(broker, topic, feed)
    finally:
        feed.close()
