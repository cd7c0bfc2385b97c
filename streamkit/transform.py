"""Transform: consume, run a pure step, and commit outputs, state and positions in one Kafka transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from streamkit.clock import Clock, SystemClock
from streamkit.collector import calm_collector
from streamkit.deadletters import DeadLetterLimit, EncodeDeadLetter
from streamkit.heartbeat import HeartbeatOutputs, HeartbeatRule
from streamkit.records import Output, Record, Rejected
from streamkit.side import SideInput, SideView
from streamkit.state import Migrate, PartitionState

if TYPE_CHECKING:
    from streamkit.broker import Broker
    from streamkit.loop.bounds import Bounded
    from streamkit.loop.settings import LoopSettings
    from streamkit.loop.side_reader import SideDriver
    from streamkit.loop.status import LoopStatus


class Step(Protocol):
    """A service's pure core: no clock, no socket, no randomness.

    All records of a batch are of ONE partition, in offset order, without heartbeats; each carries a
    SOURCE header. Changes to `state` and all outputs are committed together with the batch, or not at
    all. May raise RetryableError (the batch is tried again) and StopError; a record that is itself at
    fault is yielded as Rejected and becomes a dead letter. So does the record of an output that is larger
    than `records.MAX_RECORD_BYTES` (reason `too_large`); its other outputs and changes to the state stand.
    """

    def __call__(
        self, batch: Sequence[Record], side: SideView, state: PartitionState
    ) -> Iterable[Output | Rejected]:
        """Return or yield what the batch leads to, in order."""
        ...


@dataclass(frozen=True)
class Topics:
    """What a transform reads and writes, when that follows from a side input (`TransformSpec.follow`)."""

    inputs: tuple[str, ...]
    outputs: Mapping[str, str]
    heartbeat_outputs: HeartbeatOutputs = field(default_factory=dict)


@dataclass(frozen=True)
class TransformSpec:
    """One transform: its topics and its step.

    `outputs` maps a named output to its topic. `heartbeat_outputs` maps a named output to the builder
    of a heartbeat's value from an event time. With `follow`, inputs and outputs come from the side
    view instead and change while it runs, without a restart. `state_version` (1 to 255) is the form of
    the state's values, `migrate` makes an older form into the present one.
    """

    service: str
    inputs: tuple[str, ...]
    outputs: Mapping[str, str]
    step: Step
    encode_dead_letter: EncodeDeadLetter
    side_inputs: tuple[SideInput, ...] = ()
    heartbeat_outputs: HeartbeatOutputs = field(default_factory=dict)
    heartbeat_rule: HeartbeatRule = field(default_factory=HeartbeatRule)
    dead_letters: str = "platform.dead-letters.v1"
    dead_letter_limit: DeadLetterLimit = field(default_factory=DeadLetterLimit)
    follow: Callable[[SideView], Topics] | None = None
    state_version: int = 1
    migrate: Migrate | None = None


def run_transform(
    spec: TransformSpec,
    settings: "LoopSettings",
    *,
    status: "LoopStatus | None" = None,
    bounded: "Bounded | None" = None,
    side: "SideDriver | None" = None,
    broker: "Broker | None" = None,
    clock: Clock | None = None,
) -> None:
    """Run one worker until `status.stop()` is called or, with `bounded`, until its ends are reached.

    Blocks. Commits outputs, state changes and input positions in one Kafka transaction, at most every
    `commit_interval_ms`. `settings` is a WorkerSettings; `status` serves probes and signals.
    While Kafka is away it waits, and goes on from what was committed; a bounded run ends instead.
    Raises StopError when a person has to act (exit code 78), FencedError and RetryableError when the
    process should end and be started again (75): it goes on from what was committed.
    """
    from streamkit.kafka.broker import KafkaBroker
    from streamkit.loop.lasting import last
    from streamkit.loop.status import LoopStatus
    from streamkit.loop.worker import TransformWorker

    status = status if status is not None else LoopStatus()
    broker = broker if broker is not None else KafkaBroker(settings.bootstrap_servers)
    clock = clock or SystemClock()

    def worker() -> TransformWorker:
        return TransformWorker(spec, settings, broker, clock, status, bounded, side)

    # A bounded run is somebody's command, and a side driver knows only one run: both end.
    last(worker, calm_collector, status, clock, anew=bounded is None and side is None)
