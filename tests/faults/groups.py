"""What Kafka says of a consumer group, asked by a client that is not the product's."""

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient

from local.stack import Stack

_ANSWER_S = 10.0


def admin_of(stack: Stack) -> AdminClient:
    """Return a client that says nothing of brokers that are away."""
    return AdminClient({"bootstrap.servers": stack.bootstrap_servers, "log_level": 0})


def sharing(admin: AdminClient, group: str) -> int:
    """Return how many members have partitions; 0 while it has members without, or nobody answers."""
    try:
        described = admin.describe_consumer_groups([group])[group].result(_ANSWER_S)
    except KafkaException:
        return 0
    shares = [len(member.assignment.topic_partitions) for member in described.members]
    return len(shares) if all(shares) else 0


def committed(admin: AdminClient, group: str) -> int:
    """Return of how many partitions the group has a committed offset. Raises KafkaException."""
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    return sum(entry.offset >= 0 for entry in asked[group].result(_ANSWER_S).topic_partitions)


def deleted(admin: AdminClient, group: str) -> bool:
    """Delete a group with its offsets; False while it has a member still."""
    try:
        admin.delete_consumer_groups([group])[group].result(_ANSWER_S)
    except KafkaException:
        return False
    return True
