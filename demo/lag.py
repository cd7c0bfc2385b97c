"""How far a consumer group is behind."""

from collections.abc import Mapping, Sequence

from streamkit.broker import Admin
from streamkit.records import TopicPartition


def behind(
    admin: Admin, group: str, partitions: Sequence[TopicPartition], ends: Mapping[TopicPartition, int]
) -> int:
    """Records (transaction markers included) between a group's offsets and `ends`, where it has offsets."""
    offsets = admin.group_offsets(group, partitions)
    return sum(max(0, ends.get(tp, 0) - offset) for tp, offset in offsets.items())
