from threading import Event
from types import SimpleNamespace

from demo.platform import Platform
from demo.probe import BESIDE, Probe, lags, total
from local.stack import Stack
from services.enricher.join import TABLES
from services.fraud_scorer.sides import FRAUD_REPORTS, MODELS, RULES
from streamkit import catalogue
from streamkit.catalogue import Catalogue
from streamkit.testing.memory import MemoryBroker

METRICS = """\
# HELP kapstan_loop_in_records_total Records taken from input topics, heartbeats included.
# TYPE kapstan_loop_in_records_total counter
kapstan_loop_in_records_total 1234.0
kapstan_loop_rejected_records_total{reason="undecodable"} 2.0
kapstan_loop_rejected_records_total{reason="a b} 9"} 3.0
kapstan_loop_in_records_total_more 7.0
kapstan_loop_commit_seconds_sum 1.5e-05
"""


def test_a_metric_is_added_up_over_its_labels():
    assert total(METRICS, "kapstan_loop_in_records_total") == 1234
    assert total(METRICS, "kapstan_loop_rejected_records_total") == 5
    assert total(METRICS, "kapstan_loop_commit_seconds_sum") == 1.5e-05


def test_a_metric_that_is_not_there_is_zero():
    assert total(METRICS, "kapstan_loop") == 0


def test_topics_beside_the_inputs_are_those_that_the_services_read_so():
    assert {
        "ingest_gateway": {catalogue.TOPIC},
        "refiner": {catalogue.TOPIC},
        "enricher": {table.topic for table in TABLES},
        "fraud_scorer": {FRAUD_REPORTS, RULES, MODELS},
    } == BESIDE


def test_a_new_group_lags_by_its_inputs_but_not_by_what_it_reads_beside_them(pytestconfig):
    broker = MemoryBroker()
    for topic, records in (("payments.transactions.v1", 7), ("cdc.bank.customers", 50), (catalogue.TOPIC, 9)):
        broker.create_topic(topic)
        for _ in range(records):
            broker.producer().send(topic, b"k", b"v")
    platform = SimpleNamespace(broker=broker, catalogue=Catalogue.load(pytestconfig.rootpath / "schemas"))
    assert lags(platform, {"enricher", "ingest_gateway"}) == {"enricher": 7}


def test_a_question_that_fails_is_a_problem_until_one_is_answered(tmp_path, monkeypatch):
    probe = Probe(Platform(Stack(tmp_path, 41000)), every_s=0)
    told, problems = Event(), []

    def ask(*, lake):
        problems.append(probe.reading.problem)
        if len(problems) == 2:
            assert not lake
            raise KeyError("state")
        if len(problems) > 3:
            told.set()

    monkeypatch.setattr(probe, "ask", ask)
    probe.start()
    assert told.wait(10), problems
    probe.stop()
    assert problems[:2] == [None, None]
    assert "the figures are old" in problems[2]
    assert "KeyError('state')" in problems[2]
    assert problems[3] is None
