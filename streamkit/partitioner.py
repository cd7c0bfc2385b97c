"""Pure: in which partition a key lies."""

import confluent_kafka


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that every producer of ours, and Java's, writes a key to (murmur2)."""
    return int(confluent_kafka.murmur2(key, partitions))
