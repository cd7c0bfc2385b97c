"""Changelog topics: one for each input, with its partition count, compacted to the newest value of a key."""

from collections.abc import Iterable, Mapping

from streamkit.broker import Admin, TopicInfo
from streamkit.errors import RetryableError, StopError
from streamkit.outputs import qualified

DAY_MS = 24 * 3600 * 1000
# Deletions stay readable so long; a local store that is older is not brought up to date but made anew.
DELETE_RETENTION_MS = 7 * DAY_MS
STALE_AFTER_MS = 6 * DAY_MS

_CONFIG = {
    "cleanup.policy": "compact",
    "delete.retention.ms": str(DELETE_RETENTION_MS),
    "segment.bytes": str(64 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.3",
    # Changes are stamped with the broker's time; the deletion of a key is kept from then on.
    "message.timestamp.type": "LogAppendTime",
}


def changelog_of(namespace: str, service: str, topic: str) -> str:
    """Return the name of the changelog of a service's state for one input topic."""
    return qualified(namespace, f"{service}.{topic}.changelog")


def ensure_changelogs(
    admin: Admin, namespace: str, service: str, inputs: Iterable[str]
) -> tuple[Mapping[str, TopicInfo], Mapping[str, TopicInfo]]:
    """Make missing changelogs; return what is known of the inputs and, by input, of the changelogs.

    Raises RetryableError when an input does not exist, StopError when a changelog does not fit its input.
    """
    names = {topic: changelog_of(namespace, service, topic) for topic in inputs}
    return ensure_beside(admin, names, _CONFIG, "changelog")


def ensure_beside(
    admin: Admin, names: Mapping[str, str], config: Mapping[str, str], what: str
) -> tuple[Mapping[str, TopicInfo], Mapping[str, TopicInfo]]:
    """Make the missing ones of topics that have as many partitions as an input each.

    Args:
        admin: asks and makes; its calls block.
        names: by input, the topic beside it.
        config: of a topic that has to be made.
        what: what such a topic is, for people.

    Returns:
        What is known of the inputs and, by input, of the topics beside them.

    Raises:
        RetryableError: an input does not exist.
        StopError: the partitions of a topic are not as many as its input's.
    """
    found = admin.topics([*names, *names.values()])
    missing = sorted(topic for topic in names if topic not in found)
    if missing:
        raise RetryableError(
            f"input topics do not exist: {', '.join(missing)}", hint="Create them with `kapstan topics apply`"
        )
    for topic, beside in names.items():
        if beside not in found:
            admin.create_topic(beside, found[topic].partitions, config)
    found = admin.topics([*names, *names.values()])
    for topic, beside in names.items():
        if beside not in found:
            raise RetryableError(f"the {what} is not there yet", topic=beside)
        if found[beside].partitions != found[topic].partitions:
            raise StopError(
                f"{what} and input differ in partitions: {found[beside].partitions} and "
                f"{found[topic].partitions}",
                topic=beside,
                hint="Partition counts never change: make a new topic and replay into it",
            )
    return {t: found[t] for t in names}, {t: found[names[t]] for t in names}
