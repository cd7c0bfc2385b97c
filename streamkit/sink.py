"""Sink: consume into a destination that holds the positions itself; group offsets are only a hint."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from streamkit.clock import Clock, SystemClock
from streamkit.collector import calm_collector
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition

if TYPE_CHECKING:
    from streamkit.broker import Broker
    from streamkit.loop.bounds import Bounded
    from streamkit.loop.settings import LoopSettings
    from streamkit.loop.status import LoopStatus


class Destination(Protocol):
    """A store that keeps records and the positions they reach to in one atomic commit.

    Each method may raise RetryableError: the loop drops what is not committed, waits, and goes on from
    what `open` then returns. StopError ends the process.
    """

    def open(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Forget what is not committed and return where to go on, for this whole new assignment.

        A partition that is absent starts at the group's offset, or at the beginning. Topic ids in the
        answer are compared with the topics' present ids; a recreated topic stops the sink.
        """
        ...

    def write(self, batch: Sequence[Record]) -> None:
        """Take records, in offset order per partition; several calls may come before one commit."""
        ...

    def commit(self, positions: Positions) -> None:
        """Make all writes since the last commit durable together with `positions`, atomically."""
        ...

    def close(self) -> None:
        """Release what is held; nothing uncommitted needs to survive."""
        ...


@dataclass(frozen=True)
class SinkSpec:
    """One sink: its topics and when it commits (whichever limit comes first).

    An input that begins with ^ is a regular expression over topic names; matching topics made later
    are picked up within seconds. Inputs may also be a function, which is asked every two seconds; it names
    only topics that exist. With `keep_heartbeats` the destination gets heartbeats too. Without
    `trust_group` a partition that the destination does not know starts at its beginning, wherever the
    group stands.
    """

    service: str
    inputs: "tuple[str, ...] | Callable[[], tuple[str, ...]]"
    destination: Destination
    flush_records: int = 50_000
    flush_bytes: int = 64 * 1024 * 1024
    flush_age_ms: int = 1_000
    keep_heartbeats: bool = False
    trust_group: bool = True


def run_sink(
    spec: SinkSpec,
    settings: "LoopSettings",
    *,
    status: "LoopStatus | None" = None,
    bounded: "Bounded | None" = None,
    broker: "Broker | None" = None,
    clock: Clock | None = None,
) -> None:
    """Run one worker until `status.stop()` is called or, with `bounded`, until its ends are reached.

    Blocks. What was written is committed before it returns. `settings` is a WorkerSettings; `status`
    serves probes and signals. While the destination is away (RetryableError) it waits, stays in the
    group and is not ready. Raises StopError when a person has to act (exit code 78), FencedError and
    RetryableError of the broker when the process should end and be started again (75).
    """
    from streamkit.kafka.broker import KafkaBroker
    from streamkit.loop.sink_worker import SinkWorker
    from streamkit.loop.status import LoopStatus

    status = status if status is not None else LoopStatus()
    broker = broker if broker is not None else KafkaBroker(settings.bootstrap_servers)
    worker = SinkWorker(spec, settings, broker, clock or SystemClock(), status, bounded)
    try:
        worker.open()
        calm_collector()
        while not worker.finished():
            worker.turn()
    except BaseException:
        worker.abandon()
        raise
    finally:
        worker.close()
