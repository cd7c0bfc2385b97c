"""Wait until CDC has brought every row of the bank's tables into Kafka.

The history must not come before: a decision joins what is there and never waits.
"""

from collections.abc import Callable, Mapping

from streamkit.broker import Broker
from streamkit.clock import Clock
from streamkit.errors import RetryableError
from streamkit.records import TopicPartition

POLL_S = 0.2


def wait_for_rows(
    broker: Broker,
    rows: Mapping[str, int],
    clock: Clock,
    deadline_s: float,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Block until each topic holds at least so many different keys.

    Args:
        broker: where the topics are; they need not exist yet.
        rows: the number of rows by CDC topic (one partition each).
        clock: tells the time and waits.
        deadline_s: seconds until giving up.
        progress: told of keys seen and rows expected, over all topics.

    Raises:
        RetryableError: not all rows came in time; says which topic lacks how many.
    """
    until = clock.monotonic() + deadline_s
    _wait_for_topics(broker, rows, clock, until)
    keys: dict[str, set[bytes]] = {topic: set() for topic in rows}
    consumer = broker.consumer()
    try:
        consumer.assign({TopicPartition(topic, 0): 0 for topic in rows})
        while any(len(keys[topic]) < count for topic, count in rows.items()):
            for record in consumer.consume(5000, POLL_S).records:
                if record.key is not None:
                    keys[record.topic].add(record.key)
            progress(sum(map(len, keys.values())), sum(rows.values()))
            if clock.monotonic() > until:
                missing = {topic: count - len(keys[topic]) for topic, count in rows.items()}
                raise _late(", ".join(f"{topic} lacks {n}" for topic, n in missing.items() if n > 0))
    finally:
        consumer.close()


def _wait_for_topics(broker: Broker, rows: Mapping[str, int], clock: Clock, until: float) -> None:
    admin = broker.admin()
    while absent := set(rows) - set(admin.topics(list(rows))):
        if clock.monotonic() > until:
            raise _late(f"no topic {', '.join(sorted(absent))}")
        clock.sleep(POLL_S)


def _late(what: str) -> RetryableError:
    return RetryableError(
        f"Debezium's snapshot did not end in time: {what}.", hint="See `kapstan logs connect`."
    )
