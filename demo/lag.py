"""How far a consumer group is behind."""

from collections.abc import Mapping, Sequence

from streamkit.broker import Admin
from streamkit.records import TopicPartition


def behind(
    admin: Admin, group: str, partitions: Sequence[TopicPartition], ends: Mapping[TopicPartition, int]
) -> int:
    """Records (transaction markers included) between where a group stands and `ends`; blocks.

    Where the group has committed nothing, all that the partition still holds is before it. So `partitions`
    are those that it commits offsets of, sooner or later.
    """
    offsets = admin.group_offsets(group, partitions)
    missing = [tp for tp in partitions if tp not in offsets]
    starts = admin.start_offsets(missing) if missing else {}
    return sum(max(0, ends.get(tp, 0) - at) for tp, at in (*offsets.items(), *starts.items()))
