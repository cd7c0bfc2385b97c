"""Settings of the librdkafka clients, each with its reason."""

from streamkit.broker import Member
from streamkit.kafka.logs import Calm
from streamkit.records import MAX_RECORD_BYTES

Settings = dict[str, str | int | float | bool | Calm]

TRANSACTION_TIMEOUT_MS = 5_000
SESSION_TIMEOUT_MS = 6_000
REQUEST_TIMEOUT_S = 10.0
# A group's coordinator that does not answer is still reading its log; whoever asks can do so again.
COORDINATOR_TIMEOUT_S = 3.0
# A commit that takes longer than the transaction may live has been aborted by the broker, or soon will.
COMMIT_TIMEOUT_S = TRANSACTION_TIMEOUT_MS / 1000
# A new owner may have to wait for a dead one's transaction: 5 s, and 1 s until the broker cleans up.
STABLE_OFFSETS_TIMEOUT_S = 15.0

# A partition that is assigned or sought while a fetch waits at the broker joins only the next one.
LONGEST_FETCH_MS = 100
GATHERED_BYTES = 1_048_576
# What waits in the client's queue takes several times its bytes as objects: with 64 MB of small records
# lake_sink peaked at 745 MB, with this at 337 MB. It lasts a sink for tenths of a second; a fetch takes less.
GATHERED_QUEUE_KB = 8_192


def consumer_settings(common: Settings, member: Member | None, gather_ms: int = 0) -> Settings:
    """Return the settings of a consumer; without a member it can only `assign`.

    A broker answers a fetch as soon as any of its partitions has a record, or after `gather_ms`.
    """
    settings: Settings = {
        **common,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        # A position out of range is lost data: nobody may go on silently from elsewhere.
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
        "fetch.wait.max.ms": gather_ms or LONGEST_FETCH_MS,
        "fetch.min.bytes": GATHERED_BYTES if gather_ms else 1,
        # The default of 1 s, after the local queue was full, starves a fast reader.
        "fetch.queue.backoff.ms": 5,
        "queued.max.messages.kbytes": GATHERED_QUEUE_KB if gather_ms else 65_536,
        "group.id": member.group if member is not None else "kapstan-assigned",
    }
    if member is not None:
        # How soon a subscription sees a new topic.
        settings["topic.metadata.refresh.interval.ms"] = 2_000
        # Not cooperative: its first phase leaves partitions to nobody until a second one, and a static member
        # that dies in between comes back to the assignment of the first. The group is stable then, and the
        # partitions stay orphaned (seen after 25 kills).
        settings["partition.assignment.strategy"] = "roundrobin"
        settings["session.timeout.ms"] = SESSION_TIMEOUT_MS
        settings["heartbeat.interval.ms"] = SESSION_TIMEOUT_MS // 4
        if member.instance is not None:
            settings["group.instance.id"] = member.instance
    return settings


def producer_settings(common: Settings) -> Settings:
    """Return the settings of an idempotent producer."""
    return {
        **common,
        "enable.idempotence": True,
        "acks": "all",
        # librdkafka's default (CRC32) puts a key elsewhere than Java's producers do.
        "partitioner": "murmur2_random",
        # Readers need no setting like it: a first record is handed out whole, whatever their fetch sizes.
        "message.max.bytes": MAX_RECORD_BYTES,
        "linger.ms": 5,
        "queue.buffering.max.messages": 500_000,
        "queue.buffering.max.kbytes": 262_144,
    }
