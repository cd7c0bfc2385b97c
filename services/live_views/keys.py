"""Keys of the view tables.

A row belongs to one input partition, because its guard is an offset and offsets are only comparable within
a partition. So every key starts with the partition and the tenant; a reader adds the partitions up.
"""

import json


def row_key(partition: int, tenant: str, *names: str) -> str:
    """A table key: the JSON list of its parts, so that no separator can occur within a part."""
    return json.dumps([partition, tenant, *names], separators=(",", ":"))


def parts(key: str) -> tuple[int, str, tuple[str, ...]]:
    """Partition, tenant and names of a key made by `row_key`."""
    partition, tenant, *names = json.loads(key)
    return partition, tenant, tuple(names)


def partition_of(key: str) -> int:
    """The input partition of a key; also the partition of the row in the changelog."""
    return int(json.loads(key)[0])
