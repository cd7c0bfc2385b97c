"""What Kafka clients write and leave behind without a broker; port 1 of the loopback never answers."""

import logging

import psutil

from streamkit.kafka.broker import KafkaBroker
from tests.support.waiting import until


def test_clients_without_a_broker_write_log_lines_and_nothing_to_stderr(capfd, caplog):
    caplog.set_level(logging.INFO)
    broker = KafkaBroker("127.0.0.1:1")
    consumer = broker.consumer()

    def told():
        consumer.consume(1, 0.1)
        return "Connection refused" in caplog.text

    until(told, 20)
    broker.close()
    assert capfd.readouterr().err == ""


def test_a_closed_broker_leaves_no_thread_of_its_clients():
    threads = psutil.Process().num_threads
    before = threads()
    broker = KafkaBroker("127.0.0.1:1")
    made = [broker.consumer(), broker.producer(), broker.admin()]
    assert threads() >= before + len(made)
    made[1].send("a", b"k", b"never stored")
    made[0].close()
    broker.close()
    until(lambda: threads() == before, 20)
