import prometheus_client
import pytest

from streamkit.metrics import Counter, Gauge, Histogram, Metrics


class SampleMetrics(Metrics):
    service = "sample"

    read_records = Counter("Records read.", labels=("topic",))
    open_count = Gauge("Open things.")
    lag_records = Gauge("Lag.", labels=("partition",))
    commit_seconds = Histogram("Commit time.", buckets=(0.1, 1.0))


def sample(name, **labels):
    return prometheus_client.REGISTRY.get_sample_value(name, labels)


def test_names_hold_service_and_unit():
    SampleMetrics.read_records.inc(topic="a")
    SampleMetrics.read_records.inc(2, topic="a")
    assert sample("kapstan_sample_read_records_total", topic="a") == 3


def test_a_gauge_moves_both_ways_and_forgets():
    SampleMetrics.open_count.set(5)
    SampleMetrics.open_count.inc(-2)
    assert sample("kapstan_sample_open_count") == 3
    SampleMetrics.lag_records.set(7, partition="0")
    SampleMetrics.lag_records.forget(partition="0")
    assert sample("kapstan_sample_lag_records", partition="0") is None


def test_a_histogram_times_a_block_that_raises():
    with pytest.raises(RuntimeError), SampleMetrics.commit_seconds.time():
        raise RuntimeError
    assert sample("kapstan_sample_commit_seconds_count") == 1


@pytest.mark.parametrize("labels", [{}, {"tpoic": "a"}, {"topic": "a", "more": "b"}])
def test_other_labels_than_declared_are_refused(labels):
    with pytest.raises(ValueError, match="label"):
        SampleMetrics.read_records.inc(**labels)


def test_a_name_without_a_unit_is_refused():
    with pytest.raises(TypeError, match=r"BadMetrics.latency must end in a unit"):

        class BadMetrics(Metrics):
            service = "sample"
            latency = Gauge("How long?")


def test_nothing_is_exported_beside_the_series():
    names = {family.name for family in prometheus_client.REGISTRY.collect()}
    assert not [name for name in names if name.startswith("kapstan_") and name.endswith("_created")]
