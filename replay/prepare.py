"""Looks at Kafka for what a plan needs to know, and makes the topics that a replay writes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from replay.errors import ReplayRefusedError
from replay.plan import Facts
from replay.targets import Target
from streamkit.broker import Admin, TopicInfo
from streamkit.outputs import qualified
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.redrive import retry_of


def existing(target: Target, admin: Admin) -> Target:
    """Return the target with those of its inputs that exist; raises ReplayRefusedError when none does."""
    found = admin.topics(target.inputs)
    if not found:
        raise ReplayRefusedError(
            f"there is no topic {', '.join(target.inputs)}", hint="`kapstan topics apply` makes declared ones"
        )
    return replace(target, inputs=tuple(topic for topic in target.inputs if topic in found))


def facts_of(target: Target, admin: Admin) -> Facts:
    """Return what the broker says about a target's topics. Blocks; raises RetryableError when it is away."""
    retries = [retry_of("", target.name, topic) for topic in target.inputs if target.kind == "transform"]
    found = admin.topics((*target.inputs, *target.outputs, *retries))
    inputs, outputs = _partitions(found, target.inputs), _partitions(found, target.outputs)
    ids = {topic: found[topic].topic_id for topic in target.inputs}
    return Facts(
        starts=admin.start_offsets(inputs),
        ends=admin.end_offsets(inputs, committed_only=True).with_ids(ids),
        live=admin.group_offsets(target.name, inputs) if target.kind == "transform" else None,
        outputs=admin.start_offsets(outputs),
        at=lambda time_ms: admin.offsets_at(inputs, time_ms),
        retries=admin.end_offsets(_partitions(found, retries), committed_only=True),
    )


def check_unused(target: Target, namespace: str, admin: Admin) -> None:
    """Raise ReplayRefusedError when a namespace that is to be new holds topics: whose, nobody knows."""
    if found := sorted(admin.topics([qualified(namespace, topic) for topic in target.written])):
        raise ReplayRefusedError(
            f"the namespace {namespace} holds {', '.join(found)} already, but no replay here made it",
            hint="Give another --namespace",
        )


def make_topics(target: Target, namespace: str, admin: Admin) -> None:
    """Make the topics that a replay writes, like live's; those that are there already are left alone.

    They keep everything: a record's timestamp is live's, so by live's retention it might be gone at once.
    """
    found = admin.topics(target.written)
    for topic in target.written:
        admin.create_topic(qualified(namespace, topic), found[topic].partitions, {"retention.ms": "-1"})


def done(target: Target, namespace: str, partitions: Sequence[TopicPartition], admin: Admin) -> Positions:
    """Return how far a replay has come."""
    return admin.group_offsets(qualified(namespace, target.name), partitions)


def _partitions(found: Mapping[str, TopicInfo], topics: Sequence[str]) -> list[TopicPartition]:
    return [
        TopicPartition(topic, p) for topic in topics if topic in found for p in range(found[topic].partitions)
    ]
