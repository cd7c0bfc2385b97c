import pytest

from local import preflight
from local.errors import RuntimeProblem
from local.kafka import Kafka
from local.seaweedfs import SeaweedFS
from local.stack import Stack


def test_a_taken_port_names_part_port_and_holder(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "is_free", lambda port: port != 20001)
    monkeypatch.setattr(preflight, "holder", lambda port: f"thief (pid {port})")
    with pytest.raises(RuntimeProblem) as caught:
        preflight.check_ports(Stack(tmp_path, 20000), [SeaweedFS(), Kafka()])
    assert str(caught.value).startswith("kafka: port 20001 (kafka.controller) is in use by thief (pid 20001)")
    assert "--port-base 20100" in str(caught.value)


def test_too_little_memory_names_the_largest_part():
    kafka = Kafka()
    preflight.check_memory([kafka], kafka.memory_mb)
    with pytest.raises(RuntimeProblem, match=f"{kafka.memory_mb} MB are needed.*most: kafka"):
        preflight.check_memory([kafka], kafka.memory_mb - 1)


@pytest.mark.parametrize(("place", "variable"), [("cache", "KAPSTAN_CACHE"), ("data", "KAPSTAN_HOME")])
def test_too_little_disk_says_what_to_point_elsewhere(place, variable):
    preflight.check_disk(place, 10, 10)
    with pytest.raises(RuntimeProblem) as caught:
        preflight.check_disk(place, 11, 10)
    assert variable in caught.value.remedy


def test_what_is_fetched_is_fetched_once():
    wanted = preflight.artifacts_of([Kafka(), Kafka()])
    assert len(wanted) == len(set(wanted)) > 40
