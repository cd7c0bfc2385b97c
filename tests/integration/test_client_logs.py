"""What Kafka clients write while no broker is there; port 1 of the loopback never answers."""

import logging

from streamkit.kafka.broker import KafkaBroker
from tests.support.waiting import until


def test_clients_without_a_broker_write_log_lines_and_nothing_to_stderr(capfd, caplog):
    caplog.set_level(logging.INFO)
    broker = KafkaBroker("127.0.0.1:1")
    consumer, producer = broker.consumer(), broker.producer()

    def told():
        consumer.consume(1, 0.1)
        return "Connection refused" in caplog.text

    until(told, 20)
    producer.close()
    consumer.close()
    assert capfd.readouterr().err == ""
