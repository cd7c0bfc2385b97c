"""The cluster's knowledge, with connections that answer from a script and open no socket."""

import datetime as dt
from types import SimpleNamespace

import pytest
from kio.schema.api_versions.v3.request import ApiVersionsRequest
from kio.schema.api_versions.v3.response import ApiVersionsResponse, FinalizedFeatureKey
from kio.schema.errors import ErrorCode
from kio.schema.find_coordinator.v4.request import FindCoordinatorRequest
from kio.schema.find_coordinator.v4.response import Coordinator, FindCoordinatorResponse
from kio.schema.metadata.v12.request import MetadataRequest
from kio.schema.metadata.v12.response import (
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from kio.schema.types import BrokerId
from kio.static.primitive import i16, i32, i32Timedelta

from streamkit.broker import AwayError
from streamkit.errors import StopError
from streamkit.kafka.cluster import GROUP, TRANSACTION, Cluster
from streamkit.kafka.faults import PassingError
from streamkit.records import TopicPartition

NO_WAIT = i32Timedelta.parse(dt.timedelta(0))


class Scripted:
    """Brokers by address: what they would answer, which of them are away, and what they were asked."""

    def __init__(self):
        self.now = 1000.0
        self.features = {"metadata.version": 25, "transaction.version": 2}
        self.versions_error = ErrorCode.none
        self.away = set()
        self.brokers = {1: ("b1", 9092), 2: ("b2", 9092)}
        self.topics = {"orders": [1, 2, 1], "alerts": [2]}
        self.topic_errors = {}
        self.coordinators = {(GROUP, "g"): ("b2", 9092), (TRANSACTION, "slot-1"): ("b1", 9092)}
        self.coordinator_error = ErrorCode.none
        self.links, self.asked, self.answered = [], [], []

    def link(self, host, port, *, client_id, timeout_s):
        link = ScriptedLink(self, (host, port), client_id, timeout_s)
        self.links.append(link)
        if link.place in self.away:
            raise AwayError(f"{link.address} is away")
        return link

    def tried(self):
        return [link.place for link in self.links]

    def asked_for(self, kind):
        return [request for request in self.asked if isinstance(request, kind)]

    def topics_asked_for(self):
        return [{topic.name for topic in request.topics} for request in self.asked_for(MetadataRequest)]

    def answer(self, request):
        if isinstance(request, ApiVersionsRequest):
            return self._versions()
        if isinstance(request, MetadataRequest):
            return self._metadata(request)
        assert isinstance(request, FindCoordinatorRequest)
        return self._coordinator(request)

    def _versions(self):
        return ApiVersionsResponse(
            error_code=self.versions_error,
            api_keys=(),
            throttle_time=NO_WAIT,
            finalized_features=tuple(
                FinalizedFeatureKey(name=name, max_version_level=i16(level), min_version_level=i16(0))
                for name, level in self.features.items()
            ),
        )

    def _metadata(self, request):
        return MetadataResponse(
            throttle_time=NO_WAIT,
            brokers=tuple(
                MetadataResponseBroker(node_id=BrokerId(node), host=host, port=i32(port))
                for node, (host, port) in self.brokers.items()
            ),
            topics=tuple(self._topic(topic.name) for topic in request.topics),
        )

    def _topic(self, name):
        default = ErrorCode.none if name in self.topics else ErrorCode.unknown_topic_or_partition
        return MetadataResponseTopic(
            error_code=self.topic_errors.get(name, default),
            name=name,
            topic_id=None,
            partitions=tuple(
                MetadataResponsePartition(
                    error_code=ErrorCode.none, partition_index=i32(index), leader_id=BrokerId(leader)
                )
                for index, leader in enumerate(self.topics.get(name, ()))
            ),
        )

    def _coordinator(self, request):
        (key,) = request.coordinator_keys
        host, port = self.coordinators.get((request.key_type, key), ("", -1))
        found = Coordinator(
            key=key,
            node_id=BrokerId(0),
            host=host,
            port=i32(port),
            error_code=self.coordinator_error,
            error_message=None,
        )
        return FindCoordinatorResponse(throttle_time=NO_WAIT, coordinators=(found,))


class ScriptedLink:
    def __init__(self, script, place, client_id, timeout_s):
        self.script, self.place = script, place
        self.address = "{}:{}".format(*place)
        self.client_id, self.timeout_s = client_id, timeout_s
        self.open = self.usable = True
        self.unanswered = False

    def ask(self, request, answer):
        self.script.asked.append(request)
        self.script.answered.append(self)
        found = self.script.answer(request)
        assert isinstance(found, answer)
        return found

    def close(self):
        self.open = self.usable = False


@pytest.fixture
def script(monkeypatch):
    script = Scripted()
    monkeypatch.setattr("streamkit.kafka.cluster.Link", script.link)
    monkeypatch.setattr("streamkit.kafka.cluster.time", SimpleNamespace(monotonic=lambda: script.now))
    return script


@pytest.fixture
def cluster(script):
    return Cluster("b1:9092", "refiner-0", 3.0)


def of(topic, partition):
    return TopicPartition(topic, partition)


@pytest.mark.parametrize(
    ("features", "found"),
    [
        ({"transaction.version": 1}, 1),
        ({"transaction.version": 0}, 0),
        ({"metadata.version": 25}, 0),
        ({}, 0),
    ],
)
def test_a_cluster_of_the_first_transaction_protocol_stops_with_the_remedy(script, cluster, features, found):
    script.features = features
    with pytest.raises(StopError, match=f"b1:9092 has transaction.version {found}") as caught:
        cluster.partitions("orders")
    assert "kafka-features.sh upgrade --feature transaction.version=2" in caught.value.hint
    assert script.asked_for(MetadataRequest) == []


@pytest.mark.parametrize("level", [2, 3])
def test_a_cluster_of_the_second_transaction_protocol_or_newer_is_used(script, cluster, level):
    script.features = {"transaction.version": level}
    assert cluster.partitions("orders") == 3


def test_every_broker_is_asked_what_it_can_do_once(script, cluster):
    for partition in (0, 1, 2, 0):
        cluster.leader(of("orders", partition))
    assert len(script.links) == len(script.asked_for(ApiVersionsRequest)) == 2


def test_a_broker_that_refuses_this_client_stops(script, cluster):
    script.versions_error = ErrorCode.cluster_authorization_failed
    with pytest.raises(StopError, match=r"asking the broker what it can do.*ACLs"):
        cluster.partitions("orders")


@pytest.mark.parametrize(
    ("servers", "entry"),
    [
        ("kafka", "'kafka'"),
        ("b1:9092,kafka:port", "'kafka:port'"),
        ("b1:9092,", "''"),
        ("", "''"),
        ("b1:", "'b1:'"),
        ("9092", "'9092'"),
        (":9092", "':9092'"),
        ("b1:99999", "'b1:99999'"),
    ],
)
def test_an_entry_that_is_no_address_stops_with_the_remedy(script, servers, entry):
    with pytest.raises(StopError, match=f"{entry} in the bootstrap servers is no address.*host:port"):
        Cluster(servers, "c", 3.0)
    assert script.links == []


@pytest.mark.parametrize(
    ("servers", "place"),
    [("b1:9092", ("b1", 9092)), (" b1:9092 ,b2:9092", ("b1", 9092)), ("[::1]:19000", ("::1", 19000))],
)
def test_the_first_bootstrap_server_is_asked_first(script, servers, place):
    Cluster(servers, "refiner-0", 3.0).partitions("orders")
    assert script.tried() == [place]
    (link,) = script.links
    assert (link.client_id, link.timeout_s) == ("refiner-0", 3.0)


def test_the_second_bootstrap_server_is_used_when_the_first_is_away(script):
    script.away = {("b1", 9092)}
    assert Cluster("b1:9092,b2:9092", "c", 3.0).partitions("orders") == 3
    assert script.tried() == [("b1", 9092), ("b2", 9092)]


def test_no_bootstrap_server_means_that_kafka_is_away(script):
    script.away = {("b1", 9092), ("b2", 9092)}
    with pytest.raises(AwayError, match="b2:9092"):
        Cluster("b1:9092,b2:9092", "c", 3.0).partitions("orders")
    assert script.tried() == [("b1", 9092), ("b2", 9092)]


def test_a_cluster_that_came_back_is_reached(script, cluster):
    script.away = {("b1", 9092)}
    with pytest.raises(AwayError):
        cluster.partitions("orders")
    script.away = set()
    assert cluster.partitions("orders") == 3


def test_a_wrong_protocol_at_the_first_server_is_not_passed_over(script):
    script.features = {}
    with pytest.raises(StopError, match="b1:9092"):
        Cluster("b1:9092,b2:9092", "c", 3.0).partitions("orders")
    assert script.tried() == [("b1", 9092)]


def test_leaders_and_counts_come_from_the_brokers(cluster):
    leaders = [cluster.leader(of("orders", partition)).place for partition in range(3)]
    assert leaders == [("b1", 9092), ("b2", 9092), ("b1", 9092)]
    assert (cluster.partitions("orders"), cluster.partitions("alerts")) == (3, 1)


def test_what_is_known_is_not_asked_again(script, cluster):
    for _ in range(3):
        cluster.partitions("orders")
        cluster.leader(of("orders", 1))
    assert script.topics_asked_for() == [{"orders"}]


def test_another_topic_is_asked_for_alone_and_those_in_use_stay_known(script, cluster):
    cluster.partitions("orders")
    cluster.leader(of("alerts", 0))
    assert cluster.partitions("orders") == 3
    assert script.topics_asked_for() == [{"orders"}, {"alerts"}]


@pytest.mark.parametrize("partition", [1, 9])
def test_a_partition_without_a_leader_passes(script, cluster, partition):
    script.topics["orders"] = [1, -1]
    with pytest.raises(PassingError, match=f"orders/{partition} has no leader"):
        cluster.leader(of("orders", partition))
    script.topics["orders"] = [1] * 10
    assert cluster.leader(of("orders", partition)).place == ("b1", 9092)


def test_asking_for_a_topic_does_not_create_it(script, cluster):
    cluster.partitions("orders")
    assert [request.allow_auto_topic_creation for request in script.asked_for(MetadataRequest)] == [False]


def test_partitions_of_one_leader_share_a_connection(script, cluster):
    assert cluster.leader(of("orders", 0)) is cluster.leader(of("orders", 2))
    assert cluster.leader(of("orders", 0)) is cluster.coordinator(TRANSACTION, "slot-1")
    assert script.tried() == [("b1", 9092)]


def test_a_topic_nobody_knows_passes(script, cluster):
    with pytest.raises(PassingError, match=r"looking for topic gone.*kapstan topics apply"):
        cluster.partitions("gone")
    with pytest.raises(PassingError):
        cluster.leader(of("gone", 0))
    script.topics["gone"] = [1]
    assert cluster.partitions("gone") == 1


def test_a_topic_this_client_may_not_use_stops(script, cluster):
    script.topic_errors["orders"] = ErrorCode.topic_authorization_failed
    with pytest.raises(StopError, match="ACLs"):
        cluster.leader(of("orders", 0))


def test_moved_forgets_leaders_and_counts(script, cluster):
    assert cluster.leader(of("orders", 0)).place == ("b1", 9092)
    script.topics["orders"] = [2, 2]
    assert cluster.leader(of("orders", 0)).place == ("b1", 9092)
    assert cluster.partitions("orders") == 3
    cluster.moved()
    assert cluster.partitions("orders") == 2
    assert cluster.leader(of("orders", 0)).place == ("b2", 9092)


def test_moved_forgets_coordinators_and_keeps_connections(script, cluster):
    before = cluster.coordinator(GROUP, "g")
    script.coordinators[GROUP, "g"] = ("b1", 9092)
    assert cluster.coordinator(GROUP, "g") is before
    cluster.moved()
    assert cluster.coordinator(GROUP, "g").place == ("b1", 9092)
    assert before.open
    assert script.tried() == [("b1", 9092), ("b2", 9092)]


def test_each_kind_and_key_has_a_coordinator_of_its_own(script, cluster):
    script.coordinators[GROUP, "slot-1"] = ("b2", 9092)
    for _ in range(2):
        assert cluster.coordinator(GROUP, "g").place == ("b2", 9092)
        assert cluster.coordinator(TRANSACTION, "slot-1").place == ("b1", 9092)
        assert cluster.coordinator(GROUP, "slot-1").place == ("b2", 9092)
    asked = [(r.key_type, *r.coordinator_keys) for r in script.asked_for(FindCoordinatorRequest)]
    assert asked == [(GROUP, "g"), (TRANSACTION, "slot-1"), (GROUP, "slot-1")]
    assert (int(GROUP), int(TRANSACTION)) == (0, 1)


@pytest.mark.parametrize(
    "code", [ErrorCode.coordinator_not_available, ErrorCode.coordinator_load_in_progress]
)
def test_a_coordinator_that_is_not_there_yet_passes_and_is_not_remembered(script, cluster, code):
    script.coordinator_error = code
    with pytest.raises(PassingError, match="looking for the coordinator of g"):
        cluster.coordinator(GROUP, "g")
    script.coordinator_error = ErrorCode.none
    assert cluster.coordinator(GROUP, "g").place == ("b2", 9092)


def test_a_coordinator_this_client_may_not_use_stops(script, cluster):
    script.coordinator_error = ErrorCode.transactional_id_authorization_failed
    with pytest.raises(StopError, match="ACLs"):
        cluster.coordinator(TRANSACTION, "slot-1")


def test_a_connection_that_failed_is_made_anew_when_it_is_wanted(script, cluster):
    first = cluster.coordinator(GROUP, "g")
    first.close()
    second = cluster.coordinator(GROUP, "g")
    assert second.open
    assert second.place == first.place
    assert script.tried() == [("b1", 9092), ("b2", 9092), ("b2", 9092)]


def test_a_connection_that_ended_meanwhile_is_not_asked(script, cluster):
    cluster.partitions("orders")
    ended = script.links[0]
    ended.usable = False
    cluster.partitions("alerts")
    assert script.answered[-1] is not ended
    assert not ended.open


def test_a_broker_of_the_wrong_kind_leaves_no_connection(script, cluster):
    script.features = {}
    with pytest.raises(StopError):
        cluster.partitions("orders")
    assert [link.open for link in script.links] == [False]


def test_idle_drops_connections_that_have_ended_and_keeps_the_others(script, cluster):
    ended, kept = cluster.leader(of("orders", 0)), cluster.leader(of("orders", 1))
    ended.usable = False
    cluster.idle()
    assert not ended.open
    assert cluster.leader(of("orders", 1)) is kept
    anew = cluster.leader(of("orders", 0))
    assert anew is not ended
    assert anew.open


def test_idle_drops_a_connection_whose_answers_nobody_waits_for(script, cluster):
    cluster.partitions("orders")
    script.links[0].unanswered = True
    cluster.idle()
    assert not script.links[0].open


def test_an_address_may_name_the_plain_protocol_and_no_other(script):
    Cluster("PLAINTEXT://b1:9092", "c", 3.0).partitions("orders")
    assert script.tried() == [("b1", 9092)]
    with pytest.raises(StopError, match="no address"):
        Cluster("SSL://b1:9092", "c", 3.0)


def test_questions_go_to_a_connection_that_has_not_ended(script, cluster):
    ended, other = cluster.leader(of("orders", 0)), cluster.leader(of("orders", 1))
    ended.usable = False
    assert cluster.partitions("alerts") == 1
    assert script.answered[-1] is other


@pytest.mark.parametrize(("passed", "asked"), [(59.0, 1), (60.5, 2)])
def test_topics_are_asked_afresh_after_a_minute_of_use(script, cluster, passed, asked):
    cluster.partitions("orders")
    script.topics["orders"] = [2, 2, 2, 2]
    script.now += passed
    for _ in range(2):
        cluster.idle()
        assert cluster.partitions("orders") == (4 if asked == 2 else 3)
    assert cluster.leader(of("orders", 0)).place == (("b2" if asked == 2 else "b1"), 9092)
    assert len(script.topics_asked_for()) == asked


def test_idle_asks_nothing_when_no_topic_is_in_use(script, cluster):
    cluster.idle()
    script.now += 1000
    cluster.coordinator(GROUP, "g")
    cluster.idle()
    assert script.topics_asked_for() == []


def test_closing_ends_every_connection(script, cluster):
    cluster.leader(of("orders", 0))
    cluster.leader(of("orders", 1))
    cluster.close()
    assert [link.open for link in script.links] == [False, False]
